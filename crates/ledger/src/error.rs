//! What can go wrong with the ledger: one enum per operation, a variant per thing a caller does
//! differently.

use std::fmt;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use domain::aggregate::SumOutOfRange;
use domain::id::RecordId;
use domain::record::Commit;

use crate::stall::Stalled;

/// What waiting for an object store is called.
const STALLED: &str = "the journal waits for the object store, which does not answer";

/// A file could not be read or written.
#[derive(Debug, Clone)]
pub struct FileError {
    /// What was tried, such as `sync`.
    pub action: &'static str,
    /// The file or folder.
    pub file: PathBuf,
    /// Why it failed.
    pub cause: Arc<io::Error>,
}

impl FileError {
    pub(crate) fn new(action: &'static str, file: &Path, cause: io::Error) -> Self {
        Self { action, file: file.to_owned(), cause: Arc::new(cause) }
    }
}

/// Turns an I/O error into a [`FileError`] that names the file.
pub(crate) trait At<T> {
    fn at(self, action: &'static str, file: &Path) -> Result<T, FileError>;
}

impl<T> At<T> for io::Result<T> {
    fn at(self, action: &'static str, file: &Path) -> Result<T, FileError> {
        self.map_err(|cause| FileError::new(action, file, cause))
    }
}

impl fmt::Display for FileError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "cannot {} {}", self.action, self.file.display())
    }
}

impl std::error::Error for FileError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        Some(&self.cause)
    }
}

/// Why a ledger folder was not opened. No record was changed or removed by the attempt.
#[derive(Debug, Clone)]
pub enum OpenError {
    /// Another process has it open.
    Locked {
        /// The lock file.
        file: PathBuf,
    },
    /// Written by a newer version of the program.
    NewerFormat {
        /// The file that says so.
        file: PathBuf,
        /// The format version found.
        found: u64,
        /// The newest format version known here.
        known: u64,
    },
    /// The file that names the journal and its epoch is missing or damaged, but data is there.
    WriterFile {
        /// The file.
        file: PathBuf,
    },
    /// The journal has a bad frame with good ones behind it, or lacks frames.
    JournalDamaged {
        /// The segment.
        file: PathBuf,
        /// Byte in it at which the damage begins.
        offset: u64,
    },
    /// A commit of the table that this ledger did not make.
    ForeignCommit {
        /// The log entry.
        file: PathBuf,
    },
    /// The table's log has a gap or an entry that cannot be read.
    LogDamaged {
        /// The log entry.
        file: PathBuf,
    },
    /// A data file of the table is missing, has another size, or cannot be read.
    DataDamaged {
        /// The data file.
        file: PathBuf,
    },
    /// Another writer of the same ledger goes on writing; it is to be stopped first.
    Busy {
        /// What could not be put behind its work.
        file: PathBuf,
    },
    /// The folder belongs to a ledger that lies elsewhere.
    Elsewhere {
        /// The file or folder that says so.
        file: PathBuf,
        /// Where its ledger lies.
        found: String,
        /// Where it was to be.
        given: String,
    },
    /// The object store puts an object where there is one, though it was told not to.
    Unconditional {
        /// Its URL.
        url: String,
    },
    /// A record is there twice.
    RecordTwice {
        /// Its identity.
        record: RecordId,
        /// The commit that stored it first.
        first: Commit,
        /// The commit that stored it again.
        second: Commit,
    },
    /// A file could not be read or written.
    File(FileError),
    /// A thread could not be started.
    Thread(Arc<io::Error>),
    /// Whoever asked had it stopped.
    Stopped,
}

impl fmt::Display for OpenError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Locked { file } => write!(f, "ledger is in use: {} is locked", file.display()),
            Self::NewerFormat { file, found, known } => {
                let file = file.display();
                write!(f, "{file} has format version {found}, newer than {known} known here")
            }
            Self::WriterFile { file } => {
                write!(f, "writer file {} is missing or damaged beside data", file.display())
            }
            Self::JournalDamaged { file, offset } => {
                write!(f, "journal segment {} is damaged at byte {offset}", file.display())
            }
            Self::ForeignCommit { file } => {
                write!(f, "table commit {} was not made by this ledger", file.display())
            }
            Self::LogDamaged { file } => {
                write!(f, "table log entry {} is missing or damaged", file.display())
            }
            Self::DataDamaged { file } => {
                write!(f, "data file {} is missing or damaged", file.display())
            }
            Self::Busy { file } => {
                let file = file.display();
                write!(f, "another writer of this ledger goes on: cannot come behind it at {file}")
            }
            Self::Elsewhere { file, found, given } => {
                let file = file.display();
                write!(f, "ledger of this folder lies at {found}, not at {given}, says {file}")
            }
            Self::Unconditional { url } => {
                write!(
                    f,
                    "object store of {url} does not honour conditional puts (If-None-Match: *), \
                     without which two writers would lose usage"
                )
            }
            Self::RecordTwice { record, first, second } => {
                write!(
                    f,
                    "record {record} is stored by commit {} and again by {}",
                    first.0, second.0
                )
            }
            Self::File(error) => error.fmt(f),
            Self::Thread(_) => f.write_str("cannot start a thread of the ledger"),
            Self::Stopped => f.write_str("the work was stopped"),
        }
    }
}

impl std::error::Error for OpenError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::File(error) => error.source(),
            Self::Thread(cause) => Some(cause),
            _ => None,
        }
    }
}

impl From<FileError> for OpenError {
    fn from(error: FileError) -> Self {
        Self::File(error)
    }
}

/// Why records were not acknowledged.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum AppendError {
    /// Too much waits to be written or sealed, or the journal waits for an object store; nothing of this
    /// request was stored: try again.
    Busy,
    /// The ledger writes no more until it is opened again: a sync failed, or it was closed.
    /// What was under way may or may not be stored; sending it again after reopening is safe.
    Refused,
    /// One record is too long; nothing was stored.
    RecordTooLarge {
        /// Its position in the request, from 0.
        position: usize,
        /// Its length in bytes.
        bytes: usize,
    },
    /// The records together are too long for one group commit; nothing was stored.
    RequestTooLarge {
        /// Their length in bytes.
        bytes: usize,
    },
}

impl fmt::Display for AppendError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        use crate::limits::{FRAME_PAYLOAD_BYTES_MAX, RECORD_BYTES_MAX};
        match self {
            Self::Busy => f.write_str("ledger has too much waiting to be written"),
            Self::Refused => f.write_str("ledger refuses writes until it is opened again"),
            Self::RecordTooLarge { position, bytes } => {
                write!(f, "record {position} has {bytes} bytes, more than {RECORD_BYTES_MAX}")
            }
            Self::RequestTooLarge { bytes } => {
                write!(
                    f,
                    "records have {bytes} bytes together, more than {FRAME_PAYLOAD_BYTES_MAX}"
                )
            }
        }
    }
}

impl std::error::Error for AppendError {}

/// Why it was not found out what is stored under an identity.
#[derive(Debug, Clone)]
pub enum FindError {
    /// The index is made anew where it is asked, or the journal waits for an object store: try again.
    Busy,
    /// The ledger answers nothing of the kind until it is opened again.
    Refused,
    /// The index has a record that the table and the journal have not.
    Missing {
        /// Its identity.
        record: RecordId,
        /// The commit that stored it.
        commit: Commit,
    },
    /// It could not be read.
    Read(ReadError),
}

impl fmt::Display for FindError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Busy => f.write_str("index of the ledger does not answer yet"),
            Self::Refused => f.write_str("ledger refuses until it is opened again"),
            Self::Missing { record, commit } => {
                write!(f, "record {record} of commit {} is in the index alone", commit.0)
            }
            Self::Read(error) => error.fmt(f),
        }
    }
}

impl std::error::Error for FindError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Read(error) => error.source(),
            _ => None,
        }
    }
}

impl From<ReadError> for FindError {
    fn from(error: ReadError) -> Self {
        Self::Read(error)
    }
}

/// Why a read was not answered.
#[derive(Debug, Clone)]
pub enum ReadError {
    /// The version is of a later commit than the snapshot has.
    VersionNewer {
        /// The commit asked for.
        asked: Commit,
        /// The last commit of the snapshot.
        last: Commit,
    },
    /// The version is of another ledger.
    VersionOfAnotherLedger,
    /// A sum of the answer would not be exact.
    Sum(SumOutOfRange),
    /// A file could not be opened.
    File(FileError),
    /// A data file does not hold what the table says.
    DataDamaged {
        /// The data file.
        file: PathBuf,
        /// What was wrong with it.
        reason: String,
    },
    /// The reading task was stopped, as the program is shutting down.
    Stopped,
    /// The journal waits for an object store that does not answer: what is settled cannot be said.
    Stalled,
}

impl fmt::Display for ReadError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::VersionNewer { asked, last } => {
                write!(f, "version of commit {} is newer than commit {}", asked.0, last.0)
            }
            Self::VersionOfAnotherLedger => f.write_str("version is of another ledger"),
            Self::Sum(error) => error.fmt(f),
            Self::File(error) => error.fmt(f),
            Self::DataDamaged { file, reason } => {
                write!(f, "data file {} is damaged: {reason}", file.display())
            }
            Self::Stopped => f.write_str("reading was stopped"),
            Self::Stalled => f.write_str(STALLED),
        }
    }
}

impl std::error::Error for ReadError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::File(error) => error.source(),
            _ => None,
        }
    }
}

impl From<SumOutOfRange> for ReadError {
    fn from(error: SumOutOfRange) -> Self {
        Self::Sum(error)
    }
}

impl From<Stalled> for ReadError {
    fn from(Stalled: Stalled) -> Self {
        Self::Stalled
    }
}

impl From<FileError> for ReadError {
    fn from(error: FileError) -> Self {
        Self::File(error)
    }
}

/// Why the journal was not sealed. What it holds stays in the journal.
#[derive(Debug, Clone)]
pub enum SealError {
    /// The ledger was closed, or writes no more since a sync failed.
    Refused,
    /// Somebody else has committed to the table; the ledger writes no more.
    ForeignCommit {
        /// The log entry.
        file: PathBuf,
    },
    /// Another writer has taken over the ledger; this one writes no more.
    TakenOver {
        /// Its log entry.
        file: PathBuf,
    },
    /// A file could not be written; sealing is tried again later.
    File(FileError),
    /// An object store did not answer whether it has the log entry; the same entry is tried again later.
    Open(FileError),
    /// The journal waits for an object store that does not answer.
    Stalled,
}

impl fmt::Display for SealError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Refused => f.write_str("ledger refuses writes until it is opened again"),
            Self::ForeignCommit { file } => {
                write!(f, "table commit {} was not made by this ledger", file.display())
            }
            Self::TakenOver { file } => {
                write!(f, "another writer has taken over the ledger, says {}", file.display())
            }
            Self::File(error) | Self::Open(error) => error.fmt(f),
            Self::Stalled => f.write_str(STALLED),
        }
    }
}

impl std::error::Error for SealError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::File(error) | Self::Open(error) => error.source(),
            _ => None,
        }
    }
}

impl From<Stalled> for SealError {
    fn from(Stalled: Stalled) -> Self {
        Self::Stalled
    }
}

impl From<FileError> for SealError {
    fn from(error: FileError) -> Self {
        Self::File(error)
    }
}

/// Why data files were not joined. They stay as they are, and it is tried again.
#[derive(Debug, Clone)]
pub enum CompactError {
    /// The ledger writes no more since a sync failed.
    Refused,
    /// The ledger is closing, or the thread that joins has ended.
    Stopped,
    /// A data file could not be read.
    Read(ReadError),
    /// The joined file could not be written.
    File(FileError),
    /// The table's log did not take it.
    Log(SealError),
}

impl fmt::Display for CompactError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Refused => f.write_str("ledger refuses writes until it is opened again"),
            Self::Stopped => f.write_str("ledger joins no files until it is opened again"),
            Self::Read(error) => error.fmt(f),
            Self::File(error) => error.fmt(f),
            Self::Log(error) => error.fmt(f),
        }
    }
}

impl std::error::Error for CompactError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Refused | Self::Stopped => None,
            Self::Read(error) => error.source(),
            Self::File(error) => error.source(),
            Self::Log(error) => error.source(),
        }
    }
}

/// The ledger's threads did not end in good order; what was acknowledged is kept all the same.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CloseError;

impl fmt::Display for CloseError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a thread of the ledger ended by a panic")
    }
}

impl std::error::Error for CloseError {}
