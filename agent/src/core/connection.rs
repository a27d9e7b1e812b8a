//! Getting to the server and staying there: enrolment, back-off, greeting, heartbeat, renewal, and the ways to be sent away.

use kaishin_proto::time::{Span, Time};
use kaishin_proto::v1;
use kaishin_proto::v1::session_request::Body as Up;
use kaishin_proto::{convert, limits};

use super::{Core, Effect, Enrolment, Failure, Identity, Status};

const GREETING: Span = Span::seconds(30);
const HOUR: Span = Span::hours(1);
/// A stream that lived this long was a good one: the next failure starts from the shortest wait.
const GOOD: Span = Span::seconds(30);
const SOONEST: Span = Span::millis(50);
/// How long a server that we lost is looked for at the pace that it gave; after that, less and less often.
const PATIENCE: Span = Span::minutes(2);
const REVOKED_RETRY: Span = Span::hours(6);
/// Half of what a message may be: the events of one may be this and a record more.
const LARGE_MESSAGE: usize = limits::MAX_MESSAGE / 2;
const DEFAULT_BEAT: Span = Span::seconds(60);

#[derive(Default)]
pub(super) struct Connection {
    pub state: State,
    /// Failures in a row, those within the patience for a lost server apart.
    failures: u32,
    /// Within which time the server said that its terminals may come back.
    spread: Option<Span>,
    /// When the server was lost that we were online with.
    lost: Option<Time>,
    /// When the certificate's renewal is due; while one is asked for, when to ask again.
    pub renew_at: Option<Time>,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum State {
    /// Nothing under way: before the first observation, and the moment between two tries.
    #[default]
    Idle,
    Enrolling,
    Opening,
    /// The hello is said, the welcome has not come.
    Greeting {
        until: Time,
    },
    Online {
        since: Time,
        every: Span,
        next_beat: Time,
    },
    Waiting {
        until: Time,
    },
}

impl Connection {
    pub fn is_online(&self) -> bool {
        matches!(self.state, State::Online { .. })
    }

    pub fn is_open(&self) -> bool {
        matches!(self.state, State::Online { .. } | State::Greeting { .. })
    }
}

impl Core {
    pub(super) fn pump_connection(&mut self) {
        match self.connection.state {
            State::Idle if self.sampling.is_ready() => self.approach(),
            State::Waiting { until } if self.now >= until => self.approach(),
            State::Greeting { until } if self.now >= until => {
                self.effects.push(Effect::Close);
                self.back_off(Failure::Line("the server did not answer the hello".into()));
            }
            State::Online {
                every,
                next_beat,
                since,
            } => {
                if self.now >= next_beat {
                    self.send(Up::Heartbeat(v1::Heartbeat {}));
                    // From now: after a sleep of the machine there is nothing to catch up.
                    let next_beat = self.now + every;
                    self.connection.state = State::Online {
                        since,
                        every,
                        next_beat,
                    };
                }
                self.pump_renewal();
            }
            State::Idle | State::Enrolling | State::Opening | State::Greeting { .. } | State::Waiting { .. } => {}
        }
    }

    fn approach(&mut self) {
        let known = self
            .identity
            .as_ref()
            .is_some_and(|identity| self.now < identity.valid_until);
        if known {
            self.connection.state = State::Opening;
            self.enter(Status::Connecting);
            self.effects.push(Effect::Open);
        } else {
            self.connection.state = State::Enrolling;
            if !matches!(self.status, Status::Pending { .. } | Status::Refused { .. }) {
                self.enter(Status::Enrolling);
            }
            self.effects.push(Effect::Enrol);
        }
    }

    pub(super) fn answered(&mut self, answer: Enrolment) {
        if self.connection.state != State::Enrolling {
            return;
        }
        match answer {
            Enrolment::Enrolled(identity) => {
                self.know(identity);
                self.connection.state = State::Idle;
            }
            Enrolment::Pending { request_id, ask_again } => {
                self.connection.failures = 0;
                let ask_again = ask_again.clamp(Span::seconds(1), HOUR);
                let until = self.now + self.around(ask_again);
                self.connection.state = State::Waiting { until };
                self.enter(Status::Pending { request_id });
            }
            Enrolment::Refused { code, words } => {
                self.connection.state = State::Waiting {
                    until: self.now + self.around(HOUR),
                };
                let v1::Words { ja, en } = words;
                self.enter(Status::Refused { code, ja, en });
            }
            Enrolment::Incompatible { words } => self.incompatible(words),
            Enrolment::Failed(failure) => self.back_off(failure),
        }
    }

    fn know(&mut self, identity: Identity) {
        let life = identity.valid_until.since(identity.valid_from);
        let half = identity.valid_from + Span(life.0 / 2);
        // A fleet that was enrolled in one afternoon must not renew in one.
        let jitter = Span(self.chance.below((life.0 / 5).max(1) as u64) as i64 - life.0 / 10);
        self.connection.renew_at = Some(half + jitter);
        self.identity = Some(identity);
    }

    pub(super) fn opened(&mut self) {
        if self.connection.state != State::Opening {
            return self.effects.push(Effect::Close);
        }
        self.connection.state = State::Greeting {
            until: self.now + GREETING,
        };
        self.told = 0;
        let held = self.book.held().map(|(id, job)| v1::JobHeld {
            job_id: id.to_string(),
            attempt: job.attempt,
        });
        let hello = v1::Hello {
            protocol: Some(self.config.protocol),
            agent_version: self.config.agent_version.clone(),
            instance: self.config.instance.to_vec(),
            digests: self.sampling.digests(),
            held: held.collect(),
            profile_version: self.config.profile_version,
        };
        self.send(Up::Hello(hello));
    }

    pub(super) fn welcomed(&mut self, welcome: &v1::Welcome) {
        let State::Greeting { .. } = self.connection.state else {
            return;
        };
        if welcome.minor < self.config.protocol.oldest_minor {
            self.effects.push(Effect::Close);
            return self.incompatible(v1::Words::default());
        }
        self.clocks.told(Time(welcome.now_us), self.now);
        let said = Span::seconds(i64::from(welcome.heartbeat_seconds));
        let said = if said > Span(0) { said } else { DEFAULT_BEAT };
        let every = self.config.heartbeat.unwrap_or(said);
        if welcome.return_within_ms > 0 {
            self.connection.spread = Some(Span::millis(i64::from(welcome.return_within_ms)));
        }
        self.code_welcomed(Time(welcome.now_us));
        // The first beat anywhere in the first interval: agents that came back together drift apart.
        let first = Span(self.chance.below(every.0.max(1) as u64) as i64 + 1);
        self.connection.state = State::Online {
            since: self.now,
            every,
            next_beat: self.now + first,
        };
        let terminal_id = self.identity.as_ref().map(|identity| identity.terminal_id.clone());
        self.enter(Status::Online {
            terminal_id: terminal_id.unwrap_or_default(),
        });
        if self.connection.renew_at.is_none()
            && let Some(identity) = self.identity.clone()
        {
            self.know(identity);
        }
        self.sampling.want_doubtful();
        self.tell();
    }

    fn pump_renewal(&mut self) {
        if self.connection.renew_at.is_some_and(|due| self.now >= due) {
            self.connection.renew_at = Some(self.now + self.around(HOUR));
            self.effects.push(Effect::AskCertificate);
        }
    }

    pub(super) fn renewed(&mut self, identity: Option<Identity>) {
        if let Some(identity) = identity {
            self.know(identity);
        }
    }

    pub(super) fn open_failed(&mut self, failure: Failure) {
        if self.connection.state == State::Opening {
            self.turned_away(failure);
        }
    }

    pub(super) fn closed(&mut self, failure: Failure) {
        if self.connection.is_open() {
            self.leave();
            self.turned_away(failure);
        }
    }

    fn turned_away(&mut self, failure: Failure) {
        match failure {
            Failure::Revoked => self.revoked(),
            Failure::NotAccepted(_) => {
                // The server may have lost or replaced what it knew of us; the device key speaks for itself.
                self.identity = None;
                self.back_off(failure);
            }
            Failure::Line(_) | Failure::WrongServer(_) => self.back_off(failure),
        }
    }

    /// The stream is over. What went up last may not have arrived.
    fn leave(&mut self) {
        if let State::Online { since, .. } = self.connection.state
            && self.now.since(since) >= GOOD
        {
            self.connection.failures = 0;
            self.connection.lost = Some(self.now);
        }
        self.sampling.stop_observing();
        if self.book.owes_result() {
            self.sampling.doubt_all();
        }
    }

    fn back_off(&mut self, why: Failure) {
        let super::Backoff { first, cap } = self.config.backoff;
        let patient = self.connection.lost.is_some_and(|lost| self.now.since(lost) < PATIENCE);
        let bound = match self.connection.spread {
            // Waits that double leave the unlucky far behind a server that was gone for ten seconds.
            Some(spread) if patient => spread.max(first).min(cap),
            Some(_) | None => {
                let bound = Span(first.0.saturating_mul(1 << self.connection.failures.min(20))).min(cap);
                self.connection.failures = self.connection.failures.saturating_add(1);
                bound
            }
        };
        let wait = Span(self.chance.below(bound.0.max(0) as u64) as i64).max(SOONEST);
        self.wait(wait, why);
    }

    fn wait(&mut self, wait: Span, why: Failure) {
        let until = self.now + wait;
        self.connection.state = State::Waiting { until };
        // A person who must approve stays the thing to wait for, whatever the line does.
        if !matches!(self.status, Status::Pending { .. }) || self.identity.is_some() {
            self.enter(Status::Waiting { until, why });
        }
    }

    fn revoked(&mut self) {
        let until = self.now + self.around(REVOKED_RETRY);
        self.connection.state = State::Waiting { until };
        self.enter(Status::Revoked);
    }

    pub(super) fn incompatible(&mut self, words: v1::Words) {
        if self.connection.is_open() {
            self.leave();
            self.effects.push(Effect::Close);
        }
        self.connection.state = State::Waiting {
            until: self.now + self.around(HOUR),
        };
        let v1::Words { ja, en } = words;
        self.enter(Status::Incompatible { ja, en });
    }

    pub(super) fn sent_away(&mut self, goodbye: &v1::Goodbye) {
        if !self.connection.is_open() {
            return;
        }
        self.leave();
        self.effects.push(Effect::Close);
        use v1::goodbye::Reason;
        let why = Failure::Line(format!("the server said goodbye: {}", goodbye.reason().as_str_name()));
        let (min, max) = (goodbye.return_after_min_ms, goodbye.return_after_max_ms);
        match goodbye.reason() {
            Reason::Revoked => self.revoked(),
            reason if max > 0 => {
                if reason == Reason::Restarting {
                    self.connection.spread = Some(Span::millis(i64::from(max)));
                }
                let wait = self.between(min, max);
                self.wait(wait, why);
            }
            Reason::Replaced | Reason::TooMuch => {
                let wait = self.between(60_000, 300_000);
                self.wait(wait, why);
            }
            Reason::Unspecified | Reason::Restarting | Reason::Stopping => self.back_off(why),
        }
    }

    fn between(&mut self, min_ms: u32, max_ms: u32) -> Span {
        let (min, max) = (i64::from(min_ms.min(max_ms)), i64::from(max_ms));
        Span(Span::millis(min).0 + self.chance.below(Span::millis(max - min).0 as u64 + 1) as i64)
    }

    /// Ten per cent either way.
    fn around(&mut self, span: Span) -> Span {
        let spread = (span.0 / 5).max(1) as u64;
        Span(span.0 - span.0 / 10 + self.chance.below(spread) as i64)
    }

    /// The orderly end.
    pub(super) fn part(&mut self) {
        if self.connection.is_open() {
            self.send(Up::Goodbye(v1::Goodbye {
                reason: v1::goodbye::Reason::Stopping.into(),
                return_after_min_ms: 0,
                return_after_max_ms: 0,
            }));
            self.effects.push(Effect::Close);
        }
        self.connection.state = State::Idle;
    }

    /// Job events that this stream has not carried yet, once the facts that belong before them are on their way.
    pub(super) fn tell(&mut self) {
        if !self.connection.is_online() || self.sampling.holds_back_events() {
            return;
        }
        let events: Vec<_> = self.book.outbox(self.told).collect();
        self.told = self.told.max(self.book.last_sequence());
        let (mut part, mut size) = (Vec::new(), 0);
        for event in events {
            let more = convert::event_size(&event);
            if part.len() == limits::MAX_IN_FLIGHT || (size + more > LARGE_MESSAGE && !part.is_empty()) {
                let events = std::mem::take(&mut part);
                self.send(Up::JobEvents(v1::JobEvents { events }));
                size = 0;
            }
            size += more;
            part.push(event);
        }
        if !part.is_empty() {
            self.send(Up::JobEvents(v1::JobEvents { events: part }));
        }
    }
}
