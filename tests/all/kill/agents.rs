//! Agents die.

use std::path::Path;

use kaishin_proto::clock::Clock;
use kaishin_tests::children::Child;
use kaishin_tests::serve::{Served, agent};
use kaishin_tests::wait::eventually;

use super::{ALL_FINAL, Size, all_final, chance, check_database, order_all, some_moment, terminals};

const SMALL: Size = Size {
    agents: 6,
    jobs: 90,
    kills: 12,
};
const FULL: Size = Size {
    agents: 40,
    jobs: 1_000,
    kills: 200,
};

fn start(server: &Served, folder: &Path, n: u64) -> Child {
    let own = folder.join(format!("agent-{n}"));
    let mut command = agent(n, &own, server.agents, &server.pin, &server.enrolment_token);
    Child::spawn(&mut command).expect("the agent starts")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[expect(clippy::print_stderr, reason = "the figures of the run")]
async fn agents_killed_at_random_moments_finish_their_jobs_and_tell_of_each_once() {
    let size = Size::chosen(SMALL, FULL);
    let (seed, mut chance) = chance();
    let folder = tempfile::tempdir().expect("a folder");
    let data = folder.path().join("server");
    let mut server = Served::start(&data).await;
    let mut agents: Vec<Child> = (0..size.agents).map(|n| start(&server, folder.path(), n)).collect();
    let api = server.api();
    let known = eventually(ALL_FINAL, "every terminal is enrolled", async || {
        terminals(&api).await.filter(|known| known.len() as u64 == size.agents)
    })
    .await;
    let kills = async {
        for _ in 0..size.kills {
            some_moment(&mut chance).await;
            let n = chance.below(size.agents);
            let victim = &mut agents[usize::try_from(n).unwrap_or(0)];
            victim.kill();
            *victim = start(&server, folder.path(), n);
        }
        Clock::system().now()
    };
    let (ordered, killed) = tokio::join!(order_all(&api, &known, size.jobs), kills);
    let jobs = all_final(&api).await;
    let ended = Clock::system().now();
    let known = terminals(&api).await.map(|known| known.len() as u64);
    assert_eq!(
        known,
        Some(size.agents),
        "a killed agent stays the terminal that it was"
    );
    for mut agent in agents {
        let said = agent.err().clone();
        eventually(ALL_FINAL, "the agent is online again", async || {
            said.so_far().contains("[online]").then_some(())
        })
        .await;
        agent.terminate();
        assert_eq!(agent.ended(ALL_FINAL).await.code(), Some(0), "{}", agent.err().so_far());
    }
    assert_eq!(server.stop().await, Some(0), "{}", server.said());
    check_database(&data, &ordered).await;
    eprintln!(
        "seed {seed}: {} kills, {} agents, {} jobs, each with one result; all final {} s after the last kill",
        size.kills,
        size.agents,
        jobs.len(),
        ended.since(killed).as_seconds(),
    );
}
