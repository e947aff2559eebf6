//! An issuer's keys over the network: the discovery document, whose issuer must be the one that was
//! asked for, and the list of keys that it names. HTTPS alone, no redirects, no proxy of the
//! environment, limited in time and size. Blocks.

use std::fmt;
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rustls::crypto::aws_lc_rs::default_provider;
use serde::Deserialize;
use ureq::Agent;
use ureq::tls::{Certificate, PemItem, RootCerts, TlsConfig, parse_pem};

use super::keyset::{KeySetError, PublicKey, read_keys};
use crate::config::IssuerConfig;
use crate::limits;

/// Why the authorities that an issuer's certificate may be of cannot be used.
#[derive(Debug)]
pub enum AuthorityError {
    /// The file cannot be read.
    File(PathBuf, io::Error),
    /// The file holds no certificate in PEM.
    Pem(PathBuf),
}

impl fmt::Display for AuthorityError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File(path, _) => write!(f, "cannot use {}", path.display()),
            Self::Pem(path) => write!(f, "{} holds no certificate in PEM", path.display()),
        }
    }
}

impl std::error::Error for AuthorityError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::File(_, error) => Some(error),
            Self::Pem(_) => None,
        }
    }
}

/// Why an issuer's keys could not be read.
#[derive(Debug)]
pub(super) enum FetchError {
    /// It did not answer, or broke off.
    Unreachable { url: String, reason: String },
    /// It answered with something else than success.
    Status { url: String, status: u16 },
    /// It answered with more bytes than such a document has.
    TooLarge { url: String },
    /// Its discovery document is none.
    NoDiscovery { url: String, reason: String },
    /// Its discovery document is of another issuer.
    OtherIssuer { url: String, named: String },
    /// Its discovery document names no place for keys under HTTPS.
    KeysUrl { url: String, named: String },
    /// Its list of keys is none.
    NoKeySet { url: String, reason: KeySetError },
}

impl fmt::Display for FetchError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unreachable { url, reason } => write!(f, "{url} does not answer: {reason}"),
            Self::Status { url, status } => write!(f, "{url} answers with status {status}"),
            Self::TooLarge { url } => {
                write!(f, "{url} has more than {} bytes", limits::ISSUER_DOCUMENT_BYTES)
            }
            Self::NoDiscovery { url, reason } => {
                write!(f, "{url} is no discovery document: {reason}")
            }
            Self::OtherIssuer { url, named } => {
                write!(f, "{url} is the discovery document of issuer {named:?}")
            }
            Self::KeysUrl { url, named } => {
                write!(f, "{url} names {named:?} for keys, which is no HTTPS URL")
            }
            Self::NoKeySet { url, reason } => write!(f, "{url} has no keys: {reason}"),
        }
    }
}

/// Where an issuer's keys are read.
pub(super) struct Source {
    agent: Agent,
    issuer: String,
    discovery_url: String,
}

/// Source: OpenID Connect Discovery 1.0, section 3.
#[derive(Deserialize)]
struct Discovery {
    issuer: String,
    jwks_uri: String,
}

impl Source {
    /// Where this issuer's keys are; nothing is read yet but the authorities.
    pub(super) fn new(issuer: &IssuerConfig) -> Result<Self, AuthorityError> {
        let tls = TlsConfig::builder()
            .root_certs(roots(issuer.ca_file.as_deref())?)
            .unversioned_rustls_crypto_provider(Arc::new(default_provider()))
            .build();
        let config = Agent::config_builder()
            .tls_config(tls)
            .https_only(true)
            .http_status_as_error(false)
            .max_redirects(0)
            .max_redirects_will_error(false)
            .proxy(None)
            .max_idle_connections(0)
            .user_agent(concat!("tallyhouse/", env!("CARGO_PKG_VERSION")))
            .accept("application/json")
            .timeout_global(Some(limits::ISSUER_FETCH))
            .build();
        Ok(Self {
            agent: Agent::new_with_config(config),
            issuer: issuer.name.clone(),
            discovery_url: issuer.discovery_url.clone(),
        })
    }

    /// Reads the keys that the issuer signs with now.
    pub(super) fn fetch(&self) -> Result<Vec<PublicKey>, FetchError> {
        let url = self.discovery_url.clone();
        let document: Discovery = match serde_json::from_slice(&self.get(&url)?) {
            Ok(document) => document,
            Err(error) => return Err(FetchError::NoDiscovery { url, reason: error.to_string() }),
        };
        if document.issuer != self.issuer {
            return Err(FetchError::OtherIssuer { url, named: document.issuer });
        }
        let keys_url = document.jwks_uri;
        if !keys_url.starts_with("https://") {
            return Err(FetchError::KeysUrl { url, named: keys_url });
        }
        let json = self.get(&keys_url)?;
        read_keys(&json).map_err(|reason| FetchError::NoKeySet { url: keys_url, reason })
    }

    fn get(&self, url: &str) -> Result<Vec<u8>, FetchError> {
        let unreachable = |error: &dyn fmt::Display| FetchError::Unreachable {
            url: url.to_owned(),
            reason: error.to_string(),
        };
        let answer = self.agent.get(url).call().map_err(|error| unreachable(&error))?;
        let status = answer.status().as_u16();
        if status != 200 {
            return Err(FetchError::Status { url: url.to_owned(), status });
        }
        let mut bytes = Vec::new();
        // What is counted is what comes out of a compressed answer.
        let mut body = answer.into_body().into_reader().take(limits::ISSUER_DOCUMENT_BYTES + 1);
        let length = body.read_to_end(&mut bytes).map_err(|error| unreachable(&error))?;
        if u64::try_from(length).is_ok_and(|length| length <= limits::ISSUER_DOCUMENT_BYTES) {
            return Ok(bytes);
        }
        Err(FetchError::TooLarge { url: url.to_owned() })
    }
}

/// The authorities to trust: those of the file, else the system's.
fn roots(file: Option<&Path>) -> Result<RootCerts, AuthorityError> {
    let Some(path) = file else {
        let system = rustls_native_certs::load_native_certs().certs;
        let roots = system.iter().map(|certificate| Certificate::from_der(certificate).to_owned());
        return Ok(RootCerts::from(roots.collect::<Vec<_>>()));
    };
    let pem = std::fs::read(path).map_err(|error| AuthorityError::File(path.to_owned(), error))?;
    let items = parse_pem(&pem).collect::<Result<Vec<_>, _>>();
    let items = items.map_err(|_| AuthorityError::Pem(path.to_owned()))?.into_iter();
    let certificates = items.filter_map(|item| match item {
        PemItem::Certificate(certificate) => Some(certificate),
        _ => None,
    });
    let certificates: Vec<_> = certificates.collect();
    if certificates.is_empty() {
        return Err(AuthorityError::Pem(path.to_owned()));
    }
    Ok(RootCerts::from(certificates))
}
