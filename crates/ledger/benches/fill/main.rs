//! Fills a ledger with the usage that `cargo xtask bench ledger` asks about, through the ledger's
//! public calls and with its usual limits, and says how fast it went.
//!
//! `cargo bench -p ledger --bench fill -- load LEDGER RECORDS SUMS` appends the records, then seals and
//! joins, and writes what they come to into the folder SUMS. `… -- again LEDGER RECORDS COUNT` appends
//! so many of them again, batches all over them, which must all be duplicates. Both print a
//! JSON object a line.
#![expect(clippy::unwrap_used, clippy::print_stdout, reason = "a program for developers")]

mod sums;
mod usage;

use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use domain::time::{Date, UtcTime};
use ledger::{Ledger, NewRecord, Options, Outcome, limits};
use tokio::task::JoinSet;

use sums::Sums;
use usage::Usage;

/// As the server has it.
#[cfg(target_os = "linux")]
#[global_allocator]
static ALLOCATOR: tikv_jemallocator::Jemalloc = tikv_jemallocator::Jemalloc;

/// Records of one append, as an importer sends them.
const BATCH: u64 = 10_000;
/// Appends that wait for their group commit at a time.
const UNDER_WAY: usize = 4;
/// How often it says how fast it goes.
const SAMPLES: u64 = 10;
/// How long it waits while the ledger has no room.
const PAUSE: Duration = Duration::from_millis(2);

#[tokio::main]
async fn main() {
    // Cargo adds a flag of its own.
    let arguments: Vec<String> =
        std::env::args().skip(1).filter(|argument| argument != "--bench").collect();
    let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
    match words.as_slice() {
        ["load", folder, records, sums] => {
            load(Path::new(folder), records.parse().unwrap(), Path::new(sums)).await;
        }
        ["again", folder, records, count] => {
            again(Path::new(folder), records.parse().unwrap(), count.parse().unwrap()).await;
        }
        // Without arguments, as `cargo bench` of everything runs it, there is nothing to do.
        [] => {}
        _ => panic!("load LEDGER RECORDS SUMS, or again LEDGER RECORDS COUNT"),
    }
}

async fn load(folder: &Path, records: u64, sums_folder: &Path) {
    let mut sums = Sums::new();
    make_alone(records);
    let ledger = open(folder);
    let mut usage = Usage::new(records);
    let mut appends = Appends::new(&ledger, is_stored);
    let sample = records.div_ceil(SAMPLES).next_multiple_of(BATCH);
    let mut watch = Watch::start();
    let mut said = 0;
    while appends.begun < records {
        let numbers = appends.begun..records.min(appends.begun + BATCH);
        numbers.clone().for_each(|number| sums.add(usage.facts(number)));
        appends.begin(numbers.map(|number| usage.record(number)).collect()).await;
        if appends.done >= said + sample {
            watch.say("load", appends.done, appends.done - said);
            said = appends.done;
        }
    }
    appends.finish().await;
    if appends.done > said {
        watch.say("load", appends.done, appends.done - said);
    }
    ledger.seal().await.unwrap();
    ledger.compact().await.unwrap();
    watch.say("seal and join the rest", appends.done, 0);
    assert!(ledger.status().rows == records, "{} rows", ledger.status().rows);
    ledger.close().await.unwrap();
    sums.write(sums_folder).unwrap();
}

async fn again(folder: &Path, records: u64, count: u64) {
    let ledger = open(folder);
    let before = ledger.status().rows;
    let mut usage = Usage::new(records);
    let mut appends = Appends::new(&ledger, |outcome| matches!(outcome, Outcome::Duplicate(_)));
    let mut watch = Watch::start();
    let apart = records / count.div_ceil(BATCH).max(1);
    for batch in 0..count.div_ceil(BATCH) {
        let (first, length) = (batch * apart, BATCH.min(count - batch * BATCH));
        let numbers = first..records.min(first + length);
        appends.begin(numbers.map(|number| usage.record(number)).collect()).await;
    }
    appends.finish().await;
    watch.say("again", before, appends.done);
    assert!(ledger.status().rows == before, "duplicates were stored");
    ledger.close().await.unwrap();
}

/// Says how long the usage alone takes to make, as that is part of the other figures.
fn make_alone(records: u64) {
    let (mut usage, count) = (Usage::new(records), records.min(1_000_000));
    let mut watch = Watch::start();
    for begin in (0..count).step_by(usage::place(BATCH)) {
        let batch: Vec<NewRecord> =
            (begin..count.min(begin + BATCH)).map(|number| usage.record(number)).collect();
        std::hint::black_box(batch);
    }
    watch.say("make", 0, count);
}

fn open(folder: &Path) -> Ledger {
    // After the month, so that what is imported is of the past.
    let (begun, start) = (Instant::now(), Date::from_civil(2026, 4, 2).unwrap().start());
    let clock = move || {
        let passed = i64::try_from(begun.elapsed().as_micros()).unwrap();
        UtcTime::from_micros(start.to_micros() + passed).unwrap()
    };
    let options = Options {
        clock: Arc::new(clock),
        seal_bytes: limits::SEAL_BYTES,
        unsealed_bytes_max: limits::UNSEALED_BYTES_MAX,
        seal_after_seconds: limits::SEAL_AFTER_SECONDS,
        keep_replaced_seconds: 0, // nobody reads the table meanwhile
    };
    Ledger::open(folder, options).unwrap()
}

fn is_stored(outcome: &Outcome) -> bool {
    matches!(outcome, Outcome::Stored(_))
}

/// Appends under way, a few at a time.
struct Appends<'a> {
    ledger: &'a Ledger,
    expected: fn(&Outcome) -> bool,
    under_way: JoinSet<u64>,
    begun: u64,
    done: u64,
}

impl<'a> Appends<'a> {
    fn new(ledger: &'a Ledger, expected: fn(&Outcome) -> bool) -> Self {
        Self { ledger, expected, under_way: JoinSet::new(), begun: 0, done: 0 }
    }

    async fn begin(&mut self, batch: Vec<NewRecord>) {
        while self.under_way.len() >= UNDER_WAY {
            self.end_one().await;
        }
        // Sealing is behind: a client would be told to come back.
        while !self.has_room() {
            tokio::time::sleep(PAUSE).await;
        }
        let (ledger, expected) = (self.ledger.clone(), self.expected);
        self.begun += batch.len() as u64;
        self.under_way.spawn(async move {
            let outcomes = ledger.append(batch).await.unwrap();
            assert!(outcomes.iter().all(expected), "an outcome that was not expected");
            outcomes.len() as u64
        });
    }

    fn has_room(&self) -> bool {
        let status = self.ledger.status();
        status.journal_bytes + status.queued_bytes < limits::UNSEALED_BYTES_MAX * 3 / 4
    }

    async fn end_one(&mut self) {
        if let Some(ended) = self.under_way.join_next().await {
            self.done += ended.unwrap();
        }
    }

    async fn finish(&mut self) {
        while !self.under_way.is_empty() {
            self.end_one().await;
        }
    }
}

/// Times what lies between two lines.
struct Watch {
    wall: Instant,
    cpu_ms: u64,
}

impl Watch {
    fn start() -> Self {
        Self { wall: Instant::now(), cpu_ms: cpu_ms() }
    }

    /// Prints that there are so many records now, of which so many came since the last line.
    fn say(&mut self, what: &str, total: u64, since: u64) {
        let (wall_us, cpu_us) = (self.wall.elapsed().as_micros(), (cpu_ms() - self.cpu_ms) * 1_000);
        println!(
            r#"{{"what":"{what}","total":{total},"records":{since},"wall_us":{wall_us},"cpu_us":{cpu_us}}}"#
        );
        *self = Self::start();
    }
}

/// CPU time of this process so far, in milliseconds, to one clock tick (10 ms).
fn cpu_ms() -> u64 {
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap();
    let fields: Vec<&str> = stat.rsplit_once(')').unwrap().1.split_whitespace().collect();
    let ticks = |place: usize| -> u64 { fields[place].parse().unwrap() };
    (ticks(11) + ticks(12)) * 10 // user and system time; Linux counts in 1/100 s
}
