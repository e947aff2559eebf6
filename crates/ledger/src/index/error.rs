//! Why a part of the index was not read or made.

use std::fmt;
use std::path::PathBuf;

use super::segment::Entry;
use crate::error::{FileError, OpenError, ReadError};

/// Why a part of the index was not read or made.
#[derive(Debug)]
pub(super) enum IndexError {
    /// A segment's bytes are not what was written.
    Damaged {
        /// The segment.
        file: PathBuf,
    },
    /// A file cannot be read or written.
    File(FileError),
    /// A data file of the table cannot be read.
    Data(ReadError),
    /// Two rows are one record.
    Twice { first: Entry, second: Entry },
    /// The ledger is closing.
    Stopped,
}

impl fmt::Display for IndexError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Damaged { file } => write!(f, "index segment {} is damaged", file.display()),
            Self::File(error) => write!(f, "{error}: {}", error.cause),
            Self::Data(error) => fmt::Display::fmt(error, f),
            Self::Twice { first, second } => {
                let (first, second, id) = (first.known.commit.0, second.known.commit.0, first.id);
                write!(f, "record {id} is stored by commits {first} and {second}")
            }
            Self::Stopped => f.write_str("the ledger is closing"),
        }
    }
}

impl From<FileError> for IndexError {
    fn from(error: FileError) -> Self {
        Self::File(error)
    }
}

impl From<ReadError> for IndexError {
    fn from(error: ReadError) -> Self {
        Self::Data(error)
    }
}

impl From<IndexError> for OpenError {
    fn from(error: IndexError) -> Self {
        match error {
            IndexError::File(error) | IndexError::Data(ReadError::File(error)) => Self::File(error),
            IndexError::Data(ReadError::DataDamaged { file, .. })
            | IndexError::Damaged { file } => Self::DataDamaged { file },
            IndexError::Twice { first, second } => Self::RecordTwice {
                record: first.id,
                first: first.known.commit.min(second.known.commit),
                second: first.known.commit.max(second.known.commit),
            },
            IndexError::Data(_) | IndexError::Stopped => {
                unreachable!(
                    "a read of whole files asks for no version and no sum, and nobody closes a ledger that is being opened"
                )
            }
        }
    }
}
