//! `/api/v1/search`, `/facets`, `/complete`, `/selections` and `/views`: finding terminals, and keeping what was found.

use axum::Json as AsJson;
use axum::body::Bytes;
use axum::extract::Path;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use kaishin_domain::expr::{Expr, Field};
use kaishin_domain::time::Time;
use serde::Deserialize;
use serde_json::{Map, Value as Json, json};

use super::{Answer, Caller, Problem, Query, body, id};
use crate::app::Cx;
use crate::app::listing::{self, Listing};
use crate::app::search::{self, Item};
use crate::app::selection::{self, Selection};
use crate::app::terminals::parse_filter;
use crate::app::views::{self, NewView, SavedView};
use crate::http::routes::{Needs, Routes};
use crate::index::{Facets, Sort};
use kaishin_domain::access::Permission;

pub fn routes() -> Routes {
    let needs = Needs::Permission;
    Routes::new()
        .get("/api/v1/search", needs(Permission::ViewFleet), search)
        .get("/api/v1/facets", needs(Permission::ViewFleet), facets)
        .get("/api/v1/complete", needs(Permission::ViewFleet), complete)
        .post("/api/v1/selections", needs(Permission::ViewFleet), select)
        .get("/api/v1/selections/{id}", needs(Permission::ViewFleet), selection)
        .get("/api/v1/views", needs(Permission::ViewFleet), views)
        .post("/api/v1/views", needs(Permission::ViewFleet), create_view)
        .post("/api/v1/views/{id}", needs(Permission::ViewFleet), update_view)
        .post("/api/v1/views/{id}/delete", needs(Permission::ViewFleet), delete_view)
}

const USUAL_VALUES: usize = 10;
const MOST_VALUES: usize = 200;
const USUAL_HITS: usize = 20;
const MOST_ROWS: usize = 1_000;

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct Typed {
    pub q: String,
    pub limit: Option<usize>,
    pub at: Option<usize>,
    pub by: String,
    pub top: Option<usize>,
}

pub async fn search(Caller(cx): Caller, Query(typed): Query<Typed>) -> Answer {
    let items = search::find(&cx, &typed.q, typed.limit.unwrap_or(USUAL_HITS))?;
    Ok(AsJson(json!({ "items": items.iter().map(item).collect::<Vec<_>>() })))
}

fn item(item: &Item) -> Json {
    let mut told = json!({
        "kind": item.kind,
        "id": item.id,
        "title": item.title,
        "institution_code": item.code,
        "prefecture": item.prefecture,
    });
    let more = if item.kind == "facility" {
        json!({
            "address": item.address,
            "terminals": item.terminals,
            "online": item.online,
            "faulty": item.faulty,
            "worst": item.worst,
        })
    } else {
        json!({
            "online": item.online > 0,
            "faults": item.faults,
            "serial": item.serial,
            "model": item.model,
            "facility": item.facility,
        })
    };
    if let (Some(told), Json::Object(more)) = (told.as_object_mut(), more) {
        told.extend(more);
    }
    told
}

pub async fn facets(Caller(cx): Caller, Query(typed): Query<Typed>) -> Answer {
    let by = listing::keys(&typed.by)?;
    let listing = Listing {
        filter: parse_filter(&cx.app, &typed.q)?,
        sort: Sort::default(),
        columns: Vec::new(),
    };
    let most = typed.top.unwrap_or(USUAL_VALUES).clamp(1, MOST_VALUES);
    let (page, found) = listing.explore(&cx, None, 0, &by, most)?;
    let told = by
        .iter()
        .zip(&found)
        .map(|(field, facets)| (field.name().to_owned(), told(*field, facets)));
    Ok(AsJson(
        json!({ "total": page.total, "facets": told.collect::<Map<_, _>>() }),
    ))
}

fn told(field: Field, facets: &Facets) -> Json {
    let value = |(value, count): &(String, u64)| {
        // What finds just these.
        let filter = Expr::equals(field, value).map(|expr| expr.to_string());
        json!({ "value": value, "count": count, "filter": filter })
    };
    let reasons = facets
        .reasons
        .iter()
        .map(|(reason, count)| ((*reason).to_owned(), json!(count)));
    json!({
        "values": facets.values.iter().map(value).collect::<Vec<_>>(),
        "more_values": facets.more,
        "other": facets.other,
        "unknown": { "count": facets.unknown, "reasons": reasons.collect::<Map<_, _>>() },
    })
}

pub async fn complete(Caller(cx): Caller, Query(typed): Query<Typed>) -> Answer {
    let at = typed.at.unwrap_or_else(|| typed.q.chars().count());
    let completion = listing::completion(&cx, &typed.q, at)?;
    let suggestions = completion.suggestions.iter().map(
        |one| json!({ "part": one.part.name(), "text": one.text, "ja": one.ja, "en": one.en, "count": one.count }),
    );
    let problem = parse_filter(&cx.app, &typed.q).err().map(|error| {
        let detail = |name: &str| error.detail[name].clone();
        json!({
            "code": error.code, "position": detail("position"), "length": detail("length"), "expected": detail("expected"),
            "title": error.words.en, "title_ja": error.words.ja,
        })
    });
    Ok(AsJson(json!({
        "from": completion.from,
        "to": completion.to,
        "suggestions": suggestions.collect::<Vec<_>>(),
        "problem": problem,
    })))
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct Select {
    q: String,
}

pub async fn select(Caller(cx): Caller, bytes: Bytes) -> Result<Response, Problem> {
    let asked: Select = body(&bytes)?;
    let selection = selection::create(&cx, &parse_filter(&cx.app, &asked.q)?).await?;
    Ok((StatusCode::CREATED, AsJson(selected(&selection))).into_response())
}

fn selected(selection: &Selection) -> Json {
    json!({
        "id": selection.id,
        "hash": hex::encode(selection.hash),
        "count": selection.terminals,
        "filter": selection.expr,
        "created_by": selection.created_by,
        "created_at": selection.created_at.rfc3339(),
        "expires": selection.expires_at.rfc3339(),
    })
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct From {
    pub from: usize,
    pub limit: Option<usize>,
}

/// What was selected, and its rows in the order of their ids.
pub async fn selection(Caller(cx): Caller, Path(text): Path<String>, Query(asked): Query<From>) -> Answer {
    let selection = selection::get(&cx, id(&text)?).await?;
    let ids = selection::terminals(&cx, selection.id, &selection.hash).await?;
    let limit = asked.limit.unwrap_or(100).clamp(1, MOST_ROWS);
    let rows = ids.iter().skip(asked.from).take(limit);
    let rows = rows.map(|id| json!({ "id": id, "hostname": cx.app.index.hostname(*id) }));
    let mut told = selected(&selection);
    if let Some(told) = told.as_object_mut() {
        told.insert("items".into(), rows.collect());
        let next = asked.from.saturating_add(limit);
        told.insert("next".into(), json!((next < ids.len()).then_some(next)));
    }
    Ok(AsJson(told))
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct View {
    name: String,
    q: String,
    columns: String,
    sort: String,
    team: bool,
}

impl View {
    fn asked(self) -> NewView {
        NewView {
            name: self.name,
            expr: self.q,
            columns: self.columns,
            sort: self.sort,
            team: self.team,
        }
    }
}

pub async fn views(Caller(cx): Caller) -> Answer {
    let views = views::list(&cx).await?;
    let items: Vec<Json> = views
        .iter()
        .map(|(view, count)| kept(&cx, view, Some(*count)))
        .collect();
    Ok(AsJson(json!({ "items": items })))
}

fn kept(cx: &Cx, view: &SavedView, count: Option<u64>) -> Json {
    json!({
        "id": view.id,
        "name": view.name,
        "q": view.expr,
        "columns": view.columns,
        "sort": view.sort,
        "team": view.team,
        "owner": view.owner,
        "mine": view.owner == cx.actor.name,
        "count": count,
        "created_at": Time::rfc3339(view.created_at),
    })
}

pub async fn create_view(Caller(cx): Caller, bytes: Bytes) -> Result<Response, Problem> {
    let view: View = body(&bytes)?;
    let view = views::create(&cx, view.asked()).await?;
    Ok((StatusCode::CREATED, AsJson(kept(&cx, &view, None))).into_response())
}

pub async fn update_view(Caller(cx): Caller, Path(text): Path<String>, bytes: Bytes) -> Answer {
    let view: View = body(&bytes)?;
    let view = views::update(&cx, id(&text)?, view.asked()).await?;
    Ok(AsJson(kept(&cx, &view, None)))
}

pub async fn delete_view(Caller(cx): Caller, Path(text): Path<String>) -> Answer {
    views::delete(&cx, id(&text)?).await?;
    Ok(AsJson(json!({ "id": text, "deleted": true })))
}
