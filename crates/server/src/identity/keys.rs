//! Private keys on disk: in a folder of mode 0700, files of mode 0600, written whole or not at all.

use std::fmt;
use std::io;
use std::path::{Path, PathBuf};

use aws_lc_rs::encoding::AsDer;
use aws_lc_rs::rsa::{KeyPair, KeySize};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use jsonwebtoken::jwk::{Jwk, KeyAlgorithm, PublicKeyUse, ThumbprintHash};
use jsonwebtoken::{Algorithm, EncodingKey};

use crate::files::{make_private_folder, write_file};

/// Size of the issuer's key, in bits: what RS256 needs at least, and what every client takes.
const ISSUER_KEY_SIZE: KeySize = KeySize::Rsa2048;
/// Bytes of Base64 in a line of PEM.
///
/// Source: RFC 7468, section 2.
const PEM_LINE_BYTES: usize = 64;

/// Why a signing key could not be made or read.
#[derive(Debug)]
pub enum KeyError {
    /// A file or the folder could not be read or written.
    File(PathBuf, io::Error),
    /// The file holds no RSA key in PKCS#8.
    NoKey(PathBuf),
    /// The machine could not make a key.
    Generation,
}

impl fmt::Display for KeyError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File(path, _) => write!(f, "cannot use {}", path.display()),
            Self::NoKey(path) => write!(f, "{} holds no RSA key in PKCS#8 PEM", path.display()),
            Self::Generation => f.write_str("cannot generate an RSA key"),
        }
    }
}

impl std::error::Error for KeyError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::File(_, error) => Some(error),
            Self::NoKey(_) | Self::Generation => None,
        }
    }
}

/// A key that signs tokens, and the public half that others check them with.
pub(super) struct SigningKey {
    pub(super) private: EncodingKey,
    /// With key id (RFC 7638 thumbprint), use and algorithm.
    pub(super) public: Jwk,
    pub(super) id: String,
}

impl SigningKey {
    /// Reads the key, or makes it on the first run.
    pub(super) fn open_or_create(folder: &Path) -> Result<Self, KeyError> {
        make_private_folder(folder).map_err(|error| KeyError::File(folder.to_owned(), error))?;
        let path = folder.join("issuer.key");
        let failed = |error| KeyError::File(path.clone(), error);
        let pem = match std::fs::read_to_string(&path) {
            Ok(pem) => pem,
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                let pem = generate_pem()?;
                write_file(&path, pem.as_bytes(), 0o600).map_err(failed)?;
                pem
            }
            Err(error) => return Err(failed(error)),
        };
        Self::from_pem(&pem).ok_or(KeyError::NoKey(path))
    }

    fn from_pem(pem: &str) -> Option<Self> {
        let private = EncodingKey::from_rsa_pem(pem.as_bytes()).ok()?;
        let mut public = Jwk::from_encoding_key(&private, Algorithm::RS256).ok()?;
        let id = public.thumbprint(ThumbprintHash::SHA256).ok()?;
        public.common.key_id = Some(id.clone());
        public.common.public_key_use = Some(PublicKeyUse::Signature);
        public.common.key_algorithm = Some(KeyAlgorithm::RS256);
        Some(Self { private, public, id })
    }
}

fn generate_pem() -> Result<String, KeyError> {
    let key = KeyPair::generate(ISSUER_KEY_SIZE).map_err(|_| KeyError::Generation)?;
    let der = key.as_der().map_err(|_| KeyError::Generation)?;
    let base64 = STANDARD.encode(der.as_ref());
    let mut pem = String::from("-----BEGIN PRIVATE KEY-----\n");
    let mut rest = base64.as_str();
    while !rest.is_empty() {
        let (line, after) = rest.split_at(rest.len().min(PEM_LINE_BYTES));
        pem.push_str(line);
        pem.push('\n');
        rest = after;
    }
    pem.push_str("-----END PRIVATE KEY-----\n");
    Ok(pem)
}
