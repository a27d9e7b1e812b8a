//! Facts come in: changed sections of many terminals are committed together, judged by the rules, then shown.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use kaishin_domain::id::TerminalId;
use kaishin_domain::rule::{self, Outcome};
use kaishin_domain::time::Time;
use kaishin_domain::value::Value;

use super::error::AppError;
use super::gather::{Gather, Gathered, gather};
use super::{App, Change};
use crate::index::Row;
use crate::store::{FaultRow, SectionRow, StoreError};

/// One section as a terminal reported it, already held against the catalogue.
#[derive(Clone, Debug)]
pub struct Section {
    pub name: String,
    pub digest: Vec<u8>,
    pub observed_at: Time,
    pub facts: BTreeMap<String, Value>,
}

pub struct Report {
    terminal: TerminalId,
    sections: Vec<Section>,
}

pub type Reports = Gather<Report, Result<(), StoreError>>;
pub type GatheredReports = Gathered<Report, Result<(), StoreError>>;

pub fn reports() -> (Reports, GatheredReports) {
    gather()
}

/// Returns after the commit.
pub async fn report(app: &Arc<App>, terminal: TerminalId, sections: Vec<Section>) -> Result<(), AppError> {
    if sections.is_empty() {
        return Ok(());
    }
    let done = app
        .reports
        .ask(Report { terminal, sections })
        .await
        .ok_or(StoreError::Stopped)?;
    Ok(done?)
}

/// Runs until the application ends.
pub async fn take_reports(app: Arc<App>, reports: GatheredReports) {
    reports
        .run(|batch| {
            let app = app.clone();
            async move {
                let count = batch.len();
                match commit(&app, batch).await {
                    Ok(()) => vec![Ok(()); count],
                    Err(error) => vec![Err(error); count],
                }
            }
        })
        .await;
}

/// What a batch of reports does to faults.
#[derive(Default)]
struct Faults {
    opened: Vec<FaultRow>,
    refreshed: Vec<FaultRow>,
    closed: Vec<(TerminalId, String)>,
}

async fn commit(app: &Arc<App>, batch: Vec<Report>) -> Result<(), StoreError> {
    let now = app.now();
    let (rows, sections) = merge(app, batch, now);
    let mut faults = Faults::default();
    let open: Vec<(TerminalId, Vec<String>)> = rows
        .values()
        .map(|row| (row.entry.id, faults.judge(app, row, now)))
        .collect();
    let sections = Arc::new(sections);
    let written = sections.clone();
    app.store
        .write::<_, StoreError, _>(move |tx| {
            Box::pin(async move {
                tx.put_sections(&written).await?;
                tx.close_faults(&faults.closed, now).await?;
                for fault in &faults.opened {
                    tx.open_fault(fault).await?;
                }
                for fault in &faults.refreshed {
                    tx.refresh_fault(fault).await?;
                }
                Ok(())
            })
        })
        .await?;
    for section in sections.iter() {
        let facts: Vec<(String, Value)> = section.facts.clone().into_iter().collect();
        app.index.set_section(section.terminal, &section.name, &facts);
    }
    for (terminal, rules) in open {
        app.index.set_faults(terminal, &rules);
        app.bus.changed(Change::Terminal(terminal));
    }
    Ok(())
}

/// Each terminal as it is after everything in the batch, and the last word on each section: a statement may name a row
/// only once.
fn merge(app: &App, batch: Vec<Report>, now: Time) -> (HashMap<TerminalId, Row>, Vec<SectionRow>) {
    let mut rows: HashMap<TerminalId, Row> = HashMap::new();
    let mut latest: HashMap<(TerminalId, String), SectionRow> = HashMap::new();
    for Report { terminal, sections } in batch {
        let known = rows.remove(&terminal).or_else(|| app.index.get(terminal));
        let Some(mut row) = known else { continue };
        for section in sections {
            let prefix = format!("{}.", section.name);
            row.entry.facts.retain(|key, _| !key.starts_with(&prefix));
            row.entry
                .facts
                .extend(section.facts.iter().map(|(key, value)| (key.clone(), value.clone())));
            latest.insert(
                (terminal, section.name.clone()),
                SectionRow {
                    terminal,
                    name: section.name,
                    digest: section.digest,
                    observed_at: section.observed_at,
                    received_at: now,
                    facts: section.facts,
                },
            );
        }
        rows.insert(terminal, row);
    }
    (rows, latest.into_values().collect())
}

impl Faults {
    /// What the rules say of a terminal against the faults that were open; returns those that are open now.
    fn judge(&mut self, app: &App, row: &Row, now: Time) -> Vec<String> {
        let mut open = Vec::new();
        for verdict in rule::judge(&app.rules, row, now) {
            let rule = verdict.rule.id.clone();
            let was_open = row.entry.faults.contains(&rule);
            match verdict.outcome {
                Outcome::Fault { expected, found } => {
                    open.push(rule.clone());
                    let fault = FaultRow {
                        terminal: row.entry.id,
                        rule,
                        opened_at: now,
                        closed_at: None,
                        expected,
                        found,
                    };
                    if was_open {
                        &mut self.refreshed
                    } else {
                        &mut self.opened
                    }
                    .push(fault);
                }
                // What cannot be known any more is no reason to call a fault mended.
                Outcome::Unknown { .. } if was_open => open.push(rule),
                Outcome::Unknown { .. } => {}
                Outcome::Pass | Outcome::NotApplicable if was_open => self.closed.push((row.entry.id, rule)),
                Outcome::Pass | Outcome::NotApplicable => {}
            }
        }
        open
    }
}
