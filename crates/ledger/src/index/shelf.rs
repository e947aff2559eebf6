//! What committer and indexer share of the index: segments and frozen sets, replaced as a whole by
//! each change, so that a look-up waits only for as long as a pointer takes to copy.

use std::sync::{Arc, Mutex, PoisonError};

use domain::id::RecordId;
use domain::record::Commit;

use super::segment::Segment;
use super::{Frozen, Known, Memory, Range};

/// The shelf.
#[derive(Debug)]
pub(crate) struct Shelf {
    current: Mutex<Arc<Stored>>,
}

/// What stands on it at one moment: commits from the first one on, without a gap.
#[derive(Debug, Clone, Default)]
pub(super) struct Stored {
    /// In order of commits.
    pub(super) segments: Vec<Arc<Segment>>,
    /// Those behind them, in order of commits.
    pub(super) frozen: Vec<Arc<Frozen>>,
}

impl Shelf {
    pub(super) fn of_segments(segments: Vec<Arc<Segment>>) -> Self {
        let stored = Stored { segments, frozen: Vec::new() };
        Self { current: Mutex::new(Arc::new(stored)) }
    }

    pub(super) fn load(&self) -> Arc<Stored> {
        Arc::clone(&self.current.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Replaces what stands here by a changed copy.
    pub(super) fn change(&self, change: impl FnOnce(&mut Stored)) {
        let mut current = self.current.lock().unwrap_or_else(PoisonError::into_inner);
        let mut next = Stored::clone(&current);
        change(&mut next);
        *current = Arc::new(next);
    }

    /// Puts identities behind everything that stands here.
    pub(super) fn freeze(&self, records: Memory, last: Commit) {
        self.change(|stored| {
            let first = Commit(stored.last().0 + 1);
            let range = Range { first, last };
            stored.frozen.push(Arc::new(Frozen { range, records }));
        });
    }
}

impl Stored {
    /// The last commit that stands here.
    pub(super) fn last(&self) -> Commit {
        let segment = self.segments.last().map(|segment| segment.range.last);
        let frozen = self.frozen.last().map(|frozen| frozen.range.last);
        frozen.or(segment).unwrap_or(Commit(0))
    }

    /// What is known of each of these identities, in order; an error if a segment does not answer,
    /// with its commits.
    ///
    /// One segment is asked of all of them before the next: most of the time goes into lines of
    /// filters that are not in the processor's cache, and so it fetches several at a time.
    pub(super) fn find(&self, ids: &[RecordId]) -> Result<Vec<Option<Known>>, Range> {
        let mut found = vec![None; ids.len()];
        for frozen in &self.frozen {
            for (id, found) in ids.iter().zip(&mut found) {
                *found = found.or_else(|| frozen.records.get(id).copied());
            }
        }
        for segment in &self.segments {
            segment.find(ids, &mut found).map_err(|error| {
                let file = segment.path.display();
                tracing::error!(%error, %file, "index segment does not answer");
                segment.range
            })?;
        }
        Ok(found)
    }

    /// Puts a segment in the place of everything of its commits.
    pub(super) fn put(&mut self, segment: Segment) {
        let range = segment.range;
        let within = |other: Range| range.contains(other.first) && range.contains(other.last);
        self.frozen.retain(|frozen| !within(frozen.range));
        self.segments.retain(|other| !within(other.range));
        let place = self.segments.partition_point(|other| other.range.last < range.first);
        self.segments.insert(place, Arc::new(segment));
    }
}
