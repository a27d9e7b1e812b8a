//! The store on both engines: the same functions run over SQLite and over a PostgreSQL of the tests' own.

mod audit;
mod calls;
mod crash;
mod enrolment;
mod facilities;
mod history;
mod jobs;
mod people;
mod profile;
mod queries;
mod records;
mod schema;
mod terminals;
mod writer;

use futures_util::future::BoxFuture;
use kaishin::store::{Database, Store, StoreError, Tx};
use kaishin_domain::id::TerminalId;
use kaishin_domain::terminal::{Machine, Standing, Terminal};
use kaishin_domain::time::Time;
use kaishin_tests::postgres;

/// An open store on a database that nobody else uses.
struct Opened {
    store: Store,
    database: Database,
    _folder: Option<tempfile::TempDir>,
}

impl Opened {
    async fn sqlite() -> Opened {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let database = Database::Sqlite(folder.path().join("kaishin.db"));
        Opened::new(database, Some(folder)).await
    }

    async fn postgres() -> Option<Opened> {
        let database = postgres::database().await?;
        Some(Opened::new(Database::Postgres(database.url), None).await)
    }

    async fn new(database: Database, folder: Option<tempfile::TempDir>) -> Opened {
        Opened {
            store: Store::open(&database).await.expect("an empty database opens"),
            database,
            _folder: folder,
        }
    }

    /// Runs statements behind the store's back, one after the other.
    async fn meddle(&self, statements: &[&str]) {
        for statement in statements {
            match &self.database {
                Database::Sqlite(path) => meddle_with_sqlite(path, statement).await,
                Database::Postgres(url) => {
                    let mut conn = <sqlx::PgConnection as sqlx::Connection>::connect(url)
                        .await
                        .expect("PostgreSQL answers");
                    sqlx::query(sqlx::AssertSqlSafe((*statement).to_owned()))
                        .execute(&mut conn)
                        .await
                        .map(drop)
                        .expect("the statement runs");
                }
            }
        }
    }

    /// One unit of work that has to succeed.
    async fn write<F>(&self, unit: F)
    where
        F: for<'t> FnOnce(&'t mut Tx) -> BoxFuture<'t, Result<(), StoreError>> + Send + 'static,
    {
        self.store.write(unit).await.expect("the unit of work is committed");
    }
}

/// Runs one statement on the file, as somebody with a shell and a grudge does; nothing of it stays in a log beside the file.
pub async fn meddle_with_sqlite(file: &std::path::Path, statement: &str) {
    let options = sqlx::sqlite::SqliteConnectOptions::new().filename(file);
    let mut conn = sqlx::ConnectOptions::connect(&options).await.expect("SQLite opens");
    for statement in [statement, "PRAGMA wal_checkpoint(TRUNCATE)"] {
        sqlx::query(sqlx::AssertSqlSafe(statement.to_owned()))
            .execute(&mut conn)
            .await
            .map(drop)
            .expect("the statement runs");
    }
    sqlx::Connection::close(conn).await.expect("SQLite closes");
}

/// Makes of each function one test per engine.
macro_rules! on_both_engines {
    ($($test:ident)*) => {
        mod sqlite {
            $(#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $test() {
                super::$test(super::super::Opened::sqlite().await).await;
            })*
        }
        mod postgres {
            $(#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $test() {
                let opened = kaishin_tests::need!(super::super::Opened::postgres().await, "PostgreSQL");
                super::$test(opened).await;
            })*
        }
    };
}
use on_both_engines;

fn terminal_id(n: u16) -> TerminalId {
    TerminalId::new(Time(0), ten(n))
}

/// Ten bytes that sort like the number.
fn ten(n: u16) -> [u8; 10] {
    let mut bytes = [0; 10];
    bytes[8..].copy_from_slice(&n.to_be_bytes());
    bytes
}

fn hash(n: u16) -> [u8; 32] {
    let mut bytes = [7; 32];
    bytes[..2].copy_from_slice(&n.to_be_bytes());
    bytes
}

fn terminal(n: u16) -> Terminal {
    Terminal {
        id: terminal_id(n),
        key_hash: hash(n),
        generation: 1,
        machine: Machine {
            hostname: format!("受付{n}"),
            manufacturer: "Lenovo".into(),
            model: "ThinkPad E14".into(),
            serial: format!("S{n}"),
            smbios_uuid: format!("uuid-{n}"),
            os_version: "10.0.19044".into(),
        },
        institution_code: Some("1312345678".into()),
        agent_version: "0.1.0".into(),
        minor: 1,
        enrolled_at: Time(5),
        enrolled_with: None,
        last_seen: None,
        certificate_until: Time(1_000),
        standing: Standing::Active,
        hold: None,
    }
}
