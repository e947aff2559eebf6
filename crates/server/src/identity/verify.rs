//! The checks that a token must pass, in an order that lets nothing unsigned be believed: length,
//! form, algorithm, the issuer that it names, a key of that issuer, signature; then issuer and tenant,
//! audience, time, principal.
//!
//! The issuer is read before the signature only to choose whose keys may have made it: a key of one
//! issuer never vouches for another's name.

use std::fmt;
use std::sync::{Arc, Mutex, RwLock};

use aws_lc_rs::digest;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use domain::id::{ObjectId, TenantId};
use domain::time::UtcTime;
use jsonwebtoken::{Algorithm, DecodingKey, crypto};
use serde::Deserialize;
use serde::de::IgnoredAny;
use tokio::task::JoinSet;

use super::claims::{Claims, Mapping, TokenClaims};
use super::external::External;
use super::remembered::{Known, Remembered, Signer, TokenHash};
use super::{AuthorityError, Issuer, Principal, TokenError};
use crate::config::{ExternalPrincipal, IdentityConfig, IssuerTenants};

/// Most bytes of a token; Azure's, with 200 groups, have about 10,000.
const TOKEN_BYTES_MAX: usize = 16 * 1024;
/// Audiences that Azure's clients ask tokens for.
///
/// Source: Azure Resource Manager; Azure Service Management.
const AZURE_AUDIENCES: [&str; 2] =
    ["https://management.azure.com", "https://management.core.windows.net"];
/// What a token may call itself (`typ`), if it does; in any case.
///
/// Source: RFC 7519, section 5.1; RFC 9068, section 2.1.
const TOKEN_TYPES: [&str; 3] = ["JWT", "at+jwt", "application/at+jwt"];

/// The built-in issuer: `{public_url}/{tenant}/v2.0`.
struct BuiltIn {
    key_id: String,
    key: DecodingKey,
    public_url: String,
    administrator: ObjectId,
}

/// An issuer whose tokens are taken.
#[derive(Clone, Copy)]
enum Trusted<'a> {
    BuiltIn(&'a BuiltIn),
    External { place: usize, issuer: &'a Arc<External> },
}

/// Checks tokens.
pub struct Verifier {
    built_in: Option<BuiltIn>,
    external: Vec<Arc<External>>,
    /// Principals of external issuers who administrate.
    administrators: Vec<ExternalPrincipal>,
    /// How far clocks of issuers may be from ours.
    skew_seconds: i64,
    /// Without a slash at the end.
    audiences: RwLock<Vec<String>>,
    remembered: Mutex<Remembered>,
}

impl fmt::Debug for Verifier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let issuers: Vec<_> = self.external.iter().map(|issuer| &issuer.config.name).collect();
        let key = self.built_in.as_ref().map(|built_in| &built_in.key_id);
        f.debug_struct("Verifier")
            .field("key", &key)
            .field("issuers", &issuers)
            .finish_non_exhaustive()
    }
}

impl Verifier {
    /// Trusts the built-in issuer, whose principal `administrator` administrates, if there is one,
    /// and the configuration's; takes tokens for Azure's audiences, the public URL, and those given.
    ///
    /// # Errors
    /// [`AuthorityError`] if an issuer's authorities cannot be read.
    pub fn new(
        built_in: Option<(&Issuer, ObjectId)>,
        config: &IdentityConfig,
        audiences: &[String],
    ) -> Result<Self, AuthorityError> {
        let built_in = built_in.map(|(issuer, administrator)| {
            let (key_id, key) = issuer.public_key();
            let public_url = issuer.public_url().to_owned();
            BuiltIn { key_id, key, public_url, administrator }
        });
        let public_url = built_in.as_ref().map(|built_in| built_in.public_url.as_str());
        let all = AZURE_AUDIENCES.into_iter().chain(public_url);
        let all = all.chain(audiences.iter().map(String::as_str));
        let audiences = all.map(|audience| without_slash(audience).to_owned()).collect();
        let external = config.issuers.iter().map(|issuer| External::new(issuer).map(Arc::new));
        Ok(Self {
            external: external.collect::<Result<_, _>>()?,
            built_in,
            administrators: config.administrators.clone(),
            skew_seconds: config.clock_skew_seconds,
            audiences: RwLock::new(audiences),
            remembered: Mutex::default(),
        })
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

    /// Reads the keys of the issuer that the token names, if its key is not known and they have not
    /// been read for an unknown key just now: call it before [`Verifier::verify`].
    pub async fn look_for_key(&self, token: &str, now: UtcTime) {
        if self.external.is_empty() {
            return;
        }
        let Ok(token) = Unverified::read(token) else { return };
        let named = token.claims.issuer().ok().and_then(|name| self.trusted(&name));
        if let (Some(Trusted::External { issuer, .. }), Some(id)) = (named, &token.header.kid) {
            issuer.look_for(id, now).await;
        }
    }

    /// Reads the keys of every issuer whose keys are getting old, all at a time.
    pub async fn refresh_keys(&self, now: UtcTime) {
        let mut refreshing = JoinSet::new();
        for issuer in &self.external {
            let issuer = Arc::clone(issuer);
            refreshing.spawn(async move { issuer.refresh(now).await });
        }
        refreshing.join_all().await;
    }

    /// How many issuers that others run there are, and of how many no key is known now.
    pub(crate) fn issuers_without_keys(&self, now: UtcTime) -> (usize, usize) {
        let without = self.external.iter().filter(|issuer| issuer.keys(now).is_empty()).count();
        (self.external.len(), without)
    }

    /// Whether tokens for this audience are taken.
    ///
    /// # Panics
    /// Never: no holder of the lock panics.
    pub fn accepts_audience(&self, audience: &str) -> bool {
        self.accepts_one_of(&[audience.to_owned()], &[])
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
        let known = self.remembered.lock().expect("no holder panics").get(&hash, now);
        if let Some(Known { signer, principal, .. }) = known {
            if self.still_trusts(signer, now) {
                return Ok(principal);
            }
            self.remembered.lock().expect("no holder panics").forget(&hash);
        }
        let known = self.check(&Unverified::read(token)?, now)?;
        let principal = known.principal.clone();
        self.remembered.lock().expect("no holder panics").insert(hash, known);
        Ok(principal)
    }

    fn still_trusts(&self, signer: Signer, now: UtcTime) -> bool {
        match signer {
            Signer::BuiltIn => self.built_in.is_some(),
            Signer::External { place, key } => {
                self.external.get(place).is_some_and(|issuer| issuer.trusts(&key, now))
            }
        }
    }

    /// The issuer of this name.
    fn trusted(&self, name: &str) -> Option<Trusted<'_>> {
        if let Some(built_in) = self.built_in.as_ref().filter(|built_in| built_in.has_name(name)) {
            return Some(Trusted::BuiltIn(built_in));
        }
        let place = self.external.iter().position(|issuer| issuer.config.name == name)?;
        Some(Trusted::External { place, issuer: &self.external[place] })
    }

    fn check(&self, token: &Unverified<'_>, now: UtcTime) -> Result<Known, TokenError> {
        let name = token.claims.issuer()?;
        let trusted = self.trusted(&name).ok_or_else(|| TokenError::Issuer(name.clone()))?;
        let signer = trusted.signer(token, now)?;
        let claims = token.claims.read(&trusted.mapping())?;
        if !trusted.speaks_for(&claims) {
            return Err(TokenError::Issuer(name));
        }
        if !self.accepts_one_of(&claims.audiences, trusted.audiences()) {
            return Err(TokenError::Audience(claims.audiences));
        }
        let from = claims.from.map_or(UtcTime::MIN, |from| from.plus_seconds(-self.skew_seconds));
        if now < from {
            let from = claims.from.unwrap_or(UtcTime::MIN);
            return Err(TokenError::NotYetValid { from, now });
        }
        // Our own clock made the built-in issuer's times.
        let until = match trusted {
            Trusted::BuiltIn(_) => claims.expiry,
            Trusted::External { .. } => claims.expiry.plus_seconds(self.skew_seconds),
        };
        if until <= now {
            return Err(TokenError::Expired { expiry: claims.expiry, now });
        }
        Ok(Known { in_force: from..until, signer, principal: self.principal(claims, trusted) })
    }

    fn accepts_one_of(&self, given: &[String], of_issuer: &[String]) -> bool {
        let accepted = self.audiences.read().expect("no holder panics");
        let is_accepted = |audience: &String| {
            let audience = without_slash(audience);
            accepted.iter().any(|accepted| accepted == audience)
                || of_issuer.iter().any(|accepted| without_slash(accepted) == audience)
        };
        given.iter().any(is_accepted)
    }

    fn principal(&self, claims: TokenClaims, trusted: Trusted<'_>) -> Principal {
        let TokenClaims { object_id, tenant_id, .. } = claims;
        let (is_administrator, built_in_generation) = match trusted {
            // Tokens of releases that knew of no rotation do not say.
            Trusted::BuiltIn(built_in) => {
                (object_id == built_in.administrator, Some(claims.generation.unwrap_or(0)))
            }
            Trusted::External { .. } => {
                let principal = ExternalPrincipal { object_id, tenant_id };
                (self.administrators.contains(&principal), None)
            }
        };
        Principal {
            object_id,
            tenant_id,
            groups: claims.groups,
            groups_left_out: claims.groups_left_out,
            application: claims.application,
            user: claims.user,
            is_administrator,
            built_in_generation,
        }
    }
}

impl BuiltIn {
    /// Whether this is its name for a tenant.
    fn has_name(&self, name: &str) -> bool {
        let tenant = name.strip_prefix(&self.public_url).and_then(|rest| rest.strip_prefix('/'));
        let tenant = tenant.and_then(|rest| rest.strip_suffix("/v2.0"));
        tenant.is_some_and(|tenant| TenantId::parse(tenant).is_ok())
    }
}

impl Trusted<'_> {
    /// The key of this issuer that signed the token.
    fn signer(&self, token: &Unverified<'_>, now: UtcTime) -> Result<Signer, TokenError> {
        let id = token.header.kid.as_ref().ok_or(TokenError::UnknownKey)?;
        match *self {
            Self::BuiltIn(built_in) if built_in.key_id == *id => {
                token.is_signed_with(&built_in.key)?;
                Ok(Signer::BuiltIn)
            }
            Self::BuiltIn(_) => Err(TokenError::UnknownKey),
            Self::External { place, issuer } => {
                let mut refused = TokenError::UnknownKey;
                // An issuer may have two keys of one id.
                for key in issuer.keys(now).iter().filter(|key| key.id == *id) {
                    match token.is_signed_with(&key.key) {
                        Ok(()) => return Ok(Signer::External { place, key: key.fingerprint }),
                        Err(error) => refused = error,
                    }
                }
                Err(refused)
            }
        }
    }

    fn mapping(&self) -> Mapping<'_> {
        match self {
            Self::BuiltIn(_) => Mapping::BUILT_IN,
            Self::External { issuer, .. } => Mapping::of(&issuer.config),
        }
    }

    /// Whether its name, or its configuration, lets it speak for the tenant.
    fn speaks_for(&self, claims: &TokenClaims) -> bool {
        match self {
            Self::BuiltIn(BuiltIn { public_url, .. }) => {
                claims.issuer == format!("{public_url}/{}/v2.0", claims.tenant_id)
            }
            Self::External { issuer, .. } => match &issuer.config.tenants {
                IssuerTenants::One(tenant) => claims.tenant_id == *tenant,
                IssuerTenants::Claimed(tenants) => tenants.contains(&claims.tenant_id),
            },
        }
    }

    fn audiences(&self) -> &[String] {
        match self {
            Self::BuiltIn(_) => &[],
            Self::External { issuer, .. } => &issuer.config.audiences,
        }
    }
}

/// What counts of a token's header.
#[derive(Deserialize)]
struct TokenHeader {
    alg: String,
    kid: Option<String>,
    typ: Option<String>,
    cty: Option<IgnoredAny>,
    crit: Option<IgnoredAny>,
    b64: Option<IgnoredAny>,
}

/// A token as it came, of the form that tokens have: nothing in it is to be believed yet.
struct Unverified<'a> {
    header: TokenHeader,
    claims: Claims,
    message: &'a str,
    signature: &'a str,
}

impl<'a> Unverified<'a> {
    /// Base64 here is strict: a token has one spelling.
    fn read(token: &'a str) -> Result<Self, TokenError> {
        if token.len() > TOKEN_BYTES_MAX {
            return Err(TokenError::TooLong);
        }
        let parts: Vec<_> = token.splitn(4, '.').collect();
        let [header, claims, signature] = parts[..] else { return Err(TokenError::Malformed) };
        let decoded = |part| URL_SAFE_NO_PAD.decode(part).map_err(|_| TokenError::Malformed);
        let header_json = decoded(header)?;
        let read: TokenHeader =
            serde_json::from_slice(&header_json).map_err(|_| TokenError::Malformed)?;
        if read.alg != "RS256" {
            return Err(TokenError::Algorithm);
        }
        let is_token = |typ: &String| TOKEN_TYPES.iter().any(|one| one.eq_ignore_ascii_case(typ));
        // What a token demands to be understood, and we do not (RFC 7515, section 4.1.11), another
        // form of its payload (RFC 7797), a token within it (RFC 7519, section 5.2).
        let is_other = read.crit.is_some() || read.b64.is_some() || read.cty.is_some();
        if is_other || !read.typ.as_ref().is_none_or(is_token) {
            return Err(TokenError::Malformed);
        }
        let claims = decoded(claims)?;
        let claims = serde_json::from_slice(&claims).map_err(|_| TokenError::Malformed)?;
        let message = &token[..token.len() - signature.len() - 1];
        Ok(Self { header: read, claims, message, signature })
    }

    fn is_signed_with(&self, key: &DecodingKey) -> Result<(), TokenError> {
        let message = self.message.as_bytes();
        match crypto::verify(self.signature, message, key, Algorithm::RS256) {
            Ok(true) => Ok(()),
            Ok(false) => Err(TokenError::Signature),
            Err(_) => Err(TokenError::Malformed),
        }
    }
}

/// Clients ask for a resource with a slash at the end or without one, and mean the same.
fn without_slash(audience: &str) -> &str {
    audience.strip_suffix('/').unwrap_or(audience)
}

#[cfg(test)]
mod tests;
