//! A new target version over a whole fleet: how long until every verdict follows it, and what reports wait meanwhile.
//!
//! `cargo bench -p kaishin-tests --bench verdicts [-- --terminals N]` prints one JSON object.

use std::io::Write;

use kaishin::app::facts::report;
use kaishin::app::{profile, verdicts};
use kaishin_domain::time::Span;
use kaishin_proto::clock::Clock;
use kaishin_tests::fleet::{id, key, populate, report_all, sections};
use kaishin_tests::harness::Harness;
use serde_json::{Value as Json, json};

#[cfg(target_os = "linux")]
#[global_allocator]
static ALLOCATOR: tikv_jemallocator::Jemalloc = tikv_jemallocator::Jemalloc;

/// One report so often, beside what is judged.
const PACE: Span = Span::millis(5);
/// So many reports before anything is judged, to compare with.
const QUIET: usize = 500;

fn main() {
    let given: Vec<String> = std::env::args().collect();
    let said = given.iter().position(|one| one == "--terminals");
    let said = said.and_then(|at| given.get(at + 1)?.parse().ok());
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    let told = runtime.block_on(measure(said.unwrap_or(230_000)));
    let _ = writeln!(std::io::stdout(), "{told:#}");
}

async fn publish(harness: &Harness, face: &str) {
    let cx = harness.local();
    let mut text: Json = serde_json::from_str(&profile::current(&cx).expect("shown").text).expect("JSON");
    text["software"]["face"]["version"] = face.into();
    profile::set(&cx, &text.to_string(), None, "bench")
        .await
        .expect("published");
}

/// Waits until every verdict follows the profile in force; in seconds.
async fn settled(harness: &Harness, clock: &Clock) -> f64 {
    let (app, begun) = (&harness.handle().app, clock.now());
    loop {
        let progress = app.store.verdict_progress().await.expect("read");
        if progress.settled == app.rules.in_force().fingerprints && app.judging.progress().is_none() {
            return seconds(clock.now().since(begun));
        }
        clock.sleep(Span::millis(20)).await;
    }
}

fn seconds(span: Span) -> f64 {
    span.0 as f64 / 1e6
}

/// One report after the other, in milliseconds each, until it is enough.
async fn reports(harness: &Harness, clock: &Clock, terminals: u32, enough: impl Fn(usize) -> bool) -> Vec<f64> {
    let mut waits = Vec::new();
    for n in (0..terminals).cycle() {
        if enough(waits.len()) {
            break;
        }
        let begun = clock.now();
        let sections = sections(n, 3, begun);
        report(&harness.handle().app, id(n), key(n), sections)
            .await
            .expect("taken");
        waits.push(clock.now().since(begun).0 as f64 / 1e3);
        clock.sleep(PACE).await;
    }
    waits.sort_by(f64::total_cmp);
    waits
}

fn told_of(waits: &[f64]) -> Json {
    let at = |share: usize| waits.get(waits.len() * share / 100);
    json!({ "count": waits.len(), "p50_ms": at(50), "p99_ms": at(99) })
}

/// What this process holds in memory now, and the most it has held.
fn memory() -> Json {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let kilobytes = |name: &str| {
        let line = status.lines().find_map(|line| line.strip_prefix(name));
        line.and_then(|line| {
            line.trim_start_matches(':')
                .trim()
                .split(' ')
                .next()?
                .parse::<u64>()
                .ok()
        })
    };
    json!({ "now_kb": kilobytes("VmRSS"), "most_kb": kilobytes("VmHWM") })
}

async fn measure(terminals: u32) -> Json {
    let clock = Clock::system();
    let mut harness = Harness::start().await;
    populate(&harness.handle().app.store, terminals).await;
    harness.restart().await;
    let begun = clock.now();
    report_all(&harness.handle().app, 0..terminals, 1).await;
    let first = seconds(clock.now().since(begun));
    verdicts::judge_again(&harness.handle().app).await.expect("judged");
    settled(&harness, &clock).await;
    let quiet = reports(&harness, &clock, terminals, |count| count >= QUIET).await;
    let mut told = json!({
        "terminals": terminals, "first_reports_seconds": first, "reports_before": told_of(&quiet), "memory_before": memory(),
    });
    for (what, face) in [("all_open", "99.0"), ("all_reworded", "98.0"), ("all_close", "1.0")] {
        publish(&harness, face).await;
        let over = std::cell::Cell::new(false);
        let (waits, took) = tokio::join!(reports(&harness, &clock, terminals, |_| over.get()), async {
            let took = settled(&harness, &clock).await;
            over.set(true);
            took
        });
        told[what] = json!({ "seconds": took, "reports_meanwhile": told_of(&waits), "memory": memory() });
    }
    told
}
