//! Reading in a round: now, as it was at a version or a moment, and on from a snapshot of a while ago.

use domain::aggregate::{Granularity, UsageQuery};
use domain::time::{ReportedTime, UtcTime};

use super::super::auditor::{Finding, SUBSCRIPTIONS, Wrong, wrong};
use super::{Round, VERSIONS};
use crate::Ledger;
use crate::support::{hour, subscription};

impl Round {
    /// Reads something, now or as it was.
    pub(super) async fn read(&mut self, ledger: &Ledger) -> Result<(), Finding> {
        let snapshot = ledger.snapshot(None).await.map_err(|error| error.to_string())?;
        let last = self.auditor.last();
        if self.versions.len() == VERSIONS {
            self.versions.remove(0);
        }
        self.versions.push((snapshot.version(), last));
        let read = match self.random.below(6) {
            0 => self.auditor.check_records(&snapshot, last).await,
            1 => {
                let (version, commit) =
                    self.versions[self.random.place(self.versions.len())].clone();
                match snapshot.as_of(&version) {
                    Ok(past) => self.auditor.check_records(&past, commit).await,
                    Err(error) => Err(Wrong::Answer(format!("{version} is gone: {error}"))),
                }
            }
            2 => self.read_moment(ledger).await,
            3 => {
                // A reader that goes on with what it began with, whatever is joined and cleared.
                let (held, commit) = self.held.take().unwrap_or((snapshot, last));
                let read = self.auditor.check_held(&held, commit).await;
                self.held = Some((held, commit));
                read
            }
            what => {
                let (version, commit) =
                    self.versions[self.random.place(self.versions.len())].clone();
                let past = snapshot.as_of(&version).map_err(|error| error.to_string())?;
                let query = self.query();
                match what {
                    4 => self.auditor.check_pages(&past, commit, &query).await,
                    _ => self.auditor.check_sums(&past, commit, &query).await,
                }
            }
        };
        match read {
            Ok(()) => Ok(()),
            Err(Wrong::Error(error)) => self.excused(&format!("a read was answered {error:?}")),
            Err(Wrong::Answer(_)) if !self.machine.is_on() => Ok(()),
            Err(answer) => Err(wrong(answer)),
        }
    }

    /// What was known at a moment, now and for ever.
    async fn read_moment(&mut self, ledger: &Ledger) -> Result<(), Wrong> {
        let moments: Vec<UtcTime> = self.moments.keys().copied().collect();
        let moment = match self.random.chance(500) && !moments.is_empty() {
            true => self.random.pick(&moments),
            false => {
                let ago = i64::try_from(self.random.below(2 * 86_400)).unwrap();
                self.clock.now().plus_seconds(-1 - ago)
            }
        };
        let snapshot = ledger.snapshot_at(moment).await?;
        let expected = self.auditor.last_at(moment);
        let before = *self.moments.entry(moment).or_insert(expected);
        if before != expected {
            return Err(Wrong::Answer(format!("{moment} was {before:?} and is {expected:?}")));
        }
        self.auditor.check_records(&snapshot, expected).await
    }

    fn query(&mut self) -> UsageQuery {
        let number = u8::try_from(self.random.below(SUBSCRIPTIONS.into())).unwrap();
        let (from, to) = self.random.pick(&[(0, 24 * 400), (24, 48), (60, 73)]);
        UsageQuery {
            subscription: subscription(number),
            reported: ReportedTime(hour(from))..ReportedTime(hour(to)),
            granularity: self.random.pick(&[Granularity::Daily, Granularity::Hourly]),
            details: self.random.chance(500),
            within: None,
        }
    }
}
