//! The compactor: one thread that keeps the data files of a reported day few, and clears those that
//! others have taken the place of.
//!
//! It only ever writes beside what is there: a joined file counts from the log entry on that puts it in
//! the place of others, which the sealer writes, as the log has one writer. Replaced files stay for
//! open snapshots, and for a while for readers outside. Nothing waits for it, and what it fails to do
//! is tried again later: answers are the same without it.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender};
use std::time::{Duration, Instant};

use domain::time::Date;
use tokio::sync::oneshot;

use crate::data_file::{self, Naming};
use crate::delta::Replaced;
use crate::doubling::due;
use crate::error::{CompactError, FileError, ReadError, SealError};
use crate::joining::{self, JoinError};
use crate::limits::{
    COMPACTOR_TICK_MS, FILES_JOINED, FILES_JOINED_LATE, JOINED_ROWS_MAX, YOUNG_DAYS,
};
use crate::sealer::SealCommand;
use crate::seam::{AfterStep, Step};
use crate::shared::Shared;
use crate::state::DataFile;
use crate::storage;

/// What the compactor is asked.
pub(crate) enum CompactCommand {
    /// The table has new files.
    Sealed,
    /// Do what is due, and answer.
    Now(oneshot::Sender<Result<(), CompactError>>),
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
    /// Files that cannot be read: they are joined no more, so that they hold up nothing else.
    pub(crate) damaged: BTreeSet<PathBuf>,
    /// Joins begun since opening.
    pub(crate) attempt: u64,
}

/// A join that the table is to take over.
pub(crate) struct Join {
    pub(crate) replaced: Vec<Arc<DataFile>>,
    pub(crate) joined: Arc<DataFile>,
    pub(crate) reply: oneshot::Sender<Result<(), SealError>>,
}

impl Compactor {
    /// Works until the ledger is closing.
    pub(crate) fn run(mut self) {
        while !self.shared.closing.load(Ordering::SeqCst) {
            match self.commands.recv_timeout(Duration::from_millis(COMPACTOR_TICK_MS)) {
                Ok(CompactCommand::Now(reply)) => {
                    let _ = reply.send(self.compact()); // whoever asked may have gone away
                }
                Ok(CompactCommand::Sealed) => self.try_compact(),
                Err(RecvTimeoutError::Timeout) => self.clear(),
                Ok(CompactCommand::Stop) | Err(RecvTimeoutError::Disconnected) => return,
            }
        }
    }

    fn try_compact(&mut self) {
        match self.compact() {
            Ok(()) | Err(CompactError::Refused) => {}
            Err(error) => tracing::error!(%error, "data files were not joined"),
        }
    }

    /// Joins files as long as some are due, and clears what may go.
    fn compact(&mut self) -> Result<(), CompactError> {
        let joined = loop {
            let files = Arc::clone(&self.shared.current.load().files);
            let today = (self.shared.clock)().date();
            let files = files.iter().filter(|file| !self.damaged.contains(&file.path));
            let Some(files) = files_due(files, today) else { break Ok(()) };
            let begun = Instant::now();
            let joined = self.join(files);
            self.shared.measures.join(joined.is_ok(), begun.elapsed());
            match joined {
                Ok(()) => {}
                Err(CompactError::Read(ReadError::DataDamaged { file, reason })) => {
                    tracing::error!(file = %file.display(), reason, "a data file is damaged");
                    self.damaged.insert(file);
                }
                Err(error) => break Err(error),
            }
        };
        self.clear();
        joined
    }

    fn join(&mut self, files: Vec<Arc<DataFile>>) -> Result<(), CompactError> {
        if !self.shared.writable.load(Ordering::SeqCst) {
            return Err(CompactError::Refused);
        }
        let first = files.iter().map(|file| file.bounds.commit.0).min().expect("files are joined");
        let last = files.iter().map(|file| file.bounds.commit.1).max().expect("files are joined");
        self.attempt += 1;
        let naming = Naming { first, last, epoch: self.epoch, attempt: self.attempt };
        let folder = data_file::day_folder(&self.shared.folders.data, files[0].day);
        let path = folder.join(naming.joined());
        let joined = match joining::join(&files, path.clone(), &self.shared.closing) {
            Ok(joined) => Arc::new(joined),
            Err(error) => {
                // It may not even be there; one that stays is cleared by the next opening.
                let _ = storage::remove(&path);
                return Err(error.into());
            }
        };
        (self.after_step)(Step::Joined);
        let (reply, answer) = oneshot::channel();
        let join = Join { replaced: files, joined, reply };
        self.sealer.send(SealCommand::Join(join)).map_err(|_| CompactError::Refused)?;
        match answer.blocking_recv().unwrap_or(Err(SealError::Refused)) {
            Ok(()) => {}
            Err(SealError::Refused) => return Err(CompactError::Refused),
            Err(error) => return Err(CompactError::Log(error)),
        }
        Ok(())
    }

    /// Removes replaced files that have stayed their time and that no snapshot holds.
    fn clear(&self) {
        let now = (self.shared.clock)();
        let may_go = |Replaced { held, since, .. }: &Replaced| {
            // Nobody can come to hold a file that no state has any more.
            let is_held = held.as_ref().is_some_and(|file| Arc::strong_count(file) > 1);
            since.plus_seconds(self.keep_replaced_seconds) <= now && !is_held
        };
        let mut failed = None;
        self.shared.replaced().retain(|replaced| {
            if !may_go(replaced) {
                return true;
            }
            let removed = remove(&replaced.path);
            let is_there = removed.is_err();
            failed = removed.err().or(failed.take());
            is_there
        });
        if let Some(error) = failed {
            let cause = &error.cause;
            tracing::warn!(%error, %cause, "a replaced data file was not removed");
        }
        (self.after_step)(Step::Cleared);
    }
}

fn remove(file: &Path) -> Result<(), FileError> {
    match storage::remove(file) {
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
        let rows: Vec<u64> = files.iter().map(|file| file.rows).collect();
        let mut chosen = &files[files.len() - due(&rows, least)?..];
        while chosen.iter().map(|file| file.rows).sum::<u64>() > JOINED_ROWS_MAX {
            chosen = &chosen[1..];
        }
        (chosen.len() >= least).then(|| chosen.iter().map(|file| Arc::clone(file)).collect())
    })
}

impl From<JoinError> for CompactError {
    fn from(error: JoinError) -> Self {
        match error {
            JoinError::Read(error) => Self::Read(error),
            JoinError::File(error) => Self::File(error),
            JoinError::Stopped => Self::Refused,
        }
    }
}
