//! What the compactor does of erasures: it writes one data file after the other anew, and removes the old
//! ones as soon as nobody holds them. As it alone takes files out of the table, none is joined meanwhile.

use std::io::ErrorKind;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::Ordering;

use domain::record::Commit;

use super::Compactor;
use crate::data_file;
use crate::delta;
use crate::erasing::{self, Erasing, Targets};
use crate::erasure::{
    EraseError, EraseJob, EraseProgress, ErasedRows, Erasure, ErasureReport, Told,
};
use crate::error::{CompactError, ReadError};
use crate::limits::ERASURE_FILES_NAMED;
use crate::state::DataFile;
use crate::storage::Folder;
use crate::version::Version;

/// A file that may have rows that are to be erased, and by which of the erasures.
struct Work {
    /// Nobody is to hold a file for longer than it takes.
    path: PathBuf,
    of: Vec<usize>,
}

impl Compactor {
    pub(super) fn erase(&self, job: EraseJob) {
        let EraseJob { erasures, last, mut progress, reply } = job;
        let erased = self.erase_all(&erasures, last, &mut *progress);
        drop(progress);
        let _ = reply.send(erased); // whoever asked may have gone away
    }

    fn erase_all(
        &self,
        erasures: &[Erasure],
        last: Commit,
        progress: &mut Told,
    ) -> Result<ErasureReport, EraseError> {
        let work = self.work(erasures, last);
        let of = vec![ErasedRows::default(); erasures.len()];
        let mut done = EraseProgress { files_done: 0, files_to_do: work.len() as u64, of };
        for Work { path, of } in work {
            let mut goes_on = || self.tell(progress, &done).is_ok();
            if !goes_on() {
                return Err(EraseError::Stopped);
            }
            let targets = Targets::new(of.iter().map(|position| &erasures[*position]), last);
            match self.erase_in(&path, &targets, &mut goes_on) {
                Ok(rows) => {
                    for (position, rows) in of.into_iter().zip(rows) {
                        done.of[position].rows += rows;
                        done.of[position].files += u64::from(rows > 0);
                    }
                }
                // The others are erased all the same.
                Err(error @ (CompactError::Read(_) | CompactError::File(_))) => {
                    let file = path.display();
                    tracing::error!(%file, %error, "a data file keeps what is to be erased of it");
                    let name = delta::path_in(&self.shared.folders.table.path, &path);
                    let is_lost = self.is_lost(&error);
                    for position in of {
                        let ErasedRows { damaged, left, .. } = &mut done.of[position];
                        let files = if is_lost { damaged } else { left };
                        if files.len() < ERASURE_FILES_NAMED {
                            files.push(name.clone());
                        }
                    }
                }
                Err(CompactError::Refused) => return Err(EraseError::Refused),
                Err(CompactError::Stopped) => return Err(EraseError::Stopped),
                Err(CompactError::Log(error)) => return Err(EraseError::Log(error)),
            }
            done.files_done += 1;
            self.clear();
        }
        self.clear(); // files of an erasure before, too
        self.tell(progress, &done)?;
        let version = Version::new(self.shared.current.load().journal, last);
        Ok(ErasureReport { of: done.of, version })
    }

    fn work(&self, erasures: &[Erasure], last: Commit) -> Vec<Work> {
        let state = self.shared.current.load();
        let of = |file: &DataFile| {
            let all = erasures.iter().enumerate();
            let may_be = all.filter(|(_, one)| one.may_be_in(file, state.journal, last));
            may_be.map(|(position, _)| position).collect::<Vec<_>>()
        };
        let all = state.files.iter().map(|file| Work { path: file.path.clone(), of: of(file) });
        let mut work: Vec<_> = all.filter(|work| !work.of.is_empty()).collect();
        work.sort_unstable_by(|a, b| a.path.cmp(&b.path));
        work
    }

    /// Whether what could not be read is not there to be read at another time. Where the table's folder
    /// is not there either, it may come back.
    fn is_lost(&self, error: &CompactError) -> bool {
        match error {
            CompactError::Read(ReadError::DataDamaged { .. }) => true,
            CompactError::Read(ReadError::File(error)) => {
                let Folder { storage, path } = &self.shared.folders.data;
                let is_there = storage.names(path).is_ok_and(|days| !days.is_empty());
                error.cause.kind() == ErrorKind::NotFound && is_there
            }
            _ => false,
        }
    }

    /// Whoever is told may have it stop.
    fn tell(&self, progress: &mut Told, done: &EraseProgress) -> Result<(), EraseError> {
        let goes_on = progress(done) == ControlFlow::Continue(());
        if goes_on && !self.shared.closing.load(Ordering::SeqCst) {
            Ok(())
        } else {
            Err(EraseError::Stopped)
        }
    }

    /// Erases rows of one file; how many of each target.
    fn erase_in(
        &self,
        path: &Path,
        targets: &Targets<'_>,
        goes_on: &mut dyn FnMut() -> bool,
    ) -> Result<Vec<u64>, CompactError> {
        let files = Arc::clone(&self.shared.current.load().files);
        let file = files.iter().find(|file| file.path == path).map(Arc::clone);
        drop(files);
        let Some(file) = file else { return Ok(Vec::new()) };
        let rows = erasing::count(&file, targets).map_err(CompactError::Read)?;
        let erased = targets.with_rows(&rows);
        if erased.is_empty() {
            return Ok(rows);
        }
        let folder = data_file::day_folder(&self.shared.folders.data, file.day);
        let new_path = || folder.file(self.naming(file.bounds).erased());
        let (path, made) = (new_path(), (self.shared.clock)());
        let rewritten = || {
            let erasing = Erasing {
                targets,
                storage: &folder.storage,
                path: path.clone(),
                spare: &new_path,
                made,
                run_bytes: self.erased_run_bytes,
                goes_on,
            };
            erasing::rewrite(&file, erasing, &self.shared)
        };
        self.put((path.clone(), erased), rewritten, vec![Arc::clone(&file)])?;
        Ok(rows)
    }
}
