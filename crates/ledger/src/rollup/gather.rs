//! Summing rows that come by subscription: the sums of one subscription are gathered, put in order, and
//! handed on before those of the next.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use domain::complete::LateRows;
use domain::decimal::OutOfRange;
use domain::id::{InstanceHash, MeterId, SubscriptionId};
use domain::sums::{DaySum, MeterSum};
use domain::time::{ReportedTime, UtcTime};

use crate::limits::ROLLUP_SUMS_GATHERED_MAX;
use crate::row::{INSTANCE_TEXTS, Row, Text, Texts};

/// Why rows have no sums: one would not be exact, or they are too many to be held in memory.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct NotSummed;

impl From<OutOfRange> for NotSummed {
    fn from(OutOfRange: OutOfRange) -> Self {
        Self
    }
}

/// What the source called a meter.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Description([Option<Box<str>>; 5]);

impl Description {
    fn of(texts: [Option<&str>; 5]) -> Self {
        Self(texts.map(|text| text.map(Into::into)))
    }

    pub(crate) fn texts(&self) -> [Option<&str>; 5] {
        self.0.each_ref().map(|text| text.as_deref())
    }
}

/// What an instance is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct InstanceTexts([Option<Box<str>>; INSTANCE_TEXTS.len()]);

impl InstanceTexts {
    fn of(texts: &Texts<'_>) -> Self {
        Self(INSTANCE_TEXTS.map(|text| texts.get(text).map(Into::into)))
    }

    pub(super) fn texts(&self) -> [Option<&str>; INSTANCE_TEXTS.len()] {
        self.0.each_ref().map(|text| text.as_deref())
    }
}

/// What was used of a meter in an hour or on a day.
#[derive(Debug, Clone)]
pub(crate) struct MeterEntry {
    pub(crate) subscription: SubscriptionId,
    pub(crate) meter: MeterId,
    pub(crate) sum: MeterSum,
    pub(crate) description: Arc<Description>,
}

/// What an instance used of a meter on a day, as far as it was reported on one day.
#[derive(Debug, Clone)]
pub(crate) struct InstanceEntry {
    pub(crate) subscription: SubscriptionId,
    /// Start of the day on which it was reported.
    pub(crate) reported: ReportedTime,
    pub(crate) meter: MeterId,
    pub(crate) instance_hash: InstanceHash,
    pub(crate) sum: DaySum,
    pub(crate) description: Arc<Description>,
    pub(crate) instance: Arc<InstanceTexts>,
}

/// Rows of a source that were reported equally late.
#[derive(Debug, Clone)]
pub(crate) struct SourceEntry {
    pub(crate) subscription: SubscriptionId,
    pub(crate) source: Arc<str>,
    pub(crate) rows: LateRows,
}

/// Sums in the order of their keys.
#[derive(Debug, Default)]
pub(crate) struct Gathered {
    /// By subscription, meter and hour.
    pub(crate) hours: Vec<MeterEntry>,
    /// By subscription, reported day, day of use, meter and instance.
    pub(crate) instances: Vec<InstanceEntry>,
    /// By subscription, source and lateness.
    pub(crate) sources: Vec<SourceEntry>,
}

impl Gathered {
    /// Adds those of the next subscription.
    fn append(&mut self, mut next: Self) {
        self.hours.append(&mut next.hours);
        self.instances.append(&mut next.instances);
        self.sources.append(&mut next.sources);
    }

    /// Sums of hours of one subscription, or of all.
    pub(crate) fn hours_of(&self, subscription: Option<SubscriptionId>) -> &[MeterEntry] {
        of(&self.hours, subscription, |entry| entry.subscription)
    }

    /// Sums of instances of one subscription, or of all.
    pub(crate) fn instances_of(&self, subscription: Option<SubscriptionId>) -> &[InstanceEntry] {
        of(&self.instances, subscription, |entry| entry.subscription)
    }
}

/// Those of one subscription, or all, of entries in order of subscriptions.
fn of<T>(
    entries: &[T],
    wanted: Option<SubscriptionId>,
    subscription: impl Fn(&T) -> SubscriptionId,
) -> &[T] {
    let Some(wanted) = wanted else { return entries };
    let begin = entries.partition_point(|entry| subscription(entry) < wanted);
    let end = entries.partition_point(|entry| subscription(entry) <= wanted);
    &entries[begin..end]
}

/// The sums of rows that come by subscription.
pub(crate) fn gathered<'a>(rows: impl Iterator<Item = Row<'a>>) -> Result<Gathered, NotSummed> {
    let mut gathering = Gathering::default();
    let mut gathered = Gathered::default();
    for row in rows {
        if let Some(before) = gathering.add(&row)? {
            gathered.append(before);
        }
    }
    gathered.append(gathering.finish());
    Ok(gathered)
}

/// Sums of the subscription at hand.
#[derive(Default)]
pub(super) struct Gathering {
    subscription: Option<SubscriptionId>,
    hours: HashMap<(MeterId, UtcTime), MeterEntry>,
    instances: HashMap<InstanceKey, InstanceEntry>,
    sources: HashMap<Arc<str>, BTreeMap<u16, LateRows>>,
    /// The description that each meter had last.
    descriptions: HashMap<MeterId, Arc<Description>>,
    texts: HashMap<InstanceHash, Arc<InstanceTexts>>,
}

/// Days of report and of use, meter and instance.
type InstanceKey = (ReportedTime, UtcTime, MeterId, InstanceHash);

impl Gathering {
    /// Adds a row; gives back the sums of the subscription before it, if it is of another one.
    pub(super) fn add(&mut self, row: &Row<'_>) -> Result<Option<Gathered>, NotSummed> {
        let is_other = self.subscription.is_some_and(|before| before != row.subscription);
        let before = is_other.then(|| std::mem::take(self).finish());
        self.subscription = Some(row.subscription);
        let description = self.description(row);
        self.add_hour(row, &description)?;
        self.add_instance(row, description)?;
        // A reversal is no report of its source.
        if row.reverses.is_none() {
            self.add_source(row);
        }
        if self.hours.len() + self.instances.len() > ROLLUP_SUMS_GATHERED_MAX {
            return Err(NotSummed);
        }
        Ok(before)
    }

    fn description(&mut self, row: &Row<'_>) -> Arc<Description> {
        let texts = row.texts.description();
        if let Some(last) = self.descriptions.get(&row.meter)
            && last.texts() == texts
        {
            return Arc::clone(last);
        }
        let description = Arc::new(Description::of(texts));
        self.descriptions.insert(row.meter, Arc::clone(&description));
        description
    }

    fn add_hour(&mut self, row: &Row<'_>, description: &Arc<Description>) -> Result<(), NotSummed> {
        let start = row.window.start();
        let step = start.hour_start();
        let part = MeterSum { step, first: start, last: start, quantity: row.quantity };
        let (subscription, meter) = (row.subscription, row.meter);
        if let Some(entry) = self.hours.get_mut(&(meter, step)) {
            entry.sum = entry.sum.plus(part)?;
            keep_greatest(&mut entry.description, description);
            return Ok(());
        }
        let description = Arc::clone(description);
        let entry = MeterEntry { subscription, meter, sum: part, description };
        self.hours.insert((meter, step), entry);
        Ok(())
    }

    fn add_instance(
        &mut self,
        row: &Row<'_>,
        description: Arc<Description>,
    ) -> Result<(), NotSummed> {
        let (reported, start) = (row.reported.day_start(), row.window.start());
        let part = DaySum::of(start, row.quantity);
        let key = (reported, start.day_start(), row.meter, row.instance_hash);
        if let Some(entry) = self.instances.get_mut(&key) {
            entry.sum = entry.sum.plus(part)?;
            keep_greatest(&mut entry.description, &description);
            return Ok(());
        }
        let texts = self.texts.entry(row.instance_hash);
        let instance = texts.or_insert_with(|| Arc::new(InstanceTexts::of(&row.texts)));
        let entry = InstanceEntry {
            subscription: row.subscription,
            reported,
            meter: row.meter,
            instance_hash: row.instance_hash,
            sum: part,
            description,
            instance: Arc::clone(instance),
        };
        self.instances.insert(key, entry);
        Ok(())
    }

    fn add_source(&mut self, row: &Row<'_>) {
        let name = row.texts.get(Text::Source).expect("every row has a source");
        let part = LateRows::of(row.reported, row.window.end());
        if let Some(known) = self.sources.get_mut(name) {
            known.entry(part.minutes).and_modify(|rows| *rows = rows.and(part)).or_insert(part);
        } else {
            self.sources.insert(name.into(), BTreeMap::from([(part.minutes, part)]));
        }
    }

    /// The sums of the last subscription.
    pub(super) fn finish(self) -> Gathered {
        let mut sources: Vec<SourceEntry> = Vec::new();
        if let Some(subscription) = self.subscription {
            let entries = self.sources.into_iter().flat_map(|(source, late)| {
                late.into_values().map(move |rows| SourceEntry {
                    subscription,
                    source: Arc::clone(&source),
                    rows,
                })
            });
            sources.extend(entries);
            sources.sort_by(|a, b| (&a.source, a.rows.minutes).cmp(&(&b.source, b.rows.minutes)));
        }
        let mut hours: Vec<_> = self.hours.into_values().collect();
        hours.sort_unstable_by_key(|entry| (entry.meter, entry.sum.step));
        let mut instances: Vec<_> = self.instances.into_iter().collect();
        instances.sort_unstable_by_key(|(key, _)| *key);
        let instances = instances.into_iter().map(|(_, entry)| entry).collect();
        Gathered { hours, instances, sources }
    }
}

fn keep_greatest(kept: &mut Arc<Description>, other: &Arc<Description>) {
    if !Arc::ptr_eq(kept, other) && **other > **kept {
        *kept = Arc::clone(other);
    }
}

/// Sums of days, from those of hours in order.
pub(super) fn days_of(hours: &[MeterEntry]) -> Result<Vec<MeterEntry>, OutOfRange> {
    let mut days: Vec<MeterEntry> = Vec::new();
    for hour in hours {
        let part = MeterSum { step: hour.sum.step.day_start(), ..hour.sum };
        if let Some(day) = days.last_mut()
            && (day.subscription, day.meter, day.sum.step)
                == (hour.subscription, hour.meter, part.step)
        {
            day.sum = day.sum.plus(part)?;
            keep_greatest(&mut day.description, &hour.description);
            continue;
        }
        days.push(MeterEntry { sum: part, ..hour.clone() });
    }
    Ok(days)
}
