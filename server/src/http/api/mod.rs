//! The JSON API at `/api/v1`: the same use cases as the pages, for programs with a token. Names here are promises.

mod audit;
mod caller;
mod calls;
mod checklist;
mod enrolment;
mod facilities;
mod finding;
mod history;
mod jobs;
mod problem;
mod query;
mod rules;
mod terminals;

use serde_json::{Value as Json, json};

pub use caller::Caller;
pub use calls::record as call_record;
pub use checklist::name as stand_name;
pub use jobs::bad_order;
pub use problem::{Problem, status};
pub use query::Query;

use super::routes::{Needs, Routes};
use crate::app::AppError;

pub fn routes() -> Routes {
    Routes::new()
        .get("/api/v1/me", Needs::SignIn, me)
        .merge(terminals::routes())
        .merge(finding::routes())
        .merge(history::routes())
        .merge(checklist::routes())
        .merge(jobs::routes())
        .merge(calls::routes())
        .merge(facilities::routes())
        .merge(enrolment::routes())
        .merge(audit::routes())
        .merge(rules::routes())
}

async fn me(Caller(cx): Caller) -> axum::Json<Json> {
    axum::Json(json!({ "name": cx.actor.name, "role": cx.actor.role }))
}

/// Every answer is JSON; every error is a problem with a stable code.
pub type Answer = Result<axum::Json<Json>, Problem>;

/// The body of requests that only give a reason.
#[derive(Debug, Default, serde::Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Because {
    pub reason: String,
}

/// An id in a path that is no id names nothing that exists.
pub fn id<T: std::str::FromStr>(text: &str) -> Result<T, AppError> {
    text.parse().map_err(|_| {
        AppError::not_found(
            "E-INPUT-02",
            "この番号のものは見つかりません。",
            "There is nothing with this id.",
        )
    })
}

/// JSON of a body; an empty one is an empty object.
pub fn body<T: serde::de::DeserializeOwned>(bytes: &[u8]) -> Result<T, AppError> {
    let bytes = if bytes.iter().all(u8::is_ascii_whitespace) {
        b"{}"
    } else {
        bytes
    };
    serde_json::from_slice(bytes).map_err(|error| {
        AppError::invalid(
            "E-INPUT-03",
            format!(
                "送られたJSONを読み取れません（{}行目{}文字目）。",
                error.line(),
                error.column()
            ),
            format!("The JSON sent does not read: {error}."),
        )
    })
}
