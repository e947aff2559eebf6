//! Small data files are joined, replaced ones go in time, and no answer ever changes by it.

use std::fs;
use std::path::{Path, PathBuf};

use domain::aggregate::{Granularity, UsageQuery};
use domain::record::Commit;
use domain::sums::{MeterQuery, SumStep, meter_sums};
use domain::time::ReportedTime;
use ledger::{CompactError, Ledger, Options, ReadError, Snapshot, Version};

use crate::folder::{append, copy, files, last_commit, open, options, run, run_on};
use crate::support::{Clock, Model, Spec, hour, queries, subscription};

/// Twenty records of one moment in two subscriptions; those of an even number are of the first days,
/// whenever they come.
fn batch(number: u16) -> Vec<Spec> {
    let spec = |event: u16| Spec {
        event,
        subscription: u8::try_from(event % 2).unwrap(),
        meter: u8::try_from(event % 4 / 2).unwrap(),
        instance: u8::try_from(event % 3).unwrap(),
        used: u8::try_from(event % 48).unwrap(),
        reported: number.is_multiple_of(2).then(|| u8::try_from(event % 48).unwrap()),
        ..Spec::default()
    };
    (number * 20..number * 20 + 20).map(spec).collect()
}

fn data_files(dir: &Path) -> Vec<PathBuf> {
    files(&dir.join("usage/data")).iter().flat_map(|day| files(day)).collect()
}

async fn seal(ledger: &Ledger) {
    ledger.seal().await.unwrap();
    ledger.compact().await.unwrap();
}

/// Compares what a snapshot answers with the model as of a commit.
async fn assert_answers(snapshot: &Snapshot, model: &Model, last: u64) {
    for query in (0..2).flat_map(queries) {
        let page = snapshot.usage_page(&query, None, usize::MAX).await.unwrap();
        assert_eq!(page.rows, model.answer(&query, last), "as of commit {last}");
    }
}

/// Compares usage that was reported in a year, and its sums, with the model as of a commit.
async fn assert_year(snapshot: &Snapshot, model: &Model, last: u64) {
    let year = hour(0)..hour(24 * 366);
    for number in 0..2 {
        let subscription = subscription(number);
        for granularity in [Granularity::Daily, Granularity::Hourly] {
            let reported = ReportedTime(year.start)..ReportedTime(year.end);
            let (details, within) = (true, None);
            let query = UsageQuery { subscription, reported, granularity, details, within };
            let page = snapshot.usage_page(&query, None, usize::MAX).await.unwrap();
            assert_eq!(page.rows, model.answer(&query, last), "as of commit {last}");
        }
        for step in [SumStep::Hour, SumStep::Day, SumStep::Whole] {
            let query = MeterQuery { subscription: Some(subscription), start: year.clone(), step };
            let seen = model.records.iter().filter(|stored| stored.commit.0 <= last);
            let sums = snapshot.meter_sums(&query, usize::MAX).await.unwrap().unwrap();
            assert_eq!(sums, meter_sums(seen, &query).unwrap(), "as of commit {last}");
        }
    }
}

#[test]
fn files_stay_few_under_a_constant_stream() {
    run(async {
        let dir = tempfile::tempdir().unwrap();
        let clock = Clock::at(hour(0));
        let ledger = open(dir.path(), &clock).unwrap();
        let mut model = Model::default();
        let mut most = 0;
        for number in 0..60 {
            model.append(&batch(number), clock.now());
            append(&ledger, &batch(number)).await;
            seal(&ledger).await;
            most = most.max(ledger.status().files);
            clock.set(clock.now().plus_hours(1)); // two days and a half go by
        }
        // 60 seals make more than 90 files; a day keeps as many as its rows double, and three.
        assert!(most <= 24, "{most} files");
        assert_eq!(ledger.status().rows, model.records.len() as u64);
        assert_eq!(data_files(dir.path()).len() as u64, ledger.status().files);
        assert_answers(&ledger.snapshot(None).await.unwrap(), &model, model.last).await;

        clock.set(clock.now().plus_hours(24 * 9));
        ledger.compact().await.unwrap();
        assert!(ledger.status().files <= 16, "{:?}", ledger.status());
        for number in 0..2 {
            let snapshot = ledger.snapshot(None).await.unwrap();
            let records = snapshot.records(subscription(number), hour(0)..hour(24 * 31)).await;
            assert_eq!(records.unwrap(), model.records_of(number));
        }
        ledger.close().await.unwrap();
    });
}

#[test]
fn every_version_answers_as_it_did_after_every_old_file_is_gone() {
    run(async {
        let dir = tempfile::tempdir().unwrap();
        let clock = Clock::at(hour(0));
        let mut ledger = open(dir.path(), &clock).unwrap();
        let mut model = Model::default();
        let mut versions: Vec<Version> = vec![];
        let mut seen: Vec<PathBuf> = vec![];
        for month in 0..12u16 {
            for part in 0..3 {
                let records = batch(month * 3 + part); // every second one late, of the first days
                model.append(&records, clock.now());
                append(&ledger, &records).await;
                versions.push(ledger.snapshot(None).await.unwrap().version());
                ledger.seal().await.unwrap();
                seen.extend(data_files(dir.path()));
                clock.set(clock.now().plus_hours(24 * 10));
            }
            seal(&ledger).await;
            if month % 5 == 4 {
                ledger.close().await.unwrap();
                ledger = open(dir.path(), &clock).unwrap();
            }
        }
        ledger.compact().await.unwrap();
        let left = data_files(dir.path());
        seen.sort();
        seen.dedup();
        let of_a_seal = |file: &Path| !file.to_string_lossy().contains("joined-");
        seen.retain(|file| of_a_seal(file) && left.contains(file));
        // Of the batches that are not late each has a day for itself, with nothing to join.
        let few = 18 + 8;
        assert!(seen.len() < few, "{} of the files are still those of seals", seen.len());
        assert_eq!(left.len() as u64, ledger.status().files, "no replaced file is left");

        let now = ledger.snapshot(None).await.unwrap();
        for (number, version) in versions.iter().enumerate() {
            let last = number as u64 + 1;
            let known = now.as_of(version).unwrap();
            assert_answers(&known, &model, last).await;
            assert_year(&known, &model, last).await;
            let time = hour(24 * 10 * i64::try_from(number).unwrap());
            let known = ledger.snapshot_at(time).await.unwrap();
            assert_eq!(known.version(), *version);
        }
        ledger.close().await.unwrap();
    });
}

#[test]
fn pages_lose_and_repeat_nothing_while_records_come_and_files_are_joined() {
    const BATCHES: u16 = 45;
    run_on(2, async {
        let dir = tempfile::tempdir().unwrap();
        let clock = Clock::at(hour(24 * 9)); // late days are joined at once
        let ledger = open(dir.path(), &clock).unwrap();
        let mut model = Model::default();
        (0..BATCHES).for_each(|number| drop(model.append(&batch(number), clock.now())));
        let writer = ledger.clone();
        let writing = tokio::spawn(async move {
            for number in 0..BATCHES {
                append(&writer, &batch(number)).await;
                if number % 3 == 2 {
                    seal(&writer).await;
                }
            }
        });
        let (mut walks, mut overtaken) = (0, 0);
        loop {
            let is_last_walk = writing.is_finished();
            for query in (0..2).flat_map(queries) {
                let version = ledger.snapshot(None).await.unwrap().version();
                let (mut rows, mut after) = (vec![], None);
                loop {
                    // Each page of a client's is a request of its own, by a token of version and key.
                    let now = ledger.snapshot(None).await.unwrap();
                    let page = now.as_of(&version).unwrap().usage_page(&query, after, 3).await;
                    let page = page.unwrap();
                    after = page.rows.last().map(|row| row.key);
                    rows.extend(page.rows);
                    if !page.more {
                        overtaken += u32::from(now.version() != version);
                        break;
                    }
                }
                let last = last_commit(&version.to_string());
                assert_eq!(rows, model.answer(&query, last), "{query:?} as of {version}");
                walks += 1;
            }
            if is_last_walk {
                break;
            }
        }
        writing.await.unwrap();
        assert!(overtaken > 0, "none of {walks} walks saw anything stored meanwhile");
        ledger.close().await.unwrap();
    });
}

#[test]
fn replaced_files_stay_for_snapshots_and_for_their_time() {
    run(async {
        let dir = tempfile::tempdir().unwrap();
        let clock = Clock::at(hour(24 * 9));
        let kept = Options { keep_replaced_seconds: 86_400, ..options(&clock) };
        let ledger = Ledger::open(dir.path(), kept.clone()).unwrap();
        let mut model = Model::default();
        for number in [2, 14] {
            model.append(&batch(number), clock.now());
            append(&ledger, &batch(number)).await;
            ledger.seal().await.unwrap();
            // The joins that this seal asks for are over before there is a second one.
            if number == 2 {
                ledger.compact().await.unwrap();
            }
        }
        ledger.compact().await.unwrap();
        let there = |dir: &Path| data_files(dir).len();
        let live = usize::try_from(ledger.status().files).unwrap();
        assert_eq!(there(dir.path()), 3 * live, "two files a day were joined, and stay");
        ledger.close().await.unwrap();

        // Their time is counted from when they were replaced, whoever has the ledger open.
        clock.set(clock.now().plus_seconds(86_399));
        let ledger = Ledger::open(dir.path(), kept.clone()).unwrap();
        ledger.compact().await.unwrap();
        assert_eq!(there(dir.path()), 3 * live);
        clock.set(clock.now().plus_seconds(1));
        ledger.compact().await.unwrap();
        assert_eq!(there(dir.path()), live);

        // A snapshot keeps its files for as long as it is held.
        let snapshot = ledger.snapshot(None).await.unwrap();
        model.append(&batch(12), clock.now());
        append(&ledger, &batch(12)).await;
        seal(&ledger).await;
        let joined = usize::try_from(ledger.status().files).unwrap();
        clock.set(clock.now().plus_hours(24 * 30));
        ledger.compact().await.unwrap();
        assert!(there(dir.path()) > joined);
        assert_answers(&snapshot, &model, 2).await;
        drop(snapshot);
        ledger.compact().await.unwrap();
        assert_eq!(there(dir.path()), joined);
        ledger.close().await.unwrap();
    });
}

#[test]
fn what_the_log_does_not_name_is_cleared() {
    run(async {
        let dir = tempfile::tempdir().unwrap();
        let clock = Clock::at(hour(24 * 9));
        let ledger = open(dir.path(), &clock).unwrap();
        append(&ledger, &batch(0)).await;
        seal(&ledger).await;
        ledger.close().await.unwrap();
        let before = data_files(dir.path());
        let begun = "00000000000000000001-00000000000000000001-1";
        for name in [format!("joined-{begun}-1.parquet"), format!("{begun}-7.parquet")] {
            fs::write(before[0].with_file_name(name), "half of").unwrap();
        }
        let ledger = open(dir.path(), &clock).unwrap();
        assert_eq!(data_files(dir.path()), before);
        ledger.close().await.unwrap();
    });
}

#[test]
fn a_damaged_file_is_named_and_holds_up_nothing_else() {
    run(async {
        let (dir, other) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let clock = Clock::at(hour(0)); // every day is young: nothing is joined yet
        let ledger = open(dir.path(), &clock).unwrap();
        for number in [0, 2] {
            append(&ledger, &batch(number)).await;
            seal(&ledger).await;
        }
        assert_eq!((ledger.status().files, ledger.status().last_commit), (3, Commit(2)));
        ledger.close().await.unwrap();
        copy(dir.path(), other.path());
        let damaged = data_files(other.path()).remove(0);
        let mut bytes = fs::read(&damaged).unwrap();
        let middle = bytes.len() / 4;
        bytes[middle..middle + 64].fill(0xff);
        fs::write(&damaged, bytes).unwrap();

        clock.set(hour(24 * 9));
        for (dir, left) in [(dir.path(), 2), (other.path(), 3)] {
            let ledger = open(dir, &clock).unwrap();
            match ledger.compact().await {
                Ok(()) => assert_eq!(left, 2),
                Err(CompactError::Read(ReadError::DataDamaged { file, .. })) => {
                    assert_eq!((file, left), (damaged.clone(), 3));
                }
                Err(other) => panic!("{other:?}"),
            }
            assert_eq!(ledger.status().files, left);
            assert_eq!(ledger.status().rows, 40);
            ledger.close().await.unwrap();
        }
        assert!(damaged.exists());
    });
}

#[test]
fn a_file_that_is_gone_is_told_and_holds_up_nothing_else() {
    run(async {
        let dir = tempfile::tempdir().unwrap();
        let clock = Clock::at(hour(0)); // every day is young: nothing is joined yet
        let ledger = open(dir.path(), &clock).unwrap();
        for number in [2, 14] {
            append(&ledger, &batch(number)).await;
            seal(&ledger).await;
        }
        assert_eq!(ledger.status().files, 4, "two files in each of two days");
        let gone = data_files(dir.path()).remove(0);
        let aside = gone.with_extension("aside");
        fs::rename(&gone, &aside).unwrap();
        clock.set(hour(24 * 9));
        match ledger.compact().await {
            Err(CompactError::Read(ReadError::File(error))) => assert_eq!(error.file, gone),
            other => panic!("{other:?}"),
        }
        assert_eq!(ledger.status().files, 3, "the other day was joined");
        fs::rename(&aside, &gone).unwrap();
        ledger.compact().await.unwrap();
        assert_eq!(ledger.status().files, 2);
        ledger.close().await.unwrap();
    });
}
