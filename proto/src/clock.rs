//! Where "now" comes from: the system, the system sped up (a demo shows days in minutes), or a test's hand.
//!
//! This is the only place that asks the operating system for the time.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use tokio::sync::watch;

use crate::time::{Span, Time};

#[derive(Clone)]
pub struct Clock(Kind);

#[derive(Clone)]
enum Kind {
    System,
    Scaled(Arc<Scaled>),
    Manual(Arc<Manual>),
}

struct Scaled {
    speed: f64,
    from: Time,
    at: Instant,
}

struct Manual {
    // Writing goes through the mutex so that two advances never lose one another.
    turn: Mutex<()>,
    now: watch::Sender<Time>,
}

#[expect(
    clippy::disallowed_methods,
    reason = "the one place where the system's clock is read"
)]
fn system_now() -> (Time, Instant) {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or(Duration::ZERO);
    (
        Time(i64::try_from(since.as_micros()).unwrap_or(i64::MAX)),
        Instant::now(),
    )
}

impl Clock {
    pub fn system() -> Clock {
        Clock(Kind::System)
    }

    /// Starts at the system's time and runs `speed` times as fast.
    pub fn scaled(speed: f64) -> Clock {
        if speed == 1.0 {
            return Clock::system();
        }
        let (from, at) = system_now();
        Clock(Kind::Scaled(Arc::new(Scaled { speed, from, at })))
    }

    pub fn manual(start: Time) -> Clock {
        Clock(Kind::Manual(Arc::new(Manual {
            turn: Mutex::new(()),
            now: watch::Sender::new(start),
        })))
    }

    pub fn now(&self) -> Time {
        match &self.0 {
            Kind::System => system_now().0,
            Kind::Scaled(scaled) => {
                let passed = system_now().1.duration_since(scaled.at).as_secs_f64() * scaled.speed;
                scaled.from + Span::from(Duration::from_secs_f64(passed))
            }
            Kind::Manual(manual) => *manual.now.borrow(),
        }
    }

    /// Waits for a moment of this clock; at once if it has passed.
    #[expect(
        clippy::disallowed_methods,
        reason = "the one place that sleeps on the system's clock"
    )]
    pub async fn sleep_until(&self, at: Time) {
        match &self.0 {
            Kind::System => tokio::time::sleep(at.since(self.now()).as_duration()).await,
            Kind::Scaled(scaled) => {
                let wait = at.since(self.now()).as_duration().as_secs_f64() / scaled.speed;
                tokio::time::sleep(Duration::from_secs_f64(wait)).await;
            }
            Kind::Manual(manual) => {
                let mut now = manual.now.subscribe();
                // The sender lives as long as this clock does.
                let _ = now.wait_for(|now| *now >= at).await;
            }
        }
    }

    pub async fn sleep(&self, span: Span) {
        self.sleep_until(self.now() + span).await;
    }

    /// Moves a manual clock on and wakes everybody whose moment has come; other clocks are not to be moved.
    pub fn advance(&self, span: Span) {
        if let Kind::Manual(manual) = &self.0 {
            let _turn = manual.turn.lock().unwrap_or_else(PoisonError::into_inner);
            let next = *manual.now.borrow() + span;
            manual.now.send_replace(next);
        }
    }
}

impl std::fmt::Debug for Clock {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let kind = match &self.0 {
            Kind::System => "system",
            Kind::Scaled(_) => "scaled",
            Kind::Manual(_) => "manual",
        };
        write!(f, "Clock({kind}, {})", self.now())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_manual_clock_wakes_those_whose_moment_has_come() {
        let clock = Clock::manual(Time(0));
        let sleeper = tokio::spawn({
            let clock = clock.clone();
            async move {
                clock.sleep_until(Time(0) + Span::minutes(5)).await;
                clock.now()
            }
        });
        clock.advance(Span::minutes(3));
        clock.advance(Span::minutes(3));
        assert_eq!(sleeper.await.expect("the sleeper ends"), Time(0) + Span::minutes(6));
    }
}
