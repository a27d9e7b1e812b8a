//! Who calls the API: the bearer of a token. Cookies mean nothing here, so no other site can make a browser call it.

use std::sync::Arc;

use axum::extract::FromRequestParts;
use axum::http::header;
use axum::http::request::Parts;

use super::problem::Problem;
use crate::app::{App, AppError, Cx, Kind, operators};

pub struct Caller(pub Cx);

impl FromRequestParts<Arc<App>> for Caller {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, app: &Arc<App>) -> Result<Caller, Problem> {
        let given = parts
            .headers
            .get(header::AUTHORIZATION)
            .and_then(|value| value.to_str().ok());
        let token = given
            .and_then(|value| value.strip_prefix("Bearer "))
            .unwrap_or_default();
        let actor = match token {
            "" => None,
            token => operators::bearer(app, token.trim()).await?,
        };
        let actor = actor.ok_or_else(|| {
            AppError::new(
                Kind::Unknown,
                "E-ACCESS-04",
                "有効なAPIトークンを Authorization: Bearer で指定してください。",
                "Give a valid API token as Authorization: Bearer.",
            )
        })?;
        Ok(Caller(app.on_behalf_of(actor)))
    }
}
