//! A bill with every kind of charge, for the rules of FOCUS: tiers, included quantity, a commitment
//! that is drawn up, a credit, a recurring charge, a markup, and usage without a price.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use serde_json::{Value, json};

use crate::server::Server;

const SUBSCRIPTION: &str = "f0c05000-0000-0000-0000-000000000001";
const OFFER: &str = "MS-AZR-0003P";
const PERIOD: &str = "2026-02";

/// Makes the bill, and exports it in both formats.
pub(super) fn files(server: &Server, folder: &Path) -> Result<Vec<PathBuf>> {
    let client = server.client()?;
    let post = |path: &str, body: &Value| -> Result<Value> {
        let answer = client.post(path, "application/json", body.to_string().as_bytes())?;
        answer.json(path, &[200, 201])
    };
    post("/tallyhouse/v1/subscriptions", &subscription())?;
    let card =
        format!("/tallyhouse/v1/rate-cards?offer={OFFER}&currency=USD&locale=en-US&region=US");
    post(&card, &rate_card())?;
    let markup = json!({"scope": "installation", "meterId": meter_id(2), "from": "2026-02-15",
        "markup": "12.5", "repriceClosed": true});
    post("/tallyhouse/v1/price-overrides", &markup)?;
    let events = "/tallyhouse/v1/events";
    let batch = Value::from(events_of_a_month()).to_string();
    let answer = client.post(events, "application/cloudevents-batch+json", batch.as_bytes())?;
    answer.json(events, &[200])?;
    ["csv", "parquet"].iter().map(|format| export(server, folder, format)).collect()
}

fn export(server: &Server, folder: &Path, format: &str) -> Result<PathBuf> {
    let file = folder.join(format!("focus.{format}"));
    let path = file.to_str().context("the folder's name is UTF-8")?;
    let bill = ["export", "focus", "--subscription", SUBSCRIPTION, "--period", PERIOD];
    server.tallyhouse(&[&bill[..], &["--format", format, "--file", path]].concat())?;
    let size = fs::metadata(&file)?.len();
    anyhow::ensure!(size > 0, "{path} is empty");
    Ok(file)
}

fn subscription() -> Value {
    json!({"subscriptionId": SUBSCRIPTION, "displayName": "FOCUS", "offer": OFFER,
        "currency": "USD", "locale": "en-US", "region": "US", "commitment": "40"})
}

fn rate_card() -> Value {
    let effective = "2020-01-01T00:00:00Z";
    let meter = |number: u8, name: &str, category: &str, tags: Value, rates: Value| {
        json!({"MeterId": meter_id(number), "MeterName": name, "MeterCategory": category,
            "MeterSubCategory": "", "Unit": "10 Hours", "MeterTags": tags,
            "MeterRegion": "US East", "MeterRates": rates, "EffectiveDate": effective,
            "IncludedQuantity": if number == 1 { 5 } else { 0 }})
    };
    json!({
        "OfferTerms": [
            {"Name": "Monetary Credit", "Credit": 3.5, "ExcludedMeterIds": [],
                "EffectiveDate": effective},
            {"Name": "Monetary Commitment", "TieredDiscount": {"0": 0, "25": 7.5},
                "ExcludedMeterIds": [meter_id(2)], "EffectiveDate": effective},
            {"Name": "Recurring Charge", "RecurringCharge": 9.99, "EffectiveDate": effective},
        ],
        "Meters": [
            meter(1, "Compute Hours", "Virtual Machines", json!([]), json!({"0": 0.146, "250": 0.11})),
            meter(2, "Data Stored", "Storage", json!([]), json!({"0": 0.024, "10": 0.0236})),
            meter(3, "Images", "Marketplace", json!(["Third Party"]), json!({"0": 0.25})),
        ],
        "Currency": "USD", "Locale": "en-US", "IsTaxIncluded": false,
    })
}

fn meter_id(number: u8) -> String {
    format!("f0c05000-0000-0000-0000-0000000000{number:02}")
}

/// Meter 4 is on no card.
fn events_of_a_month() -> Vec<Value> {
    let mut events = Vec::new();
    for day in 1..=28_u32 {
        for meter in 1..=4_u8 {
            let uri = format!(
                "/subscriptions/{SUBSCRIPTION}/resourceGroups/Web/providers/Microsoft.Compute/\
                 virtualMachines/vm-{}",
                day % 3
            );
            let mut data = json!({
                "subscriptionId": SUBSCRIPTION, "meterId": meter_id(meter),
                "usageStartTime": format!("2026-02-{day:02}T07:00:00Z"),
                "usageEndTime": format!("2026-02-{day:02}T08:00:00Z"),
                "quantity": format!("{}.{:03}", day % 7 * 3 + 1, day * 37),
                "unit": "10 Hours", "meterName": "Metered",
            });
            if meter != 3 {
                data["resourceUri"] = json!(uri);
                data["location"] = json!("eastus");
                data["tags"] = json!({"team": "shop \"a\", b", "env": "prod"});
            }
            events.push(json!({"specversion": "1.0", "type": "tallyhouse.usage.v1",
                "source": "urn:focus", "id": format!("{meter}/{day}"), "data": data}));
        }
    }
    events
}
