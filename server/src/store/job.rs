//! Jobs, their steps and their one result. Everything that terminals say about jobs is written many rows at a time.

use std::collections::HashMap;
use std::collections::hash_map::Entry::{Occupied, Vacant};

use kaishin_domain::id::{JobId, TerminalId};
use kaishin_domain::job::{Finish, GRACE, Job, JobState, Outcome, Phase, Step};
use kaishin_domain::remedy::Remedy;
use kaishin_domain::time::Time;

use super::codec::{count, few_lengths, from_json, list, named, parse, rows, to_json};
use super::db::{Store, on_pool, on_tx};
use super::error::StoreError;
use super::history::Before;
use super::writer::Tx;

/// A job with all that was told of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct JobDetail {
    pub job: Job,
    pub steps: Vec<Step>,
    /// JSON: what would put the terminal back, if it was changed.
    pub undo: Option<String>,
    /// The job that took it back.
    pub undone_by: Option<JobId>,
    /// Whether a record was fetched that is still kept.
    pub record: bool,
}

/// Steps of one job, as they arrive.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewSteps {
    pub job: JobId,
    pub steps: Vec<Step>,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct JobFilter {
    pub terminal: Option<TerminalId>,
    /// Older than this one.
    pub before: Option<JobId>,
}

#[derive(sqlx::FromRow)]
struct Row {
    id: String,
    terminal_id: String,
    remedy: String,
    state: String,
    attempt: i64,
    taken: i64,
    lease_until: Option<i64>,
    step: Option<i64>,
    deadline: i64,
    cancel_asked: bool,
    created_at: i64,
    created_by: String,
    reason: String,
    result_at: Option<i64>,
    result_code: Option<String>,
    result_detail: Option<String>,
}

impl Row {
    fn job(self) -> Result<Job, StoreError> {
        let state = match self.state.as_str() {
            "ready" => JobState::Ready,
            "offered" => JobState::Offered {
                until: Time(self.lease_until.unwrap_or(0)),
            },
            "accepted" => JobState::Accepted,
            "running" => JobState::Running {
                step: count("step", self.step.unwrap_or(0))?,
            },
            last => JobState::Final(Finish {
                outcome: named("job's state", &Outcome::ALL, Outcome::name, last)?,
                at: Time(self.result_at.unwrap_or(0)),
                code: self.result_code.unwrap_or_default(),
                detail: self.result_detail.unwrap_or_default(),
            }),
        };
        Ok(Job {
            id: parse("job id", &self.id)?,
            terminal: parse("terminal id", &self.terminal_id)?,
            remedy: from_json("remedy", &self.remedy)?,
            state,
            attempt: count("attempt", self.attempt)?,
            taken: count("attempt", self.taken)?,
            deadline: Time(self.deadline),
            cancel_asked: self.cancel_asked,
            created_at: Time(self.created_at),
            created_by: self.created_by,
            reason: self.reason,
        })
    }
}

#[derive(sqlx::FromRow)]
struct StepRow {
    attempt: i64,
    number: i64,
    phase: String,
    name: String,
    evidence: String,
    at: i64,
}

impl StepRow {
    fn step(self) -> Result<Step, StoreError> {
        Ok(Step {
            attempt: count("attempt", self.attempt)?,
            number: count("step", self.number)?,
            phase: named("phase", &Phase::ALL, Phase::name, &self.phase)?,
            name: self.name,
            evidence: self.evidence,
            at: Time(self.at),
        })
    }
}

const BY_ID: &str = "
    SELECT j.*, r.at AS result_at, r.code AS result_code, r.detail AS result_detail
    FROM job j LEFT JOIN job_result r ON r.job_id = j.id WHERE j.id = $1";
const STEPS: &str = "
    SELECT attempt, number, phase, name, evidence, at FROM job_step WHERE job_id = $1 ORDER BY at, attempt, number";
const UNDO: &str = "SELECT undo FROM job_result WHERE job_id = $1";
const TAKEN_BACK: &str = "
    SELECT id FROM job WHERE terminal_id = $1 AND id > $2 AND remedy = $3 AND state = 'succeeded' ORDER BY id LIMIT 1";
const RECENT: &str = "
    SELECT j.*, r.at AS result_at, r.code AS result_code, r.detail AS result_detail
    FROM job j LEFT JOIN job_result r ON r.job_id = j.id WHERE j.id < $1 ORDER BY j.id DESC LIMIT $2";
const RECENT_OF_TERMINAL: &str = "
    SELECT j.*, r.at AS result_at, r.code AS result_code, r.detail AS result_detail
    FROM job j LEFT JOIN job_result r ON r.job_id = j.id
    WHERE j.terminal_id = $3 AND j.id < $1 ORDER BY j.id DESC LIMIT $2";
const ORDERED: &str = "
    SELECT j.*, r.at AS result_at, r.code AS result_code, r.detail AS result_detail
    FROM job j LEFT JOIN job_result r ON r.job_id = j.id
    WHERE j.terminal_id = $1 AND j.created_at <= $2 AND (j.created_at < $2 OR j.id < $3)
    ORDER BY j.created_at DESC, j.id DESC LIMIT $4";
const ENDED: &str = "
    SELECT j.*, r.at AS result_at, r.code AS result_code, r.detail AS result_detail
    FROM job j JOIN job_result r ON r.job_id = j.id
    WHERE j.terminal_id = $1 AND r.at <= $2 AND (r.at < $2 OR j.id < $3)
    ORDER BY r.at DESC, j.id DESC LIMIT $4";
/// Those that somebody cancelled and that are not over.
const TO_CANCEL: &str = "
    SELECT terminal_id, id FROM job WHERE cancel_asked AND state IN ('offered', 'accepted', 'running')";
const OPEN_OF_TERMINAL: &str = "
    SELECT j.*, NULL AS result_at, NULL AS result_code, NULL AS result_detail
    FROM job j WHERE j.terminal_id = $1 AND j.state IN ('ready', 'offered', 'accepted', 'running') ORDER BY j.id";
/// Those that time has something to say about; each of them changes when it is looked at.
const DUE: &str = "
    SELECT j.*, NULL AS result_at, NULL AS result_code, NULL AS result_detail
    FROM job j
    WHERE (j.state = 'ready' AND j.deadline <= $1)
       OR (j.state = 'offered' AND j.lease_until <= $1)
       OR (j.state IN ('accepted', 'running') AND j.deadline <= $2)
    ORDER BY j.deadline LIMIT $3";
/// The open ones and the last of each remedy, of terminals in the order of their ids.
const LAST_BETWEEN: &str = "
    SELECT j.*, NULL AS result_at, NULL AS result_code, NULL AS result_detail
    FROM job j WHERE j.terminal_id > $1 AND j.terminal_id <= $2
      AND (j.state IN ('ready', 'offered', 'accepted', 'running')
           OR NOT EXISTS (SELECT 1 FROM job later
                          WHERE later.terminal_id = j.terminal_id AND later.id > j.id AND later.remedy = j.remedy))";
const WAITING: &str = "
    SELECT DISTINCT terminal_id FROM job
    WHERE state IN ('ready', 'offered', 'accepted', 'running') AND state = 'ready'";
/// As the index of unfinished jobs says it: only these very words make a database use it.
const OPEN: &str = "state IN ('ready', 'offered', 'accepted', 'running')";

const UNDER_WAY: &str = "
    SELECT j.*, NULL AS result_at, NULL AS result_code, NULL AS result_detail
    FROM job j WHERE j.state IN ('accepted', 'running') ORDER BY j.deadline DESC LIMIT $1";
const WAITING_COUNT: &str = "SELECT COUNT(*) FROM job WHERE state = 'ready'";
const UNDER_WAY_COUNT: &str = "SELECT COUNT(*) FROM job WHERE state IN ('accepted', 'running')";
/// By id, which begins with the time of making.
const MADE_SINCE: &str = "SELECT state, COUNT(*) FROM job WHERE id >= $1 GROUP BY state";

/// Above every id.
const LAST_ID: &str = "g";

/// The work of the fleet in numbers.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct JobCounts {
    pub waiting: u64,
    pub under_way: u64,
    /// Those ordered since a moment, by the name of their state.
    pub made: Vec<(String, u64)>,
}

impl Store {
    pub async fn job_counts(&self, since: Time) -> Result<JobCounts, StoreError> {
        let first = JobId::new(since, [0; 10]).to_string();
        let waiting: i64 = on_pool!(self, c => sqlx::query_scalar(WAITING_COUNT).fetch_one(c).await)?;
        let under_way: i64 = on_pool!(self, c => sqlx::query_scalar(UNDER_WAY_COUNT).fetch_one(c).await)?;
        let made: Vec<(String, i64)> = on_pool!(self, c => sqlx::query_as(MADE_SINCE).bind(first).fetch_all(c).await)?;
        Ok(JobCounts {
            waiting: waiting.unsigned_abs(),
            under_way: under_way.unsigned_abs(),
            made: made.into_iter().map(|(state, n)| (state, n.unsigned_abs())).collect(),
        })
    }

    /// The work that terminals are at.
    pub async fn jobs_under_way(&self, most: u32) -> Result<Vec<Job>, StoreError> {
        let rows: Vec<Row> = on_pool!(self, c => sqlx::query_as(UNDER_WAY).bind(i64::from(most)).fetch_all(c).await)?;
        rows.into_iter().map(Row::job).collect()
    }

    pub async fn job(&self, id: JobId) -> Result<Option<JobDetail>, StoreError> {
        let row: Option<Row> = on_pool!(self, c => sqlx::query_as(BY_ID).bind(id.to_string()).fetch_optional(c).await)?;
        let Some(row) = row else { return Ok(None) };
        let steps: Vec<StepRow> = on_pool!(self, c => sqlx::query_as(STEPS).bind(id.to_string()).fetch_all(c).await)?;
        let undo: Option<Option<String>> =
            on_pool!(self, c => sqlx::query_scalar(UNDO).bind(id.to_string()).fetch_optional(c).await)?;
        let mut steps = steps.into_iter().map(StepRow::step).collect::<Result<Vec<_>, _>>()?;
        // Within one microsecond, the intent comes first.
        steps.sort_by_key(|step| (step.at, step.attempt, step.number, step.phase));
        let (job, undo) = (row.job()?, undo.flatten());
        let undone_by = if undo.is_some() {
            self.taken_back(&job).await?
        } else {
            None
        };
        Ok(Some(JobDetail {
            job,
            steps,
            undo,
            undone_by,
            record: self.has_record(id).await?,
        }))
    }

    async fn taken_back(&self, job: &Job) -> Result<Option<JobId>, StoreError> {
        let by = to_json("remedy", &Remedy::Undo { job: job.id })?;
        let (terminal, id) = (job.terminal.to_string(), job.id.to_string());
        let found: Option<String> = on_pool!(self, c => sqlx::query_scalar(TAKEN_BACK)
            .bind(&terminal).bind(&id).bind(&by).fetch_optional(c).await)?;
        found.map(|id| parse("job id", &id)).transpose()
    }

    /// Newest first.
    pub async fn jobs(&self, filter: JobFilter, limit: u32) -> Result<Vec<Job>, StoreError> {
        let before = filter.before.map_or_else(|| LAST_ID.to_owned(), |id| id.to_string());
        let limit = i64::from(limit);
        let rows: Vec<Row> = on_pool!(self, c => match filter.terminal {
            None => sqlx::query_as(RECENT).bind(before).bind(limit).fetch_all(c).await,
            Some(terminal) =>
                sqlx::query_as(RECENT_OF_TERMINAL).bind(before).bind(limit).bind(terminal.to_string()).fetch_all(c).await,
        })?;
        rows.into_iter().map(Row::job).collect()
    }

    /// The newest first.
    pub async fn jobs_ordered(
        &self,
        terminal: TerminalId,
        before: &Before,
        limit: u32,
    ) -> Result<Vec<Job>, StoreError> {
        self.history(ORDERED, terminal, before, limit).await
    }

    /// Those that ended last first.
    pub async fn jobs_ended(&self, terminal: TerminalId, before: &Before, limit: u32) -> Result<Vec<Job>, StoreError> {
        self.history(ENDED, terminal, before, limit).await
    }

    async fn history(
        &self,
        text: &'static str,
        terminal: TerminalId,
        before: &Before,
        limit: u32,
    ) -> Result<Vec<Job>, StoreError> {
        let rows: Vec<Row> = on_pool!(self, c => sqlx::query_as(text)
            .bind(terminal.to_string())
            .bind(before.at.micros())
            .bind(&before.key)
            .bind(i64::from(limit))
            .fetch_all(c)
            .await)?;
        rows.into_iter().map(Row::job).collect()
    }

    pub async fn jobs_to_cancel(&self) -> Result<Vec<(TerminalId, JobId)>, StoreError> {
        let rows: Vec<(String, String)> = on_pool!(self, c => sqlx::query_as(TO_CANCEL).fetch_all(c).await)?;
        let pair = |(terminal, job): &(String, String)| Ok((parse("terminal id", terminal)?, parse("job id", job)?));
        rows.iter().map(pair).collect()
    }

    /// Those with something to look at: a deadline or a lease that has passed.
    pub async fn due_jobs(&self, now: Time, limit: u32) -> Result<Vec<Job>, StoreError> {
        let rows: Vec<Row> = on_pool!(self, c => sqlx::query_as(DUE)
            .bind(now.micros())
            .bind((now - GRACE).micros())
            .bind(i64::from(limit))
            .fetch_all(c)
            .await)?;
        rows.into_iter().map(Row::job).collect()
    }

    /// Those among some terminals that have a job which is not over.
    pub async fn terminals_with_open_jobs(&self, ids: &[TerminalId]) -> Result<Vec<TerminalId>, StoreError> {
        let mut busy = Vec::new();
        for part in few_lengths(ids) {
            let text = format!(
                "SELECT DISTINCT terminal_id FROM job WHERE {OPEN} AND terminal_id IN ({})",
                list(1, part.len())
            );
            let text = self.statement(text);
            let found: Vec<String> = on_pool!(self, c => {
                let mut query = sqlx::query_scalar(text);
                for id in part {
                    query = query.bind(id.to_string());
                }
                query.fetch_all(c).await
            })?;
            for id in found {
                busy.push(parse("terminal id", &id)?);
            }
        }
        Ok(busy)
    }

    /// What terminals are found by: their open jobs and the last of each remedy.
    pub async fn last_jobs_between(&self, after: Option<TerminalId>, last: TerminalId) -> Result<Vec<Job>, StoreError> {
        let after = after.map(|id| id.to_string()).unwrap_or_default();
        let rows: Vec<Row> =
            on_pool!(self, c => sqlx::query_as(LAST_BETWEEN).bind(after).bind(last.to_string()).fetch_all(c).await)?;
        rows.into_iter().map(Row::job).collect()
    }

    /// The terminals that some job is ready for.
    pub async fn terminals_with_ready_jobs(&self) -> Result<Vec<TerminalId>, StoreError> {
        let rows: Vec<String> = on_pool!(self, c => sqlx::query_scalar(WAITING).fetch_all(c).await)?;
        rows.iter().map(|id| parse("terminal id", id)).collect()
    }
}

impl Tx {
    pub async fn insert_job(&mut self, job: &Job) -> Result<(), StoreError> {
        self.insert_jobs(std::slice::from_ref(job)).await
    }

    /// New jobs, none of them offered yet.
    pub async fn insert_jobs(&mut self, jobs: &[Job]) -> Result<(), StoreError> {
        for part in few_lengths(jobs) {
            let text = format!(
                "INSERT INTO job (id, terminal_id, remedy, state, attempt, deadline, cancel_asked, created_at, created_by,
                     reason) VALUES {}",
                rows(part.len(), &[""; 10])
            );
            let mut remedies = Vec::with_capacity(part.len());
            for job in part {
                remedies.push(to_json("remedy", &job.remedy)?);
            }
            let text = self.statement(text);
            on_tx!(self, c => {
                let mut query = sqlx::query(text);
                for (job, remedy) in part.iter().zip(remedies) {
                    query = query
                        .bind(job.id.to_string())
                        .bind(job.terminal.to_string())
                        .bind(remedy)
                        .bind(job.state.name())
                        .bind(i64::from(job.attempt))
                        .bind(job.deadline.micros())
                        .bind(job.cancel_asked)
                        .bind(job.created_at.micros())
                        .bind(&job.created_by)
                        .bind(&job.reason);
                }
                query.execute(c).await.map(drop)
            })?;
        }
        Ok(())
    }

    pub async fn jobs_by_id(&mut self, ids: &[JobId]) -> Result<Vec<Job>, StoreError> {
        let mut jobs = Vec::with_capacity(ids.len());
        for part in few_lengths(ids) {
            let text = format!(
                "SELECT j.*, r.at AS result_at, r.code AS result_code, r.detail AS result_detail
                 FROM job j LEFT JOIN job_result r ON r.job_id = j.id WHERE j.id IN ({})",
                list(1, part.len())
            );
            let text = self.statement(text);
            let rows: Vec<Row> = on_tx!(self, c => {
                let mut query = sqlx::query_as(text);
                for id in part {
                    query = query.bind(id.to_string());
                }
                query.fetch_all(c).await
            })?;
            for row in rows {
                jobs.push(row.job()?);
            }
        }
        Ok(jobs)
    }

    /// The oldest ready jobs of some terminals: of each so many that, with what it has in hand, it has at most `most`.
    pub async fn ready_jobs(&mut self, terminals: &[TerminalId], most: usize) -> Result<Vec<Job>, StoreError> {
        let most = i64::try_from(most).unwrap_or(i64::MAX);
        let mut jobs = Vec::new();
        for part in few_lengths(terminals) {
            let ids = list(2, part.len());
            let text = format!(
                "SELECT j.*, NULL AS result_at, NULL AS result_code, NULL AS result_detail
                 FROM (SELECT id, terminal_id, ROW_NUMBER() OVER (PARTITION BY terminal_id ORDER BY id) AS place
                       FROM job WHERE {OPEN} AND state = 'ready' AND terminal_id IN ({ids})) AS queued
                 JOIN job j ON j.id = queued.id
                 LEFT JOIN (SELECT terminal_id, COUNT(*) AS held FROM job
                            WHERE {OPEN} AND state <> 'ready' AND terminal_id IN ({ids})
                            GROUP BY terminal_id) AS hand ON hand.terminal_id = queued.terminal_id
                 WHERE queued.place + COALESCE(hand.held, 0) <= CAST($1 AS BIGINT) ORDER BY j.id",
            );
            let text = self.statement(text);
            let rows: Vec<Row> = on_tx!(self, c => {
                let mut query = sqlx::query_as(text).bind(most);
                for id in part {
                    query = query.bind(id.to_string());
                }
                query.fetch_all(c).await
            })?;
            for row in rows {
                jobs.push(row.job()?);
            }
        }
        Ok(jobs)
    }

    /// Those among some terminals for which a job is ready.
    pub async fn who_waits(&mut self, terminals: &[TerminalId]) -> Result<Vec<TerminalId>, StoreError> {
        let mut waiting = Vec::new();
        for part in few_lengths(terminals) {
            let text = format!(
                "SELECT DISTINCT terminal_id FROM job WHERE {OPEN} AND state = 'ready' AND terminal_id IN ({})",
                list(1, part.len())
            );
            let text = self.statement(text);
            let found: Vec<String> = on_tx!(self, c => {
                let mut query = sqlx::query_scalar(text);
                for id in part {
                    query = query.bind(id.to_string());
                }
                query.fetch_all(c).await
            })?;
            for id in found {
                waiting.push(parse("terminal id", &id)?);
            }
        }
        Ok(waiting)
    }

    pub async fn open_jobs(&mut self, terminal: TerminalId) -> Result<Vec<Job>, StoreError> {
        let rows: Vec<Row> =
            on_tx!(self, c => sqlx::query_as(OPEN_OF_TERMINAL).bind(terminal.to_string()).fetch_all(c).await)?;
        rows.into_iter().map(Row::job).collect()
    }

    /// Each job as it was and as it is now. If one of them was changed by somebody else, none is written.
    pub async fn update_jobs(&mut self, changes: &[(Job, Job)]) -> Result<(), StoreError> {
        for part in few_lengths(changes) {
            let values = rows(
                part.len(),
                &[
                    "TEXT", "TEXT", "BIGINT", "TEXT", "BIGINT", "BIGINT", "BIGINT", "BOOLEAN", "BIGINT",
                ],
            );
            let text = format!(
                "UPDATE job SET state = v.column4, attempt = v.column5, lease_until = v.column6, step = v.column7,
                     cancel_asked = v.column8, taken = v.column9
                 FROM (VALUES {values}) AS v
                 WHERE job.id = v.column1 AND job.state = v.column2 AND job.attempt = v.column3"
            );
            let text = self.statement(text);
            let written = on_tx!(self, c => {
                let mut query = sqlx::query(text);
                for (was, is) in part {
                    let (lease, step) = columns(&is.state);
                    query = query
                        .bind(was.id.to_string())
                        .bind(was.state.name())
                        .bind(i64::from(was.attempt))
                        .bind(is.state.name())
                        .bind(i64::from(is.attempt))
                        .bind(lease)
                        .bind(step)
                        .bind(is.cancel_asked)
                        .bind(i64::from(is.taken));
                }
                query.execute(c).await.map(|done| done.rows_affected())
            })?;
            if written != part.len() as u64 {
                return Err(StoreError::LostRace("job"));
            }
        }
        let ended: Vec<(&Job, &Finish)> = changes
            .iter()
            .filter(|(was, _)| !was.is_final())
            .filter_map(|(_, is)| match &is.state {
                JobState::Final(finish) => Some((is, finish)),
                JobState::Ready | JobState::Offered { .. } | JobState::Accepted | JobState::Running { .. } => None,
            })
            .collect();
        self.insert_results(&ended).await
    }

    /// A second result of a job is refused by the database itself.
    async fn insert_results(&mut self, ended: &[(&Job, &Finish)]) -> Result<(), StoreError> {
        for part in few_lengths(ended) {
            let values = rows(part.len(), &["", "", "", "", ""]);
            let text = format!("INSERT INTO job_result (job_id, outcome, at, code, detail) VALUES {values}");
            let text = self.statement(text);
            on_tx!(self, c => {
                let mut query = sqlx::query(text);
                for (job, finish) in part {
                    query = query
                        .bind(job.id.to_string())
                        .bind(finish.outcome.name())
                        .bind(finish.at.micros())
                        .bind(&finish.code)
                        .bind(&finish.detail);
                }
                query.execute(c).await.map(drop)
            })?;
        }
        Ok(())
    }

    pub async fn set_undo(&mut self, undo: &[(JobId, String)]) -> Result<(), StoreError> {
        for part in few_lengths(undo) {
            let values = rows(part.len(), &["TEXT", "TEXT"]);
            let text = format!(
                "UPDATE job_result SET undo = v.column2 FROM (VALUES {values}) AS v WHERE job_result.job_id = v.column1"
            );
            let text = self.statement(text);
            on_tx!(self, c => {
                let mut query = sqlx::query(text);
                for (job, record) in part {
                    query = query.bind(job.to_string()).bind(record);
                }
                query.execute(c).await.map(drop)
            })?;
        }
        Ok(())
    }

    /// A step that is told twice is kept once; of its waiting, the latest.
    pub async fn insert_steps(&mut self, told: &[NewSteps]) -> Result<(), StoreError> {
        let mut kept = HashMap::new();
        let mut all: Vec<(JobId, &Step)> = Vec::new();
        for (job, step) in told
            .iter()
            .flat_map(|new| new.steps.iter().map(move |step| (new.job, step)))
        {
            match kept.entry((job, step.attempt, step.number, step.phase)) {
                Vacant(vacant) => {
                    vacant.insert(all.len());
                    all.push((job, step));
                }
                Occupied(known) if step.phase == Phase::Waiting && all[*known.get()].1.at <= step.at => {
                    all[*known.get()] = (job, step);
                }
                Occupied(_) => {}
            }
        }
        for part in few_lengths(&all) {
            let values = rows(part.len(), &["", "", "", "", "", "", ""]);
            let text = format!(
                "INSERT INTO job_step (job_id, attempt, number, phase, name, evidence, at) VALUES {values}
                 ON CONFLICT (job_id, attempt, number, phase) DO UPDATE SET evidence = excluded.evidence, at = excluded.at
                 WHERE job_step.phase = 'waiting' AND job_step.at <= excluded.at"
            );
            let text = self.statement(text);
            on_tx!(self, c => {
                let mut query = sqlx::query(text);
                for (job, step) in part {
                    query = query
                        .bind(job.to_string())
                        .bind(i64::from(step.attempt))
                        .bind(i64::from(step.number))
                        .bind(step.phase.name())
                        .bind(&step.name)
                        .bind(&step.evidence)
                        .bind(step.at.micros());
                }
                query.execute(c).await.map(drop)
            })?;
        }
        Ok(())
    }
}

fn columns(state: &JobState) -> (Option<i64>, Option<i64>) {
    match state {
        JobState::Offered { until } => (Some(until.micros()), None),
        JobState::Running { step } => (None, Some(i64::from(*step))),
        JobState::Ready | JobState::Accepted | JobState::Final(_) => (None, None),
    }
}
