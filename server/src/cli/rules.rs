//! `kaishin rules`: every rule in force, with where a manual demands it.

use std::path::Path;

use crate::app::{Cx, rules};
use clap::Subcommand;
use kaishin_domain::remedy::Remedy;
use serde_json::{Value as Json, json};

use super::failed::Failed;
use super::local;
use super::output::Output;

#[derive(Debug, Subcommand)]
pub enum Rules {
    /// All of them
    List,
}

impl Rules {
    pub async fn run(self, config: Option<&Path>, out: &Output) -> Result<(), Failed> {
        let Rules::List = self;
        local::with(config, async |cx| list(cx, out)).await
    }
}

fn list(cx: &Cx, out: &Output) -> Result<(), Failed> {
    let mut items: Vec<Json> = Vec::new();
    let mut table = Vec::new();
    for (rule, _) in rules::list(cx)? {
        let remedy = rule.remedy.map(Remedy::name);
        items.push(json!({
            "id": rule.id,
            "severity": rule.severity,
            "title": rule.title,
            "citation": rule.citation,
            "remedy": remedy,
            "procedure": rule.procedure,
        }));
        table.push(vec![
            rule.id.clone(),
            rule.severity.name().to_owned(),
            remedy.unwrap_or("–").to_owned(),
            out.of(&rule.title).to_owned(),
        ]);
    }
    out.table(
        &json!(items),
        &["ルール", "重さ", "リモート対処", "題"],
        &["RULE", "SEVERITY", "REMEDY", "TITLE"],
        &table,
    );
    Ok(())
}
