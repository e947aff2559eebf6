//! What needs a hand inside: syncs that fail, group commits held half-way, crashes between steps.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::Ordering::{self, SeqCst};
use std::sync::atomic::{AtomicBool, AtomicUsize};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::time::Duration;

use tokio::sync::oneshot;

use crate::committer::Message;
use crate::seam::{Seams, Step};
use crate::storage::{Storage, WriteFile};
use crate::support::{Clock, Model, Spec, hour, queries};
use crate::{AppendError, Ledger, NewRecord, Options, Outcome, SealError};
use domain::record::Commit;

/// Options that never seal by themselves.
pub(crate) fn options(clock: &Clock) -> Options {
    Options {
        clock: clock.reader(),
        seal_bytes: u64::MAX,
        unsealed_bytes_max: u64::MAX,
        seal_after_seconds: u64::MAX,
        keep_replaced_seconds: 0,
    }
}

fn new_records(specs: &[Spec]) -> Vec<NewRecord> {
    let made = |spec: &Spec| NewRecord { record: spec.record(), reported: spec.reported() };
    specs.iter().map(made).collect()
}

fn specs(events: std::ops::Range<u16>) -> Vec<Spec> {
    let spec = |event: u16| Spec {
        event,
        subscription: u8::try_from(event % 2).unwrap(),
        instance: u8::try_from(event % 3).unwrap(),
        reported: event.is_multiple_of(2).then(|| u8::try_from(event % 72).unwrap()),
        ..Spec::default()
    };
    events.map(spec).collect()
}

fn run<T>(test: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap().block_on(test)
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for file in fs::read_dir(from).unwrap() {
        let file = file.unwrap().path();
        let target = to.join(file.file_name().unwrap());
        if file.is_dir() {
            copy(&file, &target);
        } else if let Err(error) = fs::copy(&file, &target) {
            // The index is written beside all else, under names of its own until it is whole.
            assert_eq!(error.kind(), io::ErrorKind::NotFound, "{}", file.display());
            assert!(file.parent().unwrap().ends_with("index"), "{}", file.display());
        }
    }
}

async fn assert_holds(dir: &Path, clock: &Clock, model: &Model) {
    let ledger = Ledger::open(dir, options(clock)).unwrap();
    assert_eq!(ledger.status().rows, model.records.len() as u64);
    for seal in [false, true] {
        if seal {
            ledger.seal().await.unwrap();
        }
        let snapshot = ledger.snapshot(None).await.unwrap();
        for query in (0..2).flat_map(queries) {
            let page = snapshot.usage_page(&query, None, usize::MAX).await.unwrap();
            assert_eq!(page.rows, model.answer(&query, model.last));
        }
    }
    let month = hour(0)..hour(24 * 31);
    for number in 0..2 {
        let subscription = crate::support::subscription(number);
        let snapshot = ledger.snapshot(None).await.unwrap();
        let records = snapshot.records(subscription, month.clone()).await.unwrap();
        assert_eq!(records, model.records_of(number));
    }
    ledger.close().await.unwrap();
}

#[test]
fn a_crash_after_any_step_of_a_seal_or_a_join_loses_and_doubles_nothing() {
    run(async {
        let (dir, copies) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let clock = Clock::at(hour(24 * 10));
        let (from, to) = (dir.path().to_owned(), copies.path().to_owned());
        let seal = Arc::new(AtomicUsize::new(0));
        let (seen, steps) = (Arc::clone(&seal), AtomicUsize::new(0));
        let after_step = Arc::new(move |step: Step| {
            let (seal, number) = (seen.load(SeqCst), steps.fetch_add(1, SeqCst));
            copy(&from, &to.join(format!("{seal}-{number:02}-{step:?}")));
        });
        let seams = Seams { after_step, ..Seams::default() };
        let ledger = Ledger::open_with(dir.path(), options(&clock), seams).unwrap();
        let mut models = Vec::new();
        for part in 0..2 {
            let mut model = Model::default();
            for before in 0..=part {
                for batch in 0..3 {
                    let first = before * 60 + batch * 20;
                    model.append(&specs(first..first + 20), clock.now());
                }
            }
            for batch in 0..3 {
                let first = part * 60 + batch * 20;
                ledger.append(new_records(&specs(first..first + 20))).await.unwrap();
            }
            seal.store(models.len(), SeqCst);
            models.push(model);
            ledger.seal().await.unwrap();
            ledger.compact().await.unwrap();
        }
        ledger.close().await.unwrap();

        let mut crashes: Vec<PathBuf> =
            fs::read_dir(copies.path()).unwrap().map(|copy| copy.unwrap().path()).collect();
        crashes.sort();
        let names: Vec<_> = crashes.iter().map(|crash| crash.to_string_lossy()).collect();
        let count = |step: &str| names.iter().filter(|name| name.ends_with(step)).count();
        assert_eq!((count("-JournalCut"), count("-Rotated")), (2, 2));
        // The first three days were joined; the tenth, to which the clock points, is young.
        assert_eq!((count("-Joined"), count("-JoinLogged"), count("-JoinPublished")), (3, 3, 3));
        for crash in &crashes {
            let name = crash.file_name().unwrap().to_str().unwrap();
            assert_holds(crash, &clock, &models[usize::from(name.starts_with('1'))]).await;
        }
    });
}

#[test]
fn a_message_that_comes_while_the_committer_ends_keeps_nobody_waiting() {
    run(async {
        let dir = tempfile::tempdir().unwrap();
        let ledger = Ledger::open(dir.path(), options(&Clock::at(hour(5)))).unwrap();
        let place = ledger.0.committer.clone().reserve_owned().await.unwrap();
        let closing = tokio::spawn({
            let ledger = ledger.clone();
            async move { ledger.close().await }
        });
        while ledger.0.shared.writable.load(SeqCst) {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
        let (reply, answer) = oneshot::channel();
        drop(place.send(Message::Rotate { reply }));
        // The ledger still has a handle, as whoever closes it has.
        let answer = tokio::time::timeout(Duration::from_secs(60), answer).await;
        assert!(answer.expect("nobody answers, and nobody refuses").is_err());
        closing.await.unwrap().unwrap();
    });
}

#[test]
fn after_a_failed_sync_everything_is_refused_until_opened_again() {
    run(async {
        let dir = tempfile::tempdir().unwrap();
        let clock = Clock::at(hour(5));
        let fails = Arc::new(AtomicBool::new(false));
        let seen = Arc::clone(&fails);
        let sync_frame =
            Arc::new(move |file: &mut dyn WriteFile| match seen.load(Ordering::SeqCst) {
                true => Err(io::Error::other("the disk is on fire")),
                false => file.sync_data(),
            });
        let seams = Seams { sync_frame, ..Seams::default() };
        let ledger = Ledger::open_with(dir.path(), options(&clock), seams).unwrap();
        ledger.append(new_records(&specs(0..1))).await.unwrap();
        fails.store(true, Ordering::SeqCst);
        // A duplicate in the group of a record that was not stored is not acknowledged either.
        let both = new_records(&[specs(1..2), specs(1..2)].concat());
        assert_eq!(ledger.append(both).await, Err(AppendError::Refused));
        fails.store(false, Ordering::SeqCst);
        assert_eq!(ledger.append(new_records(&specs(0..1))).await, Err(AppendError::Refused));
        assert!(matches!(ledger.seal().await, Err(SealError::Refused)));
        assert!(!ledger.status().writable);
        assert_eq!((ledger.status().rows, ledger.status().last_commit), (1, Commit(1)));
        ledger.close().await.unwrap();

        // The frame was written after all: sending again finds it, and nothing counts twice.
        let ledger = Ledger::open(dir.path(), options(&clock)).unwrap();
        let outcomes = ledger.append(new_records(&specs(0..3))).await.unwrap();
        let (one, two, three) = (Commit(1), Commit(2), Commit(3));
        let expected = [Outcome::Duplicate(one), Outcome::Duplicate(two), Outcome::Stored(three)];
        assert_eq!(outcomes, expected);
        ledger.close().await.unwrap();
    });
}

/// A sync that waits to be let go: `entered` says that a group commit is under way.
fn held_sync() -> (Seams, Receiver<()>, SyncSender<()>) {
    let (enter, entered) = sync_channel(1);
    let (go, wait) = sync_channel::<()>(1);
    let wait = std::sync::Mutex::new(wait);
    let sync_frame = Arc::new(move |file: &mut dyn WriteFile| {
        let _ = enter.try_send(());
        let _ = wait.lock().unwrap().recv();
        file.sync_data()
    });
    (Seams { sync_frame, ..Seams::default() }, entered, go)
}

#[test]
fn a_settled_snapshot_waits_for_the_group_commit_under_way() {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).build().unwrap();
    runtime.block_on(async {
        let dir = tempfile::tempdir().unwrap();
        let clock = Clock::at(hour(5));
        let (seams, entered, go) = held_sync();
        let ledger = Ledger::open_with(dir.path(), options(&clock), seams).unwrap();
        let appender = ledger.clone();
        let append = tokio::spawn(async move { appender.append(new_records(&specs(1..2))).await });
        tokio::task::spawn_blocking(move || entered.recv().unwrap()).await.unwrap();
        clock.set(hour(6));

        // What is under way has the time 05:00: it is not durable, so a plain snapshot lacks it.
        let plain = ledger.snapshot(None).await.unwrap();
        assert!(plain.version().to_string().ends_with(".0"));
        let mut settled = Box::pin(ledger.snapshot(Some(hour(6))));
        let waits = std::future::poll_fn(|context| {
            std::task::Poll::Ready(settled.as_mut().poll(context).is_pending())
        });
        assert!(waits.await);
        go.send(()).unwrap();
        let settled = settled.await.unwrap();
        assert!(settled.version().to_string().ends_with(".1"));
        assert_eq!(append.await.unwrap().unwrap(), [Outcome::Stored(Commit(1))]);
        drop(go);
        ledger.close().await.unwrap();
    });
}

#[test]
fn somebody_elses_commit_stops_the_writer() {
    run(async {
        let dir = tempfile::tempdir().unwrap();
        let clock = Clock::at(hour(5));
        let ledger = Ledger::open(dir.path(), options(&clock)).unwrap();
        ledger.append(new_records(&specs(0..1))).await.unwrap();
        let entry = dir.path().join("usage/_delta_log/00000000000000000001.json");
        fs::write(&entry, r#"{"commitInfo":{"engineInfo":"other"}}"#).unwrap();
        match ledger.seal().await {
            Err(SealError::ForeignCommit { file }) => assert_eq!(file, entry),
            other => panic!("{other:?}"),
        }
        assert_eq!(ledger.append(new_records(&specs(1..2))).await, Err(AppendError::Refused));
        ledger.close().await.unwrap();
    });
}

#[test]
fn a_seal_that_failed_is_tried_again_with_everything() {
    run(async {
        let dir = tempfile::tempdir().unwrap();
        let clock = Clock::at(hour(5));
        let ledger = Ledger::open(dir.path(), options(&clock)).unwrap();
        let mut model = Model::default();
        let blocked = dir.path().join("usage/_delta_log/.00000000000000000001.json.tmp");
        for batch in 0..3 {
            let records = specs(batch * 10..batch * 10 + 10);
            ledger.append(new_records(&records)).await.unwrap();
            model.append(&records, clock.now());
            // A log entry that cannot be written stands for a disk that is full.
            fs::create_dir(&blocked).unwrap();
            assert!(matches!(ledger.seal().await, Err(SealError::File(_))));
            fs::remove_dir(&blocked).unwrap();
        }
        assert!(ledger.status().writable);
        ledger.seal().await.unwrap();
        assert_eq!((ledger.status().journal_bytes, ledger.status().rows), (0, 30));
        // Nothing is left of the attempts that failed.
        let days = fs::read_dir(dir.path().join("usage/data")).unwrap();
        let files = days.flat_map(|day| fs::read_dir(day.unwrap().path()).unwrap());
        assert_eq!(files.count() as u64, ledger.status().files);
        ledger.close().await.unwrap();
        assert_holds(dir.path(), &clock, &model).await;
    });
}

#[test]
fn a_log_with_checkpoints_opens_the_same_without_the_entries_before() {
    run(async {
        let (dir, copies) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let clock = Clock::at(hour(24 * 10));
        let mut model = Model::default();
        let seams = || Seams { checkpoint_entries: 3, ..Seams::default() };
        let names = |dir: &Path, end: &str| -> Vec<String> {
            let names = Storage::local().names(&dir.join("usage/_delta_log")).unwrap();
            names.into_iter().filter(|name| name.ends_with(end)).collect()
        };
        for round in 0..12 {
            let ledger = Ledger::open_with(dir.path(), options(&clock), seams()).unwrap();
            let records = specs(round * 10..round * 10 + 10);
            ledger.append(new_records(&records)).await.unwrap();
            model.append(&records, clock.now());
            ledger.seal().await.unwrap();
            ledger.compact().await.unwrap();
            assert_eq!(ledger.status().rows, model.records.len() as u64);
            ledger.close().await.unwrap();
            clock.set(clock.now().plus_hours(2));
        }
        // Twelve seals and as many joins at least; of each but the last few there is nothing left.
        let entries = names(dir.path(), ".json");
        assert!(*entries[0] > *"00000000000000000012.json", "{entries:?}");
        let checkpoints = names(dir.path(), ".checkpoint.parquet");
        assert_eq!(checkpoints.len(), 2);
        let hint =
            fs::read_to_string(dir.path().join("usage/_delta_log/_last_checkpoint")).unwrap();
        let number: u64 = checkpoints[1][..20].parse().unwrap();
        assert!(hint.contains(&format!("\"version\":{number}")), "{hint}");
        assert_holds(dir.path(), &clock, &model).await;

        // An older checkpoint that lacks its entry is not needed.
        let lacking = copies.path().join("lacking");
        copy(dir.path(), &lacking);
        let entry = format!("usage/_delta_log/{}.json", &checkpoints[0][..20]);
        fs::remove_file(lacking.join(entry)).unwrap();
        assert_holds(&lacking, &clock, &model).await;

        // One damaged checkpoint is done without, two are not.
        let damaged = copies.path().join("damaged");
        copy(dir.path(), &damaged);
        let log = |name: &str| damaged.join("usage/_delta_log").join(name);
        fs::write(log(&checkpoints[1]), "PAR1 and no more").unwrap();
        assert_holds(&damaged, &clock, &model).await;
        for name in names(&damaged, ".checkpoint.parquet") {
            fs::write(log(&name), "PAR1 and no more").unwrap();
        }
        let opened = Ledger::open(&damaged, options(&clock));
        assert!(matches!(opened.err(), Some(crate::OpenError::LogDamaged { .. })));
    });
}

#[test]
fn the_journal_is_sealed_when_it_is_large_or_old() {
    run(async {
        for (seal_bytes, seal_after_seconds) in [(1, u64::MAX), (u64::MAX, 0)] {
            let dir = tempfile::tempdir().unwrap();
            let clock = Clock::at(hour(5));
            let (sealed, wait) = sync_channel(64);
            let after_step = Arc::new(move |step| {
                if step == Step::JournalCut {
                    let _ = sealed.try_send(());
                }
            });
            let seams = Seams { after_step, ..Seams::default() };
            let options = Options { seal_bytes, seal_after_seconds, ..options(&clock) };
            let ledger = Ledger::open_with(dir.path(), options, seams).unwrap();
            ledger.append(new_records(&specs(0..5))).await.unwrap();
            tokio::task::spawn_blocking(move || wait.recv().unwrap()).await.unwrap();
            assert_eq!(ledger.status().journal_bytes, 0);
            ledger.close().await.unwrap();
        }
    });
}

mod erasure;
mod fences;
mod held_join;
mod page_reads;
mod wrong_blocks;
