//! One process full of terminals: the agent crate as it is, on simulated machines.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::path::PathBuf;
use std::sync::Arc;

use kaishin_agent::os::sim::Sim;
use kaishin_agent::{Keep, Settings, Status};
use kaishin_proto::clock::Clock;
use kaishin_proto::time::Span;
use serde_json::json;
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

#[derive(clap::Args, Clone, Debug)]
pub struct Agents {
    #[arg(long)]
    server: String,
    #[arg(long)]
    pin: String,
    #[arg(long)]
    token: String,
    #[arg(long)]
    terminals: u64,
    /// The first one's number in the fleet
    #[arg(long)]
    first: u64,
    /// The local address to call from
    #[arg(long)]
    source: IpAddr,
    /// Keep state and journals below this folder, as real terminals do; in memory without one
    #[arg(long)]
    keep: Option<PathBuf>,
}

/// New terminals a second in one process: the measure is the server, not the making of keys.
const STARTS: Span = Span::millis(1);

pub async fn run(wanted: Agents) {
    let clock = Clock::system();
    let stop = CancellationToken::new();
    let mut fleet = JoinSet::new();
    let mut statuses = Vec::new();
    for n in wanted.first..wanted.first + wanted.terminals {
        let settings = Settings {
            server: wanted.server.clone(),
            pin: wanted.pin.clone(),
            token: Some(wanted.token.clone()),
            source: Some(wanted.source),
            ..Settings::default()
        };
        let os = Arc::new(Sim::new(7, n, clock.clone()));
        let (status, seen) = watch::channel(Status::Starting);
        statuses.push(seen);
        let keep = match &wanted.keep {
            Some(folder) => Keep::directory(folder.join(n.to_string())).expect("a folder for a terminal"),
            None => Keep::memory(),
        };
        let agent = kaishin_agent::run(settings, os, keep, clock.clone(), stop.clone(), status);
        fleet.spawn(async move {
            if let Err(error) = agent.await {
                tracing::warn!(%error, "a terminal ended");
            }
        });
        clock.sleep(STARTS).await;
    }
    watch(&clock, &mut statuses).await;
}

/// Tells how many are online, and for what reasons they had to wait, whenever that changes.
async fn watch(clock: &Clock, statuses: &mut [watch::Receiver<Status>]) {
    let mut waits: BTreeMap<String, u64> = BTreeMap::new();
    let mut last = None;
    loop {
        let mut online = 0;
        for seen in statuses.iter_mut() {
            let changed = seen.has_changed().unwrap_or(false);
            match &*seen.borrow_and_update() {
                Status::Online { .. } => online += 1,
                Status::Waiting { why, .. } if changed => *waits.entry(format!("{why:?}")).or_default() += 1,
                Status::Refused { code, .. } if changed => *waits.entry(code.clone()).or_default() += 1,
                Status::Waiting { .. } | Status::Refused { .. } => {}
                Status::Starting | Status::Enrolling | Status::Pending { .. } | Status::Connecting => {}
                Status::Incompatible { .. } | Status::Revoked | Status::Stopped => {}
            }
        }
        if last != Some(online) {
            crate::say(&json!({ "online": online, "waits": waits }));
            last = Some(online);
        }
        clock.sleep(Span::millis(100)).await;
    }
}
