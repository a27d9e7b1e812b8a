//! What facts were before they changed: written with the section that changed them, read newest first, forgotten when they
//! are old.

use kaishin_domain::id::TerminalId;
use kaishin_domain::time::Time;
use kaishin_domain::value::Value;

use super::codec::{few_lengths, from_json, parse, rows, to_json};
use super::db::{Store, on_pool, on_tx};
use super::error::StoreError;
use super::writer::Tx;

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FactChange {
    pub terminal: TerminalId,
    pub key: String,
    /// By the terminal's clock.
    pub observed_at: Time,
    /// By ours: what the history is ordered by.
    pub received_at: Time,
    pub before: Value,
    pub after: Value,
}

/// Where a page of a terminal's history goes on: older than this moment, or of this moment and with a lesser key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Before {
    pub at: Time,
    pub key: String,
}

#[derive(sqlx::FromRow)]
struct Row {
    terminal_id: String,
    received_at: i64,
    key: String,
    observed_at: i64,
    before: String,
    after: String,
}

impl Row {
    fn change(self) -> Result<FactChange, StoreError> {
        Ok(FactChange {
            terminal: parse("terminal id", &self.terminal_id)?,
            observed_at: Time(self.observed_at),
            received_at: Time(self.received_at),
            before: from_json("fact", &self.before)?,
            after: from_json("fact", &self.after)?,
            key: self.key,
        })
    }
}

const CHANGES: &str = "
    SELECT terminal_id, received_at, key, observed_at, before, after FROM fact_change
    WHERE terminal_id = $1 AND received_at <= $2 AND (received_at < $2 OR key < $3) AND key <> $5
    ORDER BY received_at DESC, key DESC LIMIT $4";
const CHANGES_OF_ONE: &str = "
    SELECT terminal_id, received_at, key, observed_at, before, after FROM fact_change
    WHERE terminal_id = $1 AND received_at <= $2 AND (received_at < $2 OR key < $3) AND key = $5
    ORDER BY received_at DESC, key DESC LIMIT $4";
const LAST_CHANGE: &str = "
    SELECT before FROM fact_change WHERE terminal_id = $1 AND key = $2 AND received_at <= $3
    ORDER BY received_at DESC LIMIT 1";
const FORGET: &str = "
    DELETE FROM fact_change WHERE (terminal_id, received_at, key) IN
        (SELECT terminal_id, received_at, key FROM fact_change WHERE received_at < $1 ORDER BY received_at LIMIT $2)";

/// Told apart from all other facts: a terminal whose boot id changed was restarted.
const BOOT: &str = "boot.id";

impl Store {
    /// Newest first; restarts apart.
    pub async fn fact_changes(
        &self,
        terminal: TerminalId,
        before: &Before,
        limit: u32,
    ) -> Result<Vec<FactChange>, StoreError> {
        self.changes(CHANGES, terminal, before, limit).await
    }

    /// Newest first.
    pub async fn restarts(
        &self,
        terminal: TerminalId,
        before: &Before,
        limit: u32,
    ) -> Result<Vec<FactChange>, StoreError> {
        self.changes(CHANGES_OF_ONE, terminal, before, limit).await
    }

    async fn changes(
        &self,
        text: &'static str,
        terminal: TerminalId,
        before: &Before,
        limit: u32,
    ) -> Result<Vec<FactChange>, StoreError> {
        let rows: Vec<Row> = on_pool!(self, c => sqlx::query_as(text)
            .bind(terminal.to_string())
            .bind(before.at.micros())
            .bind(&before.key)
            .bind(i64::from(limit))
            .bind(BOOT)
            .fetch_all(c)
            .await)?;
        rows.into_iter().map(Row::change).collect()
    }

    /// What a fact was before its last change up to a moment: for a fault that opened then, what was there before.
    pub async fn fact_before(&self, terminal: TerminalId, key: &str, at: Time) -> Result<Option<Value>, StoreError> {
        let before: Option<String> = on_pool!(self, c => sqlx::query_scalar(LAST_CHANGE)
            .bind(terminal.to_string())
            .bind(key)
            .bind(at.micros())
            .fetch_optional(c)
            .await)?;
        before.map(|text| from_json("fact", &text)).transpose()
    }
}

impl Tx {
    pub async fn insert_fact_changes(&mut self, changes: &[FactChange]) -> Result<(), StoreError> {
        for part in few_lengths(changes) {
            let values = rows(part.len(), &["", "", "", "", "", ""]);
            // Two changes of one moment are one.
            let text = format!(
                "INSERT INTO fact_change (terminal_id, received_at, key, observed_at, before, after) VALUES {values}
                 ON CONFLICT (terminal_id, received_at, key) DO UPDATE SET after = excluded.after"
            );
            let mut texts = Vec::with_capacity(part.len());
            for change in part {
                texts.push((to_json("fact", &change.before)?, to_json("fact", &change.after)?));
            }
            let text = self.statement(text);
            on_tx!(self, c => {
                let mut query = sqlx::query(text);
                for (change, (before, after)) in part.iter().zip(texts) {
                    query = query
                        .bind(change.terminal.to_string())
                        .bind(change.received_at.micros())
                        .bind(&change.key)
                        .bind(change.observed_at.micros())
                        .bind(before)
                        .bind(after);
                }
                query.execute(c).await.map(drop)
            })?;
        }
        Ok(())
    }

    /// The oldest of those from before a moment; says how many.
    pub async fn forget_fact_changes(&mut self, before: Time, most: u32) -> Result<u64, StoreError> {
        Ok(on_tx!(self, c => sqlx::query(FORGET)
            .bind(before.micros())
            .bind(i64::from(most))
            .execute(c)
            .await
            .map(|done| done.rows_affected()))?)
    }
}
