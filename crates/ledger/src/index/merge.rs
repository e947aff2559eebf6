//! Joining segments: every entry of some, in order of identity.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::sync::Arc;

use super::error::IndexError;
use super::segment::{Entry, Segment};

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
