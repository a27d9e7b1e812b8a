//! The faces for people and programs: pages, the JSON API, live events, health. Here requests become use cases and
//! answers become text; nothing is decided here.

mod api;
mod health;
mod routes;
mod serve;
mod sse;

use std::sync::Arc;

use axum::Extension;
use axum::extract::DefaultBodyLimit;
use metrics_exporter_prometheus::PrometheusHandle;
use tokio_util::sync::CancellationToken;

pub use routes::{Needs, Route, Routes};
pub use serve::Port;

use crate::app::App;

const MAX_BODY: usize = 1024 * 1024;

fn routes() -> Routes {
    Routes::new().merge(api::routes()).merge(health::routes())
}

/// Every route there is, with what it needs.
pub fn route_table() -> Vec<Route> {
    routes().table().to_vec()
}

/// Serves until told to stop.
pub async fn serve(app: Arc<App>, port: Port, metrics: Option<PrometheusHandle>, stop: CancellationToken) {
    let live = sse::Live::new(stop.clone());
    let numbering = tokio::spawn(live.clone().run(app.clone()));
    let router = routes()
        .into_router()
        .layer(DefaultBodyLimit::max(MAX_BODY))
        .layer(Extension(live))
        .layer(Extension(metrics))
        .with_state(app);
    serve::run(router, port, stop).await;
    // It ends with the same word.
    let _ = numbering.await;
}
