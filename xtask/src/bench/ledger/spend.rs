//! What usage cost: the month of every subscription, and of one by different groups. Sums are those
//! that the data was made with, to the last digit, before any figure counts.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use serde_json::Value;

use super::base::SUBSCRIPTIONS;
use crate::bench::data::subscription;
use crate::bench::report::{Line, median, micros};
use crate::decimal::Decimal;
use crate::server::Server;

/// Subscriptions that are asked for their cost by each group.
const ASKED: u64 = 20;
/// What cost is grouped by, and the file of sums with the same keys.
const GROUPS: [(&str, &str); 4] =
    [("meter", "meter"), ("tag:cost-center", "tag"), ("resource", "resource"), ("day", "day")];

/// What the month of all subscriptions is grouped by. An answer has at most 100,000 groups, which resources
/// are more than: their groups take the same reading.
pub(super) const GROUPS_OF_ALL: [&str; 5] =
    ["subscription", "meter", "day", "tag:cost-center", "resource-group"];
/// The same where no rollup is there.
pub(super) const GROUPS_OF_ROWS: [&str; 3] = ["subscription", "day", "tag:cost-center"];
/// How often it is asked for again, at most; an answer that takes long is asked for once.
pub(super) const RUNS: usize = 7;
const AGAIN_LIMIT: Duration = Duration::from_secs(20);

/// How long the month of all subscriptions takes, by one thing.
pub(super) struct MonthOfAll {
    pub(super) group: &'static str,
    /// The first time after a start, when no sum is known.
    pub(super) first: Took,
    /// When it was asked for before, if it was asked again.
    pub(super) again: Option<Took>,
}

pub(super) struct Took {
    pub(super) wall_us: u64,
    pub(super) cpu_us: u64,
}

/// The month of all subscriptions, in one answer, by different groups: of servers that were just started.
pub(super) fn month_of_all(
    start: impl Fn() -> Result<Server>,
    (groups, runs): (&[&'static str], usize),
    sums: &Path,
) -> Result<Vec<MonthOfAll>> {
    let of_all =
        |group: &str| format!("/tallyhouse/v1/cost?from=2026-03-01&to=2026-04-01&groupBy={group}");
    let server = start()?;
    let path = of_all("subscription,meter");
    let whole = server.client()?.get(&path)?.json(&path, &[200])?;
    server.stop()?;
    let total = check_all(&whole, &expected(&sums.join("meter.csv"))?)?;
    let mut months = Vec::new();
    for group in groups {
        let path = of_all(group);
        let (server, mut took) = (start()?, Vec::new());
        let client = server.client()?;
        let asked = Instant::now();
        while took.len() < 2.min(runs + 1) || (took.len() <= runs && asked.elapsed() < AGAIN_LIMIT)
        {
            let (begun, cpu) = (Instant::now(), server.cpu_ms()?);
            let answer = client.get(&path)?;
            let (wall_us, cpu_us) = (micros(begun), (server.cpu_ms()? - cpu) * 1_000);
            took.push(Took { wall_us, cpu_us });
            let answer = answer.json(&path, &[200])?;
            let found = Decimal::parse(&text_of_total(&answer["currencies"][0])?)?;
            ensure!(found == total, "{path}: {found:?}, not {total:?}");
        }
        server.stop()?;
        let first = took.remove(0);
        let mut waits_us: Vec<u64> = took.iter().map(|took| took.wall_us).collect();
        let cpu_us = took.iter().map(|took| took.cpu_us).sum::<u64>() / (took.len() as u64).max(1);
        let again = (runs > 0).then(|| Took { wall_us: median(&mut waits_us), cpu_us });
        months.push(MonthOfAll { group, first, again });
    }
    Ok(months)
}

/// The total of an answer by subscription and meter whose quantities are these.
fn check_all(
    answer: &Value,
    expected: &BTreeMap<String, BTreeMap<String, Decimal>>,
) -> Result<Decimal> {
    let [of_currency] = answer["currencies"].as_array().context("no currencies")?.as_slice() else {
        anyhow::bail!("usage of several currencies, or of none");
    };
    ensure!(of_currency["unpriced"] == serde_json::json!([]), "usage without a price");
    let mut found: BTreeMap<String, BTreeMap<String, Decimal>> = BTreeMap::new();
    let mut total = Decimal::default();
    for group in of_currency["groups"].as_array().context("no groups")? {
        let text = |value: &Value| value.as_str().map(str::to_owned).context("no text in a group");
        let (subscription, meter) = (text(&group["keys"][0])?, text(&group["keys"][1])?);
        let quantity = Decimal::parse(&text(&group["quantity"])?)?;
        found.entry(subscription).or_default().insert(meter, quantity);
        total = total.plus(Decimal::parse(&text(&group["net"])?)?);
    }
    ensure!(found == *expected, "the month of all has other quantities than were made");
    ensure!(Decimal::parse(&text_of_total(of_currency)?)? == total, "groups do not add up");
    Ok(total)
}

fn text_of_total(of_currency: &Value) -> Result<String> {
    Ok(of_currency["total"].as_str().context("no total")?.to_owned())
}

/// Cost of one subscription by each group, as the median over some of them.
pub(super) fn by_groups(server: &Server, sums: &Path) -> Result<Vec<Line>> {
    let (client, mut lines) = (server.client()?, Vec::new());
    let mut totals: BTreeMap<u64, Decimal> = BTreeMap::new();
    for (group, file) in GROUPS {
        let expected = expected(&sums.join(format!("{file}.csv")))?;
        let (mut waits_us, mut cpu, mut rows) = (Vec::new(), 0, 0);
        for run in 0..2 {
            cpu = server.cpu_ms()?;
            for number in (0..ASKED).map(|number| number * (SUBSCRIPTIONS / ASKED)) {
                let (begun, path) = (Instant::now(), cost_path(number, group));
                let answer = client.get(&path)?;
                let wait = micros(begun);
                if run > 0 {
                    waits_us.push(wait);
                }
                let (found, total) = groups(&answer.json(&path, &[200])?, "charge")?;
                let expected = &expected[&subscription(number)];
                ensure!(found.keys().eq(expected.keys()), "{path}: other groups than usage has");
                ensure!(*totals.entry(number).or_insert(total) == total, "{path}: another total");
                rows = found.len();
            }
        }
        let cpu_us = (server.cpu_ms()? - cpu) * 1000 / ASKED;
        lines.push(Line::answer(&format!("by {group} ({rows} groups)"), &mut waits_us, cpu_us));
    }
    Ok(lines)
}

fn cost_path(number: u64, group: &str) -> String {
    let id = subscription(number);
    format!("/tallyhouse/v1/subscriptions/{id}/cost?from=2026-03-01&to=2026-04-01&groupBy={group}")
}

/// What each group of an answer says, and the total; nothing may be without a price.
fn groups(cost: &Value, what: &str) -> Result<(BTreeMap<String, Decimal>, Decimal)> {
    ensure!(cost["unpriced"] == serde_json::json!([]), "usage without a price");
    let (mut found, mut total) = (BTreeMap::new(), Decimal::default());
    for group in cost["groups"].as_array().context("no groups in the cost")? {
        let text =
            |name: &str| group[name].as_str().with_context(|| format!("no {name} in {group}"));
        let amount = Decimal::parse(text(what)?)?;
        total = total.plus(amount);
        found.insert(text("key")?.to_lowercase(), amount);
    }
    Ok((found, total))
}

/// Sums by subscription and key; the answers have names of resources in lower case.
fn expected(file: &Path) -> Result<BTreeMap<String, BTreeMap<String, Decimal>>> {
    let mut sums: BTreeMap<String, BTreeMap<String, Decimal>> = BTreeMap::new();
    for line in fs::read_to_string(file)?.lines() {
        let (subscription, rest) = line.split_once(',').context("a line of sums")?;
        let (key, sum) = rest.rsplit_once(',').context("a line of sums")?;
        let of_subscription = sums.entry(subscription.to_owned()).or_default();
        of_subscription.insert(key.to_lowercase(), Decimal::parse(sum)?);
    }
    Ok(sums)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sums_are_read_by_subscription_and_key() {
        let folder = crate::process::fresh_folder("bench/test-sums").unwrap();
        let file = folder.join("tag.csv");
        fs::write(&file, "s,a,1.5\ns,b,2\nt,a,3\n").unwrap();
        let sums = expected(&file).unwrap();
        assert_eq!(sums["s"]["b"], Decimal::parse("2").unwrap());
        assert_eq!(sums["t"].len(), 1);
    }
}
