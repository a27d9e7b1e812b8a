//! Who said in which facility a terminal stands.

use kaishin_domain::facility::{Attachment, ByHand};
use kaishin_domain::id::TerminalId;
use kaishin_domain::time::Time;

use super::codec::{parse, parse_some, won};
use super::db::{Store, on_pool, on_tx};
use super::error::StoreError;
use super::writer::Tx;

#[derive(sqlx::FromRow)]
struct Row {
    terminal_id: String,
    by_token: Option<String>,
    reported: Option<String>,
    hand_code: Option<String>,
    hand_at: Option<i64>,
    hand_by: Option<String>,
    hand_reason: Option<String>,
}

impl Row {
    fn attachment(self) -> Result<(TerminalId, Attachment), StoreError> {
        let hand_code = parse_some("institution code", self.hand_code.as_deref())?;
        let by_hand = self.hand_at.map(|at| ByHand {
            code: hand_code,
            at: Time(at),
            by: self.hand_by.unwrap_or_default(),
            reason: self.hand_reason.unwrap_or_default(),
        });
        Ok((
            parse("terminal id", &self.terminal_id)?,
            Attachment {
                by_token: parse_some("institution code", self.by_token.as_deref())?,
                reported: parse_some("institution code", self.reported.as_deref())?,
                by_hand,
            },
        ))
    }
}

const OF_TERMINAL: &str = "
    SELECT terminal_id, by_token, reported, hand_code, hand_at, hand_by, hand_reason
    FROM terminal_facility WHERE terminal_id = $1";
const PAGE: &str = "
    SELECT terminal_id, by_token, reported, hand_code, hand_at, hand_by, hand_reason
    FROM terminal_facility WHERE terminal_id > $1 ORDER BY terminal_id LIMIT $2";
const PUT: &str = "
    INSERT INTO terminal_facility (terminal_id, by_token, reported, hand_code, hand_at, hand_by, hand_reason)
    VALUES ($1, $2, $3, $4, $5, $6, $7)
    ON CONFLICT (terminal_id) DO UPDATE SET by_token = excluded.by_token, reported = excluded.reported,
        hand_code = excluded.hand_code, hand_at = excluded.hand_at, hand_by = excluded.hand_by,
        hand_reason = excluded.hand_reason";
const IN_FORCE: &str = "UPDATE terminal SET institution_code = $2 WHERE id = $1";

impl Store {
    /// Nobody said anything of a terminal that has no row.
    pub async fn attachment(&self, terminal: TerminalId) -> Result<Attachment, StoreError> {
        let row: Option<Row> =
            on_pool!(self, c => sqlx::query_as(OF_TERMINAL).bind(terminal.to_string()).fetch_optional(c).await)?;
        Ok(row
            .map(Row::attachment)
            .transpose()?
            .map(|(_, said)| said)
            .unwrap_or_default())
    }

    /// All that was said, in order of terminal, a page at a time; start with None.
    pub async fn attachments_after(
        &self,
        after: Option<TerminalId>,
        limit: u32,
    ) -> Result<Vec<(TerminalId, Attachment)>, StoreError> {
        let after = after.map(|id| id.to_string()).unwrap_or_default();
        let rows: Vec<Row> =
            on_pool!(self, c => sqlx::query_as(PAGE).bind(after).bind(i64::from(limit)).fetch_all(c).await)?;
        rows.into_iter().map(Row::attachment).collect()
    }
}

impl Tx {
    pub async fn attachment(&mut self, terminal: TerminalId) -> Result<Attachment, StoreError> {
        let row: Option<Row> =
            on_tx!(self, c => sqlx::query_as(OF_TERMINAL).bind(terminal.to_string()).fetch_optional(c).await)?;
        Ok(row
            .map(Row::attachment)
            .transpose()?
            .map(|(_, said)| said)
            .unwrap_or_default())
    }

    /// What was said, and with it the code in force on the terminal's own row.
    pub async fn put_attachment(&mut self, terminal: TerminalId, said: &Attachment) -> Result<(), StoreError> {
        let hand = said.by_hand.as_ref();
        on_tx!(self, c => sqlx::query(PUT)
            .bind(terminal.to_string())
            .bind(said.by_token.map(|code| code.to_string()))
            .bind(said.reported.map(|code| code.to_string()))
            .bind(hand.and_then(|hand| hand.code).map(|code| code.to_string()))
            .bind(hand.map(|hand| hand.at.micros()))
            .bind(hand.map(|hand| hand.by.as_str()))
            .bind(hand.map(|hand| hand.reason.as_str()))
            .execute(c)
            .await
            .map(drop))?;
        let rows = on_tx!(self, c => sqlx::query(IN_FORCE)
            .bind(terminal.to_string())
            .bind(said.code().map(|code| code.to_string()))
            .execute(c)
            .await
            .map(|done| done.rows_affected()))?;
        won("terminal", rows)
    }
}
