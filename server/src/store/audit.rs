//! The audit chain. Appending takes the head's row, so that two writers cannot both build on the same entry.

use kaishin_domain::audit::{Entry, Event, Head};
use kaishin_domain::id::TerminalId;
use kaishin_domain::time::Time;

use super::codec::{bytes32, won};
use super::db::{Store, on_pool, on_tx};
use super::error::StoreError;
use super::history::Before;
use super::writer::Tx;

#[derive(sqlx::FromRow)]
struct Row {
    number: i64,
    at: i64,
    actor: String,
    action: String,
    target: String,
    reason: String,
    before: String,
    after: String,
    previous: Vec<u8>,
    seal: Vec<u8>,
}

impl Row {
    fn entry(self) -> Result<Entry, StoreError> {
        Ok(Entry {
            number: self.number,
            at: Time(self.at),
            actor: self.actor,
            action: self.action,
            target: self.target,
            reason: self.reason,
            before: self.before,
            after: self.after,
            previous: bytes32("seal", self.previous)?,
            seal: bytes32("seal", self.seal)?,
        })
    }
}

const HEAD: &str = "SELECT number, seal FROM audit_head WHERE one = 1";
const FIRST_HEAD: &str = "INSERT INTO audit_head (one, number, seal) VALUES (1, $1, $2) ON CONFLICT (one) DO NOTHING";
const MOVE_HEAD: &str = "UPDATE audit_head SET number = $1, seal = $2 WHERE one = 1 AND number = $3";
const APPEND: &str = "
    INSERT INTO audit (number, at, actor, action, target, reason, before, after, previous, seal)
    VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)";
const FOLLOW: &str = "
    SELECT number, at, actor, action, target, reason, before, after, previous, seal
    FROM audit WHERE number > $1 ORDER BY number LIMIT $2";
const OF_TERMINAL: &str = "
    SELECT number, at, actor, action, target, reason, before, after, previous, seal FROM audit
    WHERE target = $1 AND at <= $2 AND (at < $2 OR number < $3) AND (action = $5) = $6
    ORDER BY at DESC, number DESC LIMIT $4";
const RECENT: &str = "
    SELECT number, at, actor, action, target, reason, before, after, previous, seal
    FROM audit WHERE number < $1 ORDER BY number DESC LIMIT $2";
const RECENT_OF_TARGET: &str = "
    SELECT number, at, actor, action, target, reason, before, after, previous, seal
    FROM audit WHERE target = $3 AND number < $1 ORDER BY number DESC LIMIT $2";
const RECENT_OF_ACTOR: &str = "
    SELECT number, at, actor, action, target, reason, before, after, previous, seal
    FROM audit WHERE actor = $3 AND number < $1 ORDER BY number DESC LIMIT $2";
const RECENT_OF_BOTH: &str = "
    SELECT number, at, actor, action, target, reason, before, after, previous, seal
    FROM audit WHERE target = $3 AND actor = $4 AND number < $1 ORDER BY number DESC LIMIT $2";

impl Tx {
    pub async fn audit(&mut self, event: Event) -> Result<Entry, StoreError> {
        let head = match on_tx!(self, c => sqlx::query_as::<_, (i64, Vec<u8>)>(HEAD).fetch_optional(c).await)? {
            Some((number, seal)) => Head {
                number,
                seal: bytes32("seal", seal)?,
            },
            None => {
                let start = Head::START;
                on_tx!(self, c => sqlx::query(FIRST_HEAD).bind(start.number).bind(start.seal.to_vec()).execute(c).await.map(drop))?;
                start
            }
        };
        let entry = Entry::next(head, event);
        let moved = on_tx!(self, c => sqlx::query(MOVE_HEAD)
            .bind(entry.number)
            .bind(entry.seal.to_vec())
            .bind(head.number)
            .execute(c)
            .await
            .map(|done| done.rows_affected()))?;
        won("audit log", moved)?;
        on_tx!(self, c => sqlx::query(APPEND)
            .bind(entry.number)
            .bind(entry.at.micros())
            .bind(&entry.actor)
            .bind(&entry.action)
            .bind(&entry.target)
            .bind(&entry.reason)
            .bind(&entry.before)
            .bind(&entry.after)
            .bind(entry.previous.to_vec())
            .bind(entry.seal.to_vec())
            .execute(c)
            .await
            .map(drop))?;
        Ok(entry)
    }
}

impl Store {
    pub async fn audit_head(&self) -> Result<Head, StoreError> {
        let row = on_pool!(self, c => sqlx::query_as::<_, (i64, Vec<u8>)>(HEAD).fetch_optional(c).await)?;
        match row {
            Some((number, seal)) => Ok(Head {
                number,
                seal: bytes32("seal", seal)?,
            }),
            None => Ok(Head::START),
        }
    }

    /// The entries after a number, oldest first.
    pub async fn audit_after(&self, number: i64, limit: u32) -> Result<Vec<Entry>, StoreError> {
        let rows: Vec<Row> =
            on_pool!(self, c => sqlx::query_as(FOLLOW).bind(number).bind(i64::from(limit)).fetch_all(c).await)?;
        rows.into_iter().map(Row::entry).collect()
    }

    /// What was done to one terminal, newest first: with one action, or with any other.
    pub async fn audit_of_terminal(
        &self,
        terminal: TerminalId,
        action: &str,
        is_it: bool,
        before: &Before,
        limit: u32,
    ) -> Result<Vec<Entry>, StoreError> {
        // An entry's key is its number; none is less than one.
        let number: i64 = before.key.parse().unwrap_or(0);
        let rows: Vec<Row> = on_pool!(self, c => sqlx::query_as(OF_TERMINAL)
            .bind(format!("terminal:{terminal}"))
            .bind(before.at.micros())
            .bind(number)
            .bind(i64::from(limit))
            .bind(action)
            .bind(is_it)
            .fetch_all(c)
            .await)?;
        rows.into_iter().map(Row::entry).collect()
    }

    /// The entries before a number, newest first, of one actor or target if given.
    pub async fn audit_recent(
        &self,
        before: i64,
        limit: u32,
        actor: Option<&str>,
        target: Option<&str>,
    ) -> Result<Vec<Entry>, StoreError> {
        let limit = i64::from(limit);
        let rows: Vec<Row> = on_pool!(self, c => match (target, actor) {
            (None, None) => sqlx::query_as(RECENT).bind(before).bind(limit).fetch_all(c).await,
            (Some(target), None) => sqlx::query_as(RECENT_OF_TARGET).bind(before).bind(limit).bind(target).fetch_all(c).await,
            (None, Some(actor)) => sqlx::query_as(RECENT_OF_ACTOR).bind(before).bind(limit).bind(actor).fetch_all(c).await,
            (Some(target), Some(actor)) =>
                sqlx::query_as(RECENT_OF_BOTH).bind(before).bind(limit).bind(target).bind(actor).fetch_all(c).await,
        })?;
        rows.into_iter().map(Row::entry).collect()
    }
}
