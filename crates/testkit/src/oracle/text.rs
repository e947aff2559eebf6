//! A bill as text: one figure a place, every digit, in one order.

use std::fmt::Write;

use num_traits::Zero;

use super::{MeterBill, PeriodBill};
use crate::calendar::Time;
use crate::number::plain;

const NEVER_FAILS: &str = "a string takes everything";

pub(super) fn written(periods: &[PeriodBill]) -> String {
    let mut text = String::new();
    for period in periods {
        let PeriodBill { name, start, end, .. } = period;
        writeln!(text, "period {name} {start} {end}").expect(NEVER_FAILS);
        for meter in &period.meters {
            write_meter(&mut text, meter);
        }
        for unpriced in &period.unpriced {
            let quantity = plain(&unpriced.quantity);
            writeln!(text, "  unpriced {}: {quantity} {}", unpriced.meter, unpriced.reason)
                .expect(NEVER_FAILS);
        }
        for (name, amount) in [
            ("credit", &period.credit),
            ("recurring", &period.recurring),
            ("forfeited", &period.forfeited),
        ] {
            if !amount.is_zero() {
                writeln!(text, "  {name} {}", plain(amount)).expect(NEVER_FAILS);
            }
        }
        writeln!(text, "  total {}", plain(&period.total)).expect(NEVER_FAILS);
    }
    text
}

fn write_meter(text: &mut String, meter: &MeterBill) {
    let MeterBill { quantity, included, billable, .. } = meter;
    let (quantity, included, billable) = (plain(quantity), plain(included), plain(billable));
    let head = format!("quantity {quantity}, included {included}, billable {billable}");
    writeln!(text, "  meter {}: {head}", meter.meter).expect(NEVER_FAILS);
    let priced = meter.tiers.iter().map(|line| line.version);
    let drawn = meter.committed.iter().map(|line| line.version);
    let mut versions: Vec<Time> = priced.chain(drawn).collect();
    versions.sort();
    versions.dedup();
    // With one version there is nothing to tell apart.
    let dated = |version: Time| match versions.len() {
        0 | 1 => String::new(),
        _ => format!("{version} "),
    };
    for line in &meter.tiers {
        let (from, units, rate) = (plain(&line.from), plain(&line.units), plain(&line.rate));
        let amount = plain(&line.amount);
        let version = dated(line.version);
        writeln!(text, "    {version}from {from}: {units} @ {rate} = {amount}").expect(NEVER_FAILS);
    }
    for line in &meter.committed {
        let (units, rate, percent) = (plain(&line.units), plain(&line.rate), plain(&line.percent));
        let amount = plain(&line.amount);
        let version = dated(line.version);
        writeln!(text, "    {version}committed: {units} @ {rate} less {percent}% = {amount}")
            .expect(NEVER_FAILS);
    }
    writeln!(text, "    charge {}", plain(&meter.charge)).expect(NEVER_FAILS);
}
