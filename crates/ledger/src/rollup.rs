//! Rollups: sums of one data file each, beside the table, so that answers made of sums read few rows.
//!
//! A rollup is a pure function of one data file, and is synced before the log names that file. A reader
//! uses those of exactly the files that its snapshot has, and reads the file's rows where one is missing
//! or damaged, or where the file has commits that the snapshot is not to see: without any of them every
//! answer is the same. So late usage needs no rule: it is rows of another file.
//!
//! Small files have none, as reading their rows costs no more. Nor has a file with a sum that would not
//! be exact: whoever reads its rows is told which meter it is.
//!
//! Measured on a file of one day with 2,360 instances in 50 subscriptions, two meters each by the hour: the
//! file takes 9.7 bytes a record, its rollups by hour 0.10, by day 0.08, by instance 0.94, by source 0.03.
//! Where each instance of a subscription has meters of its own, hours shrink nothing: 10.3, and 2.06,
//! 0.48, 1.30, 0.03. Hours stay all the same, as they take a fifth of the file and no texts of records.

mod file;
mod gather;
mod layout;
mod mend;
mod read;
mod reading;
mod shelf;
mod sources;
mod write;

use std::collections::BTreeSet;
use std::io;
use std::path::{Path, PathBuf};

pub(crate) use gather::{Gathered, InstanceEntry, gathered};
pub(crate) use mend::mend;
pub(crate) use read::{
    Damaged, GroupBounds, InstanceBatch, InstancePart, InstanceView, MeterView, TextKeys,
};
pub(crate) use reading::{Failed, Reading, answer, journal};
pub(crate) use shelf::{Opened, Shelf};
pub(crate) use write::Rollups;

use crate::data_file;
use crate::error::FileError;
use crate::limits::{ROLLUP_GROUP_ROWS, ROLLUP_INSTANCE_GROUP_ROWS};
use crate::storage::{self, Folder, Storage};

/// Folder of the rollups in the table's folder. What begins so is left alone by others' clean-up.
pub(crate) const FOLDER: &str = "_rollup";

/// What a rollup has a sum for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum Grain {
    /// Subscription, meter and hour of use.
    Hour,
    /// Subscription, meter and day of use.
    Day,
    /// Subscription, day of use, meter and instance.
    Instance,
    /// Subscription, source and how late it reported.
    Source,
}

impl Grain {
    pub(crate) const ALL: [Self; 4] = [Self::Hour, Self::Day, Self::Instance, Self::Source];

    /// The name of its folder.
    fn name(self) -> &'static str {
        match self {
            Self::Hour => "hour",
            Self::Day => "day",
            Self::Instance => "instance",
            Self::Source => "source",
        }
    }

    /// Rows in a row group of it, at most.
    const fn group_rows(self) -> usize {
        match self {
            Self::Instance => ROLLUP_INSTANCE_GROUP_ROWS,
            Self::Hour | Self::Day | Self::Source => ROLLUP_GROUP_ROWS,
        }
    }
}

/// Where a data file's rollup lies: `_rollup/{grain}/reported_day={day}/{its name}`.
pub(crate) fn path(data_file: &Path, grain: Grain) -> PathBuf {
    let day = storage::parent(data_file);
    let table = storage::parent(storage::parent(day));
    let place = data_file.strip_prefix(storage::parent(day)).expect("a file lies in its folder");
    table.join(FOLDER).join(grain.name()).join(place)
}

/// Removes the rollups of a data file, as far as there are any.
pub(crate) fn remove(storage: &Storage, data_file: &Path) -> Result<(), FileError> {
    for grain in Grain::ALL {
        match storage.remove(&path(data_file, grain)) {
            Err(error) if error.cause.kind() == io::ErrorKind::NotFound => {}
            other => other?,
        }
    }
    Ok(())
}

/// The same, for good: also a power cut does not bring them back.
pub(crate) fn remove_for_good(storage: &Storage, data_file: &Path) -> Result<(), FileError> {
    remove(storage, data_file)?;
    for grain in Grain::ALL {
        match storage.sync_folder(storage::parent(&path(data_file, grain))) {
            Err(error) if error.cause.kind() == io::ErrorKind::NotFound => {} // it never had any
            other => other?,
        }
    }
    Ok(())
}

/// The same as [`remove`]; what stays is cleared by a later opening, and harms nobody.
pub(crate) fn try_remove(storage: &Storage, data_file: &Path) {
    if let Err(error) = remove(storage, data_file) {
        let cause = &error.cause;
        tracing::warn!(%error, %cause, "a rollup was not removed");
    }
}

/// Removes the rollups of data files of an earlier epoch that the log does not name. What stays harms
/// nobody.
pub(crate) fn remove_unlogged(table: &Folder, epoch: u64, logged: &BTreeSet<&Path>) {
    if let Err(error) = try_remove_unlogged(table, epoch, logged) {
        let cause = &error.cause;
        tracing::warn!(%error, %cause, "rollups of no data file were not removed");
    }
}

fn try_remove_unlogged(
    table: &Folder,
    epoch: u64,
    logged: &BTreeSet<&Path>,
) -> Result<(), FileError> {
    let named: BTreeSet<PathBuf> =
        logged.iter().flat_map(|file| Grain::ALL.map(|grain| path(file, grain))).collect();
    for grain in Grain::ALL {
        let mut left = data_file::all(&table.folder(FOLDER).folder(grain.name()))?;
        left.retain(|file| {
            let name = file.file_name().and_then(|name| name.to_str());
            let of = name.and_then(data_file::epoch_of);
            of.is_none_or(|of| of < epoch) && !named.contains(file)
        });
        table.storage.remove_all(&left)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests;
