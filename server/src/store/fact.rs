//! What is there on each terminal: one row per terminal and section, the facts as JSON in catalogue order.

use std::collections::BTreeMap;

use kaishin_domain::id::TerminalId;
use kaishin_domain::time::Time;
use kaishin_domain::value::Value;

use super::codec::{few_lengths, from_json, list, parse, rows, to_json};
use super::db::{Store, on_pool, on_tx};
use super::error::StoreError;
use super::writer::Tx;

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SectionRow {
    pub terminal: TerminalId,
    pub name: String,
    pub digest: Vec<u8>,
    pub observed_at: Time,
    pub received_at: Time,
    pub facts: BTreeMap<String, Value>,
}

/// A section as it is stored, which is made and read outside the writer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SectionText(String);

impl SectionText {
    pub fn of(facts: &BTreeMap<String, Value>) -> Result<SectionText, StoreError> {
        Ok(SectionText(to_json("section", facts)?))
    }

    pub fn facts(&self) -> Result<BTreeMap<String, Value>, StoreError> {
        from_json("section", &self.0)
    }
}

/// A section on its way in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewSection {
    pub terminal: TerminalId,
    pub name: String,
    pub digest: Vec<u8>,
    pub observed_at: Time,
    pub received_at: Time,
    pub facts: SectionText,
}

#[derive(sqlx::FromRow)]
struct Row {
    terminal_id: String,
    name: String,
    digest: Vec<u8>,
    observed_at: i64,
    received_at: i64,
    facts: String,
}

impl Row {
    fn section(self) -> Result<SectionRow, StoreError> {
        Ok(SectionRow {
            terminal: parse("terminal id", &self.terminal_id)?,
            facts: from_json("section", &self.facts)?,
            name: self.name,
            digest: self.digest,
            observed_at: Time(self.observed_at),
            received_at: Time(self.received_at),
        })
    }
}

const OF_TERMINAL: &str = "
    SELECT terminal_id, name, digest, observed_at, received_at, facts
    FROM fact_section WHERE terminal_id = $1 ORDER BY name";
const AFTER: &str = "
    SELECT terminal_id, name, digest, observed_at, received_at, facts
    FROM fact_section WHERE terminal_id > $1 AND terminal_id <= $2 ORDER BY terminal_id, name";
const FORGET: &str = "DELETE FROM fact_section WHERE terminal_id = $1";

impl Store {
    pub async fn sections(&self, terminal: TerminalId) -> Result<Vec<SectionRow>, StoreError> {
        let rows: Vec<Row> =
            on_pool!(self, c => sqlx::query_as(OF_TERMINAL).bind(terminal.to_string()).fetch_all(c).await)?;
        rows.into_iter().map(Row::section).collect()
    }

    /// What each section of some terminals was when it was last reported.
    pub async fn section_digests(&self, ids: &[TerminalId]) -> Result<Vec<(TerminalId, String, Vec<u8>)>, StoreError> {
        let mut digests = Vec::new();
        for part in few_lengths(ids) {
            let text = format!(
                "SELECT terminal_id, name, digest FROM fact_section WHERE terminal_id IN ({})",
                list(1, part.len())
            );
            let text = self.statement(text);
            let rows: Vec<(String, String, Vec<u8>)> = on_pool!(self, c => {
                let mut query = sqlx::query_as(text);
                for id in part {
                    query = query.bind(id.to_string());
                }
                query.fetch_all(c).await
            })?;
            for (id, name, digest) in rows {
                digests.push((parse("terminal id", &id)?, name, digest));
            }
        }
        Ok(digests)
    }

    /// Some sections of some terminals, as far as they are there.
    pub async fn section_texts(
        &self,
        wanted: &[(TerminalId, String)],
    ) -> Result<Vec<(TerminalId, String, SectionText)>, StoreError> {
        let mut found = Vec::with_capacity(wanted.len());
        for part in few_lengths(wanted) {
            let values = rows(part.len(), &["TEXT", "TEXT"]);
            let text = format!(
                "SELECT s.terminal_id, s.name, s.facts FROM (VALUES {values}) AS v
                 JOIN fact_section s ON s.terminal_id = v.column1 AND s.name = v.column2"
            );
            let text = self.statement(text);
            let rows: Vec<(String, String, String)> = on_pool!(self, c => {
                let mut query = sqlx::query_as(text);
                for (terminal, name) in part {
                    query = query.bind(terminal.to_string()).bind(name);
                }
                query.fetch_all(c).await
            })?;
            for (terminal, name, facts) in rows {
                found.push((parse("terminal id", &terminal)?, name, SectionText(facts)));
            }
        }
        Ok(found)
    }

    /// The sections of the terminals after one id, up to and with another: how the index is rebuilt.
    pub async fn sections_between(
        &self,
        after: Option<TerminalId>,
        last: TerminalId,
    ) -> Result<Vec<SectionRow>, StoreError> {
        let after = after.map(|id| id.to_string()).unwrap_or_default();
        let rows: Vec<Row> =
            on_pool!(self, c => sqlx::query_as(AFTER).bind(after).bind(last.to_string()).fetch_all(c).await)?;
        rows.into_iter().map(Row::section).collect()
    }
}

impl Tx {
    /// Many sections of many terminals; each replaces the section that was there.
    pub async fn put_sections(&mut self, sections: &[NewSection]) -> Result<(), StoreError> {
        for part in few_lengths(sections) {
            let values = rows(part.len(), &["", "", "", "", "", ""]);
            let text = format!(
                "INSERT INTO fact_section (terminal_id, name, digest, observed_at, received_at, facts) VALUES {values}
                 ON CONFLICT (terminal_id, name) DO UPDATE SET digest = excluded.digest,
                     observed_at = excluded.observed_at, received_at = excluded.received_at, facts = excluded.facts"
            );
            let text = self.statement(text);
            on_tx!(self, c => {
                let mut query = sqlx::query(text);
                for section in part {
                    query = query
                        .bind(section.terminal.to_string())
                        .bind(&section.name)
                        .bind(&section.digest)
                        .bind(section.observed_at.micros())
                        .bind(section.received_at.micros())
                        .bind(&section.facts.0);
                }
                query.execute(c).await.map(drop)
            })?;
        }
        Ok(())
    }

    pub async fn forget_sections(&mut self, terminal: TerminalId) -> Result<(), StoreError> {
        on_tx!(self, c => sqlx::query(FORGET).bind(terminal.to_string()).execute(c).await.map(drop))?;
        Ok(())
    }
}
