//! The usage ledger: durable, idempotent and exact.
//!
//! [`Ledger::append`] returns when records are safe in the journal; a seal moves them into a Delta
//! table of Parquet files. A [`Snapshot`] reads both as one, as of any commit. Stored records are
//! never changed. `docs/FORMAT.md` describes every byte on disk.

mod activity;
mod backup;
mod checked;
mod checkpoints;
mod claim;
mod columns;
mod committer;
mod compactor;
mod daily;
mod data_file;
mod delta;
mod doubling;
mod encoded;
mod encoding;
mod erasing;
mod erasure;
mod error;
mod first_usage;
mod footers;
mod frame;
mod groups;
mod hold;
mod index;
mod joining;
mod journal;
pub mod limits;
mod lookup;
mod measures;
mod moment;
mod open;
mod page;
mod pages;
mod place;
mod rollup;
mod row;
mod scan;
mod schema;
mod sealer;
mod seam;
mod shared;
mod snapshot;
mod stall;
mod state;
mod storage;
mod sums;
mod tail;
mod together;
mod totals;
mod verify;
mod version;
mod writer_file;

use std::collections::BTreeMap;
use std::ops::ControlFlow;
use std::path::Path;
use std::sync::atomic::Ordering;
use std::sync::mpsc::SyncSender;
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use domain::id::ContentHash;
use domain::record::{Commit, UsageRecord};
use domain::time::{ReportedTime, UtcTime};
use tokio::sync::{mpsc, oneshot};

use committer::{Message, Request};
use compactor::CompactCommand;
use index::{IndexCheck, Shelf};
use sealer::SealCommand;
use seam::Seams;
use shared::{Folders, Shared};
use stall::{Stalled, Taken};
use together::Settled;
use verify::Subject;

pub use backup::{CopiedFile, CopyError, LedgerCopy};
pub use encoded::Encoded;
pub use erasure::{EraseError, EraseProgress, Erased, ErasedRows, Erasure, ErasureReport};
pub use error::{
    AppendError, CloseError, CompactError, FileError, FindError, OpenError, ReadError, SealError,
};
pub use hold::{Held, HeldTooLong};
pub use place::{JournalPlace, ObjectPlace, ObjectSettings, Place, PlaceError};
pub use snapshot::{FirstUsageAsOf, GroupsAsOf, Snapshot, UsagePage};
pub use together::{Obstacle, Together};
pub use totals::{MeterTotal, Totals};
pub use verify::{Damage, Progress, VerifyReport, verify_folder};
pub use version::{Version, VersionTextError};

/// How a ledger is opened.
#[derive(Clone)]
pub struct Options {
    /// Reads the time, which group commits are stamped with.
    pub clock: Arc<dyn Fn() -> UtcTime + Send + Sync>,
    /// Bytes in the journal at which it is sealed; at most half of what may be unsealed.
    pub seal_bytes: u64,
    /// Bytes waiting for the committer or not yet sealed above which appends are answered `Busy`:
    /// [`limits::UNSEALED_BYTES_MAX`], or less.
    pub unsealed_bytes_max: u64,
    /// Age of the first unsealed group commit, in seconds, at which the journal is sealed.
    pub seal_after_seconds: u64,
    /// How long data files that were joined stay for readers outside, in seconds; open snapshots keep
    /// theirs in any case.
    pub keep_replaced_seconds: u64,
}

/// One record to store.
#[derive(Debug, Clone)]
pub struct NewRecord {
    /// As its producer sent it.
    pub record: UsageRecord,
    /// When the origin reported it, for imports; none: the time of its group commit.
    pub reported: Option<ReportedTime>,
}

/// What became of one record. Each names the commit that stored the record first.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// It is stored now.
    Stored(Commit),
    /// The same content was stored under its identity before; nothing was added.
    Duplicate(Commit),
    /// Other content was stored under its identity before; nothing was changed.
    Conflict(Commit),
}

/// What the ledger says of itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Status {
    /// Whether it takes records at all.
    pub writable: bool,
    /// Whether a group commit waits for an object store that does not answer: until it does, no others
    /// are made.
    pub stalled: bool,
    /// Highest commit that readers see.
    pub last_commit: Commit,
    /// Bytes of journal frames that are not sealed.
    pub journal_bytes: u64,
    /// Bytes of requests that wait for a group commit.
    pub queued_bytes: u64,
    /// Data files of the table.
    pub files: u64,
    /// Rows in the table and the journal.
    pub rows: u64,
    /// Whether small data files are joined; if not, they become many.
    pub compacts: bool,
    /// Whether the clock is well behind the last commit, whose time later commits then keep: it was
    /// ahead once, or has fallen back.
    pub is_clock_behind: bool,
}

/// A handle to an open ledger; cheap to clone.
///
/// The threads behind it end after [`Ledger::close`], or some time after the last handle is gone;
/// only `close` waits for them and thus for the folder to be free again.
#[derive(Clone)]
pub struct Ledger(Arc<Inner>);

pub(crate) struct Inner {
    shared: Arc<Shared>,
    shelf: Arc<Shelf>,
    committer: mpsc::Sender<Message>,
    sealer: SyncSender<SealCommand>,
    compactor: SyncSender<CompactCommand>,
    threads: Mutex<Vec<JoinHandle<()>>>,
}

impl Ledger {
    /// Opens a ledger folder for writing, or makes it. Blocks: replays the journal, and makes what is
    /// missing of the index from the table.
    ///
    /// # Errors
    /// [`OpenError`] if the folder is in use, damaged, newer, or not this ledger's. No record is
    /// changed or removed then.
    pub fn open(dir: &Path, options: Options) -> Result<Self, OpenError> {
        Self::open_with(dir, options, Seams::default())
    }

    /// The same of a ledger of which some part may lie elsewhere than in its folder.
    ///
    /// # Errors
    /// [`OpenError`] as for [`Ledger::open`], and if an object store does not do what it is asked.
    pub fn open_at(dir: &Path, place: &Place, options: Options) -> Result<Self, OpenError> {
        open::open(dir, place, options, Seams::default()).map(|inner| Self(Arc::new(inner)))
    }

    fn open_with(dir: &Path, options: Options, seams: Seams) -> Result<Self, OpenError> {
        open::open(dir, &Place::Folder, options, seams).map(|inner| Self(Arc::new(inner)))
    }

    /// Stores records as parts of one group commit; returns when they are durable. One outcome for
    /// each record, in order. Corrections go by [`Ledger::append_together`].
    ///
    /// Dropping the future does not take the records back.
    ///
    /// # Errors
    /// [`AppendError`]; only after `Refused` may any of them have been stored.
    pub async fn append(&self, records: Vec<NewRecord>) -> Result<Vec<Outcome>, AppendError> {
        if records.is_empty() {
            return Ok(Vec::new());
        }
        match self.settle(records, None).await? {
            Settled::Each(outcomes) => Ok(outcomes),
            Settled::Together(_) => unreachable!("an outcome for each was asked for"),
        }
    }

    /// Stores records, at least one, together in one group commit, or none of them: all that a
    /// correction takes back and puts in its place. What is reversed has to be stored.
    ///
    /// Dropping the future does not take the records back.
    ///
    /// # Errors
    /// [`AppendError`]; only after `Refused` may they have been stored, and then all of them.
    pub async fn append_together(&self, records: Vec<NewRecord>) -> Result<Together, AppendError> {
        let all: Vec<_> = records.iter().map(|new| &new.record).collect();
        let of_erased = self.reversed_of_erased(&all).await.map_err(|error| match error {
            FindError::Refused => AppendError::Refused,
            error => {
                tracing::error!(%error, "what is to be taken back was not found");
                AppendError::Busy
            }
        })?;
        match self.settle(records, Some(of_erased)).await? {
            Settled::Together(together) => Ok(together),
            Settled::Each(_) => unreachable!("one outcome for all was asked for"),
        }
    }

    /// Stores records that are encoded already, as [`Ledger::append`] does; but where the ledger is
    /// busy, waits until it is so no more, for as long as it is asked to.
    ///
    /// Dropping the future does not take the records back, if they wait no longer.
    ///
    /// # Errors
    /// As [`Ledger::append`]; `Busy` after `patience`.
    pub async fn append_encoded(
        &self,
        records: Encoded,
        patience: Duration,
    ) -> Result<Vec<Outcome>, AppendError> {
        if records.is_empty() {
            return Ok(Vec::new());
        }
        let records = Arc::new(records);
        let begun = Instant::now();
        loop {
            match self.settle_encoded(Arc::clone(&records), false).await {
                Ok(Settled::Each(outcomes)) => return Ok(outcomes),
                Ok(Settled::Together(_)) => unreachable!("an outcome for each was asked for"),
                Err(AppendError::Busy) if begun.elapsed() < patience => {
                    tokio::time::sleep(Duration::from_millis(limits::BUSY_PAUSE_MS)).await;
                }
                Err(error) => return Err(error),
            }
        }
    }

    /// Has the committer settle records: each by itself, or together, where it is told the content of
    /// records that reversals among them take back and that were erased.
    async fn settle(
        &self,
        records: Vec<NewRecord>,
        of_erased: Option<BTreeMap<usize, ContentHash>>,
    ) -> Result<Settled, AppendError> {
        if !self.0.shared.writable.load(Ordering::SeqCst) {
            return Err(AppendError::Refused);
        }
        let together = of_erased.is_some();
        let mut encoded = match records.len() {
            0..=limits::ENCODED_IN_PLACE_MAX => Encoded::of(records)?,
            _ => {
                let encoded = tokio::task::spawn_blocking(move || Encoded::of(records)).await;
                encoded.unwrap_or(Err(AppendError::Refused))?
            }
        };
        encoded.tell_of_erased(of_erased.unwrap_or_default());
        let settled = self.settle_encoded(Arc::new(encoded), together).await;
        settled.inspect_err(|error| {
            if matches!(error, AppendError::Busy) {
                self.0.shared.measures.refused_as_busy.inc();
            }
        })
    }

    async fn settle_encoded(
        &self,
        records: Arc<Encoded>,
        together: bool,
    ) -> Result<Settled, AppendError> {
        let shared = &self.0.shared;
        if !shared.writable.load(Ordering::SeqCst) {
            return Err(AppendError::Refused);
        }
        let length = records.bytes.len() as u64;
        let queued = shared.queued_bytes.fetch_add(length, Ordering::SeqCst);
        let waiting = queued + shared.unsealed_bytes.load(Ordering::SeqCst);
        let (reply, mut answer) = oneshot::channel();
        let taken = Taken::default();
        let request = Request { together, records, taken: taken.clone(), reply };
        let sent = if shared.stall.is_on() || waiting + length > shared.unsealed_bytes_max {
            Err(AppendError::Busy)
        } else {
            self.0.committer.try_send(Message::Append(request)).map_err(|error| match error {
                mpsc::error::TrySendError::Full(_) => AppendError::Busy,
                mpsc::error::TrySendError::Closed(_) => AppendError::Refused,
            })
        };
        if let Err(error) = sent {
            shared.queued_bytes.fetch_sub(length, Ordering::SeqCst);
            return Err(error);
        }
        let settled = match shared.stall.unless(&mut answer).await {
            Ok(settled) => settled,
            Err(Stalled) if taken.take() => return Err(AppendError::Busy),
            Err(Stalled) => answer.await,
        };
        settled.unwrap_or(Err(AppendError::Refused))
    }

    /// The ledger as it is now. With a time that is not in the future: every group commit of an
    /// earlier time is in it, so what it says of buckets closed by then never changes.
    ///
    /// # Errors
    /// [`ReadError::Stalled`], never without a time.
    pub async fn snapshot(&self, settled_before: Option<UtcTime>) -> Result<Snapshot, ReadError> {
        let current = &self.0.shared.current;
        let seen = current.load();
        if let Some(time) = settled_before.filter(|time| seen.last_time < *time) {
            let (reply, answer) = oneshot::channel();
            let settled = async {
                // When the committer is gone no group commit is under way.
                if self.0.committer.send(Message::Barrier { time, reply }).await.is_ok() {
                    let _ = answer.await;
                }
            };
            self.0.shared.stall.unless(settled).await?;
        }
        Ok(Snapshot::new(current.load()))
    }

    /// The ledger as it was known at a moment: every row whose commit has a time at or before it.
    /// The same for ever, unless the moment is in the future: it waits for group commits that were
    /// begun by then, as [`Ledger::snapshot`] does, and no later one gets a time at or before it.
    ///
    /// # Errors
    /// [`ReadError`] if a file cannot be read.
    pub async fn snapshot_at(&self, time: UtcTime) -> Result<Snapshot, ReadError> {
        self.snapshot(Some(moment::just_after(time))).await?.as_of_time(time).await
    }

    /// Moves everything in the journal into the table.
    ///
    /// # Errors
    /// [`SealError`]; nothing is lost by it.
    pub async fn seal(&self) -> Result<(), SealError> {
        self.ask_sealer(SealCommand::Now).await?.unwrap_or(Err(SealError::Refused))
    }

    /// Joins small data files of a day, as far as is due, and removes joined ones that have stayed
    /// their time. It happens after seals by itself; answers are the same before and after.
    ///
    /// # Errors
    /// [`CompactError`], also where all was done but for a file that cannot be read; nothing is lost by
    /// it.
    pub async fn compact(&self) -> Result<(), CompactError> {
        let (reply, answer) = oneshot::channel();
        let inner = Arc::clone(&self.0);
        let sent = move || inner.compactor.send(CompactCommand::Now(reply)).is_ok();
        match tokio::task::spawn_blocking(sent).await {
            Ok(true) => answer.await.unwrap_or(Err(CompactError::Stopped)),
            _ => Err(CompactError::Stopped),
        }
    }

    /// Checks everything that the ledger keeps, as it is now, and changes nothing; it goes on taking
    /// records. It takes long; `progress` is told now and then how far it is, and may stop it.
    ///
    /// # Errors
    /// [`ReadError`] if a folder, or in an object store a part of the log or journal, cannot be read, it
    /// was stopped, or the ledger is closing. Damage is no error: it is in the report.
    pub async fn verify(
        &self,
        mut progress: impl FnMut(Progress) -> ControlFlow<()> + Send + 'static,
    ) -> Result<VerifyReport, ReadError> {
        let view = self.ask_sealer(SealCommand::View).await?.ok_or(ReadError::Stopped)?;
        let inner = Arc::clone(&self.0);
        let writer = view.writer;
        let check = move || {
            let index = IndexCheck::of_shelf(&inner.shelf, view.sealed);
            let Shared { folders, closing, current, .. } = &*inner.shared;
            let (view, current) = (Some(&view), Some(current));
            let subject = Subject { folders, writer, view, current, closing };
            verify::verify(&subject, Some(index), &mut progress)
        };
        tokio::task::spawn_blocking(check).await.unwrap_or(Err(ReadError::Stopped))
    }

    /// Holds the ledger between two group commits: none is made until it is let go.
    ///
    /// # Errors
    /// [`SealError::Refused`] if the ledger is closed, [`SealError::Stalled`].
    pub async fn hold(&self) -> Result<Held, SealError> {
        self.ask_sealer(SealCommand::Hold).await?.unwrap_or(Err(SealError::Refused))
    }

    pub(crate) fn folders(&self) -> &Folders {
        &self.0.shared.folders
    }

    /// The sealer's answer, for which it may need the committer's; none if it is gone.
    async fn ask_sealer<T: Send + 'static>(
        &self,
        command: impl FnOnce(oneshot::Sender<T>) -> SealCommand,
    ) -> Result<Option<T>, Stalled> {
        let (reply, answer) = oneshot::channel();
        let (inner, command) = (Arc::clone(&self.0), command(reply));
        let asked = async {
            let sent = move || inner.sealer.send(command).is_ok();
            match tokio::task::spawn_blocking(sent).await {
                Ok(true) => answer.await.ok(),
                _ => None,
            }
        };
        self.0.shared.stall.unless(asked).await
    }

    /// Stops taking records, ends the group commit and the seal under way, and frees the folder.
    /// Snapshots stay readable.
    ///
    /// # Errors
    /// [`CloseError`] if a thread of the ledger has panicked.
    pub async fn close(&self) -> Result<(), CloseError> {
        // A group commit that waits for an object store waits no longer.
        self.0.shared.closing.store(true, Ordering::SeqCst);
        let _ = self.0.committer.send(Message::Close).await; // gone already: closed twice
        let inner = Arc::clone(&self.0);
        let joined = tokio::task::spawn_blocking(move || inner.join()).await;
        joined.unwrap_or(Err(CloseError))
    }

    /// What the ledger says of itself.
    #[must_use]
    pub fn status(&self) -> Status {
        let shared = &self.0.shared;
        let state = shared.current.load();
        Status {
            writable: shared.writable.load(Ordering::SeqCst),
            stalled: shared.stall.is_on(),
            last_commit: state.last,
            journal_bytes: shared.unsealed_bytes.load(Ordering::SeqCst),
            queued_bytes: shared.queued_bytes.load(Ordering::SeqCst),
            files: state.files.len() as u64,
            rows: state.rows(),
            compacts: shared.compacts.load(Ordering::SeqCst),
            is_clock_behind: state.last_time
                > (shared.clock)().plus_seconds(limits::CLOCK_BEHIND_SECONDS),
        }
    }
}

impl Drop for Inner {
    /// Without [`Ledger::close`] the threads learn here that nobody is left.
    fn drop(&mut self) {
        self.shared.closing.store(true, Ordering::SeqCst);
    }
}

impl Inner {
    fn join(&self) -> Result<(), CloseError> {
        self.shared.closing.store(true, Ordering::SeqCst);
        let _ = self.compactor.send(CompactCommand::Stop); // gone already: closed twice
        let _ = self.sealer.send(SealCommand::Stop);
        let threads =
            std::mem::take(&mut *self.threads.lock().unwrap_or_else(PoisonError::into_inner));
        let panicked = threads.into_iter().map(JoinHandle::join).filter(Result::is_err).count();
        let unlocked = self.shared.lock.free();
        if panicked == 0 && unlocked.is_ok() { Ok(()) } else { Err(CloseError) }
    }
}

#[cfg(test)]
mod simulation;
#[cfg(test)]
mod tests;

#[cfg(test)]
#[path = "../tests/it/support.rs"]
mod support;
