//! The list of terminals as an address asks for it: one filter, order and place for pages, API and CSV.

use std::fmt::Write as _;

use axum::http::header;
use axum::response::{IntoResponse, Response};
use kaishin_domain::expr::Field;
use kaishin_domain::time::Time;
use kaishin_domain::value::Value;
use serde::Deserialize;

use crate::app::{AppError, Cx, terminals};
use crate::index::{Cursor, Page, Row, Sort};

const MOST: usize = 500;
const USUAL: usize = 50;

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct Wanted {
    pub q: String,
    /// A field's name, `-` before it for the other direction.
    pub sort: Option<String>,
    pub limit: Option<usize>,
    pub cursor: Option<String>,
}

impl Wanted {
    pub fn sort(&self) -> Result<Sort, AppError> {
        let Some(text) = self.sort.as_deref().filter(|text| !text.is_empty()) else {
            return Ok(Sort::default());
        };
        let (name, descending) = match text.strip_prefix('-') {
            Some(name) => (name, true),
            None => (text, false),
        };
        let field = Field::find(name).filter(|field| field.indexed()).ok_or_else(|| {
            AppError::invalid(
                "E-INPUT-04",
                format!("「{name}」では並べ替えできません。"),
                format!("The list cannot be sorted by {name:?}."),
            )
        })?;
        Ok(Sort { field, descending })
    }

    fn cursor(&self) -> Result<Option<Cursor>, AppError> {
        let given = self.cursor.as_deref().filter(|text| !text.is_empty());
        given.map(str::parse).transpose().map_err(|_| {
            AppError::invalid(
                "E-INPUT-05",
                "ページの位置が正しくありません。最初のページから開き直してください。",
                "The cursor does not read. Start from the first page.",
            )
        })
    }

    pub async fn page(&self, cx: &Cx) -> Result<Page, AppError> {
        let filter = terminals::parse_filter(&self.q)?;
        let limit = self.limit.unwrap_or(USUAL).clamp(1, MOST);
        terminals::list(cx, &filter, self.sort()?, self.cursor()?.as_ref(), limit).await
    }

    /// Exactly what the list shows for the filter, all pages.
    pub async fn csv(&self, cx: &Cx) -> Result<Response, AppError> {
        let filter = terminals::parse_filter(&self.q)?;
        let sort = self.sort()?;
        // Excel takes UTF-8 for what it is only with a mark.
        let mut text = String::from(
            "\u{feff}id,hostname,institution_code,online,last_seen,manufacturer,model,os_version,agent_version,faults\r\n",
        );
        let mut after = None;
        loop {
            let page = terminals::list(cx, &filter, sort, after.as_ref(), MOST).await?;
            for row in &page.items {
                line(&mut text, row);
            }
            after = page.next;
            if after.is_none() {
                break;
            }
        }
        let headers = [
            (header::CONTENT_TYPE, "text/csv; charset=utf-8"),
            (header::CONTENT_DISPOSITION, "attachment; filename=\"terminals.csv\""),
        ];
        Ok((headers, text).into_response())
    }
}

fn line(text: &mut String, row: &Row) {
    let fact = |key: &str| match row.entry.facts.get(key) {
        Some(Value::Text(text)) => text.clone(),
        Some(Value::Version(version)) => version.0.clone(),
        _ => String::new(),
    };
    let cells = [
        row.entry.id.to_string(),
        row.entry.hostname.clone(),
        row.entry.institution.clone().unwrap_or_default(),
        row.online().to_string(),
        row.entry.last_seen.map(Time::rfc3339).unwrap_or_default(),
        fact("hardware.manufacturer"),
        fact("hardware.model"),
        fact("os.version"),
        fact("agent.version"),
        row.entry.faults.join(" "),
    ];
    let cells: Vec<String> = cells.iter().map(|cell| quoted(cell)).collect();
    // Writing to a String cannot fail.
    let _ = write!(text, "{}\r\n", cells.join(","));
}

/// A cell that a spreadsheet would take for a formula is made text: what terminals say of themselves is not trusted.
pub fn quoted(cell: &str) -> String {
    let formula = cell.starts_with(['=', '+', '-', '@', '\t', '\r']);
    format!("\"{}{}\"", if formula { "'" } else { "" }, cell.replace('"', "\"\""))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cells_are_quoted_and_formulas_are_text() {
        assert_eq!(quoted("受付1"), "\"受付1\"");
        assert_eq!(quoted("a\"b"), "\"a\"\"b\"");
        assert_eq!(quoted("=cmd()"), "\"'=cmd()\"");
    }
}
