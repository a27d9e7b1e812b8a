//! Calls of clinics: opened, gone through, called back, closed; and the codes that terminals show so that somebody on the
//! phone can say which one they sit at.

mod codes;
mod files;
mod refusals;

use std::sync::Arc;

use kaishin_domain::access::{Actor, Permission, Scope};
use kaishin_domain::audit;
use kaishin_domain::call::{
    About, Around, Call, Caller, Event, JobLine, Outcome, Procedure, Procedures, Refused, Seen, Step, draft, note,
};
use kaishin_domain::expr::{Field, Truth3};
use kaishin_domain::facility::Code10;
use kaishin_domain::fold::fold;
use kaishin_domain::id::{CallId, JobId, TerminalId};
use kaishin_domain::job::Job;
use kaishin_domain::remedy::Remedy;
use kaishin_domain::time::{Span, Time};
use kaishin_domain::value::Value;
use kaishin_domain::words::Words;
use serde_json::json;

use super::error::AppError;
use super::jobs::{self, Order};
use super::{App, Change, Cx, Wake};
use crate::index::Row;
use crate::store::{JobDetail, StoreError, Tx};

pub use crate::store::{CallEvent, CallFilter, CallOrder};
pub use codes::{LiveCodes, ask_code, whose_code};
pub use files::{csv, xlsx};
pub use refusals::{condition, known_state, outcome};
use refusals::{not_fixed, refused, too_long};

pub const MOST_ROWS: u32 = 200;
/// How many that wait are looked at in one go.
const DUE_PAGE: u32 = 1_000;
/// While somebody is led through a procedure, what they did is wanted soon.
const LOOK_EVERY: Span = Span::seconds(2);
const LOOK_FOR: Span = Span::minutes(20);
/// More terminals of one facility are found by the search.
const MOST_RESIDENTS: usize = 20;
/// What else waits in the terminal is told on its own page.
const MOST_OTHERS: usize = 5;
/// Others change the call at the same moment: their change is taken in, and ours made again.
const TRIES: u32 = 5;

/// Whoever was on the phone is asked on this day or not at all: days later nobody would know what the question is about.
const IN_A_CALL: Span = Span::hours(12);

/// What somebody says when the phone rings.
#[derive(Clone, Debug, Default)]
pub struct NewCall {
    pub name: String,
    pub role: String,
    pub phone: String,
    pub concern: String,
    pub facility: Option<Code10>,
    pub terminal: Option<TerminalId>,
    /// To begin with.
    pub procedure: Option<String>,
}

/// A call, and what is known around it now.
#[derive(Clone, Debug)]
pub struct Detail {
    pub call: Call,
    pub row: Option<Row>,
    pub facility: Option<Words>,
    /// In the order of the call's jobs; none where one is gone.
    pub jobs: Vec<Option<JobDetail>>,
    /// What the terminal has in hand besides.
    pub others: Vec<JobDetail>,
}

impl Detail {
    /// The job that the person at the terminal is being asked about.
    pub fn asking(&self) -> Option<&JobDetail> {
        let mut jobs = self.jobs.iter().flatten().chain(&self.others);
        jobs.find(|detail| detail.job.asks(&detail.steps))
    }
}

#[derive(Clone, Debug, Default)]
pub struct Page {
    pub items: Vec<Item>,
    pub total: u64,
    /// How many stand before the next page.
    pub next: Option<u32>,
}

/// A call as lists show it.
#[derive(Clone, Debug)]
pub struct Item {
    pub call: Call,
    pub facility: Option<String>,
    pub hostname: Option<String>,
    pub online: bool,
}

pub async fn open(cx: &Cx, new: NewCall) -> Result<Call, AppError> {
    let scope = new.terminal.map_or(Scope::Fleet, Scope::Terminal);
    cx.require(Permission::TakeCalls, scope)?;
    let (now, app) = (cx.now(), &cx.app);
    let caller = Caller::read(&new.name, &new.role, &new.phone, &new.concern).map_err(too_long)?;
    let place = place(cx, new.facility, new.terminal)?;
    cx.require(Permission::TakeCalls, place.1.map_or(Scope::Fleet, Scope::Terminal))?;
    let id = CallId::new(now, app.entropy.bytes());
    let mut call = Call::open(id, caller, place, &cx.actor.name, now);
    if let Some(procedure) = new.procedure.filter(|slug| !slug.is_empty()) {
        // What happens while it is opened is one change with it.
        call = on(cx, &call, Event::Began { procedure })?;
        call.version = 1;
    }
    let opened = json!({ "event": "opened", "data": told(&call) });
    let event = cx.event(
        "call.open",
        format!("call:{id}"),
        "",
        serde_json::Value::Null,
        told(&call),
    );
    let (row, words) = (call.clone(), words(app, &call));
    let happened = history(&call, &cx.actor.name, now, opened.to_string());
    app.store
        .write::<_, AppError, _>(move |tx| {
            Box::pin(async move {
                tx.insert_call(&row, &words).await?;
                tx.insert_call_event(id, &happened).await?;
                tx.audit(event).await?;
                Ok(())
            })
        })
        .await?;
    changed(app, &call);
    Ok(call)
}

pub async fn get(cx: &Cx, id: CallId) -> Result<Detail, AppError> {
    let call = load(cx, id).await?;
    cx.require(Permission::ViewFleet, scope(&call))?;
    let mut jobs = Vec::with_capacity(call.jobs.len());
    for ordered in &call.jobs {
        jobs.push(cx.app.store.job(ordered.job).await?);
    }
    let row = call.terminal.and_then(|terminal| cx.app.index.get(terminal));
    Ok(Detail {
        others: others(cx, &call, row.as_ref()).await?,
        row,
        facility: facility_name(&cx.app, &call).map(|name| Words::new(&name, &name)),
        jobs,
        call,
    })
}

/// Work that was ordered elsewhere and is not over.
async fn others(cx: &Cx, call: &Call, row: Option<&Row>) -> Result<Vec<JobDetail>, AppError> {
    let mut others = Vec::new();
    let works = row.filter(|_| !call.is_closed()).map_or(&[][..], |row| &row.entry.jobs);
    let of_call = |job: JobId| call.jobs.iter().any(|ordered| ordered.job == job);
    for work in works
        .iter()
        .filter(|work| work.is_open() && !of_call(work.id))
        .take(MOST_OTHERS)
    {
        let detail = cx.app.store.job(work.id).await?;
        others.extend(detail.filter(|detail| !detail.job.is_final()));
    }
    Ok(others)
}

/// What the caller reads out from their screen. It answers the question of one job of their own terminal.
pub async fn pass_on_code(cx: &Cx, id: CallId, job: JobId, code: &str) -> Result<(), AppError> {
    let call = load(cx, id).await?;
    cx.require(Permission::TakeCalls, scope(&call))?;
    let detail = jobs::get(cx, job).await?;
    if call.terminal != Some(detail.job.terminal) {
        return Err(refused(Refused::NoTerminal));
    }
    jobs::pass_on_code(cx, job, code).await
}

/// Somebody looks at the call: its terminal reports sooner, so that steps are ticked as they are done.
pub fn watch(cx: &Cx, call: &Call) -> Result<(), AppError> {
    cx.require(Permission::ViewFleet, scope(call))?;
    if let Some(terminal) = call.terminal.filter(|_| !call.is_closed()) {
        cx.app.bus.wake(Wake::Observe {
            terminal,
            every: LOOK_EVERY,
            lasting: LOOK_FOR,
        });
    }
    Ok(())
}

pub async fn list(
    cx: &Cx,
    filter: CallFilter,
    order: (CallOrder, bool),
    limit: u32,
    offset: u32,
) -> Result<Page, AppError> {
    cx.require(Permission::ViewFleet, Scope::Fleet)?;
    let (store, limit) = (&cx.app.store, limit.clamp(1, MOST_ROWS));
    let filter = CallFilter {
        words: fold(filter.words.trim()),
        ..filter
    };
    let calls = store.calls(&filter, order, limit, offset).await?;
    let total = store.count_calls(&filter).await?;
    let shown = offset.saturating_add(u32::try_from(calls.len()).unwrap_or(0));
    Ok(Page {
        next: (u64::from(shown) < total && !calls.is_empty()).then_some(shown),
        items: calls.into_iter().map(|call| item(&cx.app, call)).collect(),
        total,
    })
}

pub async fn events(cx: &Cx, id: CallId) -> Result<Vec<CallEvent>, AppError> {
    let call = load(cx, id).await?;
    cx.require(Permission::ViewFleet, scope(&call))?;
    Ok(cx.app.store.call_events(id).await?)
}

/// Something happens in a call, as whoever does it saw it: not on top of what they have not seen.
pub async fn happen(cx: &Cx, id: CallId, seen: Option<i64>, event: Event) -> Result<Call, AppError> {
    let was = load(cx, id).await?;
    cx.require(Permission::TakeCalls, scope(&was))?;
    not_unseen(&was, seen)?;
    let event = sound(cx, &was, event)?;
    if let Event::Placed {
        terminal: Some(terminal),
        ..
    } = event
    {
        cx.require(Permission::TakeCalls, Scope::Terminal(terminal))?;
    }
    let is = on(cx, &was, event.clone())?;
    commit(&cx.app, &cx.actor, &was, &is, &event).await?;
    if let (Event::Said | Event::Began { .. }, Some(_)) = (&event, is.terminal) {
        watch(cx, &is)?;
    }
    Ok(is)
}

/// Orders work for the step that the caller is at: what that step is done by, unless something else is named. On top of
/// what they have not seen only where they name no version.
pub async fn order(cx: &Cx, id: CallId, seen: Option<i64>, remedy: Option<Remedy>) -> Result<Job, AppError> {
    let mut left = TRIES;
    loop {
        left -= 1;
        match order_once(cx, id, seen, remedy).await {
            Err(error) if left > 0 && seen.is_none() && error.code == LOST => {}
            ordered => return ordered,
        }
    }
}

/// The job and the call that knows of it are one change.
async fn order_once(cx: &Cx, id: CallId, seen: Option<i64>, remedy: Option<Remedy>) -> Result<Job, AppError> {
    let was = load(cx, id).await?;
    cx.require(Permission::TakeCalls, scope(&was))?;
    not_unseen(&was, seen)?;
    let of_step = || was.step(procedures(&cx.app))?.remedy;
    let remedy = remedy.or_else(of_step).ok_or_else(|| refused(Refused::NoSuchStep))?;
    let terminal = was.terminal.ok_or_else(|| refused(Refused::NoTerminal))?;
    let order = Order {
        terminal,
        remedy,
        life: Some(IN_A_CALL),
        reason: format!("call:{id}"),
    };
    let ready = jobs::Ready::make(cx, order).await?;
    let event = Event::Ordered {
        job: ready.job.id,
        remedy: remedy.name().to_owned(),
    };
    let is = on(cx, &was, event.clone())?;
    let (job, entry) = (ready.clone(), Entry::of(&cx.app, &cx.actor, &was, &is, &event));
    cx.app
        .store
        .write::<_, AppError, _>(move |tx| {
            Box::pin(async move {
                job.write(tx).await?;
                entry.write(tx).await
            })
        })
        .await?;
    changed(&cx.app, &is);
    Ok(ready.written(cx))
}

fn not_unseen(call: &Call, seen: Option<i64>) -> Result<(), AppError> {
    match seen {
        Some(seen) if seen != call.version => Err(StoreError::LostRace("call").into()),
        Some(_) | None => Ok(()),
    }
}

const LOST: &str = "E-STORE-01";

/// The call's record in both languages, as it stands now; the caller says how it writes moments and states.
pub fn record(
    cx: &Cx,
    detail: &Detail,
    states: &dyn Fn(&Job) -> Words,
    when: &dyn Fn(Time) -> Words,
    clock: &dyn Fn(Time) -> Words,
) -> Result<Words, AppError> {
    cx.require(Permission::ViewFleet, scope(&detail.call))?;
    let lines: Vec<JobLine> = detail
        .call
        .jobs
        .iter()
        .zip(&detail.jobs)
        .map(|(ordered, job)| JobLine {
            title: job.as_ref().map_or_else(
                || Words::new(&ordered.remedy, &ordered.remedy),
                |job| job.job.remedy.title(),
            ),
            state: job
                .as_ref()
                .map_or_else(|| Words::new("不明", "unknown"), |job| states(&job.job)),
            ended: job.as_ref().and_then(|job| {
                let finish = job.job.finish()?;
                Some((finish.words()?, finish.code.clone()))
            }),
        })
        .collect();
    let about = About {
        facility: detail.facility.as_ref().map(|name| name.ja.as_str()),
        hostname: detail.row.as_ref().map(|row| row.entry.hostname.as_str()),
        jobs: &lines,
        when,
        clock,
    };
    Ok(draft(&detail.call, procedures(&cx.app), &about))
}

/// Call-backs whose moment has come. Says how many.
pub async fn look_for_due(app: &Arc<App>) -> Result<usize, AppError> {
    let (mut came, mut after) = (0, None);
    loop {
        let waiting = app.store.waiting_calls(after, DUE_PAGE).await?;
        for was in &waiting {
            let system = app.on_behalf_of(Actor::system());
            let Ok(is) = on(&system, was, Event::CameDue) else {
                continue;
            };
            match commit(app, &system.actor, was, &is, &Event::CameDue).await {
                Ok(()) => came += 1,
                // Somebody took it up at this very moment.
                Err(error) if error.code == LOST => {}
                Err(error) => return Err(error),
            }
        }
        match waiting.last() {
            Some(last) if waiting.len() == DUE_PAGE as usize => after = Some(last.id),
            Some(_) | None => return Ok(came),
        }
    }
}

pub fn procedures(app: &App) -> &Procedures {
    &app.rules.in_force().procedures
}

/// The procedures that help with this terminal's faults, the gravest fault's first; then all others.
pub fn helping<'a>(app: &'a App, row: Option<&Row>) -> (Vec<&'a Procedure>, Vec<&'a Procedure>) {
    let all = procedures(app).all();
    let mut faults: Vec<_> = row
        .iter()
        .flat_map(|row| &row.entry.faults)
        .filter_map(|fault| app.rules.rule(fault))
        .collect();
    faults.sort_by_key(|rule| rule.severity);
    let mut first: Vec<&Procedure> = Vec::new();
    for rule in faults {
        let of_rule = rule.procedure.as_ref().map(|procedure| procedure.slug.as_str());
        let of_remedy = rule.remedy.map(Remedy::name);
        let slug = [of_rule, of_remedy].into_iter().flatten();
        for found in slug.filter_map(|slug| guide(app, slug)) {
            if first.iter().all(|known| known.slug != found.slug) {
                first.push(found);
            }
        }
    }
    let rest = all
        .iter()
        .filter(|one| first.iter().all(|known| known.slug != one.slug))
        .collect();
    (first, rest)
}

/// The procedure of that name, or the one that does what the remedy of that name does.
pub fn guide<'a>(app: &'a App, name: &str) -> Option<&'a Procedure> {
    let all = procedures(app);
    all.find(name).or_else(|| {
        let names = |step: &Step| step.remedy.is_some_and(|remedy| remedy.name() == name);
        all.all().iter().find(|procedure| procedure.steps.iter().any(names))
    })
}

/// Whether a step's condition holds on the terminal; what a terminal that is away said last proves nothing.
pub fn truth(app: &App, row: Option<&Row>, step: &Step) -> Truth3 {
    match (row.filter(|row| row.online()), &step.done) {
        (Some(row), Some(done)) => done.evaluate(row, app.now()),
        (None, _) | (_, None) => Truth3::Unknown,
    }
}

/// The terminals of the call's facility, while none of them is chosen.
pub fn residents(cx: &Cx, call: &Call) -> Vec<Row> {
    let code = call.facility.filter(|_| call.terminal.is_none());
    let terminals = code.map(|code| cx.app.ledger.terminals(code)).unwrap_or_default();
    terminals
        .into_iter()
        .filter_map(|id| cx.app.index.get(id))
        .take(MOST_RESIDENTS)
        .collect()
}

/// The facts that a step's condition looks at.
pub fn fields(step: &Step) -> Vec<Field> {
    step.done.as_ref().map(|done| done.fields()).unwrap_or_default()
}

fn on(cx: &Cx, call: &Call, event: Event) -> Result<Call, AppError> {
    let row = call.terminal.and_then(|terminal| cx.app.index.get(terminal));
    let truth = |step: &Step| truth(&cx.app, row.as_ref(), step);
    let around = Around {
        procedures: procedures(&cx.app),
        truth: &truth,
        working: is_working(call, row.as_ref()),
        seen: seen(row.as_ref()),
        by: &cx.actor.name,
        now: cx.now(),
    };
    let closing = matches!(event, Event::Closed { .. });
    call.on(event, &around).map_err(|why| {
        if closing && why == Refused::Contradicted {
            not_fixed(&call.contradicted(&around))
        } else {
            refused(why)
        }
    })
}

fn is_working(call: &Call, row: Option<&Row>) -> bool {
    let works = row.map_or(&[][..], |row| &row.entry.jobs);
    let mut open = works.iter().filter(|work| work.is_open());
    open.any(|work| call.jobs.iter().any(|ordered| ordered.job == work.id))
}

fn seen(row: Option<&Row>) -> Seen {
    let Some(row) = row else { return Seen::default() };
    let booted = if let Some(Value::Time(at)) = row.entry.facts.get("boot.time") {
        Some(*at)
    } else {
        None
    };
    Seen {
        online: row.online(),
        last_seen: row.entry.last_seen,
        booted,
    }
}

/// Free text is bounded, and places exist.
fn sound(cx: &Cx, call: &Call, event: Event) -> Result<Event, AppError> {
    let line = |text: &str| note(text).map_err(too_long);
    Ok(match event {
        Event::Told(caller) => {
            let Caller {
                name,
                role,
                phone,
                concern,
            } = caller;
            Event::Told(Caller::read(&name, &role, &phone, &concern).map_err(too_long)?)
        }
        Event::Noted { text } => match line(&text)? {
            text if text.is_empty() => return Err(refused(Refused::NoReason)),
            text => Event::Noted { text },
        },
        Event::Overrode { reason } => Event::Overrode { reason: line(&reason)? },
        Event::Closed { outcome, note, reason } => Event::Closed {
            outcome,
            note: line(&note)?,
            reason: line(&reason)?,
        },
        Event::Placed { facility, terminal } => {
            let (facility, terminal) = place(cx, facility.or(call.facility), terminal)?;
            Event::Placed { facility, terminal }
        }
        Event::Began { .. }
        | Event::Said
        | Event::TookBack
        | Event::Skipped
        | Event::Saw { .. }
        | Event::SteppedBack
        | Event::Stopped
        | Event::Ordered { .. }
        | Event::CallBack(_)
        | Event::CameDue
        | Event::Resumed
        | Event::TakenOver => event,
    })
}

/// A terminal says where it stands, if nobody else does.
fn place(
    cx: &Cx,
    facility: Option<Code10>,
    terminal: Option<TerminalId>,
) -> Result<(Option<Code10>, Option<TerminalId>), AppError> {
    if let Some(id) = terminal
        && cx.app.index.get(id).is_none()
    {
        return Err(AppError::no_such_terminal());
    }
    // Where only one stands, it is that one.
    let alone = || match cx.app.ledger.terminals(facility?).as_slice() {
        [only] => Some(*only),
        _ => None,
    };
    let terminal = terminal.or_else(alone);
    let of_terminal = terminal
        .and_then(|id| cx.app.ledger.of_terminal(id))
        .map(|listed| listed.code);
    Ok((of_terminal.or(facility), terminal))
}

async fn load(cx: &Cx, id: CallId) -> Result<Call, AppError> {
    let found = cx.app.store.call(id).await?;
    found.ok_or_else(|| {
        AppError::not_found(
            "E-CALL-10",
            "この電話の記録は見つかりません。",
            "There is no such call.",
        )
    })
}

fn scope(call: &Call) -> Scope {
    call.terminal.map_or(Scope::Fleet, Scope::Terminal)
}

async fn commit(app: &Arc<App>, actor: &Actor, was: &Call, is: &Call, event: &Event) -> Result<(), AppError> {
    let entry = Entry::of(app, actor, was, is, event);
    app.store
        .write::<_, AppError, _>(move |tx| Box::pin(async move { entry.write(tx).await }))
        .await?;
    changed(app, is);
    Ok(())
}

/// What is written of something that happened in a call.
struct Entry {
    call: Call,
    words: String,
    happened: CallEvent,
    audit: audit::Event,
}

impl Entry {
    fn of(app: &Arc<App>, actor: &Actor, was: &Call, is: &Call, event: &Event) -> Entry {
        let cx = app.on_behalf_of(actor.clone());
        let text = serde_json::to_value(event).unwrap_or_default();
        let mut after = told(is);
        after["event"] = event.name().into();
        let reason = if let Event::Overrode { reason } | Event::Closed { reason, .. } = event {
            reason.as_str()
        } else {
            ""
        };
        Entry {
            call: is.clone(),
            words: words(app, is),
            happened: history(is, &actor.name, cx.now(), text.to_string()),
            audit: cx.event(action(event), format!("call:{}", is.id), reason, told(was), after),
        }
    }

    async fn write(self, tx: &mut Tx) -> Result<(), AppError> {
        tx.update_call(&self.call, &self.words).await?;
        tx.insert_call_event(self.call.id, &self.happened).await?;
        tx.audit(self.audit).await?;
        Ok(())
    }
}

fn action(event: &Event) -> &'static str {
    match event {
        Event::Closed { .. } => "call.close",
        Event::CallBack(_) => "call.call-back",
        Event::CameDue => "call.due",
        Event::Overrode { .. } => "call.override",
        Event::Told(_)
        | Event::Placed { .. }
        | Event::Began { .. }
        | Event::Said
        | Event::TookBack
        | Event::Skipped
        | Event::Saw { .. }
        | Event::SteppedBack
        | Event::Stopped
        | Event::Ordered { .. }
        | Event::Noted { .. }
        | Event::Resumed
        | Event::TakenOver => "call.step",
    }
}

fn history(call: &Call, by: &str, at: Time, event: String) -> CallEvent {
    CallEvent {
        number: call.version,
        at,
        by: by.to_owned(),
        event,
    }
}

fn changed(app: &App, call: &Call) {
    app.bus.changed(Change::Call(call.id));
    app.bus.changed(Change::Audit);
    // That it began and how it ended stand on its terminal's timeline.
    let on_timeline = call.version == 1 || call.outcome().is_some();
    if let Some(terminal) = call.terminal.filter(|_| on_timeline) {
        app.bus.changed(Change::Terminal(terminal));
    }
}

/// What the audit log says of a call: where it stands, nobody's name or words.
fn told(call: &Call) -> serde_json::Value {
    let run = call.run();
    json!({
        "state": call.state.name(),
        "outcome": call.outcome().map(Outcome::name),
        "owner": call.owner,
        "terminal": call.terminal,
        "facility": call.facility.map(|code| code.to_string()),
        "procedure": run.map(|run| &run.procedure),
        "step": run.and_then(|run| run.at.as_ref()),
    })
}

/// What a call is found by.
fn words(app: &App, call: &Call) -> String {
    let Caller {
        name,
        role,
        phone,
        concern,
    } = &call.caller;
    let item = item(app, call.clone());
    let digits = kaishin_domain::facility::dialled(phone);
    let code = call.facility.map(|code| code.to_string()).unwrap_or_default();
    let known = [
        name.as_str(),
        role,
        phone,
        &digits,
        concern,
        &code,
        item.facility.as_deref().unwrap_or_default(),
        item.hostname.as_deref().unwrap_or_default(),
    ];
    known.map(fold).join("\n")
}

fn facility_name(app: &App, call: &Call) -> Option<String> {
    let listed = app.ledger.get(app.ledger.current(call.facility?)?)?;
    Some(listed.name.to_string())
}

fn item(app: &App, call: Call) -> Item {
    let row = call.terminal.and_then(|terminal| app.index.get(terminal));
    Item {
        facility: facility_name(app, &call),
        hostname: row.as_ref().map(|row| row.entry.hostname.clone()),
        online: row.is_some_and(|row| row.online()),
        call,
    }
}

/// Of everybody's: how many are to be called back now.
pub async fn count_due(cx: &Cx) -> Result<u64, AppError> {
    cx.require(Permission::ViewFleet, Scope::Fleet)?;
    let due = CallFilter {
        state: "due".to_owned(),
        ..CallFilter::default()
    };
    Ok(cx.app.store.count_calls(&due).await?)
}
