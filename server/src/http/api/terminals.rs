//! `/api/v1/overview` and `/api/v1/terminals…`.

use std::collections::BTreeMap;

use axum::Json as AsJson;
use axum::body::Bytes;
use axum::extract::Path;
use axum::response::Response;
use kaishin_domain::expr::Field;
use kaishin_domain::remedy::Remedy;
use kaishin_domain::terminal::{Hold, Standing, Terminal};
use kaishin_domain::time::Time;
use kaishin_domain::value::Value;
use serde_json::{Value as Json, json};

use super::rules::{citation, contradiction};
use super::{Answer, Because, Caller, Problem, Query, body, facilities, id, jobs};
use crate::app::listing::{Cell, cell};
use crate::app::terminals::{self, SectionRow};
use crate::http::listing::Wanted;
use crate::http::routes::{Needs, Routes};
use crate::index::Row;
use kaishin_domain::access::Permission;

pub fn routes() -> Routes {
    let needs = Needs::Permission;
    Routes::new()
        .get("/api/v1/overview", needs(Permission::ViewFleet), overview)
        .get("/api/v1/terminals", needs(Permission::ViewFleet), list)
        .get("/api/v1/terminals.csv", needs(Permission::ViewFleet), csv)
        .get("/api/v1/terminals.xlsx", needs(Permission::ViewFleet), xlsx)
        .get("/api/v1/terminals/{id}", needs(Permission::ViewFleet), get)
        .post(
            "/api/v1/terminals/{id}/revoke",
            needs(Permission::RevokeTerminal),
            revoke,
        )
        .post(
            "/api/v1/terminals/{id}/release",
            needs(Permission::RevokeTerminal),
            release,
        )
}

pub async fn overview(Caller(cx): Caller) -> Answer {
    let overview = terminals::overview(&cx).await?;
    let counts = overview.counts;
    Ok(AsJson(json!({
        "terminals": counts.terminals,
        "online": counts.online,
        "offline": counts.offline,
        "pending": overview.pending,
        "faults": counts.faults,
        "by_fault": counts.by_fault,
        "revoked": counts.revoked,
        "duplicate": counts.duplicate,
        "incompatible": counts.incompatible,
    })))
}

pub async fn list(Caller(cx): Caller, Query(wanted): Query<Wanted>) -> Answer {
    let mut listing = wanted.listing(&cx)?;
    let chosen = listing.columns.clone();
    for key in ["hardware.manufacturer", "hardware.model", "os.version", "agent.version"] {
        listing.columns.extend(Field::find(key));
    }
    let page = listing.page(&cx, wanted.cursor()?.as_ref(), wanted.limit())?;
    let asked = wanted.columns.as_deref().is_some_and(|columns| !columns.is_empty());
    let told = |row: &Row| {
        let mut item = item(row);
        if let Some(item) = item.as_object_mut().filter(|_| asked) {
            let cells = chosen
                .iter()
                .map(|field| (field.name().to_owned(), json_cell(&cell(row, *field))));
            item.insert("columns".into(), Json::Object(cells.collect()));
        }
        item
    };
    Ok(AsJson(json!({
        "items": page.items.iter().map(told).collect::<Vec<_>>(),
        "total": page.total,
        "next": page.next.map(|cursor| cursor.to_string()),
    })))
}

fn json_cell(cell: &Cell) -> Json {
    match cell {
        Cell::Known(known) => value(known),
        Cell::Unknown(reason) => json!({ "unknown": reason }),
    }
}

pub async fn csv(Caller(cx): Caller, Query(wanted): Query<Wanted>) -> Result<Response, Problem> {
    Ok(wanted.csv(&cx)?)
}

pub async fn xlsx(Caller(cx): Caller, Query(wanted): Query<Wanted>) -> Result<Response, Problem> {
    Ok(wanted.xlsx(&cx).await?)
}

fn item(row: &Row) -> Json {
    let fact = |key: &str| row.entry.facts.get(key).map(value);
    json!({
        "id": row.entry.id,
        "hostname": row.entry.hostname,
        "institution_code": row.entry.institution,
        "online": row.online(),
        "online_since": row.online_since.map(Time::rfc3339),
        "last_seen": row.entry.last_seen.map(Time::rfc3339),
        "faults": row.entry.faults,
        "manufacturer": fact("hardware.manufacturer"),
        "model": fact("hardware.model"),
        "os_version": fact("os.version"),
        "agent_version": fact("agent.version"),
        "revoked": row.entry.flags.revoked,
        "duplicate": row.entry.flags.duplicate,
        "incompatible": row.entry.flags.incompatible,
    })
}

/// A fact's value as plain JSON; times as RFC 3339.
pub fn value(value: &Value) -> Json {
    match value {
        Value::Truth(truth) => json!(truth),
        Value::Number(number) => json!(number),
        Value::Text(text) => json!(text),
        Value::Version(version) => json!(version.0),
        Value::Time(time) => json!(time.rfc3339()),
        Value::Duration(span) => json!(span.as_seconds()),
        Value::Size(size) => json!(size),
        Value::List(items) => json!(items),
        Value::Table(table) => json!({ "columns": table.columns, "rows": table.rows }),
        Value::Unknown(unknown) => json!({ "unknown": unknown.reason, "detail": unknown.detail }),
    }
}

pub async fn get(Caller(cx): Caller, Path(text): Path<String>) -> Answer {
    let detail = terminals::get(&cx, id(&text)?).await?;
    let terminal = &detail.terminal;
    let faults: Vec<Json> = detail
        .faults
        .iter()
        .map(|fault| {
            let rule = cx.app.rules.rule(&fault.rule);
            json!({
                "rule": fault.rule,
                "severity": rule.map(|rule| rule.severity),
                "title": rule.map(|rule| &rule.title),
                "since": fault.opened_at.rfc3339(),
                "evidence": fault.evidence,
                "expected": fault.expected,
                "found": value(&fault.found),
                "before": fault.before.as_ref().map(value),
                "citation": rule.map(|rule| citation(&rule.source)),
                "contradiction": rule.and_then(|rule| rule.contradiction.as_ref()).map(contradiction),
                "remedy": rule.and_then(|rule| rule.remedy).map(Remedy::name),
                "procedure": rule.and_then(|rule| rule.procedure.as_ref()),
            })
        })
        .collect();
    let mut answer = about(terminal);
    if let Some(answer) = answer.as_object_mut() {
        answer.insert("online".into(), json!(detail.row.as_ref().is_some_and(Row::online)));
        let since = detail.row.as_ref().and_then(|row| row.online_since);
        answer.insert("online_since".into(), json!(since.map(Time::rfc3339)));
        let seen = detail
            .row
            .as_ref()
            .and_then(|row| row.entry.last_seen)
            .or(terminal.last_seen);
        answer.insert("last_seen".into(), json!(seen.map(Time::rfc3339)));
        answer.insert("facility".into(), facilities::of_terminal(&cx, terminal.id));
        answer.insert("facts".into(), json!(facts(&detail.sections)));
        answer.insert("faults".into(), json!(faults));
        answer.insert(
            "jobs".into(),
            json!(detail.jobs.iter().map(jobs::item).collect::<Vec<_>>()),
        );
    }
    Ok(AsJson(answer))
}

fn about(terminal: &Terminal) -> Json {
    let (state, reason) = match &terminal.standing {
        Standing::Active => ("active", None),
        Standing::Revoked { reason, .. } => ("revoked", Some(reason)),
    };
    let hold = terminal.hold.as_ref().map(|hold| match hold {
        Hold::Duplicate { since } => json!({ "kind": "duplicate", "since": since.rfc3339() }),
        Hold::Incompatible { since, agent_version } => {
            json!({ "kind": "incompatible", "since": since.rfc3339(), "agent_version": agent_version })
        }
    });
    json!({
        "id": terminal.id,
        "hostname": terminal.machine.hostname,
        "manufacturer": terminal.machine.manufacturer,
        "model": terminal.machine.model,
        "serial": terminal.machine.serial,
        "institution_code": terminal.institution_code,
        "agent_version": terminal.agent_version,
        "protocol_minor": terminal.minor,
        "generation": terminal.generation,
        "enrolled_at": terminal.enrolled_at.rfc3339(),
        "certificate_until": terminal.certificate_until.rfc3339(),
        "state": state,
        "revoke_reason": reason,
        "hold": hold,
    })
}

/// key -> {value, at} or {unknown, detail, at}.
fn facts(sections: &[SectionRow]) -> BTreeMap<String, Json> {
    let mut all = BTreeMap::new();
    for section in sections {
        let at = section.observed_at.rfc3339();
        for (key, found) in &section.facts {
            let told = match found {
                Value::Unknown(unknown) => json!({ "unknown": unknown.reason, "detail": unknown.detail, "at": at }),
                Value::Truth(_)
                | Value::Number(_)
                | Value::Text(_)
                | Value::Version(_)
                | Value::Time(_)
                | Value::Duration(_)
                | Value::Size(_)
                | Value::List(_)
                | Value::Table(_) => json!({ "value": value(found), "at": at }),
            };
            all.insert(key.clone(), told);
        }
    }
    all
}

pub async fn revoke(Caller(cx): Caller, Path(text): Path<String>, bytes: Bytes) -> Answer {
    let because: Because = body(&bytes)?;
    let id = id(&text)?;
    terminals::revoke(&cx, id, or_api(&because.reason)).await?;
    Ok(AsJson(json!({ "id": id, "state": "revoked" })))
}

pub async fn release(Caller(cx): Caller, Path(text): Path<String>, bytes: Bytes) -> Answer {
    let because: Because = body(&bytes)?;
    let id = id(&text)?;
    terminals::release(&cx, id, or_api(&because.reason)).await?;
    Ok(AsJson(json!({ "id": id, "hold": null })))
}

/// A program that gives no reason is its own reason; people on pages must give one.
pub fn or_api(reason: &str) -> &str {
    if reason.trim().is_empty() { "API" } else { reason }
}
