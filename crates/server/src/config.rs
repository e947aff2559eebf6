//! Settings of the server: from flags and a TOML file into one [`Config`]; unknown keys are refused.

mod issuers;
mod keys;
mod ledger_place;
mod rate_limits;

use std::fmt;
use std::net::SocketAddr;
use std::path::PathBuf;

use domain::id::{OfferId, SubscriptionId};
use domain::offer::rule::{OFFER_RULES, OfferRule};
use ledger::limits::{
    REPLACED_SECONDS, SEAL_AFTER_SECONDS, SEAL_BYTES, SEAL_BYTES_MAX, UNSEALED_BYTES_MAX,
};
use serde::Deserialize;

pub use issuers::{ExternalPrincipal, IdentityConfig, IssuerConfig, IssuerSettings, IssuerTenants};
pub use keys::KEYS;
pub use ledger_place::{LedgerConfig, LedgerSettings};
pub use rate_limits::{HourlyLimits, RateLimitSettings};

use crate::identity::DEFAULT_PUBLIC_URL;
use crate::limits::ImportLimits;

/// Address that the server listens on if none is given.
pub const DEFAULT_LISTEN: &str = "127.0.0.1:8443";

/// Who bills, if no setting says it.
const DEFAULT_ISSUER_NAME: &str = "Tallyhouse";

/// Form of the log.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum LogFormat {
    /// A line for people.
    #[default]
    Text,
    /// A JSON object a line.
    Json,
}

/// Settings as given in one place: the flags, or the file. Absent ones fall to the next place.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Settings {
    /// See [`KEYS`].
    pub listen: Option<String>,
    /// See [`KEYS`].
    pub public_url: Option<String>,
    /// Name of whoever bills.
    pub issuer_name: Option<String>,
    /// See [`KEYS`].
    pub provider_subscription: Option<String>,
    /// See [`KEYS`].
    pub retail_offer: Option<String>,
    /// See [`KEYS`].
    pub lifted_offer_rules: Option<Vec<String>>,
    /// See [`KEYS`].
    pub host_names: Option<Vec<String>>,
    /// See [`KEYS`].
    pub audiences: Option<Vec<String>>,
    /// See [`KEYS`].
    pub issuers: Option<Vec<IssuerSettings>>,
    /// See [`KEYS`].
    pub builtin_issuer: Option<bool>,
    /// See [`KEYS`].
    pub administrators: Option<Vec<String>>,
    /// See [`KEYS`].
    pub clock_skew_seconds: Option<u64>,
    /// See [`KEYS`].
    pub certificate_file: Option<PathBuf>,
    /// See [`KEYS`].
    pub private_key_file: Option<PathBuf>,
    /// See [`KEYS`].
    pub log_format: Option<LogFormat>,
    /// See [`KEYS`].
    pub log_filter: Option<String>,
    /// See [`KEYS`].
    pub seal_after_seconds: Option<u64>,
    /// See [`KEYS`].
    pub seal_bytes: Option<u64>,
    /// See [`KEYS`].
    pub keep_replaced_seconds: Option<u64>,
    /// See [`KEYS`].
    pub open_metrics: Option<bool>,
    /// See [`KEYS`].
    pub ledger: Option<LedgerSettings>,
    /// See [`KEYS`].
    pub rate_limits: Option<RateLimitSettings>,
}

/// A checked configuration.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Config {
    /// The data folder.
    pub data: PathBuf,
    /// Address and port to listen on.
    pub listen: SocketAddr,
    /// Origin under which clients reach the server, without a trailing slash.
    pub public_url: Option<String>,
    /// Name of whoever bills, for exports.
    pub issuer_name: String,
    /// The subscription whose readers see the usage of every one.
    pub provider_subscription: Option<SubscriptionId>,
    /// The offer whose list prices anybody may know.
    pub retail_offer: Option<OfferId>,
    /// The offer rules that do not hold.
    pub lifted_offer_rules: Vec<&'static OfferRule>,
    /// Further names for the local certificate.
    pub host_names: Vec<String>,
    /// Further accepted audiences.
    pub audiences: Vec<String>,
    /// Whose tokens are taken.
    pub identity: IdentityConfig,
    /// The user's own certificate chain and key.
    pub certificate: Option<(PathBuf, PathBuf)>,
    /// Form of the log.
    pub log_format: LogFormat,
    /// What is logged.
    pub log_filter: String,
    /// Age at which the journal is sealed, in seconds.
    pub seal_after_seconds: u64,
    /// Size at which the journal is sealed, in bytes.
    pub seal_bytes: u64,
    /// Bytes that wait or are not sealed above which usage is refused as busy; no setting.
    pub unsealed_bytes_max: u64,
    /// How long joined data files stay, in seconds.
    pub keep_replaced_seconds: u64,
    /// Where the ledger lies.
    pub ledger: LedgerConfig,
    /// How often a principal may call Azure's wire.
    pub rate_limits: HourlyLimits,
    /// Whether anybody may read `/metrics`.
    pub open_metrics: bool,
    /// What an import may take; no setting.
    pub imports: ImportLimits,
}

/// Why settings are refused.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ConfigError {
    /// The file is no TOML of known keys; the text names line and key.
    File(String),
    /// A value that the key does not take.
    Value {
        /// The key.
        key: &'static str,
        /// What it takes.
        expected: &'static str,
        /// What was given.
        given: String,
    },
    /// There is no offer rule of this name.
    OfferRule(String),
    /// What one of `issuers` says does not go together.
    Issuer {
        /// Its URL.
        url: String,
        /// What is wrong.
        reason: &'static str,
    },
    /// The built-in issuer is off, and nobody else is named who administrates.
    NoAdministrator,
    /// One of two keys that go together is missing.
    Alone {
        /// The key that is there.
        key: &'static str,
        /// The key that is missing.
        missing: &'static str,
    },
}

impl fmt::Display for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File(text) => write!(f, "configuration file: {text}"),
            Self::Value { key, expected, given } => {
                write!(f, "setting '{key}' takes {expected}, not '{given}'")
            }
            Self::OfferRule(given) => {
                let known: Vec<_> = OFFER_RULES.iter().map(|rule| rule.name).collect();
                let known = known.join(", ");
                write!(f, "setting 'lifted_offer_rules' takes any of {known}, not '{given}'")
            }
            Self::Issuer { url, reason } => write!(f, "issuer '{url}' {reason}"),
            Self::NoAdministrator => f.write_str(
                "setting 'issuers' turns the built-in issuer off, so 'administrators' must name who \
                 administrates, as [\"OBJECT_ID@TENANT_ID\"]; 'builtin_issuer = true' keeps it on",
            ),
            Self::Alone { key, missing } => {
                write!(f, "setting '{key}' needs '{missing}' beside it")
            }
        }
    }
}

impl std::error::Error for ConfigError {}

impl Settings {
    /// Reads the TOML file's text.
    ///
    /// # Errors
    /// [`ConfigError::File`], naming line and key.
    pub fn from_toml(text: &str) -> Result<Self, ConfigError> {
        toml::from_str(text).map_err(|error| ConfigError::File(error.to_string()))
    }

    /// These settings, and where one is absent the other's.
    #[must_use]
    pub fn or(self, other: Self) -> Self {
        Self {
            listen: self.listen.or(other.listen),
            public_url: self.public_url.or(other.public_url),
            issuer_name: self.issuer_name.or(other.issuer_name),
            provider_subscription: self.provider_subscription.or(other.provider_subscription),
            retail_offer: self.retail_offer.or(other.retail_offer),
            lifted_offer_rules: self.lifted_offer_rules.or(other.lifted_offer_rules),
            host_names: self.host_names.or(other.host_names),
            audiences: self.audiences.or(other.audiences),
            issuers: self.issuers.or(other.issuers),
            builtin_issuer: self.builtin_issuer.or(other.builtin_issuer),
            administrators: self.administrators.or(other.administrators),
            clock_skew_seconds: self.clock_skew_seconds.or(other.clock_skew_seconds),
            certificate_file: self.certificate_file.or(other.certificate_file),
            private_key_file: self.private_key_file.or(other.private_key_file),
            log_format: self.log_format.or(other.log_format),
            log_filter: self.log_filter.or(other.log_filter),
            seal_after_seconds: self.seal_after_seconds.or(other.seal_after_seconds),
            seal_bytes: self.seal_bytes.or(other.seal_bytes),
            keep_replaced_seconds: self.keep_replaced_seconds.or(other.keep_replaced_seconds),
            ledger: match (self.ledger, other.ledger) {
                (Some(ledger), Some(other)) => Some(ledger.or(other)),
                (ledger, other) => ledger.or(other),
            },
            rate_limits: self.rate_limits.or(other.rate_limits),
            open_metrics: self.open_metrics.or(other.open_metrics),
        }
    }

    /// Checks the settings and fills in the defaults.
    ///
    /// # Errors
    /// [`ConfigError`] for the first setting that is wrong.
    pub fn into_config(mut self, data: PathBuf) -> Result<Config, ConfigError> {
        let public_url = self.public_url.take().map(origin).transpose()?;
        let own_url = public_url.as_deref().unwrap_or(DEFAULT_PUBLIC_URL);
        let identity = IdentityConfig::new(&mut self, own_url)?;
        let listen = self.listen.unwrap_or_else(|| DEFAULT_LISTEN.to_owned());
        let listen = listen.parse().map_err(|_| ConfigError::Value {
            key: "listen",
            expected: "an address and port such as 127.0.0.1:8443",
            given: listen,
        })?;
        let certificate = match (self.certificate_file, self.private_key_file) {
            (Some(certificate), Some(key)) => Some((certificate, key)),
            (None, None) => None,
            (Some(_), None) => return Err(alone("certificate_file", "private_key_file")),
            (None, Some(_)) => return Err(alone("private_key_file", "certificate_file")),
        };
        Ok(Config {
            data,
            listen,
            public_url,
            issuer_name: match self.issuer_name {
                Some(name) if name.trim().is_empty() => {
                    let expected = "a name";
                    return Err(ConfigError::Value { key: "issuer_name", expected, given: name });
                }
                name => name.unwrap_or_else(|| DEFAULT_ISSUER_NAME.to_owned()),
            },
            provider_subscription: read(
                "provider_subscription",
                "the GUID of a subscription",
                self.provider_subscription,
                SubscriptionId::parse,
            )?,
            retail_offer: read(
                "retail_offer",
                "an offer such as MS-AZR-0003P",
                self.retail_offer,
                OfferId::parse,
            )?,
            lifted_offer_rules: offer_rules(self.lifted_offer_rules.unwrap_or_default())?,
            host_names: self.host_names.unwrap_or_default(),
            audiences: self.audiences.unwrap_or_default(),
            identity,
            certificate,
            log_format: self.log_format.unwrap_or_default(),
            log_filter: self.log_filter.unwrap_or_else(|| "info".to_owned()),
            seal_after_seconds: within(
                "seal_after_seconds",
                "1 to 3600",
                self.seal_after_seconds.unwrap_or(SEAL_AFTER_SECONDS),
                1..=3_600,
            )?,
            seal_bytes: within(
                "seal_bytes",
                "1048576 to 134217728",
                self.seal_bytes.unwrap_or(SEAL_BYTES),
                1 << 20..=SEAL_BYTES_MAX,
            )?,
            unsealed_bytes_max: UNSEALED_BYTES_MAX,
            open_metrics: self.open_metrics.unwrap_or_default(),
            keep_replaced_seconds: within(
                "keep_replaced_seconds",
                "0 to 31536000",
                self.keep_replaced_seconds.unwrap_or(REPLACED_SECONDS),
                0..=31_536_000,
            )?,
            ledger: LedgerConfig::new(self.ledger.unwrap_or_default())?,
            rate_limits: HourlyLimits::new(&self.rate_limits.unwrap_or_default())?,
            imports: ImportLimits::default(),
        })
    }
}

/// An id that a setting names.
fn read<T, E>(
    key: &'static str,
    expected: &'static str,
    given: Option<String>,
    parse: fn(&str) -> Result<T, E>,
) -> Result<Option<T>, ConfigError> {
    let Some(given) = given else { return Ok(None) };
    match parse(&given) {
        Ok(id) => Ok(Some(id)),
        Err(_) => Err(ConfigError::Value { key, expected, given }),
    }
}

fn offer_rules(names: Vec<String>) -> Result<Vec<&'static OfferRule>, ConfigError> {
    let named = |name: String| OfferRule::named(&name).ok_or(ConfigError::OfferRule(name));
    names.into_iter().map(named).collect()
}

fn alone(key: &'static str, missing: &'static str) -> ConfigError {
    ConfigError::Alone { key, missing }
}

fn within(
    key: &'static str,
    expected: &'static str,
    value: u64,
    range: std::ops::RangeInclusive<u64>,
) -> Result<u64, ConfigError> {
    if range.contains(&value) {
        return Ok(value);
    }
    Err(ConfigError::Value { key, expected, given: value.to_string() })
}

fn origin(url: String) -> Result<String, ConfigError> {
    let trimmed = url.trim_end_matches('/');
    let host = trimmed.strip_prefix("https://").unwrap_or_default();
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b".-:[]".contains(&byte);
    if host.is_empty() || !host.bytes().all(plain) {
        let expected = "an origin such as https://billing.example.com";
        return Err(ConfigError::Value { key: "public_url", expected, given: url });
    }
    Ok(trimmed.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(toml: &str, expected: &str) {
        let config =
            Settings::from_toml(toml).and_then(|settings| settings.into_config("d".into()));
        let text = match config {
            Ok(config) => format!("{} {:?}", config.listen, config.public_url),
            Err(error) => error.to_string(),
        };
        assert!(text.contains(expected), "{toml}\n{text}");
    }

    #[test]
    fn a_wrong_setting_is_named() {
        check("", "127.0.0.1:8443 None");
        check("public_url = 'https://b.example/'", "Some(\"https://b.example\")");
        check("lisen = 'x'", "unknown field `lisen`");
        check("listen = 'somewhere'", "setting 'listen' takes an address and port");
        check("public_url = 'http://b'", "setting 'public_url' takes an origin");
        check("certificate_file = 'c'", "setting 'certificate_file' needs 'private_key_file'");
        check("seal_bytes = 7", "setting 'seal_bytes' takes 1048576 to 134217728, not '7'");
        check(
            "keep_replaced_seconds = 31536001",
            "setting 'keep_replaced_seconds' takes 0 to 31536000, not '31536001'",
        );
        check("log_format = 'xml'", "unknown variant `xml`");
        check("[ledger]\nurl = 's3://bucket/prefix'\njournal = 'object'", "127.0.0.1:8443 None");
        check("[ledger]\nurl = 'file:///data'", "setting 'ledger.url' takes s3://BUCKET/PREFIX or");
        check(
            "[ledger]\nurl = 's3://bucket/a b'",
            "setting 'ledger.url' takes s3://BUCKET/PREFIX or",
        );
        check("[ledger]\nurl = 's3://b'\njournal = 'x'", "setting 'ledger.journal' takes local or");
        check("[ledger]\njournal = 'object'", "setting 'ledger.journal' needs 'ledger.url'");
        check("[ledger]\nkey = 'k'", "setting 'ledger.key' needs 'ledger.url'");
        check(
            "rate_limits.reads_per_hour = 0",
            "setting 'rate_limits.reads_per_hour' takes 1 to 1000000000 (without the key there is no \
             limit), not '0'",
        );
        check("[rate_limits]\ntenant_writes_per_hour = 1000000001", "takes 1 to 1000000000");
        check("[rate_limits]\nreads = 7", "unknown field `reads`");
        check("[rate_limits]\nwrites_per_hour = 7", "127.0.0.1:8443 None");
        check(
            "lifted_offer_rules = ['usage-not-csp', 'usage-not-ea']",
            "setting 'lifted_offer_rules' takes any of usage-not-csp, ratecard-not-csp, \
             ratecard-not-ea, invoices-not-csp, invoices-not-ea, invoices-not-mca, \
             invoices-not-aio, invoices-not-germany, not 'usage-not-ea'",
        );
    }

    #[test]
    fn every_offer_rule_is_documented() {
        let (_, _, meaning) = KEYS.iter().find(|(key, ..)| *key == "lifted_offer_rules").unwrap();
        for rule in OFFER_RULES {
            assert!(meaning.contains(&format!("\"{}\"", rule.name)), "{}", rule.name);
        }
    }

    #[test]
    fn every_key_is_documented() {
        let error = Settings::from_toml("nonsense = 1").unwrap_err().to_string();
        let (_, known) = error.split_once("expected one of").unwrap();
        let known: Vec<_> = known.split('`').skip(1).step_by(2).collect();
        let keys = KEYS.iter().map(|(key, _, _)| *key);
        let documented: Vec<_> = keys.filter(|key| !key.contains('.')).collect();
        assert_eq!(known, documented);
    }
}
