//! How long a person waits: from the order of a remedy, over the yes of somebody at the terminal who does not hesitate, to the
//! result that the terminal has verified and the server shows. One order at a time, each on a terminal that has had fewer
//! changes that day than its own governor allows; beside it, in the same run, the round trip of a bare stream.

use std::process::Command;
use std::time::Duration;

use kaishin_proto::clock::Clock;
use kaishin_proto::time::Span;
use kaishin_tests::children::Child;
use kaishin_tests::http::Http;
use kaishin_tests::serve::{CommandLine, Served};
use kaishin_tests::wait::eventually;
use serde_json::{Value, json};

use crate::measure::{online, terminals};

const LONG: Duration = Duration::from_secs(300);
/// Each sets something else, so that every run really changes the terminal: no more than its day allows.
const HOURS: [(u8, u8); 3] = [(7, 21), (6, 20), (5, 19)];
/// Between two looks at the job.
const LOOK: Span = Span::millis(2);
const QUIET: Span = Span::seconds(5);

#[derive(clap::Args, Clone, Debug)]
pub struct Click {
    /// Orders, one after the other
    #[arg(long, default_value_t = 1_000)]
    runs: usize,
    /// The server's program; without one, `kaishin` beside this program
    #[arg(long)]
    server_binary: Option<std::path::PathBuf>,
}

pub async fn run(wanted: Click) {
    let clock = Clock::system();
    let stream = round_trips(wanted.runs).await;
    let folder = tempfile::tempdir().expect("a folder");
    let own = std::env::current_exe().expect("this program");
    let binary = wanted.server_binary.unwrap_or_else(|| own.with_file_name("kaishin"));
    let line = CommandLine::of(binary, folder.path()).with("KAISHIN_ENROLMENT_BURST", "1000000");
    let mut server = Served::on(line).await;
    let count = wanted.runs.div_ceil(HOURS.len());
    let mut command = Command::new(&own);
    command
        .args(["agents", "--server", &server.agents.to_string(), "--pin", &server.pin])
        .args(["--token", &server.enrolment_token, "--terminals", &count.to_string()])
        .args(["--first", "0", "--source", "127.0.1.1", "--keep"])
        .arg(folder.path().join("terminals"));
    let fleet = Child::spawn(&mut command).expect("terminals");
    let api = server.api();
    online(&api, count as u64).await;
    let ids = terminals(&api).await;
    // The first facts of so many are taken in, and nothing else happens any more.
    clock.sleep(QUIET).await;

    let mut runs = Vec::with_capacity(wanted.runs);
    for n in 0..wanted.runs {
        runs.push(click(&clock, &api, &ids[n % count], HOURS[n / count]).await);
    }
    drop(fleet);
    server.stop().await;

    let succeeded = runs.iter().filter(|run| run.verified).count();
    let told = |pick: fn(&Run) -> f64| percentiles(runs.iter().map(pick).collect());
    let (whole, without) = (told(|run| run.whole), told(|run| run.whole - run.work));
    let ratio = |key: &str| whole[key].as_f64().unwrap_or(0.0) / stream[key].as_f64().unwrap_or(1.0);
    crate::say(&json!({
        "runs": runs.len(), "terminals": count, "verified": succeeded,
        "click_to_verified_ms": whole,
        "the_remedys_own_work_ms": told(|run| run.work),
        "without_its_own_work_ms": without,
        "asking_the_person_ms": told(|run| run.asking),
        "on_the_servers_clock_ms": told(|run| run.server),
        "bare_stream_round_trip_ms": stream,
        "ratios": { "p50": ratio("p50"), "p95": ratio("p95"), "p99": ratio("p99") },
        "p95_under_a_second_plus_its_own_work": without["p95"].as_f64().is_some_and(|ms| ms < 1_000.0),
    }));
}

/// In milliseconds.
struct Run {
    whole: f64,
    /// From the first step's beginning to the last one's end, on the terminal's clock.
    work: f64,
    asking: f64,
    server: f64,
    /// It has succeeded, and the facts say what was ordered.
    verified: bool,
}

async fn click(clock: &Clock, api: &Http, terminal: &str, (start, end): (u8, u8)) -> Run {
    let order = json!({ "remedy": "active-hours", "params": { "start": start, "end": end } });
    let begun = clock.now();
    let made = api.post(&format!("/api/v1/terminals/{terminal}/jobs"), &order).await;
    let id = made.expect(201).json()["id"].as_str().expect("a job's id").to_owned();
    let path = format!("/api/v1/jobs/{id}");
    let over = Span::seconds(60);
    let job = loop {
        let job = api.get(&path).await.expect(200).json();
        if !job["finished_at"].is_null() || clock.now().since(begun) > over {
            break job;
        }
        clock.sleep(LOOK).await;
    };
    let whole = clock.now().since(begun).0 as f64 / 1e3;
    let facts = api
        .get(&format!("/api/v1/terminals/{terminal}"))
        .await
        .expect(200)
        .json();
    let fact = |key: &str| facts["facts"][key]["value"].as_u64();
    let as_ordered = fact("update.active_start") == Some(start.into()) && fact("update.active_end") == Some(end.into());
    if job["state"] != "succeeded" {
        tracing::warn!(%job, "a run did not succeed");
    }
    let steps = job["steps"].as_array().cloned().unwrap_or_default();
    let (mut work, mut asking) = (Vec::new(), Vec::new());
    for step in &steps {
        let at = micros(&step["at"]);
        if step["number"] == 0 { &mut asking } else { &mut work }.extend(at);
    }
    let server = micros(&job["finished_at"]).zip(micros(&job["created_at"]));
    Run {
        whole,
        work: between(&work),
        asking: between(&asking),
        server: server.map_or(0.0, |(finished, created)| (finished - created) as f64 / 1e3),
        verified: job["state"] == "succeeded" && as_ordered,
    }
}

fn micros(value: &Value) -> Option<i64> {
    let at: jiff::Timestamp = value.as_str()?.parse().ok()?;
    Some(at.as_microsecond())
}

/// From the first to the last of these.
fn between(moments: &[i64]) -> f64 {
    let ends = moments.iter().min().zip(moments.iter().max());
    ends.map_or(0.0, |(first, last)| (last - first) as f64 / 1e3)
}

pub fn percentiles(mut all: Vec<f64>) -> Value {
    all.sort_by(f64::total_cmp);
    let at = |share: f64| {
        let place = ((all.len() as f64 - 1.0) * share).round() as usize;
        all.get(place).copied().unwrap_or(0.0)
    };
    json!({ "p50": at(0.5), "p95": at(0.95), "p99": at(0.99), "max": at(1.0) })
}

/// Of one bare stream over mutual TLS, one message at a time.
async fn round_trips(rounds: usize) -> Value {
    let own = std::env::current_exe().expect("this program");
    let folder = tempfile::tempdir().expect("a folder");
    let mut command = Command::new(&own);
    command.arg("echo-server").arg("--folder").arg(folder.path());
    let mut server = Child::spawn(&mut command).expect("an echo");
    let told = |text: &str, key: &str| -> Option<Value> {
        let value: Value = serde_json::from_str(text).ok()?;
        (!value[key].is_null()).then_some(value)
    };
    let place = server.says("the echo's address", |text| told(text, "echo")).await;
    let mut command = Command::new(&own);
    command
        .args(["echo-clients", "--streams", "1", "--rounds", &rounds.to_string()])
        .args(["--server", place["echo"].as_str().unwrap_or_default()])
        .args(["--papers", place["papers"].as_str().unwrap_or_default()]);
    let mut client = Child::spawn(&mut command).expect("the echo's caller");
    let out = client.out().clone();
    let played = eventually(LONG, "ping-pong is played", async || {
        assert!(client.has_ended().is_none(), "{}", client.err().so_far());
        out.so_far().lines().find_map(|text| told(text, "played"))
    })
    .await;
    played["round_trip_ms"].clone()
}
