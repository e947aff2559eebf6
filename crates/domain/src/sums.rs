//! Sums of usage by what a bill needs to know: of a meter by steps of time, of each instance of a meter
//! by days of use, and on some days by windows of use.
//!
//! [`meter_sums`], [`instance_sums`] and [`window_sums`] are the plain definitions, over records in any
//! order. Engines that read the ledger in other ways must answer the same, digit for digit.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;
use std::sync::Arc;

use crate::aggregate::SumOutOfRange;
use crate::decimal::{OutOfRange, Quantity};
use crate::facets::Facets;
use crate::id::{InstanceHash, MeterId, SubscriptionId};
use crate::record::{Instance, MeterDescription, StoredRecord, Window};
use crate::time::{Date, UtcTime};

/// Size of the steps of time that a meter's usage is summed by.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum SumStep {
    /// Hours of UTC.
    Hour,
    /// Days of UTC.
    Day,
    /// All of the range.
    Whole,
}

/// Which sums of meters are asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MeterQuery {
    /// Whose usage; none for that of every subscription.
    pub subscription: Option<SubscriptionId>,
    /// Usage that starts within it, on any bounds.
    pub start: Range<UtcTime>,
    /// Size of the steps.
    pub step: SumStep,
}

/// The usage of one meter by one subscription.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MeterSums {
    /// Who used it.
    pub subscription: SubscriptionId,
    /// What was used.
    pub meter: MeterId,
    /// What its source called it: the greatest description of its records.
    pub description: MeterDescription,
    /// A sum for each step with a record, in order of time.
    pub sums: Vec<MeterSum>,
}

/// What was used of a meter in one step of time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct MeterSum {
    /// Start of the step: of an hour, a day or the range.
    pub step: UtcTime,
    /// Earliest start of usage in it.
    pub first: UtcTime,
    /// Latest start of usage in it.
    pub last: UtcTime,
    /// Sum of the records.
    pub quantity: Quantity,
}

/// Whose usage is asked for.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum Whose {
    /// That of every subscription.
    #[default]
    Every,
    /// That of one.
    One(SubscriptionId),
    /// That of these.
    Among(Arc<BTreeSet<SubscriptionId>>),
}

/// Which sums of instances are asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InstanceQuery {
    /// Whose usage.
    pub whose: Whose,
    /// Usage that starts within it, on any bounds.
    pub start: Range<UtcTime>,
    /// What of instances is to be told.
    pub facets: Facets,
}

/// The usage of one meter by one instance of a subscription.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InstanceSums {
    /// Who used it.
    pub subscription: SubscriptionId,
    /// What was used.
    pub meter: MeterId,
    /// By which instance.
    pub instance_hash: InstanceHash,
    /// As much of the instance as was asked for.
    pub instance: Arc<Instance>,
    /// What its source called the meter: the greatest description of its records.
    pub description: Arc<MeterDescription>,
    /// A sum for each day with a record, in order of days.
    pub days: Vec<DaySum>,
}

/// What an instance used of a meter on one day.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DaySum {
    /// The day of UTC that it was used on.
    pub day: Date,
    /// Sum of the records.
    pub quantity: Quantity,
    /// Sum of those below zero.
    pub taken_back: Quantity,
}

/// Some days of use, of some meters.
pub type DaysOfMeters = BTreeMap<MeterId, BTreeSet<Date>>;

/// Which sums of windows are asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WindowQuery {
    /// The days of use, of meters of subscriptions.
    pub days: Arc<BTreeMap<SubscriptionId, DaysOfMeters>>,
    /// Usage on them that starts within it, on any bounds.
    pub start: Range<UtcTime>,
}

/// The usage of one meter by one subscription, window by window.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WindowSums {
    /// Who used it.
    pub subscription: SubscriptionId,
    /// What was used.
    pub meter: MeterId,
    /// A sum for each window and instance with a record, in that order: the order in which records are
    /// rated, but for those of one window and instance, which follow each other in it.
    pub sums: Vec<WindowSum>,
}

/// What an instance used of a meter in one window.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct WindowSum {
    /// When.
    pub window: Window,
    /// By which instance.
    pub instance_hash: InstanceHash,
    /// Sum of the records.
    pub quantity: Quantity,
}

impl WindowQuery {
    /// Whether usage of a moment is asked for.
    #[must_use]
    pub fn has(&self, subscription: SubscriptionId, meter: MeterId, usage_start: UtcTime) -> bool {
        let days = self.days.get(&subscription).and_then(|meters| meters.get(&meter));
        self.start.contains(&usage_start)
            && days.is_some_and(|days| days.contains(&usage_start.date()))
    }
}

impl WindowSum {
    /// What sums are ordered by.
    #[must_use]
    pub fn key(&self) -> (Window, InstanceHash) {
        (self.window, self.instance_hash)
    }

    /// The sum of this one and another of the same window and instance.
    ///
    /// # Errors
    /// [`OutOfRange`] if it would not be exact.
    pub fn plus(self, other: Self) -> Result<Self, OutOfRange> {
        Ok(Self { quantity: self.quantity.plus(other.quantity)?, ..self })
    }
}

impl Whose {
    /// Whether usage of a subscription is asked for.
    #[must_use]
    pub fn has(&self, subscription: SubscriptionId) -> bool {
        self.has_within(subscription, subscription)
    }

    /// Whether usage of any is asked for from one subscription to another, both included.
    #[must_use]
    pub fn has_within(&self, low: SubscriptionId, high: SubscriptionId) -> bool {
        match self {
            Self::Every => true,
            Self::One(wanted) => low <= *wanted && *wanted <= high,
            Self::Among(wanted) => low <= high && wanted.range(low..=high).next().is_some(),
        }
    }

    /// The first and the last whose usage is asked for; none if that is of every one, or of none.
    #[must_use]
    pub fn bounds(&self) -> Option<(SubscriptionId, SubscriptionId)> {
        match self {
            Self::Every => None,
            Self::One(wanted) => Some((*wanted, *wanted)),
            Self::Among(wanted) => wanted.first().copied().zip(wanted.last().copied()),
        }
    }

    /// The one whose usage is asked for, if it is that of one.
    #[must_use]
    pub fn one(&self) -> Option<SubscriptionId> {
        if let Self::One(wanted) = self { Some(*wanted) } else { None }
    }
}

impl From<Option<SubscriptionId>> for Whose {
    fn from(subscription: Option<SubscriptionId>) -> Self {
        subscription.map_or(Self::Every, Self::One)
    }
}

impl MeterQuery {
    /// Start of the step that usage of a moment in the range belongs to.
    #[must_use]
    pub fn step_of(&self, usage_start: UtcTime) -> UtcTime {
        match self.step {
            SumStep::Hour => usage_start.hour_start(),
            SumStep::Day => usage_start.day_start(),
            SumStep::Whole => self.start.start,
        }
    }
}

impl MeterSum {
    /// The sum of this one and another of the same step.
    ///
    /// # Errors
    /// [`OutOfRange`] if it would not be exact.
    pub fn plus(self, other: Self) -> Result<Self, OutOfRange> {
        Ok(Self {
            step: self.step,
            first: self.first.min(other.first),
            last: self.last.max(other.last),
            quantity: self.quantity.plus(other.quantity)?,
        })
    }
}

impl DaySum {
    /// One record's part in the sum of its day.
    #[must_use]
    pub fn of(usage_start: UtcTime, quantity: Quantity) -> Self {
        Self { day: usage_start.date(), quantity, taken_back: quantity.min(Quantity::ZERO) }
    }

    /// The sum of this one and another of the same day.
    ///
    /// # Errors
    /// [`OutOfRange`] if it would not be exact.
    pub fn plus(self, other: Self) -> Result<Self, OutOfRange> {
        Ok(Self {
            day: self.day,
            quantity: self.quantity.plus(other.quantity)?,
            taken_back: self.taken_back.plus(other.taken_back)?,
        })
    }
}

/// Sums of meters from records in any order; meters come in order of subscription and id.
///
/// # Errors
/// [`SumOutOfRange`] if a sum reaches 10^18.
pub fn meter_sums<'a>(
    records: impl IntoIterator<Item = &'a StoredRecord>,
    query: &MeterQuery,
) -> Result<Vec<MeterSums>, SumOutOfRange> {
    let mut meters: BTreeMap<_, (MeterDescription, BTreeMap<UtcTime, MeterSum>)> = BTreeMap::new();
    for stored in records {
        let record = &stored.record;
        let start = record.window.start();
        if query.subscription.is_some_and(|wanted| wanted != record.subscription)
            || !query.start.contains(&start)
        {
            continue;
        }
        let (description, sums) = meters.entry((record.subscription, record.meter)).or_default();
        // Any one description would do; the greatest does not depend on the order of arrival.
        if record.description > *description {
            *description = record.description.clone();
        }
        let step = query.step_of(start);
        let part = MeterSum { step, first: start, last: start, quantity: record.quantity };
        let sum = sums.get(&step).map_or(Ok(part), |sum| sum.plus(part));
        sums.insert(step, sum.map_err(|OutOfRange| SumOutOfRange { meter: record.meter })?);
    }
    let meters = meters.into_iter().map(|((subscription, meter), (description, sums))| MeterSums {
        subscription,
        meter,
        description,
        sums: sums.into_values().collect(),
    });
    Ok(meters.collect())
}

/// Sums of instances from records in any order; they come in order of subscription, meter and hash.
///
/// # Errors
/// [`SumOutOfRange`] if a sum reaches 10^18.
pub fn instance_sums<'a>(
    records: impl IntoIterator<Item = &'a StoredRecord>,
    query: &InstanceQuery,
) -> Result<Vec<InstanceSums>, SumOutOfRange> {
    let mut sums: BTreeMap<_, (InstanceSums, BTreeMap<Date, DaySum>)> = BTreeMap::new();
    for stored in records {
        let record = &stored.record;
        let start = record.window.start();
        if !query.whose.has(record.subscription) || !query.start.contains(&start) {
            continue;
        }
        let key = (record.subscription, record.meter, stored.instance_hash);
        let (of_instance, days) = sums.entry(key).or_insert_with(|| {
            let of_instance = InstanceSums {
                subscription: record.subscription,
                meter: record.meter,
                instance_hash: stored.instance_hash,
                instance: query.facets.of(&record.instance).into(),
                description: Arc::default(),
                days: vec![],
            };
            (of_instance, BTreeMap::new())
        });
        if record.description > *of_instance.description {
            of_instance.description = record.description.clone().into();
        }
        let part = DaySum::of(start, record.quantity);
        let sum = days.get(&part.day).map_or(Ok(part), |sum| sum.plus(part));
        days.insert(part.day, sum.map_err(|OutOfRange| SumOutOfRange { meter: record.meter })?);
    }
    let sums = sums.into_values();
    Ok(sums
        .map(|(sums, days)| InstanceSums { days: days.into_values().collect(), ..sums })
        .collect())
}

/// Sums of windows from records in any order; meters come in order of subscription and id.
///
/// # Errors
/// [`SumOutOfRange`] if a sum reaches 10^18.
pub fn window_sums<'a>(
    records: impl IntoIterator<Item = &'a StoredRecord>,
    query: &WindowQuery,
) -> Result<Vec<WindowSums>, SumOutOfRange> {
    let mut meters: BTreeMap<_, BTreeMap<_, WindowSum>> = BTreeMap::new();
    for StoredRecord { record, instance_hash, .. } in records {
        if !query.has(record.subscription, record.meter, record.window.start()) {
            continue;
        }
        let (window, instance_hash) = (record.window, *instance_hash);
        let part = WindowSum { window, instance_hash, quantity: record.quantity };
        let sums = meters.entry((record.subscription, record.meter)).or_default();
        let sum = sums.get(&part.key()).map_or(Ok(part), |sum| sum.plus(part));
        sums.insert(part.key(), sum.map_err(|OutOfRange| SumOutOfRange { meter: record.meter })?);
    }
    let meters = meters.into_iter().map(|((subscription, meter), sums)| WindowSums {
        subscription,
        meter,
        sums: sums.into_values().collect(),
    });
    Ok(meters.collect())
}
