//! A terminal played by hand, message by message, over real mutual TLS: what an agent would never say can be said here.

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use hyper_util::rt::TokioIo;
use kaishin_domain::id::TerminalId;
use kaishin_proto::limits::our_protocol;
use kaishin_proto::v1;
use kaishin_proto::v1::enroll_response::Outcome;
use kaishin_proto::v1::enrolment_client::EnrolmentClient;
use kaishin_proto::v1::fleet_client::FleetClient;
use kaishin_proto::v1::session_request::Body as Up;
use kaishin_proto::v1::session_response::Body as Down;
use rcgen::{CertificateParams, DistinguishedName, KeyPair};
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::CryptoProvider;
use rustls::{ClientConfig, DigitallySignedStruct, SignatureScheme};
use rustls_pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer, ServerName, UnixTime};
use tokio::io::AsyncReadExt;
use tokio::net::{TcpSocket, TcpStream};
use tokio::sync::mpsc;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;
use tokio_stream::wrappers::ReceiverStream;
use tonic::transport::{Channel, Endpoint};
use tonic::{Code, Status, Streaming};

use crate::wait::SOON;

/// A key and the chain that goes with it: what is shown at the handshake.
#[derive(Debug)]
pub struct Papers {
    pub key: KeyPair,
    pub chain: Vec<CertificateDer<'static>>,
}

impl Papers {
    fn key_for_tls(&self) -> PrivateKeyDer<'static> {
        PrivateKeyDer::from(PrivatePkcs8KeyDer::from(self.key.serialize_der()))
    }

    fn copy(&self) -> Papers {
        Papers {
            key: KeyPair::try_from(self.key.serialize_der()).expect("the same key"),
            chain: self.chain.clone(),
        }
    }
}

/// A machine that knocks: enrolled once it has papers.
#[derive(Debug)]
pub struct Terminal {
    pub server: SocketAddr,
    pub machine: v1::Machine,
    pub papers: Papers,
    pub id: Option<TerminalId>,
    pub protocol: v1::ProtocolRange,
}

impl Terminal {
    pub fn new(server: SocketAddr, name: &str) -> Terminal {
        Terminal {
            server,
            machine: v1::Machine {
                hostname: name.to_owned(),
                manufacturer: "Lenovo".into(),
                model: "ThinkPad E14".into(),
                serial: format!("S-{name}"),
                smbios_uuid: format!("UUID-{name}"),
                os_version: "10.0.19044.4291".into(),
            },
            papers: Papers {
                key: KeyPair::generate().expect("a key"),
                chain: Vec::new(),
            },
            id: None,
            protocol: our_protocol(),
        }
    }

    /// Enrolled with a token that has to be good.
    pub async fn enrolled(server: SocketAddr, name: &str, token: &str) -> Terminal {
        let mut terminal = Terminal::new(server, name);
        let outcome = terminal.enrol(token).await.expect("an answer");
        assert!(
            matches!(outcome, Outcome::Enrolled(_)),
            "{name} was not enrolled: {outcome:?}"
        );
        terminal
    }

    pub fn id(&self) -> TerminalId {
        self.id.expect("an enrolled terminal")
    }

    /// The same papers in another machine: a cloned disk.
    pub fn cloned(&self) -> Terminal {
        Terminal {
            server: self.server,
            machine: self.machine.clone(),
            papers: self.papers.copy(),
            id: self.id,
            protocol: self.protocol,
        }
    }

    /// A certificate request that says nothing but the key.
    pub fn csr(&self) -> Vec<u8> {
        let mut params = CertificateParams::default();
        params.distinguished_name = DistinguishedName::new();
        params
            .serialize_request(&self.papers.key)
            .expect("a request")
            .der()
            .to_vec()
    }

    pub fn request(&self, token: &str) -> v1::EnrollRequest {
        v1::EnrollRequest {
            protocol: Some(self.protocol),
            agent_version: "0.1.0".into(),
            csr: self.csr(),
            token: token.to_owned(),
            machine: Some(self.machine.clone()),
            institution_code: String::new(),
        }
    }

    pub async fn enrol(&mut self, token: &str) -> Result<Outcome, Status> {
        self.enrol_with(self.request(token)).await
    }

    /// Keeps the papers, if it gets any.
    pub async fn enrol_with(&mut self, request: v1::EnrollRequest) -> Result<Outcome, Status> {
        let channel = channel(self.server, None)
            .await
            .map_err(|error| Status::unavailable(error.to_string()))?;
        let answer = EnrolmentClient::new(channel).enroll(request).await?.into_inner();
        let outcome = answer.outcome.ok_or_else(|| Status::internal("no outcome"))?;
        if let Outcome::Enrolled(enrolled) = &outcome {
            self.id = enrolled.terminal_id.parse().ok();
            self.keep(enrolled.certificate.clone().unwrap_or_default());
        }
        Ok(outcome)
    }

    pub fn keep(&mut self, chain: v1::CertificateChain) {
        self.papers.chain = chain.certificates.into_iter().map(CertificateDer::from).collect();
    }

    pub fn hello(&self, instance: u8) -> v1::Hello {
        v1::Hello {
            protocol: Some(self.protocol),
            agent_version: "0.1.0".into(),
            instance: vec![instance; 16],
            digests: Vec::new(),
            held: Vec::new(),
            profile_version: 0,
        }
    }

    /// Connects, says hello and hears the welcome.
    pub async fn connect(&self, instance: u8) -> Session {
        let mut session = self.open().await.expect("the session opens");
        session.say(Up::Hello(self.hello(instance))).await;
        session
            .hears("welcome", |body| matches!(body, Down::Welcome(_)).then_some(()))
            .await;
        session
    }

    /// A stream on which nothing was said yet.
    pub async fn open(&self) -> Result<Session, Status> {
        open(self.server, Some(&self.papers)).await
    }
}

/// An open stream with the server; dropping it hangs up.
#[derive(Debug)]
pub struct Session {
    say: mpsc::Sender<v1::SessionRequest>,
    hear: Streaming<v1::SessionResponse>,
}

pub async fn open(server: SocketAddr, papers: Option<&Papers>) -> Result<Session, Status> {
    let channel = channel(server, papers)
        .await
        .map_err(|error| Status::unavailable(error.to_string()))?;
    let (say, said) = mpsc::channel(64);
    let mut client = FleetClient::new(channel).max_encoding_message_size(64 * 1024 * 1024);
    let hear = client.session(ReceiverStream::new(said)).await?.into_inner();
    Ok(Session { say, hear })
}

impl Session {
    pub async fn say(&self, body: Up) -> bool {
        self.say.send(v1::SessionRequest { body: Some(body) }).await.is_ok()
    }

    /// The next message; `None` when the server has ended the stream, however it did.
    pub async fn next(&mut self) -> Option<Down> {
        let next = tokio::time::timeout(SOON, self.hear.message())
            .await
            .expect("a message or an end in time");
        next.ok().flatten().and_then(|response| response.body)
    }

    /// How the stream ends, if it ends now.
    pub async fn end(&mut self) -> Status {
        loop {
            match tokio::time::timeout(SOON, self.hear.message())
                .await
                .expect("an end in time")
            {
                Ok(Some(_)) => {}
                Ok(None) => return Status::new(Code::Ok, "ended"),
                Err(status) => return status,
            }
        }
    }

    /// Passes over messages until one fits.
    pub async fn hears<T>(&mut self, what: &str, mut fits: impl FnMut(Down) -> Option<T>) -> T {
        loop {
            match self.next().await {
                Some(body) => {
                    if let Some(found) = fits(body) {
                        return found;
                    }
                }
                None => panic!("the stream ended before {what}"),
            }
        }
    }

    pub async fn hears_offer(&mut self) -> v1::JobOffer {
        self.hears("an offer", |body| {
            if let Down::JobOffer(offer) = body {
                Some(offer)
            } else {
                None
            }
        })
        .await
    }

    pub async fn hears_goodbye(&mut self) -> v1::goodbye::Reason {
        self.hears("goodbye", |body| {
            if let Down::Goodbye(goodbye) = body {
                Some(goodbye.reason())
            } else {
                None
            }
        })
        .await
    }

    /// Tells events and waits until they are acknowledged.
    pub async fn tells(&mut self, events: Vec<v1::JobEvent>) {
        self.tells_and_hears(events, |_| {}).await;
    }

    /// The same, for one who wants the offers that come meanwhile.
    pub async fn tells_and_hears(&mut self, events: Vec<v1::JobEvent>, mut heard: impl FnMut(v1::JobOffer)) {
        let wanted: Vec<u64> = events.iter().map(|event| event.sequence).collect();
        self.say(Up::JobEvents(v1::JobEvents { events })).await;
        self.hears("the acknowledgement", |body| {
            if let Down::JobOffer(offer) = body {
                heard(offer);
                return None;
            }
            matches!(body, Down::Acknowledge(v1::Acknowledge { sequences }) if sequences == wanted).then_some(())
        })
        .await;
    }
}

pub fn event(sequence: u64, offer: &v1::JobOffer, what: v1::job_event::What) -> v1::JobEvent {
    v1::JobEvent {
        sequence,
        job_id: offer.job_id.clone(),
        attempt: offer.attempt,
        at_us: i64::try_from(sequence).unwrap_or(i64::MAX),
        what: Some(what),
    }
}

pub fn accepted() -> v1::job_event::What {
    v1::job_event::What::Accepted(v1::JobAccepted {})
}

pub fn step(number: u32, name: &str, phase: v1::job_step::Phase) -> v1::job_event::What {
    v1::job_event::What::Step(v1::JobStep {
        number,
        name: name.to_owned(),
        phase: phase.into(),
        evidence: String::new(),
    })
}

pub fn result(outcome: v1::job_result::Outcome) -> v1::job_event::What {
    v1::job_event::What::Result(v1::JobResult {
        outcome: outcome.into(),
        code: String::new(),
        detail: String::new(),
        undo: None,
    })
}

/// Waits for the server's first word, which tells an accepted handshake from one that TLS 1.3 refuses afterwards.
pub async fn handshake(server: SocketAddr, papers: Option<&Papers>) -> io::Result<()> {
    let mut stream = tls(server, None, papers).await?;
    let mut first = [0; 1];
    match tokio::time::timeout(SOON, stream.read(&mut first)).await {
        Ok(Ok(1)) => Ok(()),
        Ok(Ok(_)) => Err(io::ErrorKind::UnexpectedEof.into()),
        Ok(Err(error)) => Err(error),
        Err(_) => Err(io::ErrorKind::TimedOut.into()),
    }
}

/// A connection to the agents' port, from this address of our own if one is given.
pub async fn tls(
    server: SocketAddr,
    source: Option<IpAddr>,
    papers: Option<&Papers>,
) -> io::Result<TlsStream<TcpStream>> {
    let builder = ClientConfig::builder_with_provider(provider())
        .with_protocol_versions(&[&rustls::version::TLS13])
        .map_err(io::Error::other)?
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(AnyServer));
    let mut config = match papers {
        Some(papers) => builder
            .with_client_auth_cert(papers.chain.clone(), papers.key_for_tls())
            .map_err(io::Error::other)?,
        None => builder.with_no_client_auth(),
    };
    config.alpn_protocols = vec![b"h2".to_vec()];
    let socket = TcpSocket::new_v4()?;
    if let Some(source) = source {
        socket.bind(SocketAddr::new(source, 0))?;
    }
    let stream = socket.connect(server).await?;
    stream.set_nodelay(true)?;
    let name = ServerName::try_from("kaishin-agents").map_err(io::Error::other)?;
    TlsConnector::from(Arc::new(config)).connect(name, stream).await
}

async fn channel(server: SocketAddr, papers: Option<&Papers>) -> io::Result<Channel> {
    let stream = tokio::time::timeout(Duration::from_secs(20), tls(server, None, papers)).await??;
    let mut once = Some(TokioIo::new(stream));
    let connector = tower::service_fn(move |_: http::Uri| {
        let stream = once.take().ok_or_else(|| io::Error::other("one connection only"));
        std::future::ready(stream)
    });
    let endpoint = Endpoint::from_static("http://kaishin-agents");
    endpoint
        .connect_with_connector(connector)
        .await
        .map_err(io::Error::other)
}

fn provider() -> Arc<CryptoProvider> {
    Arc::new(rustls::crypto::ring::default_provider())
}

/// Whom these terminals trust is not what their tests are about; the agent's own tests see to the pin.
#[derive(Debug)]
struct AnyServer;

impl ServerCertVerifier for AnyServer {
    fn verify_server_cert(
        &self,
        _: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        _: &[u8],
        _: &CertificateDer<'_>,
        _: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        Err(rustls::Error::General("only TLS 1.3".into()))
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        rustls::crypto::verify_tls13_signature(message, cert, dss, &provider().signature_verification_algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        provider().signature_verification_algorithms.supported_schemes()
    }
}
