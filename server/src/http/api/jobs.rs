//! `/api/v1/jobs…` and ordering one.

use axum::Json as AsJson;
use axum::body::Bytes;
use axum::extract::Path;
use axum::http::StatusCode;
use kaishin_domain::evidence;
use kaishin_domain::id::JobId;
use kaishin_domain::job::{Finish, Job};
use kaishin_domain::remedy::{About, BadRemedy, MOST_ACTIVE, Parameter, Range, Remedy};
use kaishin_domain::time::Span;
use kaishin_proto::preview::Change;
use serde::Deserialize;
use serde_json::{Value as Json, json};

use super::{Answer, Because, Caller, Problem, Query, body, id};
use crate::app::AppError;
use crate::app::dry_run::{self, DryRun};
use crate::app::jobs::{self, JobFilter, Order, Orders};
use crate::http::routes::{Needs, Routes};
use kaishin_domain::access::{Permission, Scope};

pub fn routes() -> Routes {
    let needs = Needs::Permission;
    Routes::new()
        // Which of the two permissions a job needs depends on its remedy; asking for facts is the lesser one.
        .post("/api/v1/terminals/{id}/jobs", needs(Permission::RefreshFacts), create)
        .get("/api/v1/remedies", needs(Permission::ViewFleet), remedies)
        .get("/api/v1/jobs", needs(Permission::ViewFleet), list)
        .post("/api/v1/jobs/bulk", needs(Permission::RefreshFacts), create_many)
        .get("/api/v1/jobs/{id}", needs(Permission::ViewFleet), get)
        .get("/api/v1/jobs/{id}/record", needs(Permission::RefreshFacts), record)
        .post("/api/v1/jobs/{id}/cancel", needs(Permission::CancelJob), cancel)
        .post("/api/v1/jobs/{id}/consent", needs(Permission::RunRemedy), consent)
}

pub fn item(job: &Job) -> Json {
    let finish = job.finish();
    json!({
        "id": job.id,
        "terminal": job.terminal,
        "remedy": job.remedy.name(),
        "params": job.remedy.params(),
        "state": job.state.name(),
        "attempt": job.attempt,
        "deadline": job.deadline.rfc3339(),
        "cancel_asked": job.cancel_asked,
        "created_at": job.created_at.rfc3339(),
        "created_by": job.created_by,
        "reason": job.reason,
        "finished_at": finish.map(|finish| finish.at.rfc3339()),
        "code": finish.map(|finish| &finish.code),
        "detail": finish.map(|finish| &finish.detail),
        "words": finish.and_then(Finish::words),
    })
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Asked {
    remedy: String,
    #[serde(default)]
    params: Json,
    #[serde(default)]
    reason: String,
    /// How long it may wait for the terminal.
    deadline_seconds: Option<i64>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct How {
    /// Only say what it would do.
    dry_run: bool,
}

pub async fn create(
    Caller(cx): Caller,
    Path(text): Path<String>,
    Query(how): Query<How>,
    bytes: Bytes,
) -> Result<(StatusCode, AsJson<Json>), Problem> {
    let asked: Asked = body(&bytes)?;
    let remedy = remedy(&asked.remedy, &asked.params)?;
    if how.dry_run {
        let told = dry_run::ask(&cx, id(&text)?, remedy).await?;
        return Ok((StatusCode::OK, AsJson(would(&told))));
    }
    let order = Order {
        terminal: id(&text)?,
        remedy,
        life: asked.deadline_seconds.map(Span::seconds),
        reason: asked.reason,
    };
    let job = jobs::create(&cx, order).await?;
    Ok((StatusCode::CREATED, AsJson(item(&job))))
}

fn would(told: &DryRun) -> Json {
    let change = |change: &Change| {
        let words = evidence::change(change);
        json!({ "what": change.what, "from": change.from, "to": change.to, "words": words })
    };
    let changes: Vec<Json> = told.changes.iter().map(change).collect();
    json!({ "verdict": told.verdict, "changes": changes, "reason": told.reason })
}

fn remedy(name: &str, params: &Json) -> Result<Remedy, AppError> {
    Remedy::parse(name, params).map_err(|bad| bad_order(&bad))
}

/// Why a remedy cannot be ordered like this.
pub fn bad_order(bad: &BadRemedy) -> AppError {
    let ja = match bad {
        BadRemedy::Unknown(_) => "この作業の種類は指定できません。端末のページから選び直してください。".to_owned(),
        BadRemedy::Parameter { parameter, .. } => format!("この作業に「{parameter}」という項目はありません。"),
        BadRemedy::Value {
            parameter,
            range: Range::Number { least, most, .. },
            ..
        } => format!("「{parameter}」は{least}から{most}までの整数で指定してください。"),
        BadRemedy::Value {
            parameter,
            range: Range::Choice(of),
            ..
        } => {
            let ids: Vec<&str> = of.iter().map(|choice| choice.id).collect();
            format!("「{parameter}」は次のいずれかで指定してください：{}", ids.join("、"))
        }
        BadRemedy::Value {
            parameter,
            range: Range::Job,
            ..
        } => format!("「{parameter}」には、同じ端末の以前の作業のIDを指定してください。"),
        BadRemedy::ActiveHours => format!("アクティブ時間は1時間以上{MOST_ACTIVE}時間以内にしてください。"),
    };
    AppError::invalid("E-JOB-14", ja, format!("This cannot be ordered: {bad}."))
}

/// All that can be ordered, with what must be known before.
pub async fn remedies(Caller(cx): Caller) -> Answer {
    cx.require(Permission::ViewFleet, Scope::Fleet)?;
    let item = |about: &'static About| {
        let properties: serde_json::Map<String, Json> = about.parameters.iter().map(schema).collect();
        let required = about.parameters.iter().filter(|one| one.range == Range::Job);
        json!({
            "id": about.id,
            "class": about.class,
            "title": about.title,
            "effect": about.effect,
            "restart": about.restart,
            "usual_seconds": about.seconds,
            "undo": about.undo,
            "steps": about.steps,
            "facts": about.facts,
            "parameters": {
                "type": "object",
                "properties": properties,
                "required": required.map(|one| one.name).collect::<Vec<_>>(),
                "additionalProperties": false,
            },
        })
    };
    Ok(AsJson(json!({ "items": About::all().map(item).collect::<Vec<_>>() })))
}

/// JSON Schema; beside it the words of both languages, for parameters and what there is to choose from.
fn schema(parameter: &Parameter) -> (String, Json) {
    let mut schema = match parameter.range {
        Range::Number { least, most, usual } => json!({
            "type": "integer",
            "minimum": least,
            "maximum": most,
            "default": usual,
        }),
        Range::Choice(of) => json!({
            "type": "string",
            "enum": of.iter().map(|choice| choice.id).collect::<Vec<_>>(),
            "choices": of,
            "default": parameter.range.usual(),
        }),
        Range::Job => json!({ "type": "string", "format": "uuid" }),
    };
    schema["title"] = parameter.title.en.into();
    schema["titles"] = json!(parameter.title);
    (parameter.name.to_owned(), schema)
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct AskedForMany {
    terminals: Vec<String>,
    remedy: String,
    #[serde(default)]
    params: Json,
    #[serde(default)]
    reason: String,
    deadline_seconds: Option<i64>,
}

/// The ids of the jobs in the order of their terminals' ids; terminals that are not there or revoked are named.
pub async fn create_many(Caller(cx): Caller, bytes: Bytes) -> Result<(StatusCode, AsJson<Json>), Problem> {
    let asked: AskedForMany = body(&bytes)?;
    let terminals = asked.terminals.iter().map(|text| id(text)).collect::<Result<_, _>>()?;
    let orders = Orders {
        terminals,
        remedy: remedy(&asked.remedy, &asked.params)?,
        life: asked.deadline_seconds.map(Span::seconds),
        reason: asked.reason,
    };
    let ordered = jobs::create_many(&cx, orders).await?;
    let jobs: Vec<JobId> = ordered.jobs.iter().map(|job| job.id).collect();
    Ok((
        StatusCode::CREATED,
        AsJson(json!({ "jobs": jobs, "left_out": ordered.left_out })),
    ))
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct Wanted {
    terminal: Option<String>,
    before: Option<String>,
    limit: Option<u32>,
}

pub async fn list(Caller(cx): Caller, Query(wanted): Query<Wanted>) -> Answer {
    let filter = JobFilter {
        terminal: wanted.terminal.as_deref().map(id).transpose()?,
        before: wanted.before.as_deref().map(id).transpose()?,
    };
    let limit = wanted.limit.unwrap_or(50).clamp(1, 500);
    let page = jobs::list(&cx, filter, limit).await?;
    let next = page.last().filter(|_| page.len() == limit as usize).map(|job| job.id);
    Ok(AsJson(
        json!({ "items": page.iter().map(item).collect::<Vec<_>>(), "next": next }),
    ))
}

pub async fn get(Caller(cx): Caller, Path(text): Path<String>) -> Answer {
    let detail = jobs::get(&cx, id::<JobId>(&text)?).await?;
    let steps: Vec<Json> = detail
        .steps
        .iter()
        .map(|step| {
            json!({
                "attempt": step.attempt,
                "number": step.number,
                "name": step.name,
                "state": step.phase.name(),
                "evidence": step.evidence,
                "words": evidence::words(&step.evidence),
                "at": step.at.rfc3339(),
            })
        })
        .collect();
    let mut answer = item(&detail.job);
    if let Some(answer) = answer.as_object_mut() {
        answer.insert("steps".into(), json!(steps));
        let undo = detail
            .undo
            .as_deref()
            .and_then(|text| serde_json::from_str::<Json>(text).ok());
        answer.insert("undo".into(), json!(undo));
        answer.insert("can_undo".into(), json!(jobs::can_undo(&detail)));
        answer.insert("undone_by".into(), json!(detail.undone_by));
        answer.insert("asks".into(), json!(detail.job.asks(&detail.steps)));
        answer.insert("record".into(), json!(detail.record));
    }
    Ok(AsJson(answer))
}

/// The text that was fetched; reading it is written down.
pub async fn record(Caller(cx): Caller, Path(text): Path<String>) -> Answer {
    let fetched = jobs::fetched(&cx, id(&text)?, jobs::Read::Downloaded).await?;
    Ok(AsJson(json!({
        "job": fetched.job.id,
        "terminal": fetched.job.terminal,
        "record": fetched.job.remedy.params()["record"],
        "at": fetched.record.at.rfc3339(),
        "cut": fetched.record.cut,
        "text": fetched.record.text,
    })))
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct ReadOut {
    code: String,
}

/// Taken for passing on; whether the code was right is seen in the job's steps.
pub async fn consent(
    Caller(cx): Caller,
    Path(text): Path<String>,
    bytes: Bytes,
) -> Result<(StatusCode, AsJson<Json>), Problem> {
    let ReadOut { code } = body(&bytes)?;
    let job = id(&text)?;
    jobs::pass_on_code(&cx, job, &code).await?;
    Ok((StatusCode::ACCEPTED, AsJson(json!({ "id": job }))))
}

pub async fn cancel(Caller(cx): Caller, Path(text): Path<String>, bytes: Bytes) -> Answer {
    let because: Because = body(&bytes)?;
    let job = jobs::cancel(&cx, id(&text)?, &because.reason).await?;
    Ok(AsJson(item(&job)))
}
