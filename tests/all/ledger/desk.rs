//! Several people and programs at one ledger: nobody's work is lost for another's, and what is misspelt is told.

use http::Method;
use kaishin::app::facilities::{self, CsvEncoding, imports};
use kaishin::app::ledger::Asked;
use kaishin::app::operators::{self, NewOperator};
use kaishin_domain::access::Role;
use kaishin_domain::facility::{Code10, Field};
use kaishin_tests::harness::Harness;
use kaishin_tests::http::{Answer, Http};
use serde_json::{Value, json};

use super::{field, in_utf8, preview, upload, write};

const SAKURA: &str = "0110113719";
const MIDORI: &str = "1340000015";
const UME: &str = "2710000015";
const PASSWORD: &str = "Mimawari-2026-Kaishin";

/// Somebody of the desk with a browser.
async fn desk(harness: &Harness, name: &str) -> Http {
    let new = NewOperator {
        name: name.into(),
        display_name: name.into(),
        role: Role::Desk,
        password: Some(PASSWORD.into()),
        language: "ja".into(),
    };
    operators::create(&harness.local(), new).await.expect("an operator");
    let peer = std::net::Ipv4Addr::LOCALHOST.into();
    let signed_in = operators::sign_in(&harness.handle().app, name, PASSWORD, peer).await;
    let cookie = signed_in.expect("a sign-in").cookie;
    Http::new(harness.handle().http_addr)
        .with_header("sec-fetch-site", "same-origin")
        .with_header("cookie", &format!("__Host-kaishin={cookie}"))
}

/// The one-line fields of the form on a page, as a browser sends them.
fn fields(page: &Answer) -> Vec<(String, String)> {
    let (_, form) = page.text.split_once("/edit\">").expect("the form");
    let value = |input: &str, name: &str| {
        let (_, from) = input.split_once(&format!(" {name}=\""))?;
        Some(from.split_once('"')?.0.to_owned())
    };
    let inputs = form
        .split("<input ")
        .skip(1)
        .map(|rest| format!(" {}", rest.split('>').next().unwrap_or_default()));
    inputs
        .filter_map(|input| Some((value(&input, "name")?, value(&input, "value")?)))
        .collect()
}

async fn send(http: &Http, form: &[(String, String)], over: &[(&str, &str)]) -> Answer {
    let typed = |name: &str| over.iter().find(|(other, _)| *other == name).map(|(_, text)| *text);
    let fields: Vec<(&str, &str)> = form
        .iter()
        .map(|(name, value)| (name.as_str(), typed(name).unwrap_or(value)))
        .collect();
    http.form(&format!("/facilities/{SAKURA}/edit"), &fields).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_a_colleague_saved_meanwhile_stands_although_the_refused_form_is_saved_again() {
    let harness = Harness::start().await;
    in_utf8(
        &harness,
        &format!("code,name,phones\n{SAKURA},さくら医院,03-1234-7777\n"),
    )
    .await;
    let (one, other) = (desk(&harness, "asano").await, desk(&harness, "baba").await);
    let address = format!("/facilities/{SAKURA}/edit");
    let opened = fields(&one.get(&address).await.expect(200));
    let others = fields(&other.get(&address).await.expect(200));
    send(&other, &others, &[("phones", "03-1234-8888"), ("contact", "馬場")])
        .await
        .expect(303);

    let refused = send(&one, &opened, &[("reader", "XC01"), ("contact", "浅野")])
        .await
        .expect(422);
    assert!(refused.text.contains("E-FACILITY-02") && refused.text.contains("馬場"));
    send(&one, &fields(&refused), &[]).await.expect(303);
    for (of, is) in [
        (Field::Phones, "03-1234-8888"),
        (Field::Reader, "XC01"),
        (Field::Contact, "浅野"),
    ] {
        assert_eq!(field(&harness, SAKURA, of).await.as_deref(), Some(is), "{of:?}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_file_in_shift_jis_that_comes_in_again_destroys_no_name() {
    let harness = Harness::start().await;
    let text = format!("code,name,contact\n{SAKURA},𠮷田医院,髙𣘺\n{MIDORI},辻\u{e0100}薬局,佐藤\n");
    in_utf8(&harness, &text).await;
    let file = facilities::csv(&harness.local(), &Asked::default(), &Field::ALL, CsvEncoding::Cp932)
        .await
        .expect("a file");
    assert!(!file.unmappable.is_empty());
    let (_, plan) = write(&harness, upload(file.bytes)).await.expect("an import");
    assert_eq!(
        (plan.counts.same, plan.counts.changed, plan.counts.warned),
        (2, 0, 2),
        "{:?}",
        plan.remarks
    );
    assert!(plan.remarks.iter().all(|remark| remark.code == "W-LEDGER-09"));
    assert_eq!(plan.remarks.len(), 3, "one for each cell");
    assert_eq!(field(&harness, SAKURA, Field::Name).await.as_deref(), Some("𠮷田医院"));
    assert_eq!(field(&harness, SAKURA, Field::Contact).await.as_deref(), Some("髙𣘺"));
}

async fn edit(harness: &Harness, code: &str, contact: &str) {
    let code: Code10 = code.parse().expect("a code");
    let edits = vec![(Field::Contact, Some(contact.to_owned()))];
    facilities::edit(&harness.local(), code, None, edits, "")
        .await
        .expect("an edit");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_edit_between_preview_and_run_leaves_out_its_row_and_no_other() {
    let harness = Harness::start().await;
    let ledger = |line: &str| {
        format!("code,name,line\n{SAKURA},さくら医院,{line}\n{MIDORI},みどり薬局,{line}\n{UME},うめ医院,{line}\n")
    };
    in_utf8(&harness, &ledger("IP-VPN")).await;
    let file = || upload(ledger("IPsec+IKE").into_bytes());
    let cx = harness.local();

    let strict = imports::Upload { strict: true, ..file() };
    let (strict, _) = preview(&harness, strict).await.expect("a preview");
    let (id, plan) = preview(&harness, file()).await.expect("a preview");
    assert_eq!(plan.counts.changed, 3, "{:?}", plan.remarks);
    edit(&harness, SAKURA, "鈴木").await;
    let (from, to): (Code10, Code10) = (UME.parse().expect("a code"), "2710000023".parse().expect("a code"));
    facilities::rename(&cx, from, to, "移転").await.expect("a new code");

    let import = imports::carry_out(&cx, strict).expect("it begins");
    let error = imports::settled(&cx, &import).await.expect_err("strict is strict");
    assert_eq!(error.code, "E-LEDGER-37");
    assert!(error.words.ja.contains("うめ医院"), "{}", error.words.ja);

    let import = imports::carry_out(&cx, id).expect("it begins");
    let plan = imports::settled(&cx, &import).await.expect("the others are written");
    assert_eq!((plan.counts.changed, plan.counts.refused), (1, 2), "{:?}", plan.remarks);
    let told: Vec<(u64, &str)> = plan
        .remarks
        .iter()
        .map(|remark| (remark.line, remark.code.as_str()))
        .collect();
    assert_eq!(told, [(2, "E-LEDGER-36"), (4, "E-LEDGER-36")]);
    let record = imports::kept(&cx, id).await.expect("read").expect("kept");
    assert_eq!(record.counts, plan.counts);
    assert_eq!(field(&harness, SAKURA, Field::Contact).await.as_deref(), Some("鈴木"));
    let line = async |code: &str| field(&harness, code, Field::Line).await;
    assert_eq!(line(SAKURA).await, line("2710000023").await);
    assert_ne!(line(SAKURA).await, line(MIDORI).await);
    assert_eq!(line(UME).await, None, "the old code has not come back to life");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_a_program_misspells_is_told_and_never_left_out() {
    let harness = Harness::start().await;
    in_utf8(&harness, &format!("code,name\n{SAKURA},さくら医院\n")).await;
    let told = async |path: &str| {
        let answer = harness.api.get(path).await;
        (answer.status.as_u16(), answer.json()["code"].clone())
    };
    for path in ["facilities", "facilities.csv", "facilities.xlsx"] {
        let path = format!("/api/v1/{path}?columns=reader,zzz");
        assert_eq!(told(&path).await, (422, json!("E-INPUT-08")), "{path}");
    }
    for path in ["terminals", "terminals.csv", "facets"] {
        let path = format!("/api/v1/{path}?q=fault:egde-extension-old");
        assert_eq!(told(&path).await, (422, json!("E-EXPR-16")), "{path}");
    }
    let bad = harness
        .api
        .get("/api/v1/terminals?q=NOT%20fault:egde-extension-old")
        .await
        .expect(422);
    let bad = bad.json();
    assert_eq!(bad["expected"][0], "edge-extension-old");
    assert_eq!((&bad["position"], &bad["length"]), (&json!(10), &json!(18)), "{bad}");
    let typed = harness
        .api
        .get("/api/v1/complete?q=hostname:egde%20OR%20fault:egde")
        .await
        .expect(200);
    let problem = &typed.json()["problem"];
    assert_eq!(
        (&problem["code"], &problem["position"]),
        (&json!("E-EXPR-16"), &json!(23)),
        "{problem}"
    );
    for by in ["id", "last_seen", "certificates.expires", "time.offset"] {
        let path = format!("/api/v1/facets?by={by}");
        assert_eq!(told(&path).await, (422, json!("E-INPUT-09")), "{path}");
    }
    let kept = harness
        .api
        .post("/api/v1/selections", &json!({ "q": "fault:egde-extension-old" }))
        .await;
    assert_eq!(kept.json()["code"], "E-EXPR-16", "{}", kept.text);
    for right in ["fault:none", "job:none", "fault:fast*", "fault:edge-extension-old"] {
        let found = harness
            .api
            .get(&format!("/api/v1/terminals?q={right}"))
            .await
            .expect(200);
        assert_eq!(found.json()["total"], 0, "there is no terminal");
    }

    let refused = harness
        .api
        .send(Method::DELETE, "/api/v1/facilities/0110113719", None)
        .await;
    assert_eq!(refused.status, 405);
    assert_eq!(refused.header("content-type"), "application/problem+json");
    let allowed: Vec<&str> = refused.header("allow").split(',').collect();
    assert!(allowed.contains(&"PUT") && allowed.contains(&"PATCH"), "{allowed:?}");
    let problem: Value = refused.json();
    assert_eq!(
        (&problem["status"], &problem["code"]),
        (&json!(405), &json!("E-HTTP-02"))
    );
}
