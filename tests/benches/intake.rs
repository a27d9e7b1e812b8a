//! Facts intake: changed sections committed per second through the application, beside the same bytes written to SQLite
//! in bare multi-row statements, in one run.
//!
//! `cargo bench -p kaishin-tests --bench intake [-- --terminals N --rounds N]` prints one JSON object.

use std::collections::BTreeMap;
use std::io::Write;

use futures_util::StreamExt as _;
use kaishin::app::facts::{Section, report};
use kaishin_agent::facts::{About, names, section};
use kaishin_agent::os::sim::Sim;
use kaishin_proto::clock::Clock;
use kaishin_proto::id::TerminalId;
use kaishin_proto::time::Time;
use kaishin_proto::value::{Value, Version};
use kaishin_tests::harness::Harness;
use kaishin_tests::line::Terminal;
use serde_json::json;
use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode, SqliteSynchronous};
use sqlx::{AssertSqlSafe, ConnectOptions, Connection, SqliteConnection};

#[cfg(target_os = "linux")]
#[global_allocator]
static ALLOCATOR: tikv_jemallocator::Jemalloc = tikv_jemallocator::Jemalloc;

/// Terminals that report at the same moment.
const AT_ONCE: usize = 512;
const ROWS: usize = 512;
const COLUMNS: usize = 6;

fn main() {
    let mut wanted = [("--terminals", 400), ("--rounds", 20)];
    let given: Vec<String> = std::env::args().skip(1).collect();
    for (name, number) in &mut wanted {
        let said = given
            .iter()
            .position(|one| one == name)
            .and_then(|at| given.get(at + 1)?.parse().ok());
        *number = said.unwrap_or(*number);
    }
    let [(_, terminals), (_, rounds)] = wanted;
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    let told = runtime.block_on(measure(terminals, rounds));
    let _ = writeln!(std::io::stdout(), "{told:#}");
}

/// The value in another round: something else of the same type.
fn another(value: Value, round: usize) -> Value {
    let n = i64::try_from(round).unwrap_or(0);
    match value {
        Value::Truth(_) => Value::Truth(round.is_multiple_of(2)),
        Value::Number(_) => Value::Number(n),
        Value::Text(text) => Value::Text(format!("{text} {round}")),
        Value::Version(_) => Value::Version(Version(format!("10.0.{round}"))),
        Value::Time(_) => Value::Time(Time(n)),
        Value::Size(_) => Value::Size(round as u64),
        value @ (Value::Duration(_) | Value::List(_) | Value::Table(_) | Value::Unknown(_)) => value,
    }
}

/// What a terminal has to say: in each round one fact of every section is another.
fn sections(n: usize, round: usize, clock: &Clock) -> Vec<Section> {
    let sim = Sim::new(7, n as u64, clock.clone());
    let about = About::new(format!("0.1.{round}"), Time(0));
    names()
        .map(|name| {
            let mut facts: BTreeMap<_, _> = section(name, &sim, &about).unwrap_or_default().into_iter().collect();
            if let Some((_, first)) = facts
                .iter_mut()
                .find(|(_, value)| another((*value).clone(), 0) != another((*value).clone(), 1))
            {
                *first = another(first.clone(), round);
            }
            let digest = [round.to_le_bytes(), n.to_le_bytes()].concat();
            Section {
                name: name.to_owned(),
                digest,
                observed_at: clock.now(),
                facts,
            }
        })
        .collect()
}

async fn measure(terminals: usize, rounds: usize) -> serde_json::Value {
    let harness = Harness::start().await;
    let clock = Clock::system();
    let token = harness.token(u32::try_from(terminals).expect("a sane number")).await;
    let app = &harness.handle().app;
    let mut ids: Vec<Who> = Vec::with_capacity(terminals);
    for n in 0..terminals {
        let one = Terminal::enrolled(harness.agents(), &format!("BENCH-{n}"), &token).await;
        let known = app.store.terminal(one.id()).await.expect("read").expect("it is there");
        ids.push((known.id, known.key_hash));
    }
    let mut ours = 0.0;
    let mut bare = 0.0;
    let mut connection = bare_database(&harness).await;
    for round in 0..rounds {
        let reports: Vec<_> = ids
            .iter()
            .enumerate()
            .map(|(n, id)| (*id, sections(n, round, &clock)))
            .collect();
        let rows = rows(&reports);
        let begun = clock.now();
        let done = futures_util::stream::iter(reports)
            .map(|(terminal, sections)| report(app, terminal.0, terminal.1, sections))
            .buffer_unordered(AT_ONCE);
        done.for_each(async |done| done.expect("committed")).await;
        ours += clock.now().since(begun).0 as f64 / 1e6;
        let begun = clock.now();
        write(&mut connection, &rows).await;
        bare += clock.now().since(begun).0 as f64 / 1e6;
    }
    let count = (terminals * rounds * names().count()) as f64;
    let told = json!({
        "sections": count,
        "ours_per_second": count / ours,
        "bare_rows_per_second": count / bare,
        "ratio": bare / ours,
    });
    connection.close().await.expect("closed");
    told
}

type Who = (TerminalId, [u8; 32]);
type Row = (String, String, Vec<u8>, i64, String);

fn rows(reports: &[(Who, Vec<Section>)]) -> Vec<Row> {
    let row = |(id, _): &Who, section: &Section| {
        let facts = serde_json::to_string(&section.facts).expect("JSON");
        (
            id.to_string(),
            section.name.clone(),
            section.digest.clone(),
            section.observed_at.micros(),
            facts,
        )
    };
    reports
        .iter()
        .flat_map(|(who, sections)| sections.iter().map(move |section| row(who, section)))
        .collect()
}

async fn bare_database(harness: &Harness) -> SqliteConnection {
    let file = harness.database_file().with_file_name("bare.db");
    let mut connection = SqliteConnectOptions::new()
        .filename(file)
        .create_if_missing(true)
        .journal_mode(SqliteJournalMode::Wal)
        .synchronous(SqliteSynchronous::Full)
        .connect()
        .await
        .expect("a database");
    let table =
        "CREATE TABLE section (terminal_id TEXT, name TEXT, digest BLOB, observed_at BIGINT, received_at BIGINT,
                 facts TEXT, PRIMARY KEY (terminal_id, name))";
    sqlx::query(table).execute(&mut connection).await.expect("a table");
    connection
}

/// The same rows with nothing around them: one statement and one commit for every so many.
async fn write(connection: &mut SqliteConnection, rows: &[Row]) {
    for part in rows.chunks(ROWS) {
        let one = format!("({})", ["?"; COLUMNS].join(", "));
        let text = format!(
            "INSERT INTO section VALUES {} ON CONFLICT (terminal_id, name) DO UPDATE SET digest = excluded.digest,
             observed_at = excluded.observed_at, received_at = excluded.received_at, facts = excluded.facts",
            vec![one; part.len()].join(", ")
        );
        let mut query = sqlx::query(AssertSqlSafe(text));
        for (id, name, digest, at, facts) in part {
            query = query.bind(id).bind(name).bind(digest).bind(at).bind(at).bind(facts);
        }
        query.execute(&mut *connection).await.expect("written");
    }
}
