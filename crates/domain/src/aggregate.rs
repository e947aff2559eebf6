//! The usage answer: records of one subscription, summed within one reported bucket.
//!
//! [`aggregate`] is the plain definition, over records in any order. Engines that read the ledger
//! in other ways must answer the same, row for row and digit for digit.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::ops::Range;
use std::sync::Arc;

use crate::decimal::{OutOfRange, Quantity};
use crate::id::{InstanceHash, MeterId, ResourceScope, SubscriptionId};
use crate::record::{Instance, MeterDescription, StoredRecord, Window};
use crate::time::{ReportedTime, UtcTime};

/// Size of the reported and usage buckets of an answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Granularity {
    /// Days of UTC.
    Daily,
    /// Hours of UTC.
    Hourly,
}

/// Which usage is asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UsageQuery {
    /// Whose usage.
    pub subscription: SubscriptionId,
    /// When it was reported: `[start, end)`, on bounds of the granularity.
    pub reported: Range<ReportedTime>,
    /// Size of the buckets.
    pub granularity: Granularity,
    /// Whether instances stay apart (`showDetails`).
    pub details: bool,
    /// Where the usage is that may be seen; without a scope, that of every instance and of none. With
    /// scopes, records without a resource URI do not count either.
    pub within: Option<BTreeSet<ResourceScope>>,
}

/// Place of a row in an answer: rows are in ascending order of it, and it names one row.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct AggregateKey {
    /// Start of the bucket in which the usage was reported.
    pub reported: ReportedTime,
    /// Start of the bucket in which it was used.
    pub start: UtcTime,
    /// Meter.
    pub meter: MeterId,
    /// Instance; none without details.
    pub instance: Option<InstanceHash>,
    /// End of the usage bucket.
    pub end: UtcTime,
}

/// A row of the usage answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Aggregate {
    /// Its place.
    pub key: AggregateKey,
    /// What the source called the meter.
    pub description: MeterDescription,
    /// The instance; none without details.
    pub instance: Option<Arc<Instance>>,
    /// Sum of the records.
    pub quantity: Quantity,
}

/// The sum of a row would not be exact.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SumOutOfRange {
    /// The meter whose sum it is.
    pub meter: MeterId,
}

impl fmt::Display for SumOutOfRange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "usage of meter {} sums to 10^18 or more", self.meter)
    }
}

impl std::error::Error for SumOutOfRange {}

impl UsageQuery {
    /// Whether the record belongs to the answer.
    #[must_use]
    pub fn matches(&self, stored: &StoredRecord) -> bool {
        stored.record.subscription == self.subscription
            && self.reported.contains(&stored.reported)
            && self.shows(stored.record.instance.resource_uri.as_deref())
    }

    /// Whether usage of a resource may be seen.
    #[must_use]
    pub fn shows(&self, resource_uri: Option<&str>) -> bool {
        match &self.within {
            None => true,
            Some(scopes) => {
                resource_uri.is_some_and(|uri| ResourceScope::any_contains(scopes, uri))
            }
        }
    }

    /// The row of the answer that the record is summed into.
    #[must_use]
    pub fn key(&self, stored: &StoredRecord) -> AggregateKey {
        let record = &stored.record;
        self.key_of(stored.reported, record.window, record.meter, stored.instance_hash)
    }

    /// The row of the answer that a record with these values is summed into.
    #[must_use]
    pub fn key_of(
        &self,
        reported: ReportedTime,
        window: Window,
        meter: MeterId,
        instance: InstanceHash,
    ) -> AggregateKey {
        let (reported, window) = match self.granularity {
            Granularity::Daily => (reported.day_start(), Window::day_of(window.start())),
            Granularity::Hourly => (reported.hour_start(), window.hour_or_itself()),
        };
        AggregateKey {
            reported,
            start: window.start(),
            meter,
            instance: self.details.then_some(instance),
            end: window.end(),
        }
    }
}

/// Answers a usage query from records in any order; rows come in ascending order of their keys.
///
/// # Errors
/// [`SumOutOfRange`] if a row's sum reaches 10^18.
pub fn aggregate<'a>(
    records: impl IntoIterator<Item = &'a StoredRecord>,
    query: &UsageQuery,
) -> Result<Vec<Aggregate>, SumOutOfRange> {
    let mut rows: BTreeMap<AggregateKey, Aggregate> = BTreeMap::new();
    for stored in records.into_iter().filter(|stored| query.matches(stored)) {
        let key = query.key(stored);
        let row = rows.entry(key).or_insert_with(|| Aggregate {
            key,
            description: MeterDescription::default(),
            instance: query.details.then(|| Arc::clone(&stored.record.instance)),
            quantity: Quantity::ZERO,
        });
        row.quantity = row
            .quantity
            .plus(stored.record.quantity)
            .map_err(|OutOfRange| SumOutOfRange { meter: key.meter })?;
        // Any one description would do; the greatest does not depend on the order of arrival.
        if stored.record.description > row.description {
            row.description = stored.record.description.clone();
        }
    }
    Ok(rows.into_values().collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::id::{EventId, Source};
    use crate::record::{Billed, Commit, UsageRecord};
    use crate::time::Date;

    /// A moment of February 2026, as `dayThour`.
    fn moment(text: &str) -> UtcTime {
        let (day, hour) = text.split_once('T').unwrap();
        let day = Date::from_civil(2026, 2, day.parse().unwrap()).unwrap();
        day.start().plus_hours(hour.parse().unwrap())
    }

    /// A record as `reported: start+hours instance quantity`.
    fn record(text: &str) -> StoredRecord {
        let (reported, rest) = text.split_once(": ").unwrap();
        let words: Vec<_> = rest.split(' ').collect();
        let (start, hours) = words[0].split_once('+').unwrap();
        let (start, hours) = (moment(start), hours.parse().unwrap());
        let instance =
            Arc::new(Instance { location: Some(words[1].into()), ..Instance::default() });
        StoredRecord {
            instance_hash: instance.hash(),
            record: UsageRecord {
                subscription: SubscriptionId::from_bits(1),
                window: Window::new(start, start.plus_hours(hours)).unwrap(),
                meter: MeterId::from_bits(7),
                description: MeterDescription::default(),
                quantity: Quantity::parse(words[2]).unwrap(),
                instance,
                source: Source::parse("urn:test").unwrap(),
                event_id: EventId::parse(text).unwrap(),
                billed: Billed::default(),
                reverses: None,
            },
            reported: ReportedTime(moment(reported)),
            commit: Commit(1),
            erased: None,
        }
    }

    fn check(granularity: Granularity, details: bool, records: &[&str], expected: &[&str]) {
        let query = UsageQuery {
            subscription: SubscriptionId::from_bits(1),
            reported: ReportedTime(moment("1T0"))..ReportedTime(moment("10T0")),
            granularity,
            details,
            within: None,
        };
        let records: Vec<_> = records.iter().map(|text| record(text)).collect();
        let forward = aggregate(&records, &query).unwrap();
        let backward = aggregate(records.iter().rev(), &query).unwrap();
        assert_eq!(forward, backward, "the order of arrival does not matter");
        let text = |row: &Aggregate| {
            let place = |time: UtcTime| time.to_string()[8..13].to_owned();
            let instance = row.instance.as_ref().and_then(|instance| instance.location.clone());
            format!(
                "{}: {}..{} {} {}",
                place(row.key.reported.0),
                place(row.key.start),
                place(row.key.end),
                instance.as_deref().unwrap_or("-"),
                row.quantity
            )
        };
        let mut rows: Vec<_> = forward.iter().map(text).collect();
        rows.sort(); // instances are ordered by hash, which a reader cannot see
        assert_eq!(rows, expected);
    }

    const RECORDS: &[&str] = &[
        "2T10: 2T8+1 a 1",
        "2T10: 2T8+1 b 2",
        "2T11: 2T9+1 a 4",
        "3T05: 2T8+1 a 8",
        "3T05: 2T0+24 a 16",
        "10T0: 2T8+1 a 32",
    ];

    #[test]
    fn rows_are_summed_within_one_reported_bucket_only() {
        check(
            Granularity::Daily,
            true,
            RECORDS,
            &["02T00: 02T00..03T00 a 5", "02T00: 02T00..03T00 b 2", "03T00: 02T00..03T00 a 24"],
        );
        check(
            Granularity::Daily,
            false,
            RECORDS,
            &["02T00: 02T00..03T00 - 7", "03T00: 02T00..03T00 - 24"],
        );
    }

    #[test]
    fn usage_longer_than_an_hour_keeps_its_own_start_and_end() {
        check(
            Granularity::Hourly,
            false,
            RECORDS,
            &[
                "02T10: 02T08..02T09 - 3",
                "02T11: 02T09..02T10 - 4",
                "03T05: 02T00..03T00 - 16",
                "03T05: 02T08..02T09 - 8",
            ],
        );
    }
}
