//! `kaishin-agent`: enrol, run, show facts, show how it stands. Exit codes: 0 done, 1 failed, 2 bad usage.

use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;

use clap::builder::PossibleValuesParser;
use clap::{Args, Parser, Subcommand};
use kaishin_proto::clock::Clock;
use kaishin_proto::fact;
use serde::Deserialize;
use serde_json::json;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use crate::core::{Failure, Status};
use crate::door::Visit;
use crate::error::AgentError;
use crate::facts::{self, About};
use crate::keep::{Keep, KnownServer};
use crate::os::sim::Sim;
use crate::os::stop::Stop;
use crate::os::{self, Os};
use crate::shell::{self, Settings};
use crate::{guide, sheet, status, words};

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
    Facts {
        /// 表示する項目（省略するとすべて） / sections to show; all without any
        #[arg(value_name = "SECTION", value_parser = PossibleValuesParser::new(facts::names()))]
        sections: Vec<String>,
    },
    /// エージェントの状態を表示する / show how the agent stands
    Status,
    /// サポート窓口に伝える4桁のコードを表示する / show the 4-digit code to read out to the support desk
    Code,
    /// 表示中の案内画面のリンクを表示する / print the link of the guide that is being shown
    Guide,
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
    /// From the command line or the environment, else the file, else where this terminal enrolled before.
    fn settings(&self, keep: &Keep) -> Result<Settings, AgentError> {
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
        let known = keep.server()?;
        let (server, ca_pin) = (first(&self.server, file.server), first(&self.ca_pin, file.ca_pin));
        let known_server = known.as_ref().map(|known| known.server.clone());
        let known_pin = known.map(|known| known.ca_pin);
        Ok(Settings {
            server: server.or(known_server).ok_or(AgentError::NoServer)?,
            pin: ca_pin.or(known_pin).ok_or(AgentError::BadPin)?,
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
            Some(n) => {
                let machine = Sim::new(0, n, clock.clone());
                // What is written to it stays with the agent's own folder, where there is one.
                let folder = self.data_dir();
                let machine = if folder.is_dir() {
                    machine.kept_in(&folder.join("simulated.json"))?
                } else {
                    machine
                };
                Ok(Arc::new(machine))
            }
            None => Ok(os::this_machine()?),
        }
    }

    fn keep(&self) -> Result<Keep, AgentError> {
        Keep::directory(self.data_dir())
    }

    fn data_dir(&self) -> PathBuf {
        self.data_dir.clone().unwrap_or_else(os::default_data_dir)
    }
}

fn act(cli: &Cli) -> Result<ExitCode, AgentError> {
    match &cli.command {
        Command::Facts { sections } => show_facts(cli, sections),
        Command::Status => show_status(cli),
        Command::Code => show_code(cli),
        Command::Guide => show_guide(cli),
        Command::Enroll(connect) => serve(cli, connect, true),
        Command::Run(connect) => serve(cli, connect, false),
    }
}

fn show_facts(cli: &Cli, wanted: &[String]) -> Result<ExitCode, AgentError> {
    let clock = Clock::system();
    let os = cli.machine(&clock)?;
    let mut about = About::new(env!("CARGO_PKG_VERSION"), clock.now());
    // By what the server has told this terminal to look for, where that is to be read.
    if let Ok(Some(profile)) = Keep::as_it_is(cli.data_dir()).profile() {
        about.profile_version = profile.version;
        about.profile = profile.into();
    }
    let names = facts::names().filter(|name| wanted.is_empty() || wanted.iter().any(|wanted| wanted == name));
    let mut out = std::io::stdout().lock();
    if cli.json {
        let sections = names.filter_map(|name| facts::section(name, &*os, &about));
        let all: serde_json::Map<_, _> = sections.flatten().map(|(key, value)| (key, json!(value))).collect();
        say(&mut out, &json!(all).to_string());
        return Ok(ExitCode::SUCCESS);
    }
    // One after the other as they are read: some take seconds.
    for name in names {
        if let (Some(known), Some(facts)) = (fact::section(name), facts::section(name, &*os, &about)) {
            say(&mut out, &format!("{}\n", sheet::section(known, &facts)));
        }
    }
    Ok(ExitCode::SUCCESS)
}

/// How the agent last stood, and what is known of the terminal's registration whether it runs or not.
fn show_status(cli: &Cli) -> Result<ExitCode, AgentError> {
    let mut out = std::io::stdout().lock();
    let keep = Keep::as_it_is(cli.data_dir());
    let Some(mut shown) = keep.status()? else {
        say(&mut out, &words::say(words::NOT_ENROLLED));
        return Ok(ExitCode::from(1));
    };
    let certificate = if keep.has_key()? {
        keep.certificate(&keep.device_key()?)?
    } else {
        None
    };
    if let Some(certificate) = certificate {
        shown["terminal_id"] = certificate.identity.terminal_id.into();
        shown["certificate_until"] = certificate.identity.valid_until.rfc3339().into();
    }
    if let Some(server) = keep.server()? {
        shown["server"] = server.server.into();
    }
    if cli.json {
        say(&mut out, &shown.to_string());
        return Ok(ExitCode::SUCCESS);
    }
    let text = |key: &str| shown[key].as_str().unwrap_or("-").to_owned();
    say(&mut out, &format!("{}\n{}", text("ja"), text("en")));
    let rows = [
        ("状態 / state", "state"),
        ("いつから / since", "at"),
        ("端末ID / terminal id", "terminal_id"),
        ("証明書の期限 / certificate until", "certificate_until"),
        ("サーバー / server", "server"),
    ];
    for (label, key) in rows {
        say(&mut out, &format!("  {label}: {}", text(key)));
    }
    Ok(ExitCode::SUCCESS)
}

/// The call code, and each that follows it, until the agent ends or somebody has seen enough.
fn show_code(cli: &Cli) -> Result<ExitCode, AgentError> {
    let Some(address) = Keep::as_it_is(cli.data_dir()).door()? else {
        say(&mut std::io::stderr(), &words::say(words::NOT_RUNNING));
        return Ok(ExitCode::from(1));
    };
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|error| os::OsError::from_io("the runtime", &error))?;
    runtime.block_on(async {
        let clock = Clock::system();
        let mut visit = Visit::knock(&address).await;
        let mut seen = false;
        while let Some(open) = &mut visit {
            let Some(shown) = open.next().await else { break };
            seen = true;
            say(
                &mut std::io::stdout(),
                &status::code_told(shown.as_ref(), clock.now(), cli.json),
            );
        }
        if !seen {
            say(&mut std::io::stderr(), &words::say(words::NOT_RUNNING));
        }
        Ok(ExitCode::from(u8::from(!seen)))
    })
}

/// For a machine on which no window can be opened for the person in front of it.
fn show_guide(cli: &Cli) -> Result<ExitCode, AgentError> {
    let mut out = std::io::stdout().lock();
    // What an agent left behind that was cut off leads nowhere.
    let link = Keep::as_it_is(cli.data_dir())
        .guide()?
        .filter(|link| guide::answers(link));
    if cli.json {
        say(&mut out, &json!({ "guide": link }).to_string());
    } else if let Some(link) = &link {
        say(&mut out, link);
    } else {
        say(&mut std::io::stderr(), &words::say(words::GUIDE_NONE));
    }
    Ok(ExitCode::from(u8::from(link.is_none())))
}

/// One thread is enough for one terminal; what blocks goes to a thread of its own.
fn serve(cli: &Cli, connect: &Connect, only_enrol: bool) -> Result<ExitCode, AgentError> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|error| os::OsError::from_io("the runtime", &error))?;
    runtime.block_on(async {
        // First of all: keys and journal take their time, and who is asked to stop meanwhile must still end in order.
        let asked = Stop::listen().map_err(|error| os::OsError::from_io("signals", &error))?;
        let clock = Clock::system();
        // The folder first: a simulated machine keeps its disk there.
        let keep = cli.keep()?;
        let os = cli.machine(&clock)?;
        let settings = connect.settings(&keep)?;
        let known = KnownServer {
            server: settings.server.clone(),
            ca_pin: settings.pin.clone(),
        };
        let stop = CancellationToken::new();
        let (status, seen) = watch::channel(Status::Starting);
        let agent = shell::run(settings, os, keep.clone(), clock, stop.clone(), status);
        let watching = Watching {
            stop: stop.clone(),
            asked,
            only_enrol,
            json: cli.json,
            keep,
            known,
        };
        let (ended, code) = tokio::join!(agent_then(agent, stop), watching.watch(seen));
        ended?;
        code
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

struct Watching {
    stop: CancellationToken,
    asked: Stop,
    only_enrol: bool,
    json: bool,
    keep: Keep,
    known: KnownServer,
}

impl Watching {
    /// Tells each change of status, and asks the agent to stop when the system asks, or once it is enrolled.
    async fn watch(mut self, mut seen: watch::Receiver<Status>) -> Result<ExitCode, AgentError> {
        let mut code = ExitCode::SUCCESS;
        loop {
            tokio::select! {
                () = self.stop.cancelled() => return Ok(code),
                () = self.asked.asked() => self.stop.cancel(),
                changed = seen.changed() => {
                    if changed.is_err() {
                        return Ok(code);
                    }
                    let status = seen.borrow_and_update().clone();
                    if let Some(ended) = self.told(&status)? {
                        code = ended;
                        self.stop.cancel();
                    }
                }
            }
        }
    }

    /// The exit code, where this status is the end of the command.
    fn told(&self, status: &Status) -> Result<Option<ExitCode>, AgentError> {
        if matches!(status, Status::Connecting | Status::Pending { .. }) {
            // It proved to be the server that the pin names.
            self.keep.store_server(&self.known)?;
        }
        let ended = if self.only_enrol { enrolled(status) } else { None };
        let registered = self.only_enrol && *status == Status::Connecting;
        let (name, ja, en) = if registered {
            status::enrolled()
        } else {
            status::told(status)
        };
        if self.json {
            let shown = json!({ "state": name, "ja": ja, "en": en });
            say(&mut std::io::stdout(), &shown.to_string());
        } else {
            say(&mut std::io::stderr(), &format!("[{name}] {ja}\n    {en}"));
        }
        Ok(ended)
    }
}

/// Whether enrolment has come to an end, and which. A request that waits for a person can be asked after later; a line that
/// is down may come up; but a server that is not ours will not become it.
fn enrolled(status: &Status) -> Option<ExitCode> {
    match status {
        Status::Connecting | Status::Online { .. } | Status::Pending { .. } => Some(ExitCode::SUCCESS),
        Status::Refused { .. } | Status::Incompatible { .. } | Status::Revoked => Some(ExitCode::from(1)),
        Status::Waiting {
            why: Failure::WrongServer(_) | Failure::Revoked,
            ..
        } => Some(ExitCode::from(1)),
        Status::Waiting { .. } | Status::Starting | Status::Enrolling | Status::Stopped => None,
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
