//! A server on loopback, and a machine that speaks to it by hand.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use hyper_util::rt::TokioIo;
use kaishin_domain::access::Actor;
use kaishin_domain::enrolment::TokenScope;
use kaishin_domain::id::{JobId, TerminalId};
use kaishin_domain::remedy::Remedy;
use kaishin_domain::time::{Span, Time};
use kaishin_domain::value::Value;
use kaishin_proto::clock::Clock;
use kaishin_proto::convert::section_to_wire;
use kaishin_proto::limits::our_protocol;
use kaishin_proto::v1;
use kaishin_proto::v1::enrolment_client::EnrolmentClient;
use kaishin_proto::v1::fleet_client::FleetClient;
use kaishin_proto::v1::session_request::Body as Up;
use kaishin_proto::v1::session_response::Body as Down;
use tokio::sync::mpsc;
use tokio_stream::wrappers::ReceiverStream;
use tonic::transport::{Channel, Endpoint};
use tonic::{Status, Streaming};

use crate::app::enrolment::{NewToken, create_token};
use crate::app::{Cx, jobs};
use crate::config::Config;
use crate::pki::samples;
use crate::{Handle, Listeners};

const PATIENCE: Duration = Duration::from_secs(20);

/// What must happen before patience ends.
pub async fn soon<F: Future>(what: F) -> F::Output {
    tokio::time::timeout(PATIENCE, what).await.expect("in time")
}

pub struct Port {
    handle: Handle,
    pub clock: Clock,
    _data: tempfile::TempDir,
}

impl Port {
    pub async fn open() -> Port {
        let data = tempfile::tempdir().expect("a directory");
        let any = SocketAddr::from(([127, 0, 0, 1], 0));
        let config = Config {
            data: data.path().to_owned(),
            http: any,
            agents: any,
            ..Config::default()
        };
        let clock = Clock::manual(samples::NOW);
        let listeners = Listeners::bind(&config).await.expect("bound");
        let handle = crate::start(config, listeners, clock.clone()).await.expect("started");
        Port {
            handle,
            clock,
            _data: data,
        }
    }

    pub fn address(&self) -> SocketAddr {
        self.handle.agents_addr
    }

    pub fn cx(&self) -> Cx {
        self.handle.app.on_behalf_of(Actor::local("test"))
    }

    pub async fn order(&self, machine: &Machine, remedy: Remedy) -> JobId {
        let order = jobs::Order {
            terminal: machine.id(),
            remedy,
            life: None,
            reason: String::new(),
        };
        jobs::create(&self.cx(), order).await.expect("ordered").id
    }

    /// Looks after each thing that happens, until it is so.
    pub async fn until(&self, what: &str, so: impl AsyncFn(&Cx) -> bool) {
        let cx = self.cx();
        let mut changes = cx.app.changes();
        let waited = tokio::time::timeout(PATIENCE, async {
            while !so(&cx).await {
                // Missing some is no matter: it looks again.
                let _ = changes.recv().await;
            }
        });
        assert!(waited.await.is_ok(), "{what}: not in time");
    }

    pub async fn close(self) {
        soon(self.handle.stop()).await;
    }
}

pub struct Machine {
    address: SocketAddr,
    trust: samples::Trust,
    key: samples::Key,
    enrolled: Option<(TerminalId, Vec<Vec<u8>>)>,
}

impl Machine {
    pub fn new(port: &Port) -> Machine {
        Machine {
            address: port.address(),
            trust: samples::Trust::of(&port.handle.app.ca, &port.clock),
            key: samples::key(),
            enrolled: None,
        }
    }

    pub async fn enrolled(port: &Port) -> Machine {
        let token = NewToken {
            label: "test".into(),
            most_uses: 1,
            life: Span::hours(1),
            scope: TokenScope::default(),
        };
        let (_, secret) = create_token(&port.cx(), token).await.expect("a token");
        let mut machine = Machine::new(port);
        let answer = machine.ask(&secret).await.expect("an answer");
        let v1::enroll_response::Outcome::Enrolled(enrolled) = answer else {
            panic!("not enrolled: {answer:?}");
        };
        let id = enrolled.terminal_id.parse().expect("an id");
        let chain = enrolled.certificate.expect("a certificate").certificates;
        machine.enrolled = Some((id, chain));
        machine
    }

    pub fn id(&self) -> TerminalId {
        self.enrolled.as_ref().expect("enrolled").0
    }

    async fn channel(&self) -> Result<Channel, tonic::transport::Error> {
        let identity = self.enrolled.as_ref().map(|(_, chain)| (&self.key, chain.clone()));
        let config = Arc::new(self.trust.client(identity));
        let address = self.address;
        let connect = tower::service_fn(move |_| {
            let config = config.clone();
            async move { samples::dial(address, config).await.map(TokioIo::new) }
        });
        Endpoint::from_static("http://kaishin-agents")
            .connect_with_connector(connect)
            .await
    }

    pub async fn ask(&self, token: &str) -> Result<v1::enroll_response::Outcome, Status> {
        let channel = soon(self.channel())
            .await
            .map_err(|e| Status::unavailable(e.to_string()))?;
        let request = v1::EnrollRequest {
            protocol: Some(our_protocol()),
            agent_version: "0.1.0".into(),
            csr: samples::csr(&self.key),
            token: token.to_owned(),
            machine: Some(v1::Machine {
                hostname: "UKETSUKE-1".into(),
                ..v1::Machine::default()
            }),
            institution_code: String::new(),
        };
        let answer = soon(EnrolmentClient::new(channel).enroll(request)).await?;
        Ok(answer.into_inner().outcome.expect("an outcome"))
    }

    /// A stream on a connection of its own; the number only tells the callers of a test apart.
    pub async fn session(&self, _number: u8) -> Result<Session, Status> {
        let channel = soon(self.channel())
            .await
            .map_err(|e| Status::unavailable(e.to_string()))?;
        let (say, said) = mpsc::channel(2_000);
        let mut client = FleetClient::new(channel);
        let hear = soon(client.session(ReceiverStream::new(said))).await?.into_inner();
        Ok(Session { say, hear, client })
    }

    pub fn greeting(instance: u8, digests: Vec<v1::SectionDigest>) -> v1::Hello {
        v1::Hello {
            protocol: Some(our_protocol()),
            agent_version: "0.1.0".into(),
            instance: vec![instance; 16],
            digests,
            held: vec![],
            profile_version: 0,
        }
    }

    pub async fn hello(&self, instance: u8, digests: Vec<v1::SectionDigest>) -> Session {
        let mut session = self.session(instance).await.expect("a stream");
        session.say(Up::Hello(Machine::greeting(instance, digests))).await;
        session
    }
}

pub struct Session {
    say: mpsc::Sender<v1::SessionRequest>,
    hear: Streaming<v1::SessionResponse>,
    client: FleetClient<Channel>,
}

impl Session {
    pub async fn say(&mut self, body: Up) {
        // A server that has ended the session does not hear it.
        let _ = soon(self.say.send(v1::SessionRequest { body: Some(body) })).await;
    }

    pub async fn heartbeat(&mut self) {
        self.say(Up::Heartbeat(v1::Heartbeat {})).await;
    }

    pub async fn report(&mut self, section: v1::Section) {
        self.say(Up::Facts(v1::FactReport {
            sections: vec![section],
        }))
        .await;
    }

    /// Where it stands, it hears once in every session; nobody here asks for that.
    pub async fn next(&mut self) -> Option<Down> {
        loop {
            let heard = soon(self.hear.message()).await.expect("no error");
            match heard.and_then(|message| message.body) {
                Some(Down::Site(_)) => {}
                heard => return heard,
            }
        }
    }

    pub async fn expect_status(&mut self) -> Status {
        loop {
            match soon(self.hear.message()).await {
                Ok(Some(v1::SessionResponse {
                    body: Some(Down::Site(_)),
                })) => {}
                heard => return heard.expect_err("a refusal"),
            }
        }
    }

    pub async fn expect_welcome(&mut self) {
        match self.next().await {
            Some(Down::Welcome(welcome)) => assert!(welcome.heartbeat_seconds > 0),
            other => panic!("no welcome: {other:?}"),
        }
    }

    pub async fn expect_offer(&mut self) -> v1::JobOffer {
        match self.next().await {
            Some(Down::JobOffer(offer)) => offer,
            other => panic!("no offer: {other:?}"),
        }
    }

    pub async fn expect_goodbye(&mut self) -> v1::Goodbye {
        match self.next().await {
            Some(Down::Goodbye(goodbye)) => goodbye,
            other => panic!("no goodbye: {other:?}"),
        }
    }

    pub async fn answer_probe(&mut self) {
        match self.next().await {
            Some(Down::Probe(probe)) => self.say(Up::ProbeReply(v1::ProbeReply { nonce: probe.nonce })).await,
            other => panic!("no probe: {other:?}"),
        }
    }

    /// Takes the job and says that it went well, under two sequence numbers.
    pub async fn finish(&mut self, offer: &v1::JobOffer, sequence: u64) {
        use v1::job_event::What;
        let event = |sequence, what| v1::JobEvent {
            sequence,
            job_id: offer.job_id.clone(),
            attempt: offer.attempt,
            at_us: samples::NOW.micros(),
            what: Some(what),
        };
        let result = v1::JobResult {
            outcome: v1::job_result::Outcome::Succeeded.into(),
            ..v1::JobResult::default()
        };
        let events = vec![
            event(sequence, What::Accepted(v1::JobAccepted {})),
            event(sequence + 1, What::Result(result)),
        ];
        self.say(Up::JobEvents(v1::JobEvents { events })).await;
    }

    /// The server hangs up: nothing more goes over this connection.
    pub async fn connection_ends(mut self) {
        let again = async {
            loop {
                let (_say, said) = mpsc::channel(1);
                // The dialler behind the client tries anew, and is refused at the handshake.
                match self.client.session(ReceiverStream::new(said)).await {
                    Err(status) if status.code() != tonic::Code::PermissionDenied => return,
                    Ok(_) | Err(_) => tokio::task::yield_now().await,
                }
            }
        };
        soon(again).await;
    }
}

pub fn power(fast_startup: bool) -> v1::Section {
    let facts = vec![("power.fast_startup".to_owned(), Value::Truth(fast_startup))];
    section_to_wire("power", &facts, Time(7))
}
