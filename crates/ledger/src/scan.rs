//! Reading rows: those of the table's files and of the tail, chosen by one selection.
//!
//! What cannot hold a chosen row is skipped by the log's bounds of a file, then by the statistics
//! of a row group and of its pages, then by the subscription column alone; the rest is decoded and
//! checked row by row, so a statistic can only save work.

use std::fmt;
use std::ops::Range;
use std::path::Path;
use std::sync::Arc;

use arrow_array::{BooleanArray, RecordBatch};
use arrow_schema::ArrowError;
use domain::facets::Facets;
use domain::id::SubscriptionId;
use domain::record::Commit;
use domain::sums::Whose;
use domain::time::{ReportedTime, UtcTime};
use parquet::arrow::ProjectionMask;
use parquet::arrow::arrow_reader::{
    ArrowPredicateFn, ArrowReaderMetadata, ArrowReaderOptions, ParquetRecordBatchReader,
    ParquetRecordBatchReaderBuilder, RowFilter,
};
use parquet::file::metadata::{
    PageIndexPolicy, ParquetMetaData, ParquetMetaDataReader, RowGroupMetaData,
};
use parquet::file::reader::{ChunkReader, Length};
use parquet::file::statistics::Statistics;
use parquet::schema::types::SchemaDescriptor;

use crate::checked::Checked;
use crate::columns::{ALWAYS, Dictionary, RowBatch};
use crate::error::{FileError, ReadError};
use crate::footers::Footer;
use crate::limits::{BATCH_ROWS, PIECE_BYTES};
use crate::pages;
use crate::row::{DESCRIPTION, Malformed, Row, instance_columns};
use crate::schema::{self, Form};
use crate::state::{Bounds, DataFile};
use crate::storage::{Storage, StoredFile};
use crate::tail::{Chunk, TailRow};

/// Which rows are wanted; everything by default. Ranges are half-open; none is no limit.
#[derive(Debug, Clone, Default)]
pub(crate) struct Selection {
    pub(crate) whose: Whose,
    pub(crate) reported: Option<Range<ReportedTime>>,
    pub(crate) start: Option<Range<UtcTime>>,
    /// Rows of later commits are not wanted.
    pub(crate) last: Option<Commit>,
    /// Rows of this commit and of earlier ones are not wanted.
    pub(crate) after: Option<Commit>,
}

/// Which texts of a row are wanted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Needed {
    /// The meter's description, and what is looked at of the instance.
    Description(Facets),
    /// What a usage row is made of: all but what an export says of the charge, and `reverses`.
    Rating,
    /// Every text.
    Everything,
}

impl Selection {
    /// Whether rows within these bounds may be wanted.
    pub(crate) fn may_match(&self, bounds: &Bounds) -> bool {
        let (low, high) = bounds.subscription;
        let reported = (ReportedTime(bounds.reported.0), ReportedTime(bounds.reported.1));
        self.whose.has_within(low, high)
            && self.reported.as_ref().is_none_or(|range| overlap(range, reported))
            && self.start.as_ref().is_none_or(|range| overlap(range, bounds.start))
            && self.last.is_none_or(|last| bounds.commit.0 <= last)
            && self.after.is_none_or(|after| after < bounds.commit.1)
    }

    /// Whether a row is wanted.
    pub(crate) fn matches(&self, row: &Row<'_>) -> bool {
        self.whose.has(row.subscription)
            && self.matches_times(row.reported, row.window.start())
            && self.matches_commit(row.commit)
    }

    fn matches_times(&self, reported: ReportedTime, start: UtcTime) -> bool {
        self.reported.as_ref().is_none_or(|range| range.contains(&reported))
            && self.matches_start(start)
    }

    /// Whether rows of use from a time on are wanted.
    pub(crate) fn matches_start(&self, start: UtcTime) -> bool {
        self.start.as_ref().is_none_or(|range| range.contains(&start))
    }

    /// Whether a row is wanted of which only this is known.
    pub(crate) fn matches_report(&self, reported: ReportedTime, commit: Commit) -> bool {
        self.reported.as_ref().is_none_or(|range| range.contains(&reported))
            && self.matches_commit(commit)
    }

    /// Whether rows of a commit are wanted.
    pub(crate) fn matches_commit(&self, commit: Commit) -> bool {
        self.last.is_none_or(|last| commit <= last) && self.after.is_none_or(|after| after < commit)
    }

    /// The entries of a chunk that are wanted.
    pub(crate) fn of_chunk<'a>(&self, chunk: &'a Chunk) -> impl Iterator<Item = &'a TailRow> {
        let rows = match self.whose.one() {
            Some(subscription) => chunk.rows_of(subscription),
            None => chunk.rows(),
        };
        rows.iter().filter(|row| {
            self.whose.has(row.subscription)
                && self.matches_times(row.reported, row.start)
                && self.matches_commit(row.commit)
        })
    }

    pub(crate) fn row_group_may_match(&self, group: &RowGroupMetaData) -> bool {
        let subscription =
            subscriptions(group).is_none_or(|(low, high)| self.whose.has_within(low, high));
        let times = |range: Range<UtcTime>, name: &str| {
            let range = range.start.to_micros()..range.end.to_micros();
            integers(group, name).is_none_or(|bounds| overlap(&range, bounds))
        };
        let reported = self.reported.as_ref().map(|range| range.start.0..range.end.0);
        let commits = integers(group, "commit").is_none_or(|(low, high)| {
            // Commits are counted from one.
            let (low, high) = (u64::try_from(low).unwrap_or(0), u64::try_from(high).unwrap_or(0));
            self.last.is_none_or(|last| low <= last.0)
                && self.after.is_none_or(|after| after.0 < high)
        });
        subscription
            && commits
            && reported.is_none_or(|range| times(range, "reported_time"))
            && self.start.clone().is_none_or(|range| times(range, "usage_start"))
    }
}

/// The first and the last subscription of a row group, where they are stated.
fn subscriptions(group: &RowGroupMetaData) -> Option<(SubscriptionId, SubscriptionId)> {
    let bounds = statistics(group, "subscription_id")?;
    let id = |bytes: &[u8]| SubscriptionId::parse(std::str::from_utf8(bytes).ok()?).ok();
    Some((id(bounds.min_bytes_opt()?)?, id(bounds.max_bytes_opt()?)?))
}

pub(crate) fn statistics<'a>(group: &'a RowGroupMetaData, name: &str) -> Option<&'a Statistics> {
    let mut columns = group.columns().iter();
    columns.find(|column| column.column_descr().name() == name)?.statistics()
}

/// Least and greatest value of a column of times or numbers in a row group, where they are stated.
pub(crate) fn integers(group: &RowGroupMetaData, name: &str) -> Option<(i64, i64)> {
    let Statistics::Int64(bounds) = statistics(group, name)? else { return None };
    Some((*bounds.min_opt()?, *bounds.max_opt()?))
}

/// Whether a half-open range shares a value with bounds that are both inclusive.
fn overlap<T: PartialOrd>(range: &Range<T>, (low, high): (T, T)) -> bool {
    range.start <= high && low < range.end
}

/// Gives every wanted row of a data file to `each`, in the file's order.
pub(crate) fn file<E: From<ReadError>>(
    file: &DataFile,
    selection: &Selection,
    needed: Needed,
    mut each: impl FnMut(&Row<'_>) -> Result<(), E>,
) -> Result<(), E> {
    let path = &file.path;
    let opened = OpenedFile::open(file)?;
    let groups = opened.groups(|group| selection.row_group_may_match(group));
    opened.batches(groups, &columns(needed), selection, |batch| -> Result<(), E> {
        let rows = RowBatch::new(batch).map_err(|error| damaged(path, error))?;
        for position in 0..rows.len() {
            let row = rows.row(position).map_err(|error| damaged(path, error))?;
            if selection.matches(&row) {
                each(&row)?;
            }
        }
        Ok(())
    })
}

/// Gives these columns of the rows of a selection's subscription, or of every one, to `each`, in batches,
/// from every file and row group that may hold a wanted row.
pub(crate) fn batches(
    files: &[Arc<DataFile>],
    selection: &Selection,
    columns: &[&'static str],
    mut each: impl FnMut(&RecordBatch) -> Result<(), Malformed>,
) -> Result<(), ReadError> {
    let is_told_apart = !matches!(selection.whose, Whose::Among(_));
    assert!(is_told_apart, "rows of other subscriptions would be among these");
    for file in files.iter().filter(|file| selection.may_match(&file.bounds)) {
        let opened = OpenedFile::open(file)?;
        let groups = opened.groups(|group| selection.row_group_may_match(group));
        opened.batches(groups, columns, selection, |batch| {
            each(batch).map_err(|error| damaged(&file.path, error))
        })?;
    }
    Ok(())
}

/// A data file of which only the metadata has been read.
pub(crate) struct OpenedFile<'a> {
    path: &'a Path,
    file: Checked<StoredFile>,
    metadata: ArrowReaderMetadata,
}

impl<'a> OpenedFile<'a> {
    pub(crate) fn open(file: &'a DataFile) -> Result<Self, ReadError> {
        let DataFile { storage, path, bytes, .. } = file;
        let opened = storage.open_data(path, *bytes)?;
        let footer = storage.footers().of(path, || read_footer(path, opened.clone()))?;
        let Footer { metadata, end } = footer;
        Ok(Self { path, file: Checked::with(opened, end), metadata })
    }

    /// Opens a file as it is now, whatever is known of it.
    pub(crate) fn open_anew(storage: &Storage, path: &'a Path) -> Result<Self, ReadError> {
        Self::over(path, storage.open_anew(path)?)
    }

    /// A file that is open.
    pub(crate) fn over(path: &'a Path, file: StoredFile) -> Result<Self, ReadError> {
        let Footer { metadata, end } = read_footer(path, file.clone())?;
        Ok(Self { path, file: Checked::with(file, end), metadata })
    }

    /// Which columns it has.
    pub(crate) fn form(&self) -> Form {
        form_of(self.metadata.metadata())
    }

    pub(crate) fn row_groups(&self) -> &[RowGroupMetaData] {
        self.metadata.metadata().row_groups()
    }

    /// The row groups that are wanted.
    pub(crate) fn groups(&self, wanted: impl Fn(&RowGroupMetaData) -> bool) -> Vec<usize> {
        let groups = self.row_groups().iter().enumerate();
        groups.filter(|(_, group)| wanted(group)).map(|(position, _)| position).collect()
    }

    /// Reads every byte of the file, so that each checksum is compared; false if it has none.
    pub(crate) fn read_through(&self) -> Result<bool, ReadError> {
        let length = self.file.len();
        let piece = PIECE_BYTES as u64;
        for start in (0..length).step_by(PIECE_BYTES) {
            let bytes = usize::try_from(piece.min(length - start)).expect("a piece is small");
            let read = self.file.get_bytes(start, bytes);
            read.map_err(|error| unread(self.path, self.file.inner(), error))?;
        }
        Ok(self.file.has_sums())
    }

    /// Gives these columns of the rows of these row groups to `each`, in batches: of those pages that may
    /// have selected rows, and only rows of the subscription that is selected, if one is.
    pub(crate) fn batches<E: From<ReadError>>(
        self,
        groups: Vec<usize>,
        columns: &[&'static str],
        selection: &Selection,
        mut each: impl FnMut(&RecordBatch) -> Result<(), E>,
    ) -> Result<(), E> {
        if groups.is_empty() {
            return Ok(());
        }
        for batch in self.reader(groups, columns, selection)? {
            each(&batch?)?;
        }
        Ok(())
    }

    /// The whole file, every column, in batches.
    pub(crate) fn whole(self) -> Result<Batches<'a>, ReadError> {
        let groups = (0..self.row_groups().len()).collect();
        self.reader(groups, &columns(Needed::Everything), &Selection::default())
    }

    fn reader(
        self,
        groups: Vec<usize>,
        columns: &[&'static str],
        selection: &Selection,
    ) -> Result<Batches<'a>, ReadError> {
        let Self { path, file, metadata } = self;
        let rows = pages::wanted(metadata.metadata(), &groups, selection);
        let builder = ParquetRecordBatchReaderBuilder::new_with_metadata(file.clone(), metadata);
        let descriptor = builder.parquet_schema();
        let projection = ProjectionMask::columns(descriptor, columns.iter().copied());
        let builder = builder.with_row_groups(groups).with_row_selection(rows);
        let mut builder = builder.with_projection(projection).with_batch_size(BATCH_ROWS);
        if let Some(subscription) = selection.whose.one() {
            let filter = of_subscription(builder.parquet_schema(), subscription);
            builder = builder.with_row_filter(filter);
        }
        let file = file.inner().clone();
        let reader = builder.build().map_err(|error| unread(path, &file, error))?;
        Ok(Batches { path, file, reader })
    }
}

/// Says why rows were not read: the file could not be, or else its bytes are not what they should be, and
/// are read anew the next time.
pub(crate) fn unread(path: &Path, file: &StoredFile, error: impl fmt::Display) -> ReadError {
    match file.failure() {
        Some(cause) => ReadError::File(FileError::new("read", path, cause)),
        None => {
            file.forget();
            damaged(path, error)
        }
    }
}

/// What is read of a data file, in batches.
pub(crate) struct Batches<'a> {
    path: &'a Path,
    file: StoredFile,
    reader: ParquetRecordBatchReader,
}

impl Iterator for Batches<'_> {
    type Item = Result<RecordBatch, ReadError>;

    fn next(&mut self) -> Option<Self::Item> {
        let batch = self.reader.next()?;
        Some(batch.map_err(|error| unread(self.path, &self.file, error)))
    }
}

fn read_footer(path: &Path, file: StoredFile) -> Result<Footer, ReadError> {
    let read = file.clone();
    let damaged = |error| unread(path, &read, error);
    let file = Checked::open(file).map_err(damaged)?;
    let metadata = ParquetMetaDataReader::new().with_page_index_policy(PageIndexPolicy::Optional);
    let metadata = metadata.parse_and_finish(&file).map_err(damaged)?;
    let options = ArrowReaderOptions::new().with_schema(schema::read(form_of(&metadata)));
    let metadata = ArrowReaderMetadata::try_new(Arc::new(metadata), options).map_err(damaged)?;
    file.keeps_its_word(metadata.metadata().file_metadata()).map_err(damaged)?;
    Ok(Footer { metadata, end: file.end() })
}

fn form_of(metadata: &ParquetMetaData) -> Form {
    let mut columns = metadata.file_metadata().schema_descr().columns().iter();
    let has_erased = columns.any(|column| column.name() == schema::CONTENT_HASH);
    if has_erased { Form::Erased } else { Form::Sent }
}

/// Says that stored bytes are not what they should be, and where.
pub(crate) fn damaged(path: &Path, error: impl fmt::Display) -> ReadError {
    ReadError::DataDamaged { file: path.to_owned(), reason: error.to_string() }
}

/// Decodes nothing but the rows of a subscription.
pub(crate) fn of_subscription(
    descriptor: &SchemaDescriptor,
    subscription: SubscriptionId,
) -> RowFilter {
    let id_only = ProjectionMask::columns(descriptor, ["subscription_id"]);
    let wanted = subscription.to_string();
    let of_subscription = move |batch: RecordBatch| has_subscription(&batch, &wanted);
    let predicate = ArrowPredicateFn::new(id_only, of_subscription);
    RowFilter::new(vec![Box::new(predicate)])
}

fn has_subscription(batch: &RecordBatch, wanted: &str) -> Result<BooleanArray, ArrowError> {
    let column = Dictionary::new(batch.column(0));
    let column = column.map_err(|error| ArrowError::SchemaError(error.to_string()))?;
    Ok(column.equals(wanted).map(Some).collect())
}

fn columns(needed: Needed) -> Vec<&'static str> {
    let of_meter_and_instance = |facets| {
        let instance: Vec<_> = instance_columns(facets).collect();
        [&ALWAYS[..], &DESCRIPTION, &instance].concat()
    };
    let every = schema::COLUMNS.iter().map(|column| column.name);
    match needed {
        Needed::Description(facets) => of_meter_and_instance(facets),
        Needed::Rating => {
            [&of_meter_and_instance(Facets::ALL)[..], &["source", "event_id"]].concat()
        }
        Needed::Everything => every.filter(|name| *name != schema::PARTITION).collect(),
    }
}
