//! A rated case in the words of the oracle.

use std::fmt::Write;

use domain::decimal::Quantity;
use domain::id::MeterId;
use domain::rate::{Line, PartKind, RatedMeter, RowCharge};
use domain::spend::RatedPeriod;
use domain::time::{Civil, UtcTime};
use testkit::Case;

use crate::adapter::Adapted;

/// What `domain` says of a case, in the form of `testkit::oracle::bill`.
pub(crate) fn bill(case: &Case) -> String {
    match Adapted::of(case).rated() {
        Ok(periods) => periods.iter().map(period_text).collect(),
        Err(error) => format!("error: {error}\n"),
    }
}

/// What `domain` says of the statements of a case.
pub(crate) fn bill_of(statements: &str) -> String {
    let case = Case::parse(statements);
    bill(&case.unwrap_or_else(|error| panic!("{error} of\n{statements}")))
}

pub(crate) fn period_text(rated: &RatedPeriod) -> String {
    let mut text = String::new();
    let period = rated.rated.period;
    let (start, end) = (time_text(period.start()), time_text(period.end()));
    writeln!(text, "period {} {start} {end}", period.name()).unwrap();
    for (id, meter) in &rated.rated.meters {
        if has_priced_rows(rated, *id) {
            write_meter(&mut text, rated, *id, meter);
        }
    }
    for (id, meter) in &rated.rated.meters {
        for (reason, quantity) in &meter.unpriced {
            writeln!(text, "  unpriced {}: {quantity} {reason}", id.to_bits()).unwrap();
        }
    }
    let totals = rated.rated.totals;
    for (name, amount) in [
        ("credit", totals.credit),
        ("recurring", totals.recurring),
        ("forfeited", totals.forfeited),
    ] {
        if !amount.is_zero() {
            writeln!(text, "  {name} {amount}").unwrap();
        }
    }
    writeln!(text, "  total {}", totals.total).unwrap();
    text
}

fn has_priced_rows(rated: &RatedPeriod, id: MeterId) -> bool {
    let mut has_some = false;
    let each = |_, charge: RowCharge<'_>| {
        has_some |= matches!(charge, RowCharge::Priced { .. });
        Ok(())
    };
    rated.rated.each_row(id, &rated.usage.meters()[&id], each).unwrap();
    has_some
}

fn write_meter(text: &mut String, rated: &RatedPeriod, id: MeterId, meter: &RatedMeter) {
    let RatedMeter { quantity, billable, .. } = meter;
    let allowance = allowance(rated, id);
    assert_eq!(meter.included, (*quantity).min(allowance), "what was used of {allowance}");
    let head = format!("quantity {quantity}, included {allowance}, billable {billable}");
    writeln!(text, "  meter {}: {head}", id.to_bits()).unwrap();
    let is_tier = |line: &&Line| matches!(line.kind, PartKind::Tier { .. });
    let (tiers, committed): (Vec<_>, Vec<_>) = meter.lines.iter().partition(is_tier);
    let is_dated = meter.lines.windows(2).any(|two| two[0].version != two[1].version);
    for line in tiers.into_iter().chain(committed) {
        let Line { version, quantity, amount, .. } = line;
        let version = time_text(version.effective);
        let version = if is_dated { format!("{version} ") } else { String::new() };
        let what = match line.kind {
            PartKind::Included => panic!("free units have no line"),
            PartKind::Tier { from, rate } => format!("from {from}: {quantity} @ {rate}"),
            PartKind::Committed { base, discount, .. } => {
                format!("committed: {quantity} @ {base} less {discount}%")
            }
        };
        writeln!(text, "    {version}{what} = {amount}").unwrap();
    }
    writeln!(text, "    charge {}", meter.charge).unwrap();
}

/// What is free of the meter in the period, used or not.
fn allowance(rated: &RatedPeriod, id: MeterId) -> Quantity {
    let period = rated.rated.period;
    rated.book.prices(id, period).unwrap().included(period.start())
}

/// As short as the cases write it.
pub(crate) fn time_text(time: UtcTime) -> String {
    if time == UtcTime::MIN {
        return "always".to_owned();
    }
    let Civil { year, month, day, hour, minute, .. } = time.civil();
    let date = format!("{year:04}-{month:02}-{day:02}");
    match (hour, minute) {
        (0, 0) => date,
        (hour, 0) => format!("{date}T{hour:02}"),
        (hour, minute) => format!("{date}T{hour:02}:{minute:02}"),
    }
}
