//! Sums of a file are sums of the rows that went into it, to the last digit.

use std::collections::BTreeMap;

use domain::decimal::{Money, Quantity, UnitPrice};
use focus::FocusRow;
use proptest::prelude::*;

use crate::read::{TextRow, through_csv, through_parquet};
use crate::support::row;

/// Sums by charge category and column.
type Sums = BTreeMap<(String, &'static str), Money>;

fn sums_of_rows(rows: &[FocusRow]) -> Sums {
    let mut sums = Sums::new();
    for row in rows {
        let costs = row.costs();
        for (column, cost) in [
            ("BilledCost", costs.billed),
            ("ListCost", costs.list),
            ("ContractedCost", costs.contracted),
            ("EffectiveCost", costs.effective),
        ] {
            add(&mut sums, row.charge_category().as_str(), column, cost);
        }
    }
    sums
}

fn sums_of_file(rows: &[TextRow]) -> Sums {
    let mut sums = Sums::new();
    for row in rows {
        for column in ["BilledCost", "ListCost", "ContractedCost", "EffectiveCost"] {
            add(&mut sums, &row["ChargeCategory"], column, Money::parse(&row[column]).unwrap());
        }
    }
    sums
}

fn add(sums: &mut Sums, category: &str, column: &'static str, cost: Money) {
    let sum = sums.entry((category.to_owned(), column)).or_default();
    *sum = sum.plus(cost).unwrap();
}

/// A decimal with digits of any number: up to so many whole ones, and so many places.
fn decimal(whole: u32, places: usize) -> impl Strategy<Value = String> {
    let places = 0..=places;
    (0..10u64.pow(whole), places, any::<u64>()).prop_map(|(whole, places, digits)| {
        let digits = format!("{digits:020}");
        match places {
            0 => whole.to_string(),
            places => format!("{whole}.{}", &digits[20 - places..]),
        }
    })
}

fn charge() -> impl Strategy<Value = String> {
    let (quantity, price) = (|| decimal(4, 18), || decimal(2, 10));
    prop_oneof![
        (quantity(), price(), price(), any::<bool>()).prop_map(
            |(quantity, list, contracted, back)| {
                let sign = if back { "-" } else { "" };
                format!("tier 5 {sign}{quantity} at {list} for {contracted}")
            }
        ),
        quantity().prop_map(|quantity| format!("included {quantity}")),
        quantity().prop_map(|quantity| format!("unpriced {quantity}")),
        (quantity(), price(), decimal(4, 18)).prop_map(|(quantity, price, drawn)| format!(
            "committed {quantity} at {price} drawing {drawn}"
        )),
        ("commitment|unused|recurring|credit|adjustment|tax", decimal(5, 18))
            .prop_map(|(term, amount)| format!("{term} {amount}")),
    ]
}

proptest! {
    #[test]
    fn no_digit_is_lost(charges in prop::collection::vec(charge(), 1..40)) {
        let rows: Vec<FocusRow> = charges.iter().map(|charge| row(charge)).collect();
        let expected = sums_of_rows(&rows);
        let (csv, parquet) = (through_csv(&rows), through_parquet(&rows));
        prop_assert_eq!(&sums_of_file(&csv), &expected);
        prop_assert_eq!(&sums_of_file(&parquet), &expected);
        prop_assert_eq!(&csv, &parquet);
        for row in &csv {
            let Some(quantity) = row.get("PricingQuantity") else { continue };
            let quantity = Quantity::parse(quantity).unwrap();
            for (cost, price) in
                [("ListCost", "ListUnitPrice"), ("ContractedCost", "ContractedUnitPrice")]
            {
                let price = UnitPrice::parse(&row[price]).unwrap();
                let cost = Money::parse(&row[cost]).unwrap();
                prop_assert_eq!(price.times(quantity).unwrap(), cost);
            }
        }
    }
}
