//! Kaishin, the server.

pub mod pki;
pub mod index;
pub mod store;
