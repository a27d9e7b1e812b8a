//! A person at a screen: a real Chromium on a small demo, from the sign-in to the audit entry, by mouse and by keyboard.

mod calls;
mod finding;
mod guide;
mod record;
mod terminal;
mod versions;

use std::net::SocketAddr;
use std::sync::Arc;

use http::Method;
use kaishin::app::operators::{self, NewOperator};
use kaishin::demo::{Consent, Demo, DemoOptions};
use kaishin_agent::os::sim::Sim;
use kaishin_agent::os::{Hive, RegistryValue};
use kaishin_agent::{Keep, Settings};
use kaishin_domain::access::Role;
use kaishin_domain::id::TerminalId;
use kaishin_tests::agent::Agent;
use kaishin_tests::browser::Browser;
use kaishin_tests::harness::Harness;
use kaishin_tests::http::Http;
use kaishin_tests::need;
use kaishin_tests::wait::{SOON, eventually};
use serde_json::{Value, json};

const FAULTY: &str = "/api/v1/terminals?q=fault%3Afast-startup-on";
/// Hiragana, katakana and the common ideographs.
const JAPANESE: &str = "[\\u3040-\\u30ff\\u4e00-\\u9fff]";

/// A demo in which at least one terminal has the fault, and a program's client of it.
async fn demo() -> (Demo, Http) {
    demo_with(Consent::Auto).await
}

async fn demo_with(consent: Consent) -> (Demo, Http) {
    demo_of(12, 1.0, consent).await
}

async fn demo_of(terminals: u64, speed: f64, consent: Consent) -> (Demo, Http) {
    let any = SocketAddr::from(([127, 0, 0, 1], 0));
    let options = DemoOptions {
        terminals,
        http: any,
        agents: any,
        data: None,
        speed,
        consent,
    };
    let demo = Demo::start(options).await.expect("the demo starts");
    let addr = demo.invitation.http.trim_start_matches("http://").parse();
    let api = Http::new(addr.expect("an address")).with_bearer(&demo.invitation.api_token);
    eventually(SOON, "all online and a fault among them", async || {
        let online = api.get("/api/v1/overview").await.expect(200).json()["online"] == terminals;
        let found = api.get(FAULTY).await.expect(200).json()["total"].as_u64()?;
        (online && found > 0).then_some(())
    })
    .await;
    (demo, api)
}

async fn sign_in(browser: &Browser, demo: &Demo, name: &str) {
    let person = demo.invitation.operators.iter().find(|person| person.name == name);
    sign_in_as(browser, name, &person.expect("an operator of the demo").password).await;
}

async fn sign_in_as(browser: &Browser, name: &str, password: &str) {
    browser.fill("#name", name).await;
    browser.fill("#password", password).await;
    browser.click("main button.main").await;
    browser.element("form[action='/sign-out']").await;
}

/// What the facts of the terminal that is looked at show for one of them.
async fn fact(browser: &Browser, key: &str) -> Value {
    let script = format!(
        "return fetch(location.pathname + '/facts').then((page) => page.text()).then((html) => {{
           const facts = new DOMParser().parseFromString(html, 'text/html');
           const rows = [...facts.querySelectorAll('.facts tr')];
           const row = rows.find((row) => row.querySelector('.key')?.textContent === '{key}');
           return row ? row.cells[1].textContent.trim() : null;
         }});"
    );
    browser.run(&script).await
}

async fn presses(browser: &Browser, key: &str) {
    let turn = json!([{ "type": "keyDown", "value": key }, { "type": "keyUp", "value": key }]);
    let keys = json!({ "actions": [{ "type": "key", "id": "keyboard", "actions": turn }] });
    let pressed = browser.command(Method::POST, "/actions", &keys).await;
    pressed.expect("the browser takes the key");
}

async fn complains_of_nothing(browser: &Browser) {
    assert_eq!(
        browser.complaints().await,
        Vec::<String>::new(),
        "on {}",
        browser.url().await
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_desk_turns_fast_startup_off_and_the_approver_finds_it_in_the_audit() {
    let browser = need!(Browser::start("ja").await, "chromedriver");
    let (demo, api) = demo().await;
    browser.goto(&demo.invitation.http).await;
    sign_in(&browser, &demo, "suzuki").await;
    let terminal = turns_fast_startup_off(&browser).await;
    work_of_others_arrives_by_itself(&browser, &api, &terminal).await;
    complains_of_nothing(&browser).await;

    browser.click("form[action='/sign-out'] button").await;
    sign_in(&browser, &demo, "tanaka").await;
    browser.click(".nav a[href='/audit']").await;
    browser.fill("#actor", "suzuki").await;
    browser.click("main form.filter button.main").await;
    browser.shows("main tbody", "job.create").await;
    browser.shows("main tbody", "作業の依頼").await;
    browser.shows("main tbody", &terminal).await;
    complains_of_nothing(&browser).await;
    drop(browser);
    demo.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_fault_tells_what_its_remedy_would_change_and_what_was_changed_is_taken_back() {
    let browser = need!(Browser::start("ja").await, "chromedriver");
    let (demo, _) = demo().await;
    browser.goto(&demo.invitation.http).await;
    sign_in(&browser, &demo, "suzuki").await;
    browser.click(".nav a[href='/terminals']").await;
    browser.fill("#q", "fault:fast-startup-on").await;
    browser.click("main form.filter button.main").await;
    browser.click("#live tbody th a").await;
    browser
        .shows("#dry-run-fast-startup-on", "高速スタートアップ：有効 → 無効")
        .await;
    browser.click("main a[href$='/jobs/new?remedy=fast-startup-off']").await;
    browser.shows("#dry-run", "高速スタートアップ：有効 → 無効").await;
    browser.click("main form[action$='/jobs'] button.main").await;
    browser.shows(".area-jobs .job .badge", "完了").await;
    browser.click(".area-jobs a[href*='remedy=undo']").await;
    browser.shows("#dry-run", "高速スタートアップ：無効 → 有効").await;
    browser.click("main form[action$='/jobs'] button.main").await;
    browser.element(".area-jobs .job").await;
    let turned = async || (fact(&browser, "power.fast_startup").await == "有効").then_some(());
    eventually(SOON, "the fact is as before", turned).await;
    browser.shows("#live", "fast-startup-on").await;
    complains_of_nothing(&browser).await;
    drop(browser);
    demo.stop().await;
}

/// From the list to the turned fact; answers the terminal's id.
async fn turns_fast_startup_off(browser: &Browser) -> String {
    browser.click(".nav a[href='/terminals']").await;
    browser.fill("#q", "fault:fast-startup-on").await;
    browser.click("main form.filter button.main").await;
    browser.click("#live tbody th a").await;
    browser.shows("#live", "fast-startup-on").await;
    assert_eq!(fact(browser, "power.fast_startup").await, "有効");

    browser.click("main a[href$='/jobs/new?remedy=fast-startup-off']").await;
    browser.shows("main h1", "高速スタートアップを無効にする").await;
    browser.click("main form[action$='/jobs'] button.main").await;
    browser.shows("main .note", "作業を受け付けました").await;
    browser.shows(".area-jobs .job .badge", "完了").await;
    browser.shows(".area-jobs .steps", "設定").await;
    let turned = async || (fact(browser, "power.fast_startup").await == "無効").then_some(());
    eventually(SOON, "the fact turns", turned).await;
    let gone = async || {
        (!browser
            .text("#live section[aria-labelledby='faults-title']")
            .await?
            .contains("fast-startup-on"))
        .then_some(())
    };
    eventually(SOON, "the fault goes", gone).await;
    let url = browser.url().await;
    let id = url
        .split("/terminals/")
        .nth(1)
        .and_then(|rest| rest.split(['?', '#']).next());
    id.expect("the page of a terminal").to_owned()
}

/// The page stays as it is loaded, and a job that somebody else orders comes to its end on it.
async fn work_of_others_arrives_by_itself(browser: &Browser, api: &Http, terminal: &str) {
    browser.element("html.is-live").await;
    browser.run("window.sameLoad = true").await;
    let order = json!({ "remedy": "refresh-facts", "reason": "test" });
    let path = format!("/api/v1/terminals/{terminal}/jobs");
    let job = api.post(&path, &order).await.expect(201).json()["id"].clone();
    let newest = ".area-jobs .job:first-of-type";
    browser.shows(newest, job.as_str().expect("an id")).await;
    browser.shows(&format!("{newest} .badge"), "完了").await;
    browser.element(&format!("{newest} .steps")).await;
    assert_eq!(browser.run("return window.sameLoad === true").await, true);
}

/// What is told while a page is being read is read after it: the answer on its way may be older.
async fn what_happens_during_a_look_is_looked_at_too(browser: &Browser) {
    let script = "
        const part = document.getElementById('live');
        window.looks = 0;
        document.addEventListener('htmx:afterSettle', (event) => { if (event.target.id === 'live') window.looks += 1; });
        htmx.trigger(part, 'again');
        htmx.trigger(part, 'again');";
    browser.run(script).await;
    let twice = async || (browser.run("return window.looks >= 2").await == true).then_some(());
    eventually(SOON, "the page is read twice", twice).await;
}

const POWER: &str = r"SYSTEM\CurrentControlSet\Control\Session Manager\Power";

/// A terminal of its own that is online, with fast startup on, and has told so.
struct WithFastStartup {
    id: TerminalId,
    agent: Agent,
    machine: Arc<Sim>,
    keep: Keep,
}

impl WithFastStartup {
    async fn start(harness: &Harness) -> WithFastStartup {
        let machine = Arc::new(Sim::new(7, 1, harness.clock.clone()));
        let on = Some(RegistryValue::dword(1));
        machine.poke(Hive::LocalMachine, POWER, "HiberbootEnabled", on);
        let keep = Keep::memory();
        let settings = Settings {
            token: Some(harness.token(1).await),
            ..harness.settings()
        };
        let mut agent = Agent::start(settings, &machine, &keep, &harness.clock);
        let id = agent.is_online().await;
        eventually(SOON, "its facts are here", async || {
            (harness.terminal(id).await["facts"]["power.fast_startup"]["value"] == true).then_some(())
        })
        .await;
        WithFastStartup {
            id,
            agent,
            machine,
            keep,
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_steps_arrive_on_the_open_page_when_the_terminal_comes_back() {
    let browser = need!(Browser::start("ja").await, "chromedriver");
    let harness = Harness::start().await;
    let WithFastStartup {
        id,
        mut agent,
        machine,
        keep,
    } = WithFastStartup::start(&harness).await;
    agent.stop().await;
    harness.is_online(id, false).await;

    let site = format!("http://{}", harness.handle().http_addr);
    let password = desk(&harness).await;
    browser.goto(&format!("{site}/terminals/{id}")).await;
    sign_in_as(&browser, "suzuki", &password).await;
    browser.click("main a[href$='/jobs/new?remedy=fast-startup-off']").await;
    browser.click("main form[action$='/jobs'] button.main").await;
    browser.shows(".area-jobs .job .badge", "待機中").await;
    browser.element("html.is-live").await;
    let unmoved = "window.sameLoad = true; return document.querySelector('.steps') === null";
    assert_eq!(browser.run(unmoved).await, true, "nothing was done yet");

    agent = Agent::start(harness.settings(), &machine, &keep, &harness.clock);
    for step in ["今の設定を読む", "設定を書き換える", "読み直して確かめる"] {
        browser.shows(".area-jobs .steps", step).await;
    }
    browser.shows(".area-jobs .job .badge", "完了").await;
    let turned = async || (fact(&browser, "power.fast_startup").await == "無効").then_some(());
    eventually(SOON, "the fact turns", turned).await;
    assert_eq!(browser.run("return window.sameLoad === true").await, true);
    agent.stop().await;
    harness.is_online(id, false).await;
    what_happens_during_a_look_is_looked_at_too(&browser).await;
    complains_of_nothing(&browser).await;
    drop(browser);
}

/// Somebody at the support desk; answers the password.
async fn desk(harness: &Harness) -> String {
    let new = NewOperator {
        name: "suzuki".into(),
        display_name: "鈴木".into(),
        role: Role::Desk,
        password: None,
        language: "ja".into(),
    };
    operators::create(&harness.local(), new).await.expect("an operator").1
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_page_is_english_after_one_click_and_the_keyboard_reaches_everything_first() {
    let browser = need!(Browser::start("ja").await, "chromedriver");
    let (demo, _) = demo().await;
    browser.goto(&demo.invitation.http).await;
    sign_in(&browser, &demo, "sato").await;
    assert_eq!(browser.run("return document.documentElement.lang").await, "ja");
    browser.shows(".nav", "端末").await;
    browser.click("form[action='/preferences'] button[lang='en']").await;
    browser.element("html[lang='en']").await;
    for page in [
        "/enrolment/pending",
        "/audit?verify=yes",
        "/help/admin",
        "/help/calls",
        "/desk",
        "/help/roles",
        "/terminals",
        "/",
    ] {
        browser.goto(&format!("{}{page}", demo.invitation.http)).await;
        browser.shows(".nav", "Terminals").await;
        // What people wrote and what machines call themselves stays as it is.
        let script = format!(
            "const main = document.getElementById('main').cloneNode(true);
             main.querySelectorAll('.change, .own, td.wide').forEach((own) => own.remove());
             return main.textContent.match(/{JAPANESE}+/g);"
        );
        assert_eq!(browser.run(&script).await, Value::Null, "on {page}");
        complains_of_nothing(&browser).await;
    }
    presses(&browser, "\u{e004}").await;
    assert_eq!(browser.run("return document.activeElement.className").await, "skip");
    presses(&browser, "/").await;
    assert_eq!(browser.run("return document.activeElement.id").await, "search");
    complains_of_nothing(&browser).await;
    drop(browser);
    demo.stop().await;
}
