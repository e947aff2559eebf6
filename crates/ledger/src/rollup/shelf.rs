//! Rollups that were opened: what each says of itself is read and checked once, and those that turned out
//! damaged are not tried again. Bounded: what was not asked for longest is forgotten.

use std::collections::HashMap;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use domain::id::SubscriptionId;
use parquet::arrow::arrow_reader::ParquetRecordBatchReader;
use parquet::file::metadata::RowGroupMetaData;
use prometheus_client::metrics::counter::Counter;

use super::file::{Footer, Unusable};
use super::{Grain, layout, path, write};
use crate::limits::ROLLUP_FOOTERS_BYTES;
use crate::state::DataFile;
use crate::storage::{Storage, StoredFile};

/// What a damaged one, of which nothing is kept, counts as.
const DAMAGED_BYTES: usize = 256;

/// The rollups opened lately; shared by all who read.
pub(crate) struct Shelf {
    kept: Mutex<Kept>,
    damaged: Counter,
    /// Rows from which on sums are worth having.
    pub(crate) rows_least: u64,
}

/// Two generations: when the young one has grown to half of the limit it becomes the old one.
#[derive(Default)]
struct Kept {
    young: Generation,
    old: Generation,
    young_bytes: usize,
}

/// None where it is damaged.
type Generation = HashMap<PathBuf, Option<Arc<Footer>>>;

/// A rollup that may be read.
pub(crate) struct Opened {
    storage: Storage,
    path: PathBuf,
    footer: Arc<Footer>,
}

impl Shelf {
    /// `damaged` counts those that turn out so.
    pub(crate) fn new(damaged: Counter, rows_least: u64) -> Self {
        Self { kept: Mutex::default(), damaged, rows_least }
    }

    /// A data file's rollup; none if there is none that can be used.
    pub(crate) fn open(&self, file: &DataFile, grain: Grain) -> Option<Opened> {
        let path = path(&file.path, grain);
        let known = self.kept().find(&path);
        if let Some(known) = known {
            return known.map(|footer| Opened { storage: file.storage.clone(), path, footer });
        }
        let opened = open(&file.storage, &path)?;
        match Footer::read(&opened, &write::of(file, grain), layout::read(grain)) {
            Ok(footer) => {
                let footer = Arc::new(footer);
                self.kept().keep(path.clone(), Some(Arc::clone(&footer)));
                Some(Opened { storage: file.storage.clone(), path, footer })
            }
            Err(reason) => {
                self.set_aside(&path, &reason);
                None
            }
        }
    }

    /// Remembers that a rollup is damaged.
    pub(crate) fn set_aside(&self, path: &Path, reason: &str) {
        let file = path.display();
        tracing::warn!(%file, reason, "a rollup is damaged: rows are read in its place");
        self.damaged.inc();
        self.kept().keep(path.to_owned(), None);
    }

    /// Forgets a data file's rollups, as they were made anew or are gone.
    pub(crate) fn forget(&self, data_file: &Path) {
        let mut kept = self.kept();
        for grain in Grain::ALL {
            let path = path(data_file, grain);
            kept.young.remove(&path);
            kept.old.remove(&path);
        }
    }

    fn kept(&self) -> std::sync::MutexGuard<'_, Kept> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// None where there is no file, or where it cannot be read now: nothing is known of it then.
fn open(storage: &Storage, path: &Path) -> Option<StoredFile> {
    match storage.open(path) {
        Ok(opened) => Some(opened),
        Err(error) => {
            if error.cause.kind() != io::ErrorKind::NotFound {
                let cause = &error.cause;
                tracing::warn!(%error, %cause, "a rollup was not read: rows are, in its place");
            }
            None
        }
    }
}

impl Kept {
    fn find(&mut self, path: &Path) -> Option<Option<Arc<Footer>>> {
        if let Some(known) = self.young.get(path) {
            return Some(known.clone());
        }
        let (path, known) = self.old.remove_entry(path)?;
        self.keep(path, known.clone());
        Some(known)
    }

    fn keep(&mut self, path: PathBuf, footer: Option<Arc<Footer>>) {
        let bytes = footer.as_ref().map_or(DAMAGED_BYTES, |footer| footer.memory());
        if self.young_bytes + bytes > ROLLUP_FOOTERS_BYTES / 2 {
            self.old = std::mem::take(&mut self.young);
            self.young_bytes = 0;
        }
        self.young_bytes += bytes;
        self.young.insert(path, footer);
    }
}

impl Opened {
    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    pub(crate) fn row_groups(&self) -> &[RowGroupMetaData] {
        self.footer.row_groups()
    }

    /// Opens its file, to read rows of it.
    pub(super) fn open(&self) -> Result<StoredFile, Unusable> {
        let file = self.storage.open_data(&self.path, self.footer.length);
        file.map_err(|error| format!("{error}: {}", error.cause))
    }

    /// Reads and checks these columns of row groups: of one subscription, or of all.
    pub(super) fn rows(
        &self,
        file: &StoredFile,
        groups: &[usize],
        columns: &[&'static str],
        subscription: Option<SubscriptionId>,
    ) -> Result<ParquetRecordBatchReader, Unusable> {
        self.footer.rows(file, groups, columns, subscription)
    }
}
