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
    /// Erases of one subscription, or of all in one walk.
    pub(super) async fn erase(&mut self, ledger: &Ledger) -> Result<(), Finding> {
        let numbers: Vec<u8> = match self.random.chance(300) {
            true => (0..SUBSCRIPTIONS).collect(),
            false => vec![u8::try_from(self.random.below(SUBSCRIPTIONS.into())).unwrap()],
        };
        let mut erasures = Vec::new();
        for number in &numbers {
            let before = self.random.pick(&[None, None, Some(20), Some(40)]).map(hour);
            let known = self.erased.get(number).cloned();
            let since = known.filter(|_| self.random.chance(500));
            let subscription = subscription(*number);
            erasures.push(Erasure { subscription, before, since, key: key() });
        }
        let asked: Vec<_> = erasures.iter().map(|one| (one.subscription, one.before)).collect();
        let was_writable = ledger.status().writable;
        let erased = ledger.erase(erasures, |_| ControlFlow::Continue(())).await;
        let report = match erased {
            Ok(report) => report,
            Err(error) => {
                for (id, before) in asked {
                    self.auditor.maybe_erased(id, before);
                }
                let EraseError::Log(SealError::ForeignCommit { file }) = error else {
                    return self.excused(&format!("an erasure was answered {error:?}"));
                };
                let is_rotten = self.machine.happened().rotten > 0;
                hold!(is_rotten, "{} is taken for somebody else's", file.display());
                return Ok(());
            }
        };
        hold!(was_writable, "a ledger that is not writable has erased: {report:?}");
        for ((number, (id, before)), of) in numbers.into_iter().zip(asked).zip(report.of) {
            if !of.damaged.is_empty() || !of.left.is_empty() {
                self.auditor.maybe_erased(id, before);
                self.excused(&format!("an erasure could not read files: {of:?}"))?;
                continue;
            }
            self.auditor.erased(id, before, report.version.commit);
            self.tally.erasures += 1;
            let version = report.version.clone();
            self.erased.insert(number, Erased { before, version });
        }
        Ok(())
    }
}
