//! Who is at the browser: the cookie of a sign-in becomes a visitor, or a stranger is sent to sign in. Requests that
//! change something are taken from our own pages only.

use std::sync::Arc;

use axum::extract::{FromRequestParts, Request};
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Redirect, Response};

use super::failure::Failure;
use super::pages::{Page, Place, Theme, Who, announced};
use super::query;
use super::sse::Live;
use super::words::Lang;
use crate::app::operators::Operator;
use crate::app::{App, AppError, Cx, operators};

/// `__Host-`: only over HTTPS (or loopback), only for this host, for all of it.
pub const COOKIE: &str = "__Host-kaishin";
const LANG: &str = "lang";
const THEME: &str = "theme";
const YEAR: u32 = 31_536_000;

/// Set by pages that refresh themselves; nobody pressed anything.
pub const BY_ITSELF: HeaderName = HeaderName::from_static("hx-request");

/// Somebody who is signed in.
pub struct Visitor {
    pub cx: Cx,
    page: Page,
}

impl Visitor {
    pub fn at(self, place: Place) -> (Cx, Page) {
        let place = Some(place);
        (self.cx, Page { place, ..self.page })
    }
}

/// Anybody.
pub struct Stranger(pub Page);

impl FromRequestParts<Arc<App>> for Visitor {
    type Rejection = Response;

    async fn from_request_parts(parts: &mut Parts, app: &Arc<App>) -> Result<Visitor, Response> {
        let by_itself = parts.headers.contains_key(BY_ITSELF);
        let found = match cookie(&parts.headers, COOKIE) {
            None => Ok(None),
            // A page left open must not keep its reader signed in.
            Some(cookie) if by_itself => operators::glance(app, cookie).await,
            Some(cookie) => operators::session(app, cookie).await,
        };
        let found = found.map_err(|error| Failure(error).into_response())?;
        let Some((actor, operator)) = found else {
            return Err(sign_in_first(parts, by_itself));
        };
        Ok(Visitor {
            page: page(parts, app, Some(&operator)),
            cx: app.on_behalf_of(actor),
        })
    }
}

impl FromRequestParts<Arc<App>> for Stranger {
    type Rejection = std::convert::Infallible;

    async fn from_request_parts(parts: &mut Parts, app: &Arc<App>) -> Result<Stranger, Self::Rejection> {
        Ok(Stranger(page(parts, app, None)))
    }
}

/// The frame of an error page: with the bar if somebody is signed in.
pub async fn frame(parts: &Parts, app: &Arc<App>) -> Page {
    let operator = match cookie(&parts.headers, COOKIE) {
        Some(cookie) => operators::glance(app, cookie).await.ok().flatten(),
        None => None,
    };
    page(parts, app, operator.as_ref().map(|(_, operator)| operator))
}

fn sign_in_first(parts: &Parts, by_itself: bool) -> Response {
    if by_itself {
        // The whole page is loaded anew, and so comes to the sign-in.
        return (StatusCode::UNAUTHORIZED, [("hx-refresh", "true")]).into_response();
    }
    let next = match parts.method {
        Method::GET => here(parts),
        _ => String::new(),
    };
    let next = if next == "/" { String::new() } else { next };
    Redirect::to(&query::address("/sign-in", &[("next", &next)])).into_response()
}

fn page(parts: &Parts, app: &App, operator: Option<&Operator>) -> Page {
    let accepted = || {
        let header = parts.headers.get(header::ACCEPT_LANGUAGE);
        Lang::accepted(header.and_then(|value| value.to_str().ok()).unwrap_or_default())
    };
    let lang = cookie(&parts.headers, LANG)
        .and_then(Lang::from_code)
        .or_else(|| Lang::from_code(&operator?.language))
        .unwrap_or_else(accepted);
    let done = parts.uri.query().and_then(|query| {
        let said = query.split('&').find_map(|pair| pair.strip_prefix("done="))?;
        announced(said)
    });
    Page {
        event: parts.extensions.get::<Live>().map_or(0, Live::number),
        lang,
        theme: cookie(&parts.headers, THEME)
            .and_then(Theme::from_name)
            .unwrap_or(Theme::Auto),
        who: operator.map(|operator| Who {
            name: operator.display_name.clone(),
            role: operator.role,
        }),
        place: None,
        path: here(parts),
        now: app.now(),
        done,
    }
}

fn here(parts: &Parts) -> String {
    let here = parts.uri.path_and_query().map_or("/", |here| here.as_str());
    query::local(here).to_owned()
}

pub fn cookie<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    headers
        .get_all(header::COOKIE)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(';'))
        .filter_map(|pair| pair.trim().split_once('='))
        .find_map(|(found, value)| (found == name).then_some(value))
}

/// A cookie of a sign-in; an empty one takes it away.
pub fn sign_in_cookie(value: &str) -> [(HeaderName, String); 1] {
    let end = if value.is_empty() { "; Max-Age=0" } else { "" };
    [(
        header::SET_COOKIE,
        format!("{COOKIE}={value}; Path=/; Secure; HttpOnly; SameSite=Strict{end}"),
    )]
}

/// How somebody likes pages; it says nothing about who they are.
pub fn preference_cookies(lang: Option<Lang>, theme: Option<Theme>) -> HeaderMap {
    let mut headers = HeaderMap::new();
    let chosen = [
        lang.map(|lang| (LANG, lang.code())),
        theme.map(|theme| (THEME, theme.name())),
    ];
    for (name, value) in chosen.into_iter().flatten() {
        let cookie = format!("{name}={value}; Path=/; Max-Age={YEAR}; SameSite=Lax; HttpOnly");
        if let Ok(cookie) = HeaderValue::from_str(&cookie) {
            headers.append(header::SET_COOKIE, cookie);
        }
    }
    headers
}

/// Refuses what another site makes a browser send. The API takes no cookies, so nobody's browser can be lent to it.
pub async fn from_our_pages(request: Request, next: Next) -> Response {
    let safe = matches!(*request.method(), Method::GET | Method::HEAD | Method::OPTIONS);
    let api = request.uri().path().starts_with("/api/");
    if safe || api || is_ours(request.headers()) {
        return next.run(request).await;
    }
    Failure(AppError::denied(
        "E-ACCESS-05",
        "この操作は当サーバーのページから行ってください。ページを開き直して、もう一度お試しください。",
        "This can only be asked for from this server's own pages. Open the page again and retry.",
    ))
    .into_response()
}

fn is_ours(headers: &HeaderMap) -> bool {
    let text = |name: &str| headers.get(name).and_then(|value| value.to_str().ok());
    if let Some(site) = text("sec-fetch-site") {
        return matches!(site, "same-origin" | "none");
    }
    let origin = text("origin")
        .and_then(|origin| origin.split_once("://"))
        .map(|(_, host)| host);
    origin.is_some() && origin == text("host")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(of: &[(&'static str, &'static str)]) -> HeaderMap {
        of.iter()
            .map(|(name, value)| (HeaderName::from_static(name), HeaderValue::from_static(value)))
            .collect()
    }

    #[test]
    fn only_our_own_pages_may_change_something() {
        let host = ("host", "kaishin.example:8443");
        for (ours, given) in [
            (true, vec![host, ("sec-fetch-site", "same-origin")]),
            (true, vec![host, ("sec-fetch-site", "none")]),
            (false, vec![host, ("sec-fetch-site", "same-site")]),
            (
                false,
                vec![
                    host,
                    ("sec-fetch-site", "cross-site"),
                    ("origin", "https://kaishin.example:8443"),
                ],
            ),
            (true, vec![host, ("origin", "https://kaishin.example:8443")]),
            (false, vec![host, ("origin", "https://evil.example")]),
            (false, vec![host, ("origin", "null")]),
            (false, vec![host]),
            (false, vec![]),
        ] {
            assert_eq!(is_ours(&headers(&given)), ours, "{given:?}");
        }
    }

    #[test]
    fn a_cookie_is_found_among_others_by_its_whole_name() {
        let given = headers(&[("cookie", "x__Host-kaishin=no; __Host-kaishin=ks_yes; lang=en")]);
        assert_eq!(cookie(&given, COOKIE), Some("ks_yes"));
        assert_eq!(cookie(&given, LANG), Some("en"));
        assert_eq!(cookie(&given, "kaishin"), None);
    }
}
