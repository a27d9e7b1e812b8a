//! Importing: every fault of a file is told with its row, nothing else is touched, once is enough, and it can be undone.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use encoding_rs::SHIFT_JIS;
use kaishin::app::facilities::{self, imports};
use kaishin::app::ledger::Asked;
use kaishin_domain::facility::sheet::Severity;
use kaishin_domain::facility::{Code10, Field};
use kaishin_tests::harness::Harness;
use kaishin_tests::{need, postgres};
use serde_json::json;

use super::{field, in_utf8, names, preview, upload, write};
use kaishin_proto::clock::Clock;

/// Figures for whoever runs the test at full size.
#[expect(clippy::print_stderr, reason = "a measurement is there to be read")]
fn measured(text: &str) {
    eprintln!("{text}");
}

/// As many rows as the whole country has, when asked for; otherwise what a debug build reads in seconds.
fn rows() -> u64 {
    let told = std::env::var("KAISHIN_LEDGER_ROWS").ok();
    told.map_or(6_000, |text| text.parse().expect("a number of rows"))
}

fn code(n: u64) -> Code10 {
    let (place, kind) = (1 + n % 47, [1, 3, 4][(n % 3) as usize]);
    let number = place * 100_000_000 + kind * 10_000_000 + (n / 141) % 1_000_000 * 10;
    Code10::from_number(number).expect("a code").with_check_digit()
}

/// A ledger of so many facilities; at the lines of `planted` stands what is wrong there.
fn ledger(rows: u64, planted: &BTreeMap<u64, String>) -> String {
    let mut text = String::from(
        "医療機関コード,名称,フリガナ,種別,都道府県,住所,電話番号,診療時間,回線種別,回線事業者,配信構成,顔認証付きカードリーダー,Windows Update,レセコン兼用,備考\r\n",
    );
    for n in 0..rows {
        let line = n + 2;
        if let Some(wrong) = planted.get(&line) {
            text += wrong;
            text += "\r\n";
            continue;
        }
        write!(
            text,
            "{},医療法人社団 第{n}髙﨑クリニック,ダイ{n}タカサキクリニック,{},,架空市見本町{n}-1,03-{:04}-{:04},\"月-金 9:00-12:00,14:00-18:00; 土 9:00-12:00; 日祝 休\",IP-VPN,NTT東日本,配信拠点起点,XC0{},{},{},第{n}号～①\r\n",
            code(n),
            ["診療所", "歯科", "薬局"][(n % 3) as usize],
            n / 10_000,
            n % 10_000,
            n % 4,
            if n % 2 == 0 { "手動" } else { "自動" },
            if n % 5 == 0 { "はい" } else { "いいえ" },
        )
        .expect("a string takes text");
    }
    text
}

/// The faults that a ledger may have, each at lines of its own, and the code that each must be told with.
fn faults(rows: u64) -> (BTreeMap<u64, String>, BTreeMap<u64, &'static str>) {
    let kinds: [(&str, &str); 11] = [
        (",名なし番号なし,,,,,,,,,,,,,", "E-LEDGER-01"),
        ("1.31E+09,指数,,,,,,,,,,,,,", "E-LEDGER-02"),
        ("13101A3719,英字,,,,,,,,,,,,,", "E-LEDGER-03"),
        ("13101137190,11桁,,,,,,,,,,,,,", "E-LEDGER-04"),
        ("{code},,ナナシ,,,,,,,,,,,,", "E-LEDGER-05"),
        ("{code},銭湯,,銭湯,,,,,,,,,,,", "E-LEDGER-07"),
        ("{code},江戸,,,江戸,,,,,,,,,,", "E-LEDGER-08"),
        ("{code},兼用,,,,,,,,,,,,たぶん,", "E-LEDGER-09"),
        ("{code},\"引用符,,,,,03-1234-5678,,,,,,,,", "E-LEDGER-16"),
        ("{code},時間,,,,,,応相談,,,,,,,", "E-LEDGER-11"),
        ("{code},余り,,,,,,,,,,,,,,余り", "E-LEDGER-14"),
    ];
    let (mut planted, mut expected) = (BTreeMap::new(), BTreeMap::new());
    let step = rows / 60;
    for n in 0..55 {
        let line = 7 + n * step;
        let (text, told) = kinds[(n % 11) as usize];
        planted.insert(line, text.replace("{code}", &code(line - 2).to_string()));
        expected.insert(line, told);
    }
    // The code of line 2 once more.
    planted.insert(rows, format!("{},二度目,,,,,,,,,,,,,", code(0)));
    expected.insert(rows, "E-LEDGER-12");
    (planted, expected)
}

async fn every_fault_is_told_and_nothing_else_touched(harness: &Harness) {
    let rows = rows();
    let (planted, expected) = faults(rows);
    let bytes = SHIFT_JIS.encode(&ledger(rows, &planted)).0.into_owned();
    in_utf8(harness, "code,name,notes\n4790000014,触らない薬局,ここにいた\n").await;
    let head = || async { harness.handle().app.store.audit_head().await.expect("read").number };

    let before = head().await;
    let (_, plan) = preview(harness, upload(bytes.clone())).await.expect("a preview");
    assert_eq!(plan.counts.added, rows - expected.len() as u64);
    assert_eq!(head().await, before, "a preview writes nothing");
    assert_eq!(names(harness, "髙﨑").await.len(), 0);

    let clock = Clock::system();
    let begun = clock.now();
    let (id, plan) = write(harness, upload(bytes.clone())).await.expect("an import");
    let took = clock.now().since(begun);
    measured(&format!(
        "{} rows of CP932 ({} bytes) read and written in {} ms",
        rows,
        bytes.len(),
        took.0 / 1000
    ));
    let told: BTreeMap<u64, &str> = plan
        .remarks
        .iter()
        .filter(|remark| remark.severity == Severity::Refused)
        .map(|remark| (remark.line, remark.code.as_str()))
        .collect();
    assert_eq!(told, expected, "each at its line, and no other");
    assert_eq!((plan.counts.rows, plan.counts.refused), (rows, expected.len() as u64));
    assert_eq!(plan.counts.added, rows - expected.len() as u64);
    assert_eq!(harness.handle().app.ledger.len() as u64, plan.counts.added + 1);
    assert_eq!(
        field(harness, "4790000014", Field::Notes).await.as_deref(),
        Some("ここにいた")
    );
    for n in [0, 1, rows - 1] {
        let code = code(n).to_string();
        assert_eq!(
            field(harness, &code, Field::Notes).await,
            Some(format!("第{n}号～①")),
            "{code}"
        );
    }
    let record = imports::kept(&harness.local(), id).await.expect("read").expect("kept");
    assert_eq!((record.encoding.as_str(), record.counts), ("cp932", plan.counts));

    let before = head().await;
    let begun = clock.now();
    let (_, again) = write(harness, upload(bytes)).await.expect("an import");
    measured(&format!("the same again in {} ms", clock.now().since(begun).0 / 1000));
    assert_eq!((again.counts.added, again.counts.changed), (0, 0));
    assert_eq!(again.counts.same, plan.counts.added);
    assert_eq!(head().await, before, "the second time nothing is written");
    assert_eq!(imports::recent(&harness.local()).await.expect("read").len(), 2);

    let begun = clock.now();
    let asked = Asked {
        words: "たかさき 見本町 0123",
        ..Asked::default()
    };
    let found = facilities::list(&harness.local(), &asked, None, 50)
        .await
        .expect("a list");
    measured(&format!(
        "{} of {rows} found in {} ms",
        found.total,
        clock.now().since(begun).0 / 1000
    ));
    assert!(found.total > 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_fault_of_a_ledger_is_told_and_nothing_else_touched() {
    let harness = Harness::start().await;
    every_fault_is_told_and_nothing_else_touched(&harness).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_fault_of_a_ledger_is_told_on_postgres_too() {
    let database = need!(postgres::database().await, "PostgreSQL");
    let harness = Harness::with(Clock::system(), Some(database.url.clone())).await;
    every_fault_is_told_and_nothing_else_touched(&harness).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_import_is_taken_back_but_for_what_was_changed_since() {
    let harness = Harness::start().await;
    let cx = harness.local();
    in_utf8(
        &harness,
        "code,name,reader\n0110113719,さくら医院,A\n1340000015,みどり薬局,A\n",
    )
    .await;
    let (id, plan) = in_utf8(
        &harness,
        "code,name,reader\n0110113719,さくら医院,B\n1340000015,みどり薬局,B\n2710000015,うめ病院,B\n2710000023,もも医院,B\n",
    )
    .await;
    assert_eq!((plan.counts.added, plan.counts.changed), (2, 2));
    let edits = vec![(Field::Notes, Some("あとから".to_owned()))];
    let code = "1340000015".parse().expect("a code");
    facilities::edit(&cx, code, None, edits, "").await.expect("edited");

    let taken = imports::undo(&cx, id, "まちがい").await.expect("taken back");
    assert_eq!((taken.rows, taken.kept.as_slice()), (3, &[code][..]));
    assert_eq!(field(&harness, "0110113719", Field::Reader).await.as_deref(), Some("A"));
    assert_eq!(field(&harness, "1340000015", Field::Reader).await.as_deref(), Some("B"));
    assert_eq!(field(&harness, "2710000015", Field::Name).await, None);
    assert_eq!(names(&harness, "うめ").await, [] as [&str; 0]);
    let twice = imports::undo(&cx, id, "もう一度")
        .await
        .map(drop)
        .map_err(|error| error.code);
    assert_eq!(twice, Err("E-LEDGER-29"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn imports_are_taken_back_one_after_the_other_and_a_change_in_between_stays() {
    let harness = Harness::start().await;
    let cx = harness.local();
    let import = async |reader: &str| {
        let text = format!("code,name,reader\n0110113719,さくら医院,{reader}\n1340000015,みどり薬局,{reader}\n");
        in_utf8(&harness, &text).await.0
    };
    let (a, b) = (import("A").await, import("B").await);
    let code: Code10 = "1340000015".parse().expect("a code");
    let edits = vec![(Field::Reader, Some("手で".to_owned()))];
    facilities::edit(&cx, code, None, edits, "").await.expect("edited");
    let (c, d) = (import("C").await, import("D").await);
    let readers = async || {
        let read = async |code| field(&harness, code, Field::Reader).await.unwrap_or_default();
        (read("0110113719").await, read("1340000015").await)
    };
    let undo = async |id| imports::undo(&cx, id, "まちがい").await.map_err(|error| error.code);

    let early = undo(b).await.map(drop);
    assert_eq!(
        early,
        Err("E-LEDGER-35"),
        "nothing of it stands, and it is not marked as taken back"
    );
    for (id, rows, kept, expected) in [
        (d, 2, 0, ("C", "C")),
        (c, 2, 0, ("B", "手で")),
        (b, 1, 1, ("A", "手で")),
        (a, 1, 1, ("", "手で")),
    ] {
        let taken = undo(id).await.expect("taken back");
        assert_eq!((taken.rows, taken.kept.len()), (rows, kept), "{expected:?}");
        let (first, second) = readers().await;
        assert_eq!((first.as_str(), second.as_str()), expected);
    }
    assert_eq!(
        field(&harness, "0110113719", Field::Name).await,
        None,
        "the first one had added it"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_facility_keeps_its_history_under_a_new_code() {
    let harness = Harness::start().await;
    let cx = harness.local();
    in_utf8(&harness, "code,name\n0110113719,さくら医院\n").await;
    let [old, new, newest] = ["0110113719", "0110113727", "0110113735"].map(|code| code.parse().expect("a code"));
    let edits = vec![(Field::Notes, Some("裏口".to_owned()))];
    facilities::edit(&cx, old, None, edits, "").await.expect("edited");
    facilities::rename(&cx, old, new, "移転").await.expect("renamed");
    facilities::rename(&cx, new, newest, "移転").await.expect("renamed");
    let happened = facilities::timeline(&cx, newest, 50).await.expect("a timeline");
    let mut told: Vec<&str> = happened
        .iter()
        .map(|one| match one {
            facilities::Happened::Audit(entry) => entry.action.as_str(),
            facilities::Happened::Import(_) => "import",
        })
        .collect();
    told.sort_unstable();
    assert_eq!(told, ["facility.edit", "facility.rename", "facility.rename", "import"]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_import_that_is_taken_back_spares_whatever_was_given_another_code_since() {
    let harness = Harness::start().await;
    let cx = harness.local();
    let [moved, there, mistyped, elsewhere] =
        ["0110113719", "0110113727", "0110113735", "0110113743"].map(|code| code.parse().expect("a code"));
    in_utf8(&harness, "code,name\n0110113719,さくら医院\n").await;
    let (id, _) = in_utf8(
        &harness,
        "code,name\n0110113727,さくら医院（新）\n0110113735,うめ薬局\n",
    )
    .await;
    facilities::rename(&cx, moved, there, "移転").await.expect("merged");
    facilities::rename(&cx, mistyped, elsewhere, "まちがい")
        .await
        .expect("renamed");
    facilities::rename(&cx, elsewhere, mistyped, "もとどおり")
        .await
        .expect("renamed back");
    let first = "/api/v1/facilities/0110113735";
    assert_eq!(harness.api.get(first).await.expect(200).json()["revision"], 3);
    let taken = imports::undo(&cx, id, "まちがい").await.map_err(|error| error.code);
    assert_eq!(taken.map(drop), Err("E-LEDGER-35"), "all of it is another's by now");
    let name = async |code: &str| field(&harness, code, Field::Name).await;
    assert_eq!(name("0110113727").await.as_deref(), Some("さくら医院（新）"));
    assert_eq!(name("0110113735").await.as_deref(), Some("うめ薬局"));
    assert_eq!(
        facilities::get(&cx, moved).await.expect("led on").kept.facility.code,
        there
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_answered_can_be_sent_back_and_changes_nothing() {
    let harness = Harness::start().await;
    in_utf8(
        &harness,
        "code,name,kind,prefecture,phones,hours,line,topology,update,shared receipt\n0110113719,さくら医院,診療所,北海道,011-222-3333 内線4 / 090-1111-2222,月-金 9:00-12:00,IP-VPN,配信拠点起点,手動,はい\n",
    )
    .await;
    let path = "/api/v1/facilities/0110113719";
    let was = harness.api.get(path).await.json();
    assert_eq!(was["phones"][0]["normal"], "0112223333", "{was}");
    let put = async |body: &serde_json::Value| {
        let body = Some(("application/json", body.to_string()));
        harness.api.send(http::Method::PUT, path, body).await
    };
    let answer = put(&was).await;
    assert_eq!(answer.status, 200, "{}", answer.text);
    assert_eq!(answer.json(), was);
    let mut other = was.clone();
    other["notes"] = json!("裏口");
    assert_eq!(put(&other).await.json()["revision"], 2);
    assert_eq!(put(&was).await.status, 409, "somebody else wrote in between");
    let wrong = put(&json!({ "name": "さくら医院", "colour": "red" })).await;
    assert_eq!(wrong.json()["code"], "E-FACILITY-05");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_quote_gone_astray_is_told_and_no_row_is_merged() {
    let harness = Harness::start().await;
    let text = "code,name,notes\n1310000060,\"よい薬局,メモ\n1310000078,次の薬局,あ\n1310000086,その次,い\"\n1310000094,あと,う\n";
    let (_, plan) = in_utf8(&harness, text).await;
    assert_eq!((plan.counts.added, plan.counts.refused), (1, 1));
    let told: Vec<(u64, &str)> = plan.remarks.iter().map(|one| (one.line, one.code.as_str())).collect();
    assert_eq!(told[0], (2, "E-LEDGER-16"));
    assert!(
        plan.remarks[0].words.ja.contains("2～4行目"),
        "{:?}",
        plan.remarks[0].words
    );
    assert_eq!(names(&harness, "").await, ["あと"]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_strict_import_writes_all_or_nothing_and_an_empty_cell_clears_only_when_told() {
    let harness = Harness::start().await;
    let cx = harness.local();
    let faulty = "code,name,reader\n0110113719,さくら医院,A\n1.31E+09,x,A\n";
    let strict = kaishin::app::facilities::imports::Upload {
        strict: true,
        ..upload(faulty.as_bytes().to_vec())
    };
    let (id, _) = preview(&harness, strict).await.expect("a preview");
    let refused = imports::carry_out(&cx, id).map(drop).map_err(|error| error.code);
    assert_eq!(refused, Err("E-LEDGER-24"));
    assert!(harness.handle().app.ledger.is_empty());

    in_utf8(&harness, faulty).await;
    in_utf8(&harness, "code,name,reader\n0110113719,さくら医院,\n").await;
    assert_eq!(field(&harness, "0110113719", Field::Reader).await.as_deref(), Some("A"));
    let clearing = kaishin::app::facilities::imports::Upload {
        clear: true,
        ..upload("code,name,reader\n0110113719,さくら医院,\n".as_bytes().to_vec())
    };
    write(&harness, clearing).await.expect("an import");
    assert_eq!(field(&harness, "0110113719", Field::Reader).await, None);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn programs_import_look_change_and_rename_over_http() {
    let mut harness = Harness::start().await;
    let csv =
        "code,name,kind,phones\n110113719,さくら医院,診療所,011-222-3333\n1340000015,みどり薬局,薬局,\n1.31E+09,x,,\n";
    let send = async |path: &str| {
        let answer = harness
            .api
            .send(http::Method::POST, path, Some(("text/csv", csv.to_owned())))
            .await;
        assert_eq!(answer.status, 200, "{}", answer.text);
        answer.json()
    };
    let dry = send("/api/v1/facilities/import?dry_run=true").await;
    assert_eq!(
        (&dry["added"], &dry["refused"], &dry["warned"], &dry["written"]),
        (&json!(2), &json!(1), &json!(1), &json!(false))
    );
    let codes: Vec<&str> = dry["verdicts"]
        .as_array()
        .expect("rows")
        .iter()
        .filter_map(|row| row["code"].as_str())
        .collect();
    assert_eq!(codes, ["W-LEDGER-02", "E-LEDGER-02"]);
    assert_eq!(dry["verdicts"][1]["line"], 4);
    assert_eq!(harness.api.get("/api/v1/facilities/0110113719").await.status, 404);
    let done = send("/api/v1/facilities/import?dry_run=false&name=x.csv").await;
    assert_eq!(done["written"], true);

    let strict = "/api/v1/facilities/import?dry_run=false&strict=true";
    let strict = harness
        .api
        .send(http::Method::POST, strict, Some(("text/csv", csv.to_owned())));
    let strict = strict.await.expect(422).json();
    assert_eq!(
        (&strict["code"], &strict["refused"]),
        (&json!("E-LEDGER-24"), &json!(1))
    );
    assert_eq!(strict["verdicts"][1]["line"], 4, "{strict}");
    let id = strict["id"].as_str().expect("an import");
    harness
        .api
        .get(&format!("/api/v1/facilities/imports/{id}"))
        .await
        .expect(200);

    let list = harness
        .api
        .get("/api/v1/facilities?q=%EF%BD%BB%EF%BD%B8%EF%BE%97")
        .await
        .json();
    assert_eq!(
        (&list["total"], &list["items"][0]["code"]),
        (&json!(1), &json!("0110113719"))
    );
    let page = harness.api.get("/api/v1/facilities?limit=1").await.json();
    assert_eq!(page["next"], "0110113719");
    let page = harness
        .api
        .get("/api/v1/facilities?limit=1&cursor=0110113719")
        .await
        .json();
    assert_eq!(
        (&page["items"][0]["code"], &page["next"]),
        (&json!("1340000015"), &json!(null))
    );

    let patch = async |body: serde_json::Value| {
        let body = Some(("application/json", body.to_string()));
        harness
            .api
            .send(http::Method::PATCH, "/api/v1/facilities/0110113719", body)
            .await
    };
    let is = patch(json!({ "revision": 1, "notes": "裏口", "shared_receipt": true }))
        .await
        .json();
    assert_eq!(
        (&is["notes"], &is["shared_receipt"], &is["revision"]),
        (&json!("裏口"), &json!(true), &json!(2))
    );
    assert_eq!(patch(json!({ "revision": 1, "notes": "遅い" })).await.status, 409);
    let bad = patch(json!({ "kind": "銭湯" })).await;
    assert_eq!((bad.status.as_u16(), &bad.json()["code"]), (422, &json!("E-LEDGER-07")));

    let renamed = harness
        .api
        .post(
            "/api/v1/facilities/0110113719/rename",
            &json!({ "to": "0110113727", "reason": "移転" }),
        )
        .await;
    assert_eq!(renamed.json()["code"], "0110113727", "{}", renamed.text);
    let by_old = harness.api.get("/api/v1/facilities/0110113719").await.json();
    assert_eq!(
        (&by_old["code"], &by_old["codes"][0]["code"]),
        (&json!("0110113727"), &json!("0110113719"))
    );
    harness.restart().await;
    let by_old = harness.api.get("/api/v1/facilities/0110113719").await.json();
    assert_eq!(
        by_old["name"], "さくら医院",
        "the ledger is there again after a restart"
    );
    let csv = harness
        .api
        .get("/api/v1/facilities.csv?q=%E3%81%BF%E3%81%A9%E3%82%8A")
        .await;
    assert!(
        csv.text.starts_with("\u{feff}\"医療機関コード\",\"名称\"")
            && csv.text.contains("1340000015")
            && !csv.text.contains("0110113727")
    );
}
