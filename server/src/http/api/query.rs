//! The query of an address: what does not read is a problem like any other.

use axum::extract::{FromRequestParts, Query as Read};
use axum::http::request::Parts;
use serde::de::DeserializeOwned;

use super::Problem;
use crate::app::AppError;

pub struct Query<T>(pub T);

impl<T: DeserializeOwned, S: Send + Sync> FromRequestParts<S> for Query<T> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Query<T>, Problem> {
        match Read::from_request_parts(parts, state).await {
            Ok(Read(query)) => Ok(Query(query)),
            Err(bad) => Err(Problem(AppError::invalid(
                "E-INPUT-07",
                "アドレスの?より後を読み取れません。項目の名前と値を確かめてください。",
                format!(
                    "The query does not read. Check its names and values. {}",
                    bad.body_text()
                ),
            ))),
        }
    }
}
