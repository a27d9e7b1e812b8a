//! The shell around the core: one task that feeds it what happens and does what it says, in its order. Nothing is decided
//! here, and nothing wakes the machine that the core has not asked for.

use std::collections::VecDeque;
use std::future::{Future, pending};
use std::io;
use std::net::IpAddr;
use std::pin::Pin as Pinned;
use std::sync::Arc;

use kaishin_proto::calendar::Hours;
use kaishin_proto::clock::Clock;
use kaishin_proto::id::JobId;
use kaishin_proto::limits;
use kaishin_proto::remedy::Remedy;
use kaishin_proto::time::Span;
use kaishin_proto::v1;
use kaishin_proto::v1::enroll_response::Outcome;
use kaishin_proto::v1::session_request::Body as Up;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;
use tracing::{debug, info, warn};

use crate::callcode::{self, CallCodes, Shown, Supply};
use crate::core::book::Book;
use crate::core::{Backoff, Config, Core, Effect, Enrolment, Event, Failure, ReceivedProfile, Status, Work};
use crate::door::Door;
use crate::entropy;
use crate::error::AgentError;
use crate::facts::{self, About};
use crate::guide::{Guide, Question};
use crate::identity::{Certificate, DeviceKey, Pin};
use crate::journal::Journal;
use crate::keep::Keep;
use crate::link::{Address, Session, Trust};
use crate::os::Os;
use crate::remedies::{self, Around, Found, Story, Told};
use crate::status;

/// What an installer, or a test, tells the agent.
#[derive(Clone, Debug)]
pub struct Settings {
    /// `host:port`.
    pub server: String,
    /// 64 hexadecimal characters.
    pub pin: String,
    pub token: Option<String>,
    pub institution_code: Option<String>,
    /// The local address to call from, where one machine plays many terminals.
    pub source: Option<IpAddr>,
    /// In place of what the server says.
    pub heartbeat: Option<Span>,
    pub backoff: Backoff,
    pub agent_version: String,
    pub protocol: v1::ProtocolRange,
}

impl Default for Settings {
    fn default() -> Settings {
        Settings {
            server: String::new(),
            pin: String::new(),
            token: None,
            institution_code: None,
            source: None,
            heartbeat: None,
            backoff: Backoff::default(),
            agent_version: env!("CARGO_PKG_VERSION").to_owned(),
            protocol: limits::our_protocol(),
        }
    }
}

/// Lives until told to stop. Dropping the future at any moment is what a power cut is: the journal tells the next start.
pub async fn run(
    settings: Settings,
    os: Arc<dyn Os>,
    keep: Keep,
    clock: Clock,
    stop: CancellationToken,
    status: watch::Sender<Status>,
) -> Result<(), AgentError> {
    // First of all, and to the end: two agents would each write over the other's journal.
    let _sole = keep.occupy()?;
    loop {
        let shell = Shell::new(
            settings.clone(),
            os.clone(),
            keep.clone(),
            clock.clone(),
            status.clone(),
        )
        .await?;
        match live(shell, &stop).await? {
            Ended::Told => return Ok(()),
            Ended::Down => {}
        }
        // All of it is gone, as when a machine restarts; what comes up again knows what its disk holds.
        while let Some(left) = os.down_for() {
            tokio::select! {
                () = stop.cancelled() => return Ok(()),
                () = clock.sleep(left) => {}
            }
        }
    }
}

enum Ended {
    Told,
    /// The machine itself, which is a simulated one.
    Down,
}

async fn live(mut shell: Shell, stop: &CancellationToken) -> Result<Ended, AgentError> {
    let _door = Door::open(&shell.keep, shell.call_codes.clone()).await;
    let mut events = VecDeque::from([Event::Started]);
    let mut stopping = false;
    loop {
        while let Some(event) = events.pop_front() {
            let now = shell.clock.now();
            for effect in shell.core.handle(event, now) {
                if shell.perform(effect, &mut events).await? == Onward::Exit {
                    return Ok(Ended::Told);
                }
            }
            shell.show_progress();
        }
        if shell.os.down_for().is_some() {
            return Ok(Ended::Down);
        }
        let timer = shell.core.next_timer();
        let clock = shell.clock.clone();
        let event = tokio::select! {
            biased;
            () = stop.cancelled(), if !stopping => {
                stopping = true;
                Event::Stop
            }
            event = soon(&mut shell.working) => event?,
            event = soon(&mut shell.planning) => event?,
            said = soon(&mut shell.asking) => said?,
            called = soon(&mut shell.calling) => shell.called(called)?,
            heard = hear(&mut shell.session) => match heard {
                Ok(message) => Event::Received(message),
                Err(failure) => {
                    shell.session = None;
                    Event::Closed(failure)
                }
            },
            wanted = shell.supply.wanted() => Event::CodeWanted(wanted),
            () = async { match timer {
                Some(at) => clock.sleep_until(at).await,
                None => pending().await,
            }} => Event::Timer,
        };
        events.push_back(event);
    }
}

type Soon<T> = Option<Pinned<Box<dyn Future<Output = T> + Send>>>;

/// The end of what is under way, if anything is.
async fn soon<T>(under_way: &mut Soon<T>) -> T {
    let Some(future) = under_way else {
        return pending().await;
    };
    let done = future.await;
    *under_way = None;
    done
}

async fn hear(session: &mut Option<Session>) -> Result<v1::session_response::Body, Failure> {
    match session {
        Some(session) => session.hear().await,
        None => pending().await,
    }
}

enum Called {
    Enrolled(Result<v1::EnrollResponse, Failure>),
    Opened(Result<Session, Failure>),
}

#[derive(PartialEq, Eq)]
enum Onward {
    Go,
    Exit,
}

struct Shell {
    settings: Settings,
    os: Arc<dyn Os>,
    keep: Keep,
    clock: Clock,
    status: watch::Sender<Status>,
    core: Core,
    /// Away while it is being written, and for good after a write that failed.
    journal: Option<Journal>,
    key: Arc<DeviceKey>,
    certificate: Option<Certificate>,
    address: Address,
    trust: Trust,
    about: About,
    session: Option<Session>,
    /// What whoever shows something to people at the terminal asks for the code by.
    call_codes: CallCodes,
    supply: Supply,
    calling: Soon<Called>,
    working: Soon<Result<Event, AgentError>>,
    planning: Soon<Result<Event, AgentError>>,
    guide: Guide,
    /// The question that stands on the screen.
    asking: Soon<Result<Event, AgentError>>,
    /// The job that somebody at the terminal was asked about last.
    guided: Option<JobId>,
}

impl Shell {
    async fn new(
        settings: Settings,
        os: Arc<dyn Os>,
        keep: Keep,
        clock: Clock,
        status: watch::Sender<Status>,
    ) -> Result<Shell, AgentError> {
        if settings.server.is_empty() {
            return Err(AgentError::NoServer);
        }
        let pin: Pin = settings.pin.parse().map_err(|_| AgentError::BadPin)?;
        let key = keep.device_key()?;
        let certificate = keep.certificate(&key)?;
        let (journal, entries) = Journal::open(&keep.journal()).map_err(AgentError::Journal)?;
        let mut about = About::new(settings.agent_version.clone(), clock.now());
        about.diary = keep.diary();
        about
            .diary
            .note(clock.now(), &format!("the agent started, version {}", about.version));
        about.hours = keep.hours()?.unwrap_or_default();
        if let Some(profile) = keep.profile()? {
            about.profile_version = profile.version;
            about.profile = profile.into();
        }
        let config = Config {
            seed: u64::from_le_bytes(entropy::bytes()?),
            instance: entropy::bytes()?,
            agent_version: settings.agent_version.clone(),
            protocol: settings.protocol,
            heartbeat: settings.heartbeat,
            backoff: settings.backoff,
            playbook: remedies::steps,
            profile_version: about.profile_version,
            hours: about.hours.clone(),
        };
        let identity = certificate.as_ref().map(|certificate| certificate.identity.clone());
        let (call_codes, supply) = callcode::pair();
        Ok(Shell {
            core: Core::new(config, identity, Book::replay(entries)),
            address: Address {
                server: settings.server.clone(),
                source: settings.source,
            },
            trust: Trust::new(pin, clock.clone()),
            guide: Guide::kept_in(os.clone(), clock.clone(), keep.clone()),
            settings,
            os,
            keep,
            clock,
            status,
            journal: Some(journal),
            key: Arc::new(key),
            certificate,
            about,
            session: None,
            call_codes,
            supply,
            calling: None,
            working: None,
            planning: None,
            asking: None,
            guided: None,
        })
    }

    async fn perform(&mut self, effect: Effect, events: &mut VecDeque<Event>) -> Result<Onward, AgentError> {
        match effect {
            Effect::Status(status) => self.show(status),
            Effect::Enrol => self.enrol()?,
            Effect::Open => self.open(),
            Effect::Send(message) => self.send(message, events),
            Effect::Close => {
                if let Some(session) = self.session.take() {
                    session.close().await;
                }
            }
            Effect::Journal { entries, sync } => {
                self.write(move |journal| journal.append(&entries, sync)).await?;
            }
            Effect::Compact(entries) => self.write(move |journal| journal.rewrite(&entries)).await?,
            Effect::Work(work) => self.work(work),
            Effect::Plan(remedy) => self.plan(remedy),
            Effect::Ask(question) => {
                self.guided = Some(question.job);
                self.asking = Some(Box::pin(asked(
                    self.os.clone(),
                    self.guide.clone(),
                    self.around(self.core.background(question.remedy)),
                    question,
                )));
            }
            // What is no longer awaited is no longer shown.
            Effect::Withdraw(_) => self.asking = None,
            Effect::TryCode { job, code } => {
                if self.guide.try_code(job, &code) == Some(false) {
                    events.push_back(Event::WrongCode(job));
                }
            }
            Effect::AskCertificate => {
                let csr = self.key.request()?;
                self.send(Up::CertificateRequest(v1::CertificateRequest { csr }), events);
            }
            Effect::StoreCertificate(chain) => {
                let renewed = self.accept(chain.certificates, true)?;
                events.push_back(Event::Renewed(renewed.map(|certificate| certificate.identity)));
            }
            Effect::Profile(received) => {
                self.take_profile(received);
                events.push_back(Event::ProfileSettled(self.about.profile_version));
            }
            Effect::Hours(hours) => self.take_hours(hours),
            Effect::Note(notice) => {
                let words = notice.words.unwrap_or_default();
                self.about.diary.note(
                    self.clock.now(),
                    &format!("the server says: {} {}", notice.code, words.en),
                );
                warn!(code = notice.code, ja = words.ja, en = words.en, "the server says");
            }
            Effect::ShowCode(shown) => self.supply.show(shown.map(|(code, until)| Shown { code, until })),
            Effect::Exit => return Ok(Onward::Exit),
        }
        Ok(Onward::Go)
    }

    /// Whoever said yes sees it happen, to its end.
    fn show_progress(&mut self) {
        if self.asking.is_some() {
            return;
        }
        let Some(progress) = self.guided.and_then(|job| self.core.book().progress(job)) else {
            return;
        };
        if progress.ended.is_some() {
            self.guided = None;
        }
        self.guide.show(progress);
    }

    async fn write(
        &mut self,
        write: impl FnOnce(&mut Journal) -> io::Result<()> + Send + 'static,
    ) -> Result<(), AgentError> {
        let lost = || AgentError::Journal(io::Error::other("an earlier write failed"));
        let mut journal = self.journal.take().ok_or_else(lost)?;
        let (journal, written) = aside(!journal.blocks(), move || {
            let written = write(&mut journal);
            (journal, written)
        })
        .await?;
        // After a failed write nobody knows what the file holds; only reading it again from the start is sound.
        written.map_err(AgentError::Journal)?;
        self.journal = Some(journal);
        Ok(())
    }

    fn show(&mut self, status: Status) {
        debug!(?status, "status");
        let now = self.clock.now();
        let (name, _, words) = status::told(&status);
        self.about.diary.note(now, &format!("{name}: {words}"));
        let shown = status::shown(&status, now);
        if let Err(error) = self.keep.store_status(&shown) {
            // Only `kaishin-agent status` misses it.
            info!(%error, "the status could not be written");
        }
        self.status.send_replace(status);
    }

    fn send(&mut self, message: Up, events: &mut VecDeque<Event>) {
        let Some(session) = &self.session else { return };
        if !session.say(message) {
            self.session = None;
            events.push_back(Event::Closed(Failure::Line(
                "the server does not take what is said".into(),
            )));
        }
    }

    fn enrol(&mut self) -> Result<(), AgentError> {
        let request = v1::EnrollRequest {
            protocol: Some(self.settings.protocol),
            agent_version: self.settings.agent_version.clone(),
            csr: self.key.request()?,
            token: self.settings.token.clone().unwrap_or_default(),
            machine: None,
            institution_code: self.settings.institution_code.clone().unwrap_or_default(),
        };
        let (address, trust, os) = (self.address.clone(), self.trust.clone(), self.os.clone());
        self.calling = Some(Box::pin(async move {
            let described = aside(os.is_instant(), move || describe(&*os)).await;
            let request = v1::EnrollRequest {
                machine: described.ok(),
                ..request
            };
            Called::Enrolled(address.enrol(&trust, request).await)
        }));
        Ok(())
    }

    fn open(&mut self) {
        let Some(certificate) = self.certificate.clone() else {
            let lost = Failure::NotAccepted("the certificate is gone".into());
            self.calling = Some(Box::pin(async move { Called::Opened(Err(lost)) }));
            return;
        };
        let key = Arc::clone(&self.key);
        let (address, trust) = (self.address.clone(), self.trust.clone());
        self.calling = Some(Box::pin(async move {
            Called::Opened(address.open(&trust, &certificate, &key).await)
        }));
    }

    fn called(&mut self, called: Called) -> Result<Event, AgentError> {
        Ok(match called {
            Called::Opened(Ok(session)) => {
                self.session = Some(session);
                Event::Opened
            }
            Called::Opened(Err(failure)) => Event::OpenFailed(failure),
            Called::Enrolled(Err(failure)) => Event::Answered(Enrolment::Failed(failure)),
            Called::Enrolled(Ok(response)) => Event::Answered(self.enrolled(response)?),
        })
    }

    fn enrolled(&mut self, response: v1::EnrollResponse) -> Result<Enrolment, AgentError> {
        Ok(match response.outcome {
            Some(Outcome::Enrolled(enrolled)) => {
                let chain = enrolled.certificate.unwrap_or_default().certificates;
                match self.accept(chain, false)? {
                    Some(certificate) => Enrolment::Enrolled(certificate.identity),
                    None => Enrolment::Failed(Failure::WrongServer("its certificate does not fit".into())),
                }
            }
            Some(Outcome::Pending(pending)) => Enrolment::Pending {
                request_id: pending.request_id,
                ask_again: Span::seconds(i64::from(pending.ask_again_seconds)),
            },
            Some(Outcome::Refused(refusal)) => Enrolment::Refused {
                code: refusal.code,
                words: refusal.words.unwrap_or_default(),
            },
            Some(Outcome::Incompatible(refusal)) => Enrolment::Incompatible {
                words: refusal.words.unwrap_or_default(),
            },
            None => Enrolment::Failed(Failure::Line("an answer that this agent does not know".into())),
        })
    }

    /// A certificate that does not fit our key is none, nor is a renewal that makes us another terminal. One that is taken
    /// is kept before it is used.
    fn accept(&mut self, chain: Vec<Vec<u8>>, renewal: bool) -> Result<Option<Certificate>, AgentError> {
        let certificate = match Certificate::accept(chain, &self.key) {
            Ok(certificate) => certificate,
            Err(error) => {
                warn!(%error, "the server sent a certificate that is none of ours");
                return Ok(None);
            }
        };
        let ours = self.certificate.as_ref().map(|held| &held.identity.terminal_id);
        if renewal && ours != Some(&certificate.identity.terminal_id) {
            warn!("the server sent a certificate for another terminal");
            return Ok(None);
        }
        self.keep.store_certificate(&certificate)?;
        self.certificate = Some(certificate.clone());
        Ok(Some(certificate))
    }

    /// Kept before it is used. What cannot be used or kept is told with the facts; the one in use stays.
    fn take_profile(&mut self, received: ReceivedProfile) {
        let taken = match received {
            ReceivedProfile::Unusable(why) => Err(why),
            ReceivedProfile::Usable { text, profile } => {
                let kept = self.keep.store_profile(&text).map_err(|error| error.to_string());
                kept.map(|()| profile)
            }
        };
        match taken {
            Ok(profile) => {
                info!(version = profile.version, "a new terminal profile is in use");
                let told = format!("terminal profile {} is in use", profile.version);
                self.about.diary.note(self.clock.now(), &told);
                self.about.profile_version = profile.version;
                self.about.profile = profile;
                self.about.profile_refused = None;
            }
            Err(why) => {
                warn!(
                    why,
                    "the server sent a terminal profile that cannot be used; the old one stays"
                );
                self.about.profile_refused = Some(why);
            }
        }
    }

    /// Gone by at once; what cannot be kept is told again with the next session.
    fn take_hours(&mut self, hours: Hours) {
        if hours == self.about.hours {
            return;
        }
        if let Err(error) = self.keep.store_hours(&hours) {
            warn!(%error, "the facility's hours could not be kept");
        }
        self.about.diary.note(self.clock.now(), "other reception hours hold");
        self.about.hours = hours;
    }

    fn work(&mut self, work: Work) {
        let os = self.os.clone();
        let story = match &work {
            Work::Observe { .. } => Story::default(),
            Work::Act { job, step, .. } | Work::Probe { job, step, .. } => self.core.story(*job, *step),
        };
        let mut around = self.around(story);
        if let Work::Act { job, remedy, .. } = &work {
            around.told = self.guide.told(*job);
            if matches!(remedy, Remedy::Guided(_)) {
                // Also after a restart, when it was another life of ours that asked.
                self.guided = Some(*job);
            }
        }
        self.working = Some(Box::pin(async move {
            aside(os.is_instant(), move || carry_out(&work, &*os, around)).await
        }));
    }

    fn plan(&mut self, remedy: Remedy) {
        let os = self.os.clone();
        let around = self.around(self.core.background(remedy));
        self.planning = Some(Box::pin(async move {
            aside(os.is_instant(), move || {
                Event::Planned(remedies::preview(remedy, &*os, &around))
            })
            .await
        }));
    }

    fn around(&self, story: Story) -> Around {
        Around {
            about: self.about.clone(),
            now: self.clock.now(),
            story,
            told: Told::default(),
        }
    }
}

/// What the person says, unless there is nothing to ask them.
async fn asked(os: Arc<dyn Os>, guide: Guide, around: Around, question: Question) -> Result<Event, AgentError> {
    let (job, remedy) = (question.job, question.remedy);
    let found = aside(os.is_instant(), move || remedies::before_asking(remedy, &*os, &around)).await?;
    Ok(match found {
        Found::NotForIt(why) => Event::NotForIt { job, why },
        Found::AlreadyFine(observed) => Event::AlreadyFine { job, observed },
        Found::ToAsk => Event::Said {
            job,
            answer: guide.ask(question).await,
        },
    })
}

fn carry_out(work: &Work, os: &dyn Os, around: Around) -> Event {
    let name = |remedy: &Remedy, step: &usize| remedies::steps(*remedy).get(*step).map_or("", |step| step.name);
    match work {
        Work::Observe { sections } => Event::Observed(facts::observe(sections, os, &around.about, around.now)),
        Work::Act { remedy, step, .. } => Event::Acted(remedies::act(*remedy, name(remedy, step), os, &around)),
        Work::Probe { remedy, step, .. } => Event::Looked(remedies::probe(*remedy, name(remedy, step), os, &around)),
    }
}

/// What a person who must approve it recognises the machine by.
fn describe(os: &dyn Os) -> v1::Machine {
    let machine = os.machine();
    v1::Machine {
        hostname: os.hostname().unwrap_or_default(),
        manufacturer: machine.manufacturer.unwrap_or_default(),
        model: machine.model.unwrap_or_default(),
        serial: machine.serial.unwrap_or_default(),
        smbios_uuid: machine.uuid.unwrap_or_default(),
        os_version: os.version().version.unwrap_or_default(),
    }
}

/// On a thread that may block, unless the answer comes at once.
async fn aside<T: Send + 'static>(instant: bool, work: impl FnOnce() -> T + Send + 'static) -> Result<T, AgentError> {
    if instant {
        return Ok(work());
    }
    tokio::task::spawn_blocking(work)
        .await
        .map_err(|_| AgentError::WorkLost)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::os::sim::Sim;
    use crate::words;

    async fn ended(settings: Settings, keep: Keep) -> &'static str {
        let clock = Clock::system();
        let os = Arc::new(Sim::new(1, 1, clock.clone()));
        let (status, _) = watch::channel(Status::Starting);
        let ended = run(settings, os, keep, clock, CancellationToken::new(), status).await;
        ended.unwrap_err().code()
    }

    fn settings() -> Settings {
        Settings {
            server: "127.0.0.1:1".into(),
            pin: "ab".repeat(32),
            ..Settings::default()
        }
    }

    #[tokio::test]
    async fn what_the_installer_got_wrong_is_told_at_once() {
        let nowhere = Settings {
            server: String::new(),
            ..settings()
        };
        assert_eq!(ended(nowhere, Keep::memory()).await, words::NO_SERVER);
        let misread = Settings {
            pin: "ab".into(),
            ..settings()
        };
        assert_eq!(ended(misread, Keep::memory()).await, words::BAD_PIN);
    }

    #[tokio::test]
    async fn without_a_sound_journal_the_agent_does_nothing() {
        let directory = tempfile::tempdir().unwrap();
        std::fs::create_dir(directory.path().join("journal")).unwrap();
        let keep = Keep::directory(directory.path()).unwrap();
        assert_eq!(ended(settings(), keep).await, words::JOURNAL);
    }

    #[tokio::test]
    async fn a_terminal_without_a_server_waits_and_stops_when_it_is_told() {
        let clock = Clock::system();
        let os = Arc::new(Sim::new(1, 1, clock.clone()));
        let (status, mut seen) = watch::channel(Status::Starting);
        let stop = CancellationToken::new();
        let agent = tokio::spawn(run(settings(), os, Keep::memory(), clock, stop.clone(), status));
        seen.wait_for(|status| {
            matches!(
                status,
                Status::Waiting {
                    why: Failure::Line(_),
                    ..
                }
            )
        })
        .await
        .unwrap();
        stop.cancel();
        agent.await.unwrap().unwrap();
        assert_eq!(*seen.borrow(), Status::Stopped);
    }

    #[tokio::test]
    async fn a_simulated_machine_that_restarts_takes_its_agent_along_and_brings_it_back() {
        let clock = Clock::manual(kaishin_proto::time::Time(1_800_000_000_000_000));
        let os = Arc::new(Sim::new(1, 1, clock.clone()));
        let (status, mut seen) = watch::channel(Status::Starting);
        let stop = CancellationToken::new();
        let machine = os.clone();
        let agent = tokio::spawn(run(
            settings(),
            machine,
            Keep::memory(),
            clock.clone(),
            stop.clone(),
            status,
        ));
        let waits = |status: &Status| matches!(status, Status::Waiting { .. });
        seen.wait_for(waits).await.unwrap();
        os.restart().unwrap();
        while os.boots() == 1 {
            clock.advance(Span::seconds(10));
            tokio::task::yield_now().await;
        }
        seen.mark_unchanged();
        while !seen.has_changed().unwrap() {
            clock.advance(Span::seconds(10));
            tokio::task::yield_now().await;
        }
        seen.wait_for(waits).await.unwrap();
        stop.cancel();
        agent.await.unwrap().unwrap();
    }
}
