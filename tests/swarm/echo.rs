//! The bare parts: tonic over mutual TLS and nothing else, on the same certificates and message types.

use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;

use futures_util::StreamExt as _;
use kaishin::pki::{Admission, AgentsCertificate, Ca, DeviceKey, Passphrase, Secured, agents_tls};
use kaishin_proto::clock::Clock;
use kaishin_proto::id::TerminalId;
use kaishin_proto::time::Time;
use kaishin_proto::v1;
use kaishin_proto::v1::fleet_server::{Fleet, FleetServer};
use kaishin_proto::v1::session_request::Body as Up;
use kaishin_proto::v1::session_response::Body as Down;
use kaishin_tests::bare::incoming;
use kaishin_tests::line::{self, Papers, Session};
use rcgen::{CertificateParams, KeyPair};
use rustls_pki_types::CertificateDer;
use serde::{Deserialize, Serialize};
use serde_json::json;
use tokio::task::JoinSet;
use tokio_stream::wrappers::ReceiverStream;
use tonic::{Request, Response, Status, Streaming};

/// One identity for all streams: an echo does not care who calls.
#[derive(Serialize, Deserialize)]
pub struct Shared {
    key: String,
    chain: Vec<String>,
}

impl Shared {
    fn read(path: &Path) -> Papers {
        let text = std::fs::read_to_string(path).expect("the papers");
        let shared: Shared = serde_json::from_str(&text).expect("papers in JSON");
        let chain = shared
            .chain
            .iter()
            .map(|hex| CertificateDer::from(hex::decode(hex).expect("hex")))
            .collect();
        Papers {
            key: KeyPair::from_pem(&shared.key).expect("a key"),
            chain,
        }
    }
}

pub async fn serve(folder: &Path) {
    let clock = Clock::system();
    let random: kaishin::pki::Random = Arc::new(|bytes: &mut [u8]| kaishin::app::Entropy.fill(bytes));
    let passphrase = Passphrase::new("only for this run").expect("a passphrase");
    let ca = Ca::open_or_create(folder, &passphrase, "kaishin.local", clock.now(), random).expect("an authority");
    let key = KeyPair::generate().expect("a key");
    let csr = CertificateParams::default().serialize_request(&key).expect("a request");
    let device = DeviceKey::from_csr(csr.der()).expect("a device key");
    let id = TerminalId::new(Time(0), [0; 10]);
    let admission = Arc::new(Admission::new());
    admission.admit(id, device.hash());
    let issued = ca.issue_terminal(&device, id, clock.now()).expect("a certificate");
    let shared = Shared {
        key: key.serialize_pem(),
        chain: issued.chain.iter().map(hex::encode).collect(),
    };
    let papers = folder.join("papers.json");
    std::fs::write(&papers, json!(shared).to_string()).expect("written");

    let certificate = AgentsCertificate::issue(&ca, &[], clock.now()).expect("a certificate");
    let tls = agents_tls(&ca, certificate, admission, clock).expect("TLS");
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let addr = listener.local_addr().expect("an address");
    let port = Secured::start(listener, tls, "echo").expect("a port");
    crate::say(&json!({ "echo": addr.to_string(), "papers": papers }));
    let served = tonic::transport::Server::builder()
        .add_service(FleetServer::new(Echo))
        .serve_with_incoming(incoming(port));
    if let Err(error) = served.await {
        tracing::error!(%error, "the echo ended");
    }
}

struct Echo;

#[tonic::async_trait]
impl Fleet for Echo {
    type SessionStream = ReceiverStream<Result<v1::SessionResponse, Status>>;

    async fn session(
        &self,
        request: Request<Streaming<v1::SessionRequest>>,
    ) -> Result<Response<Self::SessionStream>, Status> {
        let (out, queue) = tokio::sync::mpsc::channel(16);
        let mut inbound = request.into_inner();
        tokio::spawn(async move {
            while let Ok(Some(_)) = inbound.message().await {
                let answer = v1::SessionResponse {
                    body: Some(Down::Acknowledge(v1::Acknowledge { sequences: vec![1] })),
                };
                if out.send(Ok(answer)).await.is_err() {
                    return;
                }
            }
        });
        Ok(Response::new(ReceiverStream::new(queue)))
    }
}

/// Opens all streams, tells, then plays so many rounds on every one of them at once, and tells again.
pub async fn clients(server: SocketAddr, streams: usize, rounds: usize, papers: &Path) {
    let clock = Clock::system();
    let papers = Arc::new(Shared::read(papers));
    let begun = clock.now();
    let sessions: Vec<Session> = futures_util::stream::iter(0..streams)
        .map(|_| {
            let papers = papers.clone();
            async move { line::open(server, Some(&papers)).await.expect("a stream") }
        })
        .buffer_unordered(128)
        .collect()
        .await;
    crate::say(&json!({ "opened": sessions.len(), "seconds": clock.now().since(begun).0 as f64 / 1e6 }));
    clock.sleep(kaishin_proto::time::Span::seconds(3)).await;
    let begun = clock.now();
    let mut playing = JoinSet::new();
    for mut session in sessions {
        playing.spawn(async move {
            let clock = Clock::system();
            let mut trips = Vec::with_capacity(rounds);
            for _ in 0..rounds {
                let said = clock.now();
                session.say(Up::Heartbeat(v1::Heartbeat {})).await;
                session.next().await.expect("an answer");
                trips.push(clock.now().since(said).0 as f64 / 1e3);
            }
            (session, trips)
        });
    }
    let kept = playing.join_all().await;
    let seconds = clock.now().since(begun).0 as f64 / 1e6;
    let (kept, trips): (Vec<Session>, Vec<Vec<f64>>) = kept.into_iter().unzip();
    let trips = crate::click::percentiles(trips.concat());
    crate::say(&json!({ "played": kept.len() * rounds, "seconds": seconds, "round_trip_ms": trips }));
    clock.sleep(kaishin_proto::time::Span::seconds(60)).await;
}
