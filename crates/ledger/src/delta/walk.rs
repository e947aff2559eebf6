//! Walking the whole log: every entry and every checkpoint is read, and what is wrong with any is told,
//! not the first alone.

use std::io;
use std::path::{Path, PathBuf};

use super::{Reading, Table, checkpoint_number, checkpoint_path, entry_number, entry_path};
use crate::error::{FileError, OpenError};
use crate::storage::Folder;
use crate::writer_file::Writer;

/// What a walk found.
#[derive(Debug, Default)]
pub(crate) struct Walked {
    /// The table as the last entry leaves it; none if that cannot be told.
    pub(crate) table: Option<Table>,
    pub(crate) entries: u64,
    pub(crate) checkpoints: u64,
}

/// Times that a log is walked again from which entries went meanwhile.
const WALKS: usize = 5;

/// Walks the entries before one, or all, and the checkpoints of them; gives what is damaged, with the
/// reason, to `damage`. What an object store does not give is an error.
pub(crate) fn walk(
    table: &Folder,
    writer: Writer,
    before: Option<u64>,
    damage: &mut dyn FnMut(&Path, String),
) -> Result<Walked, FileError> {
    let before = before.unwrap_or(u64::MAX);
    for _ in 1..WALKS {
        let mut walk = Walk { table, writer, found: Vec::new(), gone: false };
        let walked = walk.all(before)?;
        if !walk.gone {
            walk.found.into_iter().for_each(|(file, reason)| damage(&file, reason));
            return Ok(walked);
        }
    }
    let folder = table.folder(super::LOG).path;
    damage(&folder, "its files went away while they were read".to_owned());
    Ok(Walked::default())
}

struct Walk<'a> {
    table: &'a Folder,
    writer: Writer,
    found: Vec<(PathBuf, String)>,
    /// Whether a file went away that was there: the log was shortened.
    gone: bool,
}

impl<'a> Walk<'a> {
    fn all(&mut self, before: u64) -> Result<Walked, FileError> {
        let names = self.table.folder(super::LOG).names()?;
        let numbers = |number: fn(&str) -> Option<u64>| {
            let all = names.iter().filter_map(|name| number(name));
            all.filter(|entry| *entry < before).collect::<Vec<_>>()
        };
        let (entries, checkpoints) = (numbers(entry_number), numbers(checkpoint_number));
        let mut walked = Walked {
            table: None,
            entries: entries.len() as u64,
            checkpoints: checkpoints.len() as u64,
        };
        let first = match self.table.storage.objects() {
            None => entries.first().copied().unwrap_or(0),
            Some(_) => self.alone(&entries, &checkpoints)?,
        };
        // What the entries so far come to; none where that is not known.
        let begins = first == 0 && !entries.is_empty();
        let mut state = begins.then(|| Reading::begin(self.table, self.writer));
        let last =
            entries.last().copied().unwrap_or(0).max(checkpoints.last().copied().unwrap_or(0));
        for entry in first..=last {
            if entries.binary_search(&entry).is_err() {
                let file = entry_path(self.table, entry);
                self.damaged(&file, "the log entry is missing");
                state = None;
            } else {
                state = self.entry(entry, state)?;
            }
            if checkpoints.binary_search(&entry).is_ok() {
                state = self.checkpoint(entry, state)?;
            }
        }
        for checkpoint in checkpoints.iter().filter(|checkpoint| **checkpoint < first) {
            self.damaged(&checkpoint_path(self.table, *checkpoint), "its log entry is missing");
        }
        if state.is_none() {
            let folder = self.table.folder(super::LOG).path;
            self.damaged(&folder, "what the table's last entry leaves cannot be told");
        }
        walked.table = state.map(|state| {
            let Reading { mut table, live, .. } = state;
            table.files = live.into_values().collect();
            table
        });
        Ok(walked)
    }

    /// In an object store entries of openings stay where others were forgotten, and one that was may come
    /// late: each is checked alone. Gives the first entry of those without a gap.
    fn alone(&mut self, entries: &[u64], checkpoints: &[u64]) -> Result<u64, FileError> {
        let is_there = |entry: u64| entries.binary_search(&entry).is_ok();
        let Some(mut first) = checkpoints.iter().copied().find(|entry| is_there(*entry)) else {
            return Ok(entries.first().copied().unwrap_or(0));
        };
        while first > 0 && is_there(first - 1) {
            first -= 1;
        }
        for entry in entries.iter().filter(|entry| **entry < first) {
            self.entry(*entry, None)?;
        }
        Ok(first)
    }

    /// Goes on with an entry, where what is before it is known; else checks it alone.
    fn entry(
        &mut self,
        entry: u64,
        state: Option<Reading<'a>>,
    ) -> Result<Option<Reading<'a>>, FileError> {
        let path = entry_path(self.table, entry);
        if let Err(error) = Reading::begin(self.table, self.writer).actions(&path) {
            return self.failed(&path, error).map(|()| None);
        }
        let Some(mut state) = state else { return Ok(None) };
        if let Err(error) = state.entry(entry) {
            return self.failed(&path, error).map(|()| None);
        }
        state.table.next = entry + 1;
        Ok(Some(state))
    }

    /// Compares a checkpoint with the entries up to it, and goes on from it where those do not tell.
    fn checkpoint(
        &mut self,
        entry: u64,
        state: Option<Reading<'a>>,
    ) -> Result<Option<Reading<'a>>, FileError> {
        let path = checkpoint_path(self.table, entry);
        let mut reading = Reading::begin(self.table, self.writer);
        if let Err(error) = reading.checkpoint(entry) {
            return self.failed(&path, error).map(|()| state);
        }
        let Some(state) = state else { return Ok(Some(reading)) };
        let (table, read) = (&state.table, &reading.table);
        let is_same = table.sealed == read.sealed && table.erasures == read.erasures;
        if state.live != reading.live || !is_same {
            self.damaged(&path, "it does not say what the entries up to it come to");
        }
        Ok(Some(state))
    }

    /// Tells what is wrong with a file, unless its object store did not give it: then nobody knows.
    fn failed(&mut self, file: &Path, error: OpenError) -> Result<(), FileError> {
        let there = self.table.storage.length(file);
        self.gone |= there.is_err_and(|error| error.cause.kind() == io::ErrorKind::NotFound);
        let reason = match error {
            OpenError::File(error) if self.table.storage.has_failed(&error) => return Err(error),
            OpenError::File(error) => format!("{error}: {}", error.cause),
            other => other.to_string(),
        };
        self.damaged(file, &reason);
        Ok(())
    }

    fn damaged(&mut self, file: &Path, reason: &str) {
        self.found.push((file.to_owned(), reason.to_owned()));
    }
}
