//! Crashes between the steps of an erasure, and runs that memory has no room for.

use std::ops::ControlFlow;

use arrow_array::cast::AsArray;
use bytes::Bytes;
use domain::erasure::ErasureKey;
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;

use super::*;
use crate::support::subscription;
use crate::{ErasedRows, Erasure, verify_folder};

fn key() -> ErasureKey {
    ErasureKey::from_bytes([5; 32])
}

async fn erase(ledger: &Ledger) -> ErasedRows {
    let erasure = Erasure { subscription: subscription(0), before: None, since: None, key: key() };
    let report = ledger.erase(vec![erasure], |_| ControlFlow::Continue(())).await.unwrap();
    report.of.into_iter().next().unwrap()
}

/// Files of the table and its rollups in which a name stands.
fn files_with_names(dir: &Path) -> Vec<PathBuf> {
    let (mut folders, mut found) =
        (vec![dir.join("usage/data"), dir.join("usage/_rollup")], vec![]);
    while let Some(folder) = folders.pop() {
        for file in fs::read_dir(folder).into_iter().flatten() {
            let file = file.unwrap().path();
            if file.is_dir() {
                folders.push(file);
            } else if has_name(&file) {
                found.push(file);
            }
        }
    }
    found
}

/// Whether a file has a name, in its statistics or in a page that is compressed.
fn has_name(file: &Path) -> bool {
    let bytes = fs::read(file).unwrap();
    let is_name = |text: Option<&str>| text.is_some_and(|text| text.contains("Grün"));
    let in_clear = bytes.windows(5).any(|bytes| bytes == "Grün".as_bytes());
    let reader = ParquetRecordBatchReaderBuilder::try_new(Bytes::from(bytes)).unwrap();
    let mut batches = reader.build().unwrap();
    in_clear
        || batches.any(|batch| {
            let batch = batch.unwrap();
            let mut texts = batch.columns().iter().filter_map(|it| it.as_string_opt::<i32>());
            texts.any(|texts| texts.iter().any(is_name))
        })
}

/// Records of one subscription on three days, most of them with a name.
fn named(events: std::ops::Range<u16>) -> Vec<Spec> {
    let all = specs(events).into_iter();
    all.map(|spec| Spec { subscription: 0, instance: 1 + spec.instance, ..spec }).collect()
}

#[test]
fn a_crash_after_any_step_of_an_erasure_is_gone_on_from() {
    run(async {
        let (dir, copies) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let clock = Clock::at(hour(24 * 10));
        let (from, to) = (dir.path().to_owned(), copies.path().to_owned());
        let erasing = Arc::new(AtomicBool::new(false));
        let (seen, steps) = (Arc::clone(&erasing), AtomicUsize::new(0));
        let after_step = Arc::new(move |step: Step| {
            if seen.load(SeqCst) {
                let number = steps.fetch_add(1, SeqCst);
                copy(&from, &to.join(format!("{number:02}-{step:?}")));
            }
        });
        let rollups = Seams { rollup_rows: 1, checkpoint_entries: 3, ..Seams::default() };
        let seams = Seams { after_step, ..rollups.clone() };
        let kept = Options { keep_replaced_seconds: 7 * 86_400, ..options(&clock) };
        let ledger = Ledger::open_with(dir.path(), kept.clone(), seams).unwrap();
        let mut before = Model::default();
        for batch in 0..3 {
            let records = named(batch * 20..batch * 20 + 20);
            before.append(&records, clock.now());
            ledger.append(new_records(&records)).await.unwrap();
            ledger.seal().await.unwrap();
            ledger.compact().await.unwrap();
        }
        let named = files_with_names(dir.path());
        let of_rollups =
            named.iter().filter(|file| file.starts_with(dir.path().join("usage/_rollup")));
        assert!(of_rollups.count() > 3 && named.len() > 7, "{named:?}");
        erasing.store(true, SeqCst);
        let report = erase(&ledger).await;
        erasing.store(false, SeqCst);
        ledger.close().await.unwrap();
        assert_eq!(files_with_names(dir.path()), Vec::<PathBuf>::new());
        let mut after = before.clone();
        after.erase(0, None, &key());

        let mut crashes: Vec<PathBuf> =
            fs::read_dir(copies.path()).unwrap().map(|copy| copy.unwrap().path()).collect();
        crashes.sort();
        let count = |step: &str| {
            let names = crashes.iter().map(|crash| crash.to_string_lossy());
            names.filter(|name| name.ends_with(step)).count() as u64
        };
        let (files, rows) = (report.files, report.rows);
        assert!(files > 3 && rows == 60, "{report:?}");
        let counted = ["-Rewritten", "-RewriteLogged", "-RewritePublished"].map(count);
        assert_eq!(counted, [files; 3]);
        for crash in &crashes {
            let name = crash.file_name().unwrap().to_str().unwrap();
            let ledger = Ledger::open_with(crash, kept.clone(), rollups.clone()).unwrap();
            assert_eq!(ledger.status().rows, 60, "{name}");
            let snapshot = ledger.snapshot(None).await.unwrap();
            let found = snapshot.records(subscription(0), hour(0)..hour(24 * 31)).await.unwrap();
            let is_erased = |record| after.records.contains(record);
            assert!(found.iter().all(|it| is_erased(it) || before.records.contains(it)), "{name}");
            let done = found.iter().filter(|it| is_erased(it)).count() as u64;
            drop(snapshot);
            let again = erase(&ledger).await;
            assert_eq!(again.rows, rows - done, "{name}");
            ledger.close().await.unwrap();
            assert_eq!(files_with_names(crash), Vec::<PathBuf>::new(), "{name}");
            assert_holds(crash, &clock, &after).await;
            let checked = verify_folder(crash, &mut |_| ControlFlow::Continue(())).unwrap();
            assert_eq!(checked.damaged, [], "{name}");
        }
    });
}

#[test]
fn rows_that_memory_has_no_room_for_are_sorted_all_the_same() {
    run(async {
        for erased_run_bytes in [0, 2_000, usize::MAX] {
            let dir = tempfile::tempdir().unwrap();
            let clock = Clock::at(hour(24 * 10));
            let seams = Seams { erased_run_bytes, rollup_rows: 1, ..Seams::default() };
            let ledger = Ledger::open_with(dir.path(), options(&clock), seams).unwrap();
            let mut model = Model::default();
            // All of one hour, start and meter, but for those of another meter and subscription.
            let records: Vec<_> = (0..300)
                .map(|event| Spec {
                    event,
                    subscription: u8::try_from(event % 7 / 6).unwrap(),
                    meter: u8::try_from(event % 5 / 4).unwrap(),
                    instance: u8::try_from(event % 4).unwrap(),
                    reported: Some(3),
                    ..Spec::default()
                })
                .collect();
            model.append(&records, clock.now());
            ledger.append(new_records(&records)).await.unwrap();
            let report = erase(&ledger).await;
            assert_eq!(report.rows, model.erase(0, None, &key()));
            ledger.close().await.unwrap();
            assert_holds(dir.path(), &clock, &model).await;
            let checked = verify_folder(dir.path(), &mut |_| ControlFlow::Continue(())).unwrap();
            assert_eq!(checked.damaged, []);
            let day = dir.path().join("usage/data/reported_day=2026-01-01");
            assert_eq!(fs::read_dir(day).unwrap().count(), 1);
        }
    });
}
