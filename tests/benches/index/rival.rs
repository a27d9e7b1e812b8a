//! SQLite alone, better than a server on it would have it: one row for each terminal with just what is asked for, its
//! facility's columns copied in, versions as numbers, and an index on everything.

use std::path::Path;

use kaishin_domain::facility::Facility;
use kaishin_domain::fold::search_key;
use kaishin_proto::time::{Span, Time};
use kaishin_proto::value::{Value, Version};
use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode};
use sqlx::{AssertSqlSafe, ConnectOptions, Connection, SqliteConnection};

use super::fleet::{NOW, Terminal};

pub struct Rival {
    db: SqliteConnection,
}

const TABLES: &str = "
    CREATE TABLE t (id TEXT PRIMARY KEY, hostname TEXT, institution TEXT, online INT, revoked INT, last_seen INT,
      model TEXT, serial TEXT, build INT, revision INT, version TEXT, fast_startup INT, boot_time INT,
      edge_version TEXT, delegate INT, update_mode TEXT, missing TEXT, faults TEXT, serious INT,
      facility_name TEXT, prefecture TEXT, carrier TEXT, update_choice TEXT, search TEXT) WITHOUT ROWID;
    CREATE TABLE known (id TEXT PRIMARY KEY, facts TEXT) WITHOUT ROWID;
    CREATE TABLE facility (code TEXT PRIMARY KEY, name TEXT, search TEXT) WITHOUT ROWID;";
const INDEXED: [&str; 16] = [
    "hostname",
    "online",
    "last_seen",
    "model",
    "serial",
    "build",
    "revision",
    "fast_startup",
    "boot_time",
    "edge_version",
    "delegate",
    "update_mode",
    "serious",
    "prefecture",
    "update_choice",
    "facility_name",
];
const INSERT: &str = "INSERT INTO t VALUES
    ($1,$2,$3,$4,$5,$6,$7,$8,$9,$10,$11,$12,$13,$14,$15,$16,$17,$18,$19,$20,$21,$22,$23,$24)";

/// A version of up to four small numbers as one.
fn as_number(version: &Version) -> i64 {
    let mut parts = version.0.split('.').map(|part| part.parse::<i64>().unwrap_or(0));
    (0..4).fold(0, |number, _| number * 10_000 + parts.next().unwrap_or(0).min(9_999))
}

impl Rival {
    pub async fn open(path: &Path) -> Result<Rival, sqlx::Error> {
        let options = SqliteConnectOptions::new()
            .filename(path)
            .create_if_missing(true)
            .journal_mode(SqliteJournalMode::Wal)
            .pragma("cache_size", "-2097152");
        let mut db = options.connect().await?;
        sqlx::raw_sql(TABLES).execute(&mut db).await?;
        Ok(Rival { db })
    }

    /// `find` names the facility that a terminal stands in; `serious` says which rules are.
    pub async fn fill<'a>(
        &mut self,
        fleet: impl Iterator<Item = Terminal>,
        find: &dyn Fn(&str) -> Option<&'a Facility>,
        serious: &dyn Fn(&str) -> bool,
    ) -> Result<(), Box<dyn std::error::Error>> {
        let mut tx = self.db.begin().await?;
        for Terminal { entry, online } in fleet {
            let fact = |key: &str| entry.facts.get(key);
            let text = |key: &str| match fact(key) {
                Some(Value::Text(text)) => Some(text.clone()),
                Some(Value::Version(version)) => Some(version.0.clone()),
                Some(Value::List(items)) => Some(format!(" {} ", items.join(" "))),
                _ => None,
            };
            let number = |key: &str| match fact(key) {
                Some(Value::Number(number)) => Some(*number),
                Some(Value::Truth(truth)) => Some(i64::from(*truth)),
                Some(Value::Time(time)) => Some(time.0),
                Some(Value::Version(version)) => Some(as_number(version)),
                _ => None,
            };
            let facility = entry.institution.as_deref().and_then(find);
            let search = [
                Some(entry.hostname.clone()),
                entry.institution.clone(),
                text("hardware.model"),
                text("hardware.serial"),
                facility.map(|facility| search_key(&facility.name)),
            ];
            let search: Vec<String> = search.into_iter().flatten().map(|text| text.to_lowercase()).collect();
            sqlx::query(INSERT)
                .bind(entry.id.to_string())
                .bind(&entry.hostname)
                .bind(&entry.institution)
                .bind(online)
                .bind(entry.flags.revoked)
                .bind(entry.last_seen.map(Time::micros))
                .bind(text("hardware.model"))
                .bind(text("hardware.serial"))
                .bind(number("os.build"))
                .bind(number("os.revision"))
                .bind(number("os.version"))
                .bind(number("power.fast_startup"))
                .bind(number("boot.time"))
                .bind(text("edge.version"))
                .bind(number("edge.delegate.version"))
                .bind(text("update.mode"))
                .bind(text("tasks.missing"))
                .bind(format!(" {} ", entry.faults.join(" ")))
                .bind(entry.faults.iter().any(|rule| serious(rule)))
                .bind(facility.map(|facility| facility.name.clone()))
                .bind(facility.and_then(|facility| Some(facility.prefecture?.words().ja)))
                .bind(facility.and_then(|facility| facility.carrier.clone()))
                .bind(facility.and_then(|facility| Some(facility.update_choice?.name())))
                .bind(search.join("\n"))
                .execute(&mut *tx)
                .await?;
            sqlx::query("INSERT INTO known VALUES ($1, $2)")
                .bind(entry.id.to_string())
                .bind(serde_json::to_string(&entry.facts)?)
                .execute(&mut *tx)
                .await?;
        }
        tx.commit().await?;
        for column in INDEXED {
            let text = format!("CREATE INDEX t_{column} ON t ({column}, id)");
            sqlx::raw_sql(AssertSqlSafe(text)).execute(&mut self.db).await?;
        }
        Ok(())
    }

    pub async fn fill_ledger(&mut self, ledger: &[Facility]) -> Result<(), sqlx::Error> {
        let mut tx = self.db.begin().await?;
        for facility in ledger {
            sqlx::query("INSERT INTO facility VALUES ($1, $2, $3)")
                .bind(facility.code.to_string())
                .bind(&facility.name)
                .bind(facility.search_lines(&[]).join("\n"))
                .execute(&mut *tx)
                .await?;
        }
        tx.commit().await?;
        sqlx::raw_sql("ANALYZE").execute(&mut self.db).await.map(drop)
    }

    /// Count, first page with its facts, five facets.
    pub async fn ask(&mut self, condition: &str, order: &str) -> Result<i64, sqlx::Error> {
        let ago = |days| (NOW - Span::days(days)).0.to_string();
        let condition = condition.replace("$7d", &ago(7)).replace("$3d", &ago(3));
        let text = format!("SELECT count(*) FROM t WHERE {condition}");
        let total: i64 = sqlx::query_scalar(AssertSqlSafe(text)).fetch_one(&mut self.db).await?;
        let text = format!(
            "SELECT p.*, known.facts FROM (SELECT * FROM t WHERE {condition} ORDER BY {order}, id LIMIT 50) p
             JOIN known ON known.id = p.id"
        );
        sqlx::query(AssertSqlSafe(text)).fetch_all(&mut self.db).await?;
        for column in ["faults", "prefecture", "model", "build", "edge_version"] {
            let text = format!(
                "SELECT {column}, count(*) FROM t WHERE {condition} GROUP BY {column} ORDER BY 2 DESC LIMIT 10"
            );
            sqlx::query(AssertSqlSafe(text)).fetch_all(&mut self.db).await?;
        }
        Ok(total)
    }

    /// The first twenty facilities and terminals that hold a text.
    pub async fn find(&mut self, text: &str) -> Result<(), sqlx::Error> {
        let like = format!("%{}%", search_key(text));
        for ask in [
            "SELECT code, name FROM facility WHERE search LIKE $1 LIMIT 20",
            "SELECT id, hostname FROM t WHERE search LIKE $1 LIMIT 20",
        ] {
            sqlx::query(ask).bind(&like).fetch_all(&mut self.db).await?;
        }
        Ok(())
    }
}
