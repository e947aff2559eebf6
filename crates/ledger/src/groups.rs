//! Which resource groups the rows of a subscription name: read from the few columns that say so, and of
//! later rows alone where those up to a commit were read before. Where there are too many, some are
//! kept, of which every row is read: they are right in name and location.

use std::collections::BTreeMap;

use arrow_array::RecordBatch;
use domain::record::Commit;
use domain::resource_groups::ResourceGroups;

use crate::columns;
use crate::error::ReadError;
use crate::row::{Malformed, Text};
use crate::scan::{self, Selection};
use crate::state::State;

const COLUMNS: [&str; 4] = ["subscription_id", "resource_uri", "location", "commit"];

/// At most so many groups.
#[derive(Debug, Clone)]
pub(crate) struct Bounded {
    pub(crate) groups: ResourceGroups,
    pub(crate) most: usize,
    /// Whether rows name more.
    pub(crate) more: bool,
}

impl Bounded {
    pub(crate) fn new(most: usize) -> Self {
        Self { groups: ResourceGroups::default(), most, more: false }
    }

    fn add(&mut self, uri: &str, location: Option<&str>, commit: Commit) {
        self.more |= !self.groups.add_up_to(self.most, uri, location, commit);
    }
}

/// Adds the groups of the selected rows to those that are known. A selection by times is not for
/// here: their columns are not read.
pub(crate) fn add(
    state: &State,
    selection: &Selection,
    mut groups: Bounded,
) -> Result<Bounded, ReadError> {
    let add = |batch: &RecordBatch| add_batch(&mut groups, selection, batch);
    scan::batches(&state.files, selection, &COLUMNS, add)?;
    for chunk in state.chunks() {
        for entry in selection.of_chunk(chunk) {
            let row = chunk.row(entry);
            if let Some(uri) = row.texts.get(Text::ResourceUri) {
                groups.add(uri, row.texts.get(Text::Location), row.commit);
            }
        }
    }
    Ok(groups)
}

/// A batch has few resources and many rows: each resource is looked at once, with its first commit.
fn add_batch(
    groups: &mut Bounded,
    selection: &Selection,
    batch: &RecordBatch,
) -> Result<(), Malformed> {
    let uris = columns::texts(batch, "resource_uri")?;
    let locations = columns::texts(batch, "location")?;
    let commits = columns::commits(batch)?;
    let mut resources: BTreeMap<_, Commit> = BTreeMap::new();
    for position in 0..commits.len() {
        let commit = columns::commit(commits, position)?;
        let Some(uri) = uris.key(position).filter(|_| selection.matches_commit(commit)) else {
            continue;
        };
        let first = resources.entry((uri, locations.key(position))).or_insert(commit);
        *first = commit.min(*first);
    }
    // Whatever their order, the groups are the same unless there is no room for all.
    for ((uri, location), commit) in resources {
        if let Some(uri) = uris.value(uri) {
            groups.add(uri, location.and_then(|key| locations.value(key)), commit);
        }
    }
    Ok(())
}
