//! Entries of the log that put a data file in the place of others: of a join, which has their rows as they
//! are, and of an erasure, which has them without what may name people.
//!
//! A removal with `dataChange` is an erasure's: its file is to go at once, and for good.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;

use domain::id::SubscriptionId;
use domain::time::UtcTime;

use super::action::{Action, Remove, Txn, add_action, millis, moved, partition_of, path_in};
use super::{Author, Entry, Operation, nature};
use crate::schema::Form;
use crate::state::DataFile;
use crate::storage::Folder;

/// How the names of the transactions that count erasures begin; the subscription follows.
const ERASURE: &str = "erasure-";

/// A data file that another has taken the place of.
#[derive(Debug, Clone)]
pub(crate) struct Replaced {
    pub(crate) path: PathBuf,
    /// The file as the log names it and snapshots hold it; none if only a checkpoint has it.
    pub(crate) held: Option<Arc<DataFile>>,
    /// Since when.
    pub(crate) since: UtcTime,
    /// Whether it has what was erased: then it goes as soon as nobody holds it.
    pub(crate) erased: bool,
}

impl Replaced {
    /// A file in whose place another is since a time.
    pub(crate) fn since(since: UtcTime, file: &Arc<DataFile>, erased: bool) -> Self {
        Self { path: file.path.clone(), held: Some(Arc::clone(file)), since, erased }
    }

    /// The same for the log, which tells no more.
    pub(crate) fn unheld(&self) -> Self {
        Self { path: self.path.clone(), held: None, since: self.since, erased: self.erased }
    }

    /// Whether it may have rows of one of these subscriptions that stay for a while.
    pub(crate) fn may_have(&self, subscriptions: &[(SubscriptionId, u64)]) -> bool {
        let may_be_within = |file: &Arc<DataFile>| {
            let (low, high) = file.bounds.subscription;
            subscriptions.iter().any(|(id, _)| low <= *id && *id <= high)
        };
        !self.erased && self.held.as_ref().is_none_or(may_be_within)
    }
}

/// Puts a data file in the place of others that have its rows. `sealed_time` is the time of the last
/// sealed commit.
pub(crate) fn join(
    table: &Folder,
    author: Author,
    entry: u64,
    (replaced, joined): (&[Arc<DataFile>], &DataFile),
    sealed_time: UtcTime,
) -> Entry {
    let mut actions = vec![Action::CommitInfo(author.commit_info(Operation::Join, sealed_time))];
    actions.extend(replaced.iter().map(|file| remove(table, author, file, false)));
    actions.push(Action::Add(moved(add_action(&table.path, joined))));
    Entry::new(table, entry, &actions)
}

/// What an erasure says of itself with each file.
#[derive(Debug, Clone)]
pub(crate) struct Erasing<'a> {
    /// Of which subscriptions, and how many entries of erasures of each there are with this one.
    pub(crate) generations: &'a [(SubscriptionId, u64)],
    /// When the table was made, if it has no erased row yet: then it gets the column for them first.
    pub(crate) first_of: Option<UtcTime>,
    /// Files that were replaced before, and that may have what is erased now: they are to go, too.
    pub(crate) with: Vec<PathBuf>,
}

/// Puts a data file in the place of another, some rows of which it has erased.
pub(crate) fn erase(
    table: &Folder,
    author: Author,
    entry: u64,
    erasing: &Erasing<'_>,
    (replaced, erased): (&[Arc<DataFile>], &DataFile),
    sealed_time: UtcTime,
) -> Entry {
    let mut actions = vec![Action::CommitInfo(author.commit_info(Operation::Erase, sealed_time))];
    if let Some(created) = erasing.first_of {
        // What kind of table it is comes first: a version that does not know it reads no further.
        actions.extend(nature(author.writer.journal, created, Form::Erased).into_iter().skip(1));
    }
    let generations = erasing.generations.iter();
    actions.extend(generations.map(|(id, count)| Action::Txn(generation(*id, *count))));
    actions.extend(replaced.iter().map(|file| remove(table, author, file, true)));
    actions.extend(erasing.with.iter().map(|path| {
        Action::Remove(Remove {
            path: path_in(&table.path, path),
            deletion_timestamp: millis(author.now),
            data_change: true,
            extended_file_metadata: false,
            partition_values: BTreeMap::new(),
            size: 0,
        })
    }));
    actions.push(Action::Add(add_action(&table.path, erased)));
    Entry::new(table, entry, &actions)
}

/// Says how many entries of erasures of a subscription there are.
pub(super) fn generation(subscription: SubscriptionId, generation: u64) -> Txn {
    Txn { app_id: format!("{ERASURE}{subscription}"), version: generation }
}

/// The subscription whose erasures a transaction counts.
pub(super) fn erasures_of(app_id: &str) -> Option<SubscriptionId> {
    SubscriptionId::parse(app_id.strip_prefix(ERASURE)?).ok()
}

fn remove(table: &Folder, author: Author, file: &DataFile, data_change: bool) -> Action {
    Action::Remove(Remove {
        path: path_in(&table.path, &file.path),
        deletion_timestamp: millis(author.now),
        data_change,
        extended_file_metadata: true,
        partition_values: partition_of(file),
        size: file.bytes,
    })
}
