//! Reads a rate card, with ureq and serde_json.
//!
//! Usage: TOKEN=… cargo run -p cli --example ratecard https://127.0.0.1:8443 ca.pem SUBSCRIPTION_ID
#![expect(clippy::print_stdout, reason = "what it shows")]

use std::error::Error;
use std::sync::Arc;
use std::{env, fs};

use serde_json::Value;
use ureq::tls::{Certificate, RootCerts, TlsConfig};

const FILTER: &str = "OfferDurableId eq 'MS-AZR-0062P' and Currency eq 'USD' \
                      and Locale eq 'en-US' and RegionInfo eq 'US'";
const METER: &str = "9995d93a-7d35-4d3f-9c69-7a7fea447ef4";

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = env::args().skip(1).collect();
    let [server, authority, subscription] = &arguments[..] else {
        return Err("usage: ADDRESS AUTHORITY SUBSCRIPTION".into());
    };
    let mut answer = agent(authority)?
        .get(format!("{server}/subscriptions/{subscription}/providers/Microsoft.Commerce/RateCard"))
        .query("api-version", "2015-06-01-preview")
        .query("$filter", FILTER)
        .header("authorization", format!("Bearer {}", env::var("TOKEN")?))
        .call()?;
    let card: Value = serde_json::from_reader(answer.body_mut().as_reader())?;

    let meters = card["Meters"].as_array().ok_or("a card without meters")?;
    println!("{} meters in {}", meters.len(), text(&card["Currency"]));
    let meter = meters.iter().find(|meter| meter["MeterId"] == METER).ok_or("no such meter")?;
    let [name, region, unit] = ["MeterName", "MeterRegion", "Unit"].map(|key| text(&meter[key]));
    println!("{name}, {region}, by {unit}:");
    let rates = meter["MeterRates"].as_object().ok_or("a meter without rates")?;
    let mut tiers = Vec::new();
    for (bound, rate) in rates {
        tiers.push((bound.parse::<f64>()?, rate.as_f64().ok_or("a rate that is no number")?));
    }
    tiers.sort_by(|one, other| one.0.total_cmp(&other.0));
    for (bound, rate) in tiers {
        println!("from {bound}: {rate:.3}");
    }
    Ok(())
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_default()
}

/// A client that trusts this authority alone.
fn agent(authority: &str) -> Result<ureq::Agent, Box<dyn Error>> {
    let certificate = Certificate::from_pem(&fs::read(authority)?)?;
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let tls = TlsConfig::builder()
        .root_certs(RootCerts::Specific(Arc::new(vec![certificate])))
        .unversioned_rustls_crypto_provider(provider);
    Ok(ureq::Agent::config_builder().tls_config(tls.build()).build().new_agent())
}
