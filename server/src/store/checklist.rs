//! What people say of a terminal's set-up, item by item.

use kaishin_domain::checklist::Mark;
use kaishin_domain::id::TerminalId;
use kaishin_domain::time::Time;

use super::codec::won;
use super::db::{Store, on_pool, on_tx};
use super::error::StoreError;
use super::writer::Tx;

#[derive(sqlx::FromRow)]
struct Row {
    item: String,
    value: Option<bool>,
    version: i64,
    at: i64,
    by: String,
    reason: String,
}

impl Row {
    fn mark(self) -> Mark {
        Mark {
            item: self.item,
            value: self.value,
            version: self.version,
            at: Time(self.at),
            by: self.by,
            reason: self.reason,
        }
    }
}

const OF_TERMINAL: &str = "
    SELECT item, value, version, at, by, reason FROM checklist_mark WHERE terminal_id = $1 ORDER BY item";
const FIRST: &str = "
    INSERT INTO checklist_mark (terminal_id, item, value, version, at, by, reason)
    VALUES ($1, $2, $3, $4, $5, $6, $7) ON CONFLICT (terminal_id, item) DO NOTHING";
const CHANGE: &str = "
    UPDATE checklist_mark SET value = $3, version = $4, at = $5, by = $6, reason = $7
    WHERE terminal_id = $1 AND item = $2 AND version = $4 - 1";

impl Store {
    pub async fn checklist_marks(&self, terminal: TerminalId) -> Result<Vec<Mark>, StoreError> {
        let rows: Vec<Row> =
            on_pool!(self, c => sqlx::query_as(OF_TERMINAL).bind(terminal.to_string()).fetch_all(c).await)?;
        Ok(rows.into_iter().map(Row::mark).collect())
    }
}

impl Tx {
    /// Compare-and-set: the mark follows the one whose version is one less.
    pub async fn put_checklist_mark(&mut self, terminal: TerminalId, mark: &Mark) -> Result<(), StoreError> {
        let statement = if mark.version == 1 { FIRST } else { CHANGE };
        let changed = on_tx!(self, c => sqlx::query(statement)
            .bind(terminal.to_string())
            .bind(&mark.item)
            .bind(mark.value)
            .bind(mark.version)
            .bind(mark.at.micros())
            .bind(&mark.by)
            .bind(&mark.reason)
            .execute(c)
            .await
            .map(|done| done.rows_affected()))?;
        won("checklist mark", changed)
    }
}
