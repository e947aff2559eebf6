//! `cost show`: spend as the server answers it, or as a table for reading.

use std::io::{self, Write};

use domain::decimal::Money;
use wire::own::Cost;

use super::OWN_API;
use crate::arguments::{CostCommand, CostShowOptions};
use crate::client::Client;
use crate::failure::Failure;
use crate::output::table::{Column, write_rows};
use crate::output::{Output, message};

/// Runs a command of the group.
pub(super) fn run<W: Write>(
    command: CostCommand,
    client: &Client,
    output: &mut Output<W>,
) -> Result<(), Failure> {
    let CostCommand::Show(options) = command;
    if !output.is_plain_table() {
        let path = path(&options.subscription);
        return output.write(client.get(&path, &parameters(&options))?);
    }
    let cost: Cost = client.get_as(&path(&options.subscription), &parameters(&options))?;
    let out = output.stream();
    let period = cost.period.as_ref().map_or_else(String::new, |name| format!("{name}, "));
    let provisional = if cost.provisional { ", provisional" } else { "" };
    writeln!(out, "{period}{} to {} (UTC){provisional}\n", day(&cost.from), day(&cost.to))?;
    let is_rounded = write_spend(out, &cost)?;
    out.flush()?;
    if is_rounded {
        message(format!(
            "amounts are rounded to {} places for display; -o json has every digit",
            minor_unit(&cost.currency)
        ));
    }
    Ok(())
}

fn path(subscription: &impl std::fmt::Display) -> String {
    format!("{OWN_API}/subscriptions/{subscription}/cost")
}

fn parameters(options: &CostShowOptions) -> Vec<(&str, &str)> {
    let optional =
        [("period", &options.period), ("from", &options.from), ("to", &options.to)].into_iter();
    let given = optional.filter_map(|(name, value)| Some((name, value.as_deref()?)));
    given.chain([("groupBy", options.group_by.as_str())]).collect()
}

/// Writes groups, total and unpriced usage for reading. Whether an amount was rounded.
///
/// # Errors
/// If the stream does not take it.
pub(crate) fn write_spend(out: &mut dyn Write, cost: &Cost) -> io::Result<bool> {
    let mut amounts = Amounts { places: minor_unit(&cost.currency), is_rounded: false };
    let charge = Column::right(format!("Charge ({})", cost.currency));
    if cost.group_by == "meter" {
        write_meters(out, cost, charge, &mut amounts)?;
    } else {
        let columns = [Column::left(header(&cost.group_by)), charge];
        let rows = cost.groups.iter().map(|group| {
            let key = group.key.clone().unwrap_or_else(|| "(none)".to_owned());
            vec![key, amounts.rounded(&group.charge)]
        });
        let rows: Vec<_> = rows.collect();
        let total = vec!["Total".to_owned(), amounts.rounded(&cost.total)];
        write_rows(out, &columns, &rows, Some(total))?;
    }
    write_unpriced(out, cost)?;
    Ok(amounts.is_rounded)
}

/// Meters by category and name; the id tells those of one name apart.
fn write_meters(
    out: &mut dyn Write,
    cost: &Cost,
    charge: Column,
    amounts: &mut Amounts,
) -> io::Result<()> {
    let columns = [
        Column::left("Category"),
        Column::left("Meter"),
        Column::left("Meter id"),
        Column::right("Quantity"),
        Column::left("Unit"),
        charge,
    ];
    let text = |part: &Option<String>| part.clone().unwrap_or_default();
    let rows = cost.groups.iter().map(|group| {
        let names = [&group.meter_category, &group.meter_name, &group.key];
        let used = [&group.quantity, &group.unit];
        let cells = names.into_iter().chain(used).map(text);
        cells.chain([amounts.rounded(&group.charge)]).collect()
    });
    let mut rows: Vec<Vec<String>> = rows.collect();
    rows.sort();
    let mut total = vec![String::new(); columns.len()];
    total[0] = "Total".to_owned();
    *total.last_mut().expect("there are columns") = amounts.rounded(&cost.total);
    write_rows(out, &columns, &rows, Some(total))
}

/// Amounts, rounded for display to the places of their currency.
struct Amounts {
    places: u32,
    is_rounded: bool,
}

impl Amounts {
    fn rounded(&mut self, text: &str) -> String {
        let Ok(money) = Money::parse(text) else {
            return text.to_owned(); // shown as the server wrote it
        };
        let rounded = money.to_rounded_text(self.places);
        self.is_rounded |= Money::parse(&rounded) != Ok(money);
        rounded
    }
}

fn write_unpriced(out: &mut dyn Write, cost: &Cost) -> io::Result<()> {
    if cost.unpriced.is_empty() {
        return Ok(());
    }
    let columns = [
        Column::left("Unpriced (in no amount)"),
        Column::right("Quantity"),
        Column::left("Unit"),
        Column::left("Reason"),
    ];
    let rows = cost.unpriced.iter().map(|usage| {
        let names = [usage.meter_category.as_deref(), usage.meter_name.as_deref()];
        let names: Vec<&str> = names.into_iter().flatten().collect();
        let name = if names.is_empty() { usage.meter_id.clone() } else { names.join(" / ") };
        let unit = usage.unit.clone().unwrap_or_default();
        vec![name, usage.quantity.clone(), unit, usage.reason.clone()]
    });
    writeln!(out)?;
    write_rows(out, &columns, &rows.collect::<Vec<_>>(), None)
}

fn header(group_by: &str) -> String {
    match group_by {
        "category" => "Category".to_owned(),
        "day" => "Day".to_owned(),
        "resource-group" => "Resource group".to_owned(),
        tag => tag.strip_prefix("tag:").map_or_else(|| tag.to_owned(), |tag| format!("Tag {tag}")),
    }
}

/// The day of an RFC 3339 time at midnight; another time as it is.
fn day(time: &str) -> &str {
    time.strip_suffix("T00:00:00Z").or(time.strip_suffix("T00:00:00+00:00")).unwrap_or(time)
}

/// Decimal places of a currency's smallest unit.
///
/// Source: ISO 4217, table A.1; every currency that it does not list here has two.
fn minor_unit(currency: &str) -> u32 {
    match currency {
        "BIF" | "CLP" | "DJF" | "GNF" | "ISK" | "JPY" | "KMF" | "KRW" | "PYG" | "RWF" | "UGX"
        | "VND" | "VUV" | "XAF" | "XOF" | "XPF" => 0,
        "BHD" | "IQD" | "JOD" | "KWD" | "LYD" | "OMR" | "TND" => 3,
        _ => 2,
    }
}

#[cfg(test)]
mod tests {
    use expect_test::{Expect, expect};

    use super::*;

    fn check(cost: &str, rounded: bool, expected: Expect) {
        let cost: Cost = serde_json::from_str(cost).unwrap();
        let mut text = Vec::new();
        assert_eq!(write_spend(&mut text, &cost).unwrap(), rounded);
        expected.assert_eq(&String::from_utf8(text).unwrap());
    }

    fn cost(currency: &str, group_by: &str, groups: &str, unpriced: &str, total: &str) -> String {
        format!(
            r#"{{"subscriptionId":"s","from":"2026-10-01T00:00:00Z","to":"2026-11-01T00:00:00Z",
            "currency":"{currency}","groupBy":"{group_by}","groups":[{groups}],
            "unpriced":[{unpriced}],"total":"{total}","provisional":false,
            "basis":{{"ledgerVersion":"1","accountsRevision":1}}}}"#
        )
    }

    #[test]
    fn groups_total_and_unpriced_usage_stand_apart() {
        let groups = r#"{"key":"Networking","charge":"1203.455"},{"key":null,"charge":"0.004"}"#;
        let unpriced = r#"{"meterId":"m","meterName":"Flux","quantity":"1.25","unit":"Hours",
            "reason":"not on rate card"}"#;
        let usd = cost("USD", "category", groups, unpriced, "1203.459");
        check(
            &usd,
            true,
            expect![[r#"
                Category    Charge (USD)
                ----------  ------------
                Networking       1203.46
                (none)              0.00
                ----------  ------------
                Total            1203.46

                Unpriced (in no amount)  Quantity  Unit   Reason
                -----------------------  --------  -----  ----------------
                Flux                         1.25  Hours  not on rate card
            "#]],
        );
        check(
            &cost("USD", "tag:env", "", "", "0"),
            false,
            expect![[r#"
                Tag env  Charge (USD)
                -------  ------------
                -------  ------------
                Total            0.00
            "#]],
        );
        let yen = r#"{"key":"2026-10-01","charge":"12"}"#;
        check(
            &cost("JPY", "day", yen, "", "12"),
            false,
            expect![[r#"
                Day         Charge (JPY)
                ----------  ------------
                2026-10-01            12
                ----------  ------------
                Total                 12
            "#]],
        );
    }

    #[test]
    fn a_meter_has_its_quantity_beside_the_charge() {
        let meters = r#"{"key":"m1","meterName":"Compute Hours","meterCategory":"Virtual Machines",
            "quantity":"744","unit":"Hours","charge":"108.62"},{"key":"m2","charge":"0"}"#;
        check(
            &cost("USD", "meter", meters, "", "108.62"),
            false,
            expect![[r#"
                Category          Meter          Meter id  Quantity  Unit   Charge (USD)
                ----------------  -------------  --------  --------  -----  ------------
                                                 m2                                 0.00
                Virtual Machines  Compute Hours  m1             744  Hours        108.62
                ----------------  -------------  --------  --------  -----  ------------
                Total                                                             108.62
            "#]],
        );
    }
}
