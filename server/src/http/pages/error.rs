//! What a person sees when something cannot be done: what it was, and what to do now.

use askama::Template;
use axum::http::StatusCode;
use axum::response::Response;

use super::{Page, show};

#[derive(Template)]
#[template(path = "error.html")]
struct View {
    page: Page,
    title: String,
    text: String,
    code: String,
}

pub fn page(page: Page, status: StatusCode, code: &str, text: &str) -> Response {
    let title = title(&page, status);
    show(
        status,
        &View {
            title,
            text: text.to_owned(),
            code: code.to_owned(),
            page,
        },
    )
}

fn title(page: &Page, status: StatusCode) -> String {
    let known = [400, 401, 403, 404, 409, 413, 429, 500, 503];
    let nearest = match status.as_u16() {
        exact if known.contains(&exact) => exact,
        405 => 404,
        400..500 => 400,
        _ => 500,
    };
    page.t(&format!("error-title-{nearest}"))
}

#[cfg(test)]
mod tests {
    use super::super::sample;
    use super::*;
    use crate::http::words::Lang;

    #[test]
    fn the_page_renders_for_every_status_and_for_strangers() {
        for lang in Lang::ALL {
            for status in [400, 401, 403, 404, 405, 409, 413, 422, 429, 500, 502, 503] {
                let status = StatusCode::from_u16(status).expect("a status");
                let page = sample::page(lang, None, None);
                let html = sample::check(&View {
                    title: title(&page, status),
                    text: "もう一度お試しください。<i>".into(),
                    code: "E-HTTP-01".into(),
                    page,
                });
                assert!(html.contains("E-HTTP-01") && !html.contains("<i>"));
            }
        }
    }
}
