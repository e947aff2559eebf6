//! Which sources reported of a subscription, up to when and how late: from rollups of files that count
//! whole, else from the few columns that say so. A reversal is no report of its source: it says nothing
//! of how late usage comes.

use std::collections::BTreeMap;

use arrow_array::{Array, RecordBatch};
use domain::complete::{LateRows, SourceActivity};
use domain::id::{Source, SubscriptionId};
use domain::record::Commit;
use domain::time::{ReportedTime, UtcTime};

use crate::columns;
use crate::rollup::{Failed, Grain, Reading, journal};
use crate::row::{Malformed, Text};
use crate::scan::{self, Selection};

const COLUMNS: [&str; 6] =
    ["subscription_id", "reported_time", "usage_end", "source", "commit", "reverses"];

/// The sources of the rows of a subscription, or of each, that were reported at a time or later, in
/// the order of their names.
pub(crate) fn sources(
    reading: &Reading<'_>,
    subscription: Option<SubscriptionId>,
    since: ReportedTime,
) -> Result<BTreeMap<SubscriptionId, Vec<SourceActivity>>, Failed> {
    let selection = Selection {
        whose: subscription.into(),
        reported: Some(since..ReportedTime(UtcTime::MAX)),
        last: Some(reading.last),
        ..Selection::default()
    };
    let mut sources = Sources::default();
    for file in reading.files(&selection) {
        let is_whole = since.0 <= file.bounds.reported.0;
        let rollup = is_whole.then(|| reading.rollup(file, Grain::Source)).flatten();
        if let Some(rollup) = rollup {
            rollup.sources(subscription, |of, name, rows| {
                let added = sources.add(of, Some(name), rows);
                added.map_err(|error| Failed::Read(scan::damaged(&file.path, error)))
            })?;
            continue;
        }
        let add = |batch: &RecordBatch| sources.add_batch(&selection, batch);
        scan::batches(std::slice::from_ref(file), &selection, &COLUMNS, add)?;
    }
    for chunk in reading.state.chunks() {
        for entry in selection.of_chunk(chunk) {
            let row = chunk.row(entry);
            if row.reverses.is_some() {
                continue;
            }
            let rows = LateRows::of(row.reported, row.window.end());
            let added = sources.add(row.subscription, row.texts.get(Text::Source), rows);
            added.map_err(|error| scan::damaged(journal(), error))?;
        }
    }
    let of_each = sources.0.into_iter();
    Ok(of_each.map(|(id, sources)| (id, sources.into_values().collect())).collect())
}

/// What is known of each source so far. Its size is bounded by the rows read.
#[derive(Default)]
struct Sources(BTreeMap<SubscriptionId, BTreeMap<Box<str>, SourceActivity>>);

impl Sources {
    fn add_batch(&mut self, selection: &Selection, batch: &RecordBatch) -> Result<(), Malformed> {
        let reported = columns::times(batch, "reported_time")?;
        let ends = columns::times(batch, "usage_end")?;
        let (names, commits) = (columns::texts(batch, "source")?, columns::commits(batch)?);
        let reversals = columns::given(batch, "reverses")?;
        let ids = columns::ids(batch, "subscription_id", SubscriptionId::parse)?;
        for position in 0..commits.len() {
            let commit: Commit = columns::commit(commits, position)?;
            let reported = ReportedTime(columns::time(reported, position)?);
            let is_report = reversals.is_null(position);
            if is_report && selection.matches_report(reported, commit) {
                let rows = LateRows::of(reported, columns::time(ends, position)?);
                self.add(ids.id(position), names.text(position), rows)?;
            }
        }
        Ok(())
    }

    fn add(
        &mut self,
        subscription: SubscriptionId,
        name: Option<&str>,
        rows: LateRows,
    ) -> Result<(), Malformed> {
        let name = name.ok_or(Malformed("no source"))?;
        let sources = self.0.entry(subscription).or_default();
        if let Some(known) = sources.get_mut(name) {
            known.add_rows(rows);
            return Ok(());
        }
        let source = Source::parse(name).map_err(|_| Malformed("source"))?;
        sources.insert(name.into(), SourceActivity::of(source, rows));
        Ok(())
    }
}
