//! Whether a table can be read: its protocol, its format, its columns, and that its files are there.

use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};

use super::action::{MetaData, Protocol};
use super::{DATA, FORMAT, FORMAT_KEY, READER_VERSION, Table, WRITER_VERSION};
use crate::error::OpenError;
use crate::schema::{self, Form};
use crate::state::DataFile;
use crate::storage::Folder;

/// Finds out whether all files of the table are there: only those that no later entry removed must be.
pub(crate) fn files(folder: &Folder, table: &Table) -> Result<(), OpenError> {
    let lengths = folder.storage.lengths(&folder.folder(DATA).path)?;
    table.files.iter().try_for_each(|file| size(file, lengths.as_ref()))
}

/// Refuses a table of a later version of the protocol.
pub(super) fn protocol(protocol: &Protocol, path: &Path) -> Result<(), OpenError> {
    let newer = |found, known| OpenError::NewerFormat { file: path.to_owned(), found, known };
    if protocol.min_reader_version > READER_VERSION {
        return Err(newer(protocol.min_reader_version, READER_VERSION));
    }
    if protocol.min_writer_version > WRITER_VERSION {
        return Err(newer(protocol.min_writer_version, WRITER_VERSION));
    }
    Ok(())
}

/// Refuses a table of a later format of ours, and one with other columns.
pub(super) fn metadata(metadata: &MetaData, path: &Path) -> Result<(), OpenError> {
    let damaged = || OpenError::LogDamaged { file: path.to_owned() };
    let format = metadata.configuration.get(FORMAT_KEY).ok_or_else(damaged)?;
    let form = match format.parse().map_err(|_| damaged())? {
        found if found > FORMAT => {
            return Err(OpenError::NewerFormat { file: path.to_owned(), found, known: FORMAT });
        }
        FORMAT => Form::Erased,
        _ => Form::Sent,
    };
    let found: serde_json::Value =
        serde_json::from_str(&metadata.schema_string).map_err(|_| damaged())?;
    let known: serde_json::Value =
        serde_json::from_str(&schema::delta_schema(form)).map_err(|_| damaged())?;
    if found == known { Ok(()) } else { Err(damaged()) }
}

fn size(file: &DataFile, lengths: Option<&BTreeMap<PathBuf, u64>>) -> Result<(), OpenError> {
    let length = match lengths {
        Some(lengths) => lengths.get(&file.path).copied(),
        None => match file.storage.length(&file.path) {
            Ok(length) => Some(length),
            Err(error) if error.cause.kind() == io::ErrorKind::NotFound => None,
            Err(error) => return Err(error.into()),
        },
    };
    if length == Some(file.bytes) {
        Ok(())
    } else {
        Err(OpenError::DataDamaged { file: file.path.clone() })
    }
}
