//! Verdicts that are brought up to another profile, over a fleet that goes on reporting.

use kaishin::app::{profile, verdicts};
use kaishin_domain::rule::{Outcome, judge};
use kaishin_domain::words::Words;
use kaishin_proto::value::Value;
use kaishin_tests::fleet::{id, populate, report_all};
use kaishin_tests::harness::Harness;
use kaishin_tests::postgres;
use kaishin_tests::wait::eventually;
use std::time::Duration;

const FLEET: u32 = 3_000;
/// A machine that does other things beside may take its time.
const LONG: Duration = Duration::from_secs(120);

/// A server that knows a fleet, all of whom have reported.
async fn harness(postgres: Option<String>) -> Harness {
    let mut harness = Harness::with(kaishin_proto::clock::Clock::system(), postgres).await;
    populate(&harness.handle().app.store, FLEET).await;
    harness.restart().await;
    report_all(&harness.handle().app, 0..FLEET, 1).await;
    // Who shares a certificate with one that reported later is found by looking.
    verdicts::judge_again(&harness.handle().app).await.expect("judged");
    harness
}

async fn publish(harness: &Harness, face: &str) {
    let cx = harness.local();
    let mut text: serde_json::Value = serde_json::from_str(&profile::current(&cx).expect("shown").text).expect("JSON");
    text["software"]["face"]["version"] = face.into();
    profile::set(&cx, &text.to_string(), None, "test")
        .await
        .expect("published");
}

/// Every verdict is what the rules in force say.
async fn settled(harness: &Harness) {
    let app = &harness.handle().app;
    eventually(LONG, "the verdicts are settled", async || {
        let progress = app.store.verdict_progress().await.expect("read");
        let here = progress.settled == app.rules.in_force().fingerprints;
        (here && app.judging.progress().is_none()).then_some(())
    })
    .await;
}

type Open = (String, Words, Value);

/// What stands open, and what judging each terminal anew says.
async fn stored_and_judged(harness: &Harness) -> (Vec<Vec<Open>>, Vec<Vec<Open>>) {
    let app = &harness.handle().app;
    let (mut stored, mut judged) = (Vec::new(), Vec::new());
    for n in 0..FLEET {
        let row = app.index.get(id(n)).expect("it is known");
        let faults = app.store.open_faults(id(n)).await.expect("read");
        let mut open: Vec<Open> = faults
            .into_iter()
            .map(|fault| (fault.rule, fault.expected, fault.found))
            .collect();
        let anew = judge(&app.rules, &row, app.now())
            .into_iter()
            .filter_map(|verdict| match verdict.outcome {
                Outcome::Fault { expected, found, .. } => Some((verdict.rule.id.clone(), expected, found)),
                Outcome::Pass | Outcome::Unknown { .. } | Outcome::NotApplicable => None,
            });
        let mut anew: Vec<Open> = anew.collect();
        open.sort_by(|one, other| one.0.cmp(&other.0));
        anew.sort_by(|one, other| one.0.cmp(&other.0));
        assert_eq!(row.entry.faults.len(), open.len(), "the index shows what is stored");
        stored.push(open);
        judged.push(anew);
    }
    (stored, judged)
}

async fn all_are_as_if_judged_anew(harness: &Harness) -> usize {
    let (stored, judged) = stored_and_judged(harness).await;
    for (n, (stored, judged)) in stored.iter().zip(&judged).enumerate() {
        assert_eq!(stored, judged, "terminal {n}");
    }
    let count = |rule: &str| stored.iter().flatten().filter(|open| open.0 == rule).count();
    count("oqs-face-old")
}

async fn changes_while_reports_arrive(postgres: Option<String>) {
    let harness = harness(postgres).await;
    settled(&harness).await;
    let before = all_are_as_if_judged_anew(&harness).await;
    let app = harness.handle().app.clone();
    let reporting = tokio::spawn(async move {
        for round in 2..6 {
            report_all(&app, (0..FLEET).filter(|n| n % 3 == round % 3), round).await;
        }
    });
    publish(&harness, "2.4.5").await;
    publish(&harness, "2.4.1").await;
    reporting.await.expect("all reports are taken");
    settled(&harness).await;
    let after = all_are_as_if_judged_anew(&harness).await;
    assert!(after > before && before > 0, "{before} before, {after} after");
    publish(&harness, "1.0").await;
    settled(&harness).await;
    assert_eq!(all_are_as_if_judged_anew(&harness).await, 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_fleet_that_goes_on_reporting_is_judged_by_the_new_profile_as_if_each_were_judged_anew() {
    changes_while_reports_arrive(None).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_same_on_postgresql() {
    let database = kaishin_tests::need!(postgres::database().await, "PostgreSQL");
    changes_while_reports_arrive(Some(database.url)).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_restart_in_the_middle_goes_on_where_it_was_left() {
    let mut harness = harness(None).await;
    settled(&harness).await;
    publish(&harness, "99.0").await;
    // In the middle, or before the first part: either way much is left.
    harness.restart().await;
    settled(&harness).await;
    let old = all_are_as_if_judged_anew(&harness).await;
    assert!(old > FLEET as usize / 2, "{old}");

    // All have the fault already; only what it says is expected is another.
    publish(&harness, "98.0").await;
    harness.restart().await;
    settled(&harness).await;
    assert_eq!(all_are_as_if_judged_anew(&harness).await, old);
}
