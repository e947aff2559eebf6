//! Laws that the oracle itself keeps, and the published formula beside it.

use num_rational::BigRational;
use num_traits::Zero;

use super::*;

fn total(statements: &str) -> BigRational {
    let case = Case::parse(statements).unwrap();
    periods(&case).iter().map(|period| period.total.clone()).sum()
}

fn number(text: &str) -> BigRational {
    crate::Number::parse(text).unwrap().value().clone()
}

/// The formula of the rules, written for one meter with one price.
fn formula(quantity: &str, included: &str, tiers: &[(&str, &str)]) -> BigRational {
    let billable = (number(quantity) - number(included)).max(BigRational::zero());
    let mut sum = BigRational::zero();
    for (place, (bound, rate)) in tiers.iter().enumerate() {
        let upper = match tiers.get(place + 1) {
            Some((next, _)) => number(next).min(billable.clone()),
            None => billable.clone(),
        };
        sum += (upper - number(bound)).max(BigRational::zero()) * number(rate);
    }
    sum
}

#[test]
fn a_walk_of_rows_comes_to_what_the_formula_says() {
    let tiers = [("0", "0.2"), ("2.5", "0.17"), ("10", "0.03"), ("1000", "0")];
    let price: String = tiers.iter().map(|(bound, rate)| format!(" {bound}:{rate}")).collect();
    for (rows, sum) in [
        (vec!["0.5"], "0.5"),
        (vec!["1.5", "0.0000001"], "1.5000001"),
        (vec!["4", "0", "0.25", "5.75"], "10"),
        (vec!["1", "-1", "12.5"], "12.5"),
        (vec!["900", "-899.5", "3"], "3.5"),
        (vec!["2000", "1"], "2001"),
    ] {
        let mut statements = format!("card\nmeter 1 included 1.5 :{price}\n");
        statements = statements.replace(" :", " : ");
        for (hour, quantity) in rows.iter().enumerate() {
            statements.push_str(&format!("usage 2026-01-05T{hour:02} 1 {quantity}\n"));
        }
        assert_eq!(total(&statements), formula(sum, "1.5", &tiers), "{rows:?}");
    }
}

#[test]
fn the_order_of_statements_does_not_matter_for_rows_of_other_times() {
    let rows = ["usage 2026-01-05 1 7\n", "usage 2026-01-06 2 9\n", "usage 2026-01-07 1 -3\n"];
    let head = "card\nmeter 1 included 1 : 0:1 3:2\nmeter 2 : 0:3\n\
                term commitment 1:10\nterm credit 4\ncommitment 8\n";
    let forwards = total(&format!("{head}{}", rows.concat()));
    let backwards = rows.iter().rev().copied().collect::<String>();
    assert_eq!(forwards, total(&format!("{head}{backwards}")));
}

#[test]
fn a_row_and_its_reversal_are_nothing() {
    let head = "card\nmeter 1 included 1 : 0:1 3:2\nterm commitment 1:10\ncommitment 8\n\
                usage 2026-01-05 1 6\n";
    let reversed = format!("{head}usage 2026-01-06 1 100\nusage 2026-01-06 1 -100\n");
    // What a crumb takes stays taken, so the commitment is one that divides evenly.
    assert_eq!(total(head), number("8"));
    assert_eq!(total(&reversed), number("8"));
}

#[test]
fn nothing_used_is_an_empty_bill() {
    let case = Case::parse("card\nmeter 1 : 0:1\nterm recurring 5\n").unwrap();
    assert_eq!(bill(&case), "");
}
