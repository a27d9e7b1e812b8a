//! The JSON API at `/api/v1`: the same use cases as the pages, for programs with a token. Names here are promises.

mod audit;
mod caller;
mod checklist;
mod enrolment;
mod finding;
mod history;
mod jobs;
mod problem;
mod terminals;

use kaishin_domain::access::Permission;
use serde_json::{Value as Json, json};

pub use caller::Caller;
pub use checklist::name as stand_name;
pub use problem::{Problem, status};

use super::routes::{Needs, Routes};
use crate::app::AppError;

pub fn routes() -> Routes {
    let needs = Needs::Permission;
    Routes::new()
        .get("/api/v1/me", Needs::SignIn, me)
        .get("/api/v1/overview", needs(Permission::ViewFleet), terminals::overview)
        .get("/api/v1/terminals", needs(Permission::ViewFleet), terminals::list)
        .get("/api/v1/terminals.csv", needs(Permission::ViewFleet), terminals::csv)
        .get("/api/v1/search", needs(Permission::ViewFleet), finding::search)
        .get("/api/v1/facets", needs(Permission::ViewFleet), finding::facets)
        .get("/api/v1/complete", needs(Permission::ViewFleet), finding::complete)
        .post("/api/v1/selections", needs(Permission::ViewFleet), finding::select)
        .get(
            "/api/v1/selections/{id}",
            needs(Permission::ViewFleet),
            finding::selection,
        )
        .get("/api/v1/views", needs(Permission::ViewFleet), finding::views)
        .post("/api/v1/views", needs(Permission::ViewFleet), finding::create_view)
        .post("/api/v1/views/{id}", needs(Permission::ViewFleet), finding::update_view)
        .post(
            "/api/v1/views/{id}/delete",
            needs(Permission::ViewFleet),
            finding::delete_view,
        )
        .get("/api/v1/terminals/{id}", needs(Permission::ViewFleet), terminals::get)
        .get(
            "/api/v1/terminals/{id}/history",
            needs(Permission::ViewFleet),
            history::list,
        )
        .get(
            "/api/v1/terminals/{id}/checklist",
            needs(Permission::ViewFleet),
            checklist::get,
        )
        .post(
            "/api/v1/terminals/{id}/revoke",
            needs(Permission::RevokeTerminal),
            terminals::revoke,
        )
        .post(
            "/api/v1/terminals/{id}/release",
            needs(Permission::RevokeTerminal),
            terminals::release,
        )
        // Which of the two permissions a job needs depends on its remedy; asking for facts is the lesser one.
        .post(
            "/api/v1/terminals/{id}/jobs",
            needs(Permission::RefreshFacts),
            jobs::create,
        )
        .get("/api/v1/jobs", needs(Permission::ViewFleet), jobs::list)
        .post("/api/v1/jobs/bulk", needs(Permission::RefreshFacts), jobs::create_many)
        .get("/api/v1/jobs/{id}", needs(Permission::ViewFleet), jobs::get)
        .post("/api/v1/jobs/{id}/cancel", needs(Permission::CancelJob), jobs::cancel)
        .get(
            "/api/v1/enrolment/tokens",
            needs(Permission::ViewTokens),
            enrolment::tokens,
        )
        .post(
            "/api/v1/enrolment/tokens",
            needs(Permission::ManageTokens),
            enrolment::create_token,
        )
        .post(
            "/api/v1/enrolment/tokens/{id}/revoke",
            needs(Permission::ManageTokens),
            enrolment::revoke_token,
        )
        .get(
            "/api/v1/enrolment/pending",
            needs(Permission::ViewPending),
            enrolment::pending,
        )
        .post(
            "/api/v1/enrolment/pending/{id}/approve",
            needs(Permission::DecidePending),
            enrolment::approve,
        )
        .post(
            "/api/v1/enrolment/pending/{id}/reject",
            needs(Permission::DecidePending),
            enrolment::reject,
        )
        .get("/api/v1/audit", needs(Permission::ViewAudit), audit::list)
        .get("/api/v1/audit/verify", needs(Permission::ViewAudit), audit::verify)
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
