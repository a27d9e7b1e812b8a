//! The calendar of a clinic in Japan: days, national holidays, and when patients are received. Pure; Japan has one time all
//! year.

use serde::{Deserialize, Serialize};

use crate::profile::Clock24;
use crate::time::{Span, Time};

const AHEAD: Span = Span::hours(9);
const DAY: i64 = Span::days(1).0;

/// A day in Japan, counted from 1 January 1970.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Day(i64);

/// As on paper.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Date {
    pub year: i64,
    pub month: u8,
    pub day: u8,
}

impl std::fmt::Display for Date {
    /// `2026-12-08`
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{:04}-{:02}-{:02}", self.year, self.month, self.day)
    }
}

/// From 0, Monday, to 6, Sunday.
pub type Weekday = u8;

const MONDAY: Weekday = 0;
const SUNDAY: Weekday = 6;

impl Day {
    pub fn of(at: Time) -> Day {
        Day((at + AHEAD).0.div_euclid(DAY))
    }

    /// Whatever day it is that far into the month.
    pub fn on(year: i64, month: u8, day: u8) -> Day {
        // Years that begin in March, so that the odd day comes last.
        let (year, month) = if month > 2 {
            (year, i64::from(month) - 3)
        } else {
            (year - 1, i64::from(month) + 9)
        };
        let leap_days = year.div_euclid(4) - year.div_euclid(100) + year.div_euclid(400);
        Day(365 * year + leap_days + (153 * month + 2) / 5 + i64::from(day) - 1 - 719_468)
    }

    pub fn date(self) -> Date {
        let days = self.0 + 719_468;
        let century = days.div_euclid(146_097);
        let of_century = days.rem_euclid(146_097);
        let year = (of_century - of_century / 1_460 + of_century / 36_524 - of_century / 146_096) / 365;
        let of_year = of_century - (365 * year + year / 4 - year / 100);
        let month = (5 * of_year + 2) / 153;
        let day = of_year - (153 * month + 2) / 5 + 1;
        let (year, month) = if month < 10 {
            (century * 400 + year, month + 3)
        } else {
            (century * 400 + year + 1, month - 9)
        };
        Date {
            year,
            month: month as u8,
            day: day as u8,
        }
    }

    pub fn weekday(self) -> Weekday {
        // 1 January 1970 was a Thursday.
        (self.0 + 3).rem_euclid(7) as Weekday
    }

    pub fn next(self) -> Day {
        Day(self.0 + 1)
    }

    fn before(self) -> Day {
        Day(self.0 - 1)
    }

    pub fn at(self, clock: Clock24) -> Time {
        Time(self.0 * DAY) - AHEAD + Span::minutes(i64::from(clock.minutes()))
    }

    /// Under the law as it stands since 2022, for the years up to 2099.
    pub fn is_holiday(self) -> bool {
        self.is_named_holiday() || self.is_substitute() || self.is_between_holidays()
    }

    fn is_named_holiday(self) -> bool {
        let Date { year, month, day } = self.date();
        let nth_monday = |n: u8| self.weekday() == MONDAY && (day - 1) / 7 + 1 == n;
        match month {
            1 => day == 1 || nth_monday(2),
            2 => day == 11 || day == 23,
            3 => day == equinox(year, 20_843_100),
            4 => day == 29,
            5 => (3..=5).contains(&day),
            7 => nth_monday(3),
            8 => day == 11,
            9 => nth_monday(3) || day == equinox(year, 23_248_800),
            10 => nth_monday(2),
            11 => day == 3 || day == 23,
            _ => false,
        }
    }

    /// A holiday on a Sunday is made up for on the next day that is none.
    fn is_substitute(self) -> bool {
        let mut day = self.before();
        while day.is_named_holiday() {
            if day.weekday() == SUNDAY {
                return !self.is_named_holiday();
            }
            day = day.before();
        }
        false
    }

    /// A single day between two holidays is one too.
    fn is_between_holidays(self) -> bool {
        self.before().is_named_holiday() && self.next().is_named_holiday()
    }
}

/// The day in March or September, by the usual approximation; `base` is its millionths in 1980.
fn equinox(year: i64, base: i64) -> u8 {
    let years = year - 1980;
    ((base + 242_194 * years).div_euclid(1_000_000) - years.div_euclid(4)) as u8
}

/// The time of day in Japan.
pub fn clock(at: Time) -> Clock24 {
    let minutes = (at + AHEAD).0.rem_euclid(DAY) / Span::minutes(1).0;
    // Below 1,440, so that there always is one.
    Clock24::new((minutes / 60) as u16, (minutes % 60) as u16).unwrap_or(Clock24::MIDNIGHT)
}

/// From one time of the day up to another, which does not belong to it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Open {
    pub from: Clock24,
    pub until: Clock24,
}

/// When a clinic receives patients.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Hours {
    /// From Monday to Sunday; a day without hours is closed.
    pub week: [Vec<Open>; 7],
    /// On national holidays, whatever day of the week it is.
    pub holidays: Vec<Open>,
    /// Whether somebody said so of any day of the week; else these are the usual hours.
    #[serde(default)]
    pub told: bool,
}

impl Default for Hours {
    /// Monday to Friday 8:00 to 19:00, Saturday 8:00 to 13:00, closed on holidays.
    fn default() -> Hours {
        let open = |until| match (Clock24::new(8, 0), Clock24::new(until, 0)) {
            (Some(from), Some(until)) => vec![Open { from, until }],
            (Some(_) | None, Some(_) | None) => Vec::new(),
        };
        Hours {
            week: [open(19), open(19), open(19), open(19), open(19), open(13), Vec::new()],
            holidays: Vec::new(),
            told: false,
        }
    }
}

/// Hours as they were told that nobody can go by.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BadHours {
    #[error("a day is named twice or is none")]
    Day,
    #[error("a time of opening is none, or begins before the one before it ends")]
    Opening,
    /// Whoever could say so could have every clinic disturbed at any hour.
    #[error("every day of the week is said to be closed")]
    NeverOpen,
}

/// One day as it is told: 0 Monday to 6 Sunday, 7 a national holiday; openings in minutes after midnight.
pub type DayTold = (u8, Vec<(u32, u32)>);

const HOLIDAY: u8 = 7;
const LAST_MINUTE: u32 = 24 * 60 - 1;
const MOST_OPENINGS: usize = 8;

impl Hours {
    /// The usual hours, but for the days of which something was told.
    pub fn of(told: impl IntoIterator<Item = DayTold>) -> Result<Hours, BadHours> {
        let mut hours = Hours::default();
        let mut named = [false; 8];
        for (day, openings) in told {
            let seen = named.get_mut(usize::from(day)).ok_or(BadHours::Day)?;
            if std::mem::replace(seen, true) {
                return Err(BadHours::Day);
            }
            let openings = sound(&openings).ok_or(BadHours::Opening)?;
            match hours.week.get_mut(usize::from(day)) {
                Some(of_day) => {
                    *of_day = openings;
                    hours.told = true;
                }
                None if day == HOLIDAY => hours.holidays = openings,
                None => return Err(BadHours::Day),
            }
        }
        if hours.week.iter().all(Vec::is_empty) {
            return Err(BadHours::NeverOpen);
        }
        Ok(hours)
    }

    /// All openings of those days of the week (0 is Monday), and those of holidays, which may fall on any.
    pub fn openings(&self, on: impl Fn(usize) -> bool) -> impl Iterator<Item = Open> {
        let days = self.week.iter().enumerate().filter(move |(day, _)| on(*day));
        let week = days.flat_map(|(_, openings)| openings);
        week.chain(&self.holidays).copied()
    }

    /// When the hours end that this moment lies in; `None` outside of them.
    pub fn open_until(&self, at: Time) -> Option<Time> {
        let (day, clock) = (Day::of(at), clock(at));
        let hours = if day.is_holiday() {
            &self.holidays
        } else {
            self.week.get(usize::from(day.weekday()))?
        };
        let open = hours.iter().find(|open| open.from <= clock && clock < open.until)?;
        Some(day.at(open.until))
    }

    /// Reception of any day into which this hour of the day falls, if there is another hour into which none does: where
    /// patients are received round the clock, no hour is worse than the others.
    pub fn avoidable_at(&self, hour: u8) -> Option<Open> {
        let at = |hour: u16| {
            let mut all = self.week.iter().chain([&self.holidays]).flatten();
            all.find(|open| open.from.minutes() < (hour + 1) * 60 && hour * 60 < open.until.minutes())
        };
        let quiet = (0..24).any(|hour| at(hour).is_none());
        at(hour.into()).copied().filter(|_| quiet)
    }
}

fn sound(openings: &[(u32, u32)]) -> Option<Vec<Open>> {
    let clock = |minute: u32| {
        // The end of the day is its last minute.
        let minute = u16::try_from(minute.min(LAST_MINUTE)).ok()?;
        Clock24::new(minute / 60, minute % 60)
    };
    let mut before = 0;
    let mut sound = Vec::with_capacity(openings.len());
    for (from, until) in openings {
        if *from < before || until <= from || *until > LAST_MINUTE + 1 || sound.len() == MOST_OPENINGS {
            return None;
        }
        before = *until;
        sound.push(Open {
            from: clock(*from)?,
            until: clock(*until)?,
        });
    }
    Some(sound)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_hour_of_reception_is_avoidable_where_another_hour_is_quiet() {
        let usual = Hours::default();
        let avoidable: Vec<u8> = (0..24).filter(|hour| usual.avoidable_at(*hour).is_some()).collect();
        assert_eq!(avoidable, (8..19).collect::<Vec<u8>>());
        // Half past counts: the hour that is ordered is the whole of it.
        let late = Hours::of([(2, vec![(17 * 60, 20 * 60 + 30)])]).unwrap();
        let open = late.avoidable_at(20).unwrap();
        assert_eq!(
            (open.from.to_string(), open.until.to_string()),
            ("17:00".into(), "20:30".into())
        );
        assert_eq!(late.avoidable_at(21), None);
        let always = Hours::of((0..8).map(|day| (day, vec![(0, 24 * 60)]))).unwrap();
        assert!((0..24).all(|hour| always.avoidable_at(hour).is_none()));
    }

    /// As the Cabinet Office has published them.
    const PUBLISHED: &[(i64, &str)] = &[
        (
            2024,
            "1/1 1/8 2/11 2/12 2/23 3/20 4/29 5/3 5/4 5/5 5/6 7/15 8/11 8/12 9/16 9/22 9/23 10/14 11/3 11/4 11/23",
        ),
        (
            2025,
            "1/1 1/13 2/11 2/23 2/24 3/20 4/29 5/3 5/4 5/5 5/6 7/21 8/11 9/15 9/23 10/13 11/3 11/23 11/24",
        ),
        (
            2026,
            "1/1 1/12 2/11 2/23 3/20 4/29 5/3 5/4 5/5 5/6 7/20 8/11 9/21 9/22 9/23 10/12 11/3 11/23",
        ),
        (
            2027,
            "1/1 1/11 2/11 2/23 3/21 3/22 4/29 5/3 5/4 5/5 7/19 8/11 9/20 9/23 10/11 11/3 11/23",
        ),
        (
            2028,
            "1/1 1/10 2/11 2/23 3/20 4/29 5/3 5/4 5/5 7/17 8/11 9/18 9/22 10/9 11/3 11/23",
        ),
    ];

    #[test]
    fn the_holidays_are_those_that_were_published() {
        for (year, published) in PUBLISHED {
            let mut day = Day::on(*year, 1, 1);
            let mut found = Vec::new();
            while day < Day::on(year + 1, 1, 1) {
                if day.is_holiday() {
                    let Date { month, day, .. } = day.date();
                    found.push(format!("{month}/{day}"));
                }
                day = day.next();
            }
            assert_eq!(found.join(" "), *published, "{year}");
        }
    }

    #[test]
    fn days_and_dates_go_both_ways() {
        assert_eq!(Day::on(1970, 1, 1), Day(0));
        assert_eq!(Day::on(2027, 1, 15).weekday(), 4);
        let mut day = Day::on(1999, 12, 1);
        for _ in 0..40_000 {
            let Date { year, month, day: of } = day.date();
            assert_eq!(Day::on(year, month, of), day, "{:?}", day.date());
            day = day.next();
        }
    }

    #[test]
    fn patients_are_received_by_the_hours_of_the_day_and_not_on_holidays() {
        let hours = Hours::default();
        for (at, until) in [
            ("2027-01-15T07:59:59+09:00", None),
            ("2027-01-15T08:00:00+09:00", Some("2027-01-15T19:00:00+09:00")),
            ("2027-01-15T18:59:59+09:00", Some("2027-01-15T19:00:00+09:00")),
            ("2027-01-15T19:00:00+09:00", None),
            // A Saturday, a Sunday and a holiday on a Monday.
            ("2027-01-16T12:30:00+09:00", Some("2027-01-16T13:00:00+09:00")),
            ("2027-01-16T13:00:00+09:00", None),
            ("2027-01-17T10:00:00+09:00", None),
            ("2027-01-11T10:00:00+09:00", None),
            ("2027-01-12T00:00:00+09:00", None),
        ] {
            let moment = |text: &str| Time::parse(text).unwrap();
            assert_eq!(hours.open_until(moment(at)), until.map(moment), "{at}");
            let always = Hours {
                holidays: Hours::default().week[0].clone(),
                ..Hours::default()
            };
            let holiday = at.starts_with("2027-01-11");
            assert_eq!(always.open_until(moment(at)).is_some(), until.is_some() || holiday);
        }
    }

    #[test]
    fn days_of_which_nothing_was_told_have_the_usual_hours() {
        let hours = Hours::of([(0, vec![(540, 720), (840, 1140)]), (5, vec![]), (7, vec![(600, 1440)])]).unwrap();
        for (at, until) in [
            ("2027-01-18T08:30:00+09:00", None),
            ("2027-01-18T11:00:00+09:00", Some("12:00")),
            ("2027-01-18T13:00:00+09:00", None),
            ("2027-01-18T18:30:00+09:00", Some("19:00")),
            ("2027-01-19T08:30:00+09:00", Some("19:00")),
            ("2027-01-16T10:00:00+09:00", None),
            ("2027-01-11T23:30:00+09:00", Some("23:59")),
        ] {
            let found = hours
                .open_until(Time::parse(at).unwrap())
                .map(|until| clock(until).to_string());
            assert_eq!(found.as_deref(), until, "{at}");
        }
        assert_eq!(Hours::of([]), Ok(Hours::default()));
        assert!(hours.told && !Hours::of([(7, vec![])]).unwrap().told);
    }

    #[test]
    fn hours_that_nobody_can_go_by_are_refused() {
        let closed: Vec<DayTold> = (0..7).map(|day| (day, vec![])).collect();
        for (told, bad) in [
            (vec![(8, vec![])], BadHours::Day),
            (vec![(1, vec![]), (1, vec![])], BadHours::Day),
            (vec![(1, vec![(600, 600)])], BadHours::Opening),
            (vec![(1, vec![(600, 700), (650, 800)])], BadHours::Opening),
            (vec![(1, vec![(600, 1441)])], BadHours::Opening),
            (vec![(1, vec![(u32::MAX, u32::MAX)])], BadHours::Opening),
            (
                vec![(1, (0..9).map(|n| (n * 2, n * 2 + 1)).collect())],
                BadHours::Opening,
            ),
            (closed, BadHours::NeverOpen),
        ] {
            assert_eq!(Hours::of(told.clone()), Err(bad), "{told:?}");
        }
    }
}
