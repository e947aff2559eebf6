//! Secrets of service principals: made, hashed and checked.
//!
//! A secret is the id that its hash is found by, a tilde, and 32 random bytes as URL-safe text. So
//! signing in takes one check, however many secrets a principal has and whether or not it exists.

use std::fmt;

use argon2::password_hash::{PasswordHasher, PasswordVerifier};
use argon2::{Algorithm, Argon2, Params, Version};
use aws_lc_rs::rand;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use domain::id::SecretId;

/// What a check costs: memory in KiB, passes and lanes.
///
/// Source: OWASP, Password Storage Cheat Sheet, Argon2id.
const COST: (u32, u32, u32) = (19 * 1024, 2, 1);
/// Bytes of a hash.
const HASH_BYTES: usize = 32;
/// The hash of no secret, at the same cost.
const NOBODYS_HASH: &str = "$argon2id$v=19$m=19456,t=2,p=1$AAAAAAAAAAAAAAAAAAAAAA\
                            $AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";

/// A secret. Only [`Secret::expose`] shows it.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Secret(String);

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(…)")
    }
}

impl Secret {
    /// Makes a secret that nobody can guess.
    ///
    /// # Panics
    /// If the machine has no randomness.
    pub(crate) fn make(id: SecretId) -> Self {
        let mut random = [0; 32];
        rand::fill(&mut random).expect("the machine has randomness");
        Self(format!("{:032x}~{}", id.to_bits(), URL_SAFE_NO_PAD.encode(random)))
    }

    /// A secret that somebody gives.
    pub(crate) fn given(text: &str) -> Self {
        Self(text.to_owned())
    }

    /// The text, for its owner.
    pub(crate) fn expose(&self) -> &str {
        &self.0
    }

    /// The id that its hash is to be found by; none if it is no secret of ours.
    pub(crate) fn id(&self) -> Option<SecretId> {
        let (id, _) = self.0.split_once('~')?;
        SecretId::parse(id).ok()
    }

    /// Its hash: argon2id, in PHC's form. Takes tens of milliseconds.
    ///
    /// # Panics
    /// If the machine has no randomness.
    pub(crate) fn hash(&self) -> String {
        let mut salt = [0; 16];
        rand::fill(&mut salt).expect("the machine has randomness");
        let hash = hasher().hash_password_with_salt(self.0.as_bytes(), &salt);
        hash.expect("salt and secret are of lengths that it takes").to_string()
    }

    /// Whether it is the one with this hash, in the same time if there is none. Takes tens of
    /// milliseconds.
    pub(crate) fn is_of(&self, hash: Option<&str>) -> bool {
        let against = hash.unwrap_or(NOBODYS_HASH);
        let matches = hasher().verify_password(self.0.as_bytes(), against).is_ok();
        matches && hash.is_some()
    }
}

fn hasher() -> Argon2<'static> {
    let (memory, passes, lanes) = COST;
    let params = Params::new(memory, passes, lanes, Some(HASH_BYTES));
    let params = params.expect("the costs are of those that it takes");
    Argon2::new(Algorithm::Argon2id, Version::V0x13, params)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_is_known_by_its_hash_alone() {
        let id = SecretId::from_bits(0xab);
        let (one, two) = (Secret::make(id), Secret::make(id));
        assert_ne!(one, two);
        assert_eq!(one.expose().len(), 32 + 1 + 43);
        assert!(one.expose().bytes().all(|b| b.is_ascii_alphanumeric() || b"-_~".contains(&b)));
        assert_eq!(one.id(), Some(id));
        let hash = one.hash();
        assert!(!hash.contains(one.expose()) && hash != one.hash());
        assert!(one.is_of(Some(&hash)));
        assert!(!two.is_of(Some(&hash)));
        for other in ["", "~", "x~y", &one.expose()[..75], &format!("{}x", one.expose())] {
            assert!(!Secret::given(other).is_of(Some(&hash)), "{other}");
        }
    }

    #[test]
    fn the_hash_of_nobody_costs_the_same_and_matches_nothing() {
        let secret = Secret::make(SecretId::from_bits(1));
        let head = "$argon2id$v=19$m=19456,t=2,p=1$";
        let hash = secret.hash();
        assert!(hash.starts_with(head), "{hash}");
        assert!(NOBODYS_HASH.starts_with(head) && NOBODYS_HASH.len() == hash.len());
        let nobodys = hasher().verify_password(b"", NOBODYS_HASH).unwrap_err();
        // It was hashed and compared, and not refused as unreadable.
        assert_eq!(nobodys, argon2::password_hash::Error::PasswordInvalid);
        assert!(!secret.is_of(None));
    }

    #[test]
    fn a_secret_is_in_no_debug() {
        let secret = Secret::make(SecretId::from_bits(1));
        assert!(!format!("{secret:?}").contains(&secret.expose()[33..]));
    }
}
