//! Corrections: reversals and what takes the place of a record, all or nothing, once for ever.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::{self, OpenOptions};
use std::path::Path;
use std::sync::Arc;

use domain::aggregate::{Granularity, UsageQuery};
use domain::correction::{SliceChange, reversal_of};
use domain::decimal::Quantity;
use domain::id::{ContentHash, EventId, Source};
use domain::record::{Commit, StoredRecord, UsageRecord};
use domain::time::ReportedTime;
use ledger::{Ledger, NewRecord, Obstacle, Together};
use proptest::prelude::*;

use crate::folder::{copy, last_segment, open, run};
use crate::support::{Clock, Spec, hour, subscription};

fn plain(event: u16, cents: u32) -> UsageRecord {
    UsageRecord { reverses: None, ..Spec { event, cents, ..Spec::default() }.record() }
}

fn new(record: UsageRecord) -> NewRecord {
    NewRecord { record, reported: None }
}

async fn together(ledger: &Ledger, records: Vec<UsageRecord>) -> Together {
    ledger.append_together(records.into_iter().map(new).collect()).await.unwrap()
}

/// What may happen to a ledger between two requests.
#[derive(Debug, Clone, Copy)]
enum Between {
    Nothing,
    Seal,
    SealAndCompact,
    Reopen,
    SealAndReopen,
}

const BETWEEN: [Between; 5] = [
    Between::Nothing,
    Between::Seal,
    Between::SealAndCompact,
    Between::Reopen,
    Between::SealAndReopen,
];

async fn pass(between: Between, ledger: Ledger, dir: &Path, clock: &Clock) -> Ledger {
    match between {
        Between::Nothing => return ledger,
        Between::Seal => ledger.seal().await.unwrap(),
        Between::SealAndCompact => {
            ledger.seal().await.unwrap();
            ledger.compact().await.unwrap();
        }
        Between::SealAndReopen => ledger.seal().await.unwrap(),
        Between::Reopen => {}
    }
    if matches!(between, Between::Reopen | Between::SealAndReopen) {
        ledger.close().await.unwrap();
        return open(dir, clock).unwrap();
    }
    ledger
}

/// Each set of records and what becomes of it, in order.
fn sets() -> Vec<(&'static str, Vec<UsageRecord>, Together)> {
    let (first, second) = (plain(1, 100), plain(2, 200));
    let reversal = reversal_of(&first).unwrap();
    let instead = plain(10, 150);
    let refused = |position, obstacle: Obstacle| Together::Refused { position, obstacle };
    let nothing = Obstacle::NothingToReverse;
    let of_other_quantity = UsageRecord { quantity: Quantity::ZERO, ..reversal.clone() };
    let negated = UsageRecord { quantity: first.quantity, ..reversal.clone() };
    let of_the_reversal = UsageRecord {
        event_id: EventId::parse("again").unwrap(),
        reverses: Some(reversal.id()),
        ..negated
    };
    let unknown = reversal_of(&plain(3, 100)).unwrap();
    let other_instead = plain(11, 150);
    vec![
        ("an unknown record", vec![instead.clone(), unknown], refused(1, nothing)),
        ("a record of other content", vec![of_other_quantity], refused(0, nothing)),
        (
            "a conflict behind it",
            vec![reversal.clone(), plain(2, 999)],
            refused(1, Obstacle::Conflict(Commit(1))),
        ),
        (
            "a record that is there already in its place",
            vec![reversal.clone(), second],
            refused(1, Obstacle::Known(Commit(1))),
        ),
        (
            "itself twice",
            vec![reversal.clone(), reversal.clone()],
            refused(1, Obstacle::Known(Commit(2))),
        ),
        ("the first time", vec![reversal.clone(), instead.clone()], Together::Stored(Commit(2))),
        ("sent again", vec![reversal.clone(), instead], Together::Duplicate(Commit(2))),
        ("taken back alone", vec![reversal.clone()], Together::Duplicate(Commit(2))),
        (
            "another in its place",
            vec![other_instead.clone(), reversal],
            refused(1, Obstacle::Known(Commit(2))),
        ),
        ("a reversal", vec![of_the_reversal], refused(0, nothing)),
        ("its content under a new id", vec![plain(12, 100)], Together::Stored(Commit(3))),
        ("what was refused", vec![other_instead], Together::Stored(Commit(4))),
    ]
}

#[test]
fn a_set_is_stored_whole_or_not_at_all_whatever_happens_between() {
    run(async {
        for between in BETWEEN {
            let dir = tempfile::tempdir().unwrap();
            let clock = Clock::at(hour(24 * 3));
            let mut ledger = open(dir.path(), &clock).unwrap();
            ledger.append(vec![new(plain(1, 100)), new(plain(2, 200))]).await.unwrap();
            let mut rows = 2;
            for (name, set, expected) in sets() {
                ledger = pass(between, ledger, dir.path(), &clock).await;
                rows += match expected {
                    Together::Stored(_) => set.len() as u64,
                    _ => 0,
                };
                let happened = together(&ledger, set).await;
                assert_eq!(happened, expected, "{name}, {between:?}");
                assert_eq!(ledger.status().rows, rows, "{name}, {between:?}");
            }
            ledger.close().await.unwrap();
        }
    });
}

#[test]
fn sets_of_one_group_commit_take_turns() {
    run(async {
        let dir = tempfile::tempdir().unwrap();
        let ledger = open(dir.path(), &Clock::at(hour(24 * 3))).unwrap();
        ledger.append(vec![new(plain(1, 100))]).await.unwrap();
        let reversal = reversal_of(&plain(1, 100)).unwrap();
        // All wait before the committer has looked at the first: whatever the groups, one wins.
        let sets =
            (10..20u16).map(|event| together(&ledger, vec![reversal.clone(), plain(event, 1)]));
        let outcomes = futures_join(sets.collect()).await;
        let stored = outcomes.iter().filter(|outcome| matches!(outcome, Together::Stored(_)));
        assert_eq!(stored.count(), 1, "{outcomes:?}");
        assert_eq!(ledger.status().rows, 3);
        ledger.close().await.unwrap();
    });
}

/// Polls all of them before it waits for one.
async fn futures_join<F: Future>(futures: Vec<F>) -> Vec<F::Output> {
    let mut futures: Vec<_> = futures.into_iter().map(Box::pin).collect();
    let mut done: Vec<Option<F::Output>> = futures.iter().map(|_| None).collect();
    std::future::poll_fn(|context| {
        for (future, done) in futures.iter_mut().zip(&mut done) {
            if done.is_none()
                && let std::task::Poll::Ready(output) = future.as_mut().poll(context)
            {
                *done = Some(output);
            }
        }
        match done.iter().all(Option::is_some) {
            true => std::task::Poll::Ready(()),
            false => std::task::Poll::Pending,
        }
    })
    .await;
    done.into_iter().flatten().collect()
}

#[test]
fn a_torn_frame_leaves_nothing_of_a_set() {
    run(async {
        let (dir, torn) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let clock = Clock::at(hour(24 * 3));
        let ledger = open(dir.path(), &clock).unwrap();
        ledger.append(vec![new(plain(1, 100))]).await.unwrap();
        let before = fs::metadata(last_segment(dir.path())).unwrap().len();
        let set = vec![reversal_of(&plain(1, 100)).unwrap(), plain(10, 150)];
        assert_eq!(together(&ledger, set.clone()).await, Together::Stored(Commit(2)));
        ledger.close().await.unwrap();
        let after = fs::metadata(last_segment(dir.path())).unwrap().len();
        for (number, length) in (before..after).step_by(37).enumerate() {
            let crash = torn.path().join(number.to_string());
            copy(dir.path(), &crash);
            let segment = OpenOptions::new().write(true).open(last_segment(&crash)).unwrap();
            segment.set_len(length).unwrap();
            let ledger = open(&crash, &clock).unwrap();
            assert_eq!(ledger.status().rows, 1, "cut at {length}");
            assert_eq!(together(&ledger, set.clone()).await, Together::Stored(Commit(2)));
            assert_eq!(ledger.status().rows, 3);
            ledger.close().await.unwrap();
        }
    });
}

#[test]
fn a_record_is_found_by_its_name_wherever_it_is() {
    run(async {
        for between in BETWEEN {
            let dir = tempfile::tempdir().unwrap();
            let clock = Clock::at(hour(24 * 3));
            let mut ledger = open(dir.path(), &clock).unwrap();
            let specs: Vec<_> = (0..30u16)
                .map(|event| Spec {
                    event,
                    subscription: u8::try_from(event % 2).unwrap(),
                    instance: u8::try_from(event % 3).unwrap(),
                    used: u8::try_from(event).unwrap(),
                    reported: event.is_multiple_of(4).then_some(30),
                    ..Spec::default()
                })
                .collect();
            for specs in specs.chunks(10) {
                crate::folder::append(&ledger, specs).await;
                ledger = pass(between, ledger, dir.path(), &clock).await;
            }
            for spec in &specs {
                let record = spec.record();
                let find = |source, event_id| ledger.record(record.subscription, source, event_id);
                let found = find(&record.source, &record.event_id).await.unwrap().unwrap();
                assert_eq!(found.record, record, "{between:?}");
                assert_eq!(found.commit, Commit(u64::from(spec.event / 10) + 1));
                assert_eq!(found.reported, spec.reported().unwrap_or(ReportedTime(hour(24 * 3))));
                let other = Source::parse("urn:other").unwrap();
                assert!(find(&other, &record.event_id).await.unwrap().is_none());
            }
            ledger.close().await.unwrap();
        }
    });
}

#[test]
fn a_slice_has_its_rows_alone_and_no_more_than_asked_for() {
    run(async {
        let dir = tempfile::tempdir().unwrap();
        let ledger = open(dir.path(), &Clock::at(hour(24 * 3))).unwrap();
        let bucket = ReportedTime(hour(48));
        let mut records = vec![];
        for reported in [bucket, ReportedTime(hour(47))] {
            let wanted = (0..3).map(|size| row(0, size)).collect();
            let added = SliceChange::new(&[], wanted, reported).added;
            let reported = Some(reported);
            records.extend(added.into_iter().map(|record| NewRecord { record, reported }));
        }
        // Events that chance put into the same bucket are no rows of the slice.
        let event = UsageRecord { source: row(0, 0).source, ..plain(1, 100) };
        records.push(NewRecord { record: event, reported: Some(bucket) });
        ledger.append(records).await.unwrap();
        let slice = |source, most| {
            let ledger = ledger.clone();
            async move {
                let source = Source::parse(source).unwrap();
                let found = ledger.slice(subscription(0), &source, bucket, most).await.unwrap();
                found.map(|rows| rows.len())
            }
        };
        assert_eq!(slice("urn:slices", 3).await, Some(3));
        assert_eq!(slice("urn:slices", 2).await, None);
        assert_eq!(slice("urn:other", 3).await, Some(0));
        ledger.close().await.unwrap();
    });
}

/// A row without an id.
fn row(meter: u8, size: u8) -> UsageRecord {
    let spec = Spec { event: 1, meter, cents: u32::from(size) * 100, ..Spec::default() };
    UsageRecord { source: Source::parse("urn:slices").unwrap(), ..spec.record() }
}

#[derive(Debug, Clone)]
enum Step {
    Import { bucket: u8, rows: Vec<(u8, u8)> },
    Between(Between),
}

fn step() -> impl Strategy<Value = Step> {
    let rows = prop::collection::vec((0..2u8, 0..3u8), 0..6);
    prop_oneof![
        4 => (0..2u8, rows).prop_map(|(bucket, rows)| Step::Import { bucket, rows }),
        2 => prop::sample::select(BETWEEN.to_vec()).prop_map(Step::Between),
    ]
}

/// Makes a slice what it should be, as an import that corrects does.
async fn correct(ledger: &Ledger, bucket: ReportedTime, wanted: Vec<UsageRecord>) -> SliceChange {
    let source = row(0, 0).source;
    let stored = ledger.slice(subscription(0), &source, bucket, 1_000).await.unwrap().unwrap();
    let change = SliceChange::new(&stored, wanted, bucket);
    if change.is_empty() {
        return change;
    }
    let reversals = change.gone.iter().map(|record| reversal_of(record).unwrap());
    let records = reversals.chain(change.added.iter().cloned());
    let records = records.map(|record| NewRecord { record, reported: Some(bucket) });
    let done = ledger.append_together(records.collect()).await.unwrap();
    assert!(matches!(done, Together::Stored(_)), "{done:?}");
    change
}

/// How much was used of each meter, where it is not nothing.
type Totals = BTreeMap<u128, Quantity>;

fn totals<'a>(rows: impl Iterator<Item = (u128, &'a Quantity)>) -> Totals {
    let mut totals = Totals::new();
    for (meter, quantity) in rows {
        let total = totals.entry(meter).or_insert(Quantity::ZERO);
        *total = total.plus(*quantity).unwrap();
    }
    totals.retain(|_, total| *total != Quantity::ZERO);
    totals
}

/// What the usage answer of a bucket has as of a version.
async fn answered(ledger: &Ledger, bucket: ReportedTime, version: &str) -> Totals {
    let snapshot = ledger.snapshot(None).await.unwrap();
    let snapshot = snapshot.as_of(&version.parse().unwrap()).unwrap();
    let query = UsageQuery {
        subscription: subscription(0),
        reported: bucket..ReportedTime(bucket.0.plus_hours(24)),
        granularity: Granularity::Daily,
        details: true,
        within: None,
    };
    let page = snapshot.usage_page(&query, None, usize::MAX).await.unwrap();
    totals(page.rows.iter().map(|row| (row.key.meter.to_bits(), &row.quantity)))
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 12, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_slice_is_always_the_last_one_imported(steps in prop::collection::vec(step(), 1..14)) {
        run(check_slices(steps));
    }
}

async fn check_slices(steps: Vec<Step>) {
    let dir = tempfile::tempdir().unwrap();
    let clock = Clock::at(hour(24 * 5));
    let mut ledger = open(dir.path(), &clock).unwrap();
    let mut last: BTreeMap<ReportedTime, Vec<UsageRecord>> = BTreeMap::new();
    let mut history = vec![];
    for step in steps {
        match step {
            Step::Between(between) => ledger = pass(between, ledger, dir.path(), &clock).await,
            Step::Import { bucket, rows } => {
                let bucket = ReportedTime(hour(24 * (2 + i64::from(bucket))));
                let wanted: Vec<_> = rows.iter().map(|(meter, size)| row(*meter, *size)).collect();
                correct(&ledger, bucket, wanted.clone()).await;
                last.insert(bucket, wanted.clone());
                assert!(correct(&ledger, bucket, wanted.clone()).await.is_empty());
                let version = ledger.snapshot(None).await.unwrap().version().to_string();
                let rows = wanted.iter().map(|row| (row.meter.to_bits(), &row.quantity));
                history.push((bucket, version, totals(rows)));
            }
        }
        for (bucket, wanted) in &last {
            assert_eq!(live(&ledger, *bucket).await, contents(wanted.iter()));
        }
        assert_reversed_once(&ledger).await;
    }
    // As of each import its slice is what it was then.
    for (bucket, version, expected) in &history {
        assert_eq!(answered(&ledger, *bucket, version).await, *expected);
    }
    ledger.close().await.unwrap();
}

fn contents<'a>(records: impl Iterator<Item = &'a UsageRecord>) -> Vec<ContentHash> {
    let mut contents: Vec<_> = records.map(UsageRecord::content_hash).collect();
    contents.sort_unstable();
    contents
}

/// The rows of a slice that were not taken back.
async fn live(ledger: &Ledger, bucket: ReportedTime) -> Vec<ContentHash> {
    let source = row(0, 0).source;
    let rows = ledger.slice(subscription(0), &source, bucket, 1_000).await.unwrap().unwrap();
    let live = rows.iter().filter(|row| !row.is_reversed);
    contents(live.map(|row| &row.stored.record))
}

async fn assert_reversed_once(ledger: &Ledger) {
    let snapshot = ledger.snapshot(None).await.unwrap();
    let records = snapshot.records(subscription(0), hour(0)..hour(24 * 31)).await.unwrap();
    let by_id: BTreeMap<_, &StoredRecord> =
        records.iter().map(|stored| (stored.record.id(), stored)).collect();
    assert_eq!(by_id.len(), records.len());
    let mut reversed = BTreeSet::new();
    for stored in &records {
        let Some(id) = stored.record.reverses else {
            assert!(!stored.record.quantity.is_negative());
            continue;
        };
        assert!(reversed.insert(id), "{id} is reversed twice");
        let of = &by_id[&id];
        assert_eq!(of.record.quantity.negated(), stored.record.quantity);
        assert_eq!(Arc::clone(&of.record.instance), Arc::clone(&stored.record.instance));
        assert!(of.record.reverses.is_none() && of.commit < stored.commit);
    }
}
