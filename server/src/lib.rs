//! Kaishin, the server.

pub mod pki;
pub mod store;
