//! `/api/v1/terminals/{id}/history`.

use axum::Json as AsJson;
use axum::extract::Path;
use kaishin_domain::audit::Entry;
use kaishin_domain::call::Outcome;
use kaishin_domain::job::Job;
use serde::Deserialize;
use serde_json::{Value as Json, json};

use super::terminals::value;
use super::{Answer, Caller, Query, id};
use crate::app::AppError;
use crate::app::history::{self, CallMoment, Cursor, Kind, Moment, What};
use crate::http::routes::{Needs, Routes};
use kaishin_domain::access::Permission;

pub fn routes() -> Routes {
    let needs = Needs::Permission;
    Routes::new().get("/api/v1/terminals/{id}/history", needs(Permission::ViewFleet), list)
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct Wanted {
    /// Names between commas.
    kind: String,
    limit: Option<u32>,
    cursor: Option<String>,
}

pub async fn list(Caller(cx): Caller, Path(text): Path<String>, Query(wanted): Query<Wanted>) -> Answer {
    let names = wanted.kind.split(',').map(str::trim).filter(|name| !name.is_empty());
    let kinds: Vec<Kind> = names.map(kind).collect::<Result<_, _>>()?;
    let cursor = wanted.cursor.filter(|text| !text.is_empty());
    let after: Option<Cursor> = cursor.map(|text| text.parse()).transpose()?;
    let limit = wanted.limit.unwrap_or(50);
    let page = history::of_terminal(&cx, id(&text)?, &kinds, after.as_ref(), limit).await?;
    Ok(AsJson(json!({
        "items": page.items.iter().map(item).collect::<Vec<_>>(),
        "next": page.next.map(|cursor| cursor.to_string()),
    })))
}

fn kind(name: &str) -> Result<Kind, AppError> {
    let known = || Kind::ALL.map(Kind::name).join(", ");
    Kind::find(name).ok_or_else(|| {
        AppError::invalid(
            "E-HISTORY-02",
            format!("履歴の種類は {} です。", known()),
            format!("The kinds of history are {}.", known()),
        )
    })
}

fn item(moment: &Moment) -> Json {
    let at = moment.at.rfc3339();
    match &moment.what {
        What::Fact(change) => json!({
            "at": at, "kind": "fact", "key": change.key, "observed_at": change.observed_at.rfc3339(),
            "before": value(&change.before), "after": value(&change.after),
        }),
        What::Restart(change) => json!({
            "at": at, "kind": "restart", "key": change.key, "observed_at": change.observed_at.rfc3339(),
            "before": value(&change.before), "after": value(&change.after),
        }),
        What::FaultOpened(fault) => json!({
            "at": at, "kind": "fault", "rule": fault.rule, "before": "closed", "after": "open",
            "expected": fault.expected, "found": value(&fault.found),
        }),
        What::FaultClosed(fault) => json!({
            "at": at, "kind": "fault", "rule": fault.rule, "before": "open", "after": "closed",
            "since": fault.opened_at.rfc3339(),
        }),
        What::JobOrdered(job) => job_item(&at, job, Json::Null, json!("ready")),
        What::JobEnded(job) => job_item(&at, job, json!("open"), json!(job.state.name())),
        What::CallOpened(moment) => call_item(&at, moment, "open", None),
        What::CallClosed(moment) => call_item(&at, moment, "closed", moment.call.outcome()),
        What::Certificate(entry) => entry_item(&at, "certificate", entry),
        What::Standing(entry) => entry_item(&at, "standing", entry),
    }
}

fn job_item(at: &str, job: &Job, before: Json, after: Json) -> Json {
    let code = job.finish().map(|finish| &finish.code);
    json!({
        "at": at, "kind": "job", "job": job.id, "remedy": job.remedy.name(), "before": before, "after": after,
        "by": job.created_by, "reason": job.reason, "code": code,
    })
}

/// As it was then; how it stands now is the call's to tell.
fn call_item(at: &str, moment: &CallMoment, state: &str, outcome: Option<Outcome>) -> Json {
    json!({
        "at": at, "kind": "call", "call": moment.call.id, "state": state, "outcome": outcome.map(Outcome::name),
        "by": moment.by,
    })
}

/// Who and why; what exactly is the audit log's to tell.
fn entry_item(at: &str, kind: &str, entry: &Entry) -> Json {
    json!({ "at": at, "kind": kind, "action": entry.action, "by": entry.actor, "reason": entry.reason })
}
