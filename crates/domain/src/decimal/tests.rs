//! Every operation is exact or an error.

use super::*;

fn quantity(text: &str) -> String {
    Quantity::parse(text).map_or_else(|error| error.to_string(), |value| value.to_string())
}

#[test]
fn text_is_read_exactly_and_written_plainly() {
    for (text, expected) in [
        ("8", "8"),
        ("8.0", "8"),
        ("-0", "0"),
        ("0.41667", "0.41667"),
        ("2E-06", "0.000002"),
        ("3.8e-05", "0.000038"),
        ("1.5e3", "1500"),
        ("0.00000000000000000001", "0.00000000000000000001"),
        ("1e-20", "0.00000000000000000001"),
        ("999999999999999.99999999999999999999", "999999999999999.99999999999999999999"),
        ("1.000000000000000000000000", "1"),
        ("+7", "7"),
    ] {
        assert_eq!(quantity(text), expected, "{text}");
    }
}

#[test]
fn what_would_lose_a_digit_is_refused() {
    for (text, expected) in [
        ("NaN", "not a decimal number"),
        ("", "not a decimal number"),
        ("1,5", "not a decimal number"),
        (".5", "not a decimal number"),
        ("1.", "not a decimal number"),
        ("1e", "not a decimal number"),
        ("--1", "not a decimal number"),
        ("0x10", "not a decimal number"),
        ("Infinity", "not a decimal number"),
        (" 1", "not a decimal number"),
        ("1e-21", "more than 20 decimal places"),
        ("1e15", "not below 10^15"),
        ("1e99999999999999999999", "not below 10^15"),
        ("1e-99999999999999999999", "more than 20 decimal places"),
        ("1000000000000000", "not below 10^15"),
    ] {
        assert_eq!(quantity(text), expected, "{text}");
    }
    assert_eq!(quantity(&"1".repeat(200)), "not a decimal number");
}

#[test]
fn a_product_keeps_every_digit() {
    let price = UnitPrice::parse("1.542000000000000299").unwrap();
    let quantity = Quantity::parse("0.00000000000000000001").unwrap();
    let cost = price.times(quantity).unwrap();
    assert_eq!(cost.to_string(), "0.00000000000000000001542000000000000299");
}

#[test]
fn sums_past_their_bound_are_errors() {
    let large = Quantity::from_scaled(10i128.pow(38) - 1).unwrap();
    assert_eq!(large.plus(Quantity::parse("1").unwrap()), Err(OutOfRange));
    assert_eq!(Quantity::from_scaled(10i128.pow(38)), Err(OutOfRange));
    let price = UnitPrice::parse("9999999999").unwrap();
    assert_eq!(price.times(large), Err(OutOfRange));
}

fn money(text: &str) -> Money {
    let (size, negative) = text.strip_prefix('-').map_or((text, false), |size| (size, true));
    let money = Money::parse(size).unwrap();
    if negative { money.negated() } else { money }
}

#[test]
fn a_percentage_of_a_price_is_exact_or_refused() {
    let changed = |price: &str, percent: &str| {
        let price = UnitPrice::parse(price).unwrap();
        price.changed_by(Percent::parse(percent).unwrap()).map(|price| price.to_string())
    };
    assert_eq!(changed("0.10", "-10").as_deref(), Ok("0.09"));
    assert_eq!(changed("2", "12.5").as_deref(), Ok("2.25"));
    assert_eq!(changed("3", "-100").as_deref(), Ok("0"));
    let finest = UnitPrice::parse("0.0000000000000000000000000001").unwrap();
    let once = finest.changed_by(Percent::parse("0.00000001").unwrap()).unwrap();
    assert_eq!(once.to_string(), "0.00000000000000000000000000010000000001");
    assert_eq!(once.changed_by(Percent::parse("0.5").unwrap()), Err(OutOfRange));
    assert!(Percent::parse("0.000000001").is_err());
}

#[test]
fn what_an_amount_pays_for_is_cut() {
    for (price, amount, expected) in [
        ("3", "10", "3.33333333333333333333"),
        ("0.5", "10", "20"),
        ("0", "10", "99"),
        ("0.1", "10", "99"),
    ] {
        let wanted = Quantity::parse("99").unwrap();
        let paid = UnitPrice::parse(price).unwrap().paid_for_by(money(amount), wanted);
        assert_eq!(paid.to_string(), expected, "{price}");
    }
}

#[test]
fn the_effective_price_is_rounded_for_display() {
    let price =
        |amount: &str, units: &str| money(amount).effective_price(Quantity::parse(units).unwrap());
    assert_eq!(price("10", "3").as_deref(), Some("3.33333333333333333333"));
    assert_eq!(price("20", "3").as_deref(), Some("6.66666666666666666667"));
    assert_eq!(price("-20", "3").as_deref(), Some("-6.66666666666666666667"));
    assert_eq!(price("1", "0"), None);
}

#[test]
fn parts_of_a_split_add_up() {
    let split = |amount: &str, weights: &[&str]| {
        let weights: Vec<_> = weights.iter().map(|weight| money(weight)).collect();
        let parts = money(amount).split(&weights, 2).unwrap();
        let sum = parts.iter().fold(Money::ZERO, |sum, part| sum.plus(*part).unwrap());
        assert_eq!(sum, money(amount));
        parts.iter().map(ToString::to_string).collect::<Vec<_>>().join(" ")
    };
    assert_eq!(split("10", &["1", "1", "1"]), "3.34 3.33 3.33");
    assert_eq!(split("-10", &["1", "1", "1"]), "-3.34 -3.33 -3.33");
    assert_eq!(split("1.005", &["70", "30"]), "0.705 0.3");
    assert_eq!(split("7", &["0", "0"]), "3.5 3.5");
    assert_eq!(split("7", &["-1", "0.000000001"]), "0 7");
    assert_eq!(split("0.004", &["1", "1"]), "0.004 0");
    assert_eq!(split("2.976", &["0", "1", "2"]), "0 0.996 1.98");
    assert_eq!(split("0.004", &["-3", "0", "1"]), "0 0 0.004");
}

#[test]
fn screens_round_half_away_from_zero() {
    for (text, places, expected) in [
        ("0.125", 2, "0.13"),
        ("-0.125", 2, "-0.13"),
        ("0.124", 2, "0.12"),
        ("1234.5", 0, "1235"),
        ("0", 2, "0.00"),
        ("0.005", 2, "0.01"),
    ] {
        assert_eq!(Money::parse(text).unwrap().to_rounded_text(places), expected, "{text}");
    }
}
