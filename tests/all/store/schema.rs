//! The schema: the same on both engines, brought up to date at the start, and never read by an older program.

use std::collections::{BTreeMap, BTreeSet};

use kaishin::store::{Database, Store, StoreError};
use kaishin_tests::need;
use sqlx::{ConnectOptions, Connection, PgConnection, SqliteConnection};

use super::{Opened, on_both_engines};

on_both_engines! {
    a_newer_schema_is_refused
    a_migration_that_was_edited_afterwards_is_refused
}

async fn reopened(opened: Opened, statement: &str) -> StoreError {
    opened.store.close().await;
    opened.meddle(&[statement]).await;
    match Store::open(&opened.database).await {
        Ok(_) => panic!("it opened"),
        Err(error) => error,
    }
}

async fn a_newer_schema_is_refused(opened: Opened) {
    let newer = "INSERT INTO _sqlx_migrations (version, description, success, checksum, execution_time)
        SELECT 9999, 'from the future', success, checksum, 0 FROM _sqlx_migrations LIMIT 1";
    let error = reopened(opened, newer).await;
    assert!(
        matches!(
            error,
            StoreError::TooNew {
                found: 9999,
                known: 1..
            }
        ),
        "{error}"
    );
    assert!(error.to_string().contains("newer Kaishin"));
}

async fn a_migration_that_was_edited_afterwards_is_refused(opened: Opened) {
    let error = reopened(opened, "UPDATE _sqlx_migrations SET checksum = 'x'").await;
    assert!(matches!(error, StoreError::Migration(_)), "{error}");
}

/// Table -> column -> what it holds; and the names of the indexes.
#[derive(Debug, Default, PartialEq, Eq)]
struct Schema {
    tables: BTreeMap<String, BTreeMap<String, String>>,
    indexes: BTreeSet<String>,
}

type Column = (String, String, String, bool);

impl Schema {
    fn of(columns: Vec<Column>, indexes: Vec<(String,)>) -> Schema {
        let mut schema = Schema::default();
        for (table, column, kind, required) in columns {
            let kind = match kind.to_uppercase().as_str() {
                "BYTEA" => "BLOB".to_owned(),
                other => other.to_owned(),
            };
            let holds = format!("{kind}{}", if required { " NOT NULL" } else { "" });
            schema.tables.entry(table).or_default().insert(column, holds);
        }
        schema.indexes = indexes.into_iter().map(|(name,)| name).collect();
        schema
    }
}

const SQLITE_COLUMNS: &str = "
    SELECT t.name, c.name, c.type, c.\"notnull\" <> 0 FROM sqlite_schema t JOIN pragma_table_info(t.name) c
    WHERE t.type = 'table' AND t.name NOT LIKE '\\_sqlx%' ESCAPE '\\' AND t.name NOT LIKE 'sqlite%'";
const SQLITE_INDEXES: &str = "SELECT name FROM sqlite_schema WHERE type = 'index' AND sql IS NOT NULL";
const POSTGRES_COLUMNS: &str = "
    SELECT table_name::text, column_name::text, data_type::text, is_nullable = 'NO' FROM information_schema.columns
    WHERE table_schema = 'public' AND table_name NOT LIKE '\\_sqlx%'";
const POSTGRES_INDEXES: &str = "
    SELECT i.relname::text FROM pg_index x JOIN pg_class i ON i.oid = x.indexrelid JOIN pg_class t ON t.oid = x.indrelid
    JOIN pg_namespace n ON n.oid = t.relnamespace
    WHERE n.nspname = 'public' AND NOT EXISTS (SELECT 1 FROM pg_constraint c WHERE c.conindid = x.indexrelid)";

pub async fn sqlite_connection(database: &Database) -> SqliteConnection {
    let Database::Sqlite(path) = database else {
        panic!("an SQLite database")
    };
    let options = sqlx::sqlite::SqliteConnectOptions::new().filename(path);
    options.connect().await.expect("SQLite opens")
}

pub async fn postgres_connection(database: &Database) -> PgConnection {
    let Database::Postgres(url) = database else {
        panic!("a PostgreSQL database")
    };
    PgConnection::connect(url).await.expect("PostgreSQL answers")
}

#[tokio::test]
async fn both_engines_have_the_same_tables_columns_and_indexes() {
    let sqlite = Opened::sqlite().await;
    let postgres = need!(Opened::postgres().await, "PostgreSQL");
    let mut conn = sqlite_connection(&sqlite.database).await;
    let of_sqlite = Schema::of(
        sqlx::query_as(SQLITE_COLUMNS)
            .fetch_all(&mut conn)
            .await
            .expect("the columns"),
        sqlx::query_as(SQLITE_INDEXES)
            .fetch_all(&mut conn)
            .await
            .expect("the indexes"),
    );
    let mut conn = postgres_connection(&postgres.database).await;
    let of_postgres = Schema::of(
        sqlx::query_as(POSTGRES_COLUMNS)
            .fetch_all(&mut conn)
            .await
            .expect("the columns"),
        sqlx::query_as(POSTGRES_INDEXES)
            .fetch_all(&mut conn)
            .await
            .expect("the indexes"),
    );
    assert!(of_sqlite.tables.contains_key("terminal") && !of_sqlite.indexes.is_empty());
    assert_eq!(of_sqlite, of_postgres);
}
