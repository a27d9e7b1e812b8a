//! `/healthz`, `/readyz`, `/metrics`: for supervisors and monitors. They tell nothing about any terminal.

use std::sync::Arc;

use axum::Extension;
use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use metrics::gauge;
use metrics_exporter_prometheus::PrometheusHandle;

use super::routes::{Needs, Routes};
use crate::app::App;

pub fn routes() -> Routes {
    Routes::new()
        .get("/healthz", Needs::Nothing, alive)
        .get("/readyz", Needs::Nothing, ready)
        .get("/metrics", Needs::Nothing, metrics)
}

/// The process answers; that is all.
async fn alive() -> &'static str {
    "ok\n"
}

/// It can do its work: the database answers.
async fn ready(State(app): State<Arc<App>>) -> Response {
    match app.store.ping().await {
        Ok(()) => "ready\n".into_response(),
        Err(_) => (StatusCode::SERVICE_UNAVAILABLE, "the database does not answer\n").into_response(),
    }
}

async fn metrics(State(app): State<Arc<App>>, Extension(handle): Extension<Option<PrometheusHandle>>) -> Response {
    let Some(handle) = handle else {
        return (StatusCode::NOT_FOUND, "no metrics in this process\n").into_response();
    };
    let counts = app.index.counts();
    let states = [
        ("online", counts.online),
        ("offline", counts.offline),
        ("revoked", counts.revoked),
        ("duplicate", counts.duplicate),
        ("incompatible", counts.incompatible),
    ];
    for (state, count) in states {
        gauge!("kaishin_terminals", "state" => state).set(count as f64);
    }
    for (rule, count) in counts.by_fault {
        gauge!("kaishin_terminals_with_fault", "rule" => rule).set(count as f64);
    }
    ([(header::CONTENT_TYPE, "text/plain; version=0.0.4")], handle.render()).into_response()
}
