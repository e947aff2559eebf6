//! The committer: one thread that owns the journal's end and the index.
//!
//! It takes what waits in its queue as one group commit, settles which records are new, writes and
//! syncs one frame, shows it to readers, and only then answers. After a failed write or sync it
//! refuses every append, as nobody knows what the journal's end holds.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::sync::mpsc::{Receiver, SyncSender};
use std::time::{Duration, Instant};

use domain::id::RecordId;
use domain::record::Commit;
use domain::time::{ReportedTime, UtcTime};
use tokio::sync::{mpsc, oneshot};

use crate::encoded::Encoded;
use crate::error::{AppendError, SealError};
use crate::frame::{self, HEADER_BYTES, Header};
use crate::index::{Index, IndexCommand, Known};
use crate::journal::Journal;
use crate::limits::{FRAME_PAYLOAD_BYTES_MAX, GROUP_BYTES, GROUP_REQUESTS_MAX, HELD_SECONDS};
use crate::moment::just_after;
use crate::sealer::SealCommand;
use crate::shared::Shared;
use crate::stall::Taken;
use crate::tail::{Chunk, TailRow};
use crate::together::{self, Settled, Together};
use crate::{Outcome, writer_file::Writer};

/// How long the committer waits for whoever holds it.
const HELD_TIME: Duration = Duration::from_secs(HELD_SECONDS);

/// What the committer is asked.
pub(crate) enum Message {
    /// Store records.
    Append(Request),
    /// Answer when every group commit of an earlier time than `time` is seen by readers; none follows,
    /// unless `time` is in the future.
    Barrier { time: UtcTime, reply: oneshot::Sender<()> },
    /// Say what is stored of these identities, in order. What is answered is seen by readers.
    Find { ids: Vec<RecordId>, reply: oneshot::Sender<Found> },
    /// Go on in a new segment, and freeze the tail for the sealer.
    Rotate { reply: oneshot::Sender<Result<(), SealError>> },
    /// Make no group commit until whoever asks lets go, or goes away, or took too long.
    Hold { held: oneshot::Sender<()>, release: Receiver<()> },
    /// Stop.
    Close,
}

/// What is known of each identity that was asked for.
pub(crate) type Found = Result<Vec<Option<Known>>, AppendError>;

/// The records of one append, encoded by the task that asks.
pub(crate) struct Request {
    /// Whether they are stored together or not at all.
    pub(crate) together: bool,
    pub(crate) records: Arc<Encoded>,
    pub(crate) taken: Taken,
    pub(crate) reply: oneshot::Sender<Result<Settled, AppendError>>,
}

impl Request {
    /// The records that those of a set take back, in order.
    fn reversed(&self) -> impl Iterator<Item = RecordId> {
        let reversals = self.records.pending.iter().filter(|_| self.together);
        reversals.filter_map(|record| record.reverses).map(|(id, _)| id)
    }
}

/// The committer.
pub(crate) struct Committer {
    pub(crate) shared: Arc<Shared>,
    pub(crate) writer: Writer,
    pub(crate) journal: Journal,
    pub(crate) index: Index,
    pub(crate) last: Commit,
    /// No later group commit has an earlier time.
    pub(crate) time_floor: UtcTime,
    pub(crate) queue: mpsc::Receiver<Message>,
    pub(crate) sealer: SyncSender<SealCommand>,
    pub(crate) indexer: SyncSender<IndexCommand>,
}

/// A frame under construction.
struct Draft {
    commit: Commit,
    time: UtcTime,
    frame: Vec<u8>,
    rows: Vec<TailRow>,
}

impl Committer {
    /// Works until told to close, or until the last handle of the ledger is gone.
    pub(crate) fn run(mut self) {
        let mut held = None;
        while let Some(message) = held.take().or_else(|| self.queue.blocking_recv()) {
            match message {
                Message::Append(first) => {
                    let group;
                    (group, held) = self.gather(first);
                    self.commit(group);
                }
                Message::Barrier { time, reply } => {
                    // A commit of this very moment may be asked not to follow, none of the future.
                    let soonest = just_after((self.shared.clock)());
                    self.time_floor = self.time_floor.max(time.min(soonest));
                    let _ = reply.send(()); // the reader may have gone away
                }
                Message::Find { ids, reply } => {
                    let _ = reply.send(self.find(&ids));
                }
                Message::Rotate { reply } => {
                    let _ = reply.send(self.rotate());
                }
                Message::Hold { held, release } => {
                    // Whoever asked may have gone away.
                    if held.send(()).is_ok() {
                        let _ = release.recv_timeout(HELD_TIME);
                    }
                }
                Message::Close => break,
            }
        }
    }

    /// Takes what waits, up to the limits; the message that does not belong is held.
    fn gather(&mut self, first: Request) -> (Vec<Request>, Option<Message>) {
        let (mut bytes, mut group) = (0, Vec::new());
        let mut first = Some(Message::Append(first));
        while bytes < GROUP_BYTES && group.len() < GROUP_REQUESTS_MAX {
            match first.take().map_or_else(|| self.queue.try_recv(), Ok) {
                Ok(Message::Append(next))
                    if bytes + next.records.bytes.len() <= FRAME_PAYLOAD_BYTES_MAX =>
                {
                    let length = next.records.bytes.len();
                    if next.taken.take() {
                        bytes += length;
                        group.push(next);
                    } else {
                        self.shared.queued_bytes.fetch_sub(length as u64, Ordering::SeqCst);
                    }
                }
                Ok(other) => return (group, Some(other)),
                Err(_) => break,
            }
        }
        (group, None)
    }

    fn commit(&mut self, group: Vec<Request>) {
        let queued: usize = group.iter().map(|request| request.records.bytes.len()).sum();
        let outcomes = self.write(&group, queued);
        self.shared.queued_bytes.fetch_sub(queued as u64, Ordering::SeqCst);
        match outcomes {
            Ok(outcomes) => {
                for (request, settled) in group.into_iter().zip(outcomes) {
                    self.shared.measures.settled(&settled, request.records.pending.len());
                    let _ = request.reply.send(Ok(settled)); // the client may have gone away
                }
            }
            Err(error) => {
                for request in group {
                    let _ = request.reply.send(Err(error.clone()));
                }
            }
        }
    }

    /// Makes the new records of a group durable and visible; says of every request what became of it.
    fn write(&mut self, group: &[Request], bytes: usize) -> Result<Vec<Settled>, AppendError> {
        if !self.shared.writable.load(Ordering::SeqCst) {
            return Err(AppendError::Refused);
        }
        // All of it before anything of the group is entered: a segment that does not answer leaves no
        // trace of the group.
        let ids = group.iter().flat_map(|request| &request.records.pending).map(|record| record.id);
        let mut stored = self.look_up(ids)?.into_iter();
        let mut reversed = self.look_up(group.iter().flat_map(Request::reversed))?.into_iter();
        let mut frame = Vec::with_capacity(HEADER_BYTES + bytes);
        frame.resize(HEADER_BYTES, 0);
        let time = self.time_floor.max((self.shared.clock)());
        let mut draft = Draft { commit: Commit(self.last.0 + 1), time, frame, rows: Vec::new() };
        let settle = |request: &Request| match request.together {
            false => Settled::Each(self.settle(request, &mut stored, &mut draft)),
            true => Settled::Together(self.settle_together(
                request,
                &mut stored,
                &mut reversed,
                &mut draft,
            )),
        };
        let outcomes = group.iter().map(settle).collect();
        let Draft { commit, time, mut frame, rows } = draft;
        if rows.is_empty() {
            return Ok(outcomes);
        }
        let Writer { journal, epoch } = self.writer;
        let records = u32::try_from(rows.len()).expect("a frame's bytes bound its records");
        let header = Header { journal, epoch, commit, time, records };
        frame::finish(&mut frame, &header);
        let begun = Instant::now();
        if let Err(error) = self.journal.append(commit, &frame, &self.shared) {
            // The index already has the group's records; nothing is answered from it any more.
            self.shared.poison(&error);
            return Err(AppendError::Refused);
        }
        self.shared.measures.group_commit(records, begun.elapsed());
        (self.last, self.time_floor) = (commit, time);
        frame.shrink_to_fit(); // duplicates have left room
        let unsealed = frame.len() as u64;
        let unsealed = self.shared.unsealed_bytes.fetch_add(unsealed, Ordering::SeqCst) + unsealed;
        self.shared.current.change(|state| state.commit(Chunk::new(&header, frame, rows)));
        if unsealed >= self.shared.seal_bytes {
            // A full queue means that a seal is on its way.
            let _ = self.sealer.try_send(SealCommand::Due);
        }
        Ok(outcomes)
    }

    /// What the index's shelf knows of each of these identities.
    fn look_up(
        &self,
        ids: impl Iterator<Item = RecordId>,
    ) -> Result<Vec<Option<Known>>, AppendError> {
        self.index.look_up(ids).map_err(|range| {
            // A full queue has the indexer at work, and this is asked again.
            let _ = self.indexer.try_send(IndexCommand::Repair(range));
            AppendError::Busy
        })
    }

    /// What is stored of each of these identities.
    fn find(&self, ids: &[RecordId]) -> Found {
        if !self.shared.writable.load(Ordering::SeqCst) {
            return Err(AppendError::Refused);
        }
        let on_shelf = self.look_up(ids.iter().copied())?.into_iter();
        let found = on_shelf.zip(ids).map(|(known, id)| known.or_else(|| self.index.fresh(*id)));
        Ok(found.collect())
    }

    /// Settles the records of a request together: where one stands in the way, nothing of them is left.
    fn settle_together(
        &mut self,
        request: &Request,
        stored: &mut impl Iterator<Item = Option<Known>>,
        reversed: &mut impl Iterator<Item = Option<Known>>,
        draft: &mut Draft,
    ) -> Together {
        // Each was looked up: each has to be taken, whatever the first one says.
        let reversed: Vec<_> = request.reversed().zip(reversed).collect();
        let mut reversed = reversed.into_iter();
        let wrong = together::without_record(&request.records.pending, |id| {
            let (_, on_shelf) = reversed.next().expect("every reversed record was looked up");
            on_shelf.or_else(|| self.index.fresh(id))
        });
        let (rows, bytes) = (draft.rows.len(), draft.frame.len());
        let outcomes = self.settle(request, stored, draft);
        let settled = match wrong {
            Some((position, obstacle)) => Together::Refused { position, obstacle },
            None => together::of_each(&outcomes),
        };
        if matches!(settled, Together::Refused { .. }) {
            for (record, outcome) in request.records.pending.iter().zip(outcomes) {
                if matches!(outcome, Outcome::Stored(_)) {
                    self.index.forget(record.id);
                }
            }
            draft.rows.truncate(rows);
            draft.frame.truncate(bytes);
        }
        settled
    }

    /// Settles each record of a request against everything stored and the group so far. `stored` has
    /// what the shelf knows of the group's records from this request on.
    fn settle(
        &mut self,
        request: &Request,
        stored: &mut impl Iterator<Item = Option<Known>>,
        draft: &mut Draft,
    ) -> Vec<Outcome> {
        let mut outcomes = Vec::with_capacity(request.records.pending.len());
        let mut begin = 0;
        for record in &request.records.pending {
            let known = Known { content: record.content, commit: draft.commit };
            let on_shelf = stored.next().expect("every record of the group was looked up");
            let entered = on_shelf.map_or_else(|| self.index.enter(record.id, known), Err);
            outcomes.push(match entered {
                Ok(()) => {
                    draft.rows.push(TailRow {
                        subscription: record.subscription,
                        reported: record.reported.unwrap_or(ReportedTime(draft.time)),
                        offset: u32::try_from(draft.frame.len()).expect("a frame is below 4 GiB"),
                        start: record.start,
                        commit: draft.commit,
                        commit_time: draft.time,
                    });
                    draft.frame.extend_from_slice(&request.records.bytes[begin..record.end]);
                    Outcome::Stored(draft.commit)
                }
                Err(known) if known.content == record.content || record.of_erased => {
                    Outcome::Duplicate(known.commit)
                }
                Err(known) => Outcome::Conflict(known.commit),
            });
            begin = record.end;
        }
        outcomes
    }

    fn rotate(&mut self) -> Result<(), SealError> {
        if !self.shared.writable.load(Ordering::SeqCst) {
            return Err(SealError::Refused);
        }
        if let Err(error) = self.journal.rotate(Commit(self.last.0 + 1)) {
            self.shared.poison(&error);
            return Err(SealError::File(error));
        }
        // An epoch's beginning takes a commit of its own, which no seal takes.
        self.index.freeze(self.shared.current.load().last);
        self.shared.current.change(crate::state::State::freeze);
        Ok(())
    }
}

impl Drop for Committer {
    /// However the thread ends, nothing is written after it.
    fn drop(&mut self) {
        self.shared.writable.store(false, Ordering::SeqCst);
        // A message that is being sent now would stay in the queue for as long as the ledger has a handle,
        // and whoever waits for its answer would wait as long.
        self.queue.close();
        while self.queue.blocking_recv().is_some() {}
    }
}
