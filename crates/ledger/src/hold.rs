//! The ledger as it is on disk at one moment: what files, log and tail say of one commit.
//!
//! The sealer gives it out, as it alone writes the log and changes the files: between two of its steps
//! they agree. Held, there is no group commit either until it is let go.

use std::sync::Arc;
use std::sync::mpsc::SyncSender;

use domain::record::Commit;
use domain::time::UtcTime;

use crate::state::State;
use crate::version::Version;
use crate::writer_file::Writer;

/// What is on disk at one moment. Its data files stay for as long as it is kept.
#[derive(Clone)]
pub(crate) struct View {
    pub(crate) state: Arc<State>,
    pub(crate) writer: Writer,
    /// Number of the log's next entry.
    pub(crate) next_entry: u64,
    /// Last commit in the table.
    pub(crate) sealed: Commit,
    /// When the table was made.
    pub(crate) created: UtcTime,
}

/// A ledger between two group commits. Dropped or let go, it goes on; after
/// [`crate::limits::HELD_SECONDS`] it goes on by itself.
pub struct Held {
    pub(crate) view: View,
    pub(crate) release: SyncSender<()>,
}

/// The ledger was held for too long, and went on by itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct HeldTooLong;

impl Held {
    /// The version at which it is held: no later group commit is made meanwhile.
    #[must_use]
    pub fn version(&self) -> Version {
        Version::new(self.view.state.journal, self.view.state.last)
    }

    /// Lets the ledger go on.
    pub(crate) fn let_go(self) -> Result<View, HeldTooLong> {
        self.release.send(()).map_err(|_| HeldTooLong)?;
        Ok(self.view)
    }
}

impl std::fmt::Display for HeldTooLong {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("the ledger was held between two group commits for too long")
    }
}

impl std::error::Error for HeldTooLong {}
