//! `/calls/{id}`: a call while it goes on. Left, the sentence to read aloud and the label on the clinic's screen; right,
//! what the terminal shows and the work on it; below, the record to be copied. Every step is a form, so it works without
//! script; with it, the page follows the terminal by itself.

mod shown;

use askama::Template;
use axum::extract::Path;
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Redirect};
use kaishin_domain::access::{Permission, Scope};
use kaishin_domain::call::{Ending, Outcome, Procedure};
use kaishin_domain::id::CallId;
use kaishin_domain::time::Time;

use self::shown::{Asks, Choice, Facts, Finding, Ran, StepView, Work, asks, facts, finding, ran, step_view, work};
use super::desk::{state, waits_for, who};
use super::parts::{Badge, Problem, Why, presence, why};
use super::{Page, Place, Shown, show};
use crate::app::calls::{self, Detail, Item};
use crate::app::{Cx, Kind};
use crate::http::api::{call_record, id, status};
use crate::http::auth::{BY_ITSELF, Visitor};
use crate::http::call_told::Told;
use crate::http::failure::{Failure, Filled};
use crate::http::routes::{Needs, Routes};

pub fn routes() -> Routes {
    Routes::new()
        .get("/calls/{id}", Needs::Permission(Permission::ViewFleet), call)
        .post("/calls/{id}", Needs::Permission(Permission::TakeCalls), happen)
}

async fn call(visitor: Visitor, Path(text): Path<String>, headers: HeaderMap) -> Shown {
    let (cx, page) = visitor.at(Place::Desk);
    let detail = calls::get(&cx, id(&text)?).await?;
    if !headers.contains_key(BY_ITSELF) {
        calls::watch(&cx, &detail.call)?;
    }
    Ok(show(StatusCode::OK, &view(&cx, page, &detail, Told::default(), None)?))
}

async fn happen(visitor: Visitor, Path(text): Path<String>, Filled(told): Filled<Told>) -> Shown {
    let (cx, page) = visitor.at(Place::Desk);
    cx.require(Permission::TakeCalls, Scope::Fleet)?;
    let call: CallId = id(&text)?;
    let code = told.event == "code";
    let done = match told.doing(&cx) {
        Ok(doing) => doing.carry_out(&cx, call, told.version).await,
        Err(error) => Err(error),
    };
    match done {
        Ok(()) if code => Ok(Redirect::to(&format!("/calls/{call}?done=code-sent")).into_response()),
        Ok(()) => Ok(Redirect::to(&format!("/calls/{call}")).into_response()),
        // It is said where it happened, and nothing typed is lost.
        Err(error) if matches!(error.kind, Kind::Invalid | Kind::Conflict) => {
            let detail = calls::get(&cx, call).await?;
            let problem = Some(page.problem(&error));
            Ok(show(status(error.kind), &view(&cx, page, &detail, told, problem)?))
        }
        Err(error) => Err(Failure(error)),
    }
}

fn view(cx: &Cx, page: Page, detail: &Detail, typed: Told, problem: Option<Problem>) -> Result<View, Failure> {
    let (call, app) = (&detail.call, &cx.app);
    let record = call_record(cx, detail)?;
    let item = Item {
        call: call.clone(),
        facility: detail.facility.as_ref().map(|name| name.ja.clone()),
        hostname: detail.row.as_ref().map(|row| row.entry.hostname.clone()),
        online: detail.row.as_ref().is_some_and(|row| row.online()),
    };
    let (helping, others) = calls::helping(app, detail.row.as_ref());
    let step = call.step(calls::procedures(app));
    let ended = call.runs.last().and_then(|run| run.end);
    let topic = match call.terminal {
        Some(terminal) => format!("call:{},terminal:{terminal}", call.id),
        None => format!("call:{}", call.id),
    };
    Ok(View {
        href: format!("/calls/{}", call.id),
        topic,
        version: call.version,
        title: who(&page, &item),
        state: state(&page, call),
        waits: waits_for(&page, call),
        open: call.state.name() == "open",
        closed: call.is_closed(),
        facility_href: call.facility.map(|code| format!("/facilities/{code}")),
        opened: call.opened_at,
        owner: call.owner.clone(),
        mine: call.owner == cx.actor.name,
        caller: if typed.event == "told" {
            typed_caller(&typed)
        } else {
            CallerView::of(call)
        },
        terminal: call.terminal.map(|id| TerminalView {
            href: format!("/terminals/{id}"),
            hostname: item.hostname.clone().unwrap_or_default(),
            presence: presence(&page, item.online),
        }),
        residents: calls::residents(cx, call)
            .into_iter()
            .map(|row| {
                (
                    row.entry.id.to_string(),
                    row.entry.hostname.clone(),
                    presence(&page, row.online()),
                )
            })
            .collect(),
        step: step.map(|step| step_view(cx, &page, detail, step)),
        ended: ended.map(|end| page.t(&format!("run-end-{}", end.name()))),
        ran: call.runs.last().map(|run| ran(&page, calls::procedures(app), run)),
        helping: helping.into_iter().map(|one| choice(&page, one)).collect(),
        others: others.into_iter().map(|one| choice(&page, one)).collect(),
        facts: facts(&page, detail, step),
        findings: finding(cx, &page, detail),
        asks: asks(&page, detail, &typed),
        work: work(&page, detail),
        outcomes: outcomes(&page, call, ended, &typed),
        ring_at: typed.at.clone(),
        note: typed.of("noted", &typed.text),
        closing: typed.of("closed", &typed.text),
        against: typed.of("closed", &typed.reason),
        reason: typed.reason,
        place: typed.terminal,
        record: page.of(&record).to_owned(),
        cannot: why("why-calls", page.denied(Permission::TakeCalls)),
        may_work: page.denied(Permission::RunRemedy).is_none(),
        problem,
        page,
    })
}

fn typed_caller(typed: &Told) -> CallerView {
    CallerView {
        name: typed.name.clone(),
        role: typed.role.clone(),
        phone: typed.phone.clone(),
        concern: typed.concern.clone(),
    }
}

fn choice(page: &Page, procedure: &Procedure) -> Choice {
    Choice {
        slug: procedure.slug.clone(),
        title: page.of(&procedure.title).to_owned(),
        about: page.of(&procedure.about).to_owned(),
        minutes: procedure.minutes,
    }
}

/// How it may end; what follows from how the procedure ended stands first chosen.
fn outcomes(
    page: &Page,
    call: &kaishin_domain::call::Call,
    ended: Option<Ending>,
    typed: &Told,
) -> Vec<(&'static str, String, bool)> {
    let usual = match ended {
        Some(Ending::Done) => Some(Outcome::Fixed),
        Some(Ending::HandOn) => Some(Outcome::HandedOn),
        Some(Ending::NotFixed) => Some(Outcome::NotFixed),
        Some(Ending::CallBack | Ending::Stopped) | None => None,
    };
    let usual = usual.filter(|_| call.run().is_none()).map(Outcome::name);
    let chosen = if typed.outcome.is_empty() {
        usual
    } else {
        Some(typed.outcome.as_str())
    };
    Outcome::ALL
        .into_iter()
        .map(|outcome| {
            let name = outcome.name();
            (name, page.t(&format!("outcome-{name}")), chosen == Some(name))
        })
        .collect()
}

#[derive(Template)]
#[template(path = "call.html")]
struct View {
    page: Page,
    href: String,
    topic: String,
    version: i64,
    title: String,
    state: Badge,
    waits: Option<String>,
    open: bool,
    closed: bool,
    facility_href: Option<String>,
    opened: Time,
    owner: String,
    mine: bool,
    caller: CallerView,
    terminal: Option<TerminalView>,
    /// The facility's terminals, while none is chosen.
    residents: Vec<(String, String, Badge)>,
    step: Option<StepView>,
    /// How the last procedure ended.
    ended: Option<String>,
    ran: Option<Ran>,
    /// Procedures that help with this terminal's faults.
    helping: Vec<Choice>,
    others: Vec<Choice>,
    facts: Vec<Facts>,
    findings: Vec<Finding>,
    /// The question that the person at the terminal has before them.
    asks: Option<Asks>,
    work: Vec<Work>,
    outcomes: Vec<(&'static str, String, bool)>,
    ring_at: String,
    note: String,
    closing: String,
    /// Why it counts as fixed although the terminal shows otherwise.
    against: String,
    reason: String,
    place: String,
    record: String,
    cannot: Option<Why>,
    may_work: bool,
    problem: Option<Problem>,
}

struct CallerView {
    name: String,
    role: String,
    phone: String,
    concern: String,
}

impl CallerView {
    fn of(call: &kaishin_domain::call::Call) -> CallerView {
        let caller = &call.caller;
        CallerView {
            name: caller.name.clone(),
            role: caller.role.clone(),
            phone: caller.phone.clone(),
            concern: caller.concern.clone(),
        }
    }
}

struct TerminalView {
    href: String,
    hostname: String,
    presence: Badge,
}

#[cfg(test)]
mod tests {
    use kaishin_domain::access::Role;

    use super::super::parts::badge;
    use super::super::sample;
    use super::*;
    use crate::http::words::Lang;

    fn view(lang: Lang, role: Role, step: bool) -> View {
        let page = sample::page(lang, Some(role), Some(Place::Desk));
        let choice = || Choice {
            slug: "restart".into(),
            title: "再起動<i>".into(),
            about: "5分".into(),
            minutes: 6,
        };
        View {
            href: "/calls/x".into(),
            topic: "call:x".into(),
            version: 3,
            title: "みどり内科<i>".into(),
            state: badge("busy", page.t("call-state-open")),
            waits: Some(page.t("call-back-online")),
            open: true,
            closed: false,
            facility_href: Some("/facilities/1312345678".into()),
            opened: page.now,
            owner: "suzuki".into(),
            mine: false,
            caller: CallerView {
                name: "田中<i>".into(),
                role: "受付".into(),
                phone: "03".into(),
                concern: "読めない".into(),
            },
            terminal: Some(TerminalView {
                href: "/terminals/x".into(),
                hostname: "UKETSUKE-01<i>".into(),
                presence: presence(&page, true),
            }),
            residents: vec![("x".into(), "UKETSUKE-02<i>".into(), presence(&page, false))],
            step: step.then(|| shown::samples::step(&page)),
            ended: (!step).then(|| page.t("run-end-done")),
            ran: Some(shown::samples::ran(&page)),
            helping: vec![choice()],
            others: vec![choice()],
            facts: shown::samples::facts(),
            findings: shown::samples::findings(),
            asks: step.then(shown::samples::asks),
            work: shown::samples::work(&page),
            outcomes: Outcome::ALL
                .into_iter()
                .map(|one| (one.name(), page.t(&format!("outcome-{}", one.name())), false))
                .collect(),
            ring_at: String::new(),
            note: "<i>".into(),
            closing: String::new(),
            against: "<i>".into(),
            reason: "<i>".into(),
            place: String::new(),
            record: "受付日時：<i>".into(),
            cannot: why("why-calls", page.denied(Permission::TakeCalls)),
            may_work: page.denied(Permission::RunRemedy).is_none(),
            problem: None,
            page,
        }
    }

    #[test]
    fn the_page_renders_in_both_languages_with_a_step_and_without() {
        for lang in Lang::ALL {
            for step in [true, false] {
                let html = sample::check(&view(lang, Role::Desk, step));
                assert!(!html.contains("<i>") && html.contains("data-copy=\"record\""));
                assert_eq!(html.contains("value=\"said\""), step);
                assert_eq!(
                    html.contains("id=\"consent-j\" hx-preserve"),
                    step,
                    "the digits outlive the page's news"
                );
            }
        }
    }

    #[test]
    fn who_only_looks_sees_the_step_and_presses_nothing() {
        for lang in Lang::ALL {
            let html = sample::check(&view(lang, Role::Viewer, true));
            assert!(!html.contains("method=\"post\" action=\"/calls/x\""), "{html}");
            assert_eq!(html.matches("id=\"why-calls\"").count(), 1);
        }
    }

    #[test]
    fn a_closed_call_only_shows_what_was() {
        let mut view = view(Lang::Ja, Role::Desk, false);
        (view.open, view.closed) = (false, true);
        let html = sample::check(&view);
        assert!(!html.contains("method=\"post\" action=\"/calls/x\"") && html.contains("id=\"record\""));
    }

    #[test]
    fn every_stand_end_and_outcome_has_its_words() {
        use kaishin_domain::call::{Condition, Stand, State};
        for lang in Lang::ALL {
            let of = |prefix: &str, name: &str| format!("{prefix}-{name}");
            let keys = Stand::ALL.iter().map(|one| of("stand", one.name()));
            let keys = keys.chain(Outcome::ALL.iter().map(|one| of("outcome", one.name())));
            let keys = keys.chain(State::NAMES.iter().map(|one| of("call-state", one)));
            let keys = keys.chain(Condition::NAMES.iter().map(|one| of("call-back", one)));
            let ends = [
                Ending::Done,
                Ending::Stopped,
                Ending::NotFixed,
                Ending::HandOn,
                Ending::CallBack,
            ];
            for key in keys.chain(ends.iter().map(|one| of("run-end", one.name()))) {
                assert!(!lang.t(&key).contains("Unknown loc"), "{key}");
            }
        }
    }
}
