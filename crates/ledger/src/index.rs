//! Which records are stored: identity to content and commit, for every record ever stored.
//!
//! What a seal has not taken yet lies in memory, everything else in segments on disk, each over a
//! range of commits, which follow each other from the first commit on without a gap. A duplicate is
//! settled here, without a look into the table. The index is a pure function of table and journal:
//! a segment that is missing or damaged is made anew from the table.

mod check;
mod error;
mod filter;
mod indexer;
mod merge;
mod rebuild;
mod segment;
mod shelf;

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::hash::{BuildHasherDefault, Hasher};
use std::sync::Arc;

use domain::id::{ContentHash, RecordId};
use domain::record::Commit;

pub(crate) use check::IndexCheck;
pub(crate) use indexer::{IndexCommand, Indexer};
pub(crate) use rebuild::Workshop;
pub(crate) use segment::Range;
pub(crate) use shelf::Shelf;

/// Identities in memory: 40 bytes each and the table's slack.
type Memory = HashMap<RecordId, Known, BuildHasherDefault<FirstBytes>>;

/// What is known of a stored record.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Known {
    pub(crate) content: ContentHash,
    pub(crate) commit: Commit,
}

/// Identities of commits that the next seal takes.
#[derive(Debug)]
struct Frozen {
    range: Range,
    records: Memory,
}

/// The index, as the committer has it.
pub(crate) struct Index {
    /// Identities above everything on the shelf.
    fresh: Memory,
    shelf: Arc<Shelf>,
}

impl Index {
    /// An index of what the shelf holds.
    pub(crate) fn on(shelf: Arc<Shelf>) -> Self {
        Self { fresh: Memory::default(), shelf }
    }

    /// What the shelf knows of each of these identities, in order; or the commits of a segment that
    /// does not answer, and has to be made anew.
    pub(crate) fn look_up(
        &self,
        ids: impl Iterator<Item = RecordId>,
    ) -> Result<Vec<Option<Known>>, Range> {
        self.shelf.load().find(&ids.collect::<Vec<_>>())
    }

    /// Enters a record that is not on the shelf; if it is here already, says what is known of it.
    pub(crate) fn enter(&mut self, id: RecordId, known: Known) -> Result<(), Known> {
        match self.fresh.entry(id) {
            Entry::Occupied(occupied) => Err(*occupied.get()),
            Entry::Vacant(vacant) => {
                vacant.insert(known);
                Ok(())
            }
        }
    }

    /// What is known here of an identity that is not on the shelf.
    pub(crate) fn fresh(&self, id: RecordId) -> Option<Known> {
        self.fresh.get(&id).copied()
    }

    /// Takes out a record that was entered for a commit which it is no part of after all.
    pub(crate) fn forget(&mut self, id: RecordId) {
        self.fresh.remove(&id);
    }

    /// Hands everything up to a commit to the shelf, for the next seal.
    pub(crate) fn freeze(&mut self, last: Commit) {
        if self.fresh.is_empty() {
            return;
        }
        self.shelf.freeze(std::mem::take(&mut self.fresh), last);
    }
}

/// Takes the first bytes of an identity as they are: it is a hash already.
#[derive(Default)]
pub(crate) struct FirstBytes(u64);

impl Hasher for FirstBytes {
    fn write(&mut self, bytes: &[u8]) {
        // An array's length comes first, in as many bytes as a usize has: only the hash counts.
        if let Some(first) = bytes.first_chunk::<16>() {
            self.0 = u64::from_le_bytes(*first.first_chunk().expect("sixteen bytes hold eight"));
        }
    }

    fn finish(&self) -> u64 {
        self.0
    }
}
