//! What one terminal may do to the server, at most.

use kaishin::app::Rate;
use kaishin_domain::time::Span;
use kaishin_proto::v1;
use kaishin_proto::v1::enroll_response::Outcome;
use kaishin_proto::v1::goodbye::Reason;
use kaishin_proto::v1::session_request::Body as Up;
use kaishin_tests::harness::Harness;
use kaishin_tests::line::Terminal;
use kaishin_tests::wait::{SOON, eventually};
use tokio::io::AsyncReadExt;
use tonic::Code;

async fn enrolled(harness: &Harness) -> Terminal {
    Terminal::enrolled(harness.agents(), "uketsuke-1", &harness.token(1).await).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_message_that_is_too_large_ends_the_session_and_nothing_else() {
    let harness = Harness::start().await;
    let terminal = enrolled(&harness).await;
    let mut session = terminal.connect(1).await;
    let reply = v1::ProbeReply {
        nonce: vec![0; 2 * 1024 * 1024],
    };
    session.say(Up::ProbeReply(reply)).await;
    session.end().await;
    harness.is_online(terminal.id(), false).await;
    terminal.connect(2).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_terminal_that_never_stops_talking_is_sent_away() {
    let harness = Harness::with_manual_clock().await;
    let terminal = enrolled(&harness).await;
    let mut session = terminal.connect(1).await;
    let mut sent = 0;
    while sent < 5_000 && session.say(Up::Heartbeat(v1::Heartbeat {})).await {
        sent += 1;
    }
    assert_eq!(session.hears_goodbye().await, Reason::TooMuch);
    harness.is_online(terminal.id(), false).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_enrolment_request_that_is_too_large_is_refused() {
    let harness = Harness::start().await;
    let mut terminal = Terminal::new(harness.agents(), "large");
    terminal.machine.model = "x".repeat(100_000);
    let refused = terminal.enrol("").await.expect_err("refused");
    assert_eq!(refused.code(), Code::OutOfRange);
    assert_eq!(harness.overview().await["pending"], 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_that_connects_and_never_shakes_hands_is_hung_up_on() {
    let harness = Harness::start().await;
    let mut silent = tokio::net::TcpStream::connect(harness.agents())
        .await
        .expect("connected");
    let mut byte = [0; 1];
    let end = tokio::time::timeout(SOON, silent.read(&mut byte))
        .await
        .expect("hung up in time");
    assert!(matches!(end, Ok(0) | Err(_)));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_address_enrols_no_faster_than_the_configuration_says() {
    let mut harness = Harness::with_manual_clock().await;
    harness.config.enrolments = Rate {
        burst: 2.0,
        per_second: 1.0,
    };
    harness.restart().await;
    let token = harness.token(9).await;
    let asks = async |n: u8| {
        Terminal::new(harness.agents(), &format!("uketsuke-{n}"))
            .enrol(&token)
            .await
    };
    for n in 0..2 {
        assert!(matches!(asks(n).await, Ok(Outcome::Enrolled(_))));
    }
    let before = harness
        .metric("kaishin_enrolment_requests_total{result=\"too-many\"}")
        .await;
    assert_eq!(asks(2).await.expect_err("too many").code(), Code::ResourceExhausted);
    assert!(
        harness
            .metric("kaishin_enrolment_requests_total{result=\"too-many\"}")
            .await
            > before
    );
    harness.pass(Span::seconds(1)).await;
    assert!(matches!(asks(3).await, Ok(Outcome::Enrolled(_))));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn connections_handshakes_and_facts_that_nobody_knows_are_counted() {
    const COUNTED: [&str; 7] = [
        "kaishin_connections_accepted_total{port=\"agents\"}",
        "kaishin_handshakes_total{port=\"agents\",result=\"ok\"}",
        "kaishin_handshake_microseconds_total{port=\"agents\",result=\"ok\"}",
        "kaishin_handshakes_total{port=\"agents\",result=\"not-tls\"}",
        "kaishin_enrolment_requests_total{result=\"enrolled\"}",
        "kaishin_sessions_opened_total",
        "kaishin_facts_dropped_total",
    ];
    let harness = Harness::start().await;
    let mut before = Vec::new();
    for name in COUNTED {
        before.push(harness.metric(name).await);
    }
    let terminal = enrolled(&harness).await;
    let session = terminal.connect(1).await;
    let stranger = kaishin_tests::http::Http::new(harness.agents());
    assert!(
        stranger.try_send(http::Method::GET, "/", None).await.is_none(),
        "it speaks TLS only"
    );
    let invented = v1::Section {
        name: "power".into(),
        digest: vec![1],
        observed_at_us: 1,
        facts: vec![v1::Fact {
            key: "power.invented".into(),
            value: None,
        }],
    };
    session
        .say(Up::Facts(v1::FactReport {
            sections: vec![invented],
        }))
        .await;
    for (name, before) in COUNTED.into_iter().zip(before) {
        eventually(SOON, name, async || (harness.metric(name).await > before).then_some(())).await;
    }
    assert!(
        harness.metric("kaishin_connections").await >= 1.0,
        "the session's is open"
    );
    assert!(harness.metric("kaishin_handshakes_under_way{port=\"agents\"}").await >= 0.0);
}
