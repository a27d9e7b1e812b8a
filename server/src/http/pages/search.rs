//! `/search`: whoever is on the phone, found by what they say. The field in the bar shows its answers while one types;
//! without script it is a plain form that leads here.

use askama::Template;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Redirect};
use kaishin_domain::access::Permission;
use kaishin_domain::fold::{Query, Word};
use serde::Deserialize;

use super::parts::{Badge, badge, presence};
use super::{Page, Place, Shown, show};
use crate::app::search::{self, Item};
use crate::http::auth::{BY_ITSELF, Visitor};
use crate::http::failure::Wished;
use crate::http::query::address;
use crate::http::routes::{Needs, Routes};

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
    let mut items = search::find(&cx, &wanted.q, MOST + 1)?;
    let more = items.len() > MOST;
    items.truncate(MOST);
    let found: Vec<Found> = items.into_iter().map(|item| found(&page, item)).collect();
    let typing = headers.contains_key(BY_ITSELF);
    if let ([only], false) = (found.as_slice(), typing) {
        return Ok(Redirect::to(&only.href).into_response());
    }
    let view = View {
        more,
        terminals_href: address("/terminals", &[("q", &in_quotes(&wanted.q))]),
        facilities_href: address("/facilities", &[("q", &wanted.q)]),
        asked: !wanted.q.trim().is_empty(),
        q: wanted.q,
        found,
        page,
    };
    Ok(show(StatusCode::OK, &view))
}

/// The same words as a filter of the list: nothing in them is an operator.
fn in_quotes(q: &str) -> String {
    let query = Query::read(&q.replace(['"', '\\'], ""));
    let quoted = |words: &[Word]| {
        let words = words.iter().map(|word| format!("\"{}\"", word.raw()));
        words.collect::<Vec<_>>().join(" ")
    };
    query.readings().map(quoted).collect::<Vec<_>>().join(" OR ")
}

fn found(page: &Page, item: Item) -> Found {
    let facility = item.kind == "facility";
    let place = if facility { item.address } else { item.facility };
    let about = [
        item.code.unwrap_or_default(),
        item.prefecture.unwrap_or_default(),
        place.unwrap_or_default(),
        item.model.unwrap_or_default(),
        item.serial.unwrap_or_default(),
    ];
    let code = if item.by_code {
        page.t("search-code")
    } else {
        String::new()
    };
    let about: Vec<String> = [code]
        .into_iter()
        .chain(about)
        .filter(|text| !text.is_empty())
        .collect();
    Found {
        href: match facility {
            // With the terminal to look at first.
            true => match item.worst {
                Some(worst) => format!("/facilities/{}#terminal-{worst}", item.id),
                None => format!("/facilities/{}", item.id),
            },
            false => format!("/terminals/{}", item.id),
        },
        title: if item.title.is_empty() { item.id } else { item.title },
        about: about.join(" · "),
        state: match facility {
            true => badge("", page.t1("search-terminals", "count", item.terminals)),
            false => presence(page, item.online > 0),
        },
        faults: match (facility, item.faulty, item.faults.len()) {
            (true, 0, _) | (false, _, 0) => String::new(),
            (true, faulty, _) => page.t1("search-faulty", "count", faulty),
            (false, _, faults) => page.t1("search-faults", "count", faults),
        },
    }
}

#[derive(Template)]
#[template(path = "search.html")]
struct View {
    page: Page,
    q: String,
    asked: bool,
    found: Vec<Found>,
    more: bool,
    terminals_href: String,
    /// A facility without a terminal is found there only.
    facilities_href: String,
}

struct Found {
    href: String,
    title: String,
    about: String,
    state: Badge,
    faults: String,
}

#[cfg(test)]
mod tests {
    use kaishin_domain::access::Role;

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
                    faults: "不具合2件".into(),
                })
                .collect(),
            more: true,
            terminals_href: "/terminals?q=x".into(),
            facilities_href: "/facilities?q=x".into(),
        }
    }

    #[test]
    fn the_page_renders_in_both_languages() {
        for lang in Lang::ALL {
            let html = sample::check(&view(lang, 3));
            assert!(html.contains("UKETSUKE-01") && !html.contains("<i>"));
            assert!(html.contains("/terminals?q=x") && html.contains("/facilities?q=x"));
            let some = [("3件以上", Lang::Ja), ("3 or more found", Lang::En)];
            assert!(
                some.iter().any(|(said, of)| *of == lang && html.contains(said)),
                "{html}"
            );
        }
    }

    #[test]
    fn nothing_found_says_what_can_be_typed() {
        assert!(sample::check(&view(Lang::En, 0)).contains("serial"));
    }

    #[test]
    fn what_was_typed_is_never_read_as_an_operator() {
        assert_eq!(in_quotes("みどり  or \"not\\"), "\"みどり\" \"or\" \"not\"");
        assert_eq!(in_quotes(" \" "), "");
        assert_eq!(in_quotes("医療法人 みどり"), "\"みどり\"");
        assert_eq!(
            in_quotes("+81 3-1111-2222"),
            "\"0311112222\" OR \"+81\" \"3-1111-2222\""
        );
    }
}
