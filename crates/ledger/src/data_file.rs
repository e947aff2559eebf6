//! Data files: Parquet, each with the rows of one reported day in total order, synced before use.
//!
//! Total order of rows in a file: subscription, reported hour, usage start, meter, instance hash,
//! source, event id. The last two name the record, so nothing ties.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use domain::id::{InstanceHash, MeterId, SubscriptionId};
use domain::record::Commit;
use domain::time::{Date, ReportedTime, UtcTime};
use parquet::arrow::ArrowWriter;
use parquet::arrow::arrow_writer::ArrowWriterOptions;
use parquet::basic::Compression;
use parquet::errors::ParquetError;
use parquet::file::properties::{EnabledStatistics, WriterProperties};
use parquet::schema::types::ColumnPath;

use crate::checked::{self, CheckedWriter};
use crate::columns::BatchBuilder;
use crate::error::FileError;
use crate::limits::{BATCH_ROWS, PAGE_ROWS, ROW_GROUP_ROWS};
use crate::rollup::{self, Rollups};
use crate::row::{Row, Text};
use crate::schema::{self, Form};
use crate::state::{Bounds, DataFile};
use crate::storage::{Folder, NewFile, Storage};
use crate::tail::{Chunk, TailRow};

/// How the names of joined files begin, which tells them from those of seals.
const JOINED: &str = "joined-";
/// The same of files of which rows were erased.
const ERASED: &str = "erased-";

/// What the data files of a seal, a join or an erasure are called: `{first}-{last}-{epoch}-{attempt}.parquet`, in
/// a folder `reported_day={day}` each. Some readers take the partition value from there, not from the
/// log.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Naming {
    pub(crate) first: Commit,
    pub(crate) last: Commit,
    pub(crate) epoch: u64,
    /// Of this opening, so that one tried again never meets its own leftovers.
    pub(crate) attempt: u64,
}

impl Naming {
    fn name(&self) -> String {
        let Self { first, last, epoch, attempt } = self;
        format!("{:020}-{:020}-{epoch}-{attempt}.parquet", first.0, last.0)
    }

    /// The name of the file that others of a day are joined into.
    pub(crate) fn joined(&self) -> String {
        format!("{JOINED}{}", self.name())
    }

    /// The name of a file with rows of another that were erased.
    pub(crate) fn erased(&self) -> String {
        format!("{ERASED}{}", self.name())
    }
}

/// Writes the rows of chunks into one file for each reported day, and their rollups; files and folders
/// are synced.
pub(crate) fn write(
    folder: &Folder,
    naming: Naming,
    chunks: &[Arc<Chunk>],
    made: UtcTime,
    rollup_rows: u64,
) -> Result<Vec<Arc<DataFile>>, FileError> {
    let mut days: BTreeMap<Date, Vec<(&Chunk, &TailRow)>> = BTreeMap::new();
    for chunk in chunks {
        for entry in chunk.rows() {
            days.entry(entry.reported.0.date()).or_default().push((chunk, entry));
        }
    }
    let mut written = Vec::with_capacity(days.len());
    for (day, entries) in days {
        let rows: Vec<Row<'_>> = entries.iter().map(|(chunk, entry)| chunk.row(entry)).collect();
        let day_folder = day_folder(folder, day);
        day_folder.make()?;
        let path = day_folder.file(naming.name());
        let (storage, count) = (&folder.storage, rows.len() as u64);
        let mut rollups = Rollups::begin(storage, &path, count, rollup_rows);
        let mut file = DataFileWriter::create(storage, path, (day, Form::Sent), made)?;
        for row in in_order(&rows) {
            file.push(row)?;
            rollups.push(row);
        }
        let file = file.finish()?;
        rollups.finish(&file);
        written.push(Arc::new(file));
    }
    Ok(written)
}

/// Where the data files of a reported day lie.
pub(crate) fn day_folder(folder: &Folder, day: Date) -> Folder {
    folder.folder(&format!("{}={day}", schema::PARTITION))
}

/// Clears the data files of a seal that failed.
pub(crate) fn remove_unsealed(folder: &Folder, naming: Naming) -> Result<(), FileError> {
    let name = naming.name();
    let mut left = all(folder)?;
    left.retain(|file| file.ends_with(&name));
    left.iter().for_each(|file| rollup::try_remove(&folder.storage, file));
    folder.storage.remove_all(&left)
}

/// Clears data files of an earlier epoch that the log does not name: of a seal or a join that a crash
/// ended, or of replaced ones whose removal it undid. Whatever was acknowledged is in those that it
/// names, or in the journal. A later writer's are left alone.
pub(crate) fn remove_unlogged(
    folder: &Folder,
    epoch: u64,
    logged: &BTreeSet<&Path>,
) -> Result<(), FileError> {
    let is_left = |file: &Path| {
        let name = file.file_name().and_then(|name| name.to_str());
        name.and_then(epoch_of).is_some_and(|of| of < epoch) && !logged.contains(file)
    };
    let mut left = all(folder)?;
    left.retain(|file| is_left(file));
    folder.storage.remove_all(&left)
}

/// Every file in the folders of days, whether or not the log names it.
pub(crate) fn all(folder: &Folder) -> Result<Vec<PathBuf>, FileError> {
    if let Some(lengths) = folder.storage.lengths(&folder.path)? {
        return Ok(lengths.into_keys().collect());
    }
    let mut files = Vec::new();
    for day in folder.names()? {
        let day = folder.folder(&day);
        files.extend(day.names()?.iter().map(|name| day.file(name)));
    }
    Ok(files)
}

/// The epoch in the name of a data file of ours.
pub(crate) fn epoch_of(name: &str) -> Option<u64> {
    let name = [JOINED, ERASED].iter().find_map(|begin| name.strip_prefix(begin)).unwrap_or(name);
    let name = name.strip_suffix(".parquet")?;
    let mut parts = name.split('-').map(|part| part.parse().ok());
    let [first, last, epoch, attempt] = std::array::from_fn(|_| parts.next().flatten());
    first.zip(last).zip(attempt).and(epoch)
}

/// What the order of rows begins with: few rows have it in common.
pub(crate) type OrderBegin = (SubscriptionId, ReportedTime, UtcTime, MeterId, InstanceHash);

/// The order of rows in a file.
pub(crate) fn order<'a>(row: &Row<'a>) -> (OrderBegin, impl Ord + use<'a>) {
    let reported = row.reported.hour_start();
    let begin = (row.subscription, reported, row.window.start(), row.meter, row.instance_hash);
    (begin, (row.texts.get(Text::Source), row.texts.get(Text::EventId)))
}

/// Rows in their order; they are large, so that what they begin with is sorted in their place.
fn in_order<'a>(rows: &'a [Row<'a>]) -> impl Iterator<Item = &'a Row<'a>> {
    let mut places: Vec<_> = rows.iter().map(|row| (order(row).0, row)).collect();
    places.sort_unstable_by(|(begin, row), (other_begin, other)| {
        begin.cmp(other_begin).then_with(|| order(row).1.cmp(&order(other).1))
    });
    places.into_iter().map(|(_, row)| row)
}

/// A data file under way, whose rows come in order.
pub(crate) struct DataFileWriter {
    storage: Storage,
    path: PathBuf,
    day: Date,
    made: UtcTime,
    form: Form,
    writer: ArrowWriter<CheckedWriter<NewFile>>,
    builder: BatchBuilder,
    bounds: Option<Bounds>,
    rows: u64,
}

impl DataFileWriter {
    /// Makes the file, which must not be there. An erased row needs a file of that form.
    pub(crate) fn create(
        storage: &Storage,
        path: PathBuf,
        (day, form): (Date, Form),
        made: UtcTime,
    ) -> Result<Self, FileError> {
        let file = storage.create(&path)?;
        let options =
            ArrowWriterOptions::new().with_properties(properties()).with_skip_arrow_metadata(true);
        let file = CheckedWriter::new(file);
        let writer = ArrowWriter::try_new_with_options(file, schema::written(form), options);
        let writer = writer.map_err(|error| failed(&path, error))?;
        let (storage, builder) = (storage.clone(), BatchBuilder::new());
        Ok(Self { storage, path, day, made, form, writer, builder, bounds: None, rows: 0 })
    }

    pub(crate) fn push(&mut self, row: &Row<'_>) -> Result<(), FileError> {
        let bounds = Bounds::of(row);
        self.bounds = Some(self.bounds.map_or(bounds, |before| before.and(bounds)));
        self.builder.push(row);
        self.rows += 1;
        if self.rows.is_multiple_of(BATCH_ROWS as u64) { self.end_batch() } else { Ok(()) }
    }

    fn end_batch(&mut self) -> Result<(), FileError> {
        let written = self.writer.write(&self.builder.finish(self.form));
        written.map_err(|error| failed(&self.path, error))
    }

    /// Ends the file; it and its folder are synced.
    pub(crate) fn finish(mut self) -> Result<DataFile, FileError> {
        self.end_batch()?;
        let Self { storage, path, day, made, writer, bounds, rows, .. } = self;
        let file = finished(writer).map_err(|error| failed(&path, error))?;
        let bytes = file.finish()?;
        let bounds = bounds.expect("a data file has rows");
        Ok(DataFile { storage, path, day, bounds, rows, bytes, made })
    }
}

/// Ends a file, with the checksums over all of it.
pub(crate) fn finished<W: Write + Send>(
    mut writer: ArrowWriter<CheckedWriter<W>>,
) -> Result<W, ParquetError> {
    writer.flush()?;
    writer.inner_mut().hold();
    Ok(writer.into_inner()?.finish()?)
}

fn failed(path: &Path, error: ParquetError) -> FileError {
    FileError::new("write", path, io::Error::other(error))
}

fn properties() -> WriterProperties {
    WriterProperties::builder()
        .set_created_by("tallyhouse".to_owned())
        .set_key_value_metadata(Some(vec![checked::promise()]))
        // A read of few rows of many small files spends half its time on ZSTD, as each column of
        // each file makes a decompressor anew. Readers take both.
        .set_compression(Compression::LZ4_RAW)
        .set_max_row_group_row_count(Some(ROW_GROUP_ROWS))
        .set_data_page_row_count_limit(PAGE_ROWS)
        .set_statistics_enabled(EnabledStatistics::Page)
        // Every event id is another: a dictionary would only cost.
        .set_column_dictionary_enabled(ColumnPath::from("event_id"), false)
        .build()
}
