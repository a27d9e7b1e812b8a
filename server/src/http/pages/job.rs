//! Asking for work on a terminal (what will happen, then yes), taking it back; and what is done to a terminal only with a
//! reason: taking its certificate away, releasing a duplicate.

use askama::Template;
use axum::extract::Path;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Redirect};
use kaishin_domain::access::{Permission, Scope};
use kaishin_domain::id::TerminalId;
use kaishin_domain::remedy::Remedy;
use kaishin_domain::value::Value;
use serde::Deserialize;

use super::parts::{Notice, Pair, Problem, about, pair};
use super::terminal::{Shown as Fact, shown};
use super::{Page, Place, Shown, show};
use crate::app::jobs::Order;
use crate::app::terminals::TerminalDetail;
use crate::app::{AppError, Cx, Kind, jobs, terminals};
use crate::http::api::{id, status};
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
struct Wanted {
    remedy: String,
}

fn remedy(name: &str) -> Result<Remedy, AppError> {
    Remedy::parse(name, &serde_json::Value::Null).map_err(|_| {
        AppError::invalid(
            "E-JOB-14",
            "この作業の種類は指定できません。端末のページから選び直してください。",
            "There is no such work. Choose it on the terminal's page.",
        )
    })
}

/// The names of the steps as the terminal will tell them.
fn steps(remedy: Remedy) -> &'static [&'static str] {
    match remedy {
        Remedy::RefreshFacts => &["step-collect"],
        Remedy::FastStartupOff => &["step-read-before", "step-write-registry", "step-verify"],
    }
}

async fn ask(visitor: Visitor, Path(text): Path<String>, Wished(wanted): Wished<Wanted>) -> Shown {
    let (cx, page) = visitor.at(Place::Terminals);
    let (id, remedy): (TerminalId, Remedy) = (id(&text)?, remedy(&wanted.remedy)?);
    cx.require(remedy.permission(), Scope::Terminal(id))?;
    let detail = terminals::get(&cx, id).await?;
    let now = fast_startup(&detail);
    let mut strip = about(&page, &detail.terminal);
    if let (Remedy::FastStartupOff, Some(value)) = (remedy, now) {
        let words = match shown(page.lang, "power.fast_startup", value) {
            Fact::Text(text) | Fact::Unknown(text) => text,
            Fact::Time(_) | Fact::List(_) | Fact::Table(_) => String::new(),
        };
        strip.extend(pair(page.t("confirm-now"), words));
    }
    let view = NewView {
        problem: None,
        href: format!("/terminals/{id}"),
        hostname: detail.terminal.machine.hostname.clone(),
        remedy: page.of(&remedy.title()).to_owned(),
        slug: remedy.name(),
        effect: page.of(&remedy.effect()).to_owned(),
        steps: steps(remedy).iter().map(|key| page.t(key)).collect(),
        strip,
        notices: notices(&page, &detail, remedy),
        page,
    };
    Ok(show(StatusCode::OK, &view))
}

fn fast_startup(detail: &TerminalDetail) -> Option<&Value> {
    detail
        .sections
        .iter()
        .find_map(|section| section.facts.get("power.fast_startup"))
}

fn notices(page: &Page, detail: &TerminalDetail, remedy: Remedy) -> Vec<Notice> {
    let mut notices = Vec::new();
    let online = detail.row.as_ref().is_some_and(crate::index::Row::online);
    if !online {
        notices.push(Notice {
            kind: "warn",
            title: page.t("notice-will-wait"),
            text: page.t("notice-will-wait-text"),
        });
    }
    if remedy == Remedy::FastStartupOff && fast_startup(detail) == Some(&Value::Truth(false)) {
        notices.push(Notice {
            kind: "",
            title: page.t("notice-already"),
            text: page.t("notice-already-text"),
        });
    }
    notices
}

async fn create(visitor: Visitor, Path(text): Path<String>, Filled(wanted): Filled<Wanted>) -> Shown {
    let (cx, _) = visitor.at(Place::Terminals);
    let id: TerminalId = id(&text)?;
    let order = Order {
        terminal: id,
        remedy: remedy(&wanted.remedy)?,
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
    hostname: String,
    remedy: String,
    slug: &'static str,
    effect: String,
    steps: Vec<String>,
    strip: Vec<Pair>,
    notices: Vec<Notice>,
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
                hostname: "UKETSUKE-01<i>".into(),
                remedy: "高速スタートアップを無効にする".into(),
                slug: "fast-startup-off",
                effect: "再起動は不要です。".into(),
                steps: vec!["読む".into(), "書く".into()],
                strip: strip(),
                notices: vec![Notice {
                    kind: "warn",
                    title: "接続していません".into(),
                    text: "待ちます".into(),
                }],
            });
            assert!(html.contains("value=\"fast-startup-off\"") && !html.contains("<i>"));
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
