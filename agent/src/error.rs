//! What can end the agent, each with the stable code that people see. What merely delays it is a status, not an error.

use std::path::Path;

use crate::identity::IdentityError;
use crate::os::OsError;
use crate::words;

#[derive(Debug, thiserror::Error)]
pub enum AgentError {
    #[error("no server was named")]
    NoServer,
    #[error("the CA pin is missing or is not 64 hexadecimal characters")]
    BadPin,
    #[error("{path}")]
    State { path: String, source: std::io::Error },
    #[error("{path}")]
    InUse { path: String },
    #[error("the journal cannot be used")]
    Journal(#[source] std::io::Error),
    #[error(transparent)]
    Identity(#[from] IdentityError),
    #[error(transparent)]
    Machine(#[from] OsError),
    #[error("{path}: {detail}")]
    Config { path: String, detail: String },
    #[error("a piece of work on this machine ended without an answer")]
    WorkLost,
}

impl AgentError {
    pub fn state(path: &Path, source: std::io::Error) -> AgentError {
        AgentError::State {
            path: path.display().to_string(),
            source,
        }
    }

    pub fn code(&self) -> &'static str {
        match self {
            AgentError::NoServer => words::NO_SERVER,
            AgentError::BadPin => words::BAD_PIN,
            AgentError::State { .. } => words::STATE,
            AgentError::InUse { .. } => words::IN_USE,
            AgentError::Journal(_) => words::JOURNAL,
            AgentError::Identity(_) => words::KEY,
            AgentError::Machine(_) | AgentError::WorkLost => words::MACHINE,
            AgentError::Config { .. } => words::BAD_CONFIG,
        }
    }
}
