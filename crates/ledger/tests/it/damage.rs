//! Folders that a crash or a fault has left: what is cut, what is refused, and by which name.

use std::fs;
use std::path::Path;

use ledger::{OpenError, ReadError};

use crate::folder::{append, copy, last_segment, open, open_error, run, segments};
use crate::support::{Clock, Spec, hour, subscription};

/// A ledger with a sealed commit and `frames` more in the journal; the lengths of its last segment
/// after each of them.
async fn prepared(dir: &Path, clock: &Clock, frames: u16) -> Vec<u64> {
    let ledger = open(dir, clock).unwrap();
    append(&ledger, &[Spec::default()]).await;
    ledger.seal().await.unwrap();
    let mut lengths = vec![0];
    for number in 1..=frames {
        append(&ledger, &[Spec { event: number, ..Spec::default() }]).await;
        lengths.push(fs::metadata(last_segment(dir)).unwrap().len());
    }
    ledger.close().await.unwrap();
    lengths
}

#[test]
fn a_frame_torn_at_any_byte_is_cut_and_the_journal_goes_on() {
    run(async {
        let dir = tempfile::tempdir().unwrap();
        let clock = Clock::at(hour(5));
        let lengths = prepared(dir.path(), &clock, 2).await;
        for cut in lengths[1]..lengths[2] {
            let torn = tempfile::tempdir().unwrap();
            copy(dir.path(), torn.path());
            let segment = last_segment(torn.path());
            fs::OpenOptions::new().write(true).open(&segment).unwrap().set_len(cut).unwrap();
            let ledger = open(torn.path(), &clock).unwrap();
            assert_eq!(ledger.status().rows, 2, "cut at {cut}");
            assert_eq!(fs::metadata(&segment).unwrap().len(), lengths[1]);
            if cut % 32 == 0 {
                append(&ledger, &[Spec { event: 9, ..Spec::default() }]).await;
                ledger.close().await.unwrap();
                let ledger = open(torn.path(), &clock).unwrap();
                assert_eq!(ledger.status().rows, 3, "cut at {cut}");
                ledger.close().await.unwrap();
            } else {
                ledger.close().await.unwrap();
            }
        }
    });
}

#[test]
fn a_last_frame_of_which_only_the_length_was_written_is_cut() {
    run(async {
        let dir = tempfile::tempdir().unwrap();
        let clock = Clock::at(hour(5));
        let lengths = prepared(dir.path(), &clock, 1).await;
        let segment = last_segment(dir.path());
        fs::OpenOptions::new()
            .write(true)
            .open(&segment)
            .unwrap()
            .set_len(lengths[1] + 300)
            .unwrap();
        let ledger = open(dir.path(), &clock).unwrap();
        assert_eq!(ledger.status().rows, 2);
        ledger.close().await.unwrap();
    });
}

#[test]
fn a_flipped_byte_before_a_good_frame_is_refused_with_its_frames_offset() {
    run(async {
        let dir = tempfile::tempdir().unwrap();
        let clock = Clock::at(hour(5));
        let lengths = prepared(dir.path(), &clock, 3).await;
        let segment = last_segment(dir.path());
        let good = fs::read(&segment).unwrap();
        for frame in 0..2 {
            let (begin, end) = (lengths[frame], lengths[frame + 1]);
            for byte in (begin..end).step_by(7) {
                // The two bytes of the format version are answered as a newer format.
                if (4..6).contains(&(byte - begin)) {
                    continue;
                }
                let mut bad = good.clone();
                bad[usize::try_from(byte).unwrap()] ^= 0x40;
                fs::write(&segment, bad).unwrap();
                match open_error(dir.path(), &clock) {
                    OpenError::JournalDamaged { file, offset } => {
                        assert_eq!((&file, offset), (&segment, begin), "byte {byte}");
                    }
                    other => panic!("byte {byte}: {other}"),
                }
            }
        }
        fs::write(&segment, good).unwrap();
        let ledger = open(dir.path(), &clock).unwrap();
        assert_eq!(ledger.status().rows, 4);
        ledger.close().await.unwrap();
    });
}

#[test]
fn a_lost_segment_is_refused() {
    run(async {
        let dir = tempfile::tempdir().unwrap();
        let clock = Clock::at(hour(5));
        prepared(dir.path(), &clock, 2).await;
        let segment = last_segment(dir.path());
        fs::remove_file(&segment).unwrap();
        let error = open_error(dir.path(), &clock);
        let expected = format!("journal segment {} is damaged at byte 0", segment.display());
        assert_eq!(error.to_string(), expected);
        // A later segment does not replace it.
        fs::write(segment.with_file_name("00000000000000000004.journal"), "").unwrap();
        assert!(matches!(open_error(dir.path(), &clock), OpenError::JournalDamaged { .. }));
    });
}

#[test]
fn a_second_writer_is_refused_until_the_first_has_closed() {
    run(async {
        let dir = tempfile::tempdir().unwrap();
        let clock = Clock::at(hour(5));
        let ledger = open(dir.path(), &clock).unwrap();
        assert!(matches!(open_error(dir.path(), &clock), OpenError::Locked { .. }));
        append(&ledger, &[Spec::default()]).await;
        ledger.close().await.unwrap();
        let ledger = open(dir.path(), &clock).unwrap();
        assert_eq!(ledger.status().rows, 1);
        ledger.close().await.unwrap();
    });
}

#[test]
fn newer_formats_are_refused_by_the_file_that_says_so() {
    run(async {
        let dir = tempfile::tempdir().unwrap();
        let clock = Clock::at(hour(5));
        prepared(dir.path(), &clock, 1).await;
        let refused = |file: &Path, old: &str, new: &str| {
            let good = fs::read(file).unwrap();
            let place = good.windows(old.len()).position(|part| part == old.as_bytes()).unwrap();
            // A checksum that does not count, as in an entry of an older version.
            let mut newer = good.clone();
            if let Some(place) = good.windows(6).position(|part| part == b"crc32c")
                && file.extension().is_some_and(|ending| ending == "json")
            {
                newer[place] = b'-';
            }
            newer.splice(place..place + old.len(), new.bytes());
            fs::write(file, newer).unwrap();
            match open_error(dir.path(), &clock) {
                OpenError::NewerFormat { file: named, .. } => assert_eq!(named, file),
                other => panic!("{}: {other}", file.display()),
            }
            fs::write(file, good).unwrap();
        };
        let entry = dir.path().join("usage/_delta_log/00000000000000000000.json");
        refused(&dir.path().join("writer"), "format 1", "format 2");
        refused(&last_segment(dir.path()), "TLYJ\u{1}\0", "TLYJ\u{2}\0");
        refused(&entry, "\"minReaderVersion\":1", "\"minReaderVersion\":3");
        refused(&entry, "\"minWriterVersion\":2", "\"minWriterVersion\":7");
        refused(&entry, "\"tallyhouse.format\":\"1\"", "\"tallyhouse.format\":\"3\"");
        open(dir.path(), &clock).unwrap().close().await.unwrap();
    });
}

#[test]
fn a_table_commit_that_is_not_ours_is_refused_by_name() {
    run(async {
        let dir = tempfile::tempdir().unwrap();
        let clock = Clock::at(hour(5));
        prepared(dir.path(), &clock, 1).await;
        let log = dir.path().join("usage/_delta_log");
        let entry = log.join("00000000000000000002.json");
        for foreign in [
            r#"{"commitInfo":{"timestamp":1,"operation":"OPTIMIZE","engineInfo":"delta-rs:1"}}"#,
            r#"{"remove":{"path":"x","dataChange":true}}"#,
            r#"{"commitInfo":{"journalId":"00000000000000000000000000000000","epoch":1}}"#,
        ] {
            fs::write(&entry, foreign).unwrap();
            match open_error(dir.path(), &clock) {
                OpenError::ForeignCommit { file } => assert_eq!(file, entry),
                other => panic!("{other}"),
            }
        }
        fs::write(&entry, "{").unwrap();
        assert!(matches!(open_error(dir.path(), &clock), OpenError::LogDamaged { .. }));
        fs::remove_file(&entry).unwrap();

        let first = log.join("00000000000000000000.json");
        let good = fs::read(&first).unwrap();
        fs::remove_file(&first).unwrap();
        match open_error(dir.path(), &clock) {
            OpenError::LogDamaged { file } => assert_eq!(file, first),
            other => panic!("{other}"),
        }
        fs::write(&first, good).unwrap();
        open(dir.path(), &clock).unwrap().close().await.unwrap();
    });
}

#[test]
fn a_missing_or_cut_data_file_is_refused_by_name() {
    run(async {
        let dir = tempfile::tempdir().unwrap();
        let clock = Clock::at(hour(5));
        prepared(dir.path(), &clock, 1).await;
        let day = crate::folder::files(&dir.path().join("usage/data")).pop().unwrap();
        let file = crate::folder::files(&day).pop().unwrap();
        let good = fs::read(&file).unwrap();
        for bad in [None, Some(&good[..good.len() - 1])] {
            match bad {
                None => fs::remove_file(&file).unwrap(),
                Some(bad) => fs::write(&file, bad).unwrap(),
            }
            match open_error(dir.path(), &clock) {
                OpenError::DataDamaged { file: named } => assert_eq!(named, file),
                other => panic!("{other}"),
            }
        }
    });
}

#[test]
fn without_the_writer_file_data_is_not_taken_for_a_new_ledger() {
    run(async {
        let dir = tempfile::tempdir().unwrap();
        let clock = Clock::at(hour(5));
        prepared(dir.path(), &clock, 1).await;
        let file = dir.path().join("writer");
        let good = fs::read_to_string(&file).unwrap();
        for bad in [None, Some(String::new()), Some(good.replace("epoch 1", "epoch 2"))] {
            match bad {
                None => fs::remove_file(&file).unwrap(),
                Some(bad) => fs::write(&file, bad).unwrap(),
            }
            assert!(matches!(open_error(dir.path(), &clock), OpenError::WriterFile { .. }));
        }
    });
}

#[test]
fn leftovers_of_an_unfinished_seal_are_cleared() {
    run(async {
        let dir = tempfile::tempdir().unwrap();
        let clock = Clock::at(hour(5));
        prepared(dir.path(), &clock, 1).await;
        let data = dir.path().join("usage/data");
        let data = crate::folder::files(&data).pop().unwrap();
        let orphan = data.join(format!("{:020}-{:020}-1-1.parquet", 2, 2));
        let temporary = dir.path().join("usage/_delta_log/.00000000000000000002.json.tmp");
        fs::write(&orphan, "half a file").unwrap();
        fs::write(&temporary, "half an entry").unwrap();
        open(dir.path(), &clock).unwrap().close().await.unwrap();
        assert!(!orphan.exists() && !temporary.exists());
        assert_eq!(crate::folder::files(&data).len(), 1);
        assert_eq!(segments(dir.path()).len(), 1);
    });
}

#[test]
fn a_refused_opening_removes_no_record() {
    run(async {
        let dir = tempfile::tempdir().unwrap();
        let clock = Clock::at(hour(5));
        let ledger = open(dir.path(), &clock).unwrap();
        for event in 1..=2 {
            append(&ledger, &[Spec { event, ..Spec::default() }]).await;
            ledger.seal().await.unwrap();
        }
        ledger.close().await.unwrap();
        // As a copy that lacks the newest file: its rows are in a data file and nowhere else.
        let entry = dir.path().join("usage/_delta_log/00000000000000000002.json");
        let aside = dir.path().join("aside");
        fs::rename(&entry, &aside).unwrap();
        let refused = open_error(dir.path(), &clock);
        assert!(matches!(refused, OpenError::JournalDamaged { .. }), "{refused}");
        fs::rename(&aside, &entry).unwrap();
        let ledger = open(dir.path(), &clock).unwrap();
        assert_eq!(ledger.status().rows, 2);
        ledger.close().await.unwrap();
    });
}

#[test]
fn a_flipped_bit_of_a_data_file_is_named_or_changes_no_answer() {
    run(async {
        let dir = tempfile::tempdir().unwrap();
        let clock = Clock::at(hour(5));
        let ledger = open(dir.path(), &clock).unwrap();
        let specs = (0..200).map(|event| Spec {
            event,
            instance: u8::try_from(event % 4).unwrap(),
            cents: u32::from(event) * 3,
            ..Spec::default()
        });
        append(&ledger, &specs.collect::<Vec<_>>()).await;
        ledger.seal().await.unwrap();
        let all = hour(-24 * 365)..hour(24 * 365);
        let snapshot = ledger.snapshot(None).await.unwrap();
        let right = snapshot.records(subscription(0), all.clone()).await.unwrap();
        ledger.close().await.unwrap();
        let day = crate::folder::files(&dir.path().join("usage/data")).pop().unwrap();
        let file = crate::folder::files(&day).pop().unwrap();
        let good = fs::read(&file).unwrap();
        let (mut seed, mut named) = (7_u64, 0);
        for _ in 0..200 {
            seed = seed
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1_442_695_040_888_963_407);
            let bit = usize::try_from((seed >> 20) % (good.len() as u64 * 8)).unwrap();
            let mut bad = good.clone();
            bad[bit / 8] ^= 1 << (bit % 8);
            fs::write(&file, bad).unwrap();
            // Opened anew, as a footer that was read once is not read again.
            let ledger = open(dir.path(), &clock).unwrap();
            let snapshot = ledger.snapshot(None).await.unwrap();
            match snapshot.records(subscription(0), all.clone()).await {
                Ok(read) => assert!(read == right, "bit {bit} changes the answer"),
                Err(ReadError::DataDamaged { file: found, .. }) => {
                    assert_eq!(found, file);
                    named += 1;
                }
                Err(other) => panic!("bit {bit}: {other}"),
            }
            ledger.close().await.unwrap();
        }
        assert!(named > 160, "{named} of 200 were named");
    });
}

#[test]
fn a_flipped_bit_of_a_log_entry_is_refused_by_name() {
    run(async {
        let dir = tempfile::tempdir().unwrap();
        let clock = Clock::at(hour(5));
        prepared(dir.path(), &clock, 1).await;
        let entry = dir.path().join("usage/_delta_log/00000000000000000001.json");
        let good = fs::read(&entry).unwrap();
        let name = good.windows(10).position(|part| part == b"\"crc32c\":\"").unwrap();
        for bit in (0..good.len() * 8).step_by(83) {
            // Without its name there is no checksum, and nothing else has changed.
            if (name..name + 10).contains(&(bit / 8)) {
                continue;
            }
            let mut bad = good.clone();
            bad[bit / 8] ^= 1 << (bit % 8);
            fs::write(&entry, bad).unwrap();
            match open_error(dir.path(), &clock) {
                OpenError::LogDamaged { file } => assert_eq!(file, entry),
                other => panic!("bit {bit}: {other}"),
            }
        }
    });
}
