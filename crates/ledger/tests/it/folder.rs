//! A ledger in a temporary folder.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use ledger::{JournalPlace, Ledger, NewRecord, ObjectPlace, OpenError, Options, Outcome, Place};
use object_store::ObjectStore;
use object_store::memory::InMemory;
use tempfile::TempDir;

use crate::support::{Clock, Spec};

/// Options that never seal by themselves.
pub(crate) fn options(clock: &Clock) -> Options {
    Options {
        clock: clock.reader(),
        seal_bytes: u64::MAX,
        unsealed_bytes_max: u64::MAX,
        seal_after_seconds: u64::MAX,
        keep_replaced_seconds: 0,
    }
}

pub(crate) fn open(dir: &Path, clock: &Clock) -> Result<Ledger, OpenError> {
    Ledger::open(dir, options(clock))
}

/// Where an object store's ledger lies, as messages name it.
pub(crate) const URL: &str = "s3://bucket/usage-of-all";

/// Where the ledger of a test lies.
pub(crate) struct Home {
    dir: TempDir,
    place: Place,
}

impl Home {
    /// In its folder.
    pub(crate) fn folder() -> Self {
        Self { dir: tempfile::tempdir().unwrap(), place: Place::Folder }
    }

    /// In an object store.
    pub(crate) fn over(store: Arc<dyn ObjectStore>, journal: JournalPlace) -> Self {
        let place = Place::Objects(ObjectPlace::over(store, URL, journal));
        Self { dir: tempfile::tempdir().unwrap(), place }
    }

    /// In an object store, with its journal, which may be silent for so long.
    pub(crate) fn with_patience(store: Arc<dyn ObjectStore>, patience: Duration) -> Self {
        let place = ObjectPlace::over(store, URL, JournalPlace::Objects).with_patience(patience);
        Self { dir: tempfile::tempdir().unwrap(), place: Place::Objects(place) }
    }

    /// One of each kind.
    pub(crate) fn all() -> Vec<Self> {
        let objects = |journal| Self::over(Arc::new(InMemory::new()), journal);
        vec![Self::folder(), objects(JournalPlace::Folder), objects(JournalPlace::Objects)]
    }

    pub(crate) fn path(&self) -> &Path {
        self.dir.path()
    }

    pub(crate) fn open(&self, clock: &Clock) -> Result<Ledger, OpenError> {
        Ledger::open_at(self.path(), &self.place, options(clock))
    }

    /// Whether each opening takes a commit, and needs nothing of the folder.
    pub(crate) fn is_all_objects(&self) -> bool {
        let Place::Objects(objects) = &self.place else { return false };
        objects.journal() == JournalPlace::Objects
    }

    /// The same folder, for a ledger that lies elsewhere.
    pub(crate) fn with(self, store: Arc<dyn ObjectStore>, journal: JournalPlace) -> Self {
        let place = Place::Objects(ObjectPlace::over(store, URL, journal));
        Self { place, ..self }
    }

    /// The same ledger with another folder.
    pub(crate) fn elsewhere(&self) -> Self {
        Self { dir: tempfile::tempdir().unwrap(), place: self.place.clone() }
    }
}

/// Why a folder does not open.
pub(crate) fn open_error(dir: &Path, clock: &Clock) -> OpenError {
    open(dir, clock).err().expect("the folder does not open")
}

pub(crate) fn new_records(specs: &[Spec]) -> Vec<NewRecord> {
    let made = |spec: &Spec| NewRecord { record: spec.record(), reported: spec.reported() };
    specs.iter().map(made).collect()
}

pub(crate) async fn append(ledger: &Ledger, specs: &[Spec]) -> Vec<Outcome> {
    ledger.append(new_records(specs)).await.unwrap()
}

/// Runs a test to its end.
pub(crate) fn run<T>(test: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap().block_on(test)
}

/// Runs a test whose tasks run beside each other, on so many threads.
pub(crate) fn run_on<T>(threads: usize, test: impl Future<Output = T>) -> T {
    let mut runtime = tokio::runtime::Builder::new_multi_thread();
    runtime.worker_threads(threads).build().unwrap().block_on(test)
}

/// The last commit that a version's text names.
pub(crate) fn last_commit(version: &str) -> u64 {
    version.rsplit('.').next().unwrap().parse().unwrap()
}

/// Files in a folder, by name.
pub(crate) fn files(folder: &Path) -> Vec<PathBuf> {
    let mut files: Vec<_> = fs::read_dir(folder).unwrap().map(|it| it.unwrap().path()).collect();
    files.sort();
    files
}

pub(crate) fn segments(dir: &Path) -> Vec<PathBuf> {
    files(&dir.join("journal"))
}

pub(crate) fn last_segment(dir: &Path) -> PathBuf {
    segments(dir).pop().unwrap()
}

/// A copy of a folder, as a crash at this moment leaves it.
pub(crate) fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for file in files(from) {
        let target = to.join(file.file_name().unwrap());
        if file.is_dir() {
            copy(&file, &target);
        } else {
            fs::copy(&file, &target).unwrap();
        }
    }
}
