//! Rollups change no answer: neither by being there, nor by being gone or damaged.

use std::collections::{BTreeMap, BTreeSet};
use std::io::Write;
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::{fs, io};

use domain::aggregate::UsageQuery;
use domain::complete::SourceActivity;
use domain::decimal::Quantity;
use domain::facets::{Facets, ResourceFacet};
use domain::id::{MeterId, ResourceScope, Source, SubscriptionId};
use domain::record::StoredRecord;
use domain::sums::{
    DaysOfMeters, InstanceQuery, MeterQuery, SumStep, Whose, WindowQuery, instance_sums,
    meter_sums, window_sums,
};
use domain::time::{Date, ReportedTime, UtcTime};
use proptest::prelude::*;
use tempfile::TempDir;

use super::{FOLDER, Grain};
use crate::seam::Seams;
use crate::support::{Clock, Model, Spec, hour, queries, subscription};
use crate::tests::options;
use crate::{Ledger, NewRecord, ReadError, Snapshot};

fn run<T>(test: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(test)
}

/// A ledger whose every data file has rollups.
fn open(dir: &Path, clock: &Clock) -> Ledger {
    let seams = Seams { rollup_rows: 1, ..Seams::default() };
    Ledger::open_with(dir, options(clock), seams).unwrap()
}

fn new_records(specs: &[Spec]) -> Vec<NewRecord> {
    let made = |spec: &Spec| NewRecord { record: spec.record(), reported: spec.reported() };
    specs.iter().map(made).collect()
}

/// Every file below a folder, in order.
fn files(folder: &Path) -> Vec<PathBuf> {
    let Ok(entries) = fs::read_dir(folder) else { return vec![] };
    let mut files: Vec<PathBuf> = Vec::new();
    for entry in entries {
        let path = entry.unwrap().path();
        if path.is_dir() { files.extend(self::files(&path)) } else { files.push(path) }
    }
    files.sort();
    files
}

fn rollups(dir: &Path) -> Vec<PathBuf> {
    files(&dir.join("usage").join(FOLDER))
}

fn data_files(dir: &Path) -> Vec<PathBuf> {
    files(&dir.join("usage/data"))
}

#[derive(Debug, Clone)]
enum Step {
    Append(Vec<Spec>),
    Seal,
    Compact,
    Reopen,
    Wait(i64),
    /// Which rollup, what is done to it, and where.
    Harm(usize, u8, usize),
}

fn spec() -> impl Strategy<Value = Spec> {
    let ids = (0..60u16, 0..2u8, 0..3u8, 0..4u8);
    let times = (0..60u8, 0..3u8, prop_oneof![Just(None), (0..72u8).prop_map(Some)]);
    (ids, times, prop_oneof![Just(0u32), 1..3u32, Just(99_999_999)]).prop_map(
        |((event, subscription, meter, instance), (used, length, reported), cents)| Spec {
            event,
            subscription,
            meter,
            instance,
            used,
            length,
            reported,
            cents,
        },
    )
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        6 => prop::collection::vec(spec(), 1..30).prop_map(Step::Append),
        4 => Just(Step::Seal),
        1 => Just(Step::Compact),
        1 => Just(Step::Reopen),
        2 => (0..30i64).prop_map(Step::Wait),
        4 => (any::<usize>(), 0..5u8, any::<usize>())
            .prop_map(|(which, how, place)| Step::Harm(which, how, place)),
    ]
}

fn harm(dir: &Path, which: usize, how: u8, place: usize) {
    let there = rollups(dir);
    let Some(file) = there.get(which % there.len().max(1)) else { return };
    match harm_file(file, &there, how, place) {
        // Replaced files, and rollups with them, are removed while this goes on.
        Err(gone) if gone.kind() == io::ErrorKind::NotFound => {}
        harmed => harmed.unwrap(),
    }
}

fn harm_file(file: &Path, others: &[PathBuf], how: u8, place: usize) -> io::Result<()> {
    let mut bytes = fs::read(file)?;
    match how {
        0 => return fs::remove_file(file),
        1 => bytes.truncate(place % bytes.len().max(1)),
        2 => bytes.clear(),
        // Sound, but of other rows.
        3 => bytes = fs::read(&others[place % others.len()])?,
        _ => {
            let place = place % bytes.len().max(1);
            if let Some(byte) = bytes.get_mut(place) {
                *byte ^= 0x10;
            }
        }
    }
    fs::File::options().write(true).truncate(true).open(file)?.write_all(&bytes)
}

fn ranges() -> [Range<UtcTime>; 5] {
    let minutes = |hours: i64, minutes: i64| hour(hours).plus_seconds(minutes * 60);
    [
        hour(0)..hour(24 * 4),
        hour(24)..hour(48),
        hour(5)..hour(30),
        minutes(3, 15)..minutes(50, 7),
        minutes(7, 10)..minutes(7, 25),
    ]
}

const FACETS: [Facets; 3] = [
    Facets::ALL,
    Facets { tags: true, location: true, ..Facets::NONE },
    Facets { resource: ResourceFacet::Group, ..Facets::NONE },
];

const STEPS: [SumStep; 3] = [SumStep::Hour, SumStep::Day, SumStep::Whole];

/// Compares every answer that rollups have a part in with the definitions, as of a commit.
async fn check(snapshot: &Snapshot, model: &Model, last: u64) {
    let seen: Vec<&StoredRecord> =
        model.records.iter().filter(|stored| stored.commit.0 <= last).collect();
    for subscription in [None, Some(subscription(0)), Some(subscription(1))] {
        for start in ranges() {
            for step in STEPS {
                let query = MeterQuery { subscription, start: start.clone(), step };
                let expected = meter_sums(seen.iter().copied(), &query).unwrap();
                let sums = snapshot.meter_sums(&query, usize::MAX).await.unwrap();
                assert_eq!(sums.unwrap(), expected, "{query:?} as of {last}");
            }
        }
    }
    let among = |numbers: &[u8]| {
        Whose::Among(Arc::new(numbers.iter().copied().map(subscription).collect()))
    };
    let one = |number| Whose::One(subscription(number));
    for whose in [Whose::Every, one(0), one(1), among(&[]), among(&[1]), among(&[0, 1, 2])] {
        for start in ranges() {
            for facets in FACETS {
                let query = InstanceQuery { whose: whose.clone(), start: start.clone(), facets };
                let expected = instance_sums(seen.iter().copied(), &query).unwrap();
                let sums = snapshot.instance_sums(&query, usize::MAX).await.unwrap();
                assert_eq!(sums.unwrap(), expected, "{query:?} as of {last}");
            }
        }
    }
    check_windows(snapshot, &seen, last).await;
    for number in 0..2 {
        for since in [0, 20, 40] {
            let since = ReportedTime(hour(since).plus_seconds(100));
            let sources = snapshot.sources(subscription(number), since).await.unwrap();
            assert_eq!(sources, activity(&seen, subscription(number), since), "as of {last}");
        }
    }
    let scopes = ["/subscriptions/s/resourceGroups/Grün-(1)", "/subscriptions/s/resourceGroups/g"];
    let scopes: BTreeSet<_> =
        scopes.iter().map(|scope| ResourceScope::parse(scope).unwrap()).collect();
    let cut = |query: UsageQuery| UsageQuery { within: Some(scopes.clone()), ..query };
    let all = (0..2).flat_map(queries);
    for query in all.clone().chain(all.map(cut)) {
        let expected = model.answer(&query, last);
        for limit in [2, usize::MAX] {
            let (mut rows, mut after) = (vec![], None);
            loop {
                let page = snapshot.usage_page(&query, after, limit).await.unwrap();
                after = page.rows.last().map(|row| row.key);
                rows.extend(page.rows);
                if !page.more {
                    break;
                }
            }
            assert_eq!(rows, expected, "{query:?} as of {last}, {limit} rows a page");
        }
    }
}

/// The same for windows, of some days of some meters.
async fn check_windows(snapshot: &Snapshot, seen: &[&StoredRecord], last: u64) {
    let of_days =
        |days: &[i64]| -> BTreeSet<Date> { days.iter().map(|day| hour(day * 24).date()).collect() };
    let meters: BTreeSet<MeterId> = seen.iter().map(|stored| stored.record.meter).collect();
    let every = |days: &[i64]| meters.iter().map(|id| (*id, of_days(days))).collect();
    let of_first = |days: &[i64]| meters.iter().take(1).map(|id| (*id, of_days(days))).collect();
    let queries: [Vec<(SubscriptionId, DaysOfMeters)>; 4] = [
        vec![],
        vec![(subscription(0), every(&[0, 1, 2, 3]))],
        vec![(subscription(0), of_first(&[0, 2])), (subscription(1), every(&[1]))],
        vec![(subscription(1), of_first(&[2])), (subscription(7), every(&[0]))],
    ];
    for days in queries {
        let days = Arc::new(days.into_iter().collect());
        for start in ranges() {
            let query = WindowQuery { days: Arc::clone(&days), start };
            let expected = window_sums(seen.iter().copied(), &query).unwrap();
            let sums = snapshot.window_sums(&query, usize::MAX).await.unwrap();
            assert_eq!(sums.as_ref(), Some(&expected), "{query:?} as of {last}");
            let count = expected.iter().map(|meter| meter.sums.len()).sum::<usize>();
            assert_eq!(snapshot.window_sums(&query, count).await.unwrap(), sums);
            if let Some(fewer) = count.checked_sub(1) {
                assert_eq!(snapshot.window_sums(&query, fewer).await.unwrap(), None);
            }
        }
    }
}

/// What sources reported, row by row.
fn activity(
    seen: &[&StoredRecord],
    subscription: SubscriptionId,
    since: ReportedTime,
) -> Vec<SourceActivity> {
    let mut found: BTreeMap<Source, SourceActivity> = BTreeMap::new();
    let wanted = |stored: &&&StoredRecord| {
        let StoredRecord { record, reported, .. } = stored;
        // A reversal is no report of its source.
        record.subscription == subscription && since <= *reported && record.reverses.is_none()
    };
    for stored in seen.iter().filter(wanted) {
        let (source, end) = (stored.record.source.clone(), stored.record.window.end());
        match found.get_mut(&source) {
            Some(known) => known.add(stored.reported, end),
            None => {
                let first = SourceActivity::new(source.clone(), stored.reported, end);
                found.insert(source, first);
            }
        }
    }
    found.into_values().collect()
}

/// A ledger, and what it has taken.
struct Scene {
    dir: TempDir,
    clock: Clock,
    ledger: Ledger,
    model: Model,
}

impl Scene {
    fn new() -> Self {
        let (dir, clock) = (tempfile::tempdir().unwrap(), Clock::at(hour(0)));
        let ledger = open(dir.path(), &clock);
        Self { dir, clock, ledger, model: Model::default() }
    }

    async fn take(&mut self, step: Step) {
        let Self { dir, clock, ledger, model } = self;
        match step {
            Step::Append(specs) => {
                model.append(&specs, clock.now());
                ledger.append(new_records(&specs)).await.unwrap();
            }
            Step::Seal => ledger.seal().await.unwrap(),
            Step::Compact => ledger.compact().await.unwrap(),
            Step::Reopen => {
                ledger.close().await.unwrap();
                *ledger = open(dir.path(), clock);
            }
            Step::Wait(hours) => clock.set(clock.now().plus_hours(hours)),
            Step::Harm(which, how, place) => harm(dir.path(), which, how, place),
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 8, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn rollups_that_are_gone_or_damaged_change_no_answer(
        steps in prop::collection::vec(step(), 1..25),
        earlier in any::<u64>(),
    ) {
        run(async {
            let mut scene = Scene::new();
            for step in steps {
                scene.take(step).await;
            }
            let Scene { dir: _dir, ledger, model, .. } = scene;
            let now = ledger.snapshot(None).await.unwrap();
            check(&now, &model, model.last).await;
            // As of an earlier commit files that have later ones are read row by row.
            let last = earlier % (model.last + 1);
            let version = now.version().to_string();
            let version = version.rsplit_once('.').unwrap().0.to_owned() + &format!(".{last}");
            check(&now.as_of(&version.parse().unwrap()).unwrap(), &model, last).await;
            ledger.close().await.unwrap();
        });
    }
}

/// Compares sums of all subscriptions as of a snapshot with their definition.
async fn check_of_all(snapshot: &Snapshot, model: &Model, last: u64, which: usize) {
    let (start, step) = (ranges()[which % 5].clone(), STEPS[which / 5 % 3]);
    let seen = model.records.iter().filter(|stored| stored.commit.0 <= last);
    let query = MeterQuery { subscription: None, start: start.clone(), step };
    let expected = meter_sums(seen, &query).unwrap();
    let sums = snapshot.meter_sums_of_all(start, step, usize::MAX).await.unwrap().unwrap();
    assert_eq!(*sums, expected, "{query:?} as of {last}");
    let count = expected.iter().map(|meter| meter.sums.len()).sum::<usize>();
    if let Some(fewer) = count.checked_sub(1) {
        let sums = snapshot.meter_sums_of_all(query.start, step, fewer).await.unwrap();
        assert_eq!(sums, None, "more than {fewer} as of {last}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, failure_persistence: None, ..ProptestConfig::default() })]

    /// Asked for all the time, also of snapshots from before, of few ranges so that they are kept.
    #[test]
    fn kept_sums_are_those_of_the_rows_whoever_asked_before(
        steps in prop::collection::vec((step(), 0..4usize, any::<usize>()), 1..40),
    ) {
        run(async {
            let mut scene = Scene::new();
            let mut held = Vec::new();
            for (step, which, chosen) in steps {
                if matches!(step, Step::Reopen) {
                    held.clear();
                }
                scene.take(step).await;
                if chosen % 2 == 0 {
                    held.push((scene.ledger.snapshot(None).await.unwrap(), scene.model.last));
                }
                if let Some((snapshot, last)) = held.get(chosen / 2 % held.len().max(1)) {
                    check_of_all(snapshot, &scene.model, *last, which).await;
                }
            }
            held.clear();
            scene.ledger.close().await.unwrap();
        });
    }
}

#[test]
fn kept_sums_are_added_to_no_tail_that_has_rows_of_them() {
    run(async {
        let mut scene = Scene::new();
        for (event, hours) in [(1, 3), (2, 30)] {
            let spec = Spec { event, used: hours, reported: Some(hours), ..Spec::default() };
            scene.take(Step::Append(vec![spec])).await;
        }
        let Scene { dir: _dir, ledger, model, .. } = scene;
        // One chunk of both commits, which the seal parts by day.
        let before = ledger.snapshot(None).await.unwrap();
        ledger.seal().await.unwrap();
        let after = ledger.snapshot(None).await.unwrap();
        let (first_day, step) = (hour(0)..hour(24), SumStep::Whole);
        let query = MeterQuery { subscription: None, start: first_day.clone(), step };
        let expected = meter_sums(&model.records, &query).unwrap();
        for snapshot in [after, before] {
            let sums = snapshot.meter_sums_of_all(first_day.clone(), step, usize::MAX).await;
            assert_eq!(*sums.unwrap().unwrap(), expected);
        }
        ledger.close().await.unwrap();
    });
}

/// Records of two subscriptions, used and reported within two days.
fn batch(number: u16) -> Vec<Spec> {
    let spec = |event: u16| Spec {
        event,
        subscription: u8::try_from(event % 2).unwrap(),
        meter: u8::try_from(event % 3).unwrap(),
        instance: u8::try_from(event % 4).unwrap(),
        used: u8::try_from(event % 48).unwrap(),
        reported: Some(u8::try_from(event % 48).unwrap()),
        ..Spec::default()
    };
    (number * 100..number * 100 + 100).map(spec).collect()
}

async fn sealed(dir: &Path, clock: &Clock, batches: u16) -> (Ledger, Model) {
    let (ledger, mut model) = (open(dir, clock), Model::default());
    for number in 0..batches {
        model.append(&batch(number), clock.now());
        ledger.append(new_records(&batch(number))).await.unwrap();
        ledger.seal().await.unwrap();
    }
    (ledger, model)
}

#[test]
fn what_rollups_have_is_read_from_them_alone() {
    run(async {
        let dir = tempfile::tempdir().unwrap();
        let clock = Clock::at(hour(24 * 9));
        let (ledger, model) = sealed(dir.path(), &clock, 1).await;
        let data = data_files(dir.path());
        assert_eq!((data.len(), rollups(dir.path()).len()), (2, 8));
        let aside = |file: &Path| file.with_extension("aside");
        data.iter().for_each(|file| fs::rename(file, aside(file)).unwrap());

        let snapshot = ledger.snapshot(None).await.unwrap();
        let query = queries(0).swap_remove(0);
        let page = snapshot.usage_page(&query, None, usize::MAX).await.unwrap();
        assert_eq!(page.rows, model.answer(&query, model.last));
        let start = hour(0)..hour(48);
        for step in STEPS {
            let query = MeterQuery { subscription: None, start: start.clone(), step };
            let sums = snapshot.meter_sums(&query, usize::MAX).await.unwrap();
            assert_eq!(sums.unwrap(), meter_sums(&model.records, &query).unwrap());
        }
        let of_instances = InstanceQuery { whose: Whose::Every, start, facets: Facets::ALL };
        let sums = snapshot.instance_sums(&of_instances, usize::MAX).await.unwrap().unwrap();
        assert_eq!(sums, instance_sums(&model.records, &of_instances).unwrap());
        let since = ReportedTime(hour(0));
        let seen: Vec<_> = model.records.iter().collect();
        let sources = snapshot.sources(subscription(1), since).await.unwrap();
        assert_eq!(sources, activity(&seen, subscription(1), since));

        rollups(dir.path()).iter().for_each(|file| fs::remove_file(file).unwrap());
        match snapshot.usage_page(&query, None, usize::MAX).await {
            Err(ReadError::File(error)) => assert!(data.contains(&error.file)),
            other => panic!("{other:?}"),
        }
        ledger.close().await.unwrap();
    });
}

#[test]
fn rollups_go_with_their_data_files() {
    run(async {
        let dir = tempfile::tempdir().unwrap();
        let clock = Clock::at(hour(24 * 9));
        let (ledger, model) = sealed(dir.path(), &clock, 3).await;
        let expected = || {
            let data = data_files(dir.path());
            let all = data.iter().flat_map(|file| Grain::ALL.map(|grain| super::path(file, grain)));
            let mut all: Vec<_> = all.collect();
            all.sort();
            all
        };
        ledger.compact().await.unwrap();
        assert_eq!(data_files(dir.path()).len(), 2, "a file a day");
        assert_eq!(rollups(dir.path()), expected());
        ledger.close().await.unwrap();

        // Those that nothing names are cleared by an opening.
        let stray = rollups(dir.path())[0].with_file_name("joined-stray.parquet");
        fs::write(&stray, "half of").unwrap();
        let ledger = open(dir.path(), &clock);
        assert_eq!(rollups(dir.path()), expected());
        check(&ledger.snapshot(None).await.unwrap(), &model, model.last).await;
        ledger.close().await.unwrap();
    });
}

#[test]
fn rollups_that_are_lost_are_made_anew_byte_for_byte() {
    run(async {
        let dir = tempfile::tempdir().unwrap();
        let clock = Clock::at(hour(24 * 9));
        let (ledger, model) = sealed(dir.path(), &clock, 1).await;
        ledger.compact().await.unwrap();
        ledger.close().await.unwrap();
        let files = rollups(dir.path());
        let before: Vec<_> = files.iter().map(|file| fs::read(file).unwrap()).collect();
        fs::remove_file(&files[0]).unwrap();
        let cut = &before[3][..before[3].len() - 9];
        fs::write(&files[3], cut).unwrap();

        let ledger = open(dir.path(), &clock);
        let snapshot = ledger.snapshot(None).await.unwrap();
        check(&snapshot, &model, model.last).await; // which finds the damaged one
        ledger.compact().await.unwrap();
        assert_eq!(rollups(dir.path()), files);
        let after: Vec<_> = files.iter().map(|file| fs::read(file).unwrap()).collect();
        assert!(before == after, "a rollup is a pure function of its data file");
        let path = files[3].clone();
        let of_path = |file: &&std::sync::Arc<crate::state::DataFile>| {
            Grain::ALL.iter().any(|grain| super::path(&file.path, *grain) == path)
        };
        let file = snapshot.state.files.iter().find(of_path).unwrap();
        let all = Grain::ALL.map(|grain| snapshot.state.rollups.open(file, grain).is_some());
        assert_eq!(all, [true; 4], "what was made anew is used");
        ledger.close().await.unwrap();
    });
}

#[test]
fn a_file_with_a_sum_that_is_too_great_has_no_rollups() {
    run(async {
        let dir = tempfile::tempdir().unwrap();
        let clock = Clock::at(hour(24 * 9));
        let ledger = open(dir.path(), &clock);
        let most = Quantity::parse("999999999999999").unwrap();
        let spec = |event: u16| Spec { event, reported: Some(1), ..Spec::default() };
        let mut records: Vec<NewRecord> = new_records(&(0..1_100).map(spec).collect::<Vec<_>>());
        for record in &mut records {
            record.record.quantity = most;
        }
        let meter = records[0].record.meter;
        ledger.append(records).await.unwrap();
        let query = MeterQuery {
            subscription: Some(subscription(0)),
            start: hour(0)..hour(24),
            step: SumStep::Day,
        };
        for _ in ["in the tail", "sealed"] {
            let snapshot = ledger.snapshot(None).await.unwrap();
            match snapshot.meter_sums(&query, usize::MAX).await {
                Err(ReadError::Sum(error)) => assert_eq!(error.meter, meter),
                other => panic!("{other:?}"),
            }
            match snapshot.usage_page(&queries(0)[0], None, 10).await {
                Err(ReadError::Sum(error)) => assert_eq!(error.meter, meter),
                other => panic!("{other:?}"),
            }
            ledger.seal().await.unwrap();
        }
        // The compactor tries to make them once more, in the background.
        ledger.compact().await.unwrap();
        assert_eq!((data_files(dir.path()).len(), rollups(dir.path()).len()), (1, 0));
        ledger.close().await.unwrap();
    });
}

#[test]
fn a_question_takes_so_many_sums() {
    run(async {
        let dir = tempfile::tempdir().unwrap();
        let clock = Clock::at(hour(24 * 9));
        let (ledger, model) = sealed(dir.path(), &clock, 3).await;
        let snapshot = ledger.snapshot(None).await.unwrap();
        let start = hour(0)..hour(48);
        let query = MeterQuery { subscription: None, start: start.clone(), step: SumStep::Hour };
        let of_meters = meter_sums(&model.records, &query).unwrap();
        let count = of_meters.iter().map(|meter| meter.sums.len()).sum::<usize>();
        assert_eq!(snapshot.meter_sums(&query, count).await.unwrap(), Some(of_meters));
        assert_eq!(snapshot.meter_sums(&query, count - 1).await.unwrap(), None);

        let query = InstanceQuery { whose: Whose::Every, start, facets: Facets::ALL };
        let of_instances = instance_sums(&model.records, &query).unwrap();
        let count = of_instances.iter().map(|sums| sums.days.len()).sum::<usize>();
        assert_eq!(snapshot.instance_sums(&query, count).await.unwrap(), Some(of_instances));
        assert_eq!(snapshot.instance_sums(&query, count - 1).await.unwrap(), None);
        ledger.close().await.unwrap();
    });
}
