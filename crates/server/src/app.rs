//! The application: ledger, accounts, identity and catalogue under one roof, without a socket.

mod changes;

use std::fmt;
use std::io;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock, RwLock};

use accounts::Accounts;
use domain::id::{ObjectId, TenantId};
use ledger::{FirstUsageAsOf, GroupsAsOf, Ledger, ObjectPlace, Place};
use tokio::sync::{Mutex, Semaphore};

use crate::backup::{ACCOUNTS, clear, copy_of_accounts};
use crate::catalogue::Catalogue;
use crate::clock::{Clock, Ids};
use crate::config::{Config, LedgerConfig};
use crate::directory::Directory;
use crate::erasing::Erasing;
use crate::error::ApiError;
use crate::files::{make_private_file, make_private_folder, remove_file, sync_parent, write_file};
use crate::identity::{AuthorityError, Claims, DEFAULT_AUDIENCE, Issuer, Verifier};
use crate::kept::Known;
use crate::limits;
use crate::metrics::Metrics;
use crate::rate_limits::RateLimits;
use crate::token_endpoint::{Attempts, Turns};
use changes::Changes;

/// The file of the data folder that holds the administrator's token.
const ADMINISTRATOR_TOKEN: &str = "admin.token";
/// Version of the data folder's layout, in its file `format`.
pub(crate) const FOLDER_FORMAT: &str = "1";
/// What stands in its place while a backup is restored: no version opens the folder then.
pub(crate) const RESTORING: &str = "restoring";

/// The application that the router answers from.
pub struct App {
    pub(crate) config: Config,
    pub(crate) clock: Clock,
    pub(crate) ids: Ids,
    pub(crate) ledger: Ledger,
    pub(crate) accounts: Accounts,
    pub(crate) installation: accounts::Installation,
    /// None where it is off.
    issuer: Option<Issuer>,
    pub(crate) verifier: Verifier,
    pub(crate) catalogue: Catalogue,
    /// The resource groups that usage names.
    pub(crate) known_groups: Known<GroupsAsOf>,
    /// When subscriptions were first used.
    pub(crate) known_first_usages: Known<FirstUsageAsOf>,
    pub(crate) metrics: Metrics,
    pub(crate) erasing: Erasing,
    /// Whose turn it is to correct slices: of two at a time neither might be what is stored then.
    pub(crate) slice_turn: Arc<Mutex<()>>,
    /// Imports of any length under way: each holds some blocks of rows, its counters and a thread.
    pub(crate) import_turns: Semaphore,
    /// Spend questions that are worked on at a time.
    pub(crate) cost_turns: Semaphore,
    /// Secrets that are hashed or checked at a time.
    pub(crate) secret_turns: Turns,
    /// Failed attempts to sign in.
    pub(crate) attempts: Attempts,
    /// Calls of Azure's wire, by whose they are.
    pub(crate) rate_limits: RateLimits,
    directory: RwLock<Arc<Directory>>,
    changes: Changes,
    url: OnceLock<String>,
}

impl fmt::Debug for App {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("App").field("data", &self.config.data).finish_non_exhaustive()
    }
}

/// Why a data folder cannot be opened.
#[derive(Debug)]
pub enum AppError {
    /// A file or folder could not be made or read.
    Folder(std::path::PathBuf, std::io::Error),
    /// The folder was made by a newer version.
    NewerFormat(String),
    /// A backup was to be restored into the folder, and was not to its end.
    RestoreUnfinished(PathBuf),
    /// The ledger does not open.
    Ledger(ledger::OpenError),
    /// The ledger's object store cannot be reached as it is described.
    Place(ledger::PlaceError),
    /// The accounts do not open.
    Accounts(accounts::OpenError),
    /// The accounts cannot be read.
    Storage(accounts::StorageError),
    /// The signing key cannot be made or read.
    Keys(crate::identity::KeyError),
    /// The authorities of an issuer's certificate cannot be read.
    Authority(AuthorityError),
}

impl fmt::Display for AppError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Folder(path, _) => write!(f, "cannot use {}", path.display()),
            Self::NewerFormat(found) => write!(
                f,
                "the data folder has format {found}, newer than {FOLDER_FORMAT}, which this \
                 version knows"
            ),
            Self::RestoreUnfinished(data) => write!(
                f,
                "restoring a backup into {} did not finish: remove the folder and restore again",
                data.display()
            ),
            Self::Place(error) => fmt::Display::fmt(error, f),
            Self::Ledger(_) => f.write_str("cannot open the ledger"),
            Self::Accounts(_) => f.write_str("cannot open the accounts"),
            Self::Storage(_) => f.write_str("cannot read the accounts"),
            Self::Keys(_) => f.write_str("cannot use the signing key"),
            Self::Authority(error) => fmt::Display::fmt(error, f),
        }
    }
}

impl std::error::Error for AppError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Folder(_, error) => Some(error),
            Self::NewerFormat(_) | Self::RestoreUnfinished(_) => None,
            Self::Place(error) => error.source(),
            Self::Ledger(error) => Some(error),
            Self::Accounts(error) => Some(error),
            Self::Storage(error) => Some(error),
            Self::Keys(error) => Some(error),
            Self::Authority(error) => error.source(),
        }
    }
}

impl App {
    /// Opens the data folder, and makes what is missing in it.
    ///
    /// # Errors
    /// [`AppError`] if a part of it does not open; nothing is changed then.
    pub async fn open(config: Config, clock: Clock, ids: Ids) -> Result<Arc<Self>, AppError> {
        let data = config.data.clone();
        check_folder(&data)?;
        let options = ledger::Options {
            clock: Arc::clone(&clock),
            seal_bytes: config.seal_bytes,
            unsealed_bytes_max: config.unsealed_bytes_max,
            seal_after_seconds: config.seal_after_seconds,
            keep_replaced_seconds: config.keep_replaced_seconds,
        };
        let folder = data.join("ledger");
        make_private_folder(&folder).map_err(|error| AppError::Folder(folder.clone(), error))?;
        let place = match &config.ledger {
            LedgerConfig { url: None, .. } => Place::Folder,
            LedgerConfig { url: Some(url), journal, settings } => {
                let place = ObjectPlace::connect(url, settings, *journal);
                Place::Objects(place.map_err(AppError::Place)?)
            }
        };
        let opening =
            tokio::task::spawn_blocking(move || Ledger::open_at(&folder, &place, options));
        let ledger = opening.await.expect("opening does not panic").map_err(AppError::Ledger)?;
        let copy = copy_of_accounts(&data);
        clear(&copy).map_err(|error| AppError::Folder(copy.clone(), error))?;
        let file = data.join(ACCOUNTS);
        make_private_file(&file).map_err(|error| AppError::Folder(file.clone(), error))?;
        let accounts = Accounts::open(&file, clock()).await;
        let accounts = accounts.map_err(AppError::Accounts)?;
        let installation = accounts.installation();
        let issuer = config
            .identity
            .built_in_issuer
            .then(|| Issuer::open_or_create(&data.join("keys"), config.public_url.as_deref()));
        let issuer = issuer.transpose().map_err(AppError::Keys)?;
        let built_in = issuer.as_ref().map(|issuer| (issuer, installation.administrator));
        let verifier = Verifier::new(built_in, &config.identity, &config.audiences);
        let verifier = verifier.map_err(AppError::Authority)?;
        if let Some(url) = &config.public_url {
            verifier.accept_audience(url);
        }
        let directory = Directory::load(&accounts).await.map_err(AppError::Storage)?;
        let metrics = Metrics::new(&ledger);
        Ok(Arc::new(Self {
            rate_limits: RateLimits::new(config.rate_limits),
            config,
            clock,
            ids,
            ledger,
            accounts,
            installation,
            issuer,
            verifier,
            catalogue: Catalogue::default(),
            known_groups: Known::new(limits::RESOURCE_GROUPS_IN_MEMORY),
            known_first_usages: Known::new(limits::FIRST_USAGES_IN_MEMORY),
            metrics,
            erasing: Erasing::default(),
            slice_turn: Arc::default(),
            import_turns: Semaphore::new(limits::IMPORTS),
            cost_turns: Semaphore::new(limits::COST_QUESTIONS),
            secret_turns: Turns::default(),
            attempts: Attempts::default(),
            directory: RwLock::new(Arc::new(directory)),
            changes: Changes::default(),
            url: OnceLock::new(),
        }))
    }

    /// The built-in issuer.
    ///
    /// # Errors
    /// [`ApiError::BuiltInIssuerOff`] where others issue tokens.
    pub(crate) fn issuer(&self) -> Result<&Issuer, ApiError> {
        self.issuer.as_ref().ok_or(ApiError::BuiltInIssuerOff)
    }

    /// Reads the keys of issuers that others run, where they are getting old.
    pub async fn refresh_issuers(&self) {
        self.verifier.refresh_keys((self.clock)()).await;
    }

    /// A token of the installation's administrator, if the built-in issuer is on.
    #[must_use]
    pub fn administrator_token(&self) -> Option<String> {
        self.administrator_token_of(self.directory().principals.generation())
    }

    /// Writes the administrator's token to the data folder, readable by its owner alone; without one
    /// removes what an earlier run may have left.
    pub(crate) fn write_administrator_token(
        &self,
        token: Option<&str>,
    ) -> Result<(), (PathBuf, io::Error)> {
        let path = self.config.data.join(ADMINISTRATOR_TOKEN);
        let written = match token {
            Some(token) => write_file(&path, format!("{token}\n").as_bytes(), 0o600),
            None => remove_file(&path),
        };
        written.map_err(|error| (path, error))
    }

    /// A token of the installation's administrator that counts in this generation.
    pub(crate) fn administrator_token_of(&self, generation: u64) -> Option<String> {
        let claims = Claims {
            object_id: self.installation.administrator,
            tenant_id: self.installation.tenant,
            audience: DEFAULT_AUDIENCE.to_owned(),
            expires_in_seconds: limits::ADMINISTRATOR_TOKEN_SECONDS,
            application: None,
            generation: Some(generation),
        };
        self.issuer.as_ref().map(|issuer| issuer.issue(&claims, (self.clock)()))
    }

    /// The installation's own tenant.
    #[must_use]
    pub fn tenant(&self) -> TenantId {
        self.installation.tenant
    }

    /// The object id of the installation's administrator.
    #[must_use]
    pub fn administrator_id(&self) -> ObjectId {
        self.installation.administrator
    }

    /// The accounts as they are now, in memory.
    pub(crate) fn directory(&self) -> Arc<Directory> {
        Arc::clone(&self.directory.read().expect("no writer panics"))
    }

    /// Where the server answers, once it listens.
    pub(crate) fn url(&self) -> String {
        let fallback = || format!("https://{}", self.config.listen);
        self.url.get().cloned().unwrap_or_else(fallback)
    }

    /// Takes note of where the server answers: clients ask for tokens meant for that origin.
    pub(crate) fn listens_on(&self, address: SocketAddr) -> String {
        let url = self.url.get_or_init(|| format!("https://{address}")).clone();
        let names = ["localhost".to_owned()].into_iter().chain(self.config.host_names.clone());
        for name in names {
            self.verifier.accept_audience(&format!("https://{name}:{}", address.port()));
        }
        self.verifier.accept_audience(&url);
        url
    }

    /// Stops taking records and changes, and finishes those under way.
    pub async fn close(&self) {
        self.finish_changes().await;
        if let Err(error) = self.ledger.close().await {
            tracing::error!(%error, "the ledger did not close cleanly; it recovers when opened");
        }
        if let Err(error) = self.accounts.close().await {
            tracing::error!(%error, "watermarks of the last minute were lost; sources repeat them");
        }
    }
}

/// Makes the folder, or checks that this version may use it.
fn check_folder(data: &Path) -> Result<(), AppError> {
    let failed = |path: &Path, error| AppError::Folder(path.to_owned(), error);
    std::fs::create_dir_all(data).map_err(|error| failed(data, error))?;
    let format = data.join("format");
    match std::fs::read_to_string(&format) {
        Ok(text) if text.trim() == FOLDER_FORMAT => Ok(()),
        Ok(text) if text.trim() == RESTORING => Err(AppError::RestoreUnfinished(data.to_owned())),
        Ok(text) => Err(AppError::NewerFormat(text.trim().to_owned())),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
            write_file(&format, format!("{FOLDER_FORMAT}\n").as_bytes(), 0o644)
                .map_err(|error| failed(&format, error))?;
            sync_parent(data).map_err(|error| failed(data, error))
        }
        Err(error) => Err(failed(&format, error)),
    }
}
