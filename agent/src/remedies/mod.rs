//! What the agent can put right: one file per remedy, each a list of steps that survive a crash between any two of them.
//! A remedy acts through the seam `Os` alone and takes no free parameter; whether and when it may act is not decided here.

mod fast_startup_off;
mod refresh_facts;

use kaishin_proto::v1;
use kaishin_proto::value::Reason;
use serde::{Deserialize, Serialize};

use crate::facts::About;
use crate::os::{Hive, Os, OsError, RegistryKind, RegistryValue};
use kaishin_proto::time::Time;

/// A remedy with its parameters, as the wire's variant names it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Remedy {
    RefreshFacts,
    FastStartupOff,
}

/// One step: the unit that is journalled, shown to people, and probed after a crash.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Step {
    pub name: &'static str,
    pub repeat: Repeat,
}

/// What may be done about a step whose intent is journalled and whose end is not.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Repeat {
    /// Doing it again does no harm.
    Idempotent,
    /// Looking tells whether it was done.
    Probe,
    /// Must not happen twice; where looking does not tell, the outcome is unknown and nobody tries again.
    Once,
}

/// What a step needs beside the machine.
#[derive(Clone, Debug)]
pub struct Around {
    pub about: About,
    pub now: Time,
}

/// What a finished step leaves behind.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Done {
    /// For the record: "HiberbootEnabled 1 -> 0".
    pub evidence: String,
    /// What would take it back; kept from the step that looked to the step that wrote.
    pub undo: Vec<Before>,
    /// Sections observed on the way, reported before the job's result.
    pub observed: Vec<v1::Section>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failed {
    pub code: &'static str,
    pub detail: String,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Probed {
    Done(String),
    NotDone(String),
    Uncertain(String),
}

/// A registry value as it was before a remedy wrote it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Before {
    pub hive: Hive,
    pub key: String,
    pub name: String,
    /// `None`: it was absent.
    pub value: Option<RegistryValue>,
}

impl Remedy {
    pub const ALL: [Remedy; 2] = [Remedy::RefreshFacts, Remedy::FastStartupOff];

    /// `None` for what this build does not know, which a newer server may well offer.
    pub fn from_wire(remedy: Option<&v1::Remedy>) -> Option<Remedy> {
        match remedy?.kind.as_ref()? {
            v1::remedy::Kind::RefreshFacts(v1::RefreshFacts {}) => Some(Remedy::RefreshFacts),
            v1::remedy::Kind::FastStartupOff(v1::FastStartupOff {}) => Some(Remedy::FastStartupOff),
        }
    }

    pub fn name(self) -> &'static str {
        match self {
            Remedy::RefreshFacts => "refresh-facts",
            Remedy::FastStartupOff => "fast-startup-off",
        }
    }

    pub fn by_name(name: &str) -> Option<Remedy> {
        Remedy::ALL.into_iter().find(|remedy| remedy.name() == name)
    }

    pub fn steps(self) -> &'static [Step] {
        match self {
            Remedy::RefreshFacts => refresh_facts::STEPS,
            Remedy::FastStartupOff => fast_startup_off::STEPS,
        }
    }

    pub fn act(self, step: &str, os: &dyn Os, around: &Around) -> Result<Done, Failed> {
        match self {
            Remedy::RefreshFacts => refresh_facts::act(step, os, around),
            Remedy::FastStartupOff => fast_startup_off::act(step, os, around),
        }
    }

    pub fn probe(self, step: &str, os: &dyn Os) -> Probed {
        match self {
            Remedy::RefreshFacts => Probed::Uncertain(format!("{step} leaves no trace to look for")),
            Remedy::FastStartupOff => fast_startup_off::probe(step, os),
        }
    }
}

impl Before {
    pub fn to_wire(&self) -> v1::RegistryBefore {
        let (kind, bytes) = match &self.value {
            Some(RegistryValue { kind, bytes }) => (*kind, bytes.clone()),
            None => (RegistryKind::NONE, Vec::new()),
        };
        v1::RegistryBefore {
            hive: self.hive.name().to_owned(),
            key: self.key.clone(),
            name: self.name.clone(),
            existed: self.value.is_some(),
            kind: kind.0,
            bytes,
        }
    }
}

impl Failed {
    fn no_such_step(step: &str) -> Failed {
        Failed {
            code: crate::words::JOB_UNKNOWN,
            detail: format!("this build has no step {step}"),
        }
    }
}

/// A read or write that the machine did not allow, in the job's terms.
impl From<OsError> for Failed {
    fn from(error: OsError) -> Failed {
        let code = match error.reason {
            Reason::NotSupported => crate::words::JOB_NOT_SUPPORTED,
            Reason::NoPermission => crate::words::JOB_NO_PERMISSION,
            Reason::NotFound | Reason::Damaged | Reason::Failed => crate::words::JOB_MACHINE_FAILED,
        };
        Failed {
            code,
            detail: error.detail,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_stable_and_every_remedy_has_steps_with_their_own_names() {
        for remedy in Remedy::ALL {
            assert_eq!(Remedy::by_name(remedy.name()), Some(remedy));
            let names: std::collections::BTreeSet<_> = remedy.steps().iter().map(|step| step.name).collect();
            assert!(!names.is_empty() && names.len() == remedy.steps().len());
        }
        assert_eq!(Remedy::by_name("format-disk"), None);
        assert_eq!(Remedy::from_wire(Some(&v1::Remedy { kind: None })), None);
    }
}
