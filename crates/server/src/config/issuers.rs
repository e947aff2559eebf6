//! Issuers of tokens that others run: what they are named, where their keys are, and whose tenants
//! they speak for; and who administrates where the built-in issuer is off.

use std::path::PathBuf;

use domain::id::{ObjectId, TenantId};
use serde::Deserialize;

use super::{ConfigError, Settings};
use crate::limits;

const URL_FORM: &str = "an https URL without query, fragment, user and spaces";
const PRINCIPAL_FORM: &str = "principals such as \"OBJECT_ID@TENANT_ID\" of tenants of 'issuers'";

/// One `[[issuers]]` of the file.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct IssuerSettings {
    /// See [`super::KEYS`].
    pub url: String,
    /// See [`super::KEYS`].
    pub discovery_url: Option<String>,
    /// See [`super::KEYS`].
    pub tenant: Option<String>,
    /// See [`super::KEYS`].
    pub tenants: Option<Vec<String>>,
    /// See [`super::KEYS`].
    pub object_id_claim: Option<String>,
    /// See [`super::KEYS`].
    pub groups_claim: Option<String>,
    /// See [`super::KEYS`].
    pub audiences: Option<Vec<String>>,
    /// See [`super::KEYS`].
    pub ca_file: Option<PathBuf>,
}

/// Whose tokens are taken.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IdentityConfig {
    /// Issuers that others run; no two of one name.
    pub issuers: Vec<IssuerConfig>,
    /// Whether the built-in issuer gives out tokens, and its tokens count.
    pub built_in_issuer: bool,
    /// Principals of `issuers` who administrate this installation.
    pub administrators: Vec<ExternalPrincipal>,
    /// How far clocks of issuers may be from ours, in seconds.
    pub clock_skew_seconds: i64,
}

/// An issuer that others run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IssuerConfig {
    /// Its exact name, `iss` in its tokens.
    pub name: String,
    /// Where its discovery document is.
    pub discovery_url: String,
    /// Of which tenants its principals are.
    pub tenants: IssuerTenants,
    /// The claim that holds a principal's object id.
    pub object_id_claim: String,
    /// The claim that lists a principal's groups.
    pub groups_claim: String,
    /// Audiences of its tokens that are taken beside the server's.
    pub audiences: Vec<String>,
    /// The authorities that its certificate may be of, instead of the system's.
    pub ca_file: Option<PathBuf>,
}

/// Of which tenants an issuer's principals are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum IssuerTenants {
    /// All are of this one, whatever their tokens say.
    One(TenantId),
    /// Of the one that the claim `tid` names, which is one of these.
    Claimed(Vec<TenantId>),
}

/// A principal of an issuer that others run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ExternalPrincipal {
    /// Its object id.
    pub object_id: ObjectId,
    /// Its tenant.
    pub tenant_id: TenantId,
}

impl IssuerTenants {
    fn contains(&self, tenant: TenantId) -> bool {
        match self {
            Self::One(one) => *one == tenant,
            Self::Claimed(some) => some.contains(&tenant),
        }
    }
}

impl IdentityConfig {
    /// Checks what the settings say of issuers.
    pub(super) fn new(settings: &mut Settings, own_url: &str) -> Result<Self, ConfigError> {
        let issuers = issuers(settings.issuers.take().unwrap_or_default(), own_url)?;
        let given = settings.administrators.take().unwrap_or_default();
        if issuers.is_empty() && !given.is_empty() {
            return Err(ConfigError::Alone { key: "administrators", missing: "issuers" });
        }
        let administrators: Result<Vec<_>, _> =
            given.into_iter().map(|text| administrator(text, &issuers)).collect();
        let administrators = administrators?;
        let built_in_issuer = settings.builtin_issuer.unwrap_or(issuers.is_empty());
        if !built_in_issuer && issuers.is_empty() {
            return Err(ConfigError::Alone { key: "builtin_issuer", missing: "issuers" });
        }
        if !built_in_issuer && administrators.is_empty() {
            return Err(ConfigError::NoAdministrator);
        }
        let skew = settings.clock_skew_seconds.unwrap_or(limits::CLOCK_SKEW_SECONDS);
        let range = 0..=limits::CLOCK_SKEW_SECONDS_MAX;
        let skew = super::within("clock_skew_seconds", "0 to 600", skew, range)?;
        let clock_skew_seconds = i64::try_from(skew).expect("its range is checked");
        Ok(Self { issuers, built_in_issuer, administrators, clock_skew_seconds })
    }
}

fn issuers(given: Vec<IssuerSettings>, own_url: &str) -> Result<Vec<IssuerConfig>, ConfigError> {
    if given.len() > limits::ISSUERS {
        let expected = "at most 32 issuers";
        let given = given.len().to_string();
        return Err(ConfigError::Value { key: "issuers", expected, given });
    }
    let mut issuers: Vec<IssuerConfig> = Vec::new();
    for settings in given {
        let issuer = issuer(settings)?;
        if issuers.iter().any(|other| other.name == issuer.name) {
            return Err(ConfigError::Issuer { url: issuer.name, reason: "is given twice" });
        }
        let below = issuer.name.strip_prefix(own_url);
        if below.is_some_and(|rest| rest.is_empty() || rest.starts_with('/')) {
            let reason = "has a name that the built-in issuer's tokens may have";
            return Err(ConfigError::Issuer { url: issuer.name, reason });
        }
        issuers.push(issuer);
    }
    Ok(issuers)
}

fn issuer(settings: IssuerSettings) -> Result<IssuerConfig, ConfigError> {
    let name = https_url("issuers.url", settings.url)?;
    let tenants = match (settings.tenant, settings.tenants) {
        (Some(tenant), None) => IssuerTenants::One(tenant_id("issuers.tenant", tenant)?),
        (None, Some(tenants)) if !tenants.is_empty() && tenants.len() <= limits::ISSUER_TENANTS => {
            let ids = tenants.into_iter().map(|tenant| tenant_id("issuers.tenants", tenant));
            IssuerTenants::Claimed(ids.collect::<Result<_, _>>()?)
        }
        (None, Some(_)) => {
            let reason = "takes 1 to 1,000 'tenants'";
            return Err(ConfigError::Issuer { url: name, reason });
        }
        (Some(_), Some(_)) | (None, None) => {
            let reason = "needs one of 'tenant', of which all its principals are, and 'tenants', \
                          of which its claim 'tid' names one";
            return Err(ConfigError::Issuer { url: name, reason });
        }
    };
    let discovery_url = match settings.discovery_url {
        Some(url) => https_url("issuers.discovery_url", url)?,
        // Source: OpenID Connect Discovery 1.0, section 4.
        None => format!("{}/.well-known/openid-configuration", name.trim_end_matches('/')),
    };
    Ok(IssuerConfig {
        discovery_url,
        tenants,
        object_id_claim: claim("issuers.object_id_claim", settings.object_id_claim, "oid")?,
        groups_claim: claim("issuers.groups_claim", settings.groups_claim, "groups")?,
        audiences: settings.audiences.unwrap_or_default(),
        ca_file: settings.ca_file,
        name,
    })
}

fn https_url(key: &'static str, url: String) -> Result<String, ConfigError> {
    let rest = url.strip_prefix("https://").unwrap_or_default();
    let host = rest.split('/').next().unwrap_or_default();
    let plain = |byte: u8| byte.is_ascii_graphic() && !b"?#@\\\"<>^`{|}".contains(&byte);
    if host.is_empty() || !rest.bytes().all(plain) {
        return Err(ConfigError::Value { key, expected: URL_FORM, given: url });
    }
    Ok(url)
}

fn tenant_id(key: &'static str, text: String) -> Result<TenantId, ConfigError> {
    let expected = "a tenant's id, which is a GUID";
    TenantId::parse(&text).map_err(|_| ConfigError::Value { key, expected, given: text })
}

fn claim(
    key: &'static str,
    given: Option<String>,
    default: &'static str,
) -> Result<String, ConfigError> {
    match given {
        Some(name) if name.trim().is_empty() => {
            Err(ConfigError::Value { key, expected: "the name of a claim", given: name })
        }
        Some(name) => Ok(name),
        None => Ok(default.to_owned()),
    }
}

fn administrator(text: String, issuers: &[IssuerConfig]) -> Result<ExternalPrincipal, ConfigError> {
    let read = text.split_once('@').and_then(|(object_id, tenant_id)| {
        let object_id = ObjectId::parse(object_id).ok()?;
        let tenant_id = TenantId::parse(tenant_id).ok()?;
        issuers.iter().any(|issuer| issuer.tenants.contains(tenant_id)).then_some(())?;
        Some(ExternalPrincipal { object_id, tenant_id })
    });
    let key = "administrators";
    read.ok_or(ConfigError::Value { key, expected: PRINCIPAL_FORM, given: text })
}

#[cfg(test)]
mod tests;
