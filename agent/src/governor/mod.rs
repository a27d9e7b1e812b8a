//! Whether the people at a terminal may be disturbed now. Pure: it is told what was seen, and gives the first reason against
//! it in a fixed order. It does nothing itself, and no order from outside can change its mind.

use kaishin_proto::calendar::{self, Hours};
use kaishin_proto::profile;
use kaishin_proto::time::{Span, Time};
use kaishin_proto::value::Reason;

use crate::os::{Os, OsError, Presence, Read};

/// A person who agreed knows about it for this long.
const CONSENT_HOLDS: Span = Span::minutes(30);
/// Who touched nothing for this long is not at the keyboard.
const AWAY: Span = Span::minutes(10);
const SOON: Span = Span::minutes(1);
const LATER: Span = Span::minutes(10);

/// In a row: then a person is to look at the terminal before it is disturbed again.
const FAILURES_TO_STOP: u32 = 2;

/// Whether the terminal's clock agrees with the server's.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Clock {
    #[default]
    Right,
    Off,
    /// The server has not said its time yet.
    Unknown,
}

/// What the agent knows of itself, beside what it sees.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Trust {
    pub clock: Clock,
    /// Changes that failed in a row.
    pub failures: u32,
}

/// Everything that counts, as it is now.
#[derive(Clone, Debug)]
pub struct Seen {
    pub now: Time,
    /// When a person at the terminal agreed to this very work.
    pub consented: Option<Time>,
    pub trust: Trust,
    pub hours: Hours,
    pub avoid: profile::Restart,
    pub presence: Read<Presence>,
    pub updating: Read<bool>,
    /// The distribution software's status, in the words that facts use.
    pub distribution: Read<String>,
    pub on_battery: Read<bool>,
}

impl Seen {
    pub fn of(os: &dyn Os, about: &crate::facts::About, now: Time, consented: Option<Time>, trust: Trust) -> Seen {
        Seen {
            now,
            consented,
            trust,
            hours: about.hours.clone(),
            avoid: about.profile.restart.clone(),
            presence: os.presence(),
            updating: os.updating(),
            distribution: crate::facts::oqs::status_word(os, &about.profile.distribution),
            on_battery: os.on_battery(),
        }
    }
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    Go,
    Wait {
        /// When to look again.
        until: Time,
        why: Why,
    },
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Why {
    ClockOff,
    Failures,
    Reception {
        until: Time,
    },
    Active,
    Updating,
    Distribution,
    Battery,
    Night {
        until: profile::Clock24,
    },
    /// What would have to be known to say yes.
    Unknown(&'static str),
}

impl std::fmt::Display for Why {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Why::ClockOff => write!(f, "waits: the clock is more than ten minutes off"),
            Why::Failures => write!(
                f,
                "waits: two changes in a row have failed; a person is to look at the terminal"
            ),
            Why::Reception { until } => write!(f, "waits: reception hours until {}", calendar::clock(*until)),
            Why::Active => write!(f, "waits: somebody is using the terminal"),
            Why::Updating => write!(f, "waits: Windows Update is installing"),
            Why::Distribution => write!(f, "waits: the distribution software is downloading or updating"),
            Why::Battery => write!(f, "waits: the terminal runs on battery"),
            Why::Night { until } => write!(f, "waits: no terminal restarts before {until}"),
            Why::Unknown(what) => write!(f, "waits: cannot tell {what}"),
        }
    }
}

/// May the people at the terminal lose it for some minutes?
pub fn may_disrupt(seen: &Seen) -> Verdict {
    let wait = |after: Span, why| Verdict::Wait {
        until: seen.now + after,
        why,
    };
    // An agreement from the future is a clock that was set back, and none.
    let fresh = |at: Time| at <= seen.now && seen.now.since(at) <= CONSENT_HOLDS;
    if !seen.consented.is_some_and(fresh) {
        // Hours by a clock that is wrong are other people's hours.
        match seen.trust.clock {
            Clock::Off => return wait(LATER, Why::ClockOff),
            Clock::Unknown => return wait(SOON, Why::Unknown("whether the clock is right")),
            Clock::Right => {}
        }
        if seen.trust.failures >= FAILURES_TO_STOP {
            return wait(LATER, Why::Failures);
        }
        if let Some(until) = seen.hours.open_until(seen.now) {
            return Verdict::Wait {
                until,
                why: Why::Reception { until },
            };
        }
        // Where nobody can tell, the hours alone decide.
        if matches!(seen.presence, Ok(Presence::Idle(idle)) if idle < AWAY) {
            return wait(SOON, Why::Active);
        }
    }
    match &seen.updating {
        Ok(true) => return wait(LATER, Why::Updating),
        Err(error) if !is_absent(error) => return wait(LATER, Why::Unknown("whether Windows Update is installing")),
        Ok(false) | Err(_) => {}
    }
    match seen.distribution.as_deref() {
        Ok("downloading" | "updating") => return wait(SOON, Why::Distribution),
        Err(error) if !is_absent(error) => {
            return wait(LATER, Why::Unknown("what the distribution software is doing"));
        }
        Ok(_) | Err(_) => {}
    }
    match &seen.on_battery {
        Ok(true) => return wait(LATER, Why::Battery),
        Err(error) if !is_absent(error) => return wait(LATER, Why::Unknown("whether it runs on battery")),
        Ok(false) | Err(_) => {}
    }
    if seen.avoid.avoids(calendar::clock(seen.now)) {
        return wait(
            SOON,
            Why::Night {
                until: seen.avoid.avoid_until,
            },
        );
    }
    Verdict::Go
}

/// What a machine does not have cannot be in the way.
fn is_absent(error: &OsError) -> bool {
    matches!(error.reason, Reason::NotSupported | Reason::NotFound)
}

#[cfg(test)]
mod tests;
