//! Files that are there after a power cut: every function here has synced what it names, and the
//! folder that names it, before it returns.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};

use crate::error::{At, FileError};
use crate::limits::SMALL_FILE_BYTES_MAX;

/// Ending of files that are not finished; one found on opening is left over from a crash.
const TEMPORARY: &str = "tmp";

/// Makes a folder, and those above it, where there is none.
///
/// The name is synced in any case: a folder that is there may be one that a crash left unsynced.
pub(crate) fn make_folder(folder: &Path) -> Result<(), FileError> {
    let above = folder.parent().filter(|above| !above.as_os_str().is_empty());
    let above = above.unwrap_or(Path::new("."));
    if !folder.is_dir() {
        if !above.is_dir() {
            make_folder(above)?;
        }
        fs::create_dir(folder).at("make", folder)?;
    }
    sync_folder(above)
}

/// Makes the names in a folder durable.
pub(crate) fn sync_folder(folder: &Path) -> Result<(), FileError> {
    File::open(folder).and_then(|folder| folder.sync_all()).at("sync", folder)
}

/// Makes an empty file that does not exist yet.
pub(crate) fn make_file(file: &Path) -> Result<File, FileError> {
    let made = OpenOptions::new().append(true).create_new(true).open(file).at("make", file)?;
    made.sync_all().at("sync", file)?;
    sync_folder(parent(file))?;
    Ok(made)
}

/// Replaces a file as a whole: after a crash it has the old bytes or the new.
pub(crate) fn replace(file: &Path, bytes: &[u8]) -> Result<(), FileError> {
    let temporary = write_temporary(file, bytes)?;
    fs::rename(&temporary, file).at("rename", &temporary)?;
    sync_folder(parent(file))
}

/// Outcome of [`put_if_absent`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Put {
    /// The file has our bytes, durably.
    Done,
    /// The file has other bytes.
    Taken,
}

/// Why [`put_if_absent`] failed.
#[derive(Debug)]
pub(crate) enum PutError {
    /// The file was not made: it may be tried again.
    NotDone(FileError),
    /// The file may or may not be there after a crash: only opening again tells.
    Unknown(FileError),
}

/// Makes a file with these bytes, unless it exists.
///
/// Whatever the link says, the file is read back and compared: a failed link may have worked.
pub(crate) fn put_if_absent(file: &Path, bytes: &[u8]) -> Result<Put, PutError> {
    let temporary = write_temporary(file, bytes).map_err(PutError::NotDone)?;
    let linked = fs::hard_link(&temporary, file).at("link", file);
    let there = match fs::read(file) {
        Ok(there) => there,
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            let failure = linked.err();
            let missing = || FileError::new("read back", file, error);
            return Err(PutError::NotDone(failure.unwrap_or_else(missing)));
        }
        Err(error) => return Err(PutError::Unknown(FileError::new("read back", file, error))),
    };
    if there != bytes {
        return Ok(Put::Taken);
    }
    sync_folder(parent(file)).map_err(PutError::Unknown)?;
    // The entry stands; a leftover is cleared on the next opening.
    let _ = fs::remove_file(&temporary);
    Ok(Put::Done)
}

/// Where a file is written until it is whole.
pub(crate) fn temporary(file: &Path) -> PathBuf {
    let name = file.file_name().expect("a ledger file has a name").to_string_lossy();
    file.with_file_name(format!(".{name}.{TEMPORARY}"))
}

fn write_temporary(file: &Path, bytes: &[u8]) -> Result<PathBuf, FileError> {
    let temporary = temporary(file);
    let mut made = File::create(&temporary).at("make", &temporary)?;
    made.write_all(bytes).at("write", &temporary)?;
    made.sync_all().at("sync", &temporary)?;
    Ok(temporary)
}

/// Reads a small file whole.
pub(crate) fn read_small(file: &Path) -> Result<Vec<u8>, FileError> {
    let opened = File::open(file).at("open", file)?;
    let mut bytes = Vec::new();
    opened.take(SMALL_FILE_BYTES_MAX + 1).read_to_end(&mut bytes).at("read", file)?;
    if u64::try_from(bytes.len()).is_ok_and(|length| length <= SMALL_FILE_BYTES_MAX) {
        return Ok(bytes);
    }
    Err(FileError::new("read", file, io::ErrorKind::FileTooLarge.into()))
}

/// Names of the files in a folder, in order; none where there is no folder.
pub(crate) fn names(folder: &Path) -> Result<Vec<String>, FileError> {
    let entries = match fs::read_dir(folder) {
        Ok(entries) => entries,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(FileError::new("list", folder, error)),
    };
    let mut names = Vec::new();
    for entry in entries {
        let entry = entry.at("list", folder)?;
        names.extend(entry.file_name().into_string()); // none of ours is other than ASCII
    }
    names.sort_unstable();
    Ok(names)
}

/// Removes a file.
pub(crate) fn remove(file: &Path) -> Result<(), FileError> {
    fs::remove_file(file).at("remove", file)
}

/// Clears what a crash left unfinished in a folder.
pub(crate) fn remove_temporaries(folder: &Path) -> Result<(), FileError> {
    for name in names(folder)? {
        if name.starts_with('.') && Path::new(&name).extension().is_some_and(|end| end == TEMPORARY)
        {
            remove(&folder.join(name))?;
        }
    }
    Ok(())
}

/// The folder that a file lies in.
pub(crate) fn parent(file: &Path) -> &Path {
    file.parent().expect("a ledger file lies in a folder")
}
