//! The usage that is measured: the same bytes for the same number of records.
//!
//! Twenty subscriptions with five hundred resources each, forty meters, one month of hours. A
//! record is about 600 bytes of JSON with five tags.

use std::fmt::Write as _;
use std::fs::File;
use std::io::{BufWriter, Write as _};
use std::path::{Path, PathBuf};

use anyhow::Result;

use crate::random::Random;

pub(crate) const SUBSCRIPTIONS: u64 = 20;
const RESOURCES: u64 = 500;
const METERS: u64 = 40;
const HOURS: u64 = 31 * 24;
const SEED: u64 = 7;
/// Files of events for the peer, each a batch, and how many events each has.
pub(crate) const BATCHES: u64 = 30;
pub(crate) const BATCH_EVENTS: u64 = 1_000;

/// The files that were written.
pub(crate) struct Files {
    /// Rows in the shape of the Usage API, one a line.
    pub(crate) aggregates: PathBuf,
    /// Events, one a line, a file for each batch.
    pub(crate) batches: Vec<PathBuf>,
}

/// Writes the files into a folder.
pub(crate) fn write(folder: &Path, records: u64) -> Result<Files> {
    let mut random = Random::new(SEED);
    let aggregates = folder.join("aggregates.ndjson");
    write_aggregates(&aggregates, records, SUBSCRIPTIONS, &mut random)?;
    let mut batches = Vec::new();
    for batch in 0..BATCHES {
        let path = folder.join(format!("events-{batch:02}.ndjson"));
        let mut out = BufWriter::new(File::create(&path)?);
        for place in 0..BATCH_EVENTS {
            let event = event(&format!("file-{batch}-{place}"), SUBSCRIPTIONS, &mut random);
            writeln!(out, "{event}")?;
        }
        out.flush()?;
        batches.push(path);
    }
    Ok(Files { aggregates, batches })
}

/// Writes rows in the shape of the Usage API, of so many subscriptions.
pub(crate) fn write_aggregates(
    path: &Path,
    records: u64,
    subscriptions: u64,
    random: &mut Random,
) -> Result<()> {
    let mut out = BufWriter::new(File::create(path)?);
    for number in 0..records {
        out.write_all(aggregate(number, records, subscriptions, random).as_bytes())?;
    }
    Ok(out.flush()?)
}

/// Id of a subscription.
pub(crate) fn subscription(number: u64) -> String {
    format!("be9c4000-0000-4000-8000-{number:012}")
}

fn meter(number: u64) -> String {
    format!("3e7e4000-0000-4000-8000-{number:012}")
}

/// A card with a price and a second tier for every meter.
pub(crate) fn rate_card() -> String {
    let meters: Vec<String> = (0..METERS)
        .map(|number| {
            format!(
                r#"{{"MeterId":"{}","MeterName":"Meter {number}","MeterCategory":"Category {}","MeterSubCategory":"","Unit":"Hours","MeterTags":[],"MeterRegion":"","MeterRates":{{"0":0.0{number:02}5,"1000":0.0{number:02}1}},"EffectiveDate":"2020-01-01T00:00:00Z","IncludedQuantity":0.0}}"#,
                meter(number),
                number % 7,
            )
        })
        .collect();
    format!(
        r#"{{"OfferTerms":[],"Meters":[{}],"Currency":"USD","Locale":"en-US","IsTaxIncluded":false}}"#,
        meters.join(",")
    )
}

/// One row as the Usage API answers it: rows come in order of their reported hour.
fn aggregate(number: u64, records: u64, subscriptions: u64, random: &mut Random) -> String {
    let hour = number * HOURS / records;
    let (owner, resource) = (random.below(subscriptions), random.below(RESOURCES));
    let meter_number = (resource + random.below(3)) % METERS;
    let tags = tags(resource).replace('"', r#"\""#);
    let (start, end) = (moment(hour), moment(hour + 1));
    let id = subscription(owner);
    let name = format!("Hourly_BRSDT_202603{:02}_{:02}00", 1 + hour / 24, hour % 24);
    let uri = resource_uri(owner, resource);
    let mut row = String::with_capacity(1_100);
    write!(
        row,
        r#"{{"id":"/subscriptions/{id}/providers/Microsoft.Commerce/UsageAggregates/{name}","name":"{name}","type":"Microsoft.Commerce/UsageAggregate","properties":{{"subscriptionId":"{id}","usageStartTime":"{start}","usageEndTime":"{end}","meterName":"Meter {meter_number}","meterCategory":"Category {}","unit":"Hours","meterId":"{}","infoFields":{{}},"instanceData":"{{\"Microsoft.Resources\":{{\"resourceUri\":\"{uri}\",\"location\":\"eastus\",\"tags\":{tags}}}}}","quantity":{}.{}}}}}"#,
        meter_number % 7,
        meter(meter_number),
        random.below(20),
        random.digits(8),
    )
    .expect("writing to a text does not fail");
    row.push('\n');
    row
}

/// One CloudEvent, of one of so many subscriptions.
pub(crate) fn event(id: &str, subscriptions: u64, random: &mut Random) -> String {
    let (owner, resource) = (random.below(subscriptions), random.below(RESOURCES));
    let hour = random.below(HOURS);
    format!(
        r#"{{"specversion":"1.0","type":"tallyhouse.usage.v1","source":"urn:bench","id":"{id}","data":{{"subscriptionId":"{}","meterId":"{}","usageStartTime":"{}","usageEndTime":"{}","quantity":"{}.{}","resourceUri":"{}","location":"eastus","tags":{}}}}}"#,
        subscription(owner),
        meter((resource + random.below(3)) % METERS),
        moment(hour),
        moment(hour + 1),
        random.below(20),
        random.digits(8),
        resource_uri(owner, resource),
        tags(resource),
    )
}

fn resource_uri(owner: u64, resource: u64) -> String {
    let id = subscription(owner);
    format!(
        "/subscriptions/{id}/resourceGroups/rg-{}/providers/Microsoft.Compute/virtualMachines/vm-{resource:04}",
        resource % 25
    )
}

fn tags(resource: u64) -> String {
    format!(
        r#"{{"environment":"env-{}","cost-center":"cc-{:05}","owner":"team-{:02}","application":"app-{:03}","schedule":"office-hours"}}"#,
        resource % 4,
        resource % 90,
        resource % 20,
        resource % 120,
    )
}

/// Text of an hour of March 2026; the hour after the last is in April.
fn moment(hour: u64) -> String {
    let (month, day) = if hour >= HOURS { (4, 1) } else { (3, 1 + hour / 24) };
    format!("2026-{month:02}-{day:02}T{:02}:00:00+00:00", hour % 24)
}

#[cfg(test)]
mod tests {
    use serde_json::Value;

    use super::*;

    #[test]
    fn records_are_json_of_about_600_bytes_with_five_tags() {
        let mut random = Random::new(SEED);
        let event = event("x-1", SUBSCRIPTIONS, &mut random);
        assert!((550..700).contains(&event.len()), "{} bytes", event.len());
        let event: Value = serde_json::from_str(&event).unwrap();
        assert_eq!(event["data"]["tags"].as_object().unwrap().len(), 5);
        let row: Value =
            serde_json::from_str(&aggregate(9, 10, SUBSCRIPTIONS, &mut random)).unwrap();
        let instance = row["properties"]["instanceData"].as_str().unwrap();
        let instance: Value = serde_json::from_str(instance).unwrap();
        assert_eq!(instance["Microsoft.Resources"]["tags"].as_object().unwrap().len(), 5);
        let card: Value = serde_json::from_str(&rate_card()).unwrap();
        assert_eq!(card["Meters"].as_array().unwrap().len(), 40);
    }
}
