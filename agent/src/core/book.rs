//! The terminal's jobs as its journal tells them. Every change is an [`Entry`]; applying the same entries gives the same
//! book, so what a restarted agent knows is what the one before it had made durable, no more and no less.

mod progress;

use std::collections::{BTreeMap, VecDeque};

use kaishin_proto::id::JobId;
use kaishin_proto::remedy::{CONSENT, Class, Remedy};
use kaishin_proto::time::Time;
use kaishin_proto::v1;
use serde::{Deserialize, Serialize};

use super::caps::{Tally, WRONG_CODES_OF_A_JOB};
use super::consent;
use super::records::Records;
use crate::remedies::before::{self, Before, Record};
use crate::remedies::{self, Collected, Repeat, Step, Story};
use crate::words;

/// How many finished and acknowledged jobs are remembered, to answer an offer that comes again.
const REMEMBERED: usize = 64;
/// Entries in the journal before it is worth writing anew.
const WORTH_COMPACTING: usize = 256;

/// One line of the journal.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Entry {
    Job(JobEntry),
    /// The server has these; they need not be sent again.
    Acknowledged {
        sequences: Vec<u64>,
    },
    /// What has happened today, for the caps of a day.
    Tally(Tally),
    /// What is kept of a job to take it back, where the entries that tell it are gone.
    Kept(Record),
    /// The next sequence number, where the entries that tell it are gone.
    Counter {
        next: u64,
    },
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct JobEntry {
    pub job: JobId,
    /// Of the event that goes to the server; `None` for what concerns the terminal alone.
    pub sequence: Option<u64>,
    pub at: Time,
    pub what: What,
}

/// Steps are numbered from 1, as people and the wire do.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum What {
    Accepted {
        attempt: u32,
        deadline: Time,
        remedy: Ordered,
    },
    /// The server offered the same job again.
    Again {
        attempt: u32,
    },
    CancelAsked,
    Intent {
        step: u32,
    },
    Probed {
        step: u32,
        evidence: String,
    },
    /// The person at the terminal is being asked.
    Asked,
    /// Who is asked has said yes.
    Consented {
        evidence: String,
    },
    WrongCode,
    /// Not done yet. Replaces what was told before of the same step's waiting.
    Waits {
        step: u32,
        evidence: String,
    },
    Done {
        step: u32,
        evidence: String,
        undo: Vec<Before>,
    },
    /// Stands before the end of the step that fetched it.
    Collected(Collected),
    Failed {
        step: u32,
        evidence: String,
    },
    Result {
        attempt: u32,
        finish: Finish,
    },
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Finish {
    pub outcome: Outcome,
    pub code: String,
    pub detail: String,
    pub undo: Vec<Before>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    Succeeded,
    Failed,
    Refused,
    Expired,
    Cancelled,
    Unknown,
}

/// As it was ordered. An agent of another version may read this journal, and must not lose what it does not know.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Ordered {
    Known(Remedy),
    Foreign(serde_json::Value),
}

/// Until when jobs wait that said so. Not kept: after a crash they look again at once.
pub type Waits = BTreeMap<JobId, Time>;

/// Which steps a remedy has; a function, so that tests can bring their own.
pub type Playbook = fn(Remedy) -> &'static [Step];

#[derive(Clone, Debug, PartialEq)]
pub struct Job {
    pub attempt: u32,
    pub deadline: Time,
    remedy: Option<Ordered>,
    /// Orders the jobs of a terminal by when it took them.
    accepted: u64,
    progress: Progress,
    cancel_asked: bool,
    asked: bool,
    consented: bool,
    wrong_codes: u32,
    wrote: bool,
    undo: Vec<Before>,
    entries: Vec<JobEntry>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Progress {
    /// The next step, from 0; all before it are done.
    Before(usize),
    /// Journalled that it would be done; whether it was is not known here.
    Intended(usize),
    Finished,
}

/// What to do about the next job.
#[derive(Clone, Debug, PartialEq)]
pub enum Next {
    /// The person at the terminal, before the first step.
    Ask {
        job: JobId,
        remedy: Remedy,
    },
    /// Journal the intent, then act.
    Begin {
        job: JobId,
        remedy: Remedy,
        step: usize,
    },
    /// Interrupted, and doing it again does no harm.
    Repeat {
        job: JobId,
        remedy: Remedy,
        step: usize,
    },
    /// Interrupted: look first.
    Probe {
        job: JobId,
        remedy: Remedy,
        step: usize,
    },
    Finish {
        job: JobId,
        finish: Finish,
    },
}

#[derive(Clone, Debug, Default, PartialEq)]
pub struct Book {
    next: u64,
    jobs: BTreeMap<JobId, Job>,
    /// Sequence of every event that the server has not acknowledged.
    outbox: BTreeMap<u64, JobId>,
    /// Finished and acknowledged, oldest first.
    settled: VecDeque<JobId>,
    tally: Tally,
    records: Records,
    written: usize,
}

impl What {
    /// What is said again and again is kept once, whatever the server does with it.
    fn replaces(&self, earlier: &What) -> bool {
        match (self, earlier) {
            (What::Waits { step, .. }, What::Waits { step: before, .. }) => step == before,
            (What::Again { .. }, What::Again { .. }) | (What::Result { .. }, What::Result { .. }) => true,
            _ => false,
        }
    }
}

impl Finish {
    pub fn new(outcome: Outcome, code: &str, detail: impl Into<String>) -> Finish {
        Finish {
            outcome,
            code: code.to_owned(),
            detail: detail.into(),
            undo: Vec::new(),
        }
    }
}

impl Book {
    pub fn replay(entries: impl IntoIterator<Item = Entry>) -> Book {
        let mut book = Book::default();
        for entry in entries {
            book.apply(&entry);
        }
        book
    }

    /// A journal line that makes an event for the server.
    pub fn event(&self, ahead: u64, job: JobId, at: Time, what: What) -> Entry {
        let sequence = Some(self.next.max(1) + ahead);
        Entry::Job(JobEntry {
            job,
            sequence,
            at,
            what,
        })
    }

    pub fn apply(&mut self, entry: &Entry) {
        self.written += 1;
        match entry {
            Entry::Tally(tally) => self.tally = *tally,
            Entry::Counter { next } => self.next = self.next.max(*next),
            Entry::Kept(record) => self.records.keep(record.clone()),
            Entry::Acknowledged { sequences } => self.acknowledge(sequences),
            Entry::Job(entry) => self.apply_to_job(entry),
        }
    }

    fn apply_to_job(&mut self, entry: &JobEntry) {
        if let Some(sequence) = entry.sequence {
            self.next = self.next.max(sequence + 1);
            self.outbox.insert(sequence, entry.job);
        }
        let made = match &entry.what {
            What::Accepted {
                attempt,
                deadline,
                remedy,
            } => Job::new(*attempt, *deadline, Some(remedy.clone()), entry.sequence),
            // A refusal: the job is never taken, only answered.
            What::Result { attempt, .. } => Job::new(*attempt, Time::ZERO, None, entry.sequence),
            What::Again { .. }
            | What::CancelAsked
            | What::Intent { .. }
            | What::Probed { .. }
            | What::Asked
            | What::Consented { .. }
            | What::WrongCode
            | What::Waits { .. }
            | What::Done { .. }
            | What::Collected(_)
            | What::Failed { .. } => Job::new(0, Time::ZERO, None, entry.sequence),
        };
        let job = self.jobs.entry(entry.job).or_insert(made);
        job.apply(&entry.what);
        self.records.apply(entry, job.remedy());
        let outbox = &mut self.outbox;
        job.entries.retain(|earlier| {
            let replaced = entry.what.replaces(&earlier.what);
            if let (true, Some(sequence)) = (replaced, earlier.sequence) {
                outbox.remove(&sequence);
            }
            !replaced
        });
        job.entries.push(entry.clone());
        if job.progress == Progress::Finished {
            self.settled.retain(|settled| *settled != entry.job);
        }
    }

    fn acknowledge(&mut self, sequences: &[u64]) {
        for sequence in sequences {
            let Some(id) = self.outbox.remove(sequence) else {
                continue;
            };
            let waiting = self.outbox.values().any(|waiting| *waiting == id);
            if let Some(job) = self.jobs.get_mut(&id)
                && job.progress == Progress::Finished
                && !waiting
            {
                // Only the result is worth remembering.
                let last = job
                    .entries
                    .iter()
                    .rposition(|entry| matches!(entry.what, What::Result { .. }));
                job.entries = last.map(|last| job.entries.swap_remove(last)).into_iter().collect();
                self.settled.push_back(id);
            }
        }
        while self.settled.len() > REMEMBERED {
            if let Some(oldest) = self.settled.pop_front() {
                self.jobs.remove(&oldest);
            }
        }
    }

    /// What must be known of this work before any of it is done.
    pub fn background(&self, remedy: Remedy) -> Story {
        let mut story = Story::default();
        if let Remedy::Undo { job } = remedy {
            story.record = self.records.of(job).cloned();
        }
        story
    }

    pub fn job(&self, id: JobId) -> Option<&Job> {
        self.jobs.get(&id)
    }

    /// Jobs that the server should know this terminal holds: those without an acknowledged result.
    pub fn held(&self) -> impl Iterator<Item = (JobId, &Job)> {
        let held = self.jobs.iter().filter(|(id, _)| !self.settled.contains(id));
        held.map(|(id, job)| (*id, job))
    }

    /// Events after `sequence` that the server has not acknowledged, in order.
    pub fn outbox(&self, after: u64) -> impl Iterator<Item = v1::JobEvent> {
        let waiting = self.outbox.range(after.saturating_add(1)..);
        waiting.filter_map(|(sequence, id)| self.jobs.get(id)?.event(*id, *sequence))
    }

    pub fn last_sequence(&self) -> u64 {
        self.outbox.keys().next_back().copied().unwrap_or(0)
    }

    pub fn is_waiting(&self, sequence: u64) -> bool {
        self.outbox.contains_key(&sequence)
    }

    pub fn tally(&self) -> Tally {
        self.tally
    }

    /// Whether the server still has to learn a result.
    pub fn owes_result(&self) -> bool {
        self.held().any(|(_, job)| job.is_finished())
    }

    /// What the oldest unfinished job needs. After a crash too: that is the only way in. A job that waits is passed by those
    /// that only read; what changes the terminal keeps its turn, one job after the other.
    pub fn next(&self, playbook: Playbook, now: Time, waits: &Waits) -> Option<Next> {
        let mut unfinished: Vec<_> = self.jobs.iter().filter(|(_, job)| !job.is_finished()).collect();
        unfinished.sort_by_key(|(_, job)| job.accepted);
        let mut taken = false;
        for (id, job) in unfinished {
            let changes = job.changes();
            let waiting = waits.get(id).is_some_and(|until| now < *until);
            if waiting && job.is_to_stop(now) {
                return Some(job.give_up(*id));
            }
            let in_turn = !(taken && changes);
            if !waiting && in_turn {
                return Some(job.next(*id, playbook, now, waits.contains_key(id)));
            }
            taken |= changes;
        }
        None
    }

    /// When a job that waits is to be looked at again, its deadline included.
    pub fn wakes(&self, waits: &Waits) -> Option<Time> {
        let wakes = |(id, until): (&JobId, &Time)| Some((*until).min(self.jobs.get(id)?.deadline));
        waits.iter().filter_map(wakes).min()
    }

    /// What the journal tells of a job before it does this step, from 0.
    pub fn story(&self, id: JobId, step: usize) -> Story {
        let Some(job) = self.jobs.get(&id) else {
            return Story::default();
        };
        let names = job.remedy().map(remedies::steps).unwrap_or_default();
        let mut story = job.remedy().map(|remedy| self.background(remedy)).unwrap_or_default();
        for entry in &job.entries {
            match &entry.what {
                What::Intent { step: number } if index(*number) == step && story.since == Time::ZERO => {
                    story.since = entry.at;
                }
                What::Done { step, evidence, undo } => {
                    story.kept.extend(undo.iter().cloned());
                    let Some(step) = names.get(index(*step)) else { continue };
                    story.done.push((step.name, evidence.clone()));
                }
                What::Waits { step: number, .. } => story.waited |= index(*number) == step,
                What::Consented { .. } => story.consented = Some(entry.at),
                What::Accepted { .. }
                | What::Again { .. }
                | What::CancelAsked
                | What::Asked
                | What::WrongCode
                | What::Intent { .. }
                | What::Probed { .. }
                | What::Collected(_)
                | What::Failed { .. }
                | What::Result { .. } => {}
            }
        }
        story
    }

    pub fn worth_compacting(&self) -> bool {
        self.written > WORTH_COMPACTING
            && self.written
                > 4 * (self.records.iter().len() + self.jobs.values().map(|job| job.entries.len()).sum::<usize>())
    }

    /// The shortest journal that makes this book.
    pub fn compact(&mut self) -> Vec<Entry> {
        let mut entries = vec![Entry::Counter { next: self.next }, Entry::Tally(self.tally)];
        entries.extend(self.records.iter().cloned().map(Entry::Kept));
        let of = |id: &JobId| self.jobs.get(id).into_iter().flat_map(|job| job.entries.iter());
        // In the order of settling, so that the oldest is forgotten first again.
        let settled = self.settled.iter().flat_map(of);
        let held = self.jobs.keys().filter(|id| !self.settled.contains(id)).flat_map(of);
        let lines: Vec<&JobEntry> = settled.chain(held).collect();
        entries.extend(lines.iter().map(|entry| Entry::Job((*entry).clone())));
        let told = lines.iter().filter_map(|entry| entry.sequence);
        let sequences = told.filter(|sequence| !self.outbox.contains_key(sequence)).collect();
        entries.push(Entry::Acknowledged { sequences });
        self.written = entries.len();
        entries
    }
}

impl Job {
    fn new(attempt: u32, deadline: Time, remedy: Option<Ordered>, sequence: Option<u64>) -> Job {
        Job {
            attempt,
            deadline,
            remedy,
            accepted: sequence.unwrap_or(0),
            progress: Progress::Before(0),
            cancel_asked: false,
            asked: false,
            consented: false,
            wrong_codes: 0,
            wrote: false,
            undo: Vec::new(),
            entries: Vec::new(),
        }
    }

    /// `None`: this build does not know it.
    fn remedy(&self) -> Option<Remedy> {
        match self.remedy {
            Some(Ordered::Known(remedy)) => Some(remedy),
            Some(Ordered::Foreign(_)) | None => None,
        }
    }

    /// Whether it is one that changes the terminal.
    pub fn changes(&self) -> bool {
        self.remedy().is_some_and(|remedy| remedy.class() != Class::Read)
    }

    /// Whether somebody said yes to it.
    pub fn is_agreed(&self) -> bool {
        self.consented
    }

    pub fn can_be_cancelled(&self) -> bool {
        !self.is_finished() && !self.cancel_asked
    }

    /// Steps that were begun, from 0.
    pub fn begun(&self) -> impl Iterator<Item = usize> {
        self.entries.iter().filter_map(|entry| {
            let What::Intent { step } = entry.what else {
                return None;
            };
            Some(index(step))
        })
    }

    /// When the step with this number, from 1, was last done.
    pub fn done_at(&self, number: usize) -> Option<Time> {
        let done = |entry: &&JobEntry| matches!(entry.what, What::Done { step, .. } if step as usize == number);
        self.entries.iter().rev().find(done).map(|entry| entry.at)
    }

    pub fn was_asked(&self) -> bool {
        self.asked
    }

    pub fn wrong_codes(&self) -> u32 {
        self.wrong_codes
    }

    pub fn is_finished(&self) -> bool {
        self.progress == Progress::Finished
    }

    /// What was last journalled of it.
    pub fn last(&self) -> Option<&What> {
        self.entries.last().map(|entry| &entry.what)
    }

    pub fn finish(&self) -> Option<&Finish> {
        self.entries.iter().rev().find_map(|entry| match &entry.what {
            What::Result { finish, .. } => Some(finish),
            What::Accepted { .. }
            | What::Again { .. }
            | What::CancelAsked
            | What::Intent { .. }
            | What::Probed { .. }
            | What::Asked
            | What::Consented { .. }
            | What::WrongCode
            | What::Waits { .. }
            | What::Done { .. }
            | What::Collected(_)
            | What::Failed { .. } => None,
        })
    }

    fn apply(&mut self, what: &What) {
        match what {
            What::Accepted { .. } | What::Waits { .. } | What::Collected(_) | What::Failed { .. } => {}
            What::Again { attempt } => self.attempt = *attempt,
            What::CancelAsked => self.cancel_asked = true,
            What::Asked => self.asked = true,
            What::Consented { .. } => self.consented = true,
            What::WrongCode => self.wrong_codes += 1,
            What::Intent { step } => {
                self.progress = Progress::Intended(index(*step));
                self.wrote |= !self.undo.is_empty();
            }
            // Found not done: as if it had never been meant to be.
            What::Probed { step, .. } => self.progress = Progress::Before(index(*step)),
            What::Done { step, undo, .. } => {
                self.progress = Progress::Before(index(*step) + 1);
                self.undo.extend(undo.iter().cloned());
            }
            What::Result { attempt, .. } => {
                self.attempt = *attempt;
                self.progress = Progress::Finished;
            }
        }
    }

    /// Whether a step that waits need not be waited for any more.
    fn is_to_stop(&self, now: Time) -> bool {
        self.cancel_asked || now >= self.deadline
    }

    fn stop(&self, job: JobId) -> Next {
        let finish = if self.cancel_asked {
            self.ended(Outcome::Cancelled, words::JOB_CANCELLED, "")
        } else {
            self.ended(Outcome::Expired, words::JOB_TOO_LATE, "what it waited for did not come")
        };
        Next::Finish { job, finish }
    }

    /// What must still be done before it may be given up.
    fn owed(&self, job: JobId) -> Option<Next> {
        let (Progress::Before(at) | Progress::Intended(at)) = self.progress else {
            return None;
        };
        let remedy = self.remedy()?;
        let step = remedies::owed(remedy, at)?;
        Some(Next::Begin { job, remedy, step })
    }

    /// What was set for a while only is put back first.
    fn give_up(&self, job: JobId) -> Next {
        self.owed(job).unwrap_or_else(|| self.stop(job))
    }

    /// `waited`: the step under way was left in peace, and is acted on again.
    fn next(&self, job: JobId, playbook: Playbook, now: Time, waited: bool) -> Next {
        let finish = |outcome, code, detail: &str| Next::Finish {
            job,
            finish: self.ended(outcome, code, detail),
        };
        let Some(remedy) = self.remedy() else {
            return finish(
                Outcome::Failed,
                words::JOB_UNKNOWN,
                "taken by an agent of another version",
            );
        };
        let steps = playbook(remedy);
        match self.progress {
            Progress::Before(step) if step >= steps.len() => finish(Outcome::Succeeded, "", ""),
            Progress::Before(_) if self.is_to_stop(now) => self.owed(job).unwrap_or_else(|| {
                if self.cancel_asked {
                    finish(Outcome::Cancelled, words::JOB_CANCELLED, "")
                } else {
                    finish(Outcome::Expired, words::JOB_TOO_LATE, "")
                }
            }),
            Progress::Before(0) if remedy.class() == Class::Consent && !self.consented => Next::Ask { job, remedy },
            Progress::Before(step) => Next::Begin { job, remedy, step },
            Progress::Intended(_) if waited && self.is_to_stop(now) => self.give_up(job),
            Progress::Intended(step) if waited => Next::Repeat { job, remedy, step },
            Progress::Intended(step) => match steps.get(step).map(|step| step.repeat) {
                // Nobody waits for it any more. What has a trace is looked for first.
                Some(Repeat::Idempotent) if self.is_to_stop(now) => self.give_up(job),
                Some(Repeat::Idempotent) => Next::Repeat { job, remedy, step },
                Some(Repeat::Probe | Repeat::Once) => Next::Probe { job, remedy, step },
                None => finish(Outcome::Unknown, words::JOB_UNCERTAIN, "this build has no such step"),
            },
            Progress::Finished => finish(Outcome::Unknown, words::JOB_UNCERTAIN, "finished twice"),
        }
    }

    /// The undo record goes with whatever ended a job that may have written.
    pub fn ended(&self, outcome: Outcome, code: &str, detail: &str) -> Finish {
        let undo = if self.wrote { self.undo.clone() } else { Vec::new() };
        Finish {
            undo,
            ..Finish::new(outcome, code, detail)
        }
    }

    /// Told under the attempt that the server knows now, whatever it was when it happened.
    fn event(&self, id: JobId, sequence: u64) -> Option<v1::JobEvent> {
        let entry = self.entries.iter().find(|entry| entry.sequence == Some(sequence))?;
        let step = |number: u32, phase: v1::job_step::Phase, evidence: &str| {
            let name = self
                .remedy()
                .and_then(|remedy| remedies::steps(remedy).get(index(number)));
            v1::job_event::What::Step(v1::JobStep {
                number,
                name: name.map(|step| step.name.to_owned()).unwrap_or_default(),
                phase: phase.into(),
                evidence: evidence.to_owned(),
            })
        };
        let asks = |phase: v1::job_step::Phase, evidence: &str| {
            v1::job_event::What::Step(v1::JobStep {
                number: consent::STEP,
                name: CONSENT.id.to_owned(),
                phase: phase.into(),
                evidence: evidence.to_owned(),
            })
        };
        use v1::job_step::Phase;
        let what = match &entry.what {
            What::Accepted { .. } | What::Again { .. } => v1::job_event::What::Accepted(v1::JobAccepted {}),
            What::CancelAsked => return None,
            What::Asked => asks(Phase::Intent, ""),
            What::Consented { evidence } => asks(Phase::Done, evidence),
            What::WrongCode => {
                let told = self.entries.iter().take_while(|told| told.sequence <= entry.sequence);
                let wrong = told.filter(|told| told.what == What::WrongCode).count();
                asks(
                    Phase::Waiting,
                    &format!("wrong code, {wrong} of {WRONG_CODES_OF_A_JOB}"),
                )
            }
            What::Waits { step, evidence } if *step == consent::STEP => asks(Phase::Waiting, evidence),
            What::Intent { step: number } => step(*number, Phase::Intent, ""),
            What::Probed { step: number, evidence } => step(*number, Phase::Probed, evidence),
            What::Waits { step: number, evidence } => step(*number, Phase::Waiting, evidence),
            What::Done {
                step: number, evidence, ..
            } => step(*number, Phase::Done, evidence),
            What::Failed { step: number, evidence } => step(*number, Phase::Failed, evidence),
            What::Collected(collected) => v1::job_event::What::Record(v1::JobRecord {
                text: collected.text.clone(),
                cut: collected.cut,
            }),
            What::Result { finish, .. } => v1::job_event::What::Result(finish.to_wire()),
        };
        Some(v1::JobEvent {
            sequence,
            job_id: id.to_string(),
            attempt: self.attempt,
            at_us: entry.at.micros(),
            what: Some(what),
        })
    }
}

fn index(step: u32) -> usize {
    step.saturating_sub(1) as usize
}

impl Finish {
    fn to_wire(&self) -> v1::JobResult {
        use v1::job_result::Outcome as W;
        let outcome = match self.outcome {
            Outcome::Succeeded => W::Succeeded,
            Outcome::Failed => W::Failed,
            Outcome::Refused => W::Refused,
            Outcome::Expired => W::Expired,
            Outcome::Cancelled => W::Cancelled,
            Outcome::Unknown => W::Unknown,
        };
        v1::JobResult {
            outcome: outcome.into(),
            code: self.code.clone(),
            detail: self.detail.clone(),
            undo: before::to_wire(&self.undo),
        }
    }
}
