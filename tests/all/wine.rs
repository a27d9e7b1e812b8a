//! The agent as terminals run it: built for Windows, under Wine.

use kaishin_tests::need;
use kaishin_tests::wine::{self, Missing, Wine};

/// Skips aloud where Wine or the cross-build is not there.
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
