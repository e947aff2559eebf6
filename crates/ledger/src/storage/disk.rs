//! The disk as an operating system offers it: what is written may still be lost until it is synced, a
//! file's bytes and the name by which its folder knows it each on their own.
//!
//! It is a seam: a test can put a disk in its place that forgets what was not synced.

use std::fmt;
use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::{self, Seek, SeekFrom, Write};
use std::os::unix::fs::FileExt;
use std::path::Path;

/// A disk.
pub(crate) trait Disk: fmt::Debug + Send + Sync {
    /// Makes a folder in one that is there.
    fn make_folder(&self, folder: &Path) -> io::Result<()>;
    fn is_folder(&self, path: &Path) -> bool;
    /// Makes the names in a folder durable.
    fn sync_folder(&self, folder: &Path) -> io::Result<()>;
    /// Names of what is in a folder, in any order.
    fn names(&self, folder: &Path) -> io::Result<Vec<String>>;
    /// Makes an empty file that is not there yet.
    fn create(&self, file: &Path) -> io::Result<Box<dyn WriteFile>>;
    /// Opens a file for writing behind its end.
    fn open_end(&self, file: &Path) -> io::Result<Box<dyn WriteFile>>;
    fn open(&self, file: &Path) -> io::Result<Box<dyn ReadFile>>;
    /// Gives a file another name, in the place of a file that has it.
    fn rename(&self, from: &Path, to: &Path) -> io::Result<()>;
    /// Gives a file a further name, which nothing may have.
    fn link(&self, from: &Path, to: &Path) -> io::Result<()>;
    fn remove(&self, file: &Path) -> io::Result<()>;
    /// Locks a file, which is made if need be, until the lock is freed or gone.
    fn lock(&self, file: &Path) -> Result<Box<dyn Lock>, TryLockError>;
}

/// A file open for writing.
pub(crate) trait WriteFile: Write + Send {
    /// Makes its bytes durable, and what the folder does not say of it.
    fn sync(&mut self) -> io::Result<()>;
    /// Makes its bytes durable.
    fn sync_data(&mut self) -> io::Result<()>;
    /// Cuts it, and goes on writing there.
    fn cut(&mut self, length: u64) -> io::Result<()>;
    /// Writes bytes in place.
    fn write_at(&mut self, bytes: &[u8], offset: u64) -> io::Result<()>;
    fn length(&self) -> io::Result<u64>;
}

/// A file open for reading.
pub(crate) trait ReadFile: fmt::Debug + Send + Sync {
    /// Fills `bytes`; an error of kind `UnexpectedEof` if the file ends before.
    fn read_at(&self, bytes: &mut [u8], offset: u64) -> io::Result<()>;
    fn length(&self) -> io::Result<u64>;

    /// Forgets what is in memory of it: that was found to be wrong, and may be right where it lies.
    fn forget(&self) {}
}

/// A lock that this process holds.
pub(crate) trait Lock: Send + Sync {
    fn free(&self) -> io::Result<()>;
}

/// The disk of this machine.
#[derive(Debug)]
pub(crate) struct LocalDisk;

impl Disk for LocalDisk {
    fn make_folder(&self, folder: &Path) -> io::Result<()> {
        fs::create_dir(folder)
    }

    fn is_folder(&self, path: &Path) -> bool {
        path.is_dir()
    }

    fn sync_folder(&self, folder: &Path) -> io::Result<()> {
        File::open(folder)?.sync_all()
    }

    fn names(&self, folder: &Path) -> io::Result<Vec<String>> {
        let mut names = Vec::new();
        for entry in fs::read_dir(folder)? {
            names.extend(entry?.file_name().into_string()); // none of ours is other than ASCII
        }
        Ok(names)
    }

    fn create(&self, file: &Path) -> io::Result<Box<dyn WriteFile>> {
        Ok(Box::new(File::create_new(file)?))
    }

    fn open_end(&self, file: &Path) -> io::Result<Box<dyn WriteFile>> {
        // Not for appending: what is written in place would go to the end, too.
        let mut opened = OpenOptions::new().write(true).open(file)?;
        opened.seek(SeekFrom::End(0))?;
        Ok(Box::new(opened))
    }

    fn open(&self, file: &Path) -> io::Result<Box<dyn ReadFile>> {
        Ok(Box::new(File::open(file)?))
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        fs::rename(from, to)
    }

    fn link(&self, from: &Path, to: &Path) -> io::Result<()> {
        fs::hard_link(from, to)
    }

    fn remove(&self, file: &Path) -> io::Result<()> {
        fs::remove_file(file)
    }

    fn lock(&self, file: &Path) -> Result<Box<dyn Lock>, TryLockError> {
        let opened = OpenOptions::new().write(true).create(true).truncate(false).open(file);
        let lock = opened.map_err(TryLockError::Error)?;
        lock.try_lock()?;
        Ok(Box::new(lock))
    }
}

impl WriteFile for File {
    fn sync(&mut self) -> io::Result<()> {
        self.sync_all()
    }

    fn sync_data(&mut self) -> io::Result<()> {
        Self::sync_data(self)
    }

    fn cut(&mut self, length: u64) -> io::Result<()> {
        self.set_len(length)?;
        self.seek(SeekFrom::Start(length)).map(drop)
    }

    fn write_at(&mut self, bytes: &[u8], offset: u64) -> io::Result<()> {
        self.write_all_at(bytes, offset)
    }

    fn length(&self) -> io::Result<u64> {
        Ok(self.metadata()?.len())
    }
}

impl ReadFile for File {
    fn read_at(&self, bytes: &mut [u8], offset: u64) -> io::Result<()> {
        self.read_exact_at(bytes, offset)
    }

    fn length(&self) -> io::Result<u64> {
        Ok(self.metadata()?.len())
    }
}

impl Lock for File {
    fn free(&self) -> io::Result<()> {
        self.unlock()
    }
}
