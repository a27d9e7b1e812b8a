//! Terminal profiles: every version that was ever in force, the highest in force now, and the draft of the next.

use kaishin_domain::time::Time;

use super::codec::{count, won};
use super::db::{Store, on_pool, on_tx};
use super::error::StoreError;
use super::writer::Tx;

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProfileRow {
    pub version: u32,
    pub body: String,
    pub written_by: String,
    pub published_at: Time,
    pub published_by: String,
    pub reason: String,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProfileDraft {
    /// Names exactly this text.
    pub digest: String,
    /// The version that it was made from.
    pub base: u32,
    pub body: String,
    pub saved_at: Time,
    pub saved_by: String,
    pub reason: String,
}

#[derive(sqlx::FromRow)]
struct Row {
    version: i64,
    body: String,
    written_by: String,
    published_at: i64,
    published_by: String,
    reason: String,
}

impl Row {
    fn profile(self) -> Result<ProfileRow, StoreError> {
        Ok(ProfileRow {
            version: count("profile version", self.version)?,
            body: self.body,
            written_by: self.written_by,
            published_at: Time(self.published_at),
            published_by: self.published_by,
            reason: self.reason,
        })
    }
}

#[derive(sqlx::FromRow)]
struct DraftRow {
    digest: String,
    base: i64,
    body: String,
    saved_at: i64,
    saved_by: String,
    reason: String,
}

impl DraftRow {
    fn draft(self) -> Result<ProfileDraft, StoreError> {
        Ok(ProfileDraft {
            digest: self.digest,
            base: count("profile version", self.base)?,
            body: self.body,
            saved_at: Time(self.saved_at),
            saved_by: self.saved_by,
            reason: self.reason,
        })
    }
}

const NEWEST: &str = "
    SELECT version, body, written_by, published_at, published_by, reason FROM profile ORDER BY version DESC LIMIT $1";
/// Only behind the one that was seen: of two who write at once, one does.
const ADD: &str = "
    INSERT INTO profile (version, body, written_by, published_at, published_by, reason)
    SELECT $1, $2, $3, $4, $5, $6 WHERE NOT EXISTS (SELECT 1 FROM profile WHERE version >= $1)";
const DRAFT: &str = "SELECT digest, base, body, saved_at, saved_by, reason FROM profile_draft WHERE one = 1";
const ADD_DRAFT: &str = "
    INSERT INTO profile_draft (one, digest, base, body, saved_at, saved_by, reason)
    VALUES (1, $1, $2, $3, $4, $5, $6) ON CONFLICT (one) DO NOTHING";
/// Only the draft that was seen: what somebody else saved meanwhile is not lost unread.
const REMOVE_DRAFT: &str = "DELETE FROM profile_draft WHERE one = 1 AND digest = $1";

impl Store {
    /// The newest first.
    pub async fn profiles(&self, limit: u32) -> Result<Vec<ProfileRow>, StoreError> {
        let rows: Vec<Row> = on_pool!(self, c => sqlx::query_as(NEWEST).bind(i64::from(limit)).fetch_all(c).await)?;
        rows.into_iter().map(Row::profile).collect()
    }

    pub async fn profile_draft(&self) -> Result<Option<ProfileDraft>, StoreError> {
        let row: Option<DraftRow> = on_pool!(self, c => sqlx::query_as(DRAFT).fetch_optional(c).await)?;
        row.map(DraftRow::draft).transpose()
    }
}

impl Tx {
    pub async fn add_profile(&mut self, row: &ProfileRow) -> Result<(), StoreError> {
        let added = on_tx!(self, c => sqlx::query(ADD)
            .bind(i64::from(row.version))
            .bind(&row.body)
            .bind(&row.written_by)
            .bind(row.published_at.micros())
            .bind(&row.published_by)
            .bind(&row.reason)
            .execute(c)
            .await
            .map(|done| done.rows_affected()))?;
        won("profile", added)
    }

    /// In place of the one that was seen, or where there was none.
    pub async fn put_profile_draft(&mut self, seen: Option<&str>, draft: &ProfileDraft) -> Result<(), StoreError> {
        if let Some(digest) = seen {
            self.remove_profile_draft(digest).await?;
        }
        let added = on_tx!(self, c => sqlx::query(ADD_DRAFT)
            .bind(&draft.digest)
            .bind(i64::from(draft.base))
            .bind(&draft.body)
            .bind(draft.saved_at.micros())
            .bind(&draft.saved_by)
            .bind(&draft.reason)
            .execute(c)
            .await
            .map(|done| done.rows_affected()))?;
        won("profile draft", added)
    }

    pub async fn remove_profile_draft(&mut self, digest: &str) -> Result<(), StoreError> {
        let removed = on_tx!(self, c => sqlx::query(REMOVE_DRAFT).bind(digest).execute(c).await
            .map(|done| done.rows_affected()))?;
        won("profile draft", removed)
    }
}
