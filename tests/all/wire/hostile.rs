//! A server that has gone over to the enemy, with all its keys: what it cannot make a terminal do without the person in front
//! of it. The terminal is the agent that is shipped, over real mutual TLS.

use std::net::SocketAddr;
use std::sync::Arc;

use kaishin::pki::{Admission, AgentsCertificate, Ca, DeviceKey, Passphrase, Secured, agents_tls};
use kaishin_agent::os::sim::{Behaviour, Person, Sim};
use kaishin_agent::os::{Hive, Os as _, RegistryValue};
use kaishin_agent::{Keep, Settings};
use kaishin_domain::id::{JobId, TerminalId};
use kaishin_domain::time::{Span, Time};
use kaishin_proto::clock::Clock;
use kaishin_proto::limits;
use kaishin_proto::v1;
use kaishin_proto::v1::enrolment_server::{Enrolment, EnrolmentServer};
use kaishin_proto::v1::fleet_server::{Fleet, FleetServer};
use kaishin_proto::v1::job_event::What;
use kaishin_proto::v1::job_result::Outcome;
use kaishin_proto::v1::session_request::Body as Up;
use kaishin_proto::v1::session_response::Body as Down;
use kaishin_tests::agent::Agent;
use kaishin_tests::bare::incoming;
use kaishin_tests::wait::{SOON, eventually};
use tokio::sync::{Mutex, mpsc};
use tokio_stream::wrappers::UnboundedReceiverStream;
use tonic::{Request, Response, Status, Streaming};

const POWER: &str = r"SYSTEM\CurrentControlSet\Control\Session Manager\Power";

type Said = mpsc::UnboundedSender<Result<v1::SessionResponse, Status>>;

/// Signs whoever asks, and says whatever it is told to.
struct Enemy {
    ca: Ca,
    clock: Clock,
    admission: Arc<Admission>,
    out: Arc<Mutex<Option<Said>>>,
    heard: mpsc::UnboundedSender<v1::JobEvent>,
}

#[tonic::async_trait]
impl Enrolment for Enemy {
    async fn enroll(&self, request: Request<v1::EnrollRequest>) -> Result<Response<v1::EnrollResponse>, Status> {
        let key = DeviceKey::from_csr(&request.into_inner().csr).expect("a sound request");
        let id = TerminalId::new(Time(0), [7; 10]);
        self.admission.admit(id, key.hash());
        let issued = self
            .ca
            .issue_terminal(&key, id, self.clock.now())
            .expect("a certificate");
        let certificates = issued.chain;
        let enrolled = v1::Enrolled {
            terminal_id: id.to_string(),
            certificate: Some(v1::CertificateChain { certificates }),
        };
        Ok(Response::new(v1::EnrollResponse {
            outcome: Some(v1::enroll_response::Outcome::Enrolled(enrolled)),
        }))
    }
}

#[tonic::async_trait]
impl Fleet for Enemy {
    type SessionStream = UnboundedReceiverStream<Result<v1::SessionResponse, Status>>;

    async fn session(
        &self,
        request: Request<Streaming<v1::SessionRequest>>,
    ) -> Result<Response<Self::SessionStream>, Status> {
        let (out, queue) = mpsc::unbounded_channel();
        let mut inbound = request.into_inner();
        *self.out.lock().await = Some(out.clone());
        let (heard, now) = (self.heard.clone(), self.clock.now());
        tokio::spawn(async move {
            let say = |body| {
                // The terminal may be gone.
                let _ = out.send(Ok(v1::SessionResponse { body: Some(body) }));
            };
            while let Ok(Some(message)) = inbound.message().await {
                match message.body {
                    Some(Up::Hello(_)) => say(Down::Welcome(v1::Welcome {
                        minor: limits::MINOR,
                        heartbeat_seconds: 60,
                        now_us: now.micros(),
                        return_within_ms: 0,
                    })),
                    Some(Up::JobEvents(told)) => {
                        for event in told.events {
                            let _ = heard.send(event);
                        }
                    }
                    _ => {}
                }
            }
        });
        Ok(Response::new(UnboundedReceiverStream::new(queue)))
    }
}

/// A terminal with fast startup on, and an enemy that it takes for its server.
struct Scene {
    machine: Arc<Sim>,
    agent: Agent,
    keep: Keep,
    settings: Settings,
    clock: Clock,
    out: Arc<Mutex<Option<Said>>>,
    heard: mpsc::UnboundedReceiver<v1::JobEvent>,
    serving: tokio::task::JoinHandle<()>,
    _folder: tempfile::TempDir,
}

impl Scene {
    async fn of(behaviour: Behaviour) -> Scene {
        let clock = Clock::system();
        let folder = tempfile::tempdir().expect("a folder");
        let random: kaishin::pki::Random = Arc::new(|bytes: &mut [u8]| kaishin::app::Entropy.fill(bytes));
        let secret = Passphrase::new("only for this run").expect("a passphrase");
        let ca =
            Ca::open_or_create(folder.path(), &secret, "kaishin.local", clock.now(), random).expect("an authority");
        let admission = Arc::new(Admission::new());
        let certificate = AgentsCertificate::issue(&ca, &[], clock.now()).expect("a certificate");
        let tls = agents_tls(&ca, certificate, admission.clone(), clock.clone()).expect("TLS");
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let addr: SocketAddr = listener.local_addr().expect("an address");
        let pin = ca.pin();
        let (heard, hears) = mpsc::unbounded_channel();
        let out = Arc::default();
        let enemy = Arc::new(Enemy {
            ca,
            clock: clock.clone(),
            admission,
            out: Arc::clone(&out),
            heard,
        });
        let port = Secured::start(listener, tls, "enemy").expect("a port");
        let served = tonic::transport::Server::builder()
            .add_service(FleetServer::from_arc(enemy.clone()))
            .add_service(EnrolmentServer::from_arc(enemy))
            .serve_with_incoming(incoming(port));
        let serving = tokio::spawn(async move { served.await.expect("it serves") });
        let machine = Arc::new(Sim::new(7, 1, clock.clone()));
        machine.poke(
            Hive::LocalMachine,
            POWER,
            "HiberbootEnabled",
            Some(RegistryValue::dword(1)),
        );
        for user in machine.users().expect("people") {
            machine.sign_in(&user.sid);
        }
        machine.person(Person {
            behaviour,
            ..Person::default()
        });
        let settings = Settings {
            server: addr.to_string(),
            pin,
            ..Settings::default()
        };
        let keep = Keep::memory();
        let mut agent = Agent::start(settings.clone(), &machine, &keep, &clock);
        agent.is_online().await;
        Scene {
            machine,
            agent,
            keep,
            settings,
            clock,
            out,
            heard: hears,
            serving,
            _folder: folder,
        }
    }

    async fn say(&self, body: Down) {
        let out = self.out.lock().await;
        let said = out
            .as_ref()
            .expect("a session")
            .send(Ok(v1::SessionResponse { body: Some(body) }));
        said.expect("the terminal is there");
    }

    fn offer(&self, n: u8) -> v1::JobOffer {
        v1::JobOffer {
            job_id: JobId::new(Time(0), [n; 10]).to_string(),
            attempt: 1,
            deadline_us: (self.clock.now() + Span::hours(1)).micros(),
            remedy: Some(v1::Remedy {
                kind: Some(v1::remedy::Kind::FastStartupOff(v1::FastStartupOff {})),
            }),
        }
    }

    async fn code(&self, job: &str, code: &str) {
        let (job_id, code) = (job.to_owned(), code.to_owned());
        self.say(Down::ConsentCode(v1::ConsentCode { job_id, code })).await;
    }

    /// Waits for a result of this job.
    async fn result(&mut self, job: &str) -> (Outcome, String) {
        loop {
            let event = tokio::time::timeout(SOON, self.heard.recv())
                .await
                .expect("in time")
                .expect("an event");
            if let (true, Some(What::Result(result))) = (event.job_id == job, event.what) {
                return (result.outcome(), result.code);
            }
        }
    }

    /// Waits until the person is being asked.
    async fn asked(&mut self, job: &str) {
        loop {
            let event = tokio::time::timeout(SOON, self.heard.recv())
                .await
                .expect("in time")
                .expect("an event");
            if let (true, Some(What::Step(step))) = (event.job_id == job, event.what)
                && step.name == "consent"
            {
                return;
            }
        }
    }

    fn untouched(&self) -> bool {
        self.machine.peek(Hive::LocalMachine, POWER, "HiberbootEnabled") == Some(RegistryValue::dword(1))
    }

    async fn end(self) {
        self.agent.stop().await;
        self.serving.abort();
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_hostile_server_that_guesses_the_code_gets_three_tries_and_no_change() {
    let mut scene = Scene::of(Behaviour::Nothing).await;
    let offer = scene.offer(1);
    let job = offer.job_id.clone();
    // A code before anybody was asked, and for a job that is not there.
    scene.code(&job, "0000").await;
    scene.code("no job", "0000").await;
    scene.say(Down::JobOffer(offer.clone())).await;
    scene.asked(&job).await;
    for wrong in ["", "12345", "abcd"] {
        scene.code(&job, wrong).await;
    }
    assert_eq!(scene.result(&job).await, (Outcome::Refused, "E-JOB-33".to_owned()));
    // Offered again, and as another attempt: the answer is the same.
    scene.say(Down::JobOffer(v1::JobOffer { attempt: 2, ..offer })).await;
    assert_eq!(scene.result(&job).await, (Outcome::Refused, "E-JOB-33".to_owned()));
    assert!(scene.untouched());
    scene.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_hostile_server_cannot_change_what_the_person_said_no_to() {
    let mut scene = Scene::of(Behaviour::No).await;
    for n in 1..=4 {
        let offer = scene.offer(n);
        let job = offer.job_id.clone();
        scene.say(Down::JobOffer(offer)).await;
        assert_eq!(scene.result(&job).await, (Outcome::Refused, "E-JOB-31".to_owned()));
    }
    assert!(scene.untouched());
    scene.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_hostile_server_cannot_wear_a_question_out_by_cutting_the_line_or_the_agents_life() {
    let mut scene = Scene::of(Behaviour::Nothing).await;
    let offer = scene.offer(1);
    let job = offer.job_id.clone();
    scene.say(Down::JobOffer(offer)).await;
    scene.asked(&job).await;
    scene.code(&job, "12345").await;
    scene.code(&job, "12345").await;
    scene.agent.stop().await;
    scene.agent = Agent::start(scene.settings.clone(), &scene.machine, &scene.keep, &scene.clock);
    scene.agent.is_online().await;
    // The third wrong one counts with the two before the restart.
    let third = async || {
        scene.code(&job, "12345").await;
        let event = scene.heard.try_recv().ok()?;
        matches!(event.what, Some(What::Result(_))).then_some(event)
    };
    let ended = eventually(SOON, "the job ends", third).await;
    let Some(What::Result(result)) = ended.what else {
        unreachable!("it was looked at");
    };
    assert_eq!((result.outcome(), result.code.as_str()), (Outcome::Refused, "E-JOB-33"));
    assert!(scene.untouched());
    scene.end().await;
}

/// The test can tell: with a yes the same offer changes the machine.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_same_server_gets_its_work_done_where_the_person_says_yes() {
    let mut scene = Scene::of(Behaviour::Yes).await;
    let offer = scene.offer(1);
    let job = offer.job_id.clone();
    scene.say(Down::JobOffer(offer)).await;
    assert_eq!(scene.result(&job).await.0, Outcome::Succeeded);
    assert!(!scene.untouched());
    scene.end().await;
}
