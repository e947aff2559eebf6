//! Checking one data file: every byte by its checksum, every row by what it should be, and all of them
//! by what the log says of the file.

use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};

use domain::record::StoredRecord;

use crate::columns::RowBatch;
use crate::data_file::order;
use crate::error::ReadError;
use crate::row::{Interner, Malformed, Row, Text};
use crate::scan::{OpenedFile, damaged};
use crate::state::{Bounds, DataFile};
use crate::storage::Storage;

/// What was read of a file that is sound.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Read {
    pub(super) rows: u64,
    pub(super) has_sums: bool,
}

/// Checks a file, which is as the log states it where that is known, and gives every row to `each`.
pub(super) fn check(
    storage: &Storage,
    path: &Path,
    stated: Option<&DataFile>,
    closing: &AtomicBool,
    each: &mut dyn FnMut(&StoredRecord) -> Result<(), Malformed>,
) -> Result<Read, ReadError> {
    let bytes = storage.length(path)?;
    if let Some(stated) = stated.filter(|stated| stated.bytes != bytes) {
        return Err(damaged(path, format!("{bytes} bytes in the place of {}", stated.bytes)));
    }
    let opened = OpenedFile::open_anew(storage, path)?;
    let has_sums = opened.read_through()?;
    let (mut rows, mut bounds) = (0, None::<Bounds>);
    let mut last = Last::default();
    for batch in opened.whole()? {
        if closing.load(Ordering::Relaxed) {
            return Err(ReadError::Stopped);
        }
        let batch = batch?;
        let batch = RowBatch::new(&batch).map_err(|error| damaged(path, error))?;
        for position in 0..batch.len() {
            let row = batch.row(position).and_then(|row| last.follow(&row).map(|()| row));
            let checked = row.and_then(|row| {
                let of_row = Bounds::of(&row);
                bounds = Some(bounds.map_or(of_row, |before| before.and(of_row)));
                each(&stored(&row)?)
            });
            checked.map_err(|error| damaged(path, format!("row {rows}: {error}")))?;
            rows += 1;
        }
    }
    let Some(stated) = stated else { return Ok(Read { rows, has_sums }) };
    if rows != stated.rows {
        return Err(damaged(path, format!("{rows} rows in the place of {}", stated.rows)));
    }
    if bounds != Some(stated.bounds) {
        return Err(damaged(path, "its rows lie within other bounds than the log states"));
    }
    let reported = bounds.map(|bounds| (bounds.reported.0.date(), bounds.reported.1.date()));
    if reported != Some((stated.day, stated.day)) {
        return Err(damaged(path, format!("its rows were not all reported on {}", stated.day)));
    }
    Ok(Read { rows, has_sums })
}

/// The row as a record whose instance has the hash that is stored with it. No row is taken for
/// another's.
pub(super) fn stored(row: &Row<'_>) -> Result<StoredRecord, Malformed> {
    let stored = Interner::default().stored(row)?;
    if stored.record.instance.hash() != stored.instance_hash {
        return Err(Malformed("the instance does not have the hash that is stored with it"));
    }
    Ok(stored)
}

/// The row before, by which rows are ordered.
#[derive(Default)]
struct Last {
    begin: Option<crate::data_file::OrderBegin>,
    source: String,
    event_id: String,
}

impl Last {
    fn follow(&mut self, row: &Row<'_>) -> Result<(), Malformed> {
        let (begin, _) = order(row);
        let source = row.texts.get(Text::Source).ok_or(Malformed("no source"))?;
        let event_id = row.texts.get(Text::EventId).ok_or(Malformed("no event id"))?;
        let is_behind = self.begin.is_none_or(|before| {
            (before, self.source.as_str(), self.event_id.as_str()) < (begin, source, event_id)
        });
        if !is_behind {
            return Err(Malformed("it is not in the order of rows"));
        }
        self.begin = Some(begin);
        self.source.clear();
        self.source.push_str(source);
        self.event_id.clear();
        self.event_id.push_str(event_id);
        Ok(())
    }
}
