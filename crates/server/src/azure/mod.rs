//! Azure's wire: the calls that unmodified Azure clients make.
//!
//! Checks come in ARM's order: api-version, token, subscription, resource type, right, and then the
//! call's own.

pub(crate) mod authorization;
pub(crate) mod consumption;
pub(crate) mod costs;
pub(crate) mod rate_card;
pub(crate) mod unknown;
pub(crate) mod usage_aggregates;

use std::sync::Arc;

use accounts::{Action, Subscription};

use crate::app::App;
use crate::authorize::require;
use crate::error::ApiError;
use crate::exchange::Asked;

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
    versions: &'static [&'static str],
    action: Action,
) -> Result<Arc<Subscription>, ApiError> {
    let version = api_version(asked)?;
    let directory = app.directory();
    let (principal, subscription) = app.enter(asked, &directory, subscription)?;
    supported(version, versions)?;
    require(&directory, &principal, &subscription, action)?;
    Ok(subscription)
}

/// Refuses a version that the call does not have.
fn supported(given: &str, supported: &'static [&'static str]) -> Result<(), ApiError> {
    if supported.iter().any(|version| version.eq_ignore_ascii_case(given)) {
        return Ok(());
    }
    Err(ApiError::UnsupportedApiVersion { given: given.to_owned(), supported })
}
