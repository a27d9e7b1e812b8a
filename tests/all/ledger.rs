//! The ledger as a whole: files in and out, through the same use cases and routes that people and programs use.

mod codec;
mod desk;
mod import;
mod screen;

use std::sync::Arc;

use kaishin::app::AppError;
use kaishin::app::facilities::imports::{self, Plan, Upload};
use kaishin::app::facilities::{self};
use kaishin::app::ledger::Asked;
use kaishin_domain::facility::{Code10, Field};
use kaishin_domain::id::ImportId;
use kaishin_tests::harness::Harness;

fn upload(bytes: Vec<u8>) -> Upload {
    Upload {
        file_name: "台帳.csv".into(),
        bytes,
        ..Upload::default()
    }
}

/// Reads and judges a file without writing anything.
async fn preview(harness: &Harness, upload: Upload) -> Result<(ImportId, Arc<Plan>), AppError> {
    let cx = harness.local();
    let import = imports::begin(&cx, upload)?;
    let plan = imports::settled(&cx, &import).await?;
    Ok((import.id, plan))
}

async fn write(harness: &Harness, upload: Upload) -> Result<(ImportId, Arc<Plan>), AppError> {
    let cx = harness.local();
    let (id, _) = preview(harness, upload).await?;
    let import = imports::carry_out(&cx, id)?;
    let plan = imports::settled(&cx, &import).await?;
    Ok((id, plan))
}

async fn in_utf8(harness: &Harness, text: &str) -> (ImportId, Arc<Plan>) {
    write(harness, upload(text.as_bytes().to_vec()))
        .await
        .expect("an import")
}

/// How a facility's field reads in the database today.
async fn field(harness: &Harness, code: &str, field: Field) -> Option<String> {
    let code: Code10 = code.parse().expect("a code");
    let kept = harness.handle().app.store.facility(code).await.expect("read")?;
    field.text(&kept.facility)
}

async fn names(harness: &Harness, words: &str) -> Vec<String> {
    let asked = Asked {
        words,
        ..Asked::default()
    };
    let page = facilities::list(&harness.local(), &asked, None, 100)
        .await
        .expect("a list");
    page.items.into_iter().map(|item| item.kept.facility.name).collect()
}
