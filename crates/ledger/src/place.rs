//! Where a ledger lies: wholly in its folder, or with its table, and its journal too, in an object
//! store.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use object_store::aws::{AmazonS3Builder, AmazonS3ConfigKey};
use object_store::azure::{AzureConfigKey, MicrosoftAzureBuilder};
use object_store::path::Path as Key;
use object_store::{BackoffConfig, ClientOptions, ObjectStore, RetryConfig};

use crate::limits::{
    OBJECT_CONNECT_SECONDS, OBJECT_PART_BYTES, OBJECT_PAUSE_MAX_MS, OBJECT_PAUSE_MS,
    OBJECT_REQUEST_SECONDS, OBJECT_RETRIES, OBJECT_RETRY_SECONDS, OBJECT_SILENT_SECONDS,
};

/// Where a ledger lies.
#[derive(Debug, Clone, Default)]
pub enum Place {
    /// In its folder.
    #[default]
    Folder,
    /// In an object store, and partly in its folder.
    Objects(ObjectPlace),
}

/// Where the journal of a ledger lies whose table is in an object store.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum JournalPlace {
    /// In the ledger's folder: a lost disk loses what was not sealed.
    #[default]
    Folder,
    /// In the object store, an object for each group commit: nothing is lost with the folder.
    Objects,
}

/// The part of an object store under one URL.
#[derive(Clone)]
pub struct ObjectPlace {
    pub(crate) store: Arc<dyn ObjectStore>,
    pub(crate) url: String,
    pub(crate) prefix: Key,
    pub(crate) journal: JournalPlace,
    /// First pause before a put is tried again.
    pub(crate) pause: Duration,
    /// How long the journal's store may be silent before whoever waits for it is refused.
    pub(crate) patience: Duration,
    /// Bytes of which an object is put whole.
    pub(crate) part_bytes: usize,
}

/// How an object store is reached; what is absent is taken from the environment, as its own tools do.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct ObjectSettings {
    /// Where it is, for stores that speak S3 or Azure Blob elsewhere.
    pub endpoint: Option<String>,
    /// Region of an S3 bucket.
    pub region: Option<String>,
    /// Name of the key: the access key id of S3, the storage account of Azure.
    pub key_name: Option<String>,
    /// The secret key of S3, the account key of Azure.
    pub key: Option<String>,
}

/// Why a place is none.
#[derive(Debug, Clone)]
pub enum PlaceError {
    /// The URL is not `s3://BUCKET/PREFIX` or `az://CONTAINER/PREFIX`.
    Url {
        /// What was given.
        given: String,
    },
    /// The settings do not make a store.
    Settings {
        /// The URL.
        url: String,
        /// What is wrong.
        cause: Arc<object_store::Error>,
    },
}

impl ObjectPlace {
    /// Reads a URL and settings; nothing is asked of the store yet.
    ///
    /// # Errors
    /// [`PlaceError`]
    pub fn connect(
        url: &str,
        settings: &ObjectSettings,
        journal: JournalPlace,
    ) -> Result<Self, PlaceError> {
        let parts = parts(url).ok_or_else(|| PlaceError::Url { given: url.to_owned() })?;
        let (kind, bucket, prefix) = parts;
        let url = url.trim_end_matches('/');
        let store = match kind {
            Kind::S3 => s3(bucket, settings),
            Kind::Azure => azure(bucket, settings),
        };
        let failed = |cause| PlaceError::Settings { url: url.to_owned(), cause: Arc::new(cause) };
        let store = store.map_err(failed)?;
        let pause = Duration::from_millis(OBJECT_PAUSE_MS);
        let patience = Duration::from_secs(OBJECT_SILENT_SECONDS);
        let (url, part_bytes) = (url.to_owned(), OBJECT_PART_BYTES);
        Ok(Self { store, url, prefix, journal, pause, patience, part_bytes })
    }

    /// Whether a text is the URL of a place.
    #[must_use]
    pub fn is_url(text: &str) -> bool {
        parts(text).is_some()
    }

    /// A store in this process, whose objects are named by a URL. It is not spared by pauses.
    #[must_use]
    pub fn over(store: Arc<dyn ObjectStore>, url: &str, journal: JournalPlace) -> Self {
        let (prefix, pause) = (Key::default(), Duration::from_millis(1));
        let patience = Duration::from_secs(OBJECT_SILENT_SECONDS);
        let (url, part_bytes) = (url.to_owned(), OBJECT_PART_BYTES);
        Self { store, url, prefix, journal, pause, patience, part_bytes }
    }

    /// The same with another patience: how long the journal's store may be silent before whoever waits
    /// for it is refused.
    #[must_use]
    pub fn with_patience(self, patience: Duration) -> Self {
        Self { patience, ..self }
    }

    /// Where the journal lies.
    #[must_use]
    pub fn journal(&self) -> JournalPlace {
        self.journal
    }
}

/// Which store a URL is of.
enum Kind {
    S3,
    Azure,
}

/// The kind of store, the bucket or container, and what the keys begin with.
fn parts(url: &str) -> Option<(Kind, &str, Key)> {
    let (scheme, rest) = url.trim_end_matches('/').split_once("://")?;
    let kind = match scheme {
        "s3" => Kind::S3,
        "az" => Kind::Azure,
        _ => return None,
    };
    let (bucket, prefix) = rest.split_once('/').unwrap_or((rest, ""));
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_./=".contains(&byte);
    let is_good = !bucket.is_empty() && rest.bytes().all(is_plain);
    Some((kind, bucket, Key::parse(prefix).ok().filter(|_| is_good)?))
}

fn s3(bucket: &str, settings: &ObjectSettings) -> object_store::Result<Arc<dyn ObjectStore>> {
    let ObjectSettings { endpoint, region, key_name, key } = settings;
    let mut builder = AmazonS3Builder::from_env().with_bucket_name(bucket).with_retry(retry());
    for (name, value) in [
        (AmazonS3ConfigKey::Endpoint, endpoint),
        (AmazonS3ConfigKey::Region, region),
        (AmazonS3ConfigKey::AccessKeyId, key_name),
        (AmazonS3ConfigKey::SecretAccessKey, key),
    ] {
        if let Some(value) = value {
            builder = builder.with_config(name, value);
        }
    }
    let endpoint = builder.get_config_value(&AmazonS3ConfigKey::Endpoint);
    let client = client().with_allow_http(endpoint.is_some_and(|url| url.starts_with("http://")));
    Ok(Arc::new(builder.with_client_options(client).build()?))
}

fn azure(container: &str, settings: &ObjectSettings) -> object_store::Result<Arc<dyn ObjectStore>> {
    let ObjectSettings { endpoint, key_name, key, .. } = settings;
    let builder = MicrosoftAzureBuilder::from_env().with_container_name(container);
    let mut builder = builder.with_retry(retry());
    for (name, value) in [
        (AzureConfigKey::Endpoint, endpoint),
        (AzureConfigKey::AccountName, key_name),
        (AzureConfigKey::AccessKey, key),
    ] {
        if let Some(value) = value {
            builder = builder.with_config(name, value);
        }
    }
    let endpoint = builder.get_config_value(&AzureConfigKey::Endpoint);
    let client = client().with_allow_http(endpoint.is_some_and(|url| url.starts_with("http://")));
    Ok(Arc::new(builder.with_client_options(client).build()?))
}

fn client() -> ClientOptions {
    ClientOptions::new()
        .with_timeout(Duration::from_secs(OBJECT_REQUEST_SECONDS))
        .with_connect_timeout(Duration::from_secs(OBJECT_CONNECT_SECONDS))
}

fn retry() -> RetryConfig {
    let backoff = BackoffConfig {
        init_backoff: Duration::from_millis(OBJECT_PAUSE_MS),
        max_backoff: Duration::from_millis(OBJECT_PAUSE_MAX_MS),
        ..BackoffConfig::default()
    };
    let retry_timeout = Duration::from_secs(OBJECT_RETRY_SECONDS);
    RetryConfig { backoff, max_retries: OBJECT_RETRIES, retry_timeout }
}

impl fmt::Debug for ObjectPlace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ObjectPlace({}, {:?})", self.url, self.journal)
    }
}

impl fmt::Debug for ObjectSettings {
    /// Without the key.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { endpoint, region, key_name, .. } = self;
        write!(f, "ObjectSettings({endpoint:?}, {region:?}, {key_name:?})")
    }
}

impl fmt::Display for PlaceError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Url { given } => {
                write!(f, "ledger URL '{given}' is not s3://BUCKET/PREFIX or az://CONTAINER/PREFIX")
            }
            Self::Settings { url, .. } => write!(f, "cannot reach an object store for {url}"),
        }
    }
}

impl std::error::Error for PlaceError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Url { .. } => None,
            Self::Settings { cause, .. } => Some(cause),
        }
    }
}
