//! The edge over real sockets: a whole server on loopback, and terminals played by hand.

mod machine;
mod questions;

use kaishin_domain::job::Outcome;
use kaishin_domain::remedy::Remedy;
use kaishin_domain::time::Span;
use kaishin_domain::value::Value;
use kaishin_proto::v1;
use kaishin_proto::v1::goodbye::Reason;
use kaishin_proto::v1::session_response::Body as Down;
use tokio::io::AsyncReadExt;
use tokio::net::TcpStream;
use tonic::Code;

use self::machine::{Machine, Port, power};
use crate::app::{jobs, terminals};

#[tokio::test]
async fn without_a_certificate_one_may_ask_to_enrol_and_nothing_else() {
    let port = Port::open().await;
    let stranger = Machine::new(&port);
    let answer = stranger.ask("").await.expect("an answer");
    assert!(matches!(answer, v1::enroll_response::Outcome::Pending(_)), "{answer:?}");
    let refused = stranger.session(1).await.err().expect("refused");
    assert_eq!(refused.code(), Code::Unauthenticated);
    port.close().await;
}

#[tokio::test]
async fn a_terminal_is_asked_only_for_the_sections_that_changed() {
    let port = Port::open().await;
    let machine = Machine::enrolled(&port).await;
    let facts = power(true);
    let digest = v1::SectionDigest {
        name: facts.name.clone(),
        digest: facts.digest.clone(),
    };
    let unknown = v1::SectionDigest {
        name: "invented".into(),
        digest: vec![1],
    };
    let mut session = machine.hello(1, vec![digest.clone(), unknown]).await;
    session.expect_welcome().await;
    match session.next().await {
        Some(Down::FactRequest(request)) => assert_eq!(request.sections, ["power"]),
        other => panic!("{other:?}"),
    }
    session.report(facts).await;
    port.until("the facts are there", async |cx| {
        let detail = terminals::get(cx, machine.id()).await.expect("known");
        detail
            .sections
            .iter()
            .any(|section| section.facts.get("power.fast_startup") == Some(&Value::Truth(true)))
    })
    .await;
    drop(session);

    let mut again = machine.hello(2, vec![digest]).await;
    again.expect_welcome().await;
    again.heartbeat().await;
    let job = port.order(&machine, Remedy::RefreshFacts).await;
    match again.next().await {
        Some(Down::JobOffer(offer)) => assert_eq!(offer.job_id, job.to_string()),
        other => panic!("nothing but the offer was expected: {other:?}"),
    }
    port.close().await;
}

#[tokio::test]
async fn what_a_terminal_tells_of_a_job_is_acknowledged_and_kept() {
    let port = Port::open().await;
    let machine = Machine::enrolled(&port).await;
    let mut session = machine.hello(1, vec![]).await;
    session.expect_welcome().await;
    let job = port.order(&machine, Remedy::FastStartupOff).await;
    let offer = session.expect_offer().await;
    session.finish(&offer, 7).await;
    match session.next().await {
        Some(Down::Acknowledge(acknowledged)) => assert_eq!(acknowledged.sequences, [7, 8]),
        other => panic!("{other:?}"),
    }
    let kept = jobs::get(&port.cx(), job).await.expect("there");
    assert_eq!(kept.job.state.name(), Outcome::Succeeded.name());
    port.close().await;
}

#[tokio::test]
async fn a_terminal_that_was_off_gets_its_job_when_it_returns() {
    let port = Port::open().await;
    let machine = Machine::enrolled(&port).await;
    let job = port.order(&machine, Remedy::RefreshFacts).await;
    let mut session = machine.hello(1, vec![]).await;
    session.expect_welcome().await;
    assert_eq!(session.expect_offer().await.job_id, job.to_string());
    port.close().await;
}

#[tokio::test]
async fn revoking_a_terminal_ends_its_session_and_refuses_its_next_connection() {
    let port = Port::open().await;
    let machine = Machine::enrolled(&port).await;
    let mut session = machine.hello(1, vec![]).await;
    session.expect_welcome().await;
    terminals::revoke(&port.cx(), machine.id(), "stolen")
        .await
        .expect("revoked");
    assert_eq!(session.expect_goodbye().await.reason(), Reason::Revoked);
    assert!(session.next().await.is_none());
    session.connection_ends().await;
    machine.session(2).await.err().expect("the handshake is refused");
    port.close().await;
}

#[tokio::test]
async fn two_machines_with_one_identity_are_both_shown_and_neither_works() {
    let port = Port::open().await;
    let machine = Machine::enrolled(&port).await;
    let mut first = machine.hello(1, vec![]).await;
    first.expect_welcome().await;
    let mut second = machine.hello(2, vec![]).await;
    first.answer_probe().await;
    second.expect_welcome().await;
    port.until("both are held", async |cx| {
        let detail = terminals::get(cx, machine.id()).await.expect("known");
        detail.terminal.hold.is_some()
    })
    .await;
    port.order(&machine, Remedy::RefreshFacts).await;
    // Whatever else is sent to them comes after an offer would have.
    terminals::observe(&port.cx(), machine.id()).expect("allowed");
    for session in [&mut first, &mut second] {
        assert!(matches!(session.next().await, Some(Down::Observe(_))));
    }
    port.close().await;
}

#[tokio::test]
async fn a_session_that_does_not_answer_makes_room_for_the_next() {
    let port = Port::open().await;
    let machine = Machine::enrolled(&port).await;
    let mut dead = machine.hello(1, vec![]).await;
    dead.expect_welcome().await;
    let mut next = machine.hello(2, vec![]).await;
    // It is asked, and says nothing for as long as it may.
    assert!(matches!(dead.next().await, Some(Down::Probe(_))));
    port.clock.advance(Span::seconds(11));
    next.expect_welcome().await;
    assert_eq!(dead.expect_goodbye().await.reason(), Reason::Replaced);
    let job = port.order(&machine, Remedy::RefreshFacts).await;
    assert_eq!(next.expect_offer().await.job_id, job.to_string());
    port.close().await;
}

#[tokio::test]
async fn the_same_agent_over_a_new_connection_replaces_its_old_session_at_once() {
    let port = Port::open().await;
    let machine = Machine::enrolled(&port).await;
    let mut old = machine.hello(1, vec![]).await;
    old.expect_welcome().await;
    let mut new = machine.hello(1, vec![]).await;
    new.expect_welcome().await;
    assert_eq!(old.expect_goodbye().await.reason(), Reason::Replaced);
    let job = port.order(&machine, Remedy::RefreshFacts).await;
    assert_eq!(new.expect_offer().await.job_id, job.to_string());
    port.close().await;
}

#[tokio::test]
async fn an_agent_of_another_protocol_is_told_so_and_shown() {
    let port = Port::open().await;
    let machine = Machine::enrolled(&port).await;
    let mut session = machine.session(1).await.expect("a stream");
    let mut hello = Machine::greeting(1, vec![]);
    hello.protocol = Some(v1::ProtocolRange {
        major: 9,
        minor: 0,
        oldest_minor: 0,
    });
    session.say(v1::session_request::Body::Hello(hello)).await;
    assert!(matches!(session.next().await, Some(Down::Incompatible(_))));
    assert!(session.next().await.is_none());
    let detail = terminals::get(&port.cx(), machine.id()).await.expect("known");
    assert!(detail.terminal.hold.is_some());
    port.close().await;
}

#[tokio::test]
async fn a_session_begins_with_a_hello_and_a_sound_one() {
    let port = Port::open().await;
    let machine = Machine::enrolled(&port).await;
    let mut session = machine.session(1).await.expect("a stream");
    session.heartbeat().await;
    assert_eq!(session.expect_status().await.code(), Code::InvalidArgument);
    let mut session = machine.session(1).await.expect("a stream");
    let mut hello = Machine::greeting(1, vec![]);
    hello.instance = vec![1; 15];
    session.say(v1::session_request::Body::Hello(hello)).await;
    assert_eq!(session.expect_status().await.code(), Code::InvalidArgument);
    port.close().await;
}

#[tokio::test]
async fn a_terminal_that_sends_too_much_is_sent_away_for_a_while() {
    let port = Port::open().await;
    let machine = Machine::enrolled(&port).await;
    let mut session = machine.hello(1, vec![]).await;
    session.expect_welcome().await;
    // The clock stands still: no bucket fills again.
    for _ in 0..=1_000 {
        session.heartbeat().await;
    }
    let goodbye = session.expect_goodbye().await;
    assert_eq!(goodbye.reason(), Reason::TooMuch);
    assert!(goodbye.return_after_min_ms >= 60_000);

    let mut session = machine.hello(2, vec![]).await;
    session.expect_welcome().await;
    let mut huge = power(true);
    huge.digest = vec![0; kaishin_proto::limits::MAX_MESSAGE];
    session.report(huge).await;
    assert_eq!(session.expect_goodbye().await.reason(), Reason::TooMuch);
    port.close().await;
}

#[tokio::test]
async fn a_server_that_stops_says_when_to_come_back() {
    let port = Port::open().await;
    let machine = Machine::enrolled(&port).await;
    let mut session = machine.hello(1, vec![]).await;
    session.expect_welcome().await;
    let closed = tokio::spawn(port.close());
    let goodbye = session.expect_goodbye().await;
    assert_eq!(goodbye.reason(), Reason::Restarting);
    assert!(goodbye.return_after_min_ms < goodbye.return_after_max_ms);
    assert!(session.next().await.is_none());
    closed.await.expect("stopped");
}

#[tokio::test]
async fn callers_who_say_nothing_hold_nobody_up() {
    let port = Port::open().await;
    let mut silent = Vec::new();
    for _ in 0..300 {
        silent.push(TcpStream::connect(port.address()).await.expect("connected"));
    }
    let machine = Machine::enrolled(&port).await;
    let mut session = machine.hello(1, vec![]).await;
    session.expect_welcome().await;
    let mut first = silent.swap_remove(0);
    let mut byte = [0u8; 1];
    // After the time for a handshake the server hangs up.
    assert_eq!(machine::soon(first.read(&mut byte)).await.expect("ended"), 0);
    port.close().await;
}
