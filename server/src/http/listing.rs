//! The list of terminals as an address asks for it: one filter, order, choice of columns and place for pages, API and files.

use std::convert::Infallible;

use axum::body::{Body, Bytes};
use axum::http::header;
use axum::response::{IntoResponse, Response};
use futures_util::stream;
use kaishin_domain::id::TerminalId;
use serde::Deserialize;

use crate::app::listing::{self, Listing};
use crate::app::{AppError, Cx, spreadsheet, terminals};
use crate::index::Cursor;

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
    pub fn listing(&self, cx: &Cx) -> Result<Listing, AppError> {
        Ok(Listing {
            filter: terminals::parse_filter(&cx.app, &self.q)?,
            sort: listing::sort(self.sort.as_deref().unwrap_or_default())?,
            columns: listing::columns(self.columns.as_deref().unwrap_or_default())?,
        })
    }

    pub fn cursor(&self) -> Result<Option<Cursor>, AppError> {
        let given = self.cursor.as_deref().filter(|text| !text.is_empty());
        let sort = listing::sort(self.sort.as_deref().unwrap_or_default())?;
        let cursor: Option<Cursor> = given.map(str::parse).transpose().map_err(|_| no_place())?;
        match cursor.as_ref().is_none_or(|cursor| cursor.is_of(sort)) {
            true => Ok(cursor),
            false => Err(no_place()),
        }
    }

    pub fn limit(&self) -> usize {
        self.limit.unwrap_or(USUAL).clamp(1, MOST)
    }

    /// Exactly what the list shows for the filter, all pages, as they are read.
    pub fn csv(&self, cx: &Cx) -> Result<Response, AppError> {
        let listing = self.listing(cx)?;
        let ids = listing.all(cx)?;
        let mut head = String::from(spreadsheet::MARK);
        spreadsheet::row(&mut head, listing.head());
        let rows = stream::unfold((Some(head), ids, listing, cx.clone()), part);
        let headers = [
            (header::CONTENT_TYPE, "text/csv; charset=utf-8"),
            (header::CONTENT_DISPOSITION, "attachment; filename=\"terminals.csv\""),
        ];
        Ok((headers, Body::from_stream(rows)).into_response())
    }

    /// The same as a workbook.
    pub async fn xlsx(&self, cx: &Cx) -> Result<Response, AppError> {
        let book = self.listing(cx)?.workbook(cx).await?;
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

fn no_place() -> AppError {
    AppError::invalid(
        "E-INPUT-05",
        "ページの位置が正しくありません。最初のページから開き直してください。",
        "The cursor does not read, or is of another order. Start from the first page.",
    )
}

type State = (Option<String>, Vec<TerminalId>, Listing, Cx);

/// Some rows of a file, and those that are left.
async fn part((head, mut ids, listing, cx): State) -> Option<(Result<Bytes, Infallible>, State)> {
    if head.is_none() && ids.is_empty() {
        return None;
    }
    let mut text = head.unwrap_or_default();
    let rest = ids.split_off(ids.len().min(listing::AT_ONCE));
    for row in listing.rows(&cx, &ids) {
        spreadsheet::row(&mut text, listing.cells(&row));
    }
    Some((Ok(text.into()), (None, rest, listing, cx)))
}
