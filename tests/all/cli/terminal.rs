//! What must be possible even when nobody can sign in.

use std::time::Duration;

use kaishin_proto::v1::goodbye::Reason;
use kaishin_tests::line::{Terminal, handshake};
use kaishin_tests::serve::Served;

use super::{Fresh, code};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_terminal_revoked_at_the_shell_is_cut_off_by_the_running_server_within_two_seconds() {
    let fresh = Fresh::new();
    let mut server = Served::start(&fresh.data).await;
    let terminal = Terminal::enrolled(server.agents, "uketsuke-1", &server.enrolment_token).await;
    let mut session = terminal.connect(1).await;
    let id = terminal.id().to_string();
    let line = server.line.clone();
    let revoked = tokio::task::spawn_blocking(move || line.ask(&["terminal", "revoke", &id, "--reason", "stolen"]));
    assert_eq!(revoked.await.expect("it ran")["state"], "revoked");
    let cut = tokio::time::timeout(Duration::from_secs(2), session.hears_goodbye()).await;
    assert_eq!(cut.expect("cut within two seconds"), Reason::Revoked);
    handshake(server.agents, Some(&terminal.papers))
        .await
        .expect_err("not let in again");
    let again = server
        .line
        .refuses(&["terminal", "revoke", &terminal.id().to_string(), "--reason", "stolen"]);
    assert!(code(&again).starts_with("E-TERMINAL-"), "{again}");
    drop(session);
    assert_eq!(server.stop().await, Some(0));
}
