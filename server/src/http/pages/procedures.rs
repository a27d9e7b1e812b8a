//! `/procedures`: what callers are led through, to be read before the phone rings, and printed for a clinic.

use askama::Template;
use axum::extract::Path;
use axum::http::StatusCode;
use kaishin_domain::access::{Permission, Scope};
use kaishin_domain::call::{Procedure, Step, Where};

use super::{Page, Place, Shown, show};
use crate::app::{AppError, calls};
use crate::http::auth::Visitor;
use crate::http::failure::Failure;
use crate::http::routes::{Needs, Routes};

pub fn routes() -> Routes {
    let view = Needs::Permission(Permission::ViewFleet);
    Routes::new()
        .get("/procedures", view, all)
        .get("/procedures/{slug}", view, one)
}

async fn all(visitor: Visitor) -> Shown {
    let (cx, page) = visitor.at(Place::Desk);
    cx.require(Permission::ViewFleet, Scope::Fleet)?;
    let row = |procedure: &Procedure| Row {
        href: format!("/procedures/{}", procedure.slug),
        title: page.of(&procedure.title).to_owned(),
        about: page.of(&procedure.about).to_owned(),
        minutes: page.t1("call-minutes", "minutes", procedure.minutes),
    };
    let rows = calls::procedures(&cx.app).all().iter().map(row).collect();
    Ok(show(StatusCode::OK, &List { rows, page }))
}

async fn one(visitor: Visitor, Path(slug): Path<String>) -> Shown {
    let (cx, page) = visitor.at(Place::Desk);
    cx.require(Permission::ViewFleet, Scope::Fleet)?;
    let procedure = calls::procedures(&cx.app).find(&slug).ok_or_else(no_such_procedure)?;
    let view = sheet(page, procedure);
    Ok(show(StatusCode::OK, &view))
}

fn no_such_procedure() -> Failure {
    Failure(AppError::not_found(
        "E-CALL-27",
        "この手順は見つかりません。手順の一覧から選び直してください。",
        "There is no such procedure. Choose one from the list.",
    ))
}

/// The steps of the usual way first; those that only a branch leads to go on after them.
fn sheet(page: Page, procedure: &Procedure) -> Sheet {
    let mut steps = procedure.path();
    let usual = steps.len();
    steps.extend(procedure.steps.iter().filter(|step| {
        let id = &step.id;
        !procedure.path().iter().any(|known| known.id == *id)
    }));
    let number = |id: &str| steps.iter().position(|step| step.id == id).map_or(0, |at| at + 1);
    let branch = |to: &Where| match to {
        Where::Step(id) => page.t1("procedure-go-to", "number", number(id)),
        Where::End(end) => page.t(&format!("procedure-end-{}", end.name())),
    };
    let shown = |(at, step): (usize, &&Step)| StepOnPaper {
        number: at + 1,
        aside: at >= usual,
        title: page.of(&step.title).to_owned(),
        say: page.of(&step.say).to_owned(),
        screen: step.screen.as_ref().map(|screen| match (&screen.en, page.lang) {
            (Some(en), crate::http::words::Lang::En) => format!("{} ({en})", screen.ja),
            (Some(_) | None, _) => screen.ja.clone(),
        }),
        hint: step.hint.as_ref().map(|hint| page.of(hint).to_owned()),
        citation: step.citation.as_ref().map(|source| page.of(&source.words()).to_owned()),
        branches: step
            .branches
            .iter()
            .map(|one| (page.of(&one.sees).to_owned(), branch(&one.to)))
            .collect(),
    };
    Sheet {
        title: page.of(&procedure.title).to_owned(),
        about: page.of(&procedure.about).to_owned(),
        minutes: page.t1("call-minutes", "minutes", procedure.minutes),
        steps: steps.iter().enumerate().map(shown).collect(),
        page,
    }
}

struct Row {
    href: String,
    title: String,
    about: String,
    minutes: String,
}

#[derive(Template)]
#[template(path = "procedures.html")]
struct List {
    page: Page,
    rows: Vec<Row>,
}

struct StepOnPaper {
    number: usize,
    /// Only what somebody sees instead leads to it.
    aside: bool,
    title: String,
    say: String,
    screen: Option<String>,
    hint: Option<String>,
    citation: Option<String>,
    /// What they see instead, and where it goes on then.
    branches: Vec<(String, String)>,
}

#[derive(Template)]
#[template(path = "procedure.html")]
struct Sheet {
    page: Page,
    title: String,
    about: String,
    minutes: String,
    steps: Vec<StepOnPaper>,
}

#[cfg(test)]
mod tests {
    use kaishin_domain::access::Role;
    use kaishin_domain::call::{Ending, Procedures};
    use kaishin_proto::profile::Profile;

    use super::super::sample;
    use super::*;
    use crate::http::words::Lang;

    #[test]
    fn every_procedure_can_be_read_on_paper_in_both_languages() {
        let book = Procedures::built_in(&Profile::built_in()).expect("sound");
        for lang in Lang::ALL {
            for procedure in book.all() {
                let page = sample::page(lang, Some(Role::Viewer), Some(Place::Desk));
                let view = sheet(page, procedure);
                assert_eq!(view.steps.len(), procedure.steps.len(), "{}", procedure.slug);
                let ways = view.steps.iter().flat_map(|step| &step.branches);
                for (_, way) in ways {
                    assert!(!way.contains("Unknown loc") && !way.contains(" 0"), "{way}");
                }
                let html = sample::check(&view);
                assert!(
                    procedure
                        .steps
                        .iter()
                        .all(|step| step.say.ja.is_empty() || html.contains("class=\"read\""))
                );
            }
        }
        for end in [
            Ending::Done,
            Ending::Stopped,
            Ending::NotFixed,
            Ending::HandOn,
            Ending::CallBack,
        ] {
            for lang in Lang::ALL {
                assert!(!lang.t(&format!("procedure-end-{}", end.name())).contains("Unknown loc"));
            }
        }
    }

    #[test]
    fn the_list_renders_in_both_languages() {
        for lang in Lang::ALL {
            let html = sample::check(&List {
                page: sample::page(lang, Some(Role::Viewer), Some(Place::Desk)),
                rows: vec![Row {
                    href: "/procedures/restart".into(),
                    title: "再起動<i>".into(),
                    about: "5分<i>".into(),
                    minutes: "約5分".into(),
                }],
            });
            assert!(html.contains("href=\"/procedures/restart\"") && !html.contains("<i>"));
        }
    }
}
