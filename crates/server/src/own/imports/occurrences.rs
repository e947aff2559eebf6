//! Which of several equal rows of its slice a row is, counted over a stream in bounded memory.
//!
//! Where there are more slices and rows than may be held, the slices not seen for longest are closed.
//! A row of a closed slice has no number any more: it is refused, never counted anew.

use std::collections::{HashMap, HashSet};

use domain::id::{ContentHash, SubscriptionId};
use domain::time::ReportedTime;

/// What a slice takes beside its rows, in rows.
const SLICE_WEIGHT: usize = 4;

/// How much may be held.
#[derive(Debug, Clone, Copy)]
pub(super) struct Most {
    /// Rows of open slices that differ, and four for each slice.
    pub(super) open: usize,
    /// Slices that are closed.
    pub(super) closed: usize,
}

/// What a row is among those equal to it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Occurrence {
    /// Of the equal rows of its slice the one of this number, from 1.
    Number(u64),
    /// Its slice is closed.
    Closed,
}

/// More slices were closed than can be remembered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct TooManySlices;

/// A slice of one source, with the number of its subscription: sixteen bytes.
type SliceKey = (u32, ReportedTime);

#[derive(Debug, Default)]
struct Slice {
    counts: HashMap<ContentHash, u64>,
    /// Number of the row that was counted last.
    seen: u64,
}

/// The counters of one import.
#[derive(Debug)]
pub(super) struct Occurrences {
    most: Most,
    subscriptions: HashMap<SubscriptionId, u32>,
    open: HashMap<SliceKey, Slice>,
    closed: HashSet<SliceKey>,
    /// Counters of all open slices.
    counters: usize,
    /// Rows that were counted.
    rows: u64,
}

impl Occurrences {
    pub(super) fn new(most: Most) -> Self {
        Self {
            most,
            subscriptions: HashMap::new(),
            open: HashMap::new(),
            closed: HashSet::new(),
            counters: 0,
            rows: 0,
        }
    }

    /// Counts a row.
    pub(super) fn next(
        &mut self,
        subscription: SubscriptionId,
        bucket: ReportedTime,
        content: ContentHash,
    ) -> Result<Occurrence, TooManySlices> {
        let key = (self.number_of(subscription), bucket);
        if !self.closed.is_empty() && self.closed.contains(&key) {
            return Ok(Occurrence::Closed);
        }
        self.rows += 1;
        let slice = self.open.entry(key).or_default();
        slice.seen = self.rows;
        let before = slice.counts.len();
        let count = slice.counts.entry(content).or_default();
        *count += 1;
        let count = *count;
        self.counters += slice.counts.len() - before;
        if self.weight() > self.most.open {
            self.close_some()?;
        }
        Ok(Occurrence::Number(count))
    }

    fn number_of(&mut self, subscription: SubscriptionId) -> u32 {
        let next = u32::try_from(self.subscriptions.len()).expect("slices are fewer than 2^32");
        *self.subscriptions.entry(subscription).or_insert(next)
    }

    fn weight(&self) -> usize {
        self.counters + SLICE_WEIGHT * self.open.len()
    }

    /// Closes the slices not seen for longest, down to three quarters of what may be open.
    fn close_some(&mut self) -> Result<(), TooManySlices> {
        let mut slices: Vec<_> = self.open.iter().map(|(key, slice)| (slice.seen, *key)).collect();
        slices.sort_unstable();
        for (_, key) in slices {
            if self.weight() <= self.most.open / 4 * 3 {
                break;
            }
            if self.closed.len() == self.most.closed {
                return Err(TooManySlices);
            }
            let slice = self.open.remove(&key);
            self.counters -= slice.map_or(0, |slice| slice.counts.len());
            self.closed.insert(key);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use domain::time::UtcTime;

    use super::*;

    /// Counts rows, each a letter for its subscription, a digit for its bucket and a letter for its
    /// content.
    fn count(most: Most, rows: &str) -> String {
        let mut occurrences = Occurrences::new(most);
        let counted = rows.split(' ').map(|row| {
            let [subscription, bucket, content] = *row.as_bytes() else { panic!("{row}") };
            let subscription = SubscriptionId::from_bits(subscription.into());
            let bucket = ReportedTime(UtcTime::from_micros(bucket.into()).unwrap());
            match occurrences.next(subscription, bucket, ContentHash::from_bytes([content; 16])) {
                Ok(Occurrence::Number(number)) => number.to_string(),
                Ok(Occurrence::Closed) => "closed".to_owned(),
                Err(TooManySlices) => "too many".to_owned(),
            }
        });
        counted.collect::<Vec<_>>().join(" ")
    }

    #[test]
    fn equal_rows_of_a_slice_are_counted_and_others_apart() {
        let most = Most { open: 100, closed: 100 };
        assert_eq!(count(most, "a1x a1x a1y b1x a2x a1x b1x"), "1 2 1 1 1 3 2");
    }

    #[test]
    fn slices_not_seen_for_longest_are_closed_and_their_rows_refused() {
        let most = Most { open: 16, closed: 100 };
        // Three slices of a row weigh fifteen; the fourth closes down to twelve.
        let counted = count(most, "a1x b1x c1x a1x d1x b1x c1x a1x d1x");
        assert_eq!(counted, "1 1 1 2 1 closed closed 3 2");
    }

    #[test]
    fn a_slice_that_is_too_large_by_itself_is_closed_too() {
        let most = Most { open: 6, closed: 100 };
        assert_eq!(count(most, "a1v a1w a1x a1v a1v b1v"), "1 1 1 closed closed 1");
    }

    #[test]
    fn closed_slices_have_a_limit() {
        let most = Most { open: 8, closed: 1 };
        assert_eq!(count(most, "a1x a1x b1x c1x"), "1 2 1 too many");
    }
}
