//! The list of terminals as an address asks for it: one filter, order, choice of columns and place for pages, API and files.

use axum::body::{Body, Bytes};
use axum::http::header;
use axum::response::{IntoResponse, Response};
use futures_util::stream;
use serde::Deserialize;

use crate::app::listing::{self, Listing};
use crate::app::{AppError, Cx, spreadsheet, terminals};
use crate::index::{Cursor, Page};

const MOST: usize = 500;
const USUAL: usize = 50;

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct Wanted {
    pub q: String,
    /// A field's name, `-` before it for the other direction.
    pub sort: Option<String>,
    /// Keys with commas between.
    pub columns: Option<String>,
    pub limit: Option<usize>,
    pub cursor: Option<String>,
}

impl Wanted {
    pub fn listing(&self) -> Result<Listing, AppError> {
        Ok(Listing {
            filter: terminals::parse_filter(&self.q)?,
            sort: listing::sort(self.sort.as_deref().unwrap_or_default())?,
            columns: listing::columns(self.columns.as_deref().unwrap_or_default())?,
        })
    }

    pub fn cursor(&self) -> Result<Option<Cursor>, AppError> {
        let given = self.cursor.as_deref().filter(|text| !text.is_empty());
        given.map(str::parse).transpose().map_err(|_| {
            AppError::invalid(
                "E-INPUT-05",
                "ページの位置が正しくありません。最初のページから開き直してください。",
                "The cursor does not read. Start from the first page.",
            )
        })
    }

    pub fn limit(&self) -> usize {
        self.limit.unwrap_or(USUAL).clamp(1, MOST)
    }

    /// Exactly what the list shows for the filter, all pages, as they are read.
    pub fn csv(&self, cx: &Cx) -> Result<Response, AppError> {
        let listing = self.listing()?;
        let first = listing.part(cx, None)?;
        let mut head = String::from(spreadsheet::MARK);
        spreadsheet::row(&mut head, listing.head());
        let rows = stream::unfold((Some(head), Some(first), listing, cx.clone()), part);
        let headers = [
            (header::CONTENT_TYPE, "text/csv; charset=utf-8"),
            (header::CONTENT_DISPOSITION, "attachment; filename=\"terminals.csv\""),
        ];
        Ok((headers, Body::from_stream(rows)).into_response())
    }

    /// The same as a workbook.
    pub async fn xlsx(&self, cx: &Cx) -> Result<Response, AppError> {
        let book = self.listing()?.workbook(cx).await?;
        let headers = [
            (
                header::CONTENT_TYPE,
                "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
            ),
            (header::CONTENT_DISPOSITION, "attachment; filename=\"terminals.xlsx\""),
        ];
        Ok((headers, book).into_response())
    }
}

type State = (Option<String>, Option<Page>, Listing, Cx);

/// Some rows of a file, and where to go on.
async fn part((head, page, listing, cx): State) -> Option<(Result<Bytes, AppError>, State)> {
    let page = page?;
    let mut text = head.unwrap_or_default();
    for row in &page.items {
        spreadsheet::row(&mut text, listing.cells(row));
    }
    let next = page.next.map(|after| listing.part(&cx, Some(&after)));
    match next.transpose() {
        Ok(next) => Some((Ok(text.into()), (None, next, listing, cx))),
        // The file ends short, which a reader notices: the connection breaks.
        Err(error) => Some((Err(error), (None, None, listing, cx))),
    }
}
