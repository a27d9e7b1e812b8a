//! `/terminals`: the list. Its whole state stands in its address: filter, order and page.

use askama::Template;
use axum::http::StatusCode;
use axum::response::Response;
use kaishin_domain::access::Permission;
use kaishin_domain::time::Time;
use kaishin_domain::value::Value;

use super::parts::{Badge, Problem, flag_badges, machine_name, presence};
use super::{Page, Place, Shown, show};
use crate::app::Kind;
use crate::http::auth::Visitor;
use crate::http::failure::{Failure, Wished};
use crate::http::listing::Wanted;
use crate::http::query::address;
use crate::http::routes::{Needs, Routes};
use crate::index;

pub fn routes() -> Routes {
    let needs = Needs::Permission(Permission::ViewFleet);
    Routes::new()
        .get("/terminals", needs, list)
        .get("/terminals.csv", needs, csv)
}

async fn csv(visitor: Visitor, Wished(wanted): Wished<Wanted>) -> Result<Response, Failure> {
    let (cx, _) = visitor.at(Place::Terminals);
    Ok(wanted.csv(&cx).await?)
}

async fn list(visitor: Visitor, Wished(wanted): Wished<Wanted>) -> Shown {
    let (cx, page) = visitor.at(Place::Terminals);
    let (found, problem) = match wanted.page(&cx).await {
        Ok(found) => (found, None),
        // The filter does not read: said beside the field, where it can be mended.
        Err(error) if error.kind == Kind::Invalid => {
            let nothing = index::Page {
                items: Vec::new(),
                total: 0,
                next: None,
            };
            (nothing, Some(page.problem(&error)))
        }
        Err(error) => return Err(Failure(error)),
    };
    let sort = wanted.sort.clone().unwrap_or_default();
    let none_at_all = cx.app.index.counts().terminals == 0;
    let to = |cursor: &str| address("/terminals", &[("q", &wanted.q), ("sort", &sort), ("cursor", cursor)]);
    let status = if problem.is_some() {
        StatusCode::UNPROCESSABLE_ENTITY
    } else {
        StatusCode::OK
    };
    let view = View {
        chips: chips(&page, &wanted.q),
        columns: columns(&page, &wanted.q, &sort),
        rows: found.items.iter().map(|found| row(&page, found)).collect(),
        total: found.total,
        csv_href: address("/terminals.csv", &[("q", &wanted.q), ("sort", &sort)]),
        first_href: wanted
            .cursor
            .as_ref()
            .filter(|cursor| !cursor.is_empty())
            .map(|_| to("")),
        next_href: found.next.map(|next| to(&next.to_string())),
        empty: found.items.is_empty().then(|| empty(&page, none_at_all)),
        q: wanted.q.clone(),
        sort: wanted.sort.clone(),
        problem,
        page,
    };
    Ok(show(status, &view))
}

fn chips(page: &Page, q: &str) -> Vec<Chip> {
    let known = [
        ("", page.t("chip-all")),
        ("online:yes", page.t("chip-online")),
        ("online:no", page.t("chip-offline")),
        ("fault:*", page.t("chip-faulty")),
        ("state:duplicate OR state:incompatible", page.t("chip-attention")),
        ("state:revoked", page.t("chip-revoked")),
    ];
    known
        .into_iter()
        .map(|(expr, word)| Chip {
            href: address("/terminals", &[("q", expr)]),
            word,
            here: q.trim() == expr,
        })
        .collect()
}

/// The list's columns; those that are second to the others give way on a narrow screen.
fn columns(page: &Page, q: &str, sort: &str) -> Vec<Column> {
    let known = [
        ("hostname", page.t("column-hostname"), ""),
        ("online", page.t("column-state"), ""),
        ("fault", page.t("column-faults"), "n"),
        ("hardware.model", page.t("column-machine"), "wide"),
        ("os.version", page.t("column-os"), "wide"),
        ("agent.version", page.t("column-agent"), "wide"),
        ("last_seen", page.t("column-seen"), ""),
    ];
    known
        .into_iter()
        .map(|(field, word, class)| {
            let sorted = match sort.strip_prefix('-') {
                Some(name) if name == field => Some("descending"),
                None if sort == field || (sort.is_empty() && field == "hostname") => Some("ascending"),
                _ => None,
            };
            let other = if sorted == Some("ascending") {
                format!("-{field}")
            } else {
                field.to_owned()
            };
            Column {
                word,
                class,
                href: Some(address("/terminals", &[("q", q), ("sort", &other)])),
                sorted,
            }
        })
        .collect()
}

fn row(page: &Page, found: &index::Row) -> Row {
    let entry = &found.entry;
    let fact = |key: &str| match entry.facts.get(key) {
        Some(Value::Text(text)) => text.clone(),
        Some(Value::Version(version)) => version.to_string(),
        _ => String::new(),
    };
    Row {
        href: format!("/terminals/{}", entry.id),
        hostname: if entry.hostname.is_empty() {
            entry.id.to_string()
        } else {
            entry.hostname.clone()
        },
        flags: flag_badges(page, entry.flags),
        state: presence(page, found.online()),
        faults: entry.faults.len() as u64,
        machine: machine_name(&fact("hardware.manufacturer"), &fact("hardware.model")),
        os: fact("os.version"),
        agent: fact("agent.version"),
        seen: found.online_since.or(entry.last_seen),
    }
}

fn empty(page: &Page, none_at_all: bool) -> Empty {
    if none_at_all {
        Empty {
            text: page.t("terminals-none"),
            next: page.t("overview-first-token"),
            href: "/enrolment/tokens".to_owned(),
        }
    } else {
        Empty {
            text: page.t("terminals-nothing-matches"),
            next: page.t("filter-clear"),
            href: "/terminals".to_owned(),
        }
    }
}

#[derive(Template)]
#[template(path = "terminals.html")]
struct View {
    page: Page,
    q: String,
    sort: Option<String>,
    problem: Option<Problem>,
    chips: Vec<Chip>,
    columns: Vec<Column>,
    rows: Vec<Row>,
    total: u64,
    csv_href: String,
    first_href: Option<String>,
    next_href: Option<String>,
    empty: Option<Empty>,
}

struct Chip {
    href: String,
    word: String,
    here: bool,
}

struct Column {
    word: String,
    class: &'static str,
    href: Option<String>,
    sorted: Option<&'static str>,
}

struct Row {
    href: String,
    hostname: String,
    flags: Vec<Badge>,
    state: Badge,
    faults: u64,
    machine: String,
    os: String,
    agent: String,
    seen: Option<Time>,
}

/// Why there is nothing to see, and the one thing to do next.
struct Empty {
    text: String,
    next: String,
    href: String,
}

#[cfg(test)]
mod tests {
    use kaishin_domain::access::Role;

    use super::super::parts::badge;
    use super::super::{Place, sample};
    use super::*;
    use crate::http::words::Lang;

    fn view(lang: Lang, rows: usize) -> View {
        View {
            page: sample::page(lang, Some(Role::Viewer), Some(Place::Terminals)),
            q: "model:\"<script>\"".into(),
            sort: Some("-hostname".into()),
            problem: None,
            chips: vec![Chip {
                href: "/terminals".into(),
                word: "すべて".into(),
                here: true,
            }],
            columns: vec![Column {
                word: "コンピューター名".into(),
                class: "",
                href: Some("/terminals?sort=hostname".into()),
                sorted: Some("descending"),
            }],
            rows: (0..rows)
                .map(|n| Row {
                    href: format!("/terminals/{n}"),
                    hostname: format!("UKETSUKE-{n}<i>"),
                    flags: vec![badge("warn", "重複")],
                    state: badge("good", "オンライン"),
                    faults: n as u64,
                    machine: "HP ProDesk 400".into(),
                    os: "10.0.19044.4291".into(),
                    agent: "0.1.0".into(),
                    seen: (n > 0).then_some(Time(1_795_151_000_000_000)),
                })
                .collect(),
            total: 12_483,
            csv_href: "/terminals.csv?q=x".into(),
            first_href: Some("/terminals".into()),
            next_href: Some("/terminals?cursor=x".into()),
            empty: (rows == 0).then(|| Empty {
                text: "条件に合う端末はありません。".into(),
                next: "条件を消す".into(),
                href: "/terminals".into(),
            }),
        }
    }

    #[test]
    fn the_page_renders_in_both_languages() {
        for lang in Lang::ALL {
            let html = sample::check(&view(lang, 50));
            assert!(html.contains("aria-sort=\"descending\"") && html.contains("12,483") && !html.contains("<i>"));
        }
    }

    #[test]
    fn an_empty_list_offers_the_next_step() {
        let html = sample::check(&view(Lang::Ja, 0));
        assert!(html.contains("条件に合う端末はありません。") && !html.contains("<tbody>"));
    }
}
