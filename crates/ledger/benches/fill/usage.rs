//! The usage that a ledger is filled with: record by record the same for the same number of records.
//!
//! A month of hours of a thousand subscriptions with forty meters and up to a thousand resources each.
//! A resource lives two days and reports every hour, so that more records are more resources at a
//! time, up to a million in all. Ids are spelt as GUIDs and random: the least that producers send can
//! be made smaller.

use std::collections::HashMap;
use std::sync::Arc;

use domain::decimal::Quantity;
use domain::id::{EventId, MeterId, Source, SubscriptionId};
use domain::record::{Billed, Instance, MeterDescription, UsageRecord, Window};
use domain::time::{Date, ReportedTime, UtcTime};
use ledger::NewRecord;

pub(crate) const SUBSCRIPTIONS: u64 = 1_000;
pub(crate) const RESOURCES: u64 = 1_000;
pub(crate) const METERS: u64 = 40;
pub(crate) const COST_CENTERS: u64 = 90;
pub(crate) const DAYS: u64 = 31;
const HOURS: u64 = DAYS * 24;
/// How long a resource lives.
const LIFE_HOURS: u64 = 48;
/// Of so many records one is reported two hours late.
const LATE_ONE_IN: u64 = 64;
/// Units of the last of six places, in units of a quantity.
const MILLIONTH: i128 = 10_i128.pow(14);

/// A record in small numbers.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Facts {
    pub(crate) subscription: u64,
    pub(crate) resource: u64,
    /// Hour of use, from the month's start.
    pub(crate) hour: u64,
    /// In units of a quantity; above zero.
    pub(crate) units: i128,
}

/// All of them.
pub(crate) struct Usage {
    records: u64,
    subscriptions: Vec<SubscriptionId>,
    meters: Vec<(MeterId, MeterDescription)>,
    source: Source,
    /// Resources that live now, by subscription and number.
    instances: HashMap<(u64, u64), Arc<Instance>>,
    life: u64,
    start: UtcTime,
}

impl Usage {
    pub(crate) fn new(records: u64) -> Self {
        let subscription = |number| SubscriptionId::parse(&subscription_text(number)).unwrap();
        let meter = |number| {
            let description = MeterDescription {
                name: Some(format!("Meter {number}").into()),
                category: Some(format!("Category {}", number % 7).into()),
                unit: Some("Hours".into()),
                ..MeterDescription::default()
            };
            (MeterId::parse(&meter_text(number)).unwrap(), description)
        };
        Self {
            records,
            subscriptions: (0..SUBSCRIPTIONS).map(subscription).collect(),
            meters: (0..METERS).map(meter).collect(),
            source: Source::parse("urn:bench:fill").unwrap(),
            instances: HashMap::new(),
            life: 0,
            start: first_day().start(),
        }
    }

    /// One of them in small numbers.
    pub(crate) fn facts(&self, number: u64) -> Facts {
        let hour = number * HOURS / self.records;
        let begun = (hour * self.records).div_ceil(HOURS);
        let living = self.records.div_ceil(HOURS * SUBSCRIPTIONS);
        let place = (number - begun) / SUBSCRIPTIONS;
        let random = mix(number);
        let millionths = if random.is_multiple_of(4) { 1_000_000 } else { 1 + random % 20_000_000 };
        Facts {
            subscription: number % SUBSCRIPTIONS,
            resource: (place + hour / LIFE_HOURS * living) % RESOURCES,
            hour,
            units: i128::from(millionths) * MILLIONTH,
        }
    }

    /// The same as a record, to be asked for in order.
    pub(crate) fn record(&mut self, number: u64) -> NewRecord {
        let facts = self.facts(number);
        if self.life != facts.hour / LIFE_HOURS {
            self.life = facts.hour / LIFE_HOURS;
            self.instances.clear();
        }
        let hour = |hours: u64| self.start.plus_hours(i64::try_from(hours).unwrap());
        let late = if number.is_multiple_of(LATE_ONE_IN) { 2 } else { 0 };
        let reported = ReportedTime(hour((facts.hour + late).min(HOURS - 1)));
        let window = Window::new(hour(facts.hour), hour(facts.hour + 1)).unwrap();
        let owner = facts.subscription;
        let key = (owner, facts.resource);
        let instance = self.instances.entry(key).or_insert_with(|| Arc::new(instance(facts)));
        let (meter, description) = &self.meters[place(meter_of(facts.resource))];
        let record = UsageRecord {
            subscription: self.subscriptions[place(owner)],
            window,
            meter: *meter,
            description: description.clone(),
            quantity: Quantity::from_scaled(facts.units).unwrap(),
            instance: Arc::clone(instance),
            source: self.source.clone(),
            event_id: EventId::parse(&event_id(number)).unwrap(),
            billed: Billed::default(),
            reverses: None,
        };
        NewRecord { record, reported: Some(reported) }
    }
}

/// Where a small number stands in a list.
pub(crate) fn place(number: u64) -> usize {
    usize::try_from(number).unwrap()
}

pub(crate) fn meter_of(resource: u64) -> u64 {
    resource % METERS
}

pub(crate) fn cost_center_of(resource: u64) -> u64 {
    resource % COST_CENTERS
}

pub(crate) fn first_day() -> Date {
    Date::from_civil(2026, 3, 1).unwrap()
}

pub(crate) fn subscription_text(number: u64) -> String {
    format!("be9c4000-0000-4000-8000-{number:012}")
}

pub(crate) fn meter_text(number: u64) -> String {
    format!("3e7e4000-0000-4000-8000-{number:012}")
}

pub(crate) fn cost_center_text(number: u64) -> String {
    format!("cc-{number:05}")
}

pub(crate) fn resource_text(subscription: u64, resource: u64) -> String {
    let subscription = subscription_text(subscription);
    format!(
        "/subscriptions/{subscription}/resourceGroups/rg-{}/providers/Microsoft.Compute/virtualMachines/vm-{resource:04}",
        resource % 25
    )
}

fn instance(Facts { subscription, resource, .. }: Facts) -> Instance {
    let tags = [
        ("environment", format!("env-{}", resource % 4)),
        ("cost-center", cost_center_text(cost_center_of(resource))),
        ("owner", format!("team-{:02}", resource % 20)),
        ("application", format!("app-{:03}", resource % 120)),
        ("schedule", "office-hours".to_owned()),
    ];
    Instance {
        resource_uri: Some(resource_text(subscription, resource).into()),
        location: Some("eastus".into()),
        tags: tags.into_iter().map(|(name, value)| (name.into(), value.into())).collect(),
        ..Instance::default()
    }
}

fn event_id(number: u64) -> String {
    let (high, low) = (mix(number ^ 1 << 63), mix(number ^ 1 << 62));
    format!(
        "{:08x}-{:04x}-{:04x}-{:04x}-{:012x}",
        high >> 32,
        high >> 16 & 0xffff,
        high & 0xffff,
        low >> 48,
        low & 0xffff_ffff_ffff
    )
}

/// The finisher of SplitMix64: a random number for each number.
fn mix(number: u64) -> u64 {
    let mut mixed = number.wrapping_add(1).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    mixed ^ (mixed >> 31)
}
