//! Prometheus metrics of this process. Never a label per terminal.

use std::sync::OnceLock;

use metrics_exporter_prometheus::{PrometheusBuilder, PrometheusHandle};

/// The recorder belongs to the process, however many servers a test starts in it.
pub fn handle() -> Option<PrometheusHandle> {
    static HANDLE: OnceLock<Option<PrometheusHandle>> = OnceLock::new();
    HANDLE
        .get_or_init(|| {
            let installed = PrometheusBuilder::new().install_recorder();
            installed
                .inspect_err(|error| tracing::warn!(%error, "no metrics: a recorder is installed already"))
                .ok()
        })
        .clone()
}
