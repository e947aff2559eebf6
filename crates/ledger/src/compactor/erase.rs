//! What the compactor does of an erasure: it writes one data file after the other anew, and removes the old
//! ones as soon as nobody holds them. As it alone takes files out of the table, none is joined meanwhile.

use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::Ordering;

use domain::record::Commit;

use super::Compactor;
use crate::data_file;
use crate::erasing::{self, Erasing};
use crate::erasure::{EraseError, EraseJob, EraseProgress, Erasure, ErasureReport};
use crate::error::CompactError;
use crate::state::DataFile;
use crate::version::Version;

impl Compactor {
    pub(super) fn erase(&self, job: EraseJob) {
        let EraseJob { erasure, last, mut progress, reply } = job;
        let erased = self.erase_all(&erasure, last, &mut *progress);
        drop(progress);
        let _ = reply.send(erased); // whoever asked may have gone away
    }

    fn erase_all(
        &self,
        erasure: &Erasure,
        last: Commit,
        progress: &mut dyn FnMut(EraseProgress) -> ControlFlow<()>,
    ) -> Result<ErasureReport, EraseError> {
        let paths = self.files_with(erasure, last);
        let mut done =
            EraseProgress { files_to_do: paths.len() as u64, ..EraseProgress::default() };
        let (mut files, mut failed) = (0, None);
        for path in paths {
            self.tell(progress, done)?;
            match self.erase_in(&path, erasure, last) {
                Ok(rows) => {
                    (done.rows, files) = (done.rows + rows, files + u64::from(rows > 0));
                    done.files_done += 1;
                }
                // The others are erased all the same.
                Err(CompactError::Read(error)) => {
                    let file = path.display();
                    tracing::error!(%file, %error, "a data file that has what is to be erased cannot be read");
                    failed = failed.or(Some(error));
                }
                Err(error) => return Err(error.into()),
            }
            self.clear();
        }
        self.clear(); // files of an erasure before, too
        if let Some(error) = failed {
            return Err(EraseError::Read(error));
        }
        self.tell(progress, done)?;
        let held = self.shared.replaced().iter().filter(|replaced| replaced.erased).count() as u64;
        let version = Version::new(self.shared.current.load().journal, last);
        Ok(ErasureReport { files, rows: done.rows, version, held })
    }

    /// The files that may have rows that are to be erased. Nobody is to hold one longer than it takes.
    fn files_with(&self, erasure: &Erasure, last: Commit) -> Vec<PathBuf> {
        let selection = erasure.selection(last);
        let state = self.shared.current.load();
        let may_have = |file: &&Arc<DataFile>| {
            selection.may_match(&file.bounds) && !erasure.is_done(state.journal, file)
        };
        let mut paths: Vec<_> =
            state.files.iter().filter(may_have).map(|file| file.path.clone()).collect();
        paths.sort_unstable();
        paths
    }

    /// Whoever is told may have it stop.
    fn tell(
        &self,
        progress: &mut dyn FnMut(EraseProgress) -> ControlFlow<()>,
        done: EraseProgress,
    ) -> Result<(), EraseError> {
        let goes_on = progress(done) == ControlFlow::Continue(());
        if goes_on && !self.shared.closing.load(Ordering::SeqCst) {
            Ok(())
        } else {
            Err(EraseError::Stopped)
        }
    }

    /// Erases rows of one file; how many.
    fn erase_in(&self, path: &Path, erasure: &Erasure, last: Commit) -> Result<u64, CompactError> {
        let files = Arc::clone(&self.shared.current.load().files);
        let file = files.iter().find(|file| file.path == path).map(Arc::clone);
        drop(files);
        let Some(file) = file else { return Ok(0) };
        let selection = erasure.selection(last);
        let rows = erasing::count(&file, &selection).map_err(CompactError::Read)?;
        if rows == 0 {
            return Ok(0);
        }
        let folder = data_file::day_folder(&self.shared.folders.data, file.day);
        let new_path = || folder.file(self.naming(file.bounds).erased());
        let (path, made) = (new_path(), (self.shared.clock)());
        let erased = || {
            let erasing = Erasing {
                selection: &selection,
                key: &erasure.key,
                storage: &folder.storage,
                path: path.clone(),
                spare: &new_path,
                made,
                run_bytes: self.erased_run_bytes,
            };
            erasing::rewrite(&file, erasing, &self.shared)
        };
        let of = Some(erasure.subscription);
        self.put((path.clone(), of), erased, vec![Arc::clone(&file)])?;
        Ok(rows)
    }
}
