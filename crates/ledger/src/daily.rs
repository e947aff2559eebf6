//! A page of the Daily usage answer, from sums of instances where a file has them.
//!
//! Sums come in the order of the answer, so row groups are read in that order, and neither those that
//! earlier pages have shown nor those behind the last row of the page.

use domain::aggregate::{AggregateKey, UsageQuery};
use domain::id::{InstanceHash, MeterId};
use domain::sums::Whose;
use domain::time::{Date, ReportedTime, UtcTime};

use crate::page::{PageBuilder, PageError, facets_of};
use crate::rollup::{Failed, Grain, GroupBounds, InstancePart, Opened, Reading, journal};
use crate::scan::{self, Needed, Selection};
use crate::snapshot::{Snapshot, UsagePage};

/// At most `limit` rows of the answer, from the first after a key on.
pub(crate) fn page(
    snapshot: &Snapshot,
    reading: &Reading<'_>,
    query: &UsageQuery,
    after: Option<AggregateKey>,
    limit: usize,
) -> Result<UsagePage, Failed> {
    let selection = snapshot.selection_of_page(query, after);
    let mut page = PageBuilder::new(query, after, limit);
    // What was reported on a day is one bucket, so its rows are final after it.
    for day in snapshot.days(&selection) {
        if page.is_full() {
            break;
        }
        let of_day = DayOfReport { reading, query, after, day, selection: &selection };
        of_day.add_to(&mut page)?;
    }
    let (rows, more) = page.finish();
    Ok(UsagePage { rows, more })
}

/// What was reported on one day.
struct DayOfReport<'a> {
    reading: &'a Reading<'a>,
    query: &'a UsageQuery,
    after: Option<AggregateKey>,
    day: Date,
    selection: &'a Selection,
}

/// A row group of a rollup, and where its rows lie in the answer.
struct Group<'a> {
    opened: &'a Opened,
    number: usize,
    bounds: Option<GroupBounds>,
}

impl DayOfReport<'_> {
    fn add_to(&self, page: &mut PageBuilder<'_>) -> Result<(), Failed> {
        let day = ReportedTime(self.day.start())..ReportedTime(self.day.plus_days(1).start());
        let within = Selection { reported: Some(day), ..self.selection.clone() };
        let mut opened = Vec::new();
        let of_day = self.reading.files(&within).filter(|file| file.day == self.day);
        for file in of_day {
            match self.reading.rollup(file, Grain::Instance) {
                Some(rollup) => opened.push(rollup),
                None => {
                    scan::file(file, &within, Needed::Description(facets_of(self.query)), |row| {
                        page.add(row).map_err(|error| failed(error, &file.path))
                    })?
                }
            }
        }
        self.add_tail(&within, page)?;
        self.add_groups(&opened, page)
    }

    fn add_tail(&self, within: &Selection, page: &mut PageBuilder<'_>) -> Result<(), Failed> {
        for chunk in self.reading.state.chunks() {
            if let Some(sums) = self.reading.sums_of(chunk, within) {
                let of_subscription = sums.instances_of(within.whose.one());
                let reported = ReportedTime(self.day.start());
                let begin = of_subscription.partition_point(|entry| entry.reported < reported);
                let of_day = of_subscription[begin..].iter();
                for entry in of_day.take_while(|entry| entry.reported == reported) {
                    page.add(&entry.view().row).map_err(|error| failed(error, journal()))?;
                }
                continue;
            }
            for entry in within.of_chunk(chunk) {
                page.add(&chunk.row(entry)).map_err(|error| failed(error, journal()))?;
            }
        }
        Ok(())
    }

    fn add_groups(&self, opened: &[Opened], page: &mut PageBuilder<'_>) -> Result<(), Failed> {
        // A file's rows are of one day of report.
        let selection =
            Selection { whose: Whose::One(self.query.subscription), ..Selection::default() };
        let mut groups: Vec<Group<'_>> = Vec::new();
        for opened in opened {
            groups.extend(opened.groups(&selection).into_iter().map(|number| {
                let bounds = opened.bounds(number);
                Group { opened, number, bounds }
            }));
        }
        groups.retain(|group| !self.is_shown(group));
        groups.sort_by_key(|group| group.bounds.map(|bounds| bounds.least));
        let part = InstancePart {
            whose: Whose::One(self.query.subscription),
            start: None,
            reported: ReportedTime(self.day.start()),
            facets: facets_of(self.query),
        };
        for group in groups {
            let last = page.last_key();
            if last.is_some_and(|last| self.is_behind(&group, last)) {
                continue;
            }
            group.opened.instances(&[group.number], &part, |view| {
                page.add(&view.row).map_err(|error| failed(error, group.opened.path()))
            })?;
        }
        Ok(())
    }

    /// Whether pages before this one have shown every row of a group.
    fn is_shown(&self, group: &Group<'_>) -> bool {
        let after = self.after.filter(|after| after.reported.0 == self.day.start());
        after.zip(group.bounds).is_some_and(|(after, bounds)| {
            let (start, meter, instance) = bounds.greatest;
            (start, meter, self.shown(instance)) <= place(after)
        })
    }

    /// Whether every row of a group comes after the last one of the page.
    fn is_behind(&self, group: &Group<'_>, last: AggregateKey) -> bool {
        let is_later = last.reported.0 < self.day.start();
        is_later
            || group.bounds.is_some_and(|bounds| {
                let (start, meter, instance) = bounds.least;
                place(last) < (start, meter, self.shown(instance))
            })
    }

    /// An instance as keys have it: none without details.
    fn shown(&self, instance: InstanceHash) -> Option<InstanceHash> {
        self.query.details.then_some(instance)
    }
}

/// What orders the rows of one bucket; the ends of days follow from their starts.
fn place(key: AggregateKey) -> (UtcTime, MeterId, Option<InstanceHash>) {
    (key.start, key.meter, key.instance)
}

fn failed(error: PageError, path: &std::path::Path) -> Failed {
    match error {
        PageError::Sum(error) => Failed::Sum(error),
        PageError::Malformed(error) => Failed::Read(scan::damaged(path, error)),
    }
}
