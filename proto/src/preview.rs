//! What a remedy would do to a terminal as it is now, told by the terminal itself and before anything is done.

use std::fmt;

use serde::{Deserialize, Serialize};

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Preview {
    pub verdict: Verdict,
    /// In the order in which they would be made; none unless it would change something.
    pub changes: Vec<Change>,
    /// Why, in the terminal's own words; empty where the verdict says it all.
    pub reason: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    WouldChange,
    AlreadyFine,
    NotApplicable,
    /// Missing is unknown, never a guess.
    Unknown,
}

/// One thing as it is and as it would be, each in a word or a number.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Change {
    pub what: String,
    pub from: String,
    pub to: String,
}

impl Preview {
    /// That nothing would change is that all is well.
    pub fn of(changes: impl IntoIterator<Item = Change>) -> Preview {
        let changes: Vec<Change> = changes.into_iter().collect();
        let verdict = if changes.is_empty() {
            Verdict::AlreadyFine
        } else {
            Verdict::WouldChange
        };
        Preview {
            verdict,
            changes,
            reason: String::new(),
        }
    }

    pub fn not_applicable(why: impl Into<String>) -> Preview {
        Preview::without(Verdict::NotApplicable, why)
    }

    pub fn unknown(why: impl Into<String>) -> Preview {
        Preview::without(Verdict::Unknown, why)
    }

    /// Of work that only looks, or tells: there is nothing that it would change.
    pub fn nothing_to_change(why: impl Into<String>) -> Preview {
        Preview::without(Verdict::AlreadyFine, why)
    }

    pub fn only_reads() -> Preview {
        Preview::nothing_to_change("it only reads")
    }

    fn without(verdict: Verdict, why: impl Into<String>) -> Preview {
        Preview {
            verdict,
            changes: Vec::new(),
            reason: why.into(),
        }
    }

    /// With a word on it: "a restart is needed before it holds".
    pub fn because(mut self, why: impl Into<String>) -> Preview {
        self.reason = why.into();
        self
    }
}

impl Change {
    pub fn new(what: impl Into<String>, from: impl Into<String>, to: impl Into<String>) -> Change {
        Change {
            what: what.into(),
            from: from.into(),
            to: to.into(),
        }
    }
}

impl fmt::Display for Change {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {} -> {}", self.what, self.from, self.to)
    }
}
