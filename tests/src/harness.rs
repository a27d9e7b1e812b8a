//! A real server on loopback, as `serve` starts it, with everything thrown away at the end. Dropping it stops the server
//! and looks for what was left over: an open port, a task that still lives, a folder.

use std::net::{SocketAddr, TcpStream};
use std::path::PathBuf;
use std::time::Duration;

use kaishin::app::Cx;
use kaishin::app::enrolment::{NewToken, create_token};
use kaishin::app::operators::create_api_token;
use kaishin::config::{Config, Engine, Hidden};
use kaishin::{Handle, Listeners};
use kaishin_agent::Settings;
use kaishin_domain::access::{Actor, Role};
use kaishin_domain::enrolment::TokenScope;
use kaishin_domain::id::TerminalId;
use kaishin_domain::time::{Span, Time};
use kaishin_proto::clock::Clock;
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::http::Http;
use crate::wait::{SOON, eventually, eventually_blocking, within};

/// A Friday in November 2026, for tests whose clock is moved by hand.
pub const FRIDAY: Time = Time(1_795_143_600_000_000);

pub struct Harness {
    pub clock: Clock,
    pub config: Config,
    /// A program's client that may everything.
    pub api: Http,
    handle: Option<Handle>,
    bearer: String,
    tasks_before: usize,
    folder: Option<TempDir>,
}

impl Harness {
    /// On SQLite, with the system's clock.
    pub async fn start() -> Harness {
        Harness::with(Clock::system(), None).await
    }

    /// With a clock that only the test moves.
    pub async fn with_manual_clock() -> Harness {
        Harness::with(Clock::manual(FRIDAY), None).await
    }

    /// On PostgreSQL, where an address of one is given.
    pub async fn with(clock: Clock, postgres: Option<String>) -> Harness {
        let tasks_before = living_tasks();
        let folder = tempfile::Builder::new()
            .prefix("kaishin-test-")
            .tempdir()
            .expect("a temporary folder");
        let config = Config {
            data: folder.path().join("data"),
            http: SocketAddr::from(([127, 0, 0, 1], 0)),
            agents: SocketAddr::from(([127, 0, 0, 1], 0)),
            engine: postgres.map_or(Engine::Sqlite, |url| Engine::Postgres(Hidden::new(url))),
            ..Config::default()
        };
        let handle = start(&config, &clock).await;
        let local = handle.app.on_behalf_of(Actor::local("test"));
        let made = create_api_token(&local, "test", Role::Admin, Span::days(300)).await;
        let (_, bearer) = made.expect("an API token");
        Harness {
            api: Http::new(handle.http_addr).with_bearer(&bearer),
            clock,
            config,
            bearer,
            handle: Some(handle),
            tasks_before,
            folder: Some(folder),
        }
    }

    pub fn handle(&self) -> &Handle {
        self.handle.as_ref().expect("the server runs")
    }

    pub fn agents(&self) -> SocketAddr {
        self.handle().agents_addr
    }

    /// What an agent must be told to come here, but for a token.
    pub fn settings(&self) -> Settings {
        Settings {
            server: self.agents().to_string(),
            pin: self.handle().ca_pin.clone(),
            ..Settings::default()
        }
    }

    /// As somebody with a shell on the server.
    pub fn local(&self) -> Cx {
        self.handle().app.on_behalf_of(Actor::local("test"))
    }

    /// An enrolment token for so many terminals.
    pub async fn token(&self, uses: u32) -> String {
        let new = NewToken {
            label: "test".into(),
            most_uses: uses,
            life: Span::hours(72),
            scope: TokenScope::default(),
        };
        let (_, token) = create_token(&self.local(), new).await.expect("an enrolment token");
        token
    }

    /// A bearer token of a program with this role.
    pub async fn bearer(&self, role: Role) -> String {
        let made = create_api_token(&self.local(), role.name(), role, Span::days(1)).await;
        made.expect("an API token").1
    }

    /// Stops the server in order and starts another on the same ports and data.
    pub async fn restart(&mut self) {
        self.stop().await;
        let handle = start(&self.config, &self.clock).await;
        self.api = Http::new(handle.http_addr).with_bearer(&self.bearer);
        self.handle = Some(handle);
    }

    /// The ports stay its own for another start.
    pub async fn stop(&mut self) {
        if let Some(handle) = self.handle.take() {
            self.config.http = handle.http_addr;
            self.config.agents = handle.agents_addr;
            handle.stop().await;
        }
    }

    pub fn database_file(&self) -> PathBuf {
        self.config.data.join("kaishin.db")
    }

    /// Moves a clock that is moved by hand, in small steps, so that whoever waits for a moment in between wakes.
    pub async fn pass(&self, span: Span) {
        let mut left = span.0;
        let step = Span::seconds(1).0.max(left / 50);
        while left > 0 {
            self.clock.advance(Span(step.min(left)));
            left -= step;
            for _ in 0..20 {
                tokio::task::yield_now().await;
            }
        }
    }

    pub async fn terminal(&self, id: TerminalId) -> Value {
        self.api
            .get(&format!("/api/v1/terminals/{id}"))
            .await
            .expect(200)
            .json()
    }

    pub async fn overview(&self) -> Value {
        self.api.get("/api/v1/overview").await.expect(200).json()
    }

    /// One figure of `/metrics`, by its name with its labels; what is not there yet is 0. All servers of a test process
    /// share them.
    pub async fn metric(&self, name: &str) -> f64 {
        let shown = self.api.get("/metrics").await.expect(200).text;
        let figure = |line: &str| line.strip_prefix(name)?.trim().parse().ok();
        shown.lines().find_map(figure).unwrap_or(0.0)
    }

    /// Orders a remedy; answers the job's id.
    pub async fn order(&self, terminal: TerminalId, remedy: &str) -> String {
        let path = format!("/api/v1/terminals/{terminal}/jobs");
        let answer = self
            .api
            .post(&path, &json!({ "remedy": remedy, "reason": "test" }))
            .await;
        answer.expect(201).json()["id"].as_str().expect("an id").to_owned()
    }

    pub async fn job(&self, id: &str) -> Value {
        self.api.get(&format!("/api/v1/jobs/{id}")).await.expect(200).json()
    }

    /// Waits until the job is in this state.
    pub async fn job_is(&self, id: &str, state: &str) -> Value {
        let is = async || {
            // A clock that is moved by hand goes on while this waits: a loop that was busy looks again at its next turn.
            self.clock.advance(Span::seconds(1));
            let job = self.job(id).await;
            (job["state"] == state).then_some(job)
        };
        match within(SOON, is).await {
            Some(job) => job,
            None => panic!("waited {SOON:?} in vain for {state}: {:#}", self.job(id).await),
        }
    }

    /// Waits until a number of the overview is what it should be.
    pub async fn counts(&self, what: &str, count: u64) {
        let goal = format!("{count} {what}");
        eventually(SOON, &goal, async || {
            (self.overview().await[what] == count).then_some(())
        })
        .await;
    }

    pub async fn is_online(&self, id: TerminalId, online: bool) {
        let goal = format!("{id} is {}", if online { "online" } else { "offline" });
        eventually(SOON, &goal, async || {
            (self.terminal(id).await["online"] == online).then_some(())
        })
        .await;
    }

    /// The newest audit entries, as the API shows them.
    pub async fn audit(&self, target: &str) -> Vec<Value> {
        let page = self
            .api
            .get(&format!("/api/v1/audit?target={target}"))
            .await
            .expect(200)
            .json();
        page["items"].as_array().cloned().unwrap_or_default()
    }
}

async fn start(config: &Config, clock: &Clock) -> Handle {
    // Between two lives of a server, somebody else's outgoing line may have its port for a moment.
    let bind = async || Listeners::bind(config).await.ok();
    let listeners = eventually(SOON, "two free ports", bind).await;
    kaishin::start(config.clone(), listeners, clock.clone())
        .await
        .expect("the server starts")
}

fn living_tasks() -> usize {
    tokio::runtime::Handle::current().metrics().num_alive_tasks()
}

impl Drop for Harness {
    /// Needs a runtime with several threads.
    fn drop(&mut self) {
        let ports = self
            .handle
            .as_ref()
            .map(|handle| [handle.http_addr, handle.agents_addr]);
        tokio::task::block_in_place(|| tokio::runtime::Handle::current().block_on(self.stop()));
        let folder = self.folder.take().map(|folder| folder.path().to_owned());
        if std::thread::panicking() {
            return;
        }
        for port in ports.into_iter().flatten() {
            let still = TcpStream::connect_timeout(&port, Duration::from_secs(1));
            assert!(still.is_err(), "{port} is still open");
        }
        assert!(
            folder.is_none_or(|folder| !folder.exists()),
            "the folder is still there"
        );
        let before = self.tasks_before;
        let ended = eventually_blocking(Duration::from_secs(10), || living_tasks() <= before);
        assert!(
            ended,
            "{} tasks lived before the server started, {} after it stopped",
            before,
            living_tasks()
        );
    }
}
