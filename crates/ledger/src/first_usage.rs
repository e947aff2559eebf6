//! When a subscription was first used: read from the files and row groups alone that may hold an
//! earlier start than what was found so far, and of later rows alone where those up to a commit were
//! read before.

use arrow_array::RecordBatch;
use domain::record::Commit;
use domain::time::UtcTime;

use crate::columns;
use crate::error::ReadError;
use crate::row::Malformed;
use crate::scan::{self, OpenedFile, Selection, integers};
use crate::state::State;

const COLUMNS: [&str; 3] = ["subscription_id", "usage_start", "commit"];

/// The earliest start of usage, and a commit that has a row of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct First {
    pub(crate) start: UtcTime,
    pub(crate) commit: Commit,
}

/// The earliest start of usage among the selected rows and what is known. A selection by times is not
/// for here.
pub(crate) fn first_usage(
    state: &State,
    selection: &Selection,
    known: Option<First>,
) -> Result<Option<First>, ReadError> {
    let entries = state.chunks().flat_map(|chunk| selection.of_chunk(chunk));
    let of_tail = entries.map(|entry| First { start: entry.start, commit: entry.commit });
    let mut first = known.into_iter().chain(of_tail).min();
    let mut files: Vec<_> =
        state.files.iter().filter(|file| selection.may_match(&file.bounds)).collect();
    files.sort_by_key(|file| file.bounds.start.0);
    for file in files {
        if first.is_some_and(|first| first.start <= file.bounds.start.0) {
            break;
        }
        let opened = OpenedFile::open(file)?;
        let groups = opened.groups(|group| {
            let earliest = integers(group, "usage_start").map(|(earliest, _)| earliest);
            let is_later =
                earliest.zip(first).is_some_and(|(start, first)| start >= first.start.to_micros());
            !is_later && selection.row_group_may_match(group)
        });
        opened.batches(groups, &COLUMNS, selection, |batch| -> Result<(), ReadError> {
            let found = first_of(batch, selection);
            let found = found.map_err(|error| scan::damaged(&file.path, error))?;
            first = [first, found].into_iter().flatten().min();
            Ok(())
        })?;
    }
    Ok(first)
}

fn first_of(batch: &RecordBatch, selection: &Selection) -> Result<Option<First>, Malformed> {
    let (starts, commits) = (columns::times(batch, "usage_start")?, columns::commits(batch)?);
    let mut first = None;
    for position in 0..commits.len() {
        let commit = columns::commit(commits, position)?;
        if selection.matches_commit(commit) {
            let found = First { start: columns::time(starts, position)?, commit };
            first = Some(first.map_or(found, |first: First| first.min(found)));
        }
    }
    Ok(first)
}
