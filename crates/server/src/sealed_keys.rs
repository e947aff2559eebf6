//! The private keys of a backup: one file, encrypted by a passphrase, or none.
//!
//! A header that says how, and the keys as a tar stream in ChaCha20-Poly1305, which authenticates the
//! header too. The key is made of the passphrase by argon2id, at a cost that goes with the version. So a
//! file with any other byte gives nothing.

use std::io::Read as _;

use argon2::{Algorithm, Argon2, Params, Version};
use aws_lc_rs::aead::{Aad, CHACHA20_POLY1305, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};
use aws_lc_rs::rand;
use wire::own::Passphrase;
use wire::tar::{self, Member};

/// Name of the file in a backup.
pub(crate) const SEALED_KEYS: &str = "keys.sealed";

const MAGIC: &[u8; 12] = b"TALLYKEYS\r\n\x1a";
const VERSION: u8 = 1;
const SALT_BYTES: usize = 16;
const KEY_BYTES: usize = 32;
/// Magic, version, salt and nonce.
const HEADER_BYTES: usize = MAGIC.len() + 1 + SALT_BYTES + NONCE_LEN;
/// What it costs to try a passphrase: memory in KiB, passes and lanes.
///
/// Source: RFC 9106, section 4, the second recommended option.
const COST: (u32, u32, u32) = (64 * 1024, 3, 4);

/// A name within the data folder, and the bytes of the file.
pub(crate) type KeyFile = (String, Vec<u8>);

/// Why a file does not give its keys.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum OpenError {
    /// It does not begin as such a file does, or has something else in it.
    NoKeys,
    /// It is of a newer version.
    Newer(u8),
    /// The passphrase is another one, or the file has other bytes than it had.
    Refused,
}

/// Encrypts keys. Takes some tenths of a second.
///
/// # Panics
/// If the machine has no randomness.
pub(crate) fn seal(keys: &[KeyFile], passphrase: &Passphrase) -> Result<Vec<u8>, tar::NameError> {
    let mut random = [0; SALT_BYTES + NONCE_LEN];
    rand::fill(&mut random).expect("the machine has randomness");
    let mut file = Vec::from(MAGIC);
    file.push(VERSION);
    file.extend_from_slice(&random);
    let mut text = packed(keys)?;
    let (key, nonce) = key_and_nonce(&file, passphrase);
    let sealed = key.seal_in_place_append_tag(nonce, Aad::from(&file), &mut text);
    sealed.expect("keys are short");
    file.append(&mut text);
    Ok(file)
}

/// Decrypts keys. Takes some tenths of a second.
pub(crate) fn open(file: &[u8], passphrase: &Passphrase) -> Result<Vec<KeyFile>, OpenError> {
    let (header, sealed) = file.split_at_checked(HEADER_BYTES).ok_or(OpenError::NoKeys)?;
    if !header.starts_with(MAGIC) {
        return Err(OpenError::NoKeys);
    }
    match header[MAGIC.len()] {
        VERSION => {}
        newer if newer > VERSION => return Err(OpenError::Newer(newer)),
        _ => return Err(OpenError::NoKeys),
    }
    let (key, nonce) = key_and_nonce(header, passphrase);
    let mut text = sealed.to_vec();
    let opened = key.open_in_place(nonce, Aad::from(header), &mut text);
    unpacked(opened.map_err(|_| OpenError::Refused)?).ok_or(OpenError::NoKeys)
}

fn key_and_nonce(header: &[u8], passphrase: &Passphrase) -> (LessSafeKey, Nonce) {
    let (salt, nonce) = header[MAGIC.len() + 1..].split_at(SALT_BYTES);
    let (memory, passes, lanes) = COST;
    let params = Params::new(memory, passes, lanes, Some(KEY_BYTES));
    let params = params.expect("the costs are of those that it takes");
    let mut key = [0; KEY_BYTES];
    Argon2::new(Algorithm::Argon2id, Version::V0x13, params)
        .hash_password_into(passphrase.expose().as_bytes(), salt, &mut key)
        .expect("salt and passphrase are of lengths that it takes");
    let key = UnboundKey::new(&CHACHA20_POLY1305, &key).expect("the key is of its length");
    let nonce = Nonce::try_assume_unique_for_key(nonce).expect("the nonce is of its length");
    (LessSafeKey::new(key), nonce)
}

fn packed(keys: &[KeyFile]) -> Result<Vec<u8>, tar::NameError> {
    let mut out = Vec::new();
    for (name, bytes) in keys {
        let length = bytes.len() as u64;
        let member = Member { name: name.clone(), mode: 0o600, bytes: length };
        out.extend_from_slice(&member.header()?);
        out.extend_from_slice(bytes);
        out.extend_from_slice(tar::padding(length));
    }
    out.extend_from_slice(&tar::END);
    Ok(out)
}

fn unpacked(text: &[u8]) -> Option<Vec<KeyFile>> {
    let (mut members, mut keys) = (tar::Reader::new(text), Vec::new());
    while let Some(member) = members.next_member().ok()? {
        let mut bytes = Vec::new();
        members.read_to_end(&mut bytes).ok()?;
        keys.push((member.name, bytes));
    }
    Some(keys)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn passphrase(text: &str) -> Passphrase {
        Passphrase::parse(text).unwrap()
    }

    fn keys() -> Vec<KeyFile> {
        vec![("keys/a.pem".to_owned(), vec![1, 2, 3]), ("ca.pem".to_owned(), Vec::new())]
    }

    #[test]
    fn keys_come_out_by_their_passphrase_alone_and_are_nowhere_to_be_read() {
        let one = passphrase("correct horse battery");
        let marked = vec![("keys/marked.pem".to_owned(), b"PRIVATE KEY".repeat(40))];
        let file = seal(&marked, &one).unwrap();
        assert_eq!(open(&file, &one), Ok(marked.clone()));
        for plain in [&b"PRIVATE"[..], b"marked"] {
            assert!(!file.windows(plain.len()).any(|bytes| bytes == plain));
        }
        assert_eq!(open(&file, &passphrase("correct horse batterz")), Err(OpenError::Refused));
        // Another salt and nonce each time.
        assert_ne!(seal(&marked, &one).unwrap()[13..41], file[13..41]);
    }

    #[test]
    fn any_other_byte_of_the_file_gives_nothing() {
        let one = passphrase("correct horse battery");
        let file = seal(&keys(), &one).unwrap();
        let places = [0, 12, 13, HEADER_BYTES - 1, HEADER_BYTES, file.len() - 1];
        for place in places {
            let mut other = file.clone();
            other[place] ^= 2;
            let expected = match place {
                0 => OpenError::NoKeys,
                12 => OpenError::Newer(3),
                _ => OpenError::Refused,
            };
            assert_eq!(open(&other, &one), Err(expected), "{place}");
        }
        // There was never a version 0.
        let mut other = file.clone();
        other[MAGIC.len()] = 0;
        assert_eq!(open(&other, &one), Err(OpenError::NoKeys));
        for length in [0, HEADER_BYTES - 1] {
            assert_eq!(open(&file[..length], &one), Err(OpenError::NoKeys), "{length}");
        }
        for length in [HEADER_BYTES, file.len() - 1] {
            assert_eq!(open(&file[..length], &one), Err(OpenError::Refused), "{length}");
        }
    }
}
