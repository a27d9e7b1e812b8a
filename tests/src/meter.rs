//! A length of wire that counts: stands between an agent and its server and passes on every byte as it is.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;

/// Headers of IPv4 and TCP with time stamps, of a segment and of the acknowledgement that it gets.
const HEADERS: u64 = 2 * 52;

#[derive(Debug, Default)]
struct Counted {
    up: AtomicU64,
    down: AtomicU64,
    segments: AtomicU64,
}

#[derive(Debug)]
pub struct Meter {
    /// To be called in place of the server.
    pub address: SocketAddr,
    counted: Arc<Counted>,
    /// Ends with this.
    _lines: JoinSet<()>,
}

impl Meter {
    pub async fn before(server: SocketAddr) -> Meter {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let address = listener.local_addr().expect("its address");
        let counted = Arc::new(Counted::default());
        let mut lines = JoinSet::new();
        lines.spawn(accept(listener, server, Arc::clone(&counted)));
        Meter {
            address,
            counted,
            _lines: lines,
        }
    }

    /// From the agent, in bytes of TLS.
    pub fn up(&self) -> u64 {
        self.counted.up.load(Ordering::Acquire)
    }

    /// Both ways, in bytes of TLS.
    pub fn both(&self) -> u64 {
        self.up() + self.counted.down.load(Ordering::Acquire)
    }

    /// What both ways took on the wire, headers and acknowledgements included.
    pub fn on_the_wire(&self) -> u64 {
        self.both() + HEADERS * self.counted.segments.load(Ordering::Acquire)
    }
}

async fn accept(listener: TcpListener, server: SocketAddr, counted: Arc<Counted>) {
    let mut lines = JoinSet::new();
    while let Ok((agent, _)) = listener.accept().await {
        let counted = Arc::clone(&counted);
        lines.spawn(async move {
            let Ok(server) = TcpStream::connect(server).await else {
                return;
            };
            let _ = (agent.set_nodelay(true), server.set_nodelay(true));
            let ((from_agent, to_agent), (from_server, to_server)) = (agent.into_split(), server.into_split());
            tokio::join!(
                pass(from_agent, to_server, &counted.up, &counted.segments),
                pass(from_server, to_agent, &counted.down, &counted.segments),
            );
        });
    }
}

async fn pass(
    mut from: impl AsyncRead + Unpin,
    mut to: impl AsyncWrite + Unpin,
    bytes: &AtomicU64,
    segments: &AtomicU64,
) {
    let mut buffer = [0; 1_448];
    while let Ok(read @ 1..) = from.read(&mut buffer).await {
        bytes.fetch_add(read as u64, Ordering::AcqRel);
        segments.fetch_add(1, Ordering::AcqRel);
        if to.write_all(&buffer[..read]).await.is_err() {
            break;
        }
    }
    let _ = to.shutdown().await;
}
