//! The token endpoint of an OAuth 2.0 issuer, as Azure's clients speak to it: the form that they send,
//! the client authentication of HTTP, and the bodies that they read.
//!
//! A form holds a secret, so an error names the parameter and never repeats what was sent.
//!
//! Source: RFC 6749, sections 2.3.1, 4.4, 5.1 and 5.2; Microsoft identity platform, client
//! credentials flow, versions 1.0 and 2.0.

mod body;

use std::fmt;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use crate::query::decode;
use crate::secret::SecretText;

pub use body::{InstanceDiscovery, InstanceMetadata, OauthErrorBody, TokenAnswer, TokenAnswerV1};

/// The parameters that count.
const NAMES: [&str; 6] =
    ["grant_type", "client_id", "client_secret", "client_assertion", "scope", "resource"];

/// What counts of a form; parameters that are empty are absent, and others are let be.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct TokenForm {
    /// Which grant is asked for.
    pub grant_type: Option<String>,
    /// The application.
    pub client_id: Option<String>,
    /// Its secret.
    pub client_secret: Option<SecretText>,
    /// A signed statement in the place of a secret.
    pub client_assertion: Option<SecretText>,
    /// What the token is to be good for, in version 2.0.
    pub scope: Option<String>,
    /// Whom the token is meant for, in version 1.0.
    pub resource: Option<String>,
}

/// Why a form cannot be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FormError {
    /// A percent sign without two hexadecimal digits, or bytes that are not UTF-8.
    Encoding,
    /// One parameter twice, so that one value would be ignored.
    Doubled(&'static str),
}

impl fmt::Display for FormError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Encoding => f.write_str("The request body is not a percent-encoded form."),
            Self::Doubled(name) => {
                write!(
                    f,
                    "The request is not properly formatted. The parameter '{name}' is duplicated."
                )
            }
        }
    }
}

impl std::error::Error for FormError {}

impl TokenForm {
    /// Reads a body of `application/x-www-form-urlencoded`.
    ///
    /// # Errors
    /// [`FormError`] if it is none, or has a parameter twice.
    pub fn parse(body: &[u8]) -> Result<Self, FormError> {
        let text = std::str::from_utf8(body).map_err(|_| FormError::Encoding)?;
        let mut form = Self::default();
        let mut seen: Vec<&'static str> = Vec::new();
        for pair in text.split('&').filter(|pair| !pair.is_empty()) {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            let decoded = decode(name).zip(decode(value));
            let (name, value) = decoded.ok_or(FormError::Encoding)?;
            let Some(known) = NAMES.into_iter().find(|known| *known == name) else { continue };
            if seen.contains(&known) {
                return Err(FormError::Doubled(known));
            }
            seen.push(known);
            if !value.is_empty() {
                form.keep(known, value);
            }
        }
        Ok(form)
    }

    fn keep(&mut self, name: &'static str, value: String) {
        match name {
            "grant_type" => self.grant_type = Some(value),
            "client_id" => self.client_id = Some(value),
            "client_secret" => self.client_secret = Some(SecretText::new(value)),
            "client_assertion" => self.client_assertion = Some(SecretText::new(value)),
            "scope" => self.scope = Some(value),
            "resource" => self.resource = Some(value),
            _ => unreachable!("NAMES has no other"),
        }
    }
}

/// The application and secret of an `Authorization` header of HTTP's scheme `Basic`; none if it is
/// of another scheme or cannot be read.
#[must_use]
pub fn basic_credentials(header: &str) -> Option<(String, SecretText)> {
    let (scheme, encoded) = header.split_once(' ')?;
    if !scheme.eq_ignore_ascii_case("basic") {
        return None;
    }
    let bytes = STANDARD.decode(encoded.trim()).ok()?;
    let text = String::from_utf8(bytes).ok()?;
    let (id, secret) = text.split_once(':')?;
    // Both are encoded like a form's values before they are joined.
    Some((decode(id)?, SecretText::new(decode(secret)?)))
}

#[cfg(test)]
mod tests;
