//! Azure's wire: the calls that unmodified Azure clients make.
//!
//! Checks come in ARM's order: api-version, token, subscription, resource type, right, and then the
//! call's own.

pub(crate) mod rate_card;
pub(crate) mod unknown;
pub(crate) mod usage_aggregates;

use crate::error::ApiError;
use crate::exchange::Asked;

/// The `api-version` that the client asks for; every call under ARM needs one.
pub(crate) fn api_version(asked: &Asked) -> Result<&str, ApiError> {
    let version = asked.parameters.get("api-version").filter(|version| !version.is_empty());
    version.ok_or(ApiError::MissingApiVersion)
}

/// Refuses a version that the call does not have.
pub(crate) fn supported(asked: &Asked, supported: &'static [&'static str]) -> Result<(), ApiError> {
    let given = api_version(asked)?;
    if supported.iter().any(|version| version.eq_ignore_ascii_case(given)) {
        return Ok(());
    }
    Err(ApiError::UnsupportedApiVersion { given: given.to_owned(), supported })
}
