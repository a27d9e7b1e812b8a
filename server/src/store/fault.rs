//! Faults: when each opened, when it closed, what was expected and found.

use kaishin_domain::id::TerminalId;
use kaishin_domain::time::Time;
use kaishin_domain::value::Value;
use kaishin_domain::words::Words;

use super::codec::{few_lengths, from_json, parse, rows, some_time, to_json};
use super::db::{Store, on_pool, on_tx};
use super::error::StoreError;
use super::history::Before;
use super::writer::Tx;

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FaultRow {
    pub terminal: TerminalId,
    pub rule: String,
    pub opened_at: Time,
    pub closed_at: Option<Time>,
    pub expected: Words,
    pub found: Value,
    /// The fact that was found so; none for what an older server wrote.
    pub evidence: Option<String>,
    /// What it was before it was found so, where that was known.
    pub before: Option<Value>,
}

#[derive(sqlx::FromRow)]
struct Row {
    terminal_id: String,
    rule: String,
    opened_at: i64,
    closed_at: Option<i64>,
    expected: String,
    found: String,
    evidence: Option<String>,
    before: Option<String>,
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
            evidence: self.evidence,
            before: self.before.map(|before| from_json("fault", &before)).transpose()?,
        })
    }
}

const OPEN_OF_TERMINAL: &str = "
    SELECT terminal_id, rule, opened_at, closed_at, expected, found, evidence, before
    FROM fault WHERE terminal_id = $1 AND closed_at IS NULL ORDER BY opened_at";
const OPEN_BETWEEN: &str = "
    SELECT terminal_id, rule, opened_at, closed_at, expected, found, evidence, before
    FROM fault WHERE closed_at IS NULL AND terminal_id > $1 AND terminal_id <= $2";
const OPENED: &str = "
    SELECT terminal_id, rule, opened_at, closed_at, expected, found, evidence, before FROM fault
    WHERE terminal_id = $1 AND opened_at <= $2 AND (opened_at < $2 OR rule < $3)
    ORDER BY opened_at DESC, rule DESC LIMIT $4";
const CLOSED: &str = "
    SELECT terminal_id, rule, opened_at, closed_at, expected, found, evidence, before FROM fault
    WHERE terminal_id = $1 AND closed_at <= $2 AND (closed_at < $2 OR rule < $3)
    ORDER BY closed_at DESC, rule DESC LIMIT $4";
const OPENED_SINCE: &str = "SELECT rule, COUNT(*) FROM fault WHERE opened_at >= $1 GROUP BY rule";
const CLOSED_SINCE: &str = "SELECT rule, COUNT(*) FROM fault WHERE closed_at >= $1 GROUP BY rule";
const CLOSE_ALL: &str = "UPDATE fault SET closed_at = $2 WHERE terminal_id = $1 AND closed_at IS NULL";

impl Store {
    pub async fn open_faults(&self, terminal: TerminalId) -> Result<Vec<FaultRow>, StoreError> {
        let rows: Vec<Row> =
            on_pool!(self, c => sqlx::query_as(OPEN_OF_TERMINAL).bind(terminal.to_string()).fetch_all(c).await)?;
        rows.into_iter().map(Row::fault).collect()
    }

    /// The newest first.
    pub async fn faults_opened(
        &self,
        terminal: TerminalId,
        before: &Before,
        limit: u32,
    ) -> Result<Vec<FaultRow>, StoreError> {
        self.faults(OPENED, terminal, before, limit).await
    }

    /// Those that closed last first.
    pub async fn faults_closed(
        &self,
        terminal: TerminalId,
        before: &Before,
        limit: u32,
    ) -> Result<Vec<FaultRow>, StoreError> {
        self.faults(CLOSED, terminal, before, limit).await
    }

    async fn faults(
        &self,
        text: &'static str,
        terminal: TerminalId,
        before: &Before,
        limit: u32,
    ) -> Result<Vec<FaultRow>, StoreError> {
        let rows: Vec<Row> = on_pool!(self, c => sqlx::query_as(text)
            .bind(terminal.to_string())
            .bind(before.at.micros())
            .bind(&before.key)
            .bind(i64::from(limit))
            .fetch_all(c)
            .await)?;
        rows.into_iter().map(Row::fault).collect()
    }

    /// How many faults of each rule opened, and how many closed, since then.
    pub async fn fault_changes(&self, since: Time) -> Result<[Vec<(String, u64)>; 2], StoreError> {
        let opened: Vec<(String, i64)> =
            on_pool!(self, c => sqlx::query_as(OPENED_SINCE).bind(since.micros()).fetch_all(c).await)?;
        let closed: Vec<(String, i64)> =
            on_pool!(self, c => sqlx::query_as(CLOSED_SINCE).bind(since.micros()).fetch_all(c).await)?;
        let counts = |rows: Vec<(String, i64)>| rows.into_iter().map(|(rule, n)| (rule, n.unsigned_abs())).collect();
        Ok([counts(opened), counts(closed)])
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
    /// Only where none of the rule is open: the same fault never stands twice.
    pub async fn open_faults(&mut self, opened: &[FaultRow]) -> Result<(), StoreError> {
        for part in few_lengths(opened) {
            let values = rows(part.len(), &["TEXT", "TEXT", "BIGINT", "TEXT", "TEXT", "TEXT", "TEXT"]);
            let text = format!(
                "INSERT INTO fault (terminal_id, rule, opened_at, expected, found, evidence, before)
                 SELECT v.column1, v.column2, v.column3, v.column4, v.column5, v.column6, v.column7 FROM (VALUES {values}) AS v
                 WHERE NOT EXISTS (SELECT 1 FROM fault f
                                   WHERE f.terminal_id = v.column1 AND f.rule = v.column2 AND f.closed_at IS NULL)
                 ON CONFLICT (terminal_id, rule, opened_at) DO NOTHING"
            );
            let texts = texts(part)?;
            let text = self.statement(text);
            on_tx!(self, c => {
                let mut query = sqlx::query(text);
                for (fault, [expected, found, before]) in part.iter().zip(texts) {
                    query = query
                        .bind(fault.terminal.to_string())
                        .bind(&fault.rule)
                        .bind(fault.opened_at.micros())
                        .bind(expected)
                        .bind(found)
                        .bind(&fault.evidence)
                        .bind(before);
                }
                query.execute(c).await.map(drop)
            })?;
        }
        Ok(())
    }

    /// The faults are still there, but look different.
    pub async fn refresh_faults(&mut self, seen: &[FaultRow]) -> Result<(), StoreError> {
        for part in few_lengths(seen) {
            let values = rows(part.len(), &["TEXT", "TEXT", "TEXT", "TEXT", "TEXT"]);
            let text = format!(
                "UPDATE fault SET expected = v.column3, found = v.column4, evidence = v.column5
                 FROM (VALUES {values}) AS v
                 WHERE fault.terminal_id = v.column1 AND fault.rule = v.column2 AND fault.closed_at IS NULL"
            );
            let texts = texts(part)?;
            let text = self.statement(text);
            on_tx!(self, c => {
                let mut query = sqlx::query(text);
                for (fault, [expected, found, _]) in part.iter().zip(texts) {
                    query = query
                        .bind(fault.terminal.to_string())
                        .bind(&fault.rule)
                        .bind(expected)
                        .bind(found)
                        .bind(&fault.evidence);
                }
                query.execute(c).await.map(drop)
            })?;
        }
        Ok(())
    }

    pub async fn close_faults(&mut self, closed: &[(TerminalId, String)], now: Time) -> Result<(), StoreError> {
        for part in few_lengths(closed) {
            let values = rows(part.len(), &["TEXT", "TEXT"]);
            let at = part.len() * 2 + 1;
            let text = format!(
                "UPDATE fault SET closed_at = ${at} FROM (VALUES {values}) AS v
                 WHERE fault.terminal_id = v.column1 AND fault.rule = v.column2 AND fault.closed_at IS NULL"
            );
            let text = self.statement(text);
            on_tx!(self, c => {
                let mut query = sqlx::query(text);
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

/// What was expected and found, and what was there before, as it is stored.
fn texts(faults: &[FaultRow]) -> Result<Vec<[Option<String>; 3]>, StoreError> {
    let each = faults.iter().map(|fault| {
        Ok([
            Some(to_json("fault", &fault.expected)?),
            Some(to_json("fault", &fault.found)?),
            fault
                .before
                .as_ref()
                .map(|before| to_json("fault", before))
                .transpose()?,
        ])
    });
    each.collect()
}
