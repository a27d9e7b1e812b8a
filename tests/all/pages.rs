//! Pages as a browser without scripts uses them: forms, and what they lead to.

use http::Method;
use kaishin::app::operators::{self, NewOperator};
use kaishin_domain::access::Role;
use kaishin_proto::v1;
use kaishin_proto::v1::session_request::Body as Up;
use kaishin_proto::v1::session_response::Body as Down;
use kaishin_tests::harness::Harness;
use kaishin_tests::http::Http;
use kaishin_tests::line::{Session, Terminal};
use serde_json::json;

const PASSWORD: &str = "Mimawari-2026-Kaishin";

/// A browser in which somebody of this role is signed in, with English pages.
async fn browser(harness: &Harness, role: Role) -> Http {
    let new = NewOperator {
        name: role.name().into(),
        display_name: role.name().into(),
        role,
        password: Some(PASSWORD.into()),
        language: "en".into(),
    };
    operators::create(&harness.local(), new).await.expect("an operator");
    let peer = std::net::Ipv4Addr::LOCALHOST.into();
    let signed_in = operators::sign_in(&harness.handle().app, role.name(), PASSWORD, peer).await;
    let cookie = signed_in.expect("a sign-in").cookie;
    Http::new(harness.handle().http_addr)
        .with_header("sec-fetch-site", "same-origin")
        .with_header("cookie", &format!("__Host-kaishin={cookie}"))
}

/// One identity in two machines that both answer: held.
async fn duplicate(harness: &Harness) -> (Terminal, [Session; 2]) {
    let terminal = Terminal::enrolled(harness.agents(), "uketsuke-1", &harness.token(1).await).await;
    let mut one = terminal.connect(1).await;
    let other = terminal.cloned();
    let mut second = other.open().await.expect("open");
    second.say(Up::Hello(other.hello(2))).await;
    let nonce = one
        .hears("a probe", |body| {
            if let Down::Probe(probe) = body {
                Some(probe.nonce)
            } else {
                None
            }
        })
        .await;
    one.say(Up::ProbeReply(v1::ProbeReply { nonce })).await;
    second
        .hears("welcome", |body| matches!(body, Down::Welcome(_)).then_some(()))
        .await;
    (terminal, [one, second])
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_duplicate_is_released_on_its_page_with_a_reason_by_who_may() {
    let harness = Harness::start().await;
    let (terminal, sessions) = duplicate(&harness).await;
    let page = format!("/terminals/{}", terminal.id());
    let release = format!("{page}/release");

    let desk = browser(&harness, Role::Desk).await;
    let seen = desk.get(&page).await.expect(200).text;
    assert!(seen.contains("Approver, Administrator"), "who may is told");
    assert!(!seen.contains(&format!("{release}\"")));
    desk.form(&release, &[("reason", "it is fine")]).await.expect(403);

    let approver = browser(&harness, Role::Approver).await;
    let seen = approver.get(&page).await.expect(200).text;
    assert!(seen.contains(&format!("href=\"{release}\"")));
    approver.get(&release).await.expect(200);
    let again = approver.form(&release, &[("reason", " ")]).await;
    assert!(again.status == 400 || again.status == 422, "{}", again.status);
    assert!(again.text.contains("E-INPUT-01"));
    assert_eq!(harness.terminal(terminal.id()).await["hold"]["kind"], "duplicate");

    // The clone is switched off before it is released.
    let [one, clone] = sessions;
    drop(clone);
    let done = approver.form(&release, &[("reason", "the clone is off")]).await;
    assert_eq!(done.status, 303);
    assert_eq!(harness.terminal(terminal.id()).await["hold"], json!(null));
    let entry = &harness.audit(&format!("terminal:{}", terminal.id())).await[0];
    assert_eq!(
        (&entry["action"], &entry["reason"], &entry["actor"]),
        (
            &json!("terminal.release"),
            &json!("the clone is off"),
            &json!("approver")
        )
    );
    let twice = approver.form(&release, &[("reason", "once more")]).await;
    assert_eq!(twice.status, 409, "it is not held any more");
    drop(one);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_new_token_comes_with_the_command_that_can_be_typed_at_the_terminal() {
    let harness = Harness::start().await;
    let admin = browser(&harness, Role::Admin).await;
    let form = [("kind", "one-time"), ("uses", "1"), ("hours", "1"), ("note", "test")];
    let made = admin.form("/enrolment/tokens", &form).await.expect(201).text;
    let command = format!("kaishin-agent enroll --server {} --ca-pin ", harness.agents());
    assert!(made.contains(&command), "{made}");
    assert!(!made.contains("agents_address"), "the address is a real one");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn help_leads_to_its_first_page_and_is_for_whoever_is_signed_in() {
    let harness = Harness::start().await;
    let viewer = browser(&harness, Role::Viewer).await;
    let sent = viewer.send(Method::GET, "/help", None).await;
    assert_eq!(sent.headers["location"], "/help/start");
    let page = viewer.get("/help/start").await.expect(200).text;
    assert!(page.contains("<h1>Getting started</h1>"));
    viewer.get("/help/nothing").await.expect(404);
}
