//! The command line: reads what is asked, calls the use case, prints the answer. Nothing is decided here. Answers go to
//! standard output, all else to standard error; exit codes are 0 done, 1 failed, 2 bad usage.

mod api_token;
mod audit;
mod ca;
mod check;
mod demo;
mod failed;
mod ledger;
mod local;
mod logging;
mod operator;
mod output;
mod profile;
mod remote;
mod rules;
mod serve;
mod span;
mod stop;
mod supervisor;
mod terminal;
mod terminals;
mod token;

use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use clap::{Parser, Subcommand};

use failed::Failed;
use output::Output;

/// Work that will not end must not keep the process.
const LAST_WORDS: Duration = Duration::from_secs(5);

/// Kaishin looks after qualification-verification terminals / 資格確認端末の見守りと保守
#[derive(Debug, Parser)]
#[command(name = "kaishin", version, propagate_version = true)]
struct Cli {
    /// The configuration file; without one /etc/kaishin/kaishin.toml if it is there
    #[arg(long, global = true, env = "KAISHIN_CONFIG", value_name = "FILE")]
    config: Option<PathBuf>,
    /// Answer in JSON
    #[arg(long, global = true)]
    json: bool,
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Run the server / サーバーを起動
    Serve,
    /// Show the whole product with simulated terminals; nothing is kept / 模擬端末で製品全体を試す
    Demo(demo::Demo),
    /// People who sign in / 操作者
    #[command(subcommand)]
    Operator(operator::Operator),
    /// Enrolment tokens: what makes a machine a terminal at once / 登録トークン
    #[command(subcommand)]
    Token(token::Token),
    /// Tokens for programs that use the API / APIトークン
    #[command(subcommand)]
    ApiToken(api_token::ApiToken),
    /// The certificate authority / 認証局
    #[command(subcommand)]
    Ca(ca::Ca),
    /// Terminals / 端末
    #[command(subcommand)]
    Terminal(terminal::Terminal),
    /// The terminal profile: what terminals look for and are measured against / 端末設定
    #[command(subcommand)]
    Profile(profile::Profile),
    /// The rules in force / ルール
    #[command(subcommand)]
    Rules(rules::Rules),
    /// The facilities as a file, in and out / 医療機関等の台帳
    #[command(subcommand)]
    Ledger(ledger::Ledger),
    /// The audit log / 監査記録
    #[command(subcommand)]
    Audit(audit::Audit),
    /// Look whether everything is in order: configuration, rules, database, authority, audit log, disk / 点検
    ///
    /// The database's schema is brought up to date if an older Kaishin made it.
    Check,
}

pub fn run() -> ExitCode {
    let cli = Cli::parse();
    let out = Output::new(cli.json);
    let runtime = match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => return out.failed(&Failed::Runtime(error)),
    };
    let done = runtime.block_on(dispatch(cli, &out));
    runtime.shutdown_timeout(LAST_WORDS);
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(failed) => out.failed(&failed),
    }
}

async fn dispatch(cli: Cli, out: &Output) -> Result<(), Failed> {
    let config = cli.config.as_deref();
    match cli.command {
        Command::Serve => serve::run(config).await,
        Command::Demo(demo) => demo.run(out).await,
        Command::Operator(operator) => operator.run(config, out).await,
        Command::Token(token) => token.run(config, out).await,
        Command::ApiToken(token) => token.run(config, out).await,
        Command::Ca(ca) => ca.run(config, out).await,
        Command::Terminal(terminal) => terminal.run(config, out).await,
        Command::Profile(profile) => profile.run(config, out).await,
        Command::Rules(rules) => rules.run(config, out).await,
        Command::Ledger(ledger) => ledger.run(config, out).await,
        Command::Audit(audit) => audit.run(config, out).await,
        Command::Check => check::run(config, out).await,
    }
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    #[test]
    fn the_commands_agree_with_themselves() {
        Cli::command().debug_assert();
    }

    #[test]
    fn what_the_handbook_says_can_be_typed() {
        let lines = [
            "kaishin serve --config kaishin.toml",
            "kaishin demo --terminals 50 --http 127.0.0.1:0 --agents 127.0.0.1:0 --data /tmp/x --speed 10 --json",
            "kaishin operator create sato --role admin --display-name Sato --password-stdin",
            "kaishin operator set-role sato viewer --json",
            "kaishin token create --label lot-7 --uses 500 --life 30d --prefecture Tokyo",
            "kaishin token revoke 01890a5d-ac96-774b-bcce-b302099a8057 --reason lost",
            "kaishin api-token create monitoring --role viewer --life 90d",
            "kaishin ca pin",
            "kaishin ca detach-root /media/usb/root.key.pem",
            "kaishin terminal revoke 01890a5d-ac96-774b-bcce-b302099a8057 --reason stolen",
            "kaishin terminal list --url http://127.0.0.1:8480 --token x --query fault:any --sort -last_seen --json",
            "kaishin terminal list --url http://127.0.0.1:8480 --token x --query -online:yes --columns hostname --csv",
            "kaishin profile show",
            "kaishin profile check profile.json",
            "kaishin profile publish - --reason release",
            "kaishin profile history --json",
            "kaishin rules list",
            "kaishin ledger import ledger.csv --dry-run --strict --json",
            "kaishin ledger export facilities.csv --format cp932 --words sakura",
            "kaishin audit list --actor sato --limit 5",
            "kaishin check --json",
        ];
        for line in lines {
            let parsed = Cli::try_parse_from(line.split(' '));
            assert!(parsed.is_ok(), "{line}: {parsed:?}");
        }
        for line in [
            "kaishin",
            "kaishin operator create sato --role root",
            "kaishin token create --life forever",
            "kaishin terminal revoke 12 --reason x",
            "kaishin terminal list --url http://127.0.0.1:8480 --token x --csv --json",
        ] {
            let refused = Cli::try_parse_from(line.split(' ')).expect_err(line);
            assert_eq!(refused.exit_code(), 2, "{line}");
        }
    }
}
