//! What readers see: one immutable state, replaced as a whole by each group commit and each seal.

use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};

use domain::id::SubscriptionId;
use domain::record::Commit;
use domain::time::{Date, UtcTime};

use crate::delta::Erasures;
use crate::rollup::Shelf;
use crate::row::Row;
use crate::storage::Storage;
use crate::sums::KeptSums;
use crate::tail::{self, Chunk};
use crate::version::JournalId;

/// A data file of the table, with what its log entry says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct DataFile {
    /// Where it lies.
    pub(crate) storage: Storage,
    pub(crate) path: PathBuf,
    /// The one day on which its rows were reported.
    pub(crate) day: Date,
    pub(crate) bounds: Bounds,
    pub(crate) rows: u64,
    /// Its size.
    pub(crate) bytes: u64,
    /// When it was begun.
    pub(crate) made: UtcTime,
}

/// Least and greatest values of a file's rows, both inclusive.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Bounds {
    pub(crate) subscription: (SubscriptionId, SubscriptionId),
    pub(crate) reported: (UtcTime, UtcTime),
    pub(crate) start: (UtcTime, UtcTime),
    pub(crate) commit: (Commit, Commit),
}

impl Bounds {
    /// The bounds of one row.
    pub(crate) fn of(row: &Row<'_>) -> Self {
        fn both<T: Copy>(value: T) -> (T, T) {
            (value, value)
        }
        Self {
            subscription: both(row.subscription),
            reported: both(row.reported.0),
            start: both(row.window.start()),
            commit: both(row.commit),
        }
    }

    /// The bounds of the rows within these or those.
    pub(crate) fn and(self, other: Self) -> Self {
        fn around<T: Ord>(a: (T, T), b: (T, T)) -> (T, T) {
            (a.0.min(b.0), a.1.max(b.1))
        }
        Self {
            subscription: around(self.subscription, other.subscription),
            reported: around(self.reported, other.reported),
            start: around(self.start, other.start),
            commit: around(self.commit, other.commit),
        }
    }
}

/// The ledger at one moment.
#[derive(Clone)]
pub(crate) struct State {
    pub(crate) journal: JournalId,
    /// The table's files, in no order.
    pub(crate) files: Arc<Vec<Arc<DataFile>>>,
    /// Of which subscriptions rows were erased, and how often.
    pub(crate) erasures: Arc<Erasures>,
    /// The files' rollups that were opened lately.
    pub(crate) rollups: Arc<Shelf>,
    /// Sums of all subscriptions that were asked for lately.
    pub(crate) kept_sums: Arc<KeptSums>,
    /// Chunks that the next seal takes, in order of commits; merged no more.
    pub(crate) frozen: Vec<Arc<Chunk>>,
    /// Chunks after those, in order of commits.
    pub(crate) fresh: Vec<Arc<Chunk>>,
    /// Last commit that is durable.
    pub(crate) last: Commit,
    /// Its time.
    pub(crate) last_time: UtcTime,
}

impl State {
    /// Every chunk of the tail.
    pub(crate) fn chunks(&self) -> impl Iterator<Item = &Arc<Chunk>> {
        self.frozen.iter().chain(&self.fresh)
    }

    /// Rows in the table and the tail.
    pub(crate) fn rows(&self) -> u64 {
        let sealed: u64 = self.files.iter().map(|file| file.rows).sum();
        sealed + self.chunks().map(|chunk| chunk.rows().len() as u64).sum::<u64>()
    }

    /// Adds a group commit.
    pub(crate) fn commit(&mut self, chunk: Chunk) {
        (self.last, self.last_time) = (chunk.last, chunk.last_time);
        tail::push(&mut self.fresh, chunk);
    }

    /// Hands everything in the tail to the sealer.
    pub(crate) fn freeze(&mut self) {
        self.frozen.append(&mut self.fresh);
    }

    /// Puts a data file in the place of others that have its rows.
    pub(crate) fn joined(&mut self, replaced: &[Arc<DataFile>], joined: Arc<DataFile>) {
        let mut all = Vec::clone(&self.files);
        all.retain(|file| !replaced.iter().any(|gone| Arc::ptr_eq(gone, file)));
        assert!(
            all.len() + replaced.len() == self.files.len(),
            "only files of the table are replaced"
        );
        all.push(joined);
        self.files = Arc::new(all);
    }

    /// Puts a data file in the place of another, of which it has rows of subscriptions erased, and says how
    /// often that was so of each.
    pub(crate) fn erased(
        &mut self,
        replaced: &[Arc<DataFile>],
        file: Arc<DataFile>,
        generations: &[(SubscriptionId, u64)],
    ) {
        self.joined(replaced, file);
        let mut erasures = Erasures::clone(&self.erasures);
        erasures.extend(generations.iter().copied());
        self.erasures = Arc::new(erasures);
    }

    /// Puts data files in the place of the frozen chunks up to a commit.
    pub(crate) fn sealed(&mut self, files: Vec<Arc<DataFile>>, last: Commit) {
        let mut all = Vec::clone(&self.files);
        all.extend(files);
        self.files = Arc::new(all);
        self.frozen.retain(|chunk| chunk.last > last);
    }
}

/// The state that is current. Readers wait only for as long as a pointer takes to copy; those who
/// change it wait for each other.
pub(crate) struct Current {
    state: Mutex<Arc<State>>,
    changing: Mutex<()>,
}

impl Current {
    pub(crate) fn new(state: State) -> Self {
        Self { state: Mutex::new(Arc::new(state)), changing: Mutex::new(()) }
    }

    pub(crate) fn load(&self) -> Arc<State> {
        Arc::clone(&self.state.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Replaces the state by a changed copy.
    pub(crate) fn change(&self, change: impl FnOnce(&mut State)) {
        let _changing = self.changing.lock().unwrap_or_else(PoisonError::into_inner);
        let mut next = State::clone(&self.load());
        change(&mut next);
        *self.state.lock().unwrap_or_else(PoisonError::into_inner) = Arc::new(next);
    }
}
