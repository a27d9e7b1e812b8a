//! How many terminals were online when: one row for each look at the fleet.

use kaishin_domain::time::Time;

use super::codec::unreadable;
use super::db::{Store, on_pool, on_tx};
use super::error::StoreError;
use super::writer::Tx;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PresenceSample {
    pub at: Time,
    pub terminals: u64,
    pub online: u64,
    /// Terminals with an open fault.
    pub faulty: u64,
}

const SINCE: &str = "SELECT at, terminals, online, faulty FROM presence_sample WHERE at >= $1 ORDER BY at";
const INSERT: &str = "
    INSERT INTO presence_sample (at, terminals, online, faulty) VALUES ($1, $2, $3, $4) ON CONFLICT (at) DO NOTHING";
const FORGET: &str = "DELETE FROM presence_sample WHERE at < $1";

fn number(value: u64) -> Result<i64, StoreError> {
    i64::try_from(value).map_err(|_| unreadable("presence sample", value))
}

impl Store {
    pub async fn presence_since(&self, since: Time) -> Result<Vec<PresenceSample>, StoreError> {
        let rows: Vec<(i64, i64, i64, i64)> =
            on_pool!(self, c => sqlx::query_as(SINCE).bind(since.micros()).fetch_all(c).await)?;
        let sample = |(at, terminals, online, faulty): (i64, i64, i64, i64)| PresenceSample {
            at: Time(at),
            terminals: terminals.unsigned_abs(),
            online: online.unsigned_abs(),
            faulty: faulty.unsigned_abs(),
        };
        Ok(rows.into_iter().map(sample).collect())
    }
}

impl Tx {
    /// Keeps a sample and forgets those from before.
    pub async fn sample_presence(&mut self, sample: PresenceSample, forget_before: Time) -> Result<(), StoreError> {
        let (terminals, online) = (number(sample.terminals)?, number(sample.online)?);
        let faulty = number(sample.faulty)?;
        on_tx!(self, c => sqlx::query(INSERT)
            .bind(sample.at.micros())
            .bind(terminals)
            .bind(online)
            .bind(faulty)
            .execute(c)
            .await
            .map(drop))?;
        on_tx!(self, c => sqlx::query(FORGET).bind(forget_before.micros()).execute(c).await.map(drop))?;
        Ok(())
    }
}
