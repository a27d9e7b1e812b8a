//! The group-commit writer: one connection, one task, many callers' units of work in one transaction. Each unit stands
//! in a savepoint of its own, so that one that fails takes nobody with it. Callers hear after the commit, never before.

use std::panic::AssertUnwindSafe;
use std::sync::Arc;

use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use sqlx::postgres::PgConnectOptions;
use sqlx::sqlite::SqliteConnectOptions;
use sqlx::{AssertSqlSafe, ConnectOptions, PgConnection, SqliteConnection};
use tokio::sync::{Notify, mpsc, oneshot};
use tokio::task::JoinHandle;
use tracing::error;

use super::codec::in_order;
use super::db::on_tx;
use super::dialect::{BEGIN_POSTGRES, BEGIN_SQLITE};
use super::error::StoreError;

/// More callers than this wait their turn: memory stays bounded, and so does one commit.
const QUEUE: usize = 1024;
const GROUP: usize = 256;

const SAVEPOINT: &str = "SAVEPOINT unit";
const RELEASE: &str = "RELEASE SAVEPOINT unit";
const ROLLBACK_TO: &str = "ROLLBACK TO SAVEPOINT unit";
const COMMIT: &str = "COMMIT";
const ROLLBACK: &str = "ROLLBACK";

/// Where a unit of work writes.
pub struct Tx {
    pub(super) conn: Conn,
}

impl Tx {
    /// A statement over many rows, as this database likes it best.
    pub(super) fn statement(&self, text: String) -> AssertSqlSafe<String> {
        AssertSqlSafe(match self.conn {
            Conn::Sqlite(_) => in_order(text),
            Conn::Postgres(_) => text,
        })
    }
}

pub(super) enum Conn {
    Sqlite(SqliteConnection),
    Postgres(PgConnection),
}

#[derive(Clone)]
pub(super) enum Origin {
    Sqlite(SqliteConnectOptions),
    Postgres(PgConnectOptions),
}

impl Origin {
    pub(super) async fn connect(&self) -> Result<Conn, StoreError> {
        Ok(match self {
            Origin::Sqlite(options) => Conn::Sqlite(options.connect().await?),
            Origin::Postgres(options) => Conn::Postgres(options.connect().await?),
        })
    }
}

/// Tells one caller how it went, once the group's commit is known.
type Tell = Box<dyn FnOnce(Result<(), StoreError>) + Send>;
/// Runs one caller's work; says whether to keep it.
type Unit = Box<dyn for<'t> FnOnce(&'t mut Tx) -> BoxFuture<'t, (bool, Tell)> + Send>;

#[derive(Clone)]
pub(super) struct Writer {
    queue: mpsc::Sender<Unit>,
    stop: Arc<Notify>,
}

impl Writer {
    pub(super) fn start(origin: Origin, conn: Conn) -> (Writer, JoinHandle<()>) {
        let (queue, units) = mpsc::channel(QUEUE);
        let stop = Arc::new(Notify::new());
        let task = tokio::spawn(run(origin, Tx { conn }, units, stop.clone()));
        (Writer { queue, stop }, task)
    }

    pub(super) fn stop(&self) {
        self.stop.notify_one();
    }

    pub(super) async fn write<R, E, F>(&self, unit: F) -> Result<R, E>
    where
        F: for<'t> FnOnce(&'t mut Tx) -> BoxFuture<'t, Result<R, E>> + Send + 'static,
        R: Send + 'static,
        E: From<StoreError> + Send + 'static,
    {
        let (answer, heard) = oneshot::channel();
        let unit: Unit = Box::new(move |tx| {
            Box::pin(async move {
                let done = AssertUnwindSafe(unit(tx)).catch_unwind().await;
                let done = done.unwrap_or_else(|_| Err(E::from(StoreError::BrokeOff)));
                let keep = done.is_ok();
                let tell: Tell = Box::new(move |committed| {
                    let told = match committed {
                        Ok(()) => done,
                        Err(error) => done.and(Err(E::from(error))),
                    };
                    // A caller that went away has no use for the answer.
                    let _ = answer.send(told);
                });
                (keep, tell)
            })
        });
        self.queue.send(unit).await.map_err(|_| StoreError::Stopped)?;
        heard.await.map_err(|_| StoreError::Stopped)?
    }
}

async fn run(origin: Origin, mut tx: Tx, mut units: mpsc::Receiver<Unit>, stop: Arc<Notify>) {
    loop {
        let first = tokio::select! {
            biased;
            unit = units.recv() => unit,
            () = stop.notified() => {
                units.close();
                continue;
            }
        };
        let Some(first) = first else { return };
        if begin(&origin, &mut tx).await.is_err() {
            // Dropping the unit tells its caller that the writer did not do it.
            drop(first);
            continue;
        }
        let mut told = Vec::new();
        let mut next = Some(first);
        let mut sound = Ok(());
        while let Some(unit) = next {
            match one(&mut tx, unit).await {
                Ok(tell) => told.push(tell),
                Err(broken) => {
                    sound = Err(broken);
                    break;
                }
            }
            next = if told.len() < GROUP {
                units.try_recv().ok()
            } else {
                None
            };
        }
        let committed = match sound {
            Ok(()) => execute(&mut tx, COMMIT).await,
            Err(broken) => {
                let _ = execute(&mut tx, ROLLBACK).await;
                Err(broken)
            }
        };
        if let Err(failure) = &committed {
            error!(error = %failure, units = told.len(), "a group of writes was not committed");
        }
        for tell in told {
            tell(committed.clone());
        }
    }
}

/// Starts a transaction; on a connection that died, once more on a new one.
async fn begin(origin: &Origin, tx: &mut Tx) -> Result<(), StoreError> {
    let statement = match &tx.conn {
        Conn::Sqlite(_) => BEGIN_SQLITE,
        Conn::Postgres(_) => BEGIN_POSTGRES,
    };
    if execute(tx, statement).await.is_ok() {
        return Ok(());
    }
    let again = async {
        tx.conn = origin.connect().await?;
        execute(tx, statement).await
    };
    again
        .await
        .inspect_err(|failure| error!(error = %failure, "the database cannot be written"))
}

/// Runs one unit in its savepoint. An error here means that the whole transaction is lost, not just the unit.
async fn one(tx: &mut Tx, unit: Unit) -> Result<Tell, StoreError> {
    execute(tx, SAVEPOINT).await?;
    let (keep, tell) = unit(tx).await;
    let settled = async {
        if !keep {
            execute(tx, ROLLBACK_TO).await?;
        }
        execute(tx, RELEASE).await
    };
    match settled.await {
        Ok(()) => Ok(tell),
        Err(broken) => {
            tell(Err(broken.clone()));
            Err(broken)
        }
    }
}

async fn execute(tx: &mut Tx, statement: &'static str) -> Result<(), StoreError> {
    on_tx!(tx, c => sqlx::query(statement).execute(c).await.map(drop))?;
    Ok(())
}
