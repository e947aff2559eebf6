//! What a token says, and why one does not count.

use std::fmt;

use domain::id::{ObjectId, TenantId};
use domain::time::UtcTime;
use serde::Deserialize;

/// Most bytes of a claim that a message repeats.
const ECHO_CHARS_MAX: usize = 200;

/// Why a caller is not known. `Display` is the message of the answer, as Azure words it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TokenError {
    /// There is no token.
    Missing,
    /// It is longer than any token of an issuer is.
    TooLong,
    /// It is no JWT, or says what a JWT cannot.
    Malformed,
    /// Its algorithm is not RS256.
    Algorithm,
    /// It names no key, or none that is known.
    UnknownKey,
    /// It was not signed with the key that it names, or changed since.
    Signature,
    /// The issuer is not the one of the token's tenant.
    Issuer(String),
    /// It is meant for somebody else.
    Audience(Vec<String>),
    /// A claim is absent or not of its form.
    Claim(&'static str),
    /// It is in force later.
    NotYetValid {
        /// From when.
        from: UtcTime,
        /// The time of the check.
        now: UtcTime,
    },
    /// It is not in force any more.
    Expired {
        /// Since when.
        expiry: UtcTime,
        /// The time of the check.
        now: UtcTime,
    },
}

impl TokenError {
    /// The code of the answer.
    ///
    /// Source: Azure Resource Manager, errors of status 401.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::Missing => "AuthenticationFailed",
            Self::Expired { .. } => "ExpiredAuthenticationToken",
            Self::TooLong
            | Self::Malformed
            | Self::Algorithm
            | Self::UnknownKey
            | Self::Signature
            | Self::Issuer(_)
            | Self::Audience(_)
            | Self::Claim(_)
            | Self::NotYetValid { .. } => "InvalidAuthenticationToken",
        }
    }

    /// What the challenge (`WWW-Authenticate`) says; nothing in it comes from the token.
    #[must_use]
    pub fn description(&self) -> &'static str {
        match self {
            Self::Missing => "The authentication failed because of missing 'Authorization' header.",
            Self::TooLong => "The access token is too long.",
            Self::Malformed => "The access token is not a JWT.",
            Self::Algorithm => "The access token is not signed with RS256.",
            Self::UnknownKey => "The access token names no known key.",
            Self::Signature => "The access token validation failure: the signature is wrong.",
            Self::Issuer(_) => "The access token is from the wrong issuer.",
            Self::Audience(_) => "The access token is meant for another audience.",
            Self::Claim(_) => "The access token lacks a claim.",
            Self::NotYetValid { .. } => "The access token is not yet valid.",
            Self::Expired { .. } => "The access token expired.",
        }
    }
}

impl fmt::Display for TokenError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Missing => {
                f.write_str("Authentication failed. The 'Authorization' header is missing.")
            }
            Self::TooLong => f.write_str("The access token is invalid: it is too long."),
            Self::Malformed => f.write_str("The access token is invalid: it is not a JWT."),
            Self::Algorithm => {
                f.write_str("The access token is invalid: it is not signed with RS256.")
            }
            Self::UnknownKey => {
                f.write_str("The access token is invalid: it names no key ('kid') of an issuer.")
            }
            Self::Signature => f.write_str("The access token is invalid: its signature is wrong."),
            Self::Issuer(issuer) => write!(
                f,
                "The access token is from the wrong issuer '{}' for its tenant.",
                echo(issuer)
            ),
            Self::Audience(audiences) => write!(
                f,
                "The access token has been obtained for the wrong audience '{}'.",
                echo(&audiences.join("', '"))
            ),
            Self::Claim(name) => write!(
                f,
                "The access token is invalid: the claim '{name}' is missing or not of its form."
            ),
            Self::NotYetValid { from, now } => write!(
                f,
                "The access token is valid from UTC time '{}', which is later than current UTC \
                 time '{}'.",
                UsTime(*from),
                UsTime(*now)
            ),
            Self::Expired { expiry, now } => write!(
                f,
                "The access token expiry UTC time '{}' is earlier than current UTC time '{}'.",
                UsTime(*expiry),
                UsTime(*now)
            ),
        }
    }
}

impl std::error::Error for TokenError {}

fn echo(claim: &str) -> String {
    claim.chars().filter(|character| !character.is_control()).take(ECHO_CHARS_MAX).collect()
}

/// A time as Azure's messages write it: `3/19/2023 8:55:46 AM`.
struct UsTime(UtcTime);

impl fmt::Display for UsTime {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let civil = self.0.civil();
        let half = if civil.hour < 12 { "AM" } else { "PM" };
        let hour = match civil.hour % 12 {
            0 => 12,
            hour => hour,
        };
        let (month, day, year) = (civil.month, civil.day, civil.year);
        write!(f, "{month}/{day}/{year} {hour}:{:02}:{:02} {half}", civil.minute, civil.second)
    }
}

/// A time as claims give it: whole seconds since 1970.
///
/// Source: RFC 7519, `NumericDate`.
pub(super) fn numeric_date(time: UtcTime) -> i64 {
    time.to_micros().div_euclid(1_000_000)
}

/// The claims of a signed token, as far as they count; others are let be.
#[derive(Deserialize)]
pub(super) struct RawClaims {
    iss: Option<String>,
    aud: Option<OneOrMany>,
    exp: Option<i64>,
    nbf: Option<i64>,
    iat: Option<i64>,
    oid: Option<String>,
    tid: Option<String>,
    #[serde(default)]
    groups: Vec<String>,
    appid: Option<String>,
    azp: Option<String>,
    client_id: Option<String>,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum OneOrMany {
    One(String),
    Many(Vec<String>),
}

/// The same, of the right form.
pub(super) struct TokenClaims {
    pub(super) issuer: String,
    pub(super) audiences: Vec<String>,
    pub(super) expiry: UtcTime,
    /// The latest time from which it is in force or was issued; none if it does not say.
    pub(super) from: Option<UtcTime>,
    pub(super) object_id: ObjectId,
    pub(super) tenant_id: TenantId,
    pub(super) groups: Vec<ObjectId>,
    pub(super) application: Option<String>,
}

impl TryFrom<RawClaims> for TokenClaims {
    type Error = TokenError;

    fn try_from(raw: RawClaims) -> Result<Self, TokenError> {
        let missing = TokenError::Claim;
        let guid = |claim: Option<String>, name| claim.ok_or(TokenError::Claim(name));
        let not_before = raw.nbf.map(|seconds| time("nbf", seconds)).transpose()?;
        let issued_at = raw.iat.map(|seconds| time("iat", seconds)).transpose()?;
        Ok(Self {
            issuer: raw.iss.ok_or(missing("iss"))?,
            audiences: match raw.aud.ok_or(missing("aud"))? {
                OneOrMany::One(audience) => vec![audience],
                OneOrMany::Many(audiences) => audiences,
            },
            expiry: time("exp", raw.exp.ok_or(missing("exp"))?)?,
            from: not_before.max(issued_at),
            object_id: ObjectId::parse(&guid(raw.oid, "oid")?).map_err(|_| missing("oid"))?,
            tenant_id: TenantId::parse(&guid(raw.tid, "tid")?).map_err(|_| missing("tid"))?,
            // A group that is no GUID is none that a role can be assigned to.
            groups: raw.groups.iter().filter_map(|group| ObjectId::parse(group).ok()).collect(),
            application: raw.appid.or(raw.azp).or(raw.client_id),
        })
    }
}

fn time(name: &'static str, seconds: i64) -> Result<UtcTime, TokenError> {
    let micros = seconds.checked_mul(1_000_000).ok_or(TokenError::Claim(name))?;
    UtcTime::from_micros(micros).map_err(|_| TokenError::Claim(name))
}
