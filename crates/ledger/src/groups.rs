//! Which resource groups the rows of a subscription name: read from the few columns that say so, and of
//! later rows alone where those up to a commit were read before.

use std::collections::HashMap;

use arrow_array::RecordBatch;
use domain::record::Commit;
use domain::resource_groups::ResourceGroups;

use crate::columns;
use crate::error::ReadError;
use crate::row::{Malformed, Text};
use crate::scan::{self, OpenedFile, Selection};
use crate::state::State;

const COLUMNS: [&str; 4] = ["subscription_id", "resource_uri", "location", "commit"];

/// Adds the groups of the selected rows to those that are known. None once there are more than
/// `most`. A selection by times is not for here: their columns are not read.
pub(crate) fn add(
    state: &State,
    selection: &Selection,
    mut groups: ResourceGroups,
    most: usize,
) -> Result<Option<ResourceGroups>, ReadError> {
    for file in state.files.iter().filter(|file| selection.may_match(&file.bounds)) {
        let opened = OpenedFile::open(&file.path)?;
        let row_groups = opened.groups(|group| selection.row_group_may_match(group));
        opened.batches(row_groups, &COLUMNS, selection.subscription, |batch| {
            if groups.len() > most {
                return Ok(());
            }
            let added = add_batch(&mut groups, selection, batch);
            added.map_err(|error| scan::damaged(&file.path, error))
        })?;
        if groups.len() > most {
            return Ok(None);
        }
    }
    for chunk in state.chunks() {
        for entry in selection.of_chunk(chunk) {
            let row = chunk.row(entry);
            if let Some(uri) = row.texts.get(Text::ResourceUri) {
                groups.add(uri, row.texts.get(Text::Location), row.commit);
            }
            if groups.len() > most {
                return Ok(None);
            }
        }
    }
    Ok(Some(groups))
}

/// A batch has few resources and many rows: each resource is looked at once, with its first commit.
fn add_batch(
    groups: &mut ResourceGroups,
    selection: &Selection,
    batch: &RecordBatch,
) -> Result<(), Malformed> {
    let uris = columns::texts(batch, "resource_uri")?;
    let locations = columns::texts(batch, "location")?;
    let commits = columns::commits(batch)?;
    let mut resources: HashMap<_, Commit> = HashMap::new();
    for position in 0..commits.len() {
        let commit = columns::commit(commits, position)?;
        let Some(uri) = uris.key(position).filter(|_| selection.matches_commit(commit)) else {
            continue;
        };
        let first = resources.entry((uri, locations.key(position))).or_insert(commit);
        *first = commit.min(*first);
    }
    // Whatever their order, the groups are the same.
    for ((uri, location), commit) in resources {
        if let Some(uri) = uris.value(uri) {
            groups.add(uri, location.and_then(|key| locations.value(key)), commit);
        }
    }
    Ok(())
}
