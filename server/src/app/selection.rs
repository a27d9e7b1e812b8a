//! All terminals that match at one moment, kept so that work on them is done on just these: who uses a selection names its
//! hash, and another hash is refused.

use kaishin_domain::access::{Permission, Scope};
use kaishin_domain::expr::Expr;
use kaishin_domain::id::{SelectionId, TerminalId};
use kaishin_domain::time::Span;
use serde_json::{Value as Json, json};
use sha2::{Digest, Sha256};

use super::error::AppError;
use super::{App, Change, Cx};
pub use crate::store::Selection;

/// How long one can be used.
const LIFE: Span = Span::days(7);
const ID: usize = 16;

/// Keeps who matches now.
pub async fn create(cx: &Cx, filter: &Expr) -> Result<Selection, AppError> {
    cx.require(Permission::ViewFleet, Scope::Fleet)?;
    let now = cx.now();
    let ids: Vec<u8> = cx
        .app
        .index
        .ids(filter, now)
        .iter()
        .flat_map(|id| *id.bytes())
        .collect();
    let selection = Selection {
        id: SelectionId::new(now, cx.app.entropy.bytes()),
        hash: Sha256::digest(&ids).into(),
        expr: filter.to_string(),
        terminals: u32::try_from(ids.len() / ID).unwrap_or(u32::MAX),
        created_by: cx.actor.name.clone(),
        created_at: now,
        expires_at: now + LIFE,
    };
    let event = cx.event(
        "selection.create",
        format!("selection:{}", selection.id),
        "",
        Json::Null,
        json!({ "filter": selection.expr, "terminals": selection.terminals, "hash": hex::encode(selection.hash) }),
    );
    let row = selection.clone();
    cx.app
        .store
        .write::<_, AppError, _>(move |tx| {
            Box::pin(async move {
                tx.insert_selection(&row, &ids).await?;
                tx.audit(event).await?;
                Ok(())
            })
        })
        .await?;
    cx.app.bus.changed(Change::Audit);
    Ok(selection)
}

pub async fn get(cx: &Cx, id: SelectionId) -> Result<Selection, AppError> {
    cx.require(Permission::ViewFleet, Scope::Fleet)?;
    let found = cx.app.store.selection(id).await?;
    found
        .filter(|selection| selection.expires_at > cx.now())
        .ok_or_else(gone)
}

/// The terminals of a selection, for work on all of them; refused unless it is the one that was seen.
pub async fn terminals(cx: &Cx, id: SelectionId, hash: &[u8; 32]) -> Result<Vec<TerminalId>, AppError> {
    let selection = get(cx, id).await?;
    let bytes = cx.app.store.selected(id).await?.ok_or_else(gone)?;
    let kept: [u8; 32] = Sha256::digest(&bytes).into();
    if selection.hash != *hash || kept != *hash {
        return Err(AppError::conflict(
            "E-SELECTION-02",
            "選択した端末が、確認したときと異なります。もう一度選び直してください。",
            "This is not the selection that was looked at. Select the terminals again.",
        ));
    }
    bytes.chunks_exact(ID).map(id_of).collect()
}

fn id_of(bytes: &[u8]) -> Result<TerminalId, AppError> {
    hex::encode(bytes).parse().map_err(AppError::internal)
}

fn gone() -> AppError {
    AppError::not_found(
        "E-SELECTION-01",
        "この選択は期限が切れたか、存在しません。もう一度選び直してください。",
        "There is no such selection any more. Select the terminals again.",
    )
}

/// Those that can be used no more.
pub async fn forget_old(app: &App) -> Result<u64, AppError> {
    let now = app.now();
    app.store
        .write::<_, AppError, _>(move |tx| Box::pin(async move { Ok(tx.forget_selections(now).await?) }))
        .await
}
