//! How far open faults have been held against the rules that are in force.

use std::collections::BTreeMap;

use super::codec::{from_json, to_json};
use super::db::{Store, on_pool, on_tx};
use super::error::StoreError;
use super::writer::Tx;

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct VerdictProgress {
    /// The rules that all open faults were held against, each with its fingerprint.
    pub settled: BTreeMap<String, String>,
    /// The fingerprint of the pack that they are being held against; empty when nothing is under way.
    pub towards: String,
    /// The terminal that was judged last, in the order of ids; empty at the start.
    pub after: String,
}

const PROGRESS: &str = "SELECT settled, towards, after FROM verdict_progress WHERE one = 1";
const PUT: &str = "
    INSERT INTO verdict_progress (one, settled, towards, after) VALUES (1, $1, $2, $3)
    ON CONFLICT (one) DO UPDATE SET settled = excluded.settled, towards = excluded.towards, after = excluded.after";

impl Store {
    pub async fn verdict_progress(&self) -> Result<VerdictProgress, StoreError> {
        let row: Option<(String, String, String)> =
            on_pool!(self, c => sqlx::query_as(PROGRESS).fetch_optional(c).await)?;
        let Some((settled, towards, after)) = row else {
            return Ok(VerdictProgress::default());
        };
        Ok(VerdictProgress {
            settled: from_json("verdict progress", &settled)?,
            towards,
            after,
        })
    }
}

impl Tx {
    pub async fn put_verdict_progress(&mut self, progress: &VerdictProgress) -> Result<(), StoreError> {
        let settled = to_json("verdict progress", &progress.settled)?;
        on_tx!(self, c => sqlx::query(PUT)
            .bind(&settled)
            .bind(&progress.towards)
            .bind(&progress.after)
            .execute(c)
            .await
            .map(drop))?;
        Ok(())
    }
}
