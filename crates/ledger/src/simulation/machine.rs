//! A machine whose disk is in memory, which fails as its plan says, loses its power and starts again.
//!
//! What was opened before it stopped reaches the disk no more, nor the object store, which it shares with
//! other machines.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard};

use tokio::sync::watch;

use super::disk::{SimulatedDisk, flip, is_of_day, is_rollup};
use super::faults::{Call, Faults, Lack, Plan, Role};
use super::files::Files;
use super::random::Random;
use super::store::Cloud;

/// The machine; a clone is the same one.
#[derive(Debug, Clone)]
pub(super) struct Machine(Arc<Mutex<World>>);

#[derive(Debug)]
pub(super) struct World {
    pub(super) files: Files,
    pub(super) cloud: Cloud,
    pub(super) faults: Faults,
    random: Random,
    /// How often it was started.
    pub(super) boots: u64,
    is_on: watch::Sender<bool>,
    pub(super) locks: BTreeSet<PathBuf>,
    /// Since the last start, and before it.
    pub(super) happened: Happened,
    before: Happened,
}

/// What has happened since a start, or the first one.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Happened {
    pub(super) calls: u64,
    /// Calls that were answered with an error.
    pub(super) failed: u64,
    /// Reads with a wrong bit.
    pub(super) rotten: u64,
    /// Those of them that were of data files, and of rollups.
    pub(super) rotten_data: u64,
    pub(super) rotten_rollups: u64,
    /// How often the machine stopped, and how often of them with its power.
    pub(super) stops: u64,
    pub(super) power_losses: u64,
}

impl Machine {
    pub(super) fn new(seed: u64, lack: Option<Lack>) -> Self {
        Self::of(Files::empty(), Cloud::default(), Faults::new(seed, lack), seed)
    }

    fn of(files: Files, cloud: Cloud, faults: Faults, seed: u64) -> Self {
        Self(Arc::new(Mutex::new(World {
            files,
            cloud,
            faults,
            random: Random::new(seed ^ 1),
            boots: 0,
            is_on: watch::Sender::new(false),
            locks: BTreeSet::new(),
            happened: Happened::default(),
            before: Happened::default(),
        })))
    }

    /// Another machine with what is on the disk of this one, and with an object store of its own that has
    /// what is in its.
    pub(super) fn copy(&self, seed: u64) -> Self {
        let world = self.world();
        Self::of(world.files.clone(), world.cloud.copy(), world.faults.of_another(seed), seed)
    }

    /// Another machine with what is on the disk of this one, beside it.
    pub(super) fn twin(&self, seed: u64) -> Self {
        let world = self.world();
        Self::of(world.files.clone(), world.cloud.clone(), world.faults.of_another(seed), seed)
    }

    /// Another machine with an empty disk, beside this one.
    pub(super) fn beside(&self, seed: u64) -> Self {
        let world = self.world();
        Self::of(Files::empty(), world.cloud.clone(), world.faults.of_another(seed), seed)
    }

    /// Starts it; things go wrong as planned.
    pub(super) fn start(&self, plan: Plan) -> Arc<SimulatedDisk> {
        let mut world = self.world();
        world.boots += 1;
        world.is_on.send_replace(true);
        world.faults.plan = plan;
        world.locks.clear();
        world.before = world.before.and(world.happened);
        world.happened = Happened::default();
        Arc::new(SimulatedDisk { machine: self.clone(), boot: world.boots })
    }

    /// Stops it.
    pub(super) fn stop(&self, power: bool) {
        self.world().stop(power);
    }

    pub(super) fn is_on(&self) -> bool {
        self.world().is_on()
    }

    /// Waits until it has stopped.
    pub(super) async fn stopped(&self) {
        let mut seen = self.world().is_on.subscribe();
        // The sender goes with the machine only.
        let _ = seen.wait_for(|on| !*on).await;
    }

    pub(super) fn happened(&self) -> Happened {
        self.world().happened
    }

    /// Since the first start.
    pub(super) fn all_happened(&self) -> Happened {
        let world = self.world();
        world.before.and(world.happened)
    }

    pub(super) fn set_plan(&self, plan: Plan) -> Plan {
        std::mem::replace(&mut self.world().faults.plan, plan)
    }

    /// Names in a folder.
    pub(super) fn names(&self, folder: &Path) -> Vec<String> {
        self.world().files.names(folder).unwrap_or_default()
    }

    /// Deletes a file, or flips a bit of it, on the disk itself.
    pub(super) fn damage(&self, file: &Path, number: u64) {
        let world = &mut *self.world();
        let Ok(id) = world.files.open(file) else { return };
        if number.is_multiple_of(2) {
            world.files.remove(file).unwrap();
            world.files.sync_folder(file.parent().unwrap()).unwrap();
        } else {
            world.files.damage(id, |bytes| flip(bytes, number >> 1));
        }
    }

    /// Every call so far that makes something durable.
    pub(super) fn durable(&self) -> BTreeSet<(Role, Call, String)> {
        let world = self.world();
        let durable = world.faults.durable();
        durable.map(|(role, call, class)| (role, call, class.to_owned())).collect()
    }

    pub(super) fn world(&self) -> MutexGuard<'_, World> {
        self.0.lock().unwrap()
    }
}

impl Happened {
    /// A file was read, with a wrong bit or not.
    pub(super) fn read_wrong(&mut self, path: &Path, is_wrong: bool) {
        let of_day = is_wrong && is_of_day(path);
        self.rotten += u64::from(is_wrong);
        self.rotten_data += u64::from(of_day && !is_rollup(path));
        self.rotten_rollups += u64::from(of_day && is_rollup(path));
    }

    pub(super) fn and(self, other: Self) -> Self {
        Self {
            calls: self.calls + other.calls,
            failed: self.failed + other.failed,
            rotten: self.rotten + other.rotten,
            rotten_data: self.rotten_data + other.rotten_data,
            rotten_rollups: self.rotten_rollups + other.rotten_rollups,
            stops: self.stops + other.stops,
            power_losses: self.power_losses + other.power_losses,
        }
    }
}

impl World {
    pub(super) fn is_on(&self) -> bool {
        *self.is_on.borrow()
    }

    pub(super) fn stop(&mut self, power: bool) {
        let was_on = self.is_on.send_replace(false);
        self.happened.stops += u64::from(was_on);
        if power {
            self.happened.power_losses += 1;
            self.files.lose_power(&mut self.random);
        }
    }
}
