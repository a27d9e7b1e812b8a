//! What programs are answered: the names that the API keeps, places in a list that hold in their own order only, and files that
//! tell of one moment.

use std::collections::HashSet;

use http::Method;
use http_body_util::BodyExt as _;
use kaishin::index::Entry;
use kaishin_domain::id::TerminalId;
use kaishin_proto::convert::section_to_wire;
use kaishin_proto::v1;
use kaishin_proto::v1::session_request::Body as Up;
use kaishin_proto::value::{Reason, Value};
use kaishin_tests::harness::{FRIDAY, Harness};
use kaishin_tests::line::Terminal;
use kaishin_tests::wait::{SOON, eventually};
use serde_json::{Value as Json, json};

/// More than any buffer between the two ends takes at once.
const MANY: u32 = 30_000;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_rule_is_told_with_its_words_its_source_and_what_mends_it() {
    let harness = Harness::start().await;
    let rules = harness.api.get("/api/v1/rules").await.expect(200).json();
    let items = rules["items"].as_array().expect("rules");
    assert!(items.len() > 80, "{} rules", items.len());
    for rule in items {
        for words in ["title", "explanation", "expected", "citation"] {
            for language in ["ja", "en"] {
                let text = rule[words][language].as_str().unwrap_or_default();
                assert!(!text.is_empty(), "{words} in {language} of {rule}");
            }
        }
        let known = ["serious", "warning", "notice"].map(Json::from);
        assert!(known.contains(&rule["severity"]), "{rule}");
        assert!(rule["remedy"].is_string() || !rule["procedure"].is_null(), "{rule}");
    }
    let one = items.iter().find(|rule| rule["id"] == "fast-startup-on");
    let one = one.expect("a rule that everybody knows");
    assert_eq!(
        (&one["remedy"], &one["evidence"]),
        (&json!("fast-startup-off"), &json!("power.fast_startup"))
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_facet_counts_what_its_filter_finds_and_why_the_rest_is_not_known() {
    let harness = Harness::start().await;
    let token = harness.token(4).await;
    let told = [
        Some(Value::Truth(true)),
        Some(Value::Truth(true)),
        Some(Value::unknown(Reason::NoPermission, "closed")),
        None,
    ];
    for (n, value) in told.into_iter().enumerate() {
        let terminal = Terminal::enrolled(harness.agents(), &format!("uketsuke-{n}"), &token).await;
        let mut session = terminal.connect(1).await;
        if let Some(value) = value {
            let facts = vec![("power.fast_startup".to_owned(), value)];
            let sections = vec![section_to_wire("power", &facts, FRIDAY)];
            session.say(Up::Facts(v1::FactReport { sections })).await;
            session.tells(vec![]).await;
        }
    }
    let path = "/api/v1/facets?by=power.fast_startup,hostname&q=hostname:uketsuke-*&top=2";
    let facets = harness.api.get(path).await.expect(200).json();
    let startup = &facets["facets"]["power.fast_startup"];
    assert_eq!(facets["total"], 4);
    assert_eq!(
        (&startup["values"][0]["value"], &startup["values"][0]["count"]),
        (&json!("yes"), &json!(2))
    );
    assert_eq!(
        startup["unknown"],
        json!({ "count": 2, "reasons": { "no_permission": 1, "not_reported": 1 } })
    );
    let names = &facets["facets"]["hostname"];
    assert_eq!((&names["more_values"], &names["other"]), (&json!(2), &json!(2)));
    let filter = startup["values"][0]["filter"].as_str().expect("a filter");
    let found = harness
        .api
        .get(&format!("/api/v1/terminals?q={filter}"))
        .await
        .expect(200);
    assert_eq!(found.json()["total"], startup["values"][0]["count"]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn rules_of_an_installation_judge_the_fleet_from_the_next_start_on() {
    let mut harness = Harness::start().await;
    let terminal = Terminal::enrolled(harness.agents(), "uketsuke-1", &harness.token(1).await).await;
    let mut session = terminal.connect(1).await;
    for (section, key, value) in [
        ("agent", "agent.platform", Value::Text("windows".into())),
        ("power", "power.fast_startup", Value::Truth(true)),
    ] {
        let sections = vec![section_to_wire(section, &vec![(key.to_owned(), value)], FRIDAY)];
        session.say(Up::Facts(v1::FactReport { sections })).await;
        session.tells(vec![]).await;
    }
    let path = format!("/api/v1/terminals/{}", terminal.id());
    let faults = async |harness: &Harness| {
        let shown = harness.api.get(&path).await.expect(200).json();
        let faults = shown["faults"].as_array().expect("faults").iter();
        faults
            .map(|fault| fault["rule"].as_str().unwrap_or_default().to_owned())
            .collect::<HashSet<_>>()
    };
    let usual = HashSet::from(["fast-startup-on".to_owned()]);
    assert!(faults(&harness).await.is_superset(&usual));

    let words = json!({ "ja": "あ", "en": "a" });
    let rule = |id: &str, fault: &str| {
        json!({
            "id": id, "severity": "notice", "title": words, "explanation": words, "expected": words, "fault": fault,
            "citation": { "manual": "setup", "procedure": words }, "evidence": ["power.fast_startup"],
        })
    };
    let rules =
        json!({ "rules": [rule("fast-startup-on", "power.fast_startup:no"), rule("ours", "power.fast_startup:yes")] });
    let folder = tempfile::tempdir().expect("a folder");
    std::fs::write(folder.path().join("ours.json"), rules.to_string()).expect("written");
    std::fs::write(folder.path().join("notes.txt"), "no rules").expect("written");
    harness.config.rules = Some(folder.path().to_owned());
    harness.restart().await;
    eventually(SOON, "it is judged by the new rules", async || {
        let faults = faults(&harness).await;
        (faults.contains("ours") && faults.is_disjoint(&usual)).then_some(())
    })
    .await;
}

fn nth(n: u32) -> TerminalId {
    let mut random = [0; 10];
    random[6..].copy_from_slice(&n.to_be_bytes());
    TerminalId::new(FRIDAY, random)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_place_in_a_list_is_one_in_its_own_order_only() {
    let harness = Harness::start().await;
    let index = &harness.handle().app.index;
    index.upsert_all((0..3).map(|n| Entry::new(nth(n), format!("PC-{n}"))));
    let first = harness
        .api
        .get("/api/v1/terminals?sort=hostname&limit=1")
        .await
        .expect(200)
        .json();
    let next = first["next"].as_str().expect("more");
    let path = format!("/api/v1/terminals?sort=hostname&limit=1&cursor={next}");
    let second = harness.api.get(&path).await.expect(200).json();
    assert_eq!(second["items"][0]["hostname"], "PC-1");
    for other in ["-hostname", "last_seen"] {
        let path = format!("/api/v1/terminals?sort={other}&limit=1&cursor={next}");
        assert_eq!(
            harness.api.get(&path).await.expect(422).json()["code"],
            "E-INPUT-05",
            "{other}"
        );
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_file_holds_each_terminal_once_although_they_change_places_while_it_is_read() {
    let harness = Harness::start().await;
    let index = &harness.handle().app.index;
    index.upsert_all((0..MANY).map(|n| Entry::new(nth(n), format!("PC-{n:05}"))));
    let file = harness
        .api
        .open(Method::GET, "/api/v1/terminals.csv?sort=hostname", None)
        .await;
    let mut body = file.into_body();
    let mut text = Vec::new();
    let first = body.frame().await.expect("a beginning").expect("read");
    text.extend_from_slice(first.data_ref().expect("some rows"));
    // What stood at the end comes to the front, and what stood in front goes to the end.
    index.upsert_all((0..MANY).map(|n| Entry::new(nth(n), format!("PC-{:05}", MANY - n))));
    let rest = body.collect().await.expect("read to the end").to_bytes();
    text.extend_from_slice(&rest);
    let text = String::from_utf8(text).expect("UTF-8");
    let ids: Vec<&str> = text.lines().skip(1).filter_map(|line| line.split(',').next()).collect();
    let different: HashSet<&&str> = ids.iter().collect();
    assert_eq!((ids.len(), different.len()), (MANY as usize, MANY as usize));
}
