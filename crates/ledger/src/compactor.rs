//! The compactor: one thread that keeps the data files of a reported day few, and clears those that
//! others have taken the place of.
//!
//! It only ever writes beside what is there: a joined file counts from the log entry on that puts it in
//! the place of others, which the sealer writes, as the log has one writer. Replaced files stay for
//! open snapshots, and for a while for readers outside. Nothing waits for it, and what it fails to do
//! is tried again later: answers are the same without it.

mod erase;

use std::cell::Cell;
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender};
use std::time::{Duration, Instant};

use domain::id::SubscriptionId;
use domain::time::Date;
use tokio::sync::oneshot;

use crate::data_file::{self, Naming};
use crate::delta::Replaced;
use crate::doubling::due;
use crate::erasure::EraseJob;
use crate::error::{CompactError, FileError, ReadError, SealError};
use crate::joining::{self, JoinError};
use crate::limits::{
    COMPACTOR_TICK_MS, FILES_JOINED, FILES_JOINED_LATE, FILES_JOINED_MAX, JOINED_ROWS_MAX,
    YOUNG_DAYS,
};
use crate::rollup;
use crate::sealer::SealCommand;
use crate::seam::{AfterStep, Step};
use crate::shared::Shared;
use crate::state::{Bounds, DataFile};
use crate::storage::{self, Storage};

/// What the compactor is asked.
pub(crate) enum CompactCommand {
    /// The table has new files.
    Sealed,
    /// Do what is due, and answer.
    Now(oneshot::Sender<Result<(), CompactError>>),
    /// Erase rows, and answer.
    Erase(EraseJob),
    /// Stop.
    Stop,
}

/// The compactor.
pub(crate) struct Compactor {
    pub(crate) shared: Arc<Shared>,
    pub(crate) epoch: u64,
    pub(crate) commands: Receiver<CompactCommand>,
    pub(crate) sealer: SyncSender<SealCommand>,
    /// How long replaced files stay at least.
    pub(crate) keep_replaced_seconds: i64,
    pub(crate) after_step: AfterStep,
    /// Bytes of rows that are sorted in memory by an erasure.
    pub(crate) erased_run_bytes: usize,
    /// Files that do not hold what the table says, and what is wrong with each: they are joined no more,
    /// so that they hold up nothing else.
    pub(crate) damaged: BTreeMap<PathBuf, String>,
    /// Files whose rollups were seen to.
    pub(crate) seen: BTreeSet<PathBuf>,
    /// Joins and erasures of a file that were begun since opening, and files of these for a while.
    pub(crate) attempt: Cell<u64>,
}

/// A file that the table is to put in the place of others.
pub(crate) struct Replacement {
    pub(crate) replaced: Vec<Arc<DataFile>>,
    pub(crate) file: Arc<DataFile>,
    /// The subscriptions of which it has rows erased; of none where files were joined.
    pub(crate) erased: Vec<SubscriptionId>,
    pub(crate) reply: oneshot::Sender<Result<(), SealError>>,
}

impl Compactor {
    /// Works until the ledger is closing.
    pub(crate) fn run(mut self) {
        // What was erased before a crash may still lie there.
        let is_due = self.shared.replaced().iter().any(|replaced| replaced.erased);
        if is_due {
            self.clear();
        }
        while !self.shared.closing.load(Ordering::SeqCst) {
            match self.commands.recv_timeout(Duration::from_millis(COMPACTOR_TICK_MS)) {
                Ok(CompactCommand::Now(reply)) => {
                    let done = self.compact().and_then(|()| self.all_sound());
                    let _ = reply.send(done); // whoever asked may have gone away
                }
                Ok(CompactCommand::Erase(job)) => self.erase(job),
                Ok(CompactCommand::Sealed) => self.try_compact(),
                Err(RecvTimeoutError::Timeout) => self.clear(),
                Ok(CompactCommand::Stop) | Err(RecvTimeoutError::Disconnected) => return,
            }
        }
    }

    fn try_compact(&mut self) {
        match self.compact() {
            Ok(()) | Err(CompactError::Refused | CompactError::Stopped) => {}
            Err(error) => tracing::error!(%error, "data files were not joined"),
        }
    }

    /// An error if there is a file that was left out.
    fn all_sound(&self) -> Result<(), CompactError> {
        match self.damaged.first_key_value() {
            None => Ok(()),
            Some((file, reason)) => Err(CompactError::Read(ReadError::DataDamaged {
                file: file.clone(),
                reason: reason.clone(),
            })),
        }
    }

    /// Joins files as long as some are due, and clears what may go. A file that cannot be read is left
    /// out: for good if it is damaged, else until it is asked for the next time.
    fn compact(&mut self) -> Result<(), CompactError> {
        let mut unreadable = BTreeSet::new();
        let mut failed = None;
        let stopped = loop {
            let files = Arc::clone(&self.shared.current.load().files);
            let today = (self.shared.clock)().date();
            let is_left_out =
                |path: &PathBuf| self.damaged.contains_key(path) || unreadable.contains(path);
            let files = files.iter().filter(|file| !is_left_out(&file.path));
            let Some(files) = files_due(files, today) else { break None };
            let begun = Instant::now();
            let joined = self.join(files);
            self.shared.measures.joined(&joined, begun.elapsed());
            match joined {
                Ok(()) => {}
                Err(CompactError::Read(ReadError::DataDamaged { file, reason })) => {
                    tracing::error!(file = %file.display(), reason, "a data file is damaged");
                    self.damaged.insert(file, reason);
                }
                Err(CompactError::Read(ReadError::File(error))) => {
                    unreadable.insert(error.file.clone());
                    failed = Some(CompactError::Read(ReadError::File(error)));
                }
                Err(error) => break Some(error),
            }
        };
        self.clear();
        self.mend_rollups();
        stopped.or(failed).map_or(Ok(()), Err)
    }

    fn join(&self, files: Vec<Arc<DataFile>>) -> Result<(), CompactError> {
        let bounds = files.iter().map(|file| file.bounds).reduce(Bounds::and);
        let bounds = bounds.expect("files are joined");
        let folder = data_file::day_folder(&self.shared.folders.data, files[0].day);
        let path = folder.file(self.naming(bounds).joined());
        let made = (self.shared.clock)();
        let joined = || joining::join(&files, (&folder.storage, path.clone()), made, &self.shared);
        self.put((path.clone(), Vec::new()), joined, files.clone())
    }

    /// What the next file is called, which has rows within these bounds.
    fn naming(&self, bounds: Bounds) -> Naming {
        let attempt = self.attempt.get() + 1;
        self.attempt.set(attempt);
        let (first, last) = bounds.commit;
        Naming { first, last, epoch: self.epoch, attempt }
    }

    /// Makes a file, and has it put in the place of others: one with rows erased of some subscriptions.
    fn put(
        &self,
        (path, erased): (PathBuf, Vec<SubscriptionId>),
        make: impl FnOnce() -> Result<DataFile, JoinError>,
        replaced: Vec<Arc<DataFile>>,
    ) -> Result<(), CompactError> {
        if !self.shared.writable.load(Ordering::SeqCst) {
            return Err(CompactError::Refused);
        }
        let storage = &self.shared.folders.table.storage;
        // A file that no entry names goes; one that stays all the same is cleared by the next opening.
        let give_up = || drop(remove(storage, &path));
        let made = make().inspect_err(|_| give_up())?;
        (self.after_step)(if erased.is_empty() { Step::Joined } else { Step::Rewritten });
        let taken = self.hand_over(replaced, made, erased);
        // After an answer of the sealer that leaves the ledger writable the entry is known not to be
        // there, unless it says that this is open. Without an answer nothing is known.
        let is_open = matches!(taken, Err(CompactError::Log(SealError::Open(_))));
        let is_answered = matches!(taken, Err(CompactError::Log(_))) && !is_open;
        if is_answered && self.shared.writable.load(Ordering::SeqCst) {
            give_up();
        }
        taken
    }

    /// Has the sealer put a file in the place of others.
    fn hand_over(
        &self,
        replaced: Vec<Arc<DataFile>>,
        file: DataFile,
        erased: Vec<SubscriptionId>,
    ) -> Result<(), CompactError> {
        let (reply, answer) = oneshot::channel();
        let replacement = Replacement { replaced, file: Arc::new(file), erased, reply };
        let command = SealCommand::Replace(replacement);
        self.sealer.send(command).map_err(|_| CompactError::Stopped)?;
        match answer.blocking_recv() {
            Ok(Ok(())) => Ok(()),
            Ok(Err(SealError::Refused)) => Err(CompactError::Refused),
            Ok(Err(error)) => Err(CompactError::Log(error)),
            Err(_) => Err(CompactError::Stopped),
        }
    }

    /// Sees to it that files have their rollups, once a file; without one, answers are slower.
    fn mend_rollups(&mut self) {
        let files = Arc::clone(&self.shared.current.load().files);
        let least = self.shared.rollup_rows;
        let mut seen = BTreeSet::new();
        for file in files.iter().filter(|file| file.rows >= least) {
            if self.shared.closing.load(Ordering::SeqCst) {
                return;
            }
            if !self.seen.contains(&file.path)
                && let Err(error) = rollup::mend(file, &self.shared)
            {
                tracing::warn!(%error, "a data file's rollups were not made anew");
            }
            seen.insert(file.path.clone());
        }
        self.seen = seen;
    }

    /// Removes replaced files that have stayed their time, or of which something was erased, and that no
    /// snapshot holds.
    fn clear(&self) {
        let now = (self.shared.clock)();
        let may_go = |Replaced { held, since, erased, .. }: &Replaced| {
            // Nobody can come to hold a file that no state has any more.
            let is_held = held.as_ref().is_some_and(|file| Arc::strong_count(file) > 1);
            (*erased || since.plus_seconds(self.keep_replaced_seconds) <= now) && !is_held
        };
        let going: Vec<_> =
            self.shared.replaced().extract_if(.., |replaced| may_go(replaced)).collect();
        if going.is_empty() {
            return;
        }
        let mut failed = None;
        let storage = &self.shared.folders.table.storage;
        for replaced in going {
            let removed = match replaced.erased {
                true => self.remove_for_good(&replaced.path),
                false => remove(storage, &replaced.path),
            };
            if let Err(error) = removed {
                failed = Some(error);
                self.shared.replaced().push(replaced);
            }
        }
        if let Some(error) = failed {
            let cause = &error.cause;
            tracing::warn!(%error, %cause, "a replaced data file was not removed");
        }
        (self.after_step)(Step::Cleared);
    }
}

impl Compactor {
    /// Removes a data file of which something was erased, with its rollups and all that is in memory of
    /// it: also a power cut does not bring it back.
    fn remove_for_good(&self, file: &Path) -> Result<(), FileError> {
        let storage = &self.shared.folders.table.storage;
        self.shared.current.load().rollups.forget(file);
        storage.forget(file);
        rollup::remove_for_good(storage, file)?;
        remove(storage, file)?;
        storage.sync_folder(storage::parent(file))
    }
}

impl Drop for Compactor {
    /// However the thread ends: without it the ledger goes on, with ever more files.
    fn drop(&mut self) {
        self.shared.compacts.store(false, Ordering::SeqCst);
        if !self.shared.closing.load(Ordering::SeqCst) {
            tracing::error!("data files are joined no more until the ledger is opened again");
        }
    }
}

/// Removes a data file and its rollups.
fn remove(storage: &Storage, file: &Path) -> Result<(), FileError> {
    rollup::try_remove(storage, file);
    match storage.remove(file) {
        Err(error) if error.cause.kind() == std::io::ErrorKind::NotFound => Ok(()),
        other => other,
    }
}

/// The files that are to be joined next: of the first day that has some due, the smallest.
fn files_due<'a>(
    files: impl Iterator<Item = &'a Arc<DataFile>>,
    today: Date,
) -> Option<Vec<Arc<DataFile>>> {
    let mut days: BTreeMap<Date, Vec<&Arc<DataFile>>> = BTreeMap::new();
    for file in files {
        days.entry(file.day).or_default().push(file);
    }
    days.into_iter().find_map(|(day, mut files)| {
        let is_young = day.plus_days(YOUNG_DAYS) >= today;
        let least = if is_young { FILES_JOINED } else { FILES_JOINED_LATE };
        files.sort_by(|a, b| b.rows.cmp(&a.rows).then_with(|| a.path.cmp(&b.path)));
        // Those of which a join may be: the smallest that are not too many, in files or in rows.
        let mut sum = 0;
        let fits = |rows: &u64| {
            sum += rows;
            sum <= JOINED_ROWS_MAX
        };
        let rows = files.iter().rev().take(FILES_JOINED_MAX).map(|file| file.rows).take_while(fits);
        let mut rows: Vec<u64> = rows.collect();
        rows.reverse();
        let count = due(&rows, least)?;
        let chosen = &files[files.len() - count..];
        Some(chosen.iter().map(|file| Arc::clone(file)).collect())
    })
}

impl From<JoinError> for CompactError {
    fn from(error: JoinError) -> Self {
        match error {
            JoinError::Read(error) => Self::Read(error),
            JoinError::File(error) => Self::File(error),
            JoinError::Stopped => Self::Stopped,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use domain::record::Commit;
    use domain::time::UtcTime;

    /// Files of a day with so many rows each; those of the ones that are joined on another day.
    fn check(rows: &[u64], days_later: i32, expected: Option<&[u64]>) {
        let at = UtcTime::from_micros(0).unwrap();
        let id = SubscriptionId::from_bits(1);
        let commit = (Commit(1), Commit(1));
        let bounds = Bounds { subscription: (id, id), reported: (at, at), start: (at, at), commit };
        let file = |(number, rows): (usize, &u64)| DataFile {
            storage: Storage::local(),
            path: PathBuf::from(format!("{number:03}")),
            day: at.date(),
            bounds,
            rows: *rows,
            bytes: 1,
            made: at,
        };
        let files: Vec<_> = rows.iter().enumerate().map(file).map(Arc::new).collect();
        let due = files_due(files.iter(), at.date().plus_days(days_later));
        let due: Option<Vec<u64>> = due.map(|due| due.iter().map(|file| file.rows).collect());
        assert_eq!(due.as_deref(), expected, "{rows:?}, {days_later} days later");
    }

    #[test]
    fn few_files_are_joined_while_the_day_is_young() {
        check(&[1, 1, 1], 0, None);
        check(&[1, 1, 1, 1], 1, Some(&[1, 1, 1, 1]));
        check(&[1, 1], 2, Some(&[1, 1]));
        check(&[100, 10], 2, None);
        check(&[10, 100, 4, 4], 2, Some(&[10, 4, 4]));
    }

    #[test]
    fn a_join_takes_so_many_files_and_rows_at_most() {
        check(&[1; 1_000], 5, Some(&[1; FILES_JOINED_MAX]));
        let half = JOINED_ROWS_MAX / 2;
        check(&[half, half, half], 5, Some(&[half, half]));
        // What is left out for its size does not make the others worth a join.
        let tenth = JOINED_ROWS_MAX / 10;
        check(&[6 * tenth, 5 * tenth, 1], 5, None);
        check(&[half + 1, half + 1], 5, None);
    }
}
