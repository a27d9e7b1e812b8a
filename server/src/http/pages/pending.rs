//! `/enrolment/pending`: machines that wait for a person's yes or no.

use askama::Template;
use axum::extract::Path;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Redirect};
use kaishin_domain::access::{Permission, Scope};
use kaishin_domain::enrolment::EnrolmentRequest;
use kaishin_domain::id::RequestId;
use kaishin_domain::time::Time;
use serde::Deserialize;

use super::parts::{Link, Pair, Problem, Why, machine_name, pair, why};
use super::{Page, Place, Shown, show};
use crate::app::{AppError, Cx, Kind, enrolment};
use crate::http::api::{id, status};
use crate::http::auth::Visitor;
use crate::http::failure::{Failure, Filled, Wished};
use crate::http::routes::{Needs, Routes};

pub fn routes() -> Routes {
    let needs = Needs::Permission;
    Routes::new()
        .get("/enrolment/pending", needs(Permission::ViewPending), list)
        .get("/enrolment/pending/{id}", needs(Permission::DecidePending), ask)
        .post(
            "/enrolment/pending/{id}/approve",
            needs(Permission::DecidePending),
            approve,
        )
        .post(
            "/enrolment/pending/{id}/reject",
            needs(Permission::DecidePending),
            reject,
        )
}

async fn list(visitor: Visitor) -> Shown {
    let (cx, page) = visitor.at(Place::Enrolment);
    let requests = enrolment::pending_requests(&cx).await?;
    let view = View {
        tab: "pending",
        problem: None,
        cannot_decide: why("why-decide", page.denied(Permission::DecidePending)),
        cannot_see_tokens: why("why-tokens", page.denied(Permission::ViewTokens)),
        requests: requests
            .iter()
            .map(|request| request_view(&cx, &page, request))
            .collect(),
        page,
    };
    Ok(show(StatusCode::OK, &view))
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Wanted {
    decide: String,
}

async fn ask(visitor: Visitor, Path(text): Path<String>, Wished(wanted): Wished<Wanted>) -> Shown {
    let (cx, page) = visitor.at(Place::Enrolment);
    cx.require(Permission::DecidePending, Scope::Fleet)?;
    let request = waiting(&cx, id(&text)?).await?;
    let view = decide_view(&cx, page, &request, wanted.decide != "reject", String::new());
    Ok(show(StatusCode::OK, &view))
}

async fn waiting(cx: &Cx, id: RequestId) -> Result<EnrolmentRequest, AppError> {
    let requests = enrolment::pending_requests(cx).await?;
    requests.into_iter().find(|request| request.id == id).ok_or_else(|| {
        AppError::not_found(
            "E-ENROL-03",
            "この登録申請は見つからないか、すでに処理されています。承認待ちの一覧を開き直してください。",
            "There is no such request, or it has been decided. Open the list of pending requests again.",
        )
    })
}

fn decide_view(cx: &Cx, page: Page, request: &EnrolmentRequest, approve: bool, reason: String) -> DecideView {
    DecideView {
        problem: None,
        title: page.t(if approve { "approve-title" } else { "reject-title" }),
        effect: page.t(if approve { "approve-effect" } else { "reject-effect" }),
        approve,
        request: request_view(cx, &page, request),
        reason,
        page,
    }
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Because {
    reason: String,
}

async fn approve(visitor: Visitor, Path(text): Path<String>, Filled(because): Filled<Because>) -> Shown {
    let (cx, _) = visitor.at(Place::Enrolment);
    enrolment::approve(&cx, id(&text)?, &because.reason).await?;
    Ok(Redirect::to("/enrolment/pending?done=approved").into_response())
}

async fn reject(visitor: Visitor, Path(text): Path<String>, Filled(because): Filled<Because>) -> Shown {
    let (cx, page) = visitor.at(Place::Enrolment);
    let id: RequestId = id(&text)?;
    match enrolment::reject(&cx, id, &because.reason).await {
        Ok(()) => Ok(Redirect::to("/enrolment/pending?done=rejected").into_response()),
        Err(error) if error.kind == Kind::Invalid => {
            let request = waiting(&cx, id).await?;
            let problem = page.problem(&error);
            let view = DecideView {
                problem: Some(problem),
                ..decide_view(&cx, page, &request, false, because.reason)
            };
            Ok(show(status(error.kind), &view))
        }
        Err(error) => Err(Failure(error)),
    }
}

fn request_view(cx: &Cx, page: &Page, request: &EnrolmentRequest) -> RequestView {
    let clash = request.clashes_with.map(|id| Link {
        href: format!("/terminals/{id}"),
        name: cx
            .app
            .index
            .get(id)
            .map_or_else(|| id.to_string(), |row| row.entry.hostname),
    });
    RequestView {
        clash,
        ..plain_view(page, request)
    }
}

#[derive(Template)]
#[template(path = "pending.html")]
struct View {
    page: Page,
    tab: &'static str,
    problem: Option<Problem>,
    cannot_decide: Option<Why>,
    cannot_see_tokens: Option<Why>,
    requests: Vec<RequestView>,
}

#[derive(Template)]
#[template(path = "decide.html")]
struct DecideView {
    page: Page,
    problem: Option<Problem>,
    title: String,
    effect: String,
    approve: bool,
    request: RequestView,
    reason: String,
}

struct RequestView {
    id: String,
    hostname: String,
    why: String,
    at: Time,
    strip: Vec<Pair>,
    clash: Option<Link>,
}

fn plain_view(page: &Page, request: &EnrolmentRequest) -> RequestView {
    let machine = &request.machine;
    let strip = [
        pair(
            page.t("terminal-machine"),
            machine_name(&machine.manufacturer, &machine.model),
        ),
        pair(page.t("terminal-serial"), &machine.serial),
        pair(page.t("pending-uuid"), &machine.smbios_uuid),
        pair(page.t("terminal-os"), &machine.os_version),
        pair(page.t("terminal-agent"), &request.agent_version),
        pair(
            page.t("pending-institution"),
            request.institution_code.clone().unwrap_or_default(),
        ),
        pair(page.t("pending-address"), &request.peer),
        pair(page.t("pending-key"), hex::encode(&request.key_hash[..8])),
    ];
    RequestView {
        id: request.id.to_string(),
        hostname: machine.hostname.clone(),
        why: page.t(&format!("why-{}", request.cause.name())),
        at: request.asked_at,
        strip: strip.into_iter().flatten().collect(),
        clash: None,
    }
}

#[cfg(test)]
mod tests {
    use kaishin_domain::access::Role;
    use kaishin_domain::enrolment::{Cause, RequestState};
    use kaishin_domain::id::{RequestId, TerminalId};
    use kaishin_domain::terminal::Machine;

    use super::super::sample;
    use super::*;
    use crate::http::words::Lang;

    fn request(cause: Cause) -> EnrolmentRequest {
        EnrolmentRequest {
            id: RequestId::new(Time(0), [1; 10]),
            key_hash: [7; 32],
            machine: Machine {
                hostname: "UKETSUKE-09<i>".into(),
                manufacturer: "HP".into(),
                model: "ProDesk 400".into(),
                serial: "JPA1234567".into(),
                smbios_uuid: "4c4c4544-0042".into(),
                os_version: "10.0.19044".into(),
            },
            institution_code: Some("1312345678".into()),
            agent_version: "0.1.0".into(),
            peer: "192.0.2.7".into(),
            cause,
            clashes_with: (cause == Cause::Clash).then(|| TerminalId::new(Time(0), [2; 10])),
            asked_at: Time(1_795_151_000_000_000),
            state: RequestState::Pending,
        }
    }

    #[test]
    fn the_list_renders_in_both_languages_with_every_cause() {
        for lang in Lang::ALL {
            let page = sample::page(lang, Some(Role::Admin), Some(Place::Enrolment));
            let requests = Cause::ALL.map(|cause| plain_view(&page, &request(cause))).into();
            let html = sample::check(&View {
                page,
                tab: "pending",
                problem: None,
                cannot_decide: None,
                cannot_see_tokens: None,
                requests,
            });
            assert!(html.contains("1312345678") && html.contains("decide=approve") && !html.contains("<i>"));
        }
    }

    #[test]
    fn the_decision_renders_in_both_languages() {
        for (lang, approve) in [(Lang::Ja, true), (Lang::En, false)] {
            let page = sample::page(lang, Some(Role::Admin), Some(Place::Enrolment));
            let html = sample::check(&DecideView {
                request: plain_view(&page, &request(Cause::Clash)),
                title: page.t(if approve { "approve-title" } else { "reject-title" }),
                effect: page.t(if approve { "approve-effect" } else { "reject-effect" }),
                approve,
                problem: None,
                reason: String::new(),
                page,
            });
            assert_eq!(html.contains("/approve\""), approve);
            assert_eq!(html.contains("/reject\""), !approve);
        }
    }

    fn for_the_desk(requests: &[EnrolmentRequest]) -> String {
        let page = sample::page(Lang::Ja, Some(Role::Desk), Some(Place::Enrolment));
        sample::check(&View {
            tab: "pending",
            problem: None,
            cannot_decide: why("why-decide", page.denied(Permission::DecidePending)),
            cannot_see_tokens: why("why-tokens", page.denied(Permission::ViewTokens)),
            requests: requests.iter().map(|request| plain_view(&page, request)).collect(),
            page,
        })
    }

    #[test]
    fn who_may_not_decide_is_told_who_may() {
        let html = for_the_desk(&[request(Cause::NoToken), request(Cause::Clash)]);
        assert!(!html.contains("decide=") && html.contains("承認・管理"));
        assert_eq!(html.matches("id=\"why-decide\"").count(), 1);
        assert_eq!(html.matches("aria-describedby=\"why-decide\"").count(), 4);
    }

    #[test]
    fn an_empty_list_says_so_and_leads_nobody_where_they_may_not_go() {
        let html = for_the_desk(&[]);
        assert!(html.contains("承認待ちの端末はありません。") && !html.contains("href=\"/enrolment/tokens\""));
    }
}
