//! Writing a data file anew without what may name people in rows of some subscriptions.
//!
//! Every row goes over, in the file's order. An erased row has another instance hash, which is part of
//! that order: so the rows of such a subscription that are equal in all before it, a *run*, are gathered
//! and sorted again. A run that is too long for memory goes into files for a while, which are then merged.

use std::collections::{BTreeMap, HashMap};
use std::mem;
use std::path::PathBuf;
use std::sync::Arc;

use arrow_array::RecordBatch;
use domain::erasure::ErasureKey;
use domain::id::{ContentHash, InstanceHash, MeterId, SubscriptionId};
use domain::record::{Commit, HashedInstance, HashedRecord};
use domain::sums::Whose;
use domain::time::{Date, ReportedTime, UtcTime};

use crate::columns::{self, maybe_hash};
use crate::data_file::{DataFileWriter, order};
use crate::encoding::{self, Assigned};
use crate::erasure::Erasure;
use crate::error::ReadError;
use crate::joining::{self, Input, JoinError};
use crate::limits::{BATCH_ROWS, INTERNED_ROWS};
use crate::rollup::Rollups;
use crate::row::{Interner, Malformed, Row};
use crate::scan::{self, OpenedFile, Selection};
use crate::schema::{CONTENT_HASH, Form};
use crate::shared::Shared;
use crate::state::DataFile;
use crate::storage::Storage;

/// The rows of a file that are to be erased, as far as they were not yet.
pub(crate) struct Targets<'a> {
    /// What is erased of each subscription, and its place among all.
    of: BTreeMap<SubscriptionId, (usize, &'a Erasure)>,
    /// The last commit of which rows are erased.
    last: Commit,
}

impl<'a> Targets<'a> {
    pub(crate) fn new(erasures: impl Iterator<Item = &'a Erasure>, last: Commit) -> Self {
        let of = erasures.enumerate().map(|(position, it)| (it.subscription, (position, it)));
        Self { of: of.collect(), last }
    }

    /// The subscriptions of which there are such rows, told how many there are of each target.
    pub(crate) fn with_rows(&self, rows: &[u64]) -> Vec<SubscriptionId> {
        let with_rows = self.of.iter().filter(|(_, (position, _))| rows[*position] > 0);
        with_rows.map(|(subscription, _)| *subscription).collect()
    }

    /// Rows of which no other is to be erased: of one subscription where there is one alone.
    fn selection(&self) -> Selection {
        let mut of = self.of.keys().copied();
        let whose = match (of.len(), of.next()) {
            (1, Some(one)) => Whose::One(one),
            _ => Whose::Every,
        };
        let bounds: Option<Vec<_>> = self.of.values().map(|(_, one)| one.before).collect();
        let start = bounds.and_then(|bounds| bounds.into_iter().max());
        let start = start.map(|before| UtcTime::MIN..before);
        Selection { whose, start, last: Some(self.last), ..Selection::default() }
    }

    /// The erasure that a row is to be erased by, if by one, and its place among all.
    fn of_row(
        &self,
        subscription: SubscriptionId,
        start: UtcTime,
        commit: Commit,
    ) -> Option<(usize, &'a Erasure)> {
        let (position, erasure) = *self.of.get(&subscription)?;
        let is_wanted = commit <= self.last && erasure.before.is_none_or(|before| start < before);
        is_wanted.then_some((position, erasure))
    }
}

/// How many rows of a file are to be erased, of each target.
pub(crate) fn count(file: &DataFile, targets: &Targets<'_>) -> Result<Vec<u64>, ReadError> {
    const COLUMNS: [&str; 4] = ["subscription_id", "usage_start", "commit", CONTENT_HASH];
    let selection = targets.selection();
    let opened = OpenedFile::open(file)?;
    let of: Vec<_> = targets.of.values().map(|(_, one)| one.selection(targets.last)).collect();
    let groups = opened.groups(|group| of.iter().any(|one| one.row_group_may_match(group)));
    let mut count = vec![0; targets.of.len()];
    opened.batches(groups, &COLUMNS, &selection, |batch| {
        count_in(batch, targets, &mut count).map_err(|error| scan::damaged(&file.path, error))
    })?;
    Ok(count)
}

fn count_in(
    batch: &RecordBatch,
    targets: &Targets<'_>,
    count: &mut [u64],
) -> Result<(), Malformed> {
    let subscriptions = columns::ids(batch, "subscription_id", SubscriptionId::parse)?;
    let (starts, commits) = (columns::times(batch, "usage_start")?, columns::commits(batch)?);
    let hashes = batch.column_by_name(CONTENT_HASH);
    let hashes = hashes.map(|_| columns::hashes(batch, CONTENT_HASH)).transpose()?;
    for position in 0..batch.num_rows() {
        let start = columns::time(starts, position)?;
        let commit = columns::commit(commits, position)?;
        let target = targets.of_row(subscriptions.id(position), start, commit);
        if let Some((target, _)) = target
            && maybe_hash(hashes, position)?.is_none()
        {
            count[target] += 1;
        }
    }
    Ok(())
}

/// What is erased, and how.
pub(crate) struct Erasing<'a> {
    pub(crate) targets: &'a Targets<'a>,
    /// Where the new file is written.
    pub(crate) storage: &'a Storage,
    pub(crate) path: PathBuf,
    /// The paths of files that are there for a while.
    pub(crate) spare: &'a dyn Fn() -> PathBuf,
    pub(crate) made: UtcTime,
    /// Bytes of a run in memory at most.
    pub(crate) run_bytes: usize,
    /// Asked now and then whether to go on.
    pub(crate) goes_on: &'a mut dyn FnMut() -> bool,
}

/// Writes the rows of a data file into a new one, and its rollups, with some of them erased; all is synced.
pub(crate) fn rewrite(
    file: &DataFile,
    erasing: Erasing<'_>,
    shared: &Shared,
) -> Result<DataFile, JoinError> {
    let Erasing { targets, storage, path, spare, made, run_bytes, goes_on } = erasing;
    let mut rollups = Rollups::begin(storage, &path, file.rows, shared.rollup_rows);
    let form = (file.day, Form::Erased);
    let mut written = DataFileWriter::create(storage, path, form, made)?;
    let mut write = |row: &Row<'_>| {
        rollups.push(row);
        Ok(written.push(row)?)
    };
    let spill = Spill { storage, day: file.day, spare, made, parts: Vec::new() };
    let mut run = Run { spill, bytes: Vec::new(), rows: Vec::new(), begin: None, run_bytes };
    let mut eraser = Eraser::default();
    let mut input = Input::begin(file, OpenedFile::open(file)?)?;
    let mut rows = 0;
    while let Some(standing) = &mut input {
        let row = standing.row()?;
        if run.begin != Some(begin_of(&row)) {
            run.end(shared, &mut write)?;
        }
        if targets.of.contains_key(&row.subscription) {
            let target = targets.of_row(row.subscription, row.window.start(), row.commit);
            let key = target.filter(|_| row.erased.is_none()).map(|(_, erasure)| &erasure.key);
            let damaged = |error| scan::damaged(&file.path, error);
            eraser.add(&row, key, &mut run).map_err(damaged)?;
            run.spill_if_long()?;
        } else {
            write(&row)?;
        }
        rows += 1;
        if rows % BATCH_ROWS == 0 && !goes_on() {
            return Err(JoinError::Stopped);
        }
        if !standing.advance()? {
            input = None;
        }
    }
    run.end(shared, &mut write)?;
    let written = written.finish()?;
    assert!(written.rows == file.rows, "{} rows of {} were erased", written.rows, file.rows);
    rollups.finish(&written);
    Ok(written)
}

/// What all rows of a run have in common.
type RunBegin = (SubscriptionId, ReportedTime, UtcTime, MeterId);

fn begin_of(row: &Row<'_>) -> RunBegin {
    (row.subscription, row.reported.hour_start(), row.window.start(), row.meter)
}

/// Makes rows of a file rows of a run.
#[derive(Default)]
struct Eraser {
    interner: Interner,
    /// The subscription whose rows pass by.
    subscription: Option<SubscriptionId>,
    /// What is left of its instances, by what they were.
    known: HashMap<InstanceHash, HashedInstance>,
    /// Rows since the last time that all was forgotten.
    rows: usize,
}

impl Eraser {
    /// Adds a row: erased, if there is a key to erase it with.
    fn add(
        &mut self,
        row: &Row<'_>,
        key: Option<&ErasureKey>,
        run: &mut Run<'_>,
    ) -> Result<(), Malformed> {
        self.rows += 1;
        if self.rows > INTERNED_ROWS {
            (self.interner, self.rows) = (Interner::default(), 1);
            self.known.clear();
        }
        if self.subscription != Some(row.subscription) {
            self.subscription = Some(row.subscription);
            self.known.clear(); // each subscription has a key of its own
        }
        let mut stored = self.interner.stored(row)?;
        let hashed = if let Some(key) = key {
            stored.erased = Some(stored.record.content_hash());
            let instance = &stored.record.instance;
            let left = self
                .known
                .entry(row.instance_hash)
                .or_insert_with(|| HashedInstance::new(Arc::new(instance.erased(key))));
            HashedRecord::of_instance(stored.record, left.clone())
        } else {
            HashedRecord::new(stored.record)
        };
        run.begin = Some(begin_of(row));
        run.rows.push(RunRow {
            instance: hashed.instance_hash(),
            offset: run.bytes.len(),
            assigned: Assigned { commit: row.commit, time: row.commit_time },
            erased: stored.erased,
        });
        encoding::encode(&hashed, Some(row.reported), &mut run.bytes);
        Ok(())
    }
}

/// The rows of a run as they are to be.
struct Run<'a> {
    /// Those that memory had no room for.
    spill: Spill<'a>,
    /// The others, encoded as the journal has them.
    bytes: Vec<u8>,
    rows: Vec<RunRow>,
    begin: Option<RunBegin>,
    run_bytes: usize,
}

/// A row of a run: what its encoding lacks, and where that begins.
struct RunRow {
    instance: InstanceHash,
    offset: usize,
    assigned: Assigned,
    erased: Option<ContentHash>,
}

impl RunRow {
    fn row<'b>(&self, bytes: &'b [u8]) -> Row<'b> {
        let decoded = encoding::decode(&bytes[self.offset..], self.assigned);
        let (row, _) = decoded.expect("it was encoded here");
        Row { erased: self.erased, ..row }
    }
}

impl Run<'_> {
    /// Gives its rows to `each`, in order; it is empty then.
    fn end(
        &mut self,
        shared: &Shared,
        each: &mut impl FnMut(&Row<'_>) -> Result<(), JoinError>,
    ) -> Result<(), JoinError> {
        self.begin = None;
        if self.spill.parts.is_empty() {
            return self.drain(each);
        }
        self.spill()?;
        let parts = mem::take(&mut self.spill.parts);
        let mut inputs = Vec::with_capacity(parts.len());
        for part in &parts {
            inputs.extend(Input::begin(part, OpenedFile::open(part)?)?);
        }
        let merged = joining::merge(inputs, shared, each);
        self.spill.parts = parts;
        self.spill.clear();
        merged
    }

    fn drain(
        &mut self,
        each: &mut impl FnMut(&Row<'_>) -> Result<(), JoinError>,
    ) -> Result<(), JoinError> {
        let Self { bytes, rows, .. } = self;
        rows.sort_unstable_by(|a, b| {
            let by_name = || order(&a.row(bytes)).cmp(&order(&b.row(bytes)));
            a.instance.cmp(&b.instance).then_with(by_name)
        });
        for row in rows.drain(..) {
            each(&row.row(bytes))?;
        }
        bytes.clear();
        Ok(())
    }

    fn spill_if_long(&mut self) -> Result<(), JoinError> {
        if self.bytes.len() > self.run_bytes { self.spill() } else { Ok(()) }
    }

    /// Writes what is in memory into a file of its own.
    fn spill(&mut self) -> Result<(), JoinError> {
        if self.rows.is_empty() {
            return Ok(());
        }
        let mut part = self.spill.begin()?;
        self.drain(&mut |row| Ok(part.push(row)?))?;
        self.spill.parts.push(part.finish()?);
        Ok(())
    }
}

/// Files with parts of a run, which are there for a while.
struct Spill<'a> {
    storage: &'a Storage,
    day: Date,
    spare: &'a dyn Fn() -> PathBuf,
    made: UtcTime,
    parts: Vec<DataFile>,
}

impl Spill<'_> {
    fn begin(&mut self) -> Result<DataFileWriter, JoinError> {
        let form = (self.day, Form::Erased);
        Ok(DataFileWriter::create(self.storage, (self.spare)(), form, self.made)?)
    }

    /// Removes them; one that stays all the same is cleared by the next opening, as no entry names it.
    fn clear(&mut self) {
        for part in self.parts.drain(..) {
            let _ = self.storage.remove(&part.path);
            self.storage.forget(&part.path);
        }
    }
}

impl Drop for Spill<'_> {
    fn drop(&mut self) {
        self.clear();
    }
}
