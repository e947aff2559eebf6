//! Sample usage as rows in the wire shape, hour by hour.

use std::collections::BTreeMap;

use domain::catalogue::RateCard;
use domain::id::MeterId;
use domain::record::MeterDescription;
use domain::time::{Civil, UtcTime};
use wire::time::with_offset;

use super::scenario::{Resource, SUBSCRIPTIONS, TAG_NAMES, UNKNOWN_METER};
use crate::output::json::quoted;

/// The usage of the demo, in the order in which it was used.
pub(super) struct Sample {
    sources: Vec<Source>,
    hours: Vec<UtcTime>,
    now: UtcTime,
}

/// A resource, with the parts of its rows that are always the same.
struct Source {
    subscription: &'static str,
    resource: &'static Resource,
    /// Names and unit of the meter, and the instance, as members of `properties`.
    members: String,
}

impl Sample {
    /// The usage of so many days up to now, with the names that this card has for the meters.
    pub(super) fn new(card: &RateCard, days: u16, now: UtcTime) -> Self {
        let known: BTreeMap<MeterId, &MeterDescription> =
            card.meters.iter().map(|meter| (meter.id, &meter.description)).collect();
        let sources = SUBSCRIPTIONS.iter().flat_map(|subscription| {
            let known = &known;
            subscription.resources.iter().map(move |resource| Source {
                subscription: subscription.id,
                resource,
                members: members(subscription.id, resource, known),
            })
        });
        let first = now.date().plus_days(1 - i32::from(days)).start();
        let hours = (0..).map(|hour| first.plus_hours(hour));
        let hours = hours.take_while(|hour| hour.plus_hours(1) <= now);
        Self { sources: sources.collect(), hours: hours.collect(), now }
    }

    /// The hours that are over, oldest first.
    pub(super) fn hours(&self) -> &[UtcTime] {
        &self.hours
    }

    /// The rows of usage in this hour that were reported by now.
    pub(super) fn rows(&self, hour: UtcTime) -> impl Iterator<Item = String> {
        self.sources.iter().filter_map(move |source| source.row(hour, self.now))
    }
}

impl Source {
    fn row(&self, hour: UtcTime, now: UtcTime) -> Option<String> {
        let used = self.resource.used(hour);
        let end = hour.plus_hours(1);
        let bucket = end.plus_hours(self.resource.lateness_hours(hour));
        if used == 0 || bucket > now {
            return None;
        }
        let Civil { year, month, day, hour: bucket_hour, .. } = bucket.civil();
        let name = format!("Hourly_BRSDT_{year:04}{month:02}{day:02}_{bucket_hour:02}00");
        let subscription = self.subscription;
        let (start, end) = (with_offset(hour), with_offset(end));
        let id =
            format!("/subscriptions/{subscription}/providers/Microsoft.Commerce/UsageAggregates");
        Some(format!(
            r#"{{"id":"{id}/{name}","name":"{name}","type":"Microsoft.Commerce/UsageAggregate","properties":{{"subscriptionId":"{subscription}","usageStartTime":"{start}","usageEndTime":"{end}",{},"infoFields":{{}},"quantity":{}}}}}"#,
            self.members,
            decimal(used),
        ))
    }
}

fn members(
    subscription: &str,
    resource: &Resource,
    known: &BTreeMap<MeterId, &MeterDescription>,
) -> String {
    let meter = MeterId::parse(resource.meter).expect("the demo's meters are GUIDs");
    let unknown = MeterDescription {
        name: Some("Requests (in 10,000s)".into()),
        category: Some("Front Door".into()),
        unit: Some("10,000s".into()),
        ..MeterDescription::default()
    };
    let description = match known.get(&meter) {
        Some(description) => description,
        None if resource.meter == UNKNOWN_METER => &unknown,
        None => panic!("the demo's card lacks meter {meter}"),
    };
    let Resource { group, kind, name, location, .. } = resource;
    let uri =
        format!("/subscriptions/{subscription}/resourceGroups/{group}/providers/{kind}/{name}");
    let tags = resource.tags.iter().flat_map(|values| TAG_NAMES.iter().zip(values));
    let tags: Vec<_> = tags.map(|(tag, value)| format!(r#""{tag}":"{value}""#)).collect();
    let instance = format!(
        r#"{{"Microsoft.Resources":{{"resourceUri":"{uri}","location":"{location}","tags":{{{}}},"additionalInfo":{{}},"partNumber":"","orderNumber":""}}}}"#,
        tags.join(",")
    );
    let mut members: Vec<String> = [
        ("meterName", &description.name),
        ("meterRegion", &description.region),
        ("meterCategory", &description.category),
        ("meterSubCategory", &description.subcategory),
        ("unit", &description.unit),
    ]
    .into_iter()
    .filter_map(|(name, text)| Some(format!(r#""{name}":{}"#, quoted(text.as_deref()?))))
    .collect();
    members.push(format!(r#""instanceData":{}"#, quoted(&instance)));
    members.push(format!(r#""meterId":"{meter}""#));
    members.join(",")
}

/// Millionths as a decimal, without zeros at the end.
fn decimal(millionths: u64) -> String {
    let (whole, part) = (millionths / 1_000_000, millionths % 1_000_000);
    if part == 0 {
        return whole.to_string();
    }
    format!("{whole}.{}", format!("{part:06}").trim_end_matches('0'))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use domain::time::{Date, ReportedTime};
    use wire::usage::parse_aggregate;

    use super::*;

    fn rows(days: u16, now: UtcTime) -> BTreeSet<String> {
        let sample = Sample::new(&crate::demo::rate_card().1, days, now);
        let rows: Vec<_> = sample.hours().iter().flat_map(|hour| sample.rows(*hour)).collect();
        let distinct: BTreeSet<_> = rows.iter().cloned().collect();
        assert_eq!(distinct.len(), rows.len(), "equal rows");
        distinct
    }

    #[test]
    fn a_later_demo_only_adds_rows() {
        let noon = Date::from_civil(2026, 11, 23).unwrap().start().plus_hours(12);
        let first = rows(10, noon);
        for later in [noon.plus_seconds(3_599), noon.plus_hours(1), noon.plus_hours(9 * 24)] {
            let days = later.date().to_days() - noon.date().to_days();
            let second = rows(10 + u16::try_from(days).unwrap(), later);
            assert!(first.is_subset(&second));
            assert_eq!(first.len() == second.len(), later < noon.plus_hours(1));
        }
    }

    #[test]
    fn seventy_five_days_are_some_65_000_rows() {
        let now = Date::from_civil(2026, 3, 1).unwrap().start();
        let sample = Sample::new(&crate::demo::rate_card().1, 75, now);
        let count: usize = sample.hours().iter().map(|hour| sample.rows(*hour).count()).sum();
        assert!((60_000..80_000).contains(&count), "{count} rows");
    }

    #[test]
    fn every_row_is_an_aggregate_that_was_reported_by_now() {
        let now = Date::from_civil(2026, 3, 1).unwrap().start().plus_seconds(5);
        let (mut late, mut tagged) = (0, 0);
        let rows = rows(12, now);
        for row in &rows {
            let row = parse_aggregate(row).unwrap();
            assert!(row.bucket <= ReportedTime(now) && row.window.end() <= row.bucket.0);
            late += usize::from(row.bucket.0 > row.window.end());
            tagged += usize::from(row.instance.instance().tag("env").is_some());
        }
        assert!(late > 0, "no late rows");
        assert!(tagged > rows.len() / 2 && tagged < rows.len(), "{tagged} rows with tags");
    }
}
