//! What becomes of a block of rows before the ledger has it: each is read, numbered among those equal
//! to it in its turn, checked and encoded, all on one thread.

use std::sync::{Arc, Mutex, PoisonError};

use domain::id::{EventId, Source, SubscriptionId};
use domain::time::{Date, UtcTime};
use ledger::Encoded;
use tokio::sync::oneshot;
use wire::own::IngestProblem;
use wire::usage::{HashedRow, NOT_UTF8, RowReader};

use super::occurrences::{Occurrence, Occurrences, TooManySlices};
use super::reading::Block;
use crate::directory::Directory;
use crate::error::{ApiError, ImportError};
use crate::identity::Principal;
use crate::limits;
use crate::own::ingest::{Gate, WRITE_IMPORTS, append_error, problem};

/// The counters, which go from block to block in the order of the body.
pub(super) struct Turn {
    pub(super) before: oneshot::Receiver<Occurrences>,
    pub(super) after: oneshot::Sender<Occurrences>,
}

/// Whose rows they are, and who imports them.
pub(super) struct Importer {
    pub(super) directory: Arc<Directory>,
    pub(super) principal: Arc<Principal>,
    pub(super) source: Source,
    pub(super) readers: Arc<Readers>,
    pub(super) now: UtcTime,
}

/// Readers that no block is read by at the moment: each remembers what it has read.
#[derive(Default)]
pub(super) struct Readers(Mutex<Vec<RowReader>>);

impl Readers {
    fn take(&self) -> Option<RowReader> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).pop()
    }

    fn give_back(&self, reader: RowReader) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).push(reader);
    }
}

/// A block's rows, sorted into those to be stored and others.
#[derive(Default)]
pub(super) struct Sorted {
    pub(super) encoded: Encoded,
    /// Of each row to be stored what is told of it.
    pub(super) rows: Vec<SentRow>,
    /// Rows that are wrong, as far as they are listed.
    pub(super) rejected: Vec<IngestProblem>,
    pub(super) rejected_count: u64,
}

/// A row on its way to the ledger.
pub(super) struct SentRow {
    pub(super) position: u64,
    pub(super) event_id: EventId,
    pub(super) subscription: SubscriptionId,
    pub(super) reported_day: Date,
}

/// A row that was read, and its position in the body.
type ReadRow = (u64, HashedRow);

impl Importer {
    /// Reads, numbers, checks and encodes the rows of a block. Blocks its thread until its turn to
    /// number them has come.
    pub(super) fn sort(&self, block: &Block, turn: Turn) -> Result<Sorted, ApiError> {
        let mut gate = Gate::new(&self.directory, &self.principal, WRITE_IMPORTS, self.now);
        let mut sorted = Sorted::default();
        let mut reader = self.readers.take().unwrap_or_else(|| RowReader::new(&self.source));
        let rows = sorted.read(block, &mut reader, &gate);
        // Without the one before, its block failed, which is what is told.
        let mut occurrences = turn.before.blocking_recv().map_err(|_| ApiError::Internal)?;
        let numbers = number(&rows, &mut occurrences)?;
        let _ = turn.after.send(occurrences); // the last block has none behind it
        for ((position, row), number) in rows.into_iter().zip(numbers) {
            match number {
                Occurrence::Number(number) => sorted.add(position, row, number, &mut gate)?,
                Occurrence::Closed => sorted.reject(closed(position, &row)),
            }
        }
        self.readers.give_back(reader);
        sorted.rejected.sort_by_key(|problem| problem.position);
        Ok(sorted)
    }
}

fn number(rows: &[ReadRow], occurrences: &mut Occurrences) -> Result<Vec<Occurrence>, ImportError> {
    let numbers = rows.iter().map(|(_, row)| match row.occurrence {
        Some(number) => Ok(Occurrence::Number(number)),
        None => {
            let subscription = row.record.record().subscription;
            occurrences.next(subscription, row.bucket, row.record.content())
        }
    });
    numbers
        .collect::<Result<_, TooManySlices>>()
        .map_err(|TooManySlices| ImportError::TooManySlices)
}

fn closed(position: u64, row: &HashedRow) -> IngestProblem {
    let subscription = row.record.record().subscription;
    IngestProblem {
        position,
        source: None,
        id: None,
        code: "SliceClosed".to_owned(),
        reason: format!(
            "too many rows lie between those of subscription '{subscription}' in bucket {}, so that \
             equal ones cannot be counted: sort the file by reported bucket and subscription, or say \
             of each row its 'occurrence'",
            row.bucket.0
        ),
    }
}

impl Sorted {
    /// Reads the rows of a block; those that are wrong by themselves are rejected.
    fn read(&mut self, block: &Block, reader: &mut RowReader, gate: &Gate<'_>) -> Vec<ReadRow> {
        let mut rows = Vec::with_capacity(block.len());
        for (position, bytes) in (block.first..).zip(block.rows()) {
            let text = bytes.and_then(|bytes| std::str::from_utf8(bytes).map_err(|_| NOT_UTF8));
            let row = match text {
                Ok(text) => reader.read(text.trim()).map_err(|error| error.at(0)),
                Err(reason) => Err(unreadable(reason)),
            };
            let row = row.and_then(|row| {
                let window = row.record.record().window;
                gate.impossible_bucket(row.bucket, window, position).map_or(Ok(row), Err)
            });
            match row {
                Ok(row) => rows.push((position, row)),
                Err(problem) => self.reject(IngestProblem { position, ..problem }),
            }
        }
        rows
    }

    fn reject(&mut self, problem: IngestProblem) {
        self.rejected_count += 1;
        if self.rejected.len() < limits::IMPORT_PROBLEMS_LISTED {
            self.rejected.push(problem);
        }
    }

    /// Checks whether a row may be stored, and encodes it.
    fn add(
        &mut self,
        position: u64,
        row: HashedRow,
        number: u64,
        gate: &mut Gate<'_>,
    ) -> Result<(), ApiError> {
        let bucket = row.bucket;
        let hashed = row.record.as_row_of(bucket, number);
        let record = hashed.record();
        let event_id = record.event_id.clone();
        if let Err(refusal) = gate.check(record) {
            self.reject(problem(position, &record.source, &event_id, &refusal));
            return Ok(());
        }
        self.encoded.push(&hashed, Some(bucket)).map_err(append_error)?;
        let (subscription, reported_day) = (record.subscription, bucket.0.date());
        self.rows.push(SentRow { position, event_id, subscription, reported_day });
        Ok(())
    }
}

fn unreadable(reason: &str) -> IngestProblem {
    let (code, reason) = ("InvalidRow".to_owned(), reason.to_owned());
    IngestProblem { position: 0, source: None, id: None, code, reason }
}
