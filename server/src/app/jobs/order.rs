//! Ordering work for one terminal.

use kaishin_domain::access::{Permission, Scope};
use kaishin_domain::audit;
use kaishin_domain::id::{JobId, TerminalId};
use kaishin_domain::job::{DEFAULT_LIFE, Job, LONGEST_LIFE};
use kaishin_domain::remedy::{Class, Remedy};
use kaishin_domain::time::Span;
use serde_json::json;

use super::super::error::AppError;
use super::super::{Change, Cx, Wake};
use super::{has_changed, made, no_such_job, revoked, told};
use crate::store::Tx;

/// What somebody orders.
#[derive(Clone, Debug)]
pub struct Order {
    pub terminal: TerminalId,
    pub remedy: Remedy,
    pub life: Option<Span>,
    pub reason: String,
}

/// A job that may be ordered, with its entry in the audit log; not written yet.
#[derive(Clone)]
pub struct Ready {
    pub job: Job,
    event: audit::Event,
}

pub async fn create(cx: &Cx, order: Order) -> Result<Job, AppError> {
    let ready = Ready::make(cx, order).await?;
    let to_write = ready.clone();
    cx.app
        .store
        .write::<_, AppError, _>(move |tx| Box::pin(async move { to_write.write(tx).await }))
        .await?;
    Ok(ready.written(cx))
}

impl Ready {
    pub async fn make(cx: &Cx, order: Order) -> Result<Ready, AppError> {
        cx.require(Permission::of(order.remedy), Scope::Terminal(order.terminal))?;
        let life = sound_life(order.life.unwrap_or(DEFAULT_LIFE))?;
        let terminal = cx.app.store.terminal(order.terminal).await?;
        if !terminal.ok_or_else(AppError::no_such_terminal)?.is_active() {
            return Err(revoked());
        }
        may_be_ordered(cx, order.terminal, order.remedy).await?;
        let job = made(cx, cx.now(), order.terminal, order.remedy, life, &order.reason);
        let event = cx.event(
            "job.create",
            format!("job:{}", job.id),
            &job.reason,
            serde_json::Value::Null,
            json!({ "terminal": job.terminal, "remedy": job.remedy.name(), "params": job.remedy.params(), "deadline": job.deadline.rfc3339() }),
        );
        Ok(Ready { job, event })
    }

    /// Refused while the same is on its way already: whoever pressed twice meant it once.
    pub async fn write(self, tx: &mut Tx) -> Result<(), AppError> {
        if asks_or_shows(self.job.remedy) {
            let open = tx.open_jobs(self.job.terminal).await?;
            if let Some(same) = open.iter().find(|open| open.remedy == self.job.remedy) {
                return Err(on_its_way(same.id));
            }
        }
        tx.insert_job(&self.job).await?;
        tx.audit(self.event).await?;
        Ok(())
    }

    /// After the commit: the terminal is offered it, and it is shown.
    pub fn written(self, cx: &Cx) -> Job {
        cx.app.bus.wake(Wake::Ready(self.job.terminal));
        told(&cx.app, std::slice::from_ref(&self.job));
        cx.app.bus.changed(Change::Audit);
        self.job
    }
}

/// What only reads may be asked as often as anybody likes.
pub(super) fn asks_or_shows(remedy: Remedy) -> bool {
    remedy.class() != Class::Read || matches!(remedy, Remedy::NotifyStaff { .. })
}

fn on_its_way(job: JobId) -> AppError {
    AppError::conflict(
        "E-JOB-47",
        "同じ作業がこの端末ですでに進んでいます。終わるのを待つか、取り消してから依頼してください。",
        "The same work is on its way to this terminal already. Wait for it to end, or cancel it first.",
    )
    .with(json!({ "job": job }))
}

/// What takes back a job is ordered only where there is such a job of the same terminal, and something to take back.
pub async fn may_be_ordered(cx: &Cx, terminal: TerminalId, remedy: Remedy) -> Result<(), AppError> {
    let Remedy::Undo { job } = remedy else { return Ok(()) };
    let detail = cx.app.store.job(job).await?;
    let detail = detail.filter(|detail| detail.job.terminal == terminal);
    // The second time it is the terminal that says that it was taken back.
    if has_changed(&detail.ok_or_else(no_such_job)?) {
        return Ok(());
    }
    Err(AppError::conflict(
        "E-JOB-43",
        "この作業は端末の設定を変えていないか、まだ終わっていないため、元に戻せません。",
        "That job changed nothing on the terminal, or has not ended yet: there is nothing to take back.",
    ))
}

pub(super) fn sound_life(life: Span) -> Result<Span, AppError> {
    if life <= Span(0) || life > LONGEST_LIFE {
        return Err(AppError::invalid(
            "E-JOB-11",
            "期限は30日以内で指定してください。",
            "A job's deadline lies at most 30 days ahead.",
        ));
    }
    Ok(life)
}
