//! Charts drawn on the server: the numbers become shapes here, `charts.html` writes them as SVG, the style sheet gives
//! colours that mean the same on light and dark. Each chart carries its table and the address of its CSV; nothing is
//! told by colour alone.

mod tiles;

pub use tiles::{Area, Tiles, tiles};

use super::Page;
use crate::app::overview::midnight;
use crate::app::spreadsheet;
use kaishin_domain::time::{Span, Time};

/// Shapes are drawn on a field of this width and height and stretched to the page.
const WIDE: u64 = 1000;
const HIGH: u64 = 100;
const DOT: u64 = 4;

/// One bar: a name, how many, and what share of the whole.
pub struct Bar {
    pub name: String,
    /// What a program calls it.
    pub slug: String,
    pub href: String,
    pub count: u64,
    pub share: String,
    /// With all those above it, of everything that is counted.
    pub sum: String,
    pub width: u64,
    /// `bad`, `warn` or nothing, as for badges.
    pub kind: &'static str,
}

impl Bar {
    /// Its colour as the word of a fault's weight.
    pub fn weight(&self) -> &'static str {
        match self.kind {
            "bad" => "weight-grave",
            "warn" => "weight-mild",
            _ => "weight-note",
        }
    }
}

pub struct Counted {
    pub name: String,
    pub slug: String,
    pub href: String,
    pub count: u64,
    pub kind: &'static str,
}

/// Bars by size, the largest first: what to begin with. The share is of `whole`.
pub fn pareto(page: &Page, mut counted: Vec<Counted>, whole: u64) -> Vec<Bar> {
    counted.sort_by(|one, other| other.count.cmp(&one.count).then_with(|| one.slug.cmp(&other.slug)));
    bars(page, counted, whole)
}

/// Bars in the order given.
pub fn bars(page: &Page, counted: Vec<Counted>, whole: u64) -> Vec<Bar> {
    let largest = counted.iter().map(|one| one.count).max().unwrap_or(0).max(1);
    let all: u64 = counted.iter().map(|one| one.count).sum();
    let mut sum = 0;
    let bar = |one: Counted| {
        sum += one.count;
        Bar {
            share: page.share(&one.count, &whole),
            sum: page.share(&sum, &all),
            // What is there is seen, however small beside the largest.
            width: (one.count * WIDE / largest).max(u64::from(one.count > 0) * 4),
            name: one.name,
            slug: one.slug,
            href: one.href,
            count: one.count,
            kind: one.kind,
        }
    };
    counted.into_iter().map(bar).collect()
}

/// How many at a moment, of how many.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sample {
    pub at: Time,
    pub count: u64,
    pub of: u64,
}

/// A line through samples; where samples are missing it breaks, so that no gap looks like a value.
pub struct Line {
    /// Each unbroken run: the points of its line, and of the area under it.
    pub runs: Vec<Run>,
    /// Where each day begins, and its date.
    pub days: Vec<Day>,
    pub top: String,
    pub last: Option<Sample>,
    pub lowest: Option<Sample>,
}

pub struct Run {
    pub line: String,
    pub area: String,
}

pub struct Day {
    pub x: u64,
    pub date: String,
    /// The least and the most of the day; none where nothing was recorded.
    pub range: Option<(Sample, Sample)>,
}

/// From `from` to `to`, with samples expected at every `pace`.
pub fn line(page: &Page, samples: &[Sample], from: Time, to: Time, pace: Span) -> Line {
    let top = samples.iter().map(|one| one.count.max(one.of)).max().unwrap_or(0);
    let span = to.since(from).0.max(1);
    let x = |at: Time| {
        let along = at.since(from).0.clamp(0, span);
        u64::try_from(i128::from(along) * i128::from(WIDE) / i128::from(span)).unwrap_or(0)
    };
    let y = |count: u64| HIGH - count * HIGH / top.max(1);
    let mut parts: Vec<Vec<&Sample>> = Vec::new();
    for sample in samples {
        match parts.last_mut() {
            Some(part) if part.last().is_some_and(|last| sample.at.since(last.at).0 <= 3 * pace.0) => part.push(sample),
            Some(_) | None => parts.push(vec![sample]),
        }
    }
    let run = |part: &Vec<&Sample>| {
        let points: Vec<(u64, u64)> = part.iter().map(|one| (x(one.at), y(one.count))).collect();
        let (first, last) = (
            points.first().map_or(0, |one| one.0),
            points.last().map_or(0, |one| one.0),
        );
        // A single sample is drawn as wide as it can be seen, and never past the edge.
        let first = first.min(WIDE - DOT);
        let last = last.max(first + DOT);
        let mut line: Vec<String> = points.iter().map(|(x, y)| format!("{x},{y}")).collect();
        line.push(format!("{last},{}", points.last().map_or(HIGH, |one| one.1)));
        Run {
            area: format!("{first},{HIGH} {} {last},{HIGH}", line.join(" ")),
            line: line.join(" "),
        }
    };
    Line {
        runs: parts.iter().map(run).collect(),
        days: days(page, samples, from, to)
            .into_iter()
            .map(|(at, day)| Day { x: x(at), ..day })
            .collect(),
        top: page.count(&top),
        last: samples.last().copied(),
        lowest: samples.iter().min_by_key(|one| (one.count, one.at)).copied(),
    }
}

fn days(page: &Page, samples: &[Sample], from: Time, to: Time) -> Vec<(Time, Day)> {
    let mut days = Vec::new();
    let mut begins = midnight(from);
    while begins <= to {
        let ends = begins + Span::days(1);
        let within = || samples.iter().filter(|one| one.at >= begins && one.at < ends);
        let least = within().min_by_key(|one| one.count).copied();
        let day = Day {
            x: 0,
            date: page.lang.day(begins),
            range: least.zip(within().max_by_key(|one| one.count).copied()),
        };
        if begins >= from {
            days.push((begins, day));
        } else if within().next().is_some() {
            days.push((from, day));
        }
        begins = ends;
    }
    days
}

/// A table as a file for spreadsheets.
pub fn csv(head: &str, rows: impl Iterator<Item = Vec<String>>) -> String {
    let mut text = String::from(spreadsheet::MARK);
    spreadsheet::row(&mut text, head.split(','));
    for row in rows {
        spreadsheet::row(&mut text, row);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::super::sample;
    use super::*;
    use crate::http::words::Lang;

    fn counted(slug: &str, count: u64) -> Counted {
        Counted {
            name: slug.into(),
            slug: slug.into(),
            href: String::new(),
            count,
            kind: "bad",
        }
    }

    #[test]
    fn the_largest_comes_first_and_the_last_completes_the_whole() {
        let page = sample::page(Lang::Ja, None, None);
        let bars = pareto(&page, vec![counted("a", 1), counted("b", 3), counted("c", 0)], 8);
        let seen: Vec<_> = bars
            .iter()
            .map(|bar| (bar.slug.as_str(), bar.share.as_str(), bar.sum.as_str()))
            .collect();
        assert_eq!(
            seen,
            [
                ("b", "37.5%", "75.0%"),
                ("a", "12.5%", "100.0%"),
                ("c", "0.0%", "100.0%")
            ]
        );
        assert_eq!(bars.iter().map(|bar| bar.width).collect::<Vec<_>>(), [1000, 333, 0]);
    }

    #[test]
    fn a_line_breaks_where_nothing_was_recorded() {
        let page = sample::page(Lang::En, None, None);
        let (from, pace) = (Time(0), Span::minutes(5));
        let at = |minute: i64, count| Sample {
            at: from + Span::minutes(minute),
            count,
            of: 10,
        };
        let samples = [at(0, 10), at(5, 5), at(60, 10)];
        let line = line(&page, &samples, from, from + Span::minutes(100), pace);
        assert_eq!(line.runs.len(), 2);
        assert_eq!(line.runs[0].line, "0,0 50,50 50,50");
        assert_eq!(line.runs[1].line, "600,0 604,0");
        assert_eq!((line.top.as_str(), line.lowest), ("10", Some(at(5, 5))));
    }

    #[test]
    fn no_samples_make_an_empty_line() {
        let page = sample::page(Lang::En, None, None);
        let line = line(&page, &[], Time(0), Time(0) + Span::days(7), Span::minutes(5));
        assert!(line.runs.is_empty() && line.last.is_none() && line.days.iter().all(|day| day.range.is_none()));
    }

    #[test]
    fn files_for_spreadsheets_hold_no_formulas() {
        let text = csv("a,b", [vec!["=1".to_owned(), "x\"y".to_owned()]].into_iter());
        assert_eq!(text, "\u{feff}\"a\",\"b\"\r\n\"'=1\",\"x\"\"y\"\r\n");
    }
}
