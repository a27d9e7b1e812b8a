//! `kaishin-swarm`: many real agents on the real wire against a real server, measured. In the same run, on the same number
//! of streams, a bare tonic echo shows what the parts alone can do; only the ratios mean anything beyond this machine.
//!
//! `measure` is about the server under many terminals, `click` about the person who waits for one of them.
//!
//! Agents run in processes of their own, because one process may not hold that many files; but for `click` they keep their
//! state and journal in memory. Prints one JSON object.

mod agents;
mod click;
mod echo;
mod measure;
mod usage;

use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Parser, Subcommand};

#[derive(Debug, Parser)]
#[command(
    name = "kaishin-swarm",
    version,
    about = "Load for a Kaishin server: many real agents, measured"
)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Start a server and so many terminals, measure, and print the figures as JSON
    Measure(Measure),
    /// Measure the time from an order to its verified result, as a ratio to the round trip of a bare stream
    Click(click::Click),
    /// Play terminals until told to stop
    #[command(hide = true)]
    Agents(agents::Agents),
    /// Answer every message on every stream
    #[command(hide = true)]
    EchoServer {
        #[arg(long)]
        folder: PathBuf,
    },
    /// Open streams to an echo and play ping-pong
    #[command(hide = true)]
    EchoClients {
        #[arg(long)]
        server: SocketAddr,
        #[arg(long)]
        streams: usize,
        #[arg(long)]
        rounds: usize,
        #[arg(long)]
        papers: PathBuf,
    },
}

#[derive(clap::Args, Clone, Debug)]
pub struct Measure {
    #[arg(long, default_value_t = 5_000)]
    terminals: u64,
    /// Processes that play terminals
    #[arg(long, default_value_t = 2)]
    processes: u64,
    /// Jobs in all; each goes to another terminal, round and round
    #[arg(long)]
    jobs: Option<u64>,
    /// The server's program; without one, `kaishin` beside this program
    #[arg(long)]
    server_binary: Option<PathBuf>,
    /// PostgreSQL instead of SQLite
    #[arg(long)]
    database: Option<String>,
}

fn main() -> ExitCode {
    let cli = Cli::parse();
    let log = tracing_subscriber::EnvFilter::try_from_default_env().unwrap_or_else(|_| "warn".into());
    tracing_subscriber::fmt()
        .with_env_filter(log)
        .with_writer(std::io::stderr)
        .init();
    let runtime = match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => {
            tracing::error!(%error, "no runtime");
            return ExitCode::FAILURE;
        }
    };
    runtime.block_on(async {
        match cli.command {
            Command::Measure(wanted) => measure::run(wanted).await,
            Command::Click(wanted) => click::run(wanted).await,
            Command::Agents(wanted) => agents::run(wanted).await,
            Command::EchoServer { folder } => echo::serve(&folder).await,
            Command::EchoClients {
                server,
                streams,
                rounds,
                papers,
            } => {
                echo::clients(server, streams, rounds, &papers).await;
            }
        }
    });
    ExitCode::SUCCESS
}

/// One line on standard output, for the process that started this one.
fn say(line: &serde_json::Value) {
    use std::io::Write as _;
    let mut out = std::io::stdout().lock();
    // A reader that went away wants to hear no more.
    let _ = writeln!(out, "{line}");
    let _ = out.flush();
}
