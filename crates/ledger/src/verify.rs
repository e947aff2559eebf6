//! Checking everything that the ledger keeps: the log, its checkpoints, every data file down to each
//! row, the index and the journal. What is damaged is named, and the rest is checked all the same.
//!
//! Nothing is changed. A running ledger is checked as of one moment, while it goes on. Rollups are left
//! out: they are derived, and each read checks what it takes of them.

mod data;

use std::collections::BTreeSet;
use std::fs::TryLockError;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use domain::record::Commit;

use crate::claim::check_place;
use crate::delta;
use crate::error::{FileError, OpenError, ReadError};
use crate::frame::Header;
use crate::hold::View;
use crate::index::{IndexCheck, Known};
use crate::journal::{self, Expected};
use crate::limits::DAMAGE_NAMED;
use crate::place::Place;
use crate::row::Malformed;
use crate::shared::Folders;
use crate::state::{Current, DataFile};
use crate::storage::{Folder, LocalDisk, Storage};
use crate::tail::Chunk;
use crate::version::Version;
use crate::writer_file::{self, Writer};

/// A file that is not what it should be.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Damage {
    /// The file or folder, within the ledger's folder.
    pub file: PathBuf,
    /// What is wrong with it.
    pub reason: String,
}

/// How far a check is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Progress {
    /// Bytes of data files that were checked.
    pub done: u64,
    /// Bytes of all of them.
    pub of: u64,
}

/// What a check found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VerifyReport {
    /// The version that was checked: the last whose rows were read.
    pub version: Version,
    /// Entries of the table's log.
    pub log_entries: u64,
    /// Checkpoints of the log.
    pub checkpoints: u64,
    /// Data files of the table.
    pub data_files: u64,
    /// Of these, files of older versions, which have no checksums: their rows were checked alone.
    pub without_checksums: u64,
    /// Bytes of the data files.
    pub bytes: u64,
    /// Rows of the data files that were read.
    pub rows: u64,
    /// Segments of the index.
    pub index_segments: u64,
    /// Identities in the index.
    pub identities: u64,
    /// Frames of the journal that are not in the table.
    pub frames: u64,
    /// Records in them.
    pub journal_records: u64,
    /// What is damaged, in order of files.
    pub damaged: Vec<Damage>,
    /// Damaged places beyond those.
    pub more_damaged: u64,
    /// Data files that their object store did not give: nothing is known of them.
    pub unreadable: Vec<Damage>,
}

/// What is checked.
pub(crate) struct Subject<'a> {
    pub(crate) folders: &'a Folders,
    pub(crate) writer: Writer,
    /// A running ledger's, as of one moment.
    pub(crate) view: Option<&'a View>,
    /// A running ledger's, as it goes on.
    pub(crate) current: Option<&'a Current>,
    /// Set once the ledger is closing.
    pub(crate) closing: &'a AtomicBool,
}

/// Checks a ledger folder that no process has open, without changing it. `progress` is told now
/// and then how far it is, and may stop it.
///
/// # Errors
/// [`OpenError`] if there is no ledger, a process has it open, it is of a newer version, or a folder
/// cannot be read. Damage is no error: it is in the report.
pub fn verify_folder(
    dir: &Path,
    progress: &mut dyn FnMut(Progress) -> ControlFlow<()>,
) -> Result<VerifyReport, OpenError> {
    let disk = Storage::on(Arc::new(LocalDisk));
    let folders = Folders::at(disk, dir, &Place::Folder)?;
    let file = folders.root.file("lock");
    folders.root.storage.length(&file)?; // a lock would make it
    let _lock = folders.root.storage.lock(&file).map_err(|error| match error {
        TryLockError::WouldBlock => OpenError::Locked { file: file.clone() },
        TryLockError::Error(error) => FileError::new("lock", &file, error).into(),
    })?;
    check_place(&folders, &Place::Folder)?;
    let missing = || OpenError::WriterFile { file: folders.root.file(writer_file::NAME) };
    let writer = writer_file::read(&folders.root)?.ok_or_else(missing)?;
    let closing = AtomicBool::new(false);
    let subject =
        Subject { folders: &folders, writer, view: None, current: None, closing: &closing };
    verify(&subject, None, progress).map_err(|error| match error {
        ReadError::File(error) => error.into(),
        _ => OpenError::Stopped,
    })
}

/// Checks all of a ledger. A running one's index is handed in.
pub(crate) fn verify(
    subject: &Subject<'_>,
    index: Option<IndexCheck>,
    progress: &mut dyn FnMut(Progress) -> ControlFlow<()>,
) -> Result<VerifyReport, ReadError> {
    let Subject { folders, writer, view, .. } = subject;
    let root = &folders.root.path;
    let mut found = Found { root, damaged: BTreeSet::new(), more: 0, unreadable: Vec::new() };
    let before = view.map(|view| view.next_entry);
    let walked =
        delta::walk(&folders.table, *writer, before, &mut |file, why| found.add(file, why));
    let walked = walked.map_err(ReadError::File)?;
    let table = walked.table;
    let sealed = view.map(|view| view.sealed).or(table.as_ref().map(|table| table.sealed));
    let logged = table.map(|table| table.files);
    if let Some((view, logged)) = view.zip(logged.as_ref()) {
        let names = |files: &[Arc<DataFile>]| -> BTreeSet<_> {
            files.iter().map(|file| file.path.clone()).collect()
        };
        if names(logged) != names(&view.state.files) {
            found.add(&folders.log.path, "it names other files than are read".to_owned());
        }
    }
    let files = match view.map(|view| Vec::clone(&view.state.files)).or(logged) {
        Some(files) => {
            files.iter().map(|file| (file.path.clone(), Some(Arc::clone(file)))).collect()
        }
        None => files_in(&folders.data)?,
    };
    // Where the log does not tell, the index does: what it has is in the table.
    let known_sealed = match sealed {
        Some(sealed) => sealed,
        None => IndexCheck::last_commit(&folders.index).map_err(ReadError::File)?,
    };
    let index = match index {
        Some(index) => index,
        None => {
            let damage = &mut |file: &Path, why| found.add(file, why);
            let opened =
                IndexCheck::of_folder(&folders.index, writer.journal, known_sealed, damage);
            opened.map_err(ReadError::File)?
        }
    };
    let mut check =
        Check { subject, index, found, report: empty(Version::new(writer.journal, known_sealed)) };
    (check.report.log_entries, check.report.checkpoints) = (walked.entries, walked.checkpoints);
    check.index_segments();
    let all_read = check.data_files(files, known_sealed, progress)?;
    check.journal(known_sealed)?;
    let rows = check.report.rows;
    let Check { index, mut found, mut report, .. } = check;
    let rows = (all_read && sealed.is_some()).then_some(rows);
    report.identities =
        index.finish(&folders.index.path, rows, &mut |file, why| found.add(file, why));
    report.damaged = found.damaged.into_iter().collect();
    report.more_damaged = found.more;
    report.unreadable = found.unreadable;
    Ok(report)
}

/// A data file, and what the log states of it where that is known.
type Stated = (PathBuf, Option<Arc<DataFile>>);

/// Every data file that there is, where no log says which count.
fn files_in(data: &Folder) -> Result<Vec<Stated>, ReadError> {
    let mut files = Vec::new();
    for day in data.names().map_err(ReadError::File)? {
        let day = data.folder(&day);
        let names = day.names().map_err(ReadError::File)?;
        let names = names.iter().filter(|name| name.ends_with(".parquet"));
        files.extend(names.map(|name| (day.file(name), None)));
    }
    Ok(files)
}

fn empty(version: Version) -> VerifyReport {
    VerifyReport {
        version,
        log_entries: 0,
        checkpoints: 0,
        data_files: 0,
        without_checksums: 0,
        bytes: 0,
        rows: 0,
        index_segments: 0,
        identities: 0,
        frames: 0,
        journal_records: 0,
        damaged: Vec::new(),
        more_damaged: 0,
        unreadable: Vec::new(),
    }
}

/// What is damaged, and what could not be read.
struct Found<'a> {
    root: &'a Path,
    damaged: BTreeSet<Damage>,
    more: u64,
    unreadable: Vec<Damage>,
}

impl Found<'_> {
    fn add(&mut self, file: &Path, reason: String) {
        if self.damaged.len() == DAMAGE_NAMED {
            self.more += 1;
            return;
        }
        let file = file.strip_prefix(self.root).unwrap_or(file).to_owned();
        tracing::error!(file = %file.display(), reason, "a file of the ledger is damaged");
        self.damaged.insert(Damage { file, reason });
    }

    /// An object store did not give a data file.
    fn unread(&mut self, file: &Path, reason: String) {
        let file = file.strip_prefix(self.root).unwrap_or(file).to_owned();
        tracing::error!(file = %file.display(), reason, "a file of the ledger cannot be read");
        self.unreadable.push(Damage { file, reason });
    }
}

/// A check under way.
struct Check<'a> {
    subject: &'a Subject<'a>,
    index: IndexCheck,
    found: Found<'a>,
    report: VerifyReport,
}

impl Check<'_> {
    fn index_segments(&mut self) {
        let Self { index, found, report, .. } = self;
        report.index_segments = index.segments();
        index.read_through(&mut |file, why| found.add(file, why));
    }

    /// Whether all of them were read.
    fn data_files(
        &mut self,
        files: Vec<Stated>,
        sealed: Commit,
        progress: &mut dyn FnMut(Progress) -> ControlFlow<()>,
    ) -> Result<bool, ReadError> {
        let bytes = |stated: &Option<Arc<DataFile>>| stated.as_ref().map_or(0, |file| file.bytes);
        let of = files.iter().map(|(_, stated)| bytes(stated)).sum();
        let (mut done, mut all_read) = (0, true);
        tell(progress, done, of)?;
        for (path, stated) in files {
            self.report.data_files += 1;
            self.report.bytes += bytes(&stated);
            let Self { index, report, subject, .. } = self;
            let storage = &subject.folders.table.storage;
            let read =
                data::check(storage, &path, stated.as_deref(), subject.closing, &mut |stored| {
                    if stated.is_some() && stored.commit > sealed {
                        return Err(Malformed("a row's commit is behind the last of the table"));
                    }
                    let content = stored.content_hash();
                    let known = Known { content, commit: stored.commit };
                    index.look_up(stored.record.id(), known, &path);
                    Ok(())
                });
            match read {
                Ok(read) => {
                    report.rows += read.rows;
                    report.without_checksums += u64::from(!read.has_sums);
                }
                Err(ReadError::Stopped) => return Err(ReadError::Stopped),
                Err(error) => {
                    all_read = false;
                    match &error {
                        ReadError::File(file) if storage.has_failed(file) => {
                            self.found.unread(&path, reason(&error));
                        }
                        _ => self.found.add(&path, reason(&error)),
                    }
                }
            }
            done += bytes(&stated);
            tell(progress, done, of)?;
        }
        Ok(all_read)
    }

    fn journal(&mut self, sealed: Commit) -> Result<(), ReadError> {
        let Self { subject, index, found, report } = self;
        let Writer { journal: id, epoch } = subject.writer;
        let upto = subject.view.map(|view| view.state.last);
        let expected = Expected { journal: id, epoch, sealed };
        let before = found.damaged.len();
        let folder = &subject.folders.journal;
        let read = journal::check(
            folder,
            expected,
            &|commit| commit <= sealed || subject.is_sealed(commit),
            &mut |frame| {
                // What came after the moment is checked another time.
                if upto.is_some_and(|upto| frame.header.commit > upto) {
                    return Ok(());
                }
                report.journal_records += check_frame(&frame.header, &frame.bytes, index)?;
                report.frames += 1;
                Ok(())
            },
            &mut |file, why| found.add(file, why),
        );
        let read = read.map_err(ReadError::File)?;
        if let Some(upto) = upto {
            // The table may have taken them over since, and the journal let them go.
            let is_lost = read.last < upto && !subject.is_sealed(upto);
            if is_lost && found.damaged.len() == before {
                let (last, upto) = (read.last.0, upto.0);
                found.add(&folder.path, format!("it ends with commit {last}, and has had {upto}"));
            }
            report.version = Version::new(id, upto);
        } else {
            report.version = Version::new(id, read.last);
        }
        if subject.closing.load(Ordering::Relaxed) { Err(ReadError::Stopped) } else { Ok(()) }
    }
}

impl Subject<'_> {
    /// Whether a running ledger has sealed a commit since the moment that is checked.
    fn is_sealed(&self, commit: Commit) -> bool {
        let sealed = |current: &Current| {
            current.load().files.iter().any(|file| commit <= file.bounds.commit.1)
        };
        self.current.is_some_and(sealed)
    }
}

/// Whoever is told may have it stop.
fn tell(
    progress: &mut dyn FnMut(Progress) -> ControlFlow<()>,
    done: u64,
    of: u64,
) -> Result<(), ReadError> {
    match progress(Progress { done, of }) {
        ControlFlow::Continue(()) => Ok(()),
        ControlFlow::Break(()) => Err(ReadError::Stopped),
    }
}

/// The records of a frame.
fn check_frame(header: &Header, bytes: &[u8], index: &IndexCheck) -> Result<u64, Malformed> {
    let chunk = Chunk::read(header, bytes.to_vec())?;
    for entry in chunk.rows() {
        let stored = data::stored(&chunk.row(entry))?;
        if index.is_in_table(stored.record.id()) {
            return Err(Malformed("a record is in the table, too"));
        }
    }
    Ok(chunk.rows().len() as u64)
}

fn reason(error: &ReadError) -> String {
    match error {
        ReadError::DataDamaged { reason, .. } => reason.clone(),
        ReadError::File(error) => format!("{error}: {}", error.cause),
        other => other.to_string(),
    }
}
