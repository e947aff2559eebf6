//! When the table's log gets a checkpoint, and which of its entries and checkpoints stay.
//!
//! There are always two checkpoints that can be begun from, as soon as there were two: one that is
//! damaged can be done without. What is before a checkpoint goes once readers outside have had time to
//! finish with it.

use std::collections::BTreeSet;

use domain::time::UtcTime;

use crate::delta::{self, Author, CheckpointState};
use crate::error::FileError;
use crate::limits::CHECKPOINTS_APART_SECONDS;
use crate::storage::Folder;

/// The checkpoints of a log.
pub(crate) struct Checkpoints {
    /// The entries that have one, in order, each with its time.
    written: Vec<(u64, UtcTime)>,
    /// After how many entries there is another.
    every: u64,
    /// How long readers outside may take to find a later one.
    keep_seconds: i64,
    /// Entries that are known to stay: of openings, in an object store.
    openings: BTreeSet<u64>,
}

impl Checkpoints {
    pub(crate) fn of(written: Vec<(u64, UtcTime)>, every: u64, keep_seconds: i64) -> Self {
        Self { written, every, keep_seconds, openings: BTreeSet::new() }
    }

    pub(crate) fn is_due(&self, next_entry: u64) -> bool {
        let last = self.written.last().map_or(0, |(entry, _)| entry + 1);
        next_entry - last >= self.every
    }

    /// Writes one of the table as it is, and lets go what is not needed any more.
    pub(crate) fn write(
        &mut self,
        folder: &Folder,
        author: Author,
        state: &CheckpointState,
    ) -> Result<(), FileError> {
        delta::checkpoint(folder, author, state)?;
        self.written.push((state.entry, author.now));
        let (first, gone) = go(&self.written, author.now, self.keep_seconds);
        delta::forget(folder, first, &gone, &mut self.openings)?;
        self.written.retain(|(entry, _)| *entry >= first && !gone.contains(entry));
        Ok(())
    }
}

/// The entry before which everything goes, and checkpoints after it that go too.
fn go(written: &[(u64, UtcTime)], now: UtcTime, keep_seconds: i64) -> (u64, Vec<u64>) {
    let before_last_two = written.len().saturating_sub(2);
    let is_old = |(_, time): &&(u64, UtcTime)| time.plus_seconds(keep_seconds) <= now;
    let before_last = &written[..written.len().saturating_sub(1)];
    let first = before_last.iter().rfind(is_old).map_or(0, |(entry, _)| *entry);
    let mut gone = Vec::new();
    let mut last_kept: Option<UtcTime> = None;
    for (entry, time) in written[..before_last_two].iter().filter(|(entry, _)| *entry >= first) {
        let is_close = |kept: UtcTime| *time < kept.plus_seconds(CHECKPOINTS_APART_SECONDS);
        if last_kept.is_some_and(is_close) {
            gone.push(*entry);
        } else {
            last_kept = Some(*time);
        }
    }
    (first, gone)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Checkpoints at these minutes, of entries 0, 1, 2, …; what goes at the last of them.
    fn check(minutes: &[i64], keep_minutes: i64, expected: (u64, &[u64])) {
        let at = |minutes: i64| UtcTime::MIN.plus_seconds(minutes * 60);
        let written: Vec<_> = (0..).zip(minutes.iter().map(|minutes| at(*minutes))).collect();
        let (first, gone) = go(&written, written.last().unwrap().1, keep_minutes * 60);
        assert_eq!((first, &*gone), expected, "{minutes:?}, {keep_minutes}");
    }

    #[test]
    fn what_is_before_an_old_checkpoint_goes_but_two_stay() {
        check(&[0], 0, (0, &[]));
        check(&[0, 60], 0, (0, &[]));
        check(&[0, 60, 120], 0, (1, &[]));
        check(&[0, 60, 120, 180], 60, (2, &[]));
        check(&[0, 60, 120, 180], 61, (1, &[]));
        check(&[0, 60, 120, 180], 1_000, (0, &[]));
    }

    #[test]
    fn close_checkpoints_are_thinned_but_for_the_last_two() {
        check(&[0, 10, 20, 30, 40], 1_000, (0, &[1, 2]));
        check(&[0, 60, 70, 120, 130, 131], 1_000, (0, &[2]));
        check(&[0, 30, 59, 60, 61, 62], 1_000, (0, &[1, 2]));
    }
}
