//! Opening a ledger folder: lock, check, replay, and only then write.

use std::cell::Cell;
use std::collections::{BTreeMap, BTreeSet};
use std::fs::TryLockError;
use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicU64};
use std::sync::{Arc, Mutex, mpsc as std_mpsc};
use std::thread::{Builder, JoinHandle};

use domain::record::{Commit, StoredRecord};
use domain::time::UtcTime;
use tokio::sync::mpsc;

use crate::checkpoints::Checkpoints;
use crate::claim::{check_place, claim, note_place, probe};
use crate::committer::Committer;
use crate::compactor::Compactor;
use crate::delta::{self, Table};
use crate::error::{FileError, OpenError};
use crate::index::{Index, Indexer, Known, Shelf, Workshop};
use crate::journal::{Begin, Expected, Frame, Journal, ObjectJournal, Segments};
use crate::limits::{
    COMMITTER_QUEUE, COMPACTOR_QUEUE, INDEXER_QUEUE, SEALER_QUEUE, UNSEALED_BYTES_MAX,
};
use crate::measures::Measures;
use crate::place::{JournalPlace, Place};
use crate::row::{Interner, Malformed};
use crate::sealer::Sealer;
use crate::seam::Seams;
use crate::shared::{Folders, Shared, TABLE};
use crate::stall::Stall;
use crate::state::{Current, State};
use crate::storage::{Folder, Lock, Objects, Storage};
use crate::tail::Chunk;
use crate::version::JournalId;
use crate::writer_file::Writer;
use crate::{Inner, Options, data_file, rollup};

/// Opens a folder for writing and starts the ledger's threads.
pub(crate) fn open(
    dir: &Path,
    place: &Place,
    options: Options,
    seams: Seams,
) -> Result<Inner, OpenError> {
    let closing = AtomicBool::new(false);
    let recovered = recover((dir, place), &options, &seams, &closing)?;
    start(recovered, options, seams, closing)
}

/// A folder that was found to be in order.
struct Recovered {
    folders: Folders,
    lock: Box<dyn Lock>,
    writer: Writer,
    table: Table,
    journal: Journal,
    shelf: Arc<Shelf>,
    index: Index,
    state: State,
    begin: Begin,
    unsealed_bytes: u64,
    measures: Measures,
}

/// Locks a folder, reads what it holds, and clears what a crash left unfinished.
fn recover(
    (dir, place): (&Path, &Place),
    options: &Options,
    seams: &Seams,
    closing: &AtomicBool,
) -> Result<Recovered, OpenError> {
    let folders = Folders::at(Storage::on(Arc::clone(&seams.disk)), dir, place)?;
    folders.root.make()?;
    let lock = lock(&folders.root, "lock")?;
    check_place(&folders, place)?;
    if let Some(objects) = folders.table.storage.objects() {
        let path = objects.url().to_owned();
        probe(&Folder { path, ..folders.table.clone() })?;
        note_place(&folders, place)?;
    }
    let now = (options.clock)();
    let (writer, table) = claim(&folders, place, now)?;
    let workshop = Workshop { folder: &folders.index, journal: writer.journal, closing };
    let shelf = Arc::new(Shelf::open(workshop, &table)?);
    let measures = Measures::default();
    let rollups = Arc::new(rollup::Shelf::new(measures.rollups_damaged.clone(), seams.rollup_rows));
    let mut rebuilt = Rebuilt::from_table(&table, writer.journal, Arc::clone(&shelf), rollups);
    let expected = Expected { journal: writer.journal, epoch: writer.epoch, sealed: table.sealed };
    let sync = Arc::clone(&seams.sync_frame);
    let replay = |frame| rebuilt.replay(frame);
    let (journal, begin) = if folders.journal.storage.objects().is_some() {
        let begin = Begin { last: table.sealed, time: table.sealed_time };
        let opened = ObjectJournal::open(&folders.journal, expected, begin, replay)?;
        (Journal::Objects(opened.0), opened.1)
    } else {
        let segments = Segments::open(&folders.journal, expected, sync, replay)?;
        let State { last, last_time: time, .. } = rebuilt.state;
        (Journal::Disk(segments), Begin { last, time })
    };
    // Only now is it known that the journal has whatever unfinished files hold.
    folders.root.remove_temporaries()?;
    if folders.log.storage.objects().is_none() {
        folders.log.remove_temporaries()?;
    }
    let files = table.files.iter().map(|file| &*file.path);
    let logged = files.chain(table.replaced.iter().map(|replaced| &*replaced.path));
    let logged = logged.collect();
    data_file::remove_unlogged(&folders.data, writer.epoch, &logged)?;
    rollup::remove_unlogged(&folders.table, writer.epoch, &logged);
    let Rebuilt { index, state, unsealed_bytes, .. } = rebuilt;
    if state.last_time > now {
        tracing::warn!(last = %state.last_time, clock = %now, "the clock is behind the last commit");
    }
    Ok(Recovered {
        folders,
        lock,
        writer,
        table,
        journal,
        shelf,
        index,
        state,
        begin,
        unsealed_bytes,
        measures,
    })
}

/// Starts the threads over a folder that is in order.
#[expect(clippy::too_many_lines, reason = "what each thread begins with, a field a line")]
fn start(
    recovered: Recovered,
    options: Options,
    seams: Seams,
    closing: AtomicBool,
) -> Result<Inner, OpenError> {
    let Recovered { folders, lock, writer, table, journal, shelf, index, state, .. } = recovered;
    let Begin { last, time: time_floor } = recovered.begin;
    let keep_seconds = i64::try_from(options.keep_replaced_seconds).unwrap_or(i64::MAX);
    let unsealed_bytes_max = options.unsealed_bytes_max.min(UNSEALED_BYTES_MAX);
    let (to_committer, queue) = mpsc::channel(COMMITTER_QUEUE);
    let (to_sealer, seal_commands) = std_mpsc::sync_channel(SEALER_QUEUE);
    let (to_indexer, index_commands) = std_mpsc::sync_channel(INDEXER_QUEUE);
    let (to_compactor, compact_commands) = std_mpsc::sync_channel(COMPACTOR_QUEUE);
    let shared = Arc::new(Shared {
        clock: options.clock,
        seal_bytes: options.seal_bytes.min(unsealed_bytes_max / 2),
        unsealed_bytes_max,
        rollup_rows: seams.rollup_rows,
        current: Current::new(state),
        writable: AtomicBool::new(true),
        compacts: AtomicBool::new(true),
        stall: Stall::new(),
        unsealed_bytes: AtomicU64::new(recovered.unsealed_bytes),
        queued_bytes: AtomicU64::new(0),
        closing,
        replaced: Mutex::new(table.replaced),
        measures: recovered.measures,
        folders,
        lock,
    });
    let sealer = Sealer {
        shared: Arc::clone(&shared),
        writer,
        commands: seal_commands,
        committer: to_committer.downgrade(),
        indexer: to_indexer.clone(),
        compactor: to_compactor.clone(),
        seal_after_seconds: i64::try_from(options.seal_after_seconds).unwrap_or(i64::MAX),
        after_step: Arc::clone(&seams.after_step),
        sealed: table.sealed,
        sealed_time: table.sealed_time,
        next_entry: table.next,
        created: table.created,
        checkpoints: Checkpoints::of(table.checkpoints, seams.checkpoint_entries, keep_seconds),
        attempt: 0,
        unfinished: None,
        open: None,
        not_before: UtcTime::MIN,
    };
    let compactor = Compactor {
        shared: Arc::clone(&shared),
        epoch: writer.epoch,
        commands: compact_commands,
        sealer: to_sealer.clone(),
        keep_replaced_seconds: keep_seconds,
        after_step: seams.after_step,
        erased_run_bytes: seams.erased_run_bytes,
        damaged: BTreeMap::new(),
        seen: BTreeSet::new(),
        attempt: Cell::new(0),
    };
    let committer = Committer {
        shared: Arc::clone(&shared),
        writer,
        journal,
        index,
        last,
        time_floor,
        queue,
        sealer: to_sealer.clone(),
        indexer: to_indexer,
    };
    let (shared_too, journal) = (Arc::clone(&shared), writer.journal);
    let shelf_too = Arc::clone(&shelf);
    let indexer = Indexer { shared: shared_too, journal, shelf, commands: index_commands };
    let threads = vec![
        thread("ledger-sealer", move || sealer.run())?,
        thread("ledger-committer", move || committer.run())?,
        thread("ledger-indexer", move || indexer.run())?,
        thread("ledger-compactor", move || compactor.run())?,
    ];
    Ok(Inner {
        shared,
        shelf: shelf_too,
        committer: to_committer,
        sealer: to_sealer,
        compactor: to_compactor,
        threads: Mutex::new(threads),
    })
}

impl Folders {
    pub(crate) fn at(disk: Storage, root: &Path, place: &Place) -> Result<Self, OpenError> {
        let root = Folder { storage: disk, path: root.to_owned() };
        let (table, journal) = match place {
            Place::Folder => (root.folder(TABLE), root.folder("journal")),
            Place::Objects(place) => {
                let objects = Objects::at(place);
                let objects = objects.map_err(|cause| OpenError::Thread(Arc::new(cause)))?;
                let all = Folder {
                    path: objects.url().to_owned(),
                    storage: Storage::in_objects(objects),
                };
                let journal = match place.journal {
                    JournalPlace::Folder => root.folder("journal"),
                    JournalPlace::Objects => all.folder("journal"),
                };
                (all.folder(TABLE), journal)
            }
        };
        Ok(Self {
            journal,
            index: root.folder("index"),
            data: table.folder(delta::DATA),
            log: table.folder(delta::LOG),
            root,
            table,
        })
    }
}

fn lock(folder: &Folder, name: &str) -> Result<Box<dyn Lock>, OpenError> {
    let file = folder.file(name);
    folder.storage.lock(&file).map_err(|error| match error {
        TryLockError::WouldBlock => OpenError::Locked { file },
        TryLockError::Error(error) => FileError::new("lock", &file, error).into(),
    })
}

fn thread(name: &str, work: impl FnOnce() + Send + 'static) -> Result<JoinHandle<()>, OpenError> {
    let started = Builder::new().name(name.to_owned()).spawn(work);
    started.map_err(|cause| OpenError::Thread(Arc::new(cause)))
}

/// What is derived from the table and the journal on opening.
struct Rebuilt {
    index: Index,
    state: State,
    unsealed_bytes: u64,
    interner: Interner,
}

impl Rebuilt {
    fn from_table(
        table: &Table,
        journal: JournalId,
        shelf: Arc<Shelf>,
        rollups: Arc<rollup::Shelf>,
    ) -> Self {
        let state = State {
            journal,
            files: Arc::new(table.files.clone()),
            erasures: Arc::new(table.erasures.clone()),
            rollups,
            kept_sums: Arc::default(),
            frozen: Vec::new(),
            fresh: Vec::new(),
            last: table.sealed,
            last_time: table.sealed_time,
        };
        let interner = Interner::default();
        Self { index: Index::on(shelf), state, unsealed_bytes: 0, interner }
    }

    fn replay(&mut self, frame: Frame) -> Result<(), OpenError> {
        let Frame { header, bytes, segment, offset } = frame;
        let damaged = |_: Malformed| OpenError::JournalDamaged { file: segment.clone(), offset };
        self.unsealed_bytes += bytes.len() as u64;
        let chunk = Chunk::read(&header, bytes).map_err(damaged)?;
        for entry in chunk.rows() {
            let stored = self.interner.stored(&chunk.row(entry)).map_err(damaged)?;
            enter(&mut self.index, &stored)?;
        }
        self.state.commit(chunk);
        Ok(())
    }
}

fn enter(index: &mut Index, stored: &StoredRecord) -> Result<(), OpenError> {
    let record = stored.record.id();
    let known = Known { content: stored.content_hash(), commit: stored.commit };
    let second: Commit = stored.commit;
    index.enter(record, known).map_err(|Known { commit: first, .. }| OpenError::RecordTwice {
        record,
        first,
        second,
    })
}
