//! When patients are received where a terminal stands: the ledger says it, and the terminal's own governor goes by it.

use std::sync::Arc;

use http::Method;
use kaishin_agent::os::sim::Sim;
use kaishin_agent::{Keep, Settings};
use kaishin_domain::id::TerminalId;
use kaishin_proto::calendar::Hours;
use kaishin_proto::time::Span;
use kaishin_tests::agent::Agent;
use kaishin_tests::harness::Harness;
use kaishin_tests::wait::{SOON, eventually};
use serde_json::{Value, json};

async fn put(harness: &Harness, code: &str, hours: Value) {
    let body = json!({ "name": "みどり医院", "hours": hours }).to_string();
    let path = format!("/api/v1/facilities/{code}");
    harness
        .api
        .send(Method::PUT, &path, Some(("application/json", body)))
        .await
        .expect(200);
}

async fn stands_in(harness: &Harness, id: TerminalId, code: Value) {
    let path = format!("/api/v1/terminals/{id}/facility");
    let said = json!({ "code": code, "reason": "test" });
    harness.api.post(&path, &said).await.expect(200);
}

/// What keeps a restart waiting at this moment, as the terminal itself tells beforehand.
async fn waits(harness: &Harness, id: TerminalId, expected: &str) {
    let path = format!("/api/v1/terminals/{id}/jobs?dry_run=true");
    eventually(SOON, expected, async || {
        // A loop that was busy looks again at its next turn.
        harness.clock.advance(Span::millis(100));
        let told = harness.api.post(&path, &json!({ "remedy": "restart-now" })).await;
        if told.status != 200 {
            return None;
        }
        let told = told.json();
        let why = told["reason"]["en"].as_str().unwrap_or_default();
        // Something else may be in the way of a restart outside of the hours.
        let why = if why.contains("reception hours") { why } else { "" };
        (why == expected).then_some(())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_hours_of_the_facility_hold_at_once_wherever_the_terminal_stands_and_after_a_restart() {
    // Noon on a Friday.
    let mut harness = Harness::with_manual_clock().await;
    let settings = Settings {
        token: Some(harness.token(1).await),
        ..harness.settings()
    };
    let (machine, keep) = (Arc::new(Sim::new(7, 1, harness.clock.clone())), Keep::memory());
    let mut agent = Agent::start(settings.clone(), &machine, &keep, &harness.clock);
    let id = agent.is_online().await;
    waits(&harness, id, "Waits: reception hours until 19:00").await;

    let (one, other) = ("1340000015", "0110113719");
    put(&harness, one, json!("月-金 09:00-12:30,14:00-18:00; 土日祝 休")).await;
    put(&harness, other, Value::Null).await;
    stands_in(&harness, id, json!(one)).await;
    waits(&harness, id, "Waits: reception hours until 12:30").await;
    put(&harness, one, json!("月-金 10:00-17:45")).await;
    waits(&harness, id, "Waits: reception hours until 17:45").await;
    // Of this one, nobody knows.
    stands_in(&harness, id, json!(other)).await;
    waits(&harness, id, "Waits: reception hours until 19:00").await;
    put(&harness, other, json!("金 休")).await;
    waits(&harness, id, "").await;
    // Nobody is left without hours altogether.
    put(&harness, other, json!("月-日 休")).await;
    waits(&harness, id, "Waits: reception hours until 19:00").await;
    put(&harness, other, json!("金 11:00-13:00")).await;
    waits(&harness, id, "Waits: reception hours until 13:00").await;

    agent.stop().await;
    let kept = keep.hours().expect("readable").expect("kept");
    assert_ne!(kept, Hours::default());
    // What changed while the terminal was away, it hears when it is back.
    put(&harness, other, json!("金 11:00-16:10")).await;
    let mut agent = Agent::start(settings, &machine, &keep, &harness.clock);
    agent.is_online().await;
    waits(&harness, id, "Waits: reception hours until 16:10").await;
    harness.restart().await;
    harness.pass(Span::seconds(60)).await;
    harness.is_online(id, true).await;
    waits(&harness, id, "Waits: reception hours until 16:10").await;
    agent.stop().await;
}
