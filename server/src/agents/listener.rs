//! Connections after their handshake: who is at the other end, HTTP/2 with every limit spelt out, and an end for those
//! that serve no purpose.

use std::collections::VecDeque;
use std::convert::Infallible;
use std::net::SocketAddr;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, AtomicUsize, Ordering};
use std::time::Duration;

use http::{Request, Response};
use hyper::body::Incoming;
use hyper::server::conn::http2;
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use kaishin_domain::id::TerminalId;
use kaishin_domain::terminal::KeyHash;
use kaishin_proto::v1::enrolment_server::EnrolmentServer;
use kaishin_proto::v1::fleet_server::{FleetServer, SERVICE_NAME as FLEET};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tonic::body::Body;
use tower::Service as _;
use tracing::debug;

use super::enrolment::EnrolmentService;
use super::session::FleetService;
use crate::pki::{Secured, SecuredStream, terminal_of};

/// A terminal opens one stream at a time; the second is for one that overlaps.
const STREAMS: u32 = 4;
/// A terminal that was switched off without a word is noticed within the sum of these.
const KEEP_ALIVE: Duration = Duration::from_secs(45);
const KEEP_ALIVE_ANSWER: Duration = Duration::from_secs(15);
const HEADERS: u32 = 8 * 1024;
const WINDOW: u32 = 256 * 1024;
const FRAME: u32 = 16 * 1024;
const SENT_AHEAD: usize = 64 * 1024;
const RESETS_PENDING: usize = 16;
const RESETS_OURS: usize = 64;
/// How long a connection that is over may take to end in order.
const LINGER: Duration = Duration::from_secs(3);
/// Callers without a certificate at one time; the next are turned away and come back.
const STRANGERS: usize = 8_192;
/// A connection without a session is looked at after so many turns, and ended.
const TURN: Duration = Duration::from_secs(10);
const TURNS_UNUSED: u64 = 6;

/// Who is at the other end, as the handshake proved it.
#[derive(Clone, Debug)]
pub struct Caller {
    pub peer: SocketAddr,
    /// None for one who showed no certificate: it may ask to enrol, and nothing else.
    pub terminal: Option<(TerminalId, KeyHash)>,
    pub line: Arc<Line>,
}

/// One connection, as long as it lasts.
#[derive(Debug)]
pub struct Line {
    sessions: AtomicU32,
    over: CancellationToken,
}

impl Line {
    /// Held by a session; when the last one is dropped, so is the connection.
    pub fn hold(self: &Arc<Line>) -> Held {
        self.sessions.fetch_add(1, Ordering::Relaxed);
        Held(self.clone())
    }

    fn end_if_unused(&self) {
        if self.sessions.load(Ordering::Relaxed) == 0 {
            self.over.cancel();
        }
    }
}

#[derive(Debug)]
pub struct Held(Arc<Line>);

impl Drop for Held {
    fn drop(&mut self) {
        if self.0.sessions.fetch_sub(1, Ordering::Relaxed) == 1 {
            self.0.over.cancel();
        }
    }
}

/// What is served on the port.
#[derive(Clone)]
pub struct Services {
    pub fleet: FleetServer<FleetService>,
    pub enrolment: EnrolmentServer<EnrolmentService>,
}

/// The connections that are open.
#[derive(Clone)]
pub struct Lines {
    tracker: TaskTracker,
    over: CancellationToken,
    strangers: Arc<AtomicUsize>,
}

impl Lines {
    pub fn new() -> Lines {
        Lines {
            tracker: TaskTracker::new(),
            over: CancellationToken::new(),
            strangers: Arc::default(),
        }
    }

    /// Takes connections for as long as it is polled; those it took go on without it.
    pub async fn accept(&self, mut port: Secured, services: Services, trust_domain: &str) {
        let http = builder();
        let mut turn = 0u64;
        let mut unused: VecDeque<(u64, Arc<Line>)> = VecDeque::new();
        let mut turns = tokio::time::interval(TURN);
        loop {
            let (stream, peer) = tokio::select! {
                taken = port.next() => taken,
                _ = turns.tick() => {
                    turn += 1;
                    while unused.front().is_some_and(|(since, _)| since + TURNS_UNUSED <= turn) {
                        if let Some((_, line)) = unused.pop_front() {
                            line.end_if_unused();
                        }
                    }
                    continue;
                }
            };
            let (_, tls) = stream.get_ref();
            let shown = tls.peer_certificates().and_then(|chain| chain.first());
            let terminal = shown.and_then(|certificate| terminal_of(certificate, trust_domain));
            let stranger = match terminal {
                Some(_) => None,
                None => match Stranger::admit(&self.strangers) {
                    Some(stranger) => Some(stranger),
                    None => {
                        metrics::counter!("kaishin_connections_refused_total", "reason" => "strangers").increment(1);
                        debug!(%peer, "too many callers without a certificate");
                        continue;
                    }
                },
            };
            let line = Arc::new(Line {
                sessions: AtomicU32::new(0),
                over: self.over.child_token(),
            });
            unused.push_back((turn, line.clone()));
            let caller = Caller { peer, terminal, line };
            let talk = converse(http.clone(), stream, services.clone(), caller);
            self.tracker.spawn(async move {
                let open = metrics::gauge!("kaishin_connections");
                open.increment(1.0);
                talk.await;
                open.decrement(1.0);
                drop(stranger);
            });
        }
    }

    /// Ends what is still open, in order; returns when all is.
    pub async fn end(&self) {
        self.over.cancel();
        self.tracker.close();
        self.tracker.wait().await;
    }
}

struct Stranger(Arc<AtomicUsize>);

impl Stranger {
    fn admit(count: &Arc<AtomicUsize>) -> Option<Stranger> {
        let stranger = Stranger(count.clone());
        (count.fetch_add(1, Ordering::Relaxed) < STRANGERS).then_some(stranger)
    }
}

impl Drop for Stranger {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

fn builder() -> http2::Builder<TokioExecutor> {
    let mut http = http2::Builder::new(TokioExecutor::new());
    http.timer(TokioTimer::new())
        .auto_date_header(false)
        .max_concurrent_streams(STREAMS)
        .keep_alive_interval(KEEP_ALIVE)
        .keep_alive_timeout(KEEP_ALIVE_ANSWER)
        .max_header_list_size(HEADERS)
        .max_pending_accept_reset_streams(RESETS_PENDING)
        .max_local_error_reset_streams(RESETS_OURS)
        .initial_stream_window_size(WINDOW)
        .initial_connection_window_size(WINDOW)
        .max_frame_size(FRAME)
        .max_send_buf_size(SENT_AHEAD);
    http
}

async fn converse(http: http2::Builder<TokioExecutor>, stream: SecuredStream, services: Services, caller: Caller) {
    let (peer, line) = (caller.peer, caller.line.clone());
    let service = service_fn(move |mut request: Request<Incoming>| {
        request.extensions_mut().insert(caller.clone());
        serve(services.clone(), request)
    });
    let mut connection = pin!(http.serve_connection(TokioIo::new(stream), service));
    let ended = tokio::select! {
        ended = connection.as_mut() => ended,
        () = line.over.cancelled() => {
            connection.as_mut().graceful_shutdown();
            // One that does not let go is let go of.
            tokio::time::timeout(LINGER, connection).await.unwrap_or(Ok(()))
        }
    };
    if let Err(error) = ended {
        debug!(%peer, %error, "a connection broke");
    }
}

async fn serve(mut services: Services, request: Request<Incoming>) -> Result<Response<Body>, Infallible> {
    let service = request.uri().path().split('/').nth(1);
    if service == Some(FLEET) {
        services.fleet.call(request).await
    } else {
        // Answers what it does not know as unimplemented.
        services.enrolment.call(request).await
    }
}
