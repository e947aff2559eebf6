//! Checking a ledger: each damage is named by its file, and nothing sound is.

use std::fs;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use ledger::{OpenError, VerifyReport, verify_folder};

use crate::folder::{append, copy, files, last_segment, open, run, run_on};
use crate::support::{Clock, Spec, hour};

fn specs(from: u16, count: u16) -> Vec<Spec> {
    let spec = |event: u16| Spec {
        event,
        subscription: u8::try_from(event % 2).unwrap(),
        instance: u8::try_from(event % 4).unwrap(),
        reported: Some(u8::try_from(event % 30).unwrap()),
        ..Spec::default()
    };
    (from..from + count).map(spec).collect()
}

/// Seals of 30 records each, and a journal with two frames more.
async fn prepared(dir: &Path, clock: &Clock, seals: u16) {
    let ledger = open(dir, clock).unwrap();
    for seal in 0..seals {
        append(&ledger, &specs(seal * 30, 30)).await;
        ledger.seal().await.unwrap();
        ledger.compact().await.unwrap(); // what is due is done before there is more
    }
    append(&ledger, &specs(9_000, 5)).await;
    append(&ledger, &specs(9_100, 5)).await;
    ledger.close().await.unwrap();
}

fn check(dir: &Path) -> VerifyReport {
    verify_folder(dir, &mut |_| ControlFlow::Continue(())).unwrap()
}

fn data_files(dir: &Path) -> Vec<PathBuf> {
    files(&dir.join("usage/data")).iter().flat_map(|day| files(day)).collect()
}

/// The names of damaged files, with a reason each.
fn named(report: &VerifyReport) -> Vec<(String, String)> {
    let name = |file: &Path| file.file_name().unwrap().to_string_lossy().into_owned();
    report.damaged.iter().map(|damage| (name(&damage.file), damage.reason.clone())).collect()
}

#[test]
fn a_sound_ledger_is_found_sound_and_nothing_of_it_changes() {
    run(async {
        let dir = tempfile::tempdir().unwrap();
        prepared(dir.path(), &Clock::at(hour(50)), 3).await;
        let before = tempfile::tempdir().unwrap();
        copy(dir.path(), before.path());
        let mut told = Vec::new();
        let report = verify_folder(dir.path(), &mut |progress| {
            told.push(progress);
            ControlFlow::Continue(())
        })
        .unwrap();
        assert_eq!(named(&report), []);
        let counts = (report.log_entries, report.data_files, report.rows, report.identities);
        assert_eq!(counts, (6, 4, 90, 90));
        assert_eq!((report.frames, report.journal_records, report.without_checksums), (2, 10, 0));
        assert!(report.version.to_string().ends_with(".5"), "{}", report.version);
        assert_eq!((told.len(), told[0].done, told[4].done), (5, 0, told[4].of));
        for (one, other) in data_files(dir.path()).iter().zip(data_files(before.path())) {
            assert_eq!(fs::read(one).unwrap(), fs::read(other).unwrap());
        }
        assert_eq!(
            files(&dir.path().join("index")).len(),
            files(&before.path().join("index")).len()
        );
        open(dir.path(), &Clock::at(hour(50))).unwrap().close().await.unwrap();
    });
}

/// Damages a file of each kind, two data files among them, and expects that all are named.
#[test]
fn every_damaged_file_is_named_and_no_other() {
    run(async {
        let good = tempfile::tempdir().unwrap();
        prepared(good.path(), &Clock::at(hour(50)), 3).await;
        let flip = |file: &Path, place: usize| {
            let mut bytes = fs::read(file).unwrap();
            let place = place.min(bytes.len() / 2);
            bytes[place] ^= 0x10;
            fs::write(file, bytes).unwrap();
        };
        let dir = tempfile::tempdir().unwrap();
        copy(good.path(), dir.path());
        let data = data_files(dir.path());
        flip(&data[1], 700);
        fs::remove_file(&data[3]).unwrap();
        let segment = last_segment(dir.path());
        flip(&segment, 100);
        let index = files(&dir.path().join("index")).pop().unwrap();
        flip(&index, 4_100);
        let entry = dir.path().join("usage/_delta_log/00000000000000000000.json");
        flip(&entry, 300);
        let found = named(&check(dir.path()));
        let mut expected: Vec<_> = [&data[1], &data[3], &segment, &index, &entry]
            .map(|file| file.file_name().unwrap().to_string_lossy().into_owned())
            .to_vec();
        // Without its first entry nothing says what the table has: each file is checked by itself, and
        // the one that is gone cannot be missed.
        expected.retain(|name| *name != data[3].file_name().unwrap().to_string_lossy());
        expected.push("_delta_log".to_owned());
        expected.sort();
        let mut names: Vec<_> = found.iter().map(|(name, _)| name.clone()).collect();
        names.sort();
        assert_eq!(names, expected, "{found:?}");

        let dir = tempfile::tempdir().unwrap();
        copy(good.path(), dir.path());
        let data = data_files(dir.path());
        flip(&data[1], 700);
        fs::remove_file(&data[3]).unwrap();
        let segment = last_segment(dir.path());
        flip(&segment, 100);
        let index = files(&dir.path().join("index")).pop().unwrap();
        flip(&index, 4_100);
        let report = check(dir.path());
        let found = named(&report);
        let mut expected: Vec<_> = [&data[1], &data[3], &segment, &index]
            .map(|file| file.strip_prefix(dir.path()).unwrap().to_owned())
            .to_vec();
        expected.sort();
        let mut files: Vec<_> = report.damaged.iter().map(|damage| damage.file.clone()).collect();
        files.dedup();
        assert_eq!(files, expected, "{found:?}");
        let reasons: Vec<_> = found.iter().map(|(_, reason)| reason.as_str()).collect();
        assert!(reasons.iter().any(|reason| reason.contains("do not have their checksum")));
        assert!(reasons.contains(&"no good frame at byte 0"), "{reasons:?}");
    });
}

#[test]
fn a_whole_file_of_other_rows_is_told_from_the_one_that_the_log_names() {
    run(async {
        let clock = Clock::at(hour(50));
        let [one, other] = [tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap()];
        for (dir, cents) in [(&one, 100), (&other, 200)] {
            let ledger = open(dir.path(), &clock).unwrap();
            append(&ledger, &[Spec { cents, ..Spec::default() }]).await;
            ledger.seal().await.unwrap();
            ledger.close().await.unwrap();
        }
        // Of the same length, with good checksums and within the same bounds.
        let (mine, theirs) = (&data_files(one.path())[0], &data_files(other.path())[0]);
        assert_eq!(fs::metadata(mine).unwrap().len(), fs::metadata(theirs).unwrap().len());
        fs::copy(theirs, mine).unwrap();
        let found = named(&check(one.path()));
        assert_eq!(found.len(), 1, "{found:?}");
        assert!(found[0].1.contains("is there with other content"), "{found:?}");
    });
}

#[test]
fn an_index_that_lacks_commits_is_told() {
    run(async {
        let dir = tempfile::tempdir().unwrap();
        prepared(dir.path(), &Clock::at(hour(50)), 2).await;
        for segment in files(&dir.path().join("index")) {
            fs::remove_file(segment).unwrap();
        }
        let found = named(&check(dir.path()));
        let lacking = "no segment of commits 1 to 2; opening makes it anew";
        assert_eq!(found, [("index".to_owned(), lacking.to_owned())]);
    });
}

#[test]
fn a_torn_end_of_the_journal_is_no_damage_and_a_lost_segment_is() {
    run(async {
        let dir = tempfile::tempdir().unwrap();
        prepared(dir.path(), &Clock::at(hour(50)), 1).await;
        let segment = last_segment(dir.path());
        let length = fs::metadata(&segment).unwrap().len();
        let file = fs::OpenOptions::new().write(true).open(&segment).unwrap();
        file.set_len(length - 1).unwrap();
        let report = check(dir.path());
        assert_eq!((named(&report), report.frames), (vec![], 1));
        fs::remove_file(&segment).unwrap();
        let found = named(&check(dir.path()));
        assert_eq!(found, [("journal".to_owned(), "there is no segment".to_owned())]);
    });
}

#[test]
fn a_folder_in_use_is_not_checked_from_outside() {
    run(async {
        let dir = tempfile::tempdir().unwrap();
        let ledger = open(dir.path(), &Clock::at(hour(50))).unwrap();
        let refused = verify_folder(dir.path(), &mut |_| ControlFlow::Continue(()));
        assert!(matches!(refused, Err(OpenError::Locked { .. })), "{refused:?}");
        ledger.close().await.unwrap();
        let nothing = tempfile::tempdir().unwrap();
        assert!(matches!(
            verify_folder(nothing.path(), &mut |_| ControlFlow::Continue(())),
            Err(OpenError::File(_))
        ));
    });
}

#[test]
fn a_check_stops_where_it_is_told_to() {
    run(async {
        let dir = tempfile::tempdir().unwrap();
        prepared(dir.path(), &Clock::at(hour(50)), 1).await;
        let stopped = verify_folder(dir.path(), &mut |_| ControlFlow::Break(()));
        assert!(matches!(stopped, Err(OpenError::Stopped)), "{stopped:?}");
    });
}

#[test]
fn a_running_ledger_is_checked_while_it_takes_records_and_joins_files() {
    let dir = tempfile::tempdir().unwrap();
    let clock = Clock::at(hour(50));
    run_on(2, async {
        let ledger = open(dir.path(), &clock).unwrap();
        append(&ledger, &specs(0, 30)).await;
        ledger.seal().await.unwrap();
        let stop = Arc::new(AtomicBool::new(false));
        let (busy, until) = (ledger.clone(), Arc::clone(&stop));
        let working = tokio::spawn(async move {
            let mut event = 100;
            while !until.load(Ordering::SeqCst) && event < 20_000 {
                append(&busy, &specs(event, 10)).await;
                event += 10;
                if event % 30 == 10 {
                    busy.seal().await.unwrap();
                    busy.compact().await.unwrap();
                }
            }
        });
        let mut rows = 0;
        for _ in 0..10 {
            let report = ledger.verify(|_| ControlFlow::Continue(())).await.unwrap();
            assert_eq!(named(&report), []);
            let now = report.rows + report.journal_records;
            assert!(now >= rows, "{now} rows after {rows}");
            rows = now;
        }
        stop.store(true, Ordering::SeqCst);
        working.await.unwrap();
        let report = ledger.verify(|_| ControlFlow::Continue(())).await.unwrap();
        assert_eq!(report.rows + report.journal_records, ledger.status().rows);
        ledger.close().await.unwrap();
    });
}
