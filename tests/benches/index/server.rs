//! A real server on the whole fleet in its own database: how long it takes to start, and how long lists and searches take
//! over HTTP.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use kaishin_domain::facility::Facility;
use kaishin_domain::words::Words;
use kaishin_proto::clock::Clock;
use kaishin_proto::fact;
use kaishin_proto::value::Value;
use kaishin_tests::harness::Harness;
use serde_json::{Value as Json, json};
use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode, SqliteSynchronous};
use sqlx::{AssertSqlSafe, ConnectOptions, Connection, Sqlite, SqliteConnection, Transaction};

use super::fleet::{Machines, NOW, Terminal};
use super::{Failed, SEARCHES, in_millis, percentile};

const LISTS: [&str; 3] = [
    "/api/v1/terminals?q=online%3Ano%20fault%3Aany&sort=-last_seen",
    "/api/v1/facets?q=fault%3Afast-startup-on&by=fault,facility.prefecture,hardware.model,os.build,edge.version",
    "/api/v1/complete?q=facility.name%3A",
];

fn values(rows: usize, columns: usize) -> String {
    let mut text = String::new();
    for row in 0..rows {
        text.push_str(if row == 0 { "(" } else { ",(" });
        for column in 0..columns {
            let _ = write!(
                text,
                "{}${}",
                if column == 0 { "" } else { "," },
                row * columns + column + 1
            );
        }
        text.push(')');
    }
    text
}

async fn put(tx: &mut Transaction<'_, Sqlite>, Terminal { entry, .. }: &Terminal, n: u64) -> Result<(), Failed> {
    let text = |key: &str| match entry.facts.get(key) {
        Some(Value::Text(text)) => text.clone(),
        Some(Value::Version(version)) => version.0.clone(),
        _ => String::new(),
    };
    let (id, mut key) = (entry.id.to_string(), [0; 32]);
    key[..8].copy_from_slice(&n.to_be_bytes());
    sqlx::query(
        "INSERT INTO terminal (id, key_hash, generation, hostname, manufacturer, model, serial, smbios_uuid, os_version,
           institution_code, agent_version, minor, enrolled_at, last_seen, certificate_until)
         VALUES ($1, $2, 1, $3, $4, $5, $6, $7, $8, $9, $10, 0, $11, $12, $13)",
    )
    .bind(&id)
    .bind(key.to_vec())
    .bind(&entry.hostname)
    .bind(text("hardware.manufacturer"))
    .bind(text("hardware.model"))
    .bind(text("hardware.serial"))
    .bind(text("hardware.uuid"))
    .bind(text("os.version"))
    .bind(&entry.institution)
    .bind(text("agent.version"))
    .bind(NOW.0)
    .bind(entry.last_seen.map_or(0, |at| at.0))
    .bind(i64::MAX)
    .execute(&mut **tx)
    .await?;
    let texts = fact::SECTIONS.iter().map(|section| {
        let mine = section
            .facts
            .iter()
            .filter_map(|fact| entry.facts.get_key_value(fact.key));
        let facts: BTreeMap<&String, &Value> = mine.collect();
        serde_json::to_string(&facts).map(|text| (section.name, text))
    });
    let texts = texts.collect::<Result<Vec<_>, _>>()?;
    let sql = format!(
        "INSERT INTO fact_section (terminal_id, name, digest, observed_at, received_at, facts) VALUES {}",
        values(texts.len(), 6)
    );
    let mut query = sqlx::query(AssertSqlSafe(sql));
    for (name, facts) in texts {
        query = query
            .bind(&id)
            .bind(name)
            .bind(vec![0_u8; 32])
            .bind(NOW.0)
            .bind(NOW.0)
            .bind(facts);
    }
    query.execute(&mut **tx).await?;
    for rule in &entry.faults {
        sqlx::query("INSERT INTO fault (terminal_id, rule, opened_at, expected, found) VALUES ($1, $2, $3, $4, $5)")
            .bind(&id)
            .bind(rule)
            .bind(NOW.0)
            .bind(serde_json::to_string(&Words::new("無効", "off"))?)
            .bind(serde_json::to_string(&Value::Truth(true))?)
            .execute(&mut **tx)
            .await?;
    }
    Ok(())
}

async fn fill(
    db: &mut SqliteConnection,
    fleet: impl Iterator<Item = Terminal>,
    ledger: &[Facility],
) -> Result<(), Failed> {
    let mut tx = db.begin().await?;
    for one in ledger {
        sqlx::query(
            "INSERT INTO facility (code, name, kana, kind, prefecture, address, phones, carrier, update_choice,
               shared_receipt, revision, created_at, updated_at)
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, 1, $11, $11)",
        )
        .bind(one.code.to_string())
        .bind(&one.name)
        .bind(&one.kana)
        .bind(one.kind.map(|kind| kind.name()))
        .bind(one.prefecture.map(|prefecture| i64::from(prefecture.number())))
        .bind(&one.address)
        .bind(serde_json::to_string(&one.phones)?)
        .bind(&one.carrier)
        .bind(one.update_choice.map(|choice| choice.name()))
        .bind(one.shared_receipt)
        .bind(NOW.0)
        .execute(&mut *tx)
        .await?;
    }
    for (n, one) in (0..).zip(fleet) {
        put(&mut tx, &one, n).await?;
    }
    tx.commit().await?;
    Ok(())
}

pub async fn measure(
    machines: &Machines,
    ledger: &[Facility],
    count: u64,
    rounds: usize,
    clock: &Clock,
) -> Result<Json, Failed> {
    let mut harness = Harness::start().await;
    harness.stop().await;
    let file = harness.database_file();
    let options = SqliteConnectOptions::new()
        .filename(&file)
        .journal_mode(SqliteJournalMode::Wal)
        .synchronous(SqliteSynchronous::Off);
    let mut db = options.connect().await?;
    fill(&mut db, machines.fleet(count), ledger).await?;
    sqlx::raw_sql("PRAGMA wal_checkpoint(TRUNCATE)")
        .execute(&mut db)
        .await?;
    db.close().await?;
    let bytes = std::fs::metadata(&file)?.len();

    let begun = clock.now();
    harness.restart().await;
    let started = in_millis(clock.now().since(begun));
    let known = harness.api.get("/api/v1/terminals?limit=1").await.expect(200).json()["total"].clone();
    if known != json!(count) {
        return Err(format!("the server knows {known} terminals of {count}").into());
    }
    let mut all = Vec::new();
    let mut each = Vec::new();
    let searches = SEARCHES.iter().map(|text| {
        let q: String = text.bytes().map(|byte| format!("%{byte:02X}")).collect();
        (format!("/api/v1/search?q={q}"), true)
    });
    for (path, search) in searches.chain(LISTS.map(|path| (path.to_owned(), false))) {
        let mut times = Vec::new();
        for _ in 0..rounds {
            let begun = clock.now();
            harness.api.get(&path).await.expect(200);
            times.push(in_millis(clock.now().since(begun)));
        }
        if search {
            all.extend_from_slice(&times);
        }
        each.push(
            json!({ "get": path, "p50_ms": percentile(&mut times, 0.5), "p95_ms": percentile(&mut times, 0.95) }),
        );
    }
    harness.stop().await;
    Ok(json!({
        "database_bytes": bytes, "start_ms": started, "search_over_http_p95_ms": percentile(&mut all, 0.95),
        "requests": each,
    }))
}
