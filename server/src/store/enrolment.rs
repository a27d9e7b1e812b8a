//! Enrolment tokens and the requests that wait for a person.

use kaishin_domain::enrolment::{Cause, EnrolmentRequest, EnrolmentToken, RequestState, TokenScope};
use kaishin_domain::id::{RequestId, TerminalId, TokenId};
use kaishin_domain::terminal::{KeyHash, Machine};
use kaishin_domain::time::Time;

use super::codec::{bytes32, count, named, parse, parse_some, some_time, unreadable, won};
use super::db::{Store, on_pool, on_tx};
use super::error::StoreError;
use super::writer::Tx;

#[derive(sqlx::FromRow)]
struct TokenRow {
    id: String,
    label: String,
    most_uses: i64,
    used: i64,
    expires_at: i64,
    carrier: Option<String>,
    prefecture: Option<String>,
    institution_code: Option<String>,
    created_at: i64,
    created_by: String,
    revoked_at: Option<i64>,
}

impl TokenRow {
    fn token(self) -> Result<EnrolmentToken, StoreError> {
        Ok(EnrolmentToken {
            id: parse("token id", &self.id)?,
            label: self.label,
            most_uses: count("token's uses", self.most_uses)?,
            used: count("token's uses", self.used)?,
            expires_at: Time(self.expires_at),
            scope: TokenScope {
                carrier: self.carrier,
                prefecture: self.prefecture,
                institution_code: self.institution_code,
            },
            created_at: Time(self.created_at),
            created_by: self.created_by,
            revoked_at: some_time(self.revoked_at),
        })
    }
}

#[derive(sqlx::FromRow)]
struct RequestRow {
    id: String,
    key_hash: Vec<u8>,
    hostname: String,
    manufacturer: String,
    model: String,
    serial: String,
    smbios_uuid: String,
    os_version: String,
    institution_code: Option<String>,
    agent_version: String,
    peer: String,
    cause: String,
    clashes_with: Option<String>,
    asked_at: i64,
    state: String,
    decided_at: Option<i64>,
    decided_by: Option<String>,
    decision_reason: Option<String>,
    terminal_id: Option<String>,
}

impl RequestRow {
    fn request(self) -> Result<EnrolmentRequest, StoreError> {
        let at = Time(self.decided_at.unwrap_or(0));
        let by = self.decided_by.unwrap_or_default();
        let state = match (self.state.as_str(), self.terminal_id) {
            ("pending", None) => RequestState::Pending,
            ("approved", Some(terminal)) => RequestState::Approved {
                terminal: parse("terminal id", &terminal)?,
                at,
                by,
            },
            ("rejected", _) => RequestState::Rejected {
                at,
                by,
                reason: self.decision_reason.unwrap_or_default(),
            },
            (other, _) => return Err(unreadable("request's state", other)),
        };
        Ok(EnrolmentRequest {
            id: parse("request id", &self.id)?,
            key_hash: bytes32("key hash", self.key_hash)?,
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
            peer: self.peer,
            cause: named("request's cause", &Cause::ALL, Cause::name, &self.cause)?,
            clashes_with: parse_some("terminal id", self.clashes_with.as_deref())?,
            asked_at: Time(self.asked_at),
            state,
        })
    }
}

const TOKEN_BY_HASH: &str = "
    SELECT id, label, most_uses, used, expires_at, carrier, prefecture, institution_code, created_at, created_by, revoked_at
    FROM enrolment_token WHERE hash = $1";
const TOKENS: &str = "
    SELECT id, label, most_uses, used, expires_at, carrier, prefecture, institution_code, created_at, created_by, revoked_at
    FROM enrolment_token ORDER BY id DESC";
const INSERT_TOKEN: &str = "
    INSERT INTO enrolment_token
        (id, hash, label, most_uses, used, expires_at, carrier, prefecture, institution_code, created_at, created_by)
    VALUES ($1, $2, $3, $4, 0, $5, $6, $7, $8, $9, $10)";
/// Counts a use only while one is left: two terminals cannot both take the last.
const USE_TOKEN: &str = "
    UPDATE enrolment_token SET used = used + 1
    WHERE id = $1 AND used < most_uses AND revoked_at IS NULL AND expires_at > $2";
const REVOKE_TOKEN: &str = "UPDATE enrolment_token SET revoked_at = $2 WHERE id = $1 AND revoked_at IS NULL";

const REQUEST_BY_KEY: &str = "SELECT * FROM enrolment_request WHERE key_hash = $1";
const REQUEST: &str = "SELECT * FROM enrolment_request WHERE id = $1";
const PENDING: &str = "SELECT * FROM enrolment_request WHERE state = 'pending' ORDER BY id DESC LIMIT $1";
const COUNT_PENDING: &str = "SELECT COUNT(*) FROM enrolment_request WHERE state = 'pending'";
const INSERT_REQUEST: &str = "
    INSERT INTO enrolment_request
        (id, key_hash, hostname, manufacturer, model, serial, smbios_uuid, os_version, institution_code,
         agent_version, peer, cause, clashes_with, asked_at, state)
    VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, 'pending')";
const DECIDE: &str = "
    UPDATE enrolment_request
    SET state = $2, decided_at = $3, decided_by = $4, decision_reason = $5, terminal_id = $6
    WHERE id = $1 AND state = 'pending'";

impl Store {
    pub async fn enrolment_token(&self, hash: [u8; 32]) -> Result<Option<EnrolmentToken>, StoreError> {
        let row: Option<TokenRow> =
            on_pool!(self, c => sqlx::query_as(TOKEN_BY_HASH).bind(hash.to_vec()).fetch_optional(c).await)?;
        row.map(TokenRow::token).transpose()
    }

    pub async fn enrolment_tokens(&self) -> Result<Vec<EnrolmentToken>, StoreError> {
        let rows: Vec<TokenRow> = on_pool!(self, c => sqlx::query_as(TOKENS).fetch_all(c).await)?;
        rows.into_iter().map(TokenRow::token).collect()
    }

    pub async fn enrolment_request(&self, id: RequestId) -> Result<Option<EnrolmentRequest>, StoreError> {
        let row: Option<RequestRow> =
            on_pool!(self, c => sqlx::query_as(REQUEST).bind(id.to_string()).fetch_optional(c).await)?;
        row.map(RequestRow::request).transpose()
    }

    pub async fn enrolment_request_by_key(&self, key: KeyHash) -> Result<Option<EnrolmentRequest>, StoreError> {
        let row: Option<RequestRow> =
            on_pool!(self, c => sqlx::query_as(REQUEST_BY_KEY).bind(key.to_vec()).fetch_optional(c).await)?;
        row.map(RequestRow::request).transpose()
    }

    /// Newest first.
    pub async fn pending_requests(&self, limit: u32) -> Result<Vec<EnrolmentRequest>, StoreError> {
        let rows: Vec<RequestRow> =
            on_pool!(self, c => sqlx::query_as(PENDING).bind(i64::from(limit)).fetch_all(c).await)?;
        rows.into_iter().map(RequestRow::request).collect()
    }

    pub async fn count_pending(&self) -> Result<u64, StoreError> {
        let count: i64 = on_pool!(self, c => sqlx::query_scalar(COUNT_PENDING).fetch_one(c).await)?;
        Ok(count.unsigned_abs())
    }
}

impl Tx {
    pub async fn insert_enrolment_token(&mut self, token: &EnrolmentToken, hash: [u8; 32]) -> Result<(), StoreError> {
        on_tx!(self, c => sqlx::query(INSERT_TOKEN)
            .bind(token.id.to_string())
            .bind(hash.to_vec())
            .bind(&token.label)
            .bind(i64::from(token.most_uses))
            .bind(token.expires_at.micros())
            .bind(&token.scope.carrier)
            .bind(&token.scope.prefecture)
            .bind(&token.scope.institution_code)
            .bind(token.created_at.micros())
            .bind(&token.created_by)
            .execute(c)
            .await
            .map(drop))?;
        Ok(())
    }

    pub async fn use_enrolment_token(&mut self, id: TokenId, now: Time) -> Result<(), StoreError> {
        let rows = on_tx!(self, c => sqlx::query(USE_TOKEN)
            .bind(id.to_string())
            .bind(now.micros())
            .execute(c)
            .await
            .map(|done| done.rows_affected()))?;
        won("enrolment token", rows)
    }

    pub async fn revoke_enrolment_token(&mut self, id: TokenId, now: Time) -> Result<(), StoreError> {
        let rows = on_tx!(self, c => sqlx::query(REVOKE_TOKEN)
            .bind(id.to_string())
            .bind(now.micros())
            .execute(c)
            .await
            .map(|done| done.rows_affected()))?;
        won("enrolment token", rows)
    }

    pub async fn insert_enrolment_request(&mut self, request: &EnrolmentRequest) -> Result<(), StoreError> {
        let machine = &request.machine;
        on_tx!(self, c => sqlx::query(INSERT_REQUEST)
            .bind(request.id.to_string())
            .bind(request.key_hash.to_vec())
            .bind(&machine.hostname)
            .bind(&machine.manufacturer)
            .bind(&machine.model)
            .bind(&machine.serial)
            .bind(&machine.smbios_uuid)
            .bind(&machine.os_version)
            .bind(&request.institution_code)
            .bind(&request.agent_version)
            .bind(&request.peer)
            .bind(request.cause.name())
            .bind(request.clashes_with.map(|id| id.to_string()))
            .bind(request.asked_at.micros())
            .execute(c)
            .await
            .map(drop))?;
        Ok(())
    }

    /// Only a pending request can be decided, and only once.
    pub async fn decide_enrolment_request(&mut self, id: RequestId, decision: &RequestState) -> Result<(), StoreError> {
        let (state, at, by, reason, terminal): (_, _, _, Option<&str>, Option<TerminalId>) = match decision {
            RequestState::Pending => return Err(StoreError::LostRace("enrolment request")),
            RequestState::Approved { terminal, at, by } => ("approved", at, by, None, Some(*terminal)),
            RequestState::Rejected { at, by, reason } => ("rejected", at, by, Some(reason), None),
        };
        let rows = on_tx!(self, c => sqlx::query(DECIDE)
            .bind(id.to_string())
            .bind(state)
            .bind(at.micros())
            .bind(by)
            .bind(reason)
            .bind(terminal.map(|id| id.to_string()))
            .execute(c)
            .await
            .map(|done| done.rows_affected()))?;
        won("enrolment request", rows)
    }
}
