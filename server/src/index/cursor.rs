//! Where a page ended, so that the next goes on there: by value, not by number, so that terminals that come and go
//! in between neither repeat nor hide others.

use std::fmt;
use std::str::FromStr;

use kaishin_domain::expr::fold;
use kaishin_proto::id::TerminalId;
use kaishin_proto::value::{Value, Version};
use serde::{Deserialize, Serialize};

use super::Sort;

/// Opaque to all but the index: the order, and the last row's key and id in it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Cursor {
    /// `-` before it for descending.
    #[serde(rename = "s")]
    pub(super) sort: String,
    #[serde(rename = "k")]
    pub(super) key: SortKey,
    #[serde(rename = "i")]
    pub(super) id: TerminalId,
}

/// A value in the order in which lists are sorted; `None` last.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum SortKey {
    Number(i128),
    /// Folded, then as written.
    Text(String, String),
    Version(Version),
    None,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "E-INDEX-01 ページの位置を読めません。最初のページから開き直してください。 / This page position cannot be read. Start again from the first page."
)]
pub struct BadCursor;

impl Cursor {
    pub(super) fn at(sort: Sort, key: SortKey, id: TerminalId) -> Cursor {
        Cursor {
            sort: sort.to_string(),
            key,
            id,
        }
    }

    /// In another order the place means nothing.
    pub fn is_of(&self, sort: Sort) -> bool {
        self.sort == sort.to_string()
    }
}

impl fmt::Display for Cursor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let json = serde_json::to_vec(self).map_err(|_| fmt::Error)?;
        f.write_str(&hex::encode(json))
    }
}

impl FromStr for Cursor {
    type Err = BadCursor;
    fn from_str(text: &str) -> Result<Cursor, BadCursor> {
        let json = hex::decode(text).map_err(|_| BadCursor)?;
        serde_json::from_slice(&json).map_err(|_| BadCursor)
    }
}

impl SortKey {
    pub(super) fn text(text: &str) -> SortKey {
        SortKey::Text(fold(text), text.to_owned())
    }

    pub(super) fn of(value: &Value) -> SortKey {
        match value {
            Value::Truth(truth) => SortKey::Number(i128::from(*truth)),
            Value::Number(number) => SortKey::Number(i128::from(*number)),
            Value::Text(text) => SortKey::text(text),
            Value::Version(version) => SortKey::Version(version.clone()),
            Value::Time(time) => SortKey::Number(i128::from(time.0)),
            Value::Duration(span) => SortKey::Number(i128::from(span.0)),
            Value::Size(size) => SortKey::Number(i128::from(*size)),
            Value::List(items) => SortKey::text(&items.join(" ")),
            Value::Table(_) | Value::Unknown(_) => SortKey::None,
        }
    }
}
