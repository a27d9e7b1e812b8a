//! The page at the terminal beside the dashboard: two real browsers, one at the reception and one at the support desk.

use kaishin::demo::{Consent, Demo};
use kaishin_tests::browser::Browser;
use kaishin_tests::http::Http;
use kaishin_tests::need;
use kaishin_tests::wait::{SOON, eventually};
use serde_json::Value;

use super::{complains_of_nothing, demo_of, demo_with, fact, sign_in};

const JOB: &str = ".area-jobs .job:first-of-type";

/// The support desk on the page of a terminal that has the fault.
async fn at_a_faulty_terminal(desk: &Browser, demo: &Demo) {
    desk.goto(&demo.invitation.http).await;
    sign_in(desk, demo, "suzuki").await;
    desk.click(".nav a[href='/terminals']").await;
    desk.fill("#q", "fault:fast-startup-on").await;
    desk.click("main form.filter button.main").await;
    desk.click("#live tbody th a").await;
    desk.shows("#live", "fast-startup-on").await;
}

/// What opens at that terminal, in the browser of whoever sits there.
async fn sits_down(reception: &Browser, demo: &mut Demo) {
    let page = demo.asked().await.expect("a page opens at the terminal");
    reception.goto(&page.link).await;
    reception.shows("main h1", "この作業を行ってもよいですか").await;
}

async fn count(browser: &Browser, css: &str) -> Value {
    let script = format!("return document.querySelectorAll(\"{css}\").length");
    browser.run(&script).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_person_reads_out_the_code_and_both_screens_tick_to_the_end() {
    let desk = need!(Browser::start("ja").await, "chromedriver");
    let reception = need!(Browser::start("ja").await, "chromedriver");
    let (mut demo, _) = demo_with(Consent::Ask).await;
    at_a_faulty_terminal(&desk, &demo).await;
    desk.click("main a[href$='/jobs/new?remedy=fast-startup-off']").await;
    desk.click("main form[action$='/jobs'] button.main").await;
    desk.shows(".area-jobs .job .badge", "確認待ち").await;
    sits_down(&reception, &mut demo).await;
    reception.shows("main", "高速スタートアップを無効にする").await;
    let code = reception.text("#code").await.expect("a code to read out");

    let wrong = if code == "0000" { "0001" } else { "0000" };
    desk.fill(".code-form input", wrong).await;
    desk.click(".code-form button").await;
    desk.shows(&format!("{JOB} .badge"), "確認待ち").await;
    reception.shows("main h1", "この作業を行ってもよいですか").await;

    desk.fill(".code-form input", &code).await;
    desk.click(".code-form button").await;
    reception.shows("main h1", "終わりました").await;
    desk.shows(&format!("{JOB} .badge"), "完了").await;
    assert_eq!(count(&reception, "main li.done").await, 3);
    desk.shows(&format!("{JOB} .steps"), "読み直して確かめる").await;
    let gone = async || desk.find(".code-form").await.is_none().then_some(());
    eventually(SOON, "nothing more to type", gone).await;
    complains_of_nothing(&desk).await;
    complains_of_nothing(&reception).await;
    drop((desk, reception));
    demo.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_the_person_ticks_at_the_terminal_is_ticked_at_the_desk_while_they_talk() {
    let desk = need!(Browser::start("ja").await, "chromedriver");
    let reception = need!(Browser::start("ja").await, "chromedriver");
    let (mut demo, _) = demo_with(Consent::Ask).await;
    at_a_faulty_terminal(&desk, &demo).await;
    let terminal = desk.url().await;
    let terminal = terminal.split(['?', '#']).next().expect("an address");
    desk.goto(&format!("{terminal}/jobs/new?remedy=card-reader-power-cycle"))
        .await;
    desk.click("main form[action$='/jobs'] button.main").await;
    sits_down(&reception, &mut demo).await;
    reception.click("#yes").await;

    desk.element("html.is-live").await;
    desk.run("window.sameLoad = true").await;
    for (done, step) in ["nobody-at-reader", "switch-off", "switch-on", "see-ready"]
        .into_iter()
        .enumerate()
    {
        reception.click(&format!("#tick-{step}")).await;
        // Step by step on both screens, before the next one is done.
        let ticked = async || {
            let reception = count(&reception, "main li.done").await == done + 1;
            // The answer to the question stands before the steps.
            let desk = count(&desk, &format!("{JOB} .steps li.done")).await == done + 2;
            (reception && desk).then_some(())
        };
        eventually(SOON, &format!("{step} is ticked on both screens"), ticked).await;
    }
    reception.shows("main h1", "終わりました").await;
    desk.shows(&format!("{JOB} .badge"), "完了").await;
    assert_eq!(
        desk.run("return window.sameLoad === true").await,
        true,
        "it came by itself"
    );
    complains_of_nothing(&desk).await;
    complains_of_nothing(&reception).await;
    drop((desk, reception));
    demo.stop().await;
}

/// One with the old extensions at which everybody who has a browser is signed in, so that nobody has to be waited for.
async fn with_old_extensions(api: &Http) -> Option<String> {
    let found = api.get("/api/v1/terminals?q=fault%3Aedge-extension-old").await;
    for item in found.expect(200).json()["items"].as_array().expect("items") {
        let id = item["id"].as_str().expect("an id");
        let detail = api.get(&format!("/api/v1/terminals/{id}")).await.expect(200).json();
        let profiles = &detail["facts"]["edge.profiles"]["value"];
        let rows = profiles["rows"].as_array().expect("browser profiles");
        if rows.iter().all(|row| row[3] == "yes") && detail["facts"]["edge.crx_ready"]["value"] == true {
            return Some(id.to_owned());
        }
    }
    None
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_person_is_led_through_the_swap_of_the_extensions_while_the_desk_sees_it_happen() {
    let desk = need!(Browser::start("ja").await, "chromedriver");
    let reception = need!(Browser::start("ja").await, "chromedriver");
    // Dragging three files takes minutes; here they pass faster.
    let (mut demo, api) = demo_of(28, 6.0, Consent::Ask).await;
    let found = async || with_old_extensions(&api).await;
    let terminal = eventually(SOON, "a terminal with the old extensions", found).await;
    desk.goto(&demo.invitation.http).await;
    sign_in(&desk, &demo, "suzuki").await;
    desk.goto(&format!("{}/terminals/{terminal}", demo.invitation.http))
        .await;
    desk.click("main a[href*='remedy=edge-extension-swap&strategy=assisted']")
        .await;
    desk.shows("#dry-run", "拡張機能 pinauth（暗証番号）：1.2.0.5 → 2.0.0.0")
        .await;
    desk.click("main form[action$='/jobs'] button.main").await;
    sits_down(&reception, &mut demo).await;
    reception.click("#yes").await;

    // What to do with their own hands stands on their screen, and the same on the desk's.
    reception.shows("main li.waiting", "pinauth.crx").await;
    desk.shows(&format!("{JOB} .steps"), "pinauth.crx").await;
    let dragged = async || {
        let done = "return document.querySelector('main h1')?.textContent.includes('終わりました') === true";
        (reception.run(done).await == true).then_some(())
    };
    eventually(4 * SOON, "the three files are in, and it is seen", dragged).await;
    desk.shows(&format!("{JOB} .badge"), "完了").await;
    for key in [
        "edge.pinauth.version",
        "edge.nopinauth.version",
        "edge.delegate.version",
    ] {
        assert_eq!(fact(&desk, key).await, "2.0.0.0", "{key}");
    }
    let old = async || {
        let faults = desk.text("#live").await?;
        (!faults.contains("edge-extension-old")).then_some(())
    };
    eventually(SOON, "the fault is closed", old).await;
    complains_of_nothing(&desk).await;
    complains_of_nothing(&reception).await;
    drop((desk, reception));
    demo.stop().await;
}
