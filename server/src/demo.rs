//! The whole product on one machine: a server with its own authority, operators, and a fleet of simulated terminals that
//! are the real agent over the real wire. The only file of the server that sees the agent.

mod calls;
mod ledger;

use std::io;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;

use kaishin_agent::os::sim::{AUTO_UPDATE, Behaviour, PageOpened, Person, Sim};
use kaishin_agent::{Keep, Settings as AgentSettings, Status};
use kaishin_domain::access::{Actor, Role};
use kaishin_domain::enrolment::TokenScope;
use kaishin_domain::time::Span;
use kaishin_proto::clock::Clock;
use kaishin_proto::profile::{Profile, RegistryPlace};
use serde::Serialize;
use tokio::sync::{mpsc, watch};
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;
use tracing::warn;

use crate::app::enrolment::{NewToken, create_token};
use crate::app::operators::{NewOperator, create, create_api_token};
use crate::app::{AppError, Cx};
use crate::config::Config;
use crate::{Handle, Listeners, StartError};

/// The fleet that the seed stands for is the same in every demo.
const SEED: u64 = 20_261_120;
/// Machines without a token: something to approve.
const STRANGERS: u64 = 3;

#[derive(Clone, Debug)]
pub struct DemoOptions {
    pub terminals: u64,
    pub http: SocketAddr,
    pub agents: SocketAddr,
    /// Where to keep everything; without one it is gone at the end.
    pub data: Option<PathBuf>,
    pub speed: f64,
    pub consent: Consent,
}

/// Who answers when the agent asks the person at a simulated terminal.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Consent {
    /// A simulated person, who says yes after about a second.
    #[default]
    Auto,
    /// Whoever tries the demo: see [`Demo::asked`].
    Ask,
}

#[derive(Debug, thiserror::Error)]
pub enum DemoError {
    #[error(transparent)]
    Start(#[from] StartError),
    #[error(transparent)]
    App(#[from] AppError),
    #[error("E-DEMO-01 一時フォルダーを作成できません。 / No temporary directory can be made.")]
    Temporary(#[from] io::Error),
    #[error(
        "E-DEMO-02 {dir} には以前のデモのデータがあります。空のフォルダーを指定してください。 / {dir} holds an earlier demo. Give an empty directory."
    )]
    Used { dir: String },
}

/// What a person needs to click, and a script to start.
#[derive(Clone, Debug, Serialize)]
pub struct Invitation {
    pub http: String,
    pub agents: String,
    pub ca_pin: String,
    pub api_token: String,
    pub enrolment_token: String,
    pub operators: Vec<SignInWith>,
}

#[derive(Clone, Debug, Serialize)]
pub struct SignInWith {
    pub name: String,
    pub password: String,
    pub role: Role,
}

/// A running demo.
pub struct Demo {
    pub invitation: Invitation,
    handle: Handle,
    fleet: JoinSet<()>,
    asked: mpsc::UnboundedReceiver<PageOpened>,
    stop: CancellationToken,
    // Dropped last: the data goes when nothing uses it any more.
    _directory: Option<tempfile::TempDir>,
}

impl Demo {
    pub async fn start(options: DemoOptions) -> Result<Demo, DemoError> {
        let (data, directory) = match options.data {
            Some(dir) if dir.join("kaishin.db").exists() => {
                return Err(DemoError::Used {
                    dir: dir.display().to_string(),
                });
            }
            Some(dir) => (dir, None),
            None => {
                let directory = tempfile::Builder::new().prefix("kaishin-demo-").tempdir()?;
                (directory.path().to_owned(), Some(directory))
            }
        };
        let config = Config {
            data,
            http: options.http,
            agents: options.agents,
            ..Config::default()
        };
        let clock = Clock::scaled(options.speed);
        let listeners = Listeners::bind(&config).await?;
        let handle = crate::start(config, listeners, clock.clone()).await?;
        let invitation = invite(&handle).await?;
        let cx = handle.app.on_behalf_of(Actor::local("demo"));
        where_to_look(&cx).await?;
        ledger::import(&cx, options.terminals).await?;
        calls::take(&cx, ledger::code).await?;
        let stop = CancellationToken::new();
        let (tells, asked) = mpsc::unbounded_channel();
        let person = match options.consent {
            Consent::Auto => Person {
                thinks: Span::seconds(1),
                ..Person::default()
            },
            Consent::Ask => Person {
                behaviour: Behaviour::Nothing,
                tells: Some(tells),
                ..Person::default()
            },
        };
        let fleet = fleet(
            &invitation,
            handle.agents_addr,
            options.terminals,
            &person,
            &clock,
            &stop,
        );
        Ok(Demo {
            invitation,
            handle,
            fleet,
            asked,
            stop,
            _directory: directory,
        })
    }

    /// The next page that opens at a terminal, where nobody there answers by themselves; `None` where they do.
    pub async fn asked(&mut self) -> Option<PageOpened> {
        self.asked.recv().await
    }

    /// Terminals say goodbye first, so that their server sees an orderly end.
    pub async fn stop(mut self) {
        self.stop.cancel();
        while self.fleet.join_next().await.is_some() {}
        self.handle.stop().await;
    }
}

/// The built-in profile does not say where the distribution software keeps whether it updates by itself; of the simulated one
/// it is known.
async fn where_to_look(cx: &Cx) -> Result<(), AppError> {
    let mut profile = Profile::built_in();
    let (key, value) = AUTO_UPDATE;
    profile.distribution.auto_update = Some(RegistryPlace {
        key: key.to_owned(),
        value: value.to_owned(),
    });
    let text = serde_json::to_string(&profile).map_err(AppError::internal)?;
    let reason = "デモの端末では配信アプリの自動更新の設定場所がわかっている / known of the demo's terminals";
    crate::app::profile::set(cx, &text, None, reason).await?;
    Ok(())
}

async fn invite(handle: &Handle) -> Result<Invitation, DemoError> {
    let cx = handle.app.on_behalf_of(Actor::local("demo"));
    let people = [
        ("sato", "佐藤（管理者）", Role::Admin),
        ("suzuki", "鈴木（サポート窓口）", Role::Desk),
        ("takahashi", "高橋（作業の起案）", Role::Author),
        ("tanaka", "田中（承認）", Role::Approver),
        ("ito", "伊藤（閲覧）", Role::Viewer),
    ];
    let mut operators = Vec::with_capacity(people.len());
    for (name, display_name, role) in people {
        operators.push(person(&cx, name, display_name, role).await?);
    }
    let (_, api_token) = create_api_token(&cx, "demo", Role::Api, Span::days(30)).await?;
    let new = NewToken {
        label: "デモの端末 / demo terminals".into(),
        most_uses: 50_000,
        life: Span::days(30),
        scope: TokenScope::default(),
    };
    let (_, enrolment_token) = create_token(&cx, new).await?;
    Ok(Invitation {
        http: format!("http://{}", handle.http_addr),
        agents: handle.agents_addr.to_string(),
        ca_pin: handle.ca_pin.clone(),
        api_token,
        enrolment_token,
        operators,
    })
}

async fn person(cx: &Cx, name: &str, display_name: &str, role: Role) -> Result<SignInWith, AppError> {
    let new = NewOperator {
        name: name.into(),
        display_name: display_name.into(),
        role,
        password: None,
        language: "ja".into(),
    };
    let (_, password) = create(cx, new).await?;
    Ok(SignInWith {
        name: name.into(),
        password,
        role,
    })
}

fn fleet(
    invitation: &Invitation,
    agents: SocketAddr,
    terminals: u64,
    person: &Person,
    clock: &Clock,
    stop: &CancellationToken,
) -> JoinSet<()> {
    let mut fleet = JoinSet::new();
    for n in 0..terminals + STRANGERS {
        let settings = AgentSettings {
            server: agents.to_string(),
            pin: invitation.ca_pin.clone(),
            token: (n < terminals).then(|| invitation.enrolment_token.clone()),
            institution_code: ledger::code_of(n, terminals).map(|code| code.to_string()),
            ..AgentSettings::default()
        };
        let (clock, stop, person) = (clock.clone(), stop.clone(), person.clone());
        fleet.spawn(async move {
            let os = Arc::new(Sim::new(SEED, n, clock.clone()));
            os.person(person);
            let (status, _) = watch::channel(Status::Starting);
            let lived = kaishin_agent::run(settings, os, Keep::memory(), clock, stop, status).await;
            if let Err(error) = lived {
                warn!(terminal = n, %error, "a simulated terminal ended");
            }
        });
    }
    fleet
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use kaishin_domain::expr::Expr;
    use kaishin_domain::job::JobState;
    use kaishin_domain::remedy::Remedy;

    use super::*;
    use crate::app::calls::{CallFilter, CallOrder, list};
    use crate::app::jobs::{self, Order};
    use crate::index::Sort;

    /// Waits for a condition, not for a time.
    async fn until<T>(what: &str, mut look: impl AsyncFnMut() -> Option<T>) -> T {
        let mut turn = tokio::time::interval(Duration::from_millis(20));
        let found = tokio::time::timeout(Duration::from_secs(30), async {
            loop {
                turn.tick().await;
                if let Some(found) = look().await {
                    return found;
                }
            }
        });
        found.await.unwrap_or_else(|_| panic!("in vain: {what}"))
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn a_small_demo_comes_online_and_mends_a_fault() {
        let any = SocketAddr::from(([127, 0, 0, 1], 0));
        let options = DemoOptions {
            terminals: 12,
            http: any,
            agents: any,
            data: None,
            speed: 1.0,
            consent: Consent::default(),
        };
        let demo = Demo::start(options).await.expect("starts");
        let app = demo.handle.app.clone();
        until("all online", async || (app.index.counts().online == 12).then_some(())).await;
        until("strangers wait", async || {
            (app.store.count_pending().await.ok()? == STRANGERS).then_some(())
        })
        .await;
        let desk = async |state: &str| {
            let filter = CallFilter {
                state: state.to_owned(),
                ..CallFilter::default()
            };
            let cx = app.on_behalf_of(Actor::local("test"));
            let page = list(&cx, filter, (CallOrder::Urgent, false), 9, 0).await;
            page.expect("a list").total
        };
        until("a call is to be called back", async || {
            (desk("due").await == 1).then_some(())
        })
        .await;
        assert_eq!((desk("open").await, desk("closed").await), (2, 1));
        let faulty = Expr::parse("fault:fast-startup-on").expect("a filter");
        let terminal = until("a fault", async || {
            let page = app.index.query(&faulty, Sort::default(), None, 1, app.now());
            page.items.first().map(|row| row.entry.id)
        })
        .await;
        let cx = app.on_behalf_of(Actor::local("test"));
        let order = Order {
            terminal,
            remedy: Remedy::FastStartupOff,
            life: None,
            reason: String::new(),
        };
        let job = jobs::create(&cx, order).await.expect("ordered").id;
        let detail = until("the job's end", async || {
            let detail = jobs::get(&cx, job).await.ok()?;
            matches!(detail.job.state, JobState::Final(_)).then_some(detail)
        })
        .await;
        assert_eq!(detail.job.state.name(), "succeeded", "{detail:?}");
        assert!(
            !app.index
                .get(terminal)
                .expect("known")
                .entry
                .faults
                .contains(&"fast-startup-on".to_owned())
        );
        drop((app, cx));
        demo.stop().await;
    }
}
