//! Where the ledger of a machine lies: on its disk, or with its table, and with its journal too, in the
//! object store.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use object_store::path::Path as Key;

use super::disk::SimulatedDisk;
use super::store::SimulatedStore;
use crate::error::OpenError;
use crate::seam::Seams;
use crate::shared::Folders;
use crate::storage::{Folder, Storage};
use crate::writer_file::{self, Writer};
use crate::{JournalPlace, Ledger, ObjectPlace, Options, Place, open};

/// Where the ledger's folder lies on the simulated disk.
pub(super) const ROOT: &str = "/data/ledger";
/// How the paths of its objects begin.
const URL: &str = "s3://bucket";
/// Data files of some hundred rows are put in parts.
const PART_BYTES: usize = 8_000;

/// From what size on a ledger does what a small one does not.
#[derive(Debug, Clone, Copy)]
pub(super) struct Sizes {
    /// Entries after which the table's log has a checkpoint.
    pub(super) checkpoint_entries: u64,
    /// Rows of a data file that has rollups.
    pub(super) rollup_rows: u64,
}

/// Where a ledger lies.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Home {
    Folder,
    Objects(JournalPlace),
}

impl Home {
    pub(super) const ALL: [Self; 3] =
        [Self::Folder, Self::Objects(JournalPlace::Folder), Self::Objects(JournalPlace::Objects)];

    /// Whether each opening takes a commit, and needs nothing of the folder.
    pub(super) fn is_all_objects(self) -> bool {
        self == Self::Objects(JournalPlace::Objects)
    }

    /// Opens the ledger there.
    pub(super) fn open(
        self,
        disk: &Arc<SimulatedDisk>,
        options: Options,
        Sizes { checkpoint_entries, rollup_rows }: Sizes,
    ) -> Result<Ledger, OpenError> {
        let disk = Arc::clone(disk);
        let place = self.place(&disk);
        let seams = Seams { disk, checkpoint_entries, rollup_rows, ..Seams::default() };
        let opened = open::open(Path::new(ROOT), &place, options, seams);
        opened.map(|inner| Ledger(Arc::new(inner)))
    }

    /// Where the parts of the ledger are.
    pub(super) fn folders(self, disk: &Arc<SimulatedDisk>) -> Result<Folders, OpenError> {
        let storage = Storage::on(Arc::clone(disk) as _);
        Folders::at(storage, Path::new(ROOT), &self.place(disk))
    }

    /// Who wrote it last.
    pub(super) fn writer(self, folders: &Folders) -> Result<Option<Writer>, OpenError> {
        if !self.is_all_objects() {
            return writer_file::read(&folders.root);
        }
        let path = Path::new(URL).join(writer_file::NAME);
        writer_file::read_object(&Folder { path, ..folders.table.clone() })
    }

    fn place(self, disk: &SimulatedDisk) -> Place {
        let Self::Objects(journal) = self else { return Place::Folder };
        Place::Objects(ObjectPlace {
            store: Arc::new(SimulatedStore::of(disk)),
            url: URL.to_owned(),
            prefix: Key::default(),
            journal,
            pause: Duration::ZERO,
            // A store that is slow is one that does not answer: no time passes here.
            patience: Duration::from_secs(3_600),
            part_bytes: PART_BYTES,
        })
    }
}
