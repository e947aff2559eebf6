//! The index of identities on disk: settled without the table, and made anew where it is lost.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::LazyLock;
use std::time::Duration;

use domain::record::Commit;
use ledger::{AppendError, Ledger, Outcome};
use proptest::prelude::*;
use tempfile::TempDir;

use crate::folder::{append, copy, files, new_records, open, run};
use crate::support::{Clock, Spec, hour};

/// How often an append is tried while the index is made anew, at most.
const TRIES: usize = 60_000;

fn spec(event: u16) -> Spec {
    Spec { event, ..Spec::default() }
}

/// A ledger of so many seals, each of a few commits, closed; how many commits there are.
async fn sealed(dir: &Path, clock: &Clock, seals: u16) -> u64 {
    sealed_with(dir, clock, seals, 0).await
}

/// The same, with so many more events in the first commit of each seal.
async fn sealed_with(dir: &Path, clock: &Clock, seals: u16, more: u16) -> u64 {
    let ledger = open(dir, clock).unwrap();
    for seal in 0..seals {
        let mut specs = vec![spec(4 * seal), spec(4 * seal + 1)];
        specs.extend(more_events(seal, more));
        append(&ledger, &specs).await;
        append(&ledger, &[spec(4 * seal + 2)]).await;
        ledger.seal().await.unwrap();
    }
    let commits = ledger.status().last_commit.0;
    ledger.close().await.unwrap();
    commits
}

/// Further events of a seal.
fn more_events(seal: u16, more: u16) -> impl Iterator<Item = Spec> {
    (0..more).map(move |number| spec(20_000 + seal * more + number))
}

/// What an append is answered once the index is made anew, and how often it was told to wait before.
async fn append_when_mended(ledger: &Ledger, specs: &[Spec]) -> (Vec<Outcome>, usize) {
    for busy in 0..TRIES {
        match ledger.append(new_records(specs)).await {
            Err(AppendError::Busy) => std::thread::sleep(Duration::from_millis(2)),
            answered => return (answered.unwrap(), busy),
        }
    }
    panic!("the index is not made anew")
}

fn index_files(dir: &Path) -> Vec<PathBuf> {
    files(&dir.join("index"))
}

/// Every event is known with its commit, other content is refused, and a new event is taken.
async fn assert_knows(ledger: &Ledger, seals: u16) {
    for seal in 0..seals {
        let commit = 2 * u64::from(seal) + 1;
        let known = append(ledger, &[spec(4 * seal), spec(4 * seal + 2)]).await;
        let expected = [commit, commit + 1].map(|commit| Outcome::Duplicate(Commit(commit)));
        assert_eq!(known, expected, "seal {seal}");
        let other = Spec { cents: 7, ..spec(4 * seal + 1) };
        assert_eq!(append(ledger, &[other]).await, [Outcome::Conflict(Commit(commit))]);
    }
    let fresh = append(ledger, &[spec(60_000), spec(60_000)]).await;
    assert!(
        matches!(fresh[..], [Outcome::Stored(first), Outcome::Duplicate(second)] if first == second)
    );
}

#[test]
fn an_opening_reads_no_data_file() {
    run(async {
        let (dir, clock) = (tempfile::tempdir().unwrap(), Clock::at(hour(5)));
        sealed(dir.path(), &clock, 3).await;
        for day in files(&dir.path().join("usage/data")) {
            for file in files(&day) {
                let length = fs::metadata(&file).unwrap().len();
                fs::write(&file, vec![0; usize::try_from(length).unwrap()]).unwrap();
            }
        }
        let ledger = open(dir.path(), &clock).unwrap();
        assert_knows(&ledger, 3).await;
        ledger.close().await.unwrap();
    });
}

#[test]
fn segments_are_joined_and_still_know_everything() {
    run(async {
        let (dir, clock) = (tempfile::tempdir().unwrap(), Clock::at(hour(5)));
        sealed(dir.path(), &clock, 60).await;
        // Joins that closing cut short are made after the next seal.
        let ledger = open(dir.path(), &clock).unwrap();
        assert_knows(&ledger, 60).await;
        ledger.seal().await.unwrap();
        ledger.close().await.unwrap();
        let ledger = open(dir.path(), &clock).unwrap();
        assert_knows_again(&ledger).await;
        ledger.close().await.unwrap();
        let count = index_files(dir.path()).len();
        assert!(count <= 20, "{count} segments of 61 seals");
    });
}

async fn assert_knows_again(ledger: &Ledger) {
    for event in [0, 1, 4 * 59 + 2, 60_000] {
        let known = append(ledger, &[spec(event)]).await;
        assert!(matches!(known[..], [Outcome::Duplicate(_)]), "event {event}: {known:?}");
    }
}

#[test]
fn a_segment_that_is_damaged_while_the_ledger_is_open_is_made_anew() {
    run(async {
        let (dir, clock) = (tempfile::tempdir().unwrap(), Clock::at(hour(5)));
        sealed(dir.path(), &clock, 2).await;
        let ledger = open(dir.path(), &clock).unwrap();
        for file in index_files(dir.path()) {
            let mut bytes = fs::read(&file).unwrap();
            bytes[4_100] ^= 1; // in the first block
            fs::write(&file, bytes).unwrap(); // the open file, not another of its name
        }
        let asked = [spec(0), spec(4), spec(60_001)];
        let (outcomes, busy) = append_when_mended(&ledger, &asked).await;
        assert_eq!(outcomes[0], Outcome::Duplicate(Commit(1)));
        assert_eq!(outcomes[1], Outcome::Duplicate(Commit(3)));
        assert!(matches!(outcomes[2], Outcome::Stored(_)));
        assert!(busy > 0, "the damage was not noticed");
        assert_knows(&ledger, 2).await;
        ledger.close().await.unwrap();
    });
}

/// What is done to a segment's file.
#[derive(Debug, Clone)]
enum Harm {
    Nothing,
    Delete,
    Flip(usize),
    Cut(usize),
}

fn harm() -> impl Strategy<Value = Harm> {
    prop_oneof![
        Just(Harm::Nothing),
        Just(Harm::Delete),
        any::<usize>().prop_map(Harm::Flip),
        any::<usize>().prop_map(Harm::Cut),
    ]
}

/// Events of each seal beside those that every test has: a segment has several blocks, a joined one a dozen.
const MORE: u16 = 300;

/// A ledger of nine seals, of which each case harms a copy.
static GOOD: LazyLock<TempDir> = LazyLock::new(|| {
    let dir = tempfile::tempdir().unwrap();
    run(sealed_with(dir.path(), &Clock::at(hour(5)), 9, MORE));
    dir
});

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn segments_deleted_or_damaged_at_random_are_made_anew(
        harms in prop::collection::vec(harm(), 24),
    ) {
        let good = &*GOOD;
        run(async {
            let (harmed, clock) = (tempfile::tempdir().unwrap(), Clock::at(hour(5)));
            copy(good.path(), harmed.path());
            for (file, harm) in index_files(harmed.path()).iter().zip(&harms) {
                let mut bytes = fs::read(file).unwrap();
                match harm {
                    Harm::Nothing => {}
                    Harm::Delete => fs::remove_file(file).unwrap(),
                    Harm::Flip(at) => {
                        let at = at % bytes.len();
                        bytes[at] ^= 0x40;
                        fs::write(file, bytes).unwrap();
                    }
                    Harm::Cut(length) => {
                        bytes.truncate(length % bytes.len());
                        fs::write(file, bytes).unwrap();
                    }
                }
            }
            let ledger = open(harmed.path(), &clock).unwrap();
            // A block that does not read is noticed when it is asked for.
            let all: Vec<_> = (0..9 * 4).filter(|event| event % 4 != 3).map(spec).collect();
            append_when_mended(&ledger, &all).await;
            for seal in 0..9 {
                let more: Vec<_> = more_events(seal, MORE).collect();
                let (known, _) = append_when_mended(&ledger, &more).await;
                let expected = Outcome::Duplicate(Commit(2 * u64::from(seal) + 1));
                let wrong = known.iter().position(|outcome| *outcome != expected);
                assert_eq!(wrong, None, "seal {seal}");
            }
            assert_knows(&ledger, 9).await;
            ledger.close().await.unwrap();
        });
    }
}

#[test]
fn segments_above_the_sealed_commit_are_of_no_use() {
    run(async {
        let (dir, clock) = (tempfile::tempdir().unwrap(), Clock::at(hour(5)));
        let before = tempfile::tempdir().unwrap();
        sealed(dir.path(), &clock, 1).await;
        copy(dir.path(), before.path());
        let ledger = open(dir.path(), &clock).unwrap();
        append(&ledger, &[spec(100)]).await;
        ledger.seal().await.unwrap();
        ledger.close().await.unwrap();
        for file in index_files(dir.path()) {
            fs::copy(&file, before.path().join("index").join(file.file_name().unwrap())).unwrap();
        }
        // The table and journal that were copied do not have it.
        let ledger = open(before.path(), &clock).unwrap();
        assert!(matches!(append(&ledger, &[spec(100)]).await[..], [Outcome::Stored(_)]));
        ledger.close().await.unwrap();
    });
}
