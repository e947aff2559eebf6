//! How a question is answered from rollups: of files that the snapshot sees whole, as long as they turn
//! out sound. One that does not is left out, and the question is asked again; a sum that would not be
//! exact is asked again of rows alone, so that the error is theirs.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use domain::aggregate::SumOutOfRange;
use domain::record::Commit;

use super::{Damaged, Gathered, Grain, Opened, path};
use crate::error::ReadError;
use crate::scan::Selection;
use crate::state::{DataFile, State};
use crate::tail::Chunk;

/// What one attempt at an answer may use.
pub(crate) struct Reading<'a> {
    pub(crate) state: &'a State,
    /// Rows of later commits are not to be seen.
    pub(crate) last: Commit,
    /// Rollups that turned out damaged.
    unusable: BTreeSet<PathBuf>,
    rows_only: bool,
}

/// Why an attempt failed.
pub(crate) enum Failed {
    /// A rollup cannot be used.
    Damaged(Damaged),
    /// A sum would not be exact.
    Sum(SumOutOfRange),
    /// Rows cannot be read.
    Read(ReadError),
}

/// Answers a question.
pub(crate) fn answer<T>(
    state: &State,
    last: Commit,
    mut attempt: impl FnMut(&Reading<'_>) -> Result<T, Failed>,
) -> Result<T, ReadError> {
    let mut reading = Reading { state, last, unusable: BTreeSet::new(), rows_only: false };
    loop {
        match attempt(&reading) {
            Ok(answer) => return Ok(answer),
            Err(Failed::Damaged(Damaged { path, reason })) => {
                state.rollups.set_aside(&path, &reason);
                let is_new = reading.unusable.insert(path);
                assert!(is_new, "a rollup that is left out is not read");
            }
            Err(Failed::Sum(_)) if !reading.rows_only => reading.rows_only = true,
            Err(Failed::Sum(error)) => return Err(ReadError::Sum(error)),
            Err(Failed::Read(error)) => return Err(error),
        }
    }
}

impl Reading<'_> {
    /// A file's rollup, if it can stand for the file's rows.
    pub(crate) fn rollup(&self, file: &DataFile, grain: Grain) -> Option<Opened> {
        if self.rows_only || self.last < file.bounds.commit.1 {
            return None;
        }
        if self.unusable.contains(&path(&file.path, grain)) {
            return None;
        }
        self.state.rollups.open(file, grain)
    }

    /// A chunk's sums, if they can stand for its rows and it is worth having them.
    pub(crate) fn sums_of<'c>(
        &self,
        chunk: &'c Chunk,
        selection: &Selection,
    ) -> Option<&'c Gathered> {
        if self.rows_only || self.last < chunk.last {
            return None;
        }
        chunk.sums(selection.whose.one(), self.state.rollups.rows_least)
    }

    /// Whether no sum is to stand for rows.
    pub(crate) fn is_rows_only(&self) -> bool {
        self.rows_only
    }

    /// The files that may hold a selected row.
    pub(crate) fn files(&self, selection: &Selection) -> impl Iterator<Item = &Arc<DataFile>> {
        self.state.files.iter().filter(|file| selection.may_match(&file.bounds))
    }
}

/// What rows of the tail are said to be in.
pub(crate) fn journal() -> &'static Path {
    Path::new("journal")
}

impl From<Damaged> for Failed {
    fn from(damaged: Damaged) -> Self {
        Self::Damaged(damaged)
    }
}

impl From<SumOutOfRange> for Failed {
    fn from(error: SumOutOfRange) -> Self {
        Self::Sum(error)
    }
}

impl From<ReadError> for Failed {
    fn from(error: ReadError) -> Self {
        match error {
            ReadError::Sum(error) => Self::Sum(error),
            error => Self::Read(error),
        }
    }
}
