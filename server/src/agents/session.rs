//! One terminal's stream, from its hello to its end.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use kaishin_domain::id::{JobId, TerminalId};
use kaishin_domain::terminal::KeyHash;
use kaishin_proto::limits::{negotiate, our_protocol};
use kaishin_proto::v1;
use kaishin_proto::v1::fleet_server::Fleet;
use kaishin_proto::v1::goodbye::Reason;
use kaishin_proto::v1::session_request::Body as Up;
use kaishin_proto::v1::session_response::Body as Down;
use prost::Message as _;
use tokio::sync::mpsc;
use tokio_stream::Stream;
use tokio_util::sync::CancellationToken;
use tonic::{Code, Request, Response, Status, Streaming};
use tracing::{debug, info, warn};

use super::hub::{Guest, Hub, INSTANCE, Out, RETURN_AFTER_MS, Sent, goodbye, message, return_within_ms};
use super::listener::{Caller, Held};
use super::rate::{Bucket, Rate};
use super::wire;
use crate::app::{App, AppError, Kind, Wake, arrivals, calls, dry_run, enrolment, facts, jobs, terminals};
use crate::pki::{Admitted, DeviceKey};

/// A terminal that reads has it empty nearly always; places are allocated as they are needed.
const QUEUE: usize = 256;
const LONGEST_VERSION: usize = 100;
/// More jobs than a journal ever holds.
const MOST_HELD: usize = 1_000;
const HELLO_WITHIN: Duration = Duration::from_secs(10);
/// A terminal at its liveliest, running jobs one after another, stays below these.
const MESSAGES: Rate = Rate {
    burst: 1_000.0,
    per_second: 200.0,
};
const BYTES: Rate = Rate {
    burst: 4.0 * 1024.0 * 1024.0,
    per_second: 128.0 * 1024.0,
};
/// A code lives for minutes; a terminal that comes and goes asks a few times.
const CODES: Rate = Rate {
    burst: 6.0,
    per_second: 0.1,
};

pub struct FleetService {
    app: Arc<App>,
    hub: Arc<Hub>,
}

impl FleetService {
    pub fn new(app: Arc<App>, hub: Arc<Hub>) -> FleetService {
        FleetService { app, hub }
    }
}

#[tonic::async_trait]
impl Fleet for FleetService {
    type SessionStream = Queue;

    async fn session(
        &self,
        request: Request<Streaming<v1::SessionRequest>>,
    ) -> Result<Response<Self::SessionStream>, Status> {
        let caller = request.extensions().get::<Caller>();
        let proved = caller.and_then(|caller| Some((caller.terminal?, caller.line.hold())));
        let Some(((terminal, key), line)) = proved else {
            refused("no-certificate");
            return Err(Status::unauthenticated("E-SESSION-01 a terminal shows its certificate"));
        };
        // The handshake asked already; the connection may be older than a revocation.
        let Some(admitted) = Admitted::check(&self.app.admission, terminal, key) else {
            refused("not-admitted");
            return Err(Status::permission_denied("E-SESSION-02 this terminal is not admitted"));
        };
        let (out, queue) = mpsc::channel(QUEUE);
        let session = Session {
            app: self.app.clone(),
            hub: self.hub.clone(),
            terminal,
            key,
            number: 0,
            admitted,
            out,
            _line: line,
            messages: Bucket::full(MESSAGES, self.app.now()),
            bytes: Bucket::full(BYTES, self.app.now()),
            codes: Bucket::full(CODES, self.app.now()),
        };
        tokio::spawn(session.live(request.into_inner()));
        Ok(Response::new(Queue(queue)))
    }
}

/// What the terminal is sent, in order.
pub struct Queue(mpsc::Receiver<Sent>);

impl Stream for Queue {
    type Item = Result<v1::SessionResponse, Status>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        self.0.poll_recv(cx).map(|sent| sent.map(|boxed| *boxed))
    }
}

struct Session {
    app: Arc<App>,
    hub: Arc<Hub>,
    terminal: TerminalId,
    key: KeyHash,
    number: u64,
    admitted: Admitted,
    out: Out,
    // The connection goes with its last session.
    _line: Held,
    messages: Bucket,
    bytes: Bucket,
    codes: Bucket,
}

/// Why a session ends.
enum End {
    /// The terminal went, with or without a word.
    Gone,
    /// It is told why.
    Told(Down),
    /// Our own fault: it comes back by itself.
    Failed(Status),
}

impl From<AppError> for End {
    fn from(error: AppError) -> Self {
        match error.kind {
            Kind::NotFound | Kind::Denied => End::Told(goodbye(Reason::Revoked, 0, 0)),
            Kind::Unknown | Kind::Invalid | Kind::Conflict | Kind::TooMany | Kind::Internal => {
                warn!(error = ?error, "a session ends because its work could not be done");
                End::Failed(Status::unavailable(error.to_string()))
            }
        }
    }
}

impl Session {
    async fn live(mut self, mut inbound: Streaming<v1::SessionRequest>) {
        let end = match Box::pin(hello(&mut inbound)).await {
            Ok((hello, instance)) => self.joined(hello, instance, &mut inbound).await,
            Err(end) => end,
        };
        let last = match end {
            End::Gone => None,
            End::Told(body) => Some(message(body)),
            End::Failed(status) => Some(Box::new(Err(status))),
        };
        if let Some(last) = last {
            // One that does not even read its last word is gone all the same.
            let _ = self.out.try_send(last);
        }
        debug!(terminal.id = %self.terminal, session = self.number, "session ended");
    }

    async fn joined(
        &mut self,
        hello: v1::Hello,
        instance: [u8; INSTANCE],
        inbound: &mut Streaming<v1::SessionRequest>,
    ) -> End {
        let cut = CancellationToken::new();
        let guest = Guest {
            terminal: self.terminal,
            key: self.key,
            instance,
        };
        let Some(place) = self.hub.join(&guest, self.out.clone(), cut.clone()) else {
            refused("stopping");
            let all = return_within_ms(self.app.admission.count());
            return End::Told(goodbye(Reason::Restarting, RETURN_AFTER_MS, all));
        };
        self.number = place.number;
        metrics::counter!("kaishin_sessions_opened_total").increment(1);
        let end = cut
            .run_until_cancelled(async {
                match Box::pin(self.begin(hello, place.rival)).await {
                    Ok(()) => self.serve(inbound).await,
                    Err(end) => end,
                }
            })
            .await;
        self.hub.leave(self.terminal, self.number);
        // Who cuts a session has said why.
        end.unwrap_or(End::Gone)
    }

    async fn serve(&mut self, inbound: &mut Streaming<v1::SessionRequest>) -> End {
        loop {
            let sent = match inbound.message().await {
                Ok(Some(sent)) => sent,
                Err(status) if status.code() == Code::OutOfRange => return self.too_much(),
                // A connection that broke is as gone as one that ended.
                Ok(None) | Err(_) => return End::Gone,
            };
            if !self.admitted.still(&self.app.admission) {
                return End::Told(goodbye(Reason::Revoked, 0, 0));
            }
            let now = self.app.now();
            if !self.messages.take(MESSAGES, 1.0, now) || !self.bytes.take(BYTES, sent.encoded_len() as f64, now) {
                return self.too_much();
            }
            if let None | Some(Up::Heartbeat(_)) = sent.body {
                // Nothing in it, or something of a later minor.
                continue;
            }
            // Boxed, so that a session that waits does not hold room for the largest message's work.
            if let Err(end) = Box::pin(self.take(sent)).await {
                return end;
            }
        }
    }

    fn too_much(&self) -> End {
        refused("too-much");
        info!(terminal.id = %self.terminal, "a terminal sends more than one may");
        End::Told(goodbye(Reason::TooMuch, 60_000, 120_000))
    }

    /// Agrees on a protocol, settles who is who, and asks for what has changed.
    async fn begin(&mut self, hello: v1::Hello, rival: Option<u64>) -> Result<(), End> {
        let (app, id) = (self.app.clone(), self.terminal);
        let ours = our_protocol();
        let version = wire::cut(hello.agent_version, LONGEST_VERSION);
        let Some(minor) = hello.protocol.as_ref().and_then(|theirs| negotiate(&ours, theirs)) else {
            refused("incompatible");
            terminals::hold_incompatible(&app, id, version).await?;
            return Err(End::Told(Down::Incompatible(wire::incompatible(ours))));
        };
        let duplicate = match rival {
            None => false,
            // A machine that was switched off right after its hello is no second one.
            Some(rival) if self.hub.is_there(id, rival).await => {
                if self.out.is_closed() {
                    return Err(End::Gone);
                }
                true
            }
            Some(rival) => {
                self.hub.replace(id, rival);
                false
            }
        };
        let known = arrivals::connected(&app, id, &version, minor).await?;
        if duplicate {
            warn!(terminal.id = %id, "two machines are connected with one identity");
            self.hub.suspend(id);
            terminals::hold_duplicate(&app, id).await?;
        }
        let held: Vec<(JobId, u32)> = hello
            .held
            .iter()
            .take(MOST_HELD)
            .filter_map(|held| Some((held.job_id.parse().ok()?, held.attempt)))
            .collect();
        let cancel = if known.has_work || !held.is_empty() {
            jobs::reconcile(&app, id, held).await?.cancel
        } else {
            Vec::new()
        };
        self.send(Down::Welcome(v1::Welcome {
            minor,
            heartbeat_seconds: u32::try_from(app.settings.heartbeat.as_seconds()).unwrap_or(60),
            now_us: app.now().micros(),
            return_within_ms: return_within_ms(app.admission.count()),
        }))
        .await?;
        let changed: Vec<String> = hello
            .digests
            .into_iter()
            .filter(|told| kaishin_proto::fact::section(&told.name).is_some())
            .filter(|told| {
                !known
                    .digests
                    .iter()
                    .any(|(name, digest)| *name == told.name && *digest == told.digest)
            })
            .map(|told| told.name)
            .collect();
        if !changed.is_empty() {
            self.send(Down::FactRequest(v1::FactRequest { sections: changed }))
                .await?;
        }
        let in_force = app.rules.in_force();
        // An agent that has none but its own observes by the built-in one.
        if hello.profile_version != in_force.version && !(in_force.built_in && hello.profile_version == 0) {
            self.send(Down::Profile(wire::profile(in_force))).await?;
        }
        for job in cancel {
            self.hub.cancel(id, self.number, job);
        }
        let gets_work = known.gets_work && !duplicate;
        let missed = self.hub.welcomed(id, self.number, gets_work);
        self.hub.tell_sites(&[id]);
        if gets_work && (known.has_work || missed) {
            app.bus.wake(Wake::Ready(id));
        }
        Ok(())
    }

    async fn take(&mut self, sent: v1::SessionRequest) -> Result<(), End> {
        let id = self.terminal;
        match sent.body {
            // Nothing in it, or something of a later minor.
            None | Some(Up::Heartbeat(_)) => Ok(()),
            Some(Up::Hello(_)) => Err(End::Failed(Status::invalid_argument(
                "E-SESSION-04 a session has one hello",
            ))),
            Some(Up::Facts(report)) => {
                let dropped = wire::dropped(&report);
                if dropped > 0 {
                    metrics::counter!("kaishin_facts_dropped_total").increment(dropped);
                }
                let sections = report.sections.into_iter().filter_map(wire::section).collect();
                Ok(facts::report(&self.app, id, self.key, sections).await?)
            }
            Some(Up::JobEvents(events)) => self.job_events(events).await,
            Some(Up::CertificateRequest(request)) => self.renew(&request.csr).await,
            Some(Up::ProbeReply(reply)) => {
                self.hub.answered(id, self.number, &reply.nonce);
                Ok(())
            }
            Some(Up::PlanReply(reply)) => {
                dry_run::answered(&self.app, id, reply.number, wire::preview(reply));
                Ok(())
            }
            Some(Up::CallCodeRequest(_)) => self.call_code().await,
            Some(Up::Goodbye(_)) => Err(End::Gone),
        }
    }

    /// Acknowledged only after the commit.
    async fn job_events(&mut self, events: v1::JobEvents) -> Result<(), End> {
        let sequences: Vec<u64> = events.events.iter().map(|event| event.sequence).collect();
        let told = events.events.into_iter().filter_map(wire::told).collect();
        jobs::events(&self.app, self.terminal, told).await?;
        self.send(Down::Acknowledge(v1::Acknowledge { sequences })).await
    }

    /// One who asks too often, or while every code is taken, is answered the next time.
    async fn call_code(&mut self) -> Result<(), End> {
        if !self.codes.take(CODES, 1.0, self.app.now()) {
            return Ok(());
        }
        let Some(live) = calls::ask_code(&self.app, self.terminal) else {
            warn!("every call code is taken");
            return Ok(());
        };
        self.send(Down::CallCode(v1::CallCode {
            code: live.text(),
            until_us: live.until.micros(),
        }))
        .await
    }

    async fn renew(&mut self, csr: &[u8]) -> Result<(), End> {
        let key = match DeviceKey::from_csr(csr) {
            Ok(key) => key,
            Err(refused) => {
                let refusal = wire::both(refused.code(), &refused.to_string());
                return self
                    .send(Down::Notice(v1::Notice {
                        code: refusal.code,
                        words: refusal.words,
                    }))
                    .await;
            }
        };
        let issued = enrolment::renew(&self.app, self.terminal, &key).await?;
        info!(terminal.id = %self.terminal, until = %issued.not_after, "certificate renewed");
        self.send(Down::Certificate(v1::CertificateChain {
            certificates: issued.chain,
        }))
        .await
    }

    async fn send(&self, body: Down) -> Result<(), End> {
        self.out.send(message(body)).await.map_err(|_| End::Gone)
    }
}

/// Sessions that did not come about, or were ended, because of what the other side is or does.
fn refused(reason: &'static str) {
    metrics::counter!("kaishin_sessions_refused_total", "reason" => reason).increment(1);
}

async fn hello(inbound: &mut Streaming<v1::SessionRequest>) -> Result<(v1::Hello, [u8; INSTANCE]), End> {
    let first = tokio::time::timeout(HELLO_WITHIN, inbound.message()).await;
    let Ok(Ok(Some(v1::SessionRequest {
        body: Some(Up::Hello(hello)),
    }))) = first
    else {
        return Err(End::Failed(Status::invalid_argument(
            "E-SESSION-03 a session begins with a hello",
        )));
    };
    let instance = hello
        .instance
        .as_slice()
        .try_into()
        .map_err(|_| End::Failed(Status::invalid_argument("E-SESSION-05 an instance is 16 bytes")))?;
    Ok((hello, instance))
}
