//! Comparisons of cases as text, and that effects always add up.

use proptest::prelude::*;

use super::*;
use crate::explain::samples::{Bill, any_bill};

fn side(bill: &Bill) -> Side<'_> {
    Side { usage: &bill.usage, rated: &bill.rated, book: &bill.book }
}

fn compared(a: &Bill, b: &Bill) -> Comparison {
    compare(&side(a), &side(b)).unwrap()
}

/// Effects other than nothing.
fn text_of(effects: &[Effect]) -> String {
    let effects = effects.iter().filter(|effect| !effect.amount.is_zero());
    let texts: Vec<_> =
        effects.map(|effect| format!("{:?} {}", effect.kind, effect.amount)).collect();
    texts.join(", ").to_lowercase()
}

fn unpriced(side: Option<&MeterSide>) -> String {
    let reasons = side.into_iter().flat_map(|side| &side.unpriced);
    reasons.map(|(reason, quantity)| format!(", {quantity} {reason}")).collect()
}

/// A line a meter, a line of terms where there are any, and the difference.
fn check(a: (&str, &str), b: (&str, &str), expected: &[&str]) {
    let comparison = compared(&Bill::of(a.0, a.1), &Bill::of(b.0, b.1));
    let mut lines: Vec<_> = comparison
        .meters
        .iter()
        .map(|change| {
            let unpriced = unpriced(change.a.as_ref()) + &unpriced(change.b.as_ref());
            let (id, effects) = (change.meter.to_bits(), text_of(&change.effects));
            format!("{id}: {effects} = {}{unpriced}", change.difference)
        })
        .collect();
    let terms = text_of(&comparison.terms);
    if !terms.is_empty() {
        lines.push(terms);
    }
    lines.push(comparison.difference.to_string());
    assert_eq!(lines, expected);
}

#[test]
fn meters_used_on_one_side_are_new_or_gone() {
    let book = "meter 1 0:1\nmeter 2 0:2\nmeter 3 0:1";
    check(
        (book, "1: 5; 3: 1"),
        (book, "2: 4; 3: 1"),
        &["2: new 8 = 8", "1: gone -5 = -5", "3:  = 0", "3"],
    );
}

#[test]
fn another_price_acts_on_the_new_quantity() {
    check(("meter 1 0:1", "1: 5"), ("meter 1 0:1.5", "1: 8"), &["1: price 4, quantity 3 = 7", "7"]);
}

#[test]
fn more_of_it_climbs_the_ladder_of_the_first_side() {
    let book = "meter 1 included 2, 0:1 10:0.5";
    check((book, "1: 5"), (book, "1: 20"), &["1: quantity 11 = 11", "11"]);
}

#[test]
fn another_free_quantity_is_an_effect_of_price() {
    check(
        ("meter 1 included 2, 0:1", "1: 5"),
        ("meter 1 included 4, 0:1", "1: 5"),
        &["1: price -2 = -2", "-2"],
    );
}

#[test]
fn usage_at_an_older_version_of_the_price_is_mix() {
    let book = "meter 1 0:1\nnext card\nmeter 1 from 10, 0:2";
    check((book, "1: 5 @ 1, 5 @ 10"), (book, "1: 1 @ 1, 9 @ 10"), &["1: mix 4 = 4", "4"]);
}

#[test]
fn a_commitments_discount_is_mix_and_its_rest_a_term() {
    let prices = "meter 1 0:1\ncommitment 3:20\nrecurring 2\ncredit 1";
    check(
        (prices, "1: 4"),
        (&format!("{prices}\ncommits 4"), "1: 4"),
        &["1: mix -0.8 = -0.8", "credit 1, forfeited 0.8", "1"],
    );
}

#[test]
fn terms_are_effects_of_their_own() {
    check(
        ("meter 1 0:1\nrecurring 2", "1: 4"),
        ("meter 1 0:1\nrecurring 3\ncredit 10", "1: 4"),
        &["1:  = 0", "credit -4, recurring 1", "-3"],
    );
}

#[test]
fn usage_without_a_price_on_one_side_is_an_effect_of_price_and_flagged() {
    let (priced, unpriced) = ("meter 1 0:1", "meter 2 0:1");
    check((unpriced, "1: 5"), (priced, "1: 8"), &["1: price 8 = 8, 5 not on rate card", "8"]);
    check((priced, "1: 8"), (unpriced, "1: 5"), &["1: price -8 = -8, 5 not on rate card", "-8"]);
    check(
        (unpriced, "2: 1"),
        (unpriced, "2: 1; 1: 5"),
        &["1:  = 0, 5 not on rate card", "2:  = 0", "0"],
    );
}

#[test]
fn equal_differences_stand_in_order_of_meters() {
    let book = "meter 1 0:1\nmeter 2 0:1\nmeter 3 0:1";
    check(
        (book, "1: 2; 2: 5; 3: 1"),
        (book, "1: 3; 2: 4; 3: 3"),
        &["3: quantity 2 = 2", "1: quantity 1 = 1", "2: quantity -1 = -1", "2"],
    );
}

#[test]
fn an_effect_too_large_to_be_exact_names_the_meter() {
    let a = Bill::of("meter 1 0:9999999999", "1: 1");
    let b = Bill::of("meter 1 0:0", "1: 999999999999999");
    let error = compare(&side(&a), &side(&b)).unwrap_err();
    assert_eq!(error, RateError::Meter(MeterId::from_bits(1)));
}

fn sum(amounts: impl IntoIterator<Item = Money>) -> Money {
    amounts.into_iter().try_fold(Money::ZERO, Money::plus).unwrap()
}

proptest! {
    #[test]
    fn effects_add_up_to_the_difference(a in any_bill(), b in any_bill()) {
        let comparison = compared(&a, &b);
        let totals = (a.rated.totals.total, b.rated.totals.total);
        prop_assert_eq!((comparison.total_a, comparison.total_b), totals);
        for change in &comparison.meters {
            let charge = |bill: &Bill| {
                bill.rated.meters.get(&change.meter).map_or(Money::ZERO, |meter| meter.charge)
            };
            let effects = sum(change.effects.iter().map(|effect| effect.amount));
            prop_assert_eq!(charge(&a).plus(effects).unwrap(), charge(&b));
        }
        let meters = comparison.meters.iter().flat_map(|change| &change.effects);
        let effects = sum(meters.chain(&comparison.terms).map(|effect| effect.amount));
        prop_assert_eq!(totals.0.plus(effects).unwrap(), totals.1);
        prop_assert_eq!(sum(comparison.effects.values().copied()), effects);
    }

    #[test]
    fn the_other_way_round_the_difference_has_the_other_sign(a in any_bill(), b in any_bill()) {
        let (forth, back) = (compared(&a, &b), compared(&b, &a));
        prop_assert_eq!(forth.difference, back.difference.negated());
        let of_meters = |comparison: &Comparison| -> BTreeMap<_, _> {
            let meters = comparison.meters.iter();
            meters.map(|change| (change.meter, change.difference)).collect()
        };
        for (meter, difference) in of_meters(&back) {
            prop_assert_eq!(of_meters(&forth)[&meter], difference.negated());
        }
    }

    #[test]
    fn a_bill_does_not_differ_from_itself(bill in any_bill()) {
        let comparison = compared(&bill, &bill);
        prop_assert!(comparison.effects.values().all(|amount| amount.is_zero()));
        prop_assert!(comparison.meters.iter().all(|change| change.difference.is_zero()));
    }

    #[test]
    fn under_one_version_without_commitment_nothing_is_mix(a in any_bill(), b in any_bill()) {
        let plain = |bill: &Bill| {
            let mut versions: BTreeMap<_, BTreeSet<_>> = BTreeMap::new();
            for (id, meter) in bill.usage.meters() {
                bill.rated.each_row(*id, meter, |_, charge| {
                    if let crate::rate::RowCharge::Priced { version, .. } = charge {
                        versions.entry(*id).or_default().insert(version.effective);
                    }
                    Ok(())
                }).unwrap();
            }
            let is_plain = bill.rated.commitment.is_none();
            versions.retain(|_, dates| is_plain && dates.len() == 1);
            versions.into_keys().collect::<BTreeSet<_>>()
        };
        let (in_a, in_b) = (plain(&a), plain(&b));
        for change in compared(&a, &b).meters {
            if in_a.contains(&change.meter) && in_b.contains(&change.meter) {
                let mix = change.effects.iter().find(|effect| effect.kind == EffectKind::Mix);
                prop_assert!(mix.unwrap().amount.is_zero());
            }
        }
    }
}
