//! Whether what was found cannot be true beside what was expected, read from the words that a person is shown.

use kaishin_proto::profile::Clock24;
use kaishin_proto::time::{Span, Time};
use kaishin_proto::value::{Reason, Value, Version};

/// # Panics
/// Where nobody has said yet how such a finding contradicts such words.
pub(super) fn contradicts(rule: &str, expected: &str, (evidence, found): (&str, &Value), now: Time) -> bool {
    match found {
        Value::Truth(found) => *found == (expected == "off" || expected.starts_with("no ")),
        Value::List(found) => list(rule, expected, found),
        Value::Version(found) => versions(expected).iter().any(|wanted| found < wanted),
        Value::Number(found) => number(evidence, expected, *found),
        Value::Text(found) => text(expected, found),
        Value::Time(found) => time(expected, now.since(*found)),
        Value::Duration(found) => match expected {
            "never" => found.0 > 0,
            "within a minute" => found.0.abs() > Span::minutes(1).0,
            _ => panic!("{rule}: how does {found:?} contradict {expected:?}?"),
        },
        // It was looked for in vain, and should be there.
        Value::Unknown(unknown) => unknown.reason == Reason::NotFound,
        Value::Size(_) | Value::Table(_) => panic!("{rule} shows a {found:?}"),
    }
}

fn list(rule: &str, expected: &str, found: &[String]) -> bool {
    let clocks: Vec<Clock24> = expected.split(' ').filter_map(Clock24::parse).collect();
    if let [from, until] = clocks[..] {
        let found = found.iter().map(|at| Clock24::parse(at).expect("a time of the day"));
        let within: Vec<bool> = found.map(|at| from <= at && at <= until).collect();
        return !within.is_empty() && within.iter().all(|within| *within);
    }
    match expected {
        "once a day" => found.is_empty(),
        "a minute ending in neither 0 nor 5" => found.iter().any(|at| at.ends_with(['0', '5'])),
        "reached" => rule
            .strip_prefix("unreachable-")
            .is_some_and(|what| found.iter().any(|host| host == what)),
        _ => !found.is_empty(),
    }
}

fn versions(expected: &str) -> Vec<Version> {
    let words = expected.split([' ', ',']).filter(|word| word.contains('.'));
    words.filter_map(Version::parse).collect()
}

/// All whole numbers in it; of `17763.6000` the last.
fn numbers(text: &str) -> Vec<i64> {
    let words = text.split(|c: char| !c.is_ascii_digit() && c != '.');
    let last = |word: &str| {
        word.trim_matches('.')
            .rsplit('.')
            .next()
            .and_then(|part| part.parse().ok())
    };
    words.filter_map(last).collect()
}

fn number(evidence: &str, expected: &str, found: i64) -> bool {
    let wanted = numbers(expected);
    match evidence {
        // Where the opening hours are not known.
        "update.install_hour" => (8..=19).contains(&found),
        _ if expected.contains(" or later") || expected.contains(" or more") => {
            wanted.iter().max().is_some_and(|least| found < *least)
        }
        _ => !wanted.is_empty() && !wanted.contains(&found),
    }
}

fn text(expected: &str, found: &str) -> bool {
    match expected {
        "no error" => found.starts_with("0x"),
        "nothing left to apply" => found != "up-to-date",
        "starts manually or automatically" => found == "disabled",
        _ => !expected
            .split(" or ")
            .any(|wanted| found == wanted || found.contains(&format!("{wanted},"))),
    }
}

/// By its age, below zero where it lies ahead.
fn time(expected: &str, age: Span) -> bool {
    let days = |text: &str| match text.split(' ').next() {
        Some("three") => 3,
        Some(number) => number
            .parse()
            .unwrap_or_else(|_| panic!("{text:?} begins with no number")),
        None => panic!("no number"),
    };
    if let Some(within) = expected.rsplit_once("within ").map(|(_, within)| within) {
        return age > Span::days(days(within));
    }
    match expected {
        "more than 60 days ahead" => age.0 > -Span::days(60).0,
        "not expired" => age.0 > 0,
        "unchanged" => age < Span::days(14),
        "never expires" => true,
        "nothing left to apply" => age > Span::days(3),
        _ => panic!("how does an age of {age:?} contradict {expected:?}?"),
    }
}
