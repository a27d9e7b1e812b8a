//! Whether a call can be closed as fixed, and what speaks for it: every step that was gone through, and those still ahead
//! of the caller, are held against what the terminal shows now. Only a reason gets past what it shows, and is told.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use super::{Around, Call, Ending, How, Procedure, Refused, Run, Step};
use crate::expr::Truth3;

/// What a call's fixing rests on.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "by", rename_all = "kebab-case")]
pub enum Proof {
    /// The terminal shows all that was wanted.
    Shown,
    /// The caller said so.
    Heard,
    /// Nobody looked.
    Unconfirmed,
    /// The terminal shows otherwise, as a step that was overridden or the one who closes it gave a reason for.
    Against { reason: String },
    /// What was ordered in the call was not over.
    Working { reason: String },
}

/// A step that the call's end asks for.
struct Wanted<'p, 'r> {
    step: &'p Step,
    /// The reason that was given for it on the way.
    excused: Option<&'r str>,
}

impl Call {
    /// The steps that the terminal shows otherwise, with nobody's reason: as such the call cannot count as fixed.
    pub fn contradicted<'p>(&self, around: &Around<'p>) -> Vec<&'p Step> {
        let wanted = self.runs.iter().flat_map(|run| wanted(run, around));
        let open = wanted.filter(|one| one.excused.is_none() && (around.truth)(one.step) == Truth3::False);
        open.map(|one| one.step).collect()
    }

    pub(super) fn proof(&self, reason: String, around: &Around<'_>) -> Result<Proof, Refused> {
        let given = !reason.trim().is_empty();
        if !self.contradicted(around).is_empty() {
            return if given {
                Ok(Proof::Against { reason })
            } else {
                Err(Refused::Contradicted)
            };
        }
        if around.working {
            return if given {
                Ok(Proof::Working { reason })
            } else {
                Err(Refused::StillWorking)
            };
        }
        let wanted: Vec<Wanted<'_, '_>> = self.runs.iter().flat_map(|run| wanted(run, around)).collect();
        let truths: Vec<Truth3> = wanted.iter().map(|one| (around.truth)(one.step)).collect();
        let overridden = wanted.iter().zip(&truths).find(|(_, truth)| **truth == Truth3::False);
        if let Some((Wanted { excused, .. }, _)) = overridden {
            let reason = excused.unwrap_or_default().to_owned();
            return Ok(Proof::Against { reason });
        }
        Ok(
            if !truths.is_empty() && truths.iter().all(|truth| *truth == Truth3::True) {
                Proof::Shown
            } else if self.runs.last().is_some_and(heard_out) {
                Proof::Heard
            } else {
                Proof::Unconfirmed
            },
        )
    }
}

/// Gone through to the end, and nothing passed without a word.
fn heard_out(run: &Run) -> bool {
    let spoken = |how: &How| matches!(how, How::Automatic | How::Heard | How::Saw { .. });
    run.end == Some(Ending::Done) && run.trail.iter().all(|passed| spoken(&passed.how))
}

/// What was passed, each step as it was last passed, and what lies ahead of where the caller is or was left. What holds on
/// the way only is asked for where the caller stands, and nowhere else.
fn wanted<'p, 'r>(run: &'r Run, around: &Around<'p>) -> Vec<Wanted<'p, 'r>> {
    let Some(procedure) = around.procedures.find(&run.procedure) else {
        return Vec::new();
    };
    let (mut known, mut wanted) = (BTreeSet::new(), Vec::new());
    for step in ahead(procedure, run.at.as_deref().or(run.left.as_deref())) {
        let stands_here = run.said.is_some() && run.at.as_deref() == Some(step.id.as_str());
        if known.insert(step.id.as_str()) && step.done.is_some() && (stands_here || !step.passing) {
            wanted.push(Wanted { step, excused: None });
        }
    }
    for passed in run.trail.iter().rev() {
        let Some(step) = procedure
            .step(&passed.step)
            .filter(|step| known.insert(step.id.as_str()))
        else {
            continue;
        };
        if step.done.is_none() || step.passing {
            continue;
        }
        let excused = if let How::Overridden { reason } = &passed.how {
            Some(reason.as_str())
        } else {
            None
        };
        wanted.push(Wanted { step, excused });
    }
    wanted
}

fn ahead<'p>(procedure: &'p Procedure, from: Option<&str>) -> Vec<&'p Step> {
    let mut way: Vec<&Step> = Vec::new();
    let mut at = from.and_then(|id| procedure.step(id));
    while let Some(step) = at.filter(|step| way.iter().all(|known| known.id != step.id)) {
        way.push(step);
        at = step.next.as_deref().and_then(|next| procedure.step(next));
    }
    way
}
