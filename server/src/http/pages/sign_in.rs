//! Sign-in: the one page a stranger sees.

use std::sync::Arc;

use askama::Template;
use axum::extract::{ConnectInfo, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Redirect, Response};
use serde::Deserialize;

use super::parts::Problem;
use super::{Page, Shown, Theme, show};
use crate::app::{App, Kind, operators};
use crate::http::api::status;
use crate::http::auth::{self, Stranger, Visitor};
use crate::http::failure::{Failure, Filled, Wished};
use crate::http::query;
use crate::http::routes::{Needs, Routes};
use crate::http::serve::Peer;
use crate::http::words::Lang;

pub fn routes() -> Routes {
    Routes::new()
        .get("/sign-in", Needs::Nothing, ask)
        .post("/sign-in", Needs::Nothing, sign_in)
        .post("/sign-out", Needs::Nothing, sign_out)
        .post("/preferences", Needs::Nothing, prefer)
}

#[derive(Template)]
#[template(path = "sign_in.html")]
struct View {
    page: Page,
    problem: Option<Problem>,
    name: String,
    next: String,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Wanted {
    next: String,
}

async fn ask(visitor: Result<Visitor, Response>, Stranger(page): Stranger, Wished(wanted): Wished<Wanted>) -> Response {
    let next = query::local(&wanted.next).to_owned();
    if visitor.is_ok() {
        return Redirect::to(&next).into_response();
    }
    let view = View {
        page,
        problem: None,
        name: String::new(),
        next,
    };
    show(StatusCode::OK, &view)
}

#[derive(Deserialize)]
struct Typed {
    name: String,
    password: String,
    #[serde(default)]
    next: String,
}

async fn sign_in(
    State(app): State<Arc<App>>,
    ConnectInfo(Peer(peer)): ConnectInfo<Peer>,
    Stranger(page): Stranger,
    Filled(typed): Filled<Typed>,
) -> Shown {
    let name = typed.name.trim().to_lowercase();
    let next = query::local(&typed.next).to_owned();
    match operators::sign_in(&app, &name, &typed.password, peer.ip()).await {
        Ok(signed_in) => Ok((auth::sign_in_cookie(&signed_in.cookie), Redirect::to(&next)).into_response()),
        Err(error) if matches!(error.kind, Kind::Unknown | Kind::TooMany) => Ok(show(
            status(error.kind),
            &View {
                problem: Some(page.problem(&error)),
                name: typed.name,
                next,
                page,
            },
        )),
        Err(error) => Err(Failure(error)),
    }
}

async fn sign_out(State(app): State<Arc<App>>, headers: axum::http::HeaderMap) -> Shown {
    if let Some(cookie) = auth::cookie(&headers, auth::COOKIE) {
        operators::sign_out(&app, cookie).await?;
    }
    Ok((auth::sign_in_cookie(""), Redirect::to("/sign-in?done=signed-out")).into_response())
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Preferred {
    lang: String,
    theme: String,
    back: String,
}

async fn prefer(Filled(preferred): Filled<Preferred>) -> Response {
    let cookies = auth::preference_cookies(Lang::from_code(&preferred.lang), Theme::from_name(&preferred.theme));
    (cookies, Redirect::to(query::local(&preferred.back))).into_response()
}

#[cfg(test)]
mod tests {
    use super::super::sample;
    use super::*;
    use crate::http::words::Lang;

    #[test]
    fn the_page_renders_in_both_languages() {
        for lang in Lang::ALL {
            let html = sample::check(&View {
                page: sample::page(lang, None, None),
                problem: Some(Problem {
                    code: "E-AUTH-01".into(),
                    text: "名前かパスワードが違います。".into(),
                }),
                name: "\"><script>".into(),
                next: "/terminals".into(),
            });
            assert!(html.contains("E-AUTH-01") && !html.contains("class=\"bar\""));
        }
    }
}
