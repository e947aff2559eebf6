//! Records, a clock in the test's hands, and the model that a ledger must agree with: a list of
//! stored records and the naive `aggregate` of `domain`.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use domain::aggregate::{Aggregate, Granularity, UsageQuery, aggregate};
use domain::decimal::Quantity;
use domain::erasure::ErasureKey;
use domain::id::{Currency, EventId, MeterId, RecordId, Source, SubscriptionId};
use domain::record::{
    Billed, CanonicalJson, Commit, Instance, MeterDescription, StoredRecord, UsageRecord, Window,
};
use domain::time::{ReportedTime, UtcTime};

/// Hours after 2026-01-01T00:00:00Z.
pub(crate) fn hour(hours: i64) -> UtcTime {
    UtcTime::from_micros(1_767_225_600_000_000).unwrap().plus_hours(hours)
}

pub(crate) fn subscription(number: u8) -> SubscriptionId {
    SubscriptionId::from_bits(0xabcd_0000 + u128::from(number))
}

/// A record in small numbers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Spec {
    pub(crate) event: u16,
    pub(crate) subscription: u8,
    pub(crate) meter: u8,
    pub(crate) instance: u8,
    /// Hour of use.
    pub(crate) used: u8,
    /// 0: five minutes, 1: an hour, 2: to the end of the day.
    pub(crate) length: u8,
    /// Hour of the report, for imports.
    pub(crate) reported: Option<u8>,
    pub(crate) cents: u32,
}

impl Default for Spec {
    fn default() -> Self {
        let (subscription, meter, instance, used, length) = (0, 0, 0, 0, 1);
        Self { event: 0, subscription, meter, instance, used, length, reported: None, cents: 150 }
    }
}

impl Spec {
    pub(crate) fn reported(&self) -> Option<ReportedTime> {
        self.reported.map(|hours| ReportedTime(hour(hours.into()).plus_seconds(77)))
    }

    pub(crate) fn record(&self) -> UsageRecord {
        let start = match self.length {
            0 => hour(self.used.into()).plus_seconds(i64::from(self.event % 4) * 600),
            _ => hour(self.used.into()),
        };
        let end = match self.length {
            0 => start.plus_seconds(300),
            1 => start.plus_hours(1),
            _ => start.date().plus_days(1).start(),
        };
        let some = |on: bool, text: &str| on.then(|| Arc::<str>::from(text));
        let rich = self.event.is_multiple_of(3);
        let quantity =
            Quantity::parse(&format!("{}.{:020}", self.cents / 100, self.cents)).unwrap();
        UsageRecord {
            subscription: subscription(self.subscription),
            window: Window::new(start, end).unwrap(),
            meter: MeterId::from_bits(u128::from(self.meter) << 120 | 7),
            description: MeterDescription {
                name: some(self.meter > 0, "Compute Hours"),
                category: some(true, if rich { "Virtual Machines" } else { "Virtuelle Computer" }),
                subcategory: None,
                region: some(rich, "US East"),
                unit: some(true, "Hours"),
            },
            quantity: if rich && self.cents == 2 { quantity.negated() } else { quantity },
            instance: Arc::new(instance(self.instance)),
            source: Source::parse(if rich { "urn:a" } else { "urn:b" }).unwrap(),
            event_id: EventId::parse(&format!("event-{}", self.event)).unwrap(),
            billed: Billed {
                unit_block: rich.then(|| Quantity::parse("1000").unwrap()),
                cost: rich.then(|| Quantity::parse("0.00000000000000000001").unwrap()),
                currency: rich.then(|| Currency::parse("EUR").unwrap()),
                charge_category: some(rich, "Usage"),
            },
            reverses: rich.then(|| RecordId::from_bytes([9; 16])),
        }
    }
}

fn instance(number: u8) -> Instance {
    if number == 0 {
        return Instance::default();
    }
    // Groups that look alike: the third is the first in other letters.
    let group = ["", "Grün-(1)", "Grün-(1)2", "GRÜN-(1)"][usize::from(number)];
    let uri = format!("/subscriptions/s/resourceGroups/{group}/providers/p/t/n{number}");
    let tags = (0..number).map(|tag| (format!("tag{tag}").into(), "wert \u{1f4a1}\\".into()));
    Instance {
        resource_uri: Some(uri.into()),
        location: Some(["", "westus", "", "eastus"][usize::from(number)].into()),
        tags: tags.collect(),
        additional_info: (number > 1).then(|| CanonicalJson(r#"{"a":1}"#.into())),
        part_number: Some("".into()),
        order_number: Some("o".into()),
        info_fields: (number > 1).then(|| CanonicalJson(r#"{"meteredRegion":"x"}"#.into())),
    }
}

/// A clock that stands until it is moved.
#[derive(Clone)]
pub(crate) struct Clock(Arc<AtomicI64>);

impl Clock {
    pub(crate) fn at(time: UtcTime) -> Self {
        Self(Arc::new(AtomicI64::new(time.to_micros())))
    }

    pub(crate) fn now(&self) -> UtcTime {
        UtcTime::from_micros(self.0.load(Ordering::SeqCst)).unwrap()
    }

    pub(crate) fn set(&self, time: UtcTime) {
        self.0.store(time.to_micros(), Ordering::SeqCst);
    }

    pub(crate) fn reader(&self) -> Arc<dyn Fn() -> UtcTime + Send + Sync> {
        let clock = self.clone();
        Arc::new(move || clock.now())
    }
}

/// What became of a record, by the model.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Expected {
    Stored(Commit),
    Duplicate(Commit),
    Conflict(Commit),
}

/// The records that a ledger should hold.
#[derive(Default, Clone)]
pub(crate) struct Model {
    pub(crate) records: Vec<StoredRecord>,
    known: BTreeMap<RecordId, usize>,
    /// The last commit.
    pub(crate) last: u64,
}

impl Model {
    /// Stores the records of one group commit.
    pub(crate) fn append(&mut self, specs: &[Spec], time: UtcTime) -> Vec<Expected> {
        let commit = Commit(self.last + 1);
        let before = self.records.len();
        let outcomes = specs.iter().map(|spec| self.store(spec, commit, time)).collect();
        if self.records.len() > before {
            self.last += 1;
        }
        outcomes
    }

    fn store(&mut self, spec: &Spec, commit: Commit, time: UtcTime) -> Expected {
        let record = spec.record();
        if let Some(place) = self.known.get(&record.id()) {
            let stored = &self.records[*place];
            return match stored.content_hash() == record.content_hash() {
                true => Expected::Duplicate(stored.commit),
                false => Expected::Conflict(stored.commit),
            };
        }
        self.known.insert(record.id(), self.records.len());
        let reported = spec.reported().unwrap_or(ReportedTime(time));
        let instance_hash = record.instance.hash();
        self.records.push(StoredRecord { record, instance_hash, reported, commit, erased: None });
        Expected::Stored(commit)
    }

    /// Erases what may name people from the rows of a subscription whose usage starts before a time, as far
    /// as they have it.
    pub(crate) fn erase(&mut self, number: u8, before: Option<UtcTime>, key: &ErasureKey) -> u64 {
        let is_wanted = |stored: &&mut StoredRecord| {
            let record = &stored.record;
            record.subscription == subscription(number)
                && before.is_none_or(|before| record.window.start() < before)
                && stored.erased.is_none()
        };
        let wanted = self.records.iter_mut().filter(is_wanted);
        wanted.map(|stored| erase(stored, key)).count() as u64
    }

    /// The answer as of a commit.
    pub(crate) fn answer(&self, query: &UsageQuery, last: u64) -> Vec<Aggregate> {
        let seen = self.records.iter().filter(|stored| stored.commit.0 <= last);
        aggregate(seen, query).unwrap()
    }

    /// The records of a subscription, in total order.
    pub(crate) fn records_of(&self, number: u8) -> Vec<StoredRecord> {
        let of = |stored: &&StoredRecord| stored.record.subscription == subscription(number);
        let mut records: Vec<_> = self.records.iter().filter(of).cloned().collect();
        records.sort_by_key(|stored| {
            let record = stored.record.clone();
            (record.window, record.meter, stored.instance_hash, record.source, record.event_id)
        });
        records
    }
}

/// What an erasure leaves of a record.
pub(crate) fn erase(stored: &mut StoredRecord, key: &ErasureKey) {
    stored.erased = Some(stored.record.content_hash());
    stored.record.instance = Arc::new(stored.record.instance.erased(key));
    stored.instance_hash = stored.record.instance.hash();
}

/// Every kind of query of one subscription over the days that specs fall on.
pub(crate) fn queries(number: u8) -> Vec<UsageQuery> {
    let mut queries = Vec::new();
    for granularity in [Granularity::Daily, Granularity::Hourly] {
        for details in [true, false] {
            for (from, to) in [(0, 24 * 12), (24, 48)] {
                let reported = ReportedTime(hour(from))..ReportedTime(hour(to));
                let subscription = subscription(number);
                let within = None;
                queries.push(UsageQuery { subscription, reported, granularity, details, within });
            }
        }
    }
    queries
}
