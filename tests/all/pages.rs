//! Pages as a browser without scripts uses them: forms, and what they lead to.

use http::Method;
use kaishin::app::operators::{self, NewOperator};
use kaishin_domain::access::Role;
use kaishin_proto::v1;
use kaishin_proto::v1::job_step::Phase;
use kaishin_proto::v1::session_request::Body as Up;
use kaishin_proto::v1::session_response::Body as Down;
use kaishin_tests::harness::Harness;
use kaishin_tests::http::Http;
use kaishin_tests::line::{Session, Terminal, accepted, event, step};
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
async fn a_terminals_page_says_in_which_facility_it_stands_and_what_is_in_doubt_about_that() {
    let harness = Harness::start().await;
    let terminal = Terminal::enrolled(harness.agents(), "uketsuke-1", &harness.token(1).await).await;
    let viewer = browser(&harness, Role::Viewer).await;
    let page = format!("/terminals/{}", terminal.id());
    let stands_in = async |code: &str| {
        let path = format!("/api/v1{page}/facility");
        let said = json!({ "code": code, "reason": "test" });
        harness.api.post(&path, &said).await
    };
    let seen = viewer.get(&page).await.expect(200).text;
    assert!(seen.contains("In no facility"), "{seen}");

    for (code, name) in [("0110113719", "さくら医院"), ("1340000015", "みどり薬局")] {
        let put = Some(("application/json", json!({ "name": name }).to_string()));
        let path = format!("/api/v1/facilities/{code}");
        harness.api.send(Method::PUT, &path, put).await.expect(200);
        stands_in(code).await.expect(200);
        let seen = viewer.get(&page).await.expect(200).text;
        let link = format!("<a href=\"/facilities/{code}\">{name}</a>");
        assert!(seen.contains(&link) && !seen.contains("In no facility"), "{seen}");
        viewer.get(&format!("/facilities/{code}")).await.expect(200);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_code_that_no_ledger_has_leads_to_its_terminals_and_not_into_the_void() {
    let harness = Harness::start().await;
    let mut terminal = Terminal::new(harness.agents(), "uketsuke-1");
    let mut request = terminal.request(&harness.token(1).await);
    request.institution_code = "0110113719".into();
    terminal.enrol_with(request).await.expect("enrolled");
    let viewer = browser(&harness, Role::Viewer).await;
    let seen = viewer
        .get(&format!("/terminals/{}", terminal.id()))
        .await
        .expect(200)
        .text;
    assert!(
        seen.contains("Code not in the ledger") && seen.contains("0110113719"),
        "{seen}"
    );
    assert!(!seen.contains("/facilities/0110113719"), "{seen}");
    assert!(seen.contains("/terminals?q=institution%3A0110113719"), "{seen}");
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

/// A step as a terminal tells it, with what it found.
fn told(number: u32, name: &str, phase: Phase, evidence: &str) -> v1::job_event::What {
    v1::job_event::What::Step(v1::JobStep {
        number,
        name: name.into(),
        phase: phase.into(),
        evidence: evidence.into(),
    })
}

fn ended(outcome: v1::job_result::Outcome, code: &str, detail: &str) -> v1::job_event::What {
    v1::job_event::What::Result(v1::JobResult {
        outcome: outcome.into(),
        code: code.into(),
        detail: detail.into(),
        ..v1::JobResult::default()
    })
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn how_a_job_ended_and_what_it_waited_for_is_told_in_words_and_a_newer_agents_code_as_it_is() {
    let harness = Harness::start().await;
    let terminal = Terminal::enrolled(harness.agents(), "uketsuke-1", &harness.token(1).await).await;
    let mut session = terminal.connect(1).await;
    let desk = browser(&harness, Role::Desk).await;
    let page = format!("/terminals/{}/jobs", terminal.id());

    let job = harness.order(terminal.id(), "restart-now").await;
    let offer = session.hears_offer().await;
    let waits = "waits: reception hours until 19:00";
    session
        .tells(vec![
            event(1, &offer, accepted()),
            event(2, &offer, told(2, "announce", Phase::Waiting, waits)),
        ])
        .await;
    let seen = desk.get(&page).await.expect(200).text;
    assert!(seen.contains("Waits: reception hours until 19:00"), "{seen}");
    let step = &harness.job(&job).await["steps"][0];
    assert_eq!(step["evidence"], waits, "the record keeps what was said");
    assert_eq!(step["words"]["ja"], "診療時間のため、19:00まで待っています");

    let failed = v1::job_result::Outcome::Failed;
    session
        .tells(vec![event(
            3,
            &offer,
            ended(failed, "E-JOB-62", "does not run again: OqsComApp"),
        )])
        .await;
    let seen = desk.get(&page).await.expect(200).text;
    for said in [
        "a service that ran before does not run",
        "E-JOB-62",
        "Does not run again: OqsComApp",
    ] {
        assert!(seen.contains(said), "{said} is missing in {seen}");
    }
    let told = &harness.job(&job).await;
    assert_eq!(told["words"], json!(kaishin_proto::ending::words("E-JOB-62")));

    let job = harness.order(terminal.id(), "refresh-facts").await;
    let offer = session.hears_offer().await;
    session
        .tells(vec![
            event(4, &offer, accepted()),
            event(5, &offer, ended(failed, "E-JOB-99", "the moon is full")),
        ])
        .await;
    let seen = desk.get(&page).await.expect(200).text;
    assert!(seen.contains("E-JOB-99") && seen.contains("the moon is full"), "{seen}");
    assert_eq!(harness.job(&job).await["words"], json!(null));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_code_read_out_on_the_phone_is_passed_on_from_the_calls_page_and_orders_lead_back_to_it() {
    let harness = Harness::start().await;
    let terminal = Terminal::enrolled(harness.agents(), "uketsuke-1", &harness.token(1).await).await;
    let mut session = terminal.connect(1).await;
    let desk = browser(&harness, Role::Desk).await;
    let id = terminal.id().to_string();
    let opened = desk.form("/calls", &[("terminal", &id)]).await.expect(303);
    let call = opened.header("location").to_owned();
    let number = call.rsplit('/').next().expect("an id").to_owned();
    assert!(
        !desk.get(&call).await.expect(200).text.contains("name=\"code\""),
        "nobody is asked"
    );

    // Ordered on the page that says what will happen, and back to the call.
    let order = format!("/terminals/{id}/jobs");
    let asked = desk
        .get(&format!("{order}/new?remedy=power-settings&call={number}"))
        .await;
    assert!(
        asked
            .expect(200)
            .text
            .contains(&format!("name=\"call\" value=\"{number}\""))
    );
    let ordered = desk
        .form(&order, &[("remedy", "power-settings"), ("call", &number)])
        .await;
    assert_eq!(ordered.expect(303).header("location"), call);
    let offer = session.hears_offer().await;
    session
        .tells(vec![
            event(1, &offer, accepted()),
            event(2, &offer, step(0, "consent", Phase::Intent)),
        ])
        .await;
    let seen = desk.get(&call).await.expect(200).text;
    assert!(seen.contains("Please read it out.") && seen.contains(&format!("id=\"code-{}\"", offer.job_id)));

    let fields = |code| [("event", "code"), ("job", offer.job_id.as_str()), ("code", code)];
    let short = desk.form(&call, &fields("12")).await.expect(422).text;
    assert!(short.contains("E-JOB-38") && short.contains("value=\"12\""), "{short}");
    assert_eq!(
        desk.form(&call, &fields("１２３４"))
            .await
            .expect(303)
            .header("location"),
        format!("{call}?done=code-sent")
    );
    let heard = session
        .hears("the code", |body| {
            if let Down::ConsentCode(sent) = body {
                Some((sent.job_id, sent.code))
            } else {
                None
            }
        })
        .await;
    assert_eq!(heard, (offer.job_id.clone(), "1234".to_owned()));

    let yes = "yes, by the code that the terminal showed";
    session
        .tells(vec![
            event(3, &offer, told(0, "consent", Phase::Done, yes)),
            event(4, &offer, step(1, "read-before", Phase::Intent)),
        ])
        .await;
    let seen = desk.get(&call).await.expect(200).text;
    assert!(
        !seen.contains("name=\"code\"") && seen.contains("Yes, by the code on the screen"),
        "{seen}"
    );

    // A job of another terminal is none of this call's.
    let other = Terminal::enrolled(harness.agents(), "uketsuke-2", &harness.token(1).await).await;
    let elsewhere = harness.order(other.id(), "power-settings").await;
    let fields = [("event", "code"), ("job", elsewhere.as_str()), ("code", "1234")];
    desk.form(&call, &fields).await.expect(409);
}
