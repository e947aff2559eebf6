//! What one subscription used in one billing period: the first argument of `rate`.
//!
//! Rows of a meter stand in one total order that does not depend on when or in which batches they
//! arrived: usage start, usage end, instance, source, event id, commit.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::alias::priced_as;
use crate::decimal::Quantity;
use crate::id::{EventId, InstanceHash, MeterId, Source};
use crate::period::BillingPeriod;
use crate::record::{Commit, Instance, MeterDescription, StoredRecord, Window};

/// One row of usage, ordered by its fields from the first to the last.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct UsageRow {
    /// When.
    pub window: Window,
    /// By which instance.
    pub instance: InstanceHash,
    /// Who says so.
    pub source: Source,
    /// The record's name within its source.
    pub event_id: EventId,
    /// The group commit that stored it.
    pub commit: Commit,
    /// How much, in the meter's unit.
    pub quantity: Quantity,
}

/// The usage of one meter: its rows in total order, and what its source called it.
#[derive(Debug, Clone, Default)]
pub struct MeterUsage {
    rows: Vec<UsageRow>,
    description: MeterDescription,
}

/// Usage of one subscription in one billing period.
#[derive(Debug, Clone)]
pub struct Usage {
    period: BillingPeriod,
    meters: BTreeMap<MeterId, MeterUsage>,
    instances: BTreeMap<InstanceHash, Arc<Instance>>,
}

impl Usage {
    /// Brings records into total order, in whatever order they come. Usage of a meter that has an
    /// alias is usage of the meter that it stands for.
    ///
    /// # Panics
    /// If a record's usage starts outside the period: the query that loaded it was wrong.
    #[must_use]
    pub fn from_records(
        period: BillingPeriod,
        records: impl IntoIterator<Item = StoredRecord>,
        aliases: &BTreeMap<MeterId, MeterId>,
    ) -> Self {
        let mut usage = Self::new(period);
        for stored in records {
            usage.add(stored, aliases);
        }
        usage.in_order()
    }

    /// None yet.
    pub(crate) fn new(period: BillingPeriod) -> Self {
        Self { period, meters: BTreeMap::new(), instances: BTreeMap::new() }
    }

    /// With rows in total order.
    pub(crate) fn in_order(mut self) -> Self {
        for meter in self.meters.values_mut() {
            meter.rows.sort_unstable();
        }
        self
    }

    /// Adds a record; it has no place yet.
    pub(crate) fn add(&mut self, stored: StoredRecord, aliases: &BTreeMap<MeterId, MeterId>) {
        let StoredRecord { record, instance_hash, commit, .. } = stored;
        let priced_as = priced_as(record.meter, aliases);
        let row = UsageRow {
            window: record.window,
            instance: instance_hash,
            source: record.source,
            event_id: record.event_id,
            commit,
            quantity: record.quantity,
        };
        self.know(instance_hash, &record.instance);
        self.push(priced_as, row);
        self.describe(priced_as, &record.description);
    }

    /// Has an instance at hand for the rows that it uses.
    pub(crate) fn know(&mut self, hash: InstanceHash, instance: &Arc<Instance>) {
        self.instances.entry(hash).or_insert_with(|| Arc::clone(instance));
    }

    /// Adds a row of the meter that it is priced as; it has no place yet. Its instance is known.
    pub(crate) fn push(&mut self, priced_as: MeterId, row: UsageRow) {
        let start = row.window.start();
        assert!(self.period.contains(start), "usage of {start} is outside {:?}", self.period);
        self.meters.entry(priced_as).or_default().rows.push(row);
    }

    /// What the source calls a meter that has a row.
    pub(crate) fn describe(&mut self, priced_as: MeterId, description: &MeterDescription) {
        let meter = self.meters.entry(priced_as).or_default();
        // Any one description would do; the greatest does not depend on the order of arrival.
        if *description > meter.description {
            meter.description = description.clone();
        }
    }

    /// The billing period.
    #[must_use]
    pub fn period(&self) -> BillingPeriod {
        self.period
    }

    /// Every meter used, in order of id.
    #[must_use]
    pub fn meters(&self) -> &BTreeMap<MeterId, MeterUsage> {
        &self.meters
    }

    /// The instance of a row of this usage.
    ///
    /// # Panics
    /// If the hash is not that of one of its rows.
    #[must_use]
    pub fn instance(&self, hash: InstanceHash) -> &Arc<Instance> {
        self.instances.get(&hash).expect("every row's instance is kept beside it")
    }
}

impl MeterUsage {
    /// Its rows in total order.
    #[must_use]
    pub fn rows(&self) -> &[UsageRow] {
        &self.rows
    }

    /// What the source called the meter.
    #[must_use]
    pub fn description(&self) -> &MeterDescription {
        &self.description
    }
}
