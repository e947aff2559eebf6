//! The checks that a token must pass, in an order that lets nothing unsigned be believed: length,
//! form, algorithm, key, signature; then issuer, audience, time, principal.

use std::collections::HashMap;
use std::fmt;
use std::ops::Range;
use std::sync::{Mutex, RwLock};

use aws_lc_rs::digest;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use domain::id::{ObjectId, TenantId};
use domain::time::UtcTime;
use jsonwebtoken::errors::ErrorKind;
use jsonwebtoken::{Algorithm, DecodingKey, Validation};
use serde::Deserialize;
use serde::de::IgnoredAny;

use super::token::{RawClaims, TokenClaims};
use super::{Issuer, Principal, TokenError};

/// Most bytes of a token; Azure's, with 200 groups, have about 10,000.
const TOKEN_BYTES_MAX: usize = 16 * 1024;
/// How far an issuer's clock may be ahead of ours, in seconds, as Azure allows. Expiry is exact:
/// no token counts for longer than it says.
const SKEW_SECONDS: i64 = 300;
/// Verified tokens remembered in each of two generations.
const REMEMBERED_MAX: usize = 4_096;
/// Audiences that Azure's clients ask tokens for.
///
/// Source: Azure Resource Manager; Azure Service Management.
const AZURE_AUDIENCES: [&str; 2] =
    ["https://management.azure.com", "https://management.core.windows.net"];

/// A key that is trusted, and the issuer that it signs for.
struct TrustedKey {
    id: String,
    key: DecodingKey,
    issuer: TrustedIssuer,
}

/// How a trusted issuer names itself.
enum TrustedIssuer {
    /// The built-in one: `{public_url}/{tenant}/v2.0`.
    BuiltIn { public_url: String },
}

/// Checks tokens.
pub struct Verifier {
    keys: Vec<TrustedKey>,
    administrator: ObjectId,
    /// Without a slash at the end.
    audiences: RwLock<Vec<String>>,
    remembered: Mutex<Remembered>,
}

impl fmt::Debug for Verifier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let ids: Vec<_> = self.keys.iter().map(|key| &key.id).collect();
        f.debug_struct("Verifier").field("keys", &ids).finish_non_exhaustive()
    }
}

impl Verifier {
    /// Trusts the built-in issuer; takes tokens for Azure's audiences, the public URL, and those
    /// given.
    #[must_use]
    pub fn new(issuer: &Issuer, administrator: ObjectId, audiences: &[String]) -> Self {
        let (id, key) = issuer.public_key();
        let public_url = issuer.public_url().to_owned();
        let all = AZURE_AUDIENCES.into_iter().chain([public_url.as_str()]);
        let all = all.chain(audiences.iter().map(String::as_str));
        let audiences = all.map(|audience| without_slash(audience).to_owned()).collect();
        Self {
            keys: vec![TrustedKey { id, key, issuer: TrustedIssuer::BuiltIn { public_url } }],
            administrator,
            audiences: RwLock::new(audiences),
            remembered: Mutex::new(Remembered::default()),
        }
    }

    /// Takes tokens for this audience too, such as an origin that is known once the server listens.
    ///
    /// # Panics
    /// Never: no holder of the lock panics.
    pub fn accept_audience(&self, audience: &str) {
        let audience = without_slash(audience);
        let mut audiences = self.audiences.write().expect("no holder panics");
        if !audiences.iter().any(|known| known == audience) {
            audiences.push(audience.to_owned());
        }
    }

    /// Who the token speaks for, if it counts now.
    ///
    /// # Errors
    /// [`TokenError`] if it does not.
    ///
    /// # Panics
    /// Never: no holder of a lock panics.
    pub fn verify(&self, token: &str, now: UtcTime) -> Result<Principal, TokenError> {
        if token.len() > TOKEN_BYTES_MAX {
            return Err(TokenError::TooLong);
        }
        let mut hash = TokenHash::default();
        hash.copy_from_slice(digest::digest(&digest::SHA256, token.as_bytes()).as_ref());
        if let Some(principal) = self.remembered.lock().expect("no holder panics").get(&hash, now) {
            return Ok(principal);
        }
        let (claims, issuer) = self.signed_claims(token)?;
        self.check(&claims, issuer, now)?;
        let in_force = in_force_from(&claims)..claims.expiry;
        let principal = self.principal(claims, issuer);
        let mut remembered = self.remembered.lock().expect("no holder panics");
        remembered.insert(hash, (in_force, principal.clone()));
        Ok(principal)
    }

    /// What the token says, once it is known who signed it.
    fn signed_claims(&self, token: &str) -> Result<(TokenClaims, &TrustedIssuer), TokenError> {
        let header = read_header(token).ok_or(TokenError::Malformed)?;
        if header.alg != "RS256" {
            return Err(TokenError::Algorithm);
        }
        // What a token demands to be understood, and we do not (RFC 7515, section 4.1.11).
        if header.crit.is_some() {
            return Err(TokenError::Malformed);
        }
        let id = header.kid.ok_or(TokenError::UnknownKey)?;
        // Issuers choose their key ids by themselves, so two may have the same.
        let mut refused = TokenError::UnknownKey;
        for trusted in self.keys.iter().filter(|key| key.id == id) {
            match jsonwebtoken::decode::<RawClaims>(token, &trusted.key, &signature_only()) {
                Ok(data) => return Ok((data.claims.try_into()?, &trusted.issuer)),
                Err(error) => refused = refusal(error.kind()),
            }
        }
        Err(refused)
    }

    fn check(
        &self,
        claims: &TokenClaims,
        issuer: &TrustedIssuer,
        now: UtcTime,
    ) -> Result<(), TokenError> {
        if !issuer.is_named(&claims.issuer, claims.tenant_id) {
            return Err(TokenError::Issuer(claims.issuer.clone()));
        }
        if !self.accepts_one_of(&claims.audiences) {
            return Err(TokenError::Audience(claims.audiences.clone()));
        }
        if now < in_force_from(claims) {
            let from = claims.from.unwrap_or(UtcTime::MIN);
            return Err(TokenError::NotYetValid { from, now });
        }
        if claims.expiry <= now {
            return Err(TokenError::Expired { expiry: claims.expiry, now });
        }
        Ok(())
    }

    fn accepts_one_of(&self, given: &[String]) -> bool {
        let accepted = self.audiences.read().expect("no holder panics");
        let is_accepted =
            |audience: &String| accepted.iter().any(|accepted| accepted == without_slash(audience));
        given.iter().any(is_accepted)
    }

    fn principal(&self, claims: TokenClaims, issuer: &TrustedIssuer) -> Principal {
        let TokenClaims { object_id, tenant_id, groups, application, .. } = claims;
        let is_administrator = match issuer {
            TrustedIssuer::BuiltIn { .. } => object_id == self.administrator,
        };
        Principal { object_id, tenant_id, groups, application, is_administrator }
    }
}

impl TrustedIssuer {
    fn is_named(&self, name: &str, tenant: TenantId) -> bool {
        match self {
            Self::BuiltIn { public_url } => name == format!("{public_url}/{tenant}/v2.0"),
        }
    }
}

/// What counts of a token's header.
#[derive(Deserialize)]
struct TokenHeader {
    alg: String,
    kid: Option<String>,
    crit: Option<IgnoredAny>,
}

/// The library's own reader knows no algorithm but its own, and cannot say that one is wrong.
fn read_header(token: &str) -> Option<TokenHeader> {
    let mut parts = token.split('.');
    let (header, _, _) = (parts.next()?, parts.next()?, parts.next()?);
    if parts.next().is_some() {
        return None;
    }
    serde_json::from_slice(&URL_SAFE_NO_PAD.decode(header).ok()?).ok()
}

/// The signature alone: the library would read the clock for the rest.
fn signature_only() -> Validation {
    let mut validation = Validation::new(Algorithm::RS256);
    validation.required_spec_claims.clear();
    validation.validate_exp = false;
    validation.validate_nbf = false;
    validation.validate_aud = false;
    validation
}

fn refusal(kind: &ErrorKind) -> TokenError {
    match kind {
        ErrorKind::InvalidSignature => TokenError::Signature,
        _ => TokenError::Malformed,
    }
}

fn in_force_from(claims: &TokenClaims) -> UtcTime {
    claims.from.map_or(UtcTime::MIN, |from| from.plus_seconds(-SKEW_SECONDS))
}

/// Clients ask for a resource with a slash at the end or without one, and mean the same.
fn without_slash(audience: &str) -> &str {
    audience.strip_suffix('/').unwrap_or(audience)
}

/// SHA-256 of a token.
type TokenHash = [u8; 32];

/// Tokens that passed, so that a client that comes often costs no RSA each time. Two generations:
/// when the younger is full it becomes the older, whose tokens are forgotten.
#[derive(Default)]
struct Remembered {
    younger: HashMap<TokenHash, (Range<UtcTime>, Principal)>,
    older: HashMap<TokenHash, (Range<UtcTime>, Principal)>,
}

impl Remembered {
    fn get(&mut self, hash: &TokenHash, now: UtcTime) -> Option<Principal> {
        if let Some(known) = self.older.remove(hash) {
            self.insert(*hash, known);
        }
        let (in_force, principal) = self.younger.get(hash)?;
        in_force.contains(&now).then(|| principal.clone())
    }

    fn insert(&mut self, hash: TokenHash, known: (Range<UtcTime>, Principal)) {
        if self.younger.len() >= REMEMBERED_MAX {
            self.older = std::mem::take(&mut self.younger);
        }
        self.younger.insert(hash, known);
    }
}

#[cfg(test)]
mod tests;
