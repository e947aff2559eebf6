//! Writing the rollups of a data file while its rows go by. What goes wrong costs the rollups and nothing
//! else: the data file counts without them.

use std::path::{Path, PathBuf};

use super::file::FileWriter;
use super::gather::{
    Gathered, Gathering, InstanceEntry, MeterEntry, NotSummed, SourceEntry, days_of,
};
use super::{Grain, layout, path, remove};
use crate::error::{At, FileError};
use crate::row::Row;
use crate::state::DataFile;
use crate::storage::{self, Storage};

/// The rollups of one data file under way.
pub(crate) struct Rollups {
    storage: Storage,
    data_file: PathBuf,
    /// None once it is known that there will be none.
    parts: Option<Parts>,
}

struct Parts {
    gathering: Gathering,
    hours: Part<MeterEntry>,
    days: Part<MeterEntry>,
    instances: Part<InstanceEntry>,
    sources: Part<SourceEntry>,
}

/// Why there are no rollups.
enum Failed {
    NotSummed,
    File(FileError),
}

impl Rollups {
    /// Begins those of a data file that will have so many rows.
    pub(crate) fn begin(storage: &Storage, data_file: &Path, rows: u64, rows_least: u64) -> Self {
        let (storage, data_file) = (storage.clone(), data_file.to_owned());
        let mut rollups = Self { storage, data_file, parts: None };
        if rows >= rows_least {
            match Parts::begin(&rollups.storage, &rollups.data_file) {
                Ok(parts) => rollups.parts = Some(parts),
                Err(error) => rollups.give_up(&Failed::File(error)),
            }
        }
        rollups
    }

    /// Adds the next row of the file.
    pub(crate) fn push(&mut self, row: &Row<'_>) {
        if let Some(parts) = &mut self.parts
            && let Err(failed) = parts.push(row)
        {
            self.give_up(&failed);
        }
    }

    /// Ends them; they and their folders are synced. The data file is finished.
    pub(crate) fn finish(mut self, file: &DataFile) {
        if let Some(parts) = self.parts.take()
            && let Err(failed) = parts.finish(file)
        {
            self.give_up(&failed);
        }
    }

    fn give_up(&mut self, failed: &Failed) {
        self.parts = None;
        let file = self.data_file.display();
        match failed {
            Failed::NotSummed => tracing::warn!(%file, "a data file is too wide to have rollups"),
            Failed::File(error) => {
                let cause = &error.cause;
                tracing::warn!(%file, %error, %cause, "a data file's rollups were not written");
            }
        }
        if let Err(error) = remove(&self.storage, &self.data_file) {
            // One that is not whole is found by its checksums.
            tracing::warn!(%error, "a rollup that is not whole was not removed");
        }
    }
}

impl Parts {
    fn begin(storage: &Storage, data_file: &Path) -> Result<Self, FileError> {
        Ok(Self {
            gathering: Gathering::default(),
            hours: Part::begin(storage, data_file, Grain::Hour)?,
            days: Part::begin(storage, data_file, Grain::Day)?,
            instances: Part::begin(storage, data_file, Grain::Instance)?,
            sources: Part::begin(storage, data_file, Grain::Source)?,
        })
    }

    fn push(&mut self, row: &Row<'_>) -> Result<(), Failed> {
        match self.gathering.add(row)? {
            Some(gathered) => self.add(gathered),
            None => Ok(()),
        }
    }

    /// Adds the sums of one subscription.
    fn add(&mut self, gathered: Gathered) -> Result<(), Failed> {
        let Gathered { hours, instances, sources } = gathered;
        let days = days_of(&hours).map_err(NotSummed::from)?;
        self.hours.add(hours)?;
        self.days.add(days)?;
        self.instances.add(instances)?;
        self.sources.add(sources)?;
        Ok(())
    }

    fn finish(mut self, file: &DataFile) -> Result<(), Failed> {
        let last = std::mem::take(&mut self.gathering).finish();
        self.add(last)?;
        self.hours.finish(file)?;
        self.days.finish(file)?;
        self.instances.finish(file)?;
        self.sources.finish(file)?;
        Ok(())
    }
}

/// The rollup of one grain.
struct Part<T> {
    grain: Grain,
    path: PathBuf,
    writer: FileWriter,
    /// Sums that do not fill a row group yet.
    waiting: Vec<T>,
}

impl<T: Entry> Part<T> {
    fn begin(storage: &Storage, data_file: &Path, grain: Grain) -> Result<Self, FileError> {
        let path = path(data_file, grain);
        storage.make_folder(storage::parent(&path))?;
        let writer = FileWriter::new(storage.create(&path)?, grain);
        Ok(Self { grain, path, writer, waiting: Vec::new() })
    }

    fn add(&mut self, mut entries: Vec<T>) -> Result<(), FileError> {
        self.waiting.append(&mut entries);
        let group_rows = self.grain.group_rows();
        let full = self.waiting.len() - self.waiting.len() % group_rows;
        let waiting = self.waiting.split_off(full);
        let groups = std::mem::replace(&mut self.waiting, waiting);
        groups.chunks(group_rows).try_for_each(|group| self.write(group))
    }

    fn write(&mut self, group: &[T]) -> Result<(), FileError> {
        self.writer.write(&T::batch(self.grain, group)).at("write", &self.path)
    }

    fn finish(mut self, file: &DataFile) -> Result<(), FileError> {
        let rest = std::mem::take(&mut self.waiting);
        if !rest.is_empty() {
            self.write(&rest)?;
        }
        self.writer.finish(of(file, self.grain), &self.path).map(drop)
    }
}

/// What a rollup says that it is of: another data file has another name, or other rows, and sums of days
/// look like those of hours.
pub(super) fn of(file: &DataFile, grain: Grain) -> String {
    let name = file.path.file_name().unwrap_or_default().to_string_lossy();
    format!("2 {} {name} {} rows {} bytes", grain.name(), file.rows, file.bytes)
}

trait Entry: Sized {
    fn batch(grain: Grain, entries: &[Self]) -> arrow_array::RecordBatch;
}

impl Entry for MeterEntry {
    fn batch(grain: Grain, entries: &[Self]) -> arrow_array::RecordBatch {
        layout::meter_batch(grain, entries)
    }
}

impl Entry for InstanceEntry {
    fn batch(_: Grain, entries: &[Self]) -> arrow_array::RecordBatch {
        layout::instance_batch(entries)
    }
}

impl Entry for SourceEntry {
    fn batch(_: Grain, entries: &[Self]) -> arrow_array::RecordBatch {
        layout::source_batch(entries)
    }
}

impl From<NotSummed> for Failed {
    fn from(NotSummed: NotSummed) -> Self {
        Self::NotSummed
    }
}

impl From<FileError> for Failed {
    fn from(error: FileError) -> Self {
        Self::File(error)
    }
}
