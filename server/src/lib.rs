//! Kaishin, the server.
pub mod app;
pub mod config;
pub mod index;
pub mod pki;
pub mod store;
