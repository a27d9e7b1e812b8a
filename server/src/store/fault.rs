//! Faults: when each opened, when it closed, what was expected and found.

use kaishin_domain::id::TerminalId;
use kaishin_domain::time::Time;
use kaishin_domain::value::Value;
use kaishin_domain::words::Words;

use super::codec::{from_json, parse, rows, some_time, to_json};
use super::db::{Store, on_pool, on_tx};
use super::error::StoreError;
use super::writer::Tx;

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FaultRow {
    pub terminal: TerminalId,
    pub rule: String,
    pub opened_at: Time,
    pub closed_at: Option<Time>,
    pub expected: Words,
    pub found: Value,
}

#[derive(sqlx::FromRow)]
struct Row {
    terminal_id: String,
    rule: String,
    opened_at: i64,
    closed_at: Option<i64>,
    expected: String,
    found: String,
}

impl Row {
    fn fault(self) -> Result<FaultRow, StoreError> {
        Ok(FaultRow {
            terminal: parse("terminal id", &self.terminal_id)?,
            rule: self.rule,
            opened_at: Time(self.opened_at),
            closed_at: some_time(self.closed_at),
            expected: from_json("fault", &self.expected)?,
            found: from_json("fault", &self.found)?,
        })
    }
}

const OPEN_OF_TERMINAL: &str = "
    SELECT terminal_id, rule, opened_at, closed_at, expected, found
    FROM fault WHERE terminal_id = $1 AND closed_at IS NULL ORDER BY opened_at";
const OPEN_BETWEEN: &str = "
    SELECT terminal_id, rule, opened_at, closed_at, expected, found
    FROM fault WHERE closed_at IS NULL AND terminal_id > $1 AND terminal_id <= $2";
/// Only if none of the rule is open: the same fault never stands twice.
const OPEN: &str = "
    INSERT INTO fault (terminal_id, rule, opened_at, expected, found)
    SELECT $1, $2, $3, $4, $5
    WHERE NOT EXISTS (SELECT 1 FROM fault WHERE terminal_id = $1 AND rule = $2 AND closed_at IS NULL)
    ON CONFLICT (terminal_id, rule, opened_at) DO NOTHING";
const FOUND: &str = "
    UPDATE fault SET expected = $3, found = $4 WHERE terminal_id = $1 AND rule = $2 AND closed_at IS NULL";
const CLOSE_ALL: &str = "UPDATE fault SET closed_at = $2 WHERE terminal_id = $1 AND closed_at IS NULL";

impl Store {
    pub async fn open_faults(&self, terminal: TerminalId) -> Result<Vec<FaultRow>, StoreError> {
        let rows: Vec<Row> =
            on_pool!(self, c => sqlx::query_as(OPEN_OF_TERMINAL).bind(terminal.to_string()).fetch_all(c).await)?;
        rows.into_iter().map(Row::fault).collect()
    }

    pub async fn open_faults_between(
        &self,
        after: Option<TerminalId>,
        last: TerminalId,
    ) -> Result<Vec<FaultRow>, StoreError> {
        let after = after.map(|id| id.to_string()).unwrap_or_default();
        let rows: Vec<Row> =
            on_pool!(self, c => sqlx::query_as(OPEN_BETWEEN).bind(after).bind(last.to_string()).fetch_all(c).await)?;
        rows.into_iter().map(Row::fault).collect()
    }
}

impl Tx {
    pub async fn open_fault(&mut self, fault: &FaultRow) -> Result<(), StoreError> {
        let (expected, found) = (to_json("fault", &fault.expected)?, to_json("fault", &fault.found)?);
        on_tx!(self, c => sqlx::query(OPEN)
            .bind(fault.terminal.to_string())
            .bind(&fault.rule)
            .bind(fault.opened_at.micros())
            .bind(expected)
            .bind(found)
            .execute(c)
            .await
            .map(drop))?;
        Ok(())
    }

    /// The fault is still there, but looks different.
    pub async fn refresh_fault(&mut self, fault: &FaultRow) -> Result<(), StoreError> {
        let (expected, found) = (to_json("fault", &fault.expected)?, to_json("fault", &fault.found)?);
        on_tx!(self, c => sqlx::query(FOUND)
            .bind(fault.terminal.to_string())
            .bind(&fault.rule)
            .bind(expected)
            .bind(found)
            .execute(c)
            .await
            .map(drop))?;
        Ok(())
    }

    pub async fn close_faults(&mut self, closed: &[(TerminalId, String)], now: Time) -> Result<(), StoreError> {
        for part in closed.chunks(500) {
            let values = rows(part.len(), &["TEXT", "TEXT"]);
            let at = part.len() * 2 + 1;
            let text = format!(
                "UPDATE fault SET closed_at = ${at} FROM (VALUES {values}) AS v
                 WHERE fault.terminal_id = v.column1 AND fault.rule = v.column2 AND fault.closed_at IS NULL"
            );
            on_tx!(self, c => {
                let mut query = sqlx::query(sqlx::AssertSqlSafe(text));
                for (terminal, rule) in part {
                    query = query.bind(terminal.to_string()).bind(rule);
                }
                query.bind(now.micros()).execute(c).await.map(drop)
            })?;
        }
        Ok(())
    }

    pub async fn close_all_faults(&mut self, terminal: TerminalId, now: Time) -> Result<(), StoreError> {
        on_tx!(self, c => sqlx::query(CLOSE_ALL)
            .bind(terminal.to_string())
            .bind(now.micros())
            .execute(c)
            .await
            .map(drop))?;
        Ok(())
    }
}
