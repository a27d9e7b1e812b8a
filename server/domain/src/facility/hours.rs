//! When a facility sees people, for each day of the week and for holidays. A day of which nothing was said is unknown,
//! which is not the same as closed.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::fold::{dash, narrow};

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Day {
    Monday,
    Tuesday,
    Wednesday,
    Thursday,
    Friday,
    Saturday,
    Sunday,
    Holiday,
}

/// Minutes after midnight, end not included.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Opening {
    pub from: u16,
    pub until: u16,
}

/// Written and stored as a text like `月-金 09:00-12:00,14:00-18:00; 土 09:00-12:00; 日祝 休`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Hours {
    days: [Option<Vec<Opening>>; 8],
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BadHours {
    #[error("no day of the week stands before the times")]
    NoDay,
    #[error("a time is not written as 9:00-12:00")]
    Time,
    #[error("a time of opening begins before the one before it ends")]
    Order,
    #[error("one day is named twice")]
    Twice,
}

impl Day {
    pub const ALL: [Day; 8] = [
        Day::Monday,
        Day::Tuesday,
        Day::Wednesday,
        Day::Thursday,
        Day::Friday,
        Day::Saturday,
        Day::Sunday,
        Day::Holiday,
    ];

    /// Monday is 1, as in ISO 8601; a holiday goes before its weekday.
    pub fn of(weekday: u8, holiday: bool) -> Option<Day> {
        if holiday {
            return Some(Day::Holiday);
        }
        Day::ALL
            .get(usize::from(weekday).checked_sub(1)?)
            .copied()
            .filter(|day| *day != Day::Holiday)
    }

    pub fn ja(self) -> char {
        ['月', '火', '水', '木', '金', '土', '日', '祝'][self as usize]
    }

    pub fn en(self) -> &'static str {
        ["Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun", "Holiday"][self as usize]
    }
}

impl Opening {
    pub fn text(self) -> String {
        format!(
            "{:02}:{:02}-{:02}:{:02}",
            self.from / 60,
            self.from % 60,
            self.until / 60,
            self.until % 60
        )
    }
}

impl Hours {
    /// None: unknown. Empty: closed.
    pub fn on(&self, day: Day) -> Option<&[Opening]> {
        self.days[day as usize].as_deref()
    }

    /// Whether people are expected then; None where nothing is known of that day.
    pub fn is_open(&self, day: Day, minute: u16) -> Option<bool> {
        let openings = self.on(day)?;
        Some(openings.iter().any(|span| span.from <= minute && minute < span.until))
    }

    fn is_unknown(&self) -> bool {
        self.days.iter().all(Option::is_none)
    }

    fn part(&mut self, text: &str) -> Result<(), BadHours> {
        let at = text
            .find(|c: char| c.is_ascii_digit() || c == '休')
            .ok_or(BadHours::Time)?;
        let (days, times) = text.split_at(at);
        let days = named_days(days)?;
        let openings = openings(times)?;
        for day in days {
            let slot = &mut self.days[day as usize];
            if slot.is_some() {
                return Err(BadHours::Twice);
            }
            *slot = Some(openings.clone());
        }
        Ok(())
    }
}

/// Longer words before the shorter ones that they begin with.
const SPELLINGS: [(&str, &str); 32] = [
    ("休診日", "休"),
    ("休診", "休"),
    ("休業", "休"),
    ("休館", "休"),
    ("closed", "休"),
    ("曜日", ""),
    ("曜", ""),
    ("祝祭日", "祝"),
    ("祝日", "祝"),
    ("平日", "月-金"),
    ("mondays", "月"),
    ("monday", "月"),
    ("tuesday", "火"),
    ("wednesday", "水"),
    ("thursday", "木"),
    ("friday", "金"),
    ("saturday", "土"),
    ("sunday", "日"),
    ("holidays", "祝"),
    ("holiday", "祝"),
    ("weekdays", "月-金"),
    ("mon", "月"),
    ("tues", "火"),
    ("tue", "火"),
    ("wed", "水"),
    ("thurs", "木"),
    ("thu", "木"),
    ("fri", "金"),
    ("sat", "土"),
    ("sun", "日"),
    ("時", ":"),
    ("分", ""),
];

fn tidied(text: &str) -> String {
    let mut tidy: String = text
        .chars()
        .map(|c| dash(narrow(c)))
        .map(|c| match c {
            '、' | '・' | '/' => ',',
            '\n' | '\r' => ';',
            '：' => ':',
            c => c.to_ascii_lowercase(),
        })
        .collect();
    for (word, sign) in SPELLINGS {
        if tidy.contains(word) {
            tidy = tidy.replace(word, sign);
        }
    }
    tidy
}

fn named_days(text: &str) -> Result<Vec<Day>, BadHours> {
    let mut days: Vec<Day> = Vec::new();
    let mut range = false;
    for c in text.chars() {
        if let Some(day) = Day::ALL.into_iter().find(|day| day.ja() == c) {
            match (range, days.last().copied()) {
                (true, Some(first)) if first < day => {
                    days.extend(
                        Day::ALL
                            .into_iter()
                            .filter(|between| *between > first && *between <= day),
                    );
                }
                (true, _) => return Err(BadHours::NoDay),
                (false, _) => days.push(day),
            }
            range = false;
        } else if c == '-' {
            range = true;
        } else if !matches!(c, ',' | ' ' | ':') {
            return Err(BadHours::NoDay);
        }
    }
    if days.is_empty() || range {
        return Err(BadHours::NoDay);
    }
    Ok(days)
}

fn openings(text: &str) -> Result<Vec<Opening>, BadHours> {
    if text.trim() == "休" {
        return Ok(Vec::new());
    }
    let mut openings: Vec<Opening> = Vec::new();
    for span in text.split([',', ' ']).map(str::trim).filter(|span| !span.is_empty()) {
        let (from, until) = span.split_once('-').ok_or(BadHours::Time)?;
        let (from, until) = (minute(from)?, minute(until)?);
        if until <= from || openings.last().is_some_and(|before| before.until > from) {
            return Err(BadHours::Order);
        }
        openings.push(Opening { from, until });
    }
    if openings.is_empty() {
        return Err(BadHours::Time);
    }
    Ok(openings)
}

fn minute(text: &str) -> Result<u16, BadHours> {
    let (hour, minute) = text.split_once(':').ok_or(BadHours::Time)?;
    let number = |text: &str| match text.len() {
        1 | 2 if text.bytes().all(|byte| byte.is_ascii_digit()) => text.parse::<u16>().map_err(|_| BadHours::Time),
        _ => Err(BadHours::Time),
    };
    let (hour, minute) = (number(hour)?, if minute.is_empty() { 0 } else { number(minute)? });
    if hour > 24 || minute > 59 || hour * 60 + minute > 24 * 60 {
        return Err(BadHours::Time);
    }
    Ok(hour * 60 + minute)
}

impl FromStr for Hours {
    type Err = BadHours;

    fn from_str(text: &str) -> Result<Hours, BadHours> {
        let mut hours = Hours::default();
        for part in tidied(text).split(';').map(str::trim).filter(|part| !part.is_empty()) {
            hours.part(part)?;
        }
        if hours.is_unknown() {
            return Err(BadHours::NoDay);
        }
        Ok(hours)
    }
}

impl fmt::Display for Hours {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut done = [false; 8];
        let mut first = true;
        for day in Day::ALL {
            let Some(openings) = self.on(day).filter(|_| !done[day as usize]) else {
                continue;
            };
            let same: Vec<Day> = Day::ALL
                .into_iter()
                .filter(|other| self.on(*other) == Some(openings))
                .collect();
            for day in &same {
                done[*day as usize] = true;
            }
            let spans = if openings.is_empty() {
                "休".to_owned()
            } else {
                openings.iter().map(|span| span.text()).collect::<Vec<_>>().join(",")
            };
            write!(f, "{}{} {spans}", if first { "" } else { "; " }, runs(&same))?;
            first = false;
        }
        Ok(())
    }
}

/// `月-金`, `月火木`, `日祝`: three or more in a row become a range.
fn runs(days: &[Day]) -> String {
    let mut text = String::new();
    let mut at = 0;
    while at < days.len() {
        let mut end = at;
        while end + 1 < days.len() && days[end + 1] as usize == days[end] as usize + 1 && days[end + 1] != Day::Holiday
        {
            end += 1;
        }
        text.push(days[at].ja());
        match end - at {
            0 => {}
            1 => text.push(days[end].ja()),
            _ => {
                text.push('-');
                text.push(days[end].ja());
            }
        }
        at = end + 1;
    }
    text
}

impl Serialize for Hours {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Hours {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Hours, D::Error> {
        let text = String::deserialize(from)?;
        text.parse().map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn hours_are_read_as_clinics_write_them() {
        let canonical = "月-金 09:00-12:00,14:00-18:00; 土 09:00-12:00; 日祝 休";
        for text in [
            canonical,
            "月～金 9:00～12:00、14:00～18:00；土曜 9:00～12:00；日・祝日 休診",
            "平日 ９：００－１２：００ １４：００－１８：００\n土 9時-12時\n日曜日、祝祭日 休診日",
            "Mon-Fri 9:00-12:00, 14:00-18:00; Sat 9:00-12:00; Sun, Holidays closed",
        ] {
            assert_eq!(
                text.parse::<Hours>().map(|hours| hours.to_string()).as_deref(),
                Ok(canonical),
                "{text}"
            );
        }
        let hours: Hours = "月火木金 9:00-18:30; 水 休".parse().unwrap();
        assert_eq!(hours.to_string(), "月火木金 09:00-18:30; 水 休");
        assert_eq!(hours.is_open(Day::Monday, 9 * 60), Some(true));
        assert_eq!(hours.is_open(Day::Monday, 18 * 60 + 30), Some(false));
        assert_eq!(hours.is_open(Day::Wednesday, 600), Some(false));
        assert_eq!(hours.is_open(Day::Sunday, 600), None, "nothing was said of it");
    }

    #[test]
    fn what_does_not_read_is_refused_with_its_reason() {
        for (text, why) in [
            ("", BadHours::NoDay),
            ("9:00-12:00", BadHours::NoDay),
            ("月 9-12", BadHours::Time),
            ("月 12:00-9:00", BadHours::Order),
            ("月 9:00-12:00,11:00-13:00", BadHours::Order),
            ("月 9:00-25:00", BadHours::Time),
            ("月火 9:00-12:00; 火 休", BadHours::Twice),
            ("金-月 9:00-12:00", BadHours::NoDay),
            ("応相談", BadHours::Time),
        ] {
            assert_eq!(text.parse::<Hours>(), Err(why), "{text}");
        }
    }

    #[test]
    fn a_holiday_goes_before_its_weekday() {
        assert_eq!(Day::of(1, false), Some(Day::Monday));
        assert_eq!(Day::of(7, true), Some(Day::Holiday));
        assert_eq!(Day::of(8, false), None);
        assert_eq!(Day::of(0, false), None);
    }

    proptest! {
        #[test]
        fn nothing_makes_it_panic(text in "\\PC*") {
            let _ = text.parse::<Hours>();
        }

        #[test]
        fn what_is_written_reads_back(text in "[月火水木金土日祝]{1,3} ([0-9]|1[0-9]):[0-5]0-2[0-3]:00") {
            if let Ok(hours) = text.parse::<Hours>() {
                prop_assert_eq!(hours.to_string().parse(), Ok(hours));
            }
        }
    }
}
