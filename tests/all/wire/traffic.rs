//! What an idle terminal costs its clinic's line, counted on a real TLS stream over a day that a clock moved by hand makes
//! short.

use std::sync::Arc;

use kaishin_agent::os::sim::Sim;
use kaishin_agent::{Keep, Settings};
use kaishin_domain::time::Span;
use kaishin_tests::agent::Agent;
use kaishin_tests::harness::Harness;
use kaishin_tests::meter::Meter;
use kaishin_tests::wait::{SOON, eventually};

const MINUTES: u64 = 25 * 60;
/// Both sides ask now and then whether the line is alive, by the machine's own clock, which is too slow for this test: twice
/// in three quarters of a minute a frame of 17 bytes and its answer, each in a record of TLS and a segment of its own.
const PINGS: u64 = 2 * 2 * (17 + 22 + 2 * 52) * 60 / 45;
const ALLOWED: u64 = 2 * 1024;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_idle_terminal_costs_less_than_two_kilobytes_a_minute() {
    let harness = Harness::with_manual_clock().await;
    let meter = Meter::before(harness.agents()).await;
    let settings = Settings {
        token: Some(harness.token(1).await),
        server: meter.address.to_string(),
        ..harness.settings()
    };
    let machine = Arc::new(Sim::new(7, 1, harness.clock.clone()));
    let mut agent = Agent::start(settings, &machine, &Keep::memory(), &harness.clock);
    let id = agent.is_online().await;
    harness.is_online(id, true).await;
    eventually(SOON, "the first facts are in", async || {
        let facts = harness.terminal(id).await["facts"].clone();
        facts["security.join"].is_object().then_some(())
    })
    .await;
    let first = meter.both();
    let (calls, wire) = (machine.calls(), meter.on_the_wire());
    for minute in 0..MINUTES {
        let before = meter.up();
        harness.clock.advance(Span::minutes(1));
        let heard = async {
            while meter.up() == before {
                tokio::task::yield_now().await;
            }
        };
        let heard = tokio::time::timeout(SOON, heard).await;
        heard.unwrap_or_else(|_| panic!("no heartbeat in minute {minute}"));
    }
    assert!(machine.calls() > calls, "a day without the daily look");
    let (bytes, wire) = (meter.both() - first, meter.on_the_wire() - wire);
    let a_minute = wire / MINUTES + PINGS;
    let figures = format!(
        "first contact {first} bytes; then {} bytes of TLS a minute, {} on the wire, {a_minute} with pings",
        bytes / MINUTES,
        wire / MINUTES,
    );
    assert!(a_minute < ALLOWED, "{figures}");
    agent.stop().await;
}
