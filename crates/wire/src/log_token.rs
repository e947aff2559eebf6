//! The `$skiptoken` of the audit log: the revision that the next page stays below. To clients it is
//! opaque, and holds nothing secret.
//!
//! Form 2, sealed as every token: form (1 byte), hash of the question as in [`page_token`] (16),
//! revision (8, big-endian).
//!
//! [`page_token`]: crate::page_token

use crate::page_token::{PageTokenError, question_hash};
use crate::sealed::{self, Form};

const FORM: u8 = Form::Changes.byte();

/// The token of the page below a revision; `question` is all that the answer depends on beside it.
#[must_use]
pub fn encode(below: u64, question: &[impl AsRef<str>]) -> String {
    let mut bytes = vec![FORM];
    bytes.extend(question_hash(question));
    bytes.extend(below.to_be_bytes());
    sealed::seal(bytes)
}

/// The revision of a token of this question.
///
/// # Errors
/// [`PageTokenError`] if it belongs to another one, or is no token.
pub fn decode(token: &str, question: &[impl AsRef<str>]) -> Result<u64, PageTokenError> {
    let content = sealed::open(token).ok_or(PageTokenError::Malformed)?;
    let read = || {
        let ([form], rest) = content.split_first_chunk()?;
        let (hash, below) = rest.split_first_chunk::<16>()?;
        let below = below.try_into().ok().filter(|_| *form == FORM)?;
        Some((*hash, u64::from_be_bytes(below)))
    };
    let (hash, below) = read().ok_or(PageTokenError::Malformed)?;
    if hash == question_hash(question) { Ok(below) } else { Err(PageTokenError::OtherQuestion) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::page_token::PageToken;

    #[test]
    fn a_token_gives_back_its_revision_to_its_question_alone() {
        let token = encode(42, &["a", ""]);
        assert_eq!(decode(&token, &["a", ""]), Ok(42));
        assert_eq!(decode(&token, &["", "a"]), Err(PageTokenError::OtherQuestion));
        for wrong in ["", "AAAA", &token[1..], &token[..token.len() - 1]] {
            assert_eq!(decode(wrong, &["a", ""]), Err(PageTokenError::Malformed), "{wrong}");
        }
    }

    #[test]
    fn a_token_of_another_answer_is_none() {
        let other = PageToken {
            ledger_version: String::new(),
            accounts_revision: 1,
            asked_at: domain::time::UtcTime::MIN,
            sent: 0,
            erasures: 0,
        };
        let refused = decode(&other.encode(&["a"]), &["a"]);
        assert_eq!(refused, Err(PageTokenError::Malformed));
        assert_eq!(PageToken::decode(&encode(1, &["a"]), &["a"]), Err(PageTokenError::Malformed));
    }
}
