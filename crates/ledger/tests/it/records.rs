//! What becomes of records: identity, limits, versions, closing.

use domain::record::{CanonicalJson, Commit, HashedRecord, Instance};
use ledger::{AppendError, Encoded, NewRecord, Outcome, ReadError, SealError, limits};

use crate::folder::{append, last_commit, new_records, open, run, run_on};
use crate::support::{Clock, Spec, hour, queries};

const FIRST: Spec = Spec {
    event: 1,
    subscription: 0,
    meter: 0,
    instance: 1,
    used: 1,
    length: 1,
    reported: None,
    cents: 150,
};
const SECOND: Spec = Spec { event: 2, ..FIRST };
/// The first record's identity with other content.
const OTHER: Spec = Spec { cents: 151, ..FIRST };

#[test]
fn a_record_counts_once_within_a_batch_across_batches_seals_and_openings() {
    use Outcome::{Conflict, Duplicate, Stored};
    run(async {
        let dir = tempfile::tempdir().unwrap();
        let clock = Clock::at(hour(5));
        let mut ledger = open(dir.path(), &clock).unwrap();
        let one = Commit(1);
        assert_eq!(
            append(&ledger, &[FIRST, FIRST, OTHER]).await,
            [Stored(one), Duplicate(one), Conflict(one)]
        );
        for _ in 0..3 {
            assert_eq!(append(&ledger, &[OTHER, FIRST]).await, [Conflict(one), Duplicate(one)]);
            ledger.seal().await.unwrap();
            assert_eq!(append(&ledger, &[FIRST, OTHER]).await, [Duplicate(one), Conflict(one)]);
            ledger.close().await.unwrap();
            ledger = open(dir.path(), &clock).unwrap();
        }
        assert_eq!(append(&ledger, &[SECOND]).await, [Stored(Commit(2))]);
        assert_eq!(ledger.status().rows, 2);
        ledger.close().await.unwrap();
    });
}

#[test]
fn appends_at_the_same_time_share_group_commits_and_each_gets_its_answer() {
    run(async {
        let dir = tempfile::tempdir().unwrap();
        let ledger = open(dir.path(), &Clock::at(hour(5))).unwrap();
        let tasks: Vec<_> = (0..200u16)
            .map(|number| {
                let ledger = ledger.clone();
                // Every event is sent by two clients.
                let specs = [Spec { event: number / 2, ..FIRST }];
                tokio::spawn(async move { append(&ledger, &specs).await })
            })
            .collect();
        let mut stored = 0;
        for task in tasks {
            match task.await.unwrap()[..] {
                [Outcome::Stored(_)] => stored += 1,
                [Outcome::Duplicate(_)] => {}
                ref other => panic!("{other:?}"),
            }
        }
        assert_eq!((stored, ledger.status().rows), (100, 100));
        ledger.close().await.unwrap();
    });
}

#[test]
fn a_record_longer_than_the_limit_is_named_and_nothing_is_stored() {
    run(async {
        let dir = tempfile::tempdir().unwrap();
        let ledger = open(dir.path(), &Clock::at(hour(5))).unwrap();
        let mut records = new_records(&[FIRST, SECOND]);
        let long = "x".repeat(limits::RECORD_BYTES_MAX);
        let instance =
            Instance { additional_info: Some(CanonicalJson(long.into())), ..Instance::default() };
        records[1].record.instance = instance.into();
        let error = ledger.append(records.clone()).await.unwrap_err();
        assert!(matches!(error, AppendError::RecordTooLarge { position: 1, .. }), "{error}");

        let just_below = "x".repeat(limits::RECORD_BYTES_MAX - 1_000);
        let instance = Instance {
            additional_info: Some(CanonicalJson(just_below.into())),
            ..Instance::default()
        };
        records[1].record.instance = instance.into();
        let many: Vec<NewRecord> = (0..65).map(|_| records[1].clone()).collect();
        let error = ledger.append(many).await.unwrap_err();
        assert!(matches!(error, AppendError::RequestTooLarge { .. }), "{error}");
        assert_eq!(ledger.status().rows, 0);
        assert_eq!(ledger.append(records).await.unwrap().len(), 2);
        ledger.close().await.unwrap();
    });
}

#[test]
fn too_much_unsealed_is_busy_and_sealing_helps() {
    run(async {
        let dir = tempfile::tempdir().unwrap();
        let ledger = open(dir.path(), &Clock::at(hour(5))).unwrap();
        let long = "x".repeat(limits::RECORD_BYTES_MAX - 1_000);
        let instance =
            Instance { additional_info: Some(CanonicalJson(long.into())), ..Instance::default() };
        let instance = std::sync::Arc::new(instance);
        let batch = |first: u16| {
            let specs: Vec<_> = (0..60).map(|n| Spec { event: first + n, ..FIRST }).collect();
            let mut records = new_records(&specs);
            records.iter_mut().for_each(|new| new.record.instance = instance.clone());
            records
        };
        // The seal that the half limit sets off may come in between, so more than four may fit.
        let mut first = 0;
        let error = loop {
            match ledger.append(batch(first)).await {
                Ok(_) => first += 60,
                Err(error) => break error,
            }
            assert!(first < 6_000, "the journal grows without limit");
        };
        assert_eq!(error, AppendError::Busy);
        // Whoever may wait does: a seal is on its way.
        let mut encoded = Encoded::default();
        for NewRecord { record, reported } in batch(first) {
            encoded.push(&HashedRecord::new(record), reported).unwrap();
        }
        let patience = std::time::Duration::from_secs(60);
        assert_eq!(ledger.append_encoded(encoded, patience).await.unwrap().len(), 60);
        ledger.seal().await.unwrap();
        assert_eq!(ledger.append(batch(first + 60)).await.unwrap().len(), 60);
        ledger.close().await.unwrap();
    });
}

#[test]
fn a_version_of_the_future_or_of_another_ledger_is_refused() {
    run(async {
        let (dir, other_dir) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let clock = Clock::at(hour(5));
        let ledger = open(dir.path(), &clock).unwrap();
        let other = open(other_dir.path(), &clock).unwrap();
        append(&ledger, &[FIRST]).await;
        let before = ledger.snapshot(None).await.unwrap();
        append(&ledger, &[SECOND]).await;
        let after = ledger.snapshot(None).await.unwrap();

        let error = before.as_of(&after.version()).err().unwrap();
        assert!(matches!(error, ReadError::VersionNewer { asked: Commit(2), last: Commit(1) }));
        let error = other.snapshot(None).await.unwrap().as_of(&before.version()).err().unwrap();
        assert!(matches!(error, ReadError::VersionOfAnotherLedger));
        assert_eq!(after.as_of(&before.version()).unwrap().version(), before.version());
        ledger.close().await.unwrap();
        other.close().await.unwrap();
    });
}

#[test]
fn a_closed_ledger_refuses_and_its_snapshots_stay_readable() {
    run(async {
        let dir = tempfile::tempdir().unwrap();
        let ledger = open(dir.path(), &Clock::at(hour(5))).unwrap();
        append(&ledger, &[FIRST]).await;
        ledger.close().await.unwrap();
        assert!(!ledger.status().writable);
        assert_eq!(ledger.append(new_records(&[SECOND])).await, Err(AppendError::Refused));
        assert!(matches!(ledger.seal().await, Err(SealError::Refused)));
        ledger.close().await.unwrap();
        let snapshot = ledger.snapshot(Some(hour(6))).await.unwrap();
        let page = snapshot.usage_page(&queries(0)[0], None, 10).await.unwrap();
        assert_eq!(page.rows.len(), 1);
    });
}

#[test]
fn commit_times_never_fall_even_when_the_clock_does() {
    run(async {
        let dir = tempfile::tempdir().unwrap();
        let clock = Clock::at(hour(50));
        let mut ledger = open(dir.path(), &clock).unwrap();
        append(&ledger, &[FIRST]).await;
        clock.set(hour(40));
        append(&ledger, &[SECOND]).await;
        ledger.seal().await.unwrap();
        ledger.close().await.unwrap();
        ledger = open(dir.path(), &clock).unwrap();
        append(&ledger, &[Spec { event: 3, ..FIRST }]).await;
        // A bucket that was answered as closed stays closed.
        clock.set(hour(60));
        ledger.snapshot(Some(hour(59))).await.unwrap();
        clock.set(hour(30));
        append(&ledger, &[Spec { event: 4, ..FIRST }]).await;
        let snapshot = ledger.snapshot(None).await.unwrap();
        let records = snapshot.records(FIRST.record().subscription, hour(0)..hour(99)).await;
        let mut reported: Vec<_> =
            records.unwrap().into_iter().map(|stored| (stored.commit, stored.reported.0)).collect();
        reported.sort();
        let times: Vec<_> = reported.into_iter().map(|(_, time)| time).collect();
        assert_eq!(times, [hour(50), hour(50), hour(50), hour(59)]);
        ledger.close().await.unwrap();
    });
}

#[test]
fn readers_see_whole_commits_while_the_ledger_appends_and_seals() {
    const ROWS: u64 = 7;
    run_on(2, async {
        let dir = tempfile::tempdir().unwrap();
        let ledger = open(dir.path(), &Clock::at(hour(5))).unwrap();
        let writer = ledger.clone();
        let writing = tokio::spawn(async move {
            for batch in 0..60u16 {
                let specs: Vec<_> =
                    (0..7).map(|n| Spec { event: batch * 7 + n, ..FIRST }).collect();
                append(&writer, &specs).await;
                if batch % 9 == 8 {
                    writer.seal().await.unwrap();
                }
            }
        });
        let query = &queries(0)[0];
        let mut seen = 0;
        while seen < 60 {
            let snapshot = ledger.snapshot(None).await.unwrap();
            let page = snapshot.usage_page(query, None, 10).await.unwrap();
            let version = snapshot.version().to_string();
            seen = last_commit(&version);
            let quantity = page.rows.first().map_or(0, |row| row.quantity.to_scaled());
            let each = FIRST.record().quantity.to_scaled();
            assert_eq!(quantity, each * i128::from(ROWS * seen), "at {version}");
        }
        writing.await.unwrap();
        ledger.close().await.unwrap();
    });
}
