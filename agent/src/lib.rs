//! Kaishin's agent: lives on one terminal, tells its facts, and carries out typed remedies for its server.

pub mod chance;
pub mod os;
