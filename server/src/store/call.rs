//! Calls as they stand, and what happened in them.

use kaishin_domain::call::{Call, State};
use kaishin_domain::id::{CallId, TerminalId};
use kaishin_domain::time::Time;

use super::codec::{from_json, to_json, won};
use super::db::{Store, on_pool, on_tx};
use super::error::StoreError;
use super::history::Before;
use super::writer::Tx;

/// Which calls somebody wants to see; empty texts are no condition.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CallFilter {
    /// A state, or `unfinished` for all that are not closed.
    pub state: String,
    pub owner: String,
    pub terminal: String,
    pub facility: String,
    /// Folded; occurs in what is known of the caller.
    pub words: String,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum CallOrder {
    /// Those that are due, then open ones, then those that wait.
    #[default]
    Urgent,
    Opened,
    Owner,
    Facility,
}

impl CallOrder {
    pub const ALL: [CallOrder; 4] = [
        CallOrder::Urgent,
        CallOrder::Opened,
        CallOrder::Owner,
        CallOrder::Facility,
    ];

    pub fn name(self) -> &'static str {
        match self {
            CallOrder::Urgent => "urgent",
            CallOrder::Opened => "opened",
            CallOrder::Owner => "owner",
            CallOrder::Facility => "facility",
        }
    }
}

/// One thing that happened in a call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CallEvent {
    pub number: i64,
    pub at: Time,
    pub by: String,
    /// JSON text.
    pub event: String,
}

/// A call, and when and by whom something was done to it.
#[derive(Clone, Debug, PartialEq)]
pub struct CallMoment {
    pub at: Time,
    pub by: String,
    pub call: Call,
}

#[derive(sqlx::FromRow)]
struct EventRow {
    number: i64,
    at: i64,
    by: String,
    event: String,
}

const GET: &str = "SELECT body FROM call WHERE id = $1";
const INSERT: &str = "
    INSERT INTO call (id, version, state, outcome, owner, opened_at, terminal_id, facility_code, words, body)
    VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)";
const UPDATE: &str = "
    UPDATE call SET version = $2, state = $3, outcome = $4, owner = $5, opened_at = $6, terminal_id = $7,
        facility_code = $8, words = $9, body = $10
    WHERE id = $1 AND version = $2 - 1";
const INSERT_EVENT: &str = "
    INSERT INTO call_event (call_id, number, at, by, event) VALUES ($1, $2, $3, $4, $5)";
const EVENTS: &str = "SELECT number, at, by, event FROM call_event WHERE call_id = $1 ORDER BY number";
const OPENED: &str = "
    SELECT e.at, e.by, c.body FROM call c JOIN call_event e ON e.call_id = c.id AND e.number = 1
    WHERE c.terminal_id = $1 AND e.at <= $2 AND (e.at < $2 OR c.id < $3)
    ORDER BY e.at DESC, c.id DESC LIMIT $4";
/// Nothing happens in a call after it was closed: its last event is the closing.
const CLOSED: &str = "
    SELECT e.at, e.by, c.body FROM call c JOIN call_event e ON e.call_id = c.id AND e.number = c.version
    WHERE c.terminal_id = $1 AND c.state = 'closed' AND e.at <= $2 AND (e.at < $2 OR c.id < $3)
    ORDER BY e.at DESC, c.id DESC LIMIT $4";
const WAITING: &str = "SELECT body FROM call WHERE state = 'waiting' AND id > $1 ORDER BY id LIMIT $2";
const COUNT: &str = "
    SELECT COUNT(*) FROM call
    WHERE ($1 = '' OR state = $1 OR ($1 = 'unfinished' AND state <> 'closed')) AND ($2 = '' OR owner = $2)
        AND ($3 = '' OR terminal_id = $3) AND ($4 = '' OR facility_code = $4) AND ($5 = '' OR words LIKE $5 ESCAPE '!')";
/// Ids begin with the moment of their call.
const LIST: &str = "
    SELECT body FROM call
    WHERE ($1 = '' OR state = $1 OR ($1 = 'unfinished' AND state <> 'closed')) AND ($2 = '' OR owner = $2)
        AND ($3 = '' OR terminal_id = $3) AND ($4 = '' OR facility_code = $4) AND ($5 = '' OR words LIKE $5 ESCAPE '!')
    ORDER BY CASE $6
        WHEN 'owner' THEN owner
        WHEN 'facility' THEN COALESCE(facility_code, '')
        WHEN 'opened' THEN id
        ELSE CASE state WHEN 'due' THEN '0' WHEN 'open' THEN '1' WHEN 'waiting' THEN '2' ELSE '3' END
    END, id DESC
    LIMIT $7 OFFSET $8";
const LIST_TURNED: &str = "
    SELECT body FROM call
    WHERE ($1 = '' OR state = $1 OR ($1 = 'unfinished' AND state <> 'closed')) AND ($2 = '' OR owner = $2)
        AND ($3 = '' OR terminal_id = $3) AND ($4 = '' OR facility_code = $4) AND ($5 = '' OR words LIKE $5 ESCAPE '!')
    ORDER BY CASE $6
        WHEN 'owner' THEN owner
        WHEN 'facility' THEN COALESCE(facility_code, '')
        WHEN 'opened' THEN id
        ELSE CASE state WHEN 'due' THEN '0' WHEN 'open' THEN '1' WHEN 'waiting' THEN '2' ELSE '3' END
    END DESC, id DESC
    LIMIT $7 OFFSET $8";

fn call(body: String) -> Result<Call, StoreError> {
    from_json("call", &body)
}

/// Nothing in it is a wildcard.
fn pattern(words: &str) -> String {
    if words.is_empty() {
        return String::new();
    }
    let plain = words.replace('!', "!!").replace('%', "!%").replace('_', "!_");
    format!("%{plain}%")
}

impl Store {
    pub async fn call(&self, id: CallId) -> Result<Option<Call>, StoreError> {
        let body: Option<String> =
            on_pool!(self, c => sqlx::query_scalar(GET).bind(id.to_string()).fetch_optional(c).await)?;
        body.map(call).transpose()
    }

    /// So many of those that answer to the filter, after leaving out the first ones.
    pub async fn calls(
        &self,
        filter: &CallFilter,
        order: (CallOrder, bool),
        limit: u32,
        offset: u32,
    ) -> Result<Vec<Call>, StoreError> {
        let statement = if order.1 { LIST_TURNED } else { LIST };
        let bodies: Vec<String> = on_pool!(self, c => sqlx::query_scalar(statement)
            .bind(&filter.state)
            .bind(&filter.owner)
            .bind(&filter.terminal)
            .bind(&filter.facility)
            .bind(pattern(&filter.words))
            .bind(order.0.name())
            .bind(i64::from(limit))
            .bind(i64::from(offset))
            .fetch_all(c)
            .await)?;
        bodies.into_iter().map(call).collect()
    }

    pub async fn count_calls(&self, filter: &CallFilter) -> Result<u64, StoreError> {
        let count: i64 = on_pool!(self, c => sqlx::query_scalar(COUNT)
            .bind(&filter.state)
            .bind(&filter.owner)
            .bind(&filter.terminal)
            .bind(&filter.facility)
            .bind(pattern(&filter.words))
            .fetch_one(c)
            .await)?;
        Ok(count.unsigned_abs())
    }

    /// Those that somebody calls back once something holds, from any place on.
    pub async fn waiting_calls(&self, after: Option<CallId>, limit: u32) -> Result<Vec<Call>, StoreError> {
        let after = after.map(|id| id.to_string()).unwrap_or_default();
        let bodies: Vec<String> = on_pool!(self, c => sqlx::query_scalar(WAITING)
            .bind(&after)
            .bind(i64::from(limit))
            .fetch_all(c)
            .await)?;
        bodies.into_iter().map(call).collect()
    }

    /// Those about a terminal that were opened last first.
    pub async fn calls_opened(
        &self,
        terminal: TerminalId,
        before: &Before,
        limit: u32,
    ) -> Result<Vec<CallMoment>, StoreError> {
        self.call_moments(OPENED, terminal, before, limit).await
    }

    /// Those about a terminal that were closed last first.
    pub async fn calls_closed(
        &self,
        terminal: TerminalId,
        before: &Before,
        limit: u32,
    ) -> Result<Vec<CallMoment>, StoreError> {
        self.call_moments(CLOSED, terminal, before, limit).await
    }

    async fn call_moments(
        &self,
        text: &'static str,
        terminal: TerminalId,
        before: &Before,
        limit: u32,
    ) -> Result<Vec<CallMoment>, StoreError> {
        let rows: Vec<(i64, String, String)> = on_pool!(self, c => sqlx::query_as(text)
            .bind(terminal.to_string())
            .bind(before.at.micros())
            .bind(&before.key)
            .bind(i64::from(limit))
            .fetch_all(c)
            .await)?;
        let moment = |(at, by, body)| {
            Ok(CallMoment {
                at: Time(at),
                by,
                call: call(body)?,
            })
        };
        rows.into_iter().map(moment).collect()
    }

    /// In the order in which it happened.
    pub async fn call_events(&self, id: CallId) -> Result<Vec<CallEvent>, StoreError> {
        let rows: Vec<EventRow> = on_pool!(self, c => sqlx::query_as(EVENTS).bind(id.to_string()).fetch_all(c).await)?;
        let event = |row: EventRow| CallEvent {
            number: row.number,
            at: Time(row.at),
            by: row.by,
            event: row.event,
        };
        Ok(rows.into_iter().map(event).collect())
    }
}

impl Tx {
    pub async fn insert_call(&mut self, is: &Call, words: &str) -> Result<(), StoreError> {
        self.write_call(INSERT, is, words).await.map(drop)
    }

    /// Compare-and-set: the call follows the one whose version is one less.
    pub async fn update_call(&mut self, is: &Call, words: &str) -> Result<(), StoreError> {
        let rows = self.write_call(UPDATE, is, words).await?;
        won("call", rows)
    }

    async fn write_call(&mut self, statement: &'static str, is: &Call, words: &str) -> Result<u64, StoreError> {
        let body = to_json("call", is)?;
        let outcome = match &is.state {
            State::Closed { outcome, .. } => Some(outcome.name()),
            State::Open | State::Waiting { .. } | State::Due { .. } => None,
        };
        let rows = on_tx!(self, c => sqlx::query(statement)
            .bind(is.id.to_string())
            .bind(is.version)
            .bind(is.state.name())
            .bind(outcome)
            .bind(&is.owner)
            .bind(is.opened_at.micros())
            .bind(is.terminal.map(|id| id.to_string()))
            .bind(is.facility.map(|code| code.to_string()))
            .bind(words)
            .bind(body)
            .execute(c)
            .await
            .map(|done| done.rows_affected()))?;
        Ok(rows)
    }

    pub async fn insert_call_event(&mut self, id: CallId, event: &CallEvent) -> Result<(), StoreError> {
        on_tx!(self, c => sqlx::query(INSERT_EVENT)
            .bind(id.to_string())
            .bind(event.number)
            .bind(event.at.micros())
            .bind(&event.by)
            .bind(&event.event)
            .execute(c)
            .await
            .map(drop))?;
        Ok(())
    }
}
