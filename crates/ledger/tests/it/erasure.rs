//! Erasing what may name people: rows and totals stay, names go, from every file, and nothing is known by
//! another identity than before.

use std::fs;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

use domain::correction::{SliceChange, reversal_of};
use domain::erasure::{ErasureKey, is_pseudonym};
use domain::id::{EventId, Source};
use domain::record::UsageRecord;
use domain::time::{ReportedTime, UtcTime};
use ledger::{
    EraseError, EraseProgress, Erased, ErasedRows, Erasure, Ledger, NewRecord, Obstacle, Options,
    Outcome, Together, Version, verify_folder,
};

use crate::folder::{Home, append, copy, files, open, options, run};
use crate::support::{Clock, Model, Spec, hour, queries, subscription};

fn key(number: u8) -> ErasureKey {
    ErasureKey::from_bytes([number; 32])
}

fn all_of(number: u8) -> Erasure {
    Erasure { subscription: subscription(number), before: None, since: None, key: key(1) }
}

/// What came of one erasure.
#[derive(Debug)]
struct Report {
    files: u64,
    rows: u64,
    held: u64,
    version: Version,
}

async fn erase(ledger: &Ledger, erasure: Erasure) -> Report {
    let report = ledger.erase(vec![erasure], |_| ControlFlow::Continue(())).await.unwrap();
    let [ErasedRows { files, rows, damaged, left }] = &report.of[..] else { panic!("{report:?}") };
    assert!(damaged.is_empty() && left.is_empty(), "{report:?}");
    let held = ledger.erased_files_held();
    Report { files: *files, rows: *rows, held, version: report.version }
}

/// Records of two subscriptions and four instances that were used on the first two days.
fn specs(events: std::ops::Range<u16>) -> Vec<Spec> {
    let spec = |event: u16| Spec {
        event,
        subscription: u8::try_from(event % 2).unwrap(),
        meter: u8::try_from(event % 3 / 2).unwrap(),
        instance: u8::try_from(event / 2 % 4).unwrap(),
        used: u8::try_from(event * 7 % 48).unwrap(),
        length: u8::try_from(event % 5 % 3).unwrap(),
        reported: (event % 20 < 14).then(|| u8::try_from(event * 5 % 72).unwrap()),
        ..Spec::default()
    };
    events.map(spec).collect()
}

/// What a ledger has is what the model has, as of each version.
async fn assert_holds(ledger: &Ledger, model: &Model) {
    let snapshot = ledger.snapshot(None).await.unwrap();
    assert_eq!(ledger.status().rows, model.records.len() as u64);
    for number in 0..2 {
        let records = snapshot.records(subscription(number), hour(0)..hour(24 * 31)).await;
        assert_eq!(records.unwrap(), model.records_of(number));
        for query in queries(number) {
            let page = snapshot.usage_page(&query, None, usize::MAX).await.unwrap();
            assert_eq!(page.rows, model.answer(&query, model.last), "{query:?}");
            let page = snapshot.usage_page(&query, None, 3).await.unwrap();
            assert!(page.rows.iter().eq(model.answer(&query, model.last).iter().take(3)));
        }
    }
}

/// All files of a folder and of those in it.
fn all_files(dir: &Path) -> Vec<PathBuf> {
    let (folders, mut all): (Vec<_>, Vec<_>) = files(dir).into_iter().partition(|it| it.is_dir());
    all.extend(folders.iter().flat_map(|folder| all_files(folder)));
    all
}

/// The files in which a text stands.
fn files_with(dir: &Path, text: &str) -> Vec<PathBuf> {
    let has = |file: &PathBuf| {
        let bytes = fs::read(file).unwrap();
        bytes.windows(text.len()).any(|window| window == text.as_bytes())
    };
    all_files(dir).into_iter().filter(has).collect()
}

fn assert_sound(dir: &Path) {
    let report = verify_folder(dir, &mut |_| ControlFlow::Continue(())).unwrap();
    assert_eq!(report.damaged, []);
}

#[test]
fn rows_and_sums_stay_wherever_the_ledger_lies() {
    run(async {
        for home in Home::all() {
            let clock = Clock::at(hour(24 * 3));
            let ledger = home.open(&clock).unwrap();
            let mut model = Model::default();
            // There an opening takes a commit.
            let opening = u64::from(home.is_all_objects());
            model.last = opening;
            for part in 0..6 {
                let records = specs(part * 40..part * 40 + 40);
                model.append(&records, clock.now());
                append(&ledger, &records).await;
                if part % 2 == 1 {
                    ledger.seal().await.unwrap();
                    ledger.compact().await.unwrap();
                }
            }
            assert_holds(&ledger, &model).await;
            let report = erase(&ledger, all_of(0)).await;
            let rows = model.erase(0, None, &key(1));
            assert_eq!((report.rows, report.held), (rows, 0));
            assert!(report.files > 0 && rows == 120);
            let snapshot = ledger.snapshot(None).await.unwrap();
            assert_eq!(report.version, snapshot.version());
            assert_eq!(snapshot.erasures(subscription(0)), report.files);
            assert_eq!(snapshot.erasures(subscription(1)), 0);
            assert_holds(&ledger, &model).await;

            // What was erased stays as it is, whatever the key.
            let again = erase(&ledger, Erasure { key: key(2), ..all_of(0) }).await;
            assert_eq!((again.files, again.rows), (0, 0));
            // Later rows keep their names; joins take both.
            let later = specs(240..280);
            model.append(&later, clock.now());
            append(&ledger, &later).await;
            ledger.seal().await.unwrap();
            ledger.compact().await.unwrap();
            assert_holds(&ledger, &model).await;
            ledger.close().await.unwrap();
            let ledger = home.open(&clock).unwrap();
            assert_holds(&ledger, &model).await;
            assert_eq!(
                ledger.snapshot(None).await.unwrap().erasures(subscription(0)),
                report.files
            );
            ledger.close().await.unwrap();
        }
    });
}

#[test]
fn no_file_has_a_name_that_was_erased() {
    run(async {
        let dir = tempfile::tempdir().unwrap();
        let clock = Clock::at(hour(24 * 9));
        // Files that were joined would stay for readers outside.
        let options = Options { keep_replaced_seconds: 7 * 86_400, ..options(&clock) };
        let ledger = Ledger::open(dir.path(), options).unwrap();
        for part in 0..4 {
            let records = specs(part * 40..part * 40 + 40);
            let records: Vec<_> = records.into_iter().filter(|it| it.subscription == 0).collect();
            append(&ledger, &records).await;
            ledger.seal().await.unwrap();
            ledger.compact().await.unwrap();
        }
        append(&ledger, &[Spec { event: 999, instance: 2, ..Spec::default() }]).await;
        let before = files_with(dir.path(), "Grün");
        let count = |end: &str| {
            let shown = before.iter().map(|file| file.to_string_lossy().into_owned());
            shown.filter(|file| file.contains(end)).count()
        };
        assert!(count(".journal") == 1 && count("joined-") > 0, "{before:?}");
        assert!(before.len() as u64 > ledger.status().files + 1, "{before:?}");
        erase(&ledger, all_of(0)).await;
        assert_eq!(files_with(dir.path(), "Grün"), Vec::<PathBuf>::new());
        assert_eq!(files_with(dir.path(), "wert"), Vec::<PathBuf>::new());
        assert!(!files_with(dir.path(), "erased-").is_empty());
        ledger.close().await.unwrap();
        assert_sound(dir.path());
    });
}

#[test]
fn a_snapshot_keeps_what_it_has_until_it_is_dropped() {
    run(async {
        let dir = tempfile::tempdir().unwrap();
        let clock = Clock::at(hour(24 * 3));
        let ledger = open(dir.path(), &clock).unwrap();
        let mut model = Model::default();
        model.append(&specs(0..60), clock.now());
        append(&ledger, &specs(0..60)).await;
        ledger.seal().await.unwrap();
        let snapshot = ledger.snapshot(None).await.unwrap();
        let report = erase(&ledger, all_of(0)).await;
        assert_eq!(report.held, report.files);
        let records = snapshot.records(subscription(0), hour(0)..hour(99)).await.unwrap();
        assert_eq!(records, model.records_of(0));
        assert!(!files_with(dir.path(), "Grün").is_empty());
        // A crash now does not bring the old files' time back.
        let crashed = tempfile::tempdir().unwrap();
        copy(dir.path(), crashed.path());
        drop(snapshot);
        ledger.compact().await.unwrap();
        ledger.close().await.unwrap();
        let options = Options { keep_replaced_seconds: 7 * 86_400, ..options(&clock) };
        let other = Ledger::open(crashed.path(), options).unwrap();
        other.compact().await.unwrap();
        model.erase(0, None, &key(1));
        assert_holds(&other, &model).await;
        other.close().await.unwrap();
        let data = |dir: &Path| all_files(&dir.join("usage/data")).len();
        assert_eq!(data(crashed.path()), data(dir.path()));
    });
}

#[test]
fn a_file_that_was_joined_before_goes_too_whoever_opens_next() {
    run(async {
        let dir = tempfile::tempdir().unwrap();
        let clock = Clock::at(hour(24 * 9));
        let kept = Options { keep_replaced_seconds: 7 * 86_400, ..options(&clock) };
        let ledger = Ledger::open(dir.path(), kept.clone()).unwrap();
        append(&ledger, &specs(0..40)).await;
        ledger.seal().await.unwrap();
        ledger.compact().await.unwrap();
        let snapshot = ledger.snapshot(None).await.unwrap();
        append(&ledger, &specs(40..80)).await;
        ledger.seal().await.unwrap();
        ledger.compact().await.unwrap();
        for number in 0..2 {
            erase(&ledger, all_of(number)).await;
        }
        // The snapshot has files that were joined, and that were to stay for a week.
        assert!(!files_with(dir.path(), "Grün").is_empty());
        let crashed = tempfile::tempdir().unwrap();
        copy(dir.path(), crashed.path());
        drop(snapshot);
        ledger.close().await.unwrap();
        let ledger = Ledger::open(crashed.path(), kept).unwrap();
        ledger.compact().await.unwrap();
        assert_eq!(files_with(crashed.path(), "Grün"), Vec::<PathBuf>::new());
        ledger.close().await.unwrap();
        assert_sound(crashed.path());
    });
}

#[test]
fn an_erasure_with_a_bound_leaves_what_was_used_later() {
    run(async {
        let dir = tempfile::tempdir().unwrap();
        let clock = Clock::at(hour(24 * 3));
        let ledger = open(dir.path(), &clock).unwrap();
        let mut model = Model::default();
        let mut since: Option<Erased> = None;
        for (part, until) in [(0, 20), (1, 20), (2, 33), (3, 33), (4, 60)] {
            let records = specs(part * 40..part * 40 + 40);
            model.append(&records, clock.now());
            append(&ledger, &records).await;
            let before = Some(hour(until));
            let erasure = Erasure { before, since: since.take(), ..all_of(1) };
            let report = erase(&ledger, erasure.clone()).await;
            assert_eq!(report.rows, model.erase(1, before, &key(1)));
            assert_holds(&ledger, &model).await;
            // What is known to be erased is not looked at.
            let version = report.version.clone();
            since = Some(Erased { before, version });
            let told = Arc::new(Mutex::new(Vec::new()));
            let seen = Arc::clone(&told);
            let again = Erasure { since: since.clone(), ..erasure };
            let progress = move |done: &EraseProgress| {
                seen.lock().unwrap().push(done.clone());
                ControlFlow::Continue(())
            };
            let again = ledger.erase(vec![again], progress).await.unwrap();
            assert_eq!(again.of, [ErasedRows::default()]);
            if until == 60 {
                let of = vec![ErasedRows::default()];
                let all_done = EraseProgress { of, ..EraseProgress::default() };
                assert_eq!(*told.lock().unwrap(), [all_done]);
            }
        }
        ledger.close().await.unwrap();
        assert_sound(dir.path());
    });
}

#[test]
fn several_subscriptions_are_erased_in_one_walk() {
    run(async {
        for home in Home::all() {
            let clock = Clock::at(hour(24 * 3));
            let ledger = home.open(&clock).unwrap();
            let mut model = Model::default();
            model.last = u64::from(home.is_all_objects()); // there an opening takes a commit
            for part in 0..3 {
                let records = specs(part * 40..part * 40 + 40);
                model.append(&records, clock.now());
                append(&ledger, &records).await;
                ledger.seal().await.unwrap();
            }
            let before = Some(hour(30));
            let erasures = vec![
                Erasure { key: key(2), before, ..all_of(1) },
                Erasure { key: key(9), ..all_of(7) },
                all_of(0),
            ];
            ledger.compact().await.unwrap();
            let files = ledger.status().files;
            let report = ledger.erase(erasures, |_| ControlFlow::Continue(())).await.unwrap();
            let rows = [model.erase(1, before, &key(2)), 0, model.erase(0, None, &key(1))];
            assert_eq!(report.of.iter().map(|of| of.rows).collect::<Vec<_>>(), rows);
            assert!(rows[0] > 0 && rows[0] < 60 && rows[2] == 60, "{rows:?}");
            // Each file was written anew once.
            assert_eq!(report.of[2].files, files);
            let snapshot = ledger.snapshot(None).await.unwrap();
            let written = [1, 7, 0].map(|number| snapshot.erasures(subscription(number)));
            assert!(report.of.iter().map(|of| of.files).eq(written));
            drop(snapshot);
            assert_holds(&ledger, &model).await;
            ledger.close().await.unwrap();
            let ledger = home.open(&clock).unwrap();
            assert_holds(&ledger, &model).await;
            ledger.close().await.unwrap();
        }
    });
}

#[test]
fn a_damaged_file_is_named_and_the_others_are_erased() {
    for is_missing in [false, true] {
        run(async {
            let dir = tempfile::tempdir().unwrap();
            let clock = Clock::at(hour(24 * 3));
            let ledger = open(dir.path(), &clock).unwrap();
            for part in 0..3 {
                let mut records = specs(part * 40..part * 40 + 40);
                records.retain(|record| record.subscription == 0);
                append(&ledger, &records).await;
                ledger.seal().await.unwrap();
            }
            ledger.compact().await.unwrap();
            let data = dir.path().join("usage/data");
            let harmed = all_files(&data).into_iter().min().unwrap();
            if is_missing {
                fs::remove_file(&harmed).unwrap();
            } else {
                let mut bytes = fs::read(&harmed).unwrap();
                let middle = bytes.len() / 2;
                bytes[middle..middle + 64].fill(0);
                fs::write(&harmed, bytes).unwrap();
            }
            let erased = ledger.erase(vec![all_of(0)], |_| ControlFlow::Continue(()));
            let report = erased.await.unwrap();
            let name = harmed.strip_prefix(dir.path().join("usage")).unwrap();
            assert_eq!(report.of[0].damaged, [name.to_string_lossy()]);
            assert_eq!(report.of[0].files, ledger.status().files - 1);
            let with_names = files_with(&data, "Grün");
            assert!(with_names.iter().all(|file| *file == harmed), "{with_names:?}");
            ledger.close().await.unwrap();
        });
    }
}

#[test]
fn one_that_was_stopped_goes_on_with_the_same_pseudonyms() {
    run(async {
        let dir = tempfile::tempdir().unwrap();
        let clock = Clock::at(hour(24 * 3));
        let ledger = open(dir.path(), &clock).unwrap();
        let mut model = Model::default();
        model.append(&specs(0..120), clock.now());
        append(&ledger, &specs(0..120)).await;
        let stopped = ledger
            .erase(vec![all_of(0)], |done| match done.files_done {
                0 => ControlFlow::Continue(()),
                _ => ControlFlow::Break(()),
            })
            .await;
        assert!(matches!(stopped, Err(EraseError::Stopped)), "{stopped:?}");
        assert_eq!(ledger.snapshot(None).await.unwrap().erasures(subscription(0)), 1);
        ledger.close().await.unwrap();
        let ledger = open(dir.path(), &clock).unwrap();
        let report = erase(&ledger, all_of(0)).await;
        let rows = model.erase(0, None, &key(1));
        assert!(report.files > 0 && report.rows < rows, "{report:?}");
        assert_holds(&ledger, &model).await;
        ledger.close().await.unwrap();
        let closed = ledger.erase(vec![all_of(0)], |_| ControlFlow::Continue(())).await;
        assert!(matches!(closed, Err(EraseError::Stopped | EraseError::Refused)), "{closed:?}");
    });
}

#[test]
fn a_record_is_known_by_what_it_was() {
    run(async {
        let dir = tempfile::tempdir().unwrap();
        let clock = Clock::at(hour(24 * 3));
        let mut ledger = open(dir.path(), &clock).unwrap();
        let mut model = Model::default();
        model.append(&specs(0..60), clock.now());
        append(&ledger, &specs(0..60)).await;
        erase(&ledger, all_of(0)).await;
        model.erase(0, None, &key(1));
        for reopened in [false, true] {
            if reopened {
                // The index is made anew from what the table has.
                ledger.close().await.unwrap();
                fs::remove_dir_all(dir.path().join("index")).unwrap();
                ledger = open(dir.path(), &clock).unwrap();
            }
            let outcomes = append(&ledger, &specs(0..60)).await;
            assert!(outcomes.iter().all(|outcome| matches!(outcome, Outcome::Duplicate(_))));
            let other: Vec<_> =
                specs(0..60).into_iter().map(|spec| Spec { cents: 1, ..spec }).collect();
            let outcomes = append(&ledger, &other).await;
            assert!(outcomes.iter().all(|outcome| matches!(outcome, Outcome::Conflict(_))));
            assert_holds(&ledger, &model).await;
            let (source, id) =
                (Source::parse("urn:b").unwrap(), EventId::parse("event-4").unwrap());
            let stored = ledger.record(subscription(0), &source, &id).await.unwrap().unwrap();
            assert!(stored.erased.is_some());
            let report = ledger.verify(|_| ControlFlow::Continue(())).await.unwrap();
            assert_eq!(report.damaged, []);
        }
        ledger.close().await.unwrap();
    });
}

fn plain(event: u16, cents: u32) -> UsageRecord {
    let spec = Spec { event, cents, instance: 2, ..Spec::default() };
    UsageRecord { reverses: None, ..spec.record() }
}

fn new(record: UsageRecord) -> NewRecord {
    NewRecord { record, reported: None }
}

async fn together(ledger: &Ledger, records: &[UsageRecord]) -> Together {
    let foreseen = ledger.foresee(records).await.unwrap();
    let done = ledger.append_together(records.iter().cloned().map(new).collect()).await.unwrap();
    assert_eq!(foreseen, done);
    done
}

#[test]
fn an_erased_record_is_taken_back_once() {
    run(async {
        let dir = tempfile::tempdir().unwrap();
        let clock = Clock::at(hour(24 * 3));
        let ledger = open(dir.path(), &clock).unwrap();
        let (first, second) = (plain(1, 100), plain(2, 200));
        ledger.append(vec![new(first.clone()), new(second.clone())]).await.unwrap();
        let before = [reversal_of(&second).unwrap(), plain(12, 250)];
        let done = together(&ledger, &before).await;
        assert!(matches!(done, Together::Stored(_)), "{done:?}");
        erase(&ledger, all_of(0)).await;
        let stored = |record: UsageRecord| {
            let ledger = ledger.clone();
            async move {
                let found =
                    ledger.record(record.subscription, &record.source, &record.event_id).await;
                found.unwrap().unwrap()
            }
        };
        let erased = stored(first.clone()).await.record;
        assert_ne!(erased.instance, first.instance);
        let reversal = reversal_of(&erased).unwrap();
        let correction = [reversal.clone(), plain(11, 150)];
        let done = together(&ledger, &correction).await;
        let Together::Stored(commit) = done else { panic!("{done:?}") };
        // What takes it back has no name in it either.
        assert_eq!(stored(reversal.clone()).await.record.instance, erased.instance);
        assert_eq!(together(&ledger, &correction).await, Together::Duplicate(commit));
        // One that was made before adds nothing either, and another is another one.
        let again = reversal_of(&stored(second.clone()).await.record).unwrap();
        let done = together(&ledger, &[again.clone(), plain(12, 250)]).await;
        assert!(matches!(done, Together::Duplicate(_)), "{done:?}");
        let done = together(&ledger, &[again, plain(13, 250)]).await;
        let Together::Refused { position: 0, obstacle: Obstacle::Known(_) } = done else {
            panic!("{done:?}")
        };
        // What does not take back just that takes back nothing.
        let wrong = UsageRecord { quantity: first.quantity, ..reversal };
        let done = together(&ledger, &[wrong]).await;
        let nothing = Together::Refused { position: 0, obstacle: Obstacle::NothingToReverse };
        assert_eq!(done, nothing);
        erase(&ledger, Erasure { key: key(2), ..all_of(0) }).await;
        ledger.close().await.unwrap();
        assert_sound(dir.path());
    });
}

#[test]
fn a_slice_of_erased_rows_is_made_what_it_should_be() {
    run(async {
        let dir = tempfile::tempdir().unwrap();
        let ledger = open(dir.path(), &Clock::at(hour(24 * 3))).unwrap();
        let bucket = ReportedTime(hour(48));
        let source = Source::parse("urn:slices").unwrap();
        let row = |meter: u8, cents: u32| {
            let spec = Spec { event: 1, meter, cents, instance: 2, ..Spec::default() };
            UsageRecord { source: source.clone(), ..spec.record() }
        };
        for (number, wanted) in
            [vec![row(0, 1), row(0, 1), row(1, 2)], vec![row(0, 1), row(1, 3)], vec![row(0, 1)]]
                .into_iter()
                .enumerate()
        {
            let slice = async || {
                let rows = ledger.slice(subscription(0), &source, bucket, 1_000).await;
                rows.unwrap().unwrap()
            };
            let change = SliceChange::new(&slice().await, wanted.clone(), bucket);
            let reversals = change.gone.iter().map(|record| reversal_of(record).unwrap());
            let records = reversals.chain(change.added.iter().cloned());
            let records = records.map(|record| NewRecord { record, reported: Some(bucket) });
            let done = ledger.append_together(records.collect()).await.unwrap();
            assert!(matches!(done, Together::Stored(_)), "{done:?}");
            let gone = [0, 2, 1][number];
            assert_eq!(change.gone.len(), gone);
            erase(&ledger, all_of(0)).await;
            let again = SliceChange::new(&slice().await, wanted, bucket);
            assert!(again.is_empty(), "{again:?}");
        }
        ledger.close().await.unwrap();
        assert_sound(dir.path());
    });
}

#[test]
fn a_copy_of_a_ledger_with_erased_rows_is_one() {
    run(async {
        let (dir, to) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let clock = Clock::at(hour(24 * 3));
        let ledger = open(dir.path(), &clock).unwrap();
        let mut model = Model::default();
        model.append(&specs(0..60), clock.now());
        append(&ledger, &specs(0..60)).await;
        erase(&ledger, all_of(0)).await;
        model.erase(0, None, &key(1));
        let copied = ledger.hold().await.unwrap().into_copy(&ledger).unwrap();
        for file in copied.files() {
            let path = to.path().join(&file.name);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            let mut bytes = Vec::new();
            let mut each = |piece: &[u8]| -> Result<(), ledger::ReadError> {
                bytes.extend_from_slice(piece);
                Ok(())
            };
            assert_eq!(file.read(&mut each).unwrap(), None);
            fs::write(path, bytes).unwrap();
        }
        drop(copied);
        ledger.close().await.unwrap();
        let ledger = open(to.path(), &clock).unwrap();
        assert_holds(&ledger, &model).await;
        assert!(ledger.snapshot(None).await.unwrap().erasures(subscription(0)) > 0);
        ledger.close().await.unwrap();
        assert_sound(to.path());
    });
}

#[test]
fn groups_that_are_known_are_not_gone_on_from() {
    run(async {
        let dir = tempfile::tempdir().unwrap();
        let ledger = open(dir.path(), &Clock::at(hour(24 * 3))).unwrap();
        let groups = async |known| {
            let snapshot = ledger.snapshot(None).await.unwrap();
            snapshot.resource_groups(subscription(0), known, 10).await.unwrap()
        };
        let spec = |event: u16, instance| Spec { event, instance, ..Spec::default() };
        append(&ledger, &[spec(0, 1), spec(1, 2), spec(2, 3)]).await;
        let known = groups(None).await;
        assert_eq!(known.groups().len(), 2);
        erase(&ledger, all_of(0)).await;
        for known in [None, Some(known)] {
            let found = groups(known).await;
            let names: Vec<_> = found.groups().iter().map(|(_, group)| group.name()).collect();
            assert_eq!(names.len(), 2);
            assert!(names.iter().all(|name| is_pseudonym(name)), "{names:?}");
        }
        ledger.close().await.unwrap();
    });
}

#[test]
fn nothing_to_erase_changes_nothing() {
    run(async {
        let dir = tempfile::tempdir().unwrap();
        let clock = Clock::at(hour(24 * 3));
        let ledger = open(dir.path(), &clock).unwrap();
        append(&ledger, &specs(0..20)).await;
        ledger.seal().await.unwrap();
        let entries = || files(&dir.path().join("usage/_delta_log")).len();
        let before = entries();
        for erasure in [
            Erasure { subscription: subscription(7), ..all_of(0) },
            Erasure { before: Some(hour(0)), ..all_of(0) },
            Erasure { before: Some(UtcTime::MIN), ..all_of(0) },
        ] {
            let report = erase(&ledger, erasure).await;
            assert_eq!((report.files, report.rows, report.held), (0, 0, 0));
        }
        assert_eq!(entries(), before);
        ledger.close().await.unwrap();
    });
}
