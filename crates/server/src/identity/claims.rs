//! The claims of a token as sent, and what they mean by an issuer's mapping. Each claim stands once: a
//! reader that takes the first of two and one that takes the last would see two tokens.

use std::collections::BTreeMap;
use std::fmt;

use domain::id::{ObjectId, TenantId};
use domain::time::UtcTime;
use serde::Deserialize;
use serde::de::{DeserializeOwned, Deserializer, Error, MapAccess, Visitor};
use serde_json::Value;

use super::TokenError;
use crate::config::{IssuerConfig, IssuerTenants};

/// Claims by name.
pub(super) struct Claims(BTreeMap<String, Value>);

impl<'de> Deserialize<'de> for Claims {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(ClaimsVisitor).map(Self)
    }
}

struct ClaimsVisitor;

impl<'de> Visitor<'de> for ClaimsVisitor {
    type Value = BTreeMap<String, Value>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object of claims")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let mut claims = BTreeMap::new();
        while let Some((name, value)) = map.next_entry::<String, Value>()? {
            if claims.insert(name, value).is_some() {
                return Err(A::Error::custom("a claim is given twice"));
            }
        }
        Ok(claims)
    }
}

/// Which claims of an issuer say who its principals are.
pub(super) struct Mapping<'a> {
    object_id: &'a str,
    groups: &'a str,
    /// The tenant of all; none if the claim `tid` says it.
    tenant: Option<TenantId>,
}

impl Mapping<'static> {
    /// The built-in issuer's, which are Azure's names.
    pub(super) const BUILT_IN: Self = Self { object_id: "oid", groups: "groups", tenant: None };
}

impl<'a> Mapping<'a> {
    pub(super) fn of(issuer: &'a IssuerConfig) -> Self {
        let tenant = match &issuer.tenants {
            IssuerTenants::One(tenant) => Some(*tenant),
            IssuerTenants::Claimed(_) => None,
        };
        Self { object_id: &issuer.object_id_claim, groups: &issuer.groups_claim, tenant }
    }
}

/// What a token says, of the right form.
pub(super) struct TokenClaims {
    pub(super) issuer: String,
    pub(super) audiences: Vec<String>,
    pub(super) expiry: UtcTime,
    /// The latest time from which it is in force or was issued; none if it does not say.
    pub(super) from: Option<UtcTime>,
    pub(super) object_id: ObjectId,
    pub(super) tenant_id: TenantId,
    pub(super) groups: Vec<ObjectId>,
    /// Whether the principal's groups were too many for the token.
    pub(super) groups_left_out: bool,
    pub(super) application: Option<String>,
    /// The user's name, if a user it is.
    pub(super) user: Option<String>,
    /// Which rotation of the administrator's token it came after, in tokens of the built-in issuer.
    pub(super) generation: Option<u64>,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum OneOrMany {
    One(String),
    Many(Vec<String>),
}

impl From<OneOrMany> for Vec<String> {
    fn from(given: OneOrMany) -> Self {
        match given {
            OneOrMany::One(one) => vec![one],
            OneOrMany::Many(many) => many,
        }
    }
}

impl Claims {
    /// The issuer that the token names.
    pub(super) fn issuer(&self) -> Result<String, TokenError> {
        self.required("iss")
    }

    /// What the claims mean.
    pub(super) fn read(&self, mapping: &Mapping<'_>) -> Result<TokenClaims, TokenError> {
        let issuer = self.issuer()?;
        let audiences: OneOrMany = self.required("aud")?;
        let expiry = self.time("exp")?.ok_or(TokenError::Claim("exp".to_owned()))?;
        let (not_before, issued_at) = (self.time("nbf")?, self.time("iat")?);
        let object_id = ObjectId::parse(&self.required::<String>(mapping.object_id)?);
        let tenant_id = match mapping.tenant {
            Some(tenant) => tenant,
            None => TenantId::parse(&self.required::<String>("tid")?)
                .map_err(|_| TokenError::Claim("tid".to_owned()))?,
        };
        let groups: Option<OneOrMany> = self.optional(mapping.groups)?;
        let groups_left_out = groups.is_none() && self.leaves_out(mapping.groups);
        let groups: Vec<String> = groups.map(Vec::from).unwrap_or_default();
        Ok(TokenClaims {
            issuer,
            audiences: audiences.into(),
            expiry,
            from: not_before.max(issued_at),
            object_id: object_id.map_err(|_| TokenError::Claim(mapping.object_id.to_owned()))?,
            tenant_id,
            // A group that is no GUID is none that a role can be assigned to.
            groups: groups.iter().filter_map(|group| ObjectId::parse(group).ok()).collect(),
            groups_left_out,
            application: self.first_text(&["appid", "azp", "client_id"]),
            user: match self.text("idtyp") {
                Some("app") => None,
                _ => self.first_text(&["upn", "preferred_username", "unique_name"]),
            },
            generation: self.0.get("generation").and_then(Value::as_u64),
        })
    }

    /// Whether the token says that it has no room for the groups.
    ///
    /// Source: Microsoft identity platform, groups overage claim.
    fn leaves_out(&self, groups: &str) -> bool {
        let elsewhere = self.0.get("_claim_names").and_then(Value::as_object);
        let says_so = |value: &Value| {
            value.as_bool() == Some(true)
                || value.as_str().is_some_and(|text| text.eq_ignore_ascii_case("true"))
        };
        elsewhere.is_some_and(|names| names.contains_key(groups))
            || self.0.get("hasgroups").is_some_and(says_so)
    }

    fn time(&self, name: &str) -> Result<Option<UtcTime>, TokenError> {
        let Some(seconds) = self.optional::<i64>(name)? else { return Ok(None) };
        let out_of_range = || TokenError::Claim(name.to_owned());
        let micros = seconds.checked_mul(1_000_000).ok_or_else(out_of_range)?;
        UtcTime::from_micros(micros).map(Some).map_err(|_| out_of_range())
    }

    fn required<T: DeserializeOwned>(&self, name: &str) -> Result<T, TokenError> {
        self.optional(name)?.ok_or_else(|| TokenError::Claim(name.to_owned()))
    }

    /// A claim; one that is `null` is as good as absent.
    fn optional<T: DeserializeOwned>(&self, name: &str) -> Result<Option<T>, TokenError> {
        let Some(value) = self.0.get(name) else { return Ok(None) };
        serde_json::from_value(value.clone()).map_err(|_| TokenError::Malformed)
    }

    fn text(&self, name: &str) -> Option<&str> {
        self.0.get(name)?.as_str()
    }

    fn first_text(&self, names: &[&str]) -> Option<String> {
        names.iter().find_map(|name| self.text(name)).map(str::to_owned)
    }
}
