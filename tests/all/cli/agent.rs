//! `kaishin-agent` beside itself.

use std::os::unix::fs::OpenOptionsExt as _;

use kaishin_tests::children::Child;
use kaishin_tests::serve::{agent, free_port};
use kaishin_tests::wait::{SOON, eventually};

const PIN: &str = "00000000000000000000000000000000000000000000000000000000000000ff";
/// `O_NONBLOCK`: a pipe that nobody reads is an error.
const NOT_WAITING: i32 = 0o4000;

/// Of a server that is not there: the agent keeps trying, and its folder is its own all the while.
fn start(folder: &std::path::Path) -> Child {
    let mut command = agent(1, folder, free_port(), PIN, "kshe_none");
    Child::spawn(command.arg("--json")).expect("the agent starts")
}

async fn waits_for_its_server(agent: &mut Child) {
    agent
        .says("it tries", |line| line.contains("\"waiting\"").then_some(()))
        .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_agents_never_share_a_folder_and_a_killed_one_leaves_it_free() {
    let folder = tempfile::tempdir().expect("a folder");
    let data = folder.path().join("agent");
    let mut first = start(&data);
    waits_for_its_server(&mut first).await;
    let mut second = start(&data);
    assert_eq!(second.ended(SOON).await.code(), Some(1));
    let said = eventually(SOON, "it says why", async || {
        Some(second.err().so_far()).filter(|said| said.contains("E-AGENT-13"))
    })
    .await;
    assert!(
        said.contains("使用中です") && said.contains("Another agent is using"),
        "{said}"
    );
    assert!(first.has_ended().is_none(), "the first is not disturbed");

    first.kill();
    let mut third = start(&data);
    waits_for_its_server(&mut third).await;
    third.terminate();
    assert_eq!(third.ended(SOON).await.code(), Some(0), "{}", third.err().so_far());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_agent_that_is_asked_to_stop_while_it_starts_ends_in_order() {
    let folder = tempfile::tempdir().expect("a folder");
    // Reading its certificate holds the agent up for as long as nobody writes to this pipe.
    let pipe = folder.path().join("certificate.json");
    let made = std::process::Command::new("mkfifo").arg(&pipe).status();
    assert!(made.expect("mkfifo runs").success());
    let mut agent = start(folder.path());
    let held_up = eventually(SOON, "the agent reads it", async || {
        let mut options = std::fs::OpenOptions::new();
        options.write(true).custom_flags(NOT_WAITING).open(&pipe).ok()
    })
    .await;
    agent.terminate();
    drop(held_up);
    assert_eq!(agent.ended(SOON).await.code(), Some(0), "{}", agent.err().so_far());
}
