//! Service principals of the built-in issuer, and their secrets.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::secret::SecretText;

/// A service principal to be made.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ServicePrincipalCreate {
    /// Shown to people: 1 to 200 characters.
    pub display_name: String,
    /// The tenant that it is of, which has to exist.
    pub tenant: String,
    /// Days until its secret expires, 1 to 730; 365 if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expires_in_days: Option<u32>,
}

/// Another secret for a service principal.
#[derive(Debug, Clone, Default, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ServicePrincipalRotate {
    /// Hours for which earlier secrets stay in force beside it, up to 720; 0 if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub overlap_hours: Option<u32>,
    /// Days until it expires, 1 to 730; 365 if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expires_in_days: Option<u32>,
}

/// A service principal with a secret that was made just now, and is shown this once.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct ServicePrincipalCredential {
    /// What it signs in as.
    pub app_id: String,
    /// Itself: what roles are assigned to.
    pub object_id: String,
    /// The tenant that it is of.
    pub tenant: String,
    /// Shown to people.
    pub display_name: String,
    /// The secret.
    pub password: SecretText,
    /// GUID of the secret.
    pub key_id: String,
    /// When the secret expires.
    pub expires_on: String,
}

/// A service principal.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct ServicePrincipal {
    /// What it signs in as.
    pub app_id: String,
    /// Itself: what roles are assigned to.
    pub object_id: String,
    /// The tenant that it is of.
    pub tenant: String,
    /// Shown to people.
    pub display_name: String,
    /// When it was made.
    pub created_on: String,
    /// Its secrets that are in force, in the order in which they were made.
    pub secrets: Vec<ServicePrincipalSecret>,
}

/// A secret that is in force, without its text, which nobody has but its owner.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct ServicePrincipalSecret {
    /// GUID of the secret, with which its text begins.
    pub key_id: String,
    /// When it was made.
    pub created_on: String,
    /// When it expires, or is ended by a rotation.
    pub expires_on: String,
}
