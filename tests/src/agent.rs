//! Whole agents in this process, on simulated machines: the code that is shipped, with a life that a test begins and ends.

use std::path::Path;
use std::sync::Arc;

use kaishin_agent::os::sim::Sim;
use kaishin_agent::{AgentError, Keep, Settings, Status};
use kaishin_domain::id::TerminalId;
use kaishin_proto::clock::Clock;
use rcgen::KeyPair;
use rustls_pki_types::CertificateDer;
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use crate::line::Papers;
use crate::wait::SOON;

/// One life of an agent. Its machine and what it keeps outlive it.
#[derive(Debug)]
pub struct Agent {
    status: watch::Receiver<Status>,
    stop: CancellationToken,
    life: JoinHandle<Result<(), AgentError>>,
}

impl Agent {
    pub fn start(settings: Settings, machine: &Arc<Sim>, keep: &Keep, clock: &Clock) -> Agent {
        let (status, seen) = watch::channel(Status::Starting);
        let stop = CancellationToken::new();
        let life = kaishin_agent::run(
            settings,
            machine.clone(),
            keep.clone(),
            clock.clone(),
            stop.clone(),
            status,
        );
        Agent {
            status: seen,
            stop,
            life: tokio::spawn(life),
        }
    }

    /// Waits until it says that it is connected, and as whom.
    ///
    /// # Panics
    /// When it is not in time, or ends.
    pub async fn is_online(&mut self) -> TerminalId {
        let online = |status: &Status| matches!(status, Status::Online { .. });
        let seen = tokio::time::timeout(SOON, self.status.wait_for(online)).await;
        let status = seen.expect("online in time").expect("a living agent").clone();
        let Status::Online { terminal_id } = status else {
            unreachable!("it is online");
        };
        terminal_id.parse().expect("a terminal's id")
    }

    /// In order, as when the machine is shut down.
    ///
    /// # Panics
    /// When the agent has failed.
    pub async fn stop(self) {
        self.stop.cancel();
        self.life.await.expect("it ends").expect("in order");
    }
}

/// The key and certificate that an agent keeps in this folder now.
pub fn papers(folder: &Path) -> Papers {
    let read = |name: &str| std::fs::read_to_string(folder.join(name)).expect("what the agent keeps");
    let chain: Vec<String> = serde_json::from_str(&read("certificate.json")).expect("a chain");
    // All but the root, which the server has.
    let sent = chain.iter().take(chain.len() - 1);
    let der = sent.map(|hex| CertificateDer::from(hex::decode(hex).expect("hexadecimal")));
    Papers {
        key: KeyPair::from_pem(&read("device-key.pem")).expect("a key"),
        chain: der.collect(),
    }
}
