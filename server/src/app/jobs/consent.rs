//! What the person at the terminal has read out on the phone. The server only passes it on: whether it is right is the
//! terminal's to say, and comes back as a step of the job.

use kaishin_domain::access::{Permission, Scope};
use kaishin_domain::fold::fold;
use kaishin_domain::id::JobId;
use serde_json::json;

use super::{AppError, Change, Cx, Wake, no_such_job};

const DIGITS: usize = 4;

/// Digits may be full-width, and with spaces: they are typed while somebody speaks.
pub async fn pass_on_code(cx: &Cx, id: JobId, typed: &str) -> Result<(), AppError> {
    let job = cx.app.store.job(id).await?.ok_or_else(no_such_job)?.job;
    cx.require(Permission::RunRemedy, Scope::Terminal(job.terminal))?;
    let code: String = fold(typed).chars().filter(|c| !c.is_whitespace()).collect();
    if code.len() != DIGITS || !code.bytes().all(|c| c.is_ascii_digit()) {
        return Err(AppError::invalid(
            "E-JOB-38",
            "確認番号は、端末の画面に出ている4桁の数字です。",
            "The code is the four digits on the terminal's screen.",
        ));
    }
    if job.is_final() {
        return Err(AppError::conflict(
            "E-JOB-13",
            "この作業はすでに終わっています。",
            "This job has ended already.",
        ));
    }
    if !cx.app.index.is_online(job.terminal) {
        return Err(AppError::conflict(
            "E-JOB-37",
            "端末が接続していないため、確認番号を伝えられません。電源とネットワークを確かめてもらってください。",
            "The terminal is not connected, so that the code cannot reach it. Ask to check its power and network.",
        ));
    }
    // Not the code itself: the log is read by others.
    let event = cx.event(
        "job.consent-code",
        format!("job:{id}"),
        "",
        serde_json::Value::Null,
        json!({ "terminal": job.terminal }),
    );
    cx.app
        .store
        .write::<_, AppError, _>(move |tx| Box::pin(async move { Ok(tx.audit(event).await?) }))
        .await?;
    cx.app.bus.wake(Wake::Code {
        terminal: job.terminal,
        job: id,
        code,
    });
    cx.app.bus.changed(Change::Audit);
    Ok(())
}
