//! What a test may put in the place of the real thing: the disk, the sync of a frame, and what
//! happens between two steps of a seal or a join.

use std::io;
use std::sync::Arc;

use crate::limits::{CHECKPOINT_ENTRIES, ERASED_RUN_BYTES, ROLLUP_ROWS};
use crate::storage::{Disk, LocalDisk, WriteFile};

/// Syncs the journal after a frame was written.
pub(crate) type SyncFrame = Arc<dyn Fn(&mut dyn WriteFile) -> io::Result<()> + Send + Sync>;
/// Is told each step when it is done.
pub(crate) type AfterStep = Arc<dyn Fn(Step) + Send + Sync>;

/// The steps of a seal, then of a join and of an erasure, in order, and of any.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Step {
    /// The journal goes on in a new segment.
    Rotated,
    /// Every data file is written and synced.
    DataWritten,
    /// The log entry is there and synced.
    Logged,
    /// Readers see the data files in the place of the tail.
    Published,
    /// The sealed segments are gone.
    JournalCut,
    /// The joined file is written and synced.
    Joined,
    /// The log entry that puts it in the place of others is there and synced.
    JoinLogged,
    /// Readers see it in their place.
    JoinPublished,
    /// The file of which rows were erased is written and synced.
    Rewritten,
    /// The log entry that puts it in the place of another is there and synced.
    RewriteLogged,
    /// Readers see it in its place.
    RewritePublished,
    /// Replaced files that may go are gone.
    Cleared,
    /// The log has a checkpoint, and has forgotten what is before an older one.
    Checkpointed,
}

/// The seams.
#[derive(Clone)]
pub(crate) struct Seams {
    /// Where the ledger's folder lies.
    pub(crate) disk: Arc<dyn Disk>,
    pub(crate) sync_frame: SyncFrame,
    pub(crate) after_step: AfterStep,
    /// Entries of the log after which there is a checkpoint.
    pub(crate) checkpoint_entries: u64,
    /// Rows that a data file has at least if it has rollups.
    pub(crate) rollup_rows: u64,
    /// Bytes of rows that are sorted in memory by an erasure.
    pub(crate) erased_run_bytes: usize,
}

impl Default for Seams {
    fn default() -> Self {
        Self {
            disk: Arc::new(LocalDisk),
            sync_frame: Arc::new(|file| file.sync_data()),
            after_step: Arc::new(|_| {}),
            checkpoint_entries: CHECKPOINT_ENTRIES,
            rollup_rows: ROLLUP_ROWS,
            erased_run_bytes: ERASED_RUN_BYTES,
        }
    }
}
