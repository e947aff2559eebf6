//! `cost explain` and `cost compare`: why a bill is what it is.

use std::io::{self, Write};

use wire::own::{CostComparison, CostExplanation, MeterChange};

use crate::arguments::{CostCompareOptions, CostExplainOptions};
use crate::client::Client;
use crate::commands::OWN_API;
use crate::failure::Failure;
use crate::output::Output;
use crate::output::amounts::{Amounts, say_if_rounded};
use crate::output::table::{Column, write_rows};

/// Runs `cost explain`.
pub(super) fn explain<W: Write>(
    options: &CostExplainOptions,
    client: &Client,
    output: &mut Output<W>,
) -> Result<(), Failure> {
    let path = format!("{OWN_API}/subscriptions/{}/cost/explain", options.subscription);
    let given = [
        ("meter", options.meter.map(|meter| meter.to_string())),
        ("period", options.period.clone()),
        ("rows", options.rows.map(|rows| rows.to_string())),
        ("asOf", options.as_of.clone()),
    ];
    let parameters = given.iter().filter_map(|(name, value)| Some((*name, value.as_deref()?)));
    let parameters: Vec<_> = parameters.collect();
    if !output.is_plain_table() {
        return output.write(client.get(&path, &parameters)?);
    }
    let explanation: CostExplanation = client.get_as(&path, &parameters)?;
    let out = output.stream();
    for line in &explanation.lines {
        writeln!(out, "{line}")?;
    }
    if explanation.provisional {
        writeln!(out, "provisional: late usage may still change it")?;
    }
    out.flush()?;
    Ok(())
}

/// Runs `cost compare`.
pub(super) fn compare<W: Write>(
    options: &CostCompareOptions,
    client: &Client,
    output: &mut Output<W>,
) -> Result<(), Failure> {
    let path = format!("{OWN_API}/subscriptions/{}/cost/compare", options.subscription);
    let with = options.with.map(|with| with.to_string());
    let mut parameters = vec![("a", options.first.as_str()), ("b", options.second.as_str())];
    parameters.extend(with.as_deref().map(|with| ("with", with)));
    parameters.extend(options.as_of.as_deref().map(|time| ("asOf", time)));
    if !output.is_plain_table() {
        return output.write(client.get(&path, &parameters)?);
    }
    let comparison: CostComparison = client.get_as(&path, &parameters)?;
    let out = output.stream();
    let is_rounded = write_comparison(out, &comparison)?;
    out.flush()?;
    say_if_rounded(is_rounded, &comparison.currency);
    Ok(())
}

/// Writes the effects of each meter and term. Whether an amount was rounded.
fn write_comparison(out: &mut dyn Write, comparison: &CostComparison) -> io::Result<bool> {
    let CostComparison { currency, a, b, .. } = comparison;
    let mut amounts = Amounts::of(currency);
    let both = |provisional| if provisional { ", provisional" } else { "" };
    writeln!(out, "A: {}, subscription {}{}", a.period, a.subscription_id, both(a.provisional))?;
    writeln!(out, "B: {}, subscription {}{}\n", b.period, b.subscription_id, both(b.provisional))?;
    let columns = [
        Column::left("Category"),
        Column::left("Meter"),
        Column::right(format!("A ({currency})")),
        Column::right(format!("B ({currency})")),
        Column::right("Difference"),
        Column::left("Because of"),
    ];
    let mut rows: Vec<_> = comparison.meters.iter().map(|meter| row(meter, &mut amounts)).collect();
    for term in comparison.terms.iter().filter(|term| term.amount != "0") {
        let amount = amounts.rounded(&term.amount);
        let empty = String::new;
        rows.push(vec![term.kind.clone(), empty(), empty(), empty(), amount, empty()]);
    }
    let total = vec![
        "Total".to_owned(),
        String::new(),
        amounts.rounded(&a.total),
        amounts.rounded(&b.total),
        amounts.rounded(&comparison.difference),
        String::new(),
    ];
    write_rows(out, &columns, &rows, Some(total))?;
    Ok(amounts.is_rounded())
}

fn row(meter: &MeterChange, amounts: &mut Amounts) -> Vec<String> {
    let name = meter.meter_name.clone().unwrap_or_else(|| meter.meter_id.clone());
    let mut effects: Vec<_> = meter
        .effects
        .iter()
        .filter(|effect| effect.amount != "0")
        .map(|effect| format!("{} {}", effect.kind, amounts.rounded(&effect.amount)))
        .collect();
    let sides = [&meter.a, &meter.b].into_iter().flatten();
    if sides.into_iter().any(|side| !side.unpriced.is_empty()) {
        effects.push("unpriced usage, in no amount".to_owned());
    }
    let mut charge = |side: &Option<wire::own::MeterOfBill>| {
        side.as_ref().map_or_else(String::new, |side| amounts.rounded(&side.charge))
    };
    let (a, b) = (charge(&meter.a), charge(&meter.b));
    let difference = amounts.rounded(&meter.difference);
    vec![
        meter.meter_category.clone().unwrap_or_default(),
        name,
        a,
        b,
        difference,
        effects.join(", "),
    ]
}
