//! Joining data files of one reported day into one: a merge of files that are sorted already, of each
//! of which a batch is in memory at a time. Every row goes over as it is, and their number is checked.

use std::cmp::Ordering;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic;

use domain::time::UtcTime;

use crate::columns::RowBatch;
use crate::data_file::{DataFileWriter, OrderBegin, order};
use crate::error::{FileError, ReadError};
use crate::limits::BATCH_ROWS;
use crate::rollup::Rollups;
use crate::row::Row;
use crate::scan::{self, Batches, OpenedFile};
use crate::schema::Form;
use crate::shared::Shared;
use crate::state::DataFile;
use crate::storage::Storage;

/// Why files were not joined; they stay as they are.
#[derive(Debug)]
pub(crate) enum JoinError {
    /// One of them cannot be read, or does not hold what the table says.
    Read(ReadError),
    /// The joined file cannot be written.
    File(FileError),
    /// The ledger is closing.
    Stopped,
}

/// Writes the rows of data files of one day into a new one, and its rollups; all is synced.
pub(crate) fn join(
    files: &[Arc<DataFile>],
    (storage, path): (&Storage, PathBuf),
    made: UtcTime,
    shared: &Shared,
) -> Result<DataFile, JoinError> {
    let day = files[0].day;
    assert!(files.iter().all(|file| file.day == day), "files of one day are joined");
    let (mut inputs, mut form) = (Vec::with_capacity(files.len()), Form::Sent);
    for file in files {
        let opened = OpenedFile::open(file)?;
        form = form.max(opened.form());
        inputs.extend(Input::begin(file, opened)?);
    }
    let expected = files.iter().map(|file| file.rows).sum::<u64>();
    let mut rollups = Rollups::begin(storage, &path, expected, shared.rollup_rows);
    let mut joined = DataFileWriter::create(storage, path, (day, form), made)?;
    merge(inputs, shared, |row| {
        rollups.push(row);
        Ok(joined.push(row)?)
    })?;
    let joined = joined.finish()?;
    assert!(joined.rows == expected, "a join of {expected} rows has {} of them", joined.rows);
    rollups.finish(&joined);
    Ok(joined)
}

/// Gives the rows of inputs to `each`, in order.
pub(crate) fn merge(
    mut inputs: Vec<Input<'_>>,
    shared: &Shared,
    mut each: impl FnMut(&Row<'_>) -> Result<(), JoinError>,
) -> Result<(), JoinError> {
    let mut rows = 0;
    while let Some(next) = least(&inputs) {
        each(&inputs[next].row()?)?;
        rows += 1;
        if rows % BATCH_ROWS == 0 && shared.closing.load(atomic::Ordering::Relaxed) {
            return Err(JoinError::Stopped);
        }
        if !inputs[next].advance()? {
            inputs.swap_remove(next);
        }
    }
    Ok(())
}

/// The input whose row comes first.
fn least(inputs: &[Input<'_>]) -> Option<usize> {
    (0..inputs.len()).min_by(|a, b| inputs[*a].compare(&inputs[*b]))
}

/// A file that is read, standing at one of its rows.
pub(crate) struct Input<'a> {
    file: &'a DataFile,
    batches: Batches<'a>,
    batch: RowBatch,
    position: usize,
    /// Rows gone by.
    passed: u64,
    /// What the row's order begins with.
    begin: OrderBegin,
}

impl<'a> Input<'a> {
    /// None if the file has no row.
    pub(crate) fn begin(
        file: &'a DataFile,
        opened: OpenedFile<'a>,
    ) -> Result<Option<Self>, ReadError> {
        let mut batches = opened.whole()?;
        let Some(batch) = next_batch(file, &mut batches)? else {
            let DataFile { path, rows, .. } = file;
            return match rows {
                0 => Ok(None),
                _ => Err(scan::damaged(path, format!("no row in the place of {rows}"))),
            };
        };
        let begin = order(&batch.row(0).map_err(|error| scan::damaged(&file.path, error))?).0;
        Ok(Some(Self { file, batches, batch, position: 0, passed: 0, begin }))
    }

    pub(crate) fn row(&self) -> Result<Row<'_>, ReadError> {
        let row = self.batch.row(self.position);
        row.map_err(|error| scan::damaged(&self.file.path, error))
    }

    /// Steps to the next row; false after the last one.
    pub(crate) fn advance(&mut self) -> Result<bool, ReadError> {
        self.passed += 1;
        self.position += 1;
        if self.position == self.batch.len() {
            let Some(batch) = next_batch(self.file, &mut self.batches)? else {
                let DataFile { path, rows, .. } = self.file;
                let wrong = || format!("{} rows in the place of {rows}", self.passed);
                return match self.passed == *rows {
                    true => Ok(false),
                    false => Err(scan::damaged(path, wrong())),
                };
            };
            (self.batch, self.position) = (batch, 0);
        }
        let begin = order(&self.row()?).0;
        if begin < self.begin {
            return Err(scan::damaged(&self.file.path, "rows out of order"));
        }
        self.begin = begin;
        Ok(true)
    }

    fn compare(&self, other: &Self) -> Ordering {
        self.begin.cmp(&other.begin).then_with(|| {
            let rows = self.row().ok().zip(other.row().ok());
            let (row, other) = rows.expect("both rows were read when they were stepped to");
            order(&row).cmp(&order(&other))
        })
    }
}

/// The next batch that has a row.
fn next_batch(file: &DataFile, batches: &mut Batches<'_>) -> Result<Option<RowBatch>, ReadError> {
    for batch in batches {
        let batch = batch?;
        if batch.num_rows() > 0 {
            let rows = RowBatch::new(&batch).map_err(|error| scan::damaged(&file.path, error))?;
            return Ok(Some(rows));
        }
    }
    Ok(None)
}

impl From<ReadError> for JoinError {
    fn from(error: ReadError) -> Self {
        Self::Read(error)
    }
}

impl From<FileError> for JoinError {
    fn from(error: FileError) -> Self {
        Self::File(error)
    }
}
