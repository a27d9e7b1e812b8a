//! A job as the person sees it who said yes to it.

use kaishin_proto::id::JobId;

use super::{Book, Outcome, What, consent, index};
use crate::guide::{Progress, StepState};
use crate::words;

impl Book {
    /// How far a job has come.
    pub fn progress(&self, id: JobId) -> Option<Progress> {
        let job = self.jobs.get(&id)?;
        let remedy = job.remedy()?;
        let mut steps: Vec<_> = remedy
            .about()
            .steps
            .iter()
            .map(|step| (*step, StepState::Open, String::new()))
            .collect();
        let mut set = |number: u32, state: StepState, evidence: &str| {
            if let Some(step) = steps.get_mut(index(number)).filter(|_| number != consent::STEP) {
                (step.1, step.2) = (state, evidence.to_owned());
            }
        };
        for entry in &job.entries {
            match &entry.what {
                What::Intent { step } => set(*step, StepState::Doing, ""),
                What::Probed { step, evidence } => set(*step, StepState::Doing, evidence),
                What::Waits { step, evidence } => set(*step, StepState::Waiting, evidence),
                What::Done { step, evidence, .. } => set(*step, StepState::Done, evidence),
                What::Failed { step, evidence } => set(*step, StepState::Failed, evidence),
                What::Accepted { .. }
                | What::Again { .. }
                | What::CancelAsked
                | What::Asked
                | What::Consented { .. }
                | What::WrongCode
                | What::Collected(_)
                | What::Result { .. } => {}
            }
        }
        let ended = job.finish().map(|finish| match finish.outcome {
            Outcome::Succeeded => (true, words::of(words::JOB_DONE)),
            Outcome::Failed | Outcome::Refused | Outcome::Expired | Outcome::Cancelled | Outcome::Unknown => {
                (false, words::of(&finish.code))
            }
        });
        Some(Progress {
            job: id,
            remedy,
            steps,
            ended,
        })
    }
}
