//! `kaishin check`: one thing after the other, each told; what cannot be looked at because of an earlier one is told too.

use std::path::Path;

use crate::app::audit;
use crate::config::{Config, Engine, LogFormat};
use crate::store::Store;
use serde_json::{Value as Json, json};

use super::failed::Failed;
use super::output::Output;
use super::{local, logging};

/// Below this a busy database may not finish its next day.
const LEAST_FREE: u64 = 1 << 30;

struct Finding {
    what: &'static str,
    ja: &'static str,
    en: &'static str,
    good: bool,
    said: String,
}

struct Findings<'a> {
    out: &'a Output,
    all: Vec<Finding>,
}

impl Findings<'_> {
    fn add(&mut self, what: &'static str, ja: &'static str, en: &'static str, found: Result<String, String>) -> bool {
        let good = found.is_ok();
        let said = found.unwrap_or_else(|said| said);
        self.all.push(Finding {
            what,
            ja,
            en,
            good,
            said,
        });
        good
    }

    fn tell(self) -> Result<(), Failed> {
        let json: Vec<Json> = self
            .all
            .iter()
            .map(|finding| json!({ "what": finding.what, "ok": finding.good, "said": finding.said }))
            .collect();
        let good = self.all.iter().all(|finding| finding.good);
        let lines = |name: fn(&Finding) -> &'static str| {
            let line = |finding: &Finding| {
                let mark = if finding.good { "OK " } else { "NG " };
                format!("{mark} {}: {}", name(finding), finding.said)
            };
            self.all.iter().map(line).collect::<Vec<_>>().join("\n")
        };
        let (ja, en) = (lines(|finding| finding.ja), lines(|finding| finding.en));
        self.out.answer(&json!({ "ok": good, "checks": json }), &ja, &en);
        if good { Ok(()) } else { Err(Failed::NotInOrder) }
    }
}

pub async fn run(named: Option<&Path>, out: &Output) -> Result<(), Failed> {
    let config = local::config(named)?;
    logging::start(logging::QUIET, LogFormat::Text);
    let mut findings = Findings { out, all: Vec::new() };
    findings.add("config", "設定", "configuration", Ok(config.data.display().to_string()));
    let rules_are_sound = findings.add("rules", "ルール", "rules", rules(&config));
    if !config.data.join("ca").exists() {
        let none = "nothing is here yet: the first `kaishin serve` makes it".to_owned();
        findings.add("data", "データ", "data", Err(none));
        return findings.tell();
    }
    findings.add("disk", "ディスク", "disk", disk(&config.data));
    // With a bad rule nothing opens, and the authority is not to blame.
    if findings.add("database", "データベース", "database", database(&config).await) && rules_are_sound {
        opened(&config, &mut findings).await;
    }
    findings.tell()
}

fn rules(config: &Config) -> Result<String, String> {
    let (first, _) = crate::first_rules(config).map_err(|error| chain(&error))?;
    Ok(format!("{} rules", first.fingerprints.len()))
}

fn disk(data: &Path) -> Result<String, String> {
    let seen = rustix::fs::statvfs(data).map_err(|error| error.to_string())?;
    let free = seen.f_bavail.saturating_mul(seen.f_frsize);
    let said = format!("{} MiB free", free >> 20);
    if free < LEAST_FREE { Err(said) } else { Ok(said) }
}

async fn database(config: &Config) -> Result<String, String> {
    let store = Store::open(&config.database()).await.map_err(|error| chain(&error))?;
    let answered = store.ping().await.map_err(|error| chain(&error));
    store.close().await;
    answered?;
    let name = match config.engine {
        Engine::Sqlite => "SQLite",
        Engine::Postgres(_) => "PostgreSQL",
    };
    Ok(format!("{name}, schema up to date"))
}

/// The authority opens with the application, and the audit log is read through it.
async fn opened(config: &Config, findings: &mut Findings<'_>) {
    let seen = local::with_config(config, async |cx| {
        let status = cx.app.ca.status();
        Ok((status, audit::verify(cx, None).await))
    })
    .await;
    match seen {
        Err(failed) => {
            findings.add("ca", "認証局", "authority", Err(chain(&failed)));
        }
        Ok((status, verified)) => {
            let until = format!("{}, issuing until {}", status.pin, status.issuing_until);
            findings.add("ca", "認証局", "authority", Ok(until));
            let verified = verified
                .map(|verified| format!("{} entries, whole", verified.entries))
                .map_err(|error| chain(&error));
            findings.add("audit", "監査記録", "audit log", verified);
        }
    }
}

fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut next = error.source();
    while let Some(cause) = next {
        text.push_str(": ");
        text.push_str(&cause.to_string());
        next = cause.source();
    }
    text
}
