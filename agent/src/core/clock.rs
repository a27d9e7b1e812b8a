//! How far this terminal's clock agrees with the server's. Either alone may be wrong, or lie: only where both agree does a new
//! day begin, and only then are hours something to go by. Pure.

use kaishin_proto::time::{Span, Time};

use crate::governor::Clock;

/// A clock further from the server's is no ground to decide about days and hours on.
pub const CLOCK_OFF: Span = Span::minutes(10);
/// No event comes that late by itself: the clock was set, or the machine slept.
const LEAP: Span = Span::minutes(5);

/// Not kept: a restarted agent knows nothing of its clock before the server has said its time.
#[derive(Clone, Copy, Debug, Default)]
pub struct Clocks {
    /// By how much the server's is ahead.
    ahead: Option<Span>,
}

impl Clocks {
    pub fn told(&mut self, server: Time, now: Time) {
        self.ahead = Some(server.since(now));
    }

    /// From one event to the next, which was to come at `due` at the latest. What it is late or early by, the clock has leapt;
    /// after a sleep that is wrong until the server says its time again.
    pub fn passes(&mut self, last: Time, due: Option<Time>, now: Time) {
        let leapt = if now < last {
            now.since(last)
        } else {
            due.map_or(Span(0), |due| Span(now.since(due.max(last)).0.max(0)))
        };
        if leapt.0.abs() > LEAP.0 {
            self.ahead = self.ahead.map(|ahead| Span(ahead.0.saturating_sub(leapt.0)));
        }
    }

    pub fn standing(self) -> Clock {
        match self.ahead {
            None => Clock::Unknown,
            Some(ahead) if ahead.0.saturating_abs() > CLOCK_OFF.0 => Clock::Off,
            Some(_) => Clock::Right,
        }
    }

    /// The time on which both agree.
    pub fn agreed(self, now: Time) -> Option<Time> {
        (self.standing() == Clock::Right).then_some(now)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOON: Time = Time(1_800_000_000_000_000);

    fn heard(ahead: Span) -> Clocks {
        let mut clocks = Clocks::default();
        clocks.told(NOON + ahead, NOON);
        clocks
    }

    #[test]
    fn ten_minutes_off_is_off_either_way_and_what_nobody_said_is_unknown() {
        for (ahead, expected) in [
            (Span(0), Clock::Right),
            (Span::minutes(10), Clock::Right),
            (Span::minutes(11), Clock::Off),
            (Span::minutes(-11), Clock::Off),
            (Span::days(400), Clock::Off),
            (Span(i64::MIN), Clock::Off),
        ] {
            let clocks = heard(ahead);
            assert_eq!(clocks.standing(), expected, "{ahead:?}");
            assert_eq!(clocks.agreed(NOON).is_some(), expected == Clock::Right, "{ahead:?}");
        }
        assert_eq!(Clocks::default().standing(), Clock::Unknown);
        assert_eq!(Clocks::default().agreed(NOON), None);
    }

    #[test]
    fn a_clock_that_leaps_is_off_until_it_leaps_back_or_the_server_says_its_time() {
        let due = Some(NOON + Span::minutes(1));
        for leap in [Span::days(1), Span::days(-1), Span::hours(8)] {
            let mut clocks = heard(Span(0));
            clocks.passes(NOON, due, NOON + Span::minutes(1));
            assert_eq!(clocks.standing(), Clock::Right, "time has only passed");
            let there = NOON + leap;
            clocks.passes(NOON, due, there);
            assert_eq!(clocks.standing(), Clock::Off, "{leap:?}");
            let mut back = clocks;
            back.passes(there, Some(there + Span::minutes(1)), NOON);
            assert_eq!(back.standing(), Clock::Right, "{leap:?}");
            clocks.told(there, there);
            assert_eq!(clocks.standing(), Clock::Right, "{leap:?}");
        }
    }
}
