//! What every token of a page is wrapped in: base64url without padding of its bytes and, behind them,
//! the first 4 bytes of their BLAKE3. A cut or a slip is noticed; nothing is secret.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

/// Longest version of the ledger that fits a token.
pub(crate) const VERSION_BYTES_MAX: usize = 512;
const TOKEN_BYTES_MAX: usize = 1024;

/// What a `$skiptoken` is of: its first byte, so that no token is taken for one of another list. A
/// `continuationToken` has forms of its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub(crate) enum Form {
    /// [`crate::page_token`].
    Figures = 1,
    /// [`crate::log_token`].
    Changes = 2,
    /// [`crate::resource_groups`].
    ResourceGroups = 3,
    /// [`crate::page_token`], where something was erased of the subscription's usage before.
    FiguresAfterErasures = 4,
}

impl Form {
    pub(crate) const fn byte(self) -> u8 {
        self as u8
    }
}

/// The token of these bytes.
pub(crate) fn seal(mut bytes: Vec<u8>) -> String {
    bytes.extend(checksum(&bytes));
    URL_SAFE_NO_PAD.encode(bytes)
}

/// The bytes of a token; none if it is none, or was cut or changed.
pub(crate) fn open(token: &str) -> Option<Vec<u8>> {
    if token.len() > TOKEN_BYTES_MAX {
        return None;
    }
    let bytes = URL_SAFE_NO_PAD.decode(token).ok()?;
    let (content, check) = bytes.split_last_chunk::<4>()?;
    (*check == checksum(content)).then(|| content.to_vec())
}

fn checksum(bytes: &[u8]) -> [u8; 4] {
    *blake3::hash(bytes).as_bytes().first_chunk().expect("a BLAKE3 hash has 32 bytes")
}
