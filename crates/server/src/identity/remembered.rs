//! Tokens that passed, so that a client that comes often costs no RSA each time: within a bound, while
//! they are in force, and while the key that signed them is trusted.

use std::collections::HashMap;
use std::ops::Range;

use domain::time::UtcTime;

use super::Principal;
use super::keyset::Fingerprint;

/// Verified tokens remembered in each of two generations.
pub(super) const REMEMBERED_MAX: usize = 4_096;

/// SHA-256 of a token.
pub(super) type TokenHash = [u8; 32];

/// Whose key signed a token.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Signer {
    /// The built-in issuer's.
    BuiltIn,
    /// A key of the issuer that stands at this place.
    External { place: usize, key: Fingerprint },
}

/// A token that passed.
#[derive(Debug, Clone)]
pub(super) struct Known {
    pub(super) in_force: Range<UtcTime>,
    pub(super) signer: Signer,
    pub(super) principal: Principal,
}

/// The tokens. When the younger generation is full it becomes the older, whose tokens are forgotten.
#[derive(Default)]
pub(super) struct Remembered {
    pub(super) younger: HashMap<TokenHash, Known>,
    pub(super) older: HashMap<TokenHash, Known>,
}

impl Remembered {
    /// The token of this hash, if it is in force; whether its key still counts is the caller's to
    /// ask.
    pub(super) fn get(&mut self, hash: &TokenHash, now: UtcTime) -> Option<Known> {
        if let Some(known) = self.older.remove(hash) {
            self.insert(*hash, known);
        }
        self.younger.get(hash).filter(|known| known.in_force.contains(&now)).cloned()
    }

    pub(super) fn insert(&mut self, hash: TokenHash, known: Known) {
        if self.younger.len() >= REMEMBERED_MAX {
            self.older = std::mem::take(&mut self.younger);
        }
        self.younger.insert(hash, known);
    }

    pub(super) fn forget(&mut self, hash: &TokenHash) {
        self.younger.remove(hash);
        self.older.remove(hash);
    }
}
