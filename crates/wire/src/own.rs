//! Bodies of our own API, `/tallyhouse/v1`. Amounts and quantities are strings of plain decimals
//! with every digit; times are RFC 3339 in UTC; ids are dashed lower-case GUIDs.

mod audit;
mod backup;
mod calculation;
mod correction;
mod cost;
mod explanation;
mod keeping;
mod price;
mod rate_card;
mod service_principal;
mod subscription;
mod value;

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::secret::SecretText;

pub use audit::{AuditEntry, AuditFact, AuditLog};
pub use backup::{
    BACKUP_FORMAT, BackupFile, BackupKeys, BackupManifest, BackupRequest, BackupTotals,
    DamagedFile, FileHash, MANIFEST, PLAIN_KEYS, Passphrase, PassphraseLength, RestoreReport,
    RestoredKeys, SubscriptionTotals, VerifyLine, VerifyProgress, VerifyReport,
};
pub use calculation::{
    CalculatedMeter, CalculatedPeriod, CalculatedTerm, CalculatedTier, CalculatedUnpriced,
    Calculation,
};
pub use correction::{
    CorrectedRecord, Correction, CorrectionRequest, RowDifference, SliceDifference,
};
pub use cost::{
    Basis, Completeness, CompletenessOfAll, Cost, CostGroup, CostOfAll, CostOfCurrency, CostTerm,
    CostTotals, SourceCompleteness, UnpricedUsage,
};
pub use explanation::{
    BillExplanation, ComparedBill, CostComparison, CostEffect, CostExplanation, ExplainedFigure,
    MeterChange, MeterExplanation, MeterOfBill, UnpricedQuantity,
};
pub use keeping::{Erasure, ErasureRequest, LegalHold, LegalHoldSet, Retention, RetentionSet};
pub use price::{
    MeterAlias, PriceOverride, PriceOverrideCreate, PriceOverrideEnd, PriceOverrideEnded,
};
pub use rate_card::{
    ListedMeter, MeterName, MeterPrice, OfferTerm, PriceChange, PropertyChange, RateCardCounts,
    RateCardDiff, RateCardHistory, RateCardHistoryEntry, RateCardVersion, Renaming, TaxChange,
    TermChange,
};
pub use service_principal::{
    ServicePrincipal, ServicePrincipalCreate, ServicePrincipalCredential, ServicePrincipalRotate,
    ServicePrincipalSecret,
};
pub use subscription::{
    ResourceGroup, ResourceGroupTagsUpdate, StateChange, Subscription, SubscriptionChange,
    SubscriptionCreate, SubscriptionFacts, SubscriptionUpdate, UpcomingTags,
};
pub use value::{NumberText, Rates, RatesError, TagMap};

/// A list of things.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct List<T> {
    /// The things, in a stable order.
    pub value: Vec<T>,
}

/// A role assignment to be made.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct RoleAssignmentCreate {
    /// Object id of the user, group or service principal.
    pub principal_id: String,
    /// Name or GUID of a role, such as `Reader`.
    pub role: String,
    /// `/subscriptions/{guid}`, or a resource group or resource below it.
    pub scope: String,
}

/// A role assignment.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct RoleAssignment {
    /// ARM id of the assignment.
    pub id: String,
    /// GUID of the assignment.
    pub name: String,
    /// Object id of the principal.
    pub principal_id: String,
    /// Name of the role.
    pub role_name: String,
    /// ARM id of the role.
    pub role_definition_id: String,
    /// Where it applies.
    pub scope: String,
    /// When it was made.
    pub created_on: String,
}

/// A token to be issued.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct TokenRequest {
    /// Object id (`oid`) of the principal.
    pub object_id: String,
    /// Tenant (`tid`); the installation's own if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tenant_id: Option<String>,
    /// Seconds until it expires, 1 to 86,400; 3,600 if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expires_in: Option<u32>,
}

/// A token.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct TokenResponse {
    /// `Bearer`.
    pub token_type: String,
    /// The JWT.
    pub access_token: SecretText,
    /// Seconds until it expires.
    pub expires_in: u32,
}

/// What became of the events or rows of one request.
#[derive(Debug, Clone, Default, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct IngestResponse {
    /// How many were new and are stored.
    pub accepted: u64,
    /// How many were stored before, with the same content.
    pub duplicate: u64,
    /// Those that were stored before with other content; nothing of them was stored.
    pub conflicting: Vec<IngestProblem>,
    /// Those that are wrong; nothing of them was stored.
    pub rejected: Vec<IngestProblem>,
    /// Highest group commit among the accepted and duplicate ones; absent if there is none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub commit: Option<u64>,
    /// For imports: the closed reported buckets that the import added rows to.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub touched_buckets: Vec<TouchedBucket>,
    /// For imports of whole slices: those that differ from what was stored of them.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub slices: Vec<SliceDifference>,
}

/// What became of the rows of an import of any length.
#[derive(Debug, Clone, Default, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct ImportResponse {
    /// Of all rows; the first 10,000 rejected and the first 10,000 conflicting ones are listed.
    pub result: IngestResponse,
    /// How many rows are wrong; nothing of them was stored.
    pub rejected_rows: u64,
    /// How many were stored before with other content; nothing of them was stored.
    pub conflicting_rows: u64,
    /// Whether the import added rows to more buckets than are listed.
    pub touched_more: bool,
    /// Whether the last document names a further page, which is not in the body.
    pub continued: bool,
    /// Where the body is not of its form, and what was expected there; rows before it are stored.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub broken: Option<String>,
}

/// An event or row that was not stored, and why.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct IngestProblem {
    /// Its place in the request, counted from 0.
    pub position: u64,
    /// Its CloudEvents source, if it could be read.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub source: Option<String>,
    /// Its CloudEvents id, if it could be read.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub id: Option<String>,
    /// A code for programs, such as `InvalidQuantity`.
    pub code: String,
    /// What is wrong, and where.
    pub reason: String,
}

/// A reported bucket of a subscription whose answer an import changed.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct TouchedBucket {
    /// The subscription.
    pub subscription_id: String,
    /// The reported day, `2026-10-31`.
    pub reported_day: String,
}
