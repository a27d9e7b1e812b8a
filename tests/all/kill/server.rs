//! The server dies.

use std::collections::BTreeSet;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use kaishin_agent::core::Backoff;
use kaishin_agent::os::sim::Sim;
use kaishin_agent::{AgentError, Keep, Settings, Status};
use kaishin_proto::clock::Clock;
use kaishin_proto::time::Span;
use kaishin_proto::v1;
use kaishin_proto::v1::job_result::Outcome;
use kaishin_proto::v1::job_step::Phase;
use kaishin_proto::v1::session_request::Body as Up;
use kaishin_proto::v1::session_response::Body as Down;
use kaishin_tests::line::{self, Terminal};
use kaishin_tests::serve::Served;
use kaishin_tests::wait::eventually;
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use super::{ALL_FINAL, Size, all_final, chance, check_database, open_database, order_all, some_moment, terminals};

const SMALL: Size = Size {
    agents: 40,
    jobs: 400,
    kills: 5,
};
const FULL: Size = Size {
    agents: 500,
    jobs: 5_000,
    kills: 25,
};
/// Terminals played by hand, who write down what was acknowledged to them.
const WITNESSES: u64 = 4;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[expect(clippy::print_stderr, reason = "the figures of the run")]
async fn a_server_killed_at_random_moments_loses_nothing_and_does_nothing_twice() {
    let size = Size::chosen(SMALL, FULL);
    let (seed, mut chance) = chance();
    let folder = tempfile::tempdir().expect("a folder");
    let mut server = Served::start(folder.path()).await;
    let stop = CancellationToken::new();
    let mut fleet = fleet(&server, size.agents, &stop);
    let (witnesses, over) = witnesses(&server).await;

    let all = size.agents + WITNESSES;
    let api = server.api();
    let known = eventually(ALL_FINAL, "every terminal is enrolled", async || {
        terminals(&api).await.filter(|known| known.len() as u64 == all)
    })
    .await;
    let began = Clock::system().now();
    let kills = async {
        for _ in 0..size.kills {
            some_moment(&mut chance).await;
            server.kill();
            server.begin().await;
        }
        Clock::system().now()
    };
    let (ordered, killed) = tokio::join!(order_all(&api, &known, size.jobs), kills);
    let jobs = all_final(&api).await;
    let ended = Clock::system().now();

    over.store(true, Ordering::Relaxed);
    stop.cancel();
    while fleet.join_next().await.is_some() {}
    let told = tell(witnesses).await;
    assert_eq!(server.stop().await, Some(0), "{}", server.said());
    assert!(!server.said().contains("ERROR"), "{}", server.said());
    check_database(folder.path(), &ordered).await;
    check_told(folder.path(), &told).await;
    server.line.ask(&["audit", "verify"]);
    eprintln!(
        "seed {seed}: {} kills in {} s, {} agents, {} jobs (each once, {} ordered), {} acknowledged events witnessed, \
         all final {} s after the last kill",
        size.kills,
        killed.since(began).as_seconds(),
        all,
        jobs.len(),
        ordered.len(),
        told.len(),
        ended.since(killed).as_seconds(),
    );
}

fn fleet(server: &Served, agents: u64, stop: &CancellationToken) -> JoinSet<Result<(), AgentError>> {
    let mut fleet = JoinSet::new();
    for n in 0..agents {
        let settings = Settings {
            server: server.agents.to_string(),
            pin: server.pin.clone(),
            token: Some(server.enrolment_token.clone()),
            backoff: Backoff {
                first: Span::millis(200),
                cap: Span::seconds(3),
            },
            ..Settings::default()
        };
        let os = Arc::new(Sim::new(7, n, Clock::system()));
        let (status, _) = watch::channel(Status::Starting);
        fleet.spawn(kaishin_agent::run(
            settings,
            os,
            Keep::memory(),
            Clock::system(),
            stop.clone(),
            status,
        ));
    }
    fleet
}

/// An acknowledged event: job, step number (none for a result).
type Acknowledged = (String, Option<u32>);
type Witnesses = JoinSet<Vec<Acknowledged>>;

async fn witnesses(server: &Served) -> (Witnesses, Arc<AtomicBool>) {
    let over = Arc::new(AtomicBool::new(false));
    let mut all = JoinSet::new();
    for n in 0..WITNESSES {
        let terminal = enrolled(server.agents, &format!("witness-{n}"), &server.enrolment_token).await;
        all.spawn(witness(terminal, over.clone()));
    }
    (all, over)
}

async fn enrolled(agents: SocketAddr, name: &str, token: &str) -> Terminal {
    Terminal::enrolled(agents, name, token).await
}

/// Works on offers by hand, tells every event until it is acknowledged, through however many connections that takes.
async fn witness(terminal: Terminal, over: Arc<AtomicBool>) -> Vec<Acknowledged> {
    let mut seen = Vec::new();
    let mut outbox: Vec<v1::JobEvent> = Vec::new();
    let mut next = 1;
    let mut turn = tokio::time::interval(std::time::Duration::from_millis(100));
    while !over.load(Ordering::Relaxed) {
        turn.tick().await;
        let Ok(mut session) = terminal.open().await else {
            continue;
        };
        let held = outbox.iter().map(|event| v1::JobHeld {
            job_id: event.job_id.clone(),
            attempt: event.attempt,
        });
        let hello = v1::Hello {
            held: held.collect(),
            ..terminal.hello(1)
        };
        session.say(Up::Hello(hello)).await;
        if !outbox.is_empty() {
            session
                .say(Up::JobEvents(v1::JobEvents { events: outbox.clone() }))
                .await;
        }
        loop {
            let heard = tokio::select! {
                heard = session.next() => heard,
                // Looks now and then whether it is over.
                _ = turn.tick() => if over.load(Ordering::Relaxed) { None } else { continue },
            };
            match heard {
                None => break,
                Some(Down::JobOffer(offer)) => {
                    let events = story(&offer, &mut next);
                    outbox.extend(events.iter().cloned());
                    session.say(Up::JobEvents(v1::JobEvents { events })).await;
                }
                Some(Down::Acknowledge(said)) => outbox.retain(|event| {
                    let acknowledged = said.sequences.contains(&event.sequence);
                    if acknowledged {
                        seen.extend(remembered(event));
                    }
                    !acknowledged
                }),
                Some(_) => {}
            }
        }
    }
    seen
}

/// What an agent would tell of the offer, in one breath.
fn story(offer: &v1::JobOffer, next: &mut u64) -> Vec<v1::JobEvent> {
    let mut what = vec![line::accepted()];
    let steps = ["consent", "read-before", "write-registry", "verify"];
    for (number, name) in steps.into_iter().enumerate() {
        let number = u32::try_from(number).unwrap_or(0);
        what.extend([
            line::step(number, name, Phase::Intent),
            line::step(number, name, Phase::Done),
        ]);
    }
    what.push(line::result(Outcome::Succeeded));
    what.into_iter()
        .map(|what| {
            *next += 1;
            line::event(*next, offer, what)
        })
        .collect()
}

fn remembered(event: &v1::JobEvent) -> Option<Acknowledged> {
    match event.what.as_ref()? {
        v1::job_event::What::Accepted(_) => None,
        v1::job_event::What::Step(step) => Some((event.job_id.clone(), Some(step.number))),
        v1::job_event::What::Record(_) => None,
        v1::job_event::What::Result(_) => Some((event.job_id.clone(), None)),
    }
}

async fn tell(mut witnesses: Witnesses) -> BTreeSet<Acknowledged> {
    let mut all = BTreeSet::new();
    while let Some(told) = witnesses.join_next().await {
        all.extend(told.expect("a witness that saw it through"));
    }
    all
}

async fn check_told(data: &Path, told: &BTreeSet<Acknowledged>) {
    let mut conn = open_database(data).await;
    let steps: Vec<(String, i64)> = sqlx::query_as("SELECT job_id, number FROM job_step")
        .fetch_all(&mut conn)
        .await
        .expect("steps");
    let results: Vec<(String,)> = sqlx::query_as("SELECT job_id FROM job_result")
        .fetch_all(&mut conn)
        .await
        .expect("results");
    let mut kept: BTreeSet<Acknowledged> = steps
        .into_iter()
        .map(|(job, number)| (job, u32::try_from(number).ok()))
        .collect();
    kept.extend(results.into_iter().map(|(job,)| (job, None)));
    let lost: Vec<_> = told.difference(&kept).collect();
    assert!(
        !told.is_empty() && lost.is_empty(),
        "{} acknowledged, lost: {lost:?}",
        told.len()
    );
}
