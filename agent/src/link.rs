//! The line to the server: TCP, TLS by pin, HTTP/2 and the two services on it. Knows bytes and certificates; decides
//! nothing about when to call or what to say.

mod tls;

#[cfg(test)]
mod tests;

use std::net::{IpAddr, SocketAddr};
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};
use std::time::Duration;

use hyper::client::conn::http2;
use hyper_util::rt::{TokioIo, TokioTimer};
use kaishin_proto::limits::{MAX_IN_FLIGHT, MAX_MESSAGE};
use kaishin_proto::v1;
use kaishin_proto::v1::session_request::Body as Up;
use kaishin_proto::v1::session_response::Body as Down;
use tokio::io::AsyncBufReadExt;
use tokio::net::{TcpSocket, TcpStream, lookup_host};
use tokio::sync::mpsc;
use tokio::task::JoinSet;
use tokio_rustls::client::TlsStream;
use tokio_stream::wrappers::ReceiverStream;
use tonic::body::Body;

use crate::core::Failure;
use crate::identity::{Certificate, DeviceKey};
pub use tls::Trust;

/// TCP and TLS together; a dead address must not hold the agent up for minutes.
const REACH: Duration = Duration::from_secs(20);
/// How long a server that accepted us may take to say its first word.
const FIRST_WORD: Duration = Duration::from_secs(10);
const ASK: Duration = Duration::from_secs(30);
const KEEP_ALIVE: Duration = Duration::from_secs(60);
const KEEP_ALIVE_ANSWER: Duration = Duration::from_secs(20);
const LAST_WORDS: Duration = Duration::from_secs(2);
const ORIGIN: &str = "https://kaishin-agents";

/// Where the server is, and where to call from.
#[derive(Clone, Debug)]
pub struct Address {
    /// `host:port`, a name or an address.
    pub server: String,
    /// The local address to bind, where a machine plays many terminals.
    pub source: Option<IpAddr>,
}

/// A line over which one service can be called. Dropping it cuts the connection at once.
struct Line {
    requests: http2::SendRequest<Body>,
    tasks: Tasks,
}

/// What hyper runs for one connection; ends with it, however the connection ends.
#[derive(Clone, Default)]
struct Tasks(Arc<Mutex<JoinSet<()>>>);

impl Tasks {
    fn spawn(&self, future: impl Future<Output = ()> + Send + 'static) {
        let mut set = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        // Those that are done need not be kept.
        while set.try_join_next().is_some() {}
        set.spawn(future);
    }
}

impl<F> hyper::rt::Executor<F> for Tasks
where
    F: Future<Output: Send> + Send + 'static,
{
    fn execute(&self, future: F) {
        self.spawn(async move {
            let _ = future.await;
        });
    }
}

impl Drop for Line {
    fn drop(&mut self) {
        self.tasks.0.lock().unwrap_or_else(PoisonError::into_inner).abort_all();
    }
}

#[derive(Clone)]
struct Requests(http2::SendRequest<Body>);

impl tower::Service<http::Request<Body>> for Requests {
    type Response = http::Response<hyper::body::Incoming>;
    type Error = hyper::Error;
    type Future = Pin<Box<dyn Future<Output = Result<Self::Response, Self::Error>> + Send>>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        self.0.poll_ready(cx)
    }

    fn call(&mut self, request: http::Request<Body>) -> Self::Future {
        Box::pin(self.0.send_request(request))
    }
}

impl Address {
    async fn tcp(&self) -> std::io::Result<TcpStream> {
        let mut last = std::io::Error::other("the server's name has no address");
        for address in lookup_host(&self.server).await? {
            match self.tcp_to(address).await {
                Ok(stream) => return Ok(stream),
                Err(error) => last = error,
            }
        }
        Err(last)
    }

    async fn tcp_to(&self, address: SocketAddr) -> std::io::Result<TcpStream> {
        let socket = if address.is_ipv4() {
            TcpSocket::new_v4()?
        } else {
            TcpSocket::new_v6()?
        };
        if let Some(source) = self.source {
            socket.bind(SocketAddr::new(source, 0))?;
        }
        let stream = socket.connect(address).await?;
        stream.set_nodelay(true)?;
        Ok(stream)
    }

    async fn tls(
        &self,
        trust: &Trust,
        proof: Option<(&Certificate, &DeviceKey)>,
    ) -> Result<TlsStream<TcpStream>, Failure> {
        let tcp = self.tcp().await.map_err(|error| Failure::Line(error.to_string()))?;
        let connector = trust.connector(proof)?;
        let handshake = connector.connect(tls::server_name(), tcp).await;
        let mut stream = handshake.map_err(|error| tls::failure(&error))?;
        // In TLS 1.3 a server refuses a client's certificate only after the client's handshake is done. Waiting for its
        // first word, which HTTP/2 makes it say at once, tells a refusal from a line that broke later.
        match tokio::time::timeout(FIRST_WORD, stream.fill_buf()).await {
            Ok(Ok([])) => Err(Failure::Line("the server hung up before its first word".into())),
            Ok(Ok(_)) => Ok(stream),
            Ok(Err(error)) => Err(tls::failure(&error)),
            Err(_) => Err(Failure::Line("the server said nothing".into())),
        }
    }

    async fn line(&self, trust: &Trust, proof: Option<(&Certificate, &DeviceKey)>) -> Result<Line, Failure> {
        let reached = tokio::time::timeout(REACH, self.tls(trust, proof)).await;
        let stream = reached.map_err(|_| Failure::Line("no answer in time".into()))??;
        let tasks = Tasks::default();
        let handshake = http2::Builder::new(tasks.clone())
            .timer(TokioTimer::new())
            .keep_alive_interval(KEEP_ALIVE)
            .keep_alive_timeout(KEEP_ALIVE_ANSWER)
            .keep_alive_while_idle(true)
            .max_header_list_size(16 * 1024)
            .max_concurrent_reset_streams(4)
            .handshake(TokioIo::new(stream));
        let (requests, connection) = handshake.await.map_err(|error| Failure::Line(error.to_string()))?;
        tasks.spawn(async move {
            // How it ended is told by the stream on it.
            let _ = connection.await;
        });
        Ok(Line { requests, tasks })
    }

    pub async fn enrol(&self, trust: &Trust, request: v1::EnrollRequest) -> Result<v1::EnrollResponse, Failure> {
        let line = self.line(trust, None).await?;
        let mut client = v1::enrolment_client::EnrolmentClient::with_origin(
            Requests(line.requests.clone()),
            http::Uri::from_static(ORIGIN),
        )
        .max_decoding_message_size(MAX_MESSAGE);
        let asked = tokio::time::timeout(ASK, client.enroll(request)).await;
        let answer = asked.map_err(|_| Failure::Line("no answer in time".into()))?;
        Ok(answer.map_err(|status| refusal(&status))?.into_inner())
    }

    pub async fn open(&self, trust: &Trust, certificate: &Certificate, key: &DeviceKey) -> Result<Session, Failure> {
        let line = self.line(trust, Some((certificate, key))).await?;
        let (say, said) = mpsc::channel(MAX_IN_FLIGHT);
        let requests = Requests(line.requests.clone());
        let mut client = v1::fleet_client::FleetClient::with_origin(requests, http::Uri::from_static(ORIGIN))
            .max_decoding_message_size(MAX_MESSAGE)
            .max_encoding_message_size(MAX_MESSAGE);
        // A server may hold its answer back until it has our hello, so the call is not waited for here.
        let call = Box::pin(async move {
            let answer = client.session(ReceiverStream::new(said)).await;
            answer.map(tonic::Response::into_inner)
        });
        Ok(Session {
            say,
            hear: Hear::Calling(call),
            _line: line,
        })
    }
}

type Call = Pin<Box<dyn Future<Output = Result<tonic::Streaming<v1::SessionResponse>, tonic::Status>> + Send>>;

enum Hear {
    Calling(Call),
    Stream(Box<tonic::Streaming<v1::SessionResponse>>),
}

/// One open stream with the server.
pub struct Session {
    say: mpsc::Sender<v1::SessionRequest>,
    hear: Hear,
    _line: Line,
}

impl Session {
    /// False when the server has not taken what was said before: the stream is as good as dead.
    pub fn say(&self, message: Up) -> bool {
        self.say.try_send(v1::SessionRequest { body: Some(message) }).is_ok()
    }

    /// The server's next message. May be dropped and called again without losing one.
    pub async fn hear(&mut self) -> Result<Down, Failure> {
        loop {
            match &mut self.hear {
                Hear::Calling(call) => {
                    let stream = call.await.map_err(|status| refusal(&status))?;
                    self.hear = Hear::Stream(Box::new(stream));
                }
                Hear::Stream(stream) => match stream.message().await {
                    // A message that this build does not know is passed over.
                    Ok(Some(v1::SessionResponse { body: None })) => {}
                    Ok(Some(v1::SessionResponse { body: Some(body) })) => return Ok(body),
                    Ok(None) => return Err(Failure::Line("the server ended the stream".into())),
                    Err(status) => return Err(refusal(&status)),
                },
            }
        }
    }

    /// Lets the server take what was said, then hangs up.
    pub async fn close(self) {
        let Session { say, mut hear, _line } = self;
        drop(say);
        let heard_out = async {
            if let Hear::Calling(call) = &mut hear {
                match call.await {
                    Ok(stream) => hear = Hear::Stream(Box::new(stream)),
                    Err(_) => return,
                }
            }
            if let Hear::Stream(stream) = &mut hear {
                while let Ok(Some(_)) = stream.message().await {}
            }
        };
        let _ = tokio::time::timeout(LAST_WORDS, heard_out).await;
    }
}

fn refusal(status: &tonic::Status) -> Failure {
    let said = || format!("{:?}: {}", status.code(), status.message());
    if let Some(failure) = tls::failure_within(status) {
        return failure;
    }
    if status.code() == tonic::Code::Unauthenticated || status.code() == tonic::Code::PermissionDenied {
        return Failure::NotAccepted(said());
    }
    Failure::Line(said())
}
