//! A telephone call at a real screen: from the search to a copied record, by keyboard.

use kaishin_agent::os::{Hive, RegistryValue};
use kaishin_tests::browser::Browser;
use kaishin_tests::harness::Harness;
use kaishin_tests::need;
use kaishin_tests::wait::{SOON, eventually};

use super::{WithFastStartup, complains_of_nothing, desk, presses, sign_in_as};

const ENTER: &str = "\u{e007}";
const PARAMETERS: &str = r"SYSTEM\CurrentControlSet\Services\W32Time\Parameters";

/// Waits until the page is there.
async fn at(browser: &Browser, css: &str, text: &str) {
    browser.shows(css, text).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_call_goes_from_the_search_to_a_copied_record_by_keyboard() {
    let browser = need!(Browser::start("ja").await, "chromedriver");
    let harness = Harness::start().await;
    let terminal = WithFastStartup::start(&harness).await;
    let password = desk(&harness).await;
    let site = format!("http://{}", harness.handle().http_addr);
    browser.goto(&format!("{site}/desk")).await;
    sign_in_as(&browser, "suzuki", &password).await;
    at(&browser, "main h1", "受付").await;

    let hostname = harness.terminal(terminal.id).await["hostname"].clone();
    browser.run("document.activeElement.blur()").await;
    presses(&browser, "/").await;
    browser.fill("#search", hostname.as_str().expect("a name")).await;
    browser.element("#found .found-list a").await;
    presses(&browser, ENTER).await;
    at(&browser, "main h1", hostname.as_str().expect("a name")).await;
    browser.element("button[data-key='c']").await;
    presses(&browser, "c").await;
    browser.element(".call .guide").await;

    browser
        .run("document.querySelectorAll('.guide details').forEach((one) => { one.open = true; })")
        .await;
    let time = ".guide form:has(input[name='procedure'][value='time-server']) button";
    browser.click(time).await;
    at(&browser, ".step .read", "インターネット時刻").await;
    at(&browser, ".screen .label", "今すぐ更新").await;
    let wrong = Some(RegistryValue::text("time.windows.com,0x9"));
    terminal
        .machine
        .poke(Hive::LocalMachine, PARAMETERS, "NtpServer", wrong);
    let refresh = harness.order(terminal.id, "refresh-facts").await;
    harness.job_is(&refresh, "succeeded").await;
    browser.element("html.is-live").await;
    at(&browser, ".step", "まだ変わっていません").await;

    presses(&browser, "y").await;
    at(&browser, ".step .note.bad", "端末はまだそうなっていません").await;
    at(&browser, ".step .tick", "食い違い").await;
    browser.element("html.is-live").await;
    browser.run("window.sameLoad = true").await;
    // The terminal puts it right by itself, and the page ticks the step without anybody touching it.
    let order = harness.order(terminal.id, "time-source").await;
    harness.job_is(&order, "succeeded").await;
    at(&browser, ".step .tick", "自動確認").await;
    assert_eq!(browser.run("return window.sameLoad === true").await, true);
    presses(&browser, "y").await;
    at(&browser, ".ticks .automatic", "時刻サーバーを入れる").await;
    let passed = async || {
        if browser.text(".guide .note.good").await.is_some() {
            return Some(());
        }
        presses(&browser, "y").await;
        None
    };
    eventually(SOON, "the procedure is through", passed).await;

    let chosen = "return document.getElementById('outcome').value";
    assert_eq!(browser.run(chosen).await, "fixed", "what follows from it is chosen");
    browser.fill("#closing", "次回は午後にお電話").await;
    browser.click("form:has(#outcome) button.main").await;
    at(&browser, ".call-strip", "解消").await;
    at(&browser, "#record", "自動確認").await;
    at(&browser, "#record", "対応を完了いたしました").await;
    at(&browser, "#record", "次回は午後にお電話").await;
    assert_eq!(
        browser.text("form:has(#outcome)").await,
        None,
        "nothing more can be done"
    );
    browser.click("button[data-copy='record']").await;
    at(&browser, "button[data-copy='record']", "コピーしました").await;
    let whole = "const main = document.getElementById('main');
        return !/Unknown localization/.test(main.textContent)
          && document.documentElement.scrollWidth <= window.innerWidth";
    assert_eq!(browser.run(whole).await, true);
    complains_of_nothing(&browser).await;
    drop(browser);
    terminal.agent.stop().await;
}
