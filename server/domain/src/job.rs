//! One remedy on one terminal, from the button to its one immutable result.

use crate::ending;
use crate::id::{JobId, TerminalId};
use crate::remedy::{CONSENT, Remedy};
use crate::time::{Span, Time};
use crate::words::Words;

/// How long an offer may go unanswered before it is made again.
pub const LEASE: Span = Span::seconds(60);
/// How long after its deadline a running job may stay silent.
pub const GRACE: Span = Span::minutes(30);
/// When nobody says otherwise.
pub const DEFAULT_LIFE: Span = Span::days(7);
pub const LONGEST_LIFE: Span = Span::days(30);

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Job {
    pub id: JobId,
    pub terminal: TerminalId,
    pub remedy: Remedy,
    pub state: JobState,
    /// How often it was offered.
    pub attempt: u32,
    /// The latest of these offers that the terminal is known to have taken; 0 is none.
    pub taken: u32,
    pub deadline: Time,
    pub cancel_asked: bool,
    pub created_at: Time,
    pub created_by: String,
    pub reason: String,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum JobState {
    Ready,
    Offered { until: Time },
    Accepted,
    Running { step: u32 },
    Final(Finish),
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finish {
    pub outcome: Outcome,
    pub at: Time,
    /// Stable, for example "E-JOB-07"; empty on success.
    pub code: String,
    pub detail: String,
}

impl Finish {
    /// What its code means and asks for, where this build knows it.
    pub fn words(&self) -> Option<Words> {
        ending::words(&self.code)
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Outcome {
    Succeeded,
    Failed,
    Refused,
    Expired,
    Cancelled,
    Unknown,
}

impl Outcome {
    pub const ALL: [Outcome; 6] = [
        Outcome::Succeeded,
        Outcome::Failed,
        Outcome::Refused,
        Outcome::Expired,
        Outcome::Cancelled,
        Outcome::Unknown,
    ];

    pub fn name(self) -> &'static str {
        match self {
            Outcome::Succeeded => "succeeded",
            Outcome::Failed => "failed",
            Outcome::Refused => "refused",
            Outcome::Expired => "expired",
            Outcome::Cancelled => "cancelled",
            Outcome::Unknown => "unknown",
        }
    }
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum JobEvent {
    /// The server offers it to a connected terminal.
    Offer,
    /// The terminal did not answer the offer in time.
    LeaseLapsed,
    /// The offer reached nobody, or whoever it reached does not remember it: nobody will answer.
    OfferLost,
    /// The terminal's journal holds it, as its hello says.
    Held {
        attempt: u32,
    },
    Accepted {
        attempt: u32,
    },
    Step {
        attempt: u32,
        number: u32,
    },
    Result {
        attempt: u32,
        outcome: Outcome,
        code: String,
        detail: String,
    },
    CancelAsked,
    /// Time has passed: look whether the deadline has.
    Tick,
    /// The terminal was revoked, or reimaged and has forgotten everything.
    TerminalLost {
        code: &'static str,
        detail: &'static str,
    },
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refused {
    #[error("the job is final; nothing changes it any more")]
    Final,
    #[error("the message belongs to another attempt")]
    Stale,
    #[error("nothing to do in this state")]
    NotNow,
}

/// What becomes of a job whose terminal is not to be trusted with it any more.
pub const REVOKED: JobEvent = JobEvent::TerminalLost {
    code: ending::JOB_REVOKED,
    detail: "the terminal was revoked before the job had a result",
};
pub const REIMAGED: JobEvent = JobEvent::TerminalLost {
    code: ending::JOB_REIMAGED,
    detail: "the terminal was reimaged or replaced before the job had a result",
};

impl Job {
    pub fn is_final(&self) -> bool {
        matches!(self.state, JobState::Final(_))
    }

    /// Whether the person at the terminal is being asked, and may read out a code.
    pub fn asks(&self, steps: &[Step]) -> bool {
        let answered = |step: &Step| step.name == CONSENT.id && matches!(step.phase, Phase::Done | Phase::Failed);
        self.state == JobState::Running { step: 0 } && !self.cancel_asked && !steps.iter().any(answered)
    }

    /// How it ended, if it has.
    pub fn finish(&self) -> Option<&Finish> {
        match &self.state {
            JobState::Final(finish) => Some(finish),
            JobState::Ready | JobState::Offered { .. } | JobState::Accepted | JobState::Running { .. } => None,
        }
    }

    /// The job after the event, or why the event changes nothing.
    pub fn on(&self, event: JobEvent, now: Time) -> Result<Job, Refused> {
        if self.is_final() {
            return Err(Refused::Final);
        }
        match event {
            JobEvent::Offer => self.offer(now),
            JobEvent::LeaseLapsed => match self.state {
                JobState::Offered { until } if until <= now => Ok(self.with(JobState::Ready)),
                JobState::Ready | JobState::Offered { .. } | JobState::Accepted | JobState::Running { .. } => {
                    Err(Refused::NotNow)
                }
                JobState::Final(_) => Err(Refused::Final),
            },
            JobEvent::OfferLost => match self.state {
                JobState::Offered { .. } => Ok(self.with(JobState::Ready)),
                JobState::Ready | JobState::Accepted | JobState::Running { .. } => Err(Refused::NotNow),
                JobState::Final(_) => Err(Refused::Final),
            },
            JobEvent::Held { attempt } | JobEvent::Accepted { attempt } => {
                let job = self.of_attempt(attempt)?;
                match job.state {
                    JobState::Running { .. } | JobState::Accepted if job == *self => Err(Refused::NotNow),
                    JobState::Running { .. } | JobState::Accepted => Ok(job),
                    JobState::Ready | JobState::Offered { .. } => Ok(job.with(JobState::Accepted)),
                    JobState::Final(_) => Err(Refused::Final),
                }
            }
            JobEvent::Step { attempt, number } => {
                let job = self.of_attempt(attempt)?;
                let reached = match job.state {
                    JobState::Running { step } => step.max(number),
                    JobState::Ready | JobState::Offered { .. } | JobState::Accepted => number,
                    JobState::Final(_) => return Err(Refused::Final),
                };
                Ok(job.with(JobState::Running { step: reached }))
            }
            JobEvent::Result {
                attempt,
                outcome,
                code,
                detail,
            } => {
                let job = self.of_attempt(attempt)?;
                Ok(job.ended(outcome, &code, &detail, now))
            }
            JobEvent::CancelAsked => Ok(self.cancel(now)),
            JobEvent::Tick => self.tick(now),
            JobEvent::TerminalLost { code, detail } => Ok(match self.state {
                // It never left the server.
                JobState::Ready => self.ended(Outcome::Cancelled, code, detail, now),
                JobState::Offered { .. } | JobState::Accepted | JobState::Running { .. } | JobState::Final(_) => {
                    self.ended(Outcome::Unknown, code, detail, now)
                }
            }),
        }
    }

    fn offer(&self, now: Time) -> Result<Job, Refused> {
        match self.state {
            JobState::Ready if now < self.deadline => Ok(Job {
                attempt: self.attempt + 1,
                ..self.with(JobState::Offered { until: now + LEASE })
            }),
            JobState::Ready | JobState::Offered { .. } | JobState::Accepted | JobState::Running { .. } => {
                Err(Refused::NotNow)
            }
            JobState::Final(_) => Err(Refused::Final),
        }
    }

    /// Only one terminal has the job and it keeps one copy, so all that it tells of an earlier offer that it took counts
    /// as long as no later one was taken: it may not have heard of the later one yet.
    fn of_attempt(&self, attempt: u32) -> Result<Job, Refused> {
        if (self.taken.max(1)..=self.attempt).contains(&attempt) {
            Ok(Job {
                taken: attempt,
                ..self.clone()
            })
        } else {
            Err(Refused::Stale)
        }
    }

    fn cancel(&self, now: Time) -> Job {
        match self.state {
            JobState::Ready => self.ended(Outcome::Cancelled, "", "cancelled before the terminal had it", now),
            JobState::Offered { .. } | JobState::Accepted | JobState::Running { .. } | JobState::Final(_) => Job {
                cancel_asked: true,
                ..self.clone()
            },
        }
    }

    fn tick(&self, now: Time) -> Result<Job, Refused> {
        if now < self.deadline {
            return Err(Refused::NotNow);
        }
        match self.state {
            JobState::Ready => Ok(self.ended(
                Outcome::Expired,
                ending::JOB_EXPIRED,
                "the terminal was not online before the deadline",
                now,
            )),
            JobState::Offered { until } if until <= now => Ok(self.ended(
                Outcome::Expired,
                ending::JOB_EXPIRED,
                "the terminal did not take the job before the deadline",
                now,
            )),
            JobState::Accepted | JobState::Running { .. } if now >= self.deadline + GRACE => Ok(self.ended(
                Outcome::Unknown,
                ending::JOB_SILENT,
                "the terminal took the job and has not been heard of since",
                now,
            )),
            JobState::Offered { .. } | JobState::Accepted | JobState::Running { .. } => Err(Refused::NotNow),
            JobState::Final(_) => Err(Refused::Final),
        }
    }

    fn with(&self, state: JobState) -> Job {
        Job { state, ..self.clone() }
    }

    fn ended(&self, outcome: Outcome, code: &str, detail: &str, at: Time) -> Job {
        self.with(JobState::Final(Finish {
            outcome,
            at,
            code: code.to_owned(),
            detail: detail.to_owned(),
        }))
    }
}

impl JobState {
    pub fn name(&self) -> &'static str {
        match self {
            JobState::Ready => "ready",
            JobState::Offered { .. } => "offered",
            JobState::Accepted => "accepted",
            JobState::Running { .. } => "running",
            JobState::Final(finish) => finish.outcome.name(),
        }
    }
}

/// A step as the terminal told it, for the record.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Step {
    pub attempt: u32,
    pub number: u32,
    pub name: String,
    pub phase: Phase,
    pub evidence: String,
    pub at: Time,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Phase {
    Intent,
    /// Not done yet, and why; looked at again later.
    Waiting,
    Probed,
    Done,
    Failed,
}

impl Phase {
    pub const ALL: [Phase; 5] = [Phase::Intent, Phase::Waiting, Phase::Probed, Phase::Done, Phase::Failed];

    pub fn name(self) -> &'static str {
        match self {
            Phase::Intent => "intent",
            Phase::Waiting => "waiting",
            Phase::Probed => "probed",
            Phase::Done => "done",
            Phase::Failed => "failed",
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn job() -> Job {
        Job {
            id: JobId::new(Time(0), [0; 10]),
            terminal: TerminalId::new(Time(0), [0; 10]),
            remedy: Remedy::FastStartupOff,
            state: JobState::Ready,
            attempt: 0,
            taken: 0,
            deadline: Time(0) + Span::hours(1),
            cancel_asked: false,
            created_at: Time(0),
            created_by: "tanaka".into(),
            reason: String::new(),
        }
    }

    fn result(attempt: u32, outcome: Outcome) -> JobEvent {
        JobEvent::Result {
            attempt,
            outcome,
            code: String::new(),
            detail: String::new(),
        }
    }

    fn run(events: &[(i64, JobEvent)]) -> Job {
        events.iter().fold(job(), |job, (at, event)| {
            job.on(event.clone(), Time(0) + Span::seconds(*at)).unwrap_or(job)
        })
    }

    #[test]
    fn the_straight_way_ends_in_success() {
        let done = run(&[
            (1, JobEvent::Offer),
            (2, JobEvent::Accepted { attempt: 1 }),
            (3, JobEvent::Step { attempt: 1, number: 1 }),
            (4, result(1, Outcome::Succeeded)),
        ]);
        assert_eq!(done.state.name(), "succeeded");
    }

    #[test]
    fn an_offer_that_nobody_took_is_made_again() {
        let again = run(&[(1, JobEvent::Offer), (62, JobEvent::LeaseLapsed), (63, JobEvent::Offer)]);
        assert_eq!((again.attempt, again.state.name()), (2, "offered"));
    }

    #[test]
    fn an_earlier_attempt_counts_only_until_a_later_one_is_taken() {
        let offered_twice = run(&[(1, JobEvent::Offer), (62, JobEvent::LeaseLapsed), (63, JobEvent::Offer)]);
        assert!(offered_twice.on(JobEvent::Held { attempt: 1 }, Time(0)).is_ok());
        let taken = offered_twice
            .on(JobEvent::Accepted { attempt: 2 }, Time(0))
            .expect("taken");
        assert_eq!(taken.on(result(1, Outcome::Failed), Time(0)), Err(Refused::Stale));
        assert_eq!(taken.on(result(3, Outcome::Failed), Time(0)), Err(Refused::Stale));
    }

    #[test]
    fn a_terminal_that_has_not_heard_of_a_later_offer_goes_on_with_the_one_that_it_took() {
        let done = run(&[
            (1, JobEvent::Offer),
            (62, JobEvent::LeaseLapsed),
            (63, JobEvent::Offer),
            (64, JobEvent::Accepted { attempt: 1 }),
            (65, JobEvent::Step { attempt: 1, number: 1 }),
            (66, JobEvent::Accepted { attempt: 2 }),
            (67, JobEvent::Step { attempt: 2, number: 2 }),
        ]);
        assert_eq!(done.state, JobState::Running { step: 2 });
        let told = |events: &[JobEvent]| {
            let mut job = run(&[(1, JobEvent::Offer), (62, JobEvent::LeaseLapsed), (63, JobEvent::Offer)]);
            for event in events {
                job = job.on(event.clone(), Time(0)).expect("it counts");
            }
            job.state.name()
        };
        let (held, step) = (JobEvent::Held { attempt: 1 }, JobEvent::Step { attempt: 1, number: 1 });
        assert_eq!(
            told(&[held, step.clone(), step, result(1, Outcome::Succeeded)]),
            "succeeded"
        );
    }

    #[test]
    fn time_ends_every_job() {
        let late = 3600;
        let very_late = late + GRACE.as_seconds();
        assert_eq!(run(&[(late, JobEvent::Tick)]).state.name(), "expired");
        assert_eq!(
            run(&[(1, JobEvent::Offer), (late, JobEvent::Tick)]).state.name(),
            "expired"
        );
        let taken = [(1, JobEvent::Offer), (2, JobEvent::Accepted { attempt: 1 })];
        assert_eq!(
            run(&[&taken[..], &[(late, JobEvent::Tick)]].concat()).state.name(),
            "accepted"
        );
        assert_eq!(
            run(&[&taken[..], &[(very_late, JobEvent::Tick)]].concat()).state.name(),
            "unknown"
        );
    }

    #[test]
    fn cancelling_a_job_under_way_asks_the_terminal() {
        assert_eq!(run(&[(1, JobEvent::CancelAsked)]).state.name(), "cancelled");
        let asked = run(&[(1, JobEvent::Offer), (2, JobEvent::CancelAsked)]);
        assert!(asked.cancel_asked && !asked.is_final());
    }

    #[test]
    fn a_lost_terminal_leaves_no_job_open() {
        assert_eq!(run(&[(1, REVOKED)]).state.name(), "cancelled");
        assert_eq!(run(&[(1, JobEvent::Offer), (2, REIMAGED)]).state.name(), "unknown");
    }

    fn any_event() -> impl Strategy<Value = JobEvent> {
        prop_oneof![
            Just(JobEvent::Offer),
            Just(JobEvent::LeaseLapsed),
            Just(JobEvent::OfferLost),
            (0u32..4).prop_map(|attempt| JobEvent::Held { attempt }),
            (0u32..4).prop_map(|attempt| JobEvent::Accepted { attempt }),
            (0u32..4, 0u32..4).prop_map(|(attempt, number)| JobEvent::Step { attempt, number }),
            (0u32..4).prop_map(|attempt| result(attempt, Outcome::Succeeded)),
            Just(JobEvent::CancelAsked),
            Just(JobEvent::Tick),
            Just(REVOKED),
        ]
    }

    proptest! {
        #[test]
        fn a_final_state_absorbs_and_attempts_never_go_back(events in prop::collection::vec((0i64..10_000, any_event()), 0..40)) {
            let mut job = job();
            for (at, event) in events {
                let before = job.clone();
                match job.on(event, Time(0) + Span::seconds(at)) {
                    Ok(next) => {
                        prop_assert!(!before.is_final());
                        prop_assert!(next.attempt >= before.attempt && next.taken >= before.taken);
                        prop_assert!(next.taken <= next.attempt);
                        job = next;
                    }
                    Err(Refused::Final) => prop_assert!(before.is_final()),
                    Err(_) => prop_assert!(!before.is_final()),
                }
            }
        }
    }
}
