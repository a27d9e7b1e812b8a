//! What happens, told to whoever listens inside this process: pages that are looked at, and the hub of connected
//! terminals. A hint, never the truth: who misses one reads the database and knows as much.

use std::sync::Arc;

use kaishin_domain::facility::Code10;
use kaishin_domain::id::{CallId, ImportId, JobId, TerminalId};
use kaishin_domain::remedy::Remedy;
use kaishin_domain::time::Span;
use tokio::sync::broadcast;

/// For people's pages.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Change {
    /// Its facts, faults, standing or presence.
    Terminal(TerminalId),
    Job {
        job: JobId,
        terminal: TerminalId,
    },
    /// What is known of it, or which terminals stand in it.
    Facility(Code10),
    /// Of many at once.
    Facilities,
    /// How far it is.
    Import(ImportId),
    /// A request came, or was decided.
    Pending,
    Tokens,
    Audit,
    /// Something happened in it.
    Call(CallId),
    /// Another terminal profile or draft, or verdicts that are brought up to it.
    Verdicts,
}

/// For the hub.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Wake {
    /// A job is ready for this terminal.
    Ready(TerminalId),
    /// Cut its stream.
    Revoked(TerminalId),
    Cancel {
        terminal: TerminalId,
        job: JobId,
    },
    /// A code that somebody at the terminal has read out.
    Code {
        terminal: TerminalId,
        job: JobId,
        code: String,
    },
    /// Another terminal profile is in force.
    Profile,
    /// It stands elsewhere now.
    Site(TerminalId),
    /// Something is known of facilities that was not, or is known no more.
    Sites,
    /// Somebody asks what a remedy would do to it; the answer goes to the question of this number.
    Plan {
        terminal: TerminalId,
        number: u64,
        remedy: Remedy,
    },
    /// Somebody looks at it.
    Observe {
        terminal: TerminalId,
        every: Span,
        lasting: Span,
    },
}

pub type Changes = broadcast::Receiver<Arc<Change>>;
pub type Wakes = broadcast::Receiver<Wake>;

#[derive(Clone, Debug)]
pub struct Bus {
    changes: broadcast::Sender<Arc<Change>>,
    wakes: broadcast::Sender<Wake>,
}

impl Default for Bus {
    fn default() -> Self {
        Bus {
            changes: broadcast::Sender::new(4096),
            wakes: broadcast::Sender::new(16_384),
        }
    }
}

impl Bus {
    /// Nobody listening is no error.
    pub fn changed(&self, change: Change) {
        let _ = self.changes.send(Arc::new(change));
    }

    pub fn wake(&self, wake: Wake) {
        let _ = self.wakes.send(wake);
    }

    pub fn changes(&self) -> Changes {
        self.changes.subscribe()
    }

    /// One who lags must look at everything: see `jobs::terminals_with_work`.
    pub fn wakes(&self) -> Wakes {
        self.wakes.subscribe()
    }
}
