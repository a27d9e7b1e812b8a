//! Kaishin, the server: who the terminals are, what is wrong with them, and the work that mends it.
//!
//! `start` is the one way in: `serve`, the demo and every test call it. `cli::run` is the whole program, a library's function so
//! that what it does is compiled once.

pub mod agents;
pub mod app;
pub mod cli;
pub mod config;
pub mod demo;
pub mod http;
pub mod index;
mod loops;
mod metrics;
pub mod pki;
pub mod store;

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use kaishin_domain::rule::OwnRules;
use kaishin_proto::clock::Clock;
use kaishin_proto::sole::Sole;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tracing::{info, warn};

use crate::app::facilities::imports::{self, Imports};
use crate::app::rules::InForce;
use crate::app::rules::own::{self, BadOwnRules};
use crate::app::{App, Bus, Entropy, Rules, Settings, arrivals, facts, jobs, ledger, operators, profile, terminals};
use crate::config::Config;
use crate::index::Index;
use crate::pki::{Admission, AgentsCertificate, Ca, CaError, Passphrase, Secured};
use crate::store::{Store, StoreError};

/// How long open requests and streams may take to end after a stop was asked for.
const DRAIN: Duration = Duration::from_secs(10);
const LOCK: &str = "lock";

#[derive(Debug, thiserror::Error)]
pub enum StartError {
    #[error("E-START-01 データベースを開けません。 / The database cannot be opened.")]
    Store(#[source] StoreError),
    #[error("E-START-02 認証局を開けません。 / The certificate authority cannot be opened.")]
    Ca(#[from] CaError),
    #[error("E-START-03 {addr} で待ち受けできません。 / Cannot listen on {addr}.")]
    Listen {
        addr: SocketAddr,
        #[source]
        source: std::io::Error,
    },
    #[error(
        "E-START-04 データフォルダー {dir} に書き込めません。場所と権限を確認してください。 / The data directory {dir} cannot be written. Check its place and its permissions."
    )]
    DataDir {
        dir: String,
        #[source]
        source: std::io::Error,
    },
    #[error(
        "E-START-06 データフォルダー {dir} は別のKaishinサーバーが使用中です。動いているサーバーをそのまま使うか、先に停止してください。 / Another Kaishin server is using the data directory {dir}. Leave it running, or stop it first."
    )]
    InUse { dir: String },
    #[error(
        "E-START-07 このデータベースは新しい版のKaishinのものです（スキーマ{found}、このプログラムは{known}まで）。Kaishinを更新してください。 / A newer Kaishin has written this database (its schema is {found}, this program knows up to {known}). Update Kaishin."
    )]
    TooNew { found: i64, known: i64 },
    #[error(transparent)]
    Rules(#[from] BadOwnRules),
}

impl From<StoreError> for StartError {
    fn from(error: StoreError) -> StartError {
        if let StoreError::TooNew { found, known } = error {
            return StartError::TooNew { found, known };
        }
        StartError::Store(error)
    }
}

/// The data directory and the two ports, taken before anything starts, so that nobody finds a half-started server.
pub struct Listeners {
    pub http: TcpListener,
    pub agents: TcpListener,
    sole: Sole,
}

impl Listeners {
    pub async fn bind(config: &Config) -> Result<Listeners, StartError> {
        let sole = occupy(config)?;
        Ok(Listeners {
            sole,
            http: bind(config.http).await?,
            agents: bind(config.agents).await?,
        })
    }
}

fn make_data_dir(config: &Config) -> Result<(), StartError> {
    std::fs::create_dir_all(&config.data).map_err(|source| data_dir(config, source))
}

fn data_dir(config: &Config, source: std::io::Error) -> StartError {
    let dir = config.data.display().to_string();
    StartError::DataDir { dir, source }
}

/// The command line works beside a server; a second server does not.
fn occupy(config: &Config) -> Result<Sole, StartError> {
    make_data_dir(config)?;
    let mut file = std::fs::OpenOptions::new();
    let file = file.create(true).append(true).open(config.data.join(LOCK));
    let claimed = file.and_then(Sole::claim).map_err(|source| data_dir(config, source))?;
    claimed.ok_or_else(|| StartError::InUse {
        dir: config.data.display().to_string(),
    })
}

async fn bind(addr: SocketAddr) -> Result<TcpListener, StartError> {
    let knock = || {
        let socket = match addr {
            SocketAddr::V4(_) => tokio::net::TcpSocket::new_v4()?,
            SocketAddr::V6(_) => tokio::net::TcpSocket::new_v6()?,
        };
        socket.set_reuseaddr(true)?;
        socket.bind(addr)?;
        // After a restart thousands of terminals knock within seconds.
        socket.listen(4096)
    };
    knock().map_err(|source| listen(addr, source))
}

fn listen(addr: SocketAddr, source: std::io::Error) -> StartError {
    StartError::Listen { addr, source }
}

/// A running server. Dropping it does not stop it; `stop` does.
pub struct Handle {
    pub http_addr: SocketAddr,
    pub agents_addr: SocketAddr,
    /// What agents must be given to trust this server.
    pub ca_pin: String,
    pub app: Arc<App>,
    stop: CancellationToken,
    edges: TaskTracker,
    inner: CancellationToken,
    rooms: TaskTracker,
    _sole: Sole,
}

impl Handle {
    /// Says goodbye to everybody, writes what is in memory, closes the database.
    pub async fn stop(self) {
        self.stop.cancel();
        self.edges.close();
        if tokio::time::timeout(DRAIN, self.edges.wait()).await.is_err() {
            warn!("some connections did not end in time");
        }
        if let Err(error) = terminals::flush_presence(&self.app).await {
            warn!(%error, "who was seen last could not be written");
        }
        self.inner.cancel();
        self.rooms.close();
        self.rooms.wait().await;
        self.app.store.close().await;
        info!("stopped");
    }
}

/// The application and the ends of its queues, before anything runs.
struct Opened {
    app: Arc<App>,
    arrivals: arrivals::GatheredArrivals,
    reports: facts::GatheredReports,
    intake: jobs::GatheredIntake,
}

/// What is measured by until a profile is published, with the rules of this installation.
fn first_rules(config: &Config) -> Result<(InForce, OwnRules), BadOwnRules> {
    let Some(folder) = &config.rules else {
        return Ok((InForce::built_in(), OwnRules::default()));
    };
    let own = own::read(folder)?;
    let first = InForce::first(&own).map_err(|bad| BadOwnRules::unsound(folder, bad))?;
    Ok((first, own))
}

async fn open(config: &Config, clock: Clock) -> Result<Opened, StartError> {
    make_data_dir(config)?;
    let (first, own) = first_rules(config)?;
    let entropy = Entropy;
    let random: pki::Random = Arc::new(move |bytes: &mut [u8]| entropy.fill(bytes));
    let passphrase = Passphrase::resolve(
        config.ca_passphrase.as_ref().map(config::Hidden::reveal),
        config.ca_key_file.as_deref(),
        &config.data,
        &random,
    )?;
    let ca = Ca::open_or_create(&config.data, &passphrase, &config.trust_domain, clock.now(), random)?;
    let store = Store::open(&config.database()).await?;
    let in_force = profile::at_start(&store, &own, first).await?;
    let (arrivals, gathered_arrivals) = arrivals::arrivals();
    let (reports, gathered_reports) = facts::reports();
    let (intake, gathered_intake) = jobs::intake();
    let app = Arc::new(App {
        store,
        index: Index::new(),
        ledger: ledger::Ledger::default(),
        imports: Imports::default(),
        ca: Arc::new(ca),
        admission: Arc::new(Admission::new()),
        bus: Bus::default(),
        clock,
        entropy,
        rules: Rules::new(in_force, own),
        judge_soon: tokio::sync::Notify::new(),
        judging: app::verdicts::Judging::default(),
        settings: Settings {
            heartbeat: config.heartbeat,
            enrolments: config.enrolments,
            history: config.history,
            agents_address: config.agents_address(),
            ..Settings::default()
        },
        codes: app::calls::LiveCodes::default(),
        arrivals,
        intake,
        reports,
        throttle: operators::Throttle::default(),
        questions: app::dry_run::Questions::default(),
        overview: app::overview::Remembered::default(),
    });
    Ok(Opened {
        app,
        arrivals: gathered_arrivals,
        reports: gathered_reports,
        intake: gathered_intake,
    })
}

/// For local commands: everything but the ports and the loops.
pub async fn open_app(config: &Config, clock: Clock) -> Result<Arc<App>, StartError> {
    Ok(open(config, clock).await?.app)
}

pub async fn start(config: Config, listeners: Listeners, clock: Clock) -> Result<Handle, StartError> {
    let http_addr = local(&listeners.http)?;
    let agents_addr = local(&listeners.agents)?;
    let config = Config {
        agents: agents_addr,
        ..config
    };
    let Opened {
        app,
        arrivals,
        reports,
        intake,
    } = open(&config, clock.clone()).await?;
    // What is imported from here on is news, were it read below or not.
    imports::notice(&app).await?;
    let known = terminals::rebuild(&app).await?;
    let certificate = AgentsCertificate::issue(&app.ca, &config.agents_names, clock.now())?;
    let tls = pki::agents_tls(&app.ca, certificate.clone(), app.admission.clone(), clock.clone())?;
    let agents_port = Secured::start(listeners.agents, tls, "agents").map_err(|source| listen(agents_addr, source))?;
    let http_port = match &config.http_tls {
        None => http::Port::Plain(listeners.http),
        Some(files) => {
            let tls = pki::http_tls(&files.certificate, &files.key)?;
            http::Port::Secured(
                Secured::start(listeners.http, tls, "dashboard").map_err(|source| listen(http_addr, source))?,
            )
        }
    };

    let (stop, inner) = (CancellationToken::new(), CancellationToken::new());
    let (edges, rooms) = (TaskTracker::new(), TaskTracker::new());
    rooms.spawn(
        inner
            .clone()
            .run_until_cancelled_owned(arrivals::take_arrivals(app.clone(), arrivals)),
    );
    rooms.spawn(
        inner
            .clone()
            .run_until_cancelled_owned(facts::take_reports(app.clone(), reports)),
    );
    rooms.spawn(
        inner
            .clone()
            .run_until_cancelled_owned(jobs::take_events(app.clone(), intake)),
    );
    rooms.spawn(inner.clone().run_until_cancelled_owned(loops::run(app.clone())));
    rooms.spawn(certificate.keep_fresh(app.ca.clone(), clock, inner.clone()));
    edges.spawn(agents::serve(app.clone(), agents_port, stop.clone()));
    edges.spawn(http::serve(app.clone(), http_port, metrics::handle(), stop.clone()));

    let ca_pin = app.ca.pin();
    info!(http = %http_addr, agents = %agents_addr, ca_pin, database = app.store.engine(), terminals = known, facilities = app.ledger.len(), "started");
    Ok(Handle {
        http_addr,
        agents_addr,
        ca_pin,
        app,
        stop,
        edges,
        inner,
        rooms,
        _sole: listeners.sole,
    })
}

fn local(listener: &TcpListener) -> Result<SocketAddr, StartError> {
    let unbound = SocketAddr::from(([0, 0, 0, 0], 0));
    listener.local_addr().map_err(|source| listen(unbound, source))
}
