//! An issuer's list of keys (JWKS) as bytes, and the keys in it that tokens may be signed with: RSA
//! of 2,048 bits or more, for signatures, with an id. Whatever else a list holds is let be.

use std::fmt;

use aws_lc_rs::digest;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jsonwebtoken::DecodingKey;
use serde::Deserialize;
use serde_json::Value;

use crate::limits;

/// Sizes of keys that RS256 is checked with, in bits.
///
/// Source: RFC 7518, section 3.3, and what the library takes.
const MODULUS_BITS: std::ops::RangeInclusive<usize> = 2_048..=8_192;
/// Most bytes of a public exponent; every issuer's is 65,537.
const EXPONENT_BYTES_MAX: usize = 4;

/// A key that an issuer signs with.
pub(super) struct PublicKey {
    /// As the issuer names it (`kid`).
    pub(super) id: String,
    /// What tells it from every other key, whatever it is named.
    pub(super) fingerprint: Fingerprint,
    pub(super) key: DecodingKey,
}

/// SHA-256 of a key's numbers.
pub(super) type Fingerprint = [u8; 32];

/// Why a list of keys is none.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum KeySetError {
    /// It is no JSON object with a list `keys`.
    Form,
    /// It has more keys than an issuer may have.
    TooMany(usize),
}

impl fmt::Display for KeySetError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Form => f.write_str("no JSON object with a list 'keys'"),
            Self::TooMany(count) => {
                write!(f, "{count} keys, more than {}", limits::ISSUER_KEYS)
            }
        }
    }
}

#[derive(Deserialize)]
struct RawKeySet {
    keys: Vec<Value>,
}

/// Source: RFC 7517, section 4; RFC 7518, section 6.3.1.
#[derive(Deserialize)]
struct RawKey {
    kty: String,
    kid: String,
    r#use: Option<String>,
    alg: Option<String>,
    key_ops: Option<Vec<String>>,
    n: String,
    e: String,
}

/// The keys in a list that tokens may be signed with.
pub(super) fn read_keys(json: &[u8]) -> Result<Vec<PublicKey>, KeySetError> {
    let RawKeySet { keys } = serde_json::from_slice(json).map_err(|_| KeySetError::Form)?;
    if keys.len() > limits::ISSUER_KEYS {
        return Err(KeySetError::TooMany(keys.len()));
    }
    let keys = keys.into_iter().filter_map(|key| serde_json::from_value(key).ok());
    Ok(keys.filter_map(usable).collect())
}

fn usable(raw: RawKey) -> Option<PublicKey> {
    let is_rsa = raw.kty == "RSA" && raw.alg.is_none_or(|algorithm| algorithm == "RS256");
    let signs = raw.r#use.is_none_or(|purpose| purpose == "sig");
    let checks = raw.key_ops.is_none_or(|operations| operations.iter().any(|one| one == "verify"));
    if !(is_rsa && signs && checks) {
        return None;
    }
    let (modulus, exponent) = (number(&raw.n)?, number(&raw.e)?);
    let bits = modulus.len() * 8 - usize::try_from(modulus.first()?.leading_zeros()).ok()?;
    // With the exponent 1 everybody signs.
    let is_exponent = exponent.len() <= EXPONENT_BYTES_MAX
        && exponent.last()? % 2 == 1
        && exponent.as_slice() != [1];
    if !MODULUS_BITS.contains(&bits) || !is_exponent {
        return None;
    }
    let mut hash = digest::Context::new(&digest::SHA256);
    hash.update(&modulus);
    hash.update(&exponent);
    let mut fingerprint = Fingerprint::default();
    fingerprint.copy_from_slice(hash.finish().as_ref());
    let key = DecodingKey::from_rsa_raw_components(&modulus, &exponent);
    Some(PublicKey { id: raw.kid, fingerprint, key })
}

/// A number without leading zeros; some issuers write one.
fn number(base64: &str) -> Option<Vec<u8>> {
    let bytes = URL_SAFE_NO_PAD.decode(base64).ok()?;
    let start = bytes.iter().position(|byte| *byte != 0)?;
    Some(bytes[start..].to_vec())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn key(changes: Value) -> Value {
        let modulus = URL_SAFE_NO_PAD.encode([0xff; 256]);
        let mut key = json!({ "kty": "RSA", "kid": "a", "use": "sig", "alg": "RS256",
                              "n": modulus, "e": "AQAB" });
        for (name, value) in changes.as_object().unwrap() {
            key[name] = value.clone();
        }
        key
    }

    fn ids(keys: &[Value]) -> Vec<String> {
        let json = json!({ "keys": keys }).to_string();
        read_keys(json.as_bytes()).unwrap().into_iter().map(|key| key.id).collect()
    }

    #[test]
    fn keys_that_sign_with_rs256_are_taken_and_others_are_let_be() {
        let number = |bytes: &[u8]| URL_SAFE_NO_PAD.encode(bytes);
        for taken in [
            json!({}),
            json!({ "use": null, "alg": null, "x5c": ["MIID"], "x": {"any": 1} }),
            json!({ "key_ops": ["verify"] }),
            json!({ "n": number(&[&[0][..], &[0x80; 256]].concat()), "e": "Aw" }),
            json!({ "n": number(&[0xff; 1_024]) }),
        ] {
            assert_eq!(ids(&[key(taken.clone())]), ["a"], "{taken}");
        }
        for left in [
            json!({ "kty": "EC", "crv": "P-256" }),
            json!({ "kty": "oct", "k": "AAAA" }),
            json!({ "kty": "rsa" }),
            json!({ "use": "enc" }),
            json!({ "alg": "RS512" }),
            json!({ "alg": "HS256" }),
            json!({ "key_ops": ["encrypt"] }),
            json!({ "kid": null }),
            json!({ "kid": 7 }),
            json!({ "n": number(&[0x7f; 256]) }),
            json!({ "n": number(&[0xff; 1_025]) }),
            json!({ "n": number(&[&[0][..], &[0xff; 255]].concat()) }),
            json!({ "n": "" }),
            json!({ "n": "+/" }),
            json!({ "e": "AQ" }),
            json!({ "e": "AAAB" }),
            json!({ "e": "Ag" }),
            json!({ "e": "AA" }),
            json!({ "e": number(&[1; 5]) }),
        ] {
            let others = [key(left.clone()), json!(1), json!(null), key(json!({ "kid": "b" }))];
            assert_eq!(ids(&others), ["b"], "{left}");
        }
    }

    #[test]
    fn a_list_that_is_none_or_endless_is_refused() {
        for json in ["", "[]", "{}", "{\"keys\":{}}", "<html>", "{\"keys\":[]}}"] {
            assert_eq!(read_keys(json.as_bytes()).err(), Some(KeySetError::Form), "{json}");
        }
        assert!(ids(&[]).is_empty());
        assert_eq!(ids(&vec![key(json!({})); limits::ISSUER_KEYS]).len(), limits::ISSUER_KEYS);
        let many = json!({ "keys": vec![1; limits::ISSUER_KEYS + 1] }).to_string();
        assert_eq!(read_keys(many.as_bytes()).err(), Some(KeySetError::TooMany(101)));
    }

    #[test]
    fn a_key_is_told_from_others_by_its_numbers() {
        let read = |key: Value| {
            let json = json!({ "keys": [key] }).to_string();
            read_keys(json.as_bytes()).unwrap().remove(0).fingerprint
        };
        let zero = URL_SAFE_NO_PAD.encode([&[0][..], &[0xff; 256]].concat());
        assert_eq!(read(key(json!({}))), read(key(json!({ "kid": "b", "n": zero }))));
        assert_ne!(read(key(json!({}))), read(key(json!({ "e": "Aw" }))));
    }
}
