//! How much may happen to one terminal in a day, whoever asks for it. Kept in the journal, so that neither a restart nor a
//! power cut gives a new day. Pure.

use kaishin_proto::remedy::{Class, Remedy};
use kaishin_proto::time::{Span, Time};
use serde::{Deserialize, Serialize};

use crate::words;

/// Remedies that change the terminal.
pub const MOST_CHANGES: u32 = 3;
/// Remedies that restart it; one of them may take several rounds.
pub const MOST_RESTARTS: u32 = 1;
/// Codes read out wrongly, of all jobs: from then on only the buttons count.
pub const MOST_WRONG_CODES: u32 = 6;
/// Of one job: then it is refused.
pub const WRONG_CODES_OF_A_JOB: u32 = 3;
/// In a row: then a person is to look at the terminal before anything else is changed.
pub const FAILURES_TO_STOP: u32 = 2;
/// A clock further from the server's is no ground to decide about hours on.
pub const CLOCK_OFF: Span = Span::minutes(10);

const DAY: i64 = 86_400;
/// All terminals stand in Japan.
const JST: i64 = 9 * 3_600;

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Tally {
    /// Of the counts below; days since 1970 in Japan.
    day: i64,
    changes: u32,
    restarts: u32,
    wrong_codes: u32,
    /// In a row, over all days.
    failures: u32,
}

/// Why not, with a code for people.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Capped {
    pub code: &'static str,
    pub detail: &'static str,
}

/// What is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Asked {
    /// A person at the terminal is asked before it happens, and so looks at it.
    pub attended: bool,
    /// It stops the work at the desk for a while.
    pub disrupts: bool,
}

impl Asked {
    pub fn of(remedy: Remedy) -> Asked {
        Asked {
            attended: remedy.class() == Class::Consent,
            disrupts: false,
        }
    }
}

impl Tally {
    /// As it stands today. A clock that was set back gives no new day.
    fn on(self, now: Time) -> Tally {
        let day = (now.micros().div_euclid(1_000_000) + JST).div_euclid(DAY);
        if day > self.day {
            Tally {
                day,
                failures: self.failures,
                ..Tally::default()
            }
        } else {
            Tally { day, ..self }
        }
    }

    pub fn may_change(self, asked: Asked, clock_off: Span, now: Time) -> Result<(), Capped> {
        let today = self.on(now);
        let capped = |code, detail| Err(Capped { code, detail });
        if today.changes >= MOST_CHANGES {
            return capped(words::JOB_DAILY_CAP, "three changes were made today");
        }
        if !asked.attended && today.failures >= FAILURES_TO_STOP {
            return capped(words::JOB_READ_ONLY, "two changes in a row have failed");
        }
        if !asked.attended && asked.disrupts && Span(clock_off.0.abs()) > CLOCK_OFF {
            return capped(words::JOB_CLOCK, "the clock is more than ten minutes off");
        }
        Ok(())
    }

    pub fn may_restart(self, now: Time) -> Result<(), Capped> {
        if self.on(now).restarts < MOST_RESTARTS {
            return Ok(());
        }
        Err(Capped {
            code: words::JOB_DAILY_CAP,
            detail: "it was restarted today",
        })
    }

    pub fn takes_codes(self, now: Time) -> bool {
        self.on(now).wrong_codes < MOST_WRONG_CODES
    }

    /// In a row.
    pub fn failures(self) -> u32 {
        self.failures
    }

    pub fn changed(self, now: Time) -> Tally {
        let today = self.on(now);
        Tally {
            changes: today.changes.saturating_add(1),
            ..today
        }
    }

    pub fn restarted(self, now: Time) -> Tally {
        let today = self.on(now);
        Tally {
            restarts: today.restarts.saturating_add(1),
            ..today
        }
    }

    pub fn wrong_code(self, now: Time) -> Tally {
        let today = self.on(now);
        Tally {
            wrong_codes: today.wrong_codes.saturating_add(1),
            ..today
        }
    }

    pub fn ended(self, well: bool, now: Time) -> Tally {
        let today = self.on(now);
        Tally {
            failures: if well { 0 } else { today.failures.saturating_add(1) },
            ..today
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Noon in Japan on the `n`th day.
    fn noon(n: i64) -> Time {
        Time::ZERO + Span::days(20_000 + n) + Span::hours(3)
    }

    const ATTENDED: Asked = Asked {
        attended: true,
        disrupts: false,
    };
    const ALONE: Asked = Asked {
        attended: false,
        disrupts: true,
    };

    fn code(result: Result<(), Capped>) -> &'static str {
        result.err().map_or("", |capped| capped.code)
    }

    #[test]
    fn three_changes_and_one_restart_a_day_whatever_the_clock_does() {
        let mut tally = Tally::default();
        for _ in 0..MOST_CHANGES {
            assert_eq!(tally.may_change(ATTENDED, Span(0), noon(1)), Ok(()));
            tally = tally.changed(noon(1));
        }
        assert_eq!(tally.may_restart(noon(1)), Ok(()));
        tally = tally.restarted(noon(1));
        for (when, may_change, may_restart) in [
            (noon(1), words::JOB_DAILY_CAP, words::JOB_DAILY_CAP),
            // Still the same day in Japan, and just the next one.
            (noon(1) + Span::hours(11), words::JOB_DAILY_CAP, words::JOB_DAILY_CAP),
            (noon(1) + Span::hours(12), "", ""),
            // Set back by a day or by years.
            (noon(0), words::JOB_DAILY_CAP, words::JOB_DAILY_CAP),
            (Time::ZERO, words::JOB_DAILY_CAP, words::JOB_DAILY_CAP),
            (noon(2), "", ""),
        ] {
            assert_eq!(code(tally.may_change(ATTENDED, Span(0), when)), may_change, "{when}");
            assert_eq!(code(tally.may_restart(when)), may_restart, "{when}");
        }
    }

    #[test]
    fn a_clock_that_was_far_ahead_for_a_while_caps_no_longer_than_a_day() {
        let far = (0..3).fold(Tally::default(), |tally, _| tally.changed(noon(5_000)));
        let back = far.restarted(noon(1));
        assert_eq!(code(back.may_change(ATTENDED, Span(0), noon(1))), words::JOB_DAILY_CAP);
        assert_eq!(back.may_change(ATTENDED, Span(0), noon(2)), Ok(()));
    }

    #[test]
    fn after_two_failures_nothing_happens_unattended_until_one_ends_well() {
        let failed = Tally::default().ended(false, noon(1));
        assert_eq!(failed.may_change(ALONE, Span(0), noon(1)), Ok(()));
        let twice = failed.ended(false, noon(3));
        assert_eq!(code(twice.may_change(ALONE, Span(0), noon(9))), words::JOB_READ_ONLY);
        assert_eq!(
            twice.may_change(ATTENDED, Span(0), noon(9)),
            Ok(()),
            "who is asked looks"
        );
        assert_eq!(twice.ended(true, noon(9)).may_change(ALONE, Span(0), noon(9)), Ok(()));
    }

    #[test]
    fn a_wrong_clock_stops_what_disrupts_and_nobody_attends() {
        let mild = Asked {
            disrupts: false,
            ..ALONE
        };
        for (asked, off, expected) in [
            (ALONE, Span::minutes(10), ""),
            (ALONE, Span::minutes(11), words::JOB_CLOCK),
            (ALONE, Span::minutes(-11), words::JOB_CLOCK),
            (mild, Span::minutes(11), ""),
            (ATTENDED, Span::days(400), ""),
        ] {
            assert_eq!(
                code(Tally::default().may_change(asked, off, noon(1))),
                expected,
                "{asked:?} {off:?}"
            );
        }
    }

    #[test]
    fn codes_are_taken_until_too_many_were_wrong_that_day() {
        let tally = (0..MOST_WRONG_CODES).fold(Tally::default(), |tally, _| {
            assert!(tally.takes_codes(noon(1)));
            tally.wrong_code(noon(1))
        });
        assert!(!tally.takes_codes(noon(1)) && tally.takes_codes(noon(2)));
    }
}
