//! The agents' edge: one port, one stream per terminal. Here the wire becomes use cases and wake-ups become messages;
//! nothing is decided here, and nothing a terminal says is believed about who it is.

mod enrolment;
mod hub;
mod listener;
mod rate;
mod session;
mod wire;

use std::sync::Arc;
use std::time::Duration;

use kaishin_proto::limits::MAX_MESSAGE;
use kaishin_proto::v1::enrolment_server::EnrolmentServer;
use kaishin_proto::v1::fleet_server::FleetServer;
use tokio_util::sync::CancellationToken;
use tracing::info;

use crate::app::App;
use crate::pki::Secured;

/// A request to become known is one certificate request and a few names.
const MAX_ENROLMENT: usize = 16 * 1024;
/// What the server sends is small; offers and certificates are the largest.
const MAX_SENT: usize = 128 * 1024;
/// How long the last words may take to reach the terminals.
const LAST_WORDS: Duration = Duration::from_secs(3);

/// Serves until told to stop, then says goodbye to everybody and returns.
pub async fn serve(app: Arc<App>, port: Secured, stop: CancellationToken) {
    let hub = hub::Hub::new(app.clone());
    let services = listener::Services {
        fleet: FleetServer::new(session::FleetService::new(app.clone(), hub.clone()))
            .max_decoding_message_size(MAX_MESSAGE)
            .max_encoding_message_size(MAX_SENT),
        enrolment: EnrolmentServer::new(enrolment::EnrolmentService::new(app.clone()))
            .max_decoding_message_size(MAX_ENROLMENT)
            .max_encoding_message_size(MAX_SENT),
    };
    let lines = listener::Lines::new();
    // Neither ends before it is told to.
    let _ = stop
        .run_until_cancelled(async {
            tokio::join!(
                lines.accept(port, services, app.ca.trust_domain()),
                hub.clone().dispatch(),
                hub.clone().spread_profiles(),
                hub.clone().spread_sites()
            )
        })
        .await;
    let count = hub.goodbye_all();
    info!(sessions = count, "saying goodbye to the terminals");
    // Those that do not go are cut off.
    let _ = tokio::time::timeout(LAST_WORDS, hub.emptied()).await;
    lines.end().await;
}

#[cfg(test)]
mod tests;
