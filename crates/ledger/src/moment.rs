//! Which commit was the last one at a moment.
//!
//! Neither commits nor their times fall, so one commit with its time settles every earlier or every
//! later one. Files are halved by the bounds of their commits in the log; of a file that may hold
//! the answer two columns are read at most.

use std::sync::Arc;

use domain::record::Commit;
use domain::time::UtcTime;
use parquet::file::metadata::RowGroupMetaData;

use crate::columns;
use crate::error::ReadError;
use crate::scan::{self, OpenedFile, Selection};
use crate::state::{DataFile, State};

/// The first moment after this one: what is settled up to there has every commit of this moment.
pub(crate) fn just_after(moment: UtcTime) -> UtcTime {
    UtcTime::from_micros(moment.to_micros() + 1).unwrap_or(UtcTime::MAX)
}

/// The last commit, at most `last`, whose time is at or before a moment; 0 if there is none.
pub(crate) fn last_commit(
    state: &State,
    last: Commit,
    moment: UtcTime,
) -> Result<Commit, ReadError> {
    let mut search = Search { moment, included: Commit(0), excluded: Commit(last.0 + 1) };
    search.learn(state.last, state.last_time);
    for entry in state.chunks().flat_map(|chunk| chunk.rows()) {
        search.learn(entry.commit, entry.commit_time);
    }
    let mut files: Vec<&Arc<DataFile>> = state.files.iter().collect();
    files.sort_by_key(|file| file.bounds.commit);
    loop {
        files.retain(|file| search.is_open(file.bounds.commit));
        if files.is_empty() {
            // Every commit has a row, in the tail or within the bounds of a file.
            return Ok(search.included);
        }
        search.read(files.remove(files.len() / 2))?;
    }
}

/// What is known so far.
struct Search {
    moment: UtcTime,
    /// The last commit known to be at or before the moment.
    included: Commit,
    /// The first commit known to be after it, or not to be asked for.
    excluded: Commit,
}

impl Search {
    fn learn(&mut self, commit: Commit, time: UtcTime) {
        if time > self.moment {
            self.excluded = self.excluded.min(commit);
        } else {
            // The snapshot may be of an earlier commit than this one.
            self.included =
                self.included.max(commit.min(Commit(self.excluded.0.saturating_sub(1))));
        }
    }

    /// Whether a range of commits, both ends included, has one about which nothing is known.
    fn is_open(&self, (low, high): (Commit, Commit)) -> bool {
        low.0.max(self.included.0 + 1) < self.excluded.0.min(high.0 + 1)
    }

    fn read(&mut self, file: &DataFile) -> Result<(), ReadError> {
        let path = &file.path;
        let opened = OpenedFile::open(file)?;
        for (low, high) in opened.row_groups().iter().filter_map(bounds) {
            self.learn(low.0, low.1);
            self.learn(high.0, high.1);
        }
        let groups = opened.groups(|group| {
            bounds(group).is_none_or(|((low, _), (high, _))| self.is_open((low, high)))
        });
        opened.batches(groups, &["commit", "commit_time"], &Selection::default(), |batch| {
            let damaged = |error| scan::damaged(path, error);
            let commits = columns::commits(batch).map_err(damaged)?;
            let times = columns::times(batch, "commit_time").map_err(damaged)?;
            for position in 0..commits.len() {
                let commit = columns::commit(commits, position).map_err(damaged)?;
                self.learn(commit, columns::time(times, position).map_err(damaged)?);
            }
            Ok(())
        })
    }
}

/// The first and the last commit of a row group, each with its time: time follows commit, so the
/// least of one belongs to the least of the other.
fn bounds(group: &RowGroupMetaData) -> Option<((Commit, UtcTime), (Commit, UtcTime))> {
    let (first, last) = scan::integers(group, "commit")?;
    let (begun, ended) = scan::integers(group, "commit_time")?;
    let known = |commit: i64, time: i64| {
        Some((Commit(u64::try_from(commit).ok()?), UtcTime::from_micros(time).ok()?))
    };
    known(first, begun).zip(known(last, ended))
}
