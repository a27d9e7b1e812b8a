//! Work on terminals: ordered by people, offered to connected terminals, told by terminals, ended by time.

mod bulk;
mod consent;
mod order;
mod record;

use std::collections::HashMap;
use std::sync::Arc;

use kaishin_domain::access::Scope;
use kaishin_domain::id::{JobId, TerminalId};
use kaishin_domain::job::{self, Job, JobEvent, JobState, Outcome, Step};
use kaishin_domain::remedy::Remedy;
use kaishin_domain::time::{Span, Time};
use serde_json::json;
use tracing::{debug, info};

use super::error::AppError;
use super::gather::{Gather, Gathered, gather};
use super::{App, Change, Cx, Wake};
pub use bulk::{Ordered, Orders, create_many};
pub use consent::pass_on_code;
pub use order::{Order, create};
pub(super) use order::{Ready, may_be_ordered};
pub use record::{Fetched, Read, fetched, forget_records};

use crate::index::Work;
pub use crate::store::{JobDetail, JobFilter};
use crate::store::{JobRecord, NewSteps, StoreError, Tx};
use kaishin_domain::access::Permission;
use kaishin_proto::limits::MOST_OFFERED;

/// How many due jobs are looked at in one go.
const DUE_PAGE: u32 = 500;

/// Whether the terminal said that this job changed something, what was before, and that nothing took it back yet. Whether
/// it still can be taken back, the terminal knows.
pub fn can_undo(detail: &JobDetail) -> bool {
    has_changed(detail) && detail.undone_by.is_none()
}

fn has_changed(detail: &JobDetail) -> bool {
    detail.job.is_final() && detail.undo.is_some()
}

pub(super) fn revoked() -> AppError {
    AppError::conflict(
        "E-JOB-12",
        "この端末は失効しているため、作業を依頼できません。",
        "This terminal has been revoked; it gets no work.",
    )
}

pub async fn get(cx: &Cx, id: JobId) -> Result<JobDetail, AppError> {
    let detail = cx.app.store.job(id).await?.ok_or_else(no_such_job)?;
    cx.require(Permission::ViewFleet, Scope::Terminal(detail.job.terminal))?;
    Ok(detail)
}

/// Newest first.
pub async fn list(cx: &Cx, filter: JobFilter, limit: u32) -> Result<Vec<Job>, AppError> {
    cx.require(
        Permission::ViewFleet,
        filter.terminal.map_or(Scope::Fleet, Scope::Terminal),
    )?;
    Ok(cx.app.store.jobs(filter, limit.min(500)).await?)
}

pub async fn cancel(cx: &Cx, id: JobId, reason: &str) -> Result<Job, AppError> {
    let job = cx.app.store.job(id).await?.ok_or_else(no_such_job)?.job;
    cx.require(Permission::CancelJob, Scope::Terminal(job.terminal))?;
    let cancelled = job.on(JobEvent::CancelAsked, cx.now()).map_err(|_| {
        AppError::conflict(
            "E-JOB-13",
            "この作業はすでに終わっています。",
            "This job has ended already.",
        )
    })?;
    let event = cx.event(
        "job.cancel",
        format!("job:{id}"),
        reason,
        json!({ "state": job.state.name() }),
        json!({ "state": cancelled.state.name(), "cancel_asked": cancelled.cancel_asked }),
    );
    let (was, is) = (job, cancelled.clone());
    cx.app
        .store
        .write::<_, AppError, _>(move |tx| {
            Box::pin(async move {
                tx.update_jobs(&[(was, is)]).await?;
                tx.audit(event).await?;
                Ok(())
            })
        })
        .await?;
    if cancelled.cancel_asked {
        cx.app.bus.wake(Wake::Cancel {
            terminal: cancelled.terminal,
            job: id,
        });
    }
    told(&cx.app, std::slice::from_ref(&cancelled));
    cx.app.bus.changed(Change::Audit);
    Ok(cancelled)
}

/// As it is ordered.
fn made(cx: &Cx, now: Time, terminal: TerminalId, remedy: Remedy, life: Span, reason: &str) -> Job {
    Job {
        id: JobId::new(now, cx.app.entropy.bytes()),
        terminal,
        remedy,
        state: JobState::Ready,
        attempt: 0,
        taken: 0,
        deadline: now + life,
        cancel_asked: false,
        created_at: now,
        created_by: cx.actor.name.clone(),
        reason: in_short(reason),
    }
}

/// As much of why as the record keeps.
fn in_short(reason: &str) -> String {
    reason.chars().take(500).collect()
}

fn no_such_job() -> AppError {
    AppError::not_found("E-JOB-16", "この作業は見つかりません。", "There is no such job.")
}

/// These jobs changed: found by their new state, and shown.
pub(super) fn told(app: &App, jobs: &[Job]) {
    for job in jobs {
        app.index.set_job(job.terminal, work(job));
        app.bus.changed(Change::Job {
            job: job.id,
            terminal: job.terminal,
        });
    }
}

/// A job as its terminal is found by it.
pub(super) fn work(job: &Job) -> Work {
    Work {
        id: job.id,
        remedy: job.remedy.name(),
        state: job.state.name(),
    }
}

/// Ends what is open on a terminal that is not to be trusted with it any more.
pub(super) async fn end_open(
    tx: &mut Tx,
    terminal: TerminalId,
    event: JobEvent,
    now: Time,
) -> Result<Vec<Job>, StoreError> {
    let changes: Vec<(Job, Job)> = tx
        .open_jobs(terminal)
        .await?
        .into_iter()
        .filter_map(|job| job.on(event.clone(), now).ok().map(|ended| (job, ended)))
        .collect();
    tx.update_jobs(&changes).await?;
    Ok(changes.into_iter().map(|(_, ended)| ended).collect())
}

/// Takes ready jobs of many connected terminals in one go: from now on they are offered. A terminal gets no more than it
/// can hold; the rest follows when one of these has ended.
pub async fn take_ready(app: &Arc<App>, terminals: Vec<TerminalId>) -> Result<Vec<Job>, AppError> {
    let now = app.now();
    let offered = app
        .store
        .write::<_, AppError, _>(move |tx| {
            Box::pin(async move {
                let ready = tx.ready_jobs(&terminals, MOST_OFFERED).await?;
                let changes: Vec<(Job, Job)> = ready
                    .into_iter()
                    .filter_map(|job| job.on(JobEvent::Offer, now).ok().map(|offered| (job, offered)))
                    .collect();
                tx.update_jobs(&changes).await?;
                Ok(changes.into_iter().map(|(_, offered)| offered).collect::<Vec<_>>())
            })
        })
        .await?;
    told(app, &offered);
    Ok(offered)
}

/// Offers that were taken for a session which is there no more: whoever came in its place is offered the work again.
pub async fn take_back(app: &Arc<App>, offered: Vec<Job>) -> Result<(), AppError> {
    for was in offered {
        let Ok(is) = was.on(JobEvent::OfferLost, app.now()) else {
            continue;
        };
        let ready = is.clone();
        let written = app
            .store
            .write::<_, StoreError, _>(move |tx| Box::pin(async move { tx.update_jobs(&[(was, is)]).await }))
            .await;
        match written {
            Ok(()) => {}
            // The next hello was read meanwhile, and has settled it.
            Err(StoreError::LostRace(_)) => continue,
            Err(error) => return Err(error.into()),
        }
        app.bus.wake(Wake::Ready(ready.terminal));
        told(app, &[ready]);
    }
    Ok(())
}

/// Every terminal that some job is ready for: where a hub that missed wakes starts over.
pub async fn terminals_with_work(app: &App) -> Result<Vec<TerminalId>, AppError> {
    Ok(app.store.terminals_with_ready_jobs().await?)
}

/// Asks every terminal that has a cancelled job in hand to let go of it: the first asking may not have reached it.
pub async fn remind_of_cancels(app: &App) -> Result<usize, AppError> {
    let asked = app.store.jobs_to_cancel().await?;
    for (terminal, job) in &asked {
        if app.index.is_online(*terminal) {
            app.bus.wake(Wake::Cancel {
                terminal: *terminal,
                job: *job,
            });
        }
    }
    Ok(asked.len())
}

/// What a terminal's hello says its journal holds, against what the server believes: jobs offered or taken that the
/// terminal has never heard of are made ready again; those to cancel are named.
pub async fn reconcile(app: &Arc<App>, terminal: TerminalId, held: Vec<(JobId, u32)>) -> Result<Reconciled, AppError> {
    let now = app.now();
    let reconciled = app
        .store
        .write::<_, AppError, _>(move |tx| {
            Box::pin(async move {
                let open = tx.open_jobs(terminal).await?;
                let mut changes = Vec::new();
                for job in &open {
                    let held = held.iter().find(|(id, _)| *id == job.id);
                    let event = match held {
                        Some((_, attempt)) => JobEvent::Held { attempt: *attempt },
                        None => JobEvent::OfferLost,
                    };
                    let next = job.on(event, now).ok();
                    changes.extend(next.map(|next| (job.clone(), next)));
                }
                tx.update_jobs(&changes).await?;
                let cancel = held
                    .iter()
                    .filter(|(id, _)| open.iter().find(|job| job.id == *id).is_none_or(|job| job.cancel_asked))
                    .map(|(id, _)| *id)
                    .collect();
                Ok(Reconciled {
                    cancel,
                    changed: changes.into_iter().map(|(_, is)| is).collect(),
                })
            })
        })
        .await?;
    told(app, &reconciled.changed);
    Ok(reconciled)
}

#[derive(Clone, Debug)]
pub struct Reconciled {
    /// The terminal holds these, but they are over or to be cancelled.
    pub cancel: Vec<JobId>,
    pub changed: Vec<Job>,
}

/// What a terminal tells of a job.
#[derive(Clone, Debug)]
pub struct Told {
    pub sequence: u64,
    pub job: JobId,
    pub attempt: u32,
    pub what: What,
}

#[derive(Clone, Debug)]
pub enum What {
    Accepted,
    Step(Step),
    /// What was to be fetched, before the result.
    Record {
        text: String,
        cut: bool,
    },
    Result {
        outcome: Outcome,
        code: String,
        detail: String,
        /// JSON, if the terminal was changed.
        undo: Option<String>,
    },
}

pub struct Batch {
    terminal: TerminalId,
    told: Vec<Told>,
}

pub type Intake = Gather<Batch, Result<(), StoreError>>;
pub type GatheredIntake = Gathered<Batch, Result<(), StoreError>>;

pub fn intake() -> (Intake, GatheredIntake) {
    gather()
}

/// Returns after the commit: only then may the terminal forget.
pub async fn events(app: &Arc<App>, terminal: TerminalId, told: Vec<Told>) -> Result<Vec<u64>, AppError> {
    let sequences = told.iter().map(|one| one.sequence).collect();
    app.intake
        .ask(Batch { terminal, told })
        .await
        .ok_or(StoreError::Stopped)??;
    Ok(sequences)
}

/// Runs until the application ends.
pub async fn take_events(app: Arc<App>, intake: GatheredIntake) {
    intake
        .run(|batch| {
            let app = app.clone();
            async move {
                let count = batch.len();
                match commit(&app, batch).await {
                    Ok(()) => vec![Ok(()); count],
                    Err(error) => vec![Err(error); count],
                }
            }
        })
        .await;
}

async fn commit(app: &Arc<App>, batch: Vec<Batch>) -> Result<(), StoreError> {
    let now = app.now();
    let (changed, waiting) = app
        .store
        .write::<_, StoreError, _>(move |tx| {
            Box::pin(async move {
                let mut ids: Vec<JobId> = batch
                    .iter()
                    .flat_map(|one| one.told.iter().map(|told| told.job))
                    .collect();
                ids.sort_unstable();
                ids.dedup();
                let was: HashMap<JobId, Job> = tx
                    .jobs_by_id(&ids)
                    .await?
                    .into_iter()
                    .map(|job| (job.id, job))
                    .collect();
                let outcome = apply(&was, batch, now);
                tx.insert_steps(&outcome.steps).await?;
                let changes: Vec<(Job, Job)> = outcome
                    .jobs
                    .into_values()
                    .filter_map(|is| was.get(&is.id).filter(|was| **was != is).map(|was| (was.clone(), is)))
                    .collect();
                tx.update_jobs(&changes).await?;
                tx.set_undo(&outcome.undo).await?;
                tx.put_records(&outcome.records).await?;
                let changed: Vec<Job> = changes.into_iter().map(|(_, is)| is).collect();
                let waiting = tx.who_waits(&freed(&changed)).await?;
                Ok((changed, waiting))
            })
        })
        .await?;
    for job in &changed {
        match &job.state {
            JobState::Final(finish) => {
                debug!(job.id = %job.id, terminal.id = %job.terminal, outcome = finish.outcome.name(), "job finished");
            }
            // Whoever was asked before it had the job may not have understood.
            JobState::Accepted | JobState::Running { .. } if job.cancel_asked => app.bus.wake(Wake::Cancel {
                terminal: job.terminal,
                job: job.id,
            }),
            JobState::Ready | JobState::Offered { .. } | JobState::Accepted | JobState::Running { .. } => {}
        }
    }
    for terminal in waiting {
        app.bus.wake(Wake::Ready(terminal));
    }
    told(app, &changed);
    Ok(())
}

/// The terminals that have room for more: one of their jobs has ended.
fn freed(changed: &[Job]) -> Vec<TerminalId> {
    let mut freed: Vec<TerminalId> = changed
        .iter()
        .filter(|job| job.is_final())
        .map(|job| job.terminal)
        .collect();
    freed.sort_unstable();
    freed.dedup();
    freed
}

#[derive(Default)]
struct Applied {
    jobs: HashMap<JobId, Job>,
    steps: Vec<NewSteps>,
    undo: Vec<(JobId, String)>,
    records: Vec<(JobId, JobRecord)>,
}

/// What one word of a terminal leaves behind, if its job takes it.
#[derive(Default)]
struct Kept {
    step: Option<Step>,
    undo: Option<String>,
    record: Option<JobRecord>,
}

/// Pure: the jobs after everything that was told, in order. What does not fit is logged and changes nothing.
fn apply(was: &HashMap<JobId, Job>, batch: Vec<Batch>, now: Time) -> Applied {
    let mut applied = Applied::default();
    for Batch { terminal, told } in batch {
        for told in told {
            let current = applied.jobs.get(&told.job).or_else(|| was.get(&told.job));
            // A terminal speaks for its own jobs only.
            let Some(job) = current.filter(|job| job.terminal == terminal) else {
                info!(terminal.id = %terminal, job.id = %told.job, "a terminal spoke of a job that is not its own");
                continue;
            };
            let attempt = told.attempt;
            let mut kept = Kept::default();
            let event = match told.what {
                What::Accepted => JobEvent::Accepted { attempt },
                What::Step(step) => {
                    let number = step.number;
                    kept.step = Some(step);
                    JobEvent::Step { attempt, number }
                }
                What::Record { text, cut } => {
                    kept.record = record::wanted(job).then_some(JobRecord { at: now, text, cut });
                    let number = record::STEP;
                    JobEvent::Step { attempt, number }
                }
                What::Result {
                    outcome,
                    code,
                    detail,
                    undo,
                } => {
                    kept.undo = undo;
                    JobEvent::Result {
                        attempt,
                        outcome,
                        code,
                        detail,
                    }
                }
            };
            match job.on(event, now) {
                Ok(next) => {
                    let id = next.id;
                    applied.steps.extend(kept.step.map(|step| NewSteps {
                        job: id,
                        steps: vec![step],
                    }));
                    applied.undo.extend(kept.undo.map(|undo| (id, undo)));
                    applied.records.extend(kept.record.map(|record| (id, record)));
                    applied.jobs.insert(id, next);
                }
                Err(job::Refused::NotNow) => {}
                Err(refused) => {
                    info!(terminal.id = %terminal, job.id = %told.job, attempt, reason = %refused, "a late word of a job");
                }
            }
        }
    }
    applied
}

/// Ends what time has ended, and frees the offers that nobody took. Says how many jobs it changed.
pub async fn sweep(app: &Arc<App>) -> Result<usize, AppError> {
    let now = app.now();
    let mut count = 0;
    loop {
        let due = app.store.due_jobs(now, DUE_PAGE).await?;
        let looked_at = due.len();
        let changes: Vec<(Job, Job)> = due
            .into_iter()
            .filter_map(|job| {
                let next = job
                    .on(JobEvent::Tick, now)
                    .or_else(|_| job.on(JobEvent::LeaseLapsed, now))
                    .ok()?;
                Some((job, next))
            })
            .collect();
        if changes.is_empty() {
            return Ok(count);
        }
        let swept: Vec<Job> = changes.iter().map(|(_, is)| is.clone()).collect();
        let written = app
            .store
            .write::<_, StoreError, _>(move |tx| Box::pin(async move { tx.update_jobs(&changes).await }))
            .await;
        match written {
            Ok(()) => {}
            // A terminal answered at this very moment; the next sweep sees what became of it.
            Err(StoreError::LostRace(_)) => return Ok(count),
            Err(error) => return Err(error.into()),
        }
        // Ready again, or ended without a word: either way its terminal has room.
        for job in &swept {
            app.bus.wake(Wake::Ready(job.terminal));
        }
        told(app, &swept);
        count += swept.len();
        if looked_at < DUE_PAGE as usize {
            return Ok(count);
        }
    }
}

#[cfg(test)]
mod tests {
    use kaishin_domain::remedy::Remedy;

    use super::*;

    const NOW: Time = Time(1_000);

    fn terminal(n: u8) -> TerminalId {
        TerminalId::new(Time(0), [n; 10])
    }

    fn running() -> Job {
        Job {
            id: JobId::new(Time(0), [9; 10]),
            terminal: terminal(1),
            remedy: Remedy::FastStartupOff,
            state: JobState::Offered { until: Time(2_000) },
            attempt: 1,
            taken: 0,
            deadline: Time(5_000),
            cancel_asked: false,
            created_at: Time(0),
            created_by: "tanaka".into(),
            reason: String::new(),
        }
    }

    fn says(terminal: TerminalId, whats: Vec<What>) -> Batch {
        let job = running().id;
        let told = whats
            .into_iter()
            .zip(1..)
            .map(|(what, sequence)| Told {
                sequence,
                job,
                attempt: 1,
                what,
            })
            .collect();
        Batch { terminal, told }
    }

    fn step(number: u32) -> What {
        What::Step(Step {
            attempt: 1,
            number,
            name: "write-registry".into(),
            phase: kaishin_domain::job::Phase::Done,
            evidence: String::new(),
            at: NOW,
        })
    }

    fn result(outcome: Outcome) -> What {
        What::Result {
            outcome,
            code: String::new(),
            detail: String::new(),
            undo: Some("{}".into()),
        }
    }

    fn applied(batches: Vec<Batch>) -> Applied {
        let job = running();
        apply(&HashMap::from([(job.id, job)]), batches, NOW)
    }

    #[test]
    fn a_whole_story_in_one_message_ends_in_its_result() {
        let applied = applied(vec![says(
            terminal(1),
            vec![What::Accepted, step(1), step(2), result(Outcome::Succeeded)],
        )]);
        assert_eq!(applied.jobs[&running().id].state.name(), "succeeded");
        assert_eq!((applied.steps.len(), applied.undo.len()), (2, 1));
    }

    #[test]
    fn what_comes_after_the_result_changes_nothing() {
        let late = says(terminal(1), vec![step(3), result(Outcome::Failed)]);
        let applied = applied(vec![says(terminal(1), vec![result(Outcome::Succeeded)]), late]);
        assert_eq!(applied.jobs[&running().id].state.name(), "succeeded");
        assert_eq!((applied.steps.len(), applied.undo.len()), (0, 1));
    }

    #[test]
    fn a_record_is_kept_only_of_a_job_that_asked_for_one_and_is_not_over() {
        let record = || What::Record {
            text: "line".into(),
            cut: false,
        };
        let asked = Job {
            remedy: Remedy::CollectRecord {
                record: kaishin_domain::remedy::Record::Restarts,
            },
            ..running()
        };
        for (job, story, kept) in [
            (&asked, vec![record()], 1),
            (&asked, vec![What::Accepted, record(), result(Outcome::Succeeded)], 1),
            (&asked, vec![result(Outcome::Failed), record()], 0),
            (&running(), vec![record()], 0),
        ] {
            let was = HashMap::from([(job.id, job.clone())]);
            let applied = apply(&was, vec![says(terminal(1), story)], NOW);
            assert_eq!(applied.records.len(), kept);
        }
    }

    #[test]
    fn a_terminal_cannot_speak_for_another() {
        let applied = applied(vec![says(
            terminal(2),
            vec![What::Accepted, result(Outcome::Succeeded)],
        )]);
        assert!(applied.jobs.is_empty() && applied.steps.is_empty());
    }
}
