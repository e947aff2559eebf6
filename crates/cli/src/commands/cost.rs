//! The group `cost`: spend as the server answers it, or as a table for reading.

mod why;

use std::io::{self, Write};

use wire::own::{Completeness, Cost, CostGroup, CostOfAll, CostOfCurrency, UnpricedUsage};

use super::OWN_API;
use crate::arguments::{CostCommand, CostListOptions, CostRangeOptions, CostShowOptions};
use crate::client::Client;
use crate::failure::Failure;
use crate::output::Output;
use crate::output::amounts::{Amounts, day, say_if_rounded};
use crate::output::table::{Column, write_rows};

/// Runs a command of the group.
pub(super) fn run<W: Write>(
    command: CostCommand,
    client: &Client,
    output: &mut Output<W>,
) -> Result<(), Failure> {
    match command {
        CostCommand::List(options) => list(&options, client, output),
        CostCommand::Show(options) => show(&options, client, output),
        CostCommand::Explain(options) => why::explain(&options, client, output),
        CostCommand::Compare(options) => why::compare(&options, client, output),
    }
}

fn show<W: Write>(
    options: &CostShowOptions,
    client: &Client,
    output: &mut Output<W>,
) -> Result<(), Failure> {
    let path = path(&options.range);
    if !output.is_plain_table() {
        return output.write(client.get(&path, &parameters(options))?);
    }
    let cost: Cost = client.get_as(&path, &parameters(options))?;
    let out = output.stream();
    let period = cost.period.as_ref().map_or_else(String::new, |name| format!("{name}, "));
    write!(out, "{period}{} to {} (UTC)", day(&cost.from), day(&cost.to))?;
    let Completeness { time, held_back_by, .. } = &cost.complete_up_to;
    match (time, held_back_by) {
        (Some(time), Some(source)) => write!(out, ", complete up to {time} ({source})")?,
        (Some(time), None) => write!(out, ", complete up to {time}")?,
        (None, _) => write!(out, ", complete up to: unknown, as no source sent usage lately")?,
    }
    writeln!(out, "{}\n", if cost.provisional { ", provisional" } else { "" })?;
    let is_rounded = write_spend(out, &cost)?;
    out.flush()?;
    say_if_rounded(is_rounded, &cost.currency);
    Ok(())
}

fn list<W: Write>(
    options: &CostListOptions,
    client: &Client,
    output: &mut Output<W>,
) -> Result<(), Failure> {
    let path = format!("{OWN_API}/cost");
    let optional = [
        ("month", &options.month),
        ("from", &options.from),
        ("to", &options.to),
        ("asOf", &options.as_of),
    ];
    let given = optional.into_iter().filter_map(|(name, value)| Some((name, value.as_deref()?)));
    let mut parameters: Vec<_> = given.collect();
    parameters.push(("groupBy", &options.group_by));
    parameters.extend(options.filters.iter().map(|filter| ("filter", filter.as_str())));
    if !output.is_plain_table() {
        return output.write(client.get(&path, &parameters)?);
    }
    let cost: CostOfAll = client.get_as(&path, &parameters)?;
    let out = output.stream();
    let counted = match cost.subscriptions {
        1 => "1 subscription".to_owned(),
        count => format!("{count} subscriptions"),
    };
    write!(out, "{} to {} (UTC), {counted}", day(&cost.from), day(&cost.to))?;
    match (&cost.complete_up_to.time, &cost.complete_up_to.subscription_id) {
        (Some(time), Some(id)) => write!(out, ", complete up to {time} ({id})")?,
        (Some(time), None) => write!(out, ", complete up to {time}")?,
        (None, _) => write!(out, ", complete up to: unknown, as no source sent usage lately")?,
    }
    writeln!(out, "{}", if cost.provisional { ", provisional" } else { "" })?;
    for part in &cost.currencies {
        writeln!(out)?;
        let is_rounded = write_currency(out, &cost.group_by, part)?;
        say_if_rounded(is_rounded, &part.currency);
    }
    Ok(out.flush()?)
}

/// Writes what the subscriptions of one currency spent. Whether an amount was rounded.
fn write_currency(
    out: &mut dyn Write,
    group_by: &[String],
    part: &CostOfCurrency,
) -> io::Result<bool> {
    let mut amounts = Amounts::of(&part.currency);
    let shown = Shown::of(group_by, &part.groups);
    let columns = shown.columns(&part.currency);
    let rows: Vec<_> = part.groups.iter().map(|group| shown.row(group, &mut amounts)).collect();
    let mut total = vec![String::new(); columns.len()];
    "Total".clone_into(&mut total[0]);
    *total.last_mut().expect("there is a column for the amount") = amounts.rounded(&part.total);
    write_rows(out, &columns, &rows, Some(total))?;
    write_unpriced(out, &part.unpriced)?;
    Ok(amounts.is_rounded())
}

fn path(range: &CostRangeOptions) -> String {
    format!("{OWN_API}/subscriptions/{}/cost", range.subscription)
}

fn range_parameters(range: &CostRangeOptions) -> Vec<(&str, &str)> {
    let optional = [
        ("period", &range.period),
        ("from", &range.from),
        ("to", &range.to),
        ("asOf", &range.as_of),
    ];
    optional.into_iter().filter_map(|(name, value)| Some((name, value.as_deref()?))).collect()
}

fn parameters(options: &CostShowOptions) -> Vec<(&str, &str)> {
    let mut parameters = range_parameters(&options.range);
    parameters.push(("groupBy", &options.group_by));
    parameters.extend(options.filters.iter().map(|filter| ("filter", filter.as_str())));
    let flags =
        [("inheritTags", options.inherit_tags), ("allocateCredit", options.allocate_credit)];
    parameters.extend(flags.into_iter().filter(|(_, set)| *set).map(|(name, _)| (name, "true")));
    let optional = [("split", &options.split), ("splitValue", &options.split_value)];
    let given = optional.into_iter().filter_map(|(name, value)| Some((name, value.as_deref()?)));
    parameters.extend(given);
    parameters.extend(options.shares.iter().map(|share| ("share", share.as_str())));
    parameters
}

/// Writes groups, terms, total and unpriced usage for reading. Whether an amount was rounded.
///
/// # Errors
/// If the stream does not take it.
pub(crate) fn write_spend(out: &mut dyn Write, cost: &Cost) -> io::Result<bool> {
    let mut amounts = Amounts::of(&cost.currency);
    let shown = Shown::of(&cost.group_by, &cost.groups);
    let columns = shown.columns(&cost.currency);
    let mut rows: Vec<_> = cost.groups.iter().map(|group| shown.row(group, &mut amounts)).collect();
    if shown.by_meter && cost.group_by.len() == 1 {
        rows.sort(); // by category and name, as ids tell a reader nothing
    }
    let mut line = |name: &str, amount: &str| {
        let mut row = vec![String::new(); columns.len()];
        row[0] = name.to_owned();
        *row.last_mut().expect("there is a column for the amount") = amounts.rounded(amount);
        row
    };
    rows.extend(cost.terms.iter().map(|term| line(&term.name, &term.amount)));
    let total = line("Total", &cost.total);
    write_rows(out, &columns, &rows, Some(total))?;
    write_unpriced(out, &cost.unpriced)?;
    Ok(amounts.is_rounded())
}

/// Which columns a table of spend has: those of amounts only where one is not zero.
struct Shown<'a> {
    group_by: &'a [String],
    by_meter: bool,
    discount: bool,
    credit: bool,
    shared: bool,
}

impl<'a> Shown<'a> {
    fn of(group_by: &'a [String], groups: &[CostGroup]) -> Self {
        let any = |amount: fn(&CostGroup) -> &String| {
            groups.iter().any(|group| amount(group).as_str() != "0")
        };
        Self {
            group_by,
            by_meter: group_by.iter().any(|entry| entry == "meter"),
            discount: any(|group| &group.discount),
            credit: any(|group| &group.credit),
            shared: any(|group| &group.shared),
        }
    }

    fn columns(&self, currency: &str) -> Vec<Column> {
        let mut columns = Vec::new();
        if self.by_meter {
            columns.extend(["Category", "Meter"].map(Column::left));
        }
        columns.extend(self.group_by.iter().map(|entry| Column::left(header(entry))));
        if self.by_meter {
            columns.extend([Column::right("Quantity"), Column::left("Unit")]);
        }
        if columns.is_empty() {
            columns.push(Column::left(""));
        }
        for (is_shown, name) in self.amounts() {
            if is_shown {
                columns.push(Column::right(format!("{name} ({currency})")));
            }
        }
        columns
    }

    fn amounts(&self) -> [(bool, &'static str); 5] {
        let several = self.credit || self.shared;
        [
            (self.discount, "Discount"),
            (several, "Charge"),
            (self.credit, "Credit"),
            (self.shared, "Shared"),
            (true, if several { "Net" } else { "Charge" }),
        ]
    }

    fn row(&self, group: &CostGroup, amounts: &mut Amounts) -> Vec<String> {
        let text = |part: &Option<String>| part.clone().unwrap_or_default();
        let mut row = Vec::new();
        if self.by_meter {
            row.extend([text(&group.meter_category), text(&group.meter_name)]);
        }
        let key = |entry: &String, key: &Option<String>| match key {
            Some(key) if group.inherited.contains(entry) => format!("{key} (inherited)"),
            Some(key) => key.clone(),
            None => "(none)".to_owned(),
        };
        match group.keys.as_slice() {
            [] => row.extend(self.group_by.first().map(|entry| key(entry, &group.key))),
            keys => row.extend(self.group_by.iter().zip(keys).map(|(entry, one)| key(entry, one))),
        }
        if self.by_meter {
            row.extend([text(&group.quantity), text(&group.unit)]);
        }
        if row.is_empty() {
            row.push("Usage".to_owned());
        }
        let of_group = [&group.discount, &group.charge, &group.credit, &group.shared, &group.net];
        for ((is_shown, _), amount) in self.amounts().into_iter().zip(of_group) {
            if is_shown {
                row.push(amounts.rounded(amount));
            }
        }
        row
    }
}

fn write_unpriced(out: &mut dyn Write, unpriced: &[UnpricedUsage]) -> io::Result<()> {
    if unpriced.is_empty() {
        return Ok(());
    }
    let columns = [
        Column::left("Unpriced (in no amount)"),
        Column::right("Quantity"),
        Column::left("Unit"),
        Column::left("Reason"),
    ];
    let rows = unpriced.iter().map(|usage| {
        let names = [usage.meter_category.as_deref(), usage.meter_name.as_deref()];
        let names: Vec<&str> = names.into_iter().flatten().collect();
        let name = if names.is_empty() { usage.meter_id.clone() } else { names.join(" / ") };
        let unit = usage.unit.clone().unwrap_or_default();
        vec![name, usage.quantity.clone(), unit, usage.reason.clone()]
    });
    writeln!(out)?;
    write_rows(out, &columns, &rows.collect::<Vec<_>>(), None)
}

fn header(entry: &str) -> String {
    if let Some(tag) = entry.strip_prefix("tag:") {
        return format!("Tag {tag}");
    }
    let text = if entry == "meter" { "meter id".to_owned() } else { entry.replace('-', " ") };
    let first = text.chars().next().map(|first| first.to_ascii_uppercase());
    first.into_iter().chain(text.chars().skip(1)).collect()
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

    fn group(key: &str, charge: &str, more: &str) -> String {
        format!(
            r#"{{"key":{key},"gross":"{charge}","discount":"0","charge":"{charge}","credit":"0",
            "shared":"0","net":"{charge}"{more}}}"#
        )
    }

    fn cost(currency: &str, group_by: &str, groups: &[String], rest: &str, total: &str) -> String {
        let groups = groups.join(",");
        format!(
            r#"{{"subscriptionId":"s","from":"2026-10-01T00:00:00Z","to":"2026-11-01T00:00:00Z",
            "currency":"{currency}","groupBy":["{group_by}"],"groups":[{groups}],{rest}
            "totals":{{"gross":"0","discount":"0","charges":"0","credit":"0","forfeited":"0",
            "recurring":"0"}},"total":"{total}","completeUpTo":{{"sources":[]}},
            "provisional":false,"basis":{{"ledgerVersion":"1","accountsRevision":1}}}}"#
        )
    }

    const NOTHING: &str = r#""terms":[],"unpriced":[],"#;

    #[test]
    fn groups_total_and_unpriced_usage_stand_apart() {
        let groups = [group("\"Networking\"", "1203.455", ""), group("null", "0.004", "")];
        let rest = r#""terms":[{"period":"202610-1","name":"Recurring Charge","amount":"1"}],
            "unpriced":[{"meterId":"m","meterName":"Flux","quantity":"1.25","unit":"Hours",
            "reason":"not on rate card"}],"#;
        let usd = cost("USD", "category", &groups, rest, "1204.459");
        check(
            &usd,
            true,
            expect![[r#"
                Category          Charge (USD)
                ----------------  ------------
                Networking             1203.46
                (none)                    0.00
                Recurring Charge          1.00
                ----------------  ------------
                Total                  1204.46

                Unpriced (in no amount)  Quantity  Unit   Reason
                -----------------------  --------  -----  ----------------
                Flux                         1.25  Hours  not on rate card
            "#]],
        );
        check(
            &cost("USD", "tag:env", &[], NOTHING, "0"),
            false,
            expect![[r#"
                Tag env  Charge (USD)
                -------  ------------
                -------  ------------
                Total            0.00
            "#]],
        );
        let yen = [group("\"2026-10-01\"", "12", "")];
        check(
            &cost("JPY", "day", &yen, NOTHING, "12"),
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
        let named = r#","meterName":"Compute Hours","meterCategory":"Virtual Machines",
            "quantity":"744","unit":"Hours""#;
        let meters = [group("\"m1\"", "108.62", named), group("\"m2\"", "0", "")];
        check(
            &cost("USD", "meter", &meters, NOTHING, "108.62"),
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
