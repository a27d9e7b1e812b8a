//! Facts come in: changed sections of many terminals are committed together, judged by the rules, then shown.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use kaishin_domain::id::TerminalId;
use kaishin_domain::rule::Verdict;
use kaishin_domain::time::Time;
use kaishin_domain::value::Value;

use super::error::AppError;
use super::gather::{Gather, Gathered};
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

/// Returns after the commit.
pub async fn report(app: &Arc<App>, terminal: TerminalId, sections: Vec<Section>) -> Result<(), AppError> {
    if sections.is_empty() {
        return Ok(());
    }
    let done = app.reports.ask(Report { terminal, sections }).await.ok_or(StoreError::Stopped)?;
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

/// What a batch of reports changes.
#[derive(Default)]
struct Changes {
    sections: Vec<SectionRow>,
    opened: Vec<FaultRow>,
    refreshed: Vec<FaultRow>,
    closed: Vec<(TerminalId, String)>,
    /// Each terminal as it is afterwards.
    rows: HashMap<TerminalId, Row>,
}

async fn commit(app: &Arc<App>, batch: Vec<Report>) -> Result<(), StoreError> {
    let now = app.now();
    let mut changes = Changes::default();
    let mut latest: HashMap<(TerminalId, String), SectionRow> = HashMap::new();
    for report in batch {
        let Some(row) = changes.rows.remove(&report.terminal).or_else(|| app.index.get(report.terminal)) else {
            continue;
        };
        let row = changes.apply(app, row, &report.sections, now);
        changes.rows.insert(report.terminal, row);
        for section in report.sections {
            // Two reports of one section in one batch: the statement may name a row once.
            latest.insert(
                (report.terminal, section.name.clone()),
                SectionRow {
                    terminal: report.terminal,
                    name: section.name,
                    digest: section.digest,
                    observed_at: section.observed_at,
                    received_at: now,
                    facts: section.facts,
                },
            );
        }
    }
    changes.sections = latest.into_values().collect();
    let Changes { sections, opened, refreshed, closed, rows } = changes;
    let shown: Vec<(TerminalId, String, Vec<(String, Value)>)> = sections
        .iter()
        .map(|section| (section.terminal, section.name.clone(), section.facts.clone().into_iter().collect()))
        .collect();
    app.store
        .write::<_, StoreError, _>(move |tx| {
            Box::pin(async move {
                tx.put_sections(&sections).await?;
                tx.close_faults(&closed, now).await?;
                for fault in &opened {
                    tx.open_fault(fault).await?;
                }
                for fault in &refreshed {
                    tx.refresh_fault(fault).await?;
                }
                Ok(())
            })
        })
        .await?;
    for (terminal, name, facts) in &shown {
        app.index.set_section(*terminal, name, facts);
    }
    for (terminal, row) in rows {
        app.index.set_faults(terminal, &row.entry.faults);
        app.bus.changed(Change::Terminal(terminal));
    }
    Ok(())
}

impl Changes {
    /// The terminal with these sections, and what that does to its faults.
    fn apply(&mut self, app: &App, mut row: Row, sections: &[Section], now: Time) -> Row {
        for section in sections {
            let prefix = format!("{}.", section.name);
            row.entry.facts.retain(|key, _| !key.starts_with(&prefix));
            row.entry.facts.extend(section.facts.iter().map(|(key, value)| (key.clone(), value.clone())));
        }
        let id = row.entry.id;
        let mut faults = Vec::new();
        for (rule, verdict) in app.rules.judge(&row, now) {
            let was_open = row.entry.faults.iter().any(|open| open == rule);
            match verdict {
                Verdict::Fault { expected, found } => {
                    let fault = FaultRow {
                        terminal: id,
                        rule: rule.to_owned(),
                        opened_at: now,
                        closed_at: None,
                        expected,
                        found,
                    };
                    if was_open { &mut self.refreshed } else { &mut self.opened }.push(fault);
                    faults.push(rule.to_owned());
                }
                // What cannot be known any more is no reason to call a fault mended.
                Verdict::Unknown { .. } if was_open => faults.push(rule.to_owned()),
                Verdict::Unknown { .. } => {}
                Verdict::Pass | Verdict::NotApplicable => {
                    if was_open {
                        self.closed.push((id, rule.to_owned()));
                    }
                }
            }
        }
        row.entry.faults = faults;
        row
    }
}
