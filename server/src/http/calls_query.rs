//! The list of calls as an address asks for it: the same for pages, API and files.

use serde::Deserialize;

use super::query;
use crate::app::calls::{self, CallFilter, CallOrder, Page};
use crate::app::{AppError, Cx};

const USUAL: u32 = 50;
/// Whoever looks.
const MINE: &str = "me";

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct Wanted {
    pub q: String,
    /// A state, `unfinished`, or nothing for all.
    pub state: String,
    /// A name, or `me`.
    pub owner: String,
    pub terminal: String,
    pub facility: String,
    /// `-` before it for the other direction.
    pub sort: String,
    pub limit: String,
    pub cursor: String,
}

impl Wanted {
    pub fn filter(&self, cx: &Cx) -> Result<CallFilter, AppError> {
        if !calls::known_state(&self.state) {
            return Err(AppError::invalid(
                "E-INPUT-08",
                format!(
                    "絞り込み「state」に「{}」は選べません。一覧から選び直してください。",
                    self.state
                ),
                format!("{:?} is no choice for state. Choose again from the list.", self.state),
            ));
        }
        let owner = match self.owner.as_str() {
            MINE => cx.actor.name.clone(),
            other => other.to_owned(),
        };
        Ok(CallFilter {
            state: self.state.clone(),
            owner,
            terminal: self.terminal.clone(),
            facility: self.facility.clone(),
            words: self.q.clone(),
        })
    }

    pub fn order(&self) -> Result<(CallOrder, bool), AppError> {
        let (name, turned) = match self.sort.strip_prefix('-') {
            Some(name) => (name, true),
            None => (self.sort.as_str(), false),
        };
        if name.is_empty() {
            return Ok((CallOrder::default(), false));
        }
        let order = CallOrder::ALL.into_iter().find(|order| order.name() == name);
        let order = order.ok_or_else(|| {
            AppError::invalid(
                "E-INPUT-08",
                format!("並べ替えに「{name}」は選べません。見出しを押して選び直してください。"),
                format!("{name:?} is no order of calls. Choose it by a heading."),
            )
        })?;
        Ok((order, turned))
    }

    pub async fn page(&self, cx: &Cx) -> Result<Page, AppError> {
        let offset = match self.cursor.as_str() {
            "" => 0,
            text => text.parse().map_err(|_| {
                AppError::invalid(
                    "E-INPUT-05",
                    "ページの位置が正しくありません。最初のページから開き直してください。",
                    "The cursor does not read. Start from the first page.",
                )
            })?,
        };
        let limit = query::limit(&self.limit, USUAL)?;
        calls::list(cx, self.filter(cx)?, self.order()?, limit, offset).await
    }

    /// The same list with one thing changed; another filter or order starts from the first page.
    pub fn address(&self, path: &str, (name, value): (&str, &str)) -> String {
        let kept = |this: &'static str, text: &str| {
            let changed = this == name;
            (this, if changed { value.to_owned() } else { text.to_owned() })
        };
        let all = [
            kept("q", &self.q),
            kept("state", &self.state),
            kept("owner", &self.owner),
            kept("terminal", &self.terminal),
            kept("facility", &self.facility),
            kept("sort", &self.sort),
            kept("cursor", if name == "cursor" { &self.cursor } else { "" }),
        ];
        let all: Vec<(&str, &str)> = all.iter().map(|(name, value)| (*name, value.as_str())).collect();
        query::address(path, &all)
    }
}
