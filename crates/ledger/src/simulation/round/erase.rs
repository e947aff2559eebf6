//! Erasing in a round: what was acknowledged has no name any more, what was not may have some.

use std::ops::ControlFlow;

use domain::erasure::ErasureKey;

use super::super::auditor::{Finding, SUBSCRIPTIONS, hold};
use super::Round;
use crate::support::{hour, subscription};
use crate::{EraseError, Erased, Erasure, Ledger, SealError};

/// The key of every erasure of a round: one that was cut off is gone on with.
pub(in super::super) fn key() -> ErasureKey {
    ErasureKey::from_bytes([1; 32])
}

impl Round {
    pub(super) async fn erase(&mut self, ledger: &Ledger) -> Result<(), Finding> {
        let number = u8::try_from(self.random.below(SUBSCRIPTIONS.into())).unwrap();
        let before = self.random.pick(&[None, None, Some(20), Some(40)]).map(hour);
        let known = self.erased.get(&number).cloned();
        let since = known.filter(|_| self.random.chance(500));
        let id = subscription(number);
        let erasure = Erasure { subscription: id, before, since, key: key() };
        let was_writable = ledger.status().writable;
        let erased = ledger.erase(erasure, |_| ControlFlow::Continue(())).await;
        let files = match erased {
            Ok(report) => {
                hold!(was_writable, "a ledger that is not writable has erased: {report:?}");
                self.auditor.erased(id, before, report.version.commit);
                self.tally.erasures += 1;
                let version = report.version;
                self.erased.insert(number, Erased { before, version });
                return Ok(());
            }
            Err(EraseError::Log(SealError::ForeignCommit { file })) => Some(file),
            Err(error) => {
                self.auditor.maybe_erased(id, before);
                return self.excused(&format!("an erasure was answered {error:?}"));
            }
        };
        self.auditor.maybe_erased(id, before);
        let file = files.unwrap_or_default();
        hold!(
            self.machine.happened().rotten > 0,
            "{} is taken for somebody else's",
            file.display()
        );
        Ok(())
    }
}
