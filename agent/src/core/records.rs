//! What jobs changed on this terminal, for as long as it may be taken back: longer than the jobs themselves are remembered.
//! The journal has a record before the step that writes, because the step that looked brings it.

use std::collections::VecDeque;

use kaishin_proto::id::JobId;
use kaishin_proto::remedy::Remedy;

use super::book::{JobEntry, Outcome, What};
use crate::remedies::before::Record;

/// How many jobs can be taken back; the oldest goes.
pub const MOST: usize = 256;

/// Oldest first.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Records(VecDeque<Record>);

impl Records {
    pub fn of(&self, job: JobId) -> Option<&Record> {
        self.0.iter().find(|record| record.job == job)
    }

    pub fn iter(&self) -> impl ExactSizeIterator<Item = &Record> {
        self.0.iter()
    }

    pub fn keep(&mut self, record: Record) {
        match self.0.iter_mut().find(|kept| kept.job == record.job) {
            Some(kept) => kept.add(&record.places),
            None => self.0.push_back(record),
        }
        if self.0.len() > MOST {
            self.0.pop_front();
        }
    }

    /// `remedy`: what the job is, where this build knows it.
    pub fn apply(&mut self, entry: &JobEntry, remedy: Option<Remedy>) {
        match &entry.what {
            What::Done { undo, .. } if !undo.is_empty() => {
                let sections = remedy.map(|remedy| remedy.about().sections().map(str::to_owned).collect());
                self.keep(Record {
                    job: entry.job,
                    sections: sections.unwrap_or_default(),
                    places: undo.clone(),
                    taken_back: None,
                });
            }
            What::Result { finish, .. } if finish.outcome == Outcome::Succeeded => {
                let Some(Remedy::Undo { job }) = remedy else { return };
                if let Some(record) = self.0.iter_mut().find(|record| record.job == job) {
                    record.taken_back = Some(entry.job);
                }
            }
            What::Accepted { .. }
            | What::Again { .. }
            | What::CancelAsked
            | What::Asked
            | What::Consented { .. }
            | What::WrongCode
            | What::Intent { .. }
            | What::Probed { .. }
            | What::Waits { .. }
            | What::Done { .. }
            | What::Collected(_)
            | What::Failed { .. }
            | What::Result { .. } => {}
        }
    }
}
