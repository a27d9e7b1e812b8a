//! The measurement: connect, idle, work, restart; and the bare echo beside it.

use std::process::Command;
use std::time::Duration;

use futures_util::StreamExt as _;
use kaishin_proto::clock::Clock;
use kaishin_proto::time::{Span, Time};
use kaishin_tests::children::Child;
use kaishin_tests::http::Http;
use kaishin_tests::serve::{CommandLine, Served};
use kaishin_tests::wait::eventually;
use serde_json::{Value, json};

use crate::Measure;
use crate::usage::{cpu, memory};

const LONG: Duration = Duration::from_secs(600);
const QUIET: Span = Span::seconds(5);
const ROUNDS: u64 = 20;
/// Orders under way at once.
const ORDERS: usize = 64;
/// Terminals in one order for many.
const AT_ONCE: usize = 20_000;

pub async fn run(wanted: Measure) {
    let clock = Clock::system();
    let echo = bare(&wanted, &clock).await;
    let folder = tempfile::tempdir().expect("a folder");
    let own = std::env::current_exe().expect("this program");
    let binary = wanted
        .server_binary
        .clone()
        .unwrap_or_else(|| own.with_file_name("kaishin"));
    // The whole swarm enrols from a few addresses.
    let mut line = CommandLine::of(binary, folder.path()).with("KAISHIN_ENROLMENT_BURST", "1000000");
    if let Some(url) = &wanted.database {
        line = line.with("KAISHIN_DATABASE", url);
    }
    let mut server = Served::on(line).await;
    let (before, _) = memory(server.pid());

    let begun = clock.now();
    let fleet = agents(&wanted, &server);
    let api = server.api();
    online(&api, wanted.terminals).await;
    let enrolled_in = seconds(&clock, begun);
    clock.sleep(QUIET).await;
    let idle = memory(server.pid());

    let ids = terminals(&api).await;
    let jobs = wanted.jobs.unwrap_or(wanted.terminals);
    let (work, latencies) = work(&clock, &api, &server, &ids, jobs).await;
    let (pushed, push_latencies) = push(&clock, &api, &server, &ids).await;
    clock.sleep(QUIET).await;
    let after = memory(server.pid());

    let asked = clock.now();
    server.stop().await;
    let stopped_in = seconds(&clock, asked);
    let begun = clock.now();
    server.begin().await;
    let ready_in = seconds(&clock, begun);
    online(&server.api(), wanted.terminals).await;
    let back_in = seconds(&clock, begun);
    let waits: Vec<Value> = fleet.iter().filter_map(last_words).collect();
    drop(fleet);
    server.stop().await;

    let each = |bytes: u64| bytes / wanted.terminals.max(1);
    let rate = |seconds: f64| wanted.terminals as f64 / seconds;
    crate::say(&json!({
        "terminals": wanted.terminals,
        "enrol_and_connect": { "seconds": enrolled_in, "per_second": rate(enrolled_in) },
        "server_memory": {
            "empty_rss": before,
            "idle": { "rss": idle.0, "anonymous": idle.1, "anonymous_per_terminal": each(idle.1) },
            "after_work": { "rss": after.0, "anonymous": after.1, "anonymous_per_terminal": each(after.1) },
        },
        "jobs": work,
        "latency_ms": latencies,
        "push": pushed,
        "push_latency_ms": push_latencies,
        "restart": {
            "stopped_in": stopped_in, "ready_in": ready_in, "all_back_in": back_in, "per_second": rate(back_in),
            "waits": waits,
        },
        "bare_echo": echo,
        "ratios": {
            "jobs_to_bare_messages": work["per_second"].as_f64().unwrap_or(0.0)
                / echo["messages_per_second"].as_f64().unwrap_or(1.0),
            "pushed_jobs_to_bare_messages": pushed["per_second"].as_f64().unwrap_or(0.0)
                / echo["messages_per_second"].as_f64().unwrap_or(1.0),
            "return_to_bare_opens": rate(back_in) / echo["opened_per_second"].as_f64().unwrap_or(1.0),
            "anonymous_to_bare": each(after.1) as f64 / echo["anonymous_per_stream"].as_f64().unwrap_or(1.0),
        },
    }));
}

fn seconds(clock: &Clock, since: Time) -> f64 {
    clock.now().since(since).0 as f64 / 1e6
}

fn agents(wanted: &Measure, server: &Served) -> Vec<Child> {
    let own = std::env::current_exe().expect("this program");
    let each = wanted.terminals.div_ceil(wanted.processes);
    (0..wanted.processes)
        .map(|n| {
            let first = n * each;
            let count = each.min(wanted.terminals.saturating_sub(first));
            let mut command = Command::new(&own);
            command
                .args(["agents", "--server", &server.agents.to_string(), "--pin", &server.pin])
                .args(["--token", &server.enrolment_token, "--terminals", &count.to_string()])
                .args(["--first", &first.to_string(), "--source", &format!("127.0.1.{}", n + 1)]);
            Child::spawn(&mut command).expect("terminals")
        })
        .collect()
}

/// Why its terminals had to wait, as a process of them told last.
fn last_words(child: &Child) -> Option<Value> {
    let text = child.out().so_far();
    let told: Value = serde_json::from_str(text.lines().last()?).ok()?;
    Some(told["waits"].clone())
}

pub async fn online(api: &Http, count: u64) {
    eventually(LONG, "all terminals are online", async || {
        let overview = api.get("/api/v1/overview").await;
        (overview.status == 200 && overview.json()["online"].as_u64() == Some(count)).then_some(())
    })
    .await;
}

pub async fn terminals(api: &Http) -> Vec<String> {
    let mut ids = Vec::new();
    let mut cursor = String::new();
    loop {
        let page = api
            .get(&format!("/api/v1/terminals?limit=500&cursor={cursor}"))
            .await
            .expect(200)
            .json();
        let items = page["items"].as_array().cloned().unwrap_or_default();
        ids.extend(items.iter().filter_map(|item| Some(item["id"].as_str()?.to_owned())));
        match page["next"].as_str() {
            Some(next) => cursor = next.to_owned(),
            None => return ids,
        }
    }
}

/// Orders the jobs as fast as the server takes them, and waits for the last result.
async fn work(clock: &Clock, api: &Http, server: &Served, ids: &[String], jobs: u64) -> (Value, Value) {
    let (begun, used) = (clock.now(), cpu(server.pid()));
    // The same change is not taken twice while it is under way, and asking for facts is never refused.
    let order = json!({ "remedy": "refresh-facts" });
    let ordered: Vec<String> = futures_util::stream::iter(0..jobs)
        .map(|n| {
            let (id, order) = (&ids[n as usize % ids.len()], &order);
            async move {
                let made = api
                    .post(&format!("/api/v1/terminals/{id}/jobs"), order)
                    .await
                    .expect(201)
                    .json();
                made["id"].as_str().expect("a job's id").to_owned()
            }
        })
        .buffer_unordered(ORDERS)
        .collect()
        .await;
    let last = ordered.last().cloned().unwrap_or_default();
    let began = Began {
        at: begun,
        used,
        ordered_in: seconds(clock, begun),
    };
    follow(api, server, began, &last, jobs).await
}

/// The same, ordered for all terminals in few calls: what the way down and up does when nobody waits for orders.
async fn push(clock: &Clock, api: &Http, server: &Served, ids: &[String]) -> (Value, Value) {
    let (at, used) = (clock.now(), cpu(server.pid()));
    let mut last = String::new();
    for part in ids.chunks(AT_ONCE) {
        let order = json!({ "remedy": "refresh-facts", "terminals": part });
        let made = api.post("/api/v1/jobs/bulk", &order).await.expect(201).json();
        let jobs = made["jobs"].as_array().expect("ids");
        assert_eq!(jobs.len(), part.len(), "{made}");
        last = jobs.last().and_then(Value::as_str).unwrap_or_default().to_owned();
    }
    let began = Began {
        at,
        used,
        ordered_in: seconds(clock, at),
    };
    follow(api, server, began, &last, ids.len() as u64).await
}

struct Began {
    at: Time,
    /// Processor time of the server until then.
    used: f64,
    ordered_in: f64,
}

/// Waits for the last result of the newest jobs.
async fn follow(api: &Http, server: &Served, began: Began, last: &str, jobs: u64) -> (Value, Value) {
    let mut finished = Vec::with_capacity(usize::try_from(jobs).unwrap_or(0));
    let mut page_at = "/api/v1/jobs?limit=500".to_owned();
    // Jobs end nearly in order; the newest is looked at first, and then all of them are.
    eventually(LONG, "the last job ends", async || {
        ended(&api.get(&format!("/api/v1/jobs/{last}")).await.json())
    })
    .await;
    while (finished.len() as u64) < jobs {
        let page = api.get(&page_at).await.expect(200).json();
        for job in page["items"].as_array().into_iter().flatten() {
            let id = job["id"].as_str().expect("an id");
            let done = match ended(job) {
                Some(done) => done,
                None => {
                    eventually(LONG, "a job ends", async || {
                        ended(&api.get(&format!("/api/v1/jobs/{id}")).await.json())
                    })
                    .await
                }
            };
            finished.push(done);
        }
        match page["next"].as_str() {
            Some(next) => page_at = format!("/api/v1/jobs?limit=500&before={next}"),
            None => break,
        }
    }
    let took = finished.iter().map(|done| done.finished).max().unwrap_or(0) - began.at.micros();
    let took = took as f64 / 1e6;
    let succeeded = finished.iter().filter(|done| done.succeeded).count();
    let mut waits: Vec<f64> = finished
        .iter()
        .map(|done| (done.finished - done.created) as f64 / 1e3)
        .collect();
    waits.sort_by(f64::total_cmp);
    let at = |share: f64| {
        waits
            .get(((waits.len() as f64 - 1.0) * share) as usize)
            .copied()
            .unwrap_or(0.0)
    };
    let work = json!({
        "jobs": jobs, "succeeded": succeeded, "ordered_in": began.ordered_in, "seconds": took,
        "per_second": jobs as f64 / took,
        "server_cpu_us_per_job": (cpu(server.pid()) - began.used) * 1e6 / jobs as f64,
    });
    (
        work,
        json!({ "p50": at(0.5), "p95": at(0.95), "p99": at(0.99), "max": at(1.0) }),
    )
}

struct Done {
    created: i64,
    finished: i64,
    succeeded: bool,
}

fn ended(job: &Value) -> Option<Done> {
    let micros = |key: &str| -> Option<i64> {
        let at: jiff::Timestamp = job[key].as_str()?.parse().ok()?;
        Some(at.as_microsecond())
    };
    Some(Done {
        created: micros("created_at")?,
        finished: micros("finished_at")?,
        succeeded: job["state"] == "succeeded",
    })
}

/// The same number of streams on nothing but tonic.
async fn bare(wanted: &Measure, clock: &Clock) -> Value {
    let own = std::env::current_exe().expect("this program");
    let folder = tempfile::tempdir().expect("a folder");
    let mut command = Command::new(&own);
    command.arg("echo-server").arg("--folder").arg(folder.path());
    let mut server = Child::spawn(&mut command).expect("an echo");
    let line = |text: &str, key: &str| -> Option<Value> {
        let value: Value = serde_json::from_str(text).ok()?;
        (!value[key].is_null()).then_some(value)
    };
    let told = server.says("the echo's address", |text| line(text, "echo")).await;
    let (addr, papers) = (
        told["echo"].as_str().unwrap_or_default(),
        told["papers"].as_str().unwrap_or_default(),
    );
    let (_, empty) = memory(server.pid());
    let streams = wanted.terminals.to_string();
    let mut command = Command::new(&own);
    command.args([
        "echo-clients",
        "--server",
        addr,
        "--papers",
        papers,
        "--streams",
        &streams,
    ]);
    command.args(["--rounds", &ROUNDS.to_string()]);
    let mut clients = Child::spawn(&mut command).expect("the echo's callers");
    let out = clients.out().clone();
    let (opened, played) = eventually(LONG, "ping-pong is played", async || {
        let text = out.so_far();
        let find = |key: &str| text.lines().find_map(|text| line(text, key));
        assert!(clients.has_ended().is_none(), "{}", clients.err().so_far());
        Some((find("opened")?, find("played")?))
    })
    .await;
    clock.sleep(Span::seconds(2)).await;
    let (_, full) = memory(server.pid());
    let per_second =
        |value: &Value, key: &str| value[key].as_f64().unwrap_or(0.0) / value["seconds"].as_f64().unwrap_or(1.0);
    json!({
        "opened_per_second": per_second(&opened, "opened"),
        "messages_per_second": per_second(&played, "played"),
        "anonymous_per_stream": full.saturating_sub(empty) / wanted.terminals.max(1),
    })
}
