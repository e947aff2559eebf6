//! Backups: what is asked for, the manifest that names every file, and the report of a check.

use std::fmt;

use serde::de::{Error, IntoDeserializer, Visitor};
use serde::{Deserialize, Deserializer, Serialize};
use utoipa::ToSchema;

/// Name of the manifest in a backup.
pub const MANIFEST: &str = "manifest.json";
/// Format of backups that this release writes, and the newest that it reads.
pub const BACKUP_FORMAT: u32 = 1;

/// A backup to be taken.
#[derive(Debug, Clone, Default, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct BackupRequest {
    /// With it the backup has the private keys, encrypted by it: 12 to 1024 bytes. Without it they are
    /// left out, and tokens that were given out count no more after it is restored.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, format = Password, write_only)]
    pub keys_passphrase: Option<Passphrase>,
}

/// What the private keys of a backup are encrypted by. [`Passphrase::expose`] shows it, and it is written
/// out whole in a [`BackupRequest`]; its `Debug` does not show it.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String")]
pub struct Passphrase(String);

/// A passphrase is of another length than it may be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PassphraseLength;

impl Passphrase {
    const BYTES: std::ops::RangeInclusive<usize> = 12..=1024;

    /// A passphrase that somebody gives.
    ///
    /// # Errors
    /// [`PassphraseLength`] if it is too short or too long.
    pub fn parse(text: &str) -> Result<Self, PassphraseLength> {
        let is_good = Self::BYTES.contains(&text.len());
        is_good.then(|| Self(text.to_owned())).ok_or(PassphraseLength)
    }

    /// The text.
    #[must_use]
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl TryFrom<String> for Passphrase {
    type Error = PassphraseLength;

    fn try_from(text: String) -> Result<Self, PassphraseLength> {
        Self::parse(&text)
    }
}

impl fmt::Debug for Passphrase {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Passphrase(…)")
    }
}

impl fmt::Display for PassphraseLength {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let bytes = Passphrase::BYTES;
        write!(f, "a passphrase has {} to {} bytes", bytes.start(), bytes.end())
    }
}

impl std::error::Error for PassphraseLength {}

/// What became of the private keys in a backup.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub enum BackupKeys {
    /// They are there, encrypted by a passphrase.
    Encrypted,
    /// They are not there.
    LeftOut,
}

/// What became of the private keys of a backup that was restored.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub enum RestoredKeys {
    /// They are there again.
    Restored,
    /// The backup has them, and no passphrase was given: the server makes new ones.
    NotRestored,
    /// The backup does not have them: the server makes new ones.
    LeftOut,
}

/// What a backup has; the last file of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct BackupManifest {
    /// Format of the backup.
    pub format: u32,
    /// The ledger's version: every row up to it is there, none above.
    pub ledger_version: String,
    /// The accounts' revision: every change up to it is there, none above.
    pub accounts_revision: u64,
    /// When it was taken.
    pub taken_at: String,
    /// Whether the private keys are there, encrypted, or left out.
    #[serde(deserialize_with = "keys")]
    pub keys: BackupKeys,
    /// Every other file.
    pub files: Vec<BackupFile>,
    /// Rows of the ledger and totals of each subscription; none where a damaged file hides them.
    pub totals: Option<BackupTotals>,
    /// Files that were damaged when they were copied; they are there as they were.
    pub damaged: Vec<DamagedFile>,
}

/// What is said of manifests that list keys in plain.
pub const PLAIN_KEYS: &str = "it has private keys in plain, as earlier versions wrote them: restore it \
    with the version that took it";

/// Reads what became of the keys. Earlier versions said whether they are there, in plain.
fn keys<'de, D: Deserializer<'de>>(deserializer: D) -> Result<BackupKeys, D::Error> {
    struct Told;

    impl Visitor<'_> for Told {
        type Value = BackupKeys;

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("what became of the private keys")
        }

        fn visit_bool<E: Error>(self, are_there: bool) -> Result<BackupKeys, E> {
            if are_there { Err(E::custom(PLAIN_KEYS)) } else { Ok(BackupKeys::LeftOut) }
        }

        fn visit_str<E: Error>(self, text: &str) -> Result<BackupKeys, E> {
            BackupKeys::deserialize(text.into_deserializer())
        }
    }

    deserializer.deserialize_any(Told)
}

/// A file of a backup.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct BackupFile {
    /// Its path in the backup, which is that in the data folder.
    pub path: String,
    /// Its length.
    pub bytes: u64,
    /// BLAKE3 of it, first 16 bytes, in hexadecimal digits.
    pub hash: String,
}

/// How much there is, by which what was restored is compared.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct BackupTotals {
    /// Rows of the ledger.
    pub rows: u64,
    /// Of each subscription that has some, in order.
    pub subscriptions: Vec<SubscriptionTotals>,
}

/// How much a subscription has.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct SubscriptionTotals {
    /// The subscription.
    pub subscription_id: String,
    /// Its rows.
    pub rows: u64,
    /// BLAKE3, first 16 bytes, over its meters in order: each meter's GUID, its rows, and the sum of
    /// their quantities.
    pub hash: String,
}

/// A file that is not what it should be.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct DamagedFile {
    /// The file.
    pub file: String,
    /// What is wrong with it.
    pub reason: String,
}

/// What was made of a backup.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct RestoreReport {
    /// The ledger's version.
    pub ledger_version: String,
    /// The accounts' revision.
    pub accounts_revision: u64,
    /// When the backup was taken.
    pub taken_at: String,
    /// Files written.
    pub files: u64,
    /// Their bytes.
    pub bytes: u64,
    /// Whether the private keys are there again.
    pub keys: RestoredKeys,
    /// Rows of the restored ledger, whose totals are those of the backup; absent where they were not
    /// compared.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub verified_rows: Option<u64>,
    /// Files that were damaged when the backup was taken.
    pub damaged: Vec<DamagedFile>,
}

/// A line of a check's answer: how far it is, or the report, which is the last.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub enum VerifyLine {
    /// How far the check is.
    Progress(VerifyProgress),
    /// What it found.
    Report(VerifyReport),
}

/// How far a check is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct VerifyProgress {
    /// Bytes of data files that were checked.
    pub bytes: u64,
    /// Bytes of all of them.
    pub of: u64,
}

/// What a check found.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct VerifyReport {
    /// The version that was checked.
    pub ledger_version: String,
    /// Whether nothing is damaged, and all could be read.
    pub sound: bool,
    /// Entries of the table's log.
    pub log_entries: u64,
    /// Checkpoints of the log.
    pub checkpoints: u64,
    /// Data files of the table.
    pub data_files: u64,
    /// Of these, files of earlier versions, which have no checksums.
    pub without_checksums: u64,
    /// Bytes of the data files.
    pub bytes: u64,
    /// Rows in them.
    pub rows: u64,
    /// Segments of the index.
    pub index_segments: u64,
    /// Identities in the index.
    pub identities: u64,
    /// Frames of the journal that are not in the table yet.
    pub journal_frames: u64,
    /// Records in them.
    pub journal_records: u64,
    /// What is damaged, in order of files.
    pub damaged: Vec<DamagedFile>,
    /// Damaged places beyond those.
    pub more_damaged: u64,
    /// Data files that their object store did not give: nothing is known of them.
    pub unreadable: Vec<DamagedFile>,
}

/// Sums bytes up as they come.
#[derive(Debug, Clone, Default)]
pub struct FileHash(blake3::Hasher);

impl FileHash {
    /// Takes further bytes.
    pub fn update(&mut self, bytes: &[u8]) {
        self.0.update(bytes);
    }

    /// The hash as manifests have it.
    #[must_use]
    pub fn text(&self) -> String {
        let hash = self.0.finalize().to_hex();
        hash[..32].to_owned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(keys: &str, expected: Result<BackupKeys, &str>) {
        let text = format!(
            r#"{{ "format": 1, "ledgerVersion": "v", "accountsRevision": 2, "takenAt": "now",
                "keys": {keys}, "files": [], "totals": null, "damaged": [] }}"#
        );
        let manifest: Result<BackupManifest, _> = serde_json::from_str(&text);
        match (manifest, expected) {
            (Ok(manifest), Ok(expected)) => assert_eq!(manifest.keys, expected, "{keys}"),
            (Err(error), Err(reason)) => assert!(error.to_string().contains(reason), "{error}"),
            (manifest, expected) => panic!("{keys}: {manifest:?} in the place of {expected:?}"),
        }
    }

    #[test]
    fn a_manifest_of_an_earlier_version_is_read_unless_it_has_keys_in_plain() {
        check("\"leftOut\"", Ok(BackupKeys::LeftOut));
        check("\"encrypted\"", Ok(BackupKeys::Encrypted));
        check("false", Ok(BackupKeys::LeftOut));
        check("true", Err("it has private keys in plain"));
        check("\"maybe\"", Err("unknown variant `maybe`"));
        check("1", Err("expected what became of the private keys"));
    }

    #[test]
    fn a_passphrase_is_written_and_never_shown() {
        let passphrase = Passphrase::parse("correct horse battery").unwrap();
        let request = BackupRequest { keys_passphrase: Some(passphrase) };
        let text = serde_json::to_string(&request).unwrap();
        assert_eq!(text, r#"{"keysPassphrase":"correct horse battery"}"#);
        assert!(!format!("{request:?}").contains("horse"));
    }
}
