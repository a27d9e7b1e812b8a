//! People and programs: operators, their sign-ins, API tokens.

use kaishin_domain::access::Role;
use kaishin_domain::id::{OperatorId, TokenId};
use kaishin_domain::time::Time;

use super::codec::{parse, some_time, won};
use super::db::{Store, on_pool, on_tx};
use super::error::StoreError;
use super::writer::Tx;

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Operator {
    pub id: OperatorId,
    /// What they sign in with.
    pub name: String,
    pub display_name: String,
    pub role: Role,
    pub password_hash: String,
    pub language: String,
    pub disabled: bool,
    pub created_at: Time,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SignIn {
    pub operator: Operator,
    pub created_at: Time,
    pub last_used: Time,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ApiToken {
    pub id: TokenId,
    pub name: String,
    pub role: Role,
    pub created_at: Time,
    pub created_by: String,
    pub expires_at: Time,
    pub revoked_at: Option<Time>,
}

#[derive(sqlx::FromRow)]
struct OperatorRow {
    id: String,
    name: String,
    display_name: String,
    role: String,
    password_hash: String,
    language: String,
    disabled: bool,
    created_at: i64,
}

impl OperatorRow {
    fn operator(self) -> Result<Operator, StoreError> {
        Ok(Operator {
            id: parse("operator id", &self.id)?,
            name: self.name,
            display_name: self.display_name,
            role: parse("role", &self.role)?,
            password_hash: self.password_hash,
            language: self.language,
            disabled: self.disabled,
            created_at: Time(self.created_at),
        })
    }
}

#[derive(sqlx::FromRow)]
struct SignInRow {
    #[sqlx(flatten)]
    operator: OperatorRow,
    signed_in_at: i64,
    last_used: i64,
}

#[derive(sqlx::FromRow)]
struct ApiTokenRow {
    id: String,
    name: String,
    role: String,
    created_at: i64,
    created_by: String,
    expires_at: i64,
    revoked_at: Option<i64>,
}

impl ApiTokenRow {
    fn token(self) -> Result<ApiToken, StoreError> {
        Ok(ApiToken {
            id: parse("token id", &self.id)?,
            name: self.name,
            role: parse("role", &self.role)?,
            created_at: Time(self.created_at),
            created_by: self.created_by,
            expires_at: Time(self.expires_at),
            revoked_at: some_time(self.revoked_at),
        })
    }
}

const BY_NAME: &str = "
    SELECT id, name, display_name, role, password_hash, language, disabled, created_at FROM operator WHERE name = $1";
const ALL: &str = "
    SELECT id, name, display_name, role, password_hash, language, disabled, created_at FROM operator ORDER BY name";
const INSERT: &str = "
    INSERT INTO operator (id, name, display_name, role, password_hash, language, disabled, created_at)
    VALUES ($1, $2, $3, $4, $5, $6, $7, $8)";
const UPDATE: &str = "
    UPDATE operator SET display_name = $2, role = $3, password_hash = $4, language = $5, disabled = $6
    WHERE id = $1 AND display_name = $7 AND role = $8 AND password_hash = $9 AND language = $10 AND disabled = $11";
const SIGN_IN: &str = "INSERT INTO sign_in (hash, operator_id, created_at, last_used) VALUES ($1, $2, $3, $3)";
const SIGNED_IN: &str = "
    SELECT o.id, o.name, o.display_name, o.role, o.password_hash, o.language, o.disabled, o.created_at,
           s.created_at AS signed_in_at, s.last_used
    FROM sign_in s JOIN operator o ON o.id = s.operator_id WHERE s.hash = $1";
const USED: &str = "UPDATE sign_in SET last_used = $2 WHERE hash = $1";
const SIGN_OUT: &str = "DELETE FROM sign_in WHERE hash = $1";
const SIGN_OUT_ALL: &str = "DELETE FROM sign_in WHERE operator_id = $1";
const FORGET_SIGN_INS: &str = "DELETE FROM sign_in WHERE last_used < $1 OR created_at < $2";
const API_TOKEN: &str = "
    SELECT id, name, role, created_at, created_by, expires_at, revoked_at FROM api_token WHERE hash = $1";
const API_TOKENS: &str = "
    SELECT id, name, role, created_at, created_by, expires_at, revoked_at FROM api_token ORDER BY id DESC";
const INSERT_API_TOKEN: &str = "
    INSERT INTO api_token (id, hash, name, role, created_at, created_by, expires_at) VALUES ($1, $2, $3, $4, $5, $6, $7)";
const REVOKE_API_TOKEN: &str = "UPDATE api_token SET revoked_at = $2 WHERE id = $1 AND revoked_at IS NULL";

impl Store {
    pub async fn operator_named(&self, name: &str) -> Result<Option<Operator>, StoreError> {
        let row: Option<OperatorRow> = on_pool!(self, c => sqlx::query_as(BY_NAME).bind(name).fetch_optional(c).await)?;
        row.map(OperatorRow::operator).transpose()
    }

    pub async fn operators(&self) -> Result<Vec<Operator>, StoreError> {
        let rows: Vec<OperatorRow> = on_pool!(self, c => sqlx::query_as(ALL).fetch_all(c).await)?;
        rows.into_iter().map(OperatorRow::operator).collect()
    }

    pub async fn signed_in(&self, hash: [u8; 32]) -> Result<Option<SignIn>, StoreError> {
        let row: Option<SignInRow> =
            on_pool!(self, c => sqlx::query_as(SIGNED_IN).bind(hash.to_vec()).fetch_optional(c).await)?;
        row.map(|row| {
            Ok(SignIn {
                operator: row.operator.operator()?,
                created_at: Time(row.signed_in_at),
                last_used: Time(row.last_used),
            })
        })
        .transpose()
    }

    pub async fn api_token(&self, hash: [u8; 32]) -> Result<Option<ApiToken>, StoreError> {
        let row: Option<ApiTokenRow> =
            on_pool!(self, c => sqlx::query_as(API_TOKEN).bind(hash.to_vec()).fetch_optional(c).await)?;
        row.map(ApiTokenRow::token).transpose()
    }

    pub async fn api_tokens(&self) -> Result<Vec<ApiToken>, StoreError> {
        let rows: Vec<ApiTokenRow> = on_pool!(self, c => sqlx::query_as(API_TOKENS).fetch_all(c).await)?;
        rows.into_iter().map(ApiTokenRow::token).collect()
    }
}

impl Tx {
    pub async fn insert_operator(&mut self, operator: &Operator) -> Result<(), StoreError> {
        on_tx!(self, c => sqlx::query(INSERT)
            .bind(operator.id.to_string())
            .bind(&operator.name)
            .bind(&operator.display_name)
            .bind(operator.role.name())
            .bind(&operator.password_hash)
            .bind(&operator.language)
            .bind(operator.disabled)
            .bind(operator.created_at.micros())
            .execute(c)
            .await
            .map(drop))?;
        Ok(())
    }

    /// A lost race is an error: a new role must not bring back a password, or an account, that was taken away meanwhile.
    pub async fn update_operator(&mut self, was: &Operator, is: &Operator) -> Result<(), StoreError> {
        let rows = on_tx!(self, c => sqlx::query(UPDATE)
            .bind(was.id.to_string())
            .bind(&is.display_name)
            .bind(is.role.name())
            .bind(&is.password_hash)
            .bind(&is.language)
            .bind(is.disabled)
            .bind(&was.display_name)
            .bind(was.role.name())
            .bind(&was.password_hash)
            .bind(&was.language)
            .bind(was.disabled)
            .execute(c)
            .await
            .map(|done| done.rows_affected()))?;
        won("operator", rows)
    }

    pub async fn insert_sign_in(&mut self, hash: [u8; 32], operator: OperatorId, now: Time) -> Result<(), StoreError> {
        on_tx!(self, c => sqlx::query(SIGN_IN)
            .bind(hash.to_vec())
            .bind(operator.to_string())
            .bind(now.micros())
            .execute(c)
            .await
            .map(drop))?;
        Ok(())
    }

    pub async fn use_sign_in(&mut self, hash: [u8; 32], now: Time) -> Result<(), StoreError> {
        on_tx!(self, c => sqlx::query(USED).bind(hash.to_vec()).bind(now.micros()).execute(c).await.map(drop))?;
        Ok(())
    }

    pub async fn delete_sign_in(&mut self, hash: [u8; 32]) -> Result<(), StoreError> {
        on_tx!(self, c => sqlx::query(SIGN_OUT).bind(hash.to_vec()).execute(c).await.map(drop))?;
        Ok(())
    }

    pub async fn delete_sign_ins_of(&mut self, operator: OperatorId) -> Result<(), StoreError> {
        on_tx!(self, c => sqlx::query(SIGN_OUT_ALL).bind(operator.to_string()).execute(c).await.map(drop))?;
        Ok(())
    }

    pub async fn forget_sign_ins(&mut self, unused_since: Time, made_before: Time) -> Result<(), StoreError> {
        on_tx!(self, c => sqlx::query(FORGET_SIGN_INS)
            .bind(unused_since.micros())
            .bind(made_before.micros())
            .execute(c)
            .await
            .map(drop))?;
        Ok(())
    }

    pub async fn insert_api_token(&mut self, token: &ApiToken, hash: [u8; 32]) -> Result<(), StoreError> {
        on_tx!(self, c => sqlx::query(INSERT_API_TOKEN)
            .bind(token.id.to_string())
            .bind(hash.to_vec())
            .bind(&token.name)
            .bind(token.role.name())
            .bind(token.created_at.micros())
            .bind(&token.created_by)
            .bind(token.expires_at.micros())
            .execute(c)
            .await
            .map(drop))?;
        Ok(())
    }

    pub async fn revoke_api_token(&mut self, id: TokenId, now: Time) -> Result<(), StoreError> {
        let rows = on_tx!(self, c => sqlx::query(REVOKE_API_TOKEN)
            .bind(id.to_string())
            .bind(now.micros())
            .execute(c)
            .await
            .map(|done| done.rows_affected()))?;
        won("API token", rows)
    }
}
