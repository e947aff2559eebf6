//! Single openings of a ledger on a machine, as the tests of one thing need them.

use std::path::{Path, PathBuf};

use object_store::path::Path as Key;

use super::faults::Plan;
use super::home::{Home, ROOT, Sizes};
use super::machine::Machine;
use crate::limits::ROLLUP_ROWS;
use crate::support::{Clock, Spec, hour};
use crate::tests::options;
use crate::{Ledger, NewRecord, OpenError};

fn open(machine: &Machine, home: Home, plan: Plan, clock: &Clock) -> Result<Ledger, OpenError> {
    home.open(
        &machine.start(plan),
        options(clock),
        Sizes { checkpoint_entries: 3, rollup_rows: ROLLUP_ROWS },
    )
}

/// Whether the ledger of a machine opens; then the machine is stopped.
pub(super) fn opens(machine: &Machine, home: Home, plan: Plan) -> Result<(), OpenError> {
    let opened = open(machine, home, plan, &Clock::at(hour(24 * 30)));
    // Its threads end by themselves, and reach the disk no more.
    machine.stop(false);
    opened.map(drop)
}

/// Whether the ledger of a machine opens, and keeps what it takes then through a power cut.
pub(super) async fn keeps(machine: &Machine, home: Home) -> Result<(), String> {
    let clock = Clock::at(hour(24 * 30));
    let ledger = open(machine, home, Plan::default(), &clock).map_err(|error| error.to_string())?;
    let record = NewRecord { record: Spec::default().record(), reported: None };
    ledger.append(vec![record]).await.map_err(|error| error.to_string())?;
    machine.stop(true);
    let ledger = open(machine, home, Plan::default(), &clock).map_err(|error| error.to_string())?;
    let rows = ledger.status().rows;
    machine.stop(false);
    if rows == 1 { Ok(()) } else { Err(format!("of one row {rows} are there")) }
}

/// Makes a ledger with data files, and with checkpoints before which the log has forgotten everything.
pub(super) async fn fill(machine: &Machine, home: Home) -> Result<(), String> {
    let clock = Clock::at(hour(0));
    let ledger = open(machine, home, Plan::default(), &clock).map_err(|error| error.to_string())?;
    for event in 0..9 {
        let record = Spec { event, ..Spec::default() }.record();
        let record = NewRecord { record, reported: None };
        ledger.append(vec![record]).await.map_err(|error| error.to_string())?;
        ledger.seal().await.map_err(|error| error.to_string())?;
        ledger.compact().await.map_err(|error| error.to_string())?;
        clock.set(clock.now().plus_hours(5));
    }
    ledger.close().await.map_err(|error| error.to_string())?;
    let log = match home {
        Home::Folder => machine.names(&Path::new(ROOT).join("usage/_delta_log")),
        Home::Objects(_) => machine.object_names(&Key::from("usage/_delta_log")),
    };
    // Entries of openings stay in an object store; the next is a seal's.
    assert!(!log.contains(&format!("{:020}.json", 1)), "the log has forgotten nothing: {log:?}");
    machine.stop(false);
    Ok(())
}

/// Deletes every file of the index.
pub(super) fn delete_index(machine: &Machine) {
    let folder = PathBuf::from(ROOT).join("index");
    for name in machine.names(&folder) {
        machine.damage(&folder.join(name), 0);
    }
}
