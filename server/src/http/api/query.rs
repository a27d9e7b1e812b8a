//! What stands behind the question mark of an address of the API.

use axum::extract::rejection::QueryRejection;
use axum::extract::{FromRequestParts, Query as Read};
use axum::http::request::Parts;
use serde::de::DeserializeOwned;
use serde_json::json;

use super::Problem;
use crate::app::AppError;

pub struct Query<T>(pub T);

impl<T: DeserializeOwned, S: Send + Sync> FromRequestParts<S> for Query<T> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Query<T>, Problem> {
        let read: Result<Read<T>, QueryRejection> = Read::from_request_parts(parts, state).await;
        read.map(|Read(wanted)| Query(wanted)).map_err(|why| {
            let why = why.body_text();
            let name = named(&why);
            let ja = match name {
                Some(name) => format!("アドレスの「?」より後ろの「{name}」を読み取れません。値を直してください。"),
                None => "アドレスの「?」より後ろを読み取れません。値を直してください。".to_owned(),
            };
            Problem(
                AppError::invalid(
                    "E-INPUT-07",
                    ja,
                    format!("What follows the ? in the address does not read. Correct the value. {why}"),
                )
                .with(json!({ "field": name })),
            )
        })
    }
}

/// Which value it is, as the reader's own words have it: `Failed to deserialize query string: limit: invalid digit…`.
fn named(why: &str) -> Option<&str> {
    let name = why.split(": ").nth(1)?;
    let plain = |c: char| c.is_ascii_alphanumeric() || c == '_';
    (!name.is_empty() && name.chars().all(plain)).then_some(name)
}

#[cfg(test)]
mod tests {
    use axum::http::Request;
    use serde::Deserialize;

    use super::*;

    #[derive(Default, Deserialize)]
    #[serde(default)]
    struct Wanted {
        limit: Option<usize>,
    }

    #[tokio::test]
    async fn a_query_that_does_not_read_is_a_problem_with_a_code() {
        let asked = async |address: &str| {
            let request = Request::get(address).body(()).expect("an address");
            let (mut parts, ()) = request.into_parts();
            Query::<Wanted>::from_request_parts(&mut parts, &()).await
        };
        let Ok(Query(wanted)) = asked("/api/v1/terminals?limit=7").await else {
            panic!("a number reads");
        };
        assert_eq!(wanted.limit, Some(7));
        for bad in ["limit=abc", "limit=-1"] {
            let Err(Problem(error)) = asked(&format!("/api/v1/terminals?{bad}")).await else {
                panic!("{bad} is no limit");
            };
            assert_eq!(error.code, "E-INPUT-07");
            assert!(error.words.en.contains("limit"), "{}", error.words.en);
            assert_eq!(
                error.words.ja, "アドレスの「?」より後ろの「limit」を読み取れません。値を直してください。",
                "Japanese has nothing English in it but the name"
            );
        }
    }
}
