//! What a token endpoint answers.

use serde::{Deserialize, Serialize};

use crate::secret::SecretText;

/// A token, as version 2.0 of the endpoint answers it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TokenAnswer {
    /// `Bearer`.
    pub token_type: String,
    /// Seconds until it expires.
    pub expires_in: u32,
    /// Seconds until it expires where the issuer cannot be reached: the same.
    pub ext_expires_in: u32,
    /// The JWT.
    pub access_token: SecretText,
}

/// A token, as version 1.0 of the endpoint answers it: numbers are strings.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TokenAnswerV1 {
    /// `Bearer`.
    pub token_type: String,
    /// Seconds until it expires.
    pub expires_in: String,
    /// The same.
    pub ext_expires_in: String,
    /// When it expires, in seconds since 1970.
    pub expires_on: String,
    /// From when it counts, in seconds since 1970.
    pub not_before: String,
    /// Whom it is meant for, as asked.
    pub resource: String,
    /// The JWT.
    pub access_token: SecretText,
}

/// A refusal, in Entra's form of OAuth's.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct OauthErrorBody {
    /// OAuth's code, such as `invalid_client`.
    pub error: String,
    /// `AADSTS` with the number, and what is wrong.
    pub error_description: String,
    /// The number alone.
    pub error_codes: Vec<u32>,
    /// When: `2026-02-10 12:00:00Z`.
    pub timestamp: String,
    /// Id of the request.
    pub trace_id: String,
    /// Id that the client gave the request, or its own.
    pub correlation_id: String,
}

/// Which host names stand for one issuer.
///
/// Source: Microsoft identity platform, instance discovery 1.1, as MSAL reads it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct InstanceDiscovery {
    /// Where the tenant's discovery document is.
    pub tenant_discovery_endpoint: String,
    /// `1.1`.
    #[serde(rename = "api-version")]
    pub api_version: String,
    /// One entry for each issuer.
    pub metadata: Vec<InstanceMetadata>,
}

/// The host names of an issuer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct InstanceMetadata {
    /// The host to send requests to.
    pub preferred_network: String,
    /// The host to keep tokens under.
    pub preferred_cache: String,
    /// All of them.
    pub aliases: Vec<String>,
}
