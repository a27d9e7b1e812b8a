//! `/audit`: who changed what, when and why, and whether the chain of entries is whole.

use askama::Template;
use axum::http::StatusCode;
use kaishin_domain::access::Permission;
use kaishin_domain::audit::Entry;
use kaishin_domain::time::Time;
use serde::Deserialize;

use super::parts::{Badge, Problem, badge};
use super::{Page, Place, Shown, show};
use crate::app::{Cx, Kind, audit};
use crate::http::auth::Visitor;
use crate::http::failure::{Failure, Wished};
use crate::http::query;
use crate::http::routes::{Needs, Routes};

const ROWS: u32 = 50;
/// Where there is no value.
const NOTHING: &str = "–";

pub fn routes() -> Routes {
    Routes::new().get("/audit", Needs::Permission(Permission::ViewAudit), list)
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Wanted {
    actor: String,
    target: String,
    before: String,
    verify: String,
}

async fn list(visitor: Visitor, Wished(wanted): Wished<Wanted>) -> Shown {
    let (cx, page) = visitor.at(Place::Audit);
    let some = |text: &str| (!text.trim().is_empty()).then(|| text.trim().to_owned());
    let filter = audit::Filter {
        actor: some(&wanted.actor),
        target: some(&wanted.target),
    };
    let entries = audit::recent(&cx, &filter, wanted.before.parse().ok(), ROWS).await?;
    let to = |before: &str| {
        query::address(
            "/audit",
            &[("actor", &wanted.actor), ("target", &wanted.target), ("before", before)],
        )
    };
    let full = entries.len() == ROWS as usize;
    let view = View {
        chain: if wanted.verify.is_empty() {
            None
        } else {
            Some(verified(&cx, &page).await?)
        },
        rows: entries.iter().map(|entry| row(&cx, &page, entry)).collect(),
        first_href: (!wanted.before.is_empty()).then(|| to("")),
        next_href: entries.last().filter(|_| full).map(|last| to(&last.number.to_string())),
        actor: wanted.actor.clone(),
        target: wanted.target.clone(),
        page,
    };
    Ok(show(StatusCode::OK, &view))
}

/// Walks the whole log, so it is done when somebody asks.
async fn verified(cx: &Cx, page: &Page) -> Result<Chain, Failure> {
    match audit::verify(cx, None).await {
        Ok(verified) => Ok(Chain {
            state: badge("good", page.t("audit-whole")),
            broken: None,
            entries: verified.entries.unsigned_abs(),
            head: hex::encode(verified.head.seal),
        }),
        Err(error) if error.kind == Kind::Conflict => Ok(Chain {
            state: badge("bad", page.t("audit-broken")),
            broken: Some(page.problem(&error)),
            entries: 0,
            head: String::new(),
        }),
        Err(error) => Err(Failure(error)),
    }
}

fn row(cx: &Cx, page: &Page, entry: &Entry) -> Row {
    let mut row = plain_row(page, entry);
    let hostname = |who: &str| {
        let id = who.strip_prefix("terminal:")?.parse().ok()?;
        Some(cx.app.index.get(id)?.entry.hostname)
    };
    if let Some(hostname) = hostname(&entry.target) {
        row.target = hostname;
    }
    if let Some(hostname) = hostname(&entry.actor) {
        row.actor = hostname;
    }
    row
}

/// What following the chain of seals found.
struct Chain {
    state: Badge,
    broken: Option<Problem>,
    entries: u64,
    head: String,
}

#[derive(Template)]
#[template(path = "audit.html")]
struct View {
    page: Page,
    chain: Option<Chain>,
    actor: String,
    target: String,
    rows: Vec<Row>,
    first_href: Option<String>,
    next_href: Option<String>,
}

struct Row {
    number: i64,
    at: Time,
    actor: String,
    actor_href: String,
    action: String,
    slug: String,
    target: String,
    target_href: Option<String>,
    reason: String,
    before: String,
    after: String,
}

fn plain_row(page: &Page, entry: &Entry) -> Row {
    // A sign-in changes nothing; but what came out of nothing, or became nothing, is told.
    let changed = [&entry.before, &entry.after].iter().any(|side| *side != "null");
    let (noun, id) = entry.target.split_once(':').unwrap_or(("", entry.target.as_str()));
    Row {
        number: entry.number,
        at: entry.at,
        actor: entry.actor.clone(),
        actor_href: query::address("/audit", &[("actor", &entry.actor)]),
        action: action(page, &entry.action),
        slug: entry.action.clone(),
        target: entry.target.clone(),
        target_href: matches!(noun, "terminal" | "call").then(|| format!("/{noun}s/{id}")),
        reason: entry.reason.clone(),
        before: if changed {
            json_words(&entry.before)
        } else {
            String::new()
        },
        after: if changed {
            json_words(&entry.after)
        } else {
            String::new()
        },
    }
}

/// Known actions have words; a newer or older one is shown by its name.
fn action(page: &Page, name: &str) -> String {
    let key = format!("action-{}", name.replace('.', "-"));
    page.lang.try_t(&key).unwrap_or_else(|| name.to_owned())
}

/// `state: revoked, generation: 2` reads better than braces; what is no object stays as it was sealed.
fn json_words(text: &str) -> String {
    match serde_json::from_str(text) {
        Ok(value @ serde_json::Value::Object(_)) => {
            let mut parts = Vec::new();
            words_of("", &value, &mut parts);
            parts.join(", ")
        }
        Ok(serde_json::Value::Null) => NOTHING.to_owned(),
        Ok(_) | Err(_) => text.to_owned(),
    }
}

fn words_of(name: &str, value: &serde_json::Value, parts: &mut Vec<String>) {
    use serde_json::Value as Json;
    match value {
        Json::Null => parts.push(format!("{name}: {NOTHING}")),
        Json::String(text) if text.is_empty() => parts.push(format!("{name}: \"\"")),
        Json::String(text) => parts.push(format!("{name}: {text}")),
        Json::Object(map) => {
            for (inner, value) in map {
                words_of(inner, value, parts);
            }
        }
        Json::Bool(_) | Json::Number(_) | Json::Array(_) => parts.push(format!("{name}: {value}")),
    }
}

#[cfg(test)]
mod tests {
    use kaishin_domain::access::Role;
    use kaishin_domain::audit::{Event, Head};
    use serde_json::json;

    use super::super::sample;
    use super::*;
    use crate::http::words::Lang;

    fn entry(action: &'static str) -> Entry {
        Entry::next(
            Head::START,
            Event {
                at: Time(1_795_151_000_000_000),
                actor: "tanaka<i>".into(),
                action,
                target: "terminal:x".into(),
                reason: "盗難<i>".into(),
                before: json!({"state": "active<i>"}),
                after: json!(null),
            },
        )
    }

    #[test]
    fn the_page_renders_in_both_languages() {
        for lang in Lang::ALL {
            let page = sample::page(lang, Some(Role::Admin), Some(Place::Audit));
            let html = sample::check(&View {
                chain: Some(Chain {
                    state: badge("good", page.t("audit-whole")),
                    broken: None,
                    entries: 1,
                    head: "ab".repeat(32),
                }),
                actor: "\"<i>".into(),
                target: String::new(),
                rows: vec![
                    plain_row(&page, &entry("terminal.revoke")),
                    plain_row(&page, &entry("something.newer")),
                ],
                first_href: None,
                next_href: Some("/audit?before=1".into()),
                page,
            });
            assert!(html.contains("something.newer") && html.contains("state: active") && !html.contains("<i>"));
        }
    }

    #[test]
    fn what_was_nothing_or_became_nothing_is_shown_as_a_dash() {
        let page = sample::page(Lang::En, Some(Role::Admin), Some(Place::Audit));
        let row = plain_row(&page, &entry("terminal.revoke"));
        assert_eq!((row.before.as_str(), row.after.as_str()), ("state: active<i>", "–"));
        assert_eq!(
            json_words(r#"{"hold":null,"note":"","n":2}"#),
            "hold: –, n: 2, note: \"\""
        );
        let signed_in = Entry {
            before: "null".into(),
            ..entry("operator.sign-in")
        };
        let row = plain_row(&page, &signed_in);
        assert_eq!((row.before.as_str(), row.after.as_str()), ("", ""));
    }

    #[test]
    fn an_empty_log_says_so() {
        let page = sample::page(Lang::En, Some(Role::Admin), Some(Place::Audit));
        let html = sample::check(&View {
            chain: Some(Chain {
                state: badge("bad", page.t("audit-broken")),
                broken: Some(Problem {
                    code: "E-AUDIT-01".into(),
                    text: "Entry 3 was altered".into(),
                }),
                entries: 0,
                head: String::new(),
            }),
            actor: String::new(),
            target: String::new(),
            rows: vec![],
            first_href: None,
            next_href: None,
            page,
        });
        assert!(html.contains("No entry matches.") && html.contains("Entry 3 was altered"));
    }
}
