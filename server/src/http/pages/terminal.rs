//! `/terminals/{id}`: one terminal. Is it online and since when, what is wrong, what is known, what was done.

use askama::Template;
use axum::extract::Path;
use axum::http::{HeaderMap, StatusCode};
use kaishin_domain::access::Permission;
use kaishin_domain::fact::{self, SECTIONS};
use kaishin_domain::id::TerminalId;
use kaishin_domain::job::{Job, JobState, Phase, Step};
use kaishin_domain::rule::Severity;
use kaishin_domain::terminal::{Hold, Standing, Terminal};
use kaishin_domain::time::Time;
use kaishin_domain::value::{Table, Value};

use super::parts::{Badge, Notice, Pair, Why, about, badge, flag_badges, flags, job_state, pair, presence, why};
use super::{Page, Place, Shown as Answer, show};
use crate::app::terminals::{FaultRow as Fault, SectionRow, TerminalDetail};
use crate::app::{AppError, Cx, jobs, terminals};
use crate::http::api::id;
use crate::http::auth::{BY_ITSELF, Visitor};
use crate::http::routes::{Needs, Routes};
use crate::http::words::{Lang, grouped};

/// Of so many jobs the steps are shown; older ones tell their outcome.
const WITH_STEPS: usize = 5;

pub fn routes() -> Routes {
    Routes::new().get("/terminals/{id}", Needs::Permission(Permission::ViewFleet), terminal)
}

async fn terminal(visitor: Visitor, Path(text): Path<String>, headers: HeaderMap) -> Answer {
    let (cx, page) = visitor.at(Place::Terminals);
    let id: TerminalId = id(&text)?;
    let detail = terminals::get(&cx, id).await?;
    if !headers.contains_key(BY_ITSELF) {
        terminals::observe(&cx, id)?;
    }
    let jobs = jobs_of(&cx, &page, &detail.jobs).await?;
    Ok(show(StatusCode::OK, &view(&cx, page, &detail, jobs)))
}

fn view(cx: &Cx, page: Page, detail: &TerminalDetail, jobs: Vec<JobView>) -> View {
    let terminal = &detail.terminal;
    let online_since = detail.row.as_ref().and_then(|row| row.online_since);
    let seen = detail
        .row
        .as_ref()
        .and_then(|row| row.entry.last_seen)
        .or(terminal.last_seen);
    let hostname = match &detail.row {
        Some(row) if !row.entry.hostname.is_empty() => row.entry.hostname.clone(),
        _ => terminal.machine.hostname.clone(),
    };
    let mut strip = about(&page, terminal);
    let spoken = if terminal.minor > 0 {
        format!("{}.{}", kaishin_proto::limits::MAJOR, terminal.minor)
    } else {
        String::new()
    };
    strip.extend(
        [
            pair(page.t("terminal-agent"), &terminal.agent_version),
            pair(page.t("terminal-protocol"), spoken),
            pair(page.t("terminal-enrolled"), page.when(&terminal.enrolled_at)),
            pair(page.t("terminal-certificate"), page.when(&terminal.certificate_until)),
        ]
        .into_iter()
        .flatten(),
    );
    View {
        href: format!("/terminals/{}", terminal.id),
        topic: format!("terminal:{}", terminal.id),
        hostname,
        state: presence(&page, online_since.is_some()),
        flags: flag_badges(&page, flags(terminal)),
        since_word: page.t(if online_since.is_some() {
            "terminal-online-since"
        } else {
            "terminal-offline-since"
        }),
        since: online_since.or(seen),
        strip,
        notices: notices(&page, terminal, online_since.is_some()),
        faults: detail.faults.iter().map(|fault| fault_row(cx, &page, fault)).collect(),
        facts: sections(page.lang, &detail.sections),
        jobs,
        held: terminal.is_active() && matches!(terminal.hold, Some(Hold::Duplicate { .. })),
        cannot: Cannot::of(&page, terminal),
        page,
    }
}

/// What this person cannot press on this terminal's page, and why.
#[derive(Default)]
struct Cannot {
    work: Option<Why>,
    revoke: Option<Why>,
    cancel: Option<Why>,
}

impl Cannot {
    fn of(page: &Page, terminal: &Terminal) -> Cannot {
        let cancel = why("why-cancel", page.denied(Permission::CancelJob));
        if !terminal.is_active() {
            let revoked = why("why-revoked", Some(page.t("denied-revoked")));
            return Cannot {
                work: revoked.clone(),
                revoke: revoked,
                cancel,
            };
        }
        Cannot {
            work: why("why-work", page.denied(Permission::RunRemedy)),
            revoke: why("why-revoke", page.denied(Permission::RevokeTerminal)),
            cancel,
        }
    }

    /// Each reason once.
    fn reasons(&self) -> Vec<&Why> {
        let mut reasons: Vec<&Why> = Vec::new();
        for reason in [&self.work, &self.revoke].into_iter().flatten() {
            if reasons.iter().all(|told| told.id != reason.id) {
                reasons.push(reason);
            }
        }
        reasons
    }
}

fn notices(page: &Page, terminal: &Terminal, online: bool) -> Vec<Notice> {
    let notice = |kind, title: &str, text: &str| Notice {
        kind,
        title: page.t(title),
        text: page.t(text),
    };
    let mut notices = Vec::new();
    match &terminal.hold {
        Some(Hold::Duplicate { .. }) => notices.push(notice("warn", "notice-duplicate", "notice-duplicate-text")),
        Some(Hold::Incompatible { .. }) => {
            notices.push(notice("warn", "notice-incompatible", "notice-incompatible-text"))
        }
        None => {}
    }
    match &terminal.standing {
        Standing::Revoked { reason, .. } => {
            let mut revoked = notice("bad", "notice-revoked", "notice-revoked-text");
            revoked.text = format!("{} {}: {reason}", revoked.text, page.t("reason"));
            notices.push(revoked);
        }
        Standing::Active if !online => notices.push(notice("", "notice-offline", "notice-offline-text")),
        Standing::Active => {}
    }
    notices
}

fn fault_row(cx: &Cx, page: &Page, fault: &Fault) -> FaultRow {
    let rule = cx.app.rules.rule(&fault.rule);
    let weight = match rule.map(|rule| rule.severity) {
        Some(Severity::Serious) => badge("bad", page.t("weight-grave")),
        Some(Severity::Warning) => badge("warn", page.t("weight-mild")),
        Some(Severity::Notice) | None => badge("", page.t("weight-note")),
    };
    FaultRow {
        slug: fault.rule.clone(),
        name: rule.map_or_else(|| fault.rule.clone(), |rule| page.of(&rule.title).to_owned()),
        explanation: rule.map_or_else(String::new, |rule| page.of(&rule.explanation).to_owned()),
        citation: rule.map_or_else(String::new, |rule| page.of(&rule.citation).to_owned()),
        weight,
        expected: page.of(&fault.expected).to_owned(),
        found: match shown(page.lang, rule.map_or("", |rule| rule.evidence), &fault.found) {
            Shown::Text(text) | Shown::Unknown(text) => text,
            Shown::Time(at) => page.when(&at),
            Shown::List(items) => items.join(", "),
            Shown::Table(table) => format!("{}", table.rows.len()),
        },
        since: Some(fault.opened_at),
    }
}

async fn jobs_of(cx: &Cx, page: &Page, jobs: &[Job]) -> Result<Vec<JobView>, AppError> {
    let mut views = Vec::with_capacity(jobs.len());
    for (n, job) in jobs.iter().enumerate() {
        let steps = if n < WITH_STEPS || !job.is_final() {
            jobs::get(cx, job.id).await?.steps
        } else {
            Vec::new()
        };
        views.push(job_view(page, job, &steps));
    }
    Ok(views)
}

fn job_view(page: &Page, job: &Job, steps: &[Step]) -> JobView {
    let note = match &job.state {
        JobState::Final(finish) => format!("{} {}", finish.code, finish.detail).trim().to_owned(),
        JobState::Ready | JobState::Offered { .. } | JobState::Accepted | JobState::Running { .. } => {
            page.t1("job-deadline", "at", page.when(&job.deadline))
        }
    };
    JobView {
        id: job.id.to_string(),
        remedy: page.of(&job.remedy.title()).to_owned(),
        state: job_state(page, job),
        at: job.created_at,
        by: job.created_by.clone(),
        note: (!note.is_empty()).then_some(note),
        open: !job.is_final() && !job.cancel_asked,
        steps: steps_view(page, job, steps),
    }
}

/// Each step once, as it stands: its latest word, and what was found last.
fn steps_view(page: &Page, job: &Job, steps: &[Step]) -> Vec<StepView> {
    let mut latest: Vec<&Step> = Vec::new();
    for step in steps {
        match latest
            .iter_mut()
            .find(|known| (known.attempt, known.number) == (step.attempt, step.number))
        {
            Some(known) if known.phase <= step.phase => *known = step,
            Some(_) => {}
            None => latest.push(step),
        }
    }
    let view = |step: &&Step| StepView {
        name: page
            .lang
            .try_t(&format!("step-{}", step.name))
            .unwrap_or_else(|| step.name.clone()),
        kind: match step.phase {
            Phase::Intent if job.is_final() => "left",
            Phase::Intent | Phase::Probed => "doing",
            Phase::Done => "done",
            Phase::Failed => "failed",
        },
        phase: page.t(&format!("step-{}", step.phase.name())),
        evidence: step.evidence.clone(),
        at: Some(step.at),
    };
    latest.iter().map(view).collect()
}

#[derive(Template)]
#[template(path = "terminal.html")]
struct View {
    page: Page,
    href: String,
    topic: String,
    hostname: String,
    state: Badge,
    flags: Vec<Badge>,
    since_word: String,
    since: Option<Time>,
    strip: Vec<Pair>,
    notices: Vec<Notice>,
    faults: Vec<FaultRow>,
    facts: Vec<SectionView>,
    jobs: Vec<JobView>,
    /// As a duplicate, until somebody lets it go.
    held: bool,
    cannot: Cannot,
}

impl View {
    /// Where there is a job that somebody else could cancel.
    fn why_not_cancel(&self) -> Option<&Why> {
        let open = self.jobs.iter().any(|job| job.open);
        self.cannot.cancel.as_ref().filter(|_| open)
    }
}

struct FaultRow {
    slug: String,
    name: String,
    weight: Badge,
    explanation: String,
    citation: String,
    expected: String,
    found: String,
    since: Option<Time>,
}

struct SectionView {
    name: &'static str,
    at: Time,
    facts: Vec<FactView>,
}

struct FactView {
    key: String,
    label: String,
    value: Shown,
}

/// A fact as it is put on a page.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Shown {
    Text(String),
    Time(Time),
    Unknown(String),
    List(Vec<String>),
    Table(Table),
}

struct JobView {
    id: String,
    remedy: String,
    state: Badge,
    at: Time,
    by: String,
    note: Option<String>,
    open: bool,
    steps: Vec<StepView>,
}

struct StepView {
    name: String,
    kind: &'static str,
    phase: String,
    evidence: String,
    at: Option<Time>,
}

/// A setting is on or off; whatever else is true or false is a yes or a no.
pub fn shown(lang: Lang, key: &str, value: &Value) -> Shown {
    let setting = key.starts_with("power.");
    match value {
        Value::Truth(true) => Shown::Text(lang.t(if setting { "on" } else { "yes" })),
        Value::Truth(false) => Shown::Text(lang.t(if setting { "off" } else { "no" })),
        Value::Number(number) => Shown::Text(number.to_string()),
        Value::Text(text) => Shown::Text(text.clone()),
        Value::Version(version) => Shown::Text(version.to_string()),
        Value::Time(at) => Shown::Time(*at),
        Value::Duration(span) => Shown::Text(format!("{} s", span.as_seconds())),
        Value::Size(bytes) => Shown::Text(size(*bytes)),
        Value::List(items) if items.is_empty() => Shown::Text(lang.t("none")),
        Value::List(items) => Shown::List(items.clone()),
        Value::Table(table) => Shown::Table(table.clone()),
        Value::Unknown(unknown) => {
            let reason = lang.t(&format!("unknown-{}", unknown.reason.name()));
            Shown::Unknown(if unknown.detail.is_empty() {
                reason
            } else {
                format!("{reason} - {}", unknown.detail)
            })
        }
    }
}

/// `8.0 GB`, in the binary units that machines are sold by.
fn size(bytes: u64) -> String {
    const UNITS: [(u64, &str); 3] = [(1 << 30, "GB"), (1 << 20, "MB"), (1 << 10, "KB")];
    match UNITS.iter().find(|(unit, _)| bytes >= *unit) {
        Some((unit, name)) => {
            let tenths = u128::from(bytes) * 10 / u128::from(*unit);
            format!("{}.{} {name}", tenths / 10, tenths % 10)
        }
        None => format!("{} B", grouped(bytes)),
    }
}

/// The catalogue's order; facts of a newer agent come last, under their keys.
fn sections(lang: Lang, known: &[SectionRow]) -> Vec<SectionView> {
    let place = |key: &str| fact::all().position(|fact| fact.key == key).unwrap_or(usize::MAX);
    SECTIONS
        .iter()
        .filter_map(|section| {
            let found = known.iter().find(|found| found.name == section.name)?;
            let mut facts: Vec<FactView> = found
                .facts
                .iter()
                .map(|(key, value)| FactView {
                    label: fact::find(key).map_or_else(|| key.clone(), |fact| lang.choose(fact.ja, fact.en).to_owned()),
                    key: key.clone(),
                    value: shown(lang, key, value),
                })
                .collect();
            facts.sort_by_key(|fact| place(&fact.key));
            Some(SectionView {
                name: lang.choose(section.ja, section.en),
                at: found.observed_at,
                facts,
            })
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use kaishin_domain::access::Role;
    use kaishin_domain::value::Reason;

    use super::super::sample;
    use super::*;

    fn known() -> Vec<SectionRow> {
        let at = Time(1_795_151_000_000_000);
        let section = |name: &str, facts: &[(&str, Value)]| SectionRow {
            terminal: TerminalId::new(at, [0; 10]),
            name: name.into(),
            digest: Vec::new(),
            observed_at: at,
            received_at: at,
            facts: facts
                .iter()
                .map(|(key, value)| ((*key).to_owned(), value.clone()))
                .collect(),
        };
        let table = Table {
            columns: vec!["id".into()],
            rows: vec![vec!["<i>".into()]],
        };
        vec![
            section(
                "power",
                &[
                    ("power.fast_startup", Value::Truth(true)),
                    ("power.hibernate", Value::unknown(Reason::NoPermission, "<i>denied")),
                    ("power.later", Value::List(vec!["a".into(), "b<i>".into()])),
                    ("power.table", Value::Table(table)),
                    ("power.at", Value::Time(at)),
                ],
            ),
            section("hardware", &[("hardware.memory", Value::Size(8 << 30))]),
        ]
    }

    fn view(lang: Lang, role: Role) -> View {
        let page = sample::page(lang, Some(role), Some(Place::Terminals));
        View {
            href: "/terminals/x".into(),
            topic: "terminal:x".into(),
            hostname: "UKETSUKE-01<i>".into(),
            state: badge("good", "オンライン"),
            flags: vec![badge("warn", "重複")],
            since_word: page.t("terminal-online-since"),
            since: Some(Time(1_795_151_000_000_000)),
            strip: vec![Pair {
                name: "OS".into(),
                value: "10.0.19044<i>".into(),
            }],
            notices: vec![Notice {
                kind: "warn",
                title: "同じ証明書".into(),
                text: "確認してください".into(),
            }],
            faults: vec![FaultRow {
                slug: "fast-startup-on".into(),
                name: "高速スタートアップが有効".into(),
                explanation: "夜間の更新が適用されません。<i>".into(),
                citation: "セットアップ手順書".into(),
                weight: badge("bad", "重大"),
                expected: "無効".into(),
                found: "有効".into(),
                since: None,
            }],
            facts: sections(lang, &known()),
            jobs: vec![JobView {
                id: "j".into(),
                remedy: "高速スタートアップを無効にする".into(),
                state: badge("busy", "実行中"),
                at: Time(1_795_151_000_000_000),
                by: "tanaka".into(),
                note: Some("E-JOB-07".into()),
                open: true,
                steps: vec![StepView {
                    name: "書き換える".into(),
                    kind: "done",
                    phase: "完了".into(),
                    evidence: "HiberbootEnabled 1 -> 0<i>".into(),
                    at: Some(Time(1_795_151_000_000_000)),
                }],
            }],
            held: true,
            cannot: Cannot {
                work: why("why-work", page.denied(Permission::RunRemedy)),
                revoke: why("why-revoke", page.denied(Permission::RevokeTerminal)),
                cancel: why("why-cancel", page.denied(Permission::CancelJob)),
            },
            page,
        }
    }

    #[test]
    fn the_page_renders_in_both_languages() {
        for lang in Lang::ALL {
            let html = sample::check(&view(lang, Role::Admin));
            assert!(
                html.contains("8.0 GB")
                    && html.contains("power.fast_startup")
                    && html.contains("/revoke")
                    && !html.contains("<i>")
            );
        }
    }

    #[test]
    fn who_may_only_look_sees_what_there_is_and_why_it_is_not_for_them() {
        for lang in Lang::ALL {
            let html = sample::check(&view(lang, Role::Viewer));
            for way in ["/revoke", "/release", "/cancel", "/jobs"] {
                assert!(!html.contains(&format!("{way}\"")), "{way}");
            }
            assert!(!html.contains("jobs/new"));
            for why in ["why-work", "why-revoke", "why-cancel"] {
                let (told, pointed) = (format!("id=\"{why}\""), format!("aria-describedby=\"{why}\""));
                assert_eq!(html.matches(&told).count(), 1, "{why}");
                assert!(html.contains(&pointed), "{why}");
            }
        }
    }

    #[test]
    fn a_revoked_terminal_says_once_why_nothing_can_be_done() {
        let page = sample::page(Lang::En, Some(Role::Admin), Some(Place::Terminals));
        let revoked = why("why-revoked", Some(page.t("denied-revoked")));
        let cannot = Cannot {
            work: revoked.clone(),
            revoke: revoked,
            cancel: None,
        };
        let html = sample::check(&View {
            held: false,
            cannot,
            ..view(Lang::En, Role::Admin)
        });
        assert_eq!(html.matches("id=\"why-revoked\"").count(), 1);
        assert!(!html.contains("/revoke\""));
    }

    #[test]
    fn every_reason_for_not_knowing_has_its_words() {
        for reason in Reason::ALL {
            for lang in Lang::ALL {
                let Shown::Unknown(text) = shown(lang, "os.edition", &Value::unknown(reason, "")) else {
                    panic!("unknown is shown as unknown");
                };
                assert!(!text.contains("localization"), "{text}");
            }
        }
    }

    #[test]
    fn sizes_are_told_as_people_know_them() {
        assert_eq!([8 << 30, 1536 << 20, 500].map(size), ["8.0 GB", "1.5 GB", "500 B"]);
    }
}
