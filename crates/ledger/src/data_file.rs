//! Data files: Parquet, each with the rows of one reported day in total order, synced before use.
//!
//! Total order of rows in a file: subscription, reported hour, usage start, meter, instance hash,
//! source, event id. The last two name the record, so nothing ties.

use std::collections::BTreeMap;
use std::fs::File;
use std::io;
use std::path::Path;
use std::sync::Arc;

use domain::record::Commit;
use domain::time::Date;
use parquet::arrow::ArrowWriter;
use parquet::arrow::arrow_writer::ArrowWriterOptions;
use parquet::basic::Compression;
use parquet::errors::ParquetError;
use parquet::file::properties::{EnabledStatistics, WriterProperties};
use parquet::schema::types::ColumnPath;

use crate::columns::BatchBuilder;
use crate::error::{At, FileError};
use crate::limits::{BATCH_ROWS, PAGE_ROWS, ROW_GROUP_ROWS};
use crate::row::{Row, Text};
use crate::schema;
use crate::state::{Bounds, DataFile};
use crate::storage;
use crate::tail::{Chunk, TailRow};

/// A data file just written, with its size in bytes.
pub(crate) struct Written {
    pub(crate) file: Arc<DataFile>,
    pub(crate) size: u64,
}

/// What one seal's data files are called: `{first}-{last}-{epoch}-{attempt}.parquet`, in a folder
/// `reported_day={day}` each. Some readers take the partition value from there, not from the log.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Naming {
    pub(crate) first: Commit,
    pub(crate) last: Commit,
    pub(crate) epoch: u64,
    /// Of this opening, so that a seal tried again never meets its own leftovers.
    pub(crate) attempt: u64,
}

impl Naming {
    fn name(&self) -> String {
        let Self { first, last, epoch, attempt } = self;
        format!("{:020}-{:020}-{epoch}-{attempt}.parquet", first.0, last.0)
    }
}

/// Writes the rows of chunks into one file for each reported day; files and folders are synced.
pub(crate) fn write(
    folder: &Path,
    naming: Naming,
    chunks: &[Arc<Chunk>],
) -> Result<Vec<Written>, FileError> {
    let mut days: BTreeMap<Date, Vec<(&Chunk, &TailRow)>> = BTreeMap::new();
    for chunk in chunks {
        for entry in chunk.rows() {
            days.entry(entry.reported.0.date()).or_default().push((chunk, entry));
        }
    }
    let mut written = Vec::with_capacity(days.len());
    for (day, entries) in days {
        let mut rows: Vec<Row<'_>> =
            entries.iter().map(|(chunk, entry)| chunk.row(entry)).collect();
        rows.sort_unstable_by(|a, b| order(a).cmp(&order(b)));
        let day_folder = folder.join(format!("{}={day}", schema::PARTITION));
        storage::make_folder(&day_folder)?;
        let path = day_folder.join(naming.name());
        let size = write_file(&path, &rows)?;
        storage::sync_folder(&day_folder)?;
        let file = Arc::new(DataFile { path, day, bounds: bounds(&rows), rows: rows.len() as u64 });
        written.push(Written { file, size });
    }
    Ok(written)
}

/// Clears data files of seals that were not finished: they lie above the sealed commit.
pub(crate) fn remove_unsealed(folder: &Path, sealed: Commit) -> Result<(), FileError> {
    // A name begins with the twenty digits of the first commit.
    let first = |name: &str| name.get(..20)?.parse::<u64>().ok();
    for day in storage::names(folder)? {
        let day = folder.join(day);
        for name in storage::names(&day)? {
            if first(&name).is_some_and(|first| first > sealed.0) {
                storage::remove(&day.join(name))?;
            }
        }
    }
    Ok(())
}

fn order<'a>(row: &Row<'a>) -> impl Ord + use<'a> {
    (
        (row.subscription, row.reported.hour_start(), row.window.start(), row.meter),
        (row.instance_hash, row.texts.get(Text::Source), row.texts.get(Text::EventId)),
    )
}

fn bounds(rows: &[Row<'_>]) -> Bounds {
    fn least_and_greatest<T: Ord + Copy>(values: impl Iterator<Item = T> + Clone) -> (T, T) {
        let bounds = values.clone().min().zip(values.max());
        bounds.expect("a data file has rows")
    }
    Bounds {
        subscription: least_and_greatest(rows.iter().map(|row| row.subscription)),
        reported: least_and_greatest(rows.iter().map(|row| row.reported.0)),
        start: least_and_greatest(rows.iter().map(|row| row.window.start())),
        commit: least_and_greatest(rows.iter().map(|row| row.commit)),
    }
}

fn write_file(path: &Path, rows: &[Row<'_>]) -> Result<u64, FileError> {
    let failed = |error: ParquetError| FileError::new("write", path, io::Error::other(error));
    let file = File::create_new(path).at("make", path)?;
    let options =
        ArrowWriterOptions::new().with_properties(properties()).with_skip_arrow_metadata(true);
    let mut writer =
        ArrowWriter::try_new_with_options(file, schema::written(), options).map_err(failed)?;
    let mut builder = BatchBuilder::new();
    for rows in rows.chunks(BATCH_ROWS) {
        rows.iter().for_each(|row| builder.push(row));
        writer.write(&builder.finish()).map_err(failed)?;
    }
    let file = writer.into_inner().map_err(failed)?;
    file.sync_all().at("sync", path)?;
    file.metadata().map(|metadata| metadata.len()).at("measure", path)
}

fn properties() -> WriterProperties {
    WriterProperties::builder()
        .set_created_by("tallyhouse".to_owned())
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
