//! What the ledger's handles and its threads have in common.

use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use domain::id::SubscriptionId;
use domain::time::UtcTime;

use crate::delta::Replaced;
use crate::error::FileError;
use crate::measures::Measures;
use crate::stall::Stall;
use crate::state::Current;
use crate::storage::{Folder, Lock};

/// Shared by handles and threads.
pub(crate) struct Shared {
    pub(crate) clock: Arc<dyn Fn() -> UtcTime + Send + Sync>,
    pub(crate) seal_bytes: u64,
    /// Of what waits or is unsealed; above it appends are answered `Busy`.
    pub(crate) unsealed_bytes_max: u64,
    /// Rows that a data file has at least if it has rollups.
    pub(crate) rollup_rows: u64,
    pub(crate) current: Current,
    /// False for ever once closed, or once a sync has failed.
    pub(crate) writable: AtomicBool,
    /// False once the thread that joins data files has ended.
    pub(crate) compacts: AtomicBool,
    /// Whether the journal waits for an object store that does not answer.
    pub(crate) stall: Stall,
    /// Bytes of frames that are not sealed.
    pub(crate) unsealed_bytes: AtomicU64,
    /// Bytes of requests that wait for the committer.
    pub(crate) queued_bytes: AtomicU64,
    /// True once the ledger is closing: long work in the background stops.
    pub(crate) closing: AtomicBool,
    /// Files of the table that others have taken the place of, and that may still be there.
    pub(crate) replaced: Mutex<Vec<Replaced>>,
    pub(crate) measures: Measures,
    pub(crate) folders: Folders,
    /// Locked for as long as anything may write.
    pub(crate) lock: Box<dyn Lock>,
}

/// Folder of the table in the ledger's.
pub(crate) const TABLE: &str = "usage";

/// Where things are.
#[derive(Debug, Clone)]
pub(crate) struct Folders {
    pub(crate) root: Folder,
    pub(crate) journal: Folder,
    pub(crate) index: Folder,
    pub(crate) table: Folder,
    pub(crate) data: Folder,
    pub(crate) log: Folder,
}

impl Shared {
    /// Files that others have taken the place of; nobody waits long for them.
    pub(crate) fn replaced(&self) -> MutexGuard<'_, Vec<Replaced>> {
        self.replaced.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Files that others have taken the place of, and that may have rows of one of these subscriptions.
    pub(crate) fn earlier_of(&self, subscriptions: &[(SubscriptionId, u64)]) -> Vec<PathBuf> {
        let all = self.replaced();
        let earlier = all.iter().filter(|replaced| replaced.may_have(subscriptions));
        earlier.map(|replaced| replaced.path.clone()).collect()
    }

    /// Refuses writes from now on.
    pub(crate) fn poison(&self, error: &FileError) {
        let cause = &error.cause;
        tracing::error!(%error, %cause, "ledger refuses writes until it is opened again");
        self.writable.store(false, Ordering::SeqCst);
    }
}
