//! Becoming the writer of a ledger: find out whose it is, raise the epoch, and see to it that no earlier
//! writer can go on.

use std::path::PathBuf;

use domain::time::UtcTime;

use crate::delta::{self, Author, Opening, Table};
use crate::error::{FileError, OpenError};
use crate::journal::{self, Segments};
use crate::limits::TAKE_OVER_TRIES;
use crate::place::{JournalPlace, Place};
use crate::shared::Folders;
use crate::storage::{Folder, Put, PutError};
use crate::version::JournalId;
use crate::writer_file::{self, Writer};

/// Says where the ledger of a folder lies; there is none if that is the folder itself.
const PLACE: &str = "place";
/// What lies in the folder of a ledger that is wholly there.
const OF_A_FOLDER: [&str; 3] = [writer_file::NAME, "journal", "usage"];
/// Object by which a store is tried.
const PROBE: &str = "_probe";

/// Notes where the ledger of a folder lies that has none of its own, once that was found to be a place for
/// it.
pub(crate) fn note_place(folders: &Folders, place: &Place) -> Result<(), FileError> {
    let root = &folders.root;
    let is_noted = root.names()?.iter().any(|name| name == PLACE);
    match place {
        Place::Objects(_) if !is_noted => {
            root.storage.replace(&root.file(PLACE), note(place).as_bytes())
        }
        Place::Objects(_) | Place::Folder => Ok(()),
    }
}

/// Refuses a folder whose ledger lies elsewhere.
pub(crate) fn check_place(folders: &Folders, place: &Place) -> Result<(), OpenError> {
    let root = &folders.root;
    let file = root.file(PLACE);
    let names = root.names()?;
    let noted = match names.iter().any(|name| name == PLACE) {
        true => Some(String::from_utf8_lossy(&root.storage.read_small(&file)?).into_owned()),
        false => None,
    };
    let here = || root.path.display().to_string();
    let (found, given) = match (noted, place) {
        (None, Place::Folder) => return Ok(()),
        (Some(noted), Place::Folder) => (shown(&noted), here()),
        (None, Place::Objects(objects)) => {
            let of_a_folder = names.iter().find(|name| OF_A_FOLDER.contains(&name.as_str()));
            let Some(name) = of_a_folder else { return Ok(()) };
            let (file, found, given) = (root.file(name), here(), objects.url.clone());
            return Err(OpenError::Elsewhere { file, found, given });
        }
        (Some(noted), Place::Objects(_)) if noted == note(place) => return Ok(()),
        (Some(noted), Place::Objects(_)) => (shown(&noted), shown(&note(place))),
    };
    Err(OpenError::Elsewhere { file, found, given })
}

/// The lines of the file.
fn note(place: &Place) -> String {
    match place {
        Place::Folder => String::new(),
        Place::Objects(objects) => {
            let journal = match objects.journal {
                JournalPlace::Folder => "local",
                JournalPlace::Objects => "object",
            };
            format!("ledger {}\njournal {journal}\n", objects.url)
        }
    }
}

/// The lines as a message shows them.
fn shown(note: &str) -> String {
    note.trim_end().replace("ledger ", "").replace("\njournal ", " with journal ")
}

/// Finds out whether an object store can be written, and keeps one writer from another's objects.
pub(crate) fn probe(root: &Folder) -> Result<(), OpenError> {
    let file = root.folder(PROBE).file(Opening::random().to_string());
    let put = |bytes: &[u8]| root.storage.put_if_absent(&file, bytes);
    let failed = |error| match error {
        PutError::NotDone(error) | PutError::Unknown(error) | PutError::Open(error) => {
            OpenError::File(error)
        }
    };
    let (first, second) = (put(b"first").map_err(failed)?, put(b"second").map_err(failed)?);
    let there = root.storage.read_small(&file)?;
    root.storage.remove(&file)?;
    if first == Put::Done && second == Put::Taken && there == b"first" {
        return Ok(());
    }
    Err(OpenError::Unconditional { url: root.path.display().to_string() })
}

/// Becomes the writer; makes what a new ledger lacks.
pub(crate) fn claim(
    folders: &Folders,
    place: &Place,
    now: UtcTime,
) -> Result<(Writer, Table), OpenError> {
    let claimed = match place {
        Place::Objects(objects) if objects.journal == JournalPlace::Objects => {
            claim_objects(folders, now)
        }
        Place::Folder | Place::Objects(_) => claim_folder(folders, now),
    };
    let (writer, table) = claimed?;
    if folders.table.storage.objects().is_some() {
        delta::check_files(&folders.table, &table)?;
    }
    Ok((writer, table))
}

/// Raises the epoch in the folder once the table is known to be ours.
fn claim_folder(folders: &Folders, now: UtcTime) -> Result<(Writer, Table), OpenError> {
    let begun = journal::is_begun(&folders.journal)?;
    let known = writer_file::read(&folders.root)?;
    if let Some(file) = in_objects(folders)? {
        let given = folders.journal.path.display().to_string();
        return Err(OpenError::Elsewhere { file, found: "journal object".to_owned(), given });
    }
    if known.is_none() && (begun || !folders.log.names()?.is_empty()) {
        return Err(OpenError::WriterFile { file: folders.root.file(writer_file::NAME) });
    }
    let known = known.unwrap_or_else(|| Writer { journal: JournalId::random(), epoch: 0 });
    let table = delta::read(&folders.table, known)?;
    if let Some(table) = &table
        && folders.table.storage.objects().is_none()
    {
        delta::check_files(&folders.table, table)?; // before anything is written
    }
    let writer = Writer { epoch: known.epoch + 1, ..known };
    writer_file::write(&folders.root, writer)?;
    if let Some(table) = table {
        // The last entry may have been read from memory after a sync that failed.
        folders.log.sync()?;
        let author = Author { writer, now };
        let table = match folders.table.storage.objects() {
            Some(_) => delta::take_over(&folders.table, author, known, table)?,
            None => table,
        };
        return Ok((writer, table));
    }
    for folder in [&folders.journal, &folders.data, &folders.log] {
        folder.make()?;
    }
    if !begun {
        Segments::create(&folders.journal)?;
    } else if !journal::is_empty(&folders.journal)? {
        // Only a crash while the ledger was made leaves a segment without a table: an empty one.
        return Err(OpenError::LogDamaged { file: delta::entry_path(&folders.table, 0) });
    } else {
        // It may be there in memory only, and the table must not be there without a journal.
        folders.journal.sync()?;
    }
    let table = create(folders, Author { writer, now }, known)?;
    Ok((writer, table))
}

/// Where the objects say who writes their journal, if they have one.
fn in_objects(folders: &Folders) -> Result<Option<PathBuf>, OpenError> {
    let Some(writers) = writers(folders) else { return Ok(None) };
    Ok((!writers.names()?.is_empty()).then_some(writers.path))
}

/// The folder of the objects that say who writes.
fn writers(folders: &Folders) -> Option<Folder> {
    let path = folders.table.storage.objects()?.url().join(writer_file::NAME);
    Some(Folder { path, ..folders.table.clone() })
}

/// Claims the next epoch, and then the log's end.
fn claim_objects(folders: &Folders, now: UtcTime) -> Result<(Writer, Table), OpenError> {
    let (known, writer) = next_epoch(folders)?;
    let author = Author { writer, now };
    let table = delta::read(&folders.table, known).and_then(|table| match table {
        Some(table) => delta::take_over(&folders.table, author, known, table),
        None => create(folders, author, known),
    });
    match table {
        Ok(table) => Ok((writer, table)),
        Err(OpenError::ForeignCommit { file }) => Err(overtaken(folders, file, writer)),
        Err(error) => Err(error),
    }
}

/// The latest epoch that somebody had, and the one after it, which is ours.
fn next_epoch(folders: &Folders) -> Result<(Writer, Writer), OpenError> {
    let writers = writers(folders).expect("a journal of objects lies in an object store");
    for _ in 0..TAKE_OVER_TRIES {
        let known = writer_file::read_object(&writers)?;
        if known.is_none() && !folders.log.names()?.is_empty() {
            let (file, given) = (folders.log.path.clone(), "journal object".to_owned());
            let found = "a table whose journal is in its writer's folder".to_owned();
            return Err(OpenError::Elsewhere { file, found, given });
        }
        let known = known.unwrap_or_else(|| Writer { journal: JournalId::random(), epoch: 0 });
        let writer = Writer { epoch: known.epoch + 1, ..known };
        match writer_file::claim_object(&writers, writer) {
            Ok(Put::Done) => return Ok((known, writer)),
            Ok(Put::Taken) => {}
            Err(PutError::NotDone(error) | PutError::Unknown(error) | PutError::Open(error)) => {
                return Err(error.into());
            }
        }
    }
    Err(OpenError::Busy { file: writers.path })
}

/// Why a log entry is not of an earlier epoch.
fn overtaken(folders: &Folders, file: PathBuf, writer: Writer) -> OpenError {
    let name = file.file_stem().and_then(|name| name.to_str()).and_then(|name| name.parse().ok());
    match name.is_some_and(|entry| delta::is_taken_over(&folders.table, entry, writer)) {
        true => OpenError::Busy { file },
        false => OpenError::ForeignCommit { file },
    }
}

/// Makes the table. In an object store one that an earlier opening has put may have come since, though it
/// was told that there is none: it is taken over.
fn create(folders: &Folders, author: Author, known: Writer) -> Result<Table, OpenError> {
    let table = &folders.table;
    let entry = delta::entry_path(table, 0);
    let opening = table.storage.objects().map(|_| Opening::random());
    let writer = match delta::create(table, author, opening.as_ref()) {
        Ok(Put::Done) => author.writer,
        Ok(Put::Taken) if opening.is_some() => known,
        Ok(Put::Taken) => return Err(OpenError::ForeignCommit { file: entry }),
        Err(PutError::NotDone(error) | PutError::Unknown(error) | PutError::Open(error)) => {
            return Err(error.into());
        }
    };
    let read = delta::read(table, writer)?.ok_or(OpenError::LogDamaged { file: entry })?;
    match writer == author.writer {
        true => Ok(read),
        false => delta::take_over(table, author, known, read),
    }
}
