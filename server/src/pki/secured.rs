//! A TCP listener whose connections have done their TLS handshake before anybody sees them; slow ones hold nobody up.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use kaishin_proto::clock::Clock;
use rustls::{CertificateError, ServerConfig};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc;
use tokio::task::JoinSet;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;
use tracing::debug;

const HANDSHAKE: Duration = Duration::from_secs(10);
/// Handshakes under way at once; more callers wait in the kernel's queue.
const AT_ONCE: usize = 2_048;
/// Handshakes that are done and wait to be taken.
const READY: usize = 64;
/// After an error of the listener itself, for example too many open files.
const BREATH: Duration = Duration::from_millis(200);

pub type SecuredStream = TlsStream<TcpStream>;

pub struct Secured {
    ready: mpsc::Receiver<(SecuredStream, SocketAddr)>,
    addr: SocketAddr,
    // Ends the accepting when this is dropped.
    _accepting: JoinSet<()>,
}

impl Secured {
    /// `port` is what its handshakes are counted under.
    pub fn start(listener: TcpListener, config: Arc<ServerConfig>, port: &'static str) -> io::Result<Secured> {
        let addr = listener.local_addr()?;
        let (done, ready) = mpsc::channel(READY);
        let mut accepting = JoinSet::new();
        accepting.spawn(accept(listener, TlsAcceptor::from(config), done, port));
        Ok(Secured {
            ready,
            addr,
            _accepting: accepting,
        })
    }

    /// Never ends by itself.
    pub async fn next(&mut self) -> (SecuredStream, SocketAddr) {
        match self.ready.recv().await {
            Some(stream) => stream,
            None => std::future::pending().await,
        }
    }

    pub fn local_addr(&self) -> SocketAddr {
        self.addr
    }
}

#[expect(
    clippy::disallowed_methods,
    reason = "a pause after a listener's error, on no clock but the machine's"
)]
async fn accept(
    listener: TcpListener,
    acceptor: TlsAcceptor,
    done: mpsc::Sender<(SecuredStream, SocketAddr)>,
    port: &'static str,
) {
    let mut handshakes = JoinSet::new();
    loop {
        while handshakes.try_join_next().is_some() {}
        if handshakes.len() >= AT_ONCE {
            handshakes.join_next().await;
        }
        let (stream, peer) = match listener.accept().await {
            Ok(accepted) => accepted,
            Err(error) => {
                debug!(%error, "a connection could not be taken");
                tokio::time::sleep(BREATH).await;
                continue;
            }
        };
        metrics::counter!("kaishin_connections_accepted_total", "port" => port).increment(1);
        let (acceptor, done, clock) = (acceptor.clone(), done.clone(), Clock::system());
        handshakes.spawn(async move {
            let under_way = UnderWay::begin(port);
            let begun = clock.now();
            let shaken = tokio::time::timeout(HANDSHAKE, acceptor.accept(stream)).await;
            let took = u64::try_from(clock.now().since(begun).0).unwrap_or(0);
            drop(under_way);
            let result = match &shaken {
                Ok(Ok(_)) => "ok",
                Ok(Err(error)) => why(error),
                Err(_) => "too-slow",
            };
            metrics::counter!("kaishin_handshakes_total", "port" => port, "result" => result).increment(1);
            // Two counters, from which a monitor has the mean of any while: samples would pile up where nobody asks.
            metrics::counter!("kaishin_handshake_microseconds_total", "port" => port, "result" => result)
                .increment(took);
            match shaken {
                // Nobody takes it any more: the server is stopping.
                Ok(Ok(secured)) => drop(done.send((secured, peer)).await),
                Ok(Err(error)) => debug!(%peer, %error, "a handshake failed"),
                Err(_) => debug!(%peer, "a handshake took too long"),
            }
        });
    }
}

/// Counts a handshake for as long as it lasts, however it ends.
struct UnderWay(metrics::Gauge);

impl UnderWay {
    fn begin(port: &'static str) -> UnderWay {
        let gauge = metrics::gauge!("kaishin_handshakes_under_way", "port" => port);
        gauge.increment(1.0);
        UnderWay(gauge)
    }
}

impl Drop for UnderWay {
    fn drop(&mut self) {
        self.0.decrement(1.0);
    }
}

/// A failed handshake in one word.
fn why(error: &io::Error) -> &'static str {
    let inner = error.get_ref().and_then(|inner| inner.downcast_ref::<rustls::Error>());
    let Some(inner) = inner else { return "broken-off" };
    if let rustls::Error::InvalidCertificate(certificate) = inner {
        use CertificateError::{Expired, ExpiredContext, Revoked};
        return if matches!(certificate, Revoked) {
            "not-admitted"
        } else if matches!(certificate, Expired | ExpiredContext { .. }) {
            "expired"
        } else {
            "bad-certificate"
        };
    }
    if matches!(inner, rustls::Error::AlertReceived(_)) {
        "refused-by-peer"
    } else {
        "not-tls"
    }
}
