//! Terminals that say hello. After a restart that is the whole fleet within seconds, so what the database knows of all
//! that came at the same moment is read together, and a terminal with nothing new and no work open writes nothing.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use kaishin_domain::id::TerminalId;
use kaishin_domain::terminal::{Hold, Terminal};

use super::error::AppError;
use super::gather::{Gather, Gathered, gather};
use super::terminals::flags;
use super::{App, Change};
use crate::store::StoreError;

/// What the server keeps of a terminal that has just said hello.
#[derive(Clone, Debug)]
pub struct Known {
    pub gets_work: bool,
    pub digests: Vec<(String, Vec<u8>)>,
    /// Some job of it is not over.
    pub has_work: bool,
}

/// As it stands in the database.
#[derive(Debug)]
pub struct Found {
    terminal: Terminal,
    digests: Vec<(String, Vec<u8>)>,
    has_work: bool,
}

pub type Arrivals = Gather<TerminalId, Result<Option<Found>, StoreError>>;
pub type GatheredArrivals = Gathered<TerminalId, Result<Option<Found>, StoreError>>;

pub fn arrivals() -> (Arrivals, GatheredArrivals) {
    gather()
}

/// A session began. Presence is kept in memory; the database hears of it in batches.
pub async fn connected(app: &Arc<App>, id: TerminalId, agent_version: &str, minor: u32) -> Result<Known, AppError> {
    let found = app.arrivals.ask(id).await.ok_or(StoreError::Stopped)??;
    let found = found.filter(|found| found.terminal.is_active());
    let Found {
        terminal,
        digests,
        has_work,
    } = found.ok_or_else(AppError::no_such_terminal)?;
    // An agent that was brought up to date speaks again, which ends that hold by itself.
    let still_held = terminal
        .hold
        .clone()
        .filter(|hold| !matches!(hold, Hold::Incompatible { .. }));
    let is = Terminal {
        agent_version: agent_version.to_owned(),
        minor,
        hold: still_held,
        ..terminal.clone()
    };
    let (gets_work, flags) = (is.gets_work(), flags(&is));
    if is != terminal {
        app.store
            .write::<_, AppError, _>(move |tx| Box::pin(async move { Ok(tx.update_terminal(&terminal, &is).await?) }))
            .await?;
    }
    app.index.set_flags(id, flags);
    app.index.set_online(id, app.now());
    app.bus.changed(Change::Terminal(id));
    Ok(Known {
        gets_work,
        digests,
        has_work,
    })
}

/// Runs until the application ends.
pub async fn take_arrivals(app: Arc<App>, arrivals: GatheredArrivals) {
    arrivals
        .run(|ids| {
            let app = app.clone();
            async move {
                match look(&app, &ids).await {
                    Ok(found) => found.into_iter().map(Ok).collect(),
                    Err(error) => ids.iter().map(|_| Err(error.clone())).collect(),
                }
            }
        })
        .await;
}

async fn look(app: &App, ids: &[TerminalId]) -> Result<Vec<Option<Found>>, StoreError> {
    let known = app.store.terminals_by_id(ids).await?;
    let known: HashMap<TerminalId, Terminal> = known.into_iter().map(|one| (one.id, one)).collect();
    let mut digests: HashMap<TerminalId, Vec<(String, Vec<u8>)>> = HashMap::new();
    for (id, name, digest) in app.store.section_digests(ids).await? {
        digests.entry(id).or_default().push((name, digest));
    }
    let busy: HashSet<TerminalId> = app.store.terminals_with_open_jobs(ids).await?.into_iter().collect();
    let find = |id: &TerminalId| {
        Some(Found {
            terminal: known.get(id)?.clone(),
            digests: digests.get(id).cloned().unwrap_or_default(),
            has_work: busy.contains(id),
        })
    };
    Ok(ids.iter().map(find).collect())
}
