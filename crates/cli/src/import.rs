//! Import of usage in the wire shape: a file is sent as it is, unpacked, and the server reads its rows
//! while they come; one result comes back.

pub(crate) mod slices;

use std::fs::File;
use std::io::{self, BufRead, BufReader, Read};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use flate2::bufread::MultiGzDecoder;
use wire::own::{ImportResponse, IngestResponse};

use crate::client::Client;
use crate::failure::Failure;
use crate::limits;
use crate::output::message;
use crate::progress::Progress;

/// The first two bytes of a gzip file.
const GZIP_MAGIC: [u8; 2] = [0x1f, 0x8b];

/// Imports a file; `-` is standard input. The result of what was stored comes also with a failure, but
/// where the server does not say it.
pub(crate) fn import_file(
    client: &Client,
    file: &Path,
    source: Option<&str>,
) -> (IngestResponse, Result<(), Failure>) {
    let wrong = |reason: String| Failure::Input { file: file.display().to_string(), reason };
    let input = match Input::open(file) {
        Ok(input) => input,
        Err(error) => return (IngestResponse::default(), Err(wrong(error.to_string()))),
    };
    let mut upload = Upload {
        reader: input.reader,
        read: input.read,
        progress: Progress::of_bytes(input.bytes, "importing"),
        failed: None,
    };
    let answer = match import_stream(client, &mut upload, source) {
        Ok(answer) => answer,
        Err(failure) => return (IngestResponse::default(), Err(failure)),
    };
    let is_whole = answer.broken.is_none() && upload.failed.is_none();
    if answer.continued && is_whole {
        message("the file's last page has a nextLink: further pages are not in it");
    }
    if answer.touched_more {
        message("more buckets got rows than are listed");
    }
    let broken = upload.failed.map(|error| error.to_string()).or(answer.broken);
    let done = match (broken, answer.rejected_rows, answer.conflicting_rows) {
        (Some(reason), _, _) => Err(wrong(reason)),
        (None, 0, 0) => Ok(()),
        (None, rejected, conflicting) => Err(Failure::Partial { rejected, conflicting }),
    };
    (answer.result, done)
}

/// Streams rows to the server, which reads and counts them.
///
/// # Errors
/// [`Failure::Refused`] or [`Failure::Unreachable`].
pub(crate) fn import_stream(
    client: &Client,
    rows: &mut dyn Read,
    source: Option<&str>,
) -> Result<ImportResponse, Failure> {
    let query: Vec<_> = source.into_iter().map(|source| ("source", source)).collect();
    client.post_stream("/tallyhouse/v1/imports", &query, "application/x-ndjson", rows)
}

/// A file on its way to the server. Where it cannot be read on it ends: what came before is as good as
/// any.
struct Upload {
    reader: Box<dyn BufRead>,
    read: Arc<AtomicU64>,
    progress: Progress,
    failed: Option<io::Error>,
}

impl Read for Upload {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = match self.reader.read(buffer) {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => Err(error),
            Err(error) => {
                self.failed = Some(error);
                Ok(0)
            }
            Ok(length) => Ok(length),
        };
        self.progress.at(self.read.load(Ordering::Relaxed));
        read
    }
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
