//! How much may happen to one terminal in a day, whoever asks for it. Kept in the journal, so that neither a restart nor a
//! power cut gives a new day. Pure.

use kaishin_proto::remedy::{Class, Remedy};
use kaishin_proto::time::Time;
use serde::{Deserialize, Serialize};

use crate::governor::Clock;
use crate::words;

/// Remedies that change the terminal.
pub const MOST_CHANGES: u32 = 3;
/// Remedies that restart it; one of them may take several rounds.
pub const MOST_RESTARTS: u32 = 1;
/// Codes read out wrongly, of all jobs: from then on only the buttons count.
pub const MOST_WRONG_CODES: u32 = 6;
/// Of one job: then it is refused.
pub const WRONG_CODES_OF_A_JOB: u32 = 3;
/// Prepared messages on the screen, each of which somebody at work has to click away.
pub const MOST_NOTICES: u32 = 6;

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
    #[serde(default)]
    notices: u32,
    /// In a row, over all days.
    failures: u32,
}

/// Why not, with a code for people.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Capped {
    pub code: &'static str,
    pub detail: &'static str,
}

/// Taking back what was done is never too much, and a guided person does the work without the agent's hand. A clock that is off
/// has to be put right before a new day is known to have begun.
pub fn counts(remedy: Remedy, clock: Clock) -> bool {
    let by_hand_or_back = matches!(remedy, Remedy::Undo { .. } | Remedy::Guided(_));
    let puts_the_clock_right = remedy == Remedy::TimeSource && clock == Clock::Off;
    remedy.class() == Class::Consent && !by_hand_or_back && !puts_the_clock_right
}

impl Tally {
    /// As it stands today; where the day is not certain, as it stood. A clock that was set back gives no new day.
    fn on(self, today: Option<Time>) -> Tally {
        let Some(now) = today else {
            return self;
        };
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

    pub fn may_change(self, today: Option<Time>) -> Result<(), Capped> {
        let capped = |code, detail| Err(Capped { code, detail });
        if self.on(today).changes < MOST_CHANGES {
            return Ok(());
        }
        capped(words::JOB_DAILY_CAP, "three changes were made today")
    }

    pub fn may_restart(self, today: Option<Time>) -> Result<(), Capped> {
        let capped = |code, detail| Err(Capped { code, detail });
        if self.on(today).restarts < MOST_RESTARTS {
            return Ok(());
        }
        capped(words::JOB_DAILY_CAP, "it was restarted today")
    }

    pub fn may_notify(self, today: Option<Time>) -> Result<(), Capped> {
        let capped = |code, detail| Err(Capped { code, detail });
        if self.on(today).notices < MOST_NOTICES {
            return Ok(());
        }
        capped(words::JOB_NOTICES, "six messages were shown today")
    }

    pub fn takes_codes(self, today: Option<Time>) -> bool {
        self.on(today).wrong_codes < MOST_WRONG_CODES
    }

    /// In a row.
    pub fn failures(self) -> u32 {
        self.failures
    }

    pub fn changed(self, today: Option<Time>) -> Tally {
        let on = self.on(today);
        Tally {
            changes: on.changes.saturating_add(1),
            ..on
        }
    }

    pub fn restarted(self, today: Option<Time>) -> Tally {
        let on = self.on(today);
        Tally {
            restarts: on.restarts.saturating_add(1),
            ..on
        }
    }

    /// What was counted beforehand did not come about.
    pub fn not_restarted(self, today: Option<Time>) -> Tally {
        let on = self.on(today);
        Tally {
            restarts: on.restarts.saturating_sub(1),
            ..on
        }
    }

    pub fn wrong_code(self, today: Option<Time>) -> Tally {
        let on = self.on(today);
        Tally {
            wrong_codes: on.wrong_codes.saturating_add(1),
            ..on
        }
    }

    pub fn notified(self, today: Option<Time>) -> Tally {
        let on = self.on(today);
        Tally {
            notices: on.notices.saturating_add(1),
            ..on
        }
    }

    pub fn ended(self, well: bool) -> Tally {
        let failures = if well { 0 } else { self.failures.saturating_add(1) };
        Tally { failures, ..self }
    }
}

#[cfg(test)]
mod tests {
    use kaishin_proto::id::JobId;
    use kaishin_proto::remedy::{Message, Procedure};
    use kaishin_proto::time::Span;

    use super::*;

    /// Noon in Japan on the `n`th day.
    fn noon(n: i64) -> Time {
        Time::ZERO + Span::days(20_000 + n) + Span::hours(3)
    }

    fn on(n: i64) -> Option<Time> {
        Some(noon(n))
    }

    fn code(result: Result<(), Capped>) -> &'static str {
        result.err().map_or("", |capped| capped.code)
    }

    #[test]
    fn three_changes_and_one_restart_a_day_whatever_the_clock_does() {
        let mut tally = Tally::default();
        for _ in 0..MOST_CHANGES {
            assert_eq!(tally.may_change(on(1)), Ok(()));
            tally = tally.changed(on(1));
        }
        assert_eq!(tally.may_restart(on(1)), Ok(()));
        tally = tally.restarted(on(1));
        for (when, capped) in [
            (on(1), true),
            // Still the same day in Japan, and just the next one.
            (Some(noon(1) + Span::hours(11)), true),
            (Some(noon(1) + Span::hours(12)), false),
            // Set back by a day or by years.
            (on(0), true),
            (Some(Time::ZERO), true),
            (on(2), false),
            // A day that nobody is certain of is none.
            (None, true),
        ] {
            let expected = if capped { words::JOB_DAILY_CAP } else { "" };
            assert_eq!(code(tally.may_change(when)), expected, "{when:?}");
            assert_eq!(code(tally.may_restart(when)), expected, "{when:?}");
        }
    }

    #[test]
    fn a_day_that_is_not_certain_counts_on_and_begins_no_new_one() {
        let tally = Tally::default().changed(on(1)).changed(None).changed(None);
        assert_eq!(code(tally.may_change(on(1))), words::JOB_DAILY_CAP);
        assert_eq!(tally.may_change(on(2)), Ok(()));
    }

    #[test]
    fn clocks_that_were_far_ahead_for_a_while_cap_no_longer_than_a_day() {
        let far = (0..3).fold(Tally::default(), |tally, _| tally.changed(on(5_000)));
        let back = far.restarted(on(1));
        assert_eq!(code(back.may_change(on(1))), words::JOB_DAILY_CAP);
        assert_eq!(back.may_change(on(2)), Ok(()));
    }

    #[test]
    fn failures_in_a_row_are_counted_over_days_until_one_ends_well() {
        let twice = Tally::default().changed(on(1)).ended(false).changed(on(3)).ended(false);
        assert_eq!(twice.failures(), 2);
        assert_eq!(twice.changed(on(9)).failures(), 2);
        assert_eq!(twice.ended(true).failures(), 0);
    }

    #[test]
    fn what_is_taken_back_or_done_by_hand_is_no_change_of_ours() {
        let message = Message::Working;
        for (remedy, right, off) in [
            (Remedy::FastStartupOff, true, true),
            (Remedy::RestartNow, true, true),
            (Remedy::TimeSource, true, false),
            (Remedy::Guided(Procedure::DisplayScale), false, false),
            (
                Remedy::Undo {
                    job: JobId::new(noon(1), [1; 10]),
                },
                false,
                false,
            ),
            (Remedy::NotifyStaff { message }, false, false),
            (Remedy::RefreshFacts, false, false),
        ] {
            assert_eq!(counts(remedy, Clock::Right), right, "{remedy:?}");
            assert_eq!(counts(remedy, Clock::Off), off, "{remedy:?}");
        }
    }

    #[test]
    fn codes_and_messages_are_taken_until_there_were_too_many_that_day() {
        let tally = (0..MOST_WRONG_CODES).fold(Tally::default(), |tally, _| {
            assert!(tally.takes_codes(on(1)));
            tally.wrong_code(on(1))
        });
        assert!(!tally.takes_codes(on(1)) && tally.takes_codes(on(2)));
        let tally = (0..MOST_NOTICES).fold(Tally::default(), |tally, _| {
            assert_eq!(tally.may_notify(on(1)), Ok(()));
            tally.notified(on(1))
        });
        assert_eq!(code(tally.may_notify(on(1))), words::JOB_NOTICES);
        assert_eq!(tally.may_notify(on(2)), Ok(()));
    }
}
