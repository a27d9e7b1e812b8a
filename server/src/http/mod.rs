//! The faces for people and programs: pages, the JSON API, live events, health. Here requests become use cases and
//! answers become text; nothing is decided here.

mod api;
mod assets;
mod auth;
mod call_told;
mod calls_query;
mod failure;
mod health;
mod ledger_query;
mod listing;
mod pages;
mod query;
mod routes;
mod serve;
mod sse;
mod words;

use std::sync::Arc;

use axum::Extension;
use axum::extract::DefaultBodyLimit;
use axum::middleware::{from_fn, from_fn_with_state};
use metrics_exporter_prometheus::PrometheusHandle;
use tokio_util::sync::CancellationToken;
use tower_http::compression::predicate::{NotForContentType, Predicate};
use tower_http::compression::{CompressionLayer, DefaultPredicate};

pub use query::address;
pub use routes::{Needs, Route, Routes};
pub use serve::Port;

use crate::app::App;

const MAX_BODY: usize = 1024 * 1024;

fn routes() -> Routes {
    Routes::new()
        .merge(pages::routes())
        .merge(api::routes())
        .merge(health::routes())
        .get("/events", Needs::SignIn, sse::events)
        .get("/static/{hash}/{*name}", Needs::Nothing, assets::serve)
}

/// Every route there is, with what it needs.
pub fn route_table() -> Vec<Route> {
    routes().table().to_vec()
}

/// Serves until told to stop.
pub async fn serve(app: Arc<App>, port: Port, metrics: Option<PrometheusHandle>, stop: CancellationToken) {
    let live = sse::Live::new(stop.clone());
    let numbering = tokio::spawn(live.clone().run(app.clone()));
    let secure = failure::Secure(matches!(port, Port::Secured(_)));
    // Fonts are compressed already; live events must not wait in a buffer.
    let compressible = DefaultPredicate::new().and(NotForContentType::new("font/"));
    let router = routes()
        .into_router()
        .fallback(failure::nowhere)
        .layer(DefaultBodyLimit::max(MAX_BODY))
        .layer(Extension(live))
        .layer(Extension(metrics))
        .layer(from_fn(auth::from_our_pages))
        .layer(from_fn_with_state(app.clone(), failure::dress))
        .layer(from_fn_with_state(secure, failure::strict))
        .layer(CompressionLayer::new().compress_when(compressible))
        .with_state(app);
    serve::run(router, port, stop).await;
    // It ends with the same word.
    let _ = numbering.await;
}
