//! SIGKILL at random moments, of the server and of agents, while jobs run. Nothing that was acknowledged is lost, nothing
//! happens twice, and every job comes to its end.
//!
//! `KAISHIN_KILL=full` makes it 500 agents and 5,000 jobs. `KAISHIN_SEED` repeats a run's choices.

mod agents;
mod server;

use std::collections::BTreeSet;
use std::path::Path;
use std::time::Duration;

use http::Method;
use kaishin_agent::chance::Chance;
use kaishin_proto::clock::Clock;
use kaishin_proto::time::Span;
use kaishin_tests::http::Http;
use kaishin_tests::wait::eventually;
use serde_json::{Value, json};
use sqlx::{ConnectOptions, SqliteConnection};

/// How much is done, and how often it is interrupted.
#[derive(Clone, Copy, Debug)]
struct Size {
    agents: u64,
    jobs: usize,
    kills: usize,
}

impl Size {
    fn chosen(small: Size, full: Size) -> Size {
        let all = std::env::var("KAISHIN_KILL").is_ok_and(|value| value == "full");
        if all { full } else { small }
    }
}

/// Bounded: leases are a minute, back-offs less.
const ALL_FINAL: Duration = Duration::from_secs(300);

fn chance() -> (u64, Chance) {
    let told = std::env::var("KAISHIN_SEED").ok().and_then(|text| text.parse().ok());
    let seed = told.unwrap_or_else(|| u64::from(std::process::id()));
    (seed, Chance::new(seed))
}

/// The random moment at which the next one dies.
async fn some_moment(chance: &mut Chance) {
    let wait = 150 + chance.below(1_350);
    Clock::system()
        .sleep(Span::millis(i64::try_from(wait).unwrap_or(500)))
        .await;
}

/// Everything there is behind a paged address, or `None` when the server went away meanwhile.
async fn all_pages(api: &Http, path: &str, parameter: &str) -> Option<Vec<Value>> {
    let mut items = Vec::new();
    let mut next = String::new();
    loop {
        let page = api
            .try_send(Method::GET, &format!("{path}?limit=500{next}"), None)
            .await?;
        let page: Value = serde_json::from_str(&page.text).ok()?;
        items.extend(page["items"].as_array()?.iter().cloned());
        let Some(cursor) = page["next"].as_str() else {
            return Some(items);
        };
        next = format!("&{parameter}={cursor}");
    }
}

async fn terminals(api: &Http) -> Option<Vec<String>> {
    let all = all_pages(api, "/api/v1/terminals", "cursor").await?;
    Some(
        all.iter()
            .filter_map(|one| Some(one["id"].as_str()?.to_owned()))
            .collect(),
    )
}

/// Orders one job; answers its id once the server has said that it exists.
async fn order(api: &Http, terminal: &str, (remedy, params): (&str, Value)) -> Option<String> {
    let path = format!("/api/v1/terminals/{terminal}/jobs");
    let body = json!({ "remedy": remedy, "params": params, "reason": "kill" }).to_string();
    let answer = api
        .try_send(Method::POST, &path, Some(("application/json", body)))
        .await?;
    (answer.status == 201).then(|| answer.json()["id"].as_str().map(str::to_owned))?
}

/// Orders so many jobs, over all terminals in turn, through however many lives of the server it takes.
async fn order_all(api: &Http, terminals: &[String], jobs: usize) -> BTreeSet<String> {
    use futures_util::StreamExt;
    let orders = futures_util::stream::iter(0..jobs).map(async |n| {
        // A terminal is changed three times a day and no more; an order whose answer was lost is made again.
        let remedy = || {
            if n < terminals.len() {
                ("active-hours", json!({ "start": 6, "end": 21 }))
            } else {
                ("refresh-facts", json!({}))
            }
        };
        let terminal = &terminals[n % terminals.len()];
        eventually(ALL_FINAL, "a job is ordered", async || {
            order(api, terminal, remedy()).await
        })
        .await
    });
    orders.buffer_unordered(16).collect().await
}

/// Waits until no job is open.
async fn all_final(api: &Http) -> Vec<Value> {
    let open = |job: &Value| {
        matches!(
            job["state"].as_str(),
            Some("ready" | "offered" | "accepted" | "running") | None
        )
    };
    eventually(ALL_FINAL, "every job is final", async || {
        let jobs = all_pages(api, "/api/v1/jobs", "before").await?;
        (!jobs.iter().any(open)).then_some(jobs)
    })
    .await
}

async fn open_database(data: &Path) -> SqliteConnection {
    let options = sqlx::sqlite::SqliteConnectOptions::new().filename(data.join("kaishin.db"));
    options.connect().await.expect("the database opens")
}

/// What must hold in the database itself, whatever happened.
async fn check_database(data: &Path, ordered: &BTreeSet<String>) {
    let mut conn = open_database(data).await;
    let sound: String = sqlx::query_scalar("PRAGMA integrity_check")
        .fetch_one(&mut conn)
        .await
        .expect("a verdict");
    assert_eq!(sound, "ok");
    let jobs: Vec<(String, String)> = sqlx::query_as("SELECT id, state FROM job")
        .fetch_all(&mut conn)
        .await
        .expect("jobs");
    let kept: BTreeSet<&str> = jobs.iter().map(|(id, _)| id.as_str()).collect();
    let lost: Vec<_> = ordered.iter().filter(|id| !kept.contains(id.as_str())).collect();
    assert!(lost.is_empty(), "ordered, acknowledged and lost: {lost:?}");
    let bad: Vec<_> = jobs.iter().filter(|(_, state)| state != "succeeded").collect();
    assert!(bad.is_empty(), "jobs that did not succeed: {bad:?}");
    let results: i64 = sqlx::query_scalar("SELECT COUNT(*) FROM job_result")
        .fetch_one(&mut conn)
        .await
        .expect("a count");
    assert_eq!(usize::try_from(results), Ok(jobs.len()), "one result for each job");
    let differ = "SELECT COUNT(*) FROM job j JOIN job_result r ON r.job_id = j.id WHERE r.outcome <> j.state";
    let differ: i64 = sqlx::query_scalar(differ).fetch_one(&mut conn).await.expect("a count");
    assert_eq!(differ, 0, "job and result say different things");
    // A step that was done was begun, and every step of a job that succeeded is there.
    let halves = "
        SELECT COUNT(*) FROM job_step d WHERE d.phase = 'done' AND NOT EXISTS
            (SELECT 1 FROM job_step i WHERE i.job_id = d.job_id AND i.number = d.number AND i.phase = 'intent')";
    let halves: i64 = sqlx::query_scalar(halves).fetch_one(&mut conn).await.expect("a count");
    assert_eq!(halves, 0, "steps done without having begun");
    let gaps = "
        SELECT COUNT(*) FROM job j WHERE j.state = 'succeeded' AND NOT EXISTS
            (SELECT 1 FROM job_result r WHERE r.job_id = j.id AND r.detail = 'already as it should be') AND
            (SELECT COUNT(DISTINCT s.number) FROM job_step s WHERE s.job_id = j.id AND s.phase IN ('done', 'probed')) <
            (SELECT COALESCE(MAX(s.number) - MIN(s.number) + 1, 0) FROM job_step s WHERE s.job_id = j.id)";
    let gaps: i64 = sqlx::query_scalar(gaps).fetch_one(&mut conn).await.expect("a count");
    assert_eq!(gaps, 0, "steps that were acknowledged and lost");
    // Of a change that was ordered twice, because the first answer was lost, the second finds all as it should be.
    let changes = "
        SELECT (SELECT COUNT(DISTINCT s.name) FROM job_step s WHERE s.job_id = j.id) FROM job j
        WHERE j.remedy LIKE '%active-hours%' AND j.state = 'succeeded' AND NOT EXISTS
            (SELECT 1 FROM job_result r WHERE r.job_id = j.id AND r.detail = 'already as it should be')";
    let changes: Vec<i64> = sqlx::query_scalar(changes).fetch_all(&mut conn).await.expect("counts");
    let thin = changes.iter().filter(|steps| **steps < 4).count();
    assert!(!changes.is_empty(), "nothing was changed anywhere");
    assert_eq!(thin, 0, "jobs without all of their steps");
}
