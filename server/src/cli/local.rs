//! Commands that work on this machine's data directly, beside a server that runs or without one. Who may read the
//! configuration and write the data is an administrator; the audit log names the user of the shell.

use std::io::BufRead;
use std::path::Path;

use crate::app::Cx;
use crate::config::{Config, LogFormat};
use kaishin_domain::access::Actor;
use kaishin_proto::clock::Clock;

use super::failed::Failed;
use super::logging;

const USUAL: &str = "/etc/kaishin/kaishin.toml";

pub fn config(named: Option<&Path>) -> Result<Config, Failed> {
    let usual = Path::new(USUAL);
    let file = named.or_else(|| usual.exists().then_some(usual));
    Ok(Config::load(file)?)
}

/// Opens everything but the ports, does the work, and closes in order whatever came of it.
pub async fn with<R>(named: Option<&Path>, work: impl AsyncFnOnce(&Cx) -> Result<R, Failed>) -> Result<R, Failed> {
    let config = config(named)?;
    logging::start(logging::QUIET, LogFormat::Text);
    with_config(&config, work).await
}

pub async fn with_config<R>(config: &Config, work: impl AsyncFnOnce(&Cx) -> Result<R, Failed>) -> Result<R, Failed> {
    let app = crate::open_app(config, Clock::system()).await?;
    let done = work(&app.on_behalf_of(Actor::local(&user()))).await;
    app.store.close().await;
    done
}

fn user() -> String {
    ["SUDO_USER", "USER", "LOGNAME"]
        .into_iter()
        .find_map(|name| std::env::var(name).ok().filter(|value| !value.is_empty()))
        .unwrap_or_else(|| "unknown".to_owned())
}

/// A password is never an argument: those are seen by everybody on the machine.
pub fn password(from_stdin: bool) -> Result<Option<String>, Failed> {
    if !from_stdin {
        return Ok(None);
    }
    let mut line = String::new();
    std::io::stdin().lock().read_line(&mut line).map_err(Failed::Input)?;
    let password = line.trim_end_matches(['\r', '\n']);
    if password.is_empty() {
        return Err(Failed::Input(std::io::ErrorKind::UnexpectedEof.into()));
    }
    Ok(Some(password.to_owned()))
}
