//! `/api/v1/calls…` and the procedures that clinics are led through.

use axum::Json as AsJson;
use axum::body::Bytes;
use axum::extract::Path;
use axum::http::StatusCode;
use kaishin_domain::access::{Permission, Scope};
use kaishin_domain::call::{Call, Condition, Run, State, Step};
use kaishin_domain::expr::Truth3;
use kaishin_domain::id::CallId;

use kaishin_domain::job::{Finish, Job};
use kaishin_domain::words::Words;
use serde_json::{Value as Json, json};

use super::{Answer, Caller, Problem, Query, body, id};
use crate::app::Cx;
use crate::app::calls::{self, Detail};
use crate::http::call_told::{Begins, Told};
use crate::http::calls_query::Wanted;
use crate::http::routes::{Needs, Routes};
use crate::http::words::Lang;

pub fn routes() -> Routes {
    let (view, take) = (
        Needs::Permission(Permission::ViewFleet),
        Needs::Permission(Permission::TakeCalls),
    );
    Routes::new()
        .get("/api/v1/calls", view, list)
        .post("/api/v1/calls", take, open)
        .get("/api/v1/calls/{id}", view, get)
        .post("/api/v1/calls/{id}/events", take, happen)
        .get("/api/v1/procedures", view, procedures)
}

pub fn item(call: &Call) -> Json {
    let (condition, since, due_at) = match &call.state {
        State::Waiting { condition, since } => (Some(*condition), Some(*since), None),
        State::Due {
            condition,
            since,
            due_at,
        } => (Some(*condition), Some(*since), Some(*due_at)),
        State::Open | State::Closed { .. } => (None, None, None),
    };
    let closed = match &call.state {
        State::Closed {
            at, by, note, proof, ..
        } => json!({ "at": at.rfc3339(), "by": by, "note": note, "proof": proof }),
        State::Open | State::Waiting { .. } | State::Due { .. } => Json::Null,
    };
    json!({
        "id": call.id,
        "version": call.version,
        "state": call.state.name(),
        "outcome": call.outcome().map(|outcome| outcome.name()),
        "opened_at": call.opened_at.rfc3339(),
        "opened_by": call.opened_by,
        "owner": call.owner,
        "caller": call.caller,
        "facility": call.facility.map(|code| code.to_string()),
        "terminal": call.terminal,
        "call_back": condition.map(|condition| json!({
            "condition": condition.name(),
            "at": match condition {
                Condition::At { at } => Some(at.rfc3339()),
                Condition::Online | Condition::Restarted { .. } => None,
            },
            "since": since.map(|at| at.rfc3339()),
            "due_at": due_at.map(|at| at.rfc3339()),
        })),
        "closed": closed,
    })
}

fn run(run: &Run) -> Json {
    let steps: Vec<Json> = run
        .trail
        .iter()
        .map(|passed| {
            let mut told = json!(passed.how);
            told["step"] = passed.step.clone().into();
            told["at"] = passed.at.rfc3339().into();
            told["by"] = passed.by.clone().into();
            told
        })
        .collect();
    json!({
        "procedure": run.procedure,
        "began_at": run.began_at.rfc3339(),
        "at": run.at,
        "said": run.said.is_some(),
        "ended": run.end.map(|end| end.name()),
        "steps": steps,
    })
}

/// The step that the caller is at, and how it stands.
fn step(cx: &Cx, detail: &Detail, step: &Step) -> Json {
    let truth = calls::truth(&cx.app, detail.row.as_ref(), step);
    let stand = detail.call.run().and_then(|run| run.stand(step, truth));
    json!({
        "id": step.id,
        "title": step.title,
        "say": step.say,
        "screen": step.screen.as_ref().map(|screen| json!({ "ja": screen.ja, "en": screen.en })),
        "shown": match truth {
            Truth3::True => Some(true),
            Truth3::False => Some(false),
            Truth3::Unknown => None,
        },
        "stand": stand.map(|stand| stand.name()),
        "branches": step.branches.iter().map(|branch| &branch.sees).collect::<Vec<_>>(),
        "remedy": step.remedy.map(|remedy| remedy.name()),
    })
}

/// A job's state as the record says it.
pub fn state_words(job: &Job) -> Words {
    let name = format!("job-{}", job.state.name());
    Words::new(Lang::Ja.t(&name), Lang::En.t(&name))
}

pub fn record(cx: &Cx, detail: &Detail) -> Result<Words, crate::app::AppError> {
    calls::record(
        cx,
        detail,
        &state_words,
        &|at| Words::new(Lang::Ja.when(at), Lang::En.when(at)),
        &|at| Words::new(Lang::Ja.hour_and_minute(at), Lang::En.hour_and_minute(at)),
    )
}

async fn list(Caller(cx): Caller, Query(wanted): Query<Wanted>) -> Answer {
    cx.require(Permission::ViewFleet, Scope::Fleet)?;
    let found = wanted.page(&cx).await?;
    let items: Vec<Json> = found.items.iter().map(|found| item(&found.call)).collect();
    Ok(AsJson(json!({
        "items": items, "total": found.total, "next": found.next.map(|next| next.to_string()),
    })))
}

async fn open(Caller(cx): Caller, bytes: Bytes) -> Result<(StatusCode, AsJson<Json>), Problem> {
    cx.require(Permission::TakeCalls, Scope::Fleet)?;
    let begins: Begins = body(&bytes)?;
    let call = calls::open(&cx, begins.call(&cx)?).await?;
    Ok((StatusCode::CREATED, AsJson(item(&call))))
}

async fn get(Caller(cx): Caller, Path(text): Path<String>) -> Answer {
    let detail = calls::get(&cx, id(&text)?).await?;
    Ok(AsJson(full(&cx, &detail).await?))
}

async fn full(cx: &Cx, detail: &Detail) -> Result<Json, Problem> {
    let call = &detail.call;
    let events = calls::events(cx, call.id).await?;
    let events: Vec<Json> = events
        .iter()
        .map(|event| {
            let told: Json = serde_json::from_str(&event.event).unwrap_or_default();
            json!({ "number": event.number, "at": event.at.rfc3339(), "by": event.by, "event": told["event"] })
        })
        .collect();
    let jobs: Vec<Json> = call
        .jobs
        .iter()
        .zip(&detail.jobs)
        .map(|(ordered, job)| {
            let finish = job.as_ref().and_then(|job| job.job.finish());
            json!({
                "id": ordered.job,
                "remedy": ordered.remedy,
                "procedure": ordered.procedure,
                "step": ordered.step,
                "state": job.as_ref().map(|job| job.job.state.name()),
                "code": finish.map(|finish| &finish.code),
                "words": finish.and_then(Finish::words),
            })
        })
        .collect();
    let notes: Vec<Json> = call
        .notes
        .iter()
        .map(|note| json!({ "text": note.text, "at": note.at.rfc3339(), "by": note.by }))
        .collect();
    let mut answer = item(call);
    answer["runs"] = call.runs.iter().map(run).collect();
    answer["step"] = match call.step(calls::procedures(&cx.app)) {
        Some(at) => step(cx, detail, at),
        None => Json::Null,
    };
    answer["jobs"] = jobs.into();
    answer["asking"] = json!(detail.asking().map(|asking| asking.job.id));
    answer["notes"] = notes.into();
    answer["events"] = events.into();
    answer["record"] = json!(record(cx, detail)?);
    Ok(answer)
}

async fn happen(Caller(cx): Caller, Path(text): Path<String>, bytes: Bytes) -> Answer {
    cx.require(Permission::TakeCalls, Scope::Fleet)?;
    let call: CallId = id(&text)?;
    let told: Told = body(&bytes)?;
    told.doing(&cx)?.carry_out(&cx, call, told.version).await?;
    let detail = calls::get(&cx, call).await?;
    Ok(AsJson(full(&cx, &detail).await?))
}

async fn procedures(Caller(cx): Caller) -> Answer {
    cx.require(Permission::ViewFleet, Scope::Fleet)?;
    let all = calls::procedures(&cx.app).all().iter().map(|procedure| {
        json!({
            "slug": procedure.slug,
            "title": procedure.title,
            "about": procedure.about,
            "minutes": procedure.minutes,
            "steps": procedure.steps.iter().map(|step| json!({
                "id": step.id,
                "title": step.title,
                "say": step.say,
                "screen": step.screen.as_ref().map(|screen| &screen.ja),
                "done": step.done.as_ref().map(ToString::to_string),
                "remedy": step.remedy.map(|remedy| remedy.name()),
                "citation": step.citation.as_ref().map(|citation| citation.words()),
            })).collect::<Vec<_>>(),
        })
    });
    Ok(AsJson(json!({ "items": all.collect::<Vec<_>>() })))
}
