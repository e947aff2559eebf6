//! Lists billing periods and invoices, with ureq and serde_json.
//!
//! Usage: TOKEN=… cargo run -p cli --example invoices https://127.0.0.1:8443 ca.pem SUBSCRIPTION_ID
#![expect(clippy::print_stdout, reason = "what it shows")]

use std::error::Error;
use std::sync::Arc;
use std::{env, fs};

use serde_json::Value;
use ureq::tls::{Certificate, RootCerts, TlsConfig};

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = env::args().skip(1).collect();
    let [server, authority, subscription] = &arguments[..] else {
        return Err("usage: ADDRESS AUTHORITY SUBSCRIPTION".into());
    };
    let agent = agent(authority)?;
    let billing = format!("{server}/subscriptions/{subscription}/providers/Microsoft.Billing");
    let version = "api-version=2018-03-01-preview";

    let periods = list(&agent, format!("{billing}/billingPeriods?{version}"))?;
    println!("billing periods: {}", periods.len());
    for period in periods {
        let days = &period["properties"];
        let [start, end] =
            ["billingPeriodStartDate", "billingPeriodEndDate"].map(|key| text(&days[key]));
        println!("{}: {start} to {end}", text(&period["name"]));
    }
    let invoices = list(&agent, format!("{billing}/invoices?{version}&$expand=downloadUrl"))?;
    for invoice in &invoices {
        let (name, properties) = (text(&invoice["name"]), &invoice["properties"]);
        let [start, end] =
            ["invoicePeriodStartDate", "invoicePeriodEndDate"].map(|key| text(&properties[key]));
        println!("invoice {name}: {start} to {end}, {}", text(&properties["downloadUrl"]["url"]));
    }
    if invoices.is_empty() {
        println!("no invoice yet");
    }
    Ok(())
}

/// Every item of every page.
fn list(agent: &ureq::Agent, first: String) -> Result<Vec<Value>, Box<dyn Error>> {
    let (mut items, mut link) = (Vec::new(), Some(first));
    while let Some(url) = link {
        let request = agent.get(&url);
        let request = request.header("authorization", format!("Bearer {}", env::var("TOKEN")?));
        let page: Value = serde_json::from_reader(request.call()?.body_mut().as_reader())?;
        items.extend_from_slice(page["value"].as_array().ok_or("an answer without a value")?);
        link = page["nextLink"].as_str().map(str::to_owned);
    }
    Ok(items)
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
