//! What names a state of the ledger: a journal's id, and the version text of answers and tokens.

use std::fmt;
use std::str::FromStr;

use domain::record::Commit;

/// Names one journal for ever; random.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) struct JournalId(pub(crate) [u8; 16]);

impl JournalId {
    pub(crate) fn random() -> Self {
        Self(*uuid::Uuid::new_v4().as_bytes())
    }

    /// Reads thirty-two hexadecimal digits.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let canonical = text.len() == 32 && text.bytes().all(is_lower_hex);
        let bits = canonical.then(|| u128::from_str_radix(text, 16).ok()).flatten()?;
        Some(Self(bits.to_be_bytes()))
    }

    /// Its first eight bytes, as versions name it.
    fn short(self) -> u64 {
        u64::from_be_bytes(*self.0.first_chunk().expect("a journal id has sixteen bytes"))
    }
}

fn is_lower_hex(byte: u8) -> bool {
    byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte)
}

impl fmt::Display for JournalId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:032x}", u128::from_be_bytes(self.0))
    }
}

impl fmt::Debug for JournalId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// Names a state of the ledger for ever: its text is `v1.`, half the journal's id, `.`, the commit.
///
/// Opaque to everyone else: only equality is offered, as several journals have no common order.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Version {
    journal: u64,
    pub(crate) commit: Commit,
}

/// A text is not a version.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct VersionTextError;

impl Version {
    pub(crate) fn new(journal: JournalId, commit: Commit) -> Self {
        Self { journal: journal.short(), commit }
    }

    pub(crate) fn is_of(&self, journal: JournalId) -> bool {
        self.journal == journal.short()
    }
}

impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "v1.{:016x}.{}", self.journal, self.commit.0)
    }
}

impl FromStr for Version {
    type Err = VersionTextError;

    fn from_str(text: &str) -> Result<Self, VersionTextError> {
        let rest = text.strip_prefix("v1.").ok_or(VersionTextError)?;
        let (journal, commit) = rest.split_once('.').ok_or(VersionTextError)?;
        let journal = u64::from_str_radix(journal, 16).map_err(|_| VersionTextError)?;
        let commit = Commit(commit.parse().map_err(|_| VersionTextError)?);
        let version = Self { journal, commit };
        // Only the one canonical text names a version: no signs, capitals or leading zeros.
        if version.to_string() == text { Ok(version) } else { Err(VersionTextError) }
    }
}

impl fmt::Display for VersionTextError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("not a ledger version")
    }
}

impl std::error::Error for VersionTextError {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_version_survives_its_text() {
        let version = Version::new(JournalId([0x0a; 16]), Commit(42));
        assert_eq!(version.to_string(), "v1.0a0a0a0a0a0a0a0a.42");
        assert_eq!(version.to_string().parse(), Ok(version));
    }

    #[test]
    fn other_texts_are_no_versions() {
        for text in
            ["", "v1", "v1.0a0a0a0a0a0a0a0a", "v2.0a0a0a0a0a0a0a0a.1", "v1.0A0a0a0a0a0a0a0a.1"]
        {
            assert_eq!(text.parse::<Version>(), Err(VersionTextError), "{text}");
        }
        for commit in ["", "+1", "01", "-1", "18446744073709551616"] {
            let text = format!("v1.0a0a0a0a0a0a0a0a.{commit}");
            assert_eq!(text.parse::<Version>(), Err(VersionTextError), "{text}");
        }
    }
}
