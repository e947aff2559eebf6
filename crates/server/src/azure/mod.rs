//! Azure's wire: the calls that unmodified Azure clients make.
//!
//! Checks come in ARM's order: api-version, token, subscription, resource type, right, and then the
//! call's own.

pub(crate) mod authorization;
pub(crate) mod billing;
pub(crate) mod consumption;
pub(crate) mod cost_management;
pub(crate) mod costs;
pub(crate) mod metadata;
mod offers;
mod operation;
pub(crate) mod providers;
pub(crate) mod rate_card;
pub(crate) mod resource_groups;
pub(crate) mod retail;
pub(crate) mod stack;
pub(crate) mod subscriptions;
pub(crate) mod tenants;
pub(crate) mod unknown;
pub(crate) mod usage_aggregates;

use std::sync::Arc;

use accounts::Subscription;
use axum::response::{IntoResponse, Response};
use http::header;

use crate::app::App;
use crate::authorize::require;
use crate::error::ApiError;
use crate::exchange::Asked;
use crate::identity::Principal;
use operation::Operation;

/// Answers with a body that is written JSON.
pub(crate) fn json(body: Vec<u8>) -> Response {
    ([(header::CONTENT_TYPE, "application/json; charset=utf-8")], body).into_response()
}

/// The `api-version` that the client asks for; every call under ARM needs one.
pub(crate) fn api_version(asked: &Asked) -> Result<&str, ApiError> {
    let version = asked.parameters.get("api-version").filter(|version| !version.is_empty());
    version.ok_or(ApiError::MissingApiVersion)
}

/// The checks before a call's own, in ARM's order; gives the subscription that the path names.
pub(crate) fn enter(
    app: &App,
    asked: &Asked,
    subscription: &str,
    operation: &Operation,
) -> Result<Arc<Subscription>, ApiError> {
    let (principal, subscription) = enter_subscription(app, asked, subscription, operation)?;
    require(&app.directory(), &principal, &subscription, operation.action)?;
    Ok(subscription)
}

/// The checks before those of rights, where a call on a subscription asks for rights in its own way.
pub(crate) fn enter_subscription(
    app: &App,
    asked: &Asked,
    subscription: &str,
    operation: &Operation,
) -> Result<(Principal, Arc<Subscription>), ApiError> {
    let version = well_formed(api_version(asked)?, operation.versions)?;
    let (principal, subscription) = app.enter(asked, &app.directory(), subscription)?;
    supported(version, operation.versions)?;
    Ok((principal, subscription))
}

/// The checks of a call that is not on a subscription.
pub(crate) fn enter_tenant(
    app: &App,
    asked: &Asked,
    operation: &Operation,
) -> Result<Principal, ApiError> {
    let version = well_formed(api_version(asked)?, operation.versions)?;
    let principal = app.authenticate(asked)?;
    supported(version, operation.versions)?;
    Ok(principal)
}

/// Refuses what no api-version looks like, which needs no token to tell.
fn well_formed<'a>(given: &'a str, versions: &'static [&'static str]) -> Result<&'a str, ApiError> {
    let date = given.get(..10).unwrap_or_default();
    let suffix = given.get(10..).unwrap_or_default();
    let suffixed = suffix.strip_prefix('-').is_some_and(|suffix| {
        !suffix.is_empty() && suffix.bytes().all(|byte| byte.is_ascii_alphanumeric())
    });
    if domain::time::Date::parse(date).is_ok() && (suffix.is_empty() || suffixed) {
        return Ok(given);
    }
    Err(unsupported(given, versions))
}

/// Refuses a version that the call does not have.
fn supported(given: &str, versions: &'static [&'static str]) -> Result<(), ApiError> {
    if versions.iter().any(|version| version.eq_ignore_ascii_case(given)) {
        return Ok(());
    }
    Err(unsupported(given, versions))
}

fn unsupported(given: &str, supported: &'static [&'static str]) -> ApiError {
    ApiError::UnsupportedApiVersion { given: given.to_owned(), supported }
}
