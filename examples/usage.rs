//! Sums a week's usage by unit, with ureq and serde_json.
//!
//! Usage: TOKEN=… cargo run -p cli --example usage https://127.0.0.1:8443 ca.pem SUBSCRIPTION_ID
#![expect(clippy::print_stdout, clippy::float_arithmetic, reason = "what it shows, simply")]

use std::collections::BTreeMap;
use std::error::Error;
use std::sync::Arc;
use std::{env, fs};

use serde_json::Value;
use time::{Duration, OffsetDateTime};
use ureq::tls::{Certificate, RootCerts, TlsConfig};

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = env::args().skip(1).collect();
    let [server, authority, subscription] = &arguments[..] else {
        return Err("usage: ADDRESS AUTHORITY SUBSCRIPTION".into());
    };
    let agent = agent(authority)?;
    let end = OffsetDateTime::now_utc().date();
    let start = end - Duration::days(7);

    let mut link = Some(format!(
        "{server}/subscriptions/{subscription}/providers/Microsoft.Commerce/UsageAggregates\
         ?api-version=2015-06-01-preview&reportedStartTime={start}&reportedEndTime={end}\
         &aggregationGranularity=Hourly"
    ));
    let mut count = 0;
    let mut sums: BTreeMap<String, f64> = BTreeMap::new();
    while let Some(url) = link {
        let request = agent.get(&url);
        let request = request.header("authorization", format!("Bearer {}", env::var("TOKEN")?));
        let page: Value = serde_json::from_reader(request.call()?.body_mut().as_reader())?;
        for row in page["value"].as_array().ok_or("an answer without a value")? {
            count += 1;
            let unit = row["properties"]["unit"].as_str().unwrap_or_default();
            let quantity = row["properties"]["quantity"].as_f64().ok_or("no quantity")?;
            *sums.entry(unit.to_owned()).or_default() += quantity;
        }
        link = page["nextLink"].as_str().map(str::to_owned);
    }
    println!("{count} usage aggregates reported from {start} to {end}");
    for (unit, sum) in sums {
        println!("{sum:.3} {unit}");
    }
    Ok(())
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
