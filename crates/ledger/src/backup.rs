//! A copy of the ledger as of one commit, file by file, while it goes on.
//!
//! The copy is a ledger folder of its own: the writer file, one log entry with a checkpoint of
//! everything up to it, the data files, and one journal segment with every frame above the sealed
//! commit. What is derived, the index and the rollups, is left out: it is made anew. The data files stay
//! for as long as the copy is held, whatever takes their place. A table in an object store becomes one in
//! the folder.

use std::path::Path;
use std::sync::Arc;

use domain::record::Commit;

use crate::delta;
use crate::error::{At, FileError, ReadError};
use crate::hold::{Held, HeldTooLong, View};
use crate::journal;
use crate::limits::PIECE_BYTES;
use crate::scan::OpenedFile;
use crate::shared::{Folders, TABLE};
use crate::snapshot::Snapshot;
use crate::state::DataFile;
use crate::storage::StoredFile;
use crate::tail::Chunk;
use crate::writer_file;

/// Everything of a ledger as of one commit.
pub struct LedgerCopy {
    view: View,
    files: Vec<CopiedFile>,
}

/// A file of a copy.
pub struct CopiedFile {
    /// Its name within the ledger's folder.
    pub name: String,
    /// Its length.
    pub bytes: u64,
    content: Content,
}

enum Content {
    Bytes(Vec<u8>),
    Frames(Vec<Arc<Chunk>>),
    Data(Arc<DataFile>),
}

/// Why a ledger was not copied.
#[derive(Debug)]
pub enum CopyError {
    /// Its journal lies in an object store: the store has all of it, and is what is to be copied.
    JournalInObjects,
    /// It was held for too long, and went on: other parts of a backup may be of another moment.
    HeldTooLong,
    /// A file of its log cannot be read.
    File(FileError),
    /// A checkpoint of its log cannot be made.
    Checkpoint(std::io::Error),
}

impl Held {
    /// Lets the ledger go on, and says what is to be copied of it as of the version at which it was
    /// held.
    ///
    /// # Errors
    /// [`CopyError`]; the ledger goes on all the same.
    pub fn into_copy(self, ledger: &crate::Ledger) -> Result<LedgerCopy, CopyError> {
        let folders = ledger.folders();
        if folders.journal.storage.objects().is_some() {
            return Err(CopyError::JournalInObjects);
        }
        // The last entry stays at least for as long as the ledger is held.
        let entry = self.view.next_entry - 1;
        let path = delta::entry_path(&folders.table, entry);
        let logged = folders.log.storage.read_small(&path).map_err(CopyError::File)?;
        let view = self.let_go().map_err(|HeldTooLong| CopyError::HeldTooLong)?;
        let files = files(folders, &view, logged).map_err(CopyError::Checkpoint)?;
        Ok(LedgerCopy { view, files })
    }
}

fn files(
    folders: &Folders,
    view: &View,
    logged: Vec<u8>,
) -> Result<Vec<CopiedFile>, std::io::Error> {
    let name = |path: &Path| name_in_copy(folders, path);
    let of_bytes = |path: &Path, bytes: Vec<u8>| CopiedFile {
        name: name(path),
        bytes: bytes.len() as u64,
        content: Content::Bytes(bytes),
    };
    let entry = view.next_entry - 1;
    let checkpoint = delta::checkpoint_bytes(&folders.table, view)?;
    let mut files = vec![
        of_bytes(&folders.root.file(writer_file::NAME), writer_file::bytes(view.writer)),
        of_bytes(&folders.root.file("lock"), Vec::new()),
        of_bytes(&delta::entry_path(&folders.table, entry), logged),
        of_bytes(&delta::checkpoint_path(&folders.table, entry), checkpoint),
    ];
    let mut data: Vec<_> = view.state.files.iter().map(Arc::clone).collect();
    data.sort_by(|one, other| one.path.cmp(&other.path));
    files.extend(data.into_iter().map(|file| CopiedFile {
        name: name(&file.path),
        bytes: file.bytes,
        content: Content::Data(file),
    }));
    let chunks: Vec<_> = view.state.chunks().map(Arc::clone).collect();
    files.push(CopiedFile {
        name: name(&folders.journal.file(journal::name(Commit(view.sealed.0 + 1)))),
        bytes: chunks.iter().map(|chunk| chunk.journal_bytes()).sum(),
        content: Content::Frames(chunks),
    });
    Ok(files)
}

/// The name within a ledger folder that has all of it, wherever the file lies now.
fn name_in_copy(folders: &Folders, path: &Path) -> String {
    let within = match path.strip_prefix(&folders.table.path) {
        Ok(within) => Path::new(TABLE).join(within),
        Err(_) => {
            let within = path.strip_prefix(&folders.root.path);
            within.expect("what is not of the table lies in the folder").to_owned()
        }
    };
    within.to_string_lossy().into_owned()
}

impl LedgerCopy {
    /// What is copied.
    #[must_use]
    pub fn snapshot(&self) -> Snapshot {
        Snapshot::new(Arc::clone(&self.view.state))
    }

    /// Every file, in an order in which they may be written.
    #[must_use]
    pub fn files(&self) -> &[CopiedFile] {
        &self.files
    }
}

impl CopiedFile {
    /// Gives the file's bytes to `each`, in pieces. Says what is damaged about it: it is given out as it
    /// is all the same. Blocks.
    ///
    /// # Errors
    /// Of `each`, or [`ReadError`] made into its kind if the file cannot be read or is not as long.
    pub fn read<E: From<ReadError>>(
        &self,
        mut each: impl FnMut(&[u8]) -> Result<(), E>,
    ) -> Result<Option<String>, E> {
        match &self.content {
            Content::Bytes(bytes) => each(bytes).map(|()| None),
            Content::Frames(chunks) => {
                chunks.iter().try_for_each(|chunk| each(chunk.frames())).map(|()| None)
            }
            Content::Data(file) => {
                let opened = file.storage.open_anew(&file.path).map_err(ReadError::File)?;
                let checked = OpenedFile::over(&file.path, opened.clone());
                let damage = match checked.and_then(|file| file.read_through()) {
                    Ok(_) => None,
                    Err(ReadError::DataDamaged { reason, .. }) => Some(reason),
                    // What cannot be read now is no damage, and has no copy.
                    Err(error) => return Err(error.into()),
                };
                read_file(file, &opened, each).map(|()| damage)
            }
        }
    }
}

fn read_file<E: From<ReadError>>(
    file: &DataFile,
    open: &StoredFile,
    mut each: impl FnMut(&[u8]) -> Result<(), E>,
) -> Result<(), E> {
    let path = &file.path;
    let (mut left, mut piece) = (file.bytes, vec![0; PIECE_BYTES]);
    while left > 0 {
        let length = usize::try_from(left).map_or(PIECE_BYTES, |left| left.min(PIECE_BYTES));
        let piece = &mut piece[..length];
        open.read_at(piece, file.bytes - left).at("read", path).map_err(ReadError::File)?;
        each(piece)?;
        left -= length as u64;
    }
    Ok(())
}

impl std::fmt::Display for CopyError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::JournalInObjects => {
                f.write_str("the journal lies in an object store: copy what the store holds")
            }
            Self::HeldTooLong => HeldTooLong.fmt(f),
            Self::File(error) => error.fmt(f),
            Self::Checkpoint(_) => f.write_str("cannot make a checkpoint of the table's log"),
        }
    }
}

impl std::error::Error for CopyError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::JournalInObjects | Self::HeldTooLong => None,
            Self::File(error) => error.source(),
            Self::Checkpoint(error) => Some(error),
        }
    }
}
