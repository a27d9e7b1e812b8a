//! The programs that are shipped, each in a process of its own, so that they can be typed, measured and killed: the `kaishin`
//! command line, `kaishin serve` on ports that stay the same over its lives, `kaishin-agent run` as a simulated terminal.

use std::io::Write as _;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU8, Ordering};
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

/// The `kaishin` command line of one installation: as an administrator types it, in English.
#[derive(Clone, Debug)]
pub struct CommandLine {
    program: PathBuf,
    environment: Vec<(&'static str, String)>,
}

/// What a command said, and how it ended.
#[derive(Debug)]
pub struct Told {
    pub code: Option<i32>,
    pub out: String,
    pub err: String,
}

impl CommandLine {
    pub fn on(data: &Path) -> CommandLine {
        CommandLine::of(our("kaishin"), data)
    }

    /// Of a program that was perhaps built in another way, on ports that were free a moment ago.
    pub fn of(program: PathBuf, data: &Path) -> CommandLine {
        CommandLine {
            program,
            environment: vec![
                ("LC_ALL", "C.UTF-8".to_owned()),
                ("KAISHIN_DATA", data.display().to_string()),
                ("KAISHIN_LOG", "warn".to_owned()),
            ],
        }
        .with("KAISHIN_HTTP", free_port())
        .with("KAISHIN_AGENTS", free_port())
    }

    pub fn with(mut self, name: &'static str, value: impl ToString) -> CommandLine {
        self.environment.retain(|(known, _)| *known != name);
        self.environment.push((name, value.to_string()));
        self
    }

    pub fn address(&self, name: &str) -> SocketAddr {
        let set = self.environment.iter().find(|(known, _)| *known == name);
        let set = set.and_then(|(_, value)| value.parse().ok());
        set.expect("an address among the settings")
    }

    pub fn command(&self, args: &[&str]) -> Command {
        let mut command = Command::new(&self.program);
        command.envs(self.environment.iter().map(|(name, value)| (*name, value.as_str())));
        command.args(args).stdin(Stdio::null());
        command
    }

    /// A command that comes to its end by itself.
    pub fn run(&self, args: &[&str]) -> Told {
        Told::of(&mut self.command(args), "")
    }

    pub fn run_with_input(&self, args: &[&str], input: &str) -> Told {
        Told::of(self.command(args).stdin(Stdio::piped()), input)
    }

    /// The answer of a command as programs read it.
    ///
    /// # Panics
    /// When it fails.
    pub fn ask(&self, args: &[&str]) -> Value {
        let told = self.run(&[args, &["--json"]].concat());
        assert_eq!(told.code, Some(0), "{args:?}: {}", told.err);
        told.json()
    }

    /// Why a command was not done, as programs read it.
    ///
    /// # Panics
    /// When it was done.
    pub fn refuses(&self, args: &[&str]) -> Value {
        let told = self.run(&[args, &["--json"]].concat());
        assert_eq!(told.code, Some(1), "{args:?}: {}", told.out);
        serde_json::from_str(&told.err).unwrap_or_else(|_| panic!("one line of JSON from {args:?}: {}", told.err))
    }
}

impl Told {
    fn of(command: &mut Command, input: &str) -> Told {
        let mut child = command
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("the program runs");
        if let Some(mut stdin) = child.stdin.take() {
            stdin.write_all(input.as_bytes()).expect("it reads");
        }
        let ended = child.wait_with_output().expect("it ends");
        Told {
            code: ended.status.code(),
            out: String::from_utf8_lossy(&ended.stdout).into_owned(),
            err: String::from_utf8_lossy(&ended.stderr).into_owned(),
        }
    }

    /// What was said on standard output.
    ///
    /// # Panics
    /// When that is not one value in JSON.
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.out).unwrap_or_else(|_| panic!("JSON: {}", self.out))
    }
}

/// `kaishin serve` on a data directory.
#[derive(Debug)]
pub struct Served {
    pub line: CommandLine,
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
    pub async fn start(data: &Path) -> Served {
        Served::on(CommandLine::on(data)).await
    }

    /// Makes authority and tokens by the command line, as an administrator does, then starts it.
    pub async fn on(line: CommandLine) -> Served {
        let text = |answer: &Value, key: &str| answer[key].as_str().expect("a text in the answer").to_owned();
        let token = ["token", "create", "--label", "test", "--uses", "50000", "--life", "1d"];
        let bearer = ["api-token", "create", "test", "--role", "api", "--life", "1d"];
        let mut served = Served {
            http: line.address("KAISHIN_HTTP"),
            agents: line.address("KAISHIN_AGENTS"),
            pin: text(&line.ask(&["ca", "pin"]), "pin"),
            enrolment_token: text(&line.ask(&token), "token"),
            bearer: text(&line.ask(&bearer), "token"),
            line,
            child: None,
            said: String::new(),
        };
        served.begin().await;
        served
    }

    /// Another life, on the same data and ports.
    pub async fn begin(&mut self) {
        let child = self
            .child
            .insert(Child::spawn(&mut self.line.command(&["serve"])).expect("the server starts"));
        let http = Http::new(self.http);
        eventually(LONG, "the server is ready", async || {
            if let Some(ended) = child.has_ended() {
                panic!("the server ended with {ended}: {}", child.err().so_far());
            }
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

    pub fn pid(&self) -> u32 {
        self.child.as_ref().map_or(0, Child::pid)
    }

    /// Everything that lives that are over wrote to their logs.
    pub fn said(&self) -> &str {
        &self.said
    }

    pub fn api(&self) -> Http {
        Http::new(self.http).with_bearer(&self.bearer)
    }
}

/// A port that stays free while nobody listens on it, for programs that must come back on the same one: on an address of its
/// own, from which nobody is called. On 127.0.0.1 whoever calls may be given that very port meanwhile.
pub fn free_port() -> SocketAddr {
    static GIVEN: AtomicU8 = AtomicU8::new(0);
    let [.., high, low] = std::process::id().to_be_bytes();
    let own = Ipv4Addr::new(
        127,
        64 | (high & 0x3f),
        low,
        2 + GIVEN.fetch_add(1, Ordering::Relaxed) % 250,
    );
    let listener = std::net::TcpListener::bind((own, 0)).expect("a port");
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
