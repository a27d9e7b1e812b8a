//! Which terminals may speak, by the key each has now. Kept in memory for the handshake and for every message; the app
//! fills it from the database at the start and keeps it in step.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{PoisonError, RwLock};

use kaishin_proto::id::TerminalId;

use super::KeyHash;

#[derive(Default)]
pub struct Admission {
    keys: RwLock<HashMap<TerminalId, KeyHash>>,
    /// Moves whenever somebody lost admission, so that a session need not look itself up for each message.
    losses: AtomicU64,
}

impl Admission {
    pub fn new() -> Admission {
        Admission::default()
    }

    /// Admits a terminal with this key; an earlier key of it is no longer good.
    pub fn admit(&self, terminal: TerminalId, key: KeyHash) {
        let earlier = self.write().insert(terminal, key);
        if earlier.is_some_and(|earlier| earlier != key) {
            self.losses.fetch_add(1, Ordering::Release);
        }
    }

    pub fn admit_all(&self, terminals: impl IntoIterator<Item = (TerminalId, KeyHash)>) {
        self.write().extend(terminals);
        self.losses.fetch_add(1, Ordering::Release);
    }

    pub fn revoke(&self, terminal: TerminalId) {
        if self.write().remove(&terminal).is_some() {
            self.losses.fetch_add(1, Ordering::Release);
        }
    }

    pub fn allows(&self, terminal: TerminalId, key: &KeyHash) -> bool {
        self.keys
            .read()
            .unwrap_or_else(PoisonError::into_inner)
            .get(&terminal)
            .is_some_and(|admitted| admitted == key)
    }

    pub fn count(&self) -> usize {
        self.keys.read().unwrap_or_else(PoisonError::into_inner).len()
    }

    fn write(&self) -> std::sync::RwLockWriteGuard<'_, HashMap<TerminalId, KeyHash>> {
        self.keys.write().unwrap_or_else(PoisonError::into_inner)
    }
}

impl std::fmt::Debug for Admission {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Admission({} terminals)", self.count())
    }
}

/// One session's view: a single atomic read per message while nobody loses admission.
#[derive(Debug)]
pub struct Admitted {
    terminal: TerminalId,
    key: KeyHash,
    seen: u64,
}

impl Admitted {
    /// None if the terminal is not admitted with this key.
    pub fn check(admission: &Admission, terminal: TerminalId, key: KeyHash) -> Option<Admitted> {
        // Read before the look-up: a loss in between only costs another look.
        let seen = admission.losses.load(Ordering::Acquire);
        admission
            .allows(terminal, &key)
            .then_some(Admitted { terminal, key, seen })
    }

    pub fn still(&mut self, admission: &Admission) -> bool {
        let losses = admission.losses.load(Ordering::Acquire);
        if losses == self.seen {
            return true;
        }
        self.seen = losses;
        admission.allows(self.terminal, &self.key)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pki::samples::terminal;

    #[test]
    fn only_the_current_key_of_an_active_terminal_is_admitted() {
        let admission = Admission::new();
        assert!(!admission.allows(terminal(1), &[1; 32]));
        admission.admit_all([(terminal(1), [1; 32]), (terminal(2), [2; 32])]);
        let mut first = Admitted::check(&admission, terminal(1), [1; 32]).expect("admitted");
        let mut second = Admitted::check(&admission, terminal(2), [2; 32]).expect("admitted");
        assert!(Admitted::check(&admission, terminal(1), [2; 32]).is_none());

        admission.admit(terminal(1), [3; 32]);
        assert!(!first.still(&admission), "its key was replaced");
        assert!(second.still(&admission));

        admission.revoke(terminal(2));
        assert!(!second.still(&admission));
        assert!(admission.allows(terminal(1), &[3; 32]));
        assert_eq!(admission.count(), 1);
    }
}
