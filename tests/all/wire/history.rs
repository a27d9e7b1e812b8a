use kaishin::app::history::{self, Kind, What};
use kaishin_domain::time::Span;
use kaishin_proto::convert::section_to_wire;
use kaishin_proto::time::Time;
use kaishin_proto::v1;
use kaishin_proto::v1::job_result::Outcome;
use kaishin_proto::v1::session_request::Body as Up;
use kaishin_proto::v1::session_response::Body as Down;
use kaishin_proto::value::{Reason, Value};
use kaishin_tests::harness::{FRIDAY, Harness};
use kaishin_tests::line::{Session, Terminal, accepted, event, result};
use serde_json::{Value as Json, json};

/// Reports a section and waits until it is written.
async fn reports(harness: &Harness, session: &mut Session, name: &str, facts: &[(&str, Value)], at: Time) {
    harness.pass(Span::seconds(1)).await;
    let facts: Vec<(String, Value)> = facts
        .iter()
        .map(|(key, value)| ((*key).to_owned(), value.clone()))
        .collect();
    let sections = vec![section_to_wire(name, &facts, at)];
    session.say(Up::Facts(v1::FactReport { sections })).await;
    // What a session sends is taken in order.
    session.tells(vec![]).await;
}

async fn page(harness: &Harness, terminal: &Terminal, query: &str) -> Json {
    let path = format!("/api/v1/terminals/{}/history?{query}", terminal.id());
    harness.api.get(&path).await.expect(200).json()
}

async fn items(harness: &Harness, terminal: &Terminal, query: &str) -> Vec<Json> {
    let page = page(harness, terminal, query).await;
    page["items"].as_array().expect("items").clone()
}

fn in_short(item: &Json) -> String {
    let name = ["key", "rule", "remedy", "action"]
        .iter()
        .find_map(|key| item[*key].as_str())
        .unwrap_or_default();
    let after = if item["after"].is_null() {
        String::new()
    } else {
        format!(" {}", item["after"])
    };
    format!("{} {name}{after}", item["kind"].as_str().unwrap_or_default()).replace('"', "")
}

/// A terminal with a little past.
async fn lived(harness: &Harness) -> Terminal {
    let terminal = Terminal::enrolled(harness.agents(), "uketsuke-1", &harness.token(1).await).await;
    let mut session = terminal.connect(1).await;
    let boot = |id: &str| [("boot.id", Value::Text(id.into())), ("boot.time", Value::Time(FRIDAY))];
    let power = |on: bool| [("power.fast_startup", Value::Truth(on))];
    let platform = [
        ("agent.platform", Value::Text("windows".into())),
        ("agent.started", Value::Time(FRIDAY)),
    ];
    reports(harness, &mut session, "agent", &platform, FRIDAY).await;
    reports(harness, &mut session, "boot", &boot("b1"), FRIDAY).await;
    reports(harness, &mut session, "power", &power(false), FRIDAY).await;
    reports(harness, &mut session, "power", &power(true), Time(5)).await;
    reports(harness, &mut session, "boot", &boot("b2"), FRIDAY).await;
    let again = [platform[0].clone(), ("agent.started", Value::Time(Time(7)))];
    reports(harness, &mut session, "agent", &again, FRIDAY).await;
    harness.pass(Span::seconds(1)).await;
    harness.order(terminal.id(), "fast-startup-off").await;
    let offer = session.hears_offer().await;
    session.tells(vec![event(1, &offer, accepted())]).await;
    reports(harness, &mut session, "power", &power(false), FRIDAY).await;
    harness.pass(Span::seconds(1)).await;
    session.tells(vec![event(2, &offer, result(Outcome::Succeeded))]).await;
    harness.pass(Span::seconds(1)).await;
    session
        .say(Up::CertificateRequest(v1::CertificateRequest { csr: terminal.csr() }))
        .await;
    session
        .hears("a certificate", |body| {
            matches!(body, Down::Certificate(_)).then_some(())
        })
        .await;
    terminal
}

const PAST: [&str; 9] = [
    "certificate terminal.renew",
    "job fast-startup-off succeeded",
    "fault fast-startup-on closed",
    "fact power.fast_startup false",
    "job fast-startup-off ready",
    "restart boot.id b2",
    "fault fast-startup-on open",
    "fact power.fast_startup true",
    "standing terminal.enrol",
];

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_happened_to_a_terminal_stands_newest_first_and_first_reports_and_volatile_facts_are_no_changes() {
    let harness = Harness::with_manual_clock().await;
    let terminal = lived(&harness).await;
    let all = items(&harness, &terminal, "").await;
    let told: Vec<String> = all.iter().map(in_short).collect();
    assert_eq!(told, PAST);
    let turned_on = &all[7];
    assert_eq!(
        (&turned_on["before"], &turned_on["after"]),
        (&json!(false), &json!(true))
    );
    assert_eq!(turned_on["observed_at"], Time(5).rfc3339(), "by its own clock");
    let app = &harness.handle().app;
    let opened = app.store.open_faults(terminal.id()).await.expect("read");
    assert_eq!(opened, []);
    let before = app
        .store
        .fact_before(terminal.id(), "power.fast_startup", harness.clock.now());
    assert_eq!(before.await.expect("read"), Some(Value::Truth(true)));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_history_read_page_by_page_is_the_whole_one_and_kinds_are_chosen() {
    let harness = Harness::with_manual_clock().await;
    let terminal = lived(&harness).await;
    let all = items(&harness, &terminal, "").await;
    for limit in [1, 2, 4] {
        let mut seen = Vec::new();
        let mut cursor = String::new();
        loop {
            let page = page(&harness, &terminal, &format!("limit={limit}&cursor={cursor}")).await;
            seen.extend(page["items"].as_array().expect("items").clone());
            match page["next"].as_str() {
                Some(next) => cursor = next.to_owned(),
                None => break,
            }
        }
        assert_eq!(seen, all, "{limit} at a time");
    }
    for (kinds, count) in [
        ("fact", 2),
        ("restart", 1),
        ("fault,job", 4),
        ("certificate", 1),
        ("standing", 1),
    ] {
        let some = items(&harness, &terminal, &format!("kind={kinds}")).await;
        assert_eq!(some.len(), count, "{kinds}");
        assert!(
            some.iter()
                .all(|item| kinds.contains(item["kind"].as_str().unwrap_or("?")))
        );
    }
    for wrong in ["kind=weather", "cursor=here"] {
        let path = format!("/api/v1/terminals/{}/history?{wrong}", terminal.id());
        assert_eq!(harness.api.get(&path).await.status, 422, "{wrong}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_facts_were_long_ago_is_forgotten() {
    let harness = Harness::with_manual_clock().await;
    let terminal = lived(&harness).await;
    let (app, local) = (&harness.handle().app, harness.local());
    assert_eq!(history::forget_old(app).await.expect("looked"), 0);
    harness.clock.advance(Span::days(401));
    history::forget_old(app).await.expect("forgotten");
    // Asked here: tokens of programs do not live that long.
    let count = async |kinds: &[Kind]| {
        let page = history::of_terminal(&local, terminal.id(), kinds, None, 50).await;
        page.expect("read").items.len()
    };
    assert_eq!(count(&[Kind::Fact, Kind::Restart]).await, 0);
    // So late others may be open too.
    let faults = history::of_terminal(&local, terminal.id(), &[Kind::Fault], None, 50).await;
    let faults = faults.expect("read").items;
    let ours = faults.iter().filter(|moment| {
        matches!(&moment.what, What::FaultOpened(fault) | What::FaultClosed(fault) if fault.rule == "fast-startup-on")
    });
    assert_eq!(ours.count(), 2, "faults are not");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_fault_stays_while_its_thing_cannot_be_read_and_closes_when_it_is_gone() {
    const EXPIRED: &str = "certificate-expired";
    let harness = Harness::with_manual_clock().await;
    let terminal = Terminal::enrolled(harness.agents(), "uketsuke-1", &harness.token(1).await).await;
    let mut session = terminal.connect(1).await;
    let platform = [("agent.platform", Value::Text("windows".into()))];
    reports(&harness, &mut session, "agent", &platform, FRIDAY).await;
    let path = format!("/api/v1/terminals/{}", terminal.id());
    let steps = [
        (Value::Time(FRIDAY - Span::days(3)), true),
        (Value::unknown(Reason::NoPermission, "the store is locked"), true),
        (Value::unknown(Reason::NotFound, "no certificate"), false),
    ];
    for (expires, stands) in steps {
        let facts = [("certificates.expires", expires.clone())];
        reports(&harness, &mut session, "certificates", &facts, FRIDAY).await;
        let shown = harness.api.get(&path).await.expect(200).json();
        let faults = shown["faults"].as_array().expect("faults");
        let is_open = faults.iter().any(|fault| fault["rule"] == EXPIRED);
        assert_eq!(is_open, stands, "{expires:?} in {faults:?}");
    }
    let past = items(&harness, &terminal, "").await;
    let told: Vec<String> = past.iter().map(in_short).filter(|one| one.contains(EXPIRED)).collect();
    assert_eq!(
        told,
        ["fault certificate-expired closed", "fault certificate-expired open"]
    );
}

/// Opens a call; answers its id.
async fn call(harness: &Harness, about: Json) -> String {
    harness.pass(Span::seconds(1)).await;
    let call = harness.api.post("/api/v1/calls", &about).await.expect(201).json();
    call["id"].as_str().expect("an id").to_owned()
}

async fn happens(harness: &Harness, call: &str, event: Json) -> Json {
    harness.pass(Span::seconds(1)).await;
    let path = format!("/api/v1/calls/{call}/events");
    harness.api.post(&path, &event).await.expect(200).json()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_call_about_a_terminal_stands_in_its_history_from_when_it_was_taken_to_how_it_ended() {
    let harness = Harness::with_manual_clock().await;
    let terminal = lived(&harness).await;
    call(&harness, json!({ "concern": "about another one" })).await;
    let first = call(&harness, json!({ "terminal": terminal.id(), "concern": "it is slow" })).await;
    let second = call(&harness, json!({ "concern": "which one is told later" })).await;
    happens(
        &harness,
        &second,
        json!({ "event": "placed", "terminal": terminal.id() }),
    )
    .await;
    let closed = happens(&harness, &first, json!({ "event": "closed", "outcome": "answered" })).await;

    let all = items(&harness, &terminal, "").await;
    let of_calls = &all[..3];
    let told = |item: &Json| {
        let part = |key: &str| item[key].as_str().unwrap_or("-").to_owned();
        [part("kind"), part("call"), part("state"), part("outcome"), part("by")]
    };
    let by = closed["closed"]["by"].as_str().expect("who closed it");
    assert_eq!(
        of_calls.iter().map(told).collect::<Vec<_>>(),
        [
            ["call", &first, "closed", "answered", by],
            ["call", &second, "open", "-", by],
            ["call", &first, "open", "-", by],
        ]
    );
    assert_eq!(of_calls[2]["at"], closed["opened_at"]);
    assert_eq!(of_calls[0]["at"], closed["closed"]["at"]);
    let rest: Vec<String> = all[3..].iter().map(in_short).collect();
    assert_eq!(rest, PAST);
    assert_eq!(items(&harness, &terminal, "kind=call").await, of_calls);
    for (kind, expected) in [("", &all[..]), ("call", of_calls)] {
        assert_eq!(one_by_one(&harness, &terminal, kind).await, expected, "{kind}");
    }
}

async fn one_by_one(harness: &Harness, terminal: &Terminal, kind: &str) -> Vec<Json> {
    let (mut seen, mut cursor) = (Vec::new(), String::new());
    loop {
        let page = page(harness, terminal, &format!("kind={kind}&limit=1&cursor={cursor}")).await;
        seen.extend(page["items"].as_array().expect("items").clone());
        match page["next"].as_str() {
            Some(next) => cursor = next.to_owned(),
            None => return seen,
        }
    }
}
