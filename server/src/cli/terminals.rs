//! `kaishin terminal list`: the rows that the dashboard's list shows for a filter, from a running server.

use crate::http::address;
use clap::Args;
use kaishin_domain::expr::{Field, Kind};
use kaishin_domain::time::Time;
use serde_json::{Value as Json, json};

use super::failed::Failed;
use super::output::Output;
use super::remote::Remote;

/// How many rows are asked for at once.
const AT_ONCE: usize = 500;
const COLUMNS: &str = "hostname,facility.name,online,fault,hardware.model,last_seen";

#[derive(Debug, Args)]
pub struct List {
    #[command(flatten)]
    remote: Remote,
    /// A filter as on the dashboard, such as 'fault:any prefecture:tokyo'
    #[arg(long, short, default_value = "", value_name = "EXPR", allow_hyphen_values = true)]
    query: String,
    /// A key, with - before it for the other direction
    #[arg(long, default_value = "", value_name = "KEY", allow_hyphen_values = true)]
    sort: String,
    /// Keys with commas between
    #[arg(long, default_value = COLUMNS, value_name = "KEYS")]
    columns: String,
    /// At most so many; all that match if it is not given
    #[arg(long)]
    limit: Option<usize>,
    /// The dashboard's file, byte for byte, instead of a table
    #[arg(long, conflicts_with_all = ["json", "limit"])]
    csv: bool,
}

impl List {
    pub async fn run(&self, out: &Output) -> Result<(), Failed> {
        if self.csv {
            let path = self.address("/api/v1/terminals.csv", &[]);
            return self.remote.copy(&path, Output::bytes).await;
        }
        let most = self.limit.unwrap_or(usize::MAX);
        let mut items: Vec<Json> = Vec::new();
        let mut cursor = String::new();
        let mut total = Json::Null;
        while items.len() < most {
            let part = AT_ONCE.min(most - items.len()).to_string();
            let path = self.address("/api/v1/terminals", &[("limit", &part), ("cursor", &cursor)]);
            let mut page = self.remote.get(&path).await?;
            total = page["total"].take();
            if let Json::Array(rows) = page["items"].take() {
                items.extend(rows);
            }
            match page["next"].as_str() {
                Some(next) => cursor = next.to_owned(),
                None => break,
            }
        }
        let keys: Vec<&str> = self.columns.split(',').map(str::trim).collect();
        let head: Vec<&str> = std::iter::once("id").chain(keys.iter().copied()).collect();
        let row = |item: &Json| {
            let cells = keys.iter().map(|key| cell(key, &item["columns"][*key]));
            std::iter::once(said(&item["id"])).chain(cells).collect()
        };
        let rows: Vec<Vec<String>> = items.iter().map(row).collect();
        out.table(&json!({ "items": items, "total": total }), &head, &head, &rows);
        Ok(())
    }

    fn address(&self, path: &str, more: &[(&str, &str)]) -> String {
        let mut values = vec![
            ("q", self.query.as_str()),
            ("sort", &self.sort),
            ("columns", &self.columns),
        ];
        values.extend(more);
        address(path, &values)
    }
}

/// A cell as the dashboard's files have it: programs are told moments in UTC, people as their clocks show them.
fn cell(key: &str, value: &Json) -> String {
    let moment = Field::find(key).is_some_and(|field| field.kind() == Kind::Time);
    let at = value.as_str().filter(|_| moment).and_then(Time::parse);
    at.map_or_else(|| said(value), Time::in_japan)
}

fn said(value: &Json) -> String {
    match value {
        Json::Null => String::new(),
        Json::Bool(truth) => if *truth { "yes" } else { "no" }.to_owned(),
        Json::Number(number) => number.to_string(),
        Json::String(text) => text.clone(),
        Json::Array(items) => items.iter().map(said).collect::<Vec<_>>().join(" "),
        Json::Object(told) => told.get("unknown").map_or_else(
            || value.to_string(),
            |reason| match reason.as_str() {
                Some("not_reported") | None => "unknown".to_owned(),
                Some(reason) => format!("unknown:{reason}"),
            },
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_table_tells_moments_as_clocks_in_japan_show_them() {
        let at = json!("2026-11-20T05:05:00Z");
        assert_eq!(cell("last_seen", &at), "2026-11-20T14:05:00+09:00");
        assert_eq!(cell("hostname", &at), "2026-11-20T05:05:00Z", "a name stays one");
        assert_eq!(cell("last_seen", &json!({ "unknown": "not_reported" })), "unknown");
        assert_eq!(cell("last_seen", &json!("now")), "now");
    }
}
