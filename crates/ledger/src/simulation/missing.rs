//! The proof of the proof: a ledger that lacks any one of the calls that make something durable does not get
//! through the rounds. The lists of these calls are complete.

use std::collections::BTreeSet;

use super::faults::{Call, CallOf, Lack, Role};
use super::home::Home;
use super::{in_objects, run};

/// Rounds in which a missing call shows: the first that does ends them. The call that shows least does so in three
/// rounds of a hundred.
const ROUNDS_TO_NOTICE: u64 = 1_000;
/// Rounds in which every sync is called, and every put.
const ROUNDS_TO_CALL: u64 = 12;
const OBJECT_ROUNDS_TO_CALL: u64 = 8;

/// Whether it has to be noticed that a call is missing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Missing {
    Noticed,
    /// What is synced is derived: found to be damaged it is made anew.
    Derived,
    /// Of files that are gone: one that comes back is removed again.
    Gone,
    /// It is done again in case that a crash came before the first.
    Again,
    /// It tells readers outside where they may begin.
    Hint,
}

/// Every kind of sync call that the ledger makes, but for rollups, and what becomes of a ledger that lacks it.
const SYNCS: [(CallOf, Missing); 28] = [
    ((Role::Sealer, Call::SyncFolder, "/data/ledger"), Missing::Again),
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
    ((Role::Indexer, Call::Sync, "/data/ledger/index/.#-#.ids.tmp"), Missing::Derived),
    ((Role::Indexer, Call::SyncFolder, "/data/ledger/index"), Missing::Derived),
];

/// The proof of the proof: a ledger that lacks any of its syncs does not get through the rounds.
#[test]
fn a_missing_sync_is_noticed() {
    for (sync, _) in SYNCS.iter().filter(|(_, missing)| *missing == Missing::Noticed) {
        let lack = Some(Lack::Calls(*sync));
        let noticed = (0..ROUNDS_TO_NOTICE).any(|seed| run(seed, Home::Folder, lack).is_err());
        assert!(noticed, "nobody notices that there is no {sync:?}");
    }
}

/// No sync is missing from the list.
#[test]
fn every_sync_is_called_and_known() {
    let mut syncs = BTreeSet::new();
    for seed in 0..ROUNDS_TO_CALL {
        syncs.extend(run(seed, Home::Folder, None).unwrap().durable);
    }
    let called: BTreeSet<_> = syncs
        .iter()
        .filter(|(_, _, of)| !is_of_rollups(of))
        .map(|(role, call, of)| (*role, *call, &**of))
        .collect();
    assert_eq!(called, SYNCS.iter().map(|(sync, _)| *sync).collect());
}

/// Rollups are derived: one that is gone, or damaged, has the rows read in its place.
fn is_of_rollups(path: &str) -> bool {
    path.contains("usage/_rollup")
}

/// Whether it has to be noticed that a put is missing, of every kind that the ledger makes but for rollups.
const PUTS: [(CallOf, Missing); 11] = [
    ((Role::Other, Call::Put, "_probe"), Missing::Noticed),
    ((Role::Other, Call::Put, "writer/#"), Missing::Noticed),
    ((Role::Other, Call::Put, "journal/#.journal"), Missing::Noticed),
    ((Role::Committer, Call::Put, "journal/#.journal"), Missing::Noticed),
    ((Role::Other, Call::Put, "usage/_delta_log/#.json"), Missing::Noticed),
    ((Role::Sealer, Call::Put, "usage/_delta_log/#.json"), Missing::Noticed),
    ((Role::Sealer, Call::Put, "usage/_delta_log/#.checkpoint.parquet"), Missing::Noticed),
    ((Role::Sealer, Call::Put, "usage/_delta_log/_last_checkpoint"), Missing::Hint),
    ((Role::Sealer, Call::Put, "usage/data/reported_day=#-#-#/#-#-#-#.parquet"), Missing::Noticed),
    (
        (Role::Compactor, Call::Put, "usage/data/reported_day=#-#-#/joined-#-#-#-#.parquet"),
        Missing::Noticed,
    ),
    (
        (Role::Compactor, Call::Put, "usage/data/reported_day=#-#-#/erased-#-#-#-#.parquet"),
        Missing::Noticed,
    ),
];

/// What keeps two writers apart: that an opening puts an entry behind the log's end, and that neither frames nor
/// entries are put where there is one.
const FENCES: [Lack; 3] = [
    Lack::LaterCalls((Role::Other, Call::Put, "usage/_delta_log/#.json")),
    Lack::Condition((Role::Committer, Call::Put, "journal/#.journal")),
    Lack::Condition((Role::Sealer, Call::Put, "usage/_delta_log/#.json")),
];

/// The same of a ledger in an object store: an append that is acknowledged while its frame is not put, data
/// files that the log names and that are not there.
#[test]
fn a_missing_put_is_noticed() {
    for (put, _) in PUTS.iter().filter(|(_, missing)| *missing == Missing::Noticed) {
        is_noticed(Lack::Calls(*put));
    }
}

#[test]
fn a_missing_fence_is_noticed() {
    FENCES.into_iter().for_each(is_noticed);
}

fn is_noticed(lack: Lack) {
    let noticed =
        (0..ROUNDS_TO_NOTICE).find(|seed| run(*seed, in_objects(*seed), Some(lack)).is_err());
    assert!(noticed.is_some(), "nobody notices {lack:?}");
}

/// No put is missing from the list.
#[test]
fn every_put_is_called_and_known() {
    let mut durable = BTreeSet::new();
    for seed in 0..OBJECT_ROUNDS_TO_CALL {
        durable.extend(run(seed, in_objects(seed), None).unwrap().durable);
    }
    let called: BTreeSet<_> = durable
        .iter()
        .filter(|(_, call, of)| *call == Call::Put && !is_of_rollups(of))
        .map(|(role, call, of)| (*role, *call, &**of))
        .collect();
    assert_eq!(called, PUTS.iter().map(|(put, _)| *put).collect());
}
