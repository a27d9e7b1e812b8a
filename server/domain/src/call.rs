//! A call: somebody at a clinic is on the phone, and is led through procedures step by step. What the terminal shows ticks
//! a step by itself; what the caller says is ticked as heard; where the two contradict, the step is not done.
//!
//! Pure: what happened and what is known come in, the call as it then is comes out, or why not. Nothing here knows where
//! calls are kept or who is online.

mod book;
mod caller;
mod closing;
mod code;
mod procedure;
mod record;
mod run;
#[cfg(test)]
mod tests;

use serde::{Deserialize, Serialize};

pub use book::{BadBook, Procedures};
pub use caller::{Caller, LONGEST_NOTE, TooLong, note};
pub use closing::Proof;
pub use code::{CODE_LIFE, Codes, LiveCode, read_code};
pub use procedure::{Branch, Procedure, Screen, Step, Where};
pub use record::{About, JobLine, draft};
pub use run::{Ending, How, Passed, Run, Stand, Tick};

use crate::expr::Truth3;
use crate::facility::Code10;
use crate::id::{CallId, JobId, TerminalId};
use crate::time::{Span, Time};

/// More of each in one call is no call any more.
const MOST_RUNS: usize = 20;
const MOST_PASSED: usize = 500;
const MOST_NOTES: usize = 100;
const MOST_JOBS: usize = 50;
/// How far ahead somebody may promise to call back.
const LONGEST_WAIT: Span = Span::days(60);
/// Terminals tell their last boot to the second, and not always to the same one.
const ANOTHER_BOOT: Span = Span::seconds(30);

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Call {
    pub id: CallId,
    /// Counts changes: who writes must have seen the latest.
    pub version: i64,
    pub opened_at: Time,
    pub opened_by: String,
    /// Who has it in hand.
    pub owner: String,
    pub caller: Caller,
    pub facility: Option<Code10>,
    pub terminal: Option<TerminalId>,
    pub runs: Vec<Run>,
    pub jobs: Vec<Ordered>,
    pub notes: Vec<Note>,
    pub state: State,
}

/// Work on the terminal that was ordered in this call, and for which step.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ordered {
    pub job: JobId,
    pub remedy: String,
    pub procedure: String,
    pub step: String,
    pub at: Time,
    pub by: String,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Note {
    pub text: String,
    pub at: Time,
    pub by: String,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "state", rename_all = "kebab-case")]
pub enum State {
    Open,
    /// Somebody calls back once this holds.
    Waiting {
        condition: Condition,
        since: Time,
    },
    /// It holds: somebody is to call back now.
    Due {
        condition: Condition,
        since: Time,
        due_at: Time,
    },
    Closed {
        outcome: Outcome,
        at: Time,
        by: String,
        note: String,
        /// What speaks for it that all is well; only of one that was fixed, and not of those before it was asked.
        #[serde(default)]
        proof: Option<Proof>,
    },
}

impl State {
    pub const NAMES: [&'static str; 4] = ["open", "waiting", "due", "closed"];

    pub fn name(&self) -> &'static str {
        match self {
            State::Open => "open",
            State::Waiting { .. } => "waiting",
            State::Due { .. } => "due",
            State::Closed { .. } => "closed",
        }
    }
}

/// When to call back.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "when", rename_all = "kebab-case")]
pub enum Condition {
    /// Once the terminal is back.
    Online,
    /// Once it was started anew; with its last start as it was known then.
    Restarted {
        before: Option<Time>,
    },
    At {
        at: Time,
    },
}

impl Condition {
    pub const NAMES: [&'static str; 3] = ["online", "restarted", "at"];

    pub fn name(self) -> &'static str {
        match self {
            Condition::Online => "online",
            Condition::Restarted { .. } => "restarted",
            Condition::At { .. } => "at",
        }
    }

    /// Whether it has come true since somebody promised to call back. Once true it stays true: what comes and goes
    /// between two looks is not missed.
    pub fn holds(self, since: Time, seen: Seen, now: Time) -> bool {
        match self {
            Condition::Online => seen.online || seen.last_seen.is_some_and(|at| at > since),
            Condition::Restarted { before: Some(before) } => {
                seen.booted.is_some_and(|booted| booted.since(before) > ANOTHER_BOOT)
            }
            Condition::Restarted { before: None } => seen.booted.is_some_and(|booted| booted > since),
            Condition::At { at } => now >= at,
        }
    }
}

/// What is known of the call's terminal at this moment.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Seen {
    pub online: bool,
    pub last_seen: Option<Time>,
    pub booted: Option<Time>,
}

/// How a call ended. A call without one is not closed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Outcome {
    Fixed,
    NotFixed,
    /// To a technician who goes there, or to the maker.
    HandedOn,
    /// A question that was answered.
    Answered,
    /// Nobody answered, or the caller had no time.
    GivenUp,
}

impl Outcome {
    pub const ALL: [Outcome; 5] = [
        Outcome::Fixed,
        Outcome::NotFixed,
        Outcome::HandedOn,
        Outcome::Answered,
        Outcome::GivenUp,
    ];

    pub fn name(self) -> &'static str {
        match self {
            Outcome::Fixed => "fixed",
            Outcome::NotFixed => "not-fixed",
            Outcome::HandedOn => "handed-on",
            Outcome::Answered => "answered",
            Outcome::GivenUp => "given-up",
        }
    }

    pub fn parse(text: &str) -> Option<Outcome> {
        Outcome::ALL.into_iter().find(|outcome| outcome.name() == text)
    }
}

/// What somebody at the desk does with a call.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "event", content = "data", rename_all = "kebab-case")]
pub enum Event {
    Told(Caller),
    Placed {
        facility: Option<Code10>,
        terminal: Option<TerminalId>,
    },
    Began {
        procedure: String,
    },
    /// The caller says that the step is done.
    Said,
    /// The caller takes that back.
    TookBack,
    /// On without anybody saying so.
    Skipped,
    /// The terminal says otherwise, and it counts as done all the same.
    Overrode {
        reason: String,
    },
    /// The caller sees something else.
    Saw {
        branch: usize,
    },
    SteppedBack,
    Stopped,
    Ordered {
        job: JobId,
        remedy: String,
    },
    Noted {
        text: String,
    },
    CallBack(Condition),
    CameDue,
    /// The caller is on the phone again.
    Resumed,
    TakenOver,
    Closed {
        outcome: Outcome,
        note: String,
        /// Why it counts as fixed although the terminal shows otherwise, or works still.
        #[serde(default)]
        reason: String,
    },
}

impl Event {
    /// As it stands in the call's history.
    pub fn name(&self) -> &'static str {
        match self {
            Event::Told(_) => "told",
            Event::Placed { .. } => "placed",
            Event::Began { .. } => "began",
            Event::Said => "said",
            Event::TookBack => "took-back",
            Event::Skipped => "skipped",
            Event::Overrode { .. } => "overrode",
            Event::Saw { .. } => "saw",
            Event::SteppedBack => "stepped-back",
            Event::Stopped => "stopped",
            Event::Ordered { .. } => "ordered",
            Event::Noted { .. } => "noted",
            Event::CallBack(_) => "call-back",
            Event::CameDue => "came-due",
            Event::Resumed => "resumed",
            Event::TakenOver => "taken-over",
            Event::Closed { .. } => "closed",
        }
    }
}

/// What is known while something happens.
pub struct Around<'a> {
    pub procedures: &'a Procedures,
    /// Whether a step's condition holds on the call's terminal. Unknown where the terminal is away: what it said last may
    /// be long over.
    pub truth: &'a dyn Fn(&Step) -> Truth3,
    /// Something that was ordered in this call is not over.
    pub working: bool,
    pub seen: Seen,
    pub by: &'a str,
    pub now: Time,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refused {
    #[error("the call is closed")]
    Closed,
    #[error("nobody is on the phone: the call waits to be taken up again")]
    NotOnThePhone,
    #[error("there is no procedure by that name")]
    NoSuchProcedure,
    #[error("no procedure is being gone through")]
    NoRun,
    #[error("the step is not in the procedure any more")]
    NoSuchStep,
    #[error("there is no such branch")]
    NoSuchBranch,
    #[error("the terminal shows otherwise")]
    Contradicted,
    #[error("work that was ordered in this call is not over")]
    StillWorking,
    #[error("the terminal does not show otherwise")]
    NothingToOverride,
    #[error("give a reason")]
    NoReason,
    #[error("that needs a terminal")]
    NoTerminal,
    #[error("that holds already")]
    AlreadyTrue,
    #[error("the moment is not ahead, or too far ahead")]
    BadTime,
    #[error("it does not wait for anything that has come")]
    NotDue,
    #[error("it is too much for one call")]
    TooMuch,
}

impl Call {
    pub fn open(id: CallId, caller: Caller, at: (Option<Code10>, Option<TerminalId>), by: &str, now: Time) -> Call {
        let (facility, terminal) = at;
        Call {
            id,
            version: 1,
            opened_at: now,
            opened_by: by.to_owned(),
            owner: by.to_owned(),
            caller,
            facility,
            terminal,
            runs: Vec::new(),
            jobs: Vec::new(),
            notes: Vec::new(),
            state: State::Open,
        }
    }

    pub fn is_closed(&self) -> bool {
        matches!(self.state, State::Closed { .. })
    }

    pub fn outcome(&self) -> Option<Outcome> {
        match &self.state {
            State::Closed { outcome, .. } => Some(*outcome),
            State::Open | State::Waiting { .. } | State::Due { .. } => None,
        }
    }

    /// The procedure that is being gone through.
    pub fn run(&self) -> Option<&Run> {
        self.runs.last().filter(|run| run.at.is_some())
    }

    /// The step that the caller is at.
    pub fn step<'a>(&self, procedures: &'a Procedures) -> Option<&'a Step> {
        let run = self.run()?;
        procedures.find(&run.procedure)?.step(run.at.as_deref()?)
    }

    /// The call after what happened; one more change.
    pub fn on(&self, event: Event, around: &Around<'_>) -> Result<Call, Refused> {
        let mut next = self.clone();
        next.version += 1;
        next.apply(event, around)?;
        Ok(next)
    }

    fn apply(&mut self, event: Event, around: &Around<'_>) -> Result<(), Refused> {
        if self.is_closed() {
            return Err(Refused::Closed);
        }
        let (by, now) = (around.by.to_owned(), around.now);
        match event {
            Event::Told(caller) => self.caller = caller,
            Event::Placed { facility, terminal } => (self.facility, self.terminal) = (facility, terminal),
            Event::Noted { text } => {
                room(self.notes.len(), MOST_NOTES)?;
                self.notes.push(Note { text, at: now, by });
            }
            Event::TakenOver => self.owner = by,
            Event::CallBack(condition) => self.call_back(condition, around)?,
            Event::CameDue => self.come_due(around)?,
            Event::Resumed => {
                if self.state == State::Open {
                    return Err(Refused::NotDue);
                }
                (self.state, self.owner) = (State::Open, by);
            }
            Event::Closed { outcome, note, reason } => {
                let proof = match outcome {
                    Outcome::Fixed => Some(self.proof(reason, around)?),
                    Outcome::NotFixed | Outcome::HandedOn | Outcome::Answered | Outcome::GivenUp => None,
                };
                if let Some(run) = self.runs.last_mut() {
                    run.stop();
                }
                self.state = State::Closed {
                    outcome,
                    at: now,
                    by,
                    note,
                    proof,
                };
            }
            event @ (Event::Began { .. }
            | Event::Said
            | Event::TookBack
            | Event::Skipped
            | Event::Overrode { .. }
            | Event::Saw { .. }
            | Event::SteppedBack
            | Event::Stopped
            | Event::Ordered { .. }) => {
                if self.state != State::Open {
                    return Err(Refused::NotOnThePhone);
                }
                self.guide(event, around)?;
            }
        }
        Ok(())
    }

    /// What is done while somebody is on the phone.
    fn guide(&mut self, event: Event, around: &Around<'_>) -> Result<(), Refused> {
        if let Event::Began { procedure } = event {
            room(self.runs.len(), MOST_RUNS)?;
            let found = around.procedures.find(&procedure).ok_or(Refused::NoSuchProcedure)?;
            if let Some(run) = self.runs.last_mut() {
                run.stop();
            }
            self.runs.push(Run::begin(found, around.by, around.now));
            return Ok(());
        }
        if let Event::Ordered { job, remedy } = event {
            room(self.jobs.len(), MOST_JOBS)?;
            if self.terminal.is_none() {
                return Err(Refused::NoTerminal);
            }
            let run = self.run();
            let procedure = run.map_or_else(String::new, |run| run.procedure.clone());
            let step = run.and_then(|run| run.at.clone()).unwrap_or_default();
            self.jobs.push(Ordered {
                job,
                remedy,
                procedure,
                step,
                at: around.now,
                by: around.by.to_owned(),
            });
            return Ok(());
        }
        let run = self.runs.last_mut().ok_or(Refused::NoRun)?;
        let back = event == Event::SteppedBack && run.end != Some(Ending::Stopped);
        if run.at.is_none() && !back {
            return Err(Refused::NoRun);
        }
        room(run.trail.len(), MOST_PASSED)?;
        run.on(event, around)
    }

    fn call_back(&mut self, condition: Condition, around: &Around<'_>) -> Result<(), Refused> {
        let condition = match condition {
            Condition::Online | Condition::Restarted { .. } if self.terminal.is_none() => {
                return Err(Refused::NoTerminal);
            }
            Condition::Online if around.seen.online => return Err(Refused::AlreadyTrue),
            Condition::Restarted { .. } => Condition::Restarted {
                before: around.seen.booted,
            },
            Condition::At { at } if at <= around.now || at.since(around.now) > LONGEST_WAIT => {
                return Err(Refused::BadTime);
            }
            same @ (Condition::Online | Condition::At { .. }) => same,
        };
        self.state = State::Waiting {
            condition,
            since: around.now,
        };
        Ok(())
    }

    fn come_due(&mut self, around: &Around<'_>) -> Result<(), Refused> {
        match self.state {
            State::Waiting { condition, since } if condition.holds(since, around.seen, around.now) => {
                self.state = State::Due {
                    condition,
                    since,
                    due_at: around.now,
                };
                Ok(())
            }
            State::Open | State::Waiting { .. } | State::Due { .. } | State::Closed { .. } => Err(Refused::NotDue),
        }
    }
}

fn room(there: usize, most: usize) -> Result<(), Refused> {
    if there < most { Ok(()) } else { Err(Refused::TooMuch) }
}
