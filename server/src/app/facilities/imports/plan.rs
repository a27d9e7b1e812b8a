//! What an import would do, row by row. Nothing is written here.

use std::collections::{HashMap, HashSet};
use std::sync::atomic::{AtomicU64, Ordering};

use kaishin_domain::facility::sheet::{BadTitles, Known, Remark, Row, Severity, Sheet, Verdict};
use kaishin_domain::facility::{Code10, Facility, Field, Kept};
use sha2::{Digest, Sha256};

use super::Upload;
use crate::app::facilities::sheet_file::{Format, Line, MOST_LINES, SheetFile, too_long};
use crate::app::{App, AppError};
use crate::store::ImportCounts;

/// So many rows are judged at once.
const PART: usize = 1_000;

#[derive(Clone, Debug)]
pub struct Plan {
    /// SHA-256 of the file, in hex.
    pub hash: String,
    pub format: Format,
    /// The columns that the file has.
    pub fields: Vec<Field>,
    pub counts: ImportCounts,
    pub writes: Vec<Write>,
    /// Every row in the file's order: line, code, and what becomes of it.
    pub told: Vec<(u64, Code10, Told)>,
    pub remarks: Vec<Remark>,
}

/// One facility that is written.
#[derive(Clone, Debug)]
pub struct Write {
    pub line: u64,
    pub before: Option<Facility>,
    pub after: Kept,
    pub fields: Vec<Field>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Told {
    /// The place of its write.
    New(usize),
    Changed(usize),
    Same,
    Refused,
}

impl From<BadTitles> for AppError {
    fn from(bad: BadTitles) -> AppError {
        let words = bad.words();
        AppError::invalid(bad.code(), words.ja, words.en)
    }
}

/// Reads and judges a whole file; `done` counts the rows.
pub async fn read(app: &App, upload: Upload, done: &AtomicU64) -> Result<Plan, AppError> {
    let clear = upload.clear;
    // Decoding a large file, or unpacking a workbook, would hold up everybody else's answers.
    let opened = tokio::task::spawn_blocking(move || {
        let hash = hex::encode(Sha256::digest(&upload.bytes));
        SheetFile::open(upload.bytes).map(|file| (hash, file))
    });
    let (hash, mut file) = opened.await.map_err(AppError::internal)??;
    let (mut sheet, remarks) = Sheet::new(&file.titles, clear)?;
    let mut plan = Plan {
        hash,
        format: file.format,
        fields: sheet.fields(),
        counts: ImportCounts::default(),
        writes: Vec::new(),
        told: Vec::new(),
        remarks,
    };
    loop {
        let lines = file.next_lines(PART)?;
        if lines.is_empty() {
            break;
        }
        let read = lines.len() as u64;
        let mut rows = Vec::with_capacity(lines.len());
        for line in lines {
            let (line, cells) = match line {
                Line::Row(line, cells) => (line, cells),
                Line::Stray { first, last, text } => {
                    plan.remarks.push(Remark::stray_quote(first, last, &text));
                    plan.counts.refused += 1;
                    plan.counts.rows += 1;
                    continue;
                }
            };
            let before = plan.remarks.len();
            match sheet.row(line, cells, &mut plan.remarks) {
                Some(row) => rows.push(row),
                None if plan.remarks.len() > before => plan.counts.refused += 1,
                // A blank line.
                None => continue,
            }
            plan.counts.rows += 1;
        }
        judge(app, &sheet, rows, &mut plan).await?;
        if done.fetch_add(read, Ordering::Relaxed) > MOST_LINES {
            return Err(too_long());
        }
    }
    finish(&mut plan);
    Ok(plan)
}

async fn judge(app: &App, sheet: &Sheet, rows: Vec<Row>, plan: &mut Plan) -> Result<(), AppError> {
    let codes: Vec<Code10> = rows
        .iter()
        .map(|row| row.code)
        .filter(|code| app.ledger.get(*code).is_some())
        .collect();
    let kept = app.store.facilities(&codes).await?;
    let known: HashMap<Code10, Kept> = kept.into_iter().map(|one| (one.facility.code, one)).collect();
    let now = app.now();
    for row in rows {
        let was = known.get(&row.code);
        let as_known = match (was, app.ledger.current(row.code)) {
            (Some(kept), _) => Known::As(&kept.facility),
            (None, Some(today)) if today != row.code => Known::Replaced(today),
            (None, _) => Known::Not,
        };
        let told = match sheet.judge(&row, as_known, &mut plan.remarks) {
            Verdict::New(facility) => {
                let after = Kept {
                    facility,
                    revision: 1,
                    created_at: now,
                    updated_at: now,
                };
                plan.write(row.line, None, after, sheet.fields());
                plan.counts.added += 1;
                Told::New(plan.writes.len() - 1)
            }
            Verdict::Changed { to, fields } => {
                let after = Kept {
                    facility: to,
                    revision: was.map_or(1, |was| was.revision + 1),
                    created_at: was.map_or(now, |was| was.created_at),
                    updated_at: now,
                };
                plan.write(row.line, was.map(|was| was.facility.clone()), after, fields);
                plan.counts.changed += 1;
                Told::Changed(plan.writes.len() - 1)
            }
            Verdict::Same => {
                plan.counts.same += 1;
                Told::Same
            }
            Verdict::Refused => {
                plan.counts.refused += 1;
                Told::Refused
            }
        };
        plan.told.push((row.line, row.code, told));
    }
    Ok(())
}

fn finish(plan: &mut Plan) {
    plan.remarks.sort_by_key(|remark| remark.line);
    let refused: HashSet<u64> = plan
        .remarks
        .iter()
        .filter(|remark| remark.severity == Severity::Refused)
        .map(|remark| remark.line)
        .collect();
    let mut warned: Vec<u64> = plan
        .remarks
        .iter()
        .map(|remark| remark.line)
        .filter(|line| *line > 1 && !refused.contains(line))
        .collect();
    warned.dedup();
    plan.counts.warned = warned.len() as u64;
}

/// Facilities that are no longer as they were when their rows were judged.
pub async fn overtaken(app: &App, plan: &Plan) -> Result<HashSet<Code10>, AppError> {
    let mut overtaken = moved(app, plan);
    for part in plan.writes.chunks(PART) {
        let codes: Vec<Code10> = part.iter().map(Write::code).collect();
        let kept = app.store.facilities(&codes).await?;
        let today: HashMap<Code10, u32> = kept.iter().map(|one| (one.facility.code, one.revision)).collect();
        let changed = part.iter().filter(|write| {
            let judged = write.before.as_ref().map(|_| write.after.revision - 1);
            today.get(&write.code()).copied() != judged
        });
        overtaken.extend(changed.map(Write::code));
    }
    Ok(overtaken)
}

/// Of these, what memory knows without a look at any row: facilities that came, or have another code now.
pub fn moved(app: &App, plan: &Plan) -> HashSet<Code10> {
    let there = |code: Code10| app.ledger.current(code).map(|today| today == code);
    let moved = plan
        .writes
        .iter()
        .filter(|write| there(write.code()) != write.before.as_ref().map(|_| true));
    moved.map(Write::code).collect()
}

impl Write {
    fn code(&self) -> Code10 {
        self.after.facility.code
    }
}

impl Plan {
    /// The same without the rows of these facilities, which are refused.
    pub fn without(&self, overtaken: &HashSet<Code10>) -> Plan {
        let mut plan = Plan {
            writes: Vec::with_capacity(self.writes.len()),
            told: Vec::with_capacity(self.told.len()),
            ..self.clone()
        };
        for (line, code, told) in &self.told {
            let (Told::New(at) | Told::Changed(at)) = told else {
                plan.told.push((*line, *code, *told));
                continue;
            };
            let Some(write) = self.writes.get(*at) else { continue };
            let (count, again): (_, fn(usize) -> Told) = match told {
                Told::New(_) => (&mut plan.counts.added, Told::New),
                Told::Changed(_) | Told::Same | Told::Refused => (&mut plan.counts.changed, Told::Changed),
            };
            let told = if overtaken.contains(code) {
                *count -= 1;
                plan.counts.refused += 1;
                plan.remarks.retain(|remark| remark.line != *line);
                plan.remarks.push(Remark::overtaken(*line, &write.after.facility.name));
                Told::Refused
            } else {
                plan.writes.push(write.clone());
                again(plan.writes.len() - 1)
            };
            plan.told.push((*line, *code, told));
        }
        finish(&mut plan);
        plan
    }

    fn write(&mut self, line: u64, before: Option<Facility>, after: Kept, fields: Vec<Field>) {
        self.writes.push(Write {
            line,
            before,
            after,
            fields,
        });
    }
}
