//! `kaishin ledger`: the facilities as a file, in and out. Beside a running server: it follows within two seconds.

use std::fmt::Write;
use std::path::{Path, PathBuf};

use crate::app::facilities::imports::{self, Plan, Upload};
use crate::app::facilities::{self, CsvEncoding};
use crate::app::ledger::{self, Asked};
use crate::app::{AppError, Cx};
use clap::{Subcommand, ValueEnum};
use kaishin_domain::facility::Field;
use kaishin_domain::id::ImportId;
use serde_json::json;

use super::failed::Failed;
use super::local;
use super::output::Output;

/// So many rows are told of on the screen; `--json` tells of all.
const TOLD: usize = 40;

#[derive(Debug, Subcommand)]
pub enum Ledger {
    /// Read a ledger (CSV in UTF-8 or CP932, or xlsx) and write it; every row that has a fault is told
    Import {
        file: PathBuf,
        /// Only tell what would be done
        #[arg(long)]
        dry_run: bool,
        /// Write nothing if one row is refused
        #[arg(long)]
        strict: bool,
        /// An empty cell makes what was known unknown
        #[arg(long)]
        clear: bool,
    },
    /// Take an import back, but for what was changed since
    Undo {
        id: ImportId,
        #[arg(long)]
        reason: String,
    },
    /// Write the facilities into a file
    Export {
        file: PathBuf,
        #[arg(long, value_enum, default_value_t = Format::Csv)]
        format: Format,
        /// Only those that these words find
        #[arg(long, default_value = "")]
        words: String,
    },
}

#[derive(Clone, Copy, Debug, ValueEnum)]
pub enum Format {
    /// CSV in UTF-8 with a byte order mark
    Csv,
    /// CSV as Japanese Windows writes it
    Cp932,
    Xlsx,
}

impl Ledger {
    pub async fn run(self, config: Option<&Path>, out: &Output) -> Result<(), Failed> {
        local::with(config, async |cx| {
            ledger::rebuild(&cx.app).await.map_err(AppError::from)?;
            self.act(cx, out).await
        })
        .await
    }

    async fn act(self, cx: &Cx, out: &Output) -> Result<(), Failed> {
        match self {
            Ledger::Import {
                file,
                dry_run,
                strict,
                clear,
            } => {
                let upload = Upload {
                    file_name: file.file_name().unwrap_or_default().to_string_lossy().into_owned(),
                    bytes: std::fs::read(&file).map_err(|source| Failed::File {
                        file: file.clone(),
                        source,
                    })?,
                    clear,
                    strict,
                };
                import(cx, out, upload, dry_run).await
            }
            Ledger::Undo { id, reason } => {
                let taken = imports::undo(cx, id, &reason).await?;
                let (rows, kept) = (taken.rows, taken.kept.len());
                out.answer(
                    &json!({ "id": id, "rows": rows, "kept": taken.kept }),
                    &format!("取り込みを取り消しました（戻した行 {rows}、その後に変更されたため残した行 {kept}）。"),
                    &format!("The import is taken back: {rows} rows; {kept} were changed since and stay."),
                );
                Ok(())
            }
            Ledger::Export { file, format, words } => export(cx, out, &file, format, &words).await,
        }
    }
}

async fn import(cx: &Cx, out: &Output, upload: Upload, dry_run: bool) -> Result<(), Failed> {
    let import = imports::begin(cx, upload)?;
    let mut plan = imports::settled(cx, &import).await?;
    if !dry_run {
        imports::carry_out(cx, import.id)?;
        plan = imports::settled(cx, &import).await?;
    }
    let counts = plan.counts;
    let verdicts: Vec<_> = plan
        .remarks
        .iter()
        .map(|remark| {
            json!({
                "line": remark.line, "column": remark.column, "value": remark.value,
                "verdict": remark.severity, "code": remark.code, "reason": remark.words.en, "reason_ja": remark.words.ja,
            })
        })
        .collect();
    let json = json!({
        "id": import.id, "written": !dry_run && !plan.writes.is_empty(), "encoding": plan.format.name(),
        "counts": counts, "verdicts": verdicts,
    });
    let head = [
        if dry_run {
            "書き込んでいません。"
        } else {
            "取り込みました。"
        },
        if dry_run { "Nothing is written." } else { "Imported." },
    ];
    let ja = format!(
        "{}（番号 {}）\n行 {}、追加 {}、変更 {}、変更なし {}、取り込めない {}、注意 {}{}",
        head[0],
        import.id,
        counts.rows,
        counts.added,
        counts.changed,
        counts.same,
        counts.refused,
        counts.warned,
        told(&plan, |words| &words.ja)
    );
    let en = format!(
        "{} (id {})\n{} rows: {} added, {} changed, {} the same, {} refused, {} warned of{}",
        head[1],
        import.id,
        counts.rows,
        counts.added,
        counts.changed,
        counts.same,
        counts.refused,
        counts.warned,
        told(&plan, |words| &words.en)
    );
    out.answer(&json, &ja, &en);
    Ok(())
}

fn told(plan: &Plan, of: fn(&kaishin_domain::words::Words) -> &String) -> String {
    let mut text = String::new();
    for remark in plan.remarks.iter().take(TOLD) {
        // Writing to a String does not fail.
        let _ = write!(text, "\n{:>7}  {}  {}", remark.line, remark.code, of(&remark.words));
    }
    if plan.remarks.len() > TOLD {
        text += "\n      …";
    }
    text
}

async fn export(cx: &Cx, out: &Output, file: &Path, format: Format, words: &str) -> Result<(), Failed> {
    let asked = Asked {
        words,
        ..Asked::default()
    };
    let encoding = match format {
        Format::Cp932 => CsvEncoding::Cp932,
        Format::Csv | Format::Xlsx => CsvEncoding::Utf8,
    };
    let (bytes, unmappable) = match format {
        Format::Xlsx => (facilities::xlsx(cx, &asked, &Field::ALL).await?, String::new()),
        Format::Csv | Format::Cp932 => {
            let csv = facilities::csv(cx, &asked, &Field::ALL, encoding).await?;
            (csv.bytes, csv.unmappable.iter().collect())
        }
    };
    std::fs::write(file, &bytes).map_err(|source| Failed::Unwritten {
        file: file.to_owned(),
        source,
    })?;
    let (mut ja, mut en) = (
        format!("{} に書き出しました。", file.display()),
        format!("Written to {}.", file.display()),
    );
    if !unmappable.is_empty() {
        ja += &format!("\nCP932にない文字は「〓」にしました: {unmappable}");
        en += &format!("\nCP932 lacks these characters, which became 〓: {unmappable}");
    }
    out.answer(
        &json!({ "file": file, "bytes": bytes.len(), "unmappable": unmappable }),
        &ja,
        &en,
    );
    Ok(())
}
