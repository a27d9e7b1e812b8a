//! One procedure as it is gone through in a call: where the caller is, and how each step before was passed.

use serde::{Deserialize, Serialize};

use super::{Around, Event, Procedure, Refused, Step, Where};
use crate::expr::Truth3;
use crate::time::Time;
use crate::words::Words;

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Run {
    pub procedure: String,
    pub began_at: Time,
    pub by: String,
    /// The step that the caller is at; none once it has ended.
    pub at: Option<String>,
    /// The caller says that this step is done.
    pub said: Option<Tick>,
    pub trail: Vec<Passed>,
    pub end: Option<Ending>,
    /// The step that the caller was at when it was stopped.
    #[serde(default)]
    pub left: Option<String>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Tick {
    pub at: Time,
    pub by: String,
}

/// A step that the caller was led past.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Passed {
    pub step: String,
    pub how: How,
    pub at: Time,
    pub by: String,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "how", rename_all = "kebab-case")]
pub enum How {
    /// 自動確認: the terminal showed it.
    Automatic,
    /// 聴取: the caller said so.
    Heard,
    /// 未確認
    Unconfirmed,
    /// The terminal showed otherwise; it counted all the same.
    Overridden { reason: String },
    /// The caller saw something else.
    Saw { words: Words },
}

impl How {
    pub fn name(&self) -> &'static str {
        match self {
            How::Automatic => "automatic",
            How::Heard => "heard",
            How::Unconfirmed => "unconfirmed",
            How::Overridden { .. } => "overridden",
            How::Saw { .. } => "saw",
        }
    }
}

/// How going through a procedure ended, and so what is usually done next.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Ending {
    Done,
    Stopped,
    NotFixed,
    HandOn,
    CallBack,
}

impl Ending {
    pub fn name(self) -> &'static str {
        match self {
            Ending::Done => "done",
            Ending::Stopped => "stopped",
            Ending::NotFixed => "not-fixed",
            Ending::HandOn => "hand-on",
            Ending::CallBack => "call-back",
        }
    }
}

/// How a step stands now, for people.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stand {
    Automatic,
    Heard,
    Unconfirmed,
    Contradicted,
    Overridden,
    Saw,
}

impl Stand {
    pub const ALL: [Stand; 6] = [
        Stand::Automatic,
        Stand::Heard,
        Stand::Unconfirmed,
        Stand::Contradicted,
        Stand::Overridden,
        Stand::Saw,
    ];

    pub fn name(self) -> &'static str {
        match self {
            Stand::Automatic => "automatic",
            Stand::Heard => "heard",
            Stand::Unconfirmed => "unconfirmed",
            Stand::Contradicted => "contradicted",
            Stand::Overridden => "overridden",
            Stand::Saw => "saw",
        }
    }
}

impl Run {
    pub fn begin(procedure: &Procedure, by: &str, now: Time) -> Run {
        Run {
            procedure: procedure.slug.clone(),
            began_at: now,
            by: by.to_owned(),
            at: procedure.steps.first().map(|step| step.id.clone()),
            said: None,
            trail: Vec::new(),
            end: None,
            left: None,
        }
    }

    /// Left where it stands; nothing where it has ended.
    pub fn stop(&mut self) {
        if let Some(at) = self.at.take() {
            (self.said, self.end, self.left) = (None, Some(Ending::Stopped), Some(at));
        }
    }

    pub(super) fn on(&mut self, event: Event, around: &Around<'_>) -> Result<(), Refused> {
        match event {
            Event::Stopped => {
                self.stop();
                return Ok(());
            }
            Event::TookBack => {
                self.said = None;
                return Ok(());
            }
            Event::SteppedBack => return self.step_back(),
            Event::Said
            | Event::Skipped
            | Event::Overrode { .. }
            | Event::Saw { .. }
            | Event::Told(_)
            | Event::Placed { .. }
            | Event::Began { .. }
            | Event::Ordered { .. }
            | Event::Noted { .. }
            | Event::CallBack(_)
            | Event::CameDue
            | Event::Resumed
            | Event::TakenOver
            | Event::Closed { .. } => {}
        }
        let procedure = around
            .procedures
            .find(&self.procedure)
            .ok_or(Refused::NoSuchProcedure)?;
        let at = self.at.as_deref().ok_or(Refused::NoRun)?;
        let step = procedure.step(at).ok_or(Refused::NoSuchStep)?;
        if let Event::Saw { branch } = event {
            let branch = step.branches.get(branch).ok_or(Refused::NoSuchBranch)?;
            let words = branch.sees.clone();
            self.pass(step, How::Saw { words }, &branch.to, around);
            return Ok(());
        }
        let how = match ((around.truth)(step), event) {
            (Truth3::False, Event::Overrode { reason }) if !reason.trim().is_empty() => How::Overridden { reason },
            (Truth3::False, Event::Overrode { .. }) => return Err(Refused::NoReason),
            (Truth3::Unknown | Truth3::True, Event::Overrode { .. }) => return Err(Refused::NothingToOverride),
            // It stays where it is, and everybody sees why.
            (Truth3::False, Event::Said) => {
                self.said.get_or_insert(Tick {
                    at: around.now,
                    by: around.by.to_owned(),
                });
                return Ok(());
            }
            (Truth3::False, _) => return Err(Refused::Contradicted),
            (Truth3::True, _) => How::Automatic,
            (Truth3::Unknown, Event::Said) => How::Heard,
            (Truth3::Unknown, _) if self.said.is_some() => How::Heard,
            (Truth3::Unknown, _) => How::Unconfirmed,
        };
        let to = match &step.next {
            Some(next) => Where::Step(next.clone()),
            None => Where::End(Ending::Done),
        };
        self.pass(step, how, &to, around);
        Ok(())
    }

    fn pass(&mut self, step: &Step, how: How, to: &Where, around: &Around<'_>) {
        self.said = None;
        self.trail.push(Passed {
            step: step.id.clone(),
            how,
            at: around.now,
            by: around.by.to_owned(),
        });
        match to {
            Where::Step(next) => self.at = Some(next.clone()),
            Where::End(ending) => (self.at, self.end) = (None, Some(*ending)),
        }
    }

    /// To the step before, which is then not passed.
    fn step_back(&mut self) -> Result<(), Refused> {
        let last = self.trail.pop().ok_or(Refused::NoSuchStep)?;
        (self.at, self.said, self.end) = (Some(last.step), None, None);
        Ok(())
    }

    /// How a step stands: as it was last passed; the one that the caller is at, by what is known and said now.
    pub fn stand(&self, step: &Step, truth: Truth3) -> Option<Stand> {
        if self.at.as_deref() == Some(step.id.as_str()) {
            return Some(match (truth, self.said.is_some()) {
                (Truth3::True, _) => Stand::Automatic,
                (Truth3::False, true) => Stand::Contradicted,
                (Truth3::Unknown, true) => Stand::Heard,
                (Truth3::False | Truth3::Unknown, false) => Stand::Unconfirmed,
            });
        }
        let last = self.trail.iter().rev().find(|passed| passed.step == step.id)?;
        Some(match last.how {
            How::Automatic => Stand::Automatic,
            How::Heard => Stand::Heard,
            How::Unconfirmed => Stand::Unconfirmed,
            How::Overridden { .. } => Stand::Overridden,
            How::Saw { .. } => Stand::Saw,
        })
    }
}
