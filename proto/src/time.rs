//! A moment and a span, in microseconds: what is stored, sent and compared. Where "now" comes from is not said here.

use std::fmt;
use std::ops::{Add, Sub};

use serde::{Deserialize, Serialize};

/// Microseconds since 1970-01-01T00:00:00Z.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Time(pub i64);

/// A signed span in microseconds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Span(pub i64);

impl Time {
    pub const ZERO: Time = Time(0);

    pub fn micros(self) -> i64 {
        self.0
    }

    pub fn since(self, earlier: Time) -> Span {
        Span(self.0.saturating_sub(earlier.0))
    }

    /// RFC 3339, with whatever offset it names.
    pub fn parse(text: &str) -> Option<Time> {
        let at: jiff::Timestamp = text.parse().ok()?;
        Some(Time(at.as_microsecond()))
    }

    /// RFC 3339 in UTC, for machines.
    pub fn rfc3339(self) -> String {
        jiff::Timestamp::from_microsecond(self.0).map_or_else(|_| self.0.to_string(), |at| at.to_string())
    }

    /// RFC 3339 as clocks in Japan show it, for files that people open.
    pub fn in_japan(self) -> String {
        let at = jiff::Timestamp::from_microsecond(self.0);
        at.map_or_else(
            |_| self.0.to_string(),
            |at| at.display_with_offset(jiff::tz::offset(9)).to_string(),
        )
    }
}

impl Span {
    pub const fn micros(n: i64) -> Span {
        Span(n)
    }
    pub const fn millis(n: i64) -> Span {
        Span(n.saturating_mul(1_000))
    }
    pub const fn seconds(n: i64) -> Span {
        Span(n.saturating_mul(1_000_000))
    }
    pub const fn minutes(n: i64) -> Span {
        Span::seconds(n.saturating_mul(60))
    }
    pub const fn hours(n: i64) -> Span {
        Span::minutes(n.saturating_mul(60))
    }
    pub const fn days(n: i64) -> Span {
        Span::hours(n.saturating_mul(24))
    }
    pub fn as_seconds(self) -> i64 {
        self.0 / 1_000_000
    }
    pub fn as_duration(self) -> std::time::Duration {
        std::time::Duration::from_micros(u64::try_from(self.0).unwrap_or(0))
    }
}

impl From<std::time::Duration> for Span {
    fn from(span: std::time::Duration) -> Self {
        Span(i64::try_from(span.as_micros()).unwrap_or(i64::MAX))
    }
}

impl Add<Span> for Time {
    type Output = Time;
    fn add(self, span: Span) -> Time {
        Time(self.0.saturating_add(span.0))
    }
}

impl Sub<Span> for Time {
    type Output = Time;
    fn sub(self, span: Span) -> Time {
        Time(self.0.saturating_sub(span.0))
    }
}

impl fmt::Display for Time {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.rfc3339())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_span_of_more_than_can_be_counted_is_the_longest() {
        for long in [
            Span::millis(i64::MAX),
            Span::seconds(i64::MAX),
            Span::minutes(i64::MAX),
            Span::days(i64::MAX),
        ] {
            assert_eq!(long, Span(i64::MAX));
        }
        assert_eq!(Span::seconds(i64::MIN), Span(i64::MIN));
        assert_eq!(Span::days(2), Span::hours(48));
    }
}
