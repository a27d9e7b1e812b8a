//! `/versions/history`: every terminal profile that was in force: who, when, why, and what it changed.

use askama::Template;
use axum::http::StatusCode;
use kaishin_domain::access::Permission;
use kaishin_domain::time::Time;

use super::super::{Page, Place, Shown, show};
use super::{Changed, changed};
use crate::app::profile;
use crate::http::auth::Visitor;
use crate::http::routes::{Needs, Routes};

pub fn routes() -> Routes {
    Routes::new().get("/versions/history", Needs::Permission(Permission::ViewFleet), list)
}

async fn list(visitor: Visitor) -> Shown {
    let (cx, page) = visitor.at(Place::Versions);
    let rows = profile::versions(&cx).await?;
    let steps = profile::steps(&rows);
    let row = |(row, changes): (profile::ProfileRow, Vec<_>)| Row {
        version: row.version,
        at: row.published_at,
        written_by: row.written_by,
        published_by: row.published_by,
        reason: row.reason,
        changes: changed(&changes),
    };
    let view = View {
        tab: "history",
        rows: rows.into_iter().zip(steps).map(row).collect(),
        page,
    };
    Ok(show(StatusCode::OK, &view))
}

struct Row {
    version: u32,
    at: Time,
    written_by: String,
    /// Empty for the one that the product came with.
    published_by: String,
    reason: String,
    changes: Vec<Changed>,
}

#[derive(Template)]
#[template(path = "profile_history.html")]
struct View {
    page: Page,
    tab: &'static str,
    rows: Vec<Row>,
}

#[cfg(test)]
mod tests {
    use kaishin_domain::access::Role;

    use super::super::super::sample;
    use super::*;
    use crate::http::words::Lang;

    #[test]
    fn the_history_renders_in_both_languages() {
        for lang in Lang::ALL {
            let row = |version, by: &str| Row {
                version,
                at: Time(1_795_151_000_000_000),
                written_by: by.into(),
                published_by: by.into(),
                reason: "<i>".into(),
                changes: vec![Changed {
                    path: "tasks[]".into(),
                    before: "–".into(),
                    after: "Nightly".into(),
                }],
            };
            let view = View {
                page: sample::page(lang, Some(Role::Viewer), Some(Place::Versions)),
                tab: "history",
                rows: vec![row(2, "sato"), row(1, "")],
            };
            let html = sample::check(&view);
            assert!(html.contains("Nightly") && html.contains("sato") && !html.contains("<i>"));
        }
    }
}
