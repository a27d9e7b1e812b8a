//! `kaishin audit`: who did what, and whether the log is still whole.

use std::path::Path;

use crate::app::{Cx, audit};
use clap::Subcommand;
use kaishin_domain::audit::{Entry, Head};
use serde_json::json;

use super::failed::Failed;
use super::local;
use super::output::Output;

#[derive(Debug, Subcommand)]
pub enum Audit {
    /// Follow the chain from the first entry to the last
    Verify {
        /// A head kept elsewhere, as `verify` shows it: finds a log that was cut short or rewritten as a whole
        #[arg(long, value_parser = anchor, value_name = "NUMBER:SEAL")]
        anchor: Option<Head>,
    },
    /// The latest entries, newest first
    List {
        /// Only what this one did
        #[arg(long)]
        actor: Option<String>,
        /// Only what was done to this: noun:id
        #[arg(long)]
        target: Option<String>,
        /// Only entries before this number
        #[arg(long, value_name = "NUMBER")]
        before: Option<i64>,
        #[arg(long, default_value_t = 50, value_name = "N")]
        limit: u32,
    },
}

fn anchor(text: &str) -> Result<Head, String> {
    let read = || {
        let (number, seal) = text.split_once(':')?;
        let mut bytes = [0; 32];
        hex::decode_to_slice(seal, &mut bytes).ok()?;
        Some(Head {
            number: number.parse().ok()?,
            seal: bytes,
        })
    };
    read().ok_or_else(|| "write an entry's number, a colon and its seal in 64 hexadecimal digits".to_owned())
}

impl Audit {
    pub async fn run(self, config: Option<&Path>, out: &Output) -> Result<(), Failed> {
        local::with(config, async |cx| self.act(cx, out).await).await
    }

    async fn act(self, cx: &Cx, out: &Output) -> Result<(), Failed> {
        match self {
            Audit::Verify { anchor } => {
                let verified = audit::verify(cx, anchor).await?;
                let (entries, seal) = (verified.entries, hex::encode(verified.head.seal));
                let head = format!("{}:{seal}", verified.head.number);
                out.answer(
                    &json!({ "whole": true, "entries": entries, "head": head }),
                    &format!("監査記録{entries}件は完全です。先頭: {head}"),
                    &format!("The audit log is whole: {entries} entries. Head: {head}"),
                );
            }
            Audit::List {
                actor,
                target,
                before,
                limit,
            } => list(
                out,
                &audit::recent(cx, &audit::Filter { actor, target }, before, limit).await?,
            ),
        }
        Ok(())
    }
}

fn list(out: &Output, entries: &[Entry]) {
    let rows: Vec<Vec<String>> = entries
        .iter()
        .map(|entry| {
            vec![
                entry.number.to_string(),
                entry.at.rfc3339(),
                entry.actor.clone(),
                entry.action.clone(),
                entry.target.clone(),
                entry.reason.clone(),
            ]
        })
        .collect();
    out.table(
        &json!(entries),
        &["番号", "日時", "だれが", "操作", "対象", "理由"],
        &["NUMBER", "AT", "ACTOR", "ACTION", "TARGET", "REASON"],
        &rows,
    );
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_anchor_reads_as_verify_shows_it() {
        let head = Head {
            number: 12,
            seal: [7; 32],
        };
        assert_eq!(anchor(&format!("12:{}", hex::encode([7; 32]))), Ok(head));
        for bad in ["", "12", "12:07", "x:00"] {
            assert!(anchor(bad).is_err(), "{bad}");
        }
    }
}
