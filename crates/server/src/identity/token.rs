//! What a token says, and why one does not count.

use std::fmt;

use domain::time::UtcTime;

/// Most bytes of a claim that a message repeats.
const ECHO_CHARS_MAX: usize = 200;

/// Why a caller is not known. `Display` is the message of the answer, as Azure words it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TokenError {
    /// There is no token.
    Missing,
    /// There are two.
    Doubled,
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
    Claim(String),
    /// It is in force later.
    NotYetValid {
        /// From when.
        from: UtcTime,
        /// The time of the check.
        now: UtcTime,
    },
    /// It was good, but whom it speaks for is deleted, or it was replaced.
    Revoked,
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
            Self::Doubled
            | Self::TooLong
            | Self::Malformed
            | Self::Algorithm
            | Self::UnknownKey
            | Self::Signature
            | Self::Issuer(_)
            | Self::Audience(_)
            | Self::Claim(_)
            | Self::Revoked
            | Self::NotYetValid { .. } => "InvalidAuthenticationToken",
        }
    }

    /// What the challenge (`WWW-Authenticate`) says; nothing in it comes from the token.
    #[must_use]
    pub fn description(&self) -> &'static str {
        match self {
            Self::Missing => "The authentication failed because of missing 'Authorization' header.",
            Self::Doubled => "The request has two 'Authorization' headers.",
            Self::TooLong => "The access token is too long.",
            Self::Malformed => "The access token is not a JWT.",
            Self::Algorithm => "The access token is not signed with RS256.",
            Self::UnknownKey => "The access token names no known key.",
            Self::Signature => "The access token validation failure: the signature is wrong.",
            Self::Issuer(_) => "The access token is from the wrong issuer.",
            Self::Audience(_) => "The access token is meant for another audience.",
            Self::Claim(_) => "The access token lacks a claim.",
            Self::NotYetValid { .. } => "The access token is not yet valid.",
            Self::Revoked => "The access token was revoked.",
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
            Self::Doubled => {
                f.write_str("The access token is invalid: there are two 'Authorization' headers.")
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
            Self::Revoked => f.write_str("The access token is invalid: it was revoked."),
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
