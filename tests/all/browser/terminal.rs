//! The pages of one terminal, as the desk uses them: by keyboard, with what a person says, and live.

use kaishin_tests::browser::Browser;
use kaishin_tests::harness::Harness;
use kaishin_tests::need;

use super::{WithFastStartup, complains_of_nothing, desk, presses, sign_in_as};

const TAB: &str = "\u{e004}";
const ENTER: &str = "\u{e007}";

/// At the page of the harness's one terminal, signed in; answers the page's path.
async fn at_the_terminal(browser: &Browser, harness: &Harness, terminal: &WithFastStartup) -> String {
    let password = desk(harness).await;
    let page = format!("/terminals/{}", terminal.id);
    browser
        .goto(&format!("http://{}{page}", harness.handle().http_addr))
        .await;
    sign_in_as(browser, "suzuki", &password).await;
    page
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_part_of_a_terminal_opens_from_its_header_by_keyboard() {
    let browser = need!(Browser::start("ja").await, "chromedriver");
    let harness = Harness::start().await;
    let terminal = WithFastStartup::start(&harness).await;
    let page = at_the_terminal(&browser, &harness, &terminal).await;
    // What a remedy would change is asked for by the page itself, which stays what it is called: among ten tabs it is found
    // by that.
    browser.shows(".fault", "実行すると").await;
    let called = "return document.title.startsWith(document.querySelector('h1').textContent)";
    assert_eq!(browser.run(called).await, true);
    for part in ["faults", "checklist", "facts", "timeline", "jobs"] {
        let to = format!("{page}/{part}");
        let here = format!("return document.activeElement.getAttribute('href') === '{to}'");
        let mut steps = 0;
        while browser.run(&here).await != true {
            presses(&browser, TAB).await;
            steps += 1;
            assert!(steps < 40, "the keyboard never reaches {to}");
        }
        presses(&browser, ENTER).await;
        browser
            .element(&format!(".tabs a[href='{to}'][aria-current='page']"))
            .await;
        // Nothing of the program's own shows through: neither a key without words nor a page wider than the screen.
        let whole = "const main = document.getElementById('main');
            return !/Unknown localization/.test(main.textContent)
              && document.documentElement.scrollWidth <= window.innerWidth";
        assert_eq!(browser.run(whole).await, true, "{to}");
        complains_of_nothing(&browser).await;
    }
    drop(browser);
    terminal.agent.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_a_person_ticks_is_kept_with_their_name_and_audited() {
    const REASON: &str = "電話で確認しました";
    let browser = need!(Browser::start("ja").await, "chromedriver");
    let harness = Harness::start().await;
    let terminal = WithFastStartup::start(&harness).await;
    let page = at_the_terminal(&browser, &harness, &terminal).await;
    browser.click(&format!(".tabs a[href='{page}/checklist']")).await;
    browser.element(".check-items .tick input[name='reason']").await;
    let item = browser
        .run("return document.querySelector(\".check-items .tick input[name='reason']\").closest('li').id")
        .await;
    let item = format!("#{}", item.as_str().expect("an item that a person can tick"));
    browser.fill(&format!("{item} input[name='reason']"), REASON).await;
    browser.click(&format!("{item} .tick button")).await;
    browser.shows("main .note", "済みとして記録しました").await;
    browser.shows(&item, "人が確認").await;
    browser.shows(&item, REASON).await;
    browser.shows(&item, "suzuki").await;

    let site = format!("http://{}", harness.handle().http_addr);
    browser.goto(&format!("{site}{page}/checklist")).await;
    browser.shows(&item, REASON).await;
    let entries = harness.audit(&format!("terminal:{}", terminal.id)).await;
    assert_eq!(entries[0]["action"], "checklist.tick");
    assert_eq!(entries[0]["reason"], REASON);
    complains_of_nothing(&browser).await;
    drop(browser);
    terminal.agent.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_fact_that_turns_arrives_on_the_open_timeline() {
    let browser = need!(Browser::start("ja").await, "chromedriver");
    let harness = Harness::start().await;
    let terminal = WithFastStartup::start(&harness).await;
    let page = at_the_terminal(&browser, &harness, &terminal).await;
    browser.click(&format!(".tabs a[href='{page}/timeline']")).await;
    browser.element("html.is-live").await;
    let unmoved =
        "window.sameLoad = true; return !document.querySelector('.moments .diff')?.textContent.includes('無効')";
    assert_eq!(browser.run(unmoved).await, true, "nothing was done yet");

    let job = harness.order(terminal.id, "fast-startup-off").await;
    harness.job_is(&job, "succeeded").await;
    browser.shows(".moments", "高速スタートアップ").await;
    browser.shows(".moments .diff", "有効").await;
    browser.shows(".moments .diff ins", "無効").await;
    assert_eq!(browser.run("return window.sameLoad === true").await, true);
    complains_of_nothing(&browser).await;
    drop(browser);
    terminal.agent.stop().await;
}
