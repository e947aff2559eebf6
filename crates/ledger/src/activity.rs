//! Which sources reported of a subscription, up to when and how late: read from the few columns
//! that say so. A reversal is no report of its source: it says nothing of how late usage comes.

use std::collections::BTreeMap;
use std::path::Path;

use arrow_array::{Array, RecordBatch};
use domain::complete::SourceActivity;
use domain::id::Source;
use domain::record::Commit;
use domain::time::{ReportedTime, UtcTime};

use crate::columns;
use crate::error::ReadError;
use crate::row::{Malformed, Text};
use crate::scan::{self, Selection};
use crate::state::State;

const COLUMNS: [&str; 6] =
    ["subscription_id", "reported_time", "usage_end", "source", "commit", "reverses"];

/// The sources of the selected rows, in order of their names. A selection by usage start is not
/// for here: its column is not read.
pub(crate) fn sources(
    state: &State,
    selection: &Selection,
) -> Result<Vec<SourceActivity>, ReadError> {
    let mut sources = Sources::default();
    let add = |batch: &RecordBatch| sources.add_batch(selection, batch);
    scan::batches(&state.files, selection, &COLUMNS, add)?;
    for chunk in state.chunks() {
        for entry in selection.of_chunk(chunk) {
            let row = chunk.row(entry);
            if row.reverses.is_some() {
                continue;
            }
            let added = sources.add(row.texts.get(Text::Source), row.reported, row.window.end());
            added.map_err(|error| scan::damaged(Path::new("journal"), error))?;
        }
    }
    Ok(sources.0.into_values().collect())
}

/// What is known of each source so far. Its size is bounded by the rows read.
#[derive(Default)]
struct Sources(BTreeMap<Box<str>, SourceActivity>);

impl Sources {
    fn add_batch(&mut self, selection: &Selection, batch: &RecordBatch) -> Result<(), Malformed> {
        let reported = columns::times(batch, "reported_time")?;
        let ends = columns::times(batch, "usage_end")?;
        let (names, commits) = (columns::texts(batch, "source")?, columns::commits(batch)?);
        let reversals = columns::given(batch, "reverses")?;
        for position in 0..commits.len() {
            let commit: Commit = columns::commit(commits, position)?;
            let reported = ReportedTime(columns::time(reported, position)?);
            let is_report = reversals.is_null(position);
            if is_report && selection.matches_report(reported, commit) {
                self.add(names.text(position), reported, columns::time(ends, position)?)?;
            }
        }
        Ok(())
    }

    fn add(
        &mut self,
        name: Option<&str>,
        reported: ReportedTime,
        usage_end: UtcTime,
    ) -> Result<(), Malformed> {
        let name = name.ok_or(Malformed("no source"))?;
        if let Some(known) = self.0.get_mut(name) {
            known.add(reported, usage_end);
            return Ok(());
        }
        let source = Source::parse(name).map_err(|_| Malformed("source"))?;
        self.0.insert(name.into(), SourceActivity::new(source, reported, usage_end));
        Ok(())
    }
}
