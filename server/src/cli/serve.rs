//! `kaishin serve`: the server, until it is asked to stop.

use std::path::Path;

use kaishin::Listeners;
use kaishin_proto::clock::Clock;
use tracing::info;

use super::failed::Failed;
use super::stop::Stop;
use super::{local, logging};

pub async fn run(named: Option<&Path>) -> Result<(), Failed> {
    let config = local::config(named)?;
    logging::start(&config.log, config.log_format);
    let mut stop = Stop::listen()?;
    let listeners = Listeners::bind(&config).await?;
    let handle = kaishin::start(config, listeners, Clock::system()).await?;
    stop.asked().await;
    info!("asked to stop");
    stop.unless_insisted(handle.stop()).await
}
