//! What was acknowledged survives a SIGKILL at any moment: a second copy of this test program writes and says what was
//! acknowledged, and is killed while it does.

use std::path::Path;
use std::process::Command;

use futures_util::future::join_all;
use kaishin::store::{Database, Store, StoreError};
use kaishin_domain::audit::{Event, Verifier};
use kaishin_domain::time::Time;
use kaishin_tests::children::Child;
use kaishin_tests::wait::{SOON, eventually};
use serde_json::Value;

use super::Opened;
use super::schema::sqlite_connection;

const PLACE: &str = "KAISHIN_TEST_CRASH_DATABASE";
const WRITER: &str = "all::store::crash::the_one_that_is_killed";

fn place(database: &Database) -> String {
    match database {
        Database::Sqlite(path) => path.to_string_lossy().into_owned(),
        Database::Postgres(url) => url.clone(),
    }
}

#[tokio::test]
async fn sqlite_keeps_what_it_acknowledged_when_its_program_is_killed() {
    let opened = Opened::sqlite().await;
    kill_and_check(&opened).await;
    let mut conn = sqlite_connection(&opened.database).await;
    let sound: String = sqlx::query_scalar("PRAGMA integrity_check")
        .fetch_one(&mut conn)
        .await
        .expect("a verdict");
    assert_eq!(sound, "ok");
}

#[tokio::test]
async fn postgres_keeps_what_it_acknowledged_when_its_client_is_killed() {
    let opened = kaishin_tests::need!(Opened::postgres().await, "PostgreSQL");
    kill_and_check(&opened).await;
}

async fn kill_and_check(opened: &Opened) {
    let mut acknowledged = Vec::new();
    for lines in [10, 150, 400] {
        let mut command = Command::new(std::env::current_exe().expect("this program"));
        command
            .args(["--exact", WRITER, "--ignored", "--nocapture", "--test-threads=1"])
            .env(PLACE, place(&opened.database));
        let mut child = Child::spawn(&mut command).expect("a second copy starts");
        let told = |child: &Child| -> Vec<String> {
            let text = child.out().so_far();
            // The last line may be cut off by the kill.
            let whole = text.rfind('\n').map_or("", |end| &text[..end]);
            whole
                .lines()
                .filter_map(|line| line.split("ack ").nth(1))
                .map(str::to_owned)
                .collect()
        };
        eventually(SOON, "enough is acknowledged", async || {
            (told(&child).len() >= lines).then_some(())
        })
        .await;
        child.kill();
        // What it said before it died may still be on its way through the pipe.
        let mut seen = told(&child);
        eventually(SOON, "nothing more is said", async || {
            let before = std::mem::replace(&mut seen, told(&child));
            (before.len() == seen.len()).then_some(())
        })
        .await;
        acknowledged.extend(seen);
    }
    let again = Store::open(&opened.database).await.expect("opens after the kill");
    let entries = again.audit_after(0, 1_000_000).await.expect("the log reads");
    let mut verifier = Verifier::default();
    for entry in &entries {
        verifier.check(entry).expect("the chain is whole");
    }
    verifier
        .finish(again.audit_head().await.expect("the head reads"))
        .expect("the head fits");
    let kept: std::collections::BTreeSet<&str> = entries.iter().map(|entry| entry.target.as_str()).collect();
    assert_eq!(kept.len(), entries.len(), "nothing was written twice");
    let lost: Vec<_> = acknowledged
        .iter()
        .filter(|target| !kept.contains(target.as_str()))
        .collect();
    assert!(
        lost.is_empty(),
        "{} acknowledged, {} lost: {lost:?}",
        acknowledged.len(),
        lost.len()
    );
    again.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "run by the tests above in a process of its own"]
#[expect(clippy::print_stdout, reason = "tells its parent what was acknowledged")]
async fn the_one_that_is_killed() {
    let place = std::env::var(PLACE).expect("where to write");
    let database = if place.starts_with("postgres:") {
        Database::Postgres(place)
    } else {
        Database::Sqlite(Path::new(&place).to_owned())
    };
    let store = Store::open(&database).await.expect("opens");
    let own = std::process::id();
    join_all((0..16).map(async |writer: u32| {
        for n in 0..u32::MAX {
            let target = format!("{own}:{writer}:{n}");
            let event = Event {
                at: Time(1),
                actor: "test".into(),
                action: "test.write",
                target: target.clone(),
                reason: String::new(),
                before: Value::Null,
                after: Value::Null,
            };
            let unit = store.write(|tx| Box::pin(async move { tx.audit(event).await.map(drop) }));
            let done: Result<(), StoreError> = unit.await;
            done.expect("written");
            println!("ack {target}");
        }
    }))
    .await;
}
