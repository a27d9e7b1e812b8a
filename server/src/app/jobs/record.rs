//! Records that were fetched from terminals: read by those who may order them, each reading written down, and forgotten after
//! a month. They may tell of people all the same.

use kaishin_domain::access::{Permission, Scope};
use kaishin_domain::id::JobId;
use kaishin_domain::job::Job;
use kaishin_domain::remedy::Remedy;
use kaishin_domain::time::Span;
use serde_json::json;

use super::{App, AppError, Change, Cx, no_such_job};
use crate::store::{JobRecord, StoreError};

/// The step that fetches, as the wire counts.
pub(super) const STEP: u32 = 1;
/// A call about it is over by then.
const KEPT: Span = Span::days(30);
const FORGET_AT_ONCE: u32 = 200;

/// What somebody does with it: the log tells looking from taking along.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Read {
    Shown,
    Downloaded,
}

/// A record with the job that fetched it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fetched {
    pub job: Job,
    pub record: JobRecord,
}

/// Whether this job is one that brings a record.
pub(super) fn wanted(job: &Job) -> bool {
    matches!(job.remedy, Remedy::CollectRecord { .. })
}

/// Who may order it may read it.
pub async fn fetched(cx: &Cx, id: JobId, read: Read) -> Result<Fetched, AppError> {
    let job = cx.app.store.job(id).await?.ok_or_else(no_such_job)?.job;
    cx.require(Permission::of(job.remedy), Scope::Terminal(job.terminal))?;
    let record = cx.app.store.record(id).await?.ok_or_else(no_record)?;
    let action = match read {
        Read::Shown => "job.record-show",
        Read::Downloaded => "job.record-download",
    };
    let after = json!({ "terminal": job.terminal, "params": job.remedy.params() });
    let event = cx.event(action, format!("job:{id}"), "", serde_json::Value::Null, after);
    cx.app
        .store
        .write::<_, AppError, _>(move |tx| Box::pin(async move { Ok(tx.audit(event).await?) }))
        .await?;
    cx.app.bus.changed(Change::Audit);
    Ok(Fetched { job, record })
}

fn no_record() -> AppError {
    AppError::not_found(
        "E-JOB-69",
        "この作業の記録はありません。まだ届いていないか、30日を過ぎて削除されました。必要ならもう一度取り寄せてください。",
        "This job has no record: it has not arrived yet, or was deleted after 30 days. Fetch it again if it is needed.",
    )
}

pub async fn forget_records(app: &App) -> Result<u64, AppError> {
    let before = app.now() - KEPT;
    let mut gone = 0;
    loop {
        let some = app
            .store
            .write::<_, StoreError, _>(move |tx| {
                Box::pin(async move { tx.forget_records(before, FORGET_AT_ONCE).await })
            })
            .await?;
        gone += some;
        if some < u64::from(FORGET_AT_ONCE) {
            return Ok(gone);
        }
    }
}
