//! Records that were fetched from terminals: the text of each, until it is forgotten.

use kaishin_domain::id::JobId;
use kaishin_domain::time::Time;

use super::db::{Store, on_pool, on_tx};
use super::error::StoreError;
use super::writer::Tx;

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct JobRecord {
    /// When it came.
    pub at: Time,
    pub text: String,
    /// There was more of it, and this is its end.
    pub cut: bool,
}

#[derive(sqlx::FromRow)]
struct Row {
    at: i64,
    text: String,
    cut: bool,
}

const BY_JOB: &str = "SELECT at, text, cut FROM job_record WHERE job_id = $1";
const THERE: &str = "SELECT at FROM job_record WHERE job_id = $1";
/// One that is told again, after the power went, stands in place of the one before.
const PUT: &str = "
    INSERT INTO job_record (job_id, at, text, cut) VALUES ($1, $2, $3, $4)
    ON CONFLICT (job_id) DO UPDATE SET at = excluded.at, text = excluded.text, cut = excluded.cut";
const FORGET: &str = "
    DELETE FROM job_record WHERE job_id IN (SELECT job_id FROM job_record WHERE at < $1 ORDER BY at LIMIT $2)";

impl Store {
    pub async fn record(&self, job: JobId) -> Result<Option<JobRecord>, StoreError> {
        let row: Option<Row> =
            on_pool!(self, c => sqlx::query_as(BY_JOB).bind(job.to_string()).fetch_optional(c).await)?;
        Ok(row.map(|row| JobRecord {
            at: Time(row.at),
            text: row.text,
            cut: row.cut,
        }))
    }

    /// Whether there is one, without reading it.
    pub async fn has_record(&self, job: JobId) -> Result<bool, StoreError> {
        let at: Option<i64> =
            on_pool!(self, c => sqlx::query_scalar(THERE).bind(job.to_string()).fetch_optional(c).await)?;
        Ok(at.is_some())
    }
}

impl Tx {
    pub async fn put_records(&mut self, records: &[(JobId, JobRecord)]) -> Result<(), StoreError> {
        for (job, record) in records {
            on_tx!(self, c => sqlx::query(PUT)
                .bind(job.to_string())
                .bind(record.at.micros())
                .bind(&record.text)
                .bind(record.cut)
                .execute(c)
                .await
                .map(drop))?;
        }
        Ok(())
    }

    /// The oldest first, and no more than so many at once.
    pub async fn forget_records(&mut self, before: Time, most: u32) -> Result<u64, StoreError> {
        Ok(on_tx!(self, c => sqlx::query(FORGET)
            .bind(before.micros())
            .bind(i64::from(most))
            .execute(c)
            .await
            .map(|done| done.rows_affected()))?)
    }
}
