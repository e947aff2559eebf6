//! The section `[rate_limits]`: how often a principal may call Azure's wire.

use serde::Deserialize;

use super::{ConfigError, within};
use crate::limits::CALLS_PER_HOUR_MAX;

/// The section of the file.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RateLimitSettings {
    /// See [`super::KEYS`].
    pub reads_per_hour: Option<u64>,
    /// See [`super::KEYS`].
    pub writes_per_hour: Option<u64>,
    /// See [`super::KEYS`].
    pub deletes_per_hour: Option<u64>,
    /// See [`super::KEYS`].
    pub tenant_reads_per_hour: Option<u64>,
    /// See [`super::KEYS`].
    pub tenant_writes_per_hour: Option<u64>,
}

/// How many calls of Azure's wire a principal may make in an hour; none is as many as it likes.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct HourlyLimits {
    /// Reads of each subscription.
    pub reads: Option<u32>,
    /// Writes to each subscription.
    pub writes: Option<u32>,
    /// Deletes in each subscription.
    pub deletes: Option<u32>,
    /// Reads that are on no subscription.
    pub tenant_reads: Option<u32>,
    /// Other calls that are on no subscription.
    pub tenant_writes: Option<u32>,
}

impl HourlyLimits {
    /// Checks the section.
    pub(super) fn new(settings: &RateLimitSettings) -> Result<Self, ConfigError> {
        Ok(Self {
            reads: limit("rate_limits.reads_per_hour", settings.reads_per_hour)?,
            writes: limit("rate_limits.writes_per_hour", settings.writes_per_hour)?,
            deletes: limit("rate_limits.deletes_per_hour", settings.deletes_per_hour)?,
            tenant_reads: limit(
                "rate_limits.tenant_reads_per_hour",
                settings.tenant_reads_per_hour,
            )?,
            tenant_writes: limit(
                "rate_limits.tenant_writes_per_hour",
                settings.tenant_writes_per_hour,
            )?,
        })
    }
}

fn limit(key: &'static str, given: Option<u64>) -> Result<Option<u32>, ConfigError> {
    let Some(given) = given else { return Ok(None) };
    let expected = "1 to 1000000000 (without the key there is no limit)";
    let checked = within(key, expected, given, 1..=CALLS_PER_HOUR_MAX.into())?;
    Ok(Some(u32::try_from(checked).expect("its range is checked")))
}
