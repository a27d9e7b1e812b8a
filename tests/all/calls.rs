//! Calls as the support desk has them: over the API with a real agent on a simulated machine, and the code that a terminal
//! shows so that somebody on the phone can say which one they sit at.

use std::sync::Arc;

use kaishin_agent::os::sim::Sim;
use kaishin_agent::os::{Hive, RegistryValue};
use kaishin_agent::{Keep, Settings};
use kaishin_domain::access::Role;
use kaishin_domain::id::TerminalId;
use kaishin_domain::time::{Span, Time};
use kaishin_proto::v1;
use kaishin_proto::v1::session_request::Body as Up;
use kaishin_proto::v1::session_response::Body as Down;
use kaishin_tests::agent::Agent;
use kaishin_tests::children::Child;
use kaishin_tests::harness::Harness;
use kaishin_tests::http::Http;
use kaishin_tests::line::{Session, Terminal};
use kaishin_tests::serve::{agent, our};
use kaishin_tests::wait::{SOON, eventually};
use serde_json::{Value as Json, json};

const PARAMETERS: &str = r"SYSTEM\CurrentControlSet\Services\W32Time\Parameters";

/// A terminal that takes its time from somewhere else.
struct WithWrongTime {
    id: TerminalId,
    agent: Agent,
    machine: Arc<Sim>,
    keep: Keep,
}

impl WithWrongTime {
    async fn start(harness: &Harness) -> WithWrongTime {
        let machine = Arc::new(Sim::new(7, 1, harness.clock.clone()));
        let wrong = Some(RegistryValue::text("time.windows.com,0x9"));
        machine.poke(Hive::LocalMachine, PARAMETERS, "NtpServer", wrong);
        let keep = Keep::memory();
        let settings = Settings {
            token: Some(harness.token(1).await),
            ..harness.settings()
        };
        let mut agent = Agent::start(settings, &machine, &keep, &harness.clock);
        let id = agent.is_online().await;
        eventually(SOON, "its facts are here", async || {
            harness.terminal(id).await["facts"]["time.source"]
                .is_object()
                .then_some(())
        })
        .await;
        WithWrongTime {
            id,
            agent,
            machine,
            keep,
        }
    }
}

async fn get(api: &Http, call: &str) -> Json {
    api.get(&format!("/api/v1/calls/{call}")).await.expect(200).json()
}

async fn happens(api: &Http, call: &str, event: Json, status: u16) -> Json {
    let path = format!("/api/v1/calls/{call}/events");
    api.post(&path, &event).await.expect(status).json()
}

async fn is(api: &Http, call: &str, what: &str, fits: impl Fn(&Json) -> bool) -> Json {
    eventually(SOON, what, async || {
        Some(get(api, call).await).filter(|call| fits(call))
    })
    .await
}

async fn opens(api: &Http, body: Json) -> String {
    let call = api.post("/api/v1/calls", &body).await.expect(201).json();
    call["id"].as_str().expect("an id").to_owned()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_contradiction_holds_a_step_until_the_remedy_has_put_it_right() {
    let harness = Harness::start().await;
    let api = Http::new(harness.handle().http_addr).with_bearer(&harness.bearer(Role::Desk).await);
    let terminal = WithWrongTime::start(&harness).await;
    let call = opens(
        &api,
        json!({ "terminal": terminal.id, "procedure": "time-server", "name": "田中", "concern": "時計が合わない" }),
    )
    .await;
    let seen = is(&api, &call, "the terminal tells", |call| call["step"]["shown"] == false).await;
    assert_eq!(seen["step"]["stand"], "unconfirmed");
    let said = happens(&api, &call, json!({ "event": "said" }), 200).await;
    assert_eq!(
        (&said["step"]["id"], &said["step"]["stand"]),
        (&json!("set"), &json!("contradicted"))
    );
    for blocked in [
        json!({ "event": "skipped" }),
        json!({ "event": "closed", "outcome": "fixed" }),
    ] {
        assert_eq!(happens(&api, &call, blocked, 409).await["code"], "E-CALL-16");
    }
    for unseen in [
        json!({ "event": "said", "version": 1 }),
        json!({ "event": "order", "version": 1 }),
    ] {
        assert_eq!(happens(&api, &call, unseen, 409).await["code"], "E-STORE-01");
    }
    happens(&api, &call, json!({ "event": "took-back" }), 200).await;
    let fixed = json!({ "event": "closed", "outcome": "fixed" });
    let refused = happens(&api, &call, fixed, 409).await;
    assert_eq!(
        refused["code"], "E-CALL-16",
        "taking the words back does not mend the terminal"
    );
    let step = seen["step"]["title"]["en"].as_str().expect("a title");
    assert!(
        refused["title"].as_str().is_some_and(|title| title.contains(step)),
        "{refused}"
    );

    happens(&api, &call, json!({ "event": "order" }), 200).await;
    let seen = is(&api, &call, "the step ticks itself", |call| {
        call["step"]["stand"] == "automatic"
    })
    .await;
    assert_eq!(seen["jobs"][0]["remedy"], "time-source");
    let job = format!("/api/v1/jobs/{}", seen["jobs"][0]["id"].as_str().expect("an id"));
    let job = api.get(&job).await.expect(200).json();
    let of = |key: &str| job[key].as_str().and_then(Time::parse).expect("a moment");
    assert!(
        of("deadline").since(of("created_at")) <= Span::hours(12),
        "asked today or not at all"
    );
    is(&api, &call, "the work is done", |call| {
        call["jobs"][0]["state"] == "succeeded"
    })
    .await;
    happens(&api, &call, json!({ "event": "said" }), 200).await;
    let refused = happens(&api, &call, json!({ "event": "closed", "outcome": "" }), 422).await;
    assert_eq!(refused["code"], "E-CALL-25", "no call is closed without an outcome");
    let closed = happens(
        &api,
        &call,
        json!({ "event": "closed", "outcome": "fixed", "text": "様子見" }),
        200,
    )
    .await;
    assert_eq!(
        (&closed["state"], &closed["outcome"]),
        (&json!("closed"), &json!("fixed"))
    );
    let record = closed["record"]["ja"].as_str().expect("a record");
    for said in ["田中様", "時計が合わない", "【自動確認】", "完了いたしました", "様子見"] {
        assert!(record.contains(said), "{said} is missing in\n{record}");
    }
    let late = happens(&api, &call, json!({ "event": "noted", "text": "x" }), 409).await;
    assert_eq!(late["code"], "E-CALL-12");
    let entries = harness.audit(&format!("call:{call}")).await;
    assert_eq!(entries[0]["action"], "call.close");
    assert!(!entries[0].to_string().contains("田中"), "nobody's name is in the log");
    terminal.agent.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_call_back_comes_due_by_itself_when_the_terminal_is_back() {
    let harness = Harness::start().await;
    let WithWrongTime {
        id,
        agent,
        machine,
        keep,
    } = WithWrongTime::start(&harness).await;
    let api = &harness.api;
    let call = opens(api, json!({ "terminal": id })).await;
    let back = json!({ "event": "call-back", "condition": "online" });
    assert_eq!(happens(api, &call, back.clone(), 409).await["code"], "E-CALL-20");
    agent.stop().await;
    harness.is_online(id, false).await;
    let waiting = happens(api, &call, back, 200).await;
    assert_eq!(waiting["state"], "waiting");
    assert_eq!(
        happens(api, &call, json!({ "event": "said" }), 409).await["code"],
        "E-CALL-13"
    );

    let agent = Agent::start(harness.settings(), &machine, &keep, &harness.clock);
    is(api, &call, "it is due", |call| call["state"] == "due").await;
    let due = api.get("/api/v1/calls?state=due").await.expect(200).json();
    assert_eq!((&due["total"], &due["items"][0]["id"]), (&json!(1), &json!(call)));
    let again = happens(api, &call, json!({ "event": "resumed" }), 200).await;
    assert_eq!(again["state"], "open");
    agent.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_wrong_with_a_request_is_said_and_the_call_stays_as_it_was() {
    let harness = Harness::start().await;
    let api = &harness.api;
    let call = opens(api, json!({ "phone": "０３-1234-5678" })).await;
    for (event, status, code) in [
        (json!({ "event": "nothing" }), 422, "E-CALL-26"),
        (json!({ "event": "said", "script": "x" }), 422, "E-INPUT-03"),
        (json!({ "event": "said" }), 409, "E-CALL-15"),
        (json!({ "event": "began", "procedure": "none" }), 404, "E-CALL-14"),
        (json!({ "event": "call-back", "condition": "online" }), 409, "E-CALL-19"),
        (
            json!({ "event": "call-back", "condition": "at", "at": "2020-01-01T00:00:00Z" }),
            422,
            "E-CALL-21",
        ),
        (
            json!({ "event": "call-back", "condition": "someday" }),
            422,
            "E-CALL-24",
        ),
        (
            json!({ "event": "noted", "text": "あ".repeat(1_001) }),
            422,
            "E-CALL-11",
        ),
        (json!({ "event": "placed", "terminal": "nobody" }), 404, "E-TERMINAL-01"),
        (json!({ "event": "order", "remedy": "shell" }), 422, "E-JOB-14"),
        (json!({ "event": "order", "remedy": "refresh-facts" }), 409, "E-CALL-19"),
    ] {
        assert_eq!(
            happens(api, &call, event.clone(), status).await["code"],
            code,
            "{event}"
        );
    }
    assert_eq!(get(api, &call).await["version"], 1);
    let found = api.get("/api/v1/calls?q=0312345678").await.expect(200).json();
    assert_eq!(found["items"][0]["id"], json!(call));
    let long = json!({ "name": "あ".repeat(81) });
    assert_eq!(
        api.post("/api/v1/calls", &long).await.expect(422).json()["code"],
        "E-CALL-11"
    );
}

async fn hears_code(session: &mut Session) -> v1::CallCode {
    let code = |body| {
        if let Down::CallCode(code) = body {
            Some(code)
        } else {
            None
        }
    };
    session.hears("a code", code).await
}

fn ask() -> Up {
    Up::CallCodeRequest(v1::CallCodeRequest {})
}

async fn first_found(harness: &Harness, typed: &str) -> Json {
    let path = kaishin::http::address("/api/v1/search", &[("q", typed)]);
    harness.api.get(&path).await.expect(200).json()["items"][0].clone()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_code_read_aloud_opens_the_terminal_that_shows_it_and_too_much_asking_is_not_answered() {
    let harness = Harness::start().await;
    let token = harness.token(2).await;
    let mut shown = Vec::new();
    let mut sessions = Vec::new();
    for name in ["one", "two"] {
        let terminal = Terminal::enrolled(harness.agents(), name, &token).await;
        let mut session = terminal.connect(1).await;
        harness.is_online(terminal.id(), true).await;
        session.say(ask()).await;
        let code = hears_code(&mut session).await;
        assert!(code.code.len() == 4 && code.code.bytes().all(|byte| byte.is_ascii_digit()));
        session.say(ask()).await;
        assert_eq!(hears_code(&mut session).await, code, "the same while it is live");
        shown.push((terminal.id(), code.code));
        sessions.push((terminal, session));
    }
    assert_ne!(shown[0].1, shown[1].1);
    for (id, code) in &shown {
        let wide: String = code.chars().filter_map(|c| char::from_u32(c as u32 + 0xfee0)).collect();
        for typed in [code.clone(), wide, format!("{} {}", &code[..2], &code[2..])] {
            assert_eq!(first_found(&harness, &typed).await["id"], json!(id), "{typed}");
        }
    }
    let (_, session) = &mut sessions[0];
    for _ in 0..20 {
        session.say(ask()).await;
    }
    session.say(Up::JobEvents(v1::JobEvents { events: Vec::new() })).await;
    let mut answers = 0;
    loop {
        match session.next().await {
            Some(Down::CallCode(_)) => answers += 1,
            Some(Down::Acknowledge(_)) => break,
            Some(_) => {}
            None => panic!("the stream ended"),
        }
    }
    assert!((1..20).contains(&answers), "{answers} answers");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_command_line_at_the_terminal_shows_its_code_while_it_is_open() {
    let harness = Harness::start().await;
    let folder = tempfile::tempdir().expect("a folder");
    let data = folder.path().join("agent");
    let code = || {
        let mut command = std::process::Command::new(our("kaishin-agent"));
        command.arg("--data-dir").arg(&data).arg("code");
        command
    };
    let mut nobody = Child::spawn(&mut code()).expect("it starts");
    assert_eq!(nobody.ended(SOON).await.code(), Some(1));
    assert!(
        nobody.err().so_far().contains("E-AGENT-14"),
        "{}",
        nobody.err().so_far()
    );

    let (pin, token) = (harness.handle().ca_pin.clone(), harness.token(1).await);
    let mut running = Child::spawn(agent(1, &data, harness.agents(), &pin, &token).arg("--json")).expect("it starts");
    running
        .says("it is online", |line| line.contains("\"online\"").then_some(()))
        .await;
    let mut shown = Child::spawn(code().arg("--json")).expect("it starts");
    let digits = shown
        .says("a code", |line| {
            let told: Json = serde_json::from_str(line).ok()?;
            told["code"].as_str().map(str::to_owned)
        })
        .await;
    let found = eventually(SOON, "the terminal is found", async || {
        Some(first_found(&harness, &digits).await).filter(|found| found["kind"] == "terminal")
    })
    .await;
    assert_eq!(found["online"], true, "{found}");
    let mut people = Child::spawn(&mut code()).expect("it starts");
    let spaced: Vec<String> = digits.chars().map(String::from).collect();
    let spaced = spaced.join(" ");
    people
        .says("the digits", |line| line.contains(&spaced).then_some(()))
        .await;
    running.terminate();
    assert_eq!(shown.ended(SOON).await.code(), Some(0), "it ends with the agent");
    people.kill();
    running.ended(SOON).await;
}
