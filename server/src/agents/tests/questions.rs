//! What a remedy would do, asked over the terminal's own session.

use kaishin_domain::remedy::Remedy;
use kaishin_domain::time::Span;
use kaishin_proto::convert::{preview_to_wire, remedy_from_wire};
use kaishin_proto::preview::{Change, Preview};
use kaishin_proto::v1;
use kaishin_proto::v1::session_request::Body as Up;
use kaishin_proto::v1::session_response::Body as Down;

use super::machine::{Machine, Port, Session, soon};
use crate::app::Kind;
use crate::app::dry_run::{self, DryRun, Verdict};

const REMEDY: Remedy = Remedy::ActiveHours { start: 7, end: 19 };

fn asked(port: &Port, machine: &Machine) -> tokio::task::JoinHandle<DryRun> {
    let (cx, terminal) = (port.cx(), machine.id());
    tokio::spawn(async move { dry_run::ask(&cx, terminal, REMEDY).await.expect("an answer") })
}

async fn question(session: &mut Session) -> u64 {
    match session.next().await {
        Some(Down::PlanRequest(request)) => {
            assert_eq!(remedy_from_wire(request.remedy.as_ref()), Some(REMEDY));
            request.number
        }
        other => panic!("no question: {other:?}"),
    }
}

async fn tells(session: &mut Session, number: u64, preview: &Preview) {
    session.say(Up::PlanReply(preview_to_wire(number, preview))).await;
}

#[tokio::test]
async fn a_terminal_is_asked_and_only_its_own_answer_counts() {
    let port = Port::open().await;
    let (machine, stranger) = (Machine::enrolled(&port).await, Machine::enrolled(&port).await);
    let mut session = machine.hello(1, vec![]).await;
    session.expect_welcome().await;
    let mut other = stranger.hello(2, vec![]).await;
    other.expect_welcome().await;
    let answer = asked(&port, &machine);
    let number = question(&mut session).await;
    tells(&mut other, number, &Preview::not_applicable("not mine to say")).await;
    tells(&mut session, number.wrapping_add(1), &Preview::of([])).await;
    let change = Change::new("ActiveHoursStart", "8", "7".repeat(9_000));
    tells(&mut session, number, &Preview::of([change])).await;
    let told = soon(answer).await.expect("told");
    assert_eq!(told.verdict, Verdict::WouldChange);
    assert_eq!(told.changes[0].to.len(), 500, "no longer than a person reads");
    // Said twice, it is heard once.
    tells(&mut session, number, &Preview::of([])).await;
    session.heartbeat().await;
    port.close().await;
}

#[tokio::test]
async fn who_is_away_is_offline_and_who_does_not_answer_is_unknown_with_the_reason() {
    let port = Port::open().await;
    let machine = Machine::enrolled(&port).await;
    let told = dry_run::ask(&port.cx(), machine.id(), REMEDY).await.expect("an answer");
    assert_eq!(told.verdict, Verdict::Offline);
    let mut session = machine.hello(1, vec![]).await;
    session.expect_welcome().await;
    let answer = asked(&port, &machine);
    question(&mut session).await;
    port.clock.advance(Span::seconds(10));
    let told = soon(answer).await.expect("told");
    assert_eq!(told.verdict, Verdict::Unknown);
    assert!(told.reason.is_some_and(|words| words.en.contains("10 seconds")));
    port.close().await;
}

#[tokio::test]
async fn an_agent_of_an_earlier_minor_is_never_asked() {
    let port = Port::open().await;
    let machine = Machine::enrolled(&port).await;
    let mut session = machine.session(1).await.expect("a stream");
    let mut hello = Machine::greeting(1, vec![]);
    hello.protocol = Some(v1::ProtocolRange {
        major: 1,
        minor: 1,
        oldest_minor: 0,
    });
    session.say(Up::Hello(hello)).await;
    session.expect_welcome().await;
    let told = dry_run::ask(&port.cx(), machine.id(), REMEDY).await.expect("an answer");
    assert_eq!(told.verdict, Verdict::Unknown);
    assert!(told.reason.is_some_and(|words| words.en.contains("agent")));
    // The next word is the offer: nothing was asked before it.
    port.order(&machine, Remedy::RefreshFacts).await;
    session.expect_offer().await;
    port.close().await;
}

#[tokio::test]
async fn a_terminal_that_is_asked_too_often_is_left_in_peace() {
    let port = Port::open().await;
    let machine = Machine::enrolled(&port).await;
    let mut session = machine.hello(1, vec![]).await;
    session.expect_welcome().await;
    let mut refused = None;
    for _ in 0..100 {
        let (cx, terminal) = (port.cx(), machine.id());
        let ask = tokio::spawn(async move { dry_run::ask(&cx, terminal, REMEDY).await });
        if let Some(Down::PlanRequest(request)) = soon(async {
            tokio::select! {
                said = session.next() => said,
                () = async { while !ask.is_finished() { tokio::task::yield_now().await } } => None,
            }
        })
        .await
        {
            tells(&mut session, request.number, &Preview::of([])).await;
        }
        if let Err(error) = soon(ask).await.expect("an answer") {
            refused = Some(error);
            break;
        }
    }
    let refused = refused.expect("not for ever");
    assert_eq!((refused.code, refused.kind), ("E-JOB-45", Kind::TooMany));
    port.close().await;
}
