//! `backup`: a running server's data, as it streams them, into a folder; `restore`: a data folder of
//! that; and `ledger verify`.

use std::error::Error;
use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{self, BufRead, BufReader, Read, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use server::{RestoreError, Restoring};
use wire::own::{
    BackupKeys, BackupManifest, BackupRequest, FileHash, MANIFEST, PLAIN_KEYS, Passphrase,
    RestoredKeys, VerifyLine, VerifyReport,
};
use wire::tar;

use super::{OWN_API, json, payload};
use crate::arguments::{BackupOptions, RestoreOptions};
use crate::client::Client;
use crate::document::Document;
use crate::failure::Failure;
use crate::limits;
use crate::output::{Output, message};
use crate::progress::Progress;

/// Says in a backup's folder that it is not whole.
const INCOMPLETE: &str = "incomplete";

/// Takes a backup.
pub(super) fn backup<W: Write>(
    options: &BackupOptions,
    client: &Client,
    output: &mut Output<W>,
) -> Result<(), Failure> {
    let folder = &options.folder;
    let keys_passphrase = options.passphrase_file.as_deref().map(read_passphrase).transpose()?;
    make_empty(folder)?;
    let incomplete = folder.join(INCOMPLETE);
    let text = "This backup is not whole: it is under way, or it did not finish.\n";
    write_whole(&incomplete, text.as_bytes())?;
    let body = json(&BackupRequest { keys_passphrase });
    let stream = client.post_for_stream(&format!("{OWN_API}/backup"), payload(&body))?;
    let broke_off = |error: &io::Error| client.broke_off(error);
    let (manifest, text) = unpack(stream, folder, &broke_off)?;
    let part = folder.join(format!("{MANIFEST}.part"));
    write_whole(&part, &text)?;
    for above in folders(folder, &manifest) {
        File::open(&above)
            .and_then(|open| open.sync_all())
            .map_err(|error| file(&above, &error))?;
    }
    let last = folder.join(MANIFEST);
    fs::rename(&part, &last).map_err(|error| file(&last, &error))?;
    fs::remove_file(&incomplete).map_err(|error| file(&incomplete, &error))?;
    File::open(folder).and_then(|open| open.sync_all()).map_err(|error| file(folder, &error))?;
    let keys = match manifest.keys {
        BackupKeys::Encrypted => "private keys encrypted",
        BackupKeys::LeftOut => "private keys left out",
    };
    message(format!("{}: a whole backup, {keys}", folder.display()));
    let damaged = manifest.damaged.len() as u64;
    output.write(summary(&manifest))?;
    if damaged > 0 { Err(Failure::Damaged { files: damaged }) } else { Ok(()) }
}

/// The manifest without its lists.
fn summary(manifest: &BackupManifest) -> Document {
    let bytes: u64 = manifest.files.iter().map(|file| file.bytes).sum();
    document(&serde_json::json!({
        "ledgerVersion": manifest.ledger_version,
        "accountsRevision": manifest.accounts_revision,
        "takenAt": manifest.taken_at,
        "files": manifest.files.len(),
        "bytes": bytes,
        "keys": manifest.keys,
        "rows": manifest.totals.as_ref().map(|totals| totals.rows),
        "damaged": manifest.damaged,
    }))
}

/// Reads a passphrase from a file; a line end at its end is none of it.
fn read_passphrase(path: &Path) -> Result<Passphrase, Failure> {
    let input = |reason: String| Failure::Input { file: path.display().to_string(), reason };
    let (mut text, most) = (String::new(), limits::PASSPHRASE_FILE_BYTES);
    let read = File::open(path).and_then(|file| file.take(most).read_to_string(&mut text));
    read.map_err(|error| input(format!("cannot read it: {error}")))?;
    let line = text.strip_suffix('\n').unwrap_or(&text);
    let line = line.strip_suffix('\r').unwrap_or(line);
    Passphrase::parse(line).map_err(|error| input(error.to_string()))
}

fn document(report: &impl serde::Serialize) -> Document {
    Document::parse(&json(report)).expect("our own bodies are JSON")
}

/// Writes every member of the stream below the folder; gives the manifest, and its text, which is not
/// written.
fn unpack(
    stream: impl Read,
    folder: &Path,
    broke_off: &dyn Fn(&io::Error) -> Failure,
) -> Result<(BackupManifest, Vec<u8>), Failure> {
    let mut members = tar::Reader::new(BufReader::with_capacity(limits::READ_BUFFER_BYTES, stream));
    let mut progress = Progress::of_bytes(None, "receiving");
    let (mut received, mut hashes) = (0, Vec::new());
    let mut manifest = None;
    while let Some(member) = members.next_member().map_err(|error| broke_off(&error))? {
        if member.name == MANIFEST {
            let mut text = Vec::new();
            members
                .by_ref()
                .take(limits::MANIFEST_BYTES)
                .read_to_end(&mut text)
                .map_err(|error| broke_off(&error))?;
            manifest = Some(text);
            continue;
        }
        let path = folder.join(&member.name);
        let above = path.parent().unwrap_or(folder);
        DirBuilder::new().recursive(true).mode(0o700).create(above).map_err(|e| file(above, &e))?;
        let mut written = create(&path)?;
        let (mut hash, mut piece) = (FileHash::default(), vec![0; limits::PIECE_BYTES]);
        loop {
            let length = match members.read(&mut piece).map_err(|error| broke_off(&error))? {
                0 => break,
                length => length,
            };
            hash.update(&piece[..length]);
            written.write_all(&piece[..length]).map_err(|error| file(&path, &error))?;
            received += u64::try_from(length).expect("a length fits 64 bits");
            progress.at(received);
        }
        written.sync_all().map_err(|error| file(&path, &error))?;
        hashes.push((member.name, member.bytes, hash.text()));
    }
    let wrong = |reason: &str| broke_off(&io::Error::other(reason.to_owned()));
    let text = manifest.ok_or_else(|| wrong("the stream has no manifest"))?;
    let manifest: BackupManifest =
        serde_json::from_slice(&text).map_err(|error| wrong(&error.to_string()))?;
    let told = manifest.files.iter().map(|file| (file.path.clone(), file.bytes, file.hash.clone()));
    if told.collect::<Vec<_>>() != hashes {
        return Err(wrong("a file arrived with other bytes than it was sent with"));
    }
    Ok((manifest, text))
}

fn create(path: &Path) -> Result<File, Failure> {
    let made = OpenOptions::new().write(true).create_new(true).mode(0o600).open(path);
    made.map_err(|error| file(path, &error))
}

fn write_whole(path: &Path, bytes: &[u8]) -> Result<(), Failure> {
    let mut made = create(path)?;
    made.write_all(bytes).and_then(|()| made.sync_all()).map_err(|error| file(path, &error))
}

/// Makes the folder, unless there is an empty one.
fn make_empty(folder: &Path) -> Result<(), Failure> {
    let made = DirBuilder::new().recursive(true).mode(0o700).create(folder);
    made.map_err(|error| file(folder, &error))?;
    match fs::read_dir(folder).map_err(|error| file(folder, &error))?.next() {
        None => Ok(()),
        Some(_) => Err(Failure::Usage(format!("{} is not empty", folder.display()))),
    }
}

fn folders(folder: &Path, manifest: &BackupManifest) -> Vec<PathBuf> {
    let mut folders: Vec<_> = manifest
        .files
        .iter()
        .flat_map(|file| {
            let path = folder.join(&file.path);
            let above: Vec<_> = path.ancestors().skip(1).map(Path::to_owned).collect();
            above.into_iter().take_while(|above| above.starts_with(folder))
        })
        .collect();
    folders.sort();
    folders.dedup();
    folders
}

fn file(path: &Path, error: &io::Error) -> Failure {
    Failure::Refused { message: format!("cannot write {}: {error}", path.display()), hint: None }
}

/// Restores a backup.
///
/// # Errors
/// [`Failure`] if it is not whole, or what was restored is not what was backed up.
pub(crate) fn restore<W: Write>(
    options: &RestoreOptions,
    output: &mut Output<W>,
) -> Result<(), Failure> {
    let Some(data) = &options.data else {
        return Err(Failure::Usage("restore needs --data DIR, the folder to make".to_owned()));
    };
    let passphrase = options.passphrase_file.as_deref().map(read_passphrase).transpose()?;
    let (backup, passphrase, verify) = (&options.backup, passphrase.as_ref(), options.verify);
    let mut progress = None;
    let restoring = Restoring { backup, data, passphrase, verify };
    let restored = server::restore(restoring, &mut |now| {
        progress.get_or_insert_with(|| Progress::of_bytes(Some(now.of), "restoring")).at(now.done);
    });
    drop(progress);
    let report = restored.map_err(|error| refused(&error))?;
    let data = data.display();
    let keys = match report.keys {
        RestoredKeys::Restored => "the private keys are restored",
        RestoredKeys::NotRestored => {
            "the private keys are not restored: that takes --passphrase-file"
        }
        RestoredKeys::LeftOut => "the backup has no private keys: the server makes new ones",
    };
    message(keys.to_owned());
    message(format!("{data} is restored: tallyhouse serve --data {data} starts a server on it"));
    output.write(document(&report))
}

fn refused(error: &RestoreError) -> Failure {
    let input =
        |file: &Path, reason: String| Failure::Input { file: file.display().to_string(), reason };
    match error {
        RestoreError::Incomplete(backup) => {
            input(backup, format!("this is no whole backup: it has no {MANIFEST}"))
        }
        RestoreError::Newer { file, found } => {
            input(file, format!("format {found} is newer than this version knows"))
        }
        RestoreError::PlainKeys(backup) => input(backup, PLAIN_KEYS.to_owned()),
        RestoreError::Damaged { file, reason } => input(file, reason.clone()),
        RestoreError::WrongPassphrase(file) => {
            input(file, "it does not open: the passphrase is another one".to_owned())
        }
        RestoreError::NoKeys(backup) => {
            input(backup, "it has no private keys: they were left out".to_owned())
        }
        RestoreError::NotEmpty(_) => Failure::Usage(error.to_string()),
        RestoreError::File(..) | RestoreError::NotOpened(_) | RestoreError::Differs(_) => {
            Failure::Refused { message: with_causes(error), hint: None }
        }
    }
}

fn with_causes(error: &dyn Error) -> String {
    let (mut text, mut source) = (error.to_string(), error.source());
    while let Some(cause) = source {
        text = format!("{text}: {cause}");
        source = cause.source();
    }
    text
}

/// Has a running server check its ledger.
pub(super) fn verify<W: Write>(client: &Client, output: &mut Output<W>) -> Result<(), Failure> {
    let stream = client.stream(&format!("{OWN_API}/ledger/verify"))?;
    let mut lines = BufReader::new(stream);
    let mut progress: Option<Progress> = None;
    let mut text = String::new();
    loop {
        text.clear();
        let length = lines.read_line(&mut text).map_err(|error| client.broke_off(&error))?;
        if length == 0 {
            return Err(client.broke_off(&io::ErrorKind::UnexpectedEof.into()));
        }
        let line = serde_json::from_str(&text)
            .map_err(|error| client.broke_off(&io::Error::other(error)))?;
        match line {
            VerifyLine::Progress(now) => progress
                .get_or_insert_with(|| Progress::of_bytes(Some(now.of), "checking"))
                .at(now.bytes),
            VerifyLine::Report(report) => {
                drop(progress);
                return tell(&report, output);
            }
        }
    }
}

/// Checks the ledger of a data folder that no server has open.
///
/// # Errors
/// [`Failure`] if it cannot be checked, or something is damaged.
pub(crate) fn verify_folder<W: Write>(
    data: Option<&Path>,
    output: &mut Output<W>,
) -> Result<(), Failure> {
    let Some(data) = data else {
        return Err(Failure::Usage("--offline needs --data DIR, the folder to check".to_owned()));
    };
    let mut progress = None;
    let checked = server::verify_folder(data, &mut |now| {
        progress.get_or_insert_with(|| Progress::of_bytes(Some(now.of), "checking")).at(now.done);
    });
    drop(progress);
    let report = checked.map_err(|error| Failure::Refused {
        message: with_causes(&error),
        hint: Some("a running server is checked without --offline".to_owned()),
    })?;
    tell(&report, output)
}

fn tell<W: Write>(report: &VerifyReport, output: &mut Output<W>) -> Result<(), Failure> {
    output.write(document(report))?;
    match (report.damaged.len() as u64 + report.more_damaged, report.unreadable.len()) {
        (0, 0) => Ok(()),
        (0, files) => Err(Failure::Refused {
            message: format!("the object store did not give {files} of the data files"),
            hint: Some("the result names them as unreadable; check again".to_owned()),
        }),
        (files, _) => Err(Failure::Damaged { files }),
    }
}
