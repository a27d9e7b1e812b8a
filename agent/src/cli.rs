//! `kaishin-agent`: enrol, run, show facts, show how it stands. Exit codes: 0 done, 1 failed, 2 bad usage.

use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;

use clap::{Args, Parser, Subcommand};
use kaishin_proto::clock::Clock;
use serde::Deserialize;
use serde_json::json;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use crate::core::Status;
use crate::error::AgentError;
use crate::facts::{self, About};
use crate::keep::Keep;
use crate::os::sim::Sim;
use crate::os::{self, Os};
use crate::shell::{self, Settings};
use crate::{status, words};

#[derive(Debug, Parser)]
#[command(
    name = "kaishin-agent",
    version,
    about = "Kaishinエージェント / Kaishin's agent on one terminal"
)]
struct Cli {
    #[command(subcommand)]
    command: Command,
    /// 結果をJSONで出力 / answer in JSON
    #[arg(long, global = true)]
    json: bool,
    /// 鍵と記録の保存先 / where the key and the journal are kept
    #[arg(long, global = true, env = "KAISHIN_AGENT_DATA_DIR")]
    data_dir: Option<PathBuf>,
    /// 模擬端末として動かす（試験用） / be a simulated terminal, for tests
    #[arg(long, global = true, value_name = "N")]
    sim: Option<u64>,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// サーバーに登録する / register with the server
    Enroll(Connect),
    /// 登録して、動き続ける / register, then serve until stopped
    Run(Connect),
    /// この端末の情報を表示する / show what can be read of this terminal
    Facts,
    /// エージェントの状態を表示する / show how the agent stands
    Status,
}

#[derive(Args, Clone, Debug)]
struct Connect {
    /// 接続先 host:port / the server
    #[arg(long, env = "KAISHIN_AGENT_SERVER")]
    server: Option<String>,
    /// サーバーの `kaishin ca pin` が示す64文字 / the 64 characters that `kaishin ca pin` shows
    #[arg(long, env = "KAISHIN_AGENT_CA_PIN")]
    ca_pin: Option<String>,
    /// 登録トークン / enrolment token
    #[arg(long, env = "KAISHIN_AGENT_TOKEN", hide_env_values = true)]
    token: Option<String>,
    /// 医療機関等コード（10桁） / institution code, ten digits
    #[arg(long, env = "KAISHIN_AGENT_FACILITY")]
    facility: Option<String>,
    /// 上の項目を書いたJSONファイル / a JSON file with the same keys
    #[arg(long, env = "KAISHIN_AGENT_CONFIG")]
    config: Option<PathBuf>,
}

/// The configuration file; what stands on the command line or in the environment comes first.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct File {
    server: Option<String>,
    ca_pin: Option<String>,
    token: Option<String>,
    facility: Option<String>,
}

impl Connect {
    fn settings(&self) -> Result<Settings, AgentError> {
        let file = match &self.config {
            None => File::default(),
            Some(path) => {
                let text = std::fs::read_to_string(path).map_err(|error| AgentError::state(path, error))?;
                serde_json::from_str(&text).map_err(|error| AgentError::Config {
                    path: path.display().to_string(),
                    detail: error.to_string(),
                })?
            }
        };
        let first = |given: &Option<String>, filed: Option<String>| given.clone().or(filed);
        Ok(Settings {
            server: first(&self.server, file.server).ok_or(AgentError::NoServer)?,
            pin: first(&self.ca_pin, file.ca_pin).ok_or(AgentError::BadPin)?,
            token: first(&self.token, file.token),
            institution_code: first(&self.facility, file.facility),
            ..Settings::default()
        })
    }
}

/// The whole program.
pub fn main() -> ExitCode {
    let cli = Cli::parse();
    let log = tracing_subscriber::EnvFilter::try_from_env("KAISHIN_AGENT_LOG").unwrap_or_else(|_| "info".into());
    tracing_subscriber::fmt()
        .with_env_filter(log)
        .with_writer(std::io::stderr)
        .init();
    match act(&cli) {
        Ok(code) => code,
        Err(error) => {
            let said = words::say(error.code());
            say(&mut std::io::stderr(), &format!("{said}\n  {}", causes(&error)));
            ExitCode::from(1)
        }
    }
}

fn causes(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        text.push_str(": ");
        text.push_str(&cause.to_string());
        source = cause.source();
    }
    text
}

/// A reader that went away is no reason to fail.
fn say(to: &mut dyn std::io::Write, text: &str) {
    let _ = writeln!(to, "{text}");
    let _ = to.flush();
}

impl Cli {
    fn machine(&self, clock: &Clock) -> Result<Arc<dyn Os>, AgentError> {
        match self.sim {
            Some(n) => Ok(Arc::new(Sim::new(0, n, clock.clone()))),
            None => Ok(os::this_machine()?),
        }
    }

    fn keep(&self) -> Result<Keep, AgentError> {
        Keep::directory(self.data_dir.clone().unwrap_or_else(os::default_data_dir))
    }
}

fn act(cli: &Cli) -> Result<ExitCode, AgentError> {
    match &cli.command {
        Command::Facts => show_facts(cli),
        Command::Status => show_status(cli),
        Command::Enroll(connect) => serve(cli, connect, true),
        Command::Run(connect) => serve(cli, connect, false),
    }
}

fn show_facts(cli: &Cli) -> Result<ExitCode, AgentError> {
    let clock = Clock::system();
    let os = cli.machine(&clock)?;
    let about = About {
        version: env!("CARGO_PKG_VERSION").to_owned(),
        started: clock.now(),
    };
    let mut all = serde_json::Map::new();
    for name in facts::names() {
        for (key, value) in facts::section(name, &*os, &about).unwrap_or_default() {
            all.insert(key, json!(value));
        }
    }
    let mut out = std::io::stdout().lock();
    if cli.json {
        say(&mut out, &json!(all).to_string());
    } else {
        for (key, value) in all {
            let words = kaishin_proto::fact::find(&key).map_or("", |fact| fact.ja);
            say(&mut out, &format!("{key:28} {value}  {words}"));
        }
    }
    Ok(ExitCode::SUCCESS)
}

fn show_status(cli: &Cli) -> Result<ExitCode, AgentError> {
    let mut out = std::io::stdout().lock();
    let Some(shown) = cli.keep()?.status()? else {
        say(&mut out, &words::say(words::NOT_ENROLLED));
        return Ok(ExitCode::from(1));
    };
    if cli.json {
        say(&mut out, &shown.to_string());
    } else {
        let text = |key: &str| {
            shown
                .get(key)
                .and_then(|value| value.as_str())
                .unwrap_or_default()
                .to_owned()
        };
        say(
            &mut out,
            &format!("{}\n{}\n({} {})", text("ja"), text("en"), text("state"), text("at")),
        );
    }
    Ok(ExitCode::SUCCESS)
}

/// One thread is enough for one terminal; what blocks goes to a thread of its own.
fn serve(cli: &Cli, connect: &Connect, only_enrol: bool) -> Result<ExitCode, AgentError> {
    let settings = connect.settings()?;
    let clock = Clock::system();
    let (os, keep) = (cli.machine(&clock)?, cli.keep()?);
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|error| os::OsError::from_io("the runtime", &error))?;
    runtime.block_on(async {
        let stop = CancellationToken::new();
        let (status, seen) = watch::channel(Status::Starting);
        let agent = shell::run(settings, os, keep, clock, stop.clone(), status);
        let watching = watch_over(seen, stop.clone(), only_enrol);
        let (ended, code) = tokio::join!(agent_then(agent, stop), watching);
        ended.map(|()| code)
    })
}

/// When the agent ends, so does everything that waits for it.
async fn agent_then(
    agent: impl Future<Output = Result<(), AgentError>>,
    stop: CancellationToken,
) -> Result<(), AgentError> {
    let ended = agent.await;
    stop.cancel();
    ended
}

/// Tells each change of status, and asks the agent to stop when the system asks, or once it is enrolled.
async fn watch_over(mut seen: watch::Receiver<Status>, stop: CancellationToken, only_enrol: bool) -> ExitCode {
    let mut code = ExitCode::SUCCESS;
    // One listener from the start: a signal that comes while a status is printed is not lost.
    let mut asked = std::pin::pin!(os::stop::asked_to_stop());
    loop {
        tokio::select! {
            () = stop.cancelled() => return code,
            asked = &mut asked, if !stop.is_cancelled() => {
                if let Err(error) = asked {
                    tracing::warn!(%error, "signals cannot be heard");
                }
                stop.cancel();
            }
            changed = seen.changed() => {
                if changed.is_err() {
                    return code;
                }
                let status = seen.borrow_and_update().clone();
                let (name, ja, en) = status::told(&status);
                say(&mut std::io::stderr(), &format!("[{name}] {ja}\n    {en}"));
                if only_enrol && let Some(ended) = enrolled(&status) {
                    code = ended;
                    stop.cancel();
                }
            }
        }
    }
}

/// Whether enrolment has come to an end, and which. A request that waits for a person can be asked after later.
fn enrolled(status: &Status) -> Option<ExitCode> {
    match status {
        Status::Connecting | Status::Online { .. } | Status::Pending { .. } => Some(ExitCode::SUCCESS),
        Status::Refused { .. } | Status::Incompatible { .. } | Status::Revoked => Some(ExitCode::from(1)),
        Status::Starting | Status::Enrolling | Status::Waiting { .. } | Status::Stopped => None,
    }
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory as _;

    use super::*;

    #[test]
    fn the_command_line_is_sound() {
        Cli::command().debug_assert();
    }

    #[test]
    fn a_configuration_file_with_an_unknown_key_is_refused() {
        assert!(serde_json::from_str::<File>(r#"{"server": "a:1", "script": "x"}"#).is_err());
        assert!(serde_json::from_str::<File>(r#"{"server": "a:1"}"#).is_ok());
    }
}
