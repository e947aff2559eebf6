//! The journal: segments of frames, one frame a group commit, their commits numbered without a gap.
//!
//! A segment is named by its first commit. Frames are cut only at the end of the last segment, and
//! only where no good frame stands behind; everything else is damage and is refused.

mod check;
mod objects;

use std::path::{Path, PathBuf};

use domain::record::Commit;
use domain::time::UtcTime;

use crate::error::{At, FileError, OpenError};
use crate::frame::{self, BadFrame, FRAME_FORMAT, Header};
use crate::seam::SyncFrame;
use crate::shared::Shared;
use crate::storage::{Folder, WriteFile};
use crate::version::JournalId;

pub(crate) use check::check;
pub(crate) use objects::{Begin, ObjectJournal};

const ENDING: &str = ".journal";

/// The end of the journal, open for appending.
pub(crate) enum Journal {
    /// Segments on a disk.
    Disk(Segments),
    /// An object for each frame.
    Objects(ObjectJournal),
}

impl Journal {
    /// Makes a frame durable. After an error the journal's end is unknown.
    pub(crate) fn append(
        &mut self,
        commit: Commit,
        frame: &[u8],
        shared: &Shared,
    ) -> Result<(), FileError> {
        match self {
            Self::Disk(segments) => segments.append(frame),
            Self::Objects(objects) => objects.append(commit, frame, shared),
        }
    }

    /// Goes on in a new segment, where there are any.
    pub(crate) fn rotate(&mut self, next: Commit) -> Result<(), FileError> {
        match self {
            Self::Disk(segments) => segments.rotate(next),
            Self::Objects(_) => Ok(()),
        }
    }
}

/// The last of the segments, open for appending.
pub(crate) struct Segments {
    folder: Folder,
    file: Box<dyn WriteFile>,
    path: PathBuf,
    length: u64,
    sync: SyncFrame,
}

/// One frame read back.
pub(crate) struct Frame {
    pub(crate) header: Header,
    /// Header and payload.
    pub(crate) bytes: Vec<u8>,
    /// Where it was.
    pub(crate) segment: PathBuf,
    pub(crate) offset: u64,
}

/// Where the sealed part ends, and whose frames are expected above it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Expected {
    pub(crate) journal: JournalId,
    /// The latest epoch that may have written.
    pub(crate) epoch: u64,
    /// Last commit in the table.
    pub(crate) sealed: Commit,
}

impl Segments {
    /// Makes the first segment of a new journal.
    pub(crate) fn create(folder: &Folder) -> Result<(), FileError> {
        folder.storage.make_file(&folder.file(name(Commit(1)))).map(drop)
    }

    /// Opens the journal at its end; gives every frame above the sealed commit to `replay`.
    pub(crate) fn open(
        folder: &Folder,
        expected: Expected,
        sync: SyncFrame,
        mut replay: impl FnMut(Frame) -> Result<(), OpenError>,
    ) -> Result<Self, OpenError> {
        remove_sealed(folder, expected.sealed)?;
        let segments = segments(folder)?;
        let Some((last_first, last_path)) = segments.last().cloned() else {
            let file = folder.file(name(Commit(expected.sealed.0 + 1)));
            return Err(OpenError::JournalDamaged { file, offset: 0 });
        };
        let mut cursor = Cursor::begin(expected, segments[0].0);
        let mut end = SegmentEnd::default();
        for (first, path) in &segments {
            if cursor.next != *first {
                return Err(OpenError::JournalDamaged { file: path.clone(), offset: 0 });
            }
            let bytes = folder.storage.read(path)?;
            end = cursor.read(&bytes, path, *first == last_first, &mut replay)?;
        }
        if cursor.next.0 <= expected.sealed.0 {
            let file = last_path;
            return Err(OpenError::JournalDamaged { file, offset: end.length });
        }
        let mut file = folder.storage.open_end(&last_path)?;
        let found = file.length().at("measure", &last_path)?;
        if found > end.length {
            let (segment, offset, bytes) = (last_path.display(), end.length, found - end.length);
            tracing::warn!(%segment, offset, bytes, "torn end of the journal is cut");
        }
        file.cut(end.length).at("cut", &last_path)?;
        // The last frame may be in memory only, after a sync that failed: bytes written again are
        // synced again.
        file.write_at(&end.last_frame, end.last_frame_offset).at("write", &last_path)?;
        file.sync().at("sync", &last_path)?;
        folder.sync()?;
        Ok(Self { folder: folder.clone(), file, path: last_path, length: end.length, sync })
    }

    /// Writes one frame and syncs it.
    fn append(&mut self, frame: &[u8]) -> Result<(), FileError> {
        self.file.write_all(frame).at("write", &self.path)?;
        (self.sync)(&mut *self.file).at("sync", &self.path)?;
        self.length += frame.len() as u64;
        Ok(())
    }

    /// Goes on in a new segment, unless this one is empty.
    fn rotate(&mut self, next: Commit) -> Result<(), FileError> {
        if self.length > 0 {
            let path = self.folder.file(name(next));
            self.file = self.folder.storage.make_file(&path)?;
            self.path = path;
            self.length = 0;
        }
        Ok(())
    }
}

/// Removes the segments or frames that lie wholly at or below the sealed commit.
pub(crate) fn remove_sealed(folder: &Folder, sealed: Commit) -> Result<(), FileError> {
    if folder.storage.objects().is_some() {
        return objects::remove_sealed(folder, sealed);
    }
    let segments = segments(folder)?;
    let sealed = segments.windows(2).filter(|pair| pair[1].0.0 <= sealed.0 + 1);
    let mut removed = false;
    for pair in sealed {
        let path = &pair[0].1;
        folder.storage.remove(path)?;
        removed = true;
    }
    if removed { folder.sync() } else { Ok(()) }
}

/// Whether there is any segment.
pub(crate) fn is_begun(folder: &Folder) -> Result<bool, FileError> {
    segments(folder).map(|segments| !segments.is_empty())
}

/// Whether the journal holds no frame yet.
pub(crate) fn is_empty(folder: &Folder) -> Result<bool, FileError> {
    for (_, path) in segments(folder)? {
        if folder.storage.length(&path)? > 0 {
            return Ok(false);
        }
    }
    Ok(true)
}

fn segments(folder: &Folder) -> Result<Vec<(Commit, PathBuf)>, FileError> {
    let names = folder.names()?;
    Ok(names.iter().filter_map(|name| Some((number(name)?, folder.file(name)))).collect())
}

/// The commit that names a segment or a frame.
fn number(name: &str) -> Option<Commit> {
    let number = name.strip_suffix(ENDING).filter(|number| number.len() == 20)?;
    number.parse().ok().map(Commit)
}

pub(crate) fn name(first: Commit) -> String {
    format!("{:020}{ENDING}", first.0)
}

/// How a segment ends.
#[derive(Default)]
struct SegmentEnd {
    length: u64,
    last_frame: Vec<u8>,
    last_frame_offset: u64,
}

/// Walks frames in order and checks that each follows the one before.
struct Cursor {
    expected: Expected,
    next: Commit,
    epoch: u64,
    time: UtcTime,
}

impl Cursor {
    fn begin(expected: Expected, first: Commit) -> Self {
        // The oldest segment may begin below the seal, never above.
        let next = first.min(Commit(expected.sealed.0 + 1));
        Self { expected, next, epoch: 0, time: UtcTime::MIN }
    }

    fn read(
        &mut self,
        bytes: &[u8],
        path: &Path,
        last: bool,
        replay: &mut impl FnMut(Frame) -> Result<(), OpenError>,
    ) -> Result<SegmentEnd, OpenError> {
        let (mut last_frame, mut offset) = (0, 0);
        while offset < bytes.len() {
            let at = offset as u64;
            let damaged = || OpenError::JournalDamaged { file: path.to_owned(), offset: at };
            let (header, length) = match frame::parse(&bytes[offset..], self.expected.journal) {
                Ok(frame) => frame,
                Err(BadFrame::Newer(found)) => {
                    let (file, known) = (path.to_owned(), u64::from(FRAME_FORMAT));
                    return Err(OpenError::NewerFormat { file, found: found.into(), known });
                }
                Err(BadFrame::Damaged) => {
                    let behind = &bytes[offset + 1..];
                    if !last || frame::found_in(behind, self.expected.journal) {
                        return Err(damaged());
                    }
                    break;
                }
            };
            if !self.follows(&header) {
                return Err(damaged());
            }
            if header.commit > self.expected.sealed {
                let bytes = bytes[offset..offset + length].to_vec();
                replay(Frame { header, bytes, segment: path.to_owned(), offset: at })?;
            }
            last_frame = offset;
            offset += length;
        }
        Ok(SegmentEnd {
            length: offset as u64,
            last_frame: bytes[last_frame..offset].to_vec(),
            last_frame_offset: last_frame as u64,
        })
    }

    pub(crate) fn follows(&mut self, header: &Header) -> bool {
        let epoch = (self.epoch..=self.expected.epoch).contains(&header.epoch);
        let follows = header.commit == self.next && header.time >= self.time && epoch;
        self.next = Commit(header.commit.0 + 1);
        self.epoch = header.epoch;
        self.time = header.time;
        follows
    }
}
