//! Our own API, `/tallyhouse/v1`: what the command line does and Azure has no call for.

pub(crate) mod cost;
pub(crate) mod ingest;
pub(crate) mod ledger;
pub(crate) mod rate_cards;
pub(crate) mod roles;
pub(crate) mod subscriptions;
pub(crate) mod tokens;

use axum::body::Body;
use axum::response::{IntoResponse, Response};
use http::header;
use serde::de::DeserializeOwned;

use crate::error::ApiError;
use crate::exchange::{Asked, read_body};

/// The OpenAPI document.
pub(crate) async fn openapi() -> Response {
    ([(header::CONTENT_TYPE, "application/json")], crate::router::openapi()).into_response()
}

/// Reads a JSON body; the error names line, column and member.
async fn read_json<T: DeserializeOwned>(body: Body) -> Result<T, ApiError> {
    let bytes = read_body(body).await?;
    serde_json::from_slice(&bytes)
        .map_err(|error| ApiError::Body(format!("the request body is not as expected: {error}")))
}

/// A parameter that must be there.
fn required<'a>(asked: &'a Asked, name: &'static str) -> Result<&'a str, ApiError> {
    let given = asked.parameters.get(name).filter(|value| !value.is_empty());
    given.ok_or(ApiError::Parameter { name, reason: "is required".to_owned() })
}

/// Reads a value that a parameter or member names, with the reason where it is wrong.
fn parsed<T, E: std::fmt::Display>(
    name: &'static str,
    result: Result<T, E>,
) -> Result<T, ApiError> {
    result.map_err(|error| ApiError::Parameter { name, reason: error.to_string() })
}
