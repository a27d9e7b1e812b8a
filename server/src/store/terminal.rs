//! Terminals.

use kaishin_domain::id::TerminalId;
use kaishin_domain::terminal::{Hold, KeyHash, Machine, Standing, Terminal};
use kaishin_domain::time::Time;

use super::codec::{bytes32, count, few_lengths, list, parse, parse_some, rows, some_time, unreadable, won};
use super::db::{Store, on_pool, on_tx};
use super::error::StoreError;
use super::writer::Tx;

#[derive(sqlx::FromRow)]
struct Row {
    id: String,
    key_hash: Vec<u8>,
    generation: i64,
    hostname: String,
    manufacturer: String,
    model: String,
    serial: String,
    smbios_uuid: String,
    os_version: String,
    institution_code: Option<String>,
    agent_version: String,
    minor: i64,
    enrolled_at: i64,
    enrolled_with: Option<String>,
    last_seen: Option<i64>,
    certificate_until: i64,
    revoked_at: Option<i64>,
    revoke_reason: Option<String>,
    hold: Option<String>,
    hold_since: Option<i64>,
    hold_detail: Option<String>,
}

impl Row {
    fn terminal(self) -> Result<Terminal, StoreError> {
        let since = Time(self.hold_since.unwrap_or(0));
        let hold = match self.hold.as_deref() {
            None => None,
            Some("duplicate") => Some(Hold::Duplicate { since }),
            Some("incompatible") => Some(Hold::Incompatible {
                since,
                agent_version: self.hold_detail.unwrap_or_default(),
            }),
            Some(other) => return Err(unreadable("terminal's hold", other)),
        };
        let standing = match self.revoked_at {
            None => Standing::Active,
            Some(at) => Standing::Revoked {
                at: Time(at),
                reason: self.revoke_reason.unwrap_or_default(),
            },
        };
        Ok(Terminal {
            id: parse("terminal id", &self.id)?,
            key_hash: bytes32("key hash", self.key_hash)?,
            generation: count("generation", self.generation)?,
            machine: Machine {
                hostname: self.hostname,
                manufacturer: self.manufacturer,
                model: self.model,
                serial: self.serial,
                smbios_uuid: self.smbios_uuid,
                os_version: self.os_version,
            },
            institution_code: self.institution_code,
            agent_version: self.agent_version,
            minor: count("protocol minor", self.minor)?,
            enrolled_at: Time(self.enrolled_at),
            enrolled_with: parse_some("token id", self.enrolled_with.as_deref())?,
            last_seen: some_time(self.last_seen),
            certificate_until: Time(self.certificate_until),
            standing,
            hold,
        })
    }
}

/// By id, which begins with the time of making.
const NEW_SINCE: &str = "SELECT COUNT(*) FROM terminal WHERE id >= $1";
const BY_ID: &str = "SELECT * FROM terminal WHERE id = $1";
const BY_KEY: &str = "SELECT * FROM terminal WHERE key_hash = $1";
const BY_MACHINE: &str = "
    SELECT * FROM terminal WHERE smbios_uuid = $1 AND revoked_at IS NULL ORDER BY id LIMIT 1";
const PAGE: &str = "SELECT * FROM terminal WHERE id > $1 ORDER BY id LIMIT $2";
const REVOKED_SINCE: &str = "SELECT * FROM terminal WHERE revoked_at >= $1 ORDER BY revoked_at";
const INSERT: &str = "
    INSERT INTO terminal
        (id, key_hash, generation, hostname, manufacturer, model, serial, smbios_uuid, os_version, institution_code,
         agent_version, minor, enrolled_at, enrolled_with, certificate_until)
    VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15)";
/// Everything that changes, if the row still stands as it was loaded: same key, same standing, same hold. The code in
/// force is `put_attachment`'s to write: who loaded the row earlier would bring back an old one.
const UPDATE: &str = "
    UPDATE terminal
    SET key_hash = $2, generation = $3, hostname = $4, manufacturer = $5, model = $6, serial = $7, smbios_uuid = $8,
        os_version = $9, agent_version = $10, minor = $11, certificate_until = $12, revoked_at = $13,
        revoke_reason = $14, hold = $15, hold_since = $16, hold_detail = $17
    WHERE id = $1 AND key_hash = $18 AND COALESCE(revoked_at, 0) = $19 AND COALESCE(hold_since, 0) = $20";

impl Store {
    /// How many became known since then.
    pub async fn terminals_new_since(&self, since: Time) -> Result<u64, StoreError> {
        let first = TerminalId::new(since, [0; 10]).to_string();
        let count: i64 = on_pool!(self, c => sqlx::query_scalar(NEW_SINCE).bind(first).fetch_one(c).await)?;
        Ok(count.unsigned_abs())
    }

    pub async fn terminal(&self, id: TerminalId) -> Result<Option<Terminal>, StoreError> {
        let row: Option<Row> = on_pool!(self, c => sqlx::query_as(BY_ID).bind(id.to_string()).fetch_optional(c).await)?;
        row.map(Row::terminal).transpose()
    }

    /// Those of them that there are.
    pub async fn terminals_by_id(&self, ids: &[TerminalId]) -> Result<Vec<Terminal>, StoreError> {
        let mut found = Vec::with_capacity(ids.len());
        for part in few_lengths(ids) {
            let text = format!("SELECT * FROM terminal WHERE id IN ({})", list(1, part.len()));
            let text = self.statement(text);
            let rows: Vec<Row> = on_pool!(self, c => {
                let mut query = sqlx::query_as(text);
                for id in part {
                    query = query.bind(id.to_string());
                }
                query.fetch_all(c).await
            })?;
            for row in rows {
                found.push(row.terminal()?);
            }
        }
        Ok(found)
    }

    pub async fn terminal_by_key(&self, key: KeyHash) -> Result<Option<Terminal>, StoreError> {
        let row: Option<Row> = on_pool!(self, c => sqlx::query_as(BY_KEY).bind(key.to_vec()).fetch_optional(c).await)?;
        row.map(Row::terminal).transpose()
    }

    /// An active terminal in the same box, if the box can be told at all.
    pub async fn terminal_in_box(&self, machine: &Machine) -> Result<Option<Terminal>, StoreError> {
        if machine.smbios_uuid.is_empty() {
            return Ok(None);
        }
        let row: Option<Row> = on_pool!(self, c => sqlx::query_as(BY_MACHINE)
            .bind(&machine.smbios_uuid)
            .fetch_optional(c)
            .await)?;
        row.map(Row::terminal).transpose()
    }

    pub async fn terminals_revoked_since(&self, since: Time) -> Result<Vec<Terminal>, StoreError> {
        let rows: Vec<Row> =
            on_pool!(self, c => sqlx::query_as(REVOKED_SINCE).bind(since.micros()).fetch_all(c).await)?;
        rows.into_iter().map(Row::terminal).collect()
    }

    /// All terminals in order of id, a page at a time; start with None.
    pub async fn terminals_after(&self, after: Option<TerminalId>, limit: u32) -> Result<Vec<Terminal>, StoreError> {
        let after = after.map(|id| id.to_string()).unwrap_or_default();
        let rows: Vec<Row> =
            on_pool!(self, c => sqlx::query_as(PAGE).bind(after).bind(i64::from(limit)).fetch_all(c).await)?;
        rows.into_iter().map(Row::terminal).collect()
    }
}

impl Tx {
    pub async fn insert_terminal(&mut self, terminal: &Terminal) -> Result<(), StoreError> {
        let machine = &terminal.machine;
        on_tx!(self, c => sqlx::query(INSERT)
            .bind(terminal.id.to_string())
            .bind(terminal.key_hash.to_vec())
            .bind(i64::from(terminal.generation))
            .bind(&machine.hostname)
            .bind(&machine.manufacturer)
            .bind(&machine.model)
            .bind(&machine.serial)
            .bind(&machine.smbios_uuid)
            .bind(&machine.os_version)
            .bind(&terminal.institution_code)
            .bind(&terminal.agent_version)
            .bind(i64::from(terminal.minor))
            .bind(terminal.enrolled_at.micros())
            .bind(terminal.enrolled_with.map(|id| id.to_string()))
            .bind(terminal.certificate_until.micros())
            .execute(c)
            .await
            .map(drop))?;
        Ok(())
    }

    /// A lost race is an error: somebody else revoked, replaced or held it in between.
    pub async fn update_terminal(&mut self, was: &Terminal, is: &Terminal) -> Result<(), StoreError> {
        let machine = &is.machine;
        let revoked = revocation(&is.standing);
        let hold = held(is.hold.as_ref());
        let rows = on_tx!(self, c => sqlx::query(UPDATE)
            .bind(is.id.to_string())
            .bind(is.key_hash.to_vec())
            .bind(i64::from(is.generation))
            .bind(&machine.hostname)
            .bind(&machine.manufacturer)
            .bind(&machine.model)
            .bind(&machine.serial)
            .bind(&machine.smbios_uuid)
            .bind(&machine.os_version)
            .bind(&is.agent_version)
            .bind(i64::from(is.minor))
            .bind(is.certificate_until.micros())
            .bind(revoked.map(|(at, _)| at))
            .bind(revoked.map(|(_, reason)| reason))
            .bind(hold.map(|(name, _, _)| name))
            .bind(hold.map(|(_, since, _)| since))
            .bind(hold.and_then(|(_, _, detail)| detail))
            .bind(was.key_hash.to_vec())
            .bind(revocation(&was.standing).map_or(0, |(at, _)| at))
            .bind(held(was.hold.as_ref()).map_or(0, |(_, since, _)| since))
            .execute(c)
            .await
            .map(|done| done.rows_affected()))?;
        won("terminal", rows)
    }

    /// Those that are still active, each with the key it has.
    pub async fn active_keys(&mut self, ids: &[TerminalId]) -> Result<Vec<(TerminalId, KeyHash)>, StoreError> {
        let mut found = Vec::with_capacity(ids.len());
        for part in few_lengths(ids) {
            let text = format!(
                "SELECT id, key_hash FROM terminal WHERE revoked_at IS NULL AND id IN ({})",
                list(1, part.len())
            );
            let text = self.statement(text);
            let rows: Vec<(String, Vec<u8>)> = on_tx!(self, c => {
                let mut query = sqlx::query_as(text);
                for id in part {
                    query = query.bind(id.to_string());
                }
                query.fetch_all(c).await
            })?;
            for (id, key) in rows {
                found.push((parse("terminal id", &id)?, bytes32("key hash", key)?));
            }
        }
        Ok(found)
    }

    /// When terminals were last seen, many at once; an earlier moment never overwrites a later one.
    pub async fn touch_terminals(&mut self, seen: &[(TerminalId, Time)]) -> Result<(), StoreError> {
        for part in few_lengths(seen) {
            let values = rows(part.len(), &["TEXT", "BIGINT"]);
            let text = format!(
                "UPDATE terminal SET last_seen = v.column2 FROM (VALUES {values}) AS v
                 WHERE terminal.id = v.column1 AND COALESCE(terminal.last_seen, 0) < v.column2"
            );
            let text = self.statement(text);
            on_tx!(self, c => {
                let mut query = sqlx::query(text);
                for (id, at) in part {
                    query = query.bind(id.to_string()).bind(at.micros());
                }
                query.execute(c).await.map(drop)
            })?;
        }
        Ok(())
    }
}

fn revocation(standing: &Standing) -> Option<(i64, &str)> {
    match standing {
        Standing::Active => None,
        Standing::Revoked { at, reason } => Some((at.micros(), reason)),
    }
}

fn held(hold: Option<&Hold>) -> Option<(&'static str, i64, Option<&str>)> {
    hold.map(|hold| match hold {
        Hold::Duplicate { since } => ("duplicate", since.micros(), None),
        Hold::Incompatible { since, agent_version } => ("incompatible", since.micros(), Some(agent_version.as_str())),
    })
}
