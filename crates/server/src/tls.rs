//! TLS: a certificate of the data folder's own authority, or the user's own.
//!
//! The authority's key and name stay the same for ever, so a client that trusts `ca.pem` once need
//! not do so again. Its server certificates live as long as a server runs: each start makes one,
//! with a fresh key that is never written down, for the names that hold by then. Time is handed in.

use std::collections::BTreeSet;
use std::fmt;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use aws_lc_rs::{digest, rand};
use domain::time::UtcTime;
use rcgen::{
    BasicConstraints, CertificateParams, DistinguishedName, DnType, ExtendedKeyUsagePurpose, IsCa,
    Issuer, KeyPair, KeyUsagePurpose, SerialNumber,
};
use rustls::client::verify_server_cert_signed_by_trust_anchor;
use rustls::crypto::CryptoProvider;
use rustls::crypto::aws_lc_rs::default_provider;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer, ServerName, UnixTime};
use rustls::server::ParsedCertificate;
use rustls::version::{TLS12, TLS13};
use rustls::{RootCertStore, ServerConfig};
use time::OffsetDateTime;

use crate::config::Config;
use crate::files::{make_private_folder, write_file};

/// Days for which the authority is trusted.
const AUTHORITY_DAYS: i64 = 3_650;
/// Days for which a server certificate holds: what clients take at most, less the day before.
///
/// Source: CA/Browser Forum baseline requirements, 6.3.2 (398 days).
const SERVER_DAYS: i64 = 396;
/// Days before now from which certificates hold, as clients' clocks may be late.
const BACKDATED_DAYS: i64 = 1;
const SECONDS_PER_DAY: i64 = 86_400;

/// Why TLS cannot be set up.
#[derive(Debug)]
pub enum TlsError {
    /// A file could not be read or written.
    File(PathBuf, io::Error),
    /// The file holds no certificate in PEM, or no private key.
    Pem(PathBuf),
    /// The certificate and the private key do not belong together, or cannot be used.
    Pair {
        /// The certificate's file.
        certificate: PathBuf,
        /// What is wrong.
        error: rustls::Error,
    },
    /// A name that no certificate can have.
    Name(String),
    /// A certificate could not be made.
    Making(rcgen::Error),
}

impl fmt::Display for TlsError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File(path, _) => write!(f, "cannot use {}", path.display()),
            Self::Pem(path) => write!(f, "{} holds no PEM of the kind expected", path.display()),
            Self::Pair { certificate, .. } => {
                write!(f, "certificate {} cannot be used with its key", certificate.display())
            }
            Self::Name(name) => write!(f, "'{name}' is no host name or address"),
            Self::Making(_) => f.write_str("cannot make a certificate"),
        }
    }
}

impl std::error::Error for TlsError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::File(_, error) => Some(error),
            Self::Pair { error, .. } => Some(error),
            Self::Making(error) => Some(error),
            Self::Pem(_) | Self::Name(_) => None,
        }
    }
}

/// A certificate chain and its private key.
pub struct Identity {
    chain: Vec<CertificateDer<'static>>,
    key: PrivateKeyDer<'static>,
    certificate_file: PathBuf,
}

/// What the server needs to speak TLS 1.2 and 1.3 under HTTP/2 and HTTP/1.1, from the
/// configuration: the user's certificate if there is one, else one of the local authority.
///
/// # Errors
/// [`TlsError`] if a certificate cannot be read, made or used.
pub fn server_config(config: &Config, now: UtcTime) -> Result<Arc<ServerConfig>, TlsError> {
    let identity = match &config.certificate {
        Some((certificate, key)) => Identity::from_files(certificate, key)?,
        None => {
            let keys = config.data.join("keys");
            let authority =
                LocalAuthority::open_or_create(&keys, &config.data.join("ca.pem"), now)?;
            authority.server_identity(&names(config), now)?
        }
    };
    identity.server_config()
}

/// The user's own certificate and key, as they were when last looked at: whoever renews them puts
/// others in their place while the server runs.
#[derive(Debug)]
pub struct OwnCertificate {
    certificate: PathBuf,
    key: PathBuf,
    /// SHA-256 of both files; none if one could not be read.
    seen: Option<Vec<u8>>,
}

impl OwnCertificate {
    /// Those of the configuration, as they are now; none if it names none.
    #[must_use]
    pub fn new(config: &Config) -> Option<Self> {
        let (certificate, key) = config.certificate.clone()?;
        let seen = contents(&certificate, &key);
        Some(Self { certificate, key, seen })
    }

    /// What to serve from now on, if a file changed since the last look; an error for files that do
    /// not go together, which may be because the second is yet to come.
    pub fn changed(&mut self) -> Option<Result<Arc<ServerConfig>, TlsError>> {
        let seen = contents(&self.certificate, &self.key);
        if seen == self.seen {
            return None;
        }
        self.seen = seen;
        let identity = Identity::from_files(&self.certificate, &self.key);
        Some(identity.and_then(Identity::server_config))
    }
}

fn contents(certificate: &Path, key: &Path) -> Option<Vec<u8>> {
    let mut hash = digest::Context::new(&digest::SHA256);
    for file in [certificate, key] {
        hash.update(digest::digest(&digest::SHA256, &std::fs::read(file).ok()?).as_ref());
    }
    Some(hash.finish().as_ref().to_vec())
}

impl Identity {
    /// Reads a certificate chain, the server's own first, and its private key.
    ///
    /// # Errors
    /// [`TlsError`] if a file cannot be read, or holds none.
    pub fn from_files(certificate: &Path, key: &Path) -> Result<Self, TlsError> {
        let chain = CertificateDer::pem_slice_iter(&read(certificate)?)
            .collect::<Result<Vec<_>, _>>()
            .map_err(|_| TlsError::Pem(certificate.to_owned()))?;
        if chain.is_empty() {
            return Err(TlsError::Pem(certificate.to_owned()));
        }
        let key = PrivateKeyDer::from_pem_slice(&read(key)?)
            .map_err(|_| TlsError::Pem(key.to_owned()))?;
        Ok(Self { chain, key, certificate_file: certificate.to_owned() })
    }

    fn server_config(self) -> Result<Arc<ServerConfig>, TlsError> {
        let certificate = self.certificate_file;
        let unusable = |error| TlsError::Pair { certificate: certificate.clone(), error };
        let mut config = ServerConfig::builder_with_provider(provider())
            .with_protocol_versions(&[&TLS13, &TLS12])
            .map_err(unusable)?
            .with_no_client_auth()
            .with_single_cert(self.chain, self.key)
            .map_err(unusable)?;
        config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
        Ok(Arc::new(config))
    }
}

/// The data folder's own certificate authority.
pub struct LocalAuthority {
    issuer: Issuer<'static, KeyPair>,
    certificate: CertificateDer<'static>,
    certificate_file: PathBuf,
}

impl LocalAuthority {
    /// Reads the authority's key (`ca.key`) and certificate, and makes what is missing: without
    /// its certificate a new one of the same key and name, which older copies agree with.
    ///
    /// # Errors
    /// [`TlsError`] if a file cannot be used.
    pub fn open_or_create(keys: &Path, ca_pem: &Path, now: UtcTime) -> Result<Self, TlsError> {
        let key = open_or_create_key(keys)?;
        let params = authority_params(&key, now);
        let certificate = match std::fs::read(ca_pem) {
            Ok(pem) => CertificateDer::from_pem_slice(&pem)
                .map_err(|_| TlsError::Pem(ca_pem.to_owned()))?,
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                let certificate = params.self_signed(&key).map_err(TlsError::Making)?;
                write_file(ca_pem, certificate.pem().as_bytes(), 0o644)
                    .map_err(|error| TlsError::File(ca_pem.to_owned(), error))?;
                certificate.into()
            }
            Err(error) => return Err(TlsError::File(ca_pem.to_owned(), error)),
        };
        let issuer = Issuer::new(params, key);
        Ok(Self { issuer, certificate, certificate_file: ca_pem.to_owned() })
    }

    /// A server certificate for these names and addresses, with a fresh key.
    ///
    /// # Errors
    /// [`TlsError`] if a name is none, or a client that trusts the authority's certificate would
    /// not take the server's.
    pub fn server_identity(
        &self,
        names: &BTreeSet<String>,
        now: UtcTime,
    ) -> Result<Identity, TlsError> {
        if let Some(name) = names.iter().find(|name| ServerName::try_from(name.as_str()).is_err()) {
            return Err(TlsError::Name(name.clone()));
        }
        let key = KeyPair::generate().map_err(TlsError::Making)?;
        let names: Vec<String> = names.iter().cloned().collect();
        let mut params = CertificateParams::new(names).map_err(TlsError::Making)?;
        params.distinguished_name = distinguished_name("Tallyhouse server");
        params.not_before = days_from(now, -BACKDATED_DAYS);
        params.not_after = days_from(now, SERVER_DAYS);
        params.is_ca = IsCa::ExplicitNoCa;
        params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
        params.use_authority_key_identifier_extension = true;
        let certificate = params.signed_by(&key, &self.issuer).map_err(TlsError::Making)?;
        self.check_as_a_client(certificate.der(), now)?;
        Ok(Identity {
            chain: vec![certificate.into()],
            key: PrivatePkcs8KeyDer::from(key.serialize_der()).into(),
            certificate_file: self.certificate_file.clone(),
        })
    }

    /// Finds out now, rather than from each client, that `ca.pem` is not of this key.
    fn check_as_a_client(
        &self,
        certificate: &CertificateDer<'_>,
        now: UtcTime,
    ) -> Result<(), TlsError> {
        let unusable = |error| TlsError::Pair { certificate: self.certificate_file.clone(), error };
        let mut roots = RootCertStore::empty();
        roots.add(self.certificate.clone()).map_err(unusable)?;
        let parsed = ParsedCertificate::try_from(certificate).map_err(unusable)?;
        let seconds = u64::try_from(now.to_micros().div_euclid(1_000_000)).unwrap_or(0);
        let now = UnixTime::since_unix_epoch(Duration::from_secs(seconds));
        let algorithms = provider().signature_verification_algorithms.all;
        verify_server_cert_signed_by_trust_anchor(&parsed, &roots, &[], now, algorithms)
            .map_err(unusable)
    }
}

fn open_or_create_key(folder: &Path) -> Result<KeyPair, TlsError> {
    make_private_folder(folder).map_err(|error| TlsError::File(folder.to_owned(), error))?;
    let path = folder.join("ca.key");
    match std::fs::read_to_string(&path) {
        Ok(pem) => KeyPair::from_pem(&pem).map_err(|_| TlsError::Pem(path)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            let key = KeyPair::generate().map_err(TlsError::Making)?;
            write_file(&path, key.serialize_pem().as_bytes(), 0o600)
                .map_err(|error| TlsError::File(path, error))?;
            Ok(key)
        }
        Err(error) => Err(TlsError::File(path, error)),
    }
}

/// The authority's name says which key it is, so that clients which trust several installations'
/// authorities tell them apart.
fn authority_params(key: &KeyPair, now: UtcTime) -> CertificateParams {
    let fingerprint = digest::digest(&digest::SHA256, key.public_key_raw());
    let short: String = fingerprint.as_ref()[..4].iter().map(|b| format!("{b:02x}")).collect();
    // A number of its own for each certificate of the key (RFC 5280, section 4.1.2.2).
    let mut serial = [0; 16];
    rand::fill(&mut serial).expect("the machine has randomness");
    let mut params = CertificateParams::default();
    params.serial_number = Some(SerialNumber::from_slice(&serial));
    params.distinguished_name = distinguished_name(&format!("Tallyhouse authority {short}"));
    params.not_before = days_from(now, -BACKDATED_DAYS);
    params.not_after = days_from(now, AUTHORITY_DAYS);
    params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign];
    params.use_authority_key_identifier_extension = true;
    params
}

fn distinguished_name(common_name: &str) -> DistinguishedName {
    let mut name = DistinguishedName::new();
    name.push(DnType::CommonName, common_name);
    name
}

fn days_from(now: UtcTime, days: i64) -> OffsetDateTime {
    let seconds = now.plus_seconds(days * SECONDS_PER_DAY).to_micros().div_euclid(1_000_000);
    OffsetDateTime::from_unix_timestamp(seconds).expect("both count the years 1 to 9999")
}

/// Every name and address that clients may call the server by.
fn names(config: &Config) -> BTreeSet<String> {
    let mut names: BTreeSet<String> = ["localhost", "127.0.0.1", "::1"].map(String::from).into();
    names.extend(config.host_names.iter().map(|name| name.to_ascii_lowercase()));
    names.extend(config.public_url.as_deref().and_then(host_of));
    names.extend(machine_name());
    if !config.listen.ip().is_unspecified() {
        names.insert(config.listen.ip().to_string());
    }
    names
}

/// Host of an origin such as `https://[::1]:8443`.
fn host_of(origin: &str) -> Option<String> {
    let (_, authority) = origin.split_once("://")?;
    let host = match authority.strip_prefix('[') {
        Some(address) => address.split_once(']')?.0,
        None => authority.split(':').next()?,
    };
    Some(host.to_ascii_lowercase())
}

/// The machine's host name, where the system tells it in a file and it can be in a certificate.
fn machine_name() -> Option<String> {
    let name = std::fs::read_to_string("/proc/sys/kernel/hostname").ok()?;
    let name = name.trim().to_ascii_lowercase();
    ServerName::try_from(name.as_str()).is_ok().then_some(name)
}

/// The one source of cryptography, handed over explicitly: none is installed for the process.
fn provider() -> Arc<CryptoProvider> {
    Arc::new(default_provider())
}

fn read(path: &Path) -> Result<Vec<u8>, TlsError> {
    std::fs::read(path).map_err(|error| TlsError::File(path.to_owned(), error))
}

#[cfg(test)]
mod tests;
