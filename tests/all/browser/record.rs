//! A terminal's own record on the dashboard: ordered there, looked through by words, saved as a file, and each reading audited.

use kaishin_tests::browser::Browser;
use kaishin_tests::harness::Harness;
use kaishin_tests::need;

use super::{WithFastStartup, complains_of_nothing, desk, sign_in_as};

/// The bytes of the file, as the browser would save them, in Latin 1: a text would lose the mark at its beginning.
const FILE: &str = "return fetch(document.querySelector(\"a[href$='.txt']\").href).then(async (file) => [
    file.headers.get('content-disposition'),
    String.fromCharCode(...new Uint8Array(await file.arrayBuffer())),
]);";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_record_is_fetched_looked_through_and_saved_and_each_reading_is_audited() {
    let browser = need!(Browser::start("ja").await, "chromedriver");
    let harness = Harness::start().await;
    let terminal = WithFastStartup::start(&harness).await;
    let site = format!("http://{}", harness.handle().http_addr);
    let password = desk(&harness).await;
    browser
        .goto(&format!(
            "{site}/terminals/{}/jobs/new?remedy=collect-record&record=agent",
            terminal.id
        ))
        .await;
    sign_in_as(&browser, "suzuki", &password).await;
    browser.click("main form[action$='/jobs'] button.main").await;
    browser.shows(".area-jobs .job .badge", "完了").await;
    browser.click(".area-jobs a[href$='/record']").await;

    browser.shows("main .fetched", "the agent started").await;
    browser
        .shows("main", "患者や利用者を示す部分は、端末を出る前に取り除かれています")
        .await;
    let job = browser.url().await;
    let job = job
        .trim_end_matches("/record")
        .rsplit('/')
        .next()
        .expect("a job")
        .to_owned();
    browser.fill("#words", "THE agent Started").await;
    browser.click("main form.filter button.main").await;
    browser.shows("main .fetched", "the agent started").await;
    browser.fill("#words", "no such words").await;
    browser.click("main form.filter button.main").await;
    browser.shows("main .empty", "該当する行はありません").await;

    let file = browser.run(FILE).await;
    assert_eq!(file[0], format!("attachment; filename=\"record-{job}.txt\""));
    let text = file[1].as_str().expect("a text");
    assert!(
        text.starts_with("\u{ef}\u{bb}\u{bf}") && text.contains("the agent started"),
        "{text}"
    );
    assert_eq!(text.matches('\n').count(), text.matches("\r\n").count());
    complains_of_nothing(&browser).await;

    let written = harness.audit(&format!("job:{job}")).await;
    let count = |action: &str| written.iter().filter(|entry| entry["action"] == action).count();
    assert_eq!(
        (count("job.record-show"), count("job.record-download")),
        (3, 1),
        "{written:?}"
    );
    drop(browser);
    terminal.agent.stop().await;
}
