//! Two cards as text, and what changed.

use super::*;
use crate::catalogue::{RateCardKey, Sku, Tier, Tiers};
use crate::decimal::{Money, Quantity, UnitPrice};
use crate::id::{Country, Currency, Locale, OfferId};
use crate::record::MeterDescription;
use crate::time::Date;

/// A card of `NUMBER NAME DAY INCLUDED BOUND:RATE … [#TAG …]` and `credit AMOUNT DAY` or
/// `recurring AMOUNT DAY`, one a line.
fn card(currency: &str, text: &str) -> RateCard {
    let (mut meters, mut terms) = (vec![], vec![]);
    for line in text.lines().map(str::trim).filter(|line| !line.is_empty()) {
        let words: Vec<_> = line.split(' ').collect();
        match words.as_slice() {
            ["credit", credit, day] => terms.push(OfferTerm::MonetaryCredit {
                credit: Money::parse(credit).unwrap(),
                excluded: BTreeSet::new(),
                effective: Date::parse(day).unwrap().start(),
            }),
            ["recurring", charge, day] => terms.push(OfferTerm::RecurringCharge {
                charge: Money::parse(charge).unwrap(),
                effective: Date::parse(day).unwrap().start(),
            }),
            [number, name, day, included, rest @ ..] => {
                meters.push(meter(number, name, day, included, rest));
            }
            other => panic!("{other:?}"),
        }
    }
    let key = RateCardKey {
        offer: OfferId::parse("MS-AZR-0003P").unwrap(),
        currency: Currency::parse(currency).unwrap(),
        locale: Locale::parse("en-US").unwrap(),
        region: Country::parse("US").unwrap(),
    };
    RateCard { key, is_tax_included: false, terms, meters }
}

fn meter(number: &str, name: &str, day: &str, included: &str, rest: &[&str]) -> Meter {
    let (tags, tiers): (Vec<&str>, Vec<&str>) =
        rest.iter().copied().partition(|word| word.starts_with('#'));
    let tier = |tier: &str| {
        let (from, rate) = tier.split_once(':').unwrap();
        Tier { from: Quantity::parse(from).unwrap(), rate: UnitPrice::parse(rate).unwrap() }
    };
    Meter {
        id: MeterId::from_bits(number.parse().unwrap()),
        description: MeterDescription { name: Some(name.into()), ..MeterDescription::default() },
        sku: Sku::default(),
        tags: tags.into_iter().map(|tag| tag[1..].into()).collect(),
        tiers: Tiers::new(tiers.into_iter().map(tier).collect()).unwrap(),
        included: Quantity::parse(included).unwrap(),
        effective: Date::parse(day).unwrap().start(),
        status: None,
    }
}

fn price(meter: &Meter) -> String {
    let tiers = meter.tiers.as_slice().iter().map(|tier| format!("{}:{}", tier.from, tier.rate));
    let tiers: Vec<_> = tiers.collect();
    format!("{} {} {}", meter.effective.date(), meter.included, tiers.join(" "))
}

fn term(term: Option<&OfferTerm>) -> String {
    match term {
        None => "none".to_owned(),
        Some(OfferTerm::MonetaryCredit { credit, effective, .. }) => {
            format!("{credit} {}", effective.date())
        }
        Some(OfferTerm::RecurringCharge { charge, effective }) => {
            format!("{charge} {}", effective.date())
        }
        Some(OfferTerm::MonetaryCommitment { .. }) => "commitment".to_owned(),
    }
}

fn check(before: &str, after: &str, expected: &[&str]) {
    let (before, after) = (card("USD", before), card("USD", after));
    let diff = card_diff(&before, &after).unwrap();
    let mut lines = Vec::new();
    for (id, diff) in &diff.meters {
        let id = id.to_bits();
        match diff {
            MeterDiff::Added(meter) => lines.push(format!("{id} added at {}", price(meter))),
            MeterDiff::Removed(meter) => lines.push(format!("{id} removed at {}", price(meter))),
            MeterDiff::Changed(change) => {
                if change.is_price_changed() {
                    let (before, after) = (price(change.before), price(change.after));
                    lines.push(format!("{id} price {before} -> {after}"));
                }
                for PropertyChange { property, before, after } in change.properties() {
                    lines.push(format!("{id} {property} {before:?} -> {after:?}"));
                }
            }
        }
    }
    for diff in &diff.terms {
        lines.push(format!("{} {} -> {}", diff.kind(), term(diff.before), term(diff.after)));
    }
    let DiffCounts { added, removed, price_changed, renamed, terms_changed } = diff.counts();
    lines.push(format!("{added} {removed} {price_changed} {renamed} {terms_changed}"));
    assert_eq!(lines, expected);
}

#[test]
fn equal_cards_differ_in_nothing() {
    let text = "1 cpu 2026-01-01 0 0:1\n2 disk 2026-01-01 5 0:1 9:0.5\ncredit 100 2026-01-01";
    check(text, text, &["0 0 0 0 0"]);
    check(
        "1 cpu 2026-01-01 0 0:1 #a #b\n2 disk 2026-01-01 0 0:1",
        "2 disk 2026-01-01 0 0:1.00\n1 cpu 2026-01-01 0 0:1 #b #a",
        &["0 0 0 0 0"],
    );
}

#[test]
fn meters_come_go_and_change_their_price_or_name() {
    check(
        "3 net 2026-01-01 0 0:1 10:0.9\n1 cpu 2026-01-01 0 0:1\n2 disk 2026-01-01 0 0:1\n5 old 2026-01-01 0 0:7",
        "1 cpu 2026-02-01 0 0:1\n2 ssd 2026-01-01 5 0:1 #Third_Party\n3 net 2026-01-01 0 0:1 10:0.90000000000000000001\n4 gpu 2026-01-01 0 0:9",
        &[
            "1 price 2026-01-01 0 0:1 -> 2026-02-01 0 0:1",
            "2 price 2026-01-01 0 0:1 -> 2026-01-01 5 0:1",
            r#"2 MeterName Some("disk") -> Some("ssd")"#,
            r#"2 MeterTags None -> Some("Third_Party")"#,
            "3 price 2026-01-01 0 0:1 10:0.9 -> 2026-01-01 0 0:1 10:0.90000000000000000001",
            "4 added at 2026-01-01 0 0:9",
            "5 removed at 2026-01-01 0 0:7",
            "1 1 3 1 0",
        ],
    );
}

#[test]
fn terms_are_paired_by_kind_and_date() {
    check(
        "1 cpu 2026-01-01 0 0:1\ncredit 100 2026-01-01\ncredit 200 2026-06-01",
        "1 cpu 2026-01-01 0 0:1\ncredit 250 2026-06-01\ncredit 100 2026-01-01\nrecurring 5 2026-01-01",
        &[
            "Monetary Credit 200 2026-06-01 -> 250 2026-06-01",
            "Recurring Charge none -> 5 2026-01-01",
            "0 0 0 0 2",
        ],
    );
    check(
        "1 cpu 2026-01-01 0 0:1\ncredit 100 2026-01-01",
        "1 cpu 2026-01-01 0 0:1",
        &["Monetary Credit 100 2026-01-01 -> none", "0 0 0 0 1"],
    );
}

#[test]
fn cards_of_two_currencies_are_not_compared() {
    let text = "1 cpu 2026-01-01 0 0:1";
    let (before, after) = (card("USD", text), card("EUR", text));
    let error = card_diff(&before, &after).unwrap_err();
    assert_eq!(error.to_string(), "rate cards of currency USD and EUR cannot be compared");
}
