//! The usage that the clients must read back, and the answers that they must get.
//!
//! Everything follows from the seed. The answers are computed here from what is sent, by the
//! plainest possible summing; nothing of the project's own code is used for it.

use std::collections::BTreeMap;

use anyhow::{Context, Result, ensure};
use serde_json::{Number, Value, json};

use crate::decimal::Decimal;
use crate::random::Random;

/// The offer of the sample card.
pub(crate) const OFFER: &str = "MS-AZR-0062P";
/// The subscription that the reader may read.
pub(crate) const OURS: &str = "7a3c1b52-9f0e-4c4d-8a61-2f6d3b5e9c01";
/// A subscription that the reader may not read.
pub(crate) const OTHERS: &str = "c0ffee00-1111-4222-8333-444455556666";
/// Object id of a principal with the role Reader on `OURS`.
pub(crate) const READER: &str = "b1946ac9-2249-4bd0-9f2c-000000000001";
/// Object id of a principal without any role.
pub(crate) const STRANGER: &str = "b1946ac9-2249-4bd0-9f2c-000000000002";

/// Hour, counted from 1970, in which the reported days begin: 2026-03-01.
const FIRST: i64 = 20_513 * 24;
const DAYS: i64 = 4;
const HOURLY_ROWS_AN_HOUR: u32 = 40;
const DAILY_ROWS_A_DAY: u32 = 500;
const INSTANCES: u64 = 400;
const EVENTS: u32 = 620;

/// A meter of the sample card, or one that the card does not know.
struct Meter {
    id: String,
    name: String,
    category: String,
    unit: String,
}

/// One row of usage, as it is sent.
#[derive(Clone)]
struct Row {
    subscription: &'static str,
    /// Hour in which it was reported; for a daily row the first of its day.
    reported: i64,
    start: i64,
    hours: i64,
    meter: usize,
    instance: u64,
    quantity: String,
}

/// All usage of the conformance run.
pub(crate) struct Case {
    meters: Vec<Meter>,
    rows: Vec<Row>,
    /// Events as JSON, one line each.
    pub(crate) events: Vec<String>,
    event_sums: BTreeMap<String, Decimal>,
}

impl Case {
    /// The case of this seed, on meters of this card.
    pub(crate) fn new(seed: u64, card: &Value) -> Result<Self> {
        let mut random = Random::new(seed);
        let meters = meters(card)?;
        let rows = rows(&mut random, meters.len());
        let mut case = Self { meters, rows, events: Vec::new(), event_sums: BTreeMap::new() };
        case.make_events(&mut random)?;
        for query in case.queries().as_array().context("queries are a list")? {
            let rows = query["rows"].as_array().context("rows are a list")?.len();
            let enough = query["pages"].as_u64().is_none_or(|pages| {
                u64::try_from(rows).is_ok_and(|rows| rows > (pages - 1) * 1000)
            });
            ensure!(enough, "query {} has only {rows} rows", query["name"]);
        }
        Ok(case)
    }

    /// The hourly rows as one document, `{"value":[…]}`.
    pub(crate) fn hourly_document(&self) -> String {
        let rows = self.rows.iter().filter(|row| row.hours == 1);
        let rows: Vec<String> = rows.map(|row| self.wire(row, "Hourly")).collect();
        format!("{{\"value\":[{}]}}", rows.join(",\n"))
    }

    /// The daily rows, one a line.
    pub(crate) fn daily_lines(&self) -> String {
        let rows = self.rows.iter().filter(|row| row.hours == 24);
        rows.map(|row| self.wire(row, "Daily") + "\n").collect()
    }

    /// How many records the ledger has.
    pub(crate) fn record_count(&self) -> usize {
        self.rows.len() + self.events.len()
    }

    /// Sum of all records of the ledger.
    pub(crate) fn sum(&self) -> Decimal {
        let sums = [self.meter_decimals(OURS), self.meter_decimals(OTHERS)];
        sums.iter().flat_map(BTreeMap::values).fold(Decimal::default(), |sum, one| sum.plus(*one))
    }

    /// Sum of all records of a subscription for each meter.
    pub(crate) fn meter_sums(&self, subscription: &str) -> BTreeMap<String, String> {
        let sums = self.meter_decimals(subscription).into_iter();
        sums.map(|(meter, sum)| (meter, sum.to_string())).collect()
    }

    /// What is asked, and the rows that must be answered: name, usage start and end, meter,
    /// instance, quantity.
    pub(crate) fn queries(&self) -> Value {
        let all = (FIRST, FIRST + DAYS * 24);
        let second_day = (FIRST + 24, FIRST + 48);
        let quiet = (FIRST - 24 * 40, FIRST - 24 * 39);
        json!([
            self.query("daily with details", all, "Daily", true, Some(4)),
            self.query("daily without details", all, "Daily", false, None),
            self.query("hourly with details", all, "Hourly", true, Some(4)),
            self.query("hourly without details", all, "Hourly", false, Some(3)),
            self.query("one day of hours", second_day, "Hourly", true, None),
            self.query("one hour", (FIRST + 30, FIRST + 31), "Hourly", true, None),
            self.query("nothing was reported", quiet, "Daily", true, None),
        ])
    }

    fn query(
        &self,
        name: &str,
        range: (i64, i64),
        granularity: &str,
        details: bool,
        pages: Option<u64>,
    ) -> Value {
        let bucket = if granularity == "Daily" { 24 } else { 1 };
        let mut sums: BTreeMap<(i64, i64, i64, String, String), Decimal> = BTreeMap::new();
        for row in &self.rows {
            let reported = row.reported.div_euclid(bucket) * bucket;
            if row.subscription != OURS || reported < range.0 || reported >= range.1 {
                continue;
            }
            let width = bucket.max(row.hours);
            let start = row.start.div_euclid(width) * width;
            let instance = if details { instance_key(row.instance) } else { String::new() };
            let key = (reported, start, start + width, self.meters[row.meter].id.clone(), instance);
            let sum = sums.entry(key).or_default();
            *sum = sum.plus(decimal(&row.quantity));
        }
        let rows: Vec<Value> = sums
            .iter()
            .map(|((reported, start, end, meter, instance), sum)| {
                let name = bucket_name(granularity, *reported);
                json!([name, iso(*start), iso(*end), meter, instance, sum.to_string()])
            })
            .collect();
        json!({
            "name": name, "start": iso(range.0), "end": iso(range.1), "granularity": granularity,
            "details": details, "pages": pages, "rows": rows,
        })
    }

    /// A row in the shape of the Usage API. The number's text is as it was made.
    fn wire(&self, row: &Row, granularity: &str) -> String {
        let name = bucket_name(granularity, row.reported);
        let meter = &self.meters[row.meter];
        let number: Number = row.quantity.parse().expect("a quantity is a JSON number");
        let mut properties = json!({
            "subscriptionId": row.subscription,
            "usageStartTime": iso(row.start),
            "usageEndTime": iso(row.start + row.hours),
            "meterName": meter.name, "meterCategory": meter.category, "unit": meter.unit,
            "meterId": meter.id, "infoFields": {}, "quantity": number,
        });
        match row.instance % 10 {
            8 => {
                properties["infoFields"] =
                    json!({"meteredRegion": "East US", "project": instance_key(row.instance)})
            }
            9 => {}
            _ => properties["instanceData"] = json!(instance_data(row.instance).to_string()),
        }
        let id = format!(
            "/subscriptions/{}/providers/Microsoft.Commerce/UsageAggregates/{name}",
            row.subscription
        );
        json!({"id": id, "name": name, "type": "Microsoft.Commerce/UsageAggregate", "properties": properties}).to_string()
    }

    fn make_events(&mut self, random: &mut Random) -> Result<()> {
        for number in 0..EVENTS {
            let quantity = quantity(random);
            let meter = &self.meters[random_place(random, self.meters.len())];
            let start = FIRST + i64::try_from(random.below(24 * 3))?;
            let sum = self.event_sums.entry(meter.id.clone()).or_default();
            *sum = sum.plus(decimal(&quantity));
            let as_text = random.below(2) == 0;
            let sent = if as_text { json!(quantity) } else { json!(quantity.parse::<Number>()?) };
            let instance = random.below(INSTANCES / 10) * 10;
            let event = json!({
                "specversion": "1.0", "type": "tallyhouse.usage.v1",
                "source": "urn:tallyhouse:conformance", "id": format!("event-{number}"),
                "data": {
                    "subscriptionId": OURS, "meterId": meter.id,
                    "usageStartTime": iso(start), "usageEndTime": iso(start + 1),
                    "quantity": sent, "resourceUri": instance_key(instance),
                    "tags": {"Größe": "κ\"λ\\"},
                },
            });
            self.events.push(event.to_string());
        }
        Ok(())
    }

    fn meter_decimals(&self, subscription: &str) -> BTreeMap<String, Decimal> {
        let mut sums = if subscription == OURS { self.event_sums.clone() } else { BTreeMap::new() };
        for row in self.rows.iter().filter(|row| row.subscription == subscription) {
            let sum = sums.entry(self.meters[row.meter].id.clone()).or_default();
            *sum = sum.plus(decimal(&row.quantity));
        }
        sums
    }
}

/// Forty meters of the card, and one that it does not have.
fn meters(card: &Value) -> Result<Vec<Meter>> {
    let listed = card["Meters"].as_array().context("the card has no Meters")?;
    let mut meters = Vec::new();
    for meter in listed.iter().step_by(listed.len() / 40).take(40) {
        let text = |name: &str| {
            meter[name].as_str().map(str::to_owned).with_context(|| format!("no {name}"))
        };
        meters.push(Meter {
            id: text("MeterId")?,
            name: text("MeterName")?,
            category: text("MeterCategory")?,
            unit: text("Unit")?,
        });
    }
    meters.push(Meter {
        id: "deadbeef-0000-4000-8000-000000000001".to_owned(),
        name: "Not on any card".to_owned(),
        category: "Elsewhere".to_owned(),
        unit: "1 \"Piece\"".to_owned(),
    });
    Ok(meters)
}

fn rows(random: &mut Random, meters: usize) -> Vec<Row> {
    let mut rows = Vec::new();
    let mut add = |subscription, reported: i64, start: i64, hours, random: &mut Random| {
        let instance = random.below(INSTANCES);
        // Usually the same meter for an instance, so that hours add up to days.
        let spread = if random.below(4) == 0 { random.below(3) } else { 0 };
        let meter = usize::try_from(instance + spread).expect("a small number") % meters;
        let row = Row {
            subscription,
            reported,
            start,
            hours,
            meter,
            instance,
            quantity: quantity(random),
        };
        if random.below(200) == 0 {
            rows.push(row.clone()); // an equal row is usage of its own
        }
        rows.push(row);
    };
    for hour in FIRST..FIRST + DAYS * 24 {
        for _ in 0..HOURLY_ROWS_AN_HOUR {
            let late = *random.pick(&[0, 0, 0, 1, 2, 30]);
            add(OURS, hour, hour - late, 1, random);
        }
    }
    for day in (FIRST..FIRST + DAYS * 24).step_by(24) {
        for _ in 0..DAILY_ROWS_A_DAY {
            let late = *random.pick(&[0, 0, 24, 48]);
            add(OURS, day, day - late, 24, random);
        }
        for _ in 0..10 {
            add(OTHERS, day, day, 24, random);
        }
    }
    rows
}

/// A quantity as real and unkind sources write it.
fn quantity(random: &mut Random) -> String {
    match random.below(400) {
        0 => "999999999999999.99999999999999999999".to_owned(),
        1 => "123456789012345.6789".to_owned(),
        2..20 => "0".to_owned(),
        20..60 => format!("{}E-20", random.below(1000)),
        60..100 => format!("{}.{}E-05", random.below(10), random.digits(3)),
        100..130 => format!("{}.5e+3", random.below(1000)),
        130..160 => format!("{}.0", random.below(50)),
        160..200 => format!("0.{}", random.digits(20)),
        200..240 => format!("{}.{}", random.below(1_000_000), random.digits(20)),
        _ => format!("{}.{}", random.below(25), random.digits(5)),
    }
}

fn decimal(quantity: &str) -> Decimal {
    Decimal::parse(quantity).expect("a quantity made here is a decimal")
}

fn random_place(random: &mut Random, length: usize) -> usize {
    let bound = u64::try_from(length).expect("a length is below 2^64");
    usize::try_from(random.below(bound)).expect("below a length")
}

/// What the tests know an instance by: its resource, or its legacy project, or nothing.
fn instance_key(instance: u64) -> String {
    match instance % 10 {
        8 => format!("project-{instance}"),
        9 => String::new(),
        _ => format!(
            "/subscriptions/{OURS}/resourceGroups/rg-{}/providers/Microsoft.Compute/virtualMachines/vm-{instance}",
            instance % 7
        ),
    }
}

fn instance_data(instance: u64) -> Value {
    let mut resources = json!({"resourceUri": instance_key(instance), "location": "eastus"});
    if instance.is_multiple_of(3) {
        resources["tags"] = json!({"Department": "Sales", "name \"quoted\"": "Zoë \\ 東京", "env": format!("e{}", instance % 5)});
    }
    if instance.is_multiple_of(4) {
        resources["additionalInfo"] =
            json!({"ServiceType": "Standard_D1", "ImageType": "Canonical", "Count": 1.50});
        resources["partNumber"] = json!("");
        resources["orderNumber"] = json!("");
    }
    json!({"Microsoft.Resources": resources})
}

fn bucket_name(granularity: &str, hour: i64) -> String {
    let (year, month, day) = civil(hour.div_euclid(24));
    format!("{granularity}_BRSDT_{year:04}{month:02}{day:02}_{:02}00", hour.rem_euclid(24))
}

fn iso(hour: i64) -> String {
    let (year, month, day) = civil(hour.div_euclid(24));
    format!("{year:04}-{month:02}-{day:02}T{:02}:00:00+00:00", hour.rem_euclid(24))
}

/// Year, month and day of a day counted from 1970 (H. Hinnant, `civil_from_days`).
fn civil(day: i64) -> (i64, i64, i64) {
    let shifted = day + 719_468;
    let era = shifted.div_euclid(146_097);
    let day_of_era = shifted.rem_euclid(146_097);
    let year_of_era =
        (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month = (5 * day_of_year + 2) / 153;
    let month_of_year = if month < 10 { month + 3 } else { month - 9 };
    let year = year_of_era + era * 400 + i64::from(month_of_year <= 2);
    (year, month_of_year, day_of_year - (153 * month + 2) / 5 + 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hours_have_their_names() {
        assert_eq!(iso(FIRST), "2026-03-01T00:00:00+00:00");
        assert_eq!(iso(FIRST - 1), "2026-02-28T23:00:00+00:00");
        assert_eq!(bucket_name("Hourly", FIRST + 25), "Hourly_BRSDT_20260302_0100");
    }
}
