//! Errors as RFC 9457 problem details, in both languages.

use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde_json::json;
use tracing::error;

use crate::app::{AppError, Kind};

#[derive(Debug)]
pub struct Problem(pub AppError);

impl From<AppError> for Problem {
    fn from(error: AppError) -> Self {
        Problem(error)
    }
}

pub fn status(kind: Kind) -> StatusCode {
    match kind {
        Kind::NotFound => StatusCode::NOT_FOUND,
        Kind::Unknown => StatusCode::UNAUTHORIZED,
        Kind::Denied => StatusCode::FORBIDDEN,
        Kind::Invalid => StatusCode::UNPROCESSABLE_ENTITY,
        Kind::Conflict => StatusCode::CONFLICT,
        Kind::TooMany => StatusCode::TOO_MANY_REQUESTS,
        Kind::Internal => StatusCode::INTERNAL_SERVER_ERROR,
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let status = status(self.0.kind);
        self.with_status(status)
    }
}

impl Problem {
    /// What the framework refuses has a status of its own.
    pub fn with_status(self, status: StatusCode) -> Response {
        let Problem(problem) = self;
        if problem.kind == Kind::Internal {
            error!(code = problem.code, error = ?problem, "a request failed");
        }
        let mut body = json!({
            "type": "about:blank",
            "title": problem.words.en,
            "title_ja": problem.words.ja,
            "status": status.as_u16(),
            "code": problem.code,
        });
        if let (Some(body), Some(detail)) = (body.as_object_mut(), problem.detail.as_object()) {
            body.extend(detail.clone());
        }
        let challenge = (problem.kind == Kind::Unknown).then_some([(header::WWW_AUTHENTICATE, "Bearer")]);
        (
            status,
            challenge,
            [(header::CONTENT_TYPE, "application/problem+json")],
            body.to_string(),
        )
            .into_response()
    }
}
