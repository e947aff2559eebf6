//! The end of a round: without faults everything that was acknowledged is there.

use std::ops::ControlFlow;

use super::super::auditor::{Finding, hold};
use super::super::faults::Plan;
use super::super::home::Home;
use super::super::table;
use super::Round;
use crate::Ledger;
use crate::shared::Folders;
use crate::writer_file::Writer;

impl Round {
    /// Reads the table without the ledger.
    pub(super) fn audit_table(&mut self) -> Result<(), Finding> {
        let (folders, writer) = self.parts()?;
        if let Some(writer) = writer {
            table::check(&folders, writer, &self.auditor)?;
        }
        self.machine.stop(false);
        Ok(())
    }

    /// What was erased is nowhere: neither in files that others have taken the place of, nor in the journal.
    fn audit_names(&mut self) -> Result<(), Finding> {
        let (folders, _) = self.parts()?;
        table::check_erased(&folders, &self.auditor)?;
        self.machine.stop(false);
        Ok(())
    }

    /// The parts of the ledger, and who wrote it last.
    fn parts(&self) -> Result<(Folders, Option<Writer>), Finding> {
        let disk = self.machine.start(Plan::default());
        let folders = self.home.folders(&disk).map_err(|error| error.to_string())?;
        let writer = self.home.writer(&folders).map_err(|error| error.to_string())?;
        Ok((folders, writer))
    }

    /// The ledger finds nothing to be damaged.
    async fn verify(&self, ledger: &Ledger) -> Result<(), Finding> {
        let report = ledger.verify(|_| ControlFlow::Continue(())).await;
        let report = report.map_err(|error| error.to_string())?;
        let is_sound = report.damaged.is_empty() && report.unreadable.is_empty();
        hold!(is_sound, "verify says of a sound ledger: {report:?}");
        Ok(())
    }

    /// Once more without faults: everything that was acknowledged is there.
    pub(super) async fn end(&mut self, ledger: Ledger) -> Result<(), Finding> {
        self.let_go().await?;
        self.has_faults = false;
        self.stop(true);
        let mut ledger = self.crashed(ledger).await?;
        while !self.machine.is_on() {
            ledger = self.crashed(ledger).await?;
        }
        if self.home != Home::Folder {
            // What is still under way to the store comes before the last opening.
            self.is_calm = true;
            ledger.close().await.map_err(|error| error.to_string())?;
            self.stop(false);
            ledger = self.open().await?;
        }
        self.machine.set_plan(Plan::default());
        ledger.seal().await.map_err(|error| error.to_string())?;
        ledger.compact().await.map_err(|error| error.to_string())?;
        self.auditor.check(&ledger).await?;
        if !self.harmed && !self.has_harmed_checkpoint {
            self.verify(&ledger).await?;
        }
        ledger.close().await.map_err(|error| error.to_string())?;
        self.audit_table()?;
        self.audit_names()?;
        self.tally.records = self.auditor.count();
        let machine = self.machine.clone();
        self.tally.of_machine(&machine);
        Ok(())
    }
}
