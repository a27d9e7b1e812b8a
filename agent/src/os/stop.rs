//! The ways the system asks a process to end: Ctrl-C everywhere, SIGTERM where there are signals.

#[cfg(unix)]
use tokio::signal::unix::{Signal, SignalKind, signal};
#[cfg(windows)]
use tokio::signal::windows::{CtrlC, ctrl_c};

/// Hears from the moment it is made; before that, the system ends the process in its own way.
#[derive(Debug)]
pub struct Stop {
    #[cfg(unix)]
    terminate: Signal,
    #[cfg(unix)]
    interrupt: Signal,
    #[cfg(windows)]
    interrupt: CtrlC,
}

impl Stop {
    /// Within a runtime, and before anything else is begun.
    pub fn listen() -> std::io::Result<Stop> {
        Ok(Stop {
            #[cfg(unix)]
            terminate: signal(SignalKind::terminate())?,
            #[cfg(unix)]
            interrupt: signal(SignalKind::interrupt())?,
            #[cfg(windows)]
            interrupt: ctrl_c()?,
        })
    }

    /// Resolves when the process has been asked to end, be it before this was called.
    pub async fn asked(&mut self) {
        #[cfg(unix)]
        tokio::select! {
            _ = self.terminate.recv() => {}
            _ = self.interrupt.recv() => {}
        }
        #[cfg(windows)]
        {
            let _ = self.interrupt.recv().await;
        }
    }
}
