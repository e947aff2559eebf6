//! Making rollups anew that a data file lacks: of files that an older version wrote, and where one was
//! lost or does not end as it should.

use std::sync::atomic::Ordering;

use super::{Grain, Rollups, remove};
use crate::columns::RowBatch;
use crate::error::ReadError;
use crate::scan::{self, OpenedFile};
use crate::shared::Shared;
use crate::state::DataFile;

/// Makes a data file's rollups anew if one of them cannot be used. Nothing is done once the ledger is
/// closing.
///
/// # Errors
/// [`ReadError`] if the file cannot be read, or the old ones not removed; then it has none.
pub(crate) fn mend(file: &DataFile, shared: &Shared) -> Result<(), ReadError> {
    let shelf = &shared.current.load().rollups;
    if Grain::ALL.iter().all(|grain| shelf.open(file, *grain).is_some()) {
        return Ok(());
    }
    remove(&file.storage, &file.path)?;
    let mut rollups = Rollups::begin(&file.storage, &file.path, file.rows, shared.rollup_rows);
    let made = push_rows(file, &mut rollups, shared);
    if matches!(made, Ok(true)) {
        rollups.finish(file);
        shelf.forget(&file.path);
    } else {
        remove(&file.storage, &file.path)?;
    }
    made.map(drop)
}

/// Whether every row was read.
fn push_rows(file: &DataFile, rollups: &mut Rollups, shared: &Shared) -> Result<bool, ReadError> {
    let mut rows = 0;
    for batch in OpenedFile::open(file)?.whole()? {
        if shared.closing.load(Ordering::Relaxed) {
            return Ok(false);
        }
        let batch = RowBatch::new(&batch?).map_err(|error| scan::damaged(&file.path, error))?;
        for position in 0..batch.len() {
            let row = batch.row(position).map_err(|error| scan::damaged(&file.path, error))?;
            rollups.push(&row);
            rows += 1;
        }
    }
    if rows == file.rows {
        return Ok(true);
    }
    Err(scan::damaged(&file.path, format!("{rows} rows in the place of {}", file.rows)))
}
