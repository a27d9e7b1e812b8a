//! What the agent decides: a pure state machine. It is told what happened and when ([`Event`], now) and answers with what
//! to do, in order ([`Effect`]). No I/O, no runtime, no clock of its own; its chance comes from a seed. So any trace can be
//! run again, and a crash between any two effects can be played.
//!
//! The order of effects is a promise: what stands behind a `Journal` effect must not be done before it is durable.

pub mod book;
mod caps;
mod clock;
mod code;
mod connection;
pub mod consent;
mod jobs;
mod plans;
mod profile;
mod records;
mod sampling;
mod site;

#[cfg(test)]
mod tests;

use kaishin_proto::calendar::Hours;
use kaishin_proto::id::JobId;
use kaishin_proto::preview::Preview;
use kaishin_proto::remedy::Remedy;
use kaishin_proto::time::{Span, Time};
use kaishin_proto::v1;
use kaishin_proto::v1::session_request::Body as Up;
use kaishin_proto::v1::session_response::Body as Down;

use crate::chance::Chance;
use crate::governor::Trust;
use crate::guide::{Answer, Question};
use crate::remedies::{Acted, Failed, Probed, Story};
use book::{Book, Entry, Playbook, Waits};
use connection::{Connection, State};
use plans::Plans;
use sampling::Sampling;

pub use profile::Received as ReceivedProfile;

#[derive(Clone, Debug)]
pub struct Config {
    pub seed: u64,
    /// Random, new at each start: 16 bytes.
    pub instance: [u8; 16],
    pub agent_version: String,
    pub protocol: v1::ProtocolRange,
    /// In place of what the server's welcome says.
    pub heartbeat: Option<Span>,
    pub backoff: Backoff,
    pub playbook: Playbook,
    /// What it observes by; 0 is the one that it was built with.
    pub profile_version: u32,
    /// In which patients are received, until the server tells others.
    pub hours: Hours,
}

/// Waits are drawn from nothing up to a bound that doubles with each failure.
#[derive(Clone, Copy, Debug)]
pub struct Backoff {
    pub first: Span,
    pub cap: Span,
}

impl Default for Backoff {
    fn default() -> Backoff {
        Backoff {
            first: Span::seconds(2),
            cap: Span::minutes(5),
        }
    }
}

/// What the agent is, once a server knows it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Identity {
    pub terminal_id: String,
    pub valid_from: Time,
    pub valid_until: Time,
}

#[derive(Clone, Debug)]
pub enum Event {
    /// The shell is ready; always first.
    Started,
    Answered(Enrolment),
    /// The stream is open; nothing was said on it yet.
    Opened,
    OpenFailed(Failure),
    Received(Down),
    /// The stream ended, for whatever reason.
    Closed(Failure),
    Observed(Vec<v1::Section>),
    Acted(Result<Acted, Failed>),
    Looked(Probed),
    Planned(Preview),
    /// The terminal was looked at before anybody was asked: there is nothing that the remedy is for.
    NotForIt {
        job: JobId,
        why: Failed,
    },
    /// The same, and all is as it should be already; with the facts that prove it.
    AlreadyFine {
        job: JobId,
        observed: Vec<v1::Section>,
    },
    /// Who was asked at the terminal has answered, or nobody has.
    Said {
        job: JobId,
        answer: Answer,
    },
    /// The code that the server passed on is not the one that is shown.
    WrongCode(JobId),
    /// The certificate that the server sent was checked and stored, or was neither.
    Renewed(Option<Identity>),
    /// A profile that the server sent was kept or was not; the version that is in use now.
    ProfileSettled(u32),
    /// Somebody at the terminal begins to look at its call code, or nobody does any more.
    CodeWanted(bool),
    /// A moment that [`Core::next_timer`] named has come.
    Timer,
    Stop,
}

#[derive(Clone, Debug)]
pub enum Enrolment {
    Enrolled(Identity),
    Pending { request_id: String, ask_again: Span },
    Refused { code: String, words: v1::Words },
    Incompatible { words: v1::Words },
    Failed(Failure),
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Failure {
    /// No answer, or the line broke: the commonest, and nobody's fault.
    Line(String),
    /// What answered is not the server that the pin names.
    WrongServer(String),
    /// The server did not accept this terminal's certificate.
    NotAccepted(String),
    Revoked,
}

#[derive(Clone, Debug)]
pub enum Effect {
    Status(Status),
    /// Hand in the certificate request once.
    Enrol,
    Open,
    Send(Up),
    /// Say the last words that were sent and hang up.
    Close,
    Journal {
        entries: Vec<Entry>,
        sync: bool,
    },
    /// Replace the journal by these entries.
    Compact(Vec<Entry>),
    Work(Work),
    /// Look what this would do to the machine as it is now, beside whatever is under way; answered by [`Event::Planned`].
    Plan(Remedy),
    /// Show the question to the person at the terminal; answered by [`Event::Said`], unless withdrawn. Nobody is troubled for
    /// what would not be done: then it is answered by [`Event::NotForIt`] or [`Event::AlreadyFine`].
    Ask(Question),
    Withdraw(JobId),
    /// A right one answers the question.
    TryCode {
        job: JobId,
        code: String,
    },
    /// Make a certificate request with the same device key and send it.
    AskCertificate,
    StoreCertificate(v1::CertificateChain),
    Profile(ReceivedProfile),
    /// To be kept, and gone by from now on.
    Hours(Hours),
    Note(v1::Notice),
    /// The call code for people at the terminal, and until when; none for now.
    ShowCode(Option<(String, Time)>),
    /// Everything is said; the agent may end.
    Exit,
}

/// What touches the machine, one at a time; answered by the event of the same kind.
#[derive(Clone, Debug, PartialEq)]
pub enum Work {
    Observe { sections: Vec<String> },
    Act { job: JobId, remedy: Remedy, step: usize },
    Probe { job: JobId, remedy: Remedy, step: usize },
}

/// Where the agent stands, for people.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Status {
    Starting,
    Enrolling,
    Pending {
        request_id: String,
    },
    /// The server will not register this terminal as it is.
    Refused {
        code: String,
        ja: String,
        en: String,
    },
    Connecting,
    Online {
        terminal_id: String,
    },
    Waiting {
        until: Time,
        why: Failure,
    },
    Incompatible {
        ja: String,
        en: String,
    },
    Revoked,
    Stopped,
}

pub struct Core {
    config: Config,
    chance: Chance,
    book: Book,
    sampling: Sampling,
    connection: Connection,
    code: code::CallCode,
    identity: Option<Identity>,
    working: Option<Work>,
    plans: Plans,
    waits: Waits,
    /// The job whose question stands on the screen.
    asking: Option<JobId>,
    clocks: clock::Clocks,
    /// In which patients are received.
    hours: Hours,
    /// Said on this stream already, up to this sequence.
    told: u64,
    stopping: bool,
    status: Status,
    effects: Vec<Effect>,
    now: Time,
}

impl Core {
    /// From what the journal and the state hold. Nothing happens before [`Event::Started`].
    pub fn new(config: Config, identity: Option<Identity>, book: Book) -> Core {
        let mut chance = Chance::new(config.seed);
        let mut sampling = Sampling::new(&mut chance);
        if book.owes_result() {
            // The facts that prove a result go up before it, and which they were is not known any more.
            sampling.doubt_all();
        }
        Core {
            chance,
            book,
            sampling,
            connection: Connection::default(),
            code: code::CallCode::default(),
            identity,
            working: None,
            plans: Plans::default(),
            waits: Waits::new(),
            asking: None,
            clocks: clock::Clocks::default(),
            hours: config.hours.clone(),
            told: 0,
            stopping: false,
            status: Status::Starting,
            effects: Vec::new(),
            now: Time::ZERO,
            config,
        }
    }

    pub fn handle(&mut self, event: Event, now: Time) -> Vec<Effect> {
        self.clocks.passes(self.now, self.next_timer(), now);
        self.now = now;
        match event {
            Event::Started => self.sampling.want_all(),
            Event::Answered(answer) => self.answered(answer),
            Event::Opened => self.opened(),
            Event::OpenFailed(failure) => self.open_failed(failure),
            Event::Received(message) => self.received(message),
            Event::Closed(failure) => self.closed(failure),
            Event::Observed(sections) => {
                self.working = None;
                self.report(sections);
            }
            Event::Acted(outcome) => self.acted(outcome),
            Event::Looked(found) => self.looked(found),
            Event::Planned(preview) => self.planned(&preview),
            Event::Said { job, answer } => self.said(job, answer),
            Event::NotForIt { job, why } => self.not_for_it(job, &why),
            Event::AlreadyFine { job, observed } => self.already_fine(job, observed),
            Event::WrongCode(job) => self.code_was_wrong(job),
            Event::Renewed(identity) => self.renewed(identity),
            Event::ProfileSettled(version) => self.profile_settled(version),
            Event::CodeWanted(wanted) => self.code_wanted(wanted),
            Event::Timer => {}
            Event::Stop => self.stopping = true,
        }
        self.settle();
        std::mem::take(&mut self.effects)
    }

    /// When to come again with [`Event::Timer`] at the latest, if nothing else happens.
    pub fn next_timer(&self) -> Option<Time> {
        if self.stopping {
            return None;
        }
        let sampling = self.sampling.next_timer();
        let waiting = match self.connection.state {
            State::Idle | State::Enrolling | State::Opening => None,
            State::Waiting { until } => Some(until),
            State::Greeting { until } => Some(until),
            State::Online { next_beat, .. } => [Some(next_beat), self.connection.renew_at].into_iter().flatten().min(),
        };
        let jobs = self.book.wakes(&self.waits);
        let code = self.code.next_timer(self.connection.is_online());
        [sampling, waiting, jobs, code].into_iter().flatten().min()
    }

    pub fn book(&self) -> &Book {
        &self.book
    }

    /// What must be known of this work before any of it is done.
    pub fn background(&self, remedy: Remedy) -> Story {
        Story {
            trust: self.trust(),
            ..self.book.background(remedy)
        }
    }

    /// What is known of a job before it does this step, from 0.
    pub fn story(&self, job: JobId, step: usize) -> Story {
        Story {
            trust: self.trust(),
            ..self.book.story(job, step)
        }
    }

    fn trust(&self) -> Trust {
        Trust {
            clock: self.clocks.standing(),
            failures: self.book.tally().failures(),
        }
    }

    /// The day that it is, where that is certain.
    fn today(&self) -> Option<Time> {
        self.clocks.agreed(self.now)
    }

    pub fn status(&self) -> &Status {
        &self.status
    }

    /// Whatever is due now and possible now. Runs after every event, so that no event needs to know what it unblocks.
    fn settle(&mut self) {
        if self.stopping {
            return self.wind_up();
        }
        self.sampling.tick(self.now);
        self.pump_work();
        self.pump_connection();
        self.pump_plans();
        self.pump_code();
    }

    /// A step under way is let finish and journalled; nothing new begins.
    fn wind_up(&mut self) {
        if self.working.is_some() || self.status == Status::Stopped {
            return;
        }
        self.part();
        self.enter(Status::Stopped);
        self.effects.push(Effect::Exit);
    }

    /// One thing at a time: a job's step before an observation, unless somebody waits for the observation.
    fn pump_work(&mut self) {
        if self.working.is_some() {
            return;
        }
        let sections = self.sampling.take_wanted();
        if sections.is_empty() {
            self.pump_job();
        } else {
            self.work(Work::Observe { sections });
        }
    }

    fn work(&mut self, work: Work) {
        self.working = Some(work.clone());
        self.effects.push(Effect::Work(work));
    }

    fn received(&mut self, message: Down) {
        match message {
            Down::Welcome(welcome) => self.welcomed(&welcome),
            Down::Incompatible(refusal) => self.incompatible(refusal.words.unwrap_or_default()),
            Down::FactRequest(request) => self.sampling.want_whole(&request.sections),
            Down::JobOffer(offer) => self.offered(&offer),
            Down::JobCancel(cancel) => self.cancel_asked(&cancel.job_id),
            Down::Acknowledge(acknowledge) => self.acknowledged(acknowledge.sequences),
            Down::Observe(observe) => self.sampling.observe(&observe, self.now),
            Down::Certificate(chain) => self.effects.push(Effect::StoreCertificate(chain)),
            Down::Notice(notice) => self.effects.push(Effect::Note(notice)),
            Down::Probe(probe) => self.send(Up::ProbeReply(v1::ProbeReply { nonce: probe.nonce })),
            Down::Goodbye(goodbye) => self.sent_away(&goodbye),
            Down::ConsentCode(sent) => self.code_sent(&sent),
            Down::Profile(sent) => self.profile_sent(sent),
            Down::PlanRequest(request) => self.plan_asked(&request),
            Down::CallCode(told) => self.code_told(&told),
            Down::Site(site) => self.site_told(&site),
        }
    }

    /// Facts go up where they changed or were asked for; what cannot go up now goes up first thing next time.
    fn report(&mut self, sections: Vec<v1::Section>) {
        let online = self.connection.is_online();
        let sections = self.sampling.take_in(sections, online);
        for report in sampling::messages(sections) {
            self.send(Up::Facts(report));
        }
        self.tell();
    }

    fn send(&mut self, message: Up) {
        if self.connection.is_open() {
            self.effects.push(Effect::Send(message));
        }
    }

    fn enter(&mut self, status: Status) {
        if self.status != status {
            self.status = status.clone();
            self.effects.push(Effect::Status(status));
        }
    }
}
