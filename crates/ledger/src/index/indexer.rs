//! The indexer: one thread that writes segments of what was sealed, joins them, and makes damaged
//! ones anew.
//!
//! Nothing waits for it but the sealer, once a few seals are ahead of it. What it fails to write
//! stays in memory and is tried again with the next seal: the index answers the same.

use std::path::Path;
use std::sync::Arc;
use std::sync::mpsc::Receiver;

use domain::record::Commit;

use super::error::IndexError;
use super::rebuild::Workshop;
use super::segment::Segment;
use super::{Range, Shelf};
use crate::delta::Table;
use crate::doubling::due;
use crate::error::OpenError;
use crate::limits::INDEX_SEGMENTS_JOINED;
use crate::shared::Shared;
use crate::storage::Storage;
use crate::version::JournalId;

/// What the indexer is asked.
#[derive(Debug)]
pub(crate) enum IndexCommand {
    /// Everything up to a commit is in the table.
    Sealed(Commit),
    /// The segment of these commits does not answer.
    Repair(Range),
}

/// The indexer.
pub(crate) struct Indexer {
    pub(crate) shared: Arc<Shared>,
    pub(crate) journal: JournalId,
    pub(crate) shelf: Arc<Shelf>,
    pub(crate) commands: Receiver<IndexCommand>,
}

impl Shelf {
    /// Opens the segments of everything that the table holds; makes those that are missing or
    /// damaged, and removes what is of no use.
    ///
    /// # Errors
    /// [`OpenError`] if a folder or file fails, or the table cannot be read where it has to be.
    pub(crate) fn open(workshop: Workshop<'_>, table: &Table) -> Result<Self, OpenError> {
        let folder = workshop.folder;
        folder.make()?;
        folder.remove_temporaries()?;
        let mut found = Vec::new();
        for name in folder.names()? {
            match Range::of_name(&name) {
                Some(range) if range.last <= table.sealed => found.push(range),
                Some(range) => folder.storage.remove(&range.path(&folder.path))?,
                None => {}
            }
        }
        // Of those that begin at one commit the longest first: it was joined from the others.
        found.sort_by_key(|range| (range.first, std::cmp::Reverse(range.last)));
        let mut segments: Vec<Arc<Segment>> = Vec::new();
        let mut next = Commit(1);
        for range in found {
            if range.first < next {
                folder.storage.remove(&range.path(&folder.path))?;
                continue;
            }
            let Some(segment) = opened(workshop, range)? else { continue };
            if next < range.first {
                let gap = Range { first: next, last: Commit(range.first.0 - 1) };
                segments.push(Arc::new(workshop.rebuild(&table.files, gap)?));
            }
            next = Commit(range.last.0 + 1);
            segments.push(Arc::new(segment));
        }
        if next <= table.sealed {
            let gap = Range { first: next, last: table.sealed };
            segments.push(Arc::new(workshop.rebuild(&table.files, gap)?));
        }
        Ok(Self::of_segments(segments))
    }
}

/// The segment of a range; none if it is damaged, and then it is removed.
fn opened(workshop: Workshop<'_>, range: Range) -> Result<Option<Segment>, OpenError> {
    let storage = &workshop.folder.storage;
    let path = range.path(&workshop.folder.path);
    match Segment::open(storage, path.clone(), range, workshop.journal) {
        Ok(segment) => Ok(Some(segment)),
        Err(error @ IndexError::Damaged { .. }) => {
            tracing::warn!(%error, "it is made anew");
            storage.remove(&path)?;
            Ok(None)
        }
        Err(error) => Err(error.into()),
    }
}

impl Indexer {
    /// Works until everyone who could ask is gone.
    pub(crate) fn run(self) {
        while let Ok(command) = self.commands.recv() {
            let done = match command {
                IndexCommand::Sealed(last) => self.sealed(last).and_then(|()| self.join()),
                IndexCommand::Repair(range) => self.repair(range),
            };
            match done {
                Ok(()) | Err(IndexError::Stopped) => {}
                Err(error) => tracing::error!(%error, "index was not written"),
            }
        }
    }

    fn workshop(&self) -> Workshop<'_> {
        Workshop {
            folder: &self.shared.folders.index,
            journal: self.journal,
            closing: &self.shared.closing,
        }
    }

    /// Writes the frozen sets up to a commit.
    fn sealed(&self, last: Commit) -> Result<(), IndexError> {
        let mut frozen = self.shelf.load().frozen.clone();
        frozen.retain(|frozen| frozen.range.last <= last);
        if frozen.is_empty() {
            return Ok(());
        }
        let segment = self.workshop().write_frozen(&frozen)?;
        self.shelf.change(|stored| stored.put(segment));
        Ok(())
    }

    /// Joins segments as long as some are due.
    fn join(&self) -> Result<(), IndexError> {
        loop {
            let segments = self.shelf.load().segments.clone();
            let entries: Vec<u64> = segments.iter().map(|segment| segment.entries).collect();
            let Some(count) = due(&entries, INDEX_SEGMENTS_JOINED) else { return Ok(()) };
            let joined = &segments[segments.len() - count..];
            match self.workshop().join(joined) {
                Ok(segment) => self.shelf.change(|stored| stored.put(segment)),
                Err(error @ IndexError::Damaged { .. }) => {
                    let damaged = joined.iter().find(|segment| is_of(segment, &error));
                    tracing::warn!(%error, "it is made anew");
                    self.repair(damaged.ok_or(error)?.range)?;
                    continue;
                }
                Err(error) => return Err(error),
            }
            for segment in joined {
                remove(&self.shared.folders.index.storage, &segment.path);
            }
        }
    }

    /// Makes a segment anew, unless it was joined or made anew meanwhile.
    fn repair(&self, range: Range) -> Result<(), IndexError> {
        let is_there = self.shelf.load().segments.iter().any(|segment| segment.range == range);
        if !is_there {
            return Ok(());
        }
        let files = Arc::clone(&self.shared.current.load().files);
        let segment = self.workshop().rebuild(&files, range)?;
        self.shelf.change(|stored| stored.put(segment));
        Ok(())
    }
}

fn is_of(segment: &Segment, error: &IndexError) -> bool {
    matches!(error, IndexError::Damaged { file } if *file == segment.path)
}

/// A joined segment that stays is removed by the next opening.
fn remove(storage: &Storage, path: &Path) {
    if let Err(error) = storage.remove(path) {
        let cause = &error.cause;
        tracing::warn!(%error, %cause, "joined index segment was not removed");
    }
}
