//! Taking an import back: every row as it was before, but for those that were changed since.

use std::collections::HashMap;

use kaishin_domain::access::{Permission, Scope};
use kaishin_domain::facility::{Code10, Kept};
use kaishin_domain::id::ImportId;
use kaishin_domain::time::Time;
use serde_json::json;

use super::no_such_import;
use crate::app::{App, AppError, Change, Cx, ledger};
use crate::store::{ImportRow, Undone};

const PAGE: u32 = 2_000;

#[derive(Clone, Debug, Default)]
pub struct TakenBack {
    pub rows: u64,
    /// Changed since the import, and therefore left alone.
    pub kept: Vec<Code10>,
}

pub async fn undo(cx: &Cx, id: ImportId, reason: &str) -> Result<TakenBack, AppError> {
    cx.require(Permission::ImportLedger, Scope::Fleet)?;
    let reason = cx.reason(reason)?;
    let (app, now) = (&cx.app, cx.now());
    let record = app.store.import(id).await?.ok_or_else(no_such_import)?;
    if record.undone.is_some() {
        return Err(AppError::conflict(
            "E-LEDGER-29",
            "この取り込みはすでに取り消されています。",
            "This import has been taken back already.",
        ));
    }
    let Back {
        restored,
        removed,
        kept,
    } = back(app, id, now).await?;
    let taken = TakenBack {
        rows: (restored.len() + removed.len()) as u64,
        kept,
    };
    if taken.rows == 0 && !taken.kept.is_empty() {
        return Err(nothing_left());
    }
    let undone = Undone {
        at: now,
        by: cx.actor.name.clone(),
        rows: taken.rows,
        kept: taken.kept.len() as u64,
    };
    let after = json!({ "taken_back": taken.rows, "kept": taken.kept.len() });
    let event = cx.event(
        "ledger.undo",
        format!("import:{id}"),
        &reason,
        json!({ "counts": record.counts }),
        after,
    );
    app.imports.hear(id, true);
    let gone: Vec<Code10> = removed.iter().map(|(code, _)| *code).collect();
    let written = app
        .store
        .write::<_, AppError, _>(move |tx| {
            Box::pin(async move {
                tx.mark_import_undone(id, &undone).await?;
                tx.earlier_imports_follow(id).await?;
                tx.put_facilities(&restored).await?;
                tx.delete_facilities(&removed).await?;
                tx.audit(event).await?;
                Ok(restored)
            })
        })
        .await?;
    for part in written.chunks(500) {
        ledger::put(app, part);
        tokio::task::yield_now().await;
    }
    for code in gone {
        ledger::remove(app, code);
    }
    app.bus.changed(Change::Facilities);
    app.bus.changed(Change::Import(id));
    app.bus.changed(Change::Audit);
    Ok(taken)
}

/// What taking an import back would do.
#[derive(Default)]
struct Back {
    restored: Vec<Kept>,
    /// With the revisions that they have.
    removed: Vec<(Code10, u32)>,
    kept: Vec<Code10>,
}

async fn back(app: &App, id: ImportId, now: Time) -> Result<Back, AppError> {
    let mut back = Back::default();
    let mut after = None;
    loop {
        let rows = app.store.import_rows_after(id, after, PAGE).await?;
        let Some(last) = rows.last() else { break };
        after = Some(last.code);
        let codes: Vec<Code10> = rows.iter().map(|row| row.code).collect();
        let kept = app.store.facilities(&codes).await?;
        let today: HashMap<Code10, Kept> = kept.into_iter().map(|one| (one.facility.code, one)).collect();
        for ImportRow {
            code, revision, before, ..
        } in rows
        {
            match (today.get(&code).filter(|today| today.revision == revision), before) {
                (None, _) => back.kept.push(code),
                (Some(_), None) => back.removed.push((code, revision)),
                (Some(today), Some(facility)) => back.restored.push(Kept {
                    facility,
                    revision: revision + 1,
                    created_at: today.created_at,
                    updated_at: now,
                }),
            }
        }
    }
    Ok(back)
}

fn nothing_left() -> AppError {
    AppError::conflict(
        "E-LEDGER-35",
        "この取り込みで書いた内容は、すべてそのあとに変わっているため、取り消すものがありません。あとの取り込みがあれば、先にそちらを取り消してください。",
        "All that this import wrote was changed since: there is nothing to take back. If a later import changed it, take that one back first.",
    )
}
