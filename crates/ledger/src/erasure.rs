//! Erasing what may name people from the stored rows of subscriptions: what is asked, and what comes of
//! it. Rows, quantities and times stay, so every total does.
//!
//! The journal is sealed first, so that all of it is in data files; then the compactor writes one file
//! after the other anew, once for all subscriptions together, each with a log entry of its own. A crash
//! between any two leaves some done, and the same erasures asked again do the others.

use std::collections::BTreeSet;
use std::fmt;
use std::ops::ControlFlow;
use std::sync::Arc;

use domain::erasure::ErasureKey;
use domain::id::SubscriptionId;
use domain::record::Commit;
use domain::sums::Whose;
use domain::time::UtcTime;
use tokio::sync::oneshot;

use crate::Ledger;
use crate::compactor::CompactCommand;
use crate::error::SealError;
use crate::scan::Selection;
use crate::sealer::SealCommand;
use crate::state::DataFile;
use crate::version::{JournalId, Version};

/// What is to be erased of a subscription: of rows that are stored when it is asked, as
/// [`domain::erasure`] says it.
#[derive(Debug, Clone)]
pub struct Erasure {
    /// Whose rows.
    pub subscription: SubscriptionId,
    /// Rows whose usage starts before; none: whenever it starts.
    pub before: Option<UtcTime>,
    /// What is erased already: files that can only have rows of it are not looked at.
    pub since: Option<Erased>,
    /// From which the pseudonyms follow. The same one again after a crash gives the same ones.
    pub key: ErasureKey,
}

/// What an earlier erasure of the same subscription, which has ended, was of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Erased {
    /// Its bound.
    pub before: Option<UtcTime>,
    /// The version that it reported.
    pub version: Version,
}

/// What came of an erasure by now.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ErasedRows {
    /// Data files that were written anew.
    pub files: u64,
    /// Rows that were erased.
    pub rows: u64,
    /// Data files that may have such rows and are damaged or missing: nothing was erased of them. Paths in
    /// the table, of the first hundred.
    pub damaged: Vec<String>,
    /// Data files that may have such rows and were left, as one of them or what was to be in its place
    /// could not be read or written this time: asked again, they may be erased. The first hundred.
    pub left: Vec<String>,
}

/// How far erasures are.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct EraseProgress {
    /// Data files that were looked at, and written anew where they had such rows.
    pub files_done: u64,
    /// Data files that are to be looked at, with those.
    pub files_to_do: u64,
    /// What came of each erasure, in the order in which they were asked for.
    pub of: Vec<ErasedRows>,
}

/// What erasures have done.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ErasureReport {
    /// Of each, in the order in which they were asked for.
    pub of: Vec<ErasedRows>,
    /// Rows of this version and of earlier ones have nothing left that was to be erased, but for those in
    /// files that were damaged or left.
    pub version: Version,
}

/// Why rows were not erased, or not all; asked again it goes on.
#[derive(Debug, Clone)]
pub enum EraseError {
    /// The ledger writes no more since a sync failed, or was closed.
    Refused,
    /// It was stopped, or the ledger is closing.
    Stopped,
    /// The journal was not sealed, or the table's log did not take a file.
    Log(SealError),
}

/// Told how far erasures are; whether they go on.
pub(crate) type Told = dyn FnMut(&EraseProgress) -> ControlFlow<()> + Send;

/// Erasures that the compactor is asked for.
pub(crate) struct EraseJob {
    pub(crate) erasures: Vec<Erasure>,
    /// The last commit of which rows are erased; all up to it are in data files.
    pub(crate) last: Commit,
    pub(crate) progress: Box<Told>,
    pub(crate) reply: oneshot::Sender<Result<ErasureReport, EraseError>>,
}

impl Ledger {
    /// Erases what may name people from the stored rows of subscriptions, in one walk over the files. It
    /// takes long; `progress` is told with each file how far it is, and may stop it. Dropping the future
    /// does not.
    ///
    /// # Errors
    /// [`EraseError`]; what was done until then stays done.
    ///
    /// # Panics
    /// If two are of one subscription.
    pub async fn erase(
        &self,
        erasures: Vec<Erasure>,
        progress: impl FnMut(&EraseProgress) -> ControlFlow<()> + Send + 'static,
    ) -> Result<ErasureReport, EraseError> {
        let subscriptions: BTreeSet<_> = erasures.iter().map(|one| one.subscription).collect();
        assert!(subscriptions.len() == erasures.len(), "a subscription has one erasure at a time");
        let asked = self.0.shared.current.load().last;
        let sealed = self.ask_sealer(SealCommand::Empty).await.map_err(SealError::from)?;
        let sealed = sealed.ok_or(EraseError::Stopped)?;
        let last = sealed?.max(asked); // an opening may be a commit without rows
        let (reply, answer) = oneshot::channel();
        let job = EraseJob { erasures, last, progress: Box::new(progress), reply };
        let inner = Arc::clone(&self.0);
        let sent = move || inner.compactor.send(CompactCommand::Erase(job)).is_ok();
        match tokio::task::spawn_blocking(sent).await {
            Ok(true) => answer.await.unwrap_or(Err(EraseError::Stopped)),
            _ => Err(EraseError::Stopped),
        }
    }
}

impl Ledger {
    /// Files that have what was erased, and that somebody still reads: they go with the last reader.
    #[must_use]
    pub fn erased_files_held(&self) -> u64 {
        self.0.shared.replaced().iter().filter(|replaced| replaced.erased).count() as u64
    }
}

impl Erasure {
    /// The rows that are to be erased, as far as they are not.
    pub(crate) fn selection(&self, last: Commit) -> Selection {
        let start = self.before.map(|before| UtcTime::MIN..before);
        let (whose, last) = (Whose::One(self.subscription), Some(last));
        Selection { whose, start, last, ..Selection::default() }
    }

    /// Whether a file may have rows that are to be erased, of which `last` is the last commit.
    pub(crate) fn may_be_in(&self, file: &DataFile, journal: JournalId, last: Commit) -> bool {
        self.selection(last).may_match(&file.bounds) && !self.is_done(journal, file)
    }

    /// Whether a file can only have rows that were erased before.
    fn is_done(&self, journal: JournalId, file: &DataFile) -> bool {
        self.since.as_ref().filter(|since| since.version.is_of(journal)).is_some_and(|since| {
            let is_before = since.before.is_none_or(|before| file.bounds.start.1 < before);
            is_before && file.bounds.commit.1 <= since.version.commit
        })
    }
}

impl fmt::Display for EraseError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Refused => f.write_str("ledger refuses writes until it is opened again"),
            Self::Stopped => f.write_str("erasing was stopped"),
            Self::Log(error) => error.fmt(f),
        }
    }
}

impl std::error::Error for EraseError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Refused | Self::Stopped => None,
            Self::Log(error) => error.source(),
        }
    }
}

impl From<SealError> for EraseError {
    fn from(error: SealError) -> Self {
        match error {
            SealError::Refused => Self::Refused,
            error => Self::Log(error),
        }
    }
}
