//! From a backup to a data folder, and checks of a folder that no server has open.
//!
//! A folder under way says `restoring` in the place of its format, so that no server opens what is not
//! whole; it says its format once every file is there, is what the manifest says, and is on disk.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Write};
use std::ops::ControlFlow;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use accounts::Accounts;
use domain::id::SubscriptionId;
use ledger::{Ledger, Progress};
use serde::Deserialize;
use wire::own::{
    BACKUP_FORMAT, BackupKeys, BackupManifest, BackupTotals, FileHash, MANIFEST, PLAIN_KEYS,
    Passphrase, RestoreReport, RestoredKeys, SubscriptionTotals, VerifyReport,
};

use crate::app::{FOLDER_FORMAT, RESTORING};
use crate::backup::{ACCOUNTS, AUTHORITY, KEYS, LEDGER, is_key_file, totals_body};
use crate::clock;
use crate::files::{make_private_folder, sync_parent, write_file};
use crate::own::backup::report_body;
use crate::sealed_keys::{self, KeyFile, OpenError, SEALED_KEYS};

/// What is wrong with a file that has another hash than the manifest says.
const OTHER_BYTES: &str = "its bytes are not those that were backed up";

/// Why a backup was not restored.
#[derive(Debug)]
pub enum RestoreError {
    /// The backup did not come to its end, or is none: it has no manifest.
    Incomplete(PathBuf),
    /// The backup is of a newer version.
    Newer {
        /// Its manifest.
        file: PathBuf,
        /// Its format.
        found: u32,
    },
    /// The backup has private keys in plain, as earlier versions took them.
    PlainKeys(PathBuf),
    /// A file of the backup is not what its manifest says, or the manifest is none.
    Damaged {
        /// The file.
        file: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
    /// The file of the keys is as it was backed up, and encrypted by another passphrase.
    WrongPassphrase(PathBuf),
    /// A passphrase is given, and the keys were left out of the backup.
    NoKeys(PathBuf),
    /// There is something in the folder that is to be restored into.
    NotEmpty(PathBuf),
    /// A file cannot be read or written.
    File(PathBuf, io::Error),
    /// What was restored does not open.
    NotOpened(Box<dyn std::error::Error + Send + Sync>),
    /// What was restored is not what was backed up.
    Differs(String),
}

impl fmt::Display for RestoreError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Incomplete(backup) => {
                write!(f, "{} is no whole backup: it has no {MANIFEST}", backup.display())
            }
            Self::Newer { file, found } => write!(
                f,
                "{} says format {found}, newer than {BACKUP_FORMAT}, which this version knows",
                file.display()
            ),
            Self::PlainKeys(backup) => write!(f, "{}: {PLAIN_KEYS}", backup.display()),
            Self::Damaged { file, reason } => {
                write!(f, "{} of the backup is damaged: {reason}", file.display())
            }
            Self::WrongPassphrase(file) => {
                write!(f, "{} does not open: the passphrase is another one", file.display())
            }
            Self::NoKeys(backup) => {
                write!(f, "{} has no private keys: they were left out", backup.display())
            }
            Self::NotEmpty(data) => write!(f, "{} is not empty", data.display()),
            Self::File(path, _) => write!(f, "cannot read or write {}", path.display()),
            Self::NotOpened(_) => f.write_str("what was restored does not open"),
            Self::Differs(what) => write!(f, "what was restored is not what was backed up: {what}"),
        }
    }
}

impl std::error::Error for RestoreError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::File(_, error) => Some(error),
            Self::NotOpened(error) => Some(&**error),
            _ => None,
        }
    }
}

/// What to restore, and where.
#[derive(Debug, Clone, Copy)]
pub struct Restoring<'a> {
    /// Folder of the backup.
    pub backup: &'a Path,
    /// Data folder to make.
    pub data: &'a Path,
    /// What the private keys are encrypted by; without it they are not restored.
    pub passphrase: Option<&'a Passphrase>,
    /// Whether to compare rows and sums.
    pub verify: bool,
}

/// Makes a data folder of a backup. With `verify`, opens the ledger and the accounts of it, and compares
/// them with what the manifest says of every subscription. Blocks; `progress` is told how far it is.
///
/// # Errors
/// [`RestoreError`]; a folder that was begun says that it is not whole, and no server opens it.
pub fn restore(
    restoring: Restoring<'_>,
    progress: &mut dyn FnMut(Progress),
) -> Result<RestoreReport, RestoreError> {
    let Restoring { backup, data, passphrase, verify } = restoring;
    let manifest = read_manifest(backup)?;
    check_sizes(backup, &manifest)?;
    let sealed = read_sealed_keys(backup, &manifest)?;
    let opened = match (passphrase, sealed) {
        (None, _) => None,
        (Some(_), None) => return Err(RestoreError::NoKeys(backup.to_owned())),
        (Some(passphrase), Some(sealed)) => Some(open_keys(backup, &sealed, passphrase)?),
    };
    make_empty(data)?;
    let format = data.join("format");
    let say = |text: &str| {
        write_file(&format, format!("{text}\n").as_bytes(), 0o644).map_err(at(&format))
    };
    say(RESTORING)?;
    let copied = || manifest.files.iter().filter(|file| file.path != SEALED_KEYS);
    let of = copied().map(|file| file.bytes).sum();
    let mut done = 0;
    for file in copied() {
        let hash = copy(backup, data, &file.path)?;
        if hash != file.hash {
            let reason = OTHER_BYTES.to_owned();
            return Err(RestoreError::Damaged { file: backup.join(&file.path), reason });
        }
        done += file.bytes;
        progress(Progress { done, of });
    }
    for (name, bytes) in opened.iter().flatten() {
        let path = data.join(name);
        let folder = path.parent().unwrap_or(data);
        make_private_folder(folder).map_err(at(folder))?;
        write_file(&path, bytes, 0o600).map_err(at(&path))?;
    }
    sync_folders(data, &manifest)?;
    let verified_rows = verify.then(|| compare(data, &manifest)).transpose()?;
    say(FOLDER_FORMAT)?;
    let files = copied().count() + opened.iter().flatten().count();
    Ok(RestoreReport {
        ledger_version: manifest.ledger_version,
        accounts_revision: manifest.accounts_revision,
        taken_at: manifest.taken_at,
        files: files as u64,
        bytes: of + opened.iter().flatten().map(|(_, bytes)| bytes.len() as u64).sum::<u64>(),
        keys: match (manifest.keys, opened) {
            (BackupKeys::LeftOut, _) => RestoredKeys::LeftOut,
            (BackupKeys::Encrypted, None) => RestoredKeys::NotRestored,
            (BackupKeys::Encrypted, Some(_)) => RestoredKeys::Restored,
        },
        verified_rows,
        damaged: manifest.damaged,
    })
}

fn at(path: &Path) -> impl FnOnce(io::Error) -> RestoreError + '_ {
    move |error| RestoreError::File(path.to_owned(), error)
}

fn read_manifest(backup: &Path) -> Result<BackupManifest, RestoreError> {
    #[derive(Deserialize)]
    struct Format {
        format: u32,
        keys: Option<serde_json::Value>,
    }
    let file = backup.join(MANIFEST);
    let text = match fs::read(&file) {
        Ok(text) => text,
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            return Err(RestoreError::Incomplete(backup.to_owned()));
        }
        Err(error) => return Err(at(&file)(error)),
    };
    let damaged = |error: serde_json::Error| RestoreError::Damaged {
        file: file.clone(),
        reason: error.to_string(),
    };
    let Format { format: found, keys } = serde_json::from_slice(&text).map_err(damaged)?;
    if found > BACKUP_FORMAT {
        return Err(RestoreError::Newer { file, found });
    }
    if keys == Some(true.into()) {
        return Err(RestoreError::PlainKeys(backup.to_owned()));
    }
    let manifest: BackupManifest = serde_json::from_slice(&text).map_err(damaged)?;
    match strange(&manifest) {
        None => Ok(manifest),
        Some(reason) => Err(RestoreError::Damaged { file, reason }),
    }
}

/// What no manifest says: a file that leads elsewhere or is a key in plain, or other files of keys than
/// it says.
fn strange(manifest: &BackupManifest) -> Option<String> {
    let is_plain = |path: &str| {
        path.split('/').all(|part| !matches!(part, "" | "." | "..")) && !path.contains('\\')
    };
    let is_of_keys = |path: &str| path == AUTHORITY || path.split('/').next() == Some(KEYS);
    let paths = || manifest.files.iter().map(|file| file.path.as_str());
    if let Some(path) = paths().find(|path| !is_plain(path)) {
        return Some(format!("it names '{path}', which leads elsewhere"));
    }
    if let Some(path) = paths().find(|path| is_of_keys(path)) {
        return Some(format!("it names '{path}', which no backup has in plain"));
    }
    match (manifest.keys, paths().any(|path| path == SEALED_KEYS)) {
        (BackupKeys::Encrypted, true) | (BackupKeys::LeftOut, false) => None,
        (BackupKeys::Encrypted, false) => {
            Some(format!("it says that private keys are encrypted, and names no {SEALED_KEYS}"))
        }
        (BackupKeys::LeftOut, true) => {
            Some(format!("it says that private keys are left out, and names {SEALED_KEYS}"))
        }
    }
}

/// What is missing or cut short is told before anything is written.
fn check_sizes(backup: &Path, manifest: &BackupManifest) -> Result<(), RestoreError> {
    for file in &manifest.files {
        let path = backup.join(&file.path);
        let reason = match fs::metadata(&path) {
            Ok(there) if there.len() == file.bytes => continue,
            Ok(there) => format!("{} bytes in the place of {}", there.len(), file.bytes),
            Err(error) if error.kind() == io::ErrorKind::NotFound => "it is missing".to_owned(),
            Err(error) => return Err(at(&path)(error)),
        };
        return Err(RestoreError::Damaged { file: path, reason });
    }
    Ok(())
}

/// The encrypted keys, if the backup has them, before anything is written. What was damaged since is told
/// apart from another passphrase by the hash in the manifest.
fn read_sealed_keys(
    backup: &Path,
    manifest: &BackupManifest,
) -> Result<Option<Vec<u8>>, RestoreError> {
    let Some(listed) = manifest.files.iter().find(|file| file.path == SEALED_KEYS) else {
        return Ok(None);
    };
    let file = backup.join(SEALED_KEYS);
    let bytes = fs::read(&file).map_err(at(&file))?;
    let mut hash = FileHash::default();
    hash.update(&bytes);
    if hash.text() != listed.hash {
        let reason = OTHER_BYTES.to_owned();
        return Err(RestoreError::Damaged { file, reason });
    }
    Ok(Some(bytes))
}

/// The private keys, before anything is written.
fn open_keys(
    backup: &Path,
    sealed: &[u8],
    passphrase: &Passphrase,
) -> Result<Vec<KeyFile>, RestoreError> {
    let file = backup.join(SEALED_KEYS);
    let keys = match sealed_keys::open(sealed, passphrase) {
        Ok(keys) => keys,
        Err(OpenError::Refused) => return Err(RestoreError::WrongPassphrase(file)),
        Err(OpenError::NoKeys) => {
            let reason = "this is no file of private keys".to_owned();
            return Err(RestoreError::Damaged { file, reason });
        }
        Err(OpenError::Newer(found)) => {
            return Err(RestoreError::Newer { file, found: found.into() });
        }
    };
    match keys.iter().find(|(name, _)| !is_key_file(name)) {
        None => Ok(keys),
        Some((name, _)) => {
            let reason = format!("it has '{name}', which is no file of private keys");
            Err(RestoreError::Damaged { file, reason })
        }
    }
}

/// Makes the folder, unless there is an empty one.
fn make_empty(data: &Path) -> Result<(), RestoreError> {
    fs::create_dir_all(data).map_err(at(data))?;
    match fs::read_dir(data).map_err(at(data))?.next() {
        None => sync_parent(data).map_err(at(data)),
        Some(_) => Err(RestoreError::NotEmpty(data.to_owned())),
    }
}

/// Copies a file, which is on disk then, and says its hash.
fn copy(backup: &Path, data: &Path, name: &str) -> Result<String, RestoreError> {
    let (from, to) = (backup.join(name), data.join(name));
    let folder = to.parent().unwrap_or(data);
    make_private_folder(folder).map_err(at(folder))?;
    let mut read = File::open(&from).map_err(at(&from))?;
    let written = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&to);
    let mut written = written.map_err(at(&to))?;
    let (mut hash, mut piece) = (FileHash::default(), vec![0; 1 << 20]);
    loop {
        match read.read(&mut piece).map_err(at(&from))? {
            0 => break,
            length => {
                hash.update(&piece[..length]);
                written.write_all(&piece[..length]).map_err(at(&to))?;
            }
        }
    }
    written.sync_all().map_err(at(&to))?;
    Ok(hash.text())
}

/// Makes every name durable.
fn sync_folders(data: &Path, manifest: &BackupManifest) -> Result<(), RestoreError> {
    let mut folders = BTreeSet::from([data.to_owned()]);
    for file in &manifest.files {
        let path = data.join(&file.path);
        let above = path.ancestors().skip(1).take_while(|folder| folder.starts_with(data));
        folders.extend(above.map(Path::to_owned));
    }
    for folder in folders {
        File::open(&folder).and_then(|open| open.sync_all()).map_err(at(&folder))?;
    }
    Ok(())
}

/// Opens what was restored; the rows of its ledger, if its totals are those of the manifest.
fn compare(data: &Path, manifest: &BackupManifest) -> Result<u64, RestoreError> {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build();
    let runtime = runtime.map_err(at(data))?;
    runtime.block_on(async {
        let expected = manifest.totals.as_ref().ok_or_else(|| {
            let what = "files were damaged when it was taken, so it has no totals";
            RestoreError::Differs(what.to_owned())
        })?;
        let accounts = Accounts::open(&data.join(ACCOUNTS), clock::system()()).await;
        let accounts = accounts.map_err(not_opened)?;
        let known = known(&accounts, manifest).await;
        let closed = accounts.close().await;
        let known = known?;
        closed.map_err(not_opened)?;
        let totals = ledger_totals(data, manifest).await?;
        differs(expected, &totals, &known)
            .map_or(Ok(totals.rows), |what| Err(RestoreError::Differs(what)))
    })
}

fn not_opened(error: impl std::error::Error + Send + Sync + 'static) -> RestoreError {
    RestoreError::NotOpened(Box::new(error))
}

/// The subscriptions that the accounts know.
async fn known(
    accounts: &Accounts,
    manifest: &BackupManifest,
) -> Result<BTreeSet<SubscriptionId>, RestoreError> {
    let revision = accounts.revision().await.map_err(not_opened)?;
    if revision.0 != manifest.accounts_revision {
        let (found, expected) = (revision.0, manifest.accounts_revision);
        let what = format!("the accounts are of revision {found}, not of {expected}");
        return Err(RestoreError::Differs(what));
    }
    let subscriptions = accounts.subscriptions().await.map_err(not_opened)?;
    Ok(subscriptions.into_iter().map(|subscription| subscription.id).collect())
}

/// What the restored ledger has. Opening it makes its index.
async fn ledger_totals(
    data: &Path,
    manifest: &BackupManifest,
) -> Result<BackupTotals, RestoreError> {
    let options = ledger::Options {
        clock: clock::system(),
        seal_bytes: u64::MAX,
        unsealed_bytes_max: ledger::limits::UNSEALED_BYTES_MAX,
        seal_after_seconds: u64::MAX,
        keep_replaced_seconds: ledger::limits::REPLACED_SECONDS,
    };
    let folder = data.join(LEDGER);
    let opening = tokio::task::spawn_blocking(move || Ledger::open(&folder, options));
    let ledger = opening.await.map_err(not_opened)?.map_err(not_opened)?;
    let snapshot = ledger.snapshot(None).await.map_err(not_opened)?;
    let (version, totals) = (snapshot.version().to_string(), snapshot.totals().await);
    ledger.close().await.map_err(not_opened)?;
    if version != manifest.ledger_version {
        let what = format!("the ledger is of version {version}, not {}", manifest.ledger_version);
        return Err(RestoreError::Differs(what));
    }
    Ok(totals_body(&totals.map_err(not_opened)?))
}

/// The first difference of totals, or a subscription with rows that the accounts do not know.
fn differs(
    expected: &BackupTotals,
    found: &BackupTotals,
    known: &BTreeSet<SubscriptionId>,
) -> Option<String> {
    let by_id = |totals: &BackupTotals| -> BTreeMap<_, _> {
        let all = totals.subscriptions.iter().cloned();
        all.map(|one| (one.subscription_id.clone(), one)).collect()
    };
    let (expected, found) = (by_id(expected), by_id(found));
    let all: BTreeSet<_> = expected.keys().chain(found.keys()).collect();
    all.into_iter().find_map(|id| {
        let (expected, found) = (expected.get(id), found.get(id));
        if expected != found {
            let rows = |one: Option<&SubscriptionTotals>| one.map_or(0, |one| one.rows);
            let (expected, found) = (rows(expected), rows(found));
            return Some(format!(
                "subscription {id} had {expected} rows and has {found}, or their sums differ"
            ));
        }
        let is_known = SubscriptionId::parse(id).is_ok_and(|id| known.contains(&id));
        (!is_known).then(|| format!("the accounts do not know subscription {id}"))
    })
}

/// Checks the ledger of a data folder that no server has open, and changes nothing.
///
/// # Errors
/// [`ledger::OpenError`] if there is none, a server has it open, or a folder cannot be read. Damage is
/// in the report.
pub fn verify_folder(
    data: &Path,
    progress: &mut dyn FnMut(Progress),
) -> Result<VerifyReport, ledger::OpenError> {
    let told = &mut |now: Progress| {
        progress(now);
        ControlFlow::Continue(())
    };
    ledger::verify_folder(&data.join(LEDGER), told).map(report_body)
}

#[cfg(test)]
mod tests {
    use wire::own::BackupFile;

    use super::*;

    fn file(path: &str, bytes: &[u8]) -> BackupFile {
        let mut hash = FileHash::default();
        hash.update(bytes);
        BackupFile { path: path.to_owned(), bytes: bytes.len() as u64, hash: hash.text() }
    }

    /// Restores a backup of these files, of which `keys.sealed` is there; nothing is written.
    fn check(keys: serde_json::Value, files: Vec<BackupFile>, sealed: &[u8], expected: &str) {
        let above = tempfile::tempdir().unwrap();
        let manifest = BackupManifest {
            format: BACKUP_FORMAT,
            ledger_version: "v".to_owned(),
            accounts_revision: 1,
            taken_at: "now".to_owned(),
            keys: BackupKeys::LeftOut,
            files,
            totals: None,
            damaged: Vec::new(),
        };
        let mut manifest = serde_json::to_value(manifest).unwrap();
        manifest["keys"] = keys;
        fs::write(above.path().join(MANIFEST), manifest.to_string()).unwrap();
        fs::write(above.path().join(SEALED_KEYS), sealed).unwrap();
        let (backup, data) = (above.path(), above.path().join("data"));
        let passphrase = Passphrase::parse("correct horse battery").unwrap();
        let passphrase = Some(&passphrase);
        let restoring = Restoring { backup, data: &data, passphrase, verify: false };
        let error = restore(restoring, &mut |_| {}).unwrap_err().to_string();
        assert!(error.contains(expected), "{expected}: {error}");
        assert!(!data.exists(), "{expected}");
    }

    #[test]
    fn what_a_manifest_says_of_keys_fits_its_files() {
        let sealed = || file(SEALED_KEYS, b"sealed");
        for (keys, files, expected) in [
            ("encrypted", vec![], "encrypted, and names no keys.sealed"),
            ("leftOut", vec![sealed()], "left out, and names keys.sealed"),
            ("leftOut", vec![file("keys/a.pem", b"")], "names 'keys/a.pem', which no backup"),
            ("encrypted", vec![sealed(), file("ca.pem", b"")], "names 'ca.pem', which no backup"),
            ("leftOut", vec![], "has no private keys: they were left out"),
        ] {
            check(keys.into(), files, b"sealed", expected);
        }
        // As earlier versions said it.
        check(false.into(), vec![], b"", "has no private keys: they were left out");
        check(true.into(), vec![file("keys/a.pem", b"")], b"", "it has private keys in plain");
    }

    #[test]
    fn only_keys_come_out_of_the_file_of_keys() {
        let passphrase = Passphrase::parse("correct horse battery").unwrap();
        for name in ["format", "ledger/writer", "keys", "keys/deeper/a.pem", "keys.pem", "ca.pem/a"]
        {
            let keys = [("keys/a.pem".to_owned(), vec![1]), (name.to_owned(), vec![2])];
            let sealed = sealed_keys::seal(&keys, &passphrase).unwrap();
            let expected = format!("keys.sealed of the backup is damaged: it has '{name}'");
            check("encrypted".into(), vec![file(SEALED_KEYS, &sealed)], &sealed, &expected);
        }
    }
}
