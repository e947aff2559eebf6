//! The log as other programs read it: its texts are fixed.

use super::action::{parse_timestamp, timestamp};
use super::*;
use crate::state::Bounds;
use crate::storage::Storage;

fn folder(path: &Path) -> Folder {
    Folder { storage: Storage::local(), path: path.to_owned() }
}

#[test]
fn times_in_statistics_have_one_text() {
    for micros in [0, -1, 1_767_225_600_000_001, UtcTime::MIN.to_micros(), UtcTime::MAX.to_micros()]
    {
        let time = UtcTime::from_micros(micros).unwrap();
        assert_eq!(parse_timestamp(&timestamp(time)), Some(time));
    }
    assert_eq!(timestamp(UtcTime::MIN), "0001-01-01T00:00:00.000000Z");
    for text in
        ["", "2026-01-01T00:00:00Z", "2026-02-30T00:00:00.000000Z", "2026-01-01 00:00:00.000000Z"]
    {
        assert_eq!(parse_timestamp(text), None, "{text}");
    }
}

#[test]
fn an_entry_is_these_lines() {
    let dir = tempfile::tempdir().unwrap();
    let table = &folder(dir.path());
    table.folder(LOG).make().unwrap();
    let writer = Writer { journal: JournalId([0x1f; 16]), epoch: 4 };
    let author = Author { writer, now: UtcTime::from_micros(1_500).unwrap() };
    let instant = UtcTime::from_micros(1_000_000).unwrap();
    let file = DataFile {
        storage: table.storage.clone(),
        path: table.file("data/a.parquet"),
        day: instant.date(),
        bounds: Bounds {
            subscription: (SubscriptionId::from_bits(1), SubscriptionId::from_bits(2)),
            reported: (instant, instant),
            start: (instant, instant),
            commit: (Commit(3), Commit(5)),
        },
        rows: 9,
        bytes: 4,
        made: UtcTime::from_micros(1_000).unwrap(),
    };
    table.folder(DATA).make().unwrap();
    std::fs::write(&file.path, "four").unwrap();
    assert!(matches!(create(table, author, None), Ok(Put::Done)));
    let written = [Arc::new(file.clone())];
    assert!(matches!(add(table, author, 1, &written, (Commit(5), instant)).put(), Ok(Put::Done)));
    let text = std::fs::read_to_string(entry_path(table, 1)).unwrap();
    let expected = r#"{"commitInfo":{"timestamp":1,"operation":"WRITE","engineInfo":"ENGINE","isBlindAppend":true,"journalId":"1f1f1f1f1f1f1f1f1f1f1f1f1f1f1f1f","epoch":4,"commitTimeMicros":1000000,"crc32c":"00000000"}}
{"txn":{"appId":"1f1f1f1f1f1f1f1f1f1f1f1f1f1f1f1f","version":5}}
{"add":{"path":"data/a.parquet","partitionValues":{"reported_day":"1970-01-01"},"size":4,"modificationTime":1,"dataChange":true,"stats":"{\"numRecords\":9,\"minValues\":{\"subscription_id\":\"00000000-0000-0000-0000-000000000001\",\"reported_time\":\"1970-01-01T00:00:01.000000Z\",\"usage_start\":\"1970-01-01T00:00:01.000000Z\",\"commit\":3},\"maxValues\":{\"subscription_id\":\"00000000-0000-0000-0000-000000000002\",\"reported_time\":\"1970-01-01T00:00:01.000000Z\",\"usage_start\":\"1970-01-01T00:00:01.000000Z\",\"commit\":5},\"nullCount\":{\"subscription_id\":0,\"reported_time\":0,\"usage_start\":0,\"commit\":0}}"}}
"#;
    assert_eq!(text, checksum::filled_in(expected.replace("ENGINE", ENGINE)));

    let known = read(table, writer).unwrap().unwrap();
    assert_eq!((known.next, known.sealed, known.sealed_time), (2, Commit(5), instant));
    assert_eq!(*known.files[0], file);

    let joined = DataFile { path: table.file("data/b.parquet"), ..file.clone() };
    std::fs::rename(&file.path, &joined.path).unwrap();
    assert!(matches!(join(table, author, 2, (&written, &joined), instant).put(), Ok(Put::Done)));
    let text = std::fs::read_to_string(entry_path(table, 2)).unwrap();
    let mut lines = text.lines();
    assert!(lines.next().unwrap().contains(r#""operation":"OPTIMIZE","engineInfo""#));
    let removed = r#"{"remove":{"path":"data/a.parquet","deletionTimestamp":1,"dataChange":false,"extendedFileMetadata":true,"partitionValues":{"reported_day":"1970-01-01"},"size":4}}"#;
    assert_eq!(lines.next(), Some(removed));
    assert!(lines.next().unwrap().contains(r#""dataChange":false,"stats""#));
    assert_eq!(lines.next(), None);
    let known = read(table, writer).unwrap().unwrap();
    assert_eq!((known.next, known.sealed, known.sealed_time), (3, Commit(5), instant));
    assert_eq!((known.files.len(), &*known.files[0]), (1, &joined));
    assert_eq!((known.replaced.len(), &known.replaced[0].path), (1, &file.path));
}

#[test]
fn an_entry_that_is_there_is_kept() {
    let dir = tempfile::tempdir().unwrap();
    let table = folder(dir.path());
    table.folder(LOG).make().unwrap();
    let (storage, file) = (&table.storage, entry_path(&table, 0));
    assert!(matches!(storage.put_if_absent(&file, b"ours"), Ok(Put::Done)));
    assert!(matches!(storage.put_if_absent(&file, b"ours"), Ok(Put::Done)));
    assert!(matches!(storage.put_if_absent(&file, b"other"), Ok(Put::Taken)));
    assert_eq!(std::fs::read(&file).unwrap(), b"ours");
}
