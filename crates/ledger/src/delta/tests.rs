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

/// A file of four bytes.
fn data_file(table: &Folder, name: &str) -> DataFile {
    let instant = UtcTime::from_micros(1_000_000).unwrap();
    DataFile {
        storage: table.storage.clone(),
        path: table.file(name),
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
    let file = data_file(table, "data/a.parquet");
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
fn an_entry_of_an_erasure_is_these_lines() {
    let dir = tempfile::tempdir().unwrap();
    let table = &folder(dir.path());
    table.folder(LOG).make().unwrap();
    let writer = Writer { journal: JournalId([0x1f; 16]), epoch: 4 };
    let author = Author { writer, now: UtcTime::from_micros(1_500).unwrap() };
    let instant = UtcTime::from_micros(1_000_000).unwrap();
    let [first, joined, erased] =
        ["data/a.parquet", "data/b.parquet", "data/c.parquet"].map(|name| data_file(table, name));
    assert!(matches!(create(table, author, None), Ok(Put::Done)));
    let written = [Arc::new(first.clone())];
    assert!(matches!(add(table, author, 1, &written, (Commit(5), instant)).put(), Ok(Put::Done)));
    assert!(matches!(join(table, author, 2, (&written, &joined), instant).put(), Ok(Put::Done)));

    let subscription = SubscriptionId::from_bits(2);
    let with = vec![first.path.clone()];
    let first_of = Some(instant);
    let erasing = Erasing { generations: &[(subscription, 1)], first_of, with };
    let files = (&[Arc::new(joined)][..], &erased);
    assert!(matches!(erase(table, author, 3, &erasing, files, instant).put(), Ok(Put::Done)));
    let text = std::fs::read_to_string(entry_path(table, 3)).unwrap();
    let lines: Vec<_> = text.lines().collect();
    // What kind of table it is comes before all that an older version does not know.
    assert!(lines[0].contains(r#""operation":"UPDATE","engineInfo""#));
    assert!(lines[1].starts_with(r#"{"metaData":{"id":"1f1f1f1f-1f1f-1f1f-1f1f-1f1f1f1f1f1f","#));
    let configuration = r#""configuration":{"delta.appendOnly":"false","tallyhouse.format":"2"},"createdTime":1000"#;
    assert!(lines[1].contains(configuration), "{}", lines[1]);
    let count = r#"{"txn":{"appId":"erasure-00000000-0000-0000-0000-000000000002","version":1}}"#;
    assert_eq!(lines[2], count);
    assert!(
        lines[3].contains(r#""path":"data/b.parquet","deletionTimestamp":1,"dataChange":true"#)
    );
    assert!(
        lines[4].contains(r#""path":"data/a.parquet","deletionTimestamp":1,"dataChange":true"#)
    );
    assert!(lines[5].contains(r#""path":"data/c.parquet""#) && lines.len() == 6);
    let known = read(table, writer).unwrap().unwrap();
    assert_eq!(known.erasures, Erasures::from([(subscription, 1)]));
    assert_eq!(known.created, instant);
    assert!(known.replaced.len() == 2 && known.replaced.iter().all(|replaced| replaced.erased));

    // A checkpoint says all of it again.
    let state = CheckpointState {
        entry: 3,
        files: Arc::new(known.files.clone()),
        replaced: known.replaced.clone(),
        erasures: Arc::new(known.erasures.clone()),
        sealed: Commit(5),
        created: instant,
    };
    checkpoint(table, author, &state).unwrap();
    for entry in 0..3 {
        std::fs::remove_file(entry_path(table, entry)).unwrap();
    }
    let again = read(table, writer).unwrap().unwrap();
    assert_eq!((again.next, &again.files, &again.erasures), (4, &known.files, &known.erasures));
    assert!(again.replaced.len() == 2 && again.replaced.iter().all(|replaced| replaced.erased));
    let of = &[(subscription, 1)];
    assert!(again.replaced[0].may_have(of) == known.replaced[0].may_have(of));
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
