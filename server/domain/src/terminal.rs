//! One terminal as the server knows it, for its whole life.

use serde::{Deserialize, Serialize};

use crate::id::{TerminalId, TokenId};
use crate::time::Time;

/// SHA-256 of the device key's SubjectPublicKeyInfo.
pub type KeyHash = [u8; 32];

/// What the machine said of itself when it enrolled.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Machine {
    pub hostname: String,
    pub manufacturer: String,
    pub model: String,
    pub serial: String,
    pub smbios_uuid: String,
    pub os_version: String,
}

impl Machine {
    /// Two of these are the same box. Boards without a serial or UUID say nothing.
    pub fn same_box(&self, other: &Machine) -> bool {
        !self.smbios_uuid.is_empty() && self.smbios_uuid.eq_ignore_ascii_case(&other.smbios_uuid)
    }
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Terminal {
    pub id: TerminalId,
    pub key_hash: KeyHash,
    /// Grows by one each time the machine is reimaged or replaced.
    pub generation: u32,
    pub machine: Machine,
    pub institution_code: Option<String>,
    pub agent_version: String,
    /// The protocol minor last spoken; 0 before the first session.
    pub minor: u32,
    pub enrolled_at: Time,
    pub enrolled_with: Option<TokenId>,
    pub last_seen: Option<Time>,
    pub certificate_until: Time,
    pub standing: Standing,
    /// Why it gets no work although it is trusted.
    pub hold: Option<Hold>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Standing {
    Active,
    Revoked { at: Time, reason: String },
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Hold {
    /// Two machines were connected with this identity at the same time.
    Duplicate { since: Time },
    /// It speaks a protocol that this server does not.
    Incompatible { since: Time, agent_version: String },
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refused {
    #[error("the terminal is already revoked")]
    AlreadyRevoked,
}

impl Terminal {
    pub fn is_active(&self) -> bool {
        self.standing == Standing::Active
    }

    pub fn gets_work(&self) -> bool {
        self.is_active() && self.hold.is_none()
    }

    pub fn revoke(&self, reason: &str, now: Time) -> Result<Terminal, Refused> {
        match self.standing {
            Standing::Revoked { .. } => Err(Refused::AlreadyRevoked),
            Standing::Active => Ok(Terminal {
                standing: Standing::Revoked {
                    at: now,
                    reason: reason.to_owned(),
                },
                ..self.clone()
            }),
        }
    }

    /// The same terminal with a new key: reimaged, or the machine was replaced.
    pub fn replaced(&self, key_hash: KeyHash, machine: Machine) -> Terminal {
        Terminal {
            key_hash,
            machine,
            generation: self.generation + 1,
            standing: Standing::Active,
            hold: None,
            ..self.clone()
        }
    }
}
