//! `/enrolment/tokens`: what installers may carry.

use askama::Template;
use axum::extract::Path;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Redirect};
use kaishin_domain::access::Permission;
use kaishin_domain::enrolment::{EnrolmentToken, TokenScope, TokenStanding};
use kaishin_domain::time::{Span, Time};
use serde::Deserialize;

use super::parts::{Badge, Problem, Why, badge, why};
use super::{Page, Place, Shown, show};
use crate::app::enrolment::{self, NewToken};
use crate::app::{AppError, Cx, Kind};
use crate::http::api::{id, status};
use crate::http::auth::Visitor;
use crate::http::failure::{Failure, Filled};
use crate::http::routes::{Needs, Routes};

const UNSPECIFIED: [&str; 2] = ["0.0.0.0:", "[::]:"];

pub fn routes() -> Routes {
    let needs = Needs::Permission;
    Routes::new()
        .get("/enrolment/tokens", needs(Permission::ViewTokens), list)
        .post("/enrolment/tokens", needs(Permission::ManageTokens), create)
        .post("/enrolment/tokens/{id}/revoke", needs(Permission::ManageTokens), revoke)
}

async fn list(visitor: Visitor) -> Shown {
    let (cx, page) = visitor.at(Place::Enrolment);
    let view = view(&cx, page, Form::default()).await?;
    Ok(show(StatusCode::OK, &view))
}

async fn view(cx: &Cx, page: Page, form: Form) -> Result<View, AppError> {
    let tokens = enrolment::tokens(cx).await?;
    Ok(View {
        tab: "tokens",
        problem: None,
        made: None,
        open: tokens.is_empty(),
        tokens: tokens.iter().map(|token| row(&page, token)).collect(),
        cannot: why("why-manage", page.denied(Permission::ManageTokens)),
        form,
        page,
    })
}

fn row(page: &Page, token: &EnrolmentToken) -> Row {
    let standing = token.standing(page.now);
    Row {
        id: token.id.to_string(),
        note: if token.label.is_empty() {
            "–".to_owned()
        } else {
            token.label.clone()
        },
        kind: page.t(if token.most_uses == 1 {
            "token-one-time"
        } else {
            "token-lot"
        }),
        state: match standing {
            TokenStanding::Valid => badge("good", page.t("token-active")),
            TokenStanding::UsedUp => badge("", page.t("token-used-up")),
            TokenStanding::Expired => badge("", page.t("token-expired")),
            TokenStanding::Revoked => badge("bad", page.t("token-revoked")),
        },
        used: u64::from(token.used),
        uses: u64::from(token.most_uses),
        scope: token.scope.institution_code.clone().unwrap_or_default(),
        expires: token.expires_at,
        created: token.created_at,
        by: token.created_by.clone(),
        open: standing == TokenStanding::Valid,
    }
}

fn asked(form: &Form) -> Result<NewToken, AppError> {
    let number = |text: &str| text.trim().parse::<u32>().ok();
    let one_time = form.kind != "lot";
    let code = form.institution_code.trim();
    let bad = || {
        AppError::invalid(
            "E-INPUT-08",
            "台数と有効時間は数字で、医療機関等コードは10桁の数字で入力してください。",
            "Give the number of terminals and the hours as numbers, the institution code as ten digits.",
        )
    };
    if !code.is_empty() && (code.len() != 10 || !code.bytes().all(|byte| byte.is_ascii_digit())) {
        return Err(bad());
    }
    let most_uses = if one_time {
        1
    } else {
        number(&form.uses).ok_or_else(bad)?
    };
    let hours = number(&form.hours).ok_or_else(bad)?;
    Ok(NewToken {
        label: form.note.trim().to_owned(),
        most_uses,
        life: Span::hours(hours.into()),
        scope: TokenScope {
            institution_code: (!code.is_empty()).then(|| code.to_owned()),
            ..TokenScope::default()
        },
    })
}

/// The answer carries the secret, which is never shown again; so it is no redirect.
async fn create(visitor: Visitor, Filled(form): Filled<Form>) -> Shown {
    let (cx, page) = visitor.at(Place::Enrolment);
    cx.require(Permission::ManageTokens, kaishin_domain::access::Scope::Fleet)?;
    let made = match asked(&form) {
        Ok(new) => enrolment::create_token(&cx, new).await,
        Err(error) => Err(error),
    };
    match made {
        Ok((_, secret)) => {
            let server = cx.app.settings.agents_address.clone();
            let made = Made {
                secret,
                ca_pin: cx.app.ca.pin(),
                placeless: UNSPECIFIED.iter().any(|everywhere| server.starts_with(everywhere)),
                server,
            };
            let view = View {
                made: Some(made),
                open: false,
                ..view(&cx, page, Form::default()).await?
            };
            Ok(show(StatusCode::CREATED, &view))
        }
        Err(error) if error.kind == Kind::Invalid => {
            let view = View {
                problem: Some(page.problem(&error)),
                open: true,
                ..view(&cx, page, form).await?
            };
            Ok(show(status(error.kind), &view))
        }
        Err(error) => Err(Failure(error)),
    }
}

async fn revoke(visitor: Visitor, Path(text): Path<String>) -> Shown {
    let (cx, _) = visitor.at(Place::Enrolment);
    enrolment::revoke_token(&cx, id(&text)?, "").await?;
    Ok(Redirect::to("/enrolment/tokens?done=token-revoked").into_response())
}

#[derive(Template)]
#[template(path = "tokens.html")]
struct View {
    page: Page,
    tab: &'static str,
    problem: Option<Problem>,
    made: Option<Made>,
    /// Why this person can neither make nor revoke one.
    cannot: Option<Why>,
    open: bool,
    form: Form,
    tokens: Vec<Row>,
}

/// The one time that a token's secret is shown, and how it is used.
struct Made {
    secret: String,
    ca_pin: String,
    server: String,
    /// The server listens everywhere and was not told by which name it is reached.
    placeless: bool,
}

/// What was typed, to be corrected.
#[derive(Deserialize)]
#[serde(default)]
struct Form {
    kind: String,
    uses: String,
    hours: String,
    institution_code: String,
    note: String,
}

struct Row {
    id: String,
    note: String,
    kind: String,
    state: Badge,
    used: u64,
    uses: u64,
    scope: String,
    expires: Time,
    created: Time,
    by: String,
    open: bool,
}

impl Default for Form {
    fn default() -> Form {
        Form {
            kind: "one-time".into(),
            uses: "10".into(),
            hours: "72".into(),
            institution_code: String::new(),
            note: String::new(),
        }
    }
}

#[cfg(test)]
mod tests {
    use kaishin_domain::access::Role;

    use super::super::sample;
    use super::*;
    use crate::http::words::Lang;

    fn view(lang: Lang, role: Role) -> View {
        let page = sample::page(lang, Some(role), Some(Place::Enrolment));
        let cannot = why("why-manage", page.denied(Permission::ManageTokens));
        View {
            tab: "tokens",
            problem: None,
            made: cannot.is_none().then(|| Made {
                secret: "kt_secret".into(),
                ca_pin: "00".repeat(32),
                server: "agents.example:8443".into(),
                placeless: true,
            }),
            cannot,
            page,
            open: true,
            form: Form::default(),
            tokens: vec![Row {
                id: "t".into(),
                note: "○○医院<i>".into(),
                kind: "1台用".into(),
                state: badge("good", "有効"),
                used: 0,
                uses: 1,
                scope: "1312345678".into(),
                expires: Time(1_795_151_000_000_000),
                created: Time(1_795_150_000_000_000),
                by: "tanaka".into(),
                open: true,
            }],
        }
    }

    #[test]
    fn the_page_renders_in_both_languages() {
        for lang in Lang::ALL {
            let html = sample::check(&view(lang, Role::Admin));
            assert!(
                html.contains("kt_secret") && html.contains("--server agents.example:8443") && !html.contains("<i>")
            );
        }
    }

    #[test]
    fn who_may_not_manage_tokens_is_told_who_may() {
        let html = sample::check(&view(Lang::En, Role::Author));
        assert!(!html.contains("action=\"/enrolment/tokens"));
        assert_eq!(html.matches("id=\"why-manage\"").count(), 1);
        assert_eq!(html.matches("aria-describedby=\"why-manage\"").count(), 2);
    }
}
