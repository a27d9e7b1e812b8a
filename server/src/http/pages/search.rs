//! `/search`: whoever is on the phone, found by what they say. The field in the bar shows its answers while one types;
//! without script it is a plain form that leads here.

use askama::Template;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Redirect};
use kaishin_domain::access::Permission;
use serde::Deserialize;

use super::parts::{Badge, machine_name, presence};
use super::{Page, Place, Shown, show};
use crate::app::{AppError, Cx, terminals};
use crate::http::auth::{BY_ITSELF, Visitor};
use crate::http::failure::Wished;
use crate::http::query::address;
use crate::http::routes::{Needs, Routes};
use crate::index::{Row, Sort};

/// More than fit on a screen are better narrowed by another word.
const MOST: usize = 20;

pub fn routes() -> Routes {
    Routes::new().get("/search", Needs::Permission(Permission::ViewFleet), search)
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Wanted {
    q: String,
}

async fn search(visitor: Visitor, headers: axum::http::HeaderMap, Wished(wanted): Wished<Wanted>) -> Shown {
    let (cx, page) = visitor.at(Place::Terminals);
    let (found, total) = find(&cx, &page, &wanted.q).await?;
    let typing = headers.contains_key(BY_ITSELF);
    if let ([only], false) = (found.as_slice(), typing) {
        return Ok(Redirect::to(&only.href).into_response());
    }
    let view = View {
        more: total.saturating_sub(found.len() as u64),
        all_href: address("/terminals", &[("q", &wanted.q)]),
        asked: !wanted.q.trim().is_empty(),
        q: wanted.q,
        found,
        total,
        page,
    };
    Ok(show(StatusCode::OK, &view))
}

async fn find(cx: &Cx, page: &Page, q: &str) -> Result<(Vec<Found>, u64), AppError> {
    let words: Vec<String> = q
        .split_whitespace()
        .map(|word| format!("\"{}\"", word.replace(['"', '\\'], "")))
        .filter(|word| word.len() > 2)
        .collect();
    if words.is_empty() {
        return Ok((Vec::new(), 0));
    }
    let filter = terminals::parse_filter(&words.join(" "))?;
    let rows = terminals::list(cx, &filter, Sort::default(), None, MOST).await?;
    Ok((rows.items.iter().map(|row| terminal(page, row)).collect(), rows.total))
}

fn terminal(page: &Page, row: &Row) -> Found {
    let entry = &row.entry;
    let fact = |key: &str| match entry.facts.get(key) {
        Some(kaishin_domain::value::Value::Text(text)) => text.clone(),
        _ => String::new(),
    };
    let about = [
        entry.institution.clone().unwrap_or_default(),
        machine_name(&fact("hardware.manufacturer"), &fact("hardware.model")),
        fact("hardware.serial"),
    ];
    Found {
        href: format!("/terminals/{}", entry.id),
        title: if entry.hostname.is_empty() {
            entry.id.to_string()
        } else {
            entry.hostname.clone()
        },
        about: about
            .into_iter()
            .filter(|text| !text.is_empty())
            .collect::<Vec<_>>()
            .join(" · "),
        state: presence(page, row.online()),
        faults: entry.faults.len() as u64,
    }
}

#[derive(Template)]
#[template(path = "search.html")]
struct View {
    page: Page,
    q: String,
    asked: bool,
    found: Vec<Found>,
    total: u64,
    more: u64,
    all_href: String,
}

struct Found {
    href: String,
    title: String,
    about: String,
    state: Badge,
    faults: u64,
}

#[cfg(test)]
mod tests {
    use kaishin_domain::access::Role;

    use super::super::parts::badge;
    use super::super::sample;
    use super::*;
    use crate::http::words::Lang;

    fn view(lang: Lang, found: usize) -> View {
        View {
            page: sample::page(lang, Some(Role::Viewer), None),
            q: "<i>みぎ".into(),
            asked: true,
            found: (0..found)
                .map(|n| Found {
                    href: format!("/terminals/{n}"),
                    title: "UKETSUKE-01<i>".into(),
                    about: "1312345678 · HP".into(),
                    state: badge("good", "オンライン"),
                    faults: n as u64,
                })
                .collect(),
            total: found as u64 + 3,
            more: 3,
            all_href: "/terminals?q=x".into(),
        }
    }

    #[test]
    fn the_page_renders_in_both_languages() {
        for lang in Lang::ALL {
            let html = sample::check(&view(lang, 3));
            assert!(html.contains("UKETSUKE-01") && !html.contains("<i>"));
        }
    }

    #[test]
    fn nothing_found_says_what_can_be_typed() {
        assert!(sample::check(&view(Lang::En, 0)).contains("serial"));
    }
}
