//! What one terminal may do to the server, at most.

use kaishin_proto::v1;
use kaishin_proto::v1::goodbye::Reason;
use kaishin_proto::v1::session_request::Body as Up;
use kaishin_tests::harness::Harness;
use kaishin_tests::line::Terminal;
use kaishin_tests::wait::SOON;
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
