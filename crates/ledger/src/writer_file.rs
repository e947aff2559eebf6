//! The file `writer`: which journal this folder holds, and the epoch of its latest writer.
//!
//! Raised and synced before a writer does anything else, so no two openings share an epoch. A journal of
//! objects has one such object for each epoch, put if absent, by which its writer is known.

use std::path::{Path, PathBuf};

use crate::delta::Opening;
use crate::error::{FileError, OpenError};
use crate::storage::{Folder, Put, PutError};
use crate::version::JournalId;

/// Name of the file in the ledger folder.
pub(crate) const NAME: &str = "writer";
/// Format version of the folder.
pub(crate) const FORMAT: u64 = 1;

/// How the last line of an object begins.
const OPENING: &str = "opening ";

/// Who writes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Writer {
    pub(crate) journal: JournalId,
    /// How often the folder was opened for writing.
    pub(crate) epoch: u64,
}

/// Reads the file; none where there is none.
pub(crate) fn read(folder: &Folder) -> Result<Option<Writer>, OpenError> {
    let file = folder.file(NAME);
    if !folder.names()?.iter().any(|name| name == NAME) {
        return Ok(None);
    }
    parse(&file, &folder.storage.read_small(&file)?).map(Some)
}

fn parse(file: &Path, bytes: &[u8]) -> Result<Writer, OpenError> {
    let damaged = || OpenError::WriterFile { file: file.to_owned() };
    let text = std::str::from_utf8(bytes).map_err(|_| damaged())?;
    let mut lines = text.lines();
    let mut value = |key: &str| lines.next()?.strip_prefix(key)?.strip_prefix(' ');
    let format = value("format").and_then(|text| text.parse().ok()).ok_or_else(damaged)?;
    if format > FORMAT {
        let file = file.to_owned();
        return Err(OpenError::NewerFormat { file, found: format, known: FORMAT });
    }
    let journal = value("journal").and_then(JournalId::parse).ok_or_else(damaged)?;
    let epoch = value("epoch").and_then(|text| text.parse().ok()).ok_or_else(damaged)?;
    let writer = Writer { journal, epoch };
    if text == to_text(writer) { Ok(writer) } else { Err(damaged()) }
}

/// Who wrote a journal of objects last; none if nobody did.
pub(crate) fn read_object(folder: &Folder) -> Result<Option<Writer>, OpenError> {
    let names = folder.names()?;
    let epochs = names.iter().filter(|name| name.len() == 20);
    let Some(epoch) = epochs.filter_map(|name| name.parse().ok()).max() else { return Ok(None) };
    let file = object(folder, epoch);
    let bytes = folder.storage.read_small(&file)?;
    let damaged = || OpenError::WriterFile { file: file.clone() };
    // The last line tells openings apart; the rest is as in the file.
    let end = bytes.windows(OPENING.len()).rposition(|window| window == OPENING.as_bytes());
    let writer = parse(&file, &bytes[..end.ok_or_else(damaged)?])?;
    if writer.epoch == epoch { Ok(Some(writer)) } else { Err(damaged()) }
}

/// Claims an epoch, unless somebody has.
pub(crate) fn claim_object(folder: &Folder, writer: Writer) -> Result<Put, PutError> {
    let text = format!("{}{OPENING}{}\n", to_text(writer), Opening::random());
    folder.storage.put_if_absent(&object(folder, writer.epoch), text.as_bytes())
}

fn object(folder: &Folder, epoch: u64) -> PathBuf {
    folder.file(format!("{epoch:020}"))
}

/// Replaces the file.
pub(crate) fn write(folder: &Folder, writer: Writer) -> Result<(), FileError> {
    folder.storage.replace(&folder.file(NAME), &bytes(writer))
}

/// What the file holds.
pub(crate) fn bytes(writer: Writer) -> Vec<u8> {
    to_text(writer).into_bytes()
}

fn to_text(writer: Writer) -> String {
    let Writer { journal, epoch } = writer;
    let body = format!("format {FORMAT}\njournal {journal}\nepoch {epoch}\n");
    let checksum = crc32c::crc32c(body.as_bytes());
    format!("{body}crc32c {checksum:08x}\n")
}
