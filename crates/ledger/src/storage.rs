//! Where the ledger's files lie. Everything that is made here is there after a power cut: every
//! function has synced what it names, and the folder that names it, before it returns.

mod disk;
mod stored_file;

use std::fmt;
use std::fs::TryLockError;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;

pub(crate) use disk::{Creation, Disk, LocalDisk, Lock, ReadFile, WriteFile};
pub(crate) use stored_file::StoredFile;

use crate::error::{At, FileError};
use crate::footers::Footers;
use crate::limits::{FOOTERS_BYTES_MAX, SMALL_FILE_BYTES_MAX};

/// Ending of files that are not finished; one found on opening is left over from a crash.
const TEMPORARY: &str = "tmp";

/// Where files lie, and what is known of those read lately; cheap to clone.
#[derive(Clone)]
pub(crate) struct Storage {
    disk: Arc<dyn Disk>,
    footers: Arc<Footers>,
}

/// A folder of a storage.
#[derive(Debug, Clone)]
pub(crate) struct Folder {
    pub(crate) storage: Storage,
    pub(crate) path: PathBuf,
}

/// Outcome of [`Storage::put_if_absent`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Put {
    /// The file has our bytes, durably.
    Done,
    /// The file has other bytes.
    Taken,
}

/// Why [`Storage::put_if_absent`] failed.
#[derive(Debug)]
pub(crate) enum PutError {
    /// The file was not made: it may be tried again.
    NotDone(FileError),
    /// The file may or may not be there after a crash: only opening again tells.
    Unknown(FileError),
}

impl Storage {
    pub(crate) fn on(disk: Arc<dyn Disk>) -> Self {
        Self { disk, footers: Arc::new(Footers::new(FOOTERS_BYTES_MAX)) }
    }

    /// The disk of this machine.
    #[cfg(test)]
    pub(crate) fn local() -> Self {
        Self::on(Arc::new(LocalDisk))
    }

    /// Makes a folder, and those above it, where there is none.
    ///
    /// The name is synced in any case: a folder that is there may be one that a crash left unsynced.
    pub(crate) fn make_folder(&self, folder: &Path) -> Result<(), FileError> {
        let above = folder.parent().filter(|above| !above.as_os_str().is_empty());
        let above = above.unwrap_or(Path::new("."));
        if !self.disk.is_folder(folder) {
            if !self.disk.is_folder(above) {
                self.make_folder(above)?;
            }
            self.disk.make_folder(folder).at("make", folder)?;
        }
        self.sync_folder(above)
    }

    /// Makes the names in a folder durable.
    pub(crate) fn sync_folder(&self, folder: &Path) -> Result<(), FileError> {
        self.disk.sync_folder(folder).at("sync", folder)
    }

    /// Makes an empty file that does not exist yet, open for writing.
    pub(crate) fn make_file(&self, file: &Path) -> Result<Box<dyn WriteFile>, FileError> {
        let mut made = self.disk.create(file, Creation::New).at("make", file)?;
        made.sync().at("sync", file)?;
        self.sync_folder(parent(file))?;
        Ok(made)
    }

    /// Opens a file for writing behind its end.
    pub(crate) fn open_end(&self, file: &Path) -> Result<Box<dyn WriteFile>, FileError> {
        self.disk.open_end(file).at("open", file)
    }

    /// Begins a file that does not exist yet. Until it is finished nothing may rely on it.
    pub(crate) fn create(&self, file: &Path) -> Result<NewFile, FileError> {
        let begun = self.disk.create(file, Creation::New).at("make", file)?;
        Ok(NewFile { storage: self.clone(), begun, path: file.to_owned(), temporary: None })
    }

    /// Begins a file that takes the place of another, if there is one, when it is finished: after a
    /// crash there is the old one or the new.
    pub(crate) fn create_over(&self, file: &Path) -> Result<NewFile, FileError> {
        let temporary = temporary(file);
        let begun = self.disk.create(&temporary, Creation::Anew).at("make", &temporary)?;
        let (storage, path, temporary) = (self.clone(), file.to_owned(), Some(temporary));
        Ok(NewFile { storage, begun, path, temporary })
    }

    /// Replaces a file as a whole: after a crash it has the old bytes or the new.
    pub(crate) fn replace(&self, file: &Path, bytes: &[u8]) -> Result<(), FileError> {
        let mut new = self.create_over(file)?;
        new.write_all(bytes).at("write", file)?;
        new.finish().map(drop)
    }

    /// Makes a file with these bytes, unless it exists.
    ///
    /// Whatever the link says, the file is read back and compared: a failed link may have worked.
    pub(crate) fn put_if_absent(&self, file: &Path, bytes: &[u8]) -> Result<Put, PutError> {
        let temporary = self.write_temporary(file, bytes).map_err(PutError::NotDone)?;
        let linked = self.disk.link(&temporary, file).at("link", file);
        let there = match self.disk.open(file).and_then(|file| whole(&*file, u64::MAX)) {
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
        self.sync_folder(parent(file)).map_err(PutError::Unknown)?;
        // The entry stands; a leftover is cleared on the next opening.
        let _ = self.disk.remove(&temporary);
        Ok(Put::Done)
    }

    fn write_temporary(&self, file: &Path, bytes: &[u8]) -> Result<PathBuf, FileError> {
        let temporary = temporary(file);
        let mut made = self.disk.create(&temporary, Creation::Anew).at("make", &temporary)?;
        made.write_all(bytes).at("write", &temporary)?;
        made.sync().at("sync", &temporary)?;
        Ok(temporary)
    }

    /// The footers of data files that were read lately.
    pub(crate) fn footers(&self) -> &Footers {
        &self.footers
    }

    /// Opens a file for reading.
    pub(crate) fn open(&self, file: &Path) -> Result<StoredFile, FileError> {
        let opened = self.disk.open(file).at("open", file)?;
        let length = opened.length().at("measure", file)?;
        Ok(StoredFile::new(opened, length))
    }

    /// Reads a file whole.
    pub(crate) fn read(&self, file: &Path) -> Result<Vec<u8>, FileError> {
        self.disk.open(file).and_then(|file| whole(&*file, u64::MAX)).at("read", file)
    }

    /// Reads a small file whole.
    pub(crate) fn read_small(&self, file: &Path) -> Result<Vec<u8>, FileError> {
        let read = self.disk.open(file).and_then(|file| whole(&*file, SMALL_FILE_BYTES_MAX));
        read.at("read", file)
    }

    /// Length of a file.
    pub(crate) fn length(&self, file: &Path) -> Result<u64, FileError> {
        self.disk.open(file).and_then(|file| file.length()).at("measure", file)
    }

    /// Names of the files in a folder, in order; none where there is no folder.
    pub(crate) fn names(&self, folder: &Path) -> Result<Vec<String>, FileError> {
        let mut names = match self.disk.names(folder) {
            Ok(names) => names,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
            Err(error) => return Err(FileError::new("list", folder, error)),
        };
        names.sort_unstable();
        Ok(names)
    }

    /// Removes a file.
    pub(crate) fn remove(&self, file: &Path) -> Result<(), FileError> {
        self.disk.remove(file).at("remove", file)
    }

    /// Clears what a crash left unfinished in a folder.
    pub(crate) fn remove_temporaries(&self, folder: &Path) -> Result<(), FileError> {
        let is_temporary = |name: &str| {
            name.starts_with('.') && Path::new(name).extension().is_some_and(|end| end == TEMPORARY)
        };
        for name in self.names(folder)?.iter().filter(|name| is_temporary(name)) {
            self.remove(&folder.join(name))?;
        }
        Ok(())
    }

    /// Locks a file for this process.
    pub(crate) fn lock(&self, file: &Path) -> Result<Box<dyn Lock>, TryLockError> {
        self.disk.lock(file)
    }
}

impl fmt::Debug for Storage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.disk, f)
    }
}

impl PartialEq for Storage {
    /// Whether both are one and the same.
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.disk, &other.disk)
    }
}

impl Eq for Storage {}

impl Folder {
    /// A folder in this one.
    pub(crate) fn folder(&self, name: &str) -> Self {
        Self { storage: self.storage.clone(), path: self.path.join(name) }
    }

    /// Path of a file in this folder.
    pub(crate) fn file(&self, name: impl AsRef<Path>) -> PathBuf {
        self.path.join(name)
    }

    /// Makes it, and those above it, where it is missing.
    pub(crate) fn make(&self) -> Result<(), FileError> {
        self.storage.make_folder(&self.path)
    }

    /// Names of its files, in order; none where it is missing.
    pub(crate) fn names(&self) -> Result<Vec<String>, FileError> {
        self.storage.names(&self.path)
    }

    /// Makes its names durable.
    pub(crate) fn sync(&self) -> Result<(), FileError> {
        self.storage.sync_folder(&self.path)
    }

    /// Clears what a crash left unfinished in it.
    pub(crate) fn remove_temporaries(&self) -> Result<(), FileError> {
        self.storage.remove_temporaries(&self.path)
    }
}

/// A file under way, which counts once it is finished.
pub(crate) struct NewFile {
    storage: Storage,
    begun: Box<dyn WriteFile>,
    path: PathBuf,
    /// Its name until it is finished, if that is another.
    temporary: Option<PathBuf>,
}

impl NewFile {
    /// Ends the file; gives back its length. It and its folder are synced.
    pub(crate) fn finish(mut self) -> Result<u64, FileError> {
        let named = self.temporary.as_ref().unwrap_or(&self.path);
        self.begun.sync().at("sync", named)?;
        let length = self.begun.length().at("measure", named)?;
        if let Some(temporary) = &self.temporary {
            self.storage.disk.rename(temporary, &self.path).at("rename", temporary)?;
        }
        self.storage.sync_folder(parent(&self.path))?;
        Ok(length)
    }
}

impl Write for NewFile {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.begun.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.begun.flush()
    }
}

/// Where a file is written until it is whole.
pub(crate) fn temporary(file: &Path) -> PathBuf {
    let name = file.file_name().expect("a ledger file has a name").to_string_lossy();
    file.with_file_name(format!(".{name}.{TEMPORARY}"))
}

/// Every byte of a file, which may have so many.
fn whole(file: &dyn ReadFile, most: u64) -> io::Result<Vec<u8>> {
    let length = file.length()?;
    let length = usize::try_from(length).ok().filter(|_| length <= most);
    let mut bytes = vec![0; length.ok_or(io::ErrorKind::FileTooLarge)?];
    file.read_at(&mut bytes, 0)?;
    Ok(bytes)
}

/// The folder that a file lies in.
pub(crate) fn parent(file: &Path) -> &Path {
    file.parent().expect("a ledger file lies in a folder")
}
