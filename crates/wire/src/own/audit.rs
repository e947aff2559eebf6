//! The audit log.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// A page of the audit log.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct AuditLog {
    /// The changes, newest first.
    pub value: Vec<AuditEntry>,
    /// Address of the page of older ones; absent on the last page.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next_link: Option<String>,
}

/// A change: who made it, when, of what, and what was there before and after.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct AuditEntry {
    /// Counts the changes of the accounts.
    pub revision: u64,
    /// When it was made.
    pub at: String,
    /// Object id of whoever made it.
    pub by: String,
    /// Name of whoever made it, if that is a service principal of the built-in issuer that is still
    /// there.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub by_name: Option<String>,
    /// What was done to what kind of object, such as `roleAssignments/write`; absent for a change
    /// older than the audit log.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub operation: Option<String>,
    /// Id of the object; absent for a change older than the audit log.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub object: Option<String>,
    /// The subscription that it was of; absent if it was of none, or of several.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub subscription_id: Option<String>,
    /// What was done, in a sentence.
    pub action: String,
    /// What it changed; secrets are named by their ids.
    pub changes: Vec<AuditFact>,
}

/// One fact that a change changed.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct AuditFact {
    /// What it is.
    pub name: String,
    /// What it was; null if it is new.
    pub before: Option<String>,
    /// What it is now; null if it is gone.
    pub after: Option<String>,
}
