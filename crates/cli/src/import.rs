//! Import of usage in the wire shape: rows in, batches to the server, one result out.
//!
//! A row that the server would refuse is refused here, with its position, and the rest goes on.
//! Every row is sent with its occurrence among the equal rows of the whole import, so a file that
//! is imported again, in batches cut elsewhere, is recognised row by row.

pub(crate) mod rows;
pub(crate) mod slices;

use std::collections::BTreeSet;
use std::fs::File;
use std::io::{self, BufRead, BufReader, Read};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use flate2::bufread::MultiGzDecoder;
use wire::own::{IngestProblem, IngestResponse, TouchedBucket};
use wire::usage::{ImportedAggregate, Occurrences, parse_aggregate, with_occurrence};

use crate::client::{Client, Payload};
use crate::failure::Failure;
use crate::limits;
use crate::output::message;
use crate::progress::Progress;
use rows::{Row, Rows};
use slices::Slices;

/// The first two bytes of a gzip file.
const GZIP_MAGIC: [u8; 2] = [0x1f, 0x8b];

/// Imports a file; `-` is standard input. The result of what was stored comes also with a failure.
pub(crate) fn import_file(
    client: &Client,
    file: &Path,
    source: Option<&str>,
) -> (IngestResponse, Result<(), Failure>) {
    let mut import = Import::new(client, source);
    let done = match import_rows(&mut import, file) {
        Err(refused @ (Failure::Refused { .. } | Failure::Unreachable { .. })) => Err(refused),
        // The rows before the place where the file is broken are as good as any.
        read => import.flush().and(read),
    };
    import.finish(done)
}

fn import_rows(import: &mut Import<'_>, file: &Path) -> Result<(), Failure> {
    let wrong = |reason: String| Failure::Input { file: file.display().to_string(), reason };
    let input = Input::open(file).map_err(|error| wrong(error.to_string()))?;
    let mut progress = Progress::of_bytes(input.bytes, "importing");
    let mut rows = Rows::new(input.reader).map_err(|error| wrong(error.to_string()))?;
    while let Some(row) = rows.next().map_err(|error| wrong(error.to_string()))? {
        import.push(row)?;
        progress.at(input.read.load(Ordering::Relaxed));
    }
    if rows.is_continued() {
        message("the file's last page has a nextLink: further pages are not in it");
    }
    Ok(())
}

/// Reads a file whole, unpacked; `-` is standard input.
///
/// # Errors
/// [`Failure::Input`] if it cannot be read, or has more than so many bytes.
pub(crate) fn read_whole(file: &Path, most_bytes: u64) -> Result<Vec<u8>, Failure> {
    let wrong = |reason: String| Failure::Input { file: file.display().to_string(), reason };
    let input = Input::open(file).map_err(|error| wrong(error.to_string()))?;
    let mut document = Vec::new();
    let mut limited = input.reader.take(most_bytes + 1);
    limited.read_to_end(&mut document).map_err(|error| wrong(error.to_string()))?;
    if u64::try_from(document.len()).is_ok_and(|bytes| bytes > most_bytes) {
        return Err(wrong(format!("larger than {most_bytes} bytes")));
    }
    Ok(document)
}

/// An import under way.
pub(crate) struct Import<'a> {
    client: &'a Client,
    source: Option<&'a str>,
    /// What the server does with the slices of a request, where each has whole ones.
    slices: Option<Slices>,
    occurrences: Occurrences,
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
    pub(crate) fn new(client: &'a Client, source: Option<&'a str>) -> Self {
        Self {
            client,
            source,
            slices: None,
            occurrences: Occurrences::default(),
            body: Vec::new(),
            positions: Vec::new(),
            rows: 0,
            result: IngestResponse::default(),
            touched: BTreeSet::new(),
            rejected: 0,
            conflicting: 0,
        }
    }

    /// Adds a row whose text is known to be one.
    ///
    /// # Errors
    /// [`Failure::Refused`] or [`Failure::Unreachable`] if a batch was full and could not be sent.
    pub(crate) fn push_text(&mut self, text: String) -> Result<(), Failure> {
        self.push(Row::Text(text))
    }

    fn push(&mut self, row: Row) -> Result<(), Failure> {
        let Some((position, text, aggregate)) = self.read(row) else { return Ok(()) };
        let text = match aggregate.occurrence {
            Some(_) => text,
            None => with_occurrence(&text, self.occurrences.next(&aggregate)),
        };
        if self.is_full_with(1, text.len()) {
            self.flush()?;
        }
        self.put(position, &text);
        Ok(())
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
    pub(crate) fn flush(&mut self) -> Result<(), Failure> {
        if self.positions.is_empty() {
            return Ok(());
        }
        let payload = Payload { content_type: "application/x-ndjson", bytes: &self.body };
        let path = "/tallyhouse/v1/usage-aggregates";
        let source = self.source.map(|source| ("source", source));
        let slices = self.slices.map(|slices| ("slices", slices.as_str()));
        let query: Vec<_> = source.into_iter().chain(slices).collect();
        let answer: IngestResponse = self.client.post_until_taken(path, &query, payload)?;
        self.add(answer);
        self.body.clear();
        self.positions.clear();
        Ok(())
    }

    /// The result of all that was sent, and whether it was everything.
    pub(crate) fn finish(
        mut self,
        done: Result<(), Failure>,
    ) -> (IngestResponse, Result<(), Failure>) {
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

/// A file, unpacked if it is gzip.
pub(crate) struct Input {
    /// What is in it.
    pub(crate) reader: Box<dyn BufRead>,
    /// Its size on disk, if known.
    pub(crate) bytes: Option<u64>,
    /// How many bytes of it were read so far.
    pub(crate) read: Arc<AtomicU64>,
}

impl Input {
    /// Opens a file; `-` is standard input.
    ///
    /// # Errors
    /// If it cannot be opened or read.
    pub(crate) fn open(file: &Path) -> io::Result<Self> {
        if file.as_os_str() == "-" {
            return Self::of(io::stdin(), None);
        }
        let opened = File::open(file)?;
        let metadata = opened.metadata()?;
        if metadata.is_dir() {
            return Err(io::ErrorKind::IsADirectory.into());
        }
        Self::of(opened, metadata.is_file().then_some(metadata.len()))
    }

    fn of(reader: impl Read + 'static, bytes: Option<u64>) -> io::Result<Self> {
        let read = Arc::new(AtomicU64::new(0));
        let counted = Counted { reader, read: Arc::clone(&read) };
        let mut reader = BufReader::with_capacity(limits::READ_BUFFER_BYTES, counted);
        let reader: Box<dyn BufRead> = if reader.fill_buf()?.starts_with(&GZIP_MAGIC) {
            let unpacked = MultiGzDecoder::new(reader);
            Box::new(BufReader::with_capacity(limits::READ_BUFFER_BYTES, unpacked))
        } else {
            Box::new(reader)
        };
        Ok(Self { reader, bytes, read })
    }
}

/// A reader that counts.
struct Counted<R> {
    reader: R,
    read: Arc<AtomicU64>,
}

impl<R: Read> Read for Counted<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.reader.read(buffer)?;
        self.read.fetch_add(u64::try_from(count).unwrap_or(u64::MAX), Ordering::Relaxed);
        Ok(count)
    }
}
