//! Kaishin, the server.

pub mod store;
