//! Where the ledger's files lie: on a disk or in an object store. Everything that is made here is there
//! after a power cut: every function has synced what it names, and the folder that names it, before
//! it returns.

mod disk;
mod objects;
mod stored_file;

use std::collections::BTreeMap;
use std::fmt;
use std::fs::TryLockError;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;

pub(crate) use disk::{Disk, LocalDisk, Lock, ReadFile, WriteFile};
pub(crate) use stored_file::StoredFile;

pub(crate) use objects::{Found, Objects};

use crate::error::{At, FileError};
use crate::footers::Footers;
use crate::limits::{FOOTERS_BYTES_MAX, SMALL_FILE_BYTES_MAX};

/// Ending of files that are not finished; one found on opening is left over from a crash.
const TEMPORARY: &str = "tmp";

/// Where files lie, and what is known of those read lately; cheap to clone.
#[derive(Clone)]
pub(crate) struct Storage {
    kind: Kind,
    footers: Arc<Footers>,
}

#[derive(Clone)]
enum Kind {
    Disk(Arc<dyn Disk>),
    Objects(Objects),
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
    /// The file is not there yet, and may still come: only putting the same bytes again tells.
    Open(FileError),
}

impl Storage {
    pub(crate) fn on(disk: Arc<dyn Disk>) -> Self {
        Self::of(Kind::Disk(disk))
    }

    /// A store of objects.
    pub(crate) fn in_objects(objects: Objects) -> Self {
        Self::of(Kind::Objects(objects))
    }

    fn of(kind: Kind) -> Self {
        Self { kind, footers: Arc::new(Footers::new(FOOTERS_BYTES_MAX)) }
    }

    /// The disk of this machine.
    #[cfg(test)]
    pub(crate) fn local() -> Self {
        Self::on(Arc::new(LocalDisk))
    }

    /// Makes a folder, and those above it, where there is none.
    ///
    /// The name is synced in any case, and so is that of the folder above before one is made in it: what is
    /// there may be what a crash left unsynced. So a folder with another in it needs no sync of its own.
    pub(crate) fn make_folder(&self, folder: &Path) -> Result<(), FileError> {
        let Kind::Disk(disk) = &self.kind else { return Ok(()) };
        let Some(above) = folder.parent() else { return Ok(()) };
        let above = if above.as_os_str().is_empty() { Path::new(".") } else { above };
        if !disk.is_folder(folder) {
            match self.make_folder(above) {
                // Where we may not look we have made nothing.
                Err(error) if error.cause.kind() == io::ErrorKind::PermissionDenied => {}
                made => made?,
            }
            disk.make_folder(folder).at("make", folder)?;
        }
        self.sync_folder(above)
    }

    /// Makes the names in a folder durable.
    pub(crate) fn sync_folder(&self, folder: &Path) -> Result<(), FileError> {
        match &self.kind {
            Kind::Disk(disk) => disk.sync_folder(folder).at("sync", folder),
            Kind::Objects(_) => Ok(()),
        }
    }

    /// Makes an empty file that does not exist yet, open for writing.
    pub(crate) fn make_file(&self, file: &Path) -> Result<Box<dyn WriteFile>, FileError> {
        let mut made = self.disk().create(file).at("make", file)?;
        made.sync().at("sync", file)?;
        self.sync_folder(parent(file))?;
        Ok(made)
    }

    /// Opens a file for writing behind its end.
    pub(crate) fn open_end(&self, file: &Path) -> Result<Box<dyn WriteFile>, FileError> {
        self.disk().open_end(file).at("open", file)
    }

    /// Begins a file that does not exist yet. Until it is finished nothing may rely on it.
    pub(crate) fn create(&self, file: &Path) -> Result<NewFile, FileError> {
        let begun: Box<dyn WriteFile> = match &self.kind {
            Kind::Disk(disk) => disk.create(file).at("make", file)?,
            Kind::Objects(objects) => Box::new(objects.create(file)),
        };
        Ok(NewFile { storage: self.clone(), begun, path: file.to_owned(), temporary: None })
    }

    /// Begins a file that takes the place of another, if there is one, when it is finished: after a
    /// crash there is the old one or the new.
    pub(crate) fn create_over(&self, file: &Path) -> Result<NewFile, FileError> {
        // An object is there when it is finished, in the place of one that was.
        let Kind::Disk(disk) = &self.kind else { return self.create(file) };
        let temporary = temporary(file);
        let begun = create_temporary(&**disk, &temporary)?;
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
        let disk = match &self.kind {
            Kind::Disk(disk) => disk,
            Kind::Objects(objects) => return objects.put_if_absent(file, bytes),
        };
        let temporary = write_temporary(&**disk, file, bytes).map_err(PutError::NotDone)?;
        let linked = disk.link(&temporary, file).at("link", file);
        let there = match disk.open(file).and_then(|file| whole(&*file, u64::MAX)) {
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
        let _ = disk.remove(&temporary);
        Ok(Put::Done)
    }

    /// The footers of data files that were read lately.
    pub(crate) fn footers(&self) -> &Footers {
        &self.footers
    }

    /// Forgets what is known of a data file that is gone.
    pub(crate) fn forget(&self, file: &Path) {
        self.footers.forget(file);
        if let Kind::Objects(objects) = &self.kind {
            objects.forget(file);
        }
    }

    /// Opens a file for reading.
    pub(crate) fn open(&self, file: &Path) -> Result<StoredFile, FileError> {
        let opened: Box<dyn ReadFile> = match &self.kind {
            Kind::Disk(disk) => disk.open(file).at("open", file)?,
            // Read whole: it may be replaced between two reads.
            Kind::Objects(objects) => Box::new(Read(objects.read(file).at("read", file)?)),
        };
        let length = opened.length().at("measure", file)?;
        Ok(StoredFile::new(opened, length))
    }

    /// Opens a data file for reading, which never changes.
    pub(crate) fn open_data(&self, file: &Path, bytes: u64) -> Result<StoredFile, FileError> {
        match &self.kind {
            Kind::Disk(_) => self.open(file),
            Kind::Objects(objects) => {
                Ok(StoredFile::new(Box::new(objects.open(file, bytes)), bytes))
            }
        }
    }

    /// The same as it is now: nothing of what is in memory is used. Its bytes are read as they are asked
    /// for, so that no request takes long.
    pub(crate) fn open_anew(&self, file: &Path) -> Result<StoredFile, FileError> {
        let Kind::Objects(objects) = &self.kind else { return self.open(file) };
        let length = objects.length(file).at("measure", file)?;
        Ok(StoredFile::new(Box::new(objects.open_anew(file, length)), length))
    }

    /// Whether an object store did not give what it was asked for, so that nothing is known of the file.
    pub(crate) fn has_failed(&self, error: &FileError) -> bool {
        use io::ErrorKind::{FileTooLarge, NotFound, UnexpectedEof};
        let is_known = matches!(error.cause.kind(), NotFound | UnexpectedEof | FileTooLarge);
        self.objects().is_some() && !is_known
    }

    /// Reads a file whole.
    pub(crate) fn read(&self, file: &Path) -> Result<Vec<u8>, FileError> {
        let read = match &self.kind {
            Kind::Disk(disk) => disk.open(file).and_then(|file| whole(&*file, u64::MAX)),
            Kind::Objects(objects) => objects.read(file),
        };
        read.at("read", file)
    }

    /// Reads a small file whole.
    pub(crate) fn read_small(&self, file: &Path) -> Result<Vec<u8>, FileError> {
        let read = match &self.kind {
            Kind::Disk(disk) => {
                disk.open(file).and_then(|file| whole(&*file, SMALL_FILE_BYTES_MAX))
            }
            Kind::Objects(objects) => objects.read_small(file),
        };
        read.at("read", file)
    }

    /// Length of a file.
    pub(crate) fn length(&self, file: &Path) -> Result<u64, FileError> {
        let length = match &self.kind {
            Kind::Disk(disk) => disk.open(file).and_then(|file| file.length()),
            Kind::Objects(objects) => objects.length(file),
        };
        length.at("measure", file)
    }

    /// Lengths of all files below a folder, where they come cheaper than one by one.
    pub(crate) fn lengths(
        &self,
        folder: &Path,
    ) -> Result<Option<BTreeMap<PathBuf, u64>>, FileError> {
        let Kind::Objects(objects) = &self.kind else { return Ok(None) };
        let found = objects.below(folder)?;
        Ok(Some(found.into_iter().map(|Found { path, bytes }| (path, bytes)).collect()))
    }

    /// Names of the files in a folder, in order; none where there is no folder.
    pub(crate) fn names(&self, folder: &Path) -> Result<Vec<String>, FileError> {
        let listed = match &self.kind {
            Kind::Disk(disk) => disk.names(folder),
            Kind::Objects(objects) => objects.names(folder),
        };
        let mut names = match listed {
            Ok(names) => names,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
            Err(error) => return Err(FileError::new("list", folder, error)),
        };
        names.sort_unstable();
        Ok(names)
    }

    /// Removes a file.
    pub(crate) fn remove(&self, file: &Path) -> Result<(), FileError> {
        let removed = match &self.kind {
            Kind::Disk(disk) => disk.remove(file),
            Kind::Objects(objects) => objects.remove(&[file.to_owned()]),
        };
        removed.at("remove", file)
    }

    /// Removes files.
    pub(crate) fn remove_all(&self, files: &[PathBuf]) -> Result<(), FileError> {
        match &self.kind {
            Kind::Disk(_) => files.iter().try_for_each(|file| self.remove(file)),
            Kind::Objects(_) if files.is_empty() => Ok(()),
            Kind::Objects(objects) => objects.remove(files).at("remove", &files[0]),
        }
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
        self.disk().lock(file)
    }

    /// The disk of what only ever lies on one.
    fn disk(&self) -> &dyn Disk {
        match &self.kind {
            Kind::Disk(disk) => &**disk,
            Kind::Objects(objects) => panic!("{objects:?} is no disk"),
        }
    }

    /// The object store, if it is one.
    pub(crate) fn objects(&self) -> Option<&Objects> {
        match &self.kind {
            Kind::Disk(_) => None,
            Kind::Objects(objects) => Some(objects),
        }
    }
}

impl fmt::Debug for Storage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.kind {
            Kind::Disk(disk) => disk.fmt(f),
            Kind::Objects(objects) => objects.fmt(f),
        }
    }
}

impl PartialEq for Storage {
    /// Whether both are one and the same.
    fn eq(&self, other: &Self) -> bool {
        match (&self.kind, &other.kind) {
            (Kind::Disk(disk), Kind::Disk(other)) => Arc::ptr_eq(disk, other),
            (Kind::Objects(objects), Kind::Objects(other)) => objects.is(other),
            (Kind::Disk(_), Kind::Objects(_)) | (Kind::Objects(_), Kind::Disk(_)) => false,
        }
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
            self.storage.disk().rename(temporary, &self.path).at("rename", temporary)?;
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

/// Makes a temporary file. One that a crash has left goes first, name and all: it may be the very file
/// that has the final name already, where a power cut undid only half of a rename.
fn create_temporary(disk: &dyn Disk, temporary: &Path) -> Result<Box<dyn WriteFile>, FileError> {
    match disk.remove(temporary) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => {
            return Err(FileError::new("remove", temporary, error));
        }
        _ => {}
    }
    disk.create(temporary).at("make", temporary)
}

fn write_temporary(disk: &dyn Disk, file: &Path, bytes: &[u8]) -> Result<PathBuf, FileError> {
    let temporary = temporary(file);
    let mut made = create_temporary(disk, &temporary)?;
    made.write_all(bytes).at("write", &temporary)?;
    made.sync().at("sync", &temporary)?;
    Ok(temporary)
}

/// A file that was read whole.
#[derive(Debug)]
struct Read(Vec<u8>);

impl ReadFile for Read {
    fn read_at(&self, bytes: &mut [u8], offset: u64) -> io::Result<()> {
        let begin = usize::try_from(offset).ok();
        let from = begin.and_then(|begin| self.0.get(begin..)).unwrap_or_default();
        bytes.copy_from_slice(from.get(..bytes.len()).ok_or(io::ErrorKind::UnexpectedEof)?);
        Ok(())
    }

    fn length(&self) -> io::Result<u64> {
        Ok(self.0.len() as u64)
    }
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
