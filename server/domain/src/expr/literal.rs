//! The values written in an expression: how each kind is read, compared and printed.

use std::cmp::Ordering;
use std::fmt;

use kaishin_proto::time::{Span, Time};
use kaishin_proto::value::Version;

use super::field::{Kind, Standing};
use crate::fold::{fold, narrow};

const SECOND: i64 = 1_000_000;
const DAY: i64 = 86_400 * SECOND;
/// Dates without a zone are Japanese: one zone, no summer time.
const TOKYO: i64 = 9 * 3_600 * SECOND;
/// Years 0001 to 9999 in Tokyo.
const FIRST_DAY: i64 = -719_162;
const LAST_DAY: i64 = 2_932_896;

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Literal {
    Unknown,
    /// The terminal was looked at, and there is no such thing: it is unknown for that one reason.
    Absent,
    Truth(bool),
    Number(i64),
    Text(Phrase),
    Version(Version),
    Time(Time),
    /// A whole day in Japan, counted from 1970-01-01.
    Day(i64),
    /// A moment said by its age, `last_seen>7d`, or, below zero, by how far ahead it lies, `certificates.expires<+60d`.
    Age(Span),
    Duration(Span),
    Size(u64),
    Standing(Standing),
}

/// A searched text with the form in which it is compared.
#[derive(Clone, Debug)]
pub struct Phrase {
    raw: String,
    folded: String,
}

impl Phrase {
    pub fn new(raw: impl Into<String>) -> Phrase {
        let raw = raw.into();
        let folded = fold(&raw);
        Phrase { raw, folded }
    }
    pub fn raw(&self) -> &str {
        &self.raw
    }
    pub fn folded(&self) -> &str {
        &self.folded
    }
}

impl PartialEq for Phrase {
    fn eq(&self, other: &Phrase) -> bool {
        self.raw == other.raw
    }
}
impl Eq for Phrase {}

impl Literal {
    /// Reads what stands after an operator. A quoted word is never the word `unknown`.
    pub(super) fn read(kind: Kind, text: &str, quoted: bool) -> Option<Literal> {
        let plain: String = text.chars().map(narrow).collect();
        let plain = plain.trim();
        if !quoted && is_unknown(plain) {
            return Some(Literal::Unknown);
        }
        let nothing = is_absent(plain) || kind == Kind::Several && is_none(plain);
        if !quoted && nothing {
            return Some(Literal::Absent);
        }
        match kind {
            Kind::Text | Kind::Several => Some(Literal::Text(Phrase::new(text))),
            Kind::Truth => truth(plain).map(Literal::Truth),
            Kind::Number => plain.parse().ok().map(Literal::Number),
            Kind::Version => Version::parse(plain).map(Literal::Version),
            Kind::Time => time(plain).or_else(|| signed(plain, '+').map(Literal::Age)),
            Kind::Duration => signed(plain, '-').map(Literal::Duration),
            Kind::Size => size(plain).map(Literal::Size),
            Kind::Standing => Standing::parse(&fold(plain)).map(Literal::Standing),
        }
    }

    /// Whether a field of that kind can be compared with this.
    pub(super) fn fits(&self, kind: Kind) -> bool {
        match self {
            Literal::Unknown | Literal::Absent => true,
            Literal::Truth(_) => kind == Kind::Truth,
            Literal::Number(_) => kind == Kind::Number,
            Literal::Text(_) => matches!(kind, Kind::Text | Kind::Several),
            Literal::Version(version) => kind == Kind::Version && Version::parse(&version.0).as_ref() == Some(version),
            Literal::Time(time) => {
                let day = (time.0.saturating_add(TOKYO)).div_euclid(DAY);
                kind == Kind::Time && (FIRST_DAY..=LAST_DAY).contains(&day)
            }
            Literal::Day(day) => kind == Kind::Time && (FIRST_DAY..=LAST_DAY).contains(day),
            Literal::Age(span) => kind == Kind::Time && whole_seconds(*span),
            Literal::Duration(span) => kind == Kind::Duration && whole_seconds(*span),
            Literal::Size(_) => kind == Kind::Size,
            Literal::Standing(_) => kind == Kind::Standing,
        }
    }

    /// How a moment lies to this one: a day is equal to all its moments, an age counts back from now.
    pub(super) fn order_time(&self, moment: Time, now: Time) -> Option<Ordering> {
        match self {
            Literal::Time(time) => Some(moment.cmp(time)),
            Literal::Day(day) => Some((moment.0.saturating_add(TOKYO)).div_euclid(DAY).cmp(day)),
            // Further ahead means larger: `expires<+60d` expires in less than sixty days, or has expired.
            Literal::Age(age) if age.0 < 0 => Some(age.cmp(&now.since(moment))),
            // Older means larger, as people say it: `last_seen>7d` was last seen more than seven days ago.
            Literal::Age(age) => Some(now.since(moment).cmp(age)),
            Literal::Unknown
            | Literal::Absent
            | Literal::Truth(_)
            | Literal::Number(_)
            | Literal::Text(_)
            | Literal::Version(_)
            | Literal::Duration(_)
            | Literal::Size(_)
            | Literal::Standing(_) => None,
        }
    }
}

fn whole_seconds(span: Span) -> bool {
    span.0 % SECOND == 0 && span.0 != i64::MIN
}

/// What a word means without quotes, and so needs them as a text.
fn is_word_for_nothing(text: &str) -> bool {
    let plain: String = text.chars().map(narrow).collect();
    let plain = plain.trim();
    is_unknown(plain) || is_absent(plain) || is_none(plain)
}

pub(super) const ABSENT: [&str; 2] = ["absent", "なし"];
pub(super) const NONE: &str = "none";
pub(super) const UNKNOWN: [&str; 2] = ["unknown", "不明"];
pub(super) const TRUTHS: [(bool, [&str; 5]); 2] = [
    (true, ["yes", "true", "on", "はい", "有効"]),
    (false, ["no", "false", "off", "いいえ", "無効"]),
];

fn is_absent(text: &str) -> bool {
    ABSENT.iter().any(|word| text.eq_ignore_ascii_case(word))
}

/// What English has for it where there can be several: no fault, no job.
fn is_none(text: &str) -> bool {
    text.eq_ignore_ascii_case(NONE)
}

pub(super) fn is_unknown(text: &str) -> bool {
    UNKNOWN.iter().any(|word| text.eq_ignore_ascii_case(word))
}

fn truth(text: &str) -> Option<bool> {
    let text = fold(text);
    let found = TRUTHS.iter().find(|(_, words)| words.contains(&text.as_str()))?;
    Some(found.0)
}

fn number_and_unit(text: &str) -> Option<(u64, &str)> {
    let end = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    let (digits, unit) = text.split_at(end);
    Some((digits.parse().ok()?, unit))
}

/// Units of time in seconds, the one that is printed first.
pub(super) const SPANS: &[(i64, &[&str])] = &[
    (604_800, &["w", "週", "週間"]),
    (86_400, &["d", "日", "日間"]),
    (3_600, &["h", "時間"]),
    (60, &["m", "分", "分間"]),
    (1, &["s", "秒", "秒間"]),
];

fn span(text: &str) -> Option<Span> {
    let (number, unit) = number_and_unit(text)?;
    let unit = fold(unit);
    let (unit, _) = SPANS.iter().find(|(_, names)| names.contains(&unit.as_str()))?;
    let micros = i64::try_from(number).ok()?.checked_mul(*unit)?.checked_mul(SECOND)?;
    Some(Span(micros))
}

/// Below zero with the sign in front: `7d` ago and `+7d` from now, a clock that is `30s` fast or `-30s`.
fn signed(text: &str, sign: char) -> Option<Span> {
    match text.strip_prefix(sign) {
        Some(below) => span(below).filter(|span| span.0 > 0).map(|span| Span(-span.0)),
        None => span(text),
    }
}

/// Units of size as powers of two, the one that is printed first.
pub(super) const SIZES: &[(u32, &[&str])] = &[
    (40, &["TB", "T", "TiB"]),
    (30, &["GB", "G", "GiB"]),
    (20, &["MB", "M", "MiB"]),
    (10, &["KB", "K", "KiB"]),
    (0, &["B", ""]),
];

/// Sizes count as Windows shows them: a KB is 1024 bytes.
fn size(text: &str) -> Option<u64> {
    let (number, unit) = number_and_unit(text)?;
    let unit = fold(unit);
    let named = |names: &[&str]| names.iter().any(|name| name.eq_ignore_ascii_case(&unit));
    let (shift, _) = SIZES.iter().find(|(_, names)| named(names))?;
    number.checked_mul(1 << shift)
}

/// `2026-11-21`, `2026/11/21`, or with `T10:30[:15[.5]][Z|+09:00]`.
fn time(text: &str) -> Option<Literal> {
    let (date, clock) = match text.split_once(['T', 't']) {
        Some((date, clock)) => (date, Some(clock)),
        None => (text, None),
    };
    let mut parts = date.split(['-', '/']);
    let year: i64 = digits(parts.next()?, 4)?;
    let month: i64 = digits(parts.next()?, 2)?;
    let day: i64 = digits(parts.next()?, 2)?;
    if parts.next().is_some() || !(1..=12).contains(&month) || year < 1 || !(1..=month_days(year, month)).contains(&day)
    {
        return None;
    }
    let days = days_from_date(year, month, day);
    let Some(clock) = clock else {
        return Some(Literal::Day(days));
    };
    let (clock, zone) = match clock.find(['Z', 'z', '+', '-']) {
        Some(at) => (&clock[..at], zone(&clock[at..])?),
        None => (clock, TOKYO),
    };
    let literal = Literal::Time(Time(days * DAY + time_of_day(clock)? - zone));
    literal.fits(Kind::Time).then_some(literal)
}

fn digits(text: &str, most: usize) -> Option<i64> {
    let sound = !text.is_empty() && text.len() <= most && text.bytes().all(|b| b.is_ascii_digit());
    if sound { text.parse().ok() } else { None }
}

fn time_of_day(text: &str) -> Option<i64> {
    let mut parts = text.split(':');
    let hour = digits(parts.next()?, 2).filter(|hour| *hour < 24)?;
    let minute = digits(parts.next()?, 2).filter(|minute| *minute < 60)?;
    let micros = match parts.next() {
        None => 0,
        Some(second) => {
            let (whole, part) = second.split_once('.').unwrap_or((second, "0"));
            let digits_in = u32::try_from(part.len()).ok()?;
            let part = digits(part, 6)? * 10_i64.pow(6_u32.checked_sub(digits_in)?);
            digits(whole, 2).filter(|second| *second < 60)? * SECOND + part
        }
    };
    if parts.next().is_some() {
        return None;
    }
    Some((hour * 60 + minute) * 60 * SECOND + micros)
}

fn zone(text: &str) -> Option<i64> {
    if text.eq_ignore_ascii_case("z") {
        return Some(0);
    }
    let (sign, rest) = match text.strip_prefix('+') {
        Some(rest) => (1, rest),
        None => (-1, text.strip_prefix('-')?),
    };
    let (hours, minutes) = rest.split_once(':')?;
    let hours = digits(hours, 2).filter(|hours| *hours < 24)?;
    let minutes = digits(minutes, 2).filter(|minutes| *minutes < 60)?;
    Some(sign * (hours * 60 + minutes) * 60 * SECOND)
}

fn is_leap(year: i64) -> bool {
    (year % 4 == 0 && year % 100 != 0) || year % 400 == 0
}

fn month_days(year: i64, month: i64) -> i64 {
    match month {
        2 if is_leap(year) => 29,
        2 => 28,
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    }
}

/// Days since 1970-01-01 in the Gregorian calendar, by eras of 400 years that start in March.
fn days_from_date(year: i64, month: i64, day: i64) -> i64 {
    let year = if month <= 2 { year - 1 } else { year };
    let era = year.div_euclid(400);
    let of_era = year.rem_euclid(400);
    let of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    era * 146_097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719_468
}

fn date_from_days(days: i64) -> (i64, i64, i64) {
    let days = days + 719_468;
    let era = days.div_euclid(146_097);
    let of_era = days.rem_euclid(146_097);
    let year_of_era = (of_era - of_era / 1_460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let shifted = (5 * of_year + 2) / 153;
    let day = of_year - (153 * shifted + 2) / 5 + 1;
    let month = if shifted < 10 { shifted + 3 } else { shifted - 9 };
    let year = year_of_era + era * 400 + i64::from(month <= 2);
    (year, month, day)
}

impl fmt::Display for Literal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Literal::Unknown => f.write_str("unknown"),
            Literal::Absent => f.write_str("absent"),
            Literal::Truth(truth) => f.write_str(if *truth { "yes" } else { "no" }),
            Literal::Number(number) => write!(f, "{number}"),
            Literal::Text(words) => write_word(f, words.raw(), is_word_for_nothing(words.raw())),
            Literal::Version(version) => write!(f, "{version}"),
            Literal::Time(time) => write_time(f, *time),
            Literal::Day(day) => write_date(f, *day),
            Literal::Age(span) if span.0 < 0 => write!(f, "+{}", Literal::Age(Span(-span.0))),
            Literal::Duration(span) if span.0 < 0 => write!(f, "-{}", Literal::Duration(Span(-span.0))),
            Literal::Age(span) | Literal::Duration(span) => {
                let seconds = span.as_seconds();
                let whole = |(of, _): &&(i64, &[&str])| seconds % of == 0 && seconds >= *of;
                let (of, units) = SPANS.iter().find(whole).unwrap_or(&(1, &["s"]));
                write!(f, "{}{}", seconds / of, units[0])
            }
            Literal::Size(size) => {
                let whole = |(shift, _): &&(u32, &[&str])| *size >= 1 << shift && size.trailing_zeros() >= *shift;
                let (shift, units) = SIZES.iter().find(whole).unwrap_or(&(0, &["B"]));
                write!(f, "{}{}", size >> shift, units[0])
            }
            Literal::Standing(standing) => f.write_str(standing.name()),
        }
    }
}

fn write_date(f: &mut fmt::Formatter<'_>, day: i64) -> fmt::Result {
    let (year, month, day) = date_from_days(day);
    write!(f, "{year:04}-{month:02}-{day:02}")
}

fn write_time(f: &mut fmt::Formatter<'_>, time: Time) -> fmt::Result {
    let local = time.0.saturating_add(TOKYO);
    write_date(f, local.div_euclid(DAY))?;
    let of_day = local.rem_euclid(DAY);
    let (seconds, micros) = (of_day / SECOND, of_day % SECOND);
    write!(
        f,
        "T{:02}:{:02}:{:02}",
        seconds / 3_600,
        seconds / 60 % 60,
        seconds % 60
    )?;
    if micros != 0 {
        write!(f, ".{micros:06}")?;
    }
    f.write_str("+09:00")
}

pub(super) fn is_quote(c: char) -> bool {
    matches!(c, '"' | '＂' | '“' | '”')
}

/// A word as it is read back: plain where it can be, else in quotes.
pub(super) fn write_word(f: &mut fmt::Formatter<'_>, word: &str, must_quote: bool) -> fmt::Result {
    let safe = |c: char| c.is_alphanumeric() || matches!(c, '.' | '_' | '-' | '/' | '*');
    if !must_quote && !word.is_empty() && word.chars().all(safe) {
        return f.write_str(word);
    }
    f.write_str("\"")?;
    for c in word.chars() {
        if is_quote(c) || c == '\\' {
            f.write_str("\\")?;
        }
        write!(f, "{c}")?;
    }
    f.write_str("\"")
}

/// A text as a value is written: plain where it can be, else in quotes.
pub(super) fn worded(word: &str) -> String {
    Literal::Text(Phrase::new(word)).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn read(kind: Kind, text: &str) -> Option<Literal> {
        Literal::read(kind, text, false)
    }

    #[test]
    fn values_are_read_as_people_write_them() {
        let at = |micros| Some(Literal::Time(Time(micros)));
        for (kind, text, expected) in [
            (Kind::Truth, "ＹＥＳ", Some(Literal::Truth(true))),
            (Kind::Truth, "無効", Some(Literal::Truth(false))),
            (Kind::Truth, "maybe", None),
            (Kind::Number, "１９０４４", Some(Literal::Number(19_044))),
            (Kind::Number, "-3", Some(Literal::Number(-3))),
            (Kind::Number, "3.5", None),
            (Kind::Size, "8GB", Some(Literal::Size(8 << 30))),
            (Kind::Size, "99999999999TB", None),
            (Kind::Duration, "90s", Some(Literal::Duration(Span::seconds(90)))),
            (Kind::Time, "7d", Some(Literal::Age(Span::days(7)))),
            (Kind::Time, "３日", Some(Literal::Age(Span::days(3)))),
            (Kind::Time, "+60d", Some(Literal::Age(Span(-Span::days(60).0)))),
            (Kind::Time, "+0d", None),
            (Kind::Duration, "-30s", Some(Literal::Duration(Span::seconds(-30)))),
            (Kind::Duration, "+30s", None),
            (Kind::Text, "なし", Some(Literal::Absent)),
            (Kind::Time, "++1d", None),
            (Kind::Time, "1970-01-01", Some(Literal::Day(0))),
            (Kind::Time, "2026/2/29", None),
            (Kind::Time, "2028-02-29", Some(Literal::Day(21_243))),
            (Kind::Time, "1970-01-01T09:00", at(0)),
            (Kind::Time, "1970-01-01T00:00:01.5Z", at(1_500_000)),
            (Kind::Time, "1970-01-01T00:00:00-01:30", at(5_400 * SECOND)),
            (Kind::Time, "1970-01-01T24:00", None),
            (Kind::Time, "1970-01-01T00:00:00.1234567", None),
            (Kind::Standing, "Revoked", Some(Literal::Standing(Standing::Revoked))),
            (Kind::Standing, "lost", None),
            (Kind::Number, "不明", Some(Literal::Unknown)),
        ] {
            assert_eq!(read(kind, text), expected, "{kind:?} {text}");
        }
        assert_eq!(
            Literal::read(Kind::Text, "unknown", true),
            Some(Literal::Text(Phrase::new("unknown")))
        );
    }

    #[test]
    fn values_are_printed_short() {
        for (literal, text) in [
            (Literal::Age(Span::days(14)), "2w"),
            (Literal::Age(Span(-Span::days(60).0)), "+60d"),
            (Literal::Duration(Span::seconds(0)), "0s"),
            (Literal::Size(8 << 30), "8GB"),
            (Literal::Size(0), "0B"),
            (Literal::Size(1_000), "1000B"),
            (Literal::Day(0), "1970-01-01"),
            (Literal::Time(Time(0)), "1970-01-01T09:00:00+09:00"),
            (Literal::Text(Phrase::new("ThinkPad E14")), "\"ThinkPad E14\""),
            (Literal::Text(Phrase::new("unknown")), "\"unknown\""),
            (Literal::Text(Phrase::new("ＵＮＫＮＯＷＮ")), "\"ＵＮＫＮＯＷＮ\""),
            (Literal::Text(Phrase::new("ａｂｓｅｎｔ")), "\"ａｂｓｅｎｔ\""),
        ] {
            assert_eq!(literal.to_string(), text);
        }
    }

    proptest! {
        #[test]
        fn dates_survive(day in FIRST_DAY..=LAST_DAY) {
            let (year, month, date) = date_from_days(day);
            prop_assert_eq!(days_from_date(year, month, date), day);
            prop_assert_eq!(read(Kind::Time, &Literal::Day(day).to_string()), Some(Literal::Day(day)));
        }

        #[test]
        fn sizes_and_spans_survive(size in any::<u64>(), seconds in 0_i64..9_000_000_000) {
            prop_assert_eq!(read(Kind::Size, &Literal::Size(size).to_string()), Some(Literal::Size(size)));
            let age = Literal::Age(Span::seconds(seconds));
            prop_assert_eq!(read(Kind::Time, &age.to_string()), Some(age));
        }
    }
}
