//! `/versions/profile`: what terminals look for and are measured against, the draft of the next, and the form to write it.

use askama::Template;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Redirect};
use kaishin_domain::access::{Permission, Scope};
use kaishin_domain::profile_change::entries;
use kaishin_domain::time::Time;
use serde::Deserialize;

use super::super::parts::{Problem, Why, why};
use super::super::{Page, Place, Shown, show};
use super::{Changed, changed};
use crate::app::profile::{self, Wish};
use crate::app::{AppError, Cx, Kind};
use crate::http::api::status;
use crate::http::auth::Visitor;
use crate::http::failure::{Failure, Filled};
use crate::http::routes::{Needs, Routes};

/// Lines of the form beyond those that are written, to go on writing.
const ROOM: usize = 12;
/// Lines around the one that is wrong.
const AROUND: usize = 2;

pub fn routes() -> Routes {
    let needs = Needs::Permission;
    Routes::new()
        .get("/versions/profile", needs(Permission::ViewFleet), in_force)
        .get("/versions/profile/edit", needs(Permission::EditProfile), edit)
        .post("/versions/profile/edit", needs(Permission::EditProfile), save)
        .post("/versions/profile/discard", needs(Permission::EditProfile), discard)
        .post("/versions/profile/publish", needs(Permission::PublishProfile), publish)
}

async fn in_force(visitor: Visitor) -> Shown {
    let (cx, page) = visitor.at(Place::Versions);
    let view = view(&cx, page).await?;
    Ok(show(StatusCode::OK, &view))
}

async fn view(cx: &Cx, page: Page) -> Result<View, AppError> {
    let current = profile::current(cx)?;
    let published = profile::versions(cx).await?.into_iter().next();
    let published = published.filter(|row| row.version == current.version && !row.published_by.is_empty());
    let draft = profile::draft(cx).await?.map(|(draft, changes)| Draft {
        stale: draft.base != current.version,
        digest: draft.digest,
        at: draft.saved_at,
        by: draft.saved_by,
        reason: draft.reason,
        changes: changed(&changes),
    });
    Ok(View {
        tab: "profile",
        version: current.version,
        published: published.map(|row| Published {
            at: row.published_at,
            by: row.published_by,
            reason: row.reason,
        }),
        judging: super::judging(cx, &page),
        parts: parts(&page, &entries(&current.profile)),
        draft,
        cannot_edit: why("why-edit", page.denied(Permission::EditProfile)),
        cannot_publish: why("why-publish", page.denied(Permission::PublishProfile)),
        page,
    })
}

/// The entries of each part of the profile, a path that has several once.
fn parts(page: &Page, entries: &[(String, String)]) -> Vec<Part> {
    let mut parts: Vec<Part> = Vec::new();
    for (path, value) in entries {
        let (part, rest) = path.split_once(['.', '[']).unwrap_or((path, ""));
        let rest = rest.trim_end_matches("[]");
        // A part that is itself a list: its bracket was opened before what is shown.
        let listed = path[part.len()..].starts_with('[');
        let rest = if listed {
            rest.replacen(']', "", 1)
        } else {
            rest.to_owned()
        };
        if parts.last().is_none_or(|last| last.key != part) {
            let name = page.lang.try_t(&format!("profile-{}", part.replace('_', "-")));
            parts.push(Part {
                name: name.unwrap_or_else(|| part.to_owned()),
                key: part.to_owned(),
                rows: Vec::new(),
            });
        }
        let Some(last) = parts.last_mut() else { continue };
        match last.rows.last_mut() {
            Some((name, values)) if *name == rest => values.push(value.clone()),
            Some(_) | None => last.rows.push((rest, vec![value.clone()])),
        }
    }
    parts
}

async fn edit(visitor: Visitor) -> Shown {
    let (cx, page) = visitor.at(Place::Versions);
    cx.require(Permission::EditProfile, Scope::Fleet)?;
    let current = profile::current(&cx)?;
    let draft = profile::draft(&cx).await?.map(|(draft, _)| draft);
    let form = match draft {
        Some(draft) if draft.base == current.version => Form {
            base: draft.base,
            instead_of: draft.digest,
            text: draft.body,
            reason: draft.reason,
        },
        Some(_) | None => Form {
            base: current.version,
            instead_of: draft.map(|draft| draft.digest).unwrap_or_default(),
            text: current.text.to_string(),
            reason: String::new(),
        },
    };
    Ok(show(StatusCode::OK, &EditView::of(page, form, None)))
}

async fn save(visitor: Visitor, Filled(form): Filled<Form>) -> Shown {
    let (cx, page) = visitor.at(Place::Versions);
    // What was saved meanwhile is taken the place of only by who has seen it.
    let wish = Wish {
        text: &form.text,
        base: Some(form.base),
        instead_of: (!form.instead_of.is_empty()).then_some(form.instead_of.as_str()),
        reason: &form.reason,
    };
    match profile::save_draft(&cx, wish).await {
        Ok(_) => Ok(Redirect::to("/versions/profile?done=draft-saved#draft").into_response()),
        Err(error) if matches!(error.kind, Kind::Invalid | Kind::Conflict) => {
            let view = EditView::of(page, form, Some(&error));
            Ok(show(status(error.kind), &view))
        }
        Err(error) => Err(Failure(error)),
    }
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Named {
    digest: String,
}

async fn discard(visitor: Visitor, Filled(named): Filled<Named>) -> Shown {
    let (cx, _) = visitor.at(Place::Versions);
    profile::discard_draft(&cx, &named.digest, "").await?;
    Ok(Redirect::to("/versions/profile?done=draft-discarded").into_response())
}

async fn publish(visitor: Visitor, Filled(named): Filled<Named>) -> Shown {
    let (cx, _) = visitor.at(Place::Versions);
    profile::publish(&cx, &named.digest).await?;
    Ok(Redirect::to("/versions/profile?done=profile-published").into_response())
}

struct Published {
    at: Time,
    by: String,
    reason: String,
}

struct Draft {
    digest: String,
    at: Time,
    by: String,
    reason: String,
    changes: Vec<Changed>,
    /// Made from a version that is not in force any more.
    stale: bool,
}

struct Part {
    key: String,
    name: String,
    rows: Vec<(String, Vec<String>)>,
}

#[derive(Template)]
#[template(path = "profile.html")]
struct View {
    page: Page,
    tab: &'static str,
    version: u32,
    published: Option<Published>,
    judging: Option<String>,
    parts: Vec<Part>,
    draft: Option<Draft>,
    cannot_edit: Option<Why>,
    cannot_publish: Option<Why>,
}

#[derive(Clone, Default, Deserialize)]
#[serde(default)]
struct Form {
    base: u32,
    instead_of: String,
    text: String,
    reason: String,
}

/// A numbered line, and whether it is the one to correct.
struct Numbered {
    number: usize,
    text: String,
    wrong: bool,
}

#[derive(Template)]
#[template(path = "profile_edit.html")]
struct EditView {
    page: Page,
    tab: &'static str,
    problem: Option<Problem>,
    form: Form,
    rows: usize,
    wrong: Option<usize>,
    /// The line to correct and those around it.
    excerpt: Vec<Numbered>,
}

impl EditView {
    fn of(page: Page, form: Form, error: Option<&AppError>) -> EditView {
        let line = error.and_then(|error| error.detail["line"].as_u64());
        let wrong = line.and_then(|line| usize::try_from(line).ok());
        let near = |number: usize| wrong.is_some_and(|wrong| number.abs_diff(wrong) <= AROUND);
        let lines = form.text.lines().enumerate().map(|(at, text)| Numbered {
            number: at + 1,
            text: text.to_owned(),
            wrong: wrong == Some(at + 1),
        });
        EditView {
            tab: "profile",
            problem: error.map(|error| page.problem(error)),
            excerpt: lines.filter(|line| near(line.number)).collect(),
            rows: form.text.lines().count() + ROOM,
            wrong,
            form,
            page,
        }
    }

    fn numbers(&self) -> std::ops::RangeInclusive<usize> {
        1..=self.rows
    }

    fn is_wrong(&self, number: &usize) -> bool {
        self.wrong == Some(*number)
    }
}

#[cfg(test)]
mod tests {
    use kaishin_domain::access::Role;
    use kaishin_proto::profile::Profile;

    use super::super::super::sample;
    use super::*;
    use crate::http::words::Lang;

    fn view(lang: Lang, role: Role) -> View {
        let page = sample::page(lang, Some(role), Some(Place::Versions));
        View {
            tab: "profile",
            version: 2,
            published: Some(Published {
                at: Time(1_795_151_000_000_000),
                by: "sato".into(),
                reason: "新しい版<i>".into(),
            }),
            judging: None,
            parts: parts(&page, &entries(&Profile::built_in())),
            draft: Some(Draft {
                digest: "ab".into(),
                at: Time(1_795_151_000_000_000),
                by: "sato".into(),
                reason: "試し".into(),
                changes: vec![Changed {
                    path: "software.face.version".into(),
                    before: "2.3.0".into(),
                    after: "<i>".into(),
                }],
                stale: false,
            }),
            cannot_edit: why("why-edit", page.denied(Permission::EditProfile)),
            cannot_publish: why("why-publish", page.denied(Permission::PublishProfile)),
            page,
        }
    }

    #[test]
    fn the_profile_renders_in_both_languages_and_who_may_not_is_told_who_may() {
        for lang in Lang::ALL {
            let html = sample::check(&view(lang, Role::Approver));
            assert!(
                html.contains("action=\"/versions/profile/publish\"") && !html.contains("<i>"),
                "{html}"
            );
            assert!(html.contains("C:\\OQS\\face") && html.contains("proxy.base.oqs-pdl.org:8080"));
            for part in view(lang, Role::Viewer).parts {
                assert_ne!(part.name, part.key, "a part without its words");
            }
        }
        let html = sample::check(&view(Lang::En, Role::Author));
        assert!(!html.contains("action=\"/versions/profile/publish\"") && html.contains("Approver"));
        assert!(html.contains("action=\"/versions/profile/discard\""));
        let html = sample::check(&view(Lang::Ja, Role::Viewer));
        assert!(!html.contains("action=\"/versions/profile") && !html.contains("href=\"/versions/profile/edit"));
    }

    #[test]
    fn the_form_keeps_what_was_typed_and_points_at_the_line() {
        let text = Profile::built_in_text().replacen("\"2.3.0\"", "\"two\"", 1);
        let error = AppError::from(Profile::read(&text).expect_err("no version"));
        let wrong = text.lines().position(|line| line.contains("\"two\"")).expect("there") + 1;
        for lang in Lang::ALL {
            let page = sample::page(lang, Some(Role::Author), Some(Place::Versions));
            let form = Form {
                text: text.clone(),
                ..Form::default()
            };
            let view = EditView::of(page, form, Some(&error));
            assert_eq!(view.excerpt.len(), 2 * AROUND + 1);
            assert_eq!(view.excerpt[AROUND].number, wrong);
            let html = sample::check(&view);
            assert!(
                html.contains("E-PROFILE-01") && html.contains(&format!("<mark>{wrong}</mark>")),
                "{html}"
            );
        }
    }
}
