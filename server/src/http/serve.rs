//! The dashboard's port: plain HTTP behind a proxy or on loopback, HTTPS where a certificate is configured.

use std::io;
use std::net::SocketAddr;

use axum::Router;
use axum::extract::connect_info::Connected;
use axum::serve::{IncomingStream, Listener};
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;
use tracing::error;

use crate::pki::{Secured, SecuredStream};

/// Who is at the other end of the connection.
#[derive(Clone, Copy, Debug)]
pub struct Peer(pub SocketAddr);

impl Connected<IncomingStream<'_, TcpListener>> for Peer {
    fn connect_info(stream: IncomingStream<'_, TcpListener>) -> Peer {
        Peer(*stream.remote_addr())
    }
}

impl Connected<IncomingStream<'_, Encrypted>> for Peer {
    fn connect_info(stream: IncomingStream<'_, Encrypted>) -> Peer {
        Peer(*stream.remote_addr())
    }
}

/// Connections after their handshake, as the server takes them.
pub struct Encrypted(Secured);

impl Listener for Encrypted {
    type Io = SecuredStream;
    type Addr = SocketAddr;

    async fn accept(&mut self) -> (SecuredStream, SocketAddr) {
        self.0.next().await
    }

    fn local_addr(&self) -> io::Result<SocketAddr> {
        Ok(self.0.local_addr())
    }
}

/// Where the port's connections come from.
pub enum Port {
    Plain(TcpListener),
    Secured(Secured),
}

/// Serves until told to stop, then lets open requests end.
pub async fn run(router: Router, port: Port, stop: CancellationToken) {
    let service = router.into_make_service_with_connect_info::<Peer>();
    let stopped = stop.cancelled_owned();
    let ended = match port {
        Port::Plain(listener) => axum::serve(listener, service).with_graceful_shutdown(stopped).await,
        Port::Secured(secured) => {
            axum::serve(Encrypted(secured), service)
                .with_graceful_shutdown(stopped)
                .await
        }
    };
    if let Err(error) = ended {
        error!(%error, "the dashboard's port failed");
    }
}
