//! Taking work, doing it a step at a time, and owing its result until the server has it.

use kaishin_proto::convert::remedy_from_wire;
use kaishin_proto::id::JobId;
use kaishin_proto::limits::MOST_HELD;
use kaishin_proto::remedy::Remedy;
use kaishin_proto::time::{Span, Time};
use kaishin_proto::v1;

use super::book::{Entry, Finish, Job, JobEntry, Next, Ordered, Outcome, What};
use super::caps::{self, Tally};
use super::{Core, Effect, Work};
use crate::remedies::{self, Acted, Done, Failed, Probed, Touch};
use crate::words;

const CANNOT_LOOK: &str = "waits: the terminal cannot be looked at just now";
/// By then a program has written its file, and a slow disk has woken.
const LOOK_AGAIN: Span = Span::minutes(1);
/// A restart that was announced and agreed to is one that comes now, not whenever the power is back.
const ANNOUNCED_FOR: Span = Span::minutes(5);
/// To a server that takes no answers, no more are given: they would fill the disk.
const MOST_ANSWERS: usize = 2 * MOST_HELD;

impl Core {
    pub(super) fn offered(&mut self, offer: &v1::JobOffer) {
        // An offer without a sound id cannot even be answered.
        let Ok(job) = offer.job_id.parse::<JobId>() else {
            return;
        };
        if !self.connection.is_online() || self.stopping {
            return;
        }
        if self.book.job(job).is_some() {
            return self.offered_again(job, offer.attempt);
        }
        if self.book.held().count() >= MOST_ANSWERS {
            return;
        }
        let deadline = Time(offer.deadline_us);
        let refuse = |outcome, code, detail: &str| What::Result {
            attempt: offer.attempt,
            finish: Finish::new(outcome, code, detail),
        };
        let what = match remedy_from_wire(offer.remedy.as_ref()) {
            None => refuse(
                Outcome::Refused,
                words::JOB_UNKNOWN,
                "this agent does not know the remedy, or not with these parameters",
            ),
            Some(_) if self.now >= deadline => {
                refuse(Outcome::Expired, words::JOB_TOO_LATE, "offered after its deadline")
            }
            Some(_) if self.book.held().count() >= MOST_HELD => {
                refuse(Outcome::Refused, words::JOB_TOO_MANY, "too much work is waiting")
            }
            Some(remedy) => What::Accepted {
                attempt: offer.attempt,
                deadline,
                remedy: Ordered::Known(remedy),
            },
        };
        self.record_event(job, what);
    }

    /// The server lost sight of a job that we hold: it is told again, never done again.
    fn offered_again(&mut self, job: JobId, attempt: u32) {
        let Some(held) = self.book.job(job) else {
            return;
        };
        if attempt < held.attempt {
            return;
        }
        let settled = held.is_finished() && !self.book.held().any(|(id, _)| id == job);
        match held.finish().cloned() {
            Some(finish) if settled || attempt > held.attempt => {
                self.record_event(job, What::Result { attempt, finish });
            }
            None if attempt > held.attempt => self.record_event(job, What::Again { attempt }),
            Some(_) | None => {}
        }
    }

    pub(super) fn cancel_asked(&mut self, job: &str) {
        let Ok(job) = job.parse::<JobId>() else {
            return;
        };
        if self.book.job(job).is_some_and(Job::can_be_cancelled) {
            let entry = JobEntry {
                job,
                sequence: None,
                at: self.now,
                what: What::CancelAsked,
            };
            self.record(vec![Entry::Job(entry)], true);
        }
    }

    pub(super) fn acknowledged(&mut self, sequences: Vec<u64>) {
        let ours: Vec<u64> = sequences
            .into_iter()
            .filter(|sequence| self.book.is_waiting(*sequence))
            .collect();
        if !ours.is_empty() {
            // Lost in a crash, it only means that the events are sent once more.
            self.record(vec![Entry::Acknowledged { sequences: ours }], false);
        }
    }

    pub(super) fn acted(&mut self, outcome: Result<Acted, Failed>) {
        let Some(Work::Act { job, remedy, step }) = self.working.take() else {
            return;
        };
        let restarts = outcome.is_err() && self.touch(job, remedy, step) == Touch::Restarts;
        if restarts && caps::counts(remedy, self.clocks.standing()) {
            self.count(Tally::not_restarted);
        }
        let number = step as u32 + 1;
        self.waits.remove(&job);
        match outcome {
            Ok(Acted::Again { after, evidence }) => {
                self.wait_for(job, number, evidence, self.now + after);
                self.tell();
            }
            Ok(Acted::Done(done)) => {
                let Done {
                    evidence,
                    undo,
                    observed,
                    collected,
                } = done;
                if let Some(collected) = collected {
                    self.append_event(job, What::Collected(collected));
                }
                self.append_event(
                    job,
                    What::Done {
                        step: number,
                        evidence,
                        undo,
                    },
                );
                self.sampling.insist(&observed, self.connection.is_online());
                // The job's end, if this was it, is journalled before anything is said.
                self.carry_on();
                self.report(observed);
            }
            Err(failed) if self.may_pass(job, number, &failed) => {
                let evidence = format!("{CANNOT_LOOK}: {}", failed.detail);
                self.wait_for(job, number, evidence, self.now + LOOK_AGAIN);
                self.tell();
            }
            Err(failed) => {
                let evidence = failed.detail.clone();
                self.append_event(job, What::Failed { step: number, evidence });
                let outcome = if failed.is_refusal() {
                    Outcome::Refused
                } else {
                    Outcome::Failed
                };
                self.finish(job, outcome, failed.code, &failed.detail);
                self.tell();
            }
        }
    }

    /// Work of hours does not end because one look went wrong while something was waited for; two in a row are no accident.
    fn may_pass(&self, job: JobId, step: u32, failed: &Failed) -> bool {
        let last = self.book.job(job).and_then(|held| held.last());
        let waited = matches!(last, Some(What::Waits { step: at, evidence })
            if *at == step && !evidence.starts_with(CANNOT_LOOK));
        waited && failed.code == words::JOB_MACHINE_FAILED
    }

    /// Told once per reason, however often it is looked at.
    pub(super) fn wait_for(&mut self, job: JobId, step: u32, evidence: String, until: Time) {
        self.waits.insert(job, until);
        let waits = What::Waits { step, evidence };
        if self.book.job(job).is_some_and(|held| held.last() != Some(&waits)) {
            self.append_event(job, waits);
        }
    }

    pub(super) fn looked(&mut self, found: Probed) {
        let Some(Work::Probe { job, step, .. }) = self.working.take() else {
            return;
        };
        let step = step as u32 + 1;
        match found {
            Probed::Done(evidence) => {
                self.append_event(
                    job,
                    What::Done {
                        step,
                        evidence,
                        undo: Vec::new(),
                    },
                );
                self.carry_on();
            }
            Probed::NotDone(evidence) => self.append_event(job, What::Probed { step, evidence }),
            Probed::Uncertain(detail) => self.finish(job, Outcome::Unknown, words::JOB_UNCERTAIN, &detail),
        }
        self.tell();
    }

    pub(super) fn finish(&mut self, job: JobId, outcome: Outcome, code: &str, detail: &str) {
        let Some(held) = self.book.job(job) else {
            return;
        };
        let attempt = held.attempt;
        let finish = held.ended(outcome, code, detail);
        self.end(job, attempt, finish);
    }

    fn end(&mut self, job: JobId, attempt: u32, finish: Finish) {
        self.over(job);
        let tried = |held: &Job| held.changes() && held.is_agreed();
        let (outcome, tried) = (finish.outcome, self.book.job(job).is_some_and(tried));
        self.append_event(job, What::Result { attempt, finish });
        match outcome {
            Outcome::Succeeded if tried && self.book.tally().failures() > 0 => {
                self.count(|tally, _| tally.ended(true));
            }
            Outcome::Failed | Outcome::Unknown if tried => self.count(|tally, _| tally.ended(false)),
            Outcome::Succeeded
            | Outcome::Failed
            | Outcome::Unknown
            | Outcome::Refused
            | Outcome::Expired
            | Outcome::Cancelled => {}
        }
        self.sampling.want_light();
    }

    /// Ends jobs that have come to their end.
    fn carry_on(&mut self) {
        while let Some(Next::Finish { job, finish }) = self.book.next(self.config.playbook, self.now, &self.waits) {
            let attempt = self.book.job(job).map_or(0, |held| held.attempt);
            self.end(job, attempt, finish);
        }
    }

    /// Begins what is next, if anything is.
    pub(super) fn pump_job(&mut self) {
        self.carry_on();
        let next = self.book.next(self.config.playbook, self.now, &self.waits);
        let work = match next {
            None | Some(Next::Finish { .. }) => None,
            Some(Next::Ask { job, remedy }) => {
                self.ask(job, remedy);
                None
            }
            Some(Next::Begin { job, remedy, step }) => self.begin(job, remedy, step),
            Some(Next::Repeat { job, remedy, step }) => Some(Work::Act { job, remedy, step }),
            Some(Next::Probe { job, remedy, step }) => Some(Work::Probe { job, remedy, step }),
        };
        self.tell();
        if let Some(work) = work {
            self.work(work);
        }
        if self.book.worth_compacting() {
            let entries = self.book.compact();
            self.effects.push(Effect::Compact(entries));
        }
    }

    fn touch(&self, job: JobId, remedy: Remedy, step: usize) -> Touch {
        let name = (self.config.playbook)(remedy).get(step).map_or("", |step| step.name);
        remedies::touch(remedy, name, &self.book.story(job, step))
    }

    /// What counts is counted before it happens: a power cut gives no second one.
    fn begin(&mut self, job: JobId, remedy: Remedy, step: usize) -> Option<Work> {
        let touch = |step: usize| self.touch(job, remedy, step);
        let held = self.book.job(job)?;
        let announced = || {
            held.done_at(step)
                .is_some_and(|at| at <= self.now && self.now.since(at) <= ANNOUNCED_FOR)
        };
        let again = step > 0 && touch(step) == Touch::Restarts && !announced();
        let step = if again { step - 1 } else { step };
        let (now, first) = (touch(step), held.begun().all(|begun| touch(begun) == Touch::Looks));
        let is_shown = matches!(remedy, Remedy::NotifyStaff { .. });
        if is_shown && let Err(capped) = self.book.tally().may_notify(self.today()) {
            self.finish(job, Outcome::Refused, capped.code, capped.detail);
            return None;
        }
        if is_shown {
            self.count(Tally::notified);
        }
        let counts = caps::counts(remedy, self.clocks.standing());
        if counts && first && now != Touch::Looks {
            self.count(Tally::changed);
        }
        if counts && now == Touch::Restarts {
            self.count(Tally::restarted);
        }
        self.waits.remove(&job);
        self.append_event(job, What::Intent { step: step as u32 + 1 });
        Some(Work::Act { job, remedy, step })
    }

    fn record_event(&mut self, job: JobId, what: What) {
        self.append_event(job, what);
        self.tell();
    }

    pub(super) fn append_event(&mut self, job: JobId, what: What) {
        let entry = self.book.event(0, job, self.now, what);
        self.record(vec![entry], true);
    }

    pub(super) fn record(&mut self, entries: Vec<Entry>, sync: bool) {
        for entry in &entries {
            self.book.apply(entry);
        }
        // Neighbours share one write to the disk.
        if let Some(Effect::Journal {
            entries: last,
            sync: synced,
        }) = self.effects.last_mut()
        {
            last.extend(entries);
            *synced |= sync;
        } else {
            self.effects.push(Effect::Journal { entries, sync });
        }
    }
}
