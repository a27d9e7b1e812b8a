//! The reconcilers: each looks at what is, does what is due, and looks again. They take no input, so one that was
//! missed or ran twice does no harm.

use std::sync::Arc;

use kaishin_domain::time::Span;
use tracing::warn;

use crate::app::facilities::imports;
use crate::app::{App, AppError, calls, history, jobs, operators, overview, profile, selection, terminals, verdicts};

/// Deadlines and leases.
const SWEEP_JOBS: Span = Span::seconds(5);
/// Who was seen when.
const FLUSH_PRESENCE: Span = Span::seconds(15);
/// What the command line did beside the running server: a revocation cuts the stream within two seconds.
const NOTICE_REVOKED: Span = Span::seconds(1);
/// A terminal that did not hear that a job is cancelled.
const REMIND_OF_CANCELS: Span = Span::seconds(30);
/// A terminal that somebody promised to call about is back.
const CALL_BACKS: Span = Span::seconds(1);
const FORGET_HISTORY: Span = Span::hours(1);
const FORGET_RECORDS: Span = Span::hours(1);
const FORGET_SIGN_INS: Span = Span::hours(1);
const FORGET_SELECTIONS: Span = Span::hours(1);
/// What the passing of time alone makes a fault, or no fault any more.
const JUDGE_AGAIN: Span = Span::minutes(5);
/// What the command line, or another server, put in force.
const NOTICE_PROFILE: Span = Span::seconds(5);
/// After a crash nobody's last moment here is further back than this, however long they had been connected.
const TOUCH_ONLINE: Span = Span::hours(1);

pub async fn run(app: Arc<App>) {
    tokio::join!(
        every(&app, SWEEP_JOBS, "jobs", async |app| jobs::sweep(app).await.map(drop)),
        every(&app, FLUSH_PRESENCE, "presence", async |app| Ok(
            terminals::flush_presence(app).await.map(drop)?
        )),
        every(&app, NOTICE_REVOKED, "revocations", async |app| {
            // Overlapping looks: an entry written a little late is still seen.
            let since = app.now() - Span::minutes(10);
            Ok(terminals::notice_revoked(app, since).await.map(drop)?)
        }),
        judge(&app),
        every(&app, CALL_BACKS, "call-backs", async |app| calls::look_for_due(app)
            .await
            .map(drop)),
        every(&app, NOTICE_PROFILE, "profile", async |app| profile::notice(app).await),
        every(&app, NOTICE_REVOKED, "imports", async |app| {
            Ok(imports::notice(app).await.map(drop)?)
        }),
        every(&app, TOUCH_ONLINE, "last seen", async |app| {
            // Written with the next batch of presence.
            app.index.touch_online(app.now());
            Ok(())
        }),
        every(&app, REMIND_OF_CANCELS, "cancellations", async |app| {
            jobs::remind_of_cancels(app).await.map(drop)
        }),
        every(&app, FORGET_HISTORY, "history", async |app| {
            history::forget_old(app).await.map(drop)
        }),
        every(&app, overview::SAMPLED, "presence samples", async |app| {
            overview::sample(app).await
        }),
        every(&app, FORGET_SELECTIONS, "selections", async |app| {
            selection::forget_old(app).await.map(drop)
        }),
        every(&app, FORGET_RECORDS, "records", async |app| {
            jobs::forget_records(app).await.map(drop)
        }),
        every(&app, FORGET_SIGN_INS, "sign-ins", async |app| {
            operators::forget_old_sign_ins(app).await
        }),
    );
}

/// At the start, where the last process may have left off; at every turn, and at once when something other than time
/// makes verdicts old.
async fn judge(app: &Arc<App>) {
    loop {
        if let Err(error) = verdicts::judge_again(app).await {
            warn!(error = %chain(&error), what = "verdicts", "a look at what is due failed; it is made again");
        }
        tokio::select! {
            () = app.clock.sleep(JUDGE_AGAIN) => {}
            () = app.judge_soon.notified() => {}
        }
    }
}

/// A look that fails is logged and made again at the next turn.
async fn every<F>(app: &Arc<App>, turn: Span, what: &'static str, look: F)
where
    F: AsyncFn(&Arc<App>) -> Result<(), AppError>,
{
    loop {
        app.clock.sleep(turn).await;
        if let Err(error) = look(app).await {
            warn!(error = %chain(&error), what, "a look at what is due failed; it is made again");
        }
    }
}

fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        text.push_str(": ");
        text.push_str(&cause.to_string());
        source = cause.source();
    }
    text
}
