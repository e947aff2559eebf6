//! The section `[ledger]`: where the table and the journal lie, if not in the data folder.

use ledger::{JournalPlace, ObjectPlace, ObjectSettings};
use serde::Deserialize;

use super::{ConfigError, alone};

/// The section of the file.
#[derive(Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LedgerSettings {
    /// See [`super::KEYS`].
    pub url: Option<String>,
    /// See [`super::KEYS`].
    pub journal: Option<String>,
    /// See [`super::KEYS`].
    pub endpoint: Option<String>,
    /// See [`super::KEYS`].
    pub region: Option<String>,
    /// See [`super::KEYS`].
    pub key_name: Option<String>,
    /// See [`super::KEYS`].
    pub key: Option<String>,
}

/// Where the ledger lies: in the data folder, or under a URL.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct LedgerConfig {
    /// `s3://BUCKET/PREFIX` or `az://CONTAINER/PREFIX`.
    pub url: Option<String>,
    /// Where the journal lies.
    pub journal: JournalPlace,
    /// How the store is reached.
    pub settings: ObjectSettings,
}

impl LedgerSettings {
    /// These settings, and where one is absent the other's.
    #[must_use]
    pub fn or(self, other: Self) -> Self {
        Self {
            url: self.url.or(other.url),
            journal: self.journal.or(other.journal),
            endpoint: self.endpoint.or(other.endpoint),
            region: self.region.or(other.region),
            key_name: self.key_name.or(other.key_name),
            key: self.key.or(other.key),
        }
    }
}

impl LedgerConfig {
    /// Checks the section.
    pub(super) fn new(settings: LedgerSettings) -> Result<Self, ConfigError> {
        let LedgerSettings { url, journal, endpoint, region, key_name, key } = settings;
        let journal = match journal.as_deref() {
            None | Some("local") => JournalPlace::Folder,
            Some("object") => JournalPlace::Objects,
            Some(given) => {
                let (expected, given) = ("local or object", given.to_owned());
                return Err(ConfigError::Value { key: "ledger.journal", expected, given });
            }
        };
        match &url {
            Some(url) if !ObjectPlace::is_url(url) => {
                let expected = "s3://BUCKET/PREFIX or az://CONTAINER/PREFIX (without it the ledger \
                                lies in the data folder)";
                return Err(ConfigError::Value { key: "ledger.url", expected, given: url.clone() });
            }
            Some(_) => {}
            None => {
                let is_object = journal == JournalPlace::Objects;
                let given = [
                    ("ledger.journal", is_object),
                    ("ledger.endpoint", endpoint.is_some()),
                    ("ledger.region", region.is_some()),
                    ("ledger.key_name", key_name.is_some()),
                    ("ledger.key", key.is_some()),
                ];
                if let Some((key, _)) = given.into_iter().find(|(_, is_given)| *is_given) {
                    return Err(alone(key, "ledger.url"));
                }
            }
        }
        let settings = ObjectSettings { endpoint, region, key_name, key };
        Ok(Self { url, journal, settings })
    }
}

impl std::fmt::Debug for LedgerSettings {
    /// Without the key.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { url, journal, endpoint, .. } = self;
        write!(f, "LedgerSettings({url:?}, {journal:?}, {endpoint:?})")
    }
}
