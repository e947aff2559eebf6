//! A page of one subscription's usage, and the windows of some, read little more than their own rows, however
//! many others there are.

use std::collections::BTreeMap;
use std::fs::TryLockError;
use std::sync::atomic::AtomicU64;

use domain::aggregate::{Granularity, UsageQuery};
use domain::id::{EventId, SubscriptionId};
use domain::sums::{DaysOfMeters, WindowQuery, window_sums};
use domain::time::ReportedTime;

use super::*;
use crate::storage::{Disk, LocalDisk, Lock, ReadFile};

/// The disk of this machine, and how many bytes of data files and rollups were read of it.
#[derive(Debug, Default)]
struct Counting {
    bytes: Arc<AtomicU64>,
}

#[derive(Debug)]
struct CountedFile {
    file: Box<dyn ReadFile>,
    bytes: Arc<AtomicU64>,
}

impl ReadFile for CountedFile {
    fn read_at(&self, bytes: &mut [u8], offset: u64) -> io::Result<()> {
        self.bytes.fetch_add(bytes.len() as u64, SeqCst);
        self.file.read_at(bytes, offset)
    }

    fn length(&self) -> io::Result<u64> {
        self.file.length()
    }
}

impl Disk for Counting {
    fn make_folder(&self, folder: &Path) -> io::Result<()> {
        LocalDisk.make_folder(folder)
    }

    fn is_folder(&self, path: &Path) -> bool {
        LocalDisk.is_folder(path)
    }

    fn sync_folder(&self, folder: &Path) -> io::Result<()> {
        LocalDisk.sync_folder(folder)
    }

    fn names(&self, folder: &Path) -> io::Result<Vec<String>> {
        LocalDisk.names(folder)
    }

    fn create(&self, file: &Path) -> io::Result<Box<dyn WriteFile>> {
        LocalDisk.create(file)
    }

    fn open_end(&self, file: &Path) -> io::Result<Box<dyn WriteFile>> {
        LocalDisk.open_end(file)
    }

    fn open(&self, file: &Path) -> io::Result<Box<dyn ReadFile>> {
        let opened = LocalDisk.open(file)?;
        let is_counted = file.extension().is_some_and(|extension| extension == "parquet");
        match is_counted {
            true => Ok(Box::new(CountedFile { file: opened, bytes: Arc::clone(&self.bytes) })),
            false => Ok(opened),
        }
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        LocalDisk.rename(from, to)
    }

    fn link(&self, from: &Path, to: &Path) -> io::Result<()> {
        LocalDisk.link(from, to)
    }

    fn remove(&self, file: &Path) -> io::Result<()> {
        LocalDisk.remove(file)
    }

    fn lock(&self, file: &Path) -> Result<Box<dyn Lock>, TryLockError> {
        LocalDisk.lock(file)
    }
}

/// Rows of the subscription that is asked for on each of the days: of a page of each column. Those of another one.
const OWN_ROWS: u32 = 4 << 10;
const OTHER_ROWS: u32 = 400;
const DAYS: u8 = 2;
/// Rows that a page of the answer shows.
const SHOWN: usize = 500;

/// A row of a subscription: most are of another hour of use, meter or instance than the others of their hour.
fn row(other: Option<u32>, day: u8, number: u32) -> NewRecord {
    let small = |number: u32| u8::try_from(number).unwrap();
    let spec = Spec {
        event: 1,
        used: small(number / 1_000 * 12),
        meter: small(number % 250),
        instance: small(number / 250 % 4),
        reported: Some(day * 24 + small(number * 24 / OWN_ROWS)),
        // No two alike, so that a row takes some bytes.
        cents: number.wrapping_mul(2_654_435_761),
        ..Spec::default()
    };
    let mut record = spec.record();
    record.event_id = EventId::parse(&format!("{other:?}-{day}-{number}")).unwrap();
    if let Some(other) = other {
        record.subscription = other_subscription(other);
    }
    NewRecord { record, reported: spec.reported() }
}

/// Some come before the one that has most rows, and some behind it.
fn other_subscription(other: u32) -> SubscriptionId {
    let before = if other.is_multiple_of(2) { 0xabcc_0000 } else { 0xabce_0000 };
    SubscriptionId::from_bits(before + u128::from(other))
}

/// A ledger of joined files, with what was read of it.
struct Scene {
    dir: tempfile::TempDir,
    clock: Clock,
    disk: Arc<Counting>,
}

impl Scene {
    /// One with so many other subscriptions.
    async fn of(others: u32) -> Self {
        let (dir, clock) = (tempfile::tempdir().unwrap(), Clock::at(hour(24 * 10)));
        let scene = Self { dir, clock, disk: Arc::default() };
        let ledger = scene.open();
        for half in 0..2 {
            for day in 0..DAYS {
                let of = |rows: u32| (0..rows).filter(move |number| number % 2 == half);
                let mut records: Vec<_> = of(OWN_ROWS).map(|it| row(None, day, it)).collect();
                for other in 0..others {
                    records.extend(of(OTHER_ROWS).map(|it| row(Some(other), day, it)));
                }
                ledger.append(records).await.unwrap();
            }
            ledger.seal().await.unwrap();
        }
        ledger.compact().await.unwrap();
        assert_eq!(ledger.status().files, u64::from(DAYS), "files of a day were not joined");
        ledger.close().await.unwrap();
        scene
    }

    fn open(&self) -> Ledger {
        let seams = Seams { disk: Arc::clone(&self.disk) as Arc<dyn Disk>, ..Seams::default() };
        Ledger::open_with(self.dir.path(), options(&self.clock), seams).unwrap()
    }

    /// Bytes of a data file for so many rows, on average.
    fn bytes_of(&self, rows: u32, others: u32) -> u64 {
        let days = fs::read_dir(self.dir.path().join("usage/data")).unwrap();
        let files = days.flat_map(|day| fs::read_dir(day.unwrap().path()).unwrap());
        let bytes: u64 = files.map(|file| file.unwrap().metadata().unwrap().len()).sum();
        let all = u64::from(DAYS) * u64::from(OWN_ROWS + others * OTHER_ROWS);
        bytes * u64::from(rows) / all
    }

    /// Bytes read for the first page on a ledger that was just opened, for it again, and for the page behind it.
    async fn read(&self, granularity: Granularity) -> [u64; 3] {
        let ledger = self.open();
        let snapshot = ledger.snapshot(None).await.unwrap();
        let query = UsageQuery {
            subscription: crate::support::subscription(0),
            reported: ReportedTime(hour(0))..ReportedTime(hour(24 * 10)),
            granularity,
            details: true,
            within: None,
        };
        let (mut counts, mut after) = ([0; 3], None);
        for (number, count) in counts.iter_mut().enumerate() {
            let before = self.disk.bytes.load(SeqCst);
            let page = snapshot.usage_page(&query, after, SHOWN).await.unwrap();
            *count = self.disk.bytes.load(SeqCst) - before;
            assert!(page.more && page.rows.len() == SHOWN, "a page has {} rows", page.rows.len());
            after = page.rows.last().map(|row| row.key).filter(|_| number == 1);
        }
        ledger.close().await.unwrap();
        counts
    }
}

#[test]
fn a_page_reads_little_more_than_its_own_rows() {
    run(async {
        let (few, many) = (5, 50);
        let (small, large) = (Scene::of(few).await, Scene::of(many).await);
        // Of each column that an Hourly page needs the blocks of its pages are checked whole, however little
        // is in them. A rollup's row groups are read in one piece.
        let own = large.bytes_of(OWN_ROWS, many);
        for (granularity, times) in [(Granularity::Hourly, 10), (Granularity::Daily, 2)] {
            let (of_few, of_many) = (small.read(granularity).await, large.read(granularity).await);
            let read = format!("{granularity:?}, {own} bytes: {of_few:?} and {of_many:?}");
            for (in_small, in_large) in of_few.into_iter().zip(of_many).skip(1) {
                assert!(
                    in_large <= times * own,
                    "a page reads much more than its own rows: {read}"
                );
                assert!(in_large <= in_small * 5 / 4, "a page reads rows of others: {read}");
            }
            // What files say of themselves is read once.
            assert!(of_many[1] < of_many[0], "footers are read again: {read}");
        }
    });
}

#[test]
fn windows_of_some_are_theirs_and_pages_of_others_are_not_read() {
    run(async {
        let others = 50;
        let scene = Scene::of(others).await;
        let ledger = scene.open();
        let snapshot = ledger.snapshot(None).await.unwrap();
        let start = hour(0)..hour(24 * 10);
        let all = scene.bytes_of(OWN_ROWS + others * OTHER_ROWS, others) * u64::from(DAYS);
        // Beside each other, and on both sides of the one with most rows.
        for (some, is_near) in [([0, 2], true), ([48, 1], false)] {
            let (mut records, mut days) = (Vec::new(), BTreeMap::new());
            for id in some.map(other_subscription) {
                let read = snapshot.usage_records(id, start.clone(), usize::MAX).await.unwrap();
                let of_one: &mut DaysOfMeters = days.entry(id).or_default();
                for stored in read.unwrap() {
                    let day = stored.record.window.start().date();
                    of_one.entry(stored.record.meter).or_default().insert(day);
                    records.push(stored);
                }
            }
            let query = WindowQuery { days: Arc::new(days), start: start.clone() };
            let before = scene.disk.bytes.load(SeqCst);
            let sums = snapshot.window_sums(&query, usize::MAX).await.unwrap().unwrap();
            let read = scene.disk.bytes.load(SeqCst) - before;
            assert_eq!(sums, window_sums(&records, &query).unwrap());
            assert_eq!(records.len(), 2 * usize::from(DAYS) * OTHER_ROWS as usize);
            assert!(!is_near || read < all / 2, "{read} bytes of {all} were read");
        }
        ledger.close().await.unwrap();
    });
}
