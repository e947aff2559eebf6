//! The durability proof: rounds of random work on a real ledger over a disk that fails, loses what was
//! not synced and stops at any call, and over an object store that fails, loses answers and is late, each
//! from one seed, with an auditor who knows what was acknowledged.
//!
//! `cargo xtask faults` runs many; a round that fails prints the one command that repeats it.

mod auditor;
mod disk;
mod faults;
mod files;
mod home;
mod machine;
mod missing;
mod opening;
mod random;
mod round;
mod store;
mod table;

use std::{env, fmt};

use faults::{Crash, Lack, Plan};
use home::Home;
use machine::Machine;
use round::Tally;

use crate::{JournalPlace, OpenError};

pub(crate) use faults::asked_here;

/// Rounds that every test run has, beside those by hand: on a disk, and in an object store.
const ROUNDS: u64 = 40;
const OBJECT_ROUNDS: u64 = 15;
/// Things that are asked in a round.
const STEPS: u64 = 50;
const ROUNDS_BETWEEN_WORDS: u64 = 100;

fn number(name: &str) -> Option<u64> {
    env::var(name).ok().map(|text| text.parse().unwrap())
}

fn run(seed: u64, home: Home, lack: Option<Lack>) -> Result<Tally, String> {
    block_on(round::run(seed, STEPS, home, lack))
}

/// Where the ledger of a seed's round in an object store has its journal.
fn in_objects(seed: u64) -> Home {
    Home::Objects(if seed.is_multiple_of(2) { JournalPlace::Objects } else { JournalPlace::Folder })
}

fn block_on<T>(work: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(work)
}

#[test]
fn what_was_acknowledged_is_there_once_whatever_happens() {
    let tally = rounds("local", ROUNDS, |_| Home::Folder);
    let rotten = (tally.rotten_data, tally.rotten_rollups);
    let is_all = tally.rounds < ROUNDS || rotten.0 > 0 && rotten.1 > 0;
    assert!(is_all, "wrong bits were read of data files and rollups: {rotten:?}");
}

#[test]
fn what_was_acknowledged_is_there_once_whatever_an_object_store_does() {
    let tally = rounds("objects", OBJECT_ROUNDS, in_objects);
    let rotten = tally.rotten_data + tally.rotten_rollups;
    assert!(tally.rounds < OBJECT_ROUNDS || rotten > 0, "no data file and no rollup was rotten");
}

fn rounds(storage: &str, rounds: u64, home: impl Fn(u64) -> Home) -> Tally {
    let first = number("TALLYHOUSE_SEED").unwrap_or(0);
    let rounds = number("TALLYHOUSE_ROUNDS").unwrap_or(rounds);
    let mut tally = Tally::default();
    for seed in first..first + rounds {
        match run(seed, home(seed), None) {
            Ok(round) => tally.add(round),
            Err(finding) => panic!(
                "seed {seed}: {finding}\nrepeat with: cargo xtask faults --storage {storage} \
                 --seed {seed} --rounds 1"
            ),
        }
        if tally.rounds.is_multiple_of(ROUNDS_BETWEEN_WORDS) && tally.rounds < rounds {
            println!("{tally}");
        }
    }
    println!("{tally}");
    tally
}

/// Calls that fail make an opening fail that says so, whatever it was reading: checkpoints, entries, data
/// files whose size is looked at, or all of them for an index that is gone.
#[test]
fn an_opening_that_cannot_read_speaks_of_no_damage() {
    for home in Home::ALL {
        let machine = Machine::new(0, None);
        block_on(opening::fill(&machine, home)).unwrap();
        let (mut refused, seeds) = (0, if home == Home::Folder { 200 } else { 80 });
        for seed in 0..seeds {
            let copy = machine.copy(seed);
            if seed % 2 == 0 {
                opening::delete_index(&copy);
            }
            let failing = 1 + seed % 40;
            match opening::opens(&copy, home, Plan { failing, ..Plan::default() }) {
                Ok(()) => {}
                Err(OpenError::File(_)) => refused += 1,
                Err(error) => panic!("{home:?}, seed {seed}: {error}"),
            }
        }
        assert!(refused > seeds / 10, "{home:?}: only {refused} openings failed");
    }
}

/// A ledger that is made is cut at a call, and the opening after it at another one: then it opens, and
/// keeps what it takes.
#[test]
fn an_opening_that_was_cut_anywhere_is_gone_on_with() {
    Home::ALL.into_iter().for_each(cut_anywhere);
}

fn cut_anywhere(home: Home) {
    let step = if home == Home::Folder { 9 } else { 25 };
    let step = number("TALLYHOUSE_STEP").unwrap_or(step);
    let cut = |machine: &Machine, calls, power| {
        let crash = Some(Crash { role: None, calls, power });
        opening::opens(machine, home, Plan { crash, ..Plan::default() }).is_err()
    };
    for (first, second) in [(false, true), (true, false), (true, true)] {
        for calls in 1.. {
            let mut was_cut = false;
            for next in (1 + calls % step..).step_by(usize::try_from(step).unwrap()) {
                let machine = Machine::new(calls * 1_000 + next, None);
                was_cut = cut(&machine, calls, first);
                let again = cut(&machine, next, second);
                let kept = block_on(opening::keeps(&machine, home));
                assert_eq!(kept, Ok(()), "{home:?}, cut at calls {calls} and {next}");
                if !again {
                    break;
                }
            }
            if !was_cut {
                break;
            }
        }
    }
}

impl fmt::Display for Tally {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{} rounds: {} records, {} erasures, {} openings, {} writers overtaken, {} stops and {} power \
             cuts, {} calls, {} of them faulty, {} with a wrong bit of a data file and {} of a rollup: nothing \
             lost, nothing doubled",
            self.rounds,
            self.records,
            self.erasures,
            self.openings,
            self.overtaken,
            self.stops,
            self.power_losses,
            self.calls,
            self.failed,
            self.rotten_data,
            self.rotten_rollups
        )
    }
}

impl Tally {
    fn add(&mut self, other: Self) {
        self.rounds += other.rounds;
        self.records += other.records;
        self.calls += other.calls;
        self.failed += other.failed;
        self.rotten_data += other.rotten_data;
        self.rotten_rollups += other.rotten_rollups;
        self.stops += other.stops;
        self.power_losses += other.power_losses;
        self.openings += other.openings;
        self.erasures += other.erasures;
        self.overtaken += other.overtaken;
        self.durable.extend(other.durable);
    }
}
