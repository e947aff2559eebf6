//! The table as its log and its files have it, read without the ledger: each record of the commits that it
//! says to have is there once.

use arrow_array::RecordBatch;
use arrow_array::cast::AsArray;
use domain::record::UsageRecord;
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;

use super::auditor::{Auditor, Finding, hold};
use crate::delta;
use crate::error::OpenError;
use crate::storage::Folder;
use crate::writer_file;

/// What names a record: subscription, source, event id.
type Name = [String; 3];

/// Compares the table of a ledger that is closed with what the auditor knows.
pub(super) fn check(root: &Folder, auditor: &Auditor) -> Result<(), Finding> {
    let text = |error: OpenError| format!("the table cannot be read: {error}");
    let Some(writer) = writer_file::read(root).map_err(text)? else { return Ok(()) };
    let table = delta::read(&root.folder("usage"), writer).map_err(text)?;
    let Some(table) = table else { return Ok(()) };
    check_hint(root)?;
    let mut found = Vec::new();
    for file in &table.files {
        let opened = root.storage.open(&file.path).map_err(|error| error.to_string())?;
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

/// Readers outside are told of a checkpoint that is there, if of any.
fn check_hint(root: &Folder) -> Result<(), Finding> {
    let log = root.folder("usage").folder(delta::LOG);
    let names = log.names().map_err(|error| error.to_string())?;
    if !names.iter().any(|name| name == "_last_checkpoint") {
        return Ok(());
    }
    let text =
        root.storage.read(&log.file("_last_checkpoint")).map_err(|error| error.to_string())?;
    let hint: serde_json::Value = serde_json::from_slice(&text)
        .map_err(|error| format!("_last_checkpoint cannot be read: {error}"))?;
    let name = format!("{:020}.checkpoint.parquet", hint["version"].as_u64().unwrap_or_default());
    hold!(names.contains(&name), "_last_checkpoint names {name}, which is not there");
    Ok(())
}
