//! Reading rollups: what is asked for of one, each part checked before anything of it is given.

use std::ops::Range;
use std::path::PathBuf;

use arrow_array::{BinaryArray, Decimal128Array, RecordBatch, TimestampMicrosecondArray};
use domain::decimal::Quantity;
use domain::facets::Facets;
use domain::id::{InstanceHash, MeterId, SubscriptionId};
use domain::record::{Commit, Window};
use domain::sums::{DaySum, MeterSum, Whose};
use domain::time::{ReportedTime, UtcTime};
use parquet::file::metadata::RowGroupMetaData;

use super::file::Unusable;
use super::gather::{InstanceEntry, MeterEntry};
use super::shelf::Opened;
use crate::columns::{self, Dictionary, Ids};
use crate::limits::ROLLUP_GROUPS_READ;
use crate::row::{self, DESCRIPTION, INSTANCE_TEXTS, Malformed, Row, TEXTS, Text, Texts};
use crate::scan::{Selection, integers, statistics};

/// A rollup cannot be used: rows are to be read in its place.
#[derive(Debug)]
pub(crate) struct Damaged {
    pub(crate) path: PathBuf,
    pub(crate) reason: Unusable,
}

/// A sum of an hour or a day.
#[derive(Debug)]
pub(crate) struct MeterView<'a> {
    pub(crate) subscription: SubscriptionId,
    pub(crate) meter: MeterId,
    pub(crate) sum: MeterSum,
    /// None where it is that of the sum before, of the same meter.
    pub(crate) description: Option<[Option<&'a str>; 5]>,
}

/// What an instance used of a meter on a day.
#[derive(Debug)]
pub(crate) struct InstanceView<'a> {
    /// As a row of that day; what is of one record alone means nothing in it.
    pub(crate) row: Row<'a>,
    pub(crate) taken_back: Quantity,
}

const METER_COLUMNS: [&str; 6] =
    ["subscription_id", "meter_id", "usage_start", "first_start", "last_start", "quantity"];
const INSTANCE_COLUMNS: [&str; 6] =
    ["subscription_id", "usage_start", "meter_id", "instance_hash", "quantity", "taken_back"];

/// Where a row group's rows lie: day of use, meter and instance of each are within these.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct GroupBounds {
    pub(crate) least: (UtcTime, MeterId, InstanceHash),
    pub(crate) greatest: (UtcTime, MeterId, InstanceHash),
}

impl Opened {
    /// Says that it cannot be used.
    pub(crate) fn damaged(&self, reason: impl ToString) -> Damaged {
        Damaged { path: self.path().to_owned(), reason: reason.to_string() }
    }

    /// The row groups that may hold what is selected by subscription and usage start.
    pub(crate) fn groups(&self, selection: &Selection) -> Vec<usize> {
        let groups = self.row_groups().iter().enumerate();
        let wanted = groups.filter(|(_, group)| selection.row_group_may_match(group));
        wanted.map(|(position, _)| position).collect()
    }

    /// Gives the selected sums of a rollup of hours or days to `each`, in order.
    pub(crate) fn meters<E: From<Damaged>>(
        &self,
        selection: &Selection,
        mut each: impl FnMut(&MeterView<'_>) -> Result<(), E>,
    ) -> Result<(), E> {
        let columns = [&METER_COLUMNS[..], &DESCRIPTION].concat();
        let of = selection.whose.one();
        self.batches(&self.groups(selection), &columns, of, |batch| {
            let batch = MeterBatch::new(batch).map_err(|error| self.damaged(error))?;
            let mut before = None;
            for position in 0..batch.quantity.len() {
                let view = batch.view(position, selection, &mut before);
                if let Some(view) = view.map_err(|error| self.damaged(error))? {
                    each(&view)?;
                }
            }
            Ok(())
        })
    }

    /// Gives the wanted sums of instances in row groups to `each`, in order.
    pub(crate) fn instances<E: From<Damaged>>(
        &self,
        groups: &[usize],
        part: &InstancePart,
        mut each: impl FnMut(&InstanceView<'_>) -> Result<(), E>,
    ) -> Result<(), E> {
        self.instance_batches(groups, part, |batch| {
            for position in 0..batch.len() {
                let view = batch.view(position, part).map_err(|error| self.damaged(error))?;
                if let Some(view) = view {
                    each(&view)?;
                }
            }
            Ok(())
        })
    }

    /// Gives row groups to `each`, in batches, with the columns that are wanted.
    pub(crate) fn instance_batches<E: From<Damaged>>(
        &self,
        groups: &[usize],
        part: &InstancePart,
        mut each: impl FnMut(&InstanceBatch) -> Result<(), E>,
    ) -> Result<(), E> {
        let mut columns = [&INSTANCE_COLUMNS[..], &DESCRIPTION].concat();
        columns.extend(row::instance_columns(part.facets));
        self.batches(groups, &columns, part.whose.one(), |batch| {
            each(&InstanceBatch::new(batch).map_err(|error| self.damaged(error))?)
        })
    }

    pub(super) fn batches<E: From<Damaged>>(
        &self,
        groups: &[usize],
        columns: &[&'static str],
        subscription: Option<SubscriptionId>,
        mut each: impl FnMut(&RecordBatch) -> Result<(), E>,
    ) -> Result<(), E> {
        if groups.is_empty() {
            return Ok(());
        }
        let file = self.open().map_err(|reason| self.damaged(reason))?;
        // A batch of one subscription would have rows of several row groups, and their texts to look up.
        let at_a_time = subscription.map_or(ROLLUP_GROUPS_READ, |_| 1);
        for groups in groups.chunks(at_a_time) {
            let rows = self.rows(&file, groups, columns, subscription);
            for batch in rows.map_err(|reason| self.damaged(reason))? {
                each(&batch.map_err(|error| self.damaged(error))?)?;
            }
        }
        Ok(())
    }

    /// Within what the rows of a row group lie; none where it does not say.
    pub(crate) fn bounds(&self, group: usize) -> Option<GroupBounds> {
        GroupBounds::of(&self.row_groups()[group])
    }
}

impl GroupBounds {
    fn of(group: &RowGroupMetaData) -> Option<Self> {
        let times = integers(group, "usage_start")?;
        let meter = |bytes: &[u8]| MeterId::parse(std::str::from_utf8(bytes).ok()?).ok();
        let instance = |bytes: &[u8]| Some(InstanceHash::from_bytes(bytes.try_into().ok()?));
        let of_meters = statistics(group, "meter_id")?;
        let of_instances = statistics(group, "instance_hash")?;
        Some(Self {
            least: (
                UtcTime::from_micros(times.0).ok()?,
                meter(of_meters.min_bytes_opt()?)?,
                instance(of_instances.min_bytes_opt()?)?,
            ),
            greatest: (
                UtcTime::from_micros(times.1).ok()?,
                meter(of_meters.max_bytes_opt()?)?,
                instance(of_instances.max_bytes_opt()?)?,
            ),
        })
    }
}

/// A batch of sums of hours or days.
struct MeterBatch {
    subscription: Ids<SubscriptionId>,
    meter: Ids<MeterId>,
    step: TimestampMicrosecondArray,
    first: TimestampMicrosecondArray,
    last: TimestampMicrosecondArray,
    quantity: Decimal128Array,
    description: [Dictionary; 5],
}

/// Which of the batch's distinct values a row has: subscription, meter, and each text.
type Keys = [Option<i32>; 7];

impl MeterBatch {
    fn new(batch: &RecordBatch) -> Result<Self, Malformed> {
        Ok(Self {
            subscription: columns::ids(batch, "subscription_id", SubscriptionId::parse)?,
            meter: columns::ids(batch, "meter_id", MeterId::parse)?,
            step: columns::times(batch, "usage_start")?.clone(),
            first: columns::times(batch, "first_start")?.clone(),
            last: columns::times(batch, "last_start")?.clone(),
            quantity: columns::decimals(batch, "quantity")?.clone(),
            description: columns::description(batch)?,
        })
    }

    /// The sum in a row, if it is selected; `before` has what the sum before it had.
    fn view(
        &self,
        position: usize,
        selection: &Selection,
        before: &mut Option<Keys>,
    ) -> Result<Option<MeterView<'_>>, Malformed> {
        let subscription = self.subscription.id(position);
        let step = columns::time(&self.step, position)?;
        if !selection.whose.has(subscription)
            || selection.start.as_ref().is_some_and(|range| !range.contains(&step))
        {
            return Ok(None);
        }
        let sum = MeterSum {
            step,
            first: columns::time(&self.first, position)?,
            last: columns::time(&self.last, position)?,
            quantity: columns::decimal(&self.quantity, position)?,
        };
        let [name, category, subcategory, region, unit] = &self.description;
        let keys = [
            self.subscription.raw_key(position),
            self.meter.raw_key(position),
            name.raw_key(position),
            category.raw_key(position),
            subcategory.raw_key(position),
            region.raw_key(position),
            unit.raw_key(position),
        ];
        let is_new = before.as_ref() != Some(&keys);
        *before = Some(keys);
        let texts = || self.description.each_ref().map(|column| column.text(position));
        let (meter, description) = (self.meter.id(position), is_new.then(texts));
        Ok(Some(MeterView { subscription, meter, sum, description }))
    }
}

/// Which sums of instances are wanted, and how.
#[derive(Debug, Clone)]
pub(crate) struct InstancePart {
    pub(crate) whose: Whose,
    /// Days of use, by their starts; none for every day.
    pub(crate) start: Option<Range<UtcTime>>,
    /// The day on which the file's rows were reported.
    pub(crate) reported: ReportedTime,
    /// What of instances is wanted.
    pub(crate) facets: Facets,
}

/// The keys of an instance's texts in a batch: instances that have the same are the same.
pub(crate) type TextKeys = [Option<i32>; INSTANCE_TEXTS.len()];

/// A batch of sums of instances.
pub(crate) struct InstanceBatch {
    pub(crate) subscription: Ids<SubscriptionId>,
    start: TimestampMicrosecondArray,
    pub(crate) meter: Ids<MeterId>,
    instance_hash: BinaryArray,
    quantity: Decimal128Array,
    taken_back: Decimal128Array,
    description: [Dictionary; 5],
    /// Those that were read.
    instance: Vec<(Text, Dictionary)>,
}

impl InstanceBatch {
    fn new(batch: &RecordBatch) -> Result<Self, Malformed> {
        let read = INSTANCE_TEXTS.into_iter();
        let read = read.filter(|text| batch.column_by_name(text.column()).is_some());
        let read = read.map(|text| Ok((text, columns::texts(batch, text.column())?)));
        Ok(Self {
            subscription: columns::ids(batch, "subscription_id", SubscriptionId::parse)?,
            start: columns::times(batch, "usage_start")?.clone(),
            meter: columns::ids(batch, "meter_id", MeterId::parse)?,
            instance_hash: columns::hashes(batch, "instance_hash")?.clone(),
            quantity: columns::decimals(batch, "quantity")?.clone(),
            taken_back: columns::decimals(batch, "taken_back")?.clone(),
            description: columns::description(batch)?,
            instance: read.collect::<Result<_, _>>()?,
        })
    }

    pub(crate) fn len(&self) -> usize {
        self.quantity.len()
    }

    /// The sum in a row, if it is of a wanted day.
    pub(crate) fn sum(
        &self,
        position: usize,
        part: &InstancePart,
    ) -> Result<Option<DaySum>, Malformed> {
        let start = columns::time(&self.start, position)?;
        if part.start.as_ref().is_some_and(|range| !range.contains(&start)) {
            return Ok(None);
        }
        Ok(Some(DaySum {
            day: start.date(),
            quantity: columns::decimal(&self.quantity, position)?,
            taken_back: columns::decimal(&self.taken_back, position)?,
        }))
    }

    pub(crate) fn instance_hash(&self, position: usize) -> Result<InstanceHash, Malformed> {
        columns::instance_hash(&self.instance_hash, position)
    }

    pub(crate) fn description(&self, position: usize) -> [Option<&str>; 5] {
        self.description.each_ref().map(|column| column.text(position))
    }

    /// The keys of a description's texts: those that have the same are the same.
    pub(crate) fn description_keys(&self, position: usize) -> [Option<i32>; 5] {
        self.description.each_ref().map(|column| column.raw_key(position))
    }

    pub(crate) fn instance_keys(&self, position: usize) -> TextKeys {
        let mut keys = TextKeys::default();
        for (key, (_, column)) in keys.iter_mut().zip(&self.instance) {
            *key = column.raw_key(position);
        }
        keys
    }

    /// The texts of a row that were read.
    pub(crate) fn texts(&self, position: usize) -> Texts<'_> {
        let mut texts = Texts::default();
        for ((text, _, _), column) in TEXTS.iter().zip(&self.description) {
            texts.set(*text, column.text(position));
        }
        for (text, column) in &self.instance {
            texts.set(*text, column.text(position));
        }
        texts
    }

    /// The sum in a row, if it is wanted.
    fn view(
        &self,
        position: usize,
        part: &InstancePart,
    ) -> Result<Option<InstanceView<'_>>, Malformed> {
        let subscription = self.subscription.id(position);
        let sum = self.sum(position, part)?.filter(|_| part.whose.has(subscription));
        let Some(DaySum { day, quantity, taken_back }) = sum else { return Ok(None) };
        let row = Row {
            subscription,
            reported: part.reported,
            window: Window::day_of(day.start()),
            meter: self.meter.id(position),
            quantity,
            instance_hash: self.instance_hash(position)?,
            commit: Commit(0),
            commit_time: part.reported.0,
            texts: self.texts(position),
            unit_block: None,
            billed_cost: None,
            reverses: None,
            erased: None,
        };
        Ok(Some(InstanceView { row, taken_back }))
    }
}

impl MeterEntry {
    /// As it is read from a rollup.
    pub(crate) fn view(&self) -> MeterView<'_> {
        let Self { subscription, meter, sum, description } = self;
        let description = Some(description.texts());
        MeterView { subscription: *subscription, meter: *meter, sum: *sum, description }
    }
}

impl InstanceEntry {
    /// As it is read from a rollup.
    pub(crate) fn view(&self) -> InstanceView<'_> {
        let mut texts = Texts::default();
        for ((text, _, _), value) in TEXTS.iter().zip(self.description.texts()) {
            texts.set(*text, value);
        }
        for (text, value) in INSTANCE_TEXTS.iter().zip(self.instance.texts()) {
            texts.set(*text, value);
        }
        let row = Row {
            subscription: self.subscription,
            reported: self.reported,
            window: Window::day_of(self.sum.day.start()),
            meter: self.meter,
            quantity: self.sum.quantity,
            instance_hash: self.instance_hash,
            commit: Commit(0),
            commit_time: self.reported.0,
            texts,
            unit_block: None,
            billed_cost: None,
            reverses: None,
            erased: None,
        };
        InstanceView { row, taken_back: self.sum.taken_back }
    }
}
