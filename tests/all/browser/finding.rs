//! Finding terminals by keyboard: what is offered while one types, what is said of a mistake, filters that are kept, and
//! all that match taken at once.

use http::Method;
use kaishin_tests::browser::Browser;
use kaishin_tests::need;
use kaishin_tests::wait::{SOON, eventually};
use serde_json::{Value, json};

use super::{complains_of_nothing, demo, presses, sign_in};

const DOWN: &str = "\u{e015}";
const ENTER: &str = "\u{e007}";
const ESCAPE: &str = "\u{e00c}";

/// Types into what has the focus, as it is there.
async fn types(browser: &Browser, text: &str) {
    for letter in text.chars() {
        presses(browser, &letter.to_string()).await;
    }
}

async fn value(browser: &Browser) -> String {
    let value = browser.run("return document.getElementById('q').value").await;
    value.as_str().unwrap_or_default().to_owned()
}

/// Goes down the suggestions to one of them and takes it.
async fn takes(browser: &Browser, suggestion: &str) {
    browser.shows("#suggestions", suggestion).await;
    let chosen = format!(
        "const chosen = document.querySelector('#suggestions [aria-selected=true] code');
         return chosen !== null && chosen.textContent === '{suggestion}'"
    );
    eventually(SOON, &format!("{suggestion} is chosen"), async || {
        presses(browser, DOWN).await;
        (browser.run(&chosen).await == true).then_some(())
    })
    .await;
    presses(browser, ENTER).await;
}

async fn page(browser: &Browser, url: &str) {
    let there = async || browser.url().await.contains(url).then_some(());
    eventually(SOON, &format!("a page at {url}"), there).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_filter_is_typed_by_keyboard_and_a_mistake_is_shown_where_it_is() {
    let browser = need!(Browser::start("ja").await, "chromedriver");
    let (demo, api) = demo().await;
    let site = &demo.invitation.http;
    browser.goto(&format!("{site}/terminals")).await;
    sign_in(&browser, &demo, "suzuki").await;
    browser.element("#q[role=combobox]").await;
    browser.run("document.getElementById('q').focus()").await;

    types(&browser, "onl").await;
    takes(&browser, "online:").await;
    assert_eq!(value(&browser).await, "online:");
    takes(&browser, "yes").await;
    assert_eq!(value(&browser).await, "online:yes ");
    types(&browser, "fault:fast-s").await;
    browser.shows("#suggestions", "fast-startup-on").await;
    presses(&browser, ESCAPE).await;
    let hidden = "return document.getElementById('suggestions').hidden";
    assert_eq!(browser.run(hidden).await, true);
    types(&browser, "t").await;
    takes(&browser, "fast-startup-on").await;
    presses(&browser, ENTER).await;
    page(&browser, "q=online%3Ayes+fault%3Afast-startup-on").await;
    let total = api
        .get("/api/v1/terminals?q=online%3Ayes%20fault%3Afast-startup-on")
        .await;
    let total = total.expect(200).json()["total"].to_string();
    browser.shows("#list-title", &total).await;
    complains_of_nothing(&browser).await;

    for (language, said) in [
        (
            "ja",
            "「perhaps」は「online」の値として読めません。例: yes、no、unknown",
        ),
        ("en", "\"perhaps\" is not a value of online. Examples: yes, no, unknown"),
    ] {
        if language == "en" {
            browser.click("form[action='/preferences'] button[lang='en']").await;
            browser.element("html[lang='en']").await;
        }
        browser.fill("#q", "受付 online:perhaps fault:any").await;
        presses(&browser, ENTER).await;
        browser.element("#q[aria-invalid=true]").await;
        browser.shows("#q-problem", said).await;
        browser.shows("#q-problem", "E-EXPR-04").await;
        assert_eq!(browser.text("#q-problem mark").await.as_deref(), Some("perhaps"));
        assert_eq!(
            value(&browser).await,
            "受付 online:perhaps fault:any",
            "nothing typed is lost"
        );
        let marked = "const q = document.getElementById('q');
            return document.activeElement === q ? q.value.slice(q.selectionStart, q.selectionEnd) : null";
        eventually(SOON, "the wrong part is ready to be typed over", async || {
            (browser.run(marked).await == "perhaps").then_some(())
        })
        .await;
        // The server answers 422, which Chromium tells its console.
        let complaints = browser.complaints().await;
        assert!(complaints.iter().all(|one| one.contains("422")), "{complaints:?}");
    }
    types(&browser, "no").await;
    assert_eq!(value(&browser).await, "受付 online:no fault:any");
    drop(browser);
    demo.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_view_is_kept_shared_opened_by_another_and_removed() {
    let browser = need!(Browser::start("ja").await, "chromedriver");
    let (demo, api) = demo().await;
    let site = &demo.invitation.http;
    browser
        .goto(&format!(
            "{site}/terminals?q=online%3Ayes&sort=-hostname&columns=hostname,os.version"
        ))
        .await;
    sign_in(&browser, &demo, "suzuki").await;
    browser.click("details.keep summary").await;
    browser.fill("#view-name", "夜間の確認 <b>").await;
    browser.click("details.keep input[name=team]").await;
    browser.click("details.keep button").await;
    browser.shows("main", "夜間の確認 <b>").await;
    let kept = api.get("/api/v1/views").await.expect(200).json()["items"][0].clone();
    assert_eq!(
        (&kept["q"], &kept["sort"], &kept["team"]),
        (&json!("online:yes"), &json!("-hostname"), &json!(true))
    );
    assert_eq!(kept["owner"], "suzuki");

    browser.click("form[action='/sign-out'] button").await;
    sign_in(&browser, &demo, "sato").await;
    browser.goto(&format!("{site}/terminals")).await;
    browser.shows("section[aria-labelledby=views-title] .num", "12").await;
    browser.click("section[aria-labelledby=views-title] li a").await;
    page(&browser, "sort=-hostname").await;
    assert_eq!(value(&browser).await, "online:yes");
    browser.element("#live th[data-key='os.version']").await;
    browser
        .element("section[aria-labelledby=views-title] a[aria-current=true]")
        .await;

    browser.click("form[action='/sign-out'] button").await;
    sign_in(&browser, &demo, "suzuki").await;
    // From a list of another kind: it comes back as it was, whether the view goes or stays.
    browser.goto(&format!("{site}/terminals?q=online%3Ano")).await;
    browser.click("section[aria-labelledby=views-title] a.tiny").await;
    browser.shows("main", "夜間の確認 <b>").await;
    browser.click("main form.actions a").await;
    browser
        .shows("section[aria-labelledby=views-title]", "夜間の確認 <b>")
        .await;
    assert_eq!(value(&browser).await, "online:no");
    browser.click("section[aria-labelledby=views-title] a.tiny").await;
    browser.click("main form.actions button").await;
    page(&browser, "done=view-removed").await;
    assert_eq!(value(&browser).await, "online:no");
    assert!(browser.find("section[aria-labelledby=views-title] li").await.is_none());
    assert_eq!(api.get("/api/v1/views").await.expect(200).json()["items"], json!([]));
    complains_of_nothing(&browser).await;
    drop(browser);
    demo.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_finds_a_facility_stands_at_its_worst_terminal() {
    let browser = need!(Browser::start("ja").await, "chromedriver");
    let (demo, api) = demo().await;
    let faulty = api
        .get("/api/v1/terminals?q=fault:any%20-facility.code:unknown&limit=1")
        .await
        .expect(200)
        .json();
    let code = faulty["items"][0]["institution_code"]
        .as_str()
        .expect("a code")
        .to_owned();
    let found = api.get(&format!("/api/v1/search?q={code}")).await.expect(200).json();
    let items = found["items"].as_array().expect("items");
    let facility = items
        .iter()
        .find(|item| item["kind"] == "facility")
        .expect("its facility");
    let worst = facility["worst"].as_str().expect("a terminal to look at").to_owned();

    browser.goto(&format!("{}/search?q={code}", demo.invitation.http)).await;
    sign_in(&browser, &demo, "suzuki").await;
    browser.click(".found-list a[href^='/facilities/']").await;
    page(&browser, &format!("#terminal-{worst}")).await;
    let here = format!("return document.activeElement.getAttribute('href') === '/terminals/{worst}'");
    eventually(SOON, "its worst terminal is the one to open", async || {
        (browser.run(&here).await == true).then_some(())
    })
    .await;
    complains_of_nothing(&browser).await;
    drop(browser);
    demo.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn all_that_match_are_taken_at_once_with_their_number_and_a_check_value() {
    let browser = need!(Browser::start("ja").await, "chromedriver");
    let (demo, api) = demo().await;
    browser
        .goto(&format!("{}/terminals?q=online%3Ayes", demo.invitation.http))
        .await;
    sign_in(&browser, &demo, "suzuki").await;
    browser.shows("form[action='/terminals/selection'] button", "12").await;
    browser.click("form[action='/terminals/selection'] button").await;
    page(&browser, "selection=").await;
    browser.shows("main .note.good", "12").await;
    let url = browser.url().await;
    let id = url
        .split("selection=")
        .nth(1)
        .and_then(|rest| rest.split('&').next())
        .expect("a selection")
        .to_owned();
    let kept = api
        .get(&format!("/api/v1/selections/{id}?limit=5"))
        .await
        .expect(200)
        .json();
    assert_eq!((&kept["count"], &kept["filter"]), (&json!(12), &json!("online:yes")));
    assert_eq!(
        (kept["items"].as_array().map(Vec::len), &kept["next"]),
        (Some(5), &json!(5))
    );
    let shown = browser.text("main .note.good code").await.expect("a check value");
    assert!(
        kept["hash"]
            .as_str()
            .is_some_and(|hash| hash.len() == 64 && hash.starts_with(&shown)),
        "{shown}"
    );
    let audit = api
        .send(Method::GET, "/api/v1/audit?limit=20", None)
        .await
        .expect(200)
        .json();
    let made = audit["items"]
        .as_array()
        .and_then(|items| items.iter().find(|item| item["action"] == "selection.create"));
    let made = made.and_then(|made| made["after"].as_str()).unwrap_or_default();
    let made: Value = serde_json::from_str(made).expect("what was selected");
    assert_eq!((&made["hash"], &made["terminals"]), (&kept["hash"], &json!(12)));
    complains_of_nothing(&browser).await;
    drop(browser);
    demo.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_open_list_follows_the_work_of_others_in_its_heading_its_facets_and_the_views_beside_it() {
    let browser = need!(Browser::start("ja").await, "chromedriver");
    let (demo, api) = demo().await;
    let view = json!({ "name": "高速スタートアップ", "q": "fault:fast-startup-on", "team": true });
    api.post("/api/v1/views", &view).await.expect(201);
    browser
        .goto(&format!(
            "{}/terminals?q=power.fast_startup%3Ayes",
            demo.invitation.http
        ))
        .await;
    sign_in(&browser, &demo, "suzuki").await;
    browser.element("html.is-live").await;
    browser.run("window.sameLoad = true").await;
    let told = "const digits = (selector) => Number((document.querySelector(selector)?.textContent ?? '').replace(/[^0-9]/g, ''));
         const fault = document.querySelector(\"#facet-list a[href*='fast-startup-on']\");
         return [digits('#list-title'), digits('#select-all'), document.querySelectorAll('#live tbody tr').length,
           digits('section[aria-labelledby=views-title] .num'), fault ? Number(fault.nextElementSibling.textContent) : 0]";
    let faulty = api.get(super::FAULTY).await.expect(200).json();
    let before = faulty["total"].as_u64().expect("a number");
    assert_eq!(browser.run(told).await, json!(vec![before; 5]));

    let id = faulty["items"][0]["id"].as_str().expect("an id");
    let order = json!({ "remedy": "fast-startup-off", "reason": "test" });
    api.post(&format!("/api/v1/terminals/{id}/jobs"), &order)
        .await
        .expect(201);
    let less = json!(vec![before - 1; 5]);
    eventually(SOON, "one less everywhere", async || {
        (browser.run(told).await == less).then_some(())
    })
    .await;
    assert_eq!(browser.run("return window.sameLoad").await, true);
    complains_of_nothing(&browser).await;
    drop(browser);
    demo.stop().await;
}
