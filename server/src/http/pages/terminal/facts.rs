//! `/terminals/{id}/facts`: all that is known, section by section, each dated; what is unknown says why.

use askama::Template;
use axum::extract::Path;
use axum::http::{HeaderMap, StatusCode};
use kaishin_domain::fact::{self, SECTIONS};
use kaishin_domain::time::Time;
use kaishin_domain::value::{Table, Value};

use super::{Answer, Head, Page, Tab, Visitor, head, opened, show};
use crate::app::terminals::SectionRow;
use crate::http::words::{Lang, grouped};

pub async fn facts(visitor: Visitor, Path(text): Path<String>, headers: HeaderMap) -> Answer {
    let (_, page, detail) = opened(visitor, &text, &headers).await?;
    let view = View {
        head: head(&page, &detail, Tab::Facts),
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

/// A fact as it is put on a page.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Shown {
    Text(String),
    Time(Time),
    Unknown(String),
    List(Vec<String>),
    Table(Table),
}

impl Shown {
    /// On one line.
    pub fn line(self, lang: Lang) -> String {
        match self {
            Shown::Text(text) | Shown::Unknown(text) => text,
            Shown::Time(at) => lang.when(at),
            Shown::List(items) => items.join(lang.choose("、", ", ")),
            Shown::Table(table) => lang.with("table-rows", &[("count", &table.rows.len())]),
        }
    }
}

/// A setting is on or off; whatever else is true or false is a yes or a no.
pub fn shown(lang: Lang, key: &str, value: &Value) -> Shown {
    let setting = key.starts_with("power.");
    match value {
        Value::Truth(true) => Shown::Text(lang.t(if setting { "on" } else { "yes" })),
        Value::Truth(false) => Shown::Text(lang.t(if setting { "off" } else { "no" })),
        Value::Number(number) => Shown::Text(number.to_string()),
        Value::Text(text) => Shown::Text(text.clone()),
        Value::Version(version) => Shown::Text(version.to_string()),
        Value::Time(at) => Shown::Time(*at),
        Value::Duration(span) => Shown::Text(lang.span(*span)),
        Value::Size(bytes) => Shown::Text(size(*bytes)),
        Value::List(items) if items.is_empty() => Shown::Text(lang.t("none")),
        Value::List(items) => Shown::List(items.clone()),
        Value::Table(table) if table.rows.is_empty() => Shown::Text(lang.t("none")),
        Value::Table(table) => Shown::Table(headed(lang, table)),
        Value::Unknown(unknown) => {
            let reason = lang.t(&format!("unknown-{}", unknown.reason.name()));
            Shown::Unknown(if unknown.detail.is_empty() {
                reason
            } else {
                format!("{reason} - {}", unknown.detail)
            })
        }
    }
}

/// `8.0 GB`, in the binary units that machines are sold by.
fn size(bytes: u64) -> String {
    const UNITS: [(u64, &str); 3] = [(1 << 30, "GB"), (1 << 20, "MB"), (1 << 10, "KB")];
    match UNITS.iter().find(|(unit, _)| bytes >= *unit) {
        Some((unit, name)) => {
            let tenths = u128::from(bytes) * 10 / u128::from(*unit);
            format!("{}.{} {name}", tenths / 10, tenths % 10)
        }
        None => format!("{} B", grouped(bytes)),
    }
}

/// Columns are named as the collectors name them, in the reader's words where there are any.
fn headed(lang: Lang, table: &Table) -> Table {
    let head = |name: &String| {
        let key = format!("col-{}", name.replace([' ', '_'], "-").to_lowercase());
        lang.try_t(&key).unwrap_or_else(|| name.clone())
    };
    Table {
        columns: table.columns.iter().map(head).collect(),
        rows: table.rows.clone(),
    }
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
    use kaishin_domain::time::Span;
    use kaishin_domain::value::Reason;

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

    #[test]
    fn values_are_told_as_people_say_them() {
        let table = |rows| {
            Value::Table(Table {
                columns: vec!["version".into(), "strange".into()],
                rows,
            })
        };
        assert_eq!(
            shown(Lang::Ja, "time.offset", &Value::Duration(Span::millis(-350))),
            Shown::Text("-0.3秒".into())
        );
        assert_eq!(shown(Lang::En, "edge.crx", &table(vec![])), Shown::Text("None".into()));
        let Shown::Table(shown) = shown(Lang::Ja, "edge.crx", &table(vec![vec!["1".into(), "x".into()]])) else {
            panic!("a table is shown as a table");
        };
        assert_eq!(shown.columns, ["版数", "strange"]);
        assert_eq!(Shown::Table(shown).line(Lang::Ja), "1件");
        assert_eq!(Shown::List(vec!["a".into(), "b".into()]).line(Lang::Ja), "a、b");
    }

    #[test]
    fn every_reason_for_not_knowing_has_its_words() {
        for reason in Reason::ALL {
            for lang in Lang::ALL {
                let Shown::Unknown(text) = shown(lang, "os.edition", &Value::unknown(reason, "")) else {
                    panic!("unknown is shown as unknown");
                };
                assert!(!text.contains("localization"), "{text}");
            }
        }
    }

    #[test]
    fn sizes_are_told_as_people_know_them() {
        assert_eq!([8 << 30, 1536 << 20, 500].map(size), ["8.0 GB", "1.5 GB", "500 B"]);
    }
}
