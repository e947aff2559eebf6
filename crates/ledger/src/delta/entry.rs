//! Entries of the log as they are put: under a number that nothing may have yet. An entry whose put was
//! left open is kept, and put again as it was.
//!
//! In an object store each opening begins with an entry of its own, which stays for ever. Nothing that an
//! earlier writer has under way can come behind it, so what it found before is all there is.

use std::fmt;
use std::path::PathBuf;

use super::{Action, Author, CommitInfo, Operation, Table, checksum, entry_path, read};
use crate::error::{FileError, OpenError};
use crate::limits::TAKE_OVER_TRIES;
use crate::storage::{Folder, Put, PutError};
use crate::version::JournalId;
use crate::writer_file::Writer;

/// One opening of a ledger, unlike any other: two of one epoch, of which one copied the other's folder,
/// would write the same bytes and each take them for its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Opening(u128);

impl Opening {
    pub(crate) fn random() -> Self {
        Self(uuid::Uuid::new_v4().as_u128())
    }
}

impl fmt::Display for Opening {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:032x}", self.0)
    }
}

/// An entry of the log that is to be put.
pub(crate) struct Entry {
    table: Folder,
    path: PathBuf,
    text: String,
}

impl Entry {
    pub(super) fn new(table: &Folder, number: u64, actions: &[Action]) -> Self {
        let mut text = String::new();
        for action in actions {
            text.push_str(&serde_json::to_string(action).expect("an action is always JSON"));
            text.push('\n');
        }
        let text = checksum::filled_in(text);
        Self { table: table.clone(), path: entry_path(table, number), text }
    }

    /// Puts it, unless there is one of its number.
    pub(crate) fn put(&self) -> Result<Put, PutError> {
        self.table.storage.put_if_absent(&self.path, self.text.as_bytes())
    }
}

/// Puts an entry at the log's end that changes nothing, so that no earlier writer can go on. `known` is
/// the latest epoch before this opening: an entry of a later one is another writer's, who stays.
pub(crate) fn take_over(
    folder: &Folder,
    author: Author,
    known: Writer,
    mut table: Table,
) -> Result<Table, OpenError> {
    for _ in 0..TAKE_OVER_TRIES {
        let info = author.commit_info(Operation::TakeOver, table.sealed_time);
        let info = CommitInfo { opening_id: Some(Opening::random().to_string()), ..info };
        match Entry::new(folder, table.next, &[Action::CommitInfo(info)]).put() {
            Ok(Put::Done) => {
                table.next += 1;
                return Ok(table);
            }
            Ok(Put::Taken) => {
                let file = entry_path(folder, table.next);
                table = read(folder, known)?.ok_or(OpenError::LogDamaged { file })?;
            }
            Err(PutError::NotDone(error) | PutError::Unknown(error) | PutError::Open(error)) => {
                return Err(error.into());
            }
        }
    }
    Err(OpenError::Busy { file: entry_path(folder, table.next) })
}

/// Whether an entry is of a later writer of the same ledger.
pub(crate) fn is_taken_over(table: &Folder, entry: u64, writer: Writer) -> bool {
    let is_later = |CommitInfo { journal_id, epoch, .. }: CommitInfo| {
        JournalId::parse(&journal_id) == Some(writer.journal) && epoch > writer.epoch
    };
    commit_info(table, entry).is_ok_and(|info| info.is_some_and(is_later))
}

/// Whether an entry is one by which an opening begins.
pub(super) fn is_opening(table: &Folder, entry: u64) -> Result<bool, FileError> {
    commit_info(table, entry).map(|info| info.is_some_and(|info| info.opening_id.is_some()))
}

/// Who made an entry and how, if it says so.
fn commit_info(table: &Folder, entry: u64) -> Result<Option<CommitInfo>, FileError> {
    let bytes = table.storage.read_small(&entry_path(table, entry))?;
    let lines = bytes.split(|byte| *byte == b'\n');
    let mut actions = lines.filter_map(|line| serde_json::from_slice(line).ok());
    Ok(actions.find_map(|action| match action {
        Action::CommitInfo(info) => Some(info),
        _ => None,
    }))
}
