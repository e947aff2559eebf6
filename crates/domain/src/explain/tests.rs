//! Explanations of cases as text: prices, usage, and the arithmetic that comes out; then their laws.

use proptest::prelude::*;

use super::samples::{Bill, any_bill, book, dollars, meter_id};
use super::*;
use crate::rate::{PartKind, rate};

fn unindented(text: &str) -> String {
    let lines: Vec<_> = text.lines().skip(1).collect();
    let indent = lines.first().map_or(0, |line| line.len() - line.trim_start().len());
    let lines = lines.iter().map(|line| line.get(indent..).unwrap_or(""));
    lines.collect::<Vec<_>>().join("\n").trim_end().to_owned()
}

fn check(book: &str, usage: &str, meter: &str, expected: &str) {
    let Bill { usage, rated, book } = Bill::of(book, usage);
    let explanation = explain(&usage, &rated, &book, meter_id(meter), 3).unwrap();
    assert_eq!(explanation.lines(&dollars()).join("\n"), unindented(expected));
}

fn check_terms(book: &str, usage: &str, expected: &str) {
    let Bill { usage, rated, book } = Bill::of(book, usage);
    let explanation = explain_terms(&usage, &rated, &book).unwrap();
    assert_eq!(explanation.lines(&dollars()).join("\n"), unindented(expected));
}

/// The tree of the quantity, a node a line.
fn check_rows(book: &str, usage: &str, rows_per_day_max: usize, expected: &str) {
    let Bill { usage, rated, book } = Bill::of(book, usage);
    let explanation = explain(&usage, &rated, &book, meter_id("1"), rows_per_day_max).unwrap();
    let mut lines = Vec::new();
    outline(&explanation.quantity, 0, &mut lines);
    assert_eq!(lines.join("\n"), unindented(expected));
}

fn outline(node: &Node, depth: usize, lines: &mut Vec<String>) {
    let label = match &node.label {
        Label::Usage { rows } => format!("{rows} rows"),
        Label::Day { date, rows } => format!("{date}, {rows} rows"),
        Label::MoreRows { rows } => format!("{rows} more rows"),
        Label::Row { window, resource, source, event_id } => {
            let resource = resource.as_deref().unwrap_or("no resource");
            format!("{} to {}, {resource}, {source}, {event_id}", window.start(), window.end())
        }
        other => format!("{other:?}"),
    };
    lines.push(format!("{:indent$}{label}: {}", "", node.quantity.unwrap(), indent = depth * 2));
    node.children.iter().for_each(|child| outline(child, depth + 1, lines));
}

#[test]
fn included_quantity_and_tiers_are_arithmetic_to_read() {
    check(
        "meter 1 included 100, 0:0.10 500:0.08",
        "1: 1 * 744",
        "1",
        "
        Compute Hours (Virtual Machines), 202610-1, 2026-10-01 to 2026-11-01 UTC, amounts in USD
          usage            744 Hours in 744 rows
          included         - 100
          billable         644
          price (card import 1)
            from 0         500 x 0.1   = 50
            from 500       144 x 0.08  = 11.52
          charge                         61.52
          effective price  0.08268817204301075269 = charge / usage, to 20 places
        ",
    );
}

#[test]
fn every_version_of_the_price_says_where_it_comes_from() {
    check(
        "meter 2 0:1 10:0.5
         next card
         meter 2 from 15T12, 0:2 10:1
         override 4 from 20 markup 20",
        "2: 8, 4 @ 15T12, 1 @ 21",
        "2",
        "
        meter 00000000-0000-0000-0000-000000000002, 202610-1, 2026-10-01 to 2026-11-01 UTC, amounts in USD
          usage            13 in 3 rows
          included         - 0
          billable         13
          price (card import 1)
            from 0         8 x 1    =  8
          price from 2026-10-15T12:00:00Z (card import 2)
            from 0         2 x 2    =  4
            from 10        2 x 1    =  2
          price from 2026-10-20 (card import 2, override 4, markup 20%)
            from 10        1 x 1.2  =  1.2
          charge                      15.2
          effective price  1.16923076923076923077 = charge / usage, to 20 places
        ",
    );
}

#[test]
fn every_digit_is_shown() {
    check(
        "meter 1 0:1.542000000000000299",
        "1: 0.00000000000000000001, 2",
        "1",
        "
        Compute Hours (Virtual Machines), 202610-1, 2026-10-01 to 2026-11-01 UTC, amounts in USD
          usage            2.00000000000000000001 Hours in 2 rows
          included         - 0
          billable         2.00000000000000000001
          price (card import 1)
            from 0         2.00000000000000000001 x 1.542000000000000299  = 3.08400000000000059801542000000000000299
          charge                                                            3.08400000000000059801542000000000000299
          effective price  1.542000000000000299 = charge / usage, to 20 places
        ",
    );
}

#[test]
fn credit_is_a_branch_below_the_charge() {
    check(
        "meter 1 0:1
         meter 2 0:1
         credit 5",
        "1: 4 @ 2; 2: 3 @ 1, 10 @ 3",
        "1",
        "
        Compute Hours (Virtual Machines), 202610-1, 2026-10-01 to 2026-11-01 UTC, amounts in USD
          usage            4 Hours in 1 row
          included         - 0
          billable         4
          price (card import 1)
            from 0         4 x 1  =  4
          charge                     4
          credit                    -2
          net                        2
          effective price  1 = charge / usage, to 20 places
        ",
    );
}

#[test]
fn what_a_commitment_paid_for_shows_its_discount() {
    check(
        "meter 1 included 1, 0:1 6:0.5
         commitment 3:20
         commits 4",
        "1: 3 @ 1, 8 @ 2",
        "1",
        "
        Compute Hours (Virtual Machines), 202610-1, 2026-10-01 to 2026-11-01 UTC, amounts in USD
          usage            11 Hours in 2 rows
          included         - 1
          billable         10
          price (card import 1)
            committed      5 x 0.8 (1 less 20%)  = 4
            from 0         1 x 1                 = 1
            from 6         4 x 0.5               = 2
          charge                                   7
          effective price  0.63636363636363636364 = charge / usage, to 20 places
        ",
    );
}

#[test]
fn usage_without_a_price_has_no_charge() {
    check(
        "meter 2 0:1",
        "1: 3",
        "1",
        "
        meter 00000000-0000-0000-0000-000000000001, 202610-1, 2026-10-01 to 2026-11-01 UTC, amounts in USD
          unpriced  3: not on rate card
        ",
    );
    check(
        "meter 1 from 10, included 5, 0:1",
        "1: 3 @ 9T23, 4 @ 10",
        "1",
        "
        Compute Hours (Virtual Machines), 202610-1, 2026-10-01 to 2026-11-01 UTC, amounts in USD
          usage            4 Hours in 1 row
          included         - 4
          billable         0
          charge               0
          effective price  0 = charge / usage, to 20 places
          unpriced         3 Hours: before first price
        ",
    );
}

#[test]
fn usage_that_takes_back_more_than_there_was_adds_to_the_included_quantity() {
    check(
        "meter 1 included 5, 0:1",
        "1: 2 @ 1, -3 @ 2",
        "1",
        "
        Compute Hours (Virtual Machines), 202610-1, 2026-10-01 to 2026-11-01 UTC, amounts in USD
          usage            -1 Hours in 2 rows
          included         + 1
          billable         0
          charge               0
          effective price  0 = charge / usage, to 20 places
        ",
    );
}

#[test]
fn rows_of_a_day_past_the_limit_are_one_sum() {
    check_rows(
        "meter 1 from 2, 0:1",
        "1: 9 @ 1, 2 * 4 @ 2, 3 @ 5T22",
        2,
        "
        5 rows: 11
          2026-10-02, 4 rows: 8
            2026-10-02T00:00:00Z to 2026-10-02T01:00:00Z, /vm/1, urn:test, e1: 2
            2026-10-02T01:00:00Z to 2026-10-02T02:00:00Z, /vm/2, urn:test, e2: 2
            2 more rows: 4
          2026-10-05, 1 rows: 3
            2026-10-05T22:00:00Z to 2026-10-05T23:00:00Z, /vm/2, urn:test, e5: 3
        ",
    );
    check_rows(
        "meter 1 0:1",
        "1: 9",
        0,
        "\n1 rows: 9\n  2026-10-01, 1 rows: 9\n    1 more rows: 9",
    );
}

#[test]
fn a_meter_that_was_not_used_is_an_error() {
    let Bill { usage, rated, book } = Bill::of("meter 1 0:1", "1: 3");
    let error = explain(&usage, &rated, &book, meter_id("2"), 3).unwrap_err();
    assert_eq!(
        error.to_string(),
        "meter 00000000-0000-0000-0000-000000000002 was not used in billing period 202610-1"
    );
}

#[test]
fn terms_lead_from_usage_to_the_total() {
    check_terms(
        "meter 1 0:1
         credit 50
         recurring 9.99",
        "1: 61.52",
        "
        Usage and terms, 202610-1, 2026-10-01 to 2026-11-01 UTC, amounts in USD
          usage                                       61.52
          credit     50 of credit, 61.52 eligible  = -50
          recurring                                    9.99
          total                                       21.51
        ",
    );
}

#[test]
fn a_second_credit_draws_on_what_the_first_one_leaves() {
    check_terms(
        "meter 1 0:1
         meter 2 0:1
         credit 4 without 2
         credit 100 without 3",
        "1: 10; 2: 7",
        "
        Usage and terms, 202610-1, 2026-10-01 to 2026-11-01 UTC, amounts in USD
          usage                                  17
          credit  4 of credit, 10 eligible    =  -4
          credit  100 of credit, 13 eligible  = -13
          total                                   0
        ",
    );
}

#[test]
fn a_commitment_is_held_against_pay_as_you_go() {
    let prices = "meter 1 0:1 6:0.5\ncommitment 3:20";
    check_terms(
        &format!("{prices}\ncommits 4"),
        "1: 2",
        "
        Usage and terms, 202610-1, 2026-10-01 to 2026-11-01 UTC, amounts in USD
          usage                                                1.6
          forfeited                 4 committed - 1.6 drawn  = 2.4
          total                                                4
          total without commitment                             2
          the commitment is dearer than pay-as-you-go by 2
        ",
    );
    check_terms(
        &format!("{prices}\ncommits 4"),
        "1: 9",
        "
        Usage and terms, 202610-1, 2026-10-01 to 2026-11-01 UTC, amounts in USD
          usage                                              6.5
          forfeited                 4 committed - 4 drawn  = 0
          total                                              6.5
          total without commitment                           7.5
          the commitment saves 1 of pay-as-you-go
        ",
    );
}

/// Sums the leaves in any order of depth, unlike the check that the tree has of itself.
fn leaves(node: &Node) -> (Money, Quantity) {
    let mut open = vec![node];
    let mut sums = (Money::ZERO, Quantity::ZERO);
    while let Some(node) = open.pop() {
        open.extend(&node.children);
        if node.children.is_empty() {
            sums.0 = sums.0.plus(node.amount.unwrap_or_default()).unwrap();
            sums.1 = sums.1.plus(node.quantity.unwrap_or_default()).unwrap();
        }
        if let (Label::Line(PartKind::Tier { .. } | PartKind::Committed { .. }), Some(rate)) =
            (&node.label, node.rate)
        {
            assert_eq!(rate.times(node.quantity.unwrap()).unwrap(), node.amount.unwrap());
        }
    }
    sums
}

proptest! {
    #[test]
    fn leaves_add_up_to_the_bill(bill in any_bill(), rows_per_day_max in 0usize..4) {
        let Bill { usage, rated, book } = &bill;
        let mut owed = Money::ZERO;
        for (id, meter) in &rated.meters {
            let explanation = explain(usage, rated, book, *id, rows_per_day_max).unwrap();
            prop_assert_eq!(leaves(&explanation.quantity).1, meter.quantity);
            prop_assert_eq!(
                explanation.included.plus(explanation.billable).unwrap(),
                meter.quantity
            );
            if let Some(amount) = &explanation.amount {
                let (net, billable) = leaves(amount);
                prop_assert_eq!(Some(net), amount.amount);
                prop_assert_eq!(billable, meter.billable);
                prop_assert_eq!(amount.children[0].amount, Some(meter.charge));
                owed = owed.plus(net).unwrap();
            }
        }
        let totals = rated.totals;
        prop_assert_eq!(owed, totals.usage.minus(totals.credit).unwrap());
        let terms = explain_terms(usage, rated, book).unwrap();
        prop_assert_eq!(leaves(&terms.amount).0, totals.total);
        for credit in &terms.credits {
            prop_assert_eq!(credit.drawn, credit.eligible.min(credit.credit));
        }
        if let Some(commitment) = terms.commitment {
            let drawn = commitment.drawn;
            prop_assert_eq!(drawn.drawn.plus(drawn.forfeited).unwrap(), drawn.committed);
            prop_assert_eq!(
                commitment.total.plus(commitment.saved).unwrap(),
                commitment.pay_as_you_go
            );
        }
    }
}

#[test]
fn the_bill_without_the_commitment_is_that_of_a_book_without_it() {
    let prices = "meter 1 0:1\ncommitment 3:20";
    let Bill { usage, rated, book: with } = Bill::of(&format!("{prices}\ncommits 4"), "1: 9");
    let explained = explain_terms(&usage, &rated, &with).unwrap().commitment.unwrap();
    let without = rate(&usage, &book(prices)).unwrap().totals.total;
    assert_eq!(explained.pay_as_you_go, without);
}
