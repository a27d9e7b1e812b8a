//! What a remedy overwrote and what it put in its place: enough to take it back, and to see that nobody else changed it since.
//! Made by the step that looks, so that the journal has it before the step that writes.

use kaishin_proto::id::JobId;
use kaishin_proto::preview::Change;
use kaishin_proto::v1;
use kaishin_proto::value::Reason;
use serde::{Deserialize, Serialize};

use super::State;
use crate::os::{Os, Read};

/// One thing: as it was, and as the remedy left it. What is kept of it must stay below [`LARGEST`]: it goes into the journal.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Before {
    pub was: State,
    pub written: State,
}

/// Bytes that one place may take.
pub const LARGEST: usize = 64 * 1024;

/// What the terminal keeps of a job that may have written.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Record {
    pub job: JobId,
    /// To look at again when it is taken back.
    pub sections: Vec<String>,
    /// In the order in which they were written.
    pub places: Vec<Before>,
    /// By which job.
    #[serde(default)]
    pub taken_back: Option<JobId>,
}

impl Record {
    /// What was there at first counts, however often the step that looked was done.
    pub fn add(&mut self, places: &[Before]) {
        for place in places {
            if !self.places.iter().any(|kept| kept.is_place_of(place)) {
                self.places.push(place.clone());
            }
        }
    }
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
        let now = match self.was.again(os) {
            // Whoever deleted it changed it too.
            Err(error) if error.reason == Reason::NotFound && self.was.may_be_deleted() => {
                return Ok(Stands::Changed("absent".to_owned()));
            }
            now => now?,
        };
        Ok(if now == self.was {
            Stands::AsBefore
        } else if now == self.written {
            Stands::AsWritten
        } else {
            Stands::Changed(now.shown())
        })
    }

    /// Writes what was there before, and returns once it is kept.
    pub fn put_back(&self, os: &dyn Os) -> Read<()> {
        self.was.make(os)
    }

    /// For people: what it is called, and what taking it back means.
    pub fn change(&self) -> Change {
        self.written.change_to(&self.was)
    }

    /// Whether both are the same place, whatever is kept of it.
    pub fn is_place_of(&self, other: &Before) -> bool {
        self.was.is_same_thing(&other.was)
    }
}

/// For the server's record. It never comes back from there: a terminal takes back what it kept itself.
pub fn to_wire(undo: &[Before]) -> Option<v1::UndoRecord> {
    let mut record = v1::UndoRecord::default();
    for before in undo {
        before.was.note(&mut record);
    }
    (!undo.is_empty()).then_some(record)
}
