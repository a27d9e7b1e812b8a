//! Tokens for programs. Only who manages operators issues them, and such a one may everything: no token can do more than
//! its issuer.

use std::sync::Arc;

use kaishin_domain::access::{Actor, Permission, Role, Scope, Who};
use kaishin_domain::id::TokenId;
use kaishin_domain::time::Span;
use serde_json::json;

use super::check_name;
use crate::app::error::AppError;
use crate::app::{App, Change, Cx, secret};
use crate::store::{ApiToken, StoreError};

const LONGEST_LIFE: Span = Span::days(366);

const PREFIX: &str = "ka";

/// Answers the token's text too, which is shown once.
pub async fn create_api_token(cx: &Cx, name: &str, role: Role, life: Span) -> Result<(ApiToken, String), AppError> {
    cx.require(Permission::ManageOperators, Scope::Fleet)?;
    check_name(name)?;
    if life <= Span(0) || life > LONGEST_LIFE {
        return Err(AppError::invalid(
            "E-API-TOKEN-01",
            "APIトークンの期間は1年以内にしてください。",
            "An API token lives at most one year.",
        ));
    }
    let made = secret::make(cx.app.entropy, PREFIX);
    let token = ApiToken {
        id: TokenId::new(cx.now(), cx.app.entropy.bytes()),
        name: name.to_owned(),
        role,
        created_at: cx.now(),
        created_by: cx.actor.name.clone(),
        expires_at: cx.now() + life,
        revoked_at: None,
    };
    let event = cx.event(
        "api-token.create",
        format!("api-token:{}", token.id),
        "",
        json!(null),
        json!({ "name": name, "role": role, "expires_at": token.expires_at.rfc3339() }),
    );
    let row = token.clone();
    cx.app
        .store
        .write::<_, AppError, _>(move |tx| {
            Box::pin(async move {
                tx.insert_api_token(&row, made.kept).await?;
                tx.audit(event).await?;
                Ok(())
            })
        })
        .await?;
    cx.app.bus.changed(Change::Audit);
    Ok((token, made.shown))
}

/// Newest first.
pub async fn api_tokens(cx: &Cx) -> Result<Vec<ApiToken>, AppError> {
    cx.require(Permission::ManageOperators, Scope::Fleet)?;
    Ok(cx.app.store.api_tokens().await?)
}

/// Holds from the token's next request on.
pub async fn revoke_api_token(cx: &Cx, id: TokenId, reason: &str) -> Result<(), AppError> {
    cx.require(Permission::ManageOperators, Scope::Fleet)?;
    let reason = cx.reason(reason)?;
    let now = cx.now();
    let event = cx.event(
        "api-token.revoke",
        format!("api-token:{id}"),
        &reason,
        json!({ "revoked": false }),
        json!({ "revoked": true }),
    );
    let done = cx.app.store.write(move |tx| {
        Box::pin(async move {
            tx.revoke_api_token(id, now).await?;
            tx.audit(event).await?;
            Ok(())
        })
    });
    done.await.map_err(|error: StoreError| {
        if !matches!(error, StoreError::LostRace(_)) {
            return AppError::from(error);
        }
        AppError::not_found(
            "E-API-TOKEN-02",
            "そのAPIトークンはないか、すでに失効しています。",
            "There is no such API token, or it has been revoked already.",
        )
    })?;
    cx.app.bus.changed(Change::Audit);
    Ok(())
}

/// Whose token this is; None: nobody's, or no longer valid.
pub async fn bearer(app: &Arc<App>, token: &str) -> Result<Option<Actor>, AppError> {
    let Some(found) = app.store.api_token(secret::hash(token)).await? else {
        return Ok(None);
    };
    if found.revoked_at.is_some() || app.now() >= found.expires_at {
        return Ok(None);
    }
    Ok(Some(Actor {
        who: Who::Token(found.id),
        name: format!("api:{}", found.name),
        role: found.role,
    }))
}
