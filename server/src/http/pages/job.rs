//! Asking for work on a terminal (what will happen, then yes), taking it back; and what is done to a terminal only with a
//! reason: taking its certificate away, releasing a duplicate.

use std::collections::BTreeMap;

use askama::Template;
use axum::extract::Path;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Redirect};
use kaishin_domain::access::{Permission, Scope};
use kaishin_domain::fact;
use kaishin_domain::id::{CallId, TerminalId};
use kaishin_domain::remedy::{Parameter, Range, Remedy};
use kaishin_domain::value::Value;
use kaishin_domain::words::Words;
use serde::Deserialize;
use serde_json::Value as Json;

use super::parts::{Notice, Pair, Problem, about, pair};
use super::terminal::{Shown as Fact, shown};
use super::{Page, Place, Shown, show};
use crate::app::jobs::Order;
use crate::app::terminals::TerminalDetail;
use crate::app::{AppError, Cx, Kind, calls, jobs, terminals};
use crate::http::api::{bad_order, id, status};
use crate::http::auth::Visitor;
use crate::http::failure::{Failure, Filled, Wished};
use crate::http::routes::{Needs, Routes};

pub fn routes() -> Routes {
    let needs = Needs::Permission;
    Routes::new()
        .get("/terminals/{id}/jobs/new", needs(Permission::RefreshFacts), ask)
        // Which of the two permissions a job needs depends on its remedy; asking for facts is the lesser one.
        .post("/terminals/{id}/jobs", needs(Permission::RefreshFacts), create)
        .post("/jobs/{id}/cancel", needs(Permission::CancelJob), cancel)
        .post("/jobs/{id}/consent", needs(Permission::RunRemedy), consent)
        .get("/terminals/{id}/revoke", needs(Permission::RevokeTerminal), ask_revoke)
        .post("/terminals/{id}/revoke", needs(Permission::RevokeTerminal), revoke)
        .get(
            "/terminals/{id}/release",
            needs(Permission::RevokeTerminal),
            ask_release,
        )
        .post("/terminals/{id}/release", needs(Permission::RevokeTerminal), release)
}

#[derive(Debug, Deserialize)]
pub(super) struct Wanted {
    remedy: String,
    /// The call that it is ordered in, and that is gone back to.
    #[serde(default)]
    call: Option<String>,
    /// Parameters as they were typed.
    #[serde(flatten)]
    typed: BTreeMap<String, String>,
}

impl Wanted {
    pub(super) fn remedy(&self) -> Result<Remedy, AppError> {
        let number = |text: &str| match text.trim().parse::<u64>() {
            Ok(number) => Json::from(number),
            Err(_) => Json::from(text),
        };
        let typed = self.typed.iter().map(|(name, text)| (name.clone(), number(text)));
        Remedy::parse(&self.remedy, &Json::Object(typed.collect())).map_err(|bad| bad_order(&bad))
    }
}

impl Wanted {
    /// The call that it belongs to: one that this terminal is in.
    async fn of_call(&self, cx: &Cx, terminal: TerminalId) -> Result<Option<CallId>, AppError> {
        let Some(call) = self.call.as_deref() else {
            return Ok(None);
        };
        let call = calls::get(cx, id(call)?).await?.call;
        Ok((call.terminal == Some(terminal)).then_some(call.id))
    }
}

async fn ask(visitor: Visitor, Path(text): Path<String>, Wished(wanted): Wished<Wanted>) -> Shown {
    let (cx, page) = visitor.at(Place::Terminals);
    let remedy = match (wanted.remedy(), Remedy::by_name(&wanted.remedy)) {
        (Ok(remedy), _) | (Err(_), Some(remedy)) => remedy,
        (Err(problem), None) => return Err(Failure(problem)),
    };
    question(&cx, page, id(&text)?, remedy, &wanted, None).await
}

/// What a person must know before pressing the button; once more, with what was typed, where it will not do.
async fn question(
    cx: &Cx,
    page: Page,
    id: TerminalId,
    remedy: Remedy,
    wanted: &Wanted,
    problem: Option<AppError>,
) -> Shown {
    cx.require(Permission::of(remedy), Scope::Terminal(id))?;
    let detail = terminals::get(cx, id).await?;
    let call = wanted.of_call(cx, id).await?;
    let mut strip = about(&page, &detail.terminal);
    for key in remedy.about().facts {
        let Some((fact, value)) = fact::find(key).zip(known(&detail, key)) else {
            continue;
        };
        let words = match shown(page.lang, key, value) {
            Fact::Text(text) | Fact::Unknown(text, _) => text,
            Fact::List(items) => items.join(page.lang.choose("、", ", ")),
            Fact::Time(_) | Fact::Table(_) => continue,
        };
        strip.extend(pair(
            page.t1("confirm-now", "fact", page.of(&Words::new(fact.ja, fact.en))),
            words,
        ));
    }
    let (steps, parameters) = (remedy.about().steps.iter(), remedy.about().parameters.iter());
    let view = NewView {
        problem: problem.as_ref().map(|problem| page.problem(problem)),
        href: format!("/terminals/{id}"),
        back: call.map_or_else(|| format!("/terminals/{id}"), |call| format!("/calls/{call}")),
        call: call.map(|call| call.to_string()),
        hostname: detail.terminal.machine.hostname.clone(),
        remedy: page.of(&remedy.title()).to_owned(),
        slug: remedy.name(),
        effect: page.of(&remedy.effect()).to_owned(),
        steps: steps.map(|step| page.of(&step.title.into()).to_owned()).collect(),
        fields: parameters
            .map(|parameter| field(&page, parameter, &wanted.typed))
            .collect(),
        strip,
        notices: notices(&page, &detail),
        page,
    };
    let code = problem.map_or(StatusCode::OK, |problem| status(problem.kind));
    Ok(show(code, &view))
}

fn field(page: &Page, parameter: &Parameter, typed: &BTreeMap<String, String>) -> Field {
    let usual = parameter.range.usual();
    let usual = usual.as_str().map_or_else(|| usual.to_string(), str::to_owned);
    let value = typed.get(parameter.name).cloned().unwrap_or(usual);
    Field {
        name: parameter.name,
        title: page.of(&parameter.title.into()).to_owned(),
        input: match parameter.range {
            // Named by the button that led here, not by a person.
            Range::Job => Input::Named(value),
            Range::Number { least, most, .. } => Input::Number { least, most, value },
            Range::Choice(of) => Input::Choice(
                of.iter()
                    .map(|choice| Picked {
                        id: choice.id,
                        title: page.of(&choice.title.into()).to_owned(),
                        picked: choice.id == value,
                    })
                    .collect(),
            ),
        },
    }
}

fn known<'a>(detail: &'a TerminalDetail, key: &str) -> Option<&'a Value> {
    detail.sections.iter().find_map(|section| section.facts.get(key))
}

fn notices(page: &Page, detail: &TerminalDetail) -> Vec<Notice> {
    let mut notices = Vec::new();
    let online = detail.row.as_ref().is_some_and(crate::index::Row::online);
    if !online {
        notices.push(Notice {
            kind: "warn",
            title: page.t("notice-will-wait"),
            text: page.t("notice-will-wait-text"),
        });
    }
    notices
}

async fn create(visitor: Visitor, Path(text): Path<String>, Filled(wanted): Filled<Wanted>) -> Shown {
    let (cx, page) = visitor.at(Place::Terminals);
    let id: TerminalId = id(&text)?;
    let remedy = match (wanted.remedy(), Remedy::by_name(&wanted.remedy)) {
        (Ok(remedy), _) => remedy,
        (Err(problem), Some(kind)) => return question(&cx, page, id, kind, &wanted, Some(problem)).await,
        (Err(problem), None) => return Err(Failure(problem)),
    };
    if let Some(call) = wanted.of_call(&cx, id).await? {
        calls::order(&cx, call, None, Some(remedy)).await?;
        return Ok(Redirect::to(&format!("/calls/{call}")).into_response());
    }
    let order = Order {
        terminal: id,
        remedy,
        life: None,
        reason: String::new(),
    };
    jobs::create(&cx, order).await?;
    Ok(Redirect::to(&format!("/terminals/{id}?done=job-created")).into_response())
}

async fn cancel(visitor: Visitor, Path(text): Path<String>) -> Shown {
    let (cx, _) = visitor.at(Place::Terminals);
    let job = jobs::cancel(&cx, id(&text)?, "").await?;
    Ok(Redirect::to(&format!("/terminals/{}?done=job-cancelled", job.terminal)).into_response())
}

#[derive(Debug, Deserialize)]
struct ReadOut {
    code: String,
}

async fn consent(visitor: Visitor, Path(text): Path<String>, Filled(read): Filled<ReadOut>) -> Shown {
    let (cx, _) = visitor.at(Place::Terminals);
    let id = id(&text)?;
    jobs::pass_on_code(&cx, id, &read.code).await?;
    let job = jobs::get(&cx, id).await?.job;
    Ok(Redirect::to(&format!("/terminals/{}?done=code-sent", job.terminal)).into_response())
}

/// What is done to a terminal only with a reason: the keys of its words, and how grave it looks.
struct Act {
    /// The last part of its address.
    name: &'static str,
    done: &'static str,
    title: &'static str,
    warning: &'static str,
    effect: &'static str,
    hint: &'static str,
    word: &'static str,
    note: &'static str,
    button: &'static str,
}

const REVOKE: Act = Act {
    name: "revoke",
    done: "revoked",
    title: "revoke-title",
    warning: "revoke-warning",
    effect: "revoke-effect",
    hint: "revoke-reason-hint",
    word: "do-revoke",
    note: "bad",
    button: "grave main",
};

const RELEASE: Act = Act {
    name: "release",
    done: "released",
    title: "release-title",
    warning: "release-warning",
    effect: "release-effect",
    hint: "release-reason-hint",
    word: "do-release",
    note: "warn",
    button: "main",
};

fn because_view(
    page: Page,
    act: &'static Act,
    detail: &TerminalDetail,
    reason: String,
    problem: Option<Problem>,
) -> BecauseView {
    BecauseView {
        act,
        problem,
        href: format!("/terminals/{}", detail.terminal.id),
        hostname: detail.terminal.machine.hostname.clone(),
        strip: about(&page, &detail.terminal),
        reason,
        page,
    }
}

async fn ask_revoke(visitor: Visitor, Path(text): Path<String>) -> Shown {
    ask_because(visitor, &REVOKE, &text).await
}

async fn ask_release(visitor: Visitor, Path(text): Path<String>) -> Shown {
    ask_because(visitor, &RELEASE, &text).await
}

async fn ask_because(visitor: Visitor, act: &'static Act, text: &str) -> Shown {
    let (cx, page) = visitor.at(Place::Terminals);
    let id: TerminalId = id(text)?;
    cx.require(Permission::RevokeTerminal, Scope::Terminal(id))?;
    let detail = terminals::get(&cx, id).await?;
    let view = because_view(page, act, &detail, String::new(), None);
    Ok(show(StatusCode::OK, &view))
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Because {
    reason: String,
}

async fn revoke(visitor: Visitor, Path(text): Path<String>, Filled(because): Filled<Because>) -> Shown {
    let (cx, page) = visitor.at(Place::Terminals);
    let id: TerminalId = id(&text)?;
    let done = terminals::revoke(&cx, id, &because.reason).await;
    after(&cx, page, &REVOKE, id, because, done).await
}

async fn release(visitor: Visitor, Path(text): Path<String>, Filled(because): Filled<Because>) -> Shown {
    let (cx, page) = visitor.at(Place::Terminals);
    let id: TerminalId = id(&text)?;
    let done = terminals::release(&cx, id, &because.reason).await;
    after(&cx, page, &RELEASE, id, because, done).await
}

/// Back to the terminal; or, where the reason will not do, the question again with what was typed.
async fn after(
    cx: &Cx,
    page: Page,
    act: &'static Act,
    id: TerminalId,
    because: Because,
    done: Result<(), AppError>,
) -> Shown {
    match done {
        Ok(()) => Ok(Redirect::to(&format!("/terminals/{id}?done={}", act.done)).into_response()),
        Err(error) if error.kind == Kind::Invalid => {
            let detail = terminals::get(cx, id).await?;
            let problem = page.problem(&error);
            let view = because_view(page, act, &detail, because.reason, Some(problem));
            Ok(show(status(error.kind), &view))
        }
        Err(error) => Err(Failure(error)),
    }
}

#[derive(Template)]
#[template(path = "job_new.html")]
struct NewView {
    page: Page,
    problem: Option<Problem>,
    href: String,
    /// Where whoever does not want it goes back to.
    back: String,
    call: Option<String>,
    hostname: String,
    remedy: String,
    slug: &'static str,
    effect: String,
    steps: Vec<String>,
    fields: Vec<Field>,
    strip: Vec<Pair>,
    notices: Vec<Notice>,
}

struct Field {
    name: &'static str,
    title: String,
    input: Input,
}

enum Input {
    Named(String),
    Number { least: u8, most: u8, value: String },
    Choice(Vec<Picked>),
}

struct Picked {
    id: &'static str,
    title: String,
    picked: bool,
}

#[derive(Template)]
#[template(path = "because.html")]
struct BecauseView {
    page: Page,
    act: &'static Act,
    problem: Option<Problem>,
    href: String,
    hostname: String,
    strip: Vec<Pair>,
    reason: String,
}

#[cfg(test)]
mod tests {
    use kaishin_domain::access::Role;

    use super::super::{Place, sample};
    use super::*;
    use crate::http::words::Lang;

    fn strip() -> Vec<Pair> {
        vec![Pair {
            name: "OS".into(),
            value: "10.0<i>".into(),
        }]
    }

    #[test]
    fn the_question_before_work_renders_in_both_languages() {
        for lang in Lang::ALL {
            let html = sample::check(&NewView {
                page: sample::page(lang, Some(Role::Desk), Some(Place::Terminals)),
                problem: None,
                href: "/terminals/x".into(),
                back: "/calls/c".into(),
                call: Some("c<i>".into()),
                hostname: "UKETSUKE-01<i>".into(),
                remedy: "高速スタートアップを無効にする".into(),
                slug: "fast-startup-off",
                effect: "再起動は不要です。".into(),
                steps: vec!["読む".into(), "書く".into()],
                fields: vec![
                    Field {
                        name: "start",
                        title: "開始".into(),
                        input: Input::Number {
                            least: 0,
                            most: 23,
                            value: "7<i>".into(),
                        },
                    },
                    Field {
                        name: "job",
                        title: "作業".into(),
                        input: Input::Named("x<i>".into()),
                    },
                    Field {
                        name: "mode",
                        title: "方法".into(),
                        input: Input::Choice(vec![Picked {
                            id: "manual",
                            title: "手動<i>".into(),
                            picked: true,
                        }]),
                    },
                ],
                strip: strip(),
                notices: vec![Notice {
                    kind: "warn",
                    title: "接続していません".into(),
                    text: "待ちます".into(),
                }],
            });
            assert!(
                html.contains("name=\"start\"") && html.contains("value=\"fast-startup-off\"") && !html.contains("<i>")
            );
        }
    }

    #[test]
    fn the_question_before_what_needs_a_reason_renders_in_both_languages() {
        for (lang, act) in [
            (Lang::Ja, &REVOKE),
            (Lang::En, &REVOKE),
            (Lang::Ja, &RELEASE),
            (Lang::En, &RELEASE),
        ] {
            let html = sample::check(&BecauseView {
                act,
                page: sample::page(lang, Some(Role::Admin), Some(Place::Terminals)),
                problem: Some(Problem {
                    code: "E-HTTP-02".into(),
                    text: "理由を書いてください。".into(),
                }),
                href: "/terminals/x".into(),
                hostname: "UKETSUKE-01".into(),
                strip: strip(),
                reason: "</textarea><i>".into(),
            });
            let action = format!("action=\"/terminals/x/{}\"", act.name);
            assert!(html.contains(&action) && !html.contains("<i>"));
        }
    }
}
