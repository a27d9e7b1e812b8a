//! `/api/v1/audit`: who did what, and whether the record is whole.

use axum::Json as AsJson;
use serde::Deserialize;
use serde_json::json;

use super::{Answer, Caller, Query};
use crate::app::audit;
use crate::http::routes::{Needs, Routes};
use kaishin_domain::access::Permission;

pub fn routes() -> Routes {
    let needs = Needs::Permission;
    Routes::new()
        .get("/api/v1/audit", needs(Permission::ViewAudit), list)
        .get("/api/v1/audit/verify", needs(Permission::ViewAudit), verify)
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct Wanted {
    actor: Option<String>,
    target: Option<String>,
    before: Option<i64>,
    limit: Option<u32>,
}

pub async fn list(Caller(cx): Caller, Query(wanted): Query<Wanted>) -> Answer {
    let limit = wanted.limit.unwrap_or(50).clamp(1, 500);
    let filter = audit::Filter {
        actor: wanted.actor,
        target: wanted.target,
    };
    let entries = audit::recent(&cx, &filter, wanted.before, limit).await?;
    let next = entries
        .last()
        .filter(|_| entries.len() == limit as usize)
        .map(|entry| entry.number);
    Ok(AsJson(json!({ "items": entries, "next": next })))
}

pub async fn verify(Caller(cx): Caller) -> Answer {
    let verified = audit::verify(&cx, None).await?;
    let head = json!({ "number": verified.head.number, "seal": hex::encode(verified.head.seal) });
    Ok(AsJson(
        json!({ "whole": true, "entries": verified.entries, "head": head }),
    ))
}
