//! Facts come in: changed sections of many terminals are committed together, judged by the rules, then shown.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

use futures_util::future::join_all;
use kaishin_domain::expr::{Expr, Field};
use kaishin_domain::id::TerminalId;
use kaishin_domain::rule::{self, Outcome};
use kaishin_domain::time::Time;
use kaishin_domain::value::Value;

use super::error::AppError;
use super::gather::{Gather, Gathered, gather};
use super::{App, Change};
use crate::index::Row;
use crate::store::{FaultRow, SectionRow, StoreError};

/// How many terminals are judged again in one write.
const AT_ONCE: usize = 512;

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

/// Time alone opens faults: a terminal that runs on without a restart has nothing new to tell. So does a new rule pack.
/// The index says whose open faults are not what the rules would say; only those are judged again.
pub async fn judge_again(app: &Arc<App>) -> Result<usize, AppError> {
    let now = app.now();
    let mut due: BTreeSet<TerminalId> = BTreeSet::new();
    for rule in app.rules.rules() {
        due.extend(app.index.ids(&rule.unsettled(), now));
    }
    let open = app.index.counts().by_fault;
    for gone in open.keys().filter(|rule| app.rules.rule(rule).is_none()) {
        let stale = Field::find("fault").and_then(|field| Expr::equals(field, gone));
        due.extend(stale.map(|stale| app.index.ids(&stale, now)).unwrap_or_default());
    }
    let due: Vec<TerminalId> = due.into_iter().collect();
    for part in due.chunks(AT_ONCE) {
        // In line with what comes in, so that no verdict overtakes a newer one.
        let asked = part.iter().map(|terminal| {
            app.reports.ask(Report {
                terminal: *terminal,
                sections: Vec::new(),
            })
        });
        for done in join_all(asked).await {
            done.ok_or(StoreError::Stopped)??;
        }
    }
    Ok(due.len())
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
        // A rule that is in the pack no more has nothing to say any more.
        let gone = row.entry.faults.iter().filter(|rule| app.rules.rule(rule).is_none());
        self.closed.extend(gone.map(|rule| (row.entry.id, rule.clone())));
        open
    }
}

#[cfg(test)]
mod tests {
    use kaishin_domain::terminal::{Machine, Standing, Terminal};
    use kaishin_domain::time::Span;
    use kaishin_proto::clock::Clock;

    use super::super::terminals;
    use super::*;
    use crate::config::Config;
    use crate::{Listeners, start};

    const START: Time = Time(1_790_000_000_000_000);

    fn reception() -> Terminal {
        Terminal {
            id: TerminalId::new(START, [1; 10]),
            key_hash: [1; 32],
            generation: 1,
            machine: Machine::default(),
            institution_code: None,
            agent_version: String::new(),
            minor: 0,
            enrolled_at: START,
            enrolled_with: None,
            last_seen: None,
            certificate_until: START + Span::days(30),
            standing: Standing::Active,
            hold: None,
        }
    }

    fn section(key: &str, value: Value) -> Section {
        Section {
            name: key.split('.').next().unwrap_or_default().to_owned(),
            digest: vec![1],
            observed_at: START,
            facts: BTreeMap::from([(key.to_owned(), value)]),
        }
    }

    async fn open(app: &App) -> Vec<String> {
        let terminal = reception().id;
        let written = app.store.open_faults(terminal).await.expect("faults are read");
        let written: Vec<String> = written.into_iter().map(|fault| fault.rule).collect();
        let shown = app.index.get(terminal).expect("it is known").entry.faults;
        assert_eq!(written, shown, "the index shows what is written");
        shown
    }

    #[tokio::test]
    async fn a_terminal_that_runs_on_without_a_restart_is_found_although_it_reports_nothing_new() {
        let folder = tempfile::tempdir().expect("a folder");
        let here = std::net::SocketAddr::from(([127, 0, 0, 1], 0));
        let config = Config {
            data: folder.path().to_owned(),
            http: here,
            agents: here,
            ..Config::default()
        };
        let clock = Clock::manual(START);
        let listeners = Listeners::bind(&config).await.expect("ports");
        let handle = start(config, listeners, clock.clone()).await.expect("a server");
        let (app, terminal) = (handle.app.clone(), reception());
        let row = terminal.clone();
        app.store
            .write::<_, StoreError, _>(move |tx| Box::pin(async move { tx.insert_terminal(&row).await }))
            .await
            .expect("it is written");
        terminals::became_known(&app, &terminal);
        app.index.set_online(terminal.id, START);
        let sections = vec![
            section("agent.platform", Value::Text("windows".into())),
            section("boot.time", Value::Time(START)),
        ];
        report(&app, terminal.id, sections).await.expect("it is taken");
        assert_eq!(open(&app).await, Vec::<String>::new());
        assert_eq!(judge_again(&app).await.expect("judged"), 0, "nothing has changed");

        clock.advance(Span::days(4));
        judge_again(&app).await.expect("judged");
        assert_eq!(open(&app).await, ["restart-overdue"]);
        assert_eq!(judge_again(&app).await.expect("judged"), 0, "it is settled");

        let booted = section("boot.time", Value::Time(clock.now()));
        report(&app, terminal.id, vec![booted]).await.expect("it is taken");
        assert_eq!(open(&app).await, Vec::<String>::new());
        handle.stop().await;
    }
}
