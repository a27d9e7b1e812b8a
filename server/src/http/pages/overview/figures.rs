//! What the overview says besides its charts: today's changes, how versions are spread, why there is nothing to see.

use kaishin_domain::expr::Field;

use super::super::Page;
use super::super::charts::{Bar, Counted, bars};
use super::{Cx, Empty, Link};
use crate::app::overview::{Today, Versions};
use crate::http::query::address;
use crate::index::Counts;

/// Something that happened today: how often, and of which kinds.
pub struct Change {
    pub words: String,
    pub count: u64,
    pub kind: &'static str,
    pub href: String,
    pub parts: Vec<(String, u64)>,
    /// How many kinds more there are.
    pub others: usize,
}

/// So many kinds are named.
const NAMED: usize = 5;

pub struct Version {
    pub name: String,
    pub bars: Vec<Bar>,
    pub unknown: u64,
}

/// Only what is not nothing.
pub fn changes(cx: &Cx, page: &Page, today: &Today) -> Vec<Change> {
    let by_rule = |counts: &[(String, u64)]| -> Vec<(String, u64)> {
        let mut named: Vec<(String, u64)> = counts
            .iter()
            .map(|(id, count)| {
                let title = cx.app.rules.rule(id).map(|rule| page.of(&rule.title).to_owned());
                (title.unwrap_or_else(|| id.clone()), *count)
            })
            .collect();
        named.sort_by(|one, other| other.1.cmp(&one.1).then_with(|| one.0.cmp(&other.0)));
        named
    };
    let by_state = |counts: &[(String, u64)]| -> Vec<(String, u64)> {
        counts
            .iter()
            .map(|(state, count)| (page.t(&format!("job-{state}")), *count))
            .collect()
    };
    let change = |key: &str, kind, href: &str, parts: Vec<(String, u64)>| Change {
        words: page.t(key),
        count: parts.iter().map(|(_, count)| count).sum(),
        kind,
        href: href.to_owned(),
        others: parts.len().saturating_sub(NAMED),
        parts: parts.into_iter().take(NAMED).collect(),
    };
    let new = Change {
        count: today.new_terminals,
        ..change("today-terminals", "", "/terminals?sort=-id", Vec::new())
    };
    let known = [
        change("today-opened", "bad", "/terminals?q=fault%3A*", by_rule(&today.opened)),
        change("today-closed", "good", "", by_rule(&today.closed)),
        new,
        change("today-jobs", "busy", "", by_state(&today.jobs.made)),
    ];
    known.into_iter().filter(|change| change.count > 0).collect()
}

pub fn versions(page: &Page, of: &[Versions], terminals: u64) -> Vec<Version> {
    let version = |of: &Versions| {
        let field = Field::find(of.field)?;
        let bar = |(value, count): &(String, u64)| Counted {
            name: value.clone(),
            slug: value.clone(),
            href: address("/terminals", &[("q", &format!("{}:\"{value}\"", of.field))]),
            count: *count,
            kind: "",
        };
        let mut counted: Vec<Counted> = of.values.iter().map(bar).collect();
        if of.others > 0 {
            counted.push(Counted {
                name: page.t("versions-others"),
                slug: String::new(),
                href: String::new(),
                count: of.others,
                kind: "",
            });
        }
        Some(Version {
            name: page.lang.choose(field.ja(), field.en()).to_owned(),
            bars: bars(page, counted, terminals),
            unknown: of.unknown,
        })
    };
    of.iter().filter_map(version).collect()
}

/// Why no fault is shown: nobody is there yet, nothing was reported yet, or all is well.
pub fn empty(page: &Page, counts: &Counts) -> Empty {
    let (text, href, name) = if counts.terminals == 0 {
        ("overview-no-terminals", "/enrolment/tokens", "overview-first-token")
    } else if counts.online == 0 {
        (
            "overview-nobody-online",
            "/terminals?q=online%3Ano",
            "overview-to-offline",
        )
    } else {
        ("overview-no-faults", "/terminals", "overview-to-list")
    };
    Empty {
        text: page.t(text),
        next: Some(Link {
            href: href.to_owned(),
            name: page.t(name),
        }),
    }
}
