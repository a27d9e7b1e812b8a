//! `/api/v1/overview` and `/api/v1/terminals…`.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use axum::Json as AsJson;
use axum::body::Bytes;
use axum::extract::{Path, Query};
use axum::http::header;
use axum::response::{IntoResponse, Response};
use kaishin_domain::expr::Field;
use kaishin_domain::terminal::{Hold, Standing, Terminal};
use kaishin_domain::time::Time;
use kaishin_domain::value::Value;
use serde::Deserialize;
use serde_json::{Value as Json, json};

use super::{Answer, Because, Caller, Problem, body, id, jobs};
use crate::app::terminals::SectionRow;
use crate::app::{AppError, terminals};
use crate::index::{Cursor, Row, Sort};

const MOST: usize = 500;
const USUAL: usize = 50;

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

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct Wanted {
    q: String,
    sort: Option<String>,
    limit: Option<usize>,
    cursor: Option<String>,
}

impl Wanted {
    fn sort(&self) -> Result<Sort, AppError> {
        let Some(text) = self.sort.as_deref().filter(|text| !text.is_empty()) else {
            return Ok(Sort::default());
        };
        let (name, descending) = match text.strip_prefix('-') {
            Some(name) => (name, true),
            None => (text, false),
        };
        let field = Field::find(name).filter(|field| field.indexed()).ok_or_else(|| {
            AppError::invalid(
                "E-INPUT-04",
                format!("「{name}」では並べ替えできません。"),
                format!("The list cannot be sorted by {name:?}."),
            )
        })?;
        Ok(Sort { field, descending })
    }

    fn cursor(&self) -> Result<Option<Cursor>, AppError> {
        let given = self.cursor.as_deref().filter(|text| !text.is_empty());
        given.map(str::parse).transpose().map_err(|_| {
            AppError::invalid(
                "E-INPUT-05",
                "ページの位置が正しくありません。最初のページから開き直してください。",
                "The cursor does not read. Start from the first page.",
            )
        })
    }
}

pub async fn list(Caller(cx): Caller, Query(wanted): Query<Wanted>) -> Answer {
    let filter = terminals::parse_filter(&wanted.q)?;
    let limit = wanted.limit.unwrap_or(USUAL).clamp(1, MOST);
    let page = terminals::list(&cx, &filter, wanted.sort()?, wanted.cursor()?.as_ref(), limit).await?;
    Ok(AsJson(json!({
        "items": page.items.iter().map(item).collect::<Vec<_>>(),
        "total": page.total,
        "next": page.next.map(|cursor| cursor.to_string()),
    })))
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
fn value(value: &Value) -> Json {
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
            json!({
                "rule": fault.rule,
                "since": fault.opened_at.rfc3339(),
                "expected": fault.expected,
                "found": value(&fault.found),
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

/// Exactly what the list shows for the filter, all pages.
pub async fn csv(Caller(cx): Caller, Query(wanted): Query<Wanted>) -> Result<Response, Problem> {
    let filter = terminals::parse_filter(&wanted.q)?;
    let sort = wanted.sort()?;
    // Excel takes UTF-8 for what it is only with a mark.
    let mut text = String::from(
        "\u{feff}id,hostname,institution_code,online,last_seen,manufacturer,model,os_version,agent_version,faults\r\n",
    );
    let mut after = None;
    loop {
        let page = terminals::list(&cx, &filter, sort, after.as_ref(), MOST).await?;
        for row in &page.items {
            line(&mut text, row);
        }
        after = page.next;
        if after.is_none() {
            break;
        }
    }
    let headers = [
        (header::CONTENT_TYPE, "text/csv; charset=utf-8"),
        (header::CONTENT_DISPOSITION, "attachment; filename=\"terminals.csv\""),
    ];
    Ok((headers, text).into_response())
}

fn line(text: &mut String, row: &Row) {
    let fact = |key: &str| match row.entry.facts.get(key) {
        Some(Value::Text(text)) => text.clone(),
        Some(Value::Version(version)) => version.0.clone(),
        _ => String::new(),
    };
    let cells = [
        row.entry.id.to_string(),
        row.entry.hostname.clone(),
        row.entry.institution.clone().unwrap_or_default(),
        row.online().to_string(),
        row.entry.last_seen.map(Time::rfc3339).unwrap_or_default(),
        fact("hardware.manufacturer"),
        fact("hardware.model"),
        fact("os.version"),
        fact("agent.version"),
        row.entry.faults.join(" "),
    ];
    let cells: Vec<String> = cells.iter().map(|cell| quoted(cell)).collect();
    // Writing to a String cannot fail.
    let _ = write!(text, "{}\r\n", cells.join(","));
}

/// A cell that a spreadsheet would take for a formula is made text: what terminals say of themselves is not trusted.
pub fn quoted(cell: &str) -> String {
    let formula = cell.starts_with(['=', '+', '-', '@', '\t', '\r']);
    format!("\"{}{}\"", if formula { "'" } else { "" }, cell.replace('"', "\"\""))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cells_are_quoted_and_formulas_are_text() {
        assert_eq!(quoted("受付1"), "\"受付1\"");
        assert_eq!(quoted("a\"b"), "\"a\"\"b\"");
        assert_eq!(quoted("=cmd()"), "\"'=cmd()\"");
    }
}
