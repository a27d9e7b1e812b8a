//! The programs that are shipped, each in a process of its own, so that they can be killed: `kaishin serve` on ports that
//! stay the same over its lives, and `kaishin-agent run` as a simulated terminal.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::OnceLock;
use std::time::Duration;

use http::Method;
use serde_json::Value;

use crate::children::Child;
use crate::http::Http;
use crate::wait::eventually;

const LONG: Duration = Duration::from_secs(120);

/// One of our own programs, built as this test was; `KAISHIN_BIN_DIR` names another folder to take them from.
///
/// # Panics
/// When it cannot be built.
pub fn our(program: &str) -> PathBuf {
    static FOLDER: OnceLock<PathBuf> = OnceLock::new();
    let folder = FOLDER.get_or_init(|| match std::env::var_os("KAISHIN_BIN_DIR") {
        Some(folder) => folder.into(),
        None => build(),
    });
    folder.join(program)
}

fn build() -> PathBuf {
    let own = std::env::current_exe().expect("this program");
    let folder = own
        .parent()
        .and_then(Path::parent)
        .expect("the build's folder")
        .to_owned();
    let mut cargo = Command::new(env!("CARGO"));
    cargo
        .current_dir(crate::sources::root())
        .args(["build", "--quiet", "--workspace", "--bins"]);
    if folder.ends_with("release") {
        cargo.arg("--release");
    }
    let built = cargo.stdin(Stdio::null()).status().expect("cargo runs");
    assert!(built.success(), "our own programs do not build");
    folder
}

/// `kaishin serve` on a data directory.
#[derive(Debug)]
pub struct Served {
    environment: Vec<(&'static str, String)>,
    pub http: SocketAddr,
    pub agents: SocketAddr,
    pub pin: String,
    pub enrolment_token: String,
    bearer: String,
    child: Option<Child>,
    /// What earlier lives had to say.
    said: String,
}

impl Served {
    /// Makes authority and tokens by the command line, as an administrator does, then starts it.
    pub async fn start(data: &Path) -> Served {
        let (http, agents) = (free_port(), free_port());
        let mut served = Served {
            environment: vec![
                ("KAISHIN_DATA", data.display().to_string()),
                ("KAISHIN_HTTP", http.to_string()),
                ("KAISHIN_AGENTS", agents.to_string()),
                ("KAISHIN_LOG", "warn".to_owned()),
            ],
            http,
            agents,
            pin: String::new(),
            enrolment_token: String::new(),
            bearer: String::new(),
            child: None,
            said: String::new(),
        };
        let text = |answer: &Value, key: &str| answer[key].as_str().expect("a text in the answer").to_owned();
        served.pin = text(&served.ask(&["ca", "pin"]), "pin");
        let token = ["token", "create", "--label", "test", "--uses", "50000", "--life", "1d"];
        served.enrolment_token = text(&served.ask(&token), "token");
        let bearer = ["api-token", "create", "test", "--role", "api", "--life", "1d"];
        served.bearer = text(&served.ask(&bearer), "token");
        served.begin().await;
        served
    }

    /// Another life, on the same data and ports.
    pub async fn begin(&mut self) {
        self.child = Some(Child::spawn(self.command().arg("serve")).expect("the server starts"));
        let http = Http::new(self.http);
        eventually(LONG, "the server is ready", async || {
            let answer = http.try_send(Method::GET, "/readyz", None).await?;
            (answer.status == 200).then_some(())
        })
        .await;
    }

    /// SIGKILL.
    pub fn kill(&mut self) {
        if let Some(mut child) = self.child.take() {
            child.kill();
            self.said.push_str(&child.out().so_far());
            self.said.push_str(&child.err().so_far());
        }
    }

    /// SIGTERM, and the exit code.
    pub async fn stop(&mut self) -> Option<i32> {
        let mut child = self.child.take()?;
        child.terminate();
        let ended = child.ended(LONG).await;
        self.said.push_str(&child.out().so_far());
        self.said.push_str(&child.err().so_far());
        ended.code()
    }

    /// Everything that lives that are over wrote to their logs.
    pub fn said(&self) -> &str {
        &self.said
    }

    pub fn api(&self) -> Http {
        Http::new(self.http).with_bearer(&self.bearer)
    }

    pub fn command(&self) -> Command {
        let mut command = Command::new(our("kaishin"));
        command.envs(self.environment.iter().map(|(name, value)| (*name, value.as_str())));
        command
    }

    /// The answer of a command of the command line.
    ///
    /// # Panics
    /// When it fails.
    pub fn ask(&self, args: &[&str]) -> Value {
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

/// A port that was free a moment ago: for programs that must come back on the same one.
pub fn free_port() -> SocketAddr {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
    listener.local_addr().expect("an address")
}

/// `kaishin-agent run` as the `n`th simulated terminal.
pub fn agent(n: u64, folder: &Path, server: SocketAddr, pin: &str, token: &str) -> Command {
    let mut command = Command::new(our("kaishin-agent"));
    command.env("KAISHIN_AGENT_LOG", "warn");
    command.args(["--sim", &n.to_string(), "--data-dir"]).arg(folder);
    command.args([
        "run",
        "--server",
        &server.to_string(),
        "--ca-pin",
        pin,
        "--token",
        token,
    ]);
    command
}
