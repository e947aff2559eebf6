//! When a subscription was first used: read from the files and row groups alone that may hold an
//! earlier start than what was found so far.

use arrow_array::RecordBatch;
use domain::time::UtcTime;

use crate::columns;
use crate::error::ReadError;
use crate::row::Malformed;
use crate::scan::{self, OpenedFile, Selection, integers};
use crate::state::State;

const COLUMNS: [&str; 3] = ["subscription_id", "usage_start", "commit"];

/// The earliest start of usage among the rows of a subscription, up to a commit. A selection by times
/// is not for here.
pub(crate) fn first_usage(
    state: &State,
    selection: &Selection,
) -> Result<Option<UtcTime>, ReadError> {
    let entries = state.chunks().flat_map(|chunk| selection.of_chunk(chunk));
    let mut first = entries.map(|entry| entry.start).min();
    let mut files: Vec<_> =
        state.files.iter().filter(|file| selection.may_match(&file.bounds)).collect();
    files.sort_by_key(|file| file.bounds.start.0);
    for file in files {
        if first.is_some_and(|first| first <= file.bounds.start.0) {
            break;
        }
        let opened = OpenedFile::open(&file.path)?;
        let groups = opened.groups(|group| {
            let earliest = integers(group, "usage_start").map(|(earliest, _)| earliest);
            let is_later =
                earliest.zip(first).is_some_and(|(start, first)| start >= first.to_micros());
            !is_later && selection.row_group_may_match(group)
        });
        opened.batches(groups, &COLUMNS, selection.subscription, |batch| {
            let found =
                first_of(batch, selection).map_err(|error| scan::damaged(&file.path, error))?;
            first = [first, found].into_iter().flatten().min();
            Ok(())
        })?;
    }
    Ok(first)
}

fn first_of(batch: &RecordBatch, selection: &Selection) -> Result<Option<UtcTime>, Malformed> {
    let (starts, commits) = (columns::times(batch, "usage_start")?, columns::commits(batch)?);
    let mut first = None;
    for position in 0..commits.len() {
        let commit = columns::commit(commits, position)?;
        if selection.last.is_none_or(|last| commit <= last) {
            let start = columns::time(starts, position)?;
            first = Some(first.map_or(start, |first: UtcTime| first.min(start)));
        }
    }
    Ok(first)
}
