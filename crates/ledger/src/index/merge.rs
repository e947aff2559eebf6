//! Joining segments: which ones, so that few are probed and each identity is written seldom, and how.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::sync::Arc;

use super::error::IndexError;
use super::segment::{Entry, Segment};
use crate::limits::INDEX_SEGMENTS_JOINED;

/// How many segments at the end are to be joined, given the entries of each in order of commits;
/// none if fewer than two.
///
/// A segment is joined once those behind it hold half of what it holds: so sizes at least double
/// from each one to the one before, but for the few that wait to be joined together, and an identity
/// is written again about as often as the logarithm of their number.
pub(super) fn due(entries: &[u64]) -> Option<usize> {
    let (mut count, mut behind) = (1, *entries.last()?);
    for before in entries[..entries.len() - 1].iter().rev() {
        if *before / 2 > behind {
            break;
        }
        behind += before;
        count += 1;
    }
    (count >= INDEX_SEGMENTS_JOINED).then_some(count)
}

/// Every entry of some segments in order of identity; an error where one has an identity that
/// another has, too.
pub(super) fn joined<'a>(
    segments: &'a [Arc<Segment>],
) -> Result<impl Iterator<Item = Result<Entry, IndexError>> + use<'a>, IndexError> {
    let mut inputs: Vec<_> = segments.iter().map(|segment| segment.entries()).collect();
    let mut heads = BinaryHeap::with_capacity(inputs.len());
    let mut current: Vec<Option<Entry>> = vec![None; inputs.len()];
    for (place, input) in inputs.iter_mut().enumerate() {
        if let Some(entry) = input.next().transpose()? {
            heads.push(Reverse((entry.id, place)));
            current[place] = Some(entry);
        }
    }
    let mut before: Option<Entry> = None;
    Ok(std::iter::from_fn(move || {
        let Reverse((_, place)) = heads.pop()?;
        let entry = current[place].take().expect("a head has its entry");
        match inputs[place].next() {
            None => {}
            Some(Ok(next)) => {
                heads.push(Reverse((next.id, place)));
                current[place] = Some(next);
            }
            Some(Err(error)) => return Some(Err(error)),
        }
        if let Some(first) = before.replace(entry).filter(|before| before.id == entry.id) {
            return Some(Err(IndexError::Twice { first, second: entry }));
        }
        Some(Ok(entry))
    }))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Adds segments of these sizes one by one and joins as is due; sizes at the end, and how often
    /// an entry was written.
    fn run(sizes: impl Iterator<Item = u64>) -> (Vec<u64>, u64) {
        let (mut segments, mut written): (Vec<u64>, u64) = (vec![], 0);
        for size in sizes {
            segments.push(size);
            written += size;
            if let Some(count) = due(&segments) {
                let joined = segments.drain(segments.len() - count..).sum();
                segments.push(joined);
                written += joined;
            }
        }
        (segments, written)
    }

    #[test]
    fn segments_stay_few_and_are_seldom_written_again() {
        let (segments, written) = run((0..1_000).map(|_| 100_000));
        assert!(segments.len() <= 12, "{segments:?}");
        assert!(written <= 8 * 100_000_000, "{written}");
        assert_eq!(segments.iter().sum::<u64>(), 100_000_000);
        let (segments, _) = run((0..3_000).map(|number| number * 7_919 % 10_007));
        assert!(segments.len() <= 16, "{segments:?}");
    }

    #[test]
    fn a_large_segment_is_left_alone() {
        assert_eq!(due(&[]), None);
        assert_eq!(due(&[5]), None);
        assert_eq!(due(&[1_000, 5, 5, 5]), None);
        assert_eq!(due(&[1_000, 5, 5, 5, 5]), Some(4));
        assert_eq!(due(&[20, 5, 5, 5, 5]), Some(5));
    }
}
