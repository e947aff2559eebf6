//! What is refused, and what is said of it.

use domain::decimal::Quantity;
use focus::{Charge, FocusRow, ParquetWriter, Scales};

use crate::read::through_csv;
use crate::support::{facts, row, time};

fn refusal(change: impl FnOnce(&mut focus::Facts)) -> String {
    let mut facts = facts("tier 0 1 at 9999999999");
    change(&mut facts);
    FocusRow::new(facts).unwrap_err().to_string()
}

#[test]
fn facts_that_do_not_fit_are_refused() {
    let outside = refusal(|it| it.charge_period = time("2026-02-28T23")..time("2026-03-01T01"));
    assert_eq!(
        outside,
        "the charge from 2026-02-28T23:00:00Z to 2026-03-01T01:00:00Z is not of the billing \
         period from 2026-03-01T00:00:00Z to 2026-04-01T00:00:00Z"
    );
    let empty = refusal(|it| it.charge_period.end = it.charge_period.start);
    assert_eq!(empty, "the charge period from 2026-03-02T00:00:00Z does not end after its start");
    let inexact = refusal(|it| {
        let Charge::Usage(usage) = &mut it.charge else { panic!("it is usage") };
        usage.quantity = Quantity::from_scaled(10i128.pow(38) - 1).unwrap();
    });
    assert_eq!(
        inexact,
        "the cost of 999999999999999999.99999999999999999999 of meter \
         0a1b2c3d-0000-4000-8000-000000000001 is outside the exact numbers"
    );
}

#[test]
fn a_charge_period_is_widened_to_whole_seconds() {
    let mut facts = facts("tier 0 1 at 1");
    let micros = |time: domain::time::UtcTime, more: i64| {
        domain::time::UtcTime::from_micros(time.to_micros() + more).unwrap()
    };
    facts.charge_period =
        micros(time("2026-03-02T00"), 999_999)..micros(time("2026-03-31T23"), 3_599_000_001);
    let row = FocusRow::new(facts).unwrap();
    let read = through_csv(&[row]).remove(0);
    assert_eq!(read["ChargePeriodStart"], "2026-03-02T00:00:00Z");
    assert_eq!(read["ChargePeriodEnd"], "2026-04-01T00:00:00Z");
}

/// Nineteen places of quantity and twenty of price are one too many beside no whole digit.
#[test]
fn a_number_of_39_digits_is_an_error_of_parquet_alone() {
    let fits = row("tier 0 0.000000000000000001 at 0.00000000000000000001");
    let wide = row("tier 0 0.0000000000000000001 at 0.00000000000000000001");
    let mut scales = Scales::default();
    scales.widen(&fits).unwrap();
    assert_eq!(
        scales.widen(&wide).unwrap_err().to_string(),
        "row 2, column BilledCost: with it the column needs 0 digits before the point and 39 after \
         it, of which Parquet's readers take 38 in all (CSV has no such limit)"
    );
    assert_eq!(through_csv(&[wide])[0]["BilledCost"], format!("0.{}1", "0".repeat(38)));
}

#[test]
fn a_sum_that_would_overflow_is_an_error_too() {
    let mut scales = Scales::default();
    scales.widen(&row("tier 0 0.00000000000000000001 at 0.0000000001")).unwrap();
    scales.widen(&row("credit 60000000")).unwrap();
    let error = scales.widen(&row("adjustment 50000000")).unwrap_err();
    assert_eq!((error.row, error.column, error.whole, error.places), (3, "BilledCost", 9, 30));
}

#[test]
fn a_row_that_the_first_pass_did_not_see_is_refused() {
    let mut writer = ParquetWriter::new(Vec::new(), &Scales::default()).unwrap();
    writer.write(&row("tier 0 1 at 0.1")).unwrap();
    let error = writer.write(&row("tier 0 1 at 0.0000000000000000001")).unwrap_err();
    assert_eq!(
        error.to_string(),
        "row 2, column BilledCost: the first pass did not see this number"
    );
}
