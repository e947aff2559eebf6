//! Which records are stored: identity to content and commit, for every record ever stored.
//!
//! In memory, 40 bytes a record and the table's slack; rebuilt on opening from the data files and
//! the journal, of which it is a pure function.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::hash::{BuildHasherDefault, Hasher};

use domain::id::{ContentHash, RecordId};
use domain::record::Commit;

/// The index.
#[derive(Default)]
pub(crate) struct Index {
    records: HashMap<RecordId, Known, BuildHasherDefault<FirstBytes>>,
}

/// What is known of a stored record.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Known {
    pub(crate) content: ContentHash,
    pub(crate) commit: Commit,
}

impl Index {
    /// Enters a record that is not there yet, else says what is.
    pub(crate) fn enter(&mut self, id: RecordId, known: Known) -> Result<(), Known> {
        match self.records.entry(id) {
            Entry::Occupied(occupied) => Err(*occupied.get()),
            Entry::Vacant(vacant) => {
                vacant.insert(known);
                Ok(())
            }
        }
    }
}

/// Takes the first bytes of an identity as they are: it is a hash already.
#[derive(Default)]
struct FirstBytes(u64);

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
