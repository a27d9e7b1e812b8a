//! Facts come in: changed sections of many terminals are committed together with what each fact was before, judged by the
//! rules, then shown.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::Arc;

use futures_util::future::join_all;
use kaishin_domain::expr::Field;
use kaishin_domain::id::TerminalId;
use kaishin_domain::terminal::KeyHash;
use kaishin_domain::time::Time;
use kaishin_domain::value::Value;
use kaishin_proto::fact;

use super::error::AppError;
use super::faults::{Case, Faults};
use super::gather::{Gather, Gathered, gather};
use super::{App, Change};
use crate::store::{FactChange, NewSection, SectionText, StoreError};

/// How many terminals are judged again in one write.
const AT_ONCE: usize = 512;
/// While one lane waits for its commit, the others prepare. A terminal is always in the same one, so what it says is
/// written in the order in which it said it.
const LANES: usize = 4;

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
    /// With which the session was opened; none where only the rules are asked again.
    key: Option<KeyHash>,
    sections: Vec<Section>,
}

impl Report {
    /// Only the rules are asked again.
    fn nothing_new(terminal: TerminalId) -> Report {
        Report {
            terminal,
            key: None,
            sections: Vec::new(),
        }
    }
}

/// Whether the terminal was still the one that reported.
type Taken = Result<bool, StoreError>;

pub struct Reports(Vec<Gather<Report, Taken>>);
pub struct GatheredReports(Vec<Gathered<Report, Taken>>);

pub fn reports() -> (Reports, GatheredReports) {
    let (lanes, ends) = std::iter::repeat_with(gather).take(LANES).unzip();
    (Reports(lanes), GatheredReports(ends))
}

impl Reports {
    async fn ask(&self, report: Report) -> Taken {
        let mut hasher = DefaultHasher::new();
        report.terminal.hash(&mut hasher);
        let lane = usize::try_from(hasher.finish() % LANES as u64).unwrap_or(0);
        match self.0.get(lane) {
            Some(lane) => lane.ask(report).await.ok_or(StoreError::Stopped)?,
            None => Err(StoreError::Stopped),
        }
    }
}

/// Returns after the commit. What was observed before a terminal was reimaged, replaced or revoked is not taken.
pub async fn report(
    app: &Arc<App>,
    terminal: TerminalId,
    key: KeyHash,
    sections: Vec<Section>,
) -> Result<(), AppError> {
    if sections.is_empty() {
        return Ok(());
    }
    let report = Report {
        terminal,
        key: Some(key),
        sections,
    };
    if app.reports.ask(report).await? {
        Ok(())
    } else {
        Err(AppError::no_such_terminal())
    }
}

/// Asks the rules again about terminals that have said nothing.
pub(super) async fn judge(app: &Arc<App>, terminals: &[TerminalId]) -> Result<(), AppError> {
    for part in terminals.chunks(AT_ONCE) {
        // In line with what comes in, so that no verdict overtakes a newer one.
        let asked = part
            .iter()
            .map(|terminal| app.reports.ask(Report::nothing_new(*terminal)));
        for done in join_all(asked).await {
            done?;
        }
    }
    Ok(())
}

/// Runs until the application ends.
pub async fn take_reports(app: Arc<App>, reports: GatheredReports) {
    let lanes = reports.0.into_iter().map(|lane| {
        let app = app.clone();
        // A task of its own, so that the lanes use all processors.
        tokio_util::task::AbortOnDropHandle::new(tokio::spawn(lane.run(move |batch| {
            let app = app.clone();
            async move {
                let from: Vec<TerminalId> = batch.iter().map(|report| report.terminal).collect();
                match commit(&app, batch).await {
                    Ok(counts) => from.iter().map(|terminal| Ok(counts.contains(terminal))).collect(),
                    Err(error) => vec![Err(error); from.len()],
                }
            }
        })))
    });
    join_all(lanes).await;
}

/// Everything that a batch says, each section once: a statement may name a row only once.
#[derive(Default)]
struct Batch {
    /// Who says something, and with which key.
    from: HashMap<TerminalId, Option<KeyHash>>,
    latest: HashMap<(TerminalId, String), Section>,
    /// About whom the rules are to be asked whatever else is said of them.
    again: HashSet<TerminalId>,
}

impl Batch {
    fn of(reports: Vec<Report>) -> Batch {
        let mut batch = Batch::default();
        for Report {
            terminal,
            key,
            sections,
        } in reports
        {
            let known = batch.from.entry(terminal).or_default();
            *known = key.or(*known);
            if sections.is_empty() {
                batch.again.insert(terminal);
            }
            for section in sections {
                batch.latest.insert((terminal, section.name.clone()), section);
            }
        }
        batch
    }
}

/// What is to be written for a batch.
#[derive(Default)]
struct Work {
    sections: Vec<NewSection>,
    changes: Vec<FactChange>,
    faults: Faults,
}

/// What changed on one terminal: by key, volatile facts too, and the sections that the index must hear of.
#[derive(Default)]
struct Changed {
    keys: BTreeSet<String>,
    sections: Vec<(String, Vec<(String, Value)>)>,
}

/// Answers with the terminals whose word counted. What was judged while the rules were replaced is judged by the new ones
/// before it is answered: nobody looks for it again.
async fn commit(app: &Arc<App>, reports: Vec<Report>) -> Result<HashSet<TerminalId>, StoreError> {
    let from: Vec<TerminalId> = reports.iter().map(|report| report.terminal).collect();
    let mut version = app.rules.in_force().version;
    let counts = take(app, reports).await?;
    while app.rules.in_force().version != version {
        version = app.rules.in_force().version;
        take(app, from.iter().copied().map(Report::nothing_new).collect()).await?;
    }
    Ok(counts)
}

async fn take(app: &Arc<App>, reports: Vec<Report>) -> Result<HashSet<TerminalId>, StoreError> {
    let now = app.now();
    let Batch { from, latest, again } = Batch::of(reports);
    let wanted: Vec<(TerminalId, String)> = latest.keys().cloned().collect();
    let was: HashMap<(TerminalId, String), SectionText> = app
        .store
        .section_texts(&wanted)
        .await?
        .into_iter()
        .map(|(terminal, name, text)| ((terminal, name), text))
        .collect();
    let mut work = Work::default();
    let mut changed: HashMap<TerminalId, Changed> = HashMap::new();
    for ((terminal, name), section) in latest {
        let before = was.get(&(terminal, name));
        compare(
            terminal,
            section,
            before,
            now,
            &mut work,
            changed.entry(terminal).or_default(),
        )?;
    }
    let open = verdicts(app, &again, &changed, &mut work.faults, now);
    let counts = write(app, work, from, now).await?;
    for (terminal, changed) in changed.iter().filter(|(terminal, _)| counts.contains(terminal)) {
        for (name, facts) in &changed.sections {
            app.index.set_section(*terminal, name, facts);
        }
        app.bus.changed(Change::Terminal(*terminal));
    }
    for (terminal, rules) in open.iter().filter(|(terminal, _)| counts.contains(terminal)) {
        app.index.set_faults(*terminal, rules);
        app.bus.changed(Change::Terminal(*terminal));
    }
    Ok(counts)
}

/// A section against what was stored of it. The first report of a section, or of a fact in it, is no change.
fn compare(
    terminal: TerminalId,
    section: Section,
    before: Option<&SectionText>,
    now: Time,
    work: &mut Work,
    changed: &mut Changed,
) -> Result<(), StoreError> {
    let text = SectionText::of(&section.facts)?;
    if before != Some(&text) {
        let was = before.map(SectionText::facts).transpose()?.unwrap_or_default();
        for (key, after) in &section.facts {
            let before = was.get(key);
            if before == Some(after) {
                continue;
            }
            changed.keys.insert(key.clone());
            let kept = fact::find(key).is_some_and(|fact| fact.history);
            if let Some(before) = before.filter(|_| kept) {
                work.changes.push(FactChange {
                    terminal,
                    key: key.clone(),
                    observed_at: section.observed_at,
                    received_at: now,
                    before: before.clone(),
                    after: after.clone(),
                });
            }
        }
        let gone = was.into_keys().filter(|key| !section.facts.contains_key(key));
        changed.keys.extend(gone);
        changed
            .sections
            .push((section.name.clone(), section.facts.into_iter().collect()));
    }
    work.sections.push(NewSection {
        terminal,
        name: section.name,
        digest: section.digest,
        observed_at: section.observed_at,
        received_at: now,
        facts: text,
    });
    Ok(())
}

/// Asks the rules about those whose facts changed where a rule looks, and about those for whom it was asked.
fn verdicts(
    app: &App,
    again: &HashSet<TerminalId>,
    changed: &HashMap<TerminalId, Changed>,
    faults: &mut Faults,
    now: Time,
) -> Vec<(TerminalId, Vec<String>)> {
    let asked: HashSet<&str> = app.rules.fields().iter().copied().map(Field::name).collect();
    let mut open = Vec::new();
    let looks = |(_, changed): &(&TerminalId, &Changed)| changed.keys.iter().any(|key| asked.contains(key.as_str()));
    let told = changed.iter().filter(looks).map(|(terminal, _)| terminal);
    let concerned: HashSet<&TerminalId> = told.chain(again).collect();
    for terminal in concerned {
        let changed = changed.get(terminal);
        let Some(mut row) = app.index.get(*terminal) else {
            continue;
        };
        for (name, facts) in changed.iter().flat_map(|changed| &changed.sections) {
            let of_section = |key: &String| {
                key.strip_prefix(name.as_str())
                    .is_some_and(|rest| rest.starts_with('.'))
            };
            row.entry.facts.retain(|key, _| !of_section(key));
            row.entry.facts.extend(facts.iter().cloned());
        }
        row.shared = app.index.shared(&row.entry);
        let case = Case {
            row: &row,
            changed: changed
                .filter(|_| !again.contains(terminal))
                .map(|changed| &changed.keys),
        };
        open.push((*terminal, faults.judge(app, &case, now)));
    }
    open
}

/// In one transaction: of those who are still who they were, sections, what their facts were before, and faults.
async fn write(
    app: &Arc<App>,
    mut work: Work,
    from: HashMap<TerminalId, Option<KeyHash>>,
    now: Time,
) -> Result<HashSet<TerminalId>, StoreError> {
    app.store
        .write::<_, StoreError, _>(move |tx| {
            Box::pin(async move {
                let ids: Vec<TerminalId> = from.keys().copied().collect();
                let mut counts: HashSet<TerminalId> = HashSet::with_capacity(ids.len());
                for (terminal, key) in tx.active_keys(&ids).await? {
                    let same = from
                        .get(&terminal)
                        .is_some_and(|said| said.is_none_or(|said| said == key));
                    if same {
                        counts.insert(terminal);
                    }
                }
                if counts.len() < from.len() {
                    work.sections.retain(|section| counts.contains(&section.terminal));
                    work.changes.retain(|change| counts.contains(&change.terminal));
                    work.faults.retain(|terminal| counts.contains(&terminal));
                }
                tx.put_sections(&work.sections).await?;
                tx.insert_fact_changes(&work.changes).await?;
                work.faults.write(tx, now).await?;
                Ok(counts)
            })
        })
        .await
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
        report(&app, terminal.id, terminal.key_hash, sections)
            .await
            .expect("it is taken");
        assert_eq!(open(&app).await, Vec::<String>::new());
        assert_eq!(
            super::super::verdicts::judge_again(&app).await.expect("judged"),
            0,
            "nothing has changed"
        );

        clock.advance(Span::days(4));
        super::super::verdicts::judge_again(&app).await.expect("judged");
        assert_eq!(open(&app).await, ["restart-overdue"]);
        assert_eq!(
            super::super::verdicts::judge_again(&app).await.expect("judged"),
            0,
            "it is settled"
        );

        let older = section("boot.time", Value::Time(START - Span::days(9)));
        let refused = report(&app, terminal.id, [2; 32], vec![older]).await;
        assert_eq!(refused.expect_err("another life's").kind, super::super::Kind::NotFound);
        assert_eq!(
            super::super::verdicts::judge_again(&app).await.expect("judged"),
            0,
            "it says nothing"
        );

        let booted = section("boot.time", Value::Time(clock.now()));
        report(&app, terminal.id, terminal.key_hash, vec![booted])
            .await
            .expect("it is taken");
        assert_eq!(open(&app).await, Vec::<String>::new());
        handle.stop().await;
    }
}
