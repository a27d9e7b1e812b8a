//! `/terminals/{id}/checklist`: the set-up checklist, with what the agent sees and what people say of it. Prints on one
//! or two sheets, with lines to write on.

use askama::Template;
use axum::extract::Path;
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Redirect};
use kaishin_domain::checklist::{Line, Mark, Pair, Part, Progress, Question, Seen, Stand};
use kaishin_domain::id::TerminalId;
use kaishin_domain::time::Time;
use serde::Deserialize;

use super::{Answer, Badge, Head, Page, Place, Tab, Visitor, head, id, opened, show, shown};
use crate::app::checklist::{self as app, Word};
use crate::app::terminals::TerminalDetail;
use crate::app::{AppError, Cx, Kind, terminals};
use crate::http::api::{stand_name, status};
use crate::http::failure::{Failure, Filled};
use crate::http::pages::parts::{Problem, badge};

pub async fn checklist(visitor: Visitor, Path(text): Path<String>, headers: HeaderMap) -> Answer {
    let (cx, page, detail) = opened(visitor, &text, &headers).await?;
    Ok(show(StatusCode::OK, &view(&cx, page, &detail, None).await?))
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct Said {
    item: String,
    /// `yes`, `no`, or nothing to take it back.
    value: String,
    version: i64,
    reason: String,
}

pub async fn say(visitor: Visitor, Path(text): Path<String>, Filled(said): Filled<Said>) -> Answer {
    let (cx, page) = visitor.at(Place::Terminals);
    let terminal: TerminalId = id(&text)?;
    let value = match said.value.as_str() {
        "yes" => Some(true),
        "no" => Some(false),
        _ => None,
    };
    let word = Word {
        item: said.item.clone(),
        value,
        seen: said.version,
        reason: said.reason,
    };
    let done = match (Question::find(&said.item), value) {
        (Some(_), _) => "answered",
        (None, Some(true)) => "ticked",
        (None, Some(false) | None) => "unticked",
    };
    match app::say(&cx, terminal, word).await {
        Ok(()) => {
            let to = format!("/terminals/{terminal}/checklist?done={done}#item-{}", said.item);
            Ok(Redirect::to(&to).into_response())
        }
        Err(error) if matches!(error.kind, Kind::Invalid | Kind::Conflict) => {
            let detail = terminals::get(&cx, terminal).await?;
            let view = view(&cx, page, &detail, Some(&error)).await?;
            Ok(show(status(error.kind), &view))
        }
        Err(error) => Err(Failure(error)),
    }
}

async fn view(cx: &Cx, page: Page, detail: &TerminalDetail, error: Option<&AppError>) -> Result<View, AppError> {
    let list = app::get(cx, detail.terminal.id).await?;
    Ok(View {
        head: head(cx, &page, detail, Tab::Checklist),
        problem: error.map(|error| page.problem(error)),
        progress: list.progress(),
        questions: list
            .answers
            .iter()
            .map(|(question, mark)| asked(&page, *question, mark.as_ref()))
            .collect(),
        operations: list.parts.iter().map(|part| operation(&page, part)).collect(),
        at: page.now,
        page,
    })
}

fn said(mark: &Mark) -> SaidView {
    SaidView {
        by: mark.by.clone(),
        at: mark.at,
        reason: mark.reason.clone(),
    }
}

fn asked(page: &Page, question: Question, mark: Option<&Mark>) -> QuestionView {
    let given = mark.filter(|mark| mark.value.is_some());
    let choice = |value: bool| Choice {
        value: if value { "yes" } else { "no" },
        word: page.t(match (question, value) {
            (Question::AutomaticPower, true) => "power-automatic",
            (Question::AutomaticPower, false) => "power-by-hand",
            (Question::FaceReader | Question::Smartphone | Question::ReceiptLink, true) => "yes",
            (Question::FaceReader | Question::Smartphone | Question::ReceiptLink, false) => "no",
        }),
        here: given.is_some_and(|mark| mark.value == Some(value)),
    };
    QuestionView {
        id: question.id(),
        letter: question.letter(),
        words: page.of(&question.words()).to_owned(),
        version: mark.map_or(0, |mark| mark.version),
        choices: [choice(true), choice(false)],
        said: given.map(said),
    }
}

fn choose(page: &Page, (ja, en): Pair) -> String {
    page.lang.choose(ja, en).to_owned()
}

fn operation(page: &Page, part: &Part) -> OperationView {
    OperationView {
        number: part.operation.number,
        title: choose(page, part.operation.title),
        letter: part.operation.asks.map_or("", Question::letter),
        items: part.lines.iter().map(|line| item(page, line)).collect(),
    }
}

fn item(page: &Page, line: &Line) -> ItemView {
    let kind = match line.stand {
        Stand::Seen | Stand::Said => "good",
        Stand::Wrong => "bad",
        Stand::Unknown => "warn",
        Stand::Open | Stand::NotApplicable | Stand::Asked(_) => "",
    };
    let mut notes = Vec::new();
    match &line.seen {
        Seen::Fault(findings) => notes.extend(findings.iter().map(|finding| {
            let found = finding
                .found
                .as_ref()
                .map(|(key, found)| shown(page.lang, key, found).line(page.lang));
            page.lang.with(
                "check-says",
                &[
                    ("title", &page.of(&finding.title)),
                    ("expected", &page.of(&finding.expected)),
                    ("found", &found.unwrap_or_default()),
                ],
            )
        })),
        Seen::Unknown(why) => notes.extend(why.iter().map(|words| page.of(words).to_owned())),
        Seen::Nothing | Seen::NotHere | Seen::Pass(_) => {}
    }
    if let Stand::Asked(question) = line.stand {
        notes.push(page.t1("check-asked", "question", page.of(&question.words())));
    }
    let applies = !matches!(line.stand, Stand::NotApplicable);
    let mark = line.mark.as_ref().filter(|mark| mark.value == Some(true));
    ItemView {
        id: line.item.id,
        title: choose(page, line.item.title),
        citation: choose(page, line.item.citation),
        at_odds: line.item.at_odds.map(|pair| choose(page, pair)),
        state: badge(kind, page.t(&format!("stand-{}", stand_name(line.stand)))),
        done: matches!(line.stand, Stand::Seen | Stand::Said),
        applies,
        notes,
        contradicted: line.is_contradicted(),
        said: mark.map(said).filter(|_| applies),
        version: line.mark.as_ref().map_or(0, |mark| mark.version),
        tick: line.takes_a_tick() && mark.is_none(),
        untick: mark.is_some() && applies,
    }
}

#[derive(Template)]
#[template(path = "terminal_checklist.html")]
struct View {
    page: Page,
    head: Head,
    problem: Option<Problem>,
    progress: Progress,
    questions: Vec<QuestionView>,
    operations: Vec<OperationView>,
    at: Time,
}

struct QuestionView {
    id: &'static str,
    letter: &'static str,
    words: String,
    version: i64,
    choices: [Choice; 2],
    said: Option<SaidView>,
}

struct Choice {
    value: &'static str,
    word: String,
    here: bool,
}

struct SaidView {
    by: String,
    at: Time,
    reason: String,
}

struct OperationView {
    number: u8,
    title: String,
    letter: &'static str,
    items: Vec<ItemView>,
}

struct ItemView {
    id: &'static str,
    title: String,
    citation: String,
    at_odds: Option<String>,
    state: Badge,
    done: bool,
    applies: bool,
    notes: Vec<String>,
    contradicted: bool,
    said: Option<SaidView>,
    version: i64,
    tick: bool,
    untick: bool,
}

#[cfg(test)]
mod tests {
    use kaishin_domain::access::Role;
    use kaishin_domain::checklist::checklist;

    use super::super::samples;
    use super::*;
    use crate::http::pages::sample;
    use crate::http::words::Lang;

    fn mark(item: &str, value: Option<bool>) -> Mark {
        Mark {
            item: item.into(),
            value,
            version: 4,
            at: samples::AT,
            by: "suzuki<i>".into(),
            reason: "電話で確認<i>".into(),
        }
    }

    fn view(lang: Lang, role: Role) -> View {
        let page = samples::page(lang, role);
        let marks = [
            mark("shortcut", Some(true)),
            mark("ask-face-reader", Some(false)),
            mark("mpki", None),
        ];
        let list = checklist(&[], &marks);
        View {
            head: samples::head(&page),
            problem: None,
            progress: list.progress(),
            questions: list
                .answers
                .iter()
                .map(|(question, mark)| asked(&page, *question, mark.as_ref()))
                .collect(),
            operations: list.parts.iter().map(|part| operation(&page, part)).collect(),
            at: page.now,
            page,
        }
    }

    #[test]
    fn the_page_renders_in_both_languages() {
        for lang in Lang::ALL {
            let html = sample::check(&view(lang, Role::Desk));
            assert!(html.contains("name=\"version\" value=\"4\"") && html.contains("suzuki") && !html.contains("<i>"));
            assert_eq!(html.matches("class=\"operation\"").count(), 12);
        }
    }

    #[test]
    fn who_may_only_look_sees_the_list_without_its_forms() {
        let html = sample::check(&view(Lang::En, Role::Viewer));
        assert!(!html.contains("name=\"item\"") && html.contains("why-work"));
    }
}
