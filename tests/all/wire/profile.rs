use std::sync::Arc;

use kaishin_agent::os::sim::Sim;
use kaishin_agent::{Keep, Settings};
use kaishin_domain::access::Role;
use kaishin_proto::v1::session_response::Body as Down;
use kaishin_tests::agent::Agent;
use kaishin_tests::harness::Harness;
use kaishin_tests::http::Http;
use kaishin_tests::line::{Session, Terminal};
use kaishin_tests::wait::{SOON, eventually};
use serde_json::{Value as Json, json};

async fn profile(harness: &Harness) -> Json {
    harness.api.get("/api/v1/profile").await.expect(200).json()
}

/// Of the profile in force, with the face software's target version changed.
async fn with_face(harness: &Harness, version: &str) -> String {
    let mut profile = profile(harness).await["profile"].take();
    profile["software"]["face"]["version"] = json!(version);
    profile.to_string()
}

async fn put(api: &Http, path: &str, text: String, status: u16) -> Json {
    let body = Some(("application/json", text));
    api.send(http::Method::PUT, path, body).await.expect(status).json()
}

async fn hears_version(session: &mut Session) -> u32 {
    let what = |body| {
        if let Down::Profile(profile) = body {
            Some(profile.version)
        } else {
            None
        }
    };
    session.hears("a profile", what).await
}

fn opened(terminal: &Json, rule: &str) -> Option<Json> {
    let faults = terminal["faults"].as_array()?;
    faults.iter().find(|fault| fault["rule"] == rule).cloned()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_published_profile_reaches_a_real_agent_at_once_and_its_facts_and_faults_follow() {
    let harness = Harness::start().await;
    let settings = Settings {
        token: Some(harness.token(1).await),
        ..harness.settings()
    };
    let machine = Arc::new(Sim::new(7, 1, harness.clock.clone()));
    let mut agent = Agent::start(settings, &machine, &Keep::memory(), &harness.clock);
    let id = agent.is_online().await;
    let first = eventually(SOON, "the first facts are in", async || {
        let terminal = harness.terminal(id).await;
        terminal["facts"]["oqs.face.version"].is_object().then_some(terminal)
    })
    .await;
    assert_eq!(opened(&first, "oqs-face-old"), None, "{first}");
    assert_ne!(first["facts"]["agent.profile"]["value"], 2);

    let text = with_face(&harness, "99.1").await;
    let version = put(&harness.api, "/api/v1/profile?reason=release", text, 200).await;
    assert_eq!(version["version"], 2);
    let told = eventually(SOON, "the agent uses version 2 and its fault is open", async || {
        let terminal = harness.terminal(id).await;
        let here = terminal["facts"]["agent.profile"]["value"] == 2;
        opened(&terminal, "oqs-face-old").filter(|_| here)
    })
    .await;
    assert_eq!(told["expected"]["en"], "99.1 or later");

    let text = with_face(&harness, "98.0").await;
    put(&harness.api, "/api/v1/profile?reason=back", text, 200).await;
    eventually(SOON, "the open fault says what is expected now", async || {
        let terminal = harness.terminal(id).await;
        let fault = opened(&terminal, "oqs-face-old")?;
        assert_eq!(fault["since"], told["since"], "it is the same fault");
        (fault["expected"]["en"] == "98.0 or later").then_some(())
    })
    .await;

    let mut older = profile(&harness).await["profile"].take();
    older["software"]["face"]["version"] = json!("2.0");
    older["account"] = json!("OqsOther");
    put(&harness.api, "/api/v1/profile?reason=account", older.to_string(), 200).await;
    eventually(
        SOON,
        "the fault is closed and another account is looked for",
        async || {
            let terminal = harness.terminal(id).await;
            let looks_elsewhere = opened(&terminal, "account-missing").is_some();
            (looks_elsewhere && opened(&terminal, "oqs-face-old").is_none()).then_some(())
        },
    )
    .await;
    agent.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_connects_with_an_older_profile_is_sent_the_one_in_force_even_after_a_restart() {
    let mut harness = Harness::start().await;
    let text = with_face(&harness, "3.0").await;
    let terminal = Terminal::enrolled(harness.agents(), "uketsuke-1", &harness.token(1).await).await;
    let mut here = terminal.connect(1).await;
    put(&harness.api, "/api/v1/profile?reason=release", text, 200).await;
    assert_eq!(hears_version(&mut here).await, 2);
    drop(here);
    harness.restart().await;
    assert_eq!(hears_version(&mut terminal.connect(2).await).await, 2);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_author_drafts_an_approver_publishes_and_a_bad_profile_is_refused_with_line_and_reason() {
    let harness = Harness::start().await;
    let as_role = async |role| Http::new(harness.handle().http_addr).with_bearer(&harness.bearer(role).await);
    let (author, approver) = (as_role(Role::Author).await, as_role(Role::Approver).await);
    let draft = "/api/v1/profile/draft?reason=release";

    let current = profile(&harness).await["profile"].take();
    let pretty = serde_json::to_string_pretty(&current).expect("JSON");
    let bad = pretty.replacen("\"2.3.0\"", "\"two\"", 1);
    let line = bad.lines().position(|line| line.contains("\"two\"")).expect("there") + 1;
    let refused = put(&author, draft, bad, 422).await;
    assert_eq!(refused["code"], "E-PROFILE-01");
    assert_eq!(refused["line"], line, "{refused}");
    assert!(
        refused["reason"]
            .as_str()
            .is_some_and(|reason| reason.contains("no version"))
    );
    let same = put(&author, draft, pretty, 422).await;
    assert_eq!(same["code"], "E-PROFILE-04");
    assert_eq!(profile(&harness).await["draft"], Json::Null);

    let text = with_face(&harness, "3.0").await;
    put(&as_role(Role::Desk).await, draft, text.clone(), 403).await;
    let kept = put(&author, draft, text, 200).await;
    let other = with_face(&harness, "3.1").await;
    put(&author, draft, other.clone(), 409).await;
    let instead = format!("{draft}&instead_of={}", kept["digest"].as_str().expect("a digest"));
    let newer = put(&author, &instead, other, 200).await;
    let shown = profile(&harness).await;
    assert_eq!(shown["version"], 1);
    assert_eq!(shown["draft"]["digest"], newer["digest"]);
    assert_eq!(shown["draft"]["changes"][0]["after"], "3.1");

    let publish = async |api: &Http, digest: &Json, status| {
        let path = "/api/v1/profile/draft/publish";
        api.post(path, &json!({ "digest": digest })).await.expect(status).json()
    };
    publish(&author, &newer["digest"], 403).await;
    assert_eq!(publish(&approver, &kept["digest"], 409).await["code"], "E-PROFILE-05");
    assert_eq!(publish(&approver, &newer["digest"], 200).await["version"], 2);
    let shown = profile(&harness).await;
    assert_eq!((&shown["version"], &shown["draft"]), (&json!(2), &Json::Null));
    let history = harness.api.get("/api/v1/profile/versions").await.expect(200).json();
    assert_eq!(history["items"][0]["written_by"], "api:author");
    assert_eq!(history["items"][0]["published_by"], "api:approver");
    let audited = harness.audit("profile:2").await;
    let actions: Vec<&str> = audited.iter().filter_map(|entry| entry["action"].as_str()).collect();
    assert_eq!(actions, ["profile.publish", "profile.draft", "profile.draft"]);
}
