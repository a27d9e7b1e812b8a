//! `kaishin serve`: the server, until it is asked to stop.

use std::path::Path;

use crate::{Handle, Listeners};
use kaishin_proto::clock::Clock;
use tracing::{info, warn};

use super::failed::Failed;
use super::stop::Stop;
use super::supervisor::Supervisor;
use super::{local, logging};

pub async fn run(named: Option<&Path>) -> Result<(), Failed> {
    let config = local::config(named)?;
    logging::start(&config.log, config.log_format);
    let mut stop = Stop::listen()?;
    let supervisor = Supervisor::of_environment();
    let listeners = Listeners::bind(&config).await?;
    let clock = Clock::system();
    let handle = crate::start(config, listeners, clock.clone()).await?;
    supervisor.ready();
    tokio::select! {
        () = stop.asked() => {}
        () = live(&handle, &supervisor, &clock) => {}
    }
    info!("asked to stop");
    supervisor.stopping();
    stop.unless_insisted(handle.stop()).await
}

/// Tells the supervisor that the server lives as long as it can do its work. Never ends.
async fn live(handle: &Handle, supervisor: &Supervisor, clock: &Clock) {
    let Some(turn) = supervisor.turn() else {
        return std::future::pending().await;
    };
    loop {
        match handle.app.store.ping().await {
            Ok(()) => supervisor.alive(),
            Err(error) => warn!(%error, "the database does not answer; the supervisor is not told that all is well"),
        }
        clock.sleep(turn).await;
    }
}
