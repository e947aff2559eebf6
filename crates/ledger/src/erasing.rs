//! Writing a data file anew without what may name people in rows of one subscription.
//!
//! Every row goes over, in the file's order. An erased row has another instance hash, which is part of
//! that order: so the rows of the subscription that are equal in all before it, a *run*, are gathered and
//! sorted again. A run that is too long for memory goes into files for a while, which are then merged.

use std::collections::HashMap;
use std::mem;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic;

use arrow_array::RecordBatch;
use domain::erasure::ErasureKey;
use domain::id::{ContentHash, InstanceHash, MeterId, SubscriptionId};
use domain::record::{HashedInstance, HashedRecord};
use domain::time::{Date, ReportedTime, UtcTime};

use crate::columns::{self, maybe_hash};
use crate::data_file::{DataFileWriter, order};
use crate::encoding::{self, Assigned};
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

/// How many rows of a file are to be erased: those of a selection of one subscription that were not yet.
pub(crate) fn count(file: &DataFile, selection: &Selection) -> Result<u64, ReadError> {
    const COLUMNS: [&str; 4] = ["subscription_id", "usage_start", "commit", CONTENT_HASH];
    let opened = OpenedFile::open(file)?;
    let groups = opened.groups(|group| selection.row_group_may_match(group));
    let mut count = 0;
    opened.batches(groups, &COLUMNS, selection, |batch| {
        let counted = count_in(batch, selection);
        count += counted.map_err(|error| scan::damaged(&file.path, error))?;
        Ok(())
    })?;
    Ok(count)
}

fn count_in(batch: &RecordBatch, selection: &Selection) -> Result<u64, Malformed> {
    let (starts, commits) = (columns::times(batch, "usage_start")?, columns::commits(batch)?);
    let hashes = batch.column_by_name(CONTENT_HASH);
    let hashes = hashes.map(|_| columns::hashes(batch, CONTENT_HASH)).transpose()?;
    let mut count = 0;
    for position in 0..batch.num_rows() {
        let start = columns::time(starts, position)?;
        let commit = columns::commit(commits, position)?;
        let is_erased = maybe_hash(hashes, position)?.is_some();
        let is_wanted = selection.matches_start(start) && selection.matches_commit(commit);
        count += u64::from(is_wanted && !is_erased);
    }
    Ok(count)
}

/// What is erased, and how.
pub(crate) struct Erasing<'a> {
    /// The rows, of one subscription, as far as they were not erased yet.
    pub(crate) selection: &'a Selection,
    pub(crate) key: &'a ErasureKey,
    /// Where the new file is written.
    pub(crate) storage: &'a Storage,
    pub(crate) path: PathBuf,
    /// The paths of files that are there for a while.
    pub(crate) spare: &'a dyn Fn() -> PathBuf,
    pub(crate) made: UtcTime,
    /// Bytes of a run in memory at most.
    pub(crate) run_bytes: usize,
}

/// Writes the rows of a data file into a new one, and its rollups, with some of them erased; all is synced.
pub(crate) fn rewrite(
    file: &DataFile,
    erasing: Erasing<'_>,
    shared: &Shared,
) -> Result<DataFile, JoinError> {
    let Erasing { selection, key, storage, path, spare, made, run_bytes } = erasing;
    let subscription = selection.subscription.expect("rows of one subscription are erased");
    let mut rollups = Rollups::begin(storage, &path, file.rows, shared.rollup_rows);
    let form = (file.day, Form::Erased);
    let mut written = DataFileWriter::create(storage, path, form, made)?;
    let mut write = |row: &Row<'_>| {
        rollups.push(row);
        Ok(written.push(row)?)
    };
    let spill = Spill { storage, day: file.day, spare, made, parts: Vec::new() };
    let mut run = Run { spill, bytes: Vec::new(), rows: Vec::new(), begin: None, run_bytes };
    let mut eraser = Eraser { key, interner: Interner::default(), known: HashMap::new(), rows: 0 };
    let mut input = Input::begin(file, OpenedFile::open(file)?)?;
    let mut rows = 0;
    while let Some(standing) = &mut input {
        let row = standing.row()?;
        if run.begin != Some(begin_of(&row)) {
            run.end(shared, &mut write)?;
        }
        if row.subscription == subscription {
            let is_erased = row.erased.is_none() && selection.matches(&row);
            let damaged = |error| scan::damaged(&file.path, error);
            eraser.add(&row, is_erased, &mut run).map_err(damaged)?;
            run.spill_if_long()?;
        } else {
            write(&row)?;
        }
        rows += 1;
        if rows % BATCH_ROWS == 0 && shared.closing.load(atomic::Ordering::Relaxed) {
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
struct Eraser<'a> {
    key: &'a ErasureKey,
    interner: Interner,
    /// What is left of instances, by what they were.
    known: HashMap<InstanceHash, HashedInstance>,
    /// Rows since the last time that all was forgotten.
    rows: usize,
}

impl Eraser<'_> {
    fn add(&mut self, row: &Row<'_>, is_erased: bool, run: &mut Run<'_>) -> Result<(), Malformed> {
        self.rows += 1;
        if self.rows > INTERNED_ROWS {
            (self.interner, self.rows) = (Interner::default(), 1);
            self.known.clear();
        }
        let mut stored = self.interner.stored(row)?;
        let hashed = if is_erased {
            stored.erased = Some(stored.record.content_hash());
            let instance = &stored.record.instance;
            let left = self
                .known
                .entry(row.instance_hash)
                .or_insert_with(|| HashedInstance::new(Arc::new(instance.erased(self.key))));
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
