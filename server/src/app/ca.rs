//! The certificate authority, as far as people do anything with it.

use std::path::Path;

use kaishin_domain::access::{Permission, Scope};
use serde_json::json;

use super::error::AppError;
use super::{Change, Cx};
use crate::pki::CaError;

/// Moves the root's key off this server. The entry is written first: a key that is gone without one would be worse than
/// an entry about a key that stayed.
pub async fn detach_root(cx: &Cx, to: &Path) -> Result<(), AppError> {
    cx.require(Permission::ManageOperators, Scope::Fleet)?;
    let ca = &cx.app.ca;
    if !ca.status().root_key_here {
        return Err(refused(&CaError::RootAway));
    }
    let event = cx.event(
        "ca.detach-root",
        format!("ca:{}", ca.pin()),
        "",
        json!({ "root_key": "here" }),
        json!({ "root_key": to.display().to_string() }),
    );
    cx.app
        .store
        .write::<_, AppError, _>(move |tx| Box::pin(async move { Ok(tx.audit(event).await.map(drop)?) }))
        .await?;
    ca.detach_root(to).map_err(|error| refused(&error))?;
    cx.app.bus.changed(Change::Audit);
    Ok(())
}

/// The authority's errors say both languages and begin with their code.
fn refused(error: &CaError) -> AppError {
    let said = error.to_string();
    let said = said.strip_prefix(error.code()).unwrap_or(&said).trim();
    let (ja, en) = said.split_once(" / ").unwrap_or((said, said));
    AppError::conflict(error.code(), ja, en)
}
