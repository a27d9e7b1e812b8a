//! Terminals as people see them: the overview, the list, one of them; and what cuts one off.

use std::sync::Arc;

use kaishin_domain::access::{Permission, Scope};
use kaishin_domain::expr::Expr;
use kaishin_domain::id::TerminalId;
use kaishin_domain::job::{Job, REVOKED};
use kaishin_domain::terminal::{Hold, Refused, Standing, Terminal};
use kaishin_domain::time::{Span, Time};
use serde_json::json;

use super::error::AppError;
use super::rules::known_faults;
use super::{App, Change, Cx, Wake, enrolment, jobs, ledger};
use crate::index::{Counts, Entry, Flags, Row};
pub use crate::store::{FaultRow, SectionRow};
use crate::store::{JobFilter, StoreError};

/// How many rows are read at once when the index is rebuilt.
const REBUILD_PAGE: u32 = 2_000;

#[derive(Clone, Debug)]
pub struct Overview {
    pub counts: Counts,
    pub pending: u64,
    pub recent_jobs: Vec<Job>,
}

pub async fn overview(cx: &Cx) -> Result<Overview, AppError> {
    cx.require(Permission::ViewFleet, Scope::Fleet)?;
    Ok(Overview {
        counts: cx.app.index.counts(),
        pending: cx.app.store.count_pending().await?,
        recent_jobs: cx.app.store.jobs(JobFilter::default(), 10).await?,
    })
}

/// A filter as it stands in an address; an error says where it does not read.
pub fn parse_filter(app: &App, text: &str) -> Result<Expr, AppError> {
    let filter = Expr::parse(text).map_err(|error| {
        AppError::invalid(error.code(), error.ja(), error.en())
            .with(json!({ "position": error.at, "length": error.len, "expected": error.expected() }))
    })?;
    known_faults(app, &filter, text)?;
    Ok(filter)
}

#[derive(Clone, Debug)]
pub struct TerminalDetail {
    pub terminal: Terminal,
    /// As the index knows it: presence and flags.
    pub row: Option<Row>,
    pub sections: Vec<SectionRow>,
    pub faults: Vec<FaultRow>,
    pub jobs: Vec<Job>,
}

pub async fn get(cx: &Cx, id: TerminalId) -> Result<TerminalDetail, AppError> {
    cx.require(Permission::ViewFleet, Scope::Terminal(id))?;
    let store = &cx.app.store;
    let terminal = store.terminal(id).await?.ok_or_else(AppError::no_such_terminal)?;
    Ok(TerminalDetail {
        terminal,
        row: cx.app.index.get(id),
        sections: store.sections(id).await?,
        faults: store.open_faults(id).await?,
        jobs: store
            .jobs(
                JobFilter {
                    terminal: Some(id),
                    before: None,
                },
                20,
            )
            .await?,
    })
}

/// Somebody looks at this terminal: for a while it reports changes sooner.
pub fn observe(cx: &Cx, id: TerminalId) -> Result<(), AppError> {
    cx.require(Permission::ViewFleet, Scope::Terminal(id))?;
    cx.app.bus.wake(Wake::Observe {
        terminal: id,
        every: Span::seconds(5),
        lasting: Span::minutes(10),
    });
    Ok(())
}

pub async fn revoke(cx: &Cx, id: TerminalId, reason: &str) -> Result<(), AppError> {
    cx.require(Permission::RevokeTerminal, Scope::Terminal(id))?;
    let reason = cx.reason(reason)?;
    let (app, now) = (&cx.app, cx.now());
    let terminal = app.store.terminal(id).await?.ok_or_else(AppError::no_such_terminal)?;
    let revoked = terminal.revoke(&reason, now).map_err(|refused| match refused {
        Refused::AlreadyRevoked => AppError::conflict(
            "E-TERMINAL-02",
            "この端末はすでに失効しています。",
            "This terminal has been revoked already.",
        ),
    })?;
    let event = cx.event(
        "terminal.revoke",
        format!("terminal:{id}"),
        &reason,
        json!({ "state": "active", "key": hex::encode(terminal.key_hash) }),
        json!({ "state": "revoked" }),
    );
    let row = revoked.clone();
    let lost = app
        .store
        .write::<_, AppError, _>(move |tx| {
            Box::pin(async move {
                tx.update_terminal(&terminal, &row).await?;
                let lost = jobs::end_open(tx, id, REVOKED, now).await?;
                tx.audit(event).await?;
                Ok(lost)
            })
        })
        .await?;
    cut(app, id);
    app.index.set_flags(id, flags(&revoked));
    jobs::told(app, &lost);
    app.bus.changed(Change::Terminal(id));
    app.bus.changed(Change::Audit);
    Ok(())
}

/// From this moment on nothing is accepted from the terminal's present key.
pub(super) fn cut(app: &App, id: TerminalId) {
    app.admission.revoke(id);
    app.bus.wake(Wake::Revoked(id));
}

/// A terminal is new, or has a new key: it may connect, and can be found.
pub(super) fn became_known(app: &App, terminal: &Terminal) {
    if let Some((id, key)) = enrolment::allowed(terminal) {
        app.admission.admit(id, key);
    }
    let known = app.index.get(terminal.id);
    app.index.upsert(Entry {
        jobs: known.map(|row| row.entry.jobs).unwrap_or_default(),
        ..entry(app, terminal)
    });
    app.bus.changed(Change::Terminal(terminal.id));
    app.bus.changed(Change::Audit);
}

fn entry(app: &App, terminal: &Terminal) -> Entry {
    Entry {
        institution: terminal
            .institution_code
            .as_deref()
            .map(|code| ledger::today(app, code)),
        flags: flags(terminal),
        last_seen: terminal.last_seen,
        ..Entry::new(terminal.id, terminal.machine.hostname.clone())
    }
}

pub(super) fn flags(terminal: &Terminal) -> Flags {
    Flags {
        revoked: !terminal.is_active(),
        duplicate: matches!(terminal.hold, Some(Hold::Duplicate { .. })),
        incompatible: matches!(terminal.hold, Some(Hold::Incompatible { .. })),
    }
}

/// Two machines spoke with this identity at once: neither gets work until a person has looked.
pub async fn hold_duplicate(app: &Arc<App>, id: TerminalId) -> Result<(), AppError> {
    hold(app, id, Some(Hold::Duplicate { since: app.now() })).await
}

pub async fn hold_incompatible(app: &Arc<App>, id: TerminalId, agent_version: String) -> Result<(), AppError> {
    hold(
        app,
        id,
        Some(Hold::Incompatible {
            since: app.now(),
            agent_version,
        }),
    )
    .await
}

/// A person has looked: the terminal gets work again.
pub async fn release(cx: &Cx, id: TerminalId, reason: &str) -> Result<(), AppError> {
    cx.require(Permission::RevokeTerminal, Scope::Terminal(id))?;
    let reason = cx.reason(reason)?;
    let terminal = cx
        .app
        .store
        .terminal(id)
        .await?
        .ok_or_else(AppError::no_such_terminal)?;
    if terminal.hold.is_none() {
        return Err(AppError::conflict(
            "E-TERMINAL-03",
            "この端末は保留されていません。端末のページを開き直してください。",
            "This terminal is not held. Open its page again.",
        ));
    }
    let event = cx.event(
        "terminal.release",
        format!("terminal:{id}"),
        &reason,
        json!({ "hold": hold_name(&terminal) }),
        json!({ "hold": null }),
    );
    set_hold(&cx.app, terminal, None, Some(event)).await
}

fn hold_name(terminal: &Terminal) -> Option<&'static str> {
    terminal.hold.as_ref().map(|hold| match hold {
        Hold::Duplicate { .. } => "duplicate",
        Hold::Incompatible { .. } => "incompatible",
    })
}

async fn hold(app: &Arc<App>, id: TerminalId, hold: Option<Hold>) -> Result<(), AppError> {
    let terminal = app.store.terminal(id).await?.ok_or_else(AppError::no_such_terminal)?;
    let same = match (&terminal.hold, &hold) {
        (Some(Hold::Duplicate { .. }), Some(_)) => true,
        (Some(Hold::Incompatible { agent_version: was, .. }), Some(Hold::Incompatible { agent_version: is, .. })) => {
            was == is
        }
        _ => false,
    };
    if same {
        return Ok(());
    }
    let is = Terminal {
        hold: hold.clone(),
        ..terminal.clone()
    };
    let event = kaishin_domain::audit::Event {
        at: app.now(),
        actor: "system".into(),
        action: "terminal.hold",
        target: format!("terminal:{id}"),
        reason: hold_name(&is).unwrap_or_default().to_owned(),
        before: json!({ "hold": hold_name(&terminal) }),
        after: json!({ "hold": hold_name(&is) }),
    };
    set_hold(app, terminal, hold, Some(event)).await
}

async fn set_hold(
    app: &Arc<App>,
    was: Terminal,
    hold: Option<Hold>,
    event: Option<kaishin_domain::audit::Event>,
) -> Result<(), AppError> {
    let is = Terminal { hold, ..was.clone() };
    let (id, flags) = (is.id, flags(&is));
    app.store
        .write::<_, AppError, _>(move |tx| {
            Box::pin(async move {
                tx.update_terminal(&was, &is).await?;
                if let Some(event) = event {
                    tx.audit(event).await?;
                }
                Ok(())
            })
        })
        .await?;
    app.index.set_flags(id, flags);
    app.bus.changed(Change::Terminal(id));
    app.bus.changed(Change::Audit);
    app.bus.wake(Wake::Ready(id));
    Ok(())
}

pub fn disconnected(app: &App, id: TerminalId) {
    app.index.set_offline(id, app.now());
    app.bus.changed(Change::Terminal(id));
}

/// Writes who was seen when; what cannot be written now is written next time.
pub async fn flush_presence(app: &App) -> Result<usize, StoreError> {
    let seen: Vec<(TerminalId, Time)> = app
        .index
        .take_dirty_presence()
        .into_iter()
        .filter_map(|one| Some((one.id, one.last_seen?)))
        .collect();
    if seen.is_empty() {
        return Ok(0);
    }
    let (count, ids) = (seen.len(), seen.iter().map(|(id, _)| *id).collect::<Vec<_>>());
    let written = app
        .store
        .write::<_, StoreError, _>(move |tx| Box::pin(async move { tx.touch_terminals(&seen).await }))
        .await;
    if written.is_err() {
        app.index.mark_dirty_presence(ids);
    }
    written.map(|()| count)
}

/// Fills the index and the admission list from the database.
pub async fn rebuild(app: &App) -> Result<u64, StoreError> {
    rebuild_ledger(app).await?;
    let mut after = None;
    let mut count = 0;
    loop {
        let terminals = app.store.terminals_after(after, REBUILD_PAGE).await?;
        let Some(last) = terminals.last().map(|terminal| terminal.id) else {
            app.index.prepare();
            return Ok(count);
        };
        let mut entries: std::collections::BTreeMap<TerminalId, Entry> = terminals
            .iter()
            .map(|terminal| (terminal.id, entry(app, terminal)))
            .collect();
        for section in app.store.sections_between(after, last).await? {
            if let Some(entry) = entries.get_mut(&section.terminal) {
                entry.facts.extend(section.facts);
            }
        }
        for fault in app.store.open_faults_between(after, last).await? {
            if let Some(entry) = entries.get_mut(&fault.terminal) {
                entry.faults.push(fault.rule);
            }
        }
        for job in app.store.last_jobs_between(after, last).await? {
            if let Some(entry) = entries.get_mut(&job.terminal) {
                entry.jobs.push(jobs::work(&job));
            }
        }
        count += entries.len() as u64;
        app.admission.admit_all(terminals.iter().filter_map(enrolment::allowed));
        app.index.upsert_all(entries.into_values());
        after = Some(last);
    }
}

/// Filters ask how grave faults are, which the rules say.
pub(super) fn tell_severities(app: &App) {
    let rules = app.rules.rules().iter();
    app.index
        .set_severities(rules.map(|rule| (rule.id.clone(), rule.severity.name())));
}

/// The ledger first, so that each terminal finds its facility there.
async fn rebuild_ledger(app: &App) -> Result<(), StoreError> {
    tell_severities(app);
    ledger::rebuild(app).await.map(drop)
}

/// Another process may have revoked terminals (the command line beside a running server): act on it.
pub async fn notice_revoked(app: &App, since: Time) -> Result<usize, StoreError> {
    let mut noticed = 0;
    for terminal in app.store.terminals_revoked_since(since).await? {
        let Standing::Revoked { .. } = terminal.standing else {
            continue;
        };
        if app.admission.allows(terminal.id, &terminal.key_hash) {
            cut(app, terminal.id);
            app.index.set_flags(terminal.id, flags(&terminal));
            app.bus.changed(Change::Terminal(terminal.id));
            noticed += 1;
        }
    }
    Ok(noticed)
}
