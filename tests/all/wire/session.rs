use std::time::Duration;

use kaishin_domain::time::Span;
use kaishin_proto::convert::section_to_wire;
use kaishin_proto::time::Time;
use kaishin_proto::v1;
use kaishin_proto::v1::goodbye::Reason;
use kaishin_proto::v1::session_request::Body as Up;
use kaishin_proto::v1::session_response::Body as Down;
use kaishin_proto::value::Value;
use kaishin_tests::harness::Harness;
use kaishin_tests::line::{Session, Terminal, handshake};
use kaishin_tests::wait::{SOON, eventually};
use serde_json::json;
use tonic::Code;

fn power(fast_startup: bool) -> v1::Section {
    let facts = vec![("power.fast_startup".to_owned(), Value::Truth(fast_startup))];
    section_to_wire("power", &facts, Time(1))
}

fn digest(section: &v1::Section) -> v1::SectionDigest {
    v1::SectionDigest {
        name: section.name.clone(),
        digest: section.digest.clone(),
    }
}

async fn enrolled(harness: &Harness, name: &str) -> Terminal {
    Terminal::enrolled(harness.agents(), name, &harness.token(1).await).await
}

/// Once in every session, after the welcome and what is asked for.
async fn hears_where_it_stands(session: &mut Session) {
    let site = |body| matches!(body, Down::Site(_)).then_some(());
    session.hears("where it stands", site).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_terminal_that_says_hello_is_online_and_one_that_hangs_up_is_not() {
    let harness = Harness::start().await;
    let terminal = enrolled(&harness, "uketsuke-1").await;
    harness.is_online(terminal.id(), false).await;
    let session = terminal.connect(1).await;
    harness.is_online(terminal.id(), true).await;
    assert_eq!(harness.overview().await["online"], 1);
    session.say(Up::Goodbye(v1::Goodbye::default())).await;
    harness.is_online(terminal.id(), false).await;
    drop(session);
    let gone = terminal.connect(2).await;
    harness.is_online(terminal.id(), true).await;
    drop(gone);
    harness.is_online(terminal.id(), false).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_session_begins_with_one_hello() {
    let harness = Harness::start().await;
    let terminal = enrolled(&harness, "uketsuke-1").await;
    let mut session = terminal.open().await.expect("open");
    session.say(Up::Heartbeat(v1::Heartbeat {})).await;
    assert_eq!(session.end().await.code(), Code::InvalidArgument);
    let mut session = terminal.connect(1).await;
    session.say(Up::Hello(terminal.hello(1))).await;
    assert_eq!(session.end().await.code(), Code::InvalidArgument);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_minor_older_or_newer_works_and_an_incompatible_agent_is_told_and_shown() {
    let harness = Harness::start().await;
    let mut terminal = enrolled(&harness, "uketsuke-1").await;
    let ours = terminal.protocol;
    for (minor, oldest) in [(ours.minor - 1, 0), (ours.minor + 1, ours.minor), (ours.minor, 0)] {
        terminal.protocol = v1::ProtocolRange {
            minor,
            oldest_minor: oldest,
            ..ours
        };
        let session = terminal.connect(1).await;
        harness.is_online(terminal.id(), true).await;
        assert_eq!(
            harness.terminal(terminal.id()).await["protocol_minor"],
            minor.min(ours.minor)
        );
        drop(session);
        harness.is_online(terminal.id(), false).await;
    }
    terminal.protocol.major += 1;
    let mut session = terminal.open().await.expect("open");
    session.say(Up::Hello(terminal.hello(1))).await;
    let told = session
        .hears("incompatible", |body| {
            if let Down::Incompatible(told) = body {
                Some(told)
            } else {
                None
            }
        })
        .await;
    assert_eq!(told.server.map(|server| server.major), Some(ours.major));
    assert_eq!(harness.terminal(terminal.id()).await["hold"]["kind"], "incompatible");
    harness.counts("incompatible", 1).await;
    // An agent that was brought up to date is welcome again.
    terminal.protocol = ours;
    let _session = terminal.connect(2).await;
    assert_eq!(harness.terminal(terminal.id()).await["hold"], json!(null));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn only_sections_that_changed_are_asked_for() {
    let harness = Harness::start().await;
    let terminal = enrolled(&harness, "uketsuke-1").await;
    let (on, off) = (power(true), power(false));
    let hello = |section: &v1::Section| v1::Hello {
        digests: vec![digest(section)],
        ..terminal.hello(1)
    };
    for (section, asked) in [(&on, true), (&on, false), (&off, true), (&off, false)] {
        let mut session = terminal.open().await.expect("open");
        session.say(Up::Hello(hello(section))).await;
        session
            .hears("welcome", |body| matches!(body, Down::Welcome(_)).then_some(()))
            .await;
        if asked {
            let request = session.hears("a request for facts", |body| {
                if let Down::FactRequest(request) = body {
                    Some(request)
                } else {
                    None
                }
            });
            assert_eq!(request.await.sections, ["power"]);
            session
                .say(Up::Facts(v1::FactReport {
                    sections: vec![section.clone()],
                }))
                .await;
            let value = section == &on;
            eventually(SOON, "the fact is shown", async || {
                let shown = harness.terminal(terminal.id()).await;
                (shown["facts"]["power.fast_startup"]["value"] == value).then_some(())
            })
            .await;
        } else {
            hears_where_it_stands(&mut session).await;
            // Whatever the server wants to ask would stand before its answer to this.
            session.say(Up::JobEvents(v1::JobEvents { events: vec![] })).await;
            let next = session.next().await;
            assert!(matches!(next, Some(Down::Acknowledge(_))), "{next:?}");
        }
    }
    let shown = harness.terminal(terminal.id()).await;
    assert_eq!(shown["faults"], json!([]), "fast startup is off");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn revoking_a_terminal_cuts_its_stream_within_two_seconds_and_refuses_its_return() {
    let harness = Harness::start().await;
    let terminal = enrolled(&harness, "uketsuke-1").await;
    let mut session = terminal.connect(1).await;
    let path = format!("/api/v1/terminals/{}/revoke", terminal.id());
    harness
        .api
        .post(&path, &json!({ "reason": "stolen" }))
        .await
        .expect(200);
    let cut = tokio::time::timeout(Duration::from_secs(2), async {
        assert_eq!(session.hears_goodbye().await, Reason::Revoked);
        session.end().await
    });
    cut.await.expect("cut within two seconds");
    handshake(harness.agents(), Some(&terminal.papers))
        .await
        .expect_err("refused");
    harness.is_online(terminal.id(), false).await;
    assert_eq!(
        harness.audit(&format!("terminal:{}", terminal.id())).await[0]["action"],
        "terminal.revoke"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_same_start_of_an_agent_replaces_its_own_session_at_once() {
    let harness = Harness::start().await;
    let terminal = enrolled(&harness, "uketsuke-1").await;
    let mut old = terminal.connect(1).await;
    let _new = terminal.connect(1).await;
    assert_eq!(old.hears_goodbye().await, Reason::Replaced);
    harness.is_online(terminal.id(), true).await;
    assert_eq!(harness.terminal(terminal.id()).await["hold"], json!(null));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_machines_with_one_identity_are_both_held_and_shown() {
    let harness = Harness::start().await;
    let terminal = enrolled(&harness, "uketsuke-1").await;
    let mut one = terminal.connect(1).await;
    let other = terminal.cloned();
    let mut second = other.open().await.expect("open");
    second.say(Up::Hello(other.hello(2))).await;
    let probe = one
        .hears("a probe", |body| {
            if let Down::Probe(probe) = body {
                Some(probe)
            } else {
                None
            }
        })
        .await;
    one.say(Up::ProbeReply(v1::ProbeReply { nonce: probe.nonce })).await;
    second
        .hears("welcome", |body| matches!(body, Down::Welcome(_)).then_some(()))
        .await;
    assert_eq!(harness.terminal(terminal.id()).await["hold"]["kind"], "duplicate");
    harness.counts("duplicate", 1).await;
    // The first has heard it before it was asked whether it is there.
    hears_where_it_stands(&mut second).await;
    // Neither gets work, and neither is cut off.
    let job = harness.order(terminal.id(), "refresh-facts").await;
    for session in [&mut one, &mut second] {
        session.say(Up::JobEvents(v1::JobEvents { events: vec![] })).await;
        let next = session.next().await;
        assert!(matches!(next, Some(Down::Acknowledge(_))), "{next:?}");
    }
    assert_eq!(harness.job(&job).await["state"], "ready");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_connection_that_is_dead_without_a_word_gives_way_to_a_new_start() {
    let harness = Harness::with_manual_clock().await;
    let terminal = enrolled(&harness, "uketsuke-1").await;
    let mut dead = terminal.connect(1).await;
    let mut fresh = terminal.open().await.expect("open");
    fresh.say(Up::Hello(terminal.hello(2))).await;
    // It is asked, and says nothing.
    dead.hears("a probe", |body| matches!(body, Down::Probe(_)).then_some(()))
        .await;
    // The server begins to wait for an answer at a moment of its own, so the clock goes on until it has given up.
    let given_up = async {
        loop {
            harness.pass(Span::seconds(1)).await;
            harness.overview().await;
        }
    };
    tokio::select! {
        () = fresh.hears("welcome", |body| matches!(body, Down::Welcome(_)).then_some(())) => {}
        () = given_up => {}
    }
    assert_eq!(dead.hears_goodbye().await, Reason::Replaced);
    assert_eq!(harness.terminal(terminal.id()).await["hold"], json!(null));
    harness.is_online(terminal.id(), true).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_certificate_is_renewed_over_the_live_session() {
    let harness = Harness::with_manual_clock().await;
    let mut terminal = enrolled(&harness, "uketsuke-1").await;
    let mut session = terminal.connect(1).await;
    harness.pass(Span::days(16)).await;
    session
        .say(Up::CertificateRequest(v1::CertificateRequest { csr: terminal.csr() }))
        .await;
    let chain = session
        .hears("a certificate", |body| {
            if let Down::Certificate(chain) = body {
                Some(chain)
            } else {
                None
            }
        })
        .await;
    drop(session);
    // The old one would have expired by then.
    harness.pass(Span::days(16)).await;
    handshake(harness.agents(), Some(&terminal.papers))
        .await
        .expect_err("the old one expired");
    terminal.keep(chain);
    let _session = terminal.connect(2).await;
    harness.is_online(terminal.id(), true).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_renewal_with_another_key_yields_no_certificate() {
    let harness = Harness::start().await;
    let terminal = enrolled(&harness, "uketsuke-1").await;
    let mut session = terminal.connect(1).await;
    let stranger = Terminal::new(harness.agents(), "stranger");
    session
        .say(Up::CertificateRequest(v1::CertificateRequest { csr: stranger.csr() }))
        .await;
    loop {
        match session.next().await {
            Some(Down::Certificate(_)) => panic!("a certificate for another key"),
            Some(_) => {}
            None => break,
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_that_stops_says_when_to_come_back_and_is_found_again() {
    let mut harness = Harness::start().await;
    let terminal = enrolled(&harness, "uketsuke-1").await;
    let mut session = terminal.connect(1).await;
    let heard = tokio::spawn(async move {
        session
            .hears("goodbye", |body| {
                if let Down::Goodbye(goodbye) = body {
                    Some(goodbye)
                } else {
                    None
                }
            })
            .await
    });
    harness.restart().await;
    let goodbye = heard.await.expect("goodbye");
    assert_eq!(goodbye.reason(), Reason::Restarting);
    assert!(
        goodbye.return_after_min_ms < goodbye.return_after_max_ms,
        "a range to choose from by chance"
    );
    harness.is_online(terminal.id(), false).await;
    let _session = terminal.connect(1).await;
    harness.is_online(terminal.id(), true).await;
}
