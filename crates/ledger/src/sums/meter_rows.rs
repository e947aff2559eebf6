//! Sums of meters from a data file's rows, of which nothing is decoded but what the sums are made of.

use arrow_array::{Decimal128Array, Int64Array, RecordBatch, TimestampMicrosecondArray};
use domain::id::{MeterId, SubscriptionId};
use domain::sums::MeterSum;

use super::collect::Meters;
use super::places::Places;
use crate::columns::{self, Dictionary, Ids};
use crate::rollup::Failed;
use crate::row::{DESCRIPTION, Malformed};
use crate::scan::{OpenedFile, Selection, damaged};
use crate::state::DataFile;

/// Adds the selected rows of a file.
pub(super) fn add(
    file: &DataFile,
    selection: &Selection,
    meters: &mut Meters<'_>,
) -> Result<(), Failed> {
    assert!(selection.reported.is_none(), "rows reported at other times would be among these");
    let opened = OpenedFile::open(file)?;
    let groups = opened.groups(|group| selection.row_group_may_match(group));
    let malformed = |error: Malformed| damaged(&file.path, error);
    let columns = [&Batch::COLUMNS[..], &DESCRIPTION].concat();
    opened.batches(groups, &columns, selection, |batch| {
        let batch = Batch::new(batch).map_err(malformed)?;
        let mut places = Places::new(&batch.subscription, &batch.meter);
        for position in 0..batch.quantity.len() {
            let start = columns::time(&batch.start, position).map_err(malformed)?;
            let commit = columns::commit(&batch.commit, position).map_err(malformed)?;
            if !selection.matches_start(start) || !selection.matches_commit(commit) {
                continue;
            }
            let find = |subscription, meter| {
                let is_wanted = selection.whose.has(subscription);
                is_wanted
                    .then(|| Place { number: meters.place((subscription, meter)), texts: None })
            };
            let place = places.of(position, find).map_err(malformed)?;
            let Some(place) = place else { continue };
            let texts = batch.description.each_ref().map(|column| column.raw_key(position));
            if place.texts != Some(texts) {
                place.texts = Some(texts);
                let texts = batch.description.each_ref().map(|column| column.text(position));
                meters.describe(place.number, texts);
            }
            let quantity = columns::decimal(&batch.quantity, position).map_err(malformed)?;
            let sum = MeterSum { step: start, first: start, last: start, quantity };
            meters.add_at(place.number, sum)?;
        }
        Ok(())
    })
}

/// Where the rows of a meter belong, and which texts the one before had, by their keys.
struct Place {
    number: usize,
    texts: Option<[Option<i32>; 5]>,
}

/// The columns that sums of meters are made of.
struct Batch {
    subscription: Ids<SubscriptionId>,
    start: TimestampMicrosecondArray,
    meter: Ids<MeterId>,
    quantity: Decimal128Array,
    commit: Int64Array,
    description: [Dictionary; 5],
}

impl Batch {
    const COLUMNS: [&str; 5] = ["subscription_id", "usage_start", "meter_id", "quantity", "commit"];

    fn new(batch: &RecordBatch) -> Result<Self, Malformed> {
        Ok(Self {
            subscription: columns::ids(batch, "subscription_id", SubscriptionId::parse)?,
            start: columns::times(batch, "usage_start")?.clone(),
            meter: columns::ids(batch, "meter_id", MeterId::parse)?,
            quantity: columns::decimals(batch, "quantity")?.clone(),
            commit: columns::commits(batch)?.clone(),
            description: columns::description(batch)?,
        })
    }
}
