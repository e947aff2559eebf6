//! The `$skiptoken` of answers about money: where the next page begins. To clients it is opaque.
//!
//! It says from which state of the ledger and of the accounts the first page was computed, so that
//! later pages are pages of the same answer whatever happens in between. It does not expire, and
//! holds nothing secret: whoever presents it must have the right to the answer anyway.
//!
//! Form 1, in base64url without padding, integers big-endian: form (1 byte), hash of the question
//! (16), the moment as of which it was asked in microseconds since 1970 (8), revision of the accounts
//! (8), how many items the pages before had (8), the ledger's version as text, and the first 4 bytes
//! of the BLAKE3 of all that. The hash of the question is the first 16 bytes of the BLAKE3 of
//! `question/1` and its texts, each after its length in bytes (8).
//!
//! Form 4 has, behind the number of items, how often something had been erased of the subscription's usage
//! when its page was computed (8): items are in another order after each time, so later pages are of the same
//! answer only if that number is as it was. Form 1 stands for none.

use std::fmt;

use domain::time::UtcTime;

use crate::sealed::{self, Form, VERSION_BYTES_MAX};

const FORM: u8 = Form::Figures.byte();
const FORM_AFTER_ERASURES: u8 = Form::FiguresAfterErasures.byte();

/// Where a page of an answer begins.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PageToken {
    /// The version of the ledger that the answer is computed from.
    pub ledger_version: String,
    /// The revision of the accounts that it is computed from.
    pub accounts_revision: u64,
    /// When the first page was asked for.
    pub asked_at: UtcTime,
    /// How many items the pages before had.
    pub sent: u64,
    /// How often something had been erased of the subscription's usage.
    pub erasures: u64,
}

/// Why a token is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PageTokenError {
    /// It is not a token of this server, or was cut or changed.
    Malformed,
    /// It belongs to another question.
    OtherQuestion,
    /// Something was erased of the subscription's usage since.
    Erased,
}

impl fmt::Display for PageTokenError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Malformed => {
                "The $skiptoken is not one that this server gave, or was cut or changed."
            }
            Self::OtherQuestion => "The $skiptoken belongs to a question with other parameters.",
            Self::Erased => {
                "The $skiptoken is from before resource names and tags of the subscription's usage were \
                 erased, which changes the order of rows: begin again without it."
            }
        })
    }
}

impl std::error::Error for PageTokenError {}

impl PageToken {
    /// The token as a link has it; `question` is all that the answer depends on beside the token.
    ///
    /// # Panics
    /// If the version is longer than 512 bytes.
    #[must_use]
    pub fn encode(&self, question: &[impl AsRef<str>]) -> String {
        let version = self.ledger_version.as_bytes();
        assert!(version.len() <= VERSION_BYTES_MAX, "ledger version of {} bytes", version.len());
        let mut bytes = Vec::with_capacity(64 + version.len());
        bytes.push(if self.erasures == 0 { FORM } else { FORM_AFTER_ERASURES });
        bytes.extend(question_hash(question));
        bytes.extend(self.asked_at.to_micros().to_be_bytes());
        bytes.extend(self.accounts_revision.to_be_bytes());
        bytes.extend(self.sent.to_be_bytes());
        if self.erasures > 0 {
            bytes.extend(self.erasures.to_be_bytes());
        }
        bytes.extend(version);
        sealed::seal(bytes)
    }

    /// Reads a token of this question.
    ///
    /// # Errors
    /// [`PageTokenError`] if it belongs to another one, or is no token.
    pub fn decode(token: &str, question: &[impl AsRef<str>]) -> Result<Self, PageTokenError> {
        let content = sealed::open(token);
        let read = content.as_deref().and_then(Self::read);
        let (hash, token) = read.ok_or(PageTokenError::Malformed)?;
        if hash != question_hash(question) {
            return Err(PageTokenError::OtherQuestion);
        }
        Ok(token)
    }

    fn read(content: &[u8]) -> Option<([u8; 16], Self)> {
        let ([form], rest) = content.split_first_chunk()?;
        let (hash, rest) = rest.split_first_chunk()?;
        let (asked_at, rest) = rest.split_first_chunk()?;
        let (revision, rest) = rest.split_first_chunk()?;
        let (sent, rest) = rest.split_first_chunk()?;
        let (erasures, version) = match *form {
            FORM => (0, rest),
            FORM_AFTER_ERASURES => {
                let (erasures, version) = rest.split_first_chunk()?;
                (u64::from_be_bytes(*erasures), version)
            }
            _ => return None,
        };
        let token = Self {
            ledger_version: String::from_utf8(version.to_vec()).ok()?,
            accounts_revision: u64::from_be_bytes(*revision),
            asked_at: UtcTime::from_micros(i64::from_be_bytes(*asked_at)).ok()?,
            sent: u64::from_be_bytes(*sent),
            erasures,
        };
        Some((*hash, token))
    }
}

/// The hash of all that an answer depends on.
pub(crate) fn question_hash(question: &[impl AsRef<str>]) -> [u8; 16] {
    let mut hasher = blake3::Hasher::new();
    hasher.update(b"question/1");
    for text in question.iter().map(AsRef::as_ref) {
        let length = u64::try_from(text.len()).expect("a length fits 64 bits");
        hasher.update(&length.to_be_bytes());
        hasher.update(text.as_bytes());
    }
    *hasher.finalize().as_bytes().first_chunk().expect("a BLAKE3 hash has 32 bytes")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn token() -> PageToken {
        PageToken {
            ledger_version: "v1.0123456789abcdef.42".to_owned(),
            accounts_revision: 7,
            asked_at: UtcTime::from_micros(1_767_225_600_000_000).unwrap(),
            sent: 1_000,
            erasures: 0,
        }
    }

    #[test]
    fn a_token_gives_back_what_went_in() {
        let text = token().encode(&["a", "b"]);
        assert_eq!(PageToken::decode(&text, &["a", "b"]), Ok(token()));
        let safe = |byte: u8| byte.is_ascii_alphanumeric() || b"-_".contains(&byte);
        assert!(text.bytes().all(safe), "{text}");
        let after = PageToken { erasures: 3, ..token() };
        assert_eq!(PageToken::decode(&after.encode(&["a", "b"]), &["a", "b"]), Ok(after));
    }

    #[test]
    fn a_token_belongs_to_its_question() {
        let text = token().encode(&["ab", "c"]);
        for other in [&["a", "bc"][..], &["ab"], &["ab", "c", ""], &["ab", "d"]] {
            assert_eq!(PageToken::decode(&text, other), Err(PageTokenError::OtherQuestion));
        }
    }

    #[test]
    fn whatever_is_no_token_is_refused() {
        const NOTHING: [&str; 0] = [];
        let good = token().encode(&NOTHING);
        let mut changed = good.clone().into_bytes();
        changed[30] = if changed[30] == b'A' { b'B' } else { b'A' };
        let changed = String::from_utf8(changed).unwrap();
        for text in [
            "",
            "AAAA",
            "no token",
            &good[1..],
            &good[..good.len() - 1],
            &changed,
            &"A".repeat(2_000),
        ] {
            assert_eq!(PageToken::decode(text, &NOTHING), Err(PageTokenError::Malformed), "{text}");
        }
    }
}
