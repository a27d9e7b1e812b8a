//! Filters that people keep, and selections: all terminals that matched at one moment.

use kaishin_domain::id::{SelectionId, ViewId};
use kaishin_domain::time::Time;

use super::codec::{bytes32, count, parse, won};
use super::db::{Store, on_pool, on_tx};
use super::error::StoreError;
use super::writer::Tx;

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SavedView {
    pub id: ViewId,
    pub owner: String,
    /// Seen by everybody.
    pub team: bool,
    pub name: String,
    pub expr: String,
    /// Keys with commas between; empty for the usual ones.
    pub columns: String,
    pub sort: String,
    pub revision: u32,
    pub created_at: Time,
    pub updated_at: Time,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Selection {
    pub id: SelectionId,
    pub hash: [u8; 32],
    pub expr: String,
    pub terminals: u32,
    pub created_by: String,
    pub created_at: Time,
    pub expires_at: Time,
}

#[derive(sqlx::FromRow)]
struct ViewRow {
    id: String,
    owner: String,
    team: bool,
    name: String,
    expr: String,
    columns: String,
    sort: String,
    revision: i64,
    created_at: i64,
    updated_at: i64,
}

impl ViewRow {
    fn view(self) -> Result<SavedView, StoreError> {
        Ok(SavedView {
            id: parse("view id", &self.id)?,
            owner: self.owner,
            team: self.team,
            name: self.name,
            expr: self.expr,
            columns: self.columns,
            sort: self.sort,
            revision: count("revision", self.revision)?,
            created_at: Time(self.created_at),
            updated_at: Time(self.updated_at),
        })
    }
}

#[derive(sqlx::FromRow)]
struct SelectionRow {
    id: String,
    hash: Vec<u8>,
    expr: String,
    terminals: i64,
    created_by: String,
    created_at: i64,
    expires_at: i64,
}

impl SelectionRow {
    fn selection(self) -> Result<Selection, StoreError> {
        Ok(Selection {
            id: parse("selection id", &self.id)?,
            hash: bytes32("hash", self.hash)?,
            expr: self.expr,
            terminals: count("terminals", self.terminals)?,
            created_by: self.created_by,
            created_at: Time(self.created_at),
            expires_at: Time(self.expires_at),
        })
    }
}

const SEEN_BY: &str = "
    SELECT id, owner, team, name, expr, columns, sort, revision, created_at, updated_at
    FROM saved_view WHERE owner = $1 OR team ORDER BY name, id";
const VIEW: &str = "
    SELECT id, owner, team, name, expr, columns, sort, revision, created_at, updated_at
    FROM saved_view WHERE id = $1";
const INSERT_VIEW: &str = "
    INSERT INTO saved_view (id, owner, team, name, expr, columns, sort, revision, created_at, updated_at)
    VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)";
const UPDATE_VIEW: &str = "
    UPDATE saved_view SET team = $3, name = $4, expr = $5, columns = $6, sort = $7, revision = $2 + 1, updated_at = $8
    WHERE id = $1 AND revision = $2";
const DELETE_VIEW: &str = "DELETE FROM saved_view WHERE id = $1 AND revision = $2";
const SELECTION: &str = "
    SELECT id, hash, expr, terminals, created_by, created_at, expires_at FROM selection WHERE id = $1";
const SELECTED: &str = "SELECT ids FROM selection WHERE id = $1";
const INSERT_SELECTION: &str = "
    INSERT INTO selection (id, hash, expr, terminals, ids, created_by, created_at, expires_at)
    VALUES ($1, $2, $3, $4, $5, $6, $7, $8)";
const FORGET_SELECTIONS: &str = "DELETE FROM selection WHERE expires_at <= $1";

impl Store {
    /// Somebody's own and the team's.
    pub async fn views(&self, owner: &str) -> Result<Vec<SavedView>, StoreError> {
        let rows: Vec<ViewRow> = on_pool!(self, c => sqlx::query_as(SEEN_BY).bind(owner).fetch_all(c).await)?;
        rows.into_iter().map(ViewRow::view).collect()
    }

    pub async fn view(&self, id: ViewId) -> Result<Option<SavedView>, StoreError> {
        let row: Option<ViewRow> =
            on_pool!(self, c => sqlx::query_as(VIEW).bind(id.to_string()).fetch_optional(c).await)?;
        row.map(ViewRow::view).transpose()
    }

    pub async fn selection(&self, id: SelectionId) -> Result<Option<Selection>, StoreError> {
        let row: Option<SelectionRow> =
            on_pool!(self, c => sqlx::query_as(SELECTION).bind(id.to_string()).fetch_optional(c).await)?;
        row.map(SelectionRow::selection).transpose()
    }

    /// The ids of a selection, sixteen bytes each.
    pub async fn selected(&self, id: SelectionId) -> Result<Option<Vec<u8>>, StoreError> {
        let ids = on_pool!(self, c => sqlx::query_scalar(SELECTED).bind(id.to_string()).fetch_optional(c).await)?;
        Ok(ids)
    }
}

impl Tx {
    pub async fn insert_view(&mut self, view: &SavedView) -> Result<(), StoreError> {
        on_tx!(self, c => sqlx::query(INSERT_VIEW)
            .bind(view.id.to_string())
            .bind(&view.owner)
            .bind(view.team)
            .bind(&view.name)
            .bind(&view.expr)
            .bind(&view.columns)
            .bind(&view.sort)
            .bind(i64::from(view.revision))
            .bind(view.created_at.micros())
            .bind(view.updated_at.micros())
            .execute(c)
            .await
            .map(drop))?;
        Ok(())
    }

    /// `is` still carries the revision that was seen.
    pub async fn update_view(&mut self, is: &SavedView) -> Result<(), StoreError> {
        let rows = on_tx!(self, c => sqlx::query(UPDATE_VIEW)
            .bind(is.id.to_string())
            .bind(i64::from(is.revision))
            .bind(is.team)
            .bind(&is.name)
            .bind(&is.expr)
            .bind(&is.columns)
            .bind(&is.sort)
            .bind(is.updated_at.micros())
            .execute(c)
            .await
            .map(|done| done.rows_affected()))?;
        won("saved view", rows)
    }

    pub async fn delete_view(&mut self, was: &SavedView) -> Result<(), StoreError> {
        let rows = on_tx!(self, c => sqlx::query(DELETE_VIEW)
            .bind(was.id.to_string())
            .bind(i64::from(was.revision))
            .execute(c)
            .await
            .map(|done| done.rows_affected()))?;
        won("saved view", rows)
    }

    pub async fn insert_selection(&mut self, selection: &Selection, ids: &[u8]) -> Result<(), StoreError> {
        on_tx!(self, c => sqlx::query(INSERT_SELECTION)
            .bind(selection.id.to_string())
            .bind(selection.hash.to_vec())
            .bind(&selection.expr)
            .bind(i64::from(selection.terminals))
            .bind(ids)
            .bind(&selection.created_by)
            .bind(selection.created_at.micros())
            .bind(selection.expires_at.micros())
            .execute(c)
            .await
            .map(drop))?;
        Ok(())
    }

    pub async fn forget_selections(&mut self, now: Time) -> Result<u64, StoreError> {
        let rows = on_tx!(self, c => sqlx::query(FORGET_SELECTIONS)
            .bind(now.micros())
            .execute(c)
            .await
            .map(|done| done.rows_affected()))?;
        Ok(rows)
    }
}
