//! Making segments: from identities in memory, from other segments, and anew from the table.

use std::mem;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use super::error::IndexError;
use super::merge::joined;
use super::segment::{self, Entry, Segment};
use super::{Frozen, Known, Range};
use crate::error::ReadError;
use crate::limits::INDEX_RUN_RECORDS;
use crate::row::Interner;
use crate::scan::{self, Needed, Selection};
use crate::state::DataFile;
use crate::storage::{self, Folder};
use crate::version::JournalId;

/// Data files between two words of progress.
const FILES_BETWEEN_WORDS: usize = 100;

/// Where segments are made, and for whom.
#[derive(Clone, Copy)]
pub(crate) struct Workshop<'a> {
    pub(crate) folder: &'a Folder,
    pub(crate) journal: JournalId,
    /// Set once the ledger is closing.
    pub(crate) closing: &'a AtomicBool,
}

impl Workshop<'_> {
    /// Writes frozen sets that follow each other as one segment.
    pub(super) fn write_frozen(&self, frozen: &[Arc<Frozen>]) -> Result<Segment, IndexError> {
        let sets = frozen.iter().flat_map(|frozen| &frozen.records);
        let mut entries: Vec<_> =
            sets.map(|(id, known)| Entry { id: *id, known: *known }).collect();
        let range = Range::joining(frozen.iter().map(|frozen| frozen.range));
        self.write_sorted(&range.path(&self.folder.path), range, &mut entries)
    }

    /// Joins segments that follow each other.
    pub(super) fn join(&self, segments: &[Arc<Segment>]) -> Result<Segment, IndexError> {
        let range = Range::joining(segments.iter().map(|segment| segment.range));
        self.join_as(segments, range)
    }

    fn join_as(&self, segments: &[Arc<Segment>], range: Range) -> Result<Segment, IndexError> {
        let count = segments.iter().map(|segment| segment.entries).sum();
        let stopped = |entry| match self.closing.load(Ordering::Relaxed) {
            true => Err(IndexError::Stopped),
            false => entry,
        };
        let path = range.path(&self.folder.path);
        let entries = joined(segments)?.map(stopped);
        segment::write(&self.folder.storage, &path, (range, self.journal), count, entries)?;
        Segment::open(&self.folder.storage, path, range, self.journal)
    }

    /// Makes the segment of a range anew from the data files that hold rows of it: in sorted runs
    /// that fit into memory, which are then joined.
    pub(super) fn rebuild(
        &self,
        files: &[Arc<DataFile>],
        range: Range,
    ) -> Result<Segment, IndexError> {
        let within = |file: &&Arc<DataFile>| {
            let (low, high) = file.bounds.commit;
            low <= range.last && range.first <= high
        };
        let files: Vec<_> = files.iter().filter(within).collect();
        let (first, last, of) = (range.first.0, range.last.0, files.len());
        tracing::info!(first, last, files = of, "making the index of these commits from the table");
        let mut sorting = Sorting { workshop: self, range, run: Vec::new(), runs: Vec::new() };
        for (number, file) in files.into_iter().enumerate() {
            sorting.add(file)?;
            if number % FILES_BETWEEN_WORDS == FILES_BETWEEN_WORDS - 1 {
                tracing::info!(files = number + 1, of, "making the index");
            }
        }
        sorting.finish()
    }

    fn write_sorted(
        &self,
        path: &Path,
        range: Range,
        entries: &mut Vec<Entry>,
    ) -> Result<Segment, IndexError> {
        entries.sort_unstable_by_key(|entry| entry.id);
        if let Some(pair) = entries.windows(2).find(|pair| pair[0].id == pair[1].id) {
            return Err(IndexError::Twice { first: pair[0], second: pair[1] });
        }
        let count = entries.len() as u64;
        let storage = &self.folder.storage;
        let sorted = entries.drain(..).map(Ok);
        segment::write(storage, path, (range, self.journal), count, sorted)?;
        Segment::open(storage, path.to_owned(), range, self.journal)
    }
}

/// Identities of the table on their way into a segment.
struct Sorting<'a> {
    workshop: &'a Workshop<'a>,
    range: Range,
    run: Vec<Entry>,
    runs: Vec<Arc<Segment>>,
}

impl Sorting<'_> {
    fn add(&mut self, file: &DataFile) -> Result<(), IndexError> {
        let mut interner = Interner::default();
        let mut rows = 0;
        let selection = Selection::default();
        scan::file(file, &selection, Needed::Everything, |row| -> Result<(), ReadError> {
            rows += 1;
            if !self.range.contains(row.commit) {
                return Ok(());
            }
            let stored = interner.stored(row).map_err(|error| scan::damaged(&file.path, error))?;
            let content = stored.content_hash();
            let known = Known { content, commit: stored.commit };
            self.run.push(Entry { id: stored.record.id(), known });
            Ok(())
        })?;
        if rows != file.rows {
            let reason = format!("{rows} rows in the place of {}", file.rows);
            return Err(ReadError::DataDamaged { file: file.path.clone(), reason }.into());
        }
        if self.workshop.closing.load(Ordering::Relaxed) {
            return Err(IndexError::Stopped);
        }
        if self.run.len() >= INDEX_RUN_RECORDS { self.end_run() } else { Ok(()) }
    }

    /// Writes a run under a name that no opening takes for a segment, and clears if it is left.
    fn end_run(&mut self) -> Result<(), IndexError> {
        let name = format!("run-{}", self.runs.len());
        let path = storage::temporary(&self.workshop.folder.file(name));
        let mut run = mem::take(&mut self.run);
        let written = self.workshop.write_sorted(&path, self.range, &mut run)?;
        self.runs.push(Arc::new(written));
        self.run = run;
        Ok(())
    }

    fn finish(mut self) -> Result<Segment, IndexError> {
        if self.runs.is_empty() {
            let path = self.range.path(&self.workshop.folder.path);
            return self.workshop.write_sorted(&path, self.range, &mut self.run);
        }
        self.end_run()?;
        let segment = self.workshop.join_as(&self.runs, self.range)?;
        for run in &self.runs {
            self.workshop.folder.storage.remove(&run.path)?;
        }
        Ok(segment)
    }
}
