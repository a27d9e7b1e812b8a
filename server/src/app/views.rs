//! Filters that people keep, for themselves or for the team: a name, an expression, columns and an order.

use kaishin_domain::access::{Permission, Scope};
use kaishin_domain::id::ViewId;
use serde_json::{Value as Json, json};

use super::error::AppError;
use super::terminals::parse_filter;
use super::{Change, Cx};
pub use crate::store::SavedView;

const LONGEST_NAME: usize = 80;
/// So many of one person are enough; more would be slow to count.
const MOST: usize = 100;

/// What somebody keeps.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct NewView {
    pub name: String,
    pub expr: String,
    pub columns: String,
    pub sort: String,
    pub team: bool,
}

/// Who may change what all see.
const SHARES: Permission = Permission::RunRemedy;

/// Somebody's own and the team's, with how many terminals each finds now.
pub async fn list(cx: &Cx) -> Result<Vec<(SavedView, u64)>, AppError> {
    cx.require(Permission::ViewFleet, Scope::Fleet)?;
    let views = cx.app.store.views(&cx.actor.name).await?;
    let counted = |view: SavedView| {
        let filter = kaishin_domain::expr::Expr::parse(&view.expr).ok();
        let count = filter.map_or(0, |filter| cx.app.index.count(&filter, cx.now()));
        (view, count)
    };
    Ok(views.into_iter().map(counted).collect())
}

fn sound(cx: &Cx, new: NewView) -> Result<NewView, AppError> {
    let name = new.name.trim().to_owned();
    if name.is_empty() || name.chars().count() > LONGEST_NAME {
        return Err(AppError::invalid(
            "E-VIEW-01",
            "名前を80文字以内で入力してください。",
            "Give a name of at most 80 characters.",
        ));
    }
    parse_filter(&cx.app, &new.expr)?;
    super::listing::columns(&new.columns)?;
    super::listing::sort(&new.sort)?;
    Ok(NewView { name, ..new })
}

pub async fn create(cx: &Cx, new: NewView) -> Result<SavedView, AppError> {
    cx.require(if new.team { SHARES } else { Permission::ViewFleet }, Scope::Fleet)?;
    let (new, now) = (sound(cx, new)?, cx.now());
    let own = cx.app.store.views(&cx.actor.name).await?;
    if own.iter().filter(|view| view.owner == cx.actor.name).count() >= MOST {
        return Err(AppError::conflict(
            "E-VIEW-03",
            "保存できる条件は100件までです。使わないものを消してください。",
            "At most 100 views can be kept. Remove those that are not used.",
        ));
    }
    let view = SavedView {
        id: ViewId::new(now, cx.app.entropy.bytes()),
        owner: cx.actor.name.clone(),
        team: new.team,
        name: new.name,
        expr: new.expr,
        columns: new.columns,
        sort: new.sort,
        revision: 1,
        created_at: now,
        updated_at: now,
    };
    let event = cx.event("view.create", format!("view:{}", view.id), "", Json::Null, told(&view));
    let row = view.clone();
    cx.app
        .store
        .write::<_, AppError, _>(move |tx| {
            Box::pin(async move {
                tx.insert_view(&row).await?;
                tx.audit(event).await?;
                Ok(())
            })
        })
        .await?;
    cx.app.bus.changed(Change::Audit);
    Ok(view)
}

pub async fn update(cx: &Cx, id: ViewId, new: NewView) -> Result<SavedView, AppError> {
    let was = to_change(cx, id).await?;
    cx.require(if new.team { SHARES } else { Permission::ViewFleet }, Scope::Fleet)?;
    let new = sound(cx, new)?;
    let is = SavedView {
        team: new.team,
        name: new.name,
        expr: new.expr,
        columns: new.columns,
        sort: new.sort,
        updated_at: cx.now(),
        ..was.clone()
    };
    let event = cx.event("view.update", format!("view:{id}"), "", told(&was), told(&is));
    let row = is.clone();
    cx.app
        .store
        .write::<_, AppError, _>(move |tx| {
            Box::pin(async move {
                tx.update_view(&row).await?;
                tx.audit(event).await?;
                Ok(())
            })
        })
        .await?;
    cx.app.bus.changed(Change::Audit);
    Ok(is)
}

pub async fn delete(cx: &Cx, id: ViewId) -> Result<(), AppError> {
    let was = to_change(cx, id).await?;
    let event = cx.event("view.delete", format!("view:{id}"), "", told(&was), Json::Null);
    cx.app
        .store
        .write::<_, AppError, _>(move |tx| {
            Box::pin(async move {
                tx.delete_view(&was).await?;
                tx.audit(event).await?;
                Ok(())
            })
        })
        .await?;
    cx.app.bus.changed(Change::Audit);
    Ok(())
}

/// A view that this person may change: their own, or the team's where they may share.
pub async fn to_change(cx: &Cx, id: ViewId) -> Result<SavedView, AppError> {
    cx.require(Permission::ViewFleet, Scope::Fleet)?;
    let found = cx.app.store.view(id).await?;
    let view = found
        .filter(|view| view.team || view.owner == cx.actor.name)
        .ok_or_else(|| {
            AppError::not_found(
                "E-VIEW-02",
                "この保存した条件は見つかりません。",
                "There is no such saved view.",
            )
        })?;
    if view.owner != cx.actor.name {
        cx.require(SHARES, Scope::Fleet)?;
    }
    Ok(view)
}

fn told(view: &SavedView) -> Json {
    json!({
        "name": view.name, "filter": view.expr, "columns": view.columns, "sort": view.sort, "team": view.team,
    })
}
