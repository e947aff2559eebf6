//! For how long details of usage are kept, legal holds, and erasures.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// For how long the details of a subscription's usage are to be kept.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct RetentionSet {
    /// Days from the start of usage on, 1 to 36500.
    pub days: u32,
}

/// For how long the details of a subscription's usage are kept.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Retention {
    /// Days from the start of usage on; null: for ever.
    pub days: Option<u32>,
    /// When it was set.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub at: Option<String>,
    /// Who set it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub by: Option<String>,
}

/// A legal hold to be put on a subscription.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct LegalHoldSet {
    /// Why nothing of it may be erased; one line of 1 to 1,000 characters.
    pub reason: String,
}

/// The legal hold on a subscription.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct LegalHold {
    /// Why nothing of it may be erased; null: there is no hold.
    pub reason: Option<String>,
    /// When it was set, with this reason.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub at: Option<String>,
    /// Who set it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub by: Option<String>,
}

/// An erasure to be begun.
#[derive(Debug, Clone, Default, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ErasureRequest {
    /// Of usage that began before this day, UTC; of all of it without.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub before: Option<String>,
}

/// An erasure of what names people in the usage of a subscription.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Erasure {
    /// Its GUID.
    pub id: String,
    /// GUID of the subscription.
    pub subscription_id: String,
    /// Of usage that began before this day, UTC; of all of it without.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub before: Option<String>,
    /// `request`, or `retention` where the details were kept for as long as they are to be.
    pub cause: String,
    /// `begun`; `held` while a legal hold stops it; `failed` until it is tried again; `done`; or
    /// `incomplete`, where it has ended and damaged files have what was to be erased.
    pub state: String,
    /// When it was asked for.
    pub asked_at: String,
    /// Who asked for it.
    pub by: String,
    /// When it ended.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ended_at: Option<String>,
    /// When one that failed is tried again.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub retry_at: Option<String>,
    /// The ledger's version that it reached; later usage has its details.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ledger_version: Option<String>,
    /// Files that were looked at so far; absent unless the ledger works on it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub files_done: Option<u64>,
    /// Files that are to be looked at, with those; absent unless the ledger works on it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub files_to_do: Option<u64>,
    /// Of one that has ended: files that were written anew; after a restart, from there on.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub files_rewritten: Option<u64>,
    /// Rows that were erased so far; after a restart, from there on.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rows: Option<u64>,
    /// Of one that has ended: files of the ledger that have what was erased, by this one or another, and
    /// go when whoever reads them by now has done so.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub files_held: Option<u64>,
    /// Files of the table that were damaged or missing, the first hundred: nothing of them was erased. Once
    /// they are restored, another erasure does it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub damaged_files: Vec<String>,
}
