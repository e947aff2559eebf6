//! The table's log: the few actions of the Delta protocol that the ledger needs, reader version 1
//! and writer version 2, one JSON file a commit, and a checkpoint now and then that stands for all
//! entries up to it.
//!
//! Every commit names our journal and epoch in `commitInfo`; one that does not is somebody else's,
//! and the ledger is not opened over it.

mod action;
mod check;
mod checkpoint;
mod checksum;
mod entry;
mod replace;
mod walk;

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use domain::id::SubscriptionId;
use domain::record::Commit;
use domain::time::UtcTime;

pub(crate) use walk::walk;

use action::{
    Action, CommitInfo, Format, MetaData, Protocol, Remove, Txn, add_action, data_file, millis,
    moved,
};

use crate::error::{FileError, OpenError};
use crate::hold::View;
use crate::schema::{self, Form};
use crate::state::DataFile;
use crate::storage::{Folder, Put, PutError};
use crate::version::JournalId;
use crate::writer_file::Writer;
pub(crate) use action::path_in;
pub(crate) use check::files as check_files;
pub(crate) use entry::{Entry, Opening, is_taken_over, take_over};
pub(crate) use replace::{Erasing, Replaced, erase, join};

/// Folder of the log in the table's folder.
pub(crate) const LOG: &str = "_delta_log";
/// Folder of the data files in the table's folder.
pub(crate) const DATA: &str = "data";
/// Format version of a table with erased rows, which its configuration names; without any it is 1.
const FORMAT: u64 = 2;
const FORMAT_KEY: &str = "tallyhouse.format";
const READER_VERSION: u64 = 1;
const WRITER_VERSION: u64 = 2;
/// Tells readers outside which checkpoint is the latest.
const LAST_CHECKPOINT: &str = "_last_checkpoint";
const ENGINE: &str = concat!("tallyhouse/", env!("CARGO_PKG_VERSION"));

/// The table as its log states it.
#[derive(Debug, Clone)]
pub(crate) struct Table {
    /// Number of the next log entry.
    pub(crate) next: u64,
    pub(crate) files: Vec<Arc<DataFile>>,
    /// Last commit of the journal that is in the table.
    pub(crate) sealed: Commit,
    /// Its time.
    pub(crate) sealed_time: UtcTime,
    /// Files that others have taken the place of.
    pub(crate) replaced: Vec<Replaced>,
    pub(crate) erasures: Erasures,
    /// When the table was made.
    pub(crate) created: UtcTime,
    /// Entries with a checkpoint, in order, each with the time of the entry.
    pub(crate) checkpoints: Vec<(u64, UtcTime)>,
}

/// What a checkpoint holds.
pub(crate) struct CheckpointState {
    /// The last entry.
    pub(crate) entry: u64,
    pub(crate) files: Arc<Vec<Arc<DataFile>>>,
    pub(crate) replaced: Vec<Replaced>,
    pub(crate) erasures: Arc<Erasures>,
    /// Last commit of the journal that is in the table.
    pub(crate) sealed: Commit,
    /// When the table was made.
    pub(crate) created: UtcTime,
}

/// Of each subscription of which rows were erased, how many entries of the log did so.
pub(crate) type Erasures = BTreeMap<SubscriptionId, u64>;

/// Who commits, and when.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Author {
    pub(crate) writer: Writer,
    pub(crate) now: UtcTime,
}

/// What an entry of the log does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Operation {
    Create,
    Seal,
    Join,
    Erase,
    TakeOver,
}

/// Writes the first entry of a new table. In an object store it says which opening made it.
pub(crate) fn create(
    table: &Folder,
    author: Author,
    opening: Option<&Opening>,
) -> Result<Put, PutError> {
    let [protocol, metadata] = nature(author.writer.journal, author.now, Form::Sent);
    let info = author.commit_info(Operation::Create, UtcTime::MIN);
    let info = CommitInfo { opening_id: opening.map(Opening::to_string), ..info };
    Entry::new(table, 0, &[Action::CommitInfo(info), protocol, metadata]).put()
}

/// What kind of table it is.
fn nature(journal: JournalId, created: UtcTime, form: Form) -> [Action; 2] {
    let id = journal.to_string();
    let id = SubscriptionId::parse(&id).map_or(id, |guid| guid.to_string()); // dashes, as GUIDs have
    let (is_append_only, format) = match form {
        Form::Sent => (true, 1),
        Form::Erased => (false, FORMAT),
    };
    let configuration =
        [("delta.appendOnly", is_append_only.to_string()), (FORMAT_KEY, format.to_string())];
    let protocol =
        Protocol { min_reader_version: READER_VERSION, min_writer_version: WRITER_VERSION };
    let metadata = MetaData {
        id,
        format: Format { provider: "parquet".to_owned(), options: BTreeMap::new() },
        schema_string: schema::delta_schema(form),
        partition_columns: vec![schema::PARTITION.to_owned()],
        configuration: configuration.map(|(key, value)| (key.to_owned(), value)).into(),
        created_time: millis(created),
    };
    [Action::Protocol(protocol), Action::MetaData(metadata)]
}

/// Adds the data files of one seal, and says up to which commit the journal is sealed.
pub(crate) fn add(
    table: &Folder,
    author: Author,
    entry: u64,
    written: &[Arc<DataFile>],
    (sealed, sealed_time): (Commit, UtcTime),
) -> Entry {
    let mut actions = vec![Action::CommitInfo(author.commit_info(Operation::Seal, sealed_time))];
    actions.push(Action::Txn(Txn { app_id: author.writer.journal.to_string(), version: sealed.0 }));
    actions.extend(written.iter().map(|file| Action::Add(add_action(&table.path, file))));
    Entry::new(table, entry, &actions)
}

/// Writes a checkpoint of everything up to an entry, the last one. What a crash leaves unfinished of it
/// counts for nothing.
pub(crate) fn checkpoint(
    table: &Folder,
    author: Author,
    state: &CheckpointState,
) -> Result<(), FileError> {
    let entry = state.entry;
    let actions = checkpoint_actions(table, author.writer, state);
    checkpoint::write(&table.storage, &checkpoint_path(table, entry), &actions)?;
    let hint = serde_json::json!({ "version": entry, "size": actions.len() }).to_string();
    table.storage.replace(&table.folder(LOG).file(LAST_CHECKPOINT), hint.as_bytes())
}

/// The bytes of a checkpoint of a table as it is seen at one moment.
pub(crate) fn checkpoint_bytes(table: &Folder, view: &View) -> io::Result<Vec<u8>> {
    let state = CheckpointState {
        entry: view.next_entry - 1,
        files: Arc::clone(&view.state.files),
        replaced: Vec::new(),
        erasures: Arc::clone(&view.state.erasures),
        sealed: view.sealed,
        created: view.created,
    };
    let actions = checkpoint_actions(table, view.writer, &state);
    checkpoint::write_to(Vec::new(), &actions).map_err(io::Error::other)
}

fn checkpoint_actions(table: &Folder, writer: Writer, state: &CheckpointState) -> Vec<Action> {
    let form = if state.erasures.is_empty() { Form::Sent } else { Form::Erased };
    let mut actions = Vec::from(nature(writer.journal, state.created, form));
    let txn = Txn { app_id: writer.journal.to_string(), version: state.sealed.0 };
    actions.push(Action::Txn(txn));
    let erasures = state.erasures.iter();
    actions.extend(erasures.map(|(id, count)| Action::Txn(replace::generation(*id, *count))));
    let adds = state.files.iter().map(|file| moved(add_action(&table.path, file)));
    actions.extend(adds.map(Action::Add));
    actions.extend(state.replaced.iter().map(|replaced| {
        Action::Remove(Remove {
            path: path_in(&table.path, &replaced.path),
            deletion_timestamp: millis(replaced.since),
            data_change: replaced.erased,
            extended_file_metadata: false,
            partition_values: BTreeMap::new(),
            size: 0,
        })
    }));
    actions
}

/// Removes entries and checkpoints before an entry that has a checkpoint, and further checkpoints. In an
/// object store the entries of openings stay, and are noted: with one gone, a writer that slept through it
/// could go on in its place.
pub(crate) fn forget(
    table: &Folder,
    first: u64,
    checkpoints: &[u64],
    openings: &mut BTreeSet<u64>,
) -> Result<(), FileError> {
    let folder = table.folder(LOG);
    for name in folder.names()? {
        let is_gone = match (entry_number(&name), checkpoint_number(&name)) {
            (Some(entry), _) => entry < first && !stays(table, entry, openings)?,
            (None, Some(entry)) => entry < first || checkpoints.contains(&entry),
            (None, None) => false,
        };
        if is_gone {
            folder.storage.remove(&folder.file(name))?;
        }
    }
    folder.sync()
}

/// Whether an entry stays whatever comes after it.
fn stays(table: &Folder, entry: u64, openings: &mut BTreeSet<u64>) -> Result<bool, FileError> {
    if table.storage.objects().is_none() {
        return Ok(false);
    }
    if !openings.contains(&entry) && entry::is_opening(table, entry)? {
        openings.insert(entry);
    }
    Ok(openings.contains(&entry))
}

/// Path of a log entry.
pub(crate) fn entry_path(table: &Folder, entry: u64) -> PathBuf {
    table.folder(LOG).file(format!("{entry:020}.json"))
}

pub(crate) fn checkpoint_path(table: &Folder, entry: u64) -> PathBuf {
    table.folder(LOG).file(format!("{entry:020}.checkpoint.parquet"))
}

fn entry_number(name: &str) -> Option<u64> {
    name.strip_suffix(".json").filter(|number| number.len() == 20)?.parse().ok()
}

fn checkpoint_number(name: &str) -> Option<u64> {
    name.strip_suffix(".checkpoint.parquet").filter(|number| number.len() == 20)?.parse().ok()
}

/// Reads the log, from the latest checkpoint that can be read on; none if there is no entry. As long as
/// another writer may go on, its files may go before they are looked at: [`check_files`] comes later.
pub(crate) fn read(table: &Folder, writer: Writer) -> Result<Option<Table>, OpenError> {
    let names = table.folder(LOG).names()?;
    let entries: Vec<u64> = names.iter().filter_map(|name| entry_number(name)).collect();
    let mut checkpoints: Vec<u64> =
        names.iter().filter_map(|name| checkpoint_number(name)).collect();
    let mut reading = Reading::begin(table, writer);
    let mut unread = None;
    while let Some(entry) = checkpoints.pop() {
        match reading.checkpoint(entry) {
            Ok(()) => break,
            Err(error @ OpenError::NewerFormat { .. }) => return Err(error),
            Err(error) => {
                let file = checkpoint_path(table, entry);
                tracing::warn!(%error, file = %file.display(), "checkpoint is not used");
                // One that cannot be read now may be sound, and tells more than one that is damaged.
                let tells_more = matches!(error, OpenError::File(_));
                if unread.is_none() || tells_more {
                    unread = Some(error);
                }
                reading = Reading::begin(table, writer);
            }
        }
    }
    match (reading.entries(&entries), unread) {
        // Entries that a checkpoint stands for are no loss: it is the checkpoint that is missing.
        (Err(OpenError::LogDamaged { .. }), Some(error)) => return Err(error),
        (read, _) => read?,
    }
    // Older ones are there to begin from in need. One that lacks its entry cannot be, and is removed with
    // what is before it.
    for entry in checkpoints {
        match reading.commit_info(entry).and_then(|info| reading.time_of(entry, &info)) {
            Ok(time) => reading.table.checkpoints.push((entry, time)),
            Err(error) => tracing::warn!(%error, "an older checkpoint lacks its entry"),
        }
    }
    reading.table.checkpoints.sort_unstable();
    reading.finish()
}

/// The log as far as it was read.
struct Reading<'a> {
    folder: &'a Folder,
    writer: Writer,
    table: Table,
    /// Files added and not removed, by path.
    live: BTreeMap<String, Arc<DataFile>>,
}

impl<'a> Reading<'a> {
    fn begin(folder: &'a Folder, writer: Writer) -> Self {
        let table = Table {
            next: 0,
            files: Vec::new(),
            sealed: Commit(0),
            sealed_time: UtcTime::MIN,
            replaced: Vec::new(),
            erasures: Erasures::new(),
            created: UtcTime::MIN,
            checkpoints: Vec::new(),
        };
        Self { folder, writer, table, live: BTreeMap::new() }
    }

    /// Takes over a checkpoint. The entry that it is of is there, too, and says whose it is.
    fn checkpoint(&mut self, entry: u64) -> Result<(), OpenError> {
        let path = checkpoint_path(self.folder, entry);
        for action in checkpoint::read(&self.folder.storage, &path)? {
            match action {
                Action::Remove(remove) => {
                    let since = time_of_millis(remove.deletion_timestamp);
                    let since =
                        since.ok_or_else(|| OpenError::LogDamaged { file: path.clone() })?;
                    let (path, erased) = (self.folder.file(&remove.path), remove.data_change);
                    self.table.replaced.push(Replaced { path, held: None, since, erased });
                }
                other => self.apply(other, &path)?,
            }
        }
        let info = self.commit_info(entry)?;
        let time = self.time_of(entry, &info)?;
        self.apply(Action::CommitInfo(info), &entry_path(self.folder, entry))?;
        (self.table.next, self.table.checkpoints) = (entry + 1, vec![(entry, time)]);
        Ok(())
    }

    /// Who made an entry, and when.
    fn commit_info(&self, entry: u64) -> Result<CommitInfo, OpenError> {
        let path = entry_path(self.folder, entry);
        let info = self.actions(&path)?.into_iter().find_map(|action| match action {
            Action::CommitInfo(info) => Some(info),
            _ => None,
        });
        info.ok_or(OpenError::LogDamaged { file: path })
    }

    fn time_of(&self, entry: u64, info: &CommitInfo) -> Result<UtcTime, OpenError> {
        let damaged = || OpenError::LogDamaged { file: entry_path(self.folder, entry) };
        time_of_millis(info.timestamp).ok_or_else(damaged)
    }

    /// Takes over every entry that follows.
    fn entries(&mut self, entries: &[u64]) -> Result<(), OpenError> {
        let first = self.table.next;
        for entry in entries.iter().filter(|entry| **entry >= first) {
            if *entry != self.table.next {
                let file = entry_path(self.folder, self.table.next);
                return Err(OpenError::LogDamaged { file });
            }
            self.entry(*entry)?;
            self.table.next += 1;
        }
        Ok(())
    }

    fn entry(&mut self, entry: u64) -> Result<(), OpenError> {
        let path = entry_path(self.folder, entry);
        for action in self.actions(&path)? {
            self.apply(action, &path)?;
        }
        Ok(())
    }

    /// The actions of an entry, which is ours.
    fn actions(&self, path: &Path) -> Result<Vec<Action>, OpenError> {
        let bytes = self.folder.storage.read_small(path)?;
        let damaged = || OpenError::LogDamaged { file: path.to_owned() };
        if !checksum::is_right(&bytes) {
            return Err(damaged());
        }
        let lines = bytes.split(|byte| *byte == b'\n').filter(|line| !line.is_empty());
        let lines: Result<Vec<serde_json::Value>, _> = lines.map(serde_json::from_slice).collect();
        let lines = lines.map_err(|_| damaged())?;
        // Whose commit it is comes first: another program's may hold actions unknown here.
        let ours = lines.iter().filter_map(|line| line.get("commitInfo")).any(|info| {
            let journal = info.get("journalId").and_then(serde_json::Value::as_str);
            let epoch = info.get("epoch").and_then(serde_json::Value::as_u64);
            journal.and_then(JournalId::parse) == Some(self.writer.journal)
                && epoch.is_some_and(|epoch| epoch <= self.writer.epoch)
        });
        if !ours {
            return Err(OpenError::ForeignCommit { file: path.to_owned() });
        }
        let actions = lines.into_iter().map(serde_json::from_value);
        actions.collect::<Result<_, _>>().map_err(|_| damaged())
    }

    fn apply(&mut self, action: Action, path: &Path) -> Result<(), OpenError> {
        let damaged = || OpenError::LogDamaged { file: path.to_owned() };
        match action {
            Action::Protocol(protocol) => check::protocol(&protocol, path)?,
            Action::MetaData(metadata) => {
                check::metadata(&metadata, path)?;
                self.table.created = time_of_millis(metadata.created_time).ok_or_else(damaged)?;
            }
            Action::Add(add) => {
                let file = data_file(self.folder, &add).ok_or_else(damaged)?;
                self.live.insert(add.path, Arc::new(file));
            }
            Action::Remove(remove) => {
                let since = time_of_millis(remove.deletion_timestamp).ok_or_else(damaged)?;
                match self.live.remove(&remove.path) {
                    Some(file) => {
                        self.table.replaced.push(Replaced::since(since, &file, remove.data_change));
                    }
                    // It was removed before, and has what is erased now.
                    None if remove.data_change => self.goes(&remove.path, since),
                    None => return Err(damaged()),
                }
            }
            Action::Txn(txn) if JournalId::parse(&txn.app_id) == Some(self.writer.journal) => {
                self.table.sealed = Commit(txn.version);
            }
            Action::Txn(txn) => {
                let foreign = || OpenError::ForeignCommit { file: path.to_owned() };
                let subscription = replace::erasures_of(&txn.app_id).ok_or_else(foreign)?;
                self.table.erasures.insert(subscription, txn.version);
            }
            Action::CommitInfo(info) => {
                let time = UtcTime::from_micros(info.commit_time_micros);
                self.table.sealed_time = time.map_err(|_| damaged())?;
            }
        }
        Ok(())
    }

    /// A file that was replaced before is to go at once.
    fn goes(&mut self, path: &str, since: UtcTime) {
        let path = self.folder.file(path);
        let known = self.table.replaced.iter_mut().find(|replaced| replaced.path == path);
        match known {
            Some(replaced) => replaced.erased = true,
            None => self.table.replaced.push(Replaced { path, held: None, since, erased: true }),
        }
    }

    fn finish(mut self) -> Result<Option<Table>, OpenError> {
        self.table.files = self.live.into_values().collect();
        Ok((self.table.next > 0).then_some(self.table))
    }
}

fn time_of_millis(millis: i64) -> Option<UtcTime> {
    UtcTime::from_micros(millis.checked_mul(1_000)?).ok()
}

impl Author {
    fn commit_info(self, operation: Operation, commit_time: UtcTime) -> CommitInfo {
        let (operation, is_blind_append) = match operation {
            Operation::Create => ("CREATE TABLE", true),
            Operation::Seal => ("WRITE", true),
            Operation::Join => ("OPTIMIZE", false),
            Operation::Erase => ("UPDATE", false),
            Operation::TakeOver => ("TAKE OVER", true),
        };
        CommitInfo {
            timestamp: millis(self.now),
            operation: operation.to_owned(),
            engine_info: ENGINE.to_owned(),
            is_blind_append,
            journal_id: self.writer.journal.to_string(),
            epoch: self.writer.epoch,
            commit_time_micros: commit_time.to_micros(),
            crc32c: checksum::NONE_YET.to_owned(),
            opening_id: None,
        }
    }
}

#[cfg(test)]
mod tests;
