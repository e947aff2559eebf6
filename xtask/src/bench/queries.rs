//! The questions: the first page of a subscription's usage, and what its month cost.

use std::collections::BTreeMap;
use std::time::Instant;

use anyhow::{Context, Result, ensure};

use super::data::subscription;
use super::report::{Line, micros};
use crate::decimal::Decimal;
use crate::http::Client;
use crate::server::Server;

const RUNS: u64 = 21;
/// Subscription that all questions are about.
pub(crate) const ASKED: u64 = 7;

/// A question, and what it is called here and by the peer.
pub(crate) struct Question {
    pub(crate) name: &'static str,
    title: &'static str,
    path: String,
    /// Rows or groups that make an answer.
    list: &'static str,
}

/// All questions.
pub(crate) fn questions() -> [Question; 3] {
    let id = subscription(ASKED);
    let usage = |granularity: &str| {
        format!(
            "/subscriptions/{id}/providers/Microsoft.Commerce/UsageAggregates?api-version=2015-06-01-preview\
             &reportedStartTime=2026-03-01T00%3A00%3A00Z&reportedEndTime=2026-04-01T00%3A00%3A00Z\
             &showDetails=true&aggregationGranularity={granularity}"
        )
    };
    [
        Question {
            name: "hourly_page",
            title: "first page, Hourly",
            path: usage("Hourly"),
            list: "value",
        },
        Question {
            name: "daily_page",
            title: "first page, Daily",
            path: usage("Daily"),
            list: "value",
        },
        Question {
            name: "month_by_meter",
            title: "month's spend by meter",
            path: cost_path(),
            list: "groups",
        },
    ]
}

fn cost_path() -> String {
    let id = subscription(ASKED);
    format!("/tallyhouse/v1/subscriptions/{id}/cost?from=2026-03-01&to=2026-04-01&groupBy=meter")
}

/// The median answer to a question.
pub(crate) fn measure(server: &Server, client: &Client, question: &Question) -> Result<Line> {
    let ask = || client.get_json(&question.path);
    let rows = ask()?[question.list].as_array().map_or(0, Vec::len);
    ensure!(rows > 0, "{} has no rows", question.title);
    let cpu = server.cpu_ms()?;
    let mut waits = Vec::new();
    for _ in 0..RUNS {
        let begun = Instant::now();
        let answer = client.get(&question.path)?;
        waits.push(micros(begun));
        ensure!(answer.status == 200, "{} was answered {}", question.title, answer.status);
    }
    let cpu_us = (server.cpu_ms()? - cpu) * 1000 / RUNS;
    Ok(Line::answer(&format!("Tallyhouse, {} ({rows} rows)", question.title), &mut waits, cpu_us))
}

/// Quantity for each meter in the month, as the server has it.
pub(crate) fn sums_by_meter(client: &Client) -> Result<BTreeMap<String, String>> {
    let cost = client.get_json(&cost_path())?;
    let mut sums = BTreeMap::new();
    for group in cost["groups"].as_array().context("no groups in the cost")? {
        let text =
            |name: &str| group[name].as_str().with_context(|| format!("no {name} in {group}"));
        sums.insert(text("key")?.to_owned(), Decimal::parse(text("quantity")?)?.to_string());
    }
    Ok(sums)
}
