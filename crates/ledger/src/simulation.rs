//! The durability proof: rounds of random work on a real ledger over a disk that fails, loses what was
//! not synced and stops at any call, each from one seed, with an auditor who knows what was acknowledged.
//!
//! `cargo xtask faults` runs many; a round that fails prints the one command that repeats it.

mod auditor;
mod faults;
mod files;
mod machine;
mod opening;
mod random;
mod round;
mod table;

use std::collections::BTreeSet;
use std::{env, fmt};

use faults::{Call, Crash, Plan, Role, SyncOf};
use machine::Machine;
use round::Tally;

use crate::OpenError;

/// Where the ledger lies on the simulated disk.
const ROOT: &str = "/data/ledger";
/// Rounds that every test run has, beside those by hand.
const ROUNDS: u64 = 40;
/// Things that are asked in a round.
const STEPS: u64 = 50;
const ROUNDS_BETWEEN_WORDS: u64 = 100;
/// Rounds in which a missing sync shows.
const ROUNDS_TO_NOTICE: u64 = 100;
/// Rounds in which every sync is called.
const ROUNDS_TO_CALL: u64 = 12;

fn number(name: &str) -> Option<u64> {
    env::var(name).ok().map(|text| text.parse().unwrap())
}

fn run(seed: u64, ignored: Option<SyncOf>) -> Result<Tally, String> {
    block_on(round::run(seed, STEPS, ignored))
}

fn block_on<T>(work: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(work)
}

#[test]
fn what_was_acknowledged_is_there_once_whatever_happens() {
    let first = number("TALLYHOUSE_SEED").unwrap_or(0);
    let rounds = number("TALLYHOUSE_ROUNDS").unwrap_or(ROUNDS);
    let mut tally = Tally::default();
    for seed in first..first + rounds {
        match run(seed, None) {
            Ok(round) => tally.add(round),
            Err(finding) => panic!(
                "seed {seed}: {finding}\nrepeat with: cargo xtask faults --seed {seed} --rounds 1"
            ),
        }
        if tally.rounds.is_multiple_of(ROUNDS_BETWEEN_WORDS) && tally.rounds < rounds {
            println!("{tally}");
        }
    }
    println!("{tally}");
}

/// Calls that fail make an opening fail that says so, whatever it was reading: checkpoints, entries, data
/// files whose size is looked at, or all of them for an index that is gone.
#[test]
fn an_opening_that_cannot_read_speaks_of_no_damage() {
    let machine = Machine::new(0, None);
    block_on(opening::fill(&machine)).unwrap();
    let mut refused = 0;
    for seed in 0..200 {
        let copy = machine.copy(seed);
        if seed % 2 == 0 {
            opening::delete_index(&copy);
        }
        let failing = 1 + seed % 40;
        match opening::opens(&copy, Plan { failing, ..Plan::default() }) {
            Ok(()) => {}
            Err(OpenError::File(_)) => refused += 1,
            Err(error) => panic!("seed {seed}: {error}"),
        }
    }
    assert!(refused > 20, "only {refused} openings failed");
}

/// A ledger that is made is cut at a call, and the opening after it at another one: then it opens, and
/// keeps what it takes.
#[test]
fn an_opening_that_was_cut_anywhere_is_gone_on_with() {
    let step = number("TALLYHOUSE_STEP").unwrap_or(9);
    let cut = |machine: &Machine, calls, power| {
        let crash = Some(Crash { role: None, calls, power });
        opening::opens(machine, Plan { crash, ..Plan::default() }).is_err()
    };
    for (first, second) in [(false, true), (true, false), (true, true)] {
        for calls in 1.. {
            let mut was_cut = false;
            for next in (1 + calls % step..).step_by(usize::try_from(step).unwrap()) {
                let machine = Machine::new(calls * 1_000 + next, None);
                was_cut = cut(&machine, calls, first);
                let again = cut(&machine, next, second);
                let kept = block_on(opening::keeps(&machine));
                assert_eq!(kept, Ok(()), "cut at calls {calls} and {next}");
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

/// Whether it has to be noticed that a sync is missing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Missing {
    Noticed,
    /// What is synced is derived: found to be damaged it is made anew.
    Derived,
    /// Of files that are gone: one that comes back is removed again.
    Gone,
    /// It is done again in case that a crash came before the first.
    Again,
}

/// Every kind of sync call that the ledger makes, and what becomes of a ledger that lacks it.
const SYNCS: [(SyncOf, Missing); 31] = [
    ((Role::Sealer, Call::SyncFolder, "/data/ledger/usage"), Missing::Again),
    ((Role::Other, Call::SyncFolder, "/"), Missing::Noticed),
    ((Role::Other, Call::SyncFolder, "/data"), Missing::Noticed),
    ((Role::Other, Call::SyncFolder, "/data/ledger"), Missing::Noticed),
    ((Role::Other, Call::SyncFolder, "/data/ledger/journal"), Missing::Noticed),
    ((Role::Other, Call::SyncFolder, "/data/ledger/usage"), Missing::Noticed),
    ((Role::Other, Call::SyncFolder, "/data/ledger/usage/_delta_log"), Missing::Noticed),
    ((Role::Other, Call::SyncFolder, "/data/ledger/index"), Missing::Derived),
    ((Role::Other, Call::Sync, "/data/ledger/.writer.tmp"), Missing::Noticed),
    ((Role::Other, Call::Sync, "/data/ledger/journal/#.journal"), Missing::Noticed),
    ((Role::Other, Call::Sync, "/data/ledger/usage/_delta_log/.#.json.tmp"), Missing::Noticed),
    ((Role::Other, Call::Sync, "/data/ledger/index/.#-#.ids.tmp"), Missing::Derived),
    ((Role::Committer, Call::Sync, "/data/ledger/journal/#.journal"), Missing::Noticed),
    ((Role::Committer, Call::SyncFolder, "/data/ledger/journal"), Missing::Noticed),
    ((Role::Sealer, Call::SyncFolder, "/data/ledger/usage/data"), Missing::Noticed),
    (
        (Role::Sealer, Call::Sync, "/data/ledger/usage/data/reported_day=#-#-#/#-#-#-#.parquet"),
        Missing::Noticed,
    ),
    (
        (Role::Sealer, Call::SyncFolder, "/data/ledger/usage/data/reported_day=#-#-#"),
        Missing::Noticed,
    ),
    ((Role::Sealer, Call::Sync, "/data/ledger/usage/_delta_log/.#.json.tmp"), Missing::Noticed),
    ((Role::Sealer, Call::SyncFolder, "/data/ledger/usage/_delta_log"), Missing::Noticed),
    ((Role::Sealer, Call::SyncFolder, "/data/ledger/journal"), Missing::Gone),
    (
        (Role::Sealer, Call::Sync, "/data/ledger/usage/_delta_log/.#.checkpoint.parquet.tmp"),
        Missing::Noticed,
    ),
    (
        (Role::Sealer, Call::Sync, "/data/ledger/usage/_delta_log/._last_checkpoint.tmp"),
        Missing::Noticed,
    ),
    (
        (
            Role::Compactor,
            Call::Sync,
            "/data/ledger/usage/data/reported_day=#-#-#/joined-#-#-#-#.parquet",
        ),
        Missing::Noticed,
    ),
    (
        (Role::Compactor, Call::SyncFolder, "/data/ledger/usage/data/reported_day=#-#-#"),
        Missing::Noticed,
    ),
    (
        (
            Role::Compactor,
            Call::Sync,
            "/data/ledger/usage/data/reported_day=#-#-#/erased-#-#-#-#.parquet",
        ),
        Missing::Noticed,
    ),
    (
        (Role::Compactor, Call::SyncFolder, "/data/ledger/usage/_rollup/hour/reported_day=#-#-#"),
        Missing::Gone,
    ),
    (
        (Role::Compactor, Call::SyncFolder, "/data/ledger/usage/_rollup/day/reported_day=#-#-#"),
        Missing::Gone,
    ),
    (
        (
            Role::Compactor,
            Call::SyncFolder,
            "/data/ledger/usage/_rollup/instance/reported_day=#-#-#",
        ),
        Missing::Gone,
    ),
    (
        (Role::Compactor, Call::SyncFolder, "/data/ledger/usage/_rollup/source/reported_day=#-#-#"),
        Missing::Gone,
    ),
    ((Role::Indexer, Call::Sync, "/data/ledger/index/.#-#.ids.tmp"), Missing::Derived),
    ((Role::Indexer, Call::SyncFolder, "/data/ledger/index"), Missing::Derived),
];

/// The proof of the proof: a ledger that lacks any of its syncs does not get through the rounds.
#[test]
fn a_missing_sync_is_noticed() {
    for (sync, _) in SYNCS.iter().filter(|(_, missing)| *missing == Missing::Noticed) {
        let noticed = (0..ROUNDS_TO_NOTICE).any(|seed| run(seed, Some(*sync)).is_err());
        assert!(noticed, "nobody notices that there is no {sync:?}");
    }
}

/// No sync is missing from the list.
#[test]
fn every_sync_is_called_and_known() {
    let mut syncs = BTreeSet::new();
    for seed in 0..ROUNDS_TO_CALL {
        syncs.extend(run(seed, None).unwrap().syncs);
    }
    let called: BTreeSet<_> = syncs.iter().map(|(role, call, of)| (*role, *call, &**of)).collect();
    assert_eq!(called, SYNCS.iter().map(|(sync, _)| *sync).collect());
}

impl fmt::Display for Tally {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{} rounds: {} records, {} erasures, {} openings, {} stops and {} power cuts, {} calls of the disk, {} of \
             them faulty: nothing lost, nothing doubled",
            self.rounds,
            self.records,
            self.erasures,
            self.openings,
            self.stops,
            self.power_losses,
            self.calls,
            self.failed
        )
    }
}

impl Tally {
    fn add(&mut self, other: Self) {
        self.rounds += other.rounds;
        self.records += other.records;
        self.calls += other.calls;
        self.failed += other.failed;
        self.stops += other.stops;
        self.power_losses += other.power_losses;
        self.openings += other.openings;
        self.erasures += other.erasures;
        self.syncs.extend(other.syncs);
    }
}
