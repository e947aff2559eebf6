//! Import of whole slices: every row that an origin has of a subscription and reported bucket, so that
//! what is stored of it can be compared and made equal.
//!
//! A request has whole slices only. Nothing is sent before the file was read to its end and found to be
//! right: until then no slice is known to be whole.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::sync::atomic::Ordering;

use domain::id::SubscriptionId;
use domain::time::ReportedTime;
use wire::own::{IngestProblem, IngestResponse, TouchedBucket};
use wire::usage::{ImportedAggregate, Row, Rows, parse_aggregate};

use super::Input;
use crate::client::{Client, Payload};
use crate::failure::Failure;
use crate::limits;
use crate::progress::Progress;

/// What the server does with the difference of slices.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Slices {
    /// It tells it.
    Compare,
    /// It tells it and makes it right.
    Correct,
}

impl Slices {
    /// As the server reads it.
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::Compare => "compare",
            Self::Correct => "correct",
        }
    }
}

/// The rows of one slice, each with its position in the file.
#[derive(Default)]
struct Slice {
    rows: Vec<(u64, String)>,
    bytes: usize,
}

/// The slices of a file, by subscription and bucket.
type Found = BTreeMap<(SubscriptionId, ReportedTime), Slice>;

/// Imports a file of whole slices; `-` is standard input. The result of what was done comes also with a
/// failure.
pub(crate) fn import_slices(
    client: &Client,
    file: &Path,
    source: Option<&str>,
    slices: Slices,
) -> (IngestResponse, Result<(), Failure>) {
    let mut import = Import::new(client, source, slices);
    let done = read(&mut import, file).and_then(|found| match import.rejected {
        0 => send(&mut import, &found),
        _ => Ok(()), // which the result says
    });
    import.finish(done)
}

fn read(import: &mut Import<'_>, file: &Path) -> Result<Found, Failure> {
    let wrong = |reason: String| Failure::Input { file: file.display().to_string(), reason };
    let input = Input::open(file).map_err(|error| wrong(error.to_string()))?;
    let mut progress = Progress::of_bytes(input.bytes, "reading");
    let mut rows = Rows::new(input.reader).map_err(|error| wrong(error.to_string()))?;
    let (mut found, mut bytes) = (Found::new(), 0);
    while let Some(row) = rows.next().map_err(|error| wrong(error.to_string()))? {
        let Some((position, text, aggregate)) = import.read(row) else { continue };
        let (subscription, bucket) = (aggregate.subscription, aggregate.bucket);
        let slice = found.entry((subscription, bucket)).or_default();
        bytes += text.len();
        slice.bytes += text.len() + 1; // with the end of its line
        slice.rows.push((position, text));
        let (rows, size) = (limits::SLICE_ROWS, limits::SLICE_BYTES);
        if slice.rows.len() > rows || slice.bytes > size {
            return Err(wrong(format!(
                "subscription {subscription} has more than {rows} rows or {size} bytes in bucket {}",
                bucket.0
            )));
        }
        if bytes > limits::SLICES_BYTES {
            let most = limits::SLICES_BYTES;
            return Err(wrong(format!("more than {most} bytes; split it by reported bucket")));
        }
        progress.at(input.read.load(Ordering::Relaxed));
    }
    if rows.is_continued() {
        return Err(wrong("its last page has a nextLink: its slices may not be whole".to_owned()));
    }
    Ok(found)
}

fn send(import: &mut Import<'_>, found: &Found) -> Result<(), Failure> {
    for slice in found.values() {
        if import.is_full_with(slice.rows.len(), slice.bytes) {
            import.flush()?;
        }
        for (position, text) in &slice.rows {
            import.put(*position, text);
        }
    }
    import.flush()
}

/// An import under way.
struct Import<'a> {
    client: &'a Client,
    source: Option<&'a str>,
    /// What the server does with the slices of a request.
    slices: Slices,
    /// Rows to be sent, each with the end of its line.
    body: Vec<u8>,
    /// Of each row to be sent, its position in the import.
    positions: Vec<u64>,
    rows: u64,
    result: IngestResponse,
    touched: BTreeSet<TouchedBucket>,
    rejected: u64,
    conflicting: u64,
}

impl<'a> Import<'a> {
    /// An import of rows that this source has; the server's name for imports if absent.
    fn new(client: &'a Client, source: Option<&'a str>, slices: Slices) -> Self {
        Self {
            client,
            source,
            slices,
            body: Vec::new(),
            positions: Vec::new(),
            rows: 0,
            result: IngestResponse::default(),
            touched: BTreeSet::new(),
            rejected: 0,
            conflicting: 0,
        }
    }

    /// Counts a row, and reads it; one that is wrong is listed.
    fn read(&mut self, row: Row) -> Option<(u64, String, ImportedAggregate)> {
        let position = self.rows;
        self.rows += 1;
        let text = match row {
            Row::Text(text) => text,
            Row::Unreadable(reason) => {
                self.reject(IngestProblem {
                    position,
                    source: None,
                    id: None,
                    code: "InvalidRow".to_owned(),
                    reason: reason.to_owned(),
                });
                return None;
            }
        };
        match parse_aggregate(&text) {
            Ok(aggregate) => Some((position, text, aggregate)),
            Err(error) => {
                self.reject(IngestProblem { position, ..error.at(0) });
                None
            }
        }
    }

    /// Whether so many rows more, of so many bytes, have to wait for another request.
    fn is_full_with(&self, rows: usize, bytes: usize) -> bool {
        self.positions.len() + rows > limits::BATCH_ROWS
            || self.body.len() + bytes >= limits::BATCH_BYTES
    }

    fn put(&mut self, position: u64, text: &str) {
        self.body.extend_from_slice(text.as_bytes());
        self.body.push(b'\n');
        self.positions.push(position);
    }

    /// Sends what is waiting.
    ///
    /// # Errors
    /// [`Failure::Refused`] or [`Failure::Unreachable`].
    fn flush(&mut self) -> Result<(), Failure> {
        if self.positions.is_empty() {
            return Ok(());
        }
        let payload = Payload { content_type: "application/x-ndjson", bytes: &self.body };
        let path = "/tallyhouse/v1/usage-aggregates";
        let source = self.source.map(|source| ("source", source));
        let slices = ("slices", self.slices.as_str());
        let query: Vec<_> = source.into_iter().chain([slices]).collect();
        let answer: IngestResponse = self.client.post_until_taken(path, &query, payload)?;
        self.add(answer);
        self.body.clear();
        self.positions.clear();
        Ok(())
    }

    /// The result of all that was sent, and whether it was everything.
    fn finish(mut self, done: Result<(), Failure>) -> (IngestResponse, Result<(), Failure>) {
        self.result.touched_buckets = self.touched.into_iter().collect();
        let done = done.and(match (self.rejected, self.conflicting) {
            (0, 0) => Ok(()),
            (rejected, conflicting) => Err(Failure::Partial { rejected, conflicting }),
        });
        (self.result, done)
    }

    fn reject(&mut self, problem: IngestProblem) {
        self.rejected += 1;
        if self.result.rejected.len() < limits::PROBLEMS_LISTED {
            self.result.rejected.push(problem);
        }
    }

    /// Adds the answer to a batch, whose positions become those of the import.
    fn add(&mut self, answer: IngestResponse) {
        let positions = &self.positions;
        let in_import = |problem: IngestProblem| {
            let in_batch = usize::try_from(problem.position).ok();
            let position = in_batch.and_then(|place| positions.get(place).copied());
            IngestProblem { position: position.unwrap_or(problem.position), ..problem }
        };
        let rejected: Vec<_> = answer.rejected.into_iter().map(in_import).collect();
        let conflicting: Vec<_> = answer.conflicting.into_iter().map(in_import).collect();
        rejected.into_iter().for_each(|problem| self.reject(problem));
        for problem in conflicting {
            self.conflicting += 1;
            if self.result.conflicting.len() < limits::PROBLEMS_LISTED {
                self.result.conflicting.push(problem);
            }
        }
        // A row may be rejected here before one of an earlier batch is by the server.
        self.result.rejected.sort_by_key(|problem| problem.position);
        self.result.accepted += answer.accepted;
        self.result.duplicate += answer.duplicate;
        self.result.commit = self.result.commit.max(answer.commit);
        self.touched.extend(answer.touched_buckets);
        let room = limits::DIFFERENCES_LISTED - self.result.slices.len();
        self.result.slices.extend(answer.slices.into_iter().take(room));
    }
}
