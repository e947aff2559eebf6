//! The journal as objects: one for each frame, named by its commit and put if absent.
//!
//! A writer begins with a frame without records, behind the last that there is. An earlier writer goes
//! on only at the commit after its own last one, which is the place of that frame: so of two writers
//! one at most has a frame at any commit, and whoever finds its place taken has lost the ledger. These
//! frames stay for ever: with one gone, a writer that slept through it could go on there.

use std::path::PathBuf;
use std::sync::atomic::Ordering;
use std::time::Duration;

use domain::record::Commit;
use domain::time::UtcTime;

use super::{Cursor, Expected, Frame, name, number};
use crate::error::{At, FileError, OpenError};
use crate::frame::{self, BadFrame, FRAME_FORMAT, HEADER_BYTES, Header};
use crate::limits::{OBJECT_PAUSE_MAX_MS, OBJECTS_AT_ONCE, TAKE_OVER_TRIES};
use crate::shared::Shared;
use crate::storage::{Folder, Objects, Put, PutError};

/// The journal's end.
pub(crate) struct ObjectJournal {
    folder: Folder,
}

/// Where a writer goes on.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Begin {
    /// The last commit that is taken.
    pub(crate) last: Commit,
    /// No later one has an earlier time.
    pub(crate) time: UtcTime,
}

impl ObjectJournal {
    /// Gives every frame above the sealed commit to `replay`, and begins an epoch behind the last.
    pub(crate) fn open(
        folder: &Folder,
        expected: Expected,
        begin: Begin,
        mut replay: impl FnMut(Frame) -> Result<(), OpenError>,
    ) -> Result<(Self, Begin), OpenError> {
        remove_sealed(folder, expected.sealed)?;
        let sealed = expected.sealed.0;
        let frames: Vec<(Commit, PathBuf)> = frames(folder)?
            .into_iter()
            .filter(|(commit, _, _)| commit.0 > sealed)
            .map(|(commit, path, _)| (commit, path))
            .collect();
        let mut reader =
            Reader { cursor: Cursor::begin(expected, Commit(sealed + 1)), last: begin };
        for some in frames.chunks(OBJECTS_AT_ONCE) {
            let paths: Vec<PathBuf> = some.iter().map(|(_, path)| path.clone()).collect();
            let read = objects(folder).read_all(&paths).at("read", &paths[0])?;
            for ((commit, path), bytes) in some.iter().zip(read) {
                reader.read(*commit, path, bytes.into(), &mut replay)?;
            }
        }
        for _ in 0..TAKE_OVER_TRIES {
            let next = Commit(reader.last.last.0 + 1);
            let path = folder.file(name(next));
            let time = reader.last.time.max(begin.time);
            let (journal, epoch) = (expected.journal, expected.epoch);
            let header = Header { journal, epoch, commit: next, time, records: 0 };
            let mut opening = vec![0; HEADER_BYTES];
            frame::finish(&mut opening, &header);
            match folder.storage.put_if_absent(&path, &opening) {
                Ok(Put::Done) => {
                    return Ok((Self { folder: folder.clone() }, Begin { last: next, time }));
                }
                Ok(Put::Taken) => {
                    let bytes = folder.storage.read(&path)?;
                    reader.read(next, &path, bytes, &mut replay)?;
                }
                Err(
                    PutError::NotDone(error) | PutError::Unknown(error) | PutError::Open(error),
                ) => {
                    return Err(error.into());
                }
            }
        }
        Err(OpenError::Busy { file: folder.file(name(Commit(reader.last.last.0 + 1))) })
    }

    /// Puts a frame. As long as the store does not answer, nothing else is taken and it is tried again,
    /// as nobody can say that it will not be there.
    pub(super) fn append(
        &self,
        commit: Commit,
        frame: &[u8],
        shared: &Shared,
    ) -> Result<(), FileError> {
        let appended = self.put(commit, frame, shared);
        shared.stall.set(false);
        appended
    }

    fn put(&self, commit: Commit, frame: &[u8], shared: &Shared) -> Result<(), FileError> {
        let path = self.folder.file(name(commit));
        let longest = Duration::from_millis(OBJECT_PAUSE_MAX_MS);
        let objects = objects(&self.folder);
        let mut pause = objects.pause();
        let mut failures = 0;
        let silent = || {
            if !shared.stall.set(true) {
                tracing::error!(file = %path.display(), "object store does not answer the journal");
            }
        };
        loop {
            match objects.put_watched(&path, frame, &silent) {
                Ok(Put::Done) => return Ok(()),
                Ok(Put::Taken) => {
                    let lost = std::io::Error::other("another writer has taken over the ledger");
                    return Err(FileError::new("put", &path, lost));
                }
                Err(
                    PutError::NotDone(error) | PutError::Unknown(error) | PutError::Open(error),
                ) => {
                    if shared.closing.load(Ordering::SeqCst) {
                        return Err(error);
                    }
                    failures += 1;
                    // One is no outage: the next try may be answered at once.
                    if failures == 2 {
                        shared.stall.set(true);
                        let cause = &error.cause;
                        tracing::error!(%error, %cause, "journal waits for the object store");
                    }
                }
            }
            std::thread::sleep(pause);
            pause = (pause * 2).min(longest);
        }
    }
}

fn objects(folder: &Folder) -> &Objects {
    folder.storage.objects().expect("frames are objects where this is used")
}

/// Reads frames in order.
struct Reader {
    cursor: Cursor,
    last: Begin,
}

impl Reader {
    fn read(
        &mut self,
        commit: Commit,
        path: &std::path::Path,
        bytes: Vec<u8>,
        replay: &mut impl FnMut(Frame) -> Result<(), OpenError>,
    ) -> Result<(), OpenError> {
        let damaged = || OpenError::JournalDamaged { file: path.to_owned(), offset: 0 };
        let (header, length) = match frame::parse(&bytes, self.cursor.expected.journal) {
            Ok(frame) => frame,
            Err(BadFrame::Newer(found)) => {
                let (file, known) = (path.to_owned(), u64::from(FRAME_FORMAT));
                return Err(OpenError::NewerFormat { file, found: found.into(), known });
            }
            Err(BadFrame::Damaged) => return Err(damaged()),
        };
        if header.epoch >= self.cursor.expected.epoch {
            return Err(OpenError::Busy { file: path.to_owned() });
        }
        if header.commit != commit || length != bytes.len() || !self.cursor.follows(&header) {
            return Err(damaged());
        }
        self.last = Begin { last: header.commit, time: header.time };
        if header.records > 0 {
            replay(Frame { header, bytes, segment: path.to_owned(), offset: 0 })?;
        }
        Ok(())
    }
}

/// Removes frames up to the sealed commit, but for those that begin an epoch.
pub(super) fn remove_sealed(folder: &Folder, sealed: Commit) -> Result<(), FileError> {
    let is_sealed = |(commit, path, bytes): (Commit, PathBuf, u64)| {
        (commit <= sealed && bytes > HEADER_BYTES as u64).then_some(path)
    };
    let gone: Vec<PathBuf> = frames(folder)?.into_iter().filter_map(is_sealed).collect();
    folder.storage.remove_all(&gone)
}

/// Every frame that is there, in order, with its length.
fn frames(folder: &Folder) -> Result<Vec<(Commit, PathBuf, u64)>, FileError> {
    let lengths = folder.storage.lengths(&folder.path)?.unwrap_or_default();
    let frame = |(path, bytes): (PathBuf, u64)| {
        let commit = number(path.file_name()?.to_str()?)?;
        Some((commit, path, bytes))
    };
    Ok(lengths.into_iter().filter_map(frame).collect())
}
