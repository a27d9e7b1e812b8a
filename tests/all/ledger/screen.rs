//! A person and a ledger: what every row would do is looked at, written, found, and taken back.

use kaishin::app::operators::{self, NewOperator};
use kaishin_domain::access::Role;
use kaishin_domain::facility::Field;
use kaishin_tests::browser::Browser;
use kaishin_tests::harness::Harness;
use kaishin_tests::need;
use kaishin_tests::wait::{SOON, eventually};

use super::{field, in_utf8};

const FILE: &str = "医療機関コード,名称,種別\r\n0110113719,さくら新医院,診療所\r\n1340000015,みどり薬局,薬局\r\n1.31E+09,丸められた医院,診療所\r\n";

async fn sign_in(browser: &Browser, harness: &Harness) {
    let new = NewOperator {
        name: "takahashi".into(),
        display_name: "高橋".into(),
        role: Role::Author,
        password: None,
        language: "ja".into(),
    };
    let (_, password) = operators::create(&harness.local(), new).await.expect("an operator");
    browser.goto(&format!("http://{}", harness.handle().http_addr)).await;
    browser.fill("#name", "takahashi").await;
    browser.fill("#password", &password).await;
    browser.click("main button.main").await;
    browser.element("form[action='/sign-out']").await;
}

async fn becomes(harness: &Harness, code: &str, name: Option<&str>) {
    eventually(SOON, &format!("{code} is {name:?}"), async || {
        (field(harness, code, Field::Name).await.as_deref() == name).then_some(())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_author_looks_at_a_ledger_writes_it_and_takes_it_back() {
    let browser = need!(Browser::start("ja").await, "chromedriver");
    let harness = Harness::start().await;
    in_utf8(&harness, "code,name,kind\n0110113719,さくら医院,診療所\n").await;
    let folder = tempfile::tempdir().expect("a temporary folder");
    let file = folder.path().join("台帳.csv");
    std::fs::write(&file, encoding_rs::SHIFT_JIS.encode(FILE).0).expect("a file");

    sign_in(&browser, &harness).await;
    browser.click(".nav a[href='/facilities']").await;
    browser.click("main a[href='/facilities/ledger']").await;
    browser.choose("main input[type='file']", &file).await;
    browser.click("main form button.main").await;
    browser.shows("main tr.changed", "さくら医院 → さくら新医院").await;
    browser.shows("main tr.new", "みどり薬局").await;
    browser.shows("main tr.refused", "E-LEDGER-02").await;
    becomes(&harness, "0110113719", Some("さくら医院")).await;

    browser.click("main form[action$='/run'] button.main").await;
    browser.shows("#live [role='status']", "取り込み済み").await;
    becomes(&harness, "0110113719", Some("さくら新医院")).await;
    becomes(&harness, "1340000015", Some("みどり薬局")).await;

    browser.click("main details:has(form[action$='/undo']) > summary").await;
    browser
        .fill("main form[action$='/undo'] #reason", "違う台帳だった")
        .await;
    browser.click("main form[action$='/undo'] button").await;
    browser.shows("#live [role='status']", "取り消し済み").await;
    becomes(&harness, "0110113719", Some("さくら医院")).await;
    becomes(&harness, "1340000015", None).await;
    assert_eq!(browser.complaints().await, Vec::<String>::new());

    browser.click(".nav a[href='/facilities']").await;
    browser.shows("#list-title", "1 件").await;
    in_utf8(&harness, "code,name,kind\n2710000015,うめ医院,診療所\n").await;
    browser.shows("main tbody", "うめ医院").await;
    browser.shows("#list-title", "2 件").await;
    browser.shows("main tbody", "さくら医院").await;
    browser.click("main tbody th a").await;
    browser.shows("main", "台帳の取り込み").await;
    assert_eq!(browser.complaints().await, Vec::<String>::new());
    // Before the server ends, whose page it holds open.
    drop(browser);
}
