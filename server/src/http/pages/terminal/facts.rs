//! `/terminals/{id}/facts`: all that is known, section by section, each dated; what is unknown says why.

use askama::Template;
use axum::extract::Path;
use axum::http::{HeaderMap, StatusCode};
use kaishin_domain::fact::{self, SECTIONS};
use kaishin_domain::time::Time;

use super::{Answer, Head, Page, Shown, Tab, Visitor, head, opened, show, shown};
use crate::app::terminals::SectionRow;
use crate::http::words::Lang;

pub async fn facts(visitor: Visitor, Path(text): Path<String>, headers: HeaderMap) -> Answer {
    let (cx, page, detail) = opened(visitor, &text, &headers).await?;
    let view = View {
        head: head(&cx, &page, &detail, Tab::Facts),
        sections: sections(page.lang, &detail.sections),
        page,
    };
    Ok(show(StatusCode::OK, &view))
}

#[derive(Template)]
#[template(path = "terminal_facts.html")]
struct View {
    page: Page,
    head: Head,
    sections: Vec<SectionView>,
}

struct SectionView {
    slug: &'static str,
    name: &'static str,
    at: Time,
    facts: Vec<FactView>,
}

struct FactView {
    key: String,
    label: String,
    value: Shown,
}

/// The catalogue's order; facts of a newer agent come last, under their keys.
fn sections(lang: Lang, known: &[SectionRow]) -> Vec<SectionView> {
    let place = |key: &str| fact::all().position(|fact| fact.key == key).unwrap_or(usize::MAX);
    SECTIONS
        .iter()
        .filter_map(|section| {
            let found = known.iter().find(|found| found.name == section.name)?;
            let mut facts: Vec<FactView> = found
                .facts
                .iter()
                .map(|(key, value)| FactView {
                    label: fact::find(key).map_or_else(|| key.clone(), |fact| lang.choose(fact.ja, fact.en).to_owned()),
                    key: key.clone(),
                    value: shown(lang, key, value),
                })
                .collect();
            facts.sort_by_key(|fact| place(&fact.key));
            Some(SectionView {
                slug: section.name,
                name: lang.choose(section.ja, section.en),
                at: found.observed_at,
                facts,
            })
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use kaishin_domain::access::Role;
    use kaishin_domain::id::TerminalId;
    use kaishin_domain::value::{Reason, Table, Value};

    use super::super::samples;
    use super::*;
    use crate::http::pages::sample;

    fn known() -> Vec<SectionRow> {
        let at = Time(1_795_151_000_000_000);
        let section = |name: &str, facts: &[(&str, Value)]| SectionRow {
            terminal: TerminalId::new(at, [0; 10]),
            name: name.into(),
            digest: Vec::new(),
            observed_at: at,
            received_at: at,
            facts: facts
                .iter()
                .map(|(key, value)| ((*key).to_owned(), value.clone()))
                .collect(),
        };
        let table = Table {
            columns: vec!["id".into()],
            rows: vec![vec!["<i>".into()]],
        };
        vec![
            section(
                "power",
                &[
                    ("power.fast_startup", Value::Truth(true)),
                    ("power.hibernate", Value::unknown(Reason::NoPermission, "<i>denied")),
                    ("power.later", Value::List(vec!["a".into(), "b<i>".into()])),
                    ("power.table", Value::Table(table)),
                    ("power.at", Value::Time(at)),
                ],
            ),
            section("hardware", &[("hardware.memory", Value::Size(8 << 30))]),
        ]
    }

    #[test]
    fn the_page_renders_in_both_languages() {
        for lang in Lang::ALL {
            let page = samples::page(lang, Role::Viewer);
            let html = sample::check(&View {
                head: samples::head(&page),
                sections: sections(lang, &known()),
                page,
            });
            assert!(html.contains("8.0 GB") && html.contains("power.fast_startup") && !html.contains("<i>"));
        }
    }

    #[test]
    fn a_terminal_that_told_nothing_yet_says_so() {
        let page = samples::page(Lang::En, Role::Viewer);
        let html = sample::check(&View {
            head: samples::head(&page),
            sections: vec![],
            page,
        });
        assert!(html.contains("No facts received yet"));
    }
}
