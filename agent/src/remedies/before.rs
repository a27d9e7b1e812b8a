//! What a remedy overwrote and what it put in its place: enough to take it back, and to see that nobody else changed it since.
//! Made by the step that looks, so that the journal has it before the step that writes.

use kaishin_proto::preview::Change;
use kaishin_proto::v1;
use serde::{Deserialize, Serialize};

use crate::os::{Hive, Os, Read, RegistryKind, RegistryValue};

/// One place. What is kept of it must stay below [`LARGEST`]: it goes into the journal.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Before {
    Registry(RegistryBefore),
}

/// Bytes that one place may take.
pub const LARGEST: usize = 64 * 1024;

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RegistryBefore {
    pub hive: Hive,
    pub key: String,
    pub name: String,
    /// `None`: it was absent.
    pub value: Option<RegistryValue>,
    /// What the remedy put there; `None`: it removed it.
    #[serde(default)]
    pub written: Option<RegistryValue>,
}

/// How a place stands to what is kept of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Stands {
    /// As the remedy left it.
    AsWritten,
    /// As it was before the remedy.
    AsBefore,
    /// Somebody else changed it since; what is there now, for people.
    Changed(String),
}

impl Before {
    /// Looks and writes nothing.
    pub fn stands(&self, os: &dyn Os) -> Read<Stands> {
        match self {
            Before::Registry(before) => before.stands(os),
        }
    }

    /// Writes what was there before, and returns once it is kept.
    pub fn put_back(&self, os: &dyn Os) -> Read<()> {
        match self {
            Before::Registry(before) => before.put_back(os),
        }
    }

    /// For people: what it is called, and what taking it back means.
    pub fn change(&self) -> Change {
        match self {
            Before::Registry(before) => Change::new(
                &before.name,
                shown(before.written.as_ref()),
                shown(before.value.as_ref()),
            ),
        }
    }

    /// Whether both are the same place, whatever is kept of it.
    pub fn is_place_of(&self, other: &Before) -> bool {
        match (self, other) {
            (Before::Registry(one), Before::Registry(other)) => {
                (one.hive, &one.key, &one.name) == (other.hive, &other.key, &other.name)
            }
        }
    }
}

impl RegistryBefore {
    fn stands(&self, os: &dyn Os) -> Read<Stands> {
        let now = os.registry_get(self.hive, &self.key, &self.name)?;
        Ok(if now == self.value {
            Stands::AsBefore
        } else if now == self.written {
            Stands::AsWritten
        } else {
            Stands::Changed(shown(now.as_ref()))
        })
    }

    fn put_back(&self, os: &dyn Os) -> Read<()> {
        match &self.value {
            Some(value) => os.registry_set(self.hive, &self.key, &self.name, value),
            None => os.registry_delete(self.hive, &self.key, &self.name),
        }
    }

    fn to_wire(&self) -> v1::RegistryBefore {
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

/// For the server's record. It never comes back from there: a terminal takes back what it kept itself.
pub fn to_wire(undo: &[Before]) -> Option<v1::UndoRecord> {
    let mut record = v1::UndoRecord::default();
    for before in undo {
        match before {
            Before::Registry(before) => record.registry.push(before.to_wire()),
        }
    }
    (!undo.is_empty()).then_some(record)
}

pub fn shown(value: Option<&RegistryValue>) -> String {
    value.map_or_else(|| "absent".to_owned(), RegistryValue::shown)
}
