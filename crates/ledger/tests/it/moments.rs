//! What was known at a moment, and which sources had reported: random work, sealed and reopened at
//! random points, agrees with the list of stored records.

use std::fs;
use std::sync::{Arc, Mutex};

use domain::complete::SourceActivity;
use domain::record::{Billed, Commit, StoredRecord};
use domain::time::{ReportedTime, UtcTime};
use ledger::{FirstUsageAsOf, Ledger, Snapshot, Version};
use proptest::prelude::*;

use crate::folder::{append, files, open, run};
use crate::support::{Clock, Model, Spec, hour, subscription};

#[derive(Debug, Clone)]
enum Step {
    Append(Vec<Spec>),
    Seal,
    Reopen,
    /// The clock goes on by so many seconds.
    Wait(i64),
}

fn spec() -> impl Strategy<Value = Spec> {
    let reported = prop_oneof![Just(None), (0..72u8).prop_map(Some)];
    (0..200u16, 0..2u8, 0..60u8, 0..3u8, reported).prop_map(
        |(event, subscription, used, length, reported)| Spec {
            event,
            subscription,
            used,
            length,
            reported,
            ..Spec::default()
        },
    )
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        6 => prop::collection::vec(spec(), 1..8).prop_map(Step::Append),
        2 => Just(Step::Seal),
        1 => Just(Step::Reopen),
        4 => (0..100_000i64).prop_map(Step::Wait),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 8, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_moment_holds_the_commits_up_to_it_before_and_after_a_seal(
        steps in prop::collection::vec(step(), 1..30),
        seconds in 0..50_000i64,
    ) {
        run(check(steps, seconds));
    }
}

/// Commits with their times, and what was stored.
#[derive(Default)]
struct Known {
    model: Model,
    times: Vec<(u64, UtcTime)>,
    first_usages: [Mutex<Option<Arc<FirstUsageAsOf>>>; 2],
}

impl Known {
    fn last_at(&self, moment: UtcTime, most: u64) -> u64 {
        let seen = self.times.iter().filter(|(commit, time)| *commit <= most && *time <= moment);
        seen.map(|(commit, _)| *commit).max().unwrap_or(0)
    }

    fn records(&self, number: u8, last: u64) -> Vec<StoredRecord> {
        let records = self.model.records_of(number).into_iter();
        records.filter(|stored| stored.commit <= Commit(last)).collect()
    }
}

async fn check(steps: Vec<Step>, seconds: i64) {
    let dir = tempfile::tempdir().unwrap();
    let clock = Clock::at(hour(5));
    let mut ledger = open(dir.path(), &clock).unwrap();
    let mut known = Known::default();
    for step in steps {
        match step {
            Step::Append(specs) => {
                append(&ledger, &specs).await;
                let before = known.model.last;
                known.model.append(&specs, clock.now());
                if known.model.last > before {
                    known.times.push((known.model.last, clock.now()));
                }
            }
            Step::Seal => ledger.seal().await.unwrap(),
            Step::Reopen => {
                ledger.close().await.unwrap();
                ledger = open(dir.path(), &clock).unwrap();
            }
            Step::Wait(seconds) => clock.set(clock.now().plus_seconds(seconds)),
        }
    }
    let just_before = |time: UtcTime| UtcTime::from_micros(time.to_micros() - 1).unwrap();
    let near = |time: UtcTime| [time, just_before(time), time.plus_seconds(seconds)];
    let moments = known.times.iter().flat_map(|(_, time)| near(*time));
    let moments: Vec<_> = moments.chain([UtcTime::MIN, hour(0), UtcTime::MAX]).collect();
    let before = versions(&ledger, &known, &moments).await;
    ledger.seal().await.unwrap();
    assert_eq!(versions(&ledger, &known, &moments).await, before);
    ledger.close().await.unwrap();
}

/// Checks every moment; the versions that they are.
async fn versions(ledger: &Ledger, known: &Known, moments: &[UtcTime]) -> Vec<Version> {
    let snapshot = ledger.snapshot(None).await.unwrap();
    let halves = half(&snapshot, known.model.last).await;
    let mut versions = Vec::new();
    for (number, moment) in moments.iter().enumerate() {
        let then = snapshot.as_of_time(*moment).await.unwrap();
        let last = known.last_at(*moment, u64::MAX);
        assert!(then.version().to_string().ends_with(&format!(".{last}")), "{moment}");
        if number % 7 == 0 {
            check_contents(&then, known, last).await; // of every one it would take long
        }
        versions.push(then.version());
        // A moment of a past state knows no more than that state.
        let then = halves.as_of_time(*moment).await.unwrap();
        let last = known.last_at(*moment, known.model.last / 2);
        assert!(then.version().to_string().ends_with(&format!(".{last}")), "{moment}");
    }
    versions
}

async fn half(snapshot: &Snapshot, last: u64) -> Snapshot {
    let version = snapshot.version().to_string();
    let (journal, _) = version.rsplit_once('.').unwrap();
    snapshot.as_of(&format!("{journal}.{}", last / 2).parse().unwrap()).unwrap()
}

async fn check_contents(snapshot: &Snapshot, known: &Known, last: u64) {
    for number in 0..2 {
        let expected = known.records(number, last);
        let month = hour(0)..hour(24 * 31);
        let records = snapshot.records(subscription(number), month.clone()).await.unwrap();
        assert_eq!(records, expected);
        let rated = |most| snapshot.usage_records(subscription(number), month.clone(), most);
        if let Some(fewer) = expected.len().checked_sub(1) {
            assert_eq!(rated(fewer).await.unwrap(), None);
        }
        let rated = rated(expected.len()).await.unwrap().unwrap();
        let expected_rated = expected.iter().cloned().map(|mut stored| {
            (stored.record.billed, stored.record.reverses) = (Billed::default(), None);
            stored
        });
        assert_eq!(rated, expected_rated.collect::<Vec<_>>());
        let first = expected.iter().map(|stored| stored.record.window.start()).min();
        let anew = snapshot.first_usage(subscription(number), None).await.unwrap();
        assert_eq!(anew.start(), first);
        // The same where it is known of another version, be it earlier or later.
        let slot = &known.first_usages[usize::from(number)];
        let before = slot.lock().unwrap().take();
        let on = snapshot.first_usage(subscription(number), before).await.unwrap();
        assert_eq!(on.start(), first);
        // What is known of another subscription is not gone on from.
        let anew = snapshot.first_usage(subscription(number), Some(on)).await.unwrap();
        let of_other = snapshot.first_usage(subscription(1 - number), Some(Arc::clone(&anew)));
        let records = known.records(1 - number, last);
        let first = records.iter().map(|stored| stored.record.window.start()).min();
        assert_eq!(of_other.await.unwrap().start(), first);
        *slot.lock().unwrap() = Some(anew);
        for since in [0, 30, 60].map(|hours| ReportedTime(hour(hours))) {
            let sources = snapshot.sources(subscription(number), since).await.unwrap();
            assert_eq!(sources, naive_sources(&expected, since));
        }
    }
}

fn naive_sources(records: &[StoredRecord], since: ReportedTime) -> Vec<SourceActivity> {
    let mut sources: Vec<SourceActivity> = Vec::new();
    let is_report =
        |stored: &&StoredRecord| stored.record.reverses.is_none() && stored.reported >= since;
    for stored in records.iter().filter(is_report) {
        let (source, end) = (&stored.record.source, stored.record.window.end());
        match sources.iter_mut().find(|known| known.source == *source) {
            Some(known) => known.add(stored.reported, end),
            None => sources.push(SourceActivity::new(source.clone(), stored.reported, end)),
        }
    }
    sources.sort_by(|a, b| a.source.cmp(&b.source));
    sources
}

#[test]
fn a_moment_at_which_the_journal_answers_reads_no_file() {
    run(async {
        let dir = tempfile::tempdir().unwrap();
        let clock = Clock::at(hour(5));
        let ledger = open(dir.path(), &clock).unwrap();
        append(&ledger, &[Spec::default()]).await;
        ledger.seal().await.unwrap();
        for event in 1..3u16 {
            clock.set(hour(5 + i64::from(event)));
            append(&ledger, &[Spec { event, ..Spec::default() }]).await;
        }
        for day in files(&dir.path().join("usage/data")) {
            files(&day).iter().for_each(|file| fs::write(file, "damaged").unwrap());
        }
        let snapshot = ledger.snapshot(None).await.unwrap();
        for (hours, last) in [(6, ".2"), (7, ".3"), (8, ".3")] {
            let then = snapshot.as_of_time(hour(hours)).await.unwrap();
            assert!(then.version().to_string().ends_with(last), "{hours}");
        }
        let error = snapshot.as_of_time(hour(5)).await.err().unwrap();
        assert!(error.to_string().contains("is damaged"), "{error}");
        ledger.close().await.unwrap();
    });
}

#[test]
fn a_moment_of_now_stays_as_it_was_told() {
    run(async {
        let dir = tempfile::tempdir().unwrap();
        let clock = Clock::at(hour(5));
        let ledger = open(dir.path(), &clock).unwrap();
        let told = async |time| ledger.snapshot_at(time).await.unwrap().version().to_string();
        append(&ledger, &[Spec::default()]).await;
        let first = told(hour(5)).await;
        assert!(first.ends_with(".1"), "{first}");
        // The clock stands, yet what comes now is of a later moment.
        append(&ledger, &[Spec { event: 1, ..Spec::default() }]).await;
        assert_eq!(told(hour(5)).await, first);
        assert!(told(hour(5).plus_seconds(1)).await.ends_with(".2"));
        // A moment of the future waits for nothing, and does not move the time of later commits.
        assert!(told(hour(9)).await.ends_with(".2"));
        clock.set(hour(6));
        append(&ledger, &[Spec { event: 2, ..Spec::default() }]).await;
        assert!(told(hour(6)).await.ends_with(".3"));
        ledger.close().await.unwrap();
    });
}

#[test]
fn first_usage_that_is_known_is_gone_on_from_without_reading_its_rows_again() {
    run(async {
        let dir = tempfile::tempdir().unwrap();
        let ledger = open(dir.path(), &Clock::at(hour(9))).unwrap();
        let spec = |event: u16, used| Spec { event, used, ..Spec::default() };
        append(&ledger, &[spec(0, 4)]).await;
        ledger.seal().await.unwrap();
        let (used, unused) = (subscription(0), subscription(1));
        let then = ledger.snapshot(None).await.unwrap();
        let known = then.first_usage(used, None).await.unwrap();
        let known_unused = then.first_usage(unused, None).await.unwrap();

        append(&ledger, &[spec(1, 5)]).await;
        for day in files(&dir.path().join("usage/data")) {
            files(&day).iter().for_each(|file| fs::write(file, "damaged").unwrap());
        }
        let now = ledger.snapshot(None).await.unwrap();
        let on = now.first_usage(used, Some(known)).await.unwrap();
        assert_eq!(on.start(), Some(hour(4)));
        assert_eq!(now.first_usage(unused, Some(known_unused)).await.unwrap().start(), None);
        // A page of an earlier state has the same.
        assert_eq!(then.first_usage(used, Some(on)).await.unwrap().start(), Some(hour(4)));
        let error = now.first_usage(used, None).await.unwrap_err();
        assert!(error.to_string().contains("is damaged"), "{error}");
        ledger.close().await.unwrap();
    });
}
