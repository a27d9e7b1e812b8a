//! Imports of the ledger: what each did, what was said of its rows, and how the rows were before.

use kaishin_domain::facility::sheet::Remark;
use kaishin_domain::facility::{Code10, Facility};
use kaishin_domain::id::ImportId;
use kaishin_domain::time::Time;

use super::codec::{count, few_lengths, from_json, parse, rows, to_json, unreadable, won};
use super::db::{Store, on_pool, on_tx};
use super::error::StoreError;
use super::writer::Tx;

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Serialize)]
pub struct ImportCounts {
    pub rows: u64,
    pub added: u64,
    pub changed: u64,
    pub same: u64,
    pub refused: u64,
    /// Rows that were taken although something was said of them.
    pub warned: u64,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ImportRecord {
    pub id: ImportId,
    pub at: Time,
    pub actor: String,
    pub file_name: String,
    /// SHA-256 of the file, in hex.
    pub file_hash: String,
    pub encoding: String,
    pub counts: ImportCounts,
    pub undone: Option<Undone>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Undone {
    pub at: Time,
    pub by: String,
    pub rows: u64,
    /// Rows that had been changed since and were left alone.
    pub kept: u64,
}

/// One row that an import wrote.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ImportRow {
    pub code: Code10,
    pub line: u64,
    /// That the import gave it.
    pub revision: u32,
    /// None: the import made it.
    pub before: Option<Facility>,
}

#[derive(sqlx::FromRow)]
struct Row {
    id: String,
    at: i64,
    actor: String,
    file_name: String,
    file_hash: String,
    encoding: String,
    rows: i64,
    added: i64,
    changed: i64,
    same: i64,
    refused: i64,
    warned: i64,
    undone_at: Option<i64>,
    undone_by: Option<String>,
    undone_rows: Option<i64>,
    kept_rows: Option<i64>,
}

fn number(value: i64) -> Result<u64, StoreError> {
    u64::try_from(value).map_err(|_| unreadable("count of rows", value))
}

fn signed(value: u64) -> i64 {
    i64::try_from(value).unwrap_or(i64::MAX)
}

impl Row {
    fn record(self) -> Result<ImportRecord, StoreError> {
        let undone = match self.undone_at {
            None => None,
            Some(at) => Some(Undone {
                at: Time(at),
                by: self.undone_by.unwrap_or_default(),
                rows: number(self.undone_rows.unwrap_or(0))?,
                kept: number(self.kept_rows.unwrap_or(0))?,
            }),
        };
        Ok(ImportRecord {
            id: parse("import id", &self.id)?,
            at: Time(self.at),
            actor: self.actor,
            file_name: self.file_name,
            file_hash: self.file_hash,
            encoding: self.encoding,
            counts: ImportCounts {
                rows: number(self.rows)?,
                added: number(self.added)?,
                changed: number(self.changed)?,
                same: number(self.same)?,
                refused: number(self.refused)?,
                warned: number(self.warned)?,
            },
            undone,
        })
    }
}

#[derive(sqlx::FromRow)]
struct WrittenRow {
    code: String,
    line: i64,
    revision: i64,
    before: Option<String>,
}

impl WrittenRow {
    fn row(self) -> Result<ImportRow, StoreError> {
        Ok(ImportRow {
            code: parse("institution code", &self.code)?,
            line: number(self.line)?,
            revision: count("revision", self.revision)?,
            before: self
                .before
                .map(|text| from_json("facility before", &text))
                .transpose()?,
        })
    }
}

const BY_ID: &str = "
    SELECT id, at, actor, file_name, file_hash, encoding, rows, added, changed, same, refused, warned,
           undone_at, undone_by, undone_rows, kept_rows
    FROM facility_import WHERE id = $1";
const RECENT: &str = "
    SELECT id, at, actor, file_name, file_hash, encoding, rows, added, changed, same, refused, warned,
           undone_at, undone_by, undone_rows, kept_rows
    FROM facility_import ORDER BY id DESC LIMIT $1";
const TOUCHING: &str = "
    SELECT facility_import.id, facility_import.at, facility_import.actor, facility_import.file_name,
           facility_import.file_hash, facility_import.encoding, facility_import.rows, facility_import.added,
           facility_import.changed, facility_import.same, facility_import.refused, facility_import.warned,
           facility_import.undone_at, facility_import.undone_by, facility_import.undone_rows, facility_import.kept_rows
    FROM facility_import
    JOIN facility_import_row ON facility_import_row.import_id = facility_import.id AND facility_import_row.code = $1
    ORDER BY facility_import.id DESC LIMIT $2";
const INSERT: &str = "
    INSERT INTO facility_import
        (id, at, actor, file_name, file_hash, encoding, rows, added, changed, same, refused, warned)
    VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)";
const MARK_UNDONE: &str = "
    UPDATE facility_import SET undone_at = $2, undone_by = $3, undone_rows = $4, kept_rows = $5
    WHERE id = $1 AND undone_at IS NULL";
/// Taking import $1 back leaves each of its rows as it stood one revision before, but two revisions on: the revisions
/// of what earlier imports wrote there follow, so that they can be taken back in their turn, and their distances stay,
/// which tell of what somebody changed in between. Rows that were changed since are not put back, and nothing moves.
const FOLLOW: &str = "
    UPDATE facility_import_row SET revision = revision + 2
    WHERE import_id IN (SELECT id FROM facility_import WHERE undone_at IS NULL AND id <> $1)
        AND EXISTS (
            SELECT 1 FROM facility_import_row AS back JOIN facility ON facility.code = back.code
            WHERE back.import_id = $1 AND back.code = facility_import_row.code
                AND back.revision > facility_import_row.revision AND facility.revision = back.revision)";
const ROWS: &str = "
    SELECT code, line, revision, before FROM facility_import_row
    WHERE import_id = $1 AND code > $2 ORDER BY code LIMIT $3";
const REMARKS: &str = "
    SELECT remark FROM facility_import_remark WHERE import_id = $1 AND number > $2 ORDER BY number LIMIT $3";

impl Store {
    pub async fn import(&self, id: ImportId) -> Result<Option<ImportRecord>, StoreError> {
        let row: Option<Row> = on_pool!(self, c => sqlx::query_as(BY_ID).bind(id.to_string()).fetch_optional(c).await)?;
        row.map(Row::record).transpose()
    }

    /// Newest first.
    pub async fn imports(&self, limit: u32) -> Result<Vec<ImportRecord>, StoreError> {
        let rows: Vec<Row> = on_pool!(self, c => sqlx::query_as(RECENT).bind(i64::from(limit)).fetch_all(c).await)?;
        rows.into_iter().map(Row::record).collect()
    }

    /// The imports that wrote one facility, newest first.
    pub async fn imports_touching(&self, code: Code10, limit: u32) -> Result<Vec<ImportRecord>, StoreError> {
        let rows: Vec<Row> = on_pool!(self, c => sqlx::query_as(TOUCHING)
            .bind(code.to_string())
            .bind(i64::from(limit))
            .fetch_all(c)
            .await)?;
        rows.into_iter().map(Row::record).collect()
    }

    /// What an import wrote, in order of code, a page at a time; start with None.
    pub async fn import_rows_after(
        &self,
        id: ImportId,
        after: Option<Code10>,
        limit: u32,
    ) -> Result<Vec<ImportRow>, StoreError> {
        let after = after.map(|code| code.to_string()).unwrap_or_default();
        let rows: Vec<WrittenRow> = on_pool!(self, c => sqlx::query_as(ROWS)
            .bind(id.to_string())
            .bind(after)
            .bind(i64::from(limit))
            .fetch_all(c)
            .await)?;
        rows.into_iter().map(WrittenRow::row).collect()
    }

    /// What was said of the rows, in the file's order, after so many.
    pub async fn import_remarks(&self, id: ImportId, after: u64, limit: u32) -> Result<Vec<Remark>, StoreError> {
        let texts: Vec<String> = on_pool!(self, c => sqlx::query_scalar(REMARKS)
            .bind(id.to_string())
            .bind(signed(after))
            .bind(i64::from(limit))
            .fetch_all(c)
            .await)?;
        texts.iter().map(|text| from_json("remark", text)).collect()
    }
}

impl Tx {
    pub async fn insert_import(&mut self, record: &ImportRecord) -> Result<(), StoreError> {
        let counts = record.counts;
        on_tx!(self, c => sqlx::query(INSERT)
            .bind(record.id.to_string())
            .bind(record.at.micros())
            .bind(&record.actor)
            .bind(&record.file_name)
            .bind(&record.file_hash)
            .bind(&record.encoding)
            .bind(signed(counts.rows))
            .bind(signed(counts.added))
            .bind(signed(counts.changed))
            .bind(signed(counts.same))
            .bind(signed(counts.refused))
            .bind(signed(counts.warned))
            .execute(c)
            .await
            .map(drop))?;
        Ok(())
    }

    pub async fn insert_import_rows(&mut self, id: ImportId, written: &[ImportRow]) -> Result<(), StoreError> {
        for part in few_lengths(written) {
            let values = rows(part.len(), &["", "", "", "", ""]);
            let text =
                format!("INSERT INTO facility_import_row (import_id, code, line, revision, before) VALUES {values}");
            let mut befores = Vec::with_capacity(part.len());
            for row in part {
                let before = row.before.as_ref();
                befores.push(before.map(|before| to_json("facility before", before)).transpose()?);
            }
            let text = self.statement(text);
            on_tx!(self, c => {
                let mut query = sqlx::query(text);
                for (row, before) in part.iter().zip(befores) {
                    query = query
                        .bind(id.to_string())
                        .bind(row.code.to_string())
                        .bind(signed(row.line))
                        .bind(i64::from(row.revision))
                        .bind(before);
                }
                query.execute(c).await.map(drop)
            })?;
        }
        Ok(())
    }

    pub async fn insert_import_remarks(&mut self, id: ImportId, remarks: &[Remark]) -> Result<(), StoreError> {
        let mut number: i64 = 0;
        for part in few_lengths(remarks) {
            let values = rows(part.len(), &["", "", "", ""]);
            let text = format!("INSERT INTO facility_import_remark (import_id, number, line, remark) VALUES {values}");
            let mut texts = Vec::with_capacity(part.len());
            for remark in part {
                texts.push(to_json("remark", remark)?);
            }
            let statement = self.statement(text);
            on_tx!(self, c => {
                let mut query = sqlx::query(statement);
                for (remark, text) in part.iter().zip(texts) {
                    number += 1;
                    query = query.bind(id.to_string()).bind(number).bind(signed(remark.line)).bind(text);
                }
                query.execute(c).await.map(drop)
            })?;
        }
        Ok(())
    }

    /// An import is taken back once.
    pub async fn mark_import_undone(&mut self, id: ImportId, undone: &Undone) -> Result<(), StoreError> {
        let rows = on_tx!(self, c => sqlx::query(MARK_UNDONE)
            .bind(id.to_string())
            .bind(undone.at.micros())
            .bind(&undone.by)
            .bind(signed(undone.rows))
            .bind(signed(undone.kept))
            .execute(c)
            .await
            .map(|done| done.rows_affected()))?;
        won("import", rows)
    }

    /// Before an import's rows are put back: what earlier imports wrote there can then be taken back in its turn.
    pub async fn earlier_imports_follow(&mut self, id: ImportId) -> Result<(), StoreError> {
        on_tx!(self, c => sqlx::query(FOLLOW).bind(id.to_string()).execute(c).await.map(drop))?;
        Ok(())
    }

    /// Facilities that an import made go again. A lost race is an error.
    pub async fn delete_facilities(&mut self, all: &[(Code10, u32)]) -> Result<(), StoreError> {
        for part in few_lengths(all) {
            let values = rows(part.len(), &["TEXT", "BIGINT"]);
            let text = format!("DELETE FROM facility WHERE (code, revision) IN (VALUES {values})");
            let text = self.statement(text);
            let done = on_tx!(self, c => {
                let mut query = sqlx::query(text);
                for (code, revision) in part {
                    query = query.bind(code.to_string()).bind(i64::from(*revision));
                }
                query.execute(c).await.map(|done| done.rows_affected())
            })?;
            if done != part.len() as u64 {
                return Err(StoreError::LostRace("facility"));
            }
        }
        Ok(())
    }
}
