//! Records that are stored together or not at all, and how the committer settles them.
//!
//! They are one group commit's, in one frame of the journal, so a crash leaves all or none. A reversal
//! among them is settled by the index alone: its record must be stored, with just the content that the
//! reversal takes back, which that of a reversal never is.

use domain::id::RecordId;
use domain::record::Commit;

use crate::Outcome;
use crate::encoded::Pending;
use crate::index::Known;

/// What became of records that are stored together or not at all.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Together {
    /// They are stored now.
    Stored(Commit),
    /// They were stored by one commit before; nothing was added.
    Duplicate(Commit),
    /// Nothing was stored, as one of them stands in the way.
    Refused {
        /// Its position in the request, from 0.
        position: usize,
        /// Why.
        obstacle: Obstacle,
    },
}

/// Why a record keeps itself and those with it from being stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Obstacle {
    /// It takes back a record that is not stored, or has other content, or is a reversal itself.
    NothingToReverse,
    /// It was stored by this commit before, and the others were not stored with it.
    Known(Commit),
    /// Other content was stored under its identity by this commit.
    Conflict(Commit),
}

/// What the committer says of a request.
pub(crate) enum Settled {
    /// An outcome for each record.
    Each(Vec<Outcome>),
    /// One for all of them.
    Together(Together),
}

/// The first record whose reversed record is not what it takes back; `known` is asked for each
/// reversal's.
pub(crate) fn without_record(
    records: &[Pending],
    mut known: impl FnMut(RecordId) -> Option<Known>,
) -> Option<(usize, Obstacle)> {
    let reversals = records.iter().enumerate().filter_map(|(position, record)| {
        record.reverses.map(|(id, content)| (position, id, content))
    });
    for (position, id, content) in reversals {
        if known(id).is_none_or(|known| known.content != content) {
            return Some((position, Obstacle::NothingToReverse));
        }
    }
    None
}

/// What the outcomes of records come to, had they been stored one by one; those that stand in the
/// way leave nothing stored.
pub(crate) fn of_each(outcomes: &[Outcome]) -> Together {
    let first = outcomes.first().expect("a request has records");
    for (position, outcome) in outcomes.iter().enumerate() {
        let obstacle = match (first, outcome) {
            (_, Outcome::Conflict(commit)) => Obstacle::Conflict(*commit),
            (Outcome::Stored(_), Outcome::Stored(_)) => continue,
            (Outcome::Duplicate(one), Outcome::Duplicate(other)) if one == other => continue,
            (_, Outcome::Duplicate(commit)) => Obstacle::Known(*commit),
            (Outcome::Duplicate(commit), Outcome::Stored(_)) => {
                return Together::Refused { position: 0, obstacle: Obstacle::Known(*commit) };
            }
            (Outcome::Conflict(_), _) => unreachable!("the first was a conflict"),
        };
        return Together::Refused { position, obstacle };
    }
    match first {
        Outcome::Stored(commit) => Together::Stored(*commit),
        Outcome::Duplicate(commit) | Outcome::Conflict(commit) => Together::Duplicate(*commit),
    }
}
