//! `/api/v1/terminals/{id}/checklist`: the set-up checklist as it stands.

use axum::Json as AsJson;
use axum::extract::Path;
use kaishin_domain::checklist::{Line, Mark, Seen, Stand};
use serde_json::{Value as Json, json};

use super::{Answer, Caller, id};
use crate::app::checklist;
use crate::http::routes::{Needs, Routes};
use kaishin_domain::access::Permission;

pub fn routes() -> Routes {
    let needs = Needs::Permission;
    Routes::new().get("/api/v1/terminals/{id}/checklist", needs(Permission::ViewFleet), get)
}

pub async fn get(Caller(cx): Caller, Path(text): Path<String>) -> Answer {
    let list = checklist::get(&cx, id(&text)?).await?;
    let progress = list.progress();
    let operations: Vec<Json> = list
        .parts
        .iter()
        .map(|part| {
            json!({
                "number": part.operation.number,
                "title": { "ja": part.operation.title.0, "en": part.operation.title.1 },
                "items": part.lines.iter().map(line).collect::<Vec<_>>(),
            })
        })
        .collect();
    let answers: Vec<Json> = list
        .answers
        .iter()
        .map(|(question, mark)| {
            json!({
                "question": question.id(),
                "letter": question.letter(),
                "words": question.words(),
                "answer": mark.as_ref().and_then(|mark| mark.value),
                "mark": mark.as_ref().map(said),
            })
        })
        .collect();
    Ok(AsJson(json!({
        "done": progress.done,
        "wrong": progress.wrong,
        "open": progress.open,
        "not_applicable": progress.not_applicable,
        "questions": answers,
        "operations": operations,
    })))
}

fn line(line: &Line) -> Json {
    let (rules, unknown) = match &line.seen {
        Seen::Pass(findings) | Seen::Fault(findings) => (
            findings.iter().map(|finding| finding.rule.as_str()).collect(),
            Vec::new(),
        ),
        Seen::Unknown(why) => (Vec::new(), why.iter().map(|words| json!(words)).collect()),
        Seen::Nothing | Seen::NotHere => (Vec::new(), Vec::new()),
    };
    json!({
        "id": line.item.id,
        "title": { "ja": line.item.title.0, "en": line.item.title.1 },
        "citation": { "ja": line.item.citation.0, "en": line.item.citation.1 },
        "at_odds": line.item.at_odds.map(|(ja, en)| json!({ "ja": ja, "en": en })),
        "state": name(line.stand),
        "rules": rules,
        "unknown": unknown,
        "contradicted": line.is_contradicted(),
        "mark": line.mark.as_ref().map(said),
    })
}

pub fn name(stand: Stand) -> &'static str {
    match stand {
        Stand::Seen => "seen",
        Stand::Said => "said",
        Stand::Wrong => "wrong",
        Stand::Unknown => "unknown",
        Stand::Open => "open",
        Stand::NotApplicable => "not-applicable",
        Stand::Asked(_) => "asked",
    }
}

fn said(mark: &Mark) -> Json {
    json!({
        "value": mark.value,
        "version": mark.version,
        "at": mark.at.rfc3339(),
        "by": mark.by,
        "reason": mark.reason,
    })
}
