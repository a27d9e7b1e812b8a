//! What the rules say of terminals whose facts changed, or for which time has passed: which faults open, which close.

use std::collections::BTreeSet;

use kaishin_domain::id::TerminalId;
use kaishin_domain::rule::{self, Outcome};
use kaishin_domain::time::Time;
use kaishin_domain::value::Value;

use super::App;
use crate::index::Row;
use crate::store::{FaultRow, StoreError, Tx};

/// What a batch of reports does to faults.
#[derive(Default)]
pub(super) struct Faults {
    opened: Vec<FaultRow>,
    refreshed: Vec<FaultRow>,
    closed: Vec<(TerminalId, String)>,
}

/// What is asked of one terminal.
pub(super) struct Case<'a> {
    /// As it is with what it has just reported.
    pub row: &'a Row,
    /// The facts that changed; all may have if there are none.
    pub changed: Option<&'a BTreeSet<String>>,
}

/// What the index still shows of the fact, where that was known and another.
fn before(app: &App, terminal: TerminalId, key: &str, found: &Value) -> Option<Value> {
    let was = app.index.value(terminal, key)?;
    (!was.is_unknown() && was != *found).then_some(was)
}

impl Faults {
    /// What the rules say of a terminal against the faults that were open; returns those that are open now.
    pub fn judge(&mut self, app: &App, case: &Case<'_>, now: Time) -> Vec<String> {
        let row = case.row;
        let mut open = Vec::new();
        for verdict in rule::judge(&app.rules, row, now) {
            let rule = verdict.rule.id.clone();
            let was_open = row.entry.faults.contains(&rule);
            match verdict.outcome {
                Outcome::Fault {
                    expected,
                    found,
                    evidence,
                } => {
                    open.push(rule.clone());
                    let told = |keys: &BTreeSet<String>| verdict.rule.all_evidence().any(|key| keys.contains(key));
                    let looks_the_same = case.changed.is_some_and(|keys| !told(keys));
                    if was_open && looks_the_same {
                        continue;
                    }
                    let list = if was_open {
                        &mut self.refreshed
                    } else {
                        &mut self.opened
                    };
                    list.push(FaultRow {
                        terminal: row.entry.id,
                        rule,
                        opened_at: now,
                        closed_at: None,
                        expected,
                        before: before(app, row.entry.id, evidence, &found),
                        found,
                        evidence: Some(evidence.to_owned()),
                    });
                }
                // Nobody is to mend what is not there any more.
                Outcome::Unknown { .. } if was_open && verdict.rule.is_gone(row, now) => {
                    self.closed.push((row.entry.id, rule));
                }
                // What cannot be known any more is no reason to call a fault mended.
                Outcome::Unknown { .. } if was_open => open.push(rule),
                Outcome::Unknown { .. } => {}
                Outcome::Pass | Outcome::NotApplicable if was_open => self.closed.push((row.entry.id, rule)),
                Outcome::Pass | Outcome::NotApplicable => {}
            }
        }
        // A rule that is in the pack no more has nothing to say any more.
        let gone = row.entry.faults.iter().filter(|rule| app.rules.rule(rule).is_none());
        self.closed.extend(gone.map(|rule| (row.entry.id, rule.clone())));
        open
    }

    /// Leaves out what was found of terminals that do not count any more.
    pub fn retain(&mut self, counts: impl Fn(TerminalId) -> bool) {
        self.opened.retain(|fault| counts(fault.terminal));
        self.refreshed.retain(|fault| counts(fault.terminal));
        self.closed.retain(|(terminal, _)| counts(*terminal));
    }

    pub async fn write(&self, tx: &mut Tx, now: Time) -> Result<(), StoreError> {
        tx.close_faults(&self.closed, now).await?;
        tx.open_faults(&self.opened).await?;
        tx.refresh_faults(&self.refreshed).await
    }
}
