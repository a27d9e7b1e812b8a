//! Where the two databases differ.

use std::path::Path;
use std::str::FromStr;

use sqlx::migrate::Migrator;
use sqlx::postgres::PgConnectOptions;
use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode, SqliteSynchronous};

pub static SQLITE_MIGRATIONS: Migrator = sqlx::migrate!("../migrations/sqlite");
pub static POSTGRES_MIGRATIONS: Migrator = sqlx::migrate!("../migrations/postgres");

/// SQLite takes the write lock at the start, so that a transaction never fails half-way for want of it.
pub const BEGIN_SQLITE: &str = "BEGIN IMMEDIATE";
pub const BEGIN_POSTGRES: &str = "BEGIN";

/// Acknowledged means durable: FULL makes every commit reach the disk.
pub fn sqlite_writer(path: &Path) -> SqliteConnectOptions {
    SqliteConnectOptions::new()
        .filename(path)
        .create_if_missing(true)
        .journal_mode(SqliteJournalMode::Wal)
        .synchronous(SqliteSynchronous::Full)
        .foreign_keys(true)
        .busy_timeout(std::time::Duration::from_secs(10))
        .pragma("cache_size", "-65536")
        .pragma("wal_autocheckpoint", "4000")
        .statement_cache_capacity(512)
}

pub fn sqlite_reader(path: &Path) -> SqliteConnectOptions {
    SqliteConnectOptions::new()
        .filename(path)
        .busy_timeout(std::time::Duration::from_secs(10))
        .pragma("query_only", "on")
        .pragma("cache_size", "-32768")
        .statement_cache_capacity(512)
}

pub fn postgres(url: &str) -> Result<PgConnectOptions, sqlx::Error> {
    Ok(PgConnectOptions::from_str(url)?
        .application_name("kaishin")
        .statement_cache_capacity(512))
}
