//! What became of a request that could not be done, and the outer coat of every answer: errors as pages for people,
//! headers that keep browsers strict.

use std::sync::Arc;

use axum::extract::rejection::{FormRejection, QueryRejection};
use axum::extract::{Form, FromRequest, FromRequestParts, Query, Request, State};
use axum::http::request::Parts;
use axum::http::{HeaderName, HeaderValue, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use serde::de::DeserializeOwned;

use super::api::{Problem, status};
use super::{auth, pages};
use crate::app::{App, AppError, Kind};

/// An error on its way to a page. `dress` makes the page; a handler need not know for whom.
pub struct Failure(pub AppError);

#[derive(Clone)]
struct Undressed(Arc<AppError>);

impl From<AppError> for Failure {
    fn from(error: AppError) -> Failure {
        Failure(error)
    }
}

impl IntoResponse for Failure {
    fn into_response(self) -> Response {
        let Failure(error) = self;
        if error.kind == Kind::Internal {
            tracing::error!(code = error.code, error = ?error, "a page failed");
        }
        let mut response = status(error.kind).into_response();
        response.extensions_mut().insert(Undressed(Arc::new(error)));
        response
    }
}

/// The fields of a form.
pub struct Filled<T>(pub T);

impl<T: DeserializeOwned, S: Send + Sync> FromRequest<S> for Filled<T> {
    type Rejection = Failure;

    async fn from_request(request: Request, state: &S) -> Result<Filled<T>, Failure> {
        let form: Result<Form<T>, FormRejection> = Form::from_request(request, state).await;
        form.map(|Form(form)| Filled(form)).map_err(|_| {
            Failure(AppError::invalid(
                "E-INPUT-06",
                "入力を読み取れませんでした。ページを開き直して、もう一度入力してください。",
                "The form does not read. Open the page again and fill it in anew.",
            ))
        })
    }
}

/// The query of an address.
pub struct Wished<T>(pub T);

impl<T: DeserializeOwned, S: Send + Sync> FromRequestParts<S> for Wished<T> {
    type Rejection = Failure;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Wished<T>, Failure> {
        let wished: Result<Query<T>, QueryRejection> = Query::from_request_parts(parts, state).await;
        wished.map(|Query(wished)| Wished(wished)).map_err(|_| {
            Failure(AppError::invalid(
                "E-INPUT-07",
                "アドレスを読み取れません。一覧から開き直してください。",
                "The address does not read. Start again from the list.",
            ))
        })
    }
}

pub fn nothing_here() -> AppError {
    AppError::not_found(
        "E-HTTP-01",
        "このアドレスには何もありません。メニューから選び直してください。",
        "There is nothing at this address. Choose from the menu.",
    )
}

/// Where there is nothing.
pub async fn nowhere(request: Request) -> Response {
    let error = nothing_here();
    if request.uri().path().starts_with("/api/") {
        Problem(error).into_response()
    } else {
        Failure(error).into_response()
    }
}

/// Errors become pages in the reader's language.
pub async fn dress(State(app): State<Arc<App>>, request: Request, next: Next) -> Response {
    let (parts, body) = request.into_parts();
    let asked = parts.clone();
    let response = next.run(Request::from_parts(parts, body)).await;
    let bare = plain_refusal(response.status(), &response);
    let error = match response.extensions().get::<Undressed>() {
        Some(Undressed(error)) => error.clone(),
        None if bare && asked.uri.path().starts_with("/api/") => return told_to_programs(&response),
        None if bare => Arc::new(refusal(response.status())),
        None => return response,
    };
    let page = auth::frame(&asked, &app).await;
    let text = page.lang.of(&error.words).to_owned();
    pages::error_page(page, response.status(), error.code, &text)
}

/// What the framework itself refuses says so in a word without a code.
fn plain_refusal(status: StatusCode, response: &Response) -> bool {
    let kind = response.headers().get(header::CONTENT_TYPE);
    if kind.is_some_and(|kind| kind == "application/problem+json") {
        return false;
    }
    matches!(status, StatusCode::METHOD_NOT_ALLOWED | StatusCode::PAYLOAD_TOO_LARGE)
        || (status == StatusCode::BAD_REQUEST && kind.is_none())
}

fn refusal(status: StatusCode) -> AppError {
    match status {
        StatusCode::PAYLOAD_TOO_LARGE => AppError::invalid(
            "E-HTTP-03",
            "送られた内容が大きすぎます。短くしてもう一度お試しください。",
            "Too much was sent. Shorten it and try again.",
        ),
        _ => AppError::invalid(
            "E-HTTP-02",
            "このアドレスではその操作はできません。メニューから選び直してください。",
            "This cannot be done at this address. Choose from the menu.",
        ),
    }
}

/// The same for programs, with what the address does take.
fn told_to_programs(refused: &Response) -> Response {
    let status = refused.status();
    let error = match status {
        StatusCode::METHOD_NOT_ALLOWED => AppError::invalid(
            "E-HTTP-02",
            "このアドレスではこのメソッドは使えません。Allowヘッダーにあるメソッドを使ってください。",
            "This address does not take this method. Use one that the Allow header names.",
        ),
        status => refusal(status),
    };
    let mut response = Problem(error).with_status(status);
    if let Some(allow) = refused.headers().get(header::ALLOW) {
        response.headers_mut().insert(header::ALLOW, allow.clone());
    }
    response
}

const CONTENT_SECURITY_POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; font-src 'self'; \
     img-src 'self' data:; connect-src 'self'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'";

/// Whether this port speaks HTTPS itself.
#[derive(Clone, Copy, Debug)]
pub struct Secure(pub bool);

pub async fn strict(State(Secure(secure)): State<Secure>, request: Request, next: Next) -> Response {
    let mut response = next.run(request).await;
    let headers = response.headers_mut();
    let mut set = |name: HeaderName, value: &'static str| {
        headers.entry(name).or_insert(HeaderValue::from_static(value));
    };
    set(header::CONTENT_SECURITY_POLICY, CONTENT_SECURITY_POLICY);
    set(header::X_CONTENT_TYPE_OPTIONS, "nosniff");
    set(header::REFERRER_POLICY, "same-origin");
    set(HeaderName::from_static("cross-origin-opener-policy"), "same-origin");
    set(HeaderName::from_static("cross-origin-resource-policy"), "same-origin");
    set(header::CACHE_CONTROL, "no-store");
    if secure {
        set(header::STRICT_TRANSPORT_SECURITY, "max-age=31536000");
    }
    response
}
