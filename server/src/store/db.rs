//! Opening the database, bringing its schema up to date, and the two ways in: `read` and `write`.

use std::path::PathBuf;
use std::sync::Arc;

use futures_util::future::BoxFuture;
use sqlx::migrate::{MigrateError, Migrator};
use sqlx::postgres::PgPoolOptions;
use sqlx::sqlite::SqlitePoolOptions;
use sqlx::{AssertSqlSafe, PgPool, SqlitePool};
use tokio::task::JoinHandle;

use super::codec::in_order;
use super::dialect;
use super::error::StoreError;
use super::writer::{Conn, Origin, Tx, Writer};

/// Which database to use.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Database {
    Sqlite(PathBuf),
    /// A `postgres://` address.
    Postgres(String),
}

#[derive(Clone)]
pub(super) enum Db {
    Sqlite(SqlitePool),
    Postgres(PgPool),
}

/// Cheap to clone; all clones share one writer.
#[derive(Clone)]
pub struct Store {
    pub(super) db: Db,
    writer: Writer,
    ended: Arc<tokio::sync::Mutex<Option<JoinHandle<()>>>>,
}

/// Runs one body for whichever database is open; `$c` is an executor.
macro_rules! on_pool {
    ($store:expr, $c:ident => $body:expr) => {
        match &$store.db {
            $crate::store::db::Db::Sqlite($c) => $body,
            $crate::store::db::Db::Postgres($c) => $body,
        }
    };
}

/// The same inside a unit of work.
macro_rules! on_tx {
    ($tx:expr, $c:ident => $body:expr) => {
        match &mut $tx.conn {
            $crate::store::writer::Conn::Sqlite(conn) => {
                let $c = conn;
                $body
            }
            $crate::store::writer::Conn::Postgres(conn) => {
                let $c = conn;
                $body
            }
        }
    };
}

pub(super) use {on_pool, on_tx};

impl Store {
    pub async fn open(database: &Database) -> Result<Store, StoreError> {
        let (origin, readers) = match database {
            Database::Sqlite(path) => (Origin::Sqlite(dialect::sqlite_writer(path)), None),
            Database::Postgres(url) => (Origin::Postgres(dialect::postgres(url)?), Some(dialect::postgres(url)?)),
        };
        let mut conn = origin.connect().await?;
        migrate(&mut conn).await?;
        let db = match (database, readers) {
            (Database::Sqlite(path), _) => Db::Sqlite(
                SqlitePoolOptions::new()
                    .max_connections(4)
                    .connect_with(dialect::sqlite_reader(path))
                    .await?,
            ),
            (Database::Postgres(_), Some(options)) => {
                Db::Postgres(PgPoolOptions::new().max_connections(8).connect_with(options).await?)
            }
            (Database::Postgres(_), None) => return Err(StoreError::Stopped),
        };
        let (writer, task) = Writer::start(origin, conn);
        Ok(Store {
            db,
            writer,
            ended: Arc::new(tokio::sync::Mutex::new(Some(task))),
        })
    }

    /// A statement over many rows, as this database likes it best.
    pub(super) fn statement(&self, text: String) -> AssertSqlSafe<String> {
        AssertSqlSafe(match self.db {
            Db::Sqlite(_) => in_order(text),
            Db::Postgres(_) => text,
        })
    }

    /// One unit of work: all of it or nothing, and the answer comes only after the commit. Units of many callers share
    /// a commit, so a unit waits for nothing but the database.
    pub async fn write<R, E, F>(&self, unit: F) -> Result<R, E>
    where
        F: for<'t> FnOnce(&'t mut Tx) -> BoxFuture<'t, Result<R, E>> + Send + 'static,
        R: Send + 'static,
        E: From<StoreError> + Send + 'static,
    {
        self.writer.write(unit).await
    }

    /// Whether the database answers.
    pub async fn ping(&self) -> Result<(), StoreError> {
        const PING: &str = "SELECT CAST(1 AS BIGINT)";
        let _: i64 = on_pool!(self, c => sqlx::query_scalar(PING).fetch_one(c).await)?;
        Ok(())
    }

    pub fn engine(&self) -> &'static str {
        match self.db {
            Db::Sqlite(_) => "sqlite",
            Db::Postgres(_) => "postgres",
        }
    }

    /// Finishes what is queued and closes every connection.
    pub async fn close(&self) {
        self.writer.stop();
        if let Some(task) = self.ended.lock().await.take() {
            // A writer that panicked has nothing left to say here; its callers were told.
            let _ = task.await;
        }
        match &self.db {
            Db::Sqlite(pool) => pool.close().await,
            Db::Postgres(pool) => pool.close().await,
        }
    }
}

async fn migrate(conn: &mut Conn) -> Result<(), StoreError> {
    let (migrations, done): (&Migrator, _) = match conn {
        Conn::Sqlite(conn) => {
            let migrations = &dialect::SQLITE_MIGRATIONS;
            (migrations, migrations.run_direct(None, conn, false).await)
        }
        Conn::Postgres(conn) => {
            let migrations = &dialect::POSTGRES_MIGRATIONS;
            (migrations, migrations.run_direct(None, conn, false).await)
        }
    };
    let Err(error) = done else { return Ok(()) };
    let known = migrations.iter().map(|migration| migration.version).max().unwrap_or(0);
    if let MigrateError::VersionMissing(found) | MigrateError::VersionTooNew(found, _) = error {
        return Err(StoreError::TooNew { found, known });
    }
    Err(StoreError::Migration(Arc::new(error)))
}
