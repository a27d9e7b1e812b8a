//! `/api/v1/rules` and `/api/v1/profile…`: what terminals are measured against.

use axum::Json as AsJson;
use axum::body::Bytes;
use axum::http::HeaderMap;
use kaishin_domain::access::Permission;
use kaishin_domain::rule::{Citation, Contradiction, Rule};
use serde::Deserialize;
use serde_json::{Value as Json, json};

use super::terminals::or_api;
use super::{Answer, Caller, Query, body};
use crate::app::{AppError, profile, rules};
use crate::http::routes::{Needs, Routes};

pub fn routes() -> Routes {
    let needs = Needs::Permission;
    Routes::new()
        .get("/api/v1/rules", needs(Permission::ViewFleet), list)
        .get("/api/v1/profile", needs(Permission::ViewFleet), profile)
        .put("/api/v1/profile", needs(Permission::PublishProfile), put_profile)
        .get("/api/v1/profile/versions", needs(Permission::ViewFleet), versions)
        .post("/api/v1/profile/check", needs(Permission::ViewFleet), check)
        .put("/api/v1/profile/draft", needs(Permission::EditProfile), put_draft)
        .post(
            "/api/v1/profile/draft/discard",
            needs(Permission::EditProfile),
            discard_draft,
        )
        .post(
            "/api/v1/profile/draft/publish",
            needs(Permission::PublishProfile),
            publish_draft,
        )
}

pub async fn list(Caller(cx): Caller) -> Answer {
    let items: Vec<Json> = rules::list(&cx)?
        .into_iter()
        .map(|(rule, open)| item(rule, open))
        .collect();
    Ok(AsJson(json!({
        "version": cx.app.rules.version,
        "profile_version": cx.app.rules.in_force().version,
        "items": items,
        "asleep": cx.app.rules.asleep(),
        "blind": cx.app.rules.blind(),
    })))
}

fn item(rule: &Rule, open: u64) -> Json {
    json!({
        "id": rule.id,
        "severity": rule.severity,
        "title": rule.title,
        "explanation": rule.explanation,
        "citation": citation(&rule.source),
        "contradiction": rule.contradiction.as_ref().map(contradiction),
        "applies": rule.applies.to_string(),
        "condition": rule.fault.to_string(),
        "unique": rule.unique,
        "evidence": rule.evidence,
        "other_evidence": rule.other_evidence,
        "expected": rule.expected,
        "remedy": rule.remedy.map(kaishin_domain::remedy::Remedy::name),
        "procedure": rule.procedure,
        "open": open,
    })
}

pub fn citation(citation: &Citation) -> Json {
    let words = citation.words();
    json!({
        "ja": words.ja,
        "en": words.en,
        "manual": citation.manual,
        "procedure": citation.procedure,
        "step": citation.step,
    })
}

pub fn contradiction(found: &Contradiction) -> Json {
    json!({ "label": Contradiction::label(), "words": found.words, "with": citation(&found.with) })
}

pub async fn profile(Caller(cx): Caller) -> Answer {
    let draft = profile::draft(&cx).await?.map(|(draft, changes)| {
        let body = serde_json::from_str::<Json>(&draft.body).ok();
        let (at, by) = (draft.saved_at.rfc3339(), &draft.saved_by);
        json!({
            "digest": draft.digest, "base": draft.base, "saved_at": at, "saved_by": by, "reason": draft.reason,
            "changes": changes, "profile": body,
        })
    });
    let current = profile::current(&cx)?;
    Ok(AsJson(json!({
        "version": current.version,
        "built_in": current.built_in,
        "profile": current.profile,
        "draft": draft,
        // How many terminals' verdicts are still to be brought up to it.
        "judging": cx.app.judging.progress(),
    })))
}

pub async fn versions(Caller(cx): Caller) -> Answer {
    let rows = profile::versions(&cx).await?;
    let steps = profile::steps(&rows);
    let items = rows.iter().zip(steps).map(|(row, changes)| {
        let built_in = row.published_by.is_empty();
        json!({
            "version": row.version,
            "written_by": (!built_in).then_some(&row.written_by),
            "published_by": (!built_in).then_some(&row.published_by),
            "published_at": (!built_in).then(|| row.published_at.rfc3339()),
            "reason": row.reason,
            "built_in": built_in,
            "changes": changes,
            "profile": serde_json::from_str::<Json>(&row.body).ok(),
        })
    });
    Ok(AsJson(json!({ "items": items.collect::<Vec<_>>() })))
}

#[derive(Default, Deserialize)]
#[serde(default)]
pub struct Asked {
    reason: String,
    /// The digest of the draft that this one takes the place of.
    instead_of: Option<String>,
}

/// A profile as it was sent: what is no UTF-8 does not read as JSON either, and the answer says where.
fn text(bytes: &[u8]) -> std::borrow::Cow<'_, str> {
    String::from_utf8_lossy(bytes)
}

/// The version that the author saw: `If-Match` names it, else the profile itself does.
fn seen(headers: &HeaderMap) -> Result<Option<u32>, AppError> {
    let told = headers.get("if-match");
    told.map(|told| version(told.to_str().unwrap_or_default())).transpose()
}

fn version(text: &str) -> Result<u32, AppError> {
    text.trim_matches(['"', ' ']).parse().map_err(|_| {
        AppError::invalid(
            "E-PROFILE-03",
            "If-Matchには端末設定の版の番号を入れてください。",
            "If-Match takes the number of the profile's version.",
        )
    })
}

/// The body is a profile; nothing is kept.
pub async fn check(Caller(cx): Caller, bytes: Bytes) -> Answer {
    Ok(AsJson(json!({ "changes": profile::check(&cx, &text(&bytes))? })))
}

/// The body is the profile.
pub async fn put_profile(Caller(cx): Caller, Query(asked): Query<Asked>, headers: HeaderMap, bytes: Bytes) -> Answer {
    let version = profile::set(&cx, &text(&bytes), seen(&headers)?, or_api(&asked.reason)).await?;
    Ok(AsJson(json!({ "version": version })))
}

/// The body is the profile.
pub async fn put_draft(Caller(cx): Caller, Query(asked): Query<Asked>, headers: HeaderMap, bytes: Bytes) -> Answer {
    let text = text(&bytes);
    let wish = profile::Wish {
        base: seen(&headers)?,
        text: &text,
        instead_of: asked.instead_of.as_deref(),
        reason: or_api(&asked.reason),
    };
    let draft = profile::save_draft(&cx, wish).await?;
    Ok(AsJson(json!({ "digest": draft.digest, "base": draft.base })))
}

#[derive(Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct Named {
    digest: String,
    /// Why it is discarded; what is published has the author's reason.
    reason: String,
}

pub async fn discard_draft(Caller(cx): Caller, bytes: Bytes) -> Answer {
    let named: Named = body(&bytes)?;
    profile::discard_draft(&cx, &named.digest, &named.reason).await?;
    Ok(AsJson(json!({ "digest": named.digest, "state": "discarded" })))
}

pub async fn publish_draft(Caller(cx): Caller, bytes: Bytes) -> Answer {
    let named: Named = body(&bytes)?;
    let version = profile::publish(&cx, &named.digest).await?;
    Ok(AsJson(json!({ "version": version })))
}
