//! Waiting on a condition, with a deadline: the one place of the tests that lets time pass.

use std::time::Duration;

/// Long enough for a loaded machine; no test waits this long unless it fails.
pub const SOON: Duration = Duration::from_secs(30);

/// Asks again and again until there is an answer.
///
/// # Panics
/// When the deadline passes first, saying what was waited for.
pub async fn eventually<T>(deadline: Duration, what: &str, ask: impl AsyncFnMut() -> Option<T>) -> T {
    match within(deadline, ask).await {
        Some(answer) => answer,
        None => panic!("waited {deadline:?} in vain: {what}"),
    }
}

/// The same for a caller who tells what went wrong in words of its own: nothing when the deadline passed.
pub async fn within<T>(deadline: Duration, mut ask: impl AsyncFnMut() -> Option<T>) -> Option<T> {
    let mut turn = tokio::time::interval(Duration::from_millis(20));
    turn.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    let answer = tokio::time::timeout(deadline, async {
        loop {
            turn.tick().await;
            if let Some(answer) = ask().await {
                return answer;
            }
        }
    });
    answer.await.ok()
}

/// The same for code without a runtime, such as clean-up while panicking. `false` when the deadline passed.
#[expect(
    clippy::disallowed_methods,
    reason = "clean-up runs without a runtime, even while panicking"
)]
pub fn eventually_blocking(deadline: Duration, mut ask: impl FnMut() -> bool) -> bool {
    let turn = Duration::from_millis(20);
    let mut waited = Duration::ZERO;
    while waited < deadline {
        if ask() {
            return true;
        }
        std::thread::sleep(turn);
        waited += turn;
    }
    ask()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn an_answer_ends_the_wait() {
        let mut asked = 0;
        let answer = eventually(SOON, "three", async || {
            asked += 1;
            (asked == 3).then_some("here")
        });
        assert_eq!(answer.await, "here");
    }

    #[tokio::test]
    #[should_panic(expected = "in vain: the moon")]
    async fn a_wait_ends_at_its_deadline() {
        eventually(Duration::from_millis(50), "the moon", async || None::<()>).await;
    }
}
