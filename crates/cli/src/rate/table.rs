//! The bills of the offline calculator as tables for reading.

use std::io::{self, Write};

use domain::book::PriceList;
use domain::id::MeterId;
use domain::record::MeterDescription;
use wire::own::{CalculatedPeriod, Calculation};

use crate::failure::Failure;
use crate::output::amounts::{Amounts, day, say_if_rounded};
use crate::output::table::{Column, write_rows};

/// Writes a table for each period, and says on standard error if an amount is rounded.
///
/// # Errors
/// If standard output does not take it.
pub(super) fn write(
    out: &mut dyn Write,
    calculation: &Calculation,
    list: &PriceList,
) -> Result<(), Failure> {
    let is_rounded = write_periods(out, calculation, list)?;
    out.flush()?;
    say_if_rounded(is_rounded, &calculation.currency);
    Ok(())
}

/// Writes the tables. Whether an amount was rounded.
fn write_periods(
    out: &mut dyn Write,
    calculation: &Calculation,
    list: &PriceList,
) -> io::Result<bool> {
    let mut table = Table { list, amounts: Amounts::of(&calculation.currency) };
    for (position, period) in calculation.periods.iter().enumerate() {
        if position > 0 {
            writeln!(out)?;
        }
        let (start, end) = (day(&period.start), day(&period.end));
        write!(out, "{}, {start} to {end} (UTC)", period.name)?;
        let subscription = period.subscription_id.as_ref();
        let subscription = subscription.map(|id| format!(", subscription {id}"));
        writeln!(out, "{}\n", subscription.unwrap_or_default())?;
        table.charges(out, period, &calculation.currency)?;
        table.unpriced(out, period)?;
    }
    Ok(table.amounts.is_rounded())
}

/// What the tables of all periods share.
struct Table<'a> {
    list: &'a PriceList,
    amounts: Amounts,
}

impl Table<'_> {
    fn charges(
        &mut self,
        out: &mut dyn Write,
        period: &CalculatedPeriod,
        currency: &str,
    ) -> io::Result<()> {
        let columns = [
            Column::left("Category"),
            Column::left("Meter"),
            Column::left("Meter id"),
            Column::right("Quantity"),
            Column::right("Included"),
            Column::left("Unit"),
            Column::right(format!("Charge ({currency})")),
        ];
        let mut rows: Vec<_> = period
            .meters
            .iter()
            .map(|meter| {
                let [category, name, unit] = self.names(&meter.meter_id);
                let (id, charge) = (meter.meter_id.clone(), self.amounts.rounded(&meter.charge));
                let (quantity, included) = (&meter.quantity, &meter.included_quantity);
                vec![category, name, id, quantity.clone(), included.clone(), unit, charge]
            })
            .collect();
        rows.sort(); // by category and name, as ids tell a reader nothing
        let mut line = |name: &str, amount: &str| {
            let mut row = vec![String::new(); columns.len()];
            row[0] = name.to_owned();
            row[columns.len() - 1] = self.amounts.rounded(amount);
            row
        };
        rows.extend(period.terms.iter().map(|term| line(&term.name, &term.amount)));
        let total = line("Total", &period.total);
        write_rows(out, &columns, &rows, Some(total))
    }

    fn unpriced(&self, out: &mut dyn Write, period: &CalculatedPeriod) -> io::Result<()> {
        if period.unpriced.is_empty() {
            return Ok(());
        }
        let columns = [
            Column::left("Unpriced (in no amount)"),
            Column::right("Quantity"),
            Column::left("Unit"),
            Column::left("Reason"),
        ];
        let rows = period.unpriced.iter().map(|usage| {
            let [category, name, unit] = self.names(&usage.meter_id);
            let names = [category, name].into_iter().filter(|name| !name.is_empty());
            let names = names.collect::<Vec<_>>().join(" / ");
            let name = if names.is_empty() { usage.meter_id.clone() } else { names };
            vec![name, usage.quantity.clone(), unit, usage.reason.clone()]
        });
        writeln!(out)?;
        write_rows(out, &columns, &rows.collect::<Vec<_>>(), None)
    }

    /// Category, name and unit of a meter, as the card writes them.
    fn names(&self, id: &str) -> [String; 3] {
        let listed = MeterId::parse(id).ok().and_then(|id| self.list.meter(id));
        let unknown = MeterDescription::default();
        let description = listed.map_or(&unknown, |meter| &meter.description);
        [&description.category, &description.name, &description.unit]
            .map(|text| text.as_deref().unwrap_or_default().to_owned())
    }
}
