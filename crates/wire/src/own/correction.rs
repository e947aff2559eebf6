//! Corrections: of one record, and of the slices of an import.

use domain::correction::RowChange;
use domain::record::UsageRecord;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use utoipa::ToSchema;

/// A record to be taken back, and what is to be stored in its place.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct CorrectionRequest {
    /// CloudEvents source of the record.
    pub source: String,
    /// CloudEvents id of the record; of an imported row, the id that the ledger's table shows.
    pub id: String,
    /// True to take the record back and store nothing in its place.
    #[serde(default)]
    pub void: bool,
    /// The event in its place, whole, as `POST /tallyhouse/v1/events` takes one: of the same
    /// subscription, with an id of its own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Object>)]
    pub replacement: Option<Box<RawValue>>,
    /// True to say what would happen, and store nothing.
    #[serde(default)]
    pub dry_run: bool,
}

/// What a correction does.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Correction {
    /// Whether it was only asked what would happen.
    pub dry_run: bool,
    /// Whether it was made before: nothing was added now.
    pub duplicate: bool,
    /// The group commit of reversal and replacement; absent where it was not made yet.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub commit: Option<u64>,
    /// The record that is taken back.
    pub reversed: CorrectedRecord,
    /// What takes it back; reported when it is stored, so that it changes no closed bucket.
    pub reversal: CorrectedRecord,
    /// What stands in its place, reported likewise.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub replacement: Option<CorrectedRecord>,
}

/// A record of a correction.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct CorrectedRecord {
    /// Its source.
    pub source: String,
    /// Its id within the source.
    pub id: String,
    /// Its meter.
    pub meter_id: String,
    /// When its usage starts.
    pub usage_start_time: String,
    /// When its usage ends.
    pub usage_end_time: String,
    /// How much, in the meter's unit; below zero for what takes back.
    pub quantity: String,
    /// Its resource.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub resource_uri: Option<String>,
    /// The group commit that stored it; absent where it is to be stored.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub commit: Option<u64>,
}

/// How a slice of an import differs from what was stored of it: the rows of one source, subscription
/// and reported bucket.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct SliceDifference {
    /// The subscription.
    pub subscription_id: String,
    /// The reported bucket.
    pub reported_bucket: String,
    /// Rows that are the same.
    pub rows_kept: u64,
    /// Rows that were not stored.
    pub rows_added: u64,
    /// Stored rows that the slice has no more.
    pub rows_gone: u64,
    /// Rows whose quantity alone is another.
    pub quantities_changed: u64,
    /// The group commit that made it right; absent where nothing was stored.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub commit: Option<u64>,
    /// The rows that differ; of many the first, over all slices of the request.
    pub rows: Vec<RowDifference>,
}

/// A row in which a slice differs.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct RowDifference {
    /// `added`, `gone` or `changed`.
    pub change: String,
    /// Its meter.
    pub meter_id: String,
    /// When its usage starts.
    pub usage_start_time: String,
    /// Its resource.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub resource_uri: Option<String>,
    /// How much is stored; absent for a row that is added.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub quantity_before: Option<String>,
    /// How much it should be; absent for a row that is gone.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub quantity_after: Option<String>,
}

impl CorrectedRecord {
    /// A record, and the commit that stored it.
    #[must_use]
    pub fn new(record: &UsageRecord, commit: Option<u64>) -> Self {
        Self {
            source: record.source.to_string(),
            id: record.event_id.to_string(),
            meter_id: record.meter.to_string(),
            usage_start_time: record.window.start().to_string(),
            usage_end_time: record.window.end().to_string(),
            quantity: record.quantity.to_string(),
            resource_uri: record.instance.resource_uri.as_deref().map(str::to_owned),
            commit,
        }
    }
}

impl RowDifference {
    /// From a row that differs; none where there is no row.
    #[must_use]
    pub fn of(row: &RowChange<'_>) -> Option<Self> {
        let shown = row.after.or(row.before)?;
        let change = match (row.before, row.after) {
            (None, _) => "added",
            (_, None) => "gone",
            _ => "changed",
        };
        let quantity = |record: &UsageRecord| record.quantity.to_string();
        Some(Self {
            change: change.to_owned(),
            meter_id: shown.meter.to_string(),
            usage_start_time: shown.window.start().to_string(),
            resource_uri: shown.instance.resource_uri.as_deref().map(str::to_owned),
            quantity_before: row.before.map(quantity),
            quantity_after: row.after.map(quantity),
        })
    }
}
