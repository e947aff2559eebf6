//! The sealer: one thread that moves the journal's frames into the table, and that alone writes the
//! table's log.
//!
//! Data files are synced before the log names them, the log entry before readers and the journal's
//! cut rely on it; so a crash between any two steps loses nothing and doubles nothing.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel};
use std::time::{Duration, Instant};

use domain::id::SubscriptionId;
use domain::record::Commit;
use domain::time::UtcTime;
use tokio::sync::{mpsc, oneshot};

use crate::checkpoints::Checkpoints;
use crate::committer::Message;
use crate::compactor::{CompactCommand, Replacement};
use crate::data_file::{self, Naming};
use crate::delta::{self, Author, CheckpointState, Entry, Erasing, Replaced};
use crate::error::SealError;
use crate::hold::{Held, View};
use crate::index::IndexCommand;
use crate::journal;
use crate::limits::SEAL_TICK_MS;
use crate::seam::{AfterStep, Step};
use crate::shared::Shared;
use crate::state::DataFile;
use crate::storage::{Put, PutError};
use crate::tail::Chunk;
use crate::writer_file::Writer;

/// What the sealer is asked.
pub(crate) enum SealCommand {
    /// The journal has grown to its limit.
    Due,
    /// Seal everything, and answer.
    Now(oneshot::Sender<Result<(), SealError>>),
    /// Seal everything, have nothing of it left in the journal, and answer the last commit that is in
    /// the table.
    Empty(oneshot::Sender<Result<Commit, SealError>>),
    /// Have the table take over a join or an erasure.
    Replace(Replacement),
    /// Say what is on disk.
    View(oneshot::Sender<View>),
    /// Say what is on disk while no group commit is made.
    Hold(oneshot::Sender<Result<Held, SealError>>),
    /// Stop.
    Stop,
}

/// The sealer.
pub(crate) struct Sealer {
    pub(crate) shared: Arc<Shared>,
    pub(crate) writer: Writer,
    pub(crate) commands: Receiver<SealCommand>,
    /// Weak, so that the committer stops with the last handle.
    pub(crate) committer: mpsc::WeakSender<Message>,
    pub(crate) indexer: SyncSender<IndexCommand>,
    pub(crate) compactor: SyncSender<CompactCommand>,
    pub(crate) seal_after_seconds: i64,
    pub(crate) after_step: AfterStep,
    /// Last commit in the table.
    pub(crate) sealed: Commit,
    /// Its time.
    pub(crate) sealed_time: UtcTime,
    /// Number of the next log entry.
    pub(crate) next_entry: u64,
    pub(crate) checkpoints: Checkpoints,
    /// When the table was made.
    pub(crate) created: UtcTime,
    /// Seals begun since opening.
    pub(crate) attempt: u64,
    /// The one that has failed, whose data files may be there.
    pub(crate) unfinished: Option<Naming>,
    /// An entry of which it is open whether the log has it: it comes before any other.
    pub(crate) open: Option<Change>,
    /// After a failure: not to be tried again before.
    pub(crate) not_before: UtcTime,
}

/// An entry of the log, and what is so once it is there.
pub(crate) struct Change {
    entry: Entry,
    effect: Effect,
}

/// What an entry of the log does.
enum Effect {
    /// The table has data files in the place of the journal's frames up to a commit.
    Sealed { written: Vec<Arc<DataFile>>, last: Commit, last_time: UtcTime, bytes: u64 },
    /// The table has a data file in the place of others, since a time; of which subscriptions it has rows
    /// erased, and how often that was so: of none where files were joined.
    Replaced {
        replaced: Vec<Arc<DataFile>>,
        file: Arc<DataFile>,
        since: UtcTime,
        erased: Vec<(SubscriptionId, u64)>,
    },
}

impl Sealer {
    /// Works until told to stop, or until everyone who could ask is gone.
    pub(crate) fn run(mut self) {
        loop {
            match self.commands.recv_timeout(Duration::from_millis(SEAL_TICK_MS)) {
                Ok(SealCommand::Due) if self.is_large() => self.try_seal(),
                Ok(SealCommand::Due) => {} // sealed since
                Ok(SealCommand::Now(reply)) => {
                    let _ = reply.send(self.seal()); // whoever asked may have gone away
                }
                Ok(SealCommand::Empty(reply)) => {
                    let _ = reply.send(self.empty()); // whoever asked may have gone away
                }
                Ok(SealCommand::Replace(Replacement { replaced, file, erased, reply })) => {
                    // Whoever waits for the answer looks whether anybody holds them.
                    let _ = reply.send(self.replace(replaced, file, &erased));
                }
                Ok(SealCommand::View(reply)) => {
                    let _ = reply.send(self.view()); // whoever asked may have gone away
                }
                Ok(SealCommand::Hold(reply)) => {
                    let _ = reply.send(self.hold()); // it lets go by itself then
                }
                Err(RecvTimeoutError::Timeout) if self.is_due() => self.try_seal(),
                Err(RecvTimeoutError::Timeout) => {}
                Ok(SealCommand::Stop) | Err(RecvTimeoutError::Disconnected) => return,
            }
        }
    }

    fn is_large(&self) -> bool {
        self.shared.unsealed_bytes.load(Ordering::SeqCst) >= self.shared.seal_bytes
    }

    fn is_due(&self) -> bool {
        let now = (self.shared.clock)();
        let state = self.shared.current.load();
        let oldest = state.chunks().next();
        oldest.is_some_and(|chunk| chunk.begun.plus_seconds(self.seal_after_seconds) <= now)
    }

    fn try_seal(&mut self) {
        let now = (self.shared.clock)();
        let writable = self.shared.writable.load(Ordering::SeqCst);
        if !writable || now < self.not_before {
            return;
        }
        if let Err(error) = self.seal() {
            tracing::error!(%error, "journal was not sealed");
            self.not_before = now.plus_seconds(self.seal_after_seconds);
        }
    }

    fn seal(&mut self) -> Result<(), SealError> {
        let (begun, before) = (Instant::now(), self.sealed);
        let sealed = self.seal_journal();
        if sealed.is_err() || self.sealed > before {
            self.shared.measures.sealed(&sealed, begun.elapsed());
        }
        sealed
    }

    fn seal_journal(&mut self) -> Result<(), SealError> {
        self.close_open()?;
        self.rotate()?;
        (self.after_step)(Step::Rotated);
        let chunks = self.shared.current.load().frozen.clone();
        let Some(last) = chunks.last() else { return Ok(()) };
        let (last, last_time) = (last.last, last.last_time);

        let folders = &self.shared.folders;
        if let Some(naming) = self.unfinished {
            data_file::remove_unsealed(&folders.data, naming)?;
        }
        self.attempt += 1;
        let (first, epoch, attempt) = (Commit(self.sealed.0 + 1), self.writer.epoch, self.attempt);
        let naming = Naming { first, last, epoch, attempt };
        self.unfinished = Some(naming);
        let (made, rollup_rows) = ((self.shared.clock)(), self.shared.rollup_rows);
        let written = data_file::write(&folders.data, naming, &chunks, made, rollup_rows)?;
        (self.after_step)(Step::DataWritten);

        let author = Author { writer: self.writer, now: (self.shared.clock)() };
        let sealed = (last, last_time);
        let entry = delta::add(&folders.table, author, self.next_entry, &written, sealed);
        let bytes = chunks.iter().map(|chunk| Chunk::journal_bytes(chunk)).sum();
        self.log(Change { entry, effect: Effect::Sealed { written, last, last_time, bytes } })
    }

    fn empty(&mut self) -> Result<Commit, SealError> {
        self.seal()?;
        // Those that an earlier seal could not remove, too.
        journal::remove_sealed(&self.shared.folders.journal, self.sealed)?;
        Ok(self.sealed)
    }

    /// Puts a file in the place of others, in the log and for readers: one that they were joined into, or
    /// one that has rows of subscriptions erased.
    fn replace(
        &mut self,
        replaced: Vec<Arc<DataFile>>,
        file: Arc<DataFile>,
        erased: &[SubscriptionId],
    ) -> Result<(), SealError> {
        if !self.shared.writable.load(Ordering::SeqCst) {
            return Err(SealError::Refused);
        }
        self.close_open()?;
        let now = self.shared.current.load();
        let is_there = |file| now.files.iter().any(|there| Arc::ptr_eq(there, file));
        if !replaced.iter().all(is_there) {
            return Err(SealError::Refused); // the join that was open was of the same files
        }
        let generation =
            |id: &SubscriptionId| (*id, now.erasures.get(id).map_or(1, |before| before + 1));
        let erased: Vec<_> = erased.iter().map(generation).collect();
        let is_first = now.erasures.is_empty();
        drop(now);
        let author = Author { writer: self.writer, now: (self.shared.clock)() };
        let table = &self.shared.folders.table;
        let (number, time, files) = (self.next_entry, self.sealed_time, (&*replaced, &*file));
        let entry = if erased.is_empty() {
            delta::join(table, author, number, files, time)
        } else {
            let first_of = is_first.then_some(self.created);
            let with = self.shared.earlier_of(&erased);
            let erasing = Erasing { generations: &erased, first_of, with };
            delta::erase(table, author, number, &erasing, files, time)
        };
        let effect = Effect::Replaced { replaced, file, since: author.now, erased };
        self.log(Change { entry, effect })
    }

    /// Learns what became of the entry that was left open, if there is one.
    fn close_open(&mut self) -> Result<(), SealError> {
        self.open.take().map_or(Ok(()), |change| self.log(change))
    }

    /// Puts an entry into the log; once it is there, it has its effect.
    fn log(&mut self, change: Change) -> Result<(), SealError> {
        match change.entry.put() {
            Ok(Put::Done) => {
                self.next_entry += 1;
                match change.effect {
                    Effect::Sealed { written, last, last_time, bytes } => {
                        self.sealed(written, (last, last_time), bytes);
                    }
                    Effect::Replaced { replaced, file, since, erased } if erased.is_empty() => {
                        self.joined(&replaced, file, since);
                    }
                    Effect::Replaced { replaced, file, since, erased } => {
                        self.erased(&replaced, file, (since, &erased));
                    }
                }
                Ok(())
            }
            Ok(Put::Taken) => Err(self.stop()),
            Err(PutError::NotDone(error)) => Err(SealError::File(error)),
            Err(PutError::Unknown(error)) => {
                self.shared.poison(&error);
                Err(SealError::File(error))
            }
            Err(PutError::Open(error)) => {
                self.open = Some(change);
                Err(SealError::Open(error))
            }
        }
    }

    fn sealed(
        &mut self,
        written: Vec<Arc<DataFile>>,
        (last, last_time): (Commit, UtcTime),
        bytes: u64,
    ) {
        (self.sealed, self.sealed_time, self.unfinished) = (last, last_time, None);
        (self.after_step)(Step::Logged);

        self.shared.current.change(|state| state.sealed(written, last));
        self.shared.unsealed_bytes.fetch_sub(bytes, Ordering::SeqCst);
        (self.after_step)(Step::Published);

        if let Err(error) = journal::remove_sealed(&self.shared.folders.journal, last) {
            // They are known to be sealed, and removed by the next seal or opening.
            tracing::warn!(%error, "sealed segments were not removed");
        }
        (self.after_step)(Step::JournalCut);
        self.checkpoint_if_due();
        // An indexer that is gone takes no more; what it did not write, an opening makes anew.
        let _ = self.indexer.send(IndexCommand::Sealed(last));
        // A full queue has the compactor at work, and it looks at everything each time.
        let _ = self.compactor.try_send(CompactCommand::Sealed);
    }

    fn joined(&mut self, replaced: &[Arc<DataFile>], joined: Arc<DataFile>, since: UtcTime) {
        (self.after_step)(Step::JoinLogged);
        self.shared.current.change(|state| state.joined(replaced, joined));
        let of = |file| Replaced::since(since, file, false);
        self.shared.replaced().extend(replaced.iter().map(of));
        (self.after_step)(Step::JoinPublished);
        self.checkpoint_if_due();
    }

    fn erased(
        &mut self,
        replaced: &[Arc<DataFile>],
        file: Arc<DataFile>,
        (since, erased): (UtcTime, &[(SubscriptionId, u64)]),
    ) {
        (self.after_step)(Step::RewriteLogged);
        self.shared.current.change(|state| state.erased(replaced, file, erased));
        let mut all = self.shared.replaced();
        let earlier = all.iter_mut().filter(|replaced| replaced.may_have(erased));
        earlier.for_each(|replaced| replaced.erased = true);
        all.extend(replaced.iter().map(|file| Replaced::since(since, file, true)));
        drop(all);
        (self.after_step)(Step::RewritePublished);
        self.checkpoint_if_due();
    }

    /// Without a checkpoint the log is only longer: one that fails is tried again with the next entry.
    fn checkpoint_if_due(&mut self) {
        if !self.checkpoints.is_due(self.next_entry) {
            return;
        }
        let author = Author { writer: self.writer, now: (self.shared.clock)() };
        let state = CheckpointState {
            entry: self.next_entry - 1,
            files: Arc::clone(&self.shared.current.load().files),
            // Without the files, as each holds them back from being cleared.
            replaced: self.shared.replaced().iter().map(Replaced::unheld).collect(),
            erasures: Arc::clone(&self.shared.current.load().erasures),
            sealed: self.sealed,
            created: self.created,
        };
        if let Err(error) = self.checkpoints.write(&self.shared.folders.table, author, &state) {
            let cause = &error.cause;
            tracing::warn!(%error, %cause, "the table's log was not shortened");
        }
        (self.after_step)(Step::Checkpointed);
    }

    /// Files and log agree between two steps of this thread.
    fn view(&self) -> View {
        View {
            state: self.shared.current.load(),
            writer: self.writer,
            next_entry: self.next_entry,
            sealed: self.sealed,
            created: self.created,
        }
    }

    fn hold(&self) -> Result<Held, SealError> {
        let (held, is_held) = oneshot::channel();
        let (release, released) = sync_channel(1); // it is let go once
        let committer = self.committer.upgrade().ok_or(SealError::Refused)?;
        let hold = Message::Hold { held, release: released };
        committer.blocking_send(hold).map_err(|_| SealError::Refused)?;
        drop(committer);
        is_held.blocking_recv().map_err(|_| SealError::Refused)?;
        Ok(Held { view: self.view(), release })
    }

    fn rotate(&self) -> Result<(), SealError> {
        let (reply, answer) = oneshot::channel();
        let committer = self.committer.upgrade().ok_or(SealError::Refused)?;
        committer.blocking_send(Message::Rotate { reply }).map_err(|_| SealError::Refused)?;
        drop(committer);
        answer.blocking_recv().map_err(|_| SealError::Refused)?
    }

    /// Writes no more, as somebody else has an entry in the place of the next one.
    fn stop(&self) -> SealError {
        let table = &self.shared.folders.table;
        let file = delta::entry_path(table, self.next_entry);
        self.shared.writable.store(false, Ordering::SeqCst);
        let shown = file.display();
        if delta::is_taken_over(table, self.next_entry, self.writer) {
            tracing::error!(file = %shown, "another writer has taken over the ledger");
            return SealError::TakenOver { file };
        }
        tracing::error!(file = %shown, "table has a commit that is not ours");
        SealError::ForeignCommit { file }
    }
}

impl Drop for Sealer {
    /// However the thread ends, the journal would only grow after it.
    fn drop(&mut self) {
        self.shared.writable.store(false, Ordering::SeqCst);
    }
}
