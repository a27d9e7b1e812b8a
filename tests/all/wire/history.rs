use kaishin::app::history::{self, Kind, What};
use kaishin_domain::time::Span;
use kaishin_proto::convert::section_to_wire;
use kaishin_proto::time::Time;
use kaishin_proto::v1;
use kaishin_proto::v1::job_result::Outcome;
use kaishin_proto::v1::session_request::Body as Up;
use kaishin_proto::v1::session_response::Body as Down;
use kaishin_proto::value::Value;
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
