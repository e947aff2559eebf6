//! Opening in a round, again and again: after a clean end, after a stop, and with files damaged meanwhile.

use std::path::PathBuf;

use object_store::path::Path as Key;

use super::super::auditor::{Finding, hold};
use super::super::faults::{Crash, Plan};
use super::super::home::{Home, ROOT};
use super::Round;
use crate::{Ledger, OpenError};

impl Round {
    /// Closes the ledger and opens it again.
    pub(super) async fn reopen(&mut self, ledger: Ledger) -> Result<Ledger, Finding> {
        self.held = None;
        ledger.close().await.map_err(|error| error.to_string())?;
        drop(ledger);
        if !self.machine.is_on() {
            return self.open().await;
        }
        let power = self.random.chance(300);
        self.stop(power);
        if self.random.chance(300) {
            self.audit_table()?;
        }
        self.harm();
        self.open().await
    }

    /// The machine has stopped.
    pub(super) async fn crashed(&mut self, ledger: Ledger) -> Result<Ledger, Finding> {
        self.held = None;
        ledger.close().await.map_err(|error| error.to_string())?;
        drop(ledger);
        let power = self.random.chance(200);
        self.stop(power);
        if self.random.chance(200) {
            self.harm();
        }
        self.open().await
    }

    /// Opens the ledger, however often it takes.
    pub(super) async fn open(&mut self) -> Result<Ledger, Finding> {
        for attempt in 0.. {
            let plan = if attempt < 4 { self.plan() } else { Plan::default() };
            let disk = self.machine.start(plan);
            self.tally.openings += 1;
            if self.home.is_all_objects() {
                self.auditor.takes_commit();
            }
            match self.home.open(&disk, self.options.clone(), self.sizes) {
                Ok(ledger) => {
                    // Nothing goes wrong while everything is looked at.
                    let plan = self.machine.set_plan(Plan::default());
                    if self.machine.is_on() {
                        let (whole, was_unsure) =
                            (self.random.chance(250), self.auditor.is_unsure());
                        self.auditor.opened(&ledger, whole).await?;
                        if was_unsure && self.random.chance(700) {
                            // What is there once the ledger was opened stays there.
                            self.stop(true);
                        }
                    }
                    self.machine.set_plan(plan);
                    return Ok(ledger);
                }
                Err(error) => self.refused(&error)?,
            }
            let power = self.random.chance(500);
            self.stop(power);
        }
        unreachable!("openings without faults end")
    }

    /// What goes wrong until the next start.
    fn plan(&mut self) -> Plan {
        let mut plan = Plan::default();
        if self.is_calm {
            return plan;
        }
        if self.has_faults && self.random.chance(600) {
            plan.failing = self.random.pick(&[0, 5, 20, 60, 120]);
            plan.rotten = self.random.pick(&[0, 0, 20]);
            plan.space = self.random.chance(100).then(|| self.random.below(50_000));
        }
        if self.random.chance(250) {
            let (calls, power) = (1 + self.random.below(60), self.random.chance(750));
            plan.crash = Some(Crash { role: None, calls, power });
        }
        plan
    }

    /// An opening that fails needs a reason, and one that speaks of damage needs damage.
    fn refused(&self, error: &OpenError) -> Result<(), Finding> {
        self.excused(&format!("the ledger was not opened: {error}"))?;
        let is_damage = !matches!(error, OpenError::File(_));
        let rotten = self.machine.happened().rotten > 0;
        hold!(!is_damage || rotten, "nothing is damaged, and the ledger was not opened: {error}");
        Ok(())
    }

    /// Deletes or damages files that are derived: of the index any, of the checkpoints the last one, once.
    fn harm(&mut self) {
        if !self.random.chance(400) {
            return;
        }
        let folder = PathBuf::from(ROOT).join("index");
        for name in self.machine.names(&folder) {
            if self.random.chance(300) {
                self.machine.damage(&folder.join(name), self.random.next());
                self.harmed = true;
            }
        }
        let (folder, objects) =
            (PathBuf::from(ROOT).join("usage/_delta_log"), Key::from("usage/_delta_log"));
        let names = match self.home {
            Home::Folder => self.machine.names(&folder),
            Home::Objects(_) => self.machine.object_names(&objects),
        };
        // One that comes late, without its entry, is none that can be begun from.
        let has_entry = |name: &str| names.contains(&format!("{name}.json"));
        let usable = names
            .iter()
            .filter(|name| name.strip_suffix(".checkpoint.parquet").is_some_and(has_entry));
        let usable: Vec<&String> = usable.collect();
        if usable.len() >= 2 && !std::mem::replace(&mut self.has_harmed_checkpoint, true) {
            let (last, flipped) = (usable[usable.len() - 1], self.random.next() | 1);
            match self.home {
                Home::Folder => self.machine.damage(&folder.join(last), flipped),
                Home::Objects(_) => {
                    self.machine.damage_object(&objects.join(last.as_str()), flipped >> 1);
                }
            }
        }
    }

    /// Stops the machine, unless it has; it may lose its power in either case.
    pub(super) fn stop(&mut self, power: bool) {
        self.machine.stop(power);
        if self.is_calm {
            self.machine.settle_objects();
        }
    }
}
