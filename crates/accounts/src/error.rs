//! What can go wrong with the accounts file itself, whatever is asked of it.

use std::fmt;
use std::io;
use std::path::PathBuf;

/// The accounts file could not be read or written, or holds what was never written to it.
#[derive(Debug)]
pub enum StorageError {
    /// SQLite failed.
    Database(sqlx::Error),
    /// A stored value is not of the form in which this crate writes it.
    Damaged {
        /// The table.
        table: &'static str,
        /// The column.
        column: &'static str,
        /// The stored value, or what is wrong with it.
        value: String,
    },
}

impl fmt::Display for StorageError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Database(_) => f.write_str("the accounts database failed"),
            Self::Damaged { table, column, value } => {
                write!(f, "accounts are damaged: {table}.{column} holds '{value}'")
            }
        }
    }
}

impl std::error::Error for StorageError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Database(error) => Some(error),
            Self::Damaged { .. } => None,
        }
    }
}

impl From<sqlx::Error> for StorageError {
    fn from(error: sqlx::Error) -> Self {
        Self::Database(error)
    }
}

/// Why accounts could not be opened.
#[derive(Debug)]
pub enum OpenError {
    /// The file was made by a newer release.
    Newer {
        /// The file.
        path: PathBuf,
        /// Its format.
        format: i64,
        /// The newest format that this release knows.
        supported: i64,
    },
    /// The file is an SQLite database of something else.
    NotAccounts {
        /// The file.
        path: PathBuf,
    },
    /// The file has an older format, and the copy that is kept before an upgrade was not made.
    NotCopied {
        /// Where the copy was to be.
        copy: PathBuf,
        /// What went wrong.
        error: io::Error,
    },
    /// The file could not be read or written.
    Storage {
        /// The file.
        path: PathBuf,
        /// What went wrong.
        error: StorageError,
    },
}

impl fmt::Display for OpenError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Newer { path, format, supported } => write!(
                f,
                "accounts file {} has format {format}, this release knows formats up to {supported}",
                path.display()
            ),
            Self::NotAccounts { path } => {
                write!(f, "{} is a database of something else than accounts", path.display())
            }
            Self::NotCopied { copy, .. } => {
                write!(f, "accounts were not upgraded: a copy cannot be kept at {}", copy.display())
            }
            Self::Storage { path, .. } => {
                write!(f, "accounts file {} cannot be opened", path.display())
            }
        }
    }
}

impl std::error::Error for OpenError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::NotCopied { error, .. } => Some(error),
            Self::Storage { error, .. } => Some(error),
            Self::Newer { .. } | Self::NotAccounts { .. } => None,
        }
    }
}

/// `?` on a failing file inside an operation whose error has a variant `Storage`.
macro_rules! from_storage {
    ($($error:ty),+) => {
        $(
            impl From<$crate::error::StorageError> for $error {
                fn from(error: $crate::error::StorageError) -> Self {
                    Self::Storage(error)
                }
            }

            impl From<sqlx::Error> for $error {
                fn from(error: sqlx::Error) -> Self {
                    Self::Storage(error.into())
                }
            }
        )+
    };
}
pub(crate) use from_storage;
