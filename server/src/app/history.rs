//! What happened to one terminal, newest first: facts that changed, restarts, faults, jobs, calls, its certificate, and
//! what people did about it. Each is read from where it is kept anyway; only what facts were before is kept for this
//! alone.

use std::fmt;
use std::str::FromStr;

use kaishin_domain::access::{Permission, Scope};
use kaishin_domain::audit::Entry;
use kaishin_domain::id::TerminalId;
use kaishin_domain::job::Job;
use kaishin_domain::time::{Span, Time};

use super::error::AppError;
use super::{App, Cx};
use crate::store::{Before, FaultRow, StoreError};
pub use crate::store::{CallMoment, FactChange};

/// A certificate that was renewed, as the audit log calls it.
pub(super) const RENEWED: &str = "terminal.renew";
/// What is deleted in one write: nobody waits long for it.
const FORGET_AT_ONCE: u32 = 2_000;
const MOST: u32 = 500;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    Fact,
    Restart,
    Fault,
    Job,
    Call,
    Certificate,
    /// Enrolled, replaced, held, released, revoked.
    Standing,
}

impl Kind {
    pub const ALL: [Kind; 7] = [
        Kind::Fact,
        Kind::Restart,
        Kind::Fault,
        Kind::Job,
        Kind::Call,
        Kind::Certificate,
        Kind::Standing,
    ];

    pub fn name(self) -> &'static str {
        match self {
            Kind::Fact => "fact",
            Kind::Restart => "restart",
            Kind::Fault => "fault",
            Kind::Job => "job",
            Kind::Call => "call",
            Kind::Certificate => "certificate",
            Kind::Standing => "standing",
        }
    }

    pub fn find(name: &str) -> Option<Kind> {
        Kind::ALL.into_iter().find(|kind| kind.name() == name)
    }
}

#[derive(Clone, Debug, PartialEq)]
pub enum What {
    Fact(FactChange),
    Restart(FactChange),
    FaultOpened(FaultRow),
    FaultClosed(FaultRow),
    JobOrdered(Job),
    JobEnded(Job),
    CallOpened(CallMoment),
    CallClosed(CallMoment),
    Certificate(Entry),
    Standing(Entry),
}

/// Of one moment, the later of these stands first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Source {
    Standing,
    Certificate,
    JobOrdered,
    JobEnded,
    Restarts,
    Facts,
    FaultOpened,
    FaultClosed,
    CallOpened,
    CallClosed,
}

impl Source {
    const ALL: [Source; 10] = [
        Source::Standing,
        Source::Certificate,
        Source::JobOrdered,
        Source::JobEnded,
        Source::Restarts,
        Source::Facts,
        Source::FaultOpened,
        Source::FaultClosed,
        Source::CallOpened,
        Source::CallClosed,
    ];

    fn kind(self) -> Kind {
        match self {
            Source::Standing => Kind::Standing,
            Source::Certificate => Kind::Certificate,
            Source::JobOrdered | Source::JobEnded => Kind::Job,
            Source::Restarts => Kind::Restart,
            Source::Facts => Kind::Fact,
            Source::FaultOpened | Source::FaultClosed => Kind::Fault,
            Source::CallOpened | Source::CallClosed => Kind::Call,
        }
    }
}

#[derive(Clone, Debug, PartialEq)]
pub struct Moment {
    pub at: Time,
    pub what: What,
}

/// The place of one moment in the order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cursor {
    at: Time,
    source: Source,
    key: String,
}

impl fmt::Display for Cursor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}.{}", self.at.micros(), self.source as u8, self.key)
    }
}

impl FromStr for Cursor {
    type Err = AppError;

    fn from_str(text: &str) -> Result<Cursor, AppError> {
        let read = || {
            let mut parts = text.splitn(3, '.');
            let at = Time(parts.next()?.parse().ok()?);
            let source = *Source::ALL.get(parts.next()?.parse::<usize>().ok()?)?;
            let key = parts.next()?.to_owned();
            Some(Cursor { at, source, key })
        };
        read().ok_or_else(|| {
            AppError::invalid(
                "E-HISTORY-01",
                "続きの位置を読み取れません。履歴を開き直してください。",
                "The place to go on from does not read. Open the history anew.",
            )
        })
    }
}

#[derive(Clone, Debug)]
pub struct Page {
    pub items: Vec<Moment>,
    pub next: Option<Cursor>,
}

/// Only these kinds, or all of them if none is named.
pub async fn of_terminal(
    cx: &Cx,
    terminal: TerminalId,
    kinds: &[Kind],
    after: Option<&Cursor>,
    limit: u32,
) -> Result<Page, AppError> {
    // Who may see a terminal may see the calls about it: they ask for the same.
    cx.require(Permission::ViewFleet, Scope::Terminal(terminal))?;
    let store = &cx.app.store;
    store.terminal(terminal).await?.ok_or_else(AppError::no_such_terminal)?;
    let limit = limit.clamp(1, MOST);
    let mut found: Vec<(Cursor, What)> = Vec::new();
    for source in Source::ALL {
        if kinds.is_empty() || kinds.contains(&source.kind()) {
            found.extend(read(&cx.app, terminal, source, &bound(source, after), limit + 1).await?);
        }
    }
    // Within one source the database has the order of the keys; the sort leaves it as it is.
    found.sort_by_key(|(cursor, _)| std::cmp::Reverse((cursor.at, cursor.source)));
    let more = found.len() > limit as usize;
    found.truncate(limit as usize);
    let next = found.last().filter(|_| more).map(|(cursor, _)| cursor.clone());
    let items = found.into_iter().map(|(cursor, what)| Moment { at: cursor.at, what });
    Ok(Page {
        items: items.collect(),
        next,
    })
}

/// What a source still has to tell after a place in the order of all. Nothing sorts before the empty key.
fn bound(source: Source, after: Option<&Cursor>) -> Before {
    let all_before = |at: Time| Before { at, key: String::new() };
    match after {
        None => all_before(Time(i64::MAX)),
        Some(after) if source == after.source => Before {
            at: after.at,
            key: after.key.clone(),
        },
        // Of one moment, its share comes after the cursor's, or came before it.
        Some(after) if source < after.source => all_before(Time(after.at.micros().saturating_add(1))),
        Some(after) => all_before(after.at),
    }
}

async fn read(
    app: &App,
    terminal: TerminalId,
    source: Source,
    before: &Before,
    limit: u32,
) -> Result<Vec<(Cursor, What)>, StoreError> {
    let store = &app.store;
    let cursor = |at: Time, key: String| Cursor { at, source, key };
    let changes = |changes: Vec<FactChange>, what: fn(FactChange) -> What| {
        let placed = changes
            .into_iter()
            .map(|change| (cursor(change.received_at, change.key.clone()), what(change)));
        placed.collect()
    };
    let entries = |entries: Vec<Entry>, what: fn(Entry) -> What| {
        let placed = entries
            .into_iter()
            .map(|entry| (cursor(entry.at, entry.number.to_string()), what(entry)));
        placed.collect()
    };
    let faults = |faults: Vec<FaultRow>, at: fn(&FaultRow) -> Time, what: fn(FaultRow) -> What| {
        let placed = faults
            .into_iter()
            .map(|fault| (cursor(at(&fault), fault.rule.clone()), what(fault)));
        placed.collect()
    };
    let jobs = |jobs: Vec<Job>, at: fn(&Job) -> Time, what: fn(Job) -> What| {
        let placed = jobs
            .into_iter()
            .map(|job| (cursor(at(&job), job.id.to_string()), what(job)));
        placed.collect()
    };
    let calls = |calls: Vec<CallMoment>, what: fn(CallMoment) -> What| {
        let placed = calls
            .into_iter()
            .map(|moment| (cursor(moment.at, moment.call.id.to_string()), what(moment)));
        placed.collect()
    };
    Ok(match source {
        Source::Facts => changes(store.fact_changes(terminal, before, limit).await?, What::Fact),
        Source::Restarts => changes(store.restarts(terminal, before, limit).await?, What::Restart),
        Source::FaultOpened => faults(
            store.faults_opened(terminal, before, limit).await?,
            |fault| fault.opened_at,
            What::FaultOpened,
        ),
        Source::FaultClosed => faults(
            store.faults_closed(terminal, before, limit).await?,
            |fault| fault.closed_at.unwrap_or(fault.opened_at),
            What::FaultClosed,
        ),
        Source::JobOrdered => jobs(
            store.jobs_ordered(terminal, before, limit).await?,
            |job| job.created_at,
            What::JobOrdered,
        ),
        Source::JobEnded => jobs(
            store.jobs_ended(terminal, before, limit).await?,
            |job| job.finish().map_or(job.created_at, |finish| finish.at),
            What::JobEnded,
        ),
        Source::CallOpened => calls(store.calls_opened(terminal, before, limit).await?, What::CallOpened),
        Source::CallClosed => calls(store.calls_closed(terminal, before, limit).await?, What::CallClosed),
        Source::Certificate => entries(
            store.audit_of_terminal(terminal, RENEWED, true, before, limit).await?,
            What::Certificate,
        ),
        Source::Standing => entries(
            store.audit_of_terminal(terminal, RENEWED, false, before, limit).await?,
            What::Standing,
        ),
    })
}

/// Lets go of what facts were long ago, a little at a time. Says how much.
pub async fn forget_old(app: &App) -> Result<u64, AppError> {
    let before = app.now() - app.settings.history;
    let mut gone = 0;
    loop {
        let some = app
            .store
            .write::<_, StoreError, _>(move |tx| {
                Box::pin(async move { tx.forget_fact_changes(before, FORGET_AT_ONCE).await })
            })
            .await?;
        gone += some;
        if some < u64::from(FORGET_AT_ONCE) {
            return Ok(gone);
        }
    }
}

/// When nobody says otherwise.
pub const KEPT: Span = Span::days(400);
