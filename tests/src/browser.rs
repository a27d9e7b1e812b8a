//! A real Chromium, driven through chromedriver: enough of WebDriver to do what a person does and to see what they see.

use std::io::{Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpStream};
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use http::Method;
use serde_json::{Value, json};

use crate::children::{Child, kill_all, processes_with};
use crate::http::Http;
use crate::require::program;
use crate::wait::{SOON, eventually, eventually_blocking, within};

/// The name that WebDriver gives an element's reference.
const ELEMENT: &str = "element-6066-11e4-a52e-4f735466cecf";

#[derive(Debug)]
pub struct Browser {
    http: Http,
    addr: SocketAddr,
    session: String,
    profile: tempfile::TempDir,
    _driver: Child,
}

/// Something on the page.
#[derive(Clone, Debug)]
pub struct Element(String);

impl Browser {
    /// A fresh browser in this language, or `None` where chromedriver is not installed.
    ///
    /// # Panics
    /// When the browser is there and does not start.
    pub async fn start(language: &str) -> Option<Browser> {
        let driver = program("chromedriver")?;
        let profile = tempfile::Builder::new()
            .prefix("kaishin-browser-")
            .tempdir()
            .expect("a profile folder");
        let mut driver = Child::spawn(Command::new(driver).arg("--port=0")).expect("chromedriver starts");
        let said = driver.says("chromedriver listens", |line| {
            line.split("successfully on port ")
                .nth(1)?
                .trim_end_matches('.')
                .parse::<u16>()
                .ok()
        });
        let addr = SocketAddr::from((Ipv4Addr::LOCALHOST, said.await));
        let http = Http::new(addr);
        let answer = http
            .post("/session", &capabilities(profile.path(), language))
            .await
            .expect(200)
            .json();
        Some(Browser {
            session: answer["value"]["sessionId"].as_str().expect("a session").to_owned(),
            http,
            addr,
            profile,
            _driver: driver,
        })
    }

    /// A command, or the reason why the browser refused it.
    pub async fn command(&self, method: Method, path: &str, body: &Value) -> Result<Value, String> {
        let path = format!("/session/{}{path}", self.session);
        let body = (method == Method::POST).then(|| ("application/json", body.to_string()));
        let answer = self.http.send(method, &path, body).await;
        let mut said = answer.json();
        if answer.status.is_success() {
            return Ok(said["value"].take());
        }
        Err(format!("{} {}", said["value"]["error"], said["value"]["message"]))
    }

    async fn done(&self, method: Method, path: &str, body: &Value) -> Value {
        let answer = self.command(method.clone(), path, body).await;
        answer.unwrap_or_else(|why| panic!("{method} {path}: {why}"))
    }

    pub async fn goto(&self, url: &str) {
        self.done(Method::POST, "/url", &json!({ "url": url })).await;
    }

    pub async fn url(&self) -> String {
        self.done(Method::GET, "/url", &Value::Null)
            .await
            .as_str()
            .unwrap_or_default()
            .to_owned()
    }

    pub async fn find(&self, css: &str) -> Option<Element> {
        let body = json!({ "using": "css selector", "value": css });
        let found = self.command(Method::POST, "/element", &body).await.ok()?;
        Some(Element(found[ELEMENT].as_str()?.to_owned()))
    }

    /// Waits until it is there.
    pub async fn element(&self, css: &str) -> Element {
        eventually(SOON, &format!("{css} on the page"), async || self.find(css).await).await
    }

    /// Waits until the element is there and takes the click: a page that is still moving refuses one.
    pub async fn click(&self, css: &str) {
        let act = async || {
            let Element(id) = self.find(css).await?;
            self.command(Method::POST, &format!("/element/{id}/click"), &json!({}))
                .await
                .ok()
        };
        eventually(SOON, &format!("{css} takes a click"), act).await;
    }

    pub async fn fill(&self, css: &str, text: &str) {
        let Element(id) = self.element(css).await;
        self.done(Method::POST, &format!("/element/{id}/clear"), &json!({}))
            .await;
        self.done(Method::POST, &format!("/element/{id}/value"), &json!({ "text": text }))
            .await;
    }

    /// Chooses a file of this machine.
    pub async fn choose(&self, css: &str, file: &Path) {
        let Element(id) = self.element(css).await;
        self.done(Method::POST, &format!("/element/{id}/value"), &json!({ "text": file }))
            .await;
    }

    /// The visible text, or `None` while the element is absent or being replaced.
    pub async fn text(&self, css: &str) -> Option<String> {
        let Element(id) = self.find(css).await?;
        let text = self
            .command(Method::GET, &format!("/element/{id}/text"), &Value::Null)
            .await
            .ok()?;
        Some(text.as_str()?.to_owned())
    }

    /// Waits until the element's text holds this.
    ///
    /// # Panics
    /// When it does not in time, telling what the element shows instead.
    pub async fn shows(&self, css: &str, text: &str) {
        let ask = async || self.text(css).await.filter(|shown| shown.contains(text));
        if within(SOON, ask).await.is_none() {
            let instead = self.text(css).await;
            panic!("waited {SOON:?} in vain: {css} shows {text:?} and not {instead:?}");
        }
    }

    pub async fn run(&self, script: &str) -> Value {
        self.done(Method::POST, "/execute/sync", &json!({ "script": script, "args": [] }))
            .await
    }

    pub async fn screenshot(&self, file: &Path) {
        let picture = self.done(Method::GET, "/screenshot", &Value::Null).await;
        let bytes = STANDARD
            .decode(picture.as_str().unwrap_or_default())
            .expect("a picture");
        std::fs::write(file, bytes).expect("the picture is kept");
    }

    /// What the console has complained about since the last call.
    pub async fn complaints(&self) -> Vec<String> {
        let log = self.done(Method::POST, "/se/log", &json!({ "type": "browser" })).await;
        let entries = log.as_array().cloned().unwrap_or_default();
        let bad = entries
            .iter()
            .filter(|entry| matches!(entry["level"].as_str(), Some("SEVERE" | "WARNING")));
        bad.map(|entry| entry["message"].to_string()).collect()
    }
}

fn capabilities(profile: &Path, language: &str) -> Value {
    let args = [
        "--headless=new".to_owned(),
        "--no-sandbox".to_owned(),
        "--disable-gpu".to_owned(),
        "--disable-quic".to_owned(),
        "--disable-dev-shm-usage".to_owned(),
        "--no-first-run".to_owned(),
        "--disable-background-networking".to_owned(),
        "--disable-component-update".to_owned(),
        "--disable-default-apps".to_owned(),
        "--disable-sync".to_owned(),
        "--window-size=1440,1000".to_owned(),
        format!("--accept-lang={language}"),
        format!("--user-data-dir={}", profile.display()),
    ];
    let chrome = json!({ "args": args, "prefs": { "intl.accept_languages": language } });
    json!({ "capabilities": { "alwaysMatch": {
        "goog:chromeOptions": chrome,
        "goog:loggingPrefs": { "browser": "ALL" },
    } } })
}

impl Drop for Browser {
    fn drop(&mut self) {
        // Without a runtime: a test that panicked drops this as well.
        let goodbye = format!(
            "DELETE /session/{} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n",
            self.session
        );
        if let Ok(mut stream) = TcpStream::connect_timeout(&self.addr, Duration::from_secs(5)) {
            let _ = stream.set_read_timeout(Some(Duration::from_secs(10)));
            let _ = stream.write_all(goodbye.as_bytes());
            let _ = stream.read(&mut [0; 1024]);
        }
        let profile = self.profile.path().to_string_lossy().into_owned();
        let gone = || processes_with(&profile).is_empty();
        if !eventually_blocking(Duration::from_secs(5), gone) {
            kill_all(&processes_with(&profile));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_page_is_seen_filled_and_clicked_and_nothing_stays_behind() {
        let browser = crate::need!(Browser::start("ja").await, "chromedriver");
        let page = "<p id=a>回診</p><input id=b><button id=c onclick='a.innerText = b.value'>go</button>";
        browser.goto(&format!("data:text/html;charset=utf-8,{page}")).await;
        browser.shows("#a", "回診").await;
        browser.fill("#b", "受付１").await;
        browser.click("#c").await;
        browser.shows("#a", "受付１").await;
        assert_eq!(browser.run("return navigator.language").await, "ja");
        browser.run("console.error('so not')").await;
        assert_eq!(browser.complaints().await.len(), 1);
        let folder = tempfile::tempdir().expect("a folder");
        let picture = folder.path().join("page.png");
        browser.screenshot(&picture).await;
        assert!(picture.metadata().is_ok_and(|meta| meta.len() > 1_000));
        let profile = browser.profile.path().to_owned();
        drop(browser);
        assert!(!profile.exists());
        assert_eq!(processes_with(&profile.to_string_lossy()), Vec::<u32>::new());
    }
}
