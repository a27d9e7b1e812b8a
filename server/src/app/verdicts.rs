//! Verdicts that change although no terminal said anything: time has passed, the rules are others, another terminal has
//! the same certificate, a facility's choice is another. In small parts beside what comes in, and from where it was left.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, PoisonError};

use kaishin_domain::expr::{Expr, Field};
use kaishin_domain::id::TerminalId;
use kaishin_domain::time::Time;
use serde::Serialize;
use tracing::info;

use super::error::AppError;
use super::{App, Change, facts};
use crate::store::VerdictProgress;

/// How many terminals are judged between two notes of how far it has come.
const AT_ONCE: usize = 2_048;

/// How far the look that is under way has come; nothing when every verdict is as the rules in force say.
#[derive(Debug, Default)]
pub struct Judging(Mutex<Option<Progress>>);

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Progress {
    #[serde(skip)]
    pub since: Time,
    pub judged: u64,
    pub all: u64,
}

impl Judging {
    pub fn progress(&self) -> Option<Progress> {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn at(&self, progress: Option<Progress>) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = progress;
    }
}

/// One look, which shows how far it has come and, at its end, that it is over.
struct Look<'a> {
    app: &'a Arc<App>,
    progress: Progress,
}

impl Look<'_> {
    fn of(app: &Arc<App>, all: usize) -> Look<'_> {
        let progress = Progress {
            since: app.now(),
            judged: 0,
            all: u64::try_from(all).unwrap_or(u64::MAX),
        };
        let look = Look { app, progress };
        look.show(all > 0);
        look
    }

    async fn judge(&mut self, part: &[TerminalId]) -> Result<(), AppError> {
        facts::judge(self.app, part).await?;
        self.progress.judged += u64::try_from(part.len()).unwrap_or(u64::MAX);
        self.show(true);
        Ok(())
    }

    fn show(&self, under_way: bool) {
        self.app.judging.at(under_way.then_some(self.progress));
        if self.progress.all > 0 {
            self.app.bus.changed(Change::Verdicts);
        }
    }
}

impl Drop for Look<'_> {
    fn drop(&mut self) {
        self.show(false);
    }
}

/// Everything that is due now; how many terminals were judged.
pub async fn judge_again(app: &Arc<App>) -> Result<usize, AppError> {
    let due: Vec<TerminalId> = due(app).await.into_iter().collect();
    let mut look = Look::of(app, due.len());
    for part in due.chunks(AT_ONCE) {
        look.judge(part).await?;
    }
    drop(look);
    Ok(due.len() + reword(app).await?)
}

/// The index says whose open faults are not what the rules would say; only those are judged again. What a restart cuts off
/// is found again by the same question.
async fn due(app: &App) -> BTreeSet<TerminalId> {
    let now = app.now();
    let mut due: BTreeSet<TerminalId> = BTreeSet::new();
    for rule in app.rules.rules() {
        due.extend(app.index.ids(&rule.unsettled(), now));
        if rule.unique {
            let open: BTreeSet<TerminalId> = with_fault(app, &rule.id).into_iter().collect();
            let sharing: BTreeSet<TerminalId> = app.index.sharing(rule.evidence).into_iter().collect();
            due.extend(open.symmetric_difference(&sharing));
        }
        // Reports are not to wait until every rule was asked.
        tokio::task::yield_now().await;
    }
    let open = app.index.counts().by_fault;
    for gone in open.keys().filter(|rule| app.rules.rule(rule).is_none()) {
        due.extend(with_fault(app, gone));
    }
    due
}

fn with_fault(app: &App, rule: &str) -> Vec<TerminalId> {
    let open = Field::find("fault").and_then(|field| Expr::equals(field, rule));
    open.map(|open| app.index.ids(&open, app.now())).unwrap_or_default()
}

/// What open faults say was expected may be old too, of the rules that changed. How far this has come is kept, so that a
/// restart goes on from there.
async fn reword(app: &Arc<App>) -> Result<usize, AppError> {
    let rules = app.rules.in_force();
    let mut progress = app.store.verdict_progress().await?;
    if progress.settled == rules.fingerprints {
        return Ok(0);
    }
    let towards = app.rules.fingerprint();
    if progress.towards != towards {
        progress.after = String::new();
        progress.towards = towards;
    }
    let changed = rules
        .fingerprints
        .iter()
        .filter(|(rule, print)| progress.settled.get(*rule) != Some(print));
    let faulty: BTreeSet<TerminalId> = changed.flat_map(|(rule, _)| with_fault(app, rule)).collect();
    let left: Vec<TerminalId> = faulty
        .into_iter()
        .filter(|id| id.to_string() > progress.after)
        .collect();
    let mut look = Look::of(app, left.len());
    for part in left.chunks(AT_ONCE) {
        look.judge(part).await?;
        if app.rules.in_force().version != rules.version {
            // The next look starts with the newer rules.
            app.judge_soon.notify_one();
            return Ok(left.len());
        }
        progress.after = part.last().map(TerminalId::to_string).unwrap_or_default();
        keep(app, progress.clone()).await?;
    }
    let settled = VerdictProgress {
        settled: rules.fingerprints.clone(),
        ..VerdictProgress::default()
    };
    keep(app, settled).await?;
    if !left.is_empty() {
        info!(
            terminals = left.len(),
            "open faults were held against the rules in force"
        );
    }
    Ok(left.len())
}

async fn keep(app: &App, progress: VerdictProgress) -> Result<(), AppError> {
    app.store
        .write::<_, AppError, _>(move |tx| Box::pin(async move { Ok(tx.put_verdict_progress(&progress).await?) }))
        .await
}
