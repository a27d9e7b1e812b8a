//! The person at the terminal says yes before it is changed. The server can neither skip this nor answer it: it only passes
//! on a code that the agent itself has shown, and may be wrong about it three times.

use kaishin_proto::id::JobId;
use kaishin_proto::time::{Span, Time};
use kaishin_proto::v1;

use super::book::{Entry, Outcome, What};
use super::caps::{self, Capped, Tally, WRONG_CODES_OF_A_JOB};
use super::{Core, Effect};
use crate::governor::{Clock, Why};
use crate::guide::{Answer, How, Question};
use crate::remedies::Failed;
use crate::words;
use kaishin_proto::remedy::{Remedy, Restart};

/// How long a question stands on the screen. Afterwards it is taken as unanswered.
const ANSWER_WITHIN: Span = Span::minutes(10);
const NOBODY_PAUSE: Span = Span::minutes(1);
const LATER_PAUSE: Span = Span::minutes(30);
const ALREADY_FINE: &str = "already as it should be";
/// On the wire and on pages the question is the step before the first.
pub const STEP: u32 = 0;

impl Core {
    /// Asks, unless the day's cap forbids what would be asked.
    pub(super) fn ask(&mut self, job: JobId, remedy: Remedy) {
        let Some(held) = self.book.job(job) else {
            return;
        };
        let (asked_before, deadline) = (held.was_asked(), held.deadline);
        if let Err(capped) = self.may_do(remedy) {
            return match self.clocks.standing() {
                Clock::Right => self.finish(job, Outcome::Refused, capped.code, capped.detail),
                Clock::Off => {
                    let detail = "the clock is more than ten minutes off";
                    self.finish(job, Outcome::Refused, words::JOB_CLOCK, detail);
                }
                // Perhaps a new day has begun long ago.
                Clock::Unknown => {
                    let why = Why::Unknown("whether the clock is right");
                    self.wait_for(job, STEP, why.to_string(), self.now + NOBODY_PAUSE);
                }
            };
        }
        let tally = self.book.tally();
        if !asked_before {
            self.append_event(job, What::Asked);
        }
        let until = (self.now + ANSWER_WITHIN).min(deadline);
        // An answer ends this earlier.
        self.waits.insert(job, deadline);
        self.asking = Some(job);
        self.effects.push(Effect::Ask(Question {
            job,
            remedy,
            failures: tally.failures(),
            codes: tally.takes_codes(self.today()),
            until,
        }));
    }

    fn may_do(&self, remedy: Remedy) -> Result<(), Capped> {
        let (tally, today) = (self.book.tally(), self.today());
        if !caps::counts(remedy, self.clocks.standing()) {
            return Ok(());
        }
        tally.may_change(today)?;
        if remedy.about().restart == Restart::Made {
            tally.may_restart(today)?;
        }
        Ok(())
    }

    pub(super) fn said(&mut self, job: JobId, answer: Answer) {
        if self.asking != Some(job) {
            return;
        }
        self.asking = None;
        self.waits.remove(&job);
        match answer {
            Answer::Yes { how } => {
                let evidence = match how {
                    How::Button => "yes, by the button at the terminal",
                    How::Code => "yes, by the code that the terminal showed",
                };
                let evidence = evidence.to_owned();
                self.append_event(job, What::Consented { evidence });
            }
            Answer::No { reason } => self.finish(job, Outcome::Refused, words::JOB_SAID_NO, &reason),
            Answer::NoAnswer => {
                let detail = "nobody answered the question on the screen";
                self.finish(job, Outcome::Refused, words::JOB_NO_ANSWER, detail);
            }
            Answer::Later { reason, after_hours } => {
                let closes = self.hours.open_until(self.now).filter(|_| after_hours);
                let until = closes.unwrap_or(self.now + LATER_PAUSE);
                self.wait_for(job, STEP, format!("later: {reason}"), until);
            }
            Answer::NobodyHere { why } => {
                self.wait_for(
                    job,
                    STEP,
                    format!("nobody is there to ask: {why}"),
                    self.now + NOBODY_PAUSE,
                );
            }
        }
        self.tell();
    }

    pub(super) fn not_for_it(&mut self, job: JobId, why: &Failed) {
        if self.asking == Some(job) {
            self.finish(job, Outcome::Refused, why.code, &why.detail);
            self.tell();
        }
    }

    /// Nobody said yes, so nothing is written; and nobody need be asked for nothing.
    pub(super) fn already_fine(&mut self, job: JobId, observed: Vec<v1::Section>) {
        if self.asking == Some(job) {
            self.sampling.insist(&observed, self.connection.is_online());
            self.finish(job, Outcome::Succeeded, "", ALREADY_FINE);
            self.report(observed);
        }
    }

    pub(super) fn code_sent(&mut self, sent: &v1::ConsentCode) {
        let Ok(job) = sent.job_id.parse::<JobId>() else {
            return;
        };
        if self.asking == Some(job) && self.book.tally().takes_codes(self.today()) {
            let code = sent.code.clone();
            self.effects.push(Effect::TryCode { job, code });
        }
    }

    /// A right code comes back as an answer; this is for the others.
    pub(super) fn code_was_wrong(&mut self, job: JobId) {
        if self.asking != Some(job) {
            return;
        }
        self.count(Tally::wrong_code);
        self.append_event(job, What::WrongCode);
        let tries = self.book.job(job).map_or(0, |held| held.wrong_codes());
        if tries >= WRONG_CODES_OF_A_JOB {
            let detail = "three wrong codes were given";
            self.finish(job, Outcome::Refused, words::JOB_WRONG_CODE, detail);
        }
        self.tell();
    }

    /// The question goes with its job.
    pub(super) fn over(&mut self, job: JobId) {
        self.waits.remove(&job);
        if self.asking == Some(job) {
            self.asking = None;
            self.effects.push(Effect::Withdraw(job));
        }
    }

    /// Durable with what stands beside it in the journal.
    pub(super) fn count(&mut self, count: impl Fn(Tally, Option<Time>) -> Tally) {
        let tally = count(self.book.tally(), self.today());
        self.record(vec![Entry::Tally(tally)], true);
    }
}
