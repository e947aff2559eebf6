//! The footers of data files that were read lately: where their pages are and what is in them. A page
//! of an answer then reads of a file little more than its own rows.
//!
//! A data file never changes, so what is kept of it stays true. So many bytes are kept at most.

use std::collections::{BTreeMap, HashMap};
use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use parquet::arrow::arrow_reader::ArrowReaderMetadata;

use crate::checked::End;

/// What is kept of a file.
#[derive(Clone)]
pub(crate) struct Footer {
    pub(crate) metadata: ArrowReaderMetadata,
    pub(crate) end: End,
}

/// The footers.
pub(crate) struct Footers {
    kept: Mutex<Kept>,
    most_bytes: usize,
}

#[derive(Default)]
struct Kept {
    by_path: HashMap<PathBuf, Entry>,
    /// By the number of its last use.
    by_use: BTreeMap<u64, PathBuf>,
    uses: u64,
    bytes: usize,
}

struct Entry {
    footer: Footer,
    bytes: usize,
    last_use: u64,
}

impl Footers {
    /// Nothing yet; of so many bytes at most.
    pub(crate) fn new(most_bytes: usize) -> Self {
        Self { kept: Mutex::default(), most_bytes }
    }

    /// The footer of a file; it is read if it is not known.
    pub(crate) fn of<E>(
        &self,
        path: &Path,
        read: impl FnOnce() -> Result<Footer, E>,
    ) -> Result<Footer, E> {
        let known = self.kept.lock().unwrap_or_else(PoisonError::into_inner).used(path);
        if let Some(known) = known {
            return Ok(known);
        }
        let footer = read()?;
        let bytes = footer.metadata.metadata().memory_size() + footer.end.memory_bytes();
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        kept.put(path, footer.clone(), bytes);
        kept.shrink(self.most_bytes);
        Ok(footer)
    }

    /// Forgets a file that is gone.
    pub(crate) fn forget(&self, path: &Path) {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner).remove(path);
    }
}

impl Kept {
    fn used(&mut self, path: &Path) -> Option<Footer> {
        let entry = self.by_path.get_mut(path)?;
        self.uses += 1;
        let path = self.by_use.remove(&entry.last_use).expect("each entry has its last use");
        entry.last_use = self.uses;
        self.by_use.insert(self.uses, path);
        Some(entry.footer.clone())
    }

    fn put(&mut self, path: &Path, footer: Footer, bytes: usize) {
        self.remove(path); // another reader may have been first
        self.uses += 1;
        self.bytes += bytes;
        self.by_use.insert(self.uses, path.to_owned());
        self.by_path.insert(path.to_owned(), Entry { footer, bytes, last_use: self.uses });
    }

    fn shrink(&mut self, most_bytes: usize) {
        while self.bytes > most_bytes {
            let Some((_, path)) = self.by_use.pop_first() else { return };
            let entry = self.by_path.remove(&path).expect("each use is of an entry");
            self.bytes -= entry.bytes;
        }
    }

    fn remove(&mut self, path: &Path) {
        if let Some(entry) = self.by_path.remove(path) {
            self.by_use.remove(&entry.last_use);
            self.bytes -= entry.bytes;
        }
    }
}

impl fmt::Debug for Footers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Footers").finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use std::convert::Infallible;
    use std::sync::Arc;

    use arrow_array::{ArrayRef, Int64Array, RecordBatch};
    use bytes::Bytes;
    use parquet::arrow::ArrowWriter;
    use parquet::arrow::arrow_reader::ArrowReaderOptions;

    use super::*;
    use crate::checked::Checked;

    fn footer() -> Footer {
        let column: ArrayRef = Arc::new(Int64Array::from(vec![1]));
        let batch = RecordBatch::try_from_iter([("a", column)]).unwrap();
        let mut writer = ArrowWriter::try_new(Vec::new(), batch.schema(), None).unwrap();
        writer.write(&batch).unwrap();
        let file = Bytes::from(writer.into_inner().unwrap());
        let metadata = ArrowReaderMetadata::load(&file, ArrowReaderOptions::new()).unwrap();
        Footer { metadata, end: Checked::open(file).unwrap().end() }
    }

    #[test]
    fn the_files_read_last_are_known() {
        let footer = footer();
        let bytes = footer.metadata.metadata().memory_size();
        let footers = Footers::new(2 * bytes);
        let mut asked = String::new();
        for name in ["a", "b", "a", "c", "a", "b", "c"] {
            let mut ask = || {
                asked.push_str(name);
                Ok::<_, Infallible>(footer.clone())
            };
            footers.of(Path::new(name), &mut ask).unwrap();
        }
        assert_eq!(asked, "abcbc");
        assert!(footers.kept.lock().unwrap().bytes <= 2 * bytes);
    }
}
