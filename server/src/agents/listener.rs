//! Connections after their handshake, each with who is at the other end.

use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use kaishin_domain::id::TerminalId;
use kaishin_domain::terminal::KeyHash;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio_stream::Stream;
use tonic::transport::server::Connected;

use crate::app::App;
use crate::pki::{Secured, SecuredStream, terminal_of};

/// Who is at the other end, as the handshake proved it.
#[derive(Clone, Copy, Debug)]
pub struct Caller {
    pub peer: SocketAddr,
    /// None for one who showed no certificate: it may ask to enrol, and nothing else.
    pub terminal: Option<(TerminalId, KeyHash)>,
}

pub struct Connection {
    stream: SecuredStream,
    caller: Caller,
}

pub fn incoming(port: Secured, app: Arc<App>) -> impl Stream<Item = io::Result<Connection>> {
    futures_util::stream::unfold((port, app), async |(mut port, app)| {
        let (stream, peer) = port.next().await;
        let (_, tls) = stream.get_ref();
        let shown = tls.peer_certificates().and_then(|chain| chain.first());
        let terminal = shown.and_then(|certificate| terminal_of(certificate, app.ca.trust_domain()));
        let caller = Caller { peer, terminal };
        Some((Ok(Connection { stream, caller }), (port, app)))
    })
}

impl Connected for Connection {
    type ConnectInfo = Caller;

    fn connect_info(&self) -> Caller {
        self.caller
    }
}

impl AsyncRead for Connection {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(cx, buf)
    }
}

impl AsyncWrite for Connection {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(cx, buf)
    }
    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }
    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write_vectored(cx, bufs)
    }
    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }
}
