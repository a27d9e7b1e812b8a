//! `/versions`: who runs what against the latest, the terminal profile that says what the latest is, the rules that
//! measure by it, and how all that came to be.

mod history;
mod profile;
mod rules;

use askama::Template;
use axum::http::{StatusCode, header};
use axum::response::IntoResponse;
use kaishin_domain::access::Permission;
use kaishin_domain::profile_change::Change;

use super::charts::{Bar, Counted, bars, csv};
use super::{Page, Place, Shown, show};
use crate::app::{Cx, versions};
use crate::http::auth::Visitor;
use crate::http::query::address;
use crate::http::routes::{Needs, Routes};

pub fn routes() -> Routes {
    let needs = Needs::Permission(Permission::ViewFleet);
    Routes::new()
        .get("/versions", needs, spread)
        .get("/versions/csv", needs, spread_csv)
        .merge(profile::routes())
        .merge(rules::routes())
        .merge(history::routes())
}

async fn spread(visitor: Visitor) -> Shown {
    let (cx, page) = visitor.at(Place::Versions);
    let view = View {
        tab: "versions",
        version: cx.app.rules.in_force().version,
        judging: judging(&cx, &page),
        spreads: spreads(&page, &versions::spread(&cx)?, cx.app.index.counts().terminals),
        page,
    };
    Ok(show(StatusCode::OK, &view))
}

async fn spread_csv(visitor: Visitor) -> Shown {
    let (cx, _) = visitor.at(Place::Versions);
    let mut rows: Vec<Vec<String>> = Vec::new();
    for of in versions::spread(&cx)? {
        let target = of.target.clone().unwrap_or_default();
        let mut row = |value: &str, count: u64, below: &str| {
            let (name, count) = (of.field.name().to_owned(), count.to_string());
            rows.push(vec![name, target.clone(), value.to_owned(), count, below.to_owned()]);
        };
        for value in &of.values {
            row(&value.text, value.count, if value.below { "yes" } else { "no" });
        }
        let rest = [("(other)", of.others), ("(unknown)", of.unknown)];
        for (name, count) in rest.into_iter().filter(|(_, count)| *count > 0) {
            row(name, count, "");
        }
    }
    let headers = [
        (header::CONTENT_TYPE, "text/csv; charset=utf-8"),
        (header::CONTENT_DISPOSITION, "attachment; filename=\"versions.csv\""),
    ];
    let text = csv("fact,target,value,terminals,below", rows.into_iter());
    Ok((headers, text).into_response())
}

/// How far verdicts have been brought up to what is in force; nothing when they are.
fn judging(cx: &Cx, page: &Page) -> Option<String> {
    let progress = cx.app.judging.progress()?;
    let (judged, all) = (page.count(&progress.judged), page.count(&progress.all));
    Some(page.t2("versions-judging", "judged", judged, "all", all))
}

fn spreads(page: &Page, of: &[versions::Spread], terminals: u64) -> Vec<Spread> {
    let spread = |of: &versions::Spread| {
        let name = of.field.name();
        let bar = |value: &versions::Value| Counted {
            name: value.text.clone(),
            slug: String::new(),
            href: address("/terminals", &[("q", &format!("{name}:\"{}\"", value.text))]),
            count: value.count,
            kind: if value.below { "warn" } else { "" },
        };
        let mut counted: Vec<Counted> = of.values.iter().map(bar).collect();
        let rest = [
            ("versions-others", String::new(), of.others),
            (
                "versions-not-known",
                address("/terminals", &[("q", &format!("{name}:unknown"))]),
                of.unknown,
            ),
        ];
        let rest = rest.into_iter().filter(|(_, _, count)| *count > 0);
        counted.extend(rest.map(|(key, href, count)| Counted {
            name: page.t(key),
            slug: String::new(),
            href,
            count,
            kind: "rest",
        }));
        let below = of.below.unwrap_or(0);
        Spread {
            name: page.lang.choose(of.field.ja(), of.field.en()).to_owned(),
            key: name,
            target: of.target.clone(),
            below,
            below_share: page.share(&below, &terminals),
            below_href: of
                .target
                .as_deref()
                .map(|target| address("/terminals", &[("q", &versions::below(of.field, target))]))
                .unwrap_or_default(),
            bars: bars(page, counted, terminals),
        }
    };
    of.iter().map(spread).collect()
}

/// One version of everything: its name and how the fleet has it.
struct Spread {
    name: String,
    key: &'static str,
    target: Option<String>,
    below: u64,
    below_share: String,
    below_href: String,
    bars: Vec<Bar>,
}

#[derive(Template)]
#[template(path = "versions.html")]
struct View {
    page: Page,
    tab: &'static str,
    version: u32,
    judging: Option<String>,
    spreads: Vec<Spread>,
}

/// One entry that a profile changes, as a person reads it.
struct Changed {
    path: String,
    before: String,
    after: String,
}

fn changed(changes: &[Change]) -> Vec<Changed> {
    let side = |side: &Option<String>| side.clone().unwrap_or_else(|| "–".to_owned());
    let each = changes.iter().map(|change| Changed {
        path: change.path.clone(),
        before: side(&change.before),
        after: side(&change.after),
    });
    each.collect()
}

#[cfg(test)]
mod tests {
    use kaishin_domain::access::Role;
    use kaishin_domain::expr::Field;

    use super::super::sample;
    use super::*;
    use crate::http::words::Lang;

    fn value(text: &str, count: u64, below: bool) -> versions::Value {
        versions::Value {
            text: text.into(),
            count,
            below,
        }
    }

    #[test]
    fn the_page_renders_in_both_languages_with_what_is_below_its_target() {
        for lang in Lang::ALL {
            let page = sample::page(lang, Some(Role::Desk), Some(Place::Versions));
            let of = versions::Spread {
                field: Field::find("edge.delegate.version").expect("a fact"),
                target: Some("2.0.0.0".into()),
                below: Some(8),
                values: vec![value("2.0.0.0", 30, false), value("1.9<i>", 7, true)],
                others: 1,
                unknown: 1,
            };
            let view = View {
                tab: "versions",
                version: 3,
                judging: Some("2 / 3".into()),
                spreads: spreads(&page, &[of], 40),
                page,
            };
            let html = sample::check(&view);
            assert!(
                html.contains("20.0%") && html.contains("2.0.0.0") && !html.contains("1.9<i>"),
                "{html}"
            );
            assert!(html.contains("edge.delegate.version%3C2.0.0.0"), "{html}");
        }
    }
}
