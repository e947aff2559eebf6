//! The table as its log and its files have it, read without the ledger: each record of the commits that it
//! says to have is there once.

use std::collections::BTreeSet;

use arrow_array::cast::AsArray;
use arrow_array::{Array, RecordBatch};
use domain::record::UsageRecord;
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;

use super::auditor::{Auditor, Finding, hold};
use crate::shared::Folders;
use crate::storage::Folder;
use crate::writer_file::Writer;
use crate::{data_file, delta};

/// What names a record: subscription, source, event id.
type Name = [String; 3];

/// Compares the table of a ledger that is closed with what the auditor knows.
pub(super) fn check(folders: &Folders, writer: Writer, auditor: &Auditor) -> Result<(), Finding> {
    let table = delta::read(&folders.table, writer);
    let table = table.map_err(|error| format!("the table cannot be read: {error}"))?;
    let Some(table) = table else { return Ok(()) };
    check_hint(&folders.log)?;
    let mut found = Vec::new();
    for file in &table.files {
        let opened = file.storage.open(&file.path).map_err(|error| error.to_string())?;
        let reader = ParquetRecordBatchReaderBuilder::try_new(opened).unwrap();
        for batch in reader.build().unwrap() {
            found.extend(names(&batch.map_err(|error| error.to_string())?));
        }
    }
    found.sort();
    let up_to = auditor.up_to(table.sealed);
    let mut expected: Vec<_> = up_to.values().map(|stored| name(&stored.record)).collect();
    expected.sort();
    hold!(found == expected, "the table has {} rows, not {}", found.len(), expected.len());
    Ok(())
}

/// No file that is there has a row as it was of a record that was erased, and the journal has none of them.
pub(super) fn check_erased(folders: &Folders, auditor: &Auditor) -> Result<(), Finding> {
    let Folders { data, journal, .. } = folders;
    let erased: BTreeSet<Name> = auditor.all_erased().map(|stored| name(&stored.record)).collect();
    for file in data_file::all(data).map_err(|error| error.to_string())? {
        let opened = data.storage.open(&file).map_err(|error| error.to_string())?;
        let reader = ParquetRecordBatchReaderBuilder::try_new(opened).unwrap();
        for batch in reader.build().unwrap() {
            let batch = batch.map_err(|error| error.to_string())?;
            let hashes = batch.column_by_name("content_hash");
            let is_erased = |row| hashes.is_some_and(|hashes| hashes.is_valid(row));
            let rows = names(&batch).into_iter().enumerate();
            let found = rows.filter(|(row, name)| erased.contains(name) && !is_erased(*row));
            let found: Vec<_> = found.collect();
            hold!(found.is_empty(), "{} has what was erased of {found:?}", file.display());
        }
    }
    for segment in journal.names().map_err(|error| error.to_string())? {
        let bytes =
            journal.storage.read(&journal.file(&segment)).map_err(|error| error.to_string())?;
        for [_, _, event] in &erased {
            // The tag of an event id, its length, and itself.
            let field = [&[31, u8::try_from(event.len()).unwrap()], event.as_bytes()].concat();
            let is_there = bytes.windows(field.len()).any(|window| window == field);
            hold!(!is_there, "{segment} has {event}, which was erased");
        }
    }
    Ok(())
}

fn names(batch: &RecordBatch) -> Vec<Name> {
    let text = |name: &str, row: usize| {
        batch.column_by_name(name).unwrap().as_string::<i32>().value(row).to_owned()
    };
    let name = |row| ["subscription_id", "source", "event_id"].map(|name| text(name, row));
    (0..batch.num_rows()).map(name).collect()
}

fn name(record: &UsageRecord) -> Name {
    let UsageRecord { subscription, source, event_id, .. } = record;
    [subscription.to_string(), source.to_string(), event_id.to_string()]
}

/// Readers outside are told of a checkpoint that is there, if of any; in an object store, where what tells
/// them may come late, of that or of one before.
fn check_hint(log: &Folder) -> Result<(), Finding> {
    let names = log.names().map_err(|error| error.to_string())?;
    if !names.iter().any(|name| name == "_last_checkpoint") {
        return Ok(());
    }
    let text =
        log.storage.read(&log.file("_last_checkpoint")).map_err(|error| error.to_string())?;
    let hint: serde_json::Value = serde_json::from_slice(&text)
        .map_err(|error| format!("_last_checkpoint cannot be read: {error}"))?;
    let name = format!("{:020}.checkpoint.parquet", hint["version"].as_u64().unwrap_or_default());
    let mut checkpoints = names.iter().filter(|name| name.ends_with(".checkpoint.parquet"));
    let is_there = match log.storage.objects() {
        None => checkpoints.any(|checkpoint| *checkpoint == name),
        Some(_) => checkpoints.any(|checkpoint| *checkpoint >= name),
    };
    hold!(is_there, "_last_checkpoint names {name}, which is not there");
    Ok(())
}
