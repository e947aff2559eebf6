//! The built-in issuer: tokens for the principals of this installation, its keys and its discovery
//! document.

use std::fmt;
use std::path::Path;

use aws_lc_rs::rand;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use domain::id::{ApplicationId, ObjectId, TenantId};
use domain::time::UtcTime;
use jsonwebtoken::{Algorithm, DecodingKey, Header};
use serde_json::{Value, json};

use super::keys::{KeyError, SigningKey};
use super::token::numeric_date;

/// Audience of a token that is meant for Azure's resource manager, as clients ask for it.
pub const DEFAULT_AUDIENCE: &str = "https://management.azure.com/";
/// Origin in the issuer's name where no public URL is set: it stays the same whatever the port,
/// and resolves nowhere.
///
/// Source: RFC 6761, section 6.4 (`invalid.`).
pub const DEFAULT_PUBLIC_URL: &str = "https://tallyhouse.invalid";

/// What a token is to say.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Claims {
    /// The principal.
    pub object_id: ObjectId,
    /// Its tenant.
    pub tenant_id: TenantId,
    /// Whom the token is meant for.
    pub audience: String,
    /// Seconds until it expires.
    pub expires_in_seconds: u32,
    /// The application of a service principal, which proved its secret; another principal is its own.
    pub application: Option<ApplicationId>,
    /// In the administrator's tokens: how often they had been rotated.
    pub generation: Option<u64>,
}

/// The built-in issuer.
pub struct Issuer {
    key: SigningKey,
    /// Without a slash at the end; none if it is not set.
    public_url: Option<String>,
}

impl fmt::Debug for Issuer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (key, public_url) = (&self.key.id, &self.public_url);
        f.debug_struct("Issuer").field("key", key).field("public_url", public_url).finish()
    }
}

impl Issuer {
    /// Reads the signing key from the folder, or makes it on the first run.
    ///
    /// # Errors
    /// [`KeyError`] if it cannot be read or made.
    pub fn open_or_create(folder: &Path, public_url: Option<&str>) -> Result<Self, KeyError> {
        let key = SigningKey::open_or_create(folder)?;
        let public_url = public_url.map(|url| url.trim_end_matches('/').to_owned());
        Ok(Self { key, public_url })
    }

    /// The issuer's name for a tenant, `iss` in its tokens: `https://…/{tenant}/v2.0`.
    #[must_use]
    pub fn name(&self, tenant: TenantId) -> String {
        format!("{}/{tenant}/v2.0", self.public_url())
    }

    /// Makes a token that is in force from now on.
    ///
    /// # Panics
    /// If the machine has no randomness, or the key that was checked on opening does not sign.
    #[must_use]
    pub fn issue(&self, claims: &Claims, now: UtcTime) -> String {
        let issued_at = numeric_date(now);
        let mut unique = [0; 16];
        rand::fill(&mut unique).expect("the machine has randomness");
        let object_id = claims.object_id.to_string();
        let mut said = json!({
            "aud": claims.audience,
            "iss": self.name(claims.tenant_id),
            "iat": issued_at,
            "nbf": issued_at,
            "exp": issued_at + i64::from(claims.expires_in_seconds),
            "oid": object_id,
            "sub": object_id,
            "tid": claims.tenant_id.to_string(),
            "appid": object_id,
            "idtyp": "app",
            "ver": "2.0",
            "uti": URL_SAFE_NO_PAD.encode(unique),
        });
        if let Some(application) = claims.application {
            said["appid"] = json!(application.to_string());
            said["azp"] = json!(application.to_string());
        }
        if let Some(generation) = claims.generation {
            said["generation"] = json!(generation);
        }
        let header = Header { kid: Some(self.key.id.clone()), ..Header::new(Algorithm::RS256) };
        jsonwebtoken::encode(&header, &said, &self.key.private)
            .expect("a key that was checked on opening signs")
    }

    /// The public keys (JWKS), as clients find them at `jwks_uri`.
    ///
    /// Source: RFC 7517.
    #[must_use]
    pub fn jwks(&self) -> Value {
        json!({ "keys": [self.key.public] })
    }

    /// The discovery document at a tenant's or an alias's place below `origin`. Where the place is no
    /// tenant's, the issuer is named with Entra's placeholder for one.
    ///
    /// Without a public URL the name begins with `origin` too, as clients take no issuer of another
    /// origin than they asked (MSAL for JavaScript 16); in tokens it outlives a change of port.
    ///
    /// Source: OpenID Connect Discovery 1.0, section 3; Microsoft identity platform.
    #[must_use]
    pub fn discovery(&self, tenant: Option<TenantId>, place: &str, origin: &str) -> Value {
        let named = self.public_url.as_deref().unwrap_or(origin);
        let tenant = tenant.map_or_else(|| "{tenantid}".to_owned(), |tenant| tenant.to_string());
        // What has no version in its path is ADFS's.
        let (token, authorize) = match place {
            "adfs" => ("oauth2/token", "oauth2/authorize"),
            _ => ("oauth2/v2.0/token", "oauth2/v2.0/authorize"),
        };
        json!({
            "issuer": format!("{named}/{tenant}/v2.0"),
            "authorization_endpoint": format!("{origin}/{place}/{authorize}"),
            "token_endpoint": format!("{origin}/{place}/{token}"),
            "jwks_uri": format!("{origin}/{place}/discovery/v2.0/keys"),
            "token_endpoint_auth_methods_supported": ["client_secret_post", "client_secret_basic"],
            "grant_types_supported": ["client_credentials"],
            "response_types_supported": [],
            "response_modes_supported": [],
            "scopes_supported": [],
            "subject_types_supported": ["public"],
            "id_token_signing_alg_values_supported": ["RS256"],
            "claims_supported": [
                "aud", "iss", "iat", "nbf", "exp", "oid", "sub", "tid", "appid", "azp", "idtyp",
                "ver", "uti",
            ],
        })
    }

    /// The key's id and public half, for the verifier.
    pub(super) fn public_key(&self) -> (String, DecodingKey) {
        let key = DecodingKey::from_jwk(&self.key.public).expect("its own public key is one");
        (self.key.id.clone(), key)
    }

    pub(super) fn public_url(&self) -> &str {
        self.public_url.as_deref().unwrap_or(DEFAULT_PUBLIC_URL)
    }
}

#[cfg(test)]
mod tests;
