//! Checking the journal as it is on disk, without changing it: every frame is read, and of each segment
//! the first that is wrong is told. A torn last frame is no damage: it was never acknowledged.

use std::path::Path;

use domain::record::Commit;

use super::{Cursor, Expected, Frame, segments};
use crate::error::{FileError, OpenError};
use crate::row::Malformed;
use crate::storage::Folder;

/// What a check read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Found {
    pub(crate) segments: u64,
    /// Frames above the sealed commit.
    pub(crate) frames: u64,
    /// The last good frame's commit, or the sealed one.
    pub(crate) last: Commit,
}

/// Gives every frame above the sealed commit to `each`, and what is damaged, with the reason, to
/// `damage`; what an object store does not give is an error. A running ledger may seal meanwhile, and then lets segments go: `is_sealed` says which.
pub(crate) fn check(
    folder: &Folder,
    expected: Expected,
    is_sealed: &dyn Fn(Commit) -> bool,
    each: &mut dyn FnMut(&Frame) -> Result<(), Malformed>,
    damage: &mut dyn FnMut(&Path, String),
) -> Result<Found, FileError> {
    let segments = segments(folder)?;
    let mut found = Found { segments: segments.len() as u64, frames: 0, last: expected.sealed };
    let Some((first, _)) = segments.first() else {
        damage(&folder.path, "there is no segment".to_owned());
        return Ok(found);
    };
    let mut cursor = Cursor::begin(expected, *first);
    for (number, (first, path)) in segments.iter().enumerate() {
        if cursor.next != *first {
            let before = Commit(first.0.saturating_sub(1));
            if cursor.next > *first || !is_sealed(before) {
                let (lacking, before) = (cursor.next.0, first.0);
                damage(path, format!("commits {lacking} up to before {before} are missing"));
            }
            cursor.next = *first;
        }
        let is_last = number + 1 == segments.len();
        let bytes = folder.storage.read(path).map_err(OpenError::File);
        let mut replay = |frame: Frame| {
            let damaged =
                |_| OpenError::JournalDamaged { file: frame.segment.clone(), offset: frame.offset };
            each(&frame).map_err(damaged)?;
            found.frames += 1;
            found.last = frame.header.commit;
            Ok(())
        };
        let read = bytes.and_then(|bytes| cursor.read(&bytes, path, is_last, &mut replay));
        match read {
            Ok(_) => {}
            Err(OpenError::JournalDamaged { offset, .. }) => {
                damage(path, format!("no good frame at byte {offset}"));
            }
            Err(OpenError::File(error)) if error.cause.kind() == std::io::ErrorKind::NotFound => {}
            Err(OpenError::File(error)) if folder.storage.has_failed(&error) => return Err(error),
            Err(OpenError::File(error)) => damage(path, format!("{error}: {}", error.cause)),
            Err(other) => damage(path, other.to_string()),
        }
    }
    Ok(found)
}
