//! The signals that end a server: the first asks, a second insists.

use std::future::Future;

use tokio::signal::unix::{Signal, SignalKind, signal};

use super::failed::Failed;

pub struct Stop {
    terminate: Signal,
    interrupt: Signal,
}

impl Stop {
    /// From here on the signals are heard, also those that come while things are still starting.
    pub fn listen() -> Result<Stop, Failed> {
        Ok(Stop {
            terminate: signal(SignalKind::terminate()).map_err(Failed::Signals)?,
            interrupt: signal(SignalKind::interrupt()).map_err(Failed::Signals)?,
        })
    }

    pub async fn asked(&mut self) {
        tokio::select! {
            _ = self.terminate.recv() => {}
            _ = self.interrupt.recv() => {}
        }
    }

    /// An orderly end, unless somebody insists.
    pub async fn unless_insisted<F: Future<Output = ()>>(mut self, end: F) -> Result<(), Failed> {
        tokio::select! {
            () = end => Ok(()),
            () = self.asked() => Err(Failed::Impatient),
        }
    }
}
