//! `kaishin demo`: everything at once, with simulated terminals.

use std::fmt::Write;
use std::net::SocketAddr;
use std::path::PathBuf;

use crate::config::LogFormat;
use crate::demo::{self, DemoOptions, Invitation};
use clap::Args;
use serde_json::json;

use super::failed::Failed;
use super::logging;
use super::output::Output;
use super::stop::Stop;

#[derive(Debug, Args)]
pub struct Demo {
    /// How many simulated terminals
    #[arg(long, default_value_t = 200)]
    terminals: u64,
    /// Where to open the dashboard
    #[arg(long, default_value = "127.0.0.1:8480", value_name = "ADDR")]
    http: SocketAddr,
    /// Where terminals connect
    #[arg(long, default_value = "127.0.0.1:8443", value_name = "ADDR")]
    agents: SocketAddr,
    /// Keep the data here; without this it is gone at the end
    #[arg(long, value_name = "DIR")]
    data: Option<PathBuf>,
    /// How much faster than real time the terminals live
    #[arg(long, default_value_t = 1.0, value_parser = speed)]
    speed: f64,
    /// Whether simulated people say yes by themselves, or you answer on the page at their terminal (its link is printed)
    #[arg(long, value_enum, default_value = "auto")]
    consent: Consent,
}

#[derive(Clone, Copy, Debug, clap::ValueEnum)]
enum Consent {
    Auto,
    Ask,
}

fn speed(text: &str) -> Result<f64, String> {
    match text.parse::<f64>() {
        Ok(speed) if (0.01..=10_000.0).contains(&speed) => Ok(speed),
        Ok(_) | Err(_) => Err("a number from 0.01 to 10000".to_owned()),
    }
}

impl Demo {
    pub async fn run(self, out: &Output) -> Result<(), Failed> {
        logging::start(logging::QUIET, LogFormat::Text);
        let mut stop = Stop::listen()?;
        let mut demo = crate::demo::Demo::start(DemoOptions {
            terminals: self.terminals,
            http: self.http,
            agents: self.agents,
            data: self.data,
            speed: self.speed,
            consent: match self.consent {
                Consent::Auto => demo::Consent::Auto,
                Consent::Ask => demo::Consent::Ask,
            },
        })
        .await?;
        let invitation = &demo.invitation;
        out.answer(&json!(invitation), &japanese(invitation), &english(invitation));
        loop {
            tokio::select! {
                () = stop.asked() => break,
                Some(page) = demo.asked() => {
                    let (name, link) = (&page.hostname, &page.link);
                    out.answer(
                        &json!({ "guide": link, "terminal": name }),
                        &format!("{name} の画面に確認が出ました（リンクは一度だけ使えます）: {link}"),
                        &format!("A question is shown at {name} (the link works once): {link}"),
                    );
                }
            }
        }
        stop.unless_insisted(demo.stop()).await
    }
}

fn japanese(invitation: &Invitation) -> String {
    let head = format!(
        "デモの準備ができました。ブラウザーで開いてください: {}\n（Ctrl-C で終了し、データは消えます）\n\nサインイン:",
        invitation.http
    );
    page(
        head,
        invitation,
        "端末の接続先",
        "登録トークン",
        "APIトークン",
        "CAピン",
    )
}

fn english(invitation: &Invitation) -> String {
    let head = format!(
        "The demo is ready. Open it in a browser: {}\n(Ctrl-C ends it; its data goes)\n\nSign in as:",
        invitation.http
    );
    page(
        head,
        invitation,
        "terminals connect to",
        "enrolment token",
        "API token",
        "CA pin",
    )
}

fn page(head: String, invitation: &Invitation, agents: &str, enrolment: &str, api: &str, pin: &str) -> String {
    let mut text = head;
    for operator in &invitation.operators {
        // Writing to a String does not fail.
        let _ = write!(
            text,
            "\n  {:<12}{:<28}{}",
            operator.name, operator.password, operator.role
        );
    }
    let _ = write!(
        text,
        "\n\n{agents}: {}\n{enrolment}: {}\n{api}: {}\n{pin}: {}",
        invitation.agents, invitation.enrolment_token, invitation.api_token, invitation.ca_pin
    );
    text
}
