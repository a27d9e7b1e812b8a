//! `/api/v1/enrolment…`: tokens and the machines that wait for a person.

use axum::Json as AsJson;
use axum::body::Bytes;
use axum::extract::Path;
use axum::http::StatusCode;
use kaishin_domain::enrolment::{EnrolmentRequest, EnrolmentToken, TokenScope, TokenStanding};
use kaishin_domain::time::{Span, Time};
use serde::Deserialize;
use serde_json::{Value as Json, json};

use super::terminals::or_api;
use super::{Answer, Because, Caller, Problem, body, id};
use crate::app::enrolment::{self, NewToken};
use crate::http::routes::{Needs, Routes};
use kaishin_domain::access::Permission;

pub fn routes() -> Routes {
    let needs = Needs::Permission;
    Routes::new()
        .get("/api/v1/enrolment/tokens", needs(Permission::ViewTokens), tokens)
        .post(
            "/api/v1/enrolment/tokens",
            needs(Permission::ManageTokens),
            create_token,
        )
        .post(
            "/api/v1/enrolment/tokens/{id}/revoke",
            needs(Permission::ManageTokens),
            revoke_token,
        )
        .get("/api/v1/enrolment/pending", needs(Permission::ViewPending), pending)
        .post(
            "/api/v1/enrolment/pending/{id}/approve",
            needs(Permission::DecidePending),
            approve,
        )
        .post(
            "/api/v1/enrolment/pending/{id}/reject",
            needs(Permission::DecidePending),
            reject,
        )
}

fn token(token: &EnrolmentToken, now: Time) -> Json {
    let state = match token.standing(now) {
        TokenStanding::Valid => "valid",
        TokenStanding::Revoked => "revoked",
        TokenStanding::Expired => "expired",
        TokenStanding::UsedUp => "used-up",
    };
    json!({
        "id": token.id,
        "label": token.label,
        "most_uses": token.most_uses,
        "used": token.used,
        "expires_at": token.expires_at.rfc3339(),
        "carrier": token.scope.carrier,
        "prefecture": token.scope.prefecture,
        "institution_code": token.scope.institution_code,
        "created_at": token.created_at.rfc3339(),
        "created_by": token.created_by,
        "state": state,
    })
}

pub async fn tokens(Caller(cx): Caller) -> Answer {
    let now = cx.now();
    let tokens = enrolment::tokens(&cx).await?;
    Ok(AsJson(
        json!({ "items": tokens.iter().map(|one| token(one, now)).collect::<Vec<_>>() }),
    ))
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Asked {
    #[serde(default)]
    label: String,
    #[serde(default = "once")]
    uses: u32,
    #[serde(default = "three_days")]
    life_seconds: i64,
    carrier: Option<String>,
    prefecture: Option<String>,
    institution_code: Option<String>,
}

fn once() -> u32 {
    1
}

fn three_days() -> i64 {
    Span::hours(72).as_seconds()
}

/// The secret is in this answer and nowhere else.
pub async fn create_token(Caller(cx): Caller, bytes: Bytes) -> Result<(StatusCode, AsJson<Json>), Problem> {
    let asked: Asked = body(&bytes)?;
    let new = NewToken {
        label: asked.label,
        most_uses: asked.uses,
        life: Span::seconds(asked.life_seconds),
        scope: TokenScope {
            carrier: asked.carrier,
            prefecture: asked.prefecture,
            institution_code: asked.institution_code,
        },
    };
    let (made, secret) = enrolment::create_token(&cx, new).await?;
    let mut answer = token(&made, cx.now());
    if let Some(answer) = answer.as_object_mut() {
        answer.insert("token".into(), json!(secret));
    }
    Ok((StatusCode::CREATED, AsJson(answer)))
}

pub async fn revoke_token(Caller(cx): Caller, Path(text): Path<String>, bytes: Bytes) -> Answer {
    let because: Because = body(&bytes)?;
    enrolment::revoke_token(&cx, id(&text)?, &because.reason).await?;
    Ok(AsJson(json!({ "state": "revoked" })))
}

fn request(request: &EnrolmentRequest) -> Json {
    json!({
        "id": request.id,
        "machine": request.machine,
        "institution_code": request.institution_code,
        "agent_version": request.agent_version,
        "peer": request.peer,
        "cause": request.cause.name(),
        "clashes_with": request.clashes_with,
        "asked_at": request.asked_at.rfc3339(),
    })
}

pub async fn pending(Caller(cx): Caller) -> Answer {
    let pending = enrolment::pending_requests(&cx).await?;
    Ok(AsJson(
        json!({ "items": pending.iter().map(request).collect::<Vec<_>>() }),
    ))
}

pub async fn approve(Caller(cx): Caller, Path(text): Path<String>, bytes: Bytes) -> Answer {
    let because: Because = body(&bytes)?;
    let terminal = enrolment::approve(&cx, id(&text)?, &because.reason).await?;
    Ok(AsJson(json!({ "state": "approved", "terminal": terminal })))
}

pub async fn reject(Caller(cx): Caller, Path(text): Path<String>, bytes: Bytes) -> Answer {
    let because: Because = body(&bytes)?;
    enrolment::reject(&cx, id(&text)?, or_api(&because.reason)).await?;
    Ok(AsJson(json!({ "state": "rejected" })))
}
