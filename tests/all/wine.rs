//! The agent as terminals run it: built for Windows, under Wine, against a real server over the real wire.

use std::net::SocketAddr;

use kaishin::app::enrolment::{NewToken, create_token};
use kaishin::app::operators::create_api_token;
use kaishin::config::Config;
use kaishin_domain::access::{Actor, Role};
use kaishin_domain::enrolment::TokenScope;
use kaishin_domain::time::Span;
use kaishin_proto::clock::Clock;
use kaishin_tests::children::Child;
use kaishin_tests::http::Http;
use kaishin_tests::need;
use kaishin_tests::wait::{SOON, eventually};
use kaishin_tests::wine::{self, Missing, Wine};
use serde_json::{Value, json};

const POWER: &str = r"HKLM\SYSTEM\CurrentControlSet\Control\Session Manager\Power";

/// Skips aloud where Wine is not there.
macro_rules! windows {
    () => {
        match Wine::prepare().await {
            Ok(wine) => wine,
            Err(Missing(what)) => return kaishin_tests::require::skipped(what),
        }
    };
}

#[tokio::test]
async fn the_agents_own_tests_hold_on_windows() {
    let tests = need!(wine::agent_tests(), "agent for Windows (agent/packaging/windows tests)");
    let wine = windows!();
    let said = wine.run(&tests, &[], &[]).await;
    assert_eq!(said.code, Some(0), "{}{}", said.out, said.err);
    assert!(said.out.contains("os::windows::"), "{}", said.out);
}

struct Server {
    handle: kaishin::Handle,
    api: Http,
    token: String,
    _data: tempfile::TempDir,
}

impl Server {
    async fn start() -> Server {
        let data = tempfile::tempdir().expect("a temporary folder");
        let loopback = SocketAddr::from(([127, 0, 0, 1], 0));
        let config = Config {
            data: data.path().to_owned(),
            http: loopback,
            agents: loopback,
            ..Config::default()
        };
        let listeners = kaishin::Listeners::bind(&config).await.expect("two ports");
        let handle = kaishin::start(config, listeners, Clock::system())
            .await
            .expect("the server starts");
        let cx = handle.app.on_behalf_of(Actor::local("test"));
        let new = NewToken {
            label: "one terminal".into(),
            most_uses: 1,
            life: Span::days(1),
            scope: TokenScope::default(),
        };
        let (_, token) = create_token(&cx, new).await.expect("an enrolment token");
        let (_, bearer) = create_api_token(&cx, "test", Role::Api, Span::days(1))
            .await
            .expect("an API token");
        let api = Http::new(handle.http_addr).with_bearer(&bearer);
        Server {
            handle,
            api,
            token,
            _data: data,
        }
    }

    fn agent(&self, wine: &Wine, token: Option<&str>) -> Child {
        let exe = wine::agent().expect("seen before");
        let server = self.handle.agents_addr.to_string();
        let mut args = vec!["run", "--server", &server, "--ca-pin", &self.handle.ca_pin];
        args.extend(token.into_iter().flat_map(|token| ["--token", token]));
        wine.start(exe, &args, &[])
    }

    async fn get(&self, path: &str) -> Value {
        self.api.get(path).await.expect(200).json()
    }

    /// The only terminal there is, once it is as wanted.
    async fn the_terminal(&self, agent: &mut Child, what: &str, fits: impl Fn(&Value) -> bool) -> Value {
        let found = eventually(SOON, what, async || {
            if let Some(status) = agent.has_ended() {
                panic!(
                    "{status} before {what}: {}{}",
                    agent.out().so_far(),
                    agent.err().so_far()
                );
            }
            let list = self.get("/api/v1/terminals").await;
            let id = list["items"].get(0)?["id"].as_str()?.to_owned();
            let terminal = self.get(&format!("/api/v1/terminals/{id}")).await;
            fits(&terminal).then_some(terminal)
        });
        found.await
    }
}

fn fact<'a>(terminal: &'a Value, key: &str) -> &'a Value {
    &terminal["facts"][key]["value"]
}

fn is_online(terminal: &Value) -> bool {
    terminal["online"] == true
}

#[tokio::test]
async fn a_windows_terminal_enrols_comes_online_and_has_its_fast_startup_turned_off() {
    need!(wine::agent(), "agent for Windows (agent/packaging/windows build)");
    let wine = windows!();
    wine.reg_add(POWER, "HiberbootEnabled", "REG_DWORD", "1").await;
    let server = Server::start().await;

    let mut agent = server.agent(&wine, Some(&server.token));
    let seen = server.the_terminal(&mut agent, "a terminal online with its facts", |terminal| {
        is_online(terminal) && fact(terminal, "power.fast_startup") == true
    });
    let terminal = seen.await;
    assert_eq!(fact(&terminal, "agent.platform"), "windows");
    let version = fact(&terminal, "os.version").as_str().expect("a version");
    assert!(version.starts_with("10.0."), "{version}");
    assert!(fact(&terminal, "boot.id").is_string(), "{terminal}");
    assert!(
        fact(&terminal, "hardware.memory").as_u64() > Some(1 << 20),
        "{terminal}"
    );
    told_memory(&wine);

    let id = terminal["id"].as_str().expect("an id").to_owned();
    let order = json!({ "remedy": "fast-startup-off", "params": {}, "reason": "窓口で確認済み" });
    let job = server.api.post(&format!("/api/v1/terminals/{id}/jobs"), &order).await;
    let job = job.expect(201).json()["id"].as_str().expect("an id").to_owned();
    let finished = eventually(SOON, "the job finishes", async || {
        let job = server.get(&format!("/api/v1/jobs/{job}")).await;
        job["finished_at"].is_string().then_some(job)
    });
    let finished = finished.await;
    assert_eq!(finished["state"], "succeeded", "{finished}");

    // Read from outside, with Windows' own tool.
    let number = ("REG_DWORD".to_owned(), "0x0".to_owned());
    assert_eq!(wine.reg_query(POWER, "HiberbootEnabled").await, Some(number));
    let mended = server.get(&format!("/api/v1/terminals/{id}")).await;
    assert_eq!(fact(&mended, "power.fast_startup"), false, "{mended}");

    // Its identity is kept: without a token the same terminal comes back.
    drop(agent);
    eventually(SOON, "the terminal is offline", async || {
        let terminal = server.get(&format!("/api/v1/terminals/{id}")).await;
        (!is_online(&terminal)).then_some(())
    })
    .await;
    let mut agent = server.agent(&wine, None);
    let back = server.the_terminal(&mut agent, "the terminal is back", is_online).await;
    assert_eq!(back["id"], *id);
    assert_eq!(server.get("/api/v1/overview").await["terminals"], 1);
    drop(agent);
    drop(wine);
    server.handle.stop().await;
}

/// What it costs a terminal, in the test's output: `cargo test … -- --nocapture`.
#[expect(clippy::print_stderr, reason = "a figure for whoever runs the test")]
fn told_memory(wine: &Wine) {
    let memory = wine.memory_of("kaishin-agent.exe").expect("the agent runs");
    let size = wine::agent().and_then(|exe| exe.metadata().ok()).map(|meta| meta.len());
    let kib = |bytes: u64| bytes / 1024;
    eprintln!(
        "kaishin-agent.exe: {} KiB on disk; under Wine {} KiB resident, {} KiB of them its own",
        kib(size.unwrap_or_default()),
        kib(memory.resident),
        kib(memory.anonymous),
    );
}
