//! Our own API, `/tallyhouse/v1`: what the command line does and Azure has no call for.

pub(crate) mod audit_log;
pub(crate) mod backup;
pub(crate) mod corrections;
pub(crate) mod cost;
pub(crate) mod erasures;
pub(crate) mod export;
pub(crate) mod imports;
pub(crate) mod ingest;
pub(crate) mod keeping;
pub(crate) mod ledger;
pub(crate) mod meter_aliases;
pub(crate) mod price_overrides;
pub(crate) mod rate_cards;
pub(crate) mod resource_groups;
pub(crate) mod roles;
pub(crate) mod service_principals;
pub(crate) mod subscriptions;
pub(crate) mod tokens;

use axum::body::Body;
use axum::response::{IntoResponse, Response};
use domain::decimal::DecimalError;
use domain::time::Date;
use http::header;
use serde::de::DeserializeOwned;
use wire::own::NumberText;
use wire::text::Excerpt;

use crate::error::ApiError;
use crate::exchange::{Asked, read_body};

/// The OpenAPI document.
pub(crate) async fn openapi() -> Response {
    ([(header::CONTENT_TYPE, "application/json")], crate::router::openapi()).into_response()
}

/// Reads a JSON body; the error names line, column and member.
pub(crate) async fn read_json<T: DeserializeOwned>(body: Body) -> Result<T, ApiError> {
    let bytes = read_body(body).await?;
    serde_json::from_slice(&bytes)
        .map_err(|error| ApiError::Body(format!("the request body is not as expected: {error}")))
}

/// Reads a JSON body that may be left out.
async fn read_optional_json<T: DeserializeOwned + Default>(body: Body) -> Result<T, ApiError> {
    let bytes = read_body(body).await?;
    if bytes.trim_ascii().is_empty() {
        return Ok(T::default());
    }
    read_json(Body::from(bytes)).await
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

/// Reads a number that a member states as a JSON number or a string, with every digit.
fn number<T>(
    name: &'static str,
    text: &NumberText,
    parse: impl FnOnce(&str) -> Result<T, DecimalError>,
) -> Result<T, ApiError> {
    let wrong = |error| format!("{} is {error}", Excerpt::new(text.as_str()));
    parsed(name, parse(text.as_str()).map_err(wrong))
}

/// Reads a day.
fn day(name: &'static str, text: &str) -> Result<Date, ApiError> {
    let wrong = |_| format!("{} is not a day such as 2026-10-31", Excerpt::new(text));
    parsed(name, Date::parse(text).map_err(wrong))
}
