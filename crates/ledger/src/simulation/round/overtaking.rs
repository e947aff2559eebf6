//! A second writer in a round: it takes the ledger from the first, which goes on and may acknowledge nothing
//! that the second does not have.

use tokio::task::JoinHandle;

use super::super::auditor::{Asked, Finding, hold};
use super::super::faults::Plan;
use super::super::machine::Machine;
use super::{Round, answers, ask};
use crate::support::Spec;
use crate::{AppendError, Ledger, Outcome};

/// Events that are sent to a writer that was overtaken, so that nobody else sends them.
const OVERTAKEN_EVENTS: u16 = 60_000;

/// A writer that another one has taken the ledger from.
pub(super) struct Overtaken {
    ledger: Ledger,
    machine: Machine,
}

impl Round {
    /// Another machine takes the ledger from this one, which goes on. Where the journal is on its disk, the
    /// other machine has a copy of it.
    pub(super) async fn overtake(&mut self, ledger: Ledger) -> Result<Ledger, Finding> {
        self.held = None;
        self.let_go().await?;
        let seed = self.random.next();
        let waiting = match self.home.is_all_objects() && self.random.chance(500) {
            true => self.append_that_waits(&ledger).await,
            false => None,
        };
        let other = match self.home.is_all_objects() {
            true => self.machine.beside(seed),
            false => self.machine.twin(seed),
        };
        let machine = std::mem::replace(&mut self.machine, other);
        // What it has under way may come in between: an opening that meets it is tried again.
        self.has_rival = true;
        let mut new = self.open().await?;
        while !self.machine.is_on() {
            new = self.crashed(new).await?;
        }
        self.has_rival = false;
        machine.set_plan(Plan::default());
        if let Some(waiting) = waiting {
            for asked in answers(&ledger, &machine, vec![waiting]).await? {
                self.auditor.check_overtaken(&asked)?;
            }
        }
        self.tally.overtaken += 1;
        self.overtaken = Some(Overtaken { ledger, machine });
        Ok(new)
    }

    /// An append whose frame the store does not answer: it may be there, come later or never.
    async fn append_that_waits(&mut self, ledger: &Ledger) -> Option<JoinHandle<Asked>> {
        if !ledger.status().writable {
            return None;
        }
        let specs = self.batch();
        self.auditor.asked(&specs, self.clock.now());
        self.machine.set_plan(Plan { away: u64::MAX, ..Plan::default() });
        let waiting = ask(ledger, specs);
        // All of it may be there already: then nothing waits.
        while !ledger.status().stalled && !waiting.is_finished() {
            tokio::task::yield_now().await;
        }
        Some(waiting)
    }

    /// Asks something of a writer that was overtaken, now and then.
    pub(super) async fn ask_overtaken(&mut self) -> Result<(), Finding> {
        let Some(Overtaken { ledger, machine }) = &self.overtaken else { return Ok(()) };
        let (ledger, machine) = (ledger.clone(), machine.clone());
        match self.random.below(8) {
            0 => drop(ledger.compact().await),
            1 => {
                let before = self.taken_by_overtaken(&ledger, &machine).await?;
                let sealed = ledger.seal().await;
                hold!(!before || sealed.is_err(), "a writer that was overtaken has sealed");
            }
            2 => drop(self.taken_by_overtaken(&ledger, &machine).await?),
            3 => self.let_go().await?,
            _ => {}
        }
        Ok(())
    }

    /// Whether a writer that was overtaken takes records, into the journal on its own disk.
    async fn taken_by_overtaken(
        &mut self,
        ledger: &Ledger,
        machine: &Machine,
    ) -> Result<bool, Finding> {
        let event = OVERTAKEN_EVENTS + u16::try_from(self.random.below(1_000)).unwrap();
        let waiting = ask(ledger, vec![Spec { event, ..Spec::default() }]);
        let asked = answers(ledger, machine, vec![waiting]).await?;
        let answer = &asked[0].answer;
        if *answer == Err(AppendError::Busy) && self.harmed {
            return Ok(false);
        }
        if self.home.is_all_objects() {
            let is_refused = *answer == Err(AppendError::Refused);
            hold!(is_refused, "a writer that was overtaken has answered {answer:?}");
            let status = ledger.status();
            let has_ended = !status.writable && !status.stalled;
            hold!(has_ended, "a writer that was overtaken says {status:?}");
        }
        Ok(matches!(answer.as_deref(), Ok([Outcome::Stored(_)])))
    }

    /// The writer that was overtaken ends.
    pub(super) async fn let_go(&mut self) -> Result<(), Finding> {
        let Some(Overtaken { ledger, machine }) = self.overtaken.take() else { return Ok(()) };
        ledger.close().await.map_err(|error| error.to_string())?;
        machine.stop(false);
        self.tally.of_machine(&machine);
        Ok(())
    }
}
