//! The terminal profile on its pages: written down wrong, corrected, published by another, and on the terminals.

use std::path::{Path, PathBuf};

use kaishin_tests::browser::Browser;
use kaishin_tests::need;
use kaishin_tests::wait::{SOON, eventually};

use super::{complains_of_nothing, demo, sign_in};

/// As somebody who finds the entry and types another value over it.
async fn types_over(browser: &Browser, from: &str, to: &str) {
    let script = format!(
        "const text = document.getElementById('text');
         text.value = text.value.replace('\"face\": {{', '\"face\": {{'.trim()).replace('{from}', '{to}');
         return text.value.includes('{to}');"
    );
    assert_eq!(browser.run(&script).await, true, "{to} is typed");
}

/// A folder for pictures, where one is wanted: `KAISHIN_PICTURES`.
fn pictures() -> Option<PathBuf> {
    std::env::var_os("KAISHIN_PICTURES").map(PathBuf::from)
}

async fn picture(browser: &Browser, folder: &Path, name: &str) {
    for theme in ["light", "dark"] {
        browser
            .run(&format!("document.documentElement.dataset.theme = '{theme}'"))
            .await;
        browser.screenshot(&folder.join(format!("{name}-{theme}.png"))).await;
    }
}

const PAGES: [(&str, &str); 6] = [
    ("versions", "/versions"),
    ("profile", "/versions/profile"),
    ("edit", "/versions/profile/edit"),
    ("rules", "/versions/rules"),
    ("rule", "/versions/rules/oqs-face-old"),
    ("history", "/versions/history"),
];

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_author_corrects_a_profile_where_it_is_wrong_and_an_approver_publishes_it() {
    let browser = need!(Browser::start("ja").await, "chromedriver");
    let (demo, api) = demo().await;
    browser.goto(&demo.invitation.http).await;
    sign_in(&browser, &demo, "takahashi").await;
    browser.click(".nav a[href='/versions']").await;
    browser.click(".chips a[href='/versions/profile']").await;
    browser.click("main a[href='/versions/profile/edit']").await;
    types_over(&browser, "\"version\": \"2.3.0\"", "\"version\": \"two\"").await;
    browser.fill("#reason", "新しい顔認証ソフト").await;
    browser
        .click("main form[action='/versions/profile/edit'] button.main")
        .await;
    browser.shows("main .note.bad", "E-PROFILE-01").await;
    browser.shows(".excerpt .wrong", "two").await;
    let line = browser.text(".excerpt .wrong th").await.expect("a line");
    let line = line.split_whitespace().next().unwrap_or_default().to_owned();
    browser.shows("main .note.bad", &format!("{line}行目")).await;
    if let Some(folder) = pictures() {
        picture(&browser, &folder, "wrong-ja").await;
    }
    // What a refused form answers is told in the console by the browser itself.
    browser.complaints().await;

    types_over(&browser, "\"version\": \"two\"", "\"version\": \"99.1\"").await;
    browser
        .click("main form[action='/versions/profile/edit'] button.main")
        .await;
    browser.shows("#draft .diff", "99.1").await;
    browser.shows("#draft .diff", "2.3.0").await;
    complains_of_nothing(&browser).await;
    assert!(browser.find("form[action='/versions/profile/publish']").await.is_none());
    browser.click("form[action='/sign-out'] button").await;
    sign_in(&browser, &demo, "tanaka").await;
    browser
        .goto(&format!("{}/versions/profile", demo.invitation.http))
        .await;
    if let Some(folder) = pictures() {
        picture(&browser, &folder, "draft-ja").await;
    }
    browser.click("form[action='/versions/profile/publish'] button").await;
    browser.shows("main .strip", "第3版").await;
    browser.click(".chips a[href='/versions/history']").await;
    browser.shows("main .card .strip", "新しい顔認証ソフト").await;
    complains_of_nothing(&browser).await;
    eventually(SOON, "terminals have the profile and its fault", async || {
        let path = "/api/v1/terminals?q=fault%3Aoqs-face-old%20agent.profile%3A3";
        (api.get(path).await.expect(200).json()["total"].as_u64()? > 0).then_some(())
    })
    .await;
    for language in ["ja", "en"] {
        for (name, path) in PAGES {
            browser.goto(&format!("{}{path}", demo.invitation.http)).await;
            browser.element(&format!("html[lang='{language}']")).await;
            if let Some(folder) = pictures() {
                picture(&browser, &folder, &format!("{name}-{language}")).await;
            }
            complains_of_nothing(&browser).await;
        }
        if language == "ja" {
            browser.click("form[action='/preferences'] button[lang='en']").await;
            browser.element("html[lang='en']").await;
        }
    }
    drop(browser);
    demo.stop().await;
}
