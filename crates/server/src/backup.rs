//! What a backup is taken of, all as of one moment: the ledger held between two group commits, the
//! accounts as they were while it was held, and the keys, encrypted or left out. Keys take long to
//! encrypt, so they are read just before.
//!
//! So the accounts name no later commit than the ledger has, and every row has its subscription.

use std::fs::File;
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use accounts::Revision;
use ledger::{CopiedFile, JournalPlace, LedgerCopy, ReadError, SealError, Totals};
use tokio::sync::SemaphorePermit;
use tokio::task::spawn_blocking;
use wire::own::{
    BACKUP_FORMAT, BackupFile, BackupKeys, BackupManifest, BackupTotals, DamagedFile, FileHash,
    MANIFEST, Passphrase, SubscriptionTotals,
};
use wire::tar::{self, Member};

use crate::app::App;
use crate::error::ApiError;
use crate::files::{make_private_file, remove_file};
use crate::sealed_keys::{self, KeyFile, SEALED_KEYS};

/// What is backed up has these names, as in the data folder.
pub(crate) const ACCOUNTS: &str = "accounts.db";
pub(crate) const LEDGER: &str = "ledger";
pub(crate) const KEYS: &str = "keys";
pub(crate) const AUTHORITY: &str = "ca.pem";

/// Everything as of one moment.
pub(crate) struct Taken {
    ledger: LedgerCopy,
    /// A file that has no name any more.
    accounts: File,
    revision: Revision,
    /// The encrypted file; none if they are left out.
    keys: Option<Vec<u8>>,
    taken_at: String,
}

/// A backup's turn. Whatever is done for it has it, so that the next one begins only once nothing of this
/// one goes on, though its client may have left long ago.
pub(crate) type Turn = SemaphorePermit<'static>;

/// Why a backup breaks off.
pub(crate) enum Failure {
    /// The client went away.
    Gone,
    Read(ReadError),
    Name(tar::NameError),
}

impl App {
    /// Holds on to everything as it is now; with a passphrase, the keys too.
    pub(crate) async fn take_backup(
        self: &Arc<Self>,
        passphrase: Option<Passphrase>,
        turn: Turn,
    ) -> Result<(Taken, Turn), ApiError> {
        fn failed<E: std::error::Error>(error: E) -> ApiError {
            ApiError::internal("taking a backup", &error)
        }
        let place = &self.config.ledger;
        if place.url.is_some() && place.journal == JournalPlace::Objects {
            return Err(ApiError::JournalInObjects);
        }
        let data = &self.config.data;
        let folder = data.clone();
        let sealing = spawn_blocking(move || {
            let sealed = passphrase.map(|passphrase| seal_keys(&folder, &passphrase));
            (sealed.transpose(), turn)
        });
        let (keys, turn) = sealing.await.map_err(failed)?;
        let keys = keys.map_err(failed)?;
        let copy = copy_of_accounts(data);
        clear(&copy).and_then(|()| make_private_file(&copy)).map_err(failed)?;
        let held = self.ledger.hold().await.map_err(|error| match error {
            SealError::Stalled => ApiError::LedgerStalled,
            _ => ApiError::LedgerRefuses,
        })?;
        let pinned = self.accounts.pin(&copy).await.map_err(failed)?;
        let ledger = self.ledger.clone();
        let copying = spawn_blocking(move || (held.into_copy(&ledger), turn));
        let (ledger, turn) = copying.await.map_err(failed)?;
        let ledger = ledger.map_err(failed)?;
        let revision = pinned.revision();
        pinned.copy().await.map_err(failed)?;
        let accounts = File::open(&copy).map_err(failed)?;
        clear(&copy).map_err(failed)?;
        let taken_at = (self.clock)().to_string();
        Ok((Taken { ledger, accounts, revision, keys, taken_at }, turn))
    }
}

/// Where the accounts are copied to until the copy is open.
pub(crate) fn copy_of_accounts(data: &Path) -> PathBuf {
    data.join(format!("{ACCOUNTS}.copy"))
}

/// Removes a copy of the accounts, with what a crash may have left beside it.
pub(crate) fn clear(copy: &Path) -> io::Result<()> {
    remove_file(&PathBuf::from(format!("{}-journal", copy.display())))?;
    remove_file(copy)
}

/// Whether the file of a data folder is one of those that [`read_keys`] reads.
pub(crate) fn is_key_file(name: &str) -> bool {
    let is_name = |name: &str| !name.is_empty() && !name.contains('/');
    name == AUTHORITY
        || name.strip_prefix(KEYS).and_then(|name| name.strip_prefix('/')).is_some_and(is_name)
}

/// Reads the keys and encrypts them. Blocks for some tenths of a second.
fn seal_keys(data: &Path, passphrase: &Passphrase) -> io::Result<Vec<u8>> {
    sealed_keys::seal(&read_keys(data)?, passphrase).map_err(io::Error::other)
}

fn read_keys(data: &Path) -> io::Result<Vec<KeyFile>> {
    let mut keys = Vec::new();
    let folder = data.join(KEYS);
    if folder.is_dir() {
        for entry in std::fs::read_dir(&folder)? {
            let path = entry?.path();
            let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
            if path.is_file() {
                keys.push((format!("{KEYS}/{name}"), std::fs::read(&path)?));
            }
        }
    }
    let authority = data.join(AUTHORITY);
    if authority.is_file() {
        keys.push((AUTHORITY.to_owned(), std::fs::read(authority)?));
    }
    keys.sort();
    Ok(keys)
}

impl Taken {
    /// What the totals are of.
    pub(crate) fn snapshot(&self) -> ledger::Snapshot {
        self.ledger.snapshot()
    }

    /// Writes every file but the manifest, which is still without totals. Blocks.
    pub(crate) fn write_files<W: Write>(&mut self, out: &mut W) -> Result<BackupManifest, Failure> {
        let mut packing = Packing { out, files: Vec::new(), damaged: Vec::new() };
        let bytes = self.accounts.metadata().map_err(|_| Failure::Gone)?.len();
        packing.add(ACCOUNTS, bytes, &mut self.accounts)?;
        if let Some(bytes) = &self.keys {
            packing.add(SEALED_KEYS, bytes.len() as u64, &mut bytes.as_slice())?;
        }
        for file in self.ledger.files() {
            packing.of_ledger(file)?;
        }
        let Packing { files, damaged, .. } = packing;
        Ok(BackupManifest {
            format: BACKUP_FORMAT,
            ledger_version: self.snapshot().version().to_string(),
            accounts_revision: self.revision.0,
            taken_at: self.taken_at.clone(),
            keys: self.keys.as_ref().map_or(BackupKeys::LeftOut, |_| BackupKeys::Encrypted),
            files,
            totals: None,
            damaged,
        })
    }
}

/// Writes the manifest and the end. Blocks.
pub(crate) fn write_manifest<W: Write>(
    manifest: &BackupManifest,
    out: &mut W,
) -> Result<(), Failure> {
    let text = serde_json::to_vec_pretty(manifest).expect("a manifest is always JSON");
    let mut packing = Packing { out, files: Vec::new(), damaged: Vec::new() };
    packing.add(MANIFEST, text.len() as u64, &mut text.as_slice())?;
    out.write_all(&tar::END)?;
    Ok(out.flush()?)
}

/// Files on their way.
struct Packing<'a, W> {
    out: &'a mut W,
    files: Vec<BackupFile>,
    damaged: Vec<DamagedFile>,
}

impl<W: Write> Packing<'_, W> {
    fn begin(&mut self, name: &str, bytes: u64) -> Result<(), Failure> {
        let member = Member { name: name.to_owned(), mode: 0o600, bytes };
        Ok(self.out.write_all(&member.header().map_err(Failure::Name)?)?)
    }

    fn end(&mut self, name: &str, bytes: u64, hash: &FileHash) -> Result<(), Failure> {
        self.out.write_all(tar::padding(bytes))?;
        self.files.push(BackupFile { path: name.to_owned(), bytes, hash: hash.text() });
        Ok(())
    }

    fn add(&mut self, name: &str, bytes: u64, from: &mut dyn Read) -> Result<(), Failure> {
        self.begin(name, bytes)?;
        let (mut hash, mut piece) = (FileHash::default(), vec![0; 1 << 16]);
        let mut left = from.take(bytes);
        loop {
            match left.read(&mut piece)? {
                0 => break,
                length => {
                    hash.update(&piece[..length]);
                    self.out.write_all(&piece[..length])?;
                }
            }
        }
        self.end(name, bytes, &hash)
    }

    fn of_ledger(&mut self, file: &CopiedFile) -> Result<(), Failure> {
        let name = format!("{LEDGER}/{}", file.name);
        self.begin(&name, file.bytes)?;
        let (mut hash, out) = (FileHash::default(), &mut self.out);
        let damage = file.read(|piece| {
            hash.update(piece);
            Ok::<_, Failure>(out.write_all(piece)?)
        })?;
        if let Some(reason) = damage {
            tracing::error!(file = name, reason, "a damaged file is backed up as it is");
            self.damaged.push(DamagedFile { file: name.clone(), reason });
        }
        self.end(&name, file.bytes, &hash)
    }
}

/// Totals as a manifest has them.
pub(crate) fn totals_body(totals: &Totals) -> BackupTotals {
    let subscriptions: Vec<_> = totals
        .iter()
        .map(|(subscription, meters)| {
            let mut hash = FileHash::default();
            for (meter, total) in meters {
                hash.update(&meter.to_bits().to_be_bytes());
                hash.update(&total.rows.to_be_bytes());
                hash.update(&total.quantity.to_be_bytes());
            }
            SubscriptionTotals {
                subscription_id: subscription.to_string(),
                rows: meters.values().map(|total| total.rows).sum(),
                hash: hash.text(),
            }
        })
        .collect();
    BackupTotals { rows: subscriptions.iter().map(|one| one.rows).sum(), subscriptions }
}

impl From<io::Error> for Failure {
    /// Of writing: what is read has errors of its own.
    fn from(_: io::Error) -> Self {
        Self::Gone
    }
}

impl From<ReadError> for Failure {
    fn from(error: ReadError) -> Self {
        Self::Read(error)
    }
}
