//! `/terminals`: the list, its facets and the filters that people keep. Its whole state stands in its address: filter,
//! order, columns and page.

mod forget;
mod terms;
mod view;

use std::collections::HashMap;

use axum::Json;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Redirect, Response};
use kaishin_domain::access::Permission;
use kaishin_domain::expr::{Expr, Field};
use kaishin_domain::id::SelectionId;
use serde::Deserialize;
use serde_json::json;

use super::{Page, Place, Shown, show};
use crate::app::listing::{self, Listing};
use crate::app::selection::{self, Selection};
use crate::app::terminals::parse_filter;
use crate::app::views::{self, NewView};
use crate::app::{AppError, Cx, Kind};
use crate::http::auth::Visitor;
use crate::http::failure::{Failure, Filled, Wished};
use crate::http::listing::Wanted;
use crate::http::query::address;
use crate::http::routes::{Needs, Routes};
use crate::index::Facets;
use view::View;

/// What stands beside the list, counted.
const FACETS: [&str; 6] = [
    "fault",
    "facility.prefecture",
    "online",
    "hardware.model",
    "os.build",
    "agent.version",
];
const VALUES: usize = 6;

pub fn routes() -> Routes {
    let needs = Needs::Permission(Permission::ViewFleet);
    Routes::new()
        .get("/terminals", needs, list)
        .get("/terminals.csv", needs, csv)
        .get("/terminals.xlsx", needs, xlsx)
        .get("/terminals/complete", needs, complete)
        .post("/terminals/selection", needs, select)
        .post("/views", needs, keep)
        .get("/views/{id}/delete", needs, forget::ask)
        .post("/views/{id}/delete", needs, forget::forget)
}

/// The list as its address says.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
struct Asked {
    q: String,
    sort: Option<String>,
    columns: Option<String>,
    cursor: Option<String>,
    /// One more column.
    add: String,
    /// What was selected a moment ago.
    selection: String,
}

/// What every link of the page goes on with.
#[derive(Clone, Debug, Default)]
struct State {
    q: String,
    sort: String,
    columns: String,
}

impl State {
    fn to(&self, path: &str, changes: &[(&str, &str)]) -> String {
        let mut values = vec![("q", self.q.as_str()), ("sort", &self.sort), ("columns", &self.columns)];
        for (name, value) in changes {
            match values.iter_mut().find(|(known, _)| known == name) {
                Some(known) => known.1 = value,
                None => values.push((name, value)),
            }
        }
        address(path, &values)
    }

    fn list(&self, changes: &[(&str, &str)]) -> String {
        self.to("/terminals", changes)
    }
}

async fn csv(visitor: Visitor, Wished(wanted): Wished<Wanted>) -> Result<Response, Failure> {
    let (cx, _) = visitor.at(Place::Terminals);
    Ok(wanted.csv(&cx)?)
}

async fn xlsx(visitor: Visitor, Wished(wanted): Wished<Wanted>) -> Result<Response, Failure> {
    let (cx, _) = visitor.at(Place::Terminals);
    Ok(wanted.xlsx(&cx).await?)
}

/// What was found, or what is wrong with the question.
struct Found {
    listing: Listing,
    page: crate::index::Page,
    facets: Vec<(Field, Facets)>,
    /// The filter as an expression, to be narrowed by facets.
    filter: Expr,
    titles: Titles,
}

/// What the faults are called, by the rule that finds them.
#[derive(Clone, Debug, Default)]
struct Titles(HashMap<String, String>);

impl Titles {
    fn read(cx: &Cx, page: &Page) -> Titles {
        let known = cx.app.index.counts().by_fault.into_keys();
        let titled = known.filter_map(|id| {
            let title = page.of(&cx.app.rules.rule(&id)?.title).to_owned();
            Some((id, title))
        });
        Titles(titled.collect())
    }

    fn of<'a>(&'a self, id: &'a str) -> &'a str {
        self.0.get(id).map_or(id, String::as_str)
    }
}

fn find(cx: &Cx, page: &Page, wanted: &Wanted) -> Result<Found, AppError> {
    let listing = wanted.listing(cx)?;
    let fields: Vec<Field> = FACETS.into_iter().filter_map(Field::find).collect();
    let after = wanted.cursor()?;
    let (rows, facets) = listing.explore(cx, after.as_ref(), wanted.limit(), &fields, VALUES)?;
    Ok(Found {
        filter: listing.filter.clone(),
        listing,
        page: rows,
        titles: Titles::read(cx, page),
        facets: fields.into_iter().zip(facets).collect(),
    })
}

async fn list(visitor: Visitor, Wished(asked): Wished<Asked>) -> Shown {
    let (cx, page) = visitor.at(Place::Terminals);
    let mut columns = asked.columns.clone().unwrap_or_default();
    if !asked.add.is_empty() {
        let known = listing::columns(&columns)?;
        let known: Vec<&str> = known.iter().map(|field| field.name()).collect();
        columns = format!("{},{}", known.join(","), asked.add);
    }
    let wanted = Wanted {
        q: asked.q.clone(),
        sort: asked.sort.clone(),
        columns: Some(columns.clone()),
        limit: None,
        cursor: asked.cursor.clone(),
    };
    let state = State {
        q: asked.q,
        sort: asked.sort.unwrap_or_default(),
        columns,
    };
    let selected = selected(&cx, &asked.selection).await?;
    let views = views::list(&cx).await?;
    let paged = asked.cursor.is_some_and(|cursor| !cursor.is_empty());
    let none_at_all = cx.app.index.counts().terminals == 0;
    let (found, problem, place) = match find(&cx, &page, &wanted) {
        Ok(found) => (Some(found), None, None),
        // The filter does not read: said beside the field, where it can be mended.
        Err(error) if error.kind == Kind::Invalid => (None, Some(page.problem(&error)), place(&error)),
        Err(error) => return Err(Failure(error)),
    };
    let status = if problem.is_some() {
        StatusCode::UNPROCESSABLE_ENTITY
    } else {
        StatusCode::OK
    };
    let me = cx.actor.name.clone();
    let view = View::new(page, state, found, problem)
        .with_mark(place)
        .with_views(&views, &me)
        .with_selection(selected)
        .with_place(paged, none_at_all);
    Ok(show(status, &view))
}

/// Where a filter is wrong: from which character on, and for how many.
fn place(error: &AppError) -> Option<(usize, usize)> {
    let number = |name: &str| usize::try_from(error.detail[name].as_u64()?).ok();
    Some((number("position")?, number("length")?))
}

/// One that is gone is no reason not to show the list.
async fn selected(cx: &Cx, text: &str) -> Result<Option<Selection>, AppError> {
    let Ok(id) = text.parse::<SelectionId>() else {
        return Ok(None);
    };
    match selection::get(cx, id).await {
        Ok(selection) => Ok(Some(selection)),
        Err(error) if error.kind == Kind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Typed {
    q: String,
    at: Option<usize>,
}

/// What can be typed next, for the field's list of suggestions.
async fn complete(visitor: Visitor, Wished(typed): Wished<Typed>) -> Result<Response, Failure> {
    let (cx, page) = visitor.at(Place::Terminals);
    let at = typed.at.unwrap_or_else(|| typed.q.chars().count());
    let completion = listing::completion(&cx, &typed.q, at)?;
    let suggestions = completion.suggestions.iter().map(|one| {
        let meaning = page.lang.choose(&one.ja, &one.en);
        json!({ "text": one.text, "meaning": meaning, "count": one.count.map(|count| page.count(&count)) })
    });
    let told = json!({
        "from": completion.from, "to": completion.to, "suggestions": suggestions.collect::<Vec<_>>(),
    });
    Ok(Json(told).into_response())
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Kept {
    name: String,
    q: String,
    sort: String,
    columns: String,
    team: Option<String>,
}

impl Kept {
    fn state(&self) -> State {
        State {
            q: self.q.clone(),
            sort: self.sort.clone(),
            columns: self.columns.clone(),
        }
    }
}

async fn select(visitor: Visitor, Filled(form): Filled<Kept>) -> Result<Response, Failure> {
    let (cx, _) = visitor.at(Place::Terminals);
    let selection = selection::create(&cx, &parse_filter(&cx.app, &form.q)?).await?;
    let to = form.state().list(&[("selection", &selection.id.to_string())]);
    Ok(Redirect::to(&to).into_response())
}

async fn keep(visitor: Visitor, Filled(form): Filled<Kept>) -> Result<Response, Failure> {
    let (cx, _) = visitor.at(Place::Terminals);
    let to = form.state().list(&[("done", "view-saved")]);
    let new = NewView {
        name: form.name,
        expr: form.q,
        columns: form.columns,
        sort: form.sort,
        team: form.team.is_some(),
    };
    views::create(&cx, new).await?;
    Ok(Redirect::to(&to).into_response())
}
