//! Pages of usage: the first of many subscriptions, and one far behind it by its token.

use std::time::Instant;

use anyhow::{Context, Result, ensure};
use serde_json::Value;

use super::base::SUBSCRIPTIONS;
use super::machine::drop_caches;
use crate::bench::data::subscription;
use crate::bench::report::micros;
use crate::decimal::Decimal;
use crate::http::Client;
use crate::server::Server;

/// Subscriptions whose first page is asked for.
const ASKED: u64 = 300;
/// The same, where the page cache is emptied before each.
const ASKED_COLD: u64 = 15;
/// Subscriptions of which a later page is asked for, which one, and how often.
const WALKED: u64 = 20;
const LATER_PAGE: usize = 20;
const LATER_RUNS: usize = 10;

pub(super) const GRANULARITIES: [&str; 2] = ["Hourly", "Daily"];

/// How long pages of one kind took.
pub(super) struct Pages {
    pub(super) what: String,
    pub(super) waits_us: Vec<u64>,
}

/// Asks for all kinds of pages.
pub(super) fn measure(server: &Server) -> Result<Vec<Pages>> {
    let client = server.client()?;
    let mut all = Vec::new();
    for granularity in GRANULARITIES {
        let mut waits_us = Vec::new();
        for number in spread(ASKED_COLD) {
            if drop_caches() {
                waits_us.push(time(&client, &first_page(number, granularity))?.0);
            }
        }
        all.push(Pages { what: first_cold(granularity), waits_us });
        let mut waits_us = Vec::new();
        for run in 0..2 {
            for number in spread(ASKED) {
                let (wait, _) = time(&client, &first_page(number, granularity))?;
                if run > 0 {
                    waits_us.push(wait);
                }
            }
        }
        all.push(Pages { what: first(granularity), waits_us });
        let (page, waits_us) = later(server, &client, granularity)?;
        all.push(Pages { what: format!("page {page} by its token, {granularity}"), waits_us });
    }
    Ok(all)
}

/// What the first page is called.
pub(super) fn first(granularity: &str) -> String {
    format!("first page, {granularity}")
}

/// What it is called where nothing is cached.
pub(super) fn first_cold(granularity: &str) -> String {
    format!("{}, nothing cached", first(granularity))
}

/// Sum of all quantities on the first page of a subscription.
pub(super) fn sum_of_first(client: &Client, number: u64, granularity: &str) -> Result<Decimal> {
    let (_, page) = time(client, &first_page(number, granularity))?;
    let mut sum = Decimal::default();
    for row in page["value"].as_array().context("a page has no value")? {
        sum = sum.plus(Decimal::parse(&row["properties"]["quantity"].to_string())?);
    }
    Ok(sum)
}

fn later(server: &Server, client: &Client, granularity: &str) -> Result<(usize, Vec<u64>)> {
    let (mut waits_us, mut last) = (Vec::new(), LATER_PAGE);
    for number in spread(WALKED) {
        let (mut path, mut page) = (first_page(number, granularity), 1);
        while page < LATER_PAGE {
            let (_, answer) = time(client, &path)?;
            let Some(next) = answer["nextLink"].as_str() else { break };
            path = next.strip_prefix(&server.url).context("a link to elsewhere")?.to_owned();
            page += 1;
        }
        last = last.min(page);
        for _ in 0..LATER_RUNS {
            waits_us.push(time(client, &path)?.0);
        }
    }
    Ok((last, waits_us))
}

/// So many subscriptions, which lie far apart.
fn spread(count: u64) -> impl Iterator<Item = u64> {
    (0..count).map(move |number| number * (SUBSCRIPTIONS / count))
}

fn first_page(number: u64, granularity: &str) -> String {
    format!(
        "/subscriptions/{}/providers/Microsoft.Commerce/UsageAggregates?api-version=2015-06-01-preview\
         &reportedStartTime=2026-03-01T00%3A00%3A00Z&reportedEndTime=2026-04-01T00%3A00%3A00Z\
         &showDetails=true&aggregationGranularity={granularity}",
        subscription(number)
    )
}

fn time(client: &Client, path: &str) -> Result<(u64, Value)> {
    let begun = Instant::now();
    let answer = client.get(path)?;
    let wait = micros(begun);
    let page = answer.json(path, &[200])?;
    ensure!(page["value"].as_array().is_some_and(|rows| !rows.is_empty()), "no rows: {path}");
    Ok((wait, page))
}
