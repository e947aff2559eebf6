//! Sums of windows: from rows, of which nothing is decoded but what the sums are made of. Few days are
//! asked for; row groups and pages that have none of them are passed over.

use std::collections::{BTreeSet, HashMap};
use std::ops::Range;
use std::sync::Arc;

use arrow_array::{
    BinaryArray, Decimal128Array, Int64Array, RecordBatch, TimestampMicrosecondArray,
};
use domain::id::{MeterId, SubscriptionId};
use domain::record::Window;
use domain::sums::{Whose, WindowQuery, WindowSum, WindowSums};
use domain::time::{Date, UtcTime};
use foldhash::fast::RandomState;

use super::collect::{Ended, Room};
use super::places::Places;
use super::rows_of_chunk;
use crate::columns::{self, Ids};
use crate::rollup::Reading;
use crate::row::Malformed;
use crate::scan::{OpenedFile, Selection, damaged};
use crate::state::DataFile;

/// Sums as [`domain::sums::window_sums`] defines them; no more than twice as many as `most` are in memory.
pub(super) fn of_windows(
    reading: &Reading<'_>,
    query: &WindowQuery,
    most: usize,
) -> Result<Vec<WindowSums>, Ended> {
    let mut windows = Windows::new(query, most);
    let mut subscriptions = query.days.keys().copied();
    let whose = match (subscriptions.next(), subscriptions.next()) {
        (Some(only), None) => Whose::One(only),
        _ => Whose::Among(Arc::new(query.days.keys().copied().collect())),
    };
    let (start, last) = (Some(query.start.clone()), Some(reading.last));
    let whole = Selection { whose, start, last, ..Selection::default() };
    let days = query.days.values().flat_map(|meters| meters.values()).flatten();
    for start in ranges(days, &query.start) {
        let of_days = Selection { start: Some(start), ..whole.clone() };
        for file in reading.files(&of_days) {
            add_file(file, &of_days, &mut windows)?;
        }
    }
    for chunk in reading.state.chunks() {
        rows_of_chunk(chunk, &whole, |row| {
            let Some(place) = windows.place(row.subscription, row.meter) else { return Ok(()) };
            let (window, instance_hash) = (row.window, row.instance_hash);
            let sum = WindowSum { window, instance_hash, quantity: row.quantity };
            if windows.has(place, window.start()) { windows.add(place, sum) } else { Ok(()) }
        })?;
    }
    windows.finish()
}

/// Days as ranges of time, those that follow each other as one, as far as they are within a range.
fn ranges<'d>(
    days: impl Iterator<Item = &'d Date>,
    within: &Range<UtcTime>,
) -> Vec<Range<UtcTime>> {
    let days: BTreeSet<Date> = days.copied().collect();
    let mut ranges: Vec<Range<UtcTime>> = Vec::new();
    for day in days {
        let (start, end) = (day.start(), day.plus_days(1).start());
        match ranges.last_mut() {
            Some(range) if range.end == start => range.end = end,
            _ => ranges.push(start..end),
        }
    }
    let cut = |range: Range<UtcTime>| range.start.max(within.start)..range.end.min(within.end);
    ranges.into_iter().map(cut).filter(|range| !range.is_empty()).collect()
}

fn add_file(
    file: &DataFile,
    selection: &Selection,
    windows: &mut Windows<'_>,
) -> Result<(), Ended> {
    let opened = OpenedFile::open(file)?;
    let groups = opened.groups(|group| selection.row_group_may_match(group));
    let malformed = |error: Malformed| damaged(&file.path, error);
    opened.batches(groups, &Batch::COLUMNS, selection, |batch| {
        let batch = Batch::new(batch).map_err(malformed)?;
        let mut places = Places::new(&batch.subscription, &batch.meter);
        for position in 0..batch.quantity.len() {
            let find = |subscription, meter| windows.place(subscription, meter);
            let place = *places.of(position, find).map_err(malformed)?;
            let Some(place) = place else { continue };
            let start = columns::time(&batch.start, position).map_err(malformed)?;
            if selection.matches_start(start) && windows.has(place, start) {
                let commit = columns::commit(&batch.commit, position).map_err(malformed)?;
                if selection.matches_commit(commit) {
                    windows.add(place, batch.sum(position, start).map_err(malformed)?)?;
                }
            }
        }
        Ok(())
    })
}

/// The columns that sums of windows are made of.
struct Batch {
    subscription: Ids<SubscriptionId>,
    start: TimestampMicrosecondArray,
    end: TimestampMicrosecondArray,
    meter: Ids<MeterId>,
    quantity: Decimal128Array,
    instance_hash: BinaryArray,
    commit: Int64Array,
}

impl Batch {
    const COLUMNS: [&str; 7] = [
        "subscription_id",
        "usage_start",
        "usage_end",
        "meter_id",
        "quantity",
        "instance_hash",
        "commit",
    ];

    fn new(batch: &RecordBatch) -> Result<Self, Malformed> {
        Ok(Self {
            subscription: columns::ids(batch, "subscription_id", SubscriptionId::parse)?,
            start: columns::times(batch, "usage_start")?.clone(),
            end: columns::times(batch, "usage_end")?.clone(),
            meter: columns::ids(batch, "meter_id", MeterId::parse)?,
            quantity: columns::decimals(batch, "quantity")?.clone(),
            instance_hash: columns::hashes(batch, "instance_hash")?.clone(),
            commit: columns::commits(batch)?.clone(),
        })
    }

    /// A row, which starts then, as the sum of itself.
    fn sum(&self, position: usize, start: UtcTime) -> Result<WindowSum, Malformed> {
        let window = Window::new(start, columns::time(&self.end, position)?);
        Ok(WindowSum {
            window: window.map_err(|_| Malformed("usage window"))?,
            instance_hash: columns::instance_hash(&self.instance_hash, position)?,
            quantity: columns::decimal(&self.quantity, position)?,
        })
    }
}

/// The sums so far.
struct Windows<'q> {
    query: &'q WindowQuery,
    places: HashMap<(SubscriptionId, MeterId), usize, RandomState>,
    meters: Vec<OfMeter>,
    room: Room,
}

struct OfMeter {
    /// When usage of it is wanted.
    wanted: Vec<Range<UtcTime>>,
    sums: WindowSums,
}

impl<'q> Windows<'q> {
    fn new(query: &'q WindowQuery, most: usize) -> Self {
        let (places, room) = (HashMap::default(), Room::new(most));
        Self { query, places, meters: Vec::new(), room }
    }

    /// The place of a meter; none if no usage of it is wanted.
    fn place(&mut self, subscription: SubscriptionId, meter: MeterId) -> Option<usize> {
        if let Some(known) = self.places.get(&(subscription, meter)) {
            return Some(*known);
        }
        let days = self.query.days.get(&subscription)?.get(&meter)?;
        let place = self.meters.len();
        self.places.insert((subscription, meter), place);
        let sums = WindowSums { subscription, meter, sums: vec![] };
        self.meters.push(OfMeter { wanted: ranges(days.iter(), &self.query.start), sums });
        Some(place)
    }

    /// Whether usage of a meter that starts at a moment is wanted.
    fn has(&self, place: usize, start: UtcTime) -> bool {
        self.meters[place].wanted.iter().any(|range| range.contains(&start))
    }

    /// Adds a wanted row.
    fn add(&mut self, place: usize, sum: WindowSum) -> Result<(), Ended> {
        let WindowSums { meter, sums, .. } = &mut self.meters[place].sums;
        self.room.add((*meter, sums), sum, WindowSum::key, WindowSum::plus)?;
        if self.room.is_left() { Ok(()) } else { self.merge() }
    }

    /// Brings those of one window together.
    fn merge(&mut self) -> Result<(), Ended> {
        let all = self.meters.iter_mut().map(|of| (of.sums.meter, &mut of.sums.sums));
        let are_too_many = self.room.merge(all, WindowSum::key, WindowSum::plus)?;
        if are_too_many { Err(Ended::TooMany) } else { Ok(()) }
    }

    /// In order.
    fn finish(mut self) -> Result<Vec<WindowSums>, Ended> {
        self.merge()?;
        let meters = self.meters.into_iter().map(|of_meter| of_meter.sums);
        let mut meters: Vec<_> = meters.filter(|meter| !meter.sums.is_empty()).collect();
        meters.sort_unstable_by_key(|meter| (meter.subscription, meter.meter));
        Ok(meters)
    }
}
