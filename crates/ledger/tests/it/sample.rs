//! A small ledger that is the same every time: the kept sample folder is made by it.

use std::fs;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};

use domain::erasure::ErasureKey;
use domain::record::Commit;
use ledger::{Erasure, verify_folder};

use crate::folder::{append, copy, open, run};
use crate::support::{Clock, Model, Spec, hour, queries, subscription};

/// Makes the ledger in `dir`: two seals, and frames in the journal beyond them.
async fn make(dir: &Path) -> Model {
    // A journal's id is random; this one is given, as if the folder had been claimed before.
    let body = "format 1\njournal 00112233445566778899aabbccddeeff\nepoch 0\n";
    let checksum = crc32c::crc32c(body.as_bytes());
    fs::create_dir_all(dir).unwrap();
    fs::write(dir.join("writer"), format!("{body}crc32c {checksum:08x}\n")).unwrap();
    let clock = Clock::at(hour(30));
    let ledger = open(dir, &clock).unwrap();
    let mut model = Model::default();
    for batch in 0..6u8 {
        clock.set(hour(30 + 5 * i64::from(batch)));
        let specs: Vec<_> = (0..40).map(|number| spec(batch, number)).collect();
        append(&ledger, &specs).await;
        model.append(&specs, clock.now());
        if batch % 2 == 1 && batch < 5 {
            ledger.seal().await.unwrap();
            ledger.compact().await.unwrap(); // what is due is done before there is more
        }
    }
    ledger.close().await.unwrap();
    model
}

fn spec(batch: u8, number: u8) -> Spec {
    Spec {
        event: u16::from(batch) * 40 + u16::from(number),
        subscription: number % 2,
        meter: number % 3,
        instance: number % 4,
        used: batch * 5 + number / 2,
        length: u8::from(!number.is_multiple_of(5)),
        reported: number.is_multiple_of(7).then_some(number / 2),
        cents: u32::from(number) * 25 + 1,
    }
}

#[test]
fn the_sample_is_the_same_every_time() {
    run(async {
        let made = [tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap()];
        for dir in &made {
            let model = make(dir.path()).await;
            assert_eq!(model.last, 6);
        }
        let listing = |dir: &Path| {
            let mut found = Vec::new();
            list(dir, dir, &mut found);
            found
        };
        let [one, other] = made.each_ref().map(|dir| listing(dir.path()));
        let names = |found: &[(PathBuf, _)]| -> Vec<_> {
            found.iter().map(|(name, _)| name.clone()).collect()
        };
        assert_eq!(names(&one), names(&other));
        assert!(one == other, "the files are the same, and their bytes are not");
        let ledger = open(made[0].path(), &Clock::at(hour(60))).unwrap();
        assert_eq!((ledger.status().rows, ledger.status().last_commit), (240, Commit(6)));
        ledger.close().await.unwrap();
    });
}

/// The same, some rows of which are erased; later rows are not, in the table and in the journal.
async fn make_erased(dir: &Path) -> Model {
    let mut model = make(dir).await;
    let clock = Clock::at(hour(72));
    let ledger = open(dir, &clock).unwrap();
    let (key, before) = (ErasureKey::from_bytes([7; 32]), Some(hour(30)));
    let erasure = Erasure { subscription: subscription(1), before, since: None, key: key.clone() };
    ledger.erase(vec![erasure], |_| ControlFlow::Continue(())).await.unwrap();
    model.erase(1, before, &key);
    for batch in 6..8 {
        let specs: Vec<_> = (0..40).map(|number| spec(batch, number)).collect();
        append(&ledger, &specs).await;
        model.append(&specs, clock.now());
        if batch == 6 {
            ledger.seal().await.unwrap();
            ledger.compact().await.unwrap();
        }
    }
    ledger.close().await.unwrap();
    model
}

/// The ledger in `tests/folders/erased` is of the first version that erased rows: every later one opens
/// it, and answers the same from it. It is never made anew.
#[test]
fn a_kept_ledger_with_erased_rows_opens() {
    run(async {
        let kept = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/folders/erased/ledger");
        let (dir, made) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        copy(&kept, dir.path());
        let model = make_erased(made.path()).await;
        let ledger = open(dir.path(), &Clock::at(hour(72))).unwrap();
        let snapshot = ledger.snapshot(None).await.unwrap();
        assert!(snapshot.erasures(subscription(1)) > 0);
        for number in 0..2 {
            let records = snapshot.records(subscription(number), hour(0)..hour(24 * 31)).await;
            assert_eq!(records.unwrap(), model.records_of(number));
            for query in queries(number) {
                let page = snapshot.usage_page(&query, None, usize::MAX).await.unwrap();
                assert_eq!(page.rows, model.answer(&query, model.last));
            }
        }
        drop(snapshot);
        ledger.close().await.unwrap();
        let report = verify_folder(dir.path(), &mut |_| ControlFlow::Continue(())).unwrap();
        assert_eq!(report.damaged, []);
    });
}

/// Writes that ledger where `LEDGER_ERASED_OUT` says; by itself it makes nothing.
#[test]
fn the_ledger_with_erased_rows_is_written_where_asked() {
    if let Some(out) = std::env::var_os("LEDGER_ERASED_OUT") {
        run(make_erased(&PathBuf::from(out)));
    }
}

/// Writes the sample folder where `LEDGER_SAMPLE_OUT` says; by itself it makes nothing.
#[test]
fn the_sample_is_written_where_asked() {
    if let Some(out) = std::env::var_os("LEDGER_SAMPLE_OUT") {
        run(make(&PathBuf::from(out)));
    }
}

fn list(root: &Path, folder: &Path, found: &mut Vec<(PathBuf, Vec<u8>)>) {
    for file in crate::folder::files(folder) {
        if file.is_dir() {
            list(root, &file, found);
        } else {
            found.push((file.strip_prefix(root).unwrap().to_owned(), fs::read(&file).unwrap()));
        }
    }
}
