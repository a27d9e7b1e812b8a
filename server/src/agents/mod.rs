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

use kaishin_domain::time::Span;
use kaishin_proto::limits::MAX_MESSAGE;
use kaishin_proto::v1::enrolment_server::EnrolmentServer;
use kaishin_proto::v1::fleet_server::FleetServer;
use tokio_util::sync::CancellationToken;
use tonic::transport::Server;
use tracing::{error, info};

use crate::app::App;
use crate::pki::Secured;

/// A request to become known is one certificate request and a few names.
const MAX_ENROLMENT: usize = 16 * 1024;
/// What the server sends is small; offers and certificates are the largest.
const MAX_SENT: usize = 64 * 1024;
/// A terminal opens one stream at a time; the second is for a renewal that overlaps.
const STREAMS: u32 = 4;
/// A terminal that was switched off without a word is noticed within the sum of these.
const KEEP_ALIVE: Duration = Duration::from_secs(45);
const KEEP_ALIVE_ANSWER: Duration = Duration::from_secs(15);
const HEADERS: u32 = 8 * 1024;
const WINDOW: u32 = 256 * 1024;
const FRAME: u32 = 16 * 1024;
/// How long the last words may take to reach the terminals.
const LAST_WORDS: Span = Span::seconds(3);

/// Serves until told to stop, then says goodbye to everybody and returns.
pub async fn serve(app: Arc<App>, port: Secured, stop: CancellationToken) {
    let hub = hub::Hub::new(app.clone());
    let dispatching = tokio::spawn(stop.clone().run_until_cancelled_owned(hub.clone().dispatch()));
    let fleet = FleetServer::new(session::FleetService::new(app.clone(), hub.clone()))
        .max_decoding_message_size(MAX_MESSAGE)
        .max_encoding_message_size(MAX_SENT);
    let enrolment = EnrolmentServer::new(enrolment::EnrolmentService::new(app.clone()))
        .max_decoding_message_size(MAX_ENROLMENT)
        .max_encoding_message_size(MAX_SENT);
    let drained = {
        let (hub, app, stop) = (hub.clone(), app.clone(), stop.clone());
        async move {
            stop.cancelled().await;
            let count = hub.goodbye_all();
            info!(sessions = count, "saying goodbye to the terminals");
            hub.emptied(app.now() + LAST_WORDS).await;
        }
    };
    let served = Server::builder()
        .tcp_nodelay(true)
        .max_concurrent_streams(STREAMS)
        .http2_keepalive_interval(Some(KEEP_ALIVE))
        .http2_keepalive_timeout(Some(KEEP_ALIVE_ANSWER))
        .http2_max_header_list_size(HEADERS)
        .http2_max_pending_accept_reset_streams(Some(16))
        .http2_max_local_error_reset_streams(Some(64))
        .initial_stream_window_size(WINDOW)
        .initial_connection_window_size(WINDOW)
        .max_frame_size(FRAME)
        .add_service(fleet)
        .add_service(enrolment)
        .serve_with_incoming_shutdown(listener::incoming(port, app), drained)
        .await;
    if let Err(error) = served {
        error!(%error, "the agents' port failed");
    }
    // It was told to stop and has nothing to say.
    let _ = dispatching.await;
}
