//! Kaishin's agent: lives on one terminal, tells its facts, and carries out typed remedies for its server.
//!
//! `run` is the whole agent; everything it decides is decided by `core`, which does no I/O.

mod callcode;
pub mod chance;
pub mod cli;
pub mod core;
pub mod crx;
mod diary;
mod door;
mod entropy;
mod error;
pub mod facts;
pub mod governor;
pub mod guide;
mod identity;
pub mod journal;
mod keep;
mod link;
pub mod os;
pub mod preg;
pub mod remedies;
mod sheet;
mod shell;
mod status;
pub mod text;
pub mod words;

pub use crate::core::Status;
pub use error::AgentError;
pub use identity::Pin;
pub use keep::Keep;
pub use shell::{Settings, run};
