//! `/desk`: where somebody at the desk is between two calls. Who is to be called back first, which calls are open, and a
//! call that begins; the list below is filtered, ordered, paged and put into files like every other one.

use askama::Template;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Redirect, Response};
use kaishin_domain::access::{Permission, Scope};
use kaishin_domain::call::{Call, Condition, State};
use kaishin_domain::time::Time;
use serde::Deserialize;

use super::parts::{Badge, Problem, badge, presence};
use super::{Page, Place, Shown, show};
use crate::app::calls::{self, CallOrder, Item};
use crate::app::{Kind, search};
use crate::http::auth::Visitor;
use crate::http::call_told::Begins;
use crate::http::calls_query::Wanted;
use crate::http::failure::{Failure, Filled, Wished};
use crate::http::routes::{Needs, Routes};

/// Whom a few words find; more are better narrowed.
const MOST_FOUND: usize = 8;
/// What the desk shows unless somebody asks for something else.
const UNFINISHED: &str = "unfinished";

pub fn routes() -> Routes {
    let view = Needs::Permission(Permission::ViewFleet);
    Routes::new()
        .get("/desk", view, desk)
        .get("/desk.csv", view, csv)
        .get("/desk.xlsx", view, xlsx)
        .post("/calls", Needs::Permission(Permission::TakeCalls), begin)
}

/// The list, and whom somebody looks for to begin a call with.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Asked {
    find: String,
    q: String,
    state: Option<String>,
    owner: Option<String>,
    terminal: String,
    facility: String,
    sort: String,
    limit: String,
    cursor: String,
}

impl Asked {
    /// Without a word about it: one's own calls that are not closed.
    fn wanted(self) -> (Wanted, String) {
        let plain = self.q.is_empty() && self.terminal.is_empty() && self.facility.is_empty();
        let usual = |text: &str| if plain { text.to_owned() } else { String::new() };
        let wanted = Wanted {
            state: self.state.unwrap_or_else(|| usual(UNFINISHED)),
            owner: self.owner.unwrap_or_else(|| usual("me")),
            q: self.q,
            terminal: self.terminal,
            facility: self.facility,
            sort: self.sort,
            limit: self.limit,
            cursor: self.cursor,
        };
        (wanted, self.find)
    }
}

async fn begin(visitor: Visitor, Filled(begins): Filled<Begins>) -> Shown {
    let (cx, _) = visitor.at(Place::Desk);
    cx.require(Permission::TakeCalls, Scope::Fleet)?;
    let call = calls::open(&cx, begins.call(&cx)?).await?;
    Ok(Redirect::to(&format!("/calls/{}", call.id)).into_response())
}

async fn csv(visitor: Visitor, Wished(wanted): Wished<Wanted>) -> Result<Response, Failure> {
    let (cx, _) = visitor.at(Place::Desk);
    let text = calls::csv(&cx, &wanted.filter(&cx)?, wanted.order()?).await?;
    let headers = [
        (header::CONTENT_TYPE, "text/csv; charset=utf-8"),
        (header::CONTENT_DISPOSITION, "attachment; filename=\"calls.csv\""),
    ];
    Ok((headers, text).into_response())
}

async fn xlsx(visitor: Visitor, Wished(wanted): Wished<Wanted>) -> Result<Response, Failure> {
    let (cx, _) = visitor.at(Place::Desk);
    let book = calls::xlsx(&cx, &wanted.filter(&cx)?, wanted.order()?).await?;
    let headers = [
        (
            header::CONTENT_TYPE,
            "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
        ),
        (header::CONTENT_DISPOSITION, "attachment; filename=\"calls.xlsx\""),
    ];
    Ok((headers, book).into_response())
}

async fn desk(visitor: Visitor, Wished(asked): Wished<Asked>) -> Shown {
    let (cx, page) = visitor.at(Place::Desk);
    let (wanted, find) = asked.wanted();
    let (found, problem) = match wanted.page(&cx).await {
        Ok(found) => (found, None),
        Err(error) if error.kind == Kind::Invalid => (calls::Page::default(), Some(page.problem(&error))),
        Err(error) => return Err(Failure(error)),
    };
    let hits = match find.trim() {
        "" => Vec::new(),
        words => search::find(&cx, words, MOST_FOUND)?,
    };
    let status = if problem.is_some() {
        StatusCode::UNPROCESSABLE_ENTITY
    } else {
        StatusCode::OK
    };
    let view = View {
        due: page.count(&calls::count_due(&cx).await?),
        hits: hits.into_iter().map(|item| hit(&page, item)).collect(),
        searched: !find.trim().is_empty(),
        find,
        states: choices(
            &page,
            "call-state",
            &wanted.state,
            &["unfinished", "due", "open", "waiting", "closed"],
        ),
        mine: wanted.owner == "me",
        columns: columns(&page, &wanted),
        rows: found.items.iter().map(|item| row(&page, item)).collect(),
        total: found.total,
        csv_href: wanted.address("/desk.csv", ("cursor", "")),
        xlsx_href: wanted.address("/desk.xlsx", ("cursor", "")),
        first_href: (!wanted.cursor.is_empty()).then(|| explicit(&wanted, ("cursor", ""))),
        next_href: found.next.map(|next| explicit(&wanted, ("cursor", &next.to_string()))),
        why: page.denied(Permission::TakeCalls),
        q: wanted.q.clone(),
        sort: wanted.sort.clone(),
        problem,
        page,
    };
    Ok(show(status, &view))
}

/// An address that says everybody's or all where that is meant: left out, it would mean one's own.
fn explicit(wanted: &Wanted, change: (&str, &str)) -> String {
    let mut address = wanted.address("/desk", change);
    for (name, value) in [("state", &wanted.state), ("owner", &wanted.owner)] {
        if value.is_empty() && change.0 != name {
            address.push(if address.contains('?') { '&' } else { '?' });
            address.push_str(name);
            address.push('=');
        }
    }
    address
}

fn choices(page: &Page, prefix: &str, chosen: &str, all: &[&'static str]) -> Vec<Choice> {
    let choice = |value: &&'static str| Choice {
        value,
        word: page.t(&format!("{prefix}-{value}")),
        here: *value == chosen,
    };
    all.iter().map(choice).collect()
}

fn columns(page: &Page, wanted: &Wanted) -> Vec<Column> {
    let (order, turned) = wanted.order().unwrap_or_default();
    let column = |key: &str, of: Option<CallOrder>| {
        let here = of.filter(|of| *of == order);
        Column {
            word: page.t(key),
            href: of.map(|of| {
                let mark = if here.is_some() && !turned { "-" } else { "" };
                explicit(wanted, ("sort", &format!("{mark}{}", of.name())))
            }),
            sorted: here.map(|_| if turned { "descending" } else { "ascending" }),
        }
    };
    vec![
        column("call-who", Some(CallOrder::Facility)),
        column("state", Some(CallOrder::Urgent)),
        column("call-concern", None),
        column("call-terminal", None),
        column("call-opened", Some(CallOrder::Opened)),
        column("call-owner", Some(CallOrder::Owner)),
    ]
}

/// How a call stands, in a word and a colour.
pub fn state(page: &Page, call: &Call) -> Badge {
    match &call.state {
        State::Open => badge("busy", page.t("call-state-open")),
        State::Waiting { .. } => badge("", page.t("call-state-waiting")),
        State::Due { .. } => badge("warn", page.t("call-state-due")),
        State::Closed { outcome, .. } => badge(
            if outcome.name() == "fixed" { "good" } else { "" },
            page.t(&format!("outcome-{}", outcome.name())),
        ),
    }
}

/// What is waited for, in words.
pub fn waits_for(page: &Page, call: &Call) -> Option<String> {
    let (State::Waiting { condition, .. } | State::Due { condition, .. }) = &call.state else {
        return None;
    };
    Some(match condition {
        Condition::Online | Condition::Restarted { .. } => page.t(&format!("call-back-{}", condition.name())),
        Condition::At { at } => page.t1("call-back-moment", "at", page.when(at)),
    })
}

/// Whom the call is with, as they are told apart: the facility, or who else is known.
pub fn who(page: &Page, item: &Item) -> String {
    let caller = &item.call.caller;
    let known = [item.facility.clone(), item.call.facility.map(|code| code.to_string())];
    let known = known
        .into_iter()
        .flatten()
        .chain([caller.name.clone(), caller.phone.clone()]);
    known
        .filter(|text| !text.is_empty())
        .chain([page.t("call-unknown")])
        .next()
        .unwrap_or_default()
}

fn row(page: &Page, item: &Item) -> Row {
    let caller = &item.call.caller;
    let about = [caller.name.as_str(), caller.role.as_str(), caller.phone.as_str()];
    let about: Vec<&str> = about.into_iter().filter(|text| !text.is_empty()).collect();
    Row {
        href: format!("/calls/{}", item.call.id),
        who: who(page, item),
        about: about.join(" · "),
        state: state(page, &item.call),
        waits: waits_for(page, &item.call),
        concern: caller.concern.clone(),
        terminal: item
            .call
            .terminal
            .map(|id| (format!("/terminals/{id}"), item.hostname.clone().unwrap_or_default())),
        presence: item.call.terminal.map(|_| presence(page, item.online)),
        opened: item.call.opened_at,
        owner: item.call.owner.clone(),
    }
}

fn hit(page: &Page, item: search::Item) -> Hit {
    let facility = item.kind == "facility";
    let about = [item.code, item.prefecture, item.facility, item.address, item.model];
    let about: Vec<String> = about.into_iter().flatten().filter(|text| !text.is_empty()).collect();
    Hit {
        field: item.kind,
        title: if item.title.is_empty() {
            item.id.clone()
        } else {
            item.title
        },
        about: about.join(" · "),
        state: if facility {
            badge("", page.t1("search-terminals", "count", item.terminals))
        } else {
            presence(page, item.online > 0)
        },
        value: item.id,
    }
}

#[derive(Template)]
#[template(path = "desk.html")]
struct View {
    page: Page,
    /// How many of everybody's are to be called back now.
    due: String,
    find: String,
    searched: bool,
    hits: Vec<Hit>,
    q: String,
    sort: String,
    states: Vec<Choice>,
    mine: bool,
    columns: Vec<Column>,
    rows: Vec<Row>,
    total: u64,
    csv_href: String,
    xlsx_href: String,
    first_href: Option<String>,
    next_href: Option<String>,
    problem: Option<Problem>,
    /// Why this person takes no calls.
    why: Option<String>,
}

struct Choice {
    value: &'static str,
    word: String,
    here: bool,
}

struct Column {
    word: String,
    href: Option<String>,
    sorted: Option<&'static str>,
}

struct Row {
    href: String,
    who: String,
    about: String,
    state: Badge,
    waits: Option<String>,
    concern: String,
    terminal: Option<(String, String)>,
    presence: Option<Badge>,
    opened: Time,
    owner: String,
}

/// Whom a call can begin with.
struct Hit {
    /// The form's field that names it.
    field: &'static str,
    value: String,
    title: String,
    about: String,
    state: Badge,
}

#[cfg(test)]
mod tests {
    use kaishin_domain::access::Role;

    use super::super::sample;
    use super::*;
    use crate::http::words::Lang;

    fn view(lang: Lang, role: Role, rows: usize) -> View {
        let page = sample::page(lang, Some(role), Some(Place::Desk));
        let wanted = Wanted {
            owner: "me".into(),
            state: UNFINISHED.into(),
            ..Wanted::default()
        };
        View {
            due: "2".into(),
            find: "みどり<i>".into(),
            searched: true,
            hits: vec![Hit {
                field: "terminal",
                value: "x".into(),
                title: "UKETSUKE-01<i>".into(),
                about: "1312345678".into(),
                state: badge("good", "オンライン"),
            }],
            q: "<i>".into(),
            sort: "-opened".into(),
            states: choices(
                &page,
                "call-state",
                UNFINISHED,
                &["unfinished", "due", "open", "waiting", "closed"],
            ),
            mine: true,
            columns: columns(&page, &wanted),
            rows: (0..rows)
                .map(|n| Row {
                    href: format!("/calls/{n}"),
                    who: "みどり内科<i>".into(),
                    about: "田中 · 受付".into(),
                    state: badge("warn", page.t("call-state-due")),
                    waits: Some(page.t("call-back-online")),
                    concern: "カードが読めない<i>".into(),
                    terminal: Some(("/terminals/x".into(), "UKETSUKE-01".into())),
                    presence: Some(presence(&page, true)),
                    opened: page.now,
                    owner: "suzuki".into(),
                })
                .collect(),
            total: rows as u64,
            csv_href: "/desk.csv".into(),
            xlsx_href: "/desk.xlsx".into(),
            first_href: Some("/desk".into()),
            next_href: Some("/desk?cursor=50".into()),
            problem: None,
            why: page.denied(Permission::TakeCalls),
            page,
        }
    }

    #[test]
    fn the_page_renders_in_both_languages_with_calls_and_without() {
        for lang in Lang::ALL {
            for rows in [0, 50] {
                let html = sample::check(&view(lang, Role::Desk, rows));
                assert!(html.contains("action=\"/calls\"") && !html.contains("<i>"));
            }
        }
    }

    #[test]
    fn who_only_looks_is_told_why_they_cannot_begin_a_call() {
        let html = sample::check(&view(Lang::En, Role::Viewer, 1));
        assert!(!html.contains("action=\"/calls\"") && html.contains("why-calls"));
    }

    #[test]
    fn an_address_says_all_where_all_is_meant() {
        let wanted = Wanted::default();
        assert_eq!(explicit(&wanted, ("sort", "opened")), "/desk?sort=opened&state=&owner=");
        assert_eq!(explicit(&wanted, ("cursor", "")), "/desk?state=&owner=");
    }
}
