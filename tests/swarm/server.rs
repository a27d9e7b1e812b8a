//! The server as its own process: the program that is shipped, measured from outside.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use kaishin_tests::children::Child;
use kaishin_tests::http::Http;
use kaishin_tests::wait::eventually;
use serde_json::Value;

const LONG: Duration = Duration::from_secs(120);

pub struct Server {
    binary: PathBuf,
    environment: Vec<(&'static str, String)>,
    pub http: SocketAddr,
    pub agents: SocketAddr,
    pub pin: String,
    pub enrolment_token: String,
    api_token: String,
    child: Option<Child>,
}

impl Server {
    /// Makes authority and tokens, then starts it.
    pub async fn start(binary: PathBuf, data: &Path, database: Option<String>) -> Server {
        let (http, agents) = (free_port(), free_port());
        let mut environment = vec![
            ("KAISHIN_DATA", data.display().to_string()),
            ("KAISHIN_HTTP", http.to_string()),
            ("KAISHIN_AGENTS", agents.to_string()),
            ("KAISHIN_LOG", "warn".to_owned()),
        ];
        environment.extend(database.map(|url| ("KAISHIN_DATABASE", url)));
        let mut server = Server {
            binary,
            environment,
            http,
            agents,
            pin: String::new(),
            enrolment_token: String::new(),
            api_token: String::new(),
            child: None,
        };
        server.pin = text(&server.ask(&["ca", "pin"]), "pin");
        let uses = ["token", "create", "--label", "swarm", "--uses", "50000", "--life", "1d"];
        server.enrolment_token = text(&server.ask(&uses), "token");
        let token = ["api-token", "create", "swarm", "--role", "api", "--life", "1d"];
        server.api_token = text(&server.ask(&token), "token");
        server.run().await;
        server
    }

    pub async fn run(&mut self) {
        let mut command = self.command();
        command.arg("serve");
        self.child = Some(Child::spawn(&mut command).expect("the server starts"));
        let http = Http::new(self.http);
        eventually(LONG, "the server is ready", async || {
            // Before it listens there is nobody to ask.
            let connected = tokio::net::TcpStream::connect(self.http).await.is_ok();
            (connected && http.get("/readyz").await.status == 200).then_some(())
        })
        .await;
    }

    /// In order: every terminal is told when to come back.
    pub async fn stop(&mut self) {
        if let Some(mut child) = self.child.take() {
            child.terminate();
            child.ended(LONG).await;
        }
    }

    pub fn api(&self) -> Http {
        Http::new(self.http).with_bearer(&self.api_token)
    }

    pub fn pid(&self) -> u32 {
        self.child.as_ref().map_or(0, Child::pid)
    }

    fn command(&self) -> Command {
        let mut command = Command::new(&self.binary);
        command.envs(self.environment.iter().map(|(name, value)| (*name, value.as_str())));
        command
    }

    fn ask(&self, args: &[&str]) -> Value {
        let told = self
            .command()
            .args(args)
            .arg("--json")
            .stdin(Stdio::null())
            .output()
            .expect("the program runs");
        assert!(
            told.status.success(),
            "{args:?}: {}",
            String::from_utf8_lossy(&told.stderr)
        );
        serde_json::from_slice(&told.stdout).expect("JSON")
    }
}

fn text(answer: &Value, key: &str) -> String {
    answer[key]
        .as_str()
        .unwrap_or_else(|| panic!("no {key} in {answer}"))
        .to_owned()
}

fn free_port() -> SocketAddr {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
    listener.local_addr().expect("an address")
}

/// Resident and anonymous bytes of a process.
pub fn memory(pid: u32) -> (u64, u64) {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default();
    let kilobytes = |name: &str| -> u64 {
        let line = status.lines().find(|line| line.starts_with(name));
        line.and_then(|line| line.split_whitespace().nth(1)?.parse().ok())
            .unwrap_or(0)
    };
    (kilobytes("VmRSS:") * 1024, kilobytes("RssAnon:") * 1024)
}

/// Seconds of processor time that a process has used.
pub fn cpu(pid: u32) -> f64 {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    let after = stat.rsplit(')').next().unwrap_or_default();
    let ticks: f64 = after
        .split_whitespace()
        .skip(11)
        .take(2)
        .filter_map(|n| n.parse::<f64>().ok())
        .sum();
    ticks / 100.0
}
