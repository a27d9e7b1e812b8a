//! `kaishin profile`: what terminals look for and are measured against, out of a file and into one.

use std::io::Read;
use std::path::{Path, PathBuf};

use crate::app::{Cx, profile};
use clap::Subcommand;
use kaishin_domain::profile_change::Change;
use serde_json::{Value as Json, json};

use super::failed::Failed;
use super::local;
use super::output::Output;

#[derive(Debug, Subcommand)]
pub enum Profile {
    /// The profile in force, as a file to edit
    Show,
    /// Read a file as terminals would, and say what it would change; nothing is kept
    Check {
        /// `-` reads standard input
        file: PathBuf,
    },
    /// Put a file in force. A running server notices within seconds and tells every connected terminal
    Publish {
        /// `-` reads standard input. Its `version` is that of the profile it was made from
        file: PathBuf,
        #[arg(long)]
        reason: String,
    },
    /// Every version, newest first: who, when, why
    History,
}

impl Profile {
    pub async fn run(self, config: Option<&Path>, out: &Output) -> Result<(), Failed> {
        local::with(config, async |cx| self.act(cx, out).await).await
    }

    async fn act(self, cx: &Cx, out: &Output) -> Result<(), Failed> {
        match self {
            Profile::Show => {
                let current = profile::current(cx)?;
                out.answer(
                    &json!(current.profile),
                    current.text.trim_end(),
                    current.text.trim_end(),
                );
            }
            Profile::Check { file } => {
                let changes = profile::check(cx, &read(&file)?)?;
                let told = lines(&changes);
                let (ja, en) = match changes.is_empty() {
                    true => ("正しい端末設定です。今と同じ内容です。", "Sound. Nothing would change."),
                    false => ("正しい端末設定です。変わるところ:", "Sound. It would change:"),
                };
                let json = json!({ "sound": true, "changes": changes });
                out.answer(&json, &format!("{ja}{told}"), &format!("{en}{told}"));
            }
            Profile::Publish { file, reason } => {
                let version = profile::set(cx, &read(&file)?, None, &reason).await?;
                out.answer(
                    &json!({ "version": version }),
                    &format!("端末設定の第{version}版を公開しました。稼働中のサーバーは数秒で各端末へ送ります。"),
                    &format!(
                        "Version {version} of the profile is published. A running server sends it within seconds."
                    ),
                );
            }
            Profile::History => history(cx, out).await?,
        }
        Ok(())
    }
}

fn read(file: &Path) -> Result<String, Failed> {
    let failed = |source| Failed::File {
        file: file.to_owned(),
        source,
    };
    // Not UTF-8 is not JSON either; the parser then says in which line.
    let mut bytes = Vec::new();
    if file == Path::new("-") {
        std::io::stdin().lock().read_to_end(&mut bytes).map_err(failed)?;
    } else {
        bytes = std::fs::read(file).map_err(failed)?;
    }
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

fn lines(changes: &[Change]) -> String {
    let side = |side: &Option<String>| side.clone().unwrap_or_else(|| "–".to_owned());
    let line = |change: &Change| {
        format!(
            "\n  {}: {} → {}",
            change.path,
            side(&change.before),
            side(&change.after)
        )
    };
    changes.iter().map(line).collect()
}

async fn history(cx: &Cx, out: &Output) -> Result<(), Failed> {
    let rows = profile::versions(cx).await?;
    let steps = profile::steps(&rows);
    let mut items: Vec<Json> = Vec::new();
    let mut table = Vec::new();
    for (row, changes) in rows.iter().zip(&steps) {
        let built_in = row.published_by.is_empty();
        let at = if built_in {
            String::new()
        } else {
            row.published_at.rfc3339()
        };
        items.push(json!({
            "version": row.version,
            "written_by": row.written_by,
            "published_by": row.published_by,
            "published_at": (!built_in).then_some(&at),
            "reason": row.reason,
            "changes": changes,
        }));
        table.push(vec![
            row.version.to_string(),
            at,
            row.written_by.clone(),
            row.published_by.clone(),
            changes.len().to_string(),
            row.reason.clone(),
        ]);
    }
    out.table(
        &json!(items),
        &["版", "公開日時", "作成者", "公開者", "変更", "理由"],
        &[
            "VERSION",
            "PUBLISHED",
            "WRITTEN BY",
            "PUBLISHED BY",
            "CHANGES",
            "REASON",
        ],
        &table,
    );
    Ok(())
}
