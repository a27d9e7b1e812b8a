//! The audit log: who did what to what, why, and how it was before and after, each entry sealed with the one before it.

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::time::Time;

pub type Seal = [u8; 32];

/// The seal that the first entry builds on.
pub const GENESIS: Seal = [0; 32];

/// What a use case has to say; the chain adds number and seals.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Event {
    pub at: Time,
    pub actor: String,
    /// `noun.verb`, for example `terminal.revoke`.
    pub action: &'static str,
    /// `noun:id`.
    pub target: String,
    pub reason: String,
    pub before: serde_json::Value,
    pub after: serde_json::Value,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Entry {
    pub number: i64,
    pub at: Time,
    pub actor: String,
    pub action: String,
    pub target: String,
    pub reason: String,
    /// JSON text, exactly as sealed.
    pub before: String,
    pub after: String,
    #[serde(with = "hex::serde")]
    pub previous: Seal,
    #[serde(with = "hex::serde")]
    pub seal: Seal,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Head {
    pub number: i64,
    pub seal: Seal,
}

impl Head {
    pub const START: Head = Head {
        number: 0,
        seal: GENESIS,
    };
}

impl Entry {
    pub fn next(head: Head, event: Event) -> Entry {
        let mut entry = Entry {
            number: head.number + 1,
            at: event.at,
            actor: event.actor,
            action: event.action.to_owned(),
            target: event.target,
            reason: event.reason,
            before: event.before.to_string(),
            after: event.after.to_string(),
            previous: head.seal,
            seal: GENESIS,
        };
        entry.seal = entry.computed();
        entry
    }

    pub fn head(&self) -> Head {
        Head {
            number: self.number,
            seal: self.seal,
        }
    }

    /// Every field with its length before it, so that no two entries have the same bytes.
    fn computed(&self) -> Seal {
        let mut hash = Sha256::new();
        hash.update(self.previous);
        hash.update(self.number.to_be_bytes());
        hash.update(self.at.micros().to_be_bytes());
        for text in [
            &self.actor,
            &self.action,
            &self.target,
            &self.reason,
            &self.before,
            &self.after,
        ] {
            hash.update((text.len() as u64).to_be_bytes());
            hash.update(text.as_bytes());
        }
        hash.finalize().into()
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Broken {
    #[error("entry {0} was changed")]
    Changed(i64),
    #[error("entry {expected} is missing; {found} follows instead")]
    Missing { expected: i64, found: i64 },
    #[error("entry {0} does not build on the one before it")]
    Unlinked(i64),
    #[error("the log ends at entry {found}, but entry {expected} was written")]
    Truncated { expected: i64, found: i64 },
    #[error("the log's last entry {0} is not the one that was recorded")]
    WrongHead(i64),
}

/// Follows the chain entry by entry.
#[derive(Clone, Copy, Debug)]
pub struct Verifier {
    head: Head,
}

impl Default for Verifier {
    fn default() -> Self {
        Verifier { head: Head::START }
    }
}

impl Verifier {
    pub fn check(&mut self, entry: &Entry) -> Result<(), Broken> {
        let expected = self.head.number + 1;
        if entry.number != expected {
            return Err(Broken::Missing {
                expected,
                found: entry.number,
            });
        }
        if entry.previous != self.head.seal {
            return Err(Broken::Unlinked(entry.number));
        }
        if entry.computed() != entry.seal {
            return Err(Broken::Changed(entry.number));
        }
        self.head = entry.head();
        Ok(())
    }

    /// Against a head that was recorded elsewhere: finds a tail that was cut off.
    pub fn finish(self, anchor: Head) -> Result<Head, Broken> {
        if self.head.number < anchor.number {
            return Err(Broken::Truncated {
                expected: anchor.number,
                found: self.head.number,
            });
        }
        if self.head.number == anchor.number && self.head.seal != anchor.seal {
            return Err(Broken::WrongHead(self.head.number));
        }
        Ok(self.head)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn chain() -> Vec<Entry> {
        let mut head = Head::START;
        (0..4)
            .map(|n| {
                let entry = Entry::next(
                    head,
                    Event {
                        at: Time(n),
                        actor: "tanaka".into(),
                        action: "terminal.revoke",
                        target: format!("terminal:{n}"),
                        reason: "stolen".into(),
                        before: json!({"state": "active"}),
                        after: json!({"state": "revoked"}),
                    },
                );
                head = entry.head();
                entry
            })
            .collect()
    }

    fn verify(entries: &[Entry], anchor: Head) -> Result<Head, Broken> {
        let mut verifier = Verifier::default();
        entries.iter().try_for_each(|entry| verifier.check(entry))?;
        verifier.finish(anchor)
    }

    #[test]
    fn a_whole_chain_verifies_and_every_tampering_is_found() {
        let good = chain();
        let anchor = good[3].head();
        assert_eq!(verify(&good, anchor), Ok(anchor));

        let mut edited = good.clone();
        edited[1].reason = "lost".into();
        assert_eq!(verify(&edited, anchor), Err(Broken::Changed(2)));

        let mut resealed = edited.clone();
        resealed[1].seal = resealed[1].computed();
        assert_eq!(verify(&resealed, anchor), Err(Broken::Unlinked(3)));

        let mut deleted = good.clone();
        deleted.remove(1);
        assert_eq!(verify(&deleted, anchor), Err(Broken::Missing { expected: 2, found: 3 }));

        let mut reordered = good.clone();
        reordered.swap(1, 2);
        assert!(verify(&reordered, anchor).is_err());

        assert_eq!(
            verify(&good[..3], anchor),
            Err(Broken::Truncated { expected: 4, found: 3 })
        );
    }
}
