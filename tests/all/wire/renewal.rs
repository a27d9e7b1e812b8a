//! A whole agent over the weeks of a certificate's life.

use std::sync::Arc;

use kaishin_agent::os::sim::Sim;
use kaishin_agent::{Keep, Settings};
use kaishin_domain::time::Span;
use kaishin_tests::agent::{Agent, papers};
use kaishin_tests::harness::Harness;
use kaishin_tests::line::handshake;
use kaishin_tests::wait::{SOON, eventually};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_agent_renews_its_certificate_half_way_and_its_session_never_ends() {
    let harness = Harness::with_manual_clock().await;
    let folder = tempfile::tempdir().expect("a folder");
    let data = folder.path().join("agent");
    let (keep, machine) = (
        Keep::directory(&data).expect("a folder of its own"),
        Arc::new(Sim::new(7, 1, harness.clock.clone())),
    );
    let settings = Settings {
        token: Some(harness.token(1).await),
        ..harness.settings()
    };
    let mut agent = Agent::start(settings, &machine, &keep, &harness.clock);
    let id = agent.is_online().await;
    harness.is_online(id, true).await;
    let first = papers(&data);
    let since = harness.terminal(id).await["online_since"].clone();
    assert!(since.is_string(), "{since}");

    // Thirty days of life, half of it, a tenth of it to either side by chance.
    harness.pass(Span::days(11)).await;
    assert_eq!(papers(&data).chain, first.chain, "not before its time");
    harness.pass(Span::days(7)).await;
    let renewed = eventually(SOON, "another certificate is kept", async || {
        harness.clock.advance(Span::seconds(1));
        Some(papers(&data)).filter(|now| now.chain[0] != first.chain[0])
    })
    .await;
    assert_eq!(
        renewed.key.serialize_der(),
        first.key.serialize_der(),
        "the key stays on its machine for good"
    );
    // Who has the key may show either, as long as it holds.
    for papers in [&first, &renewed] {
        handshake(harness.agents(), Some(papers)).await.expect("let in");
    }

    harness.pass(Span::days(13)).await;
    handshake(harness.agents(), Some(&first))
        .await
        .expect_err("the first one has expired");
    handshake(harness.agents(), Some(&renewed)).await.expect("let in");
    let terminal = harness.terminal(id).await;
    assert_eq!(
        (&terminal["online"], &terminal["online_since"]),
        (&true.into(), &since),
        "one session all the while"
    );
    let job = harness.order(id, "refresh-facts").await;
    harness.job_is(&job, "succeeded").await;

    // And what it keeps is good for another start.
    agent.stop().await;
    harness.is_online(id, false).await;
    let mut again = Agent::start(harness.settings(), &machine, &keep, &harness.clock);
    assert_eq!(again.is_online().await, id);
    again.stop().await;
}
