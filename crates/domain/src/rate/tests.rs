//! `rate` on cases as text: prices, usage, and the arithmetic that comes out; then its laws.

use std::sync::Arc;

use proptest::prelude::*;

use super::*;
use crate::book::{ImportedCard, PriceList};
use crate::catalogue::{Meter, RateCard, RateCardKey, Sku, Tier, Tiers};
use crate::id::{Country, Currency, EventId, Locale, OfferId, Source, SubscriptionId};
use crate::period::{AnchorDay, BillingPeriod};
use crate::record::{Billed, Commit, MeterDescription, StoredRecord, UsageRecord, Window};
use crate::time::{Date, Month, ReportedTime};

const METER: MeterId = MeterId::from_bits(7);

fn quantity(text: &str) -> Quantity {
    let (size, negative) = text.strip_prefix('-').map_or((text, false), |size| (size, true));
    let size = Quantity::parse(size).unwrap();
    if negative { size.negated() } else { size }
}

fn english() -> Locale {
    Locale::parse("en-US").unwrap()
}

/// A moment in January 2026, as `day` or `dayThour`.
fn moment(text: &str) -> UtcTime {
    let (day, hour) = text.split_once('T').unwrap_or((text, "0"));
    let date = Date::from_civil(2026, 1, day.parse().unwrap()).unwrap();
    date.start().plus_hours(hour.parse().unwrap())
}

/// A card with one meter: `[included 5,] [from 10,] 0:1.0 5:2.0`.
fn card(text: &str) -> RateCard {
    let mut included = Quantity::ZERO;
    let mut effective = UtcTime::MIN;
    let mut tiers = Vec::new();
    for word in text.split(',').map(str::trim) {
        if let Some(quantity_text) = word.strip_prefix("included ") {
            included = quantity(quantity_text);
        } else if let Some(day) = word.strip_prefix("from ") {
            effective = moment(day);
        } else {
            tiers.extend(word.split(' ').map(|tier| {
                let (from, rate) = tier.split_once(':').unwrap();
                Tier { from: quantity(from), rate: UnitPrice::parse(rate).unwrap() }
            }));
        }
    }
    let meter = Meter {
        id: METER,
        description: MeterDescription::default(),
        sku: Sku::default(),
        tags: vec![],
        tiers: Tiers::new(tiers).unwrap(),
        included,
        effective,
        status: None,
    };
    RateCard {
        key: RateCardKey {
            offer: OfferId::parse("MS-AZR-0003P").unwrap(),
            currency: Currency::parse("USD").unwrap(),
            locale: english(),
            region: Country::parse("US").unwrap(),
        },
        is_tax_included: false,
        terms: vec![],
        meters: vec![meter],
    }
}

/// The cards as imports long before the usage.
fn book(cards: &[RateCard]) -> Book {
    let imports = (1..).zip(cards).map(|(version, card)| ImportedCard {
        card,
        version,
        imported_at: UtcTime::MIN,
        reprice_closed: false,
    });
    Book::of(PriceList::new(imports, &english()).into())
}

/// What each row of the meter costs.
fn charges(usage: &Usage, rated: &Rated) -> Vec<Result<Money, Unpriced>> {
    let mut charges = Vec::new();
    let each = |_, charge: RowCharge<'_>| {
        charges.push(match charge {
            RowCharge::Priced { charge, .. } => Ok(charge),
            RowCharge::Unpriced(reason) => Err(reason),
        });
        Ok(())
    };
    rated.each_row(METER, &usage.meters()[&METER], each).unwrap();
    charges
}

/// A record of an hour, its number being its event id and commit.
fn record(number: usize, start: UtcTime, quantity: Quantity) -> StoredRecord {
    let record = UsageRecord {
        subscription: SubscriptionId::from_bits(1),
        window: Window::new(start, start.plus_hours(1)).unwrap(),
        meter: METER,
        description: MeterDescription::default(),
        quantity,
        instance: Arc::default(),
        source: Source::parse("urn:test").unwrap(),
        event_id: EventId::parse(&format!("{number:06}")).unwrap(),
        billed: Billed::default(),
        reverses: None,
    };
    StoredRecord {
        instance_hash: record.instance.hash(),
        record,
        reported: ReportedTime(start),
        commit: Commit(number as u64),
        erased: None,
    }
}

/// Usage as `quantity [@ day[Thour]]`, separated by spaces around commas.
fn usage(text: &str) -> Usage {
    let records = text.split(',').enumerate().map(|(number, row)| {
        let (amount, at) = row.trim().split_once(" @ ").unwrap_or((row.trim(), "1"));
        record(number, moment(at), quantity(amount))
    });
    let january = BillingPeriod::starting_in(Month::new(2026, 1).unwrap(), AnchorDay::FIRST);
    Usage::from_records(january, records, &BTreeMap::new())
}

fn check(cards: &[&str], rows: &str, expected: &str) {
    let cards: Vec<_> = cards.iter().map(|text| card(text)).collect();
    let rated = rate(&usage(rows), &book(&cards)).unwrap();
    let meter = &rated.meters[&METER];
    let mut lines: Vec<_> = meter
        .lines
        .iter()
        .map(|line| {
            let rate = line.kind.rate().unwrap();
            format!("{} @ {} = {}", line.quantity, rate, line.amount)
        })
        .collect();
    if !meter.included.is_zero() {
        lines.push(format!("{} included", meter.included));
    }
    lines.push(format!("total {}", meter.charge));
    lines.extend(meter.unpriced.iter().map(|(reason, sum)| format!("{sum} {reason}")));
    assert_eq!(lines.join(", "), expected, "{rows}");
}

#[test]
fn usage_past_a_bound_takes_the_next_tier() {
    check(&["0:0.10 100:0.08"], "150", "100 @ 0.1 = 10, 50 @ 0.08 = 4, total 14");
    check(&["0:0.10 100:0.08"], "100", "100 @ 0.1 = 10, total 10");
    check(&["100.0:0.08 0:0.10"], "99.5", "99.5 @ 0.1 = 9.95, total 9.95");
}

#[test]
fn included_quantity_comes_first() {
    let card = &["included 5, 0:1.0 5:2.0"];
    check(card, "3", "3 included, total 0");
    check(card, "7", "2 @ 1 = 2, 5 included, total 2");
    check(card, "16", "5 @ 1 = 5, 6 @ 2 = 12, 5 included, total 17");
    check(card, "13 @ 1, 10 @ 9", "5 @ 1 = 5, 13 @ 2 = 26, 5 included, total 31");
    check(card, "12", "5 @ 1 = 5, 2 @ 2 = 4, 5 included, total 9");
    check(card, "7 @ 3, 16 @ 4", "5 @ 1 = 5, 13 @ 2 = 26, 5 included, total 31");
}

#[test]
fn bounds_are_numbers_in_any_order_and_spelling() {
    check(
        &["10:3 5:2 0:1 87.5:4"],
        "100",
        "5 @ 1 = 5, 5 @ 2 = 10, 77.5 @ 3 = 232.5, 12.5 @ 4 = 50, total 297.5",
    );
}

#[test]
fn every_digit_of_quantity_and_rate_counts() {
    check(
        &["0:1.542000000000000299"],
        "0.00000000000000000001, 2",
        "2.00000000000000000001 @ 1.542000000000000299 = \
         3.08400000000000059801542000000000000299, \
         total 3.08400000000000059801542000000000000299",
    );
}

#[test]
fn a_new_version_applies_from_its_date_at_the_position_reached() {
    check(
        &["0:1 10:0.5", "from 15, 0:2 10:1"],
        "8 @ 14T23, 4 @ 15",
        "8 @ 1 = 8, 2 @ 2 = 4, 2 @ 1 = 2, total 14",
    );
}

#[test]
fn the_included_quantity_is_that_of_the_periods_start() {
    check(
        &["included 5, 0:1", "from 15, included 9, 0:2"],
        "3 @ 2, 4 @ 20",
        "2 @ 2 = 4, 5 included, total 4",
    );
}

#[test]
fn the_same_effective_date_again_replaces() {
    check(&["from 1, 0:1", "from 1, 0:3"], "2", "2 @ 3 = 6, total 6");
}

#[test]
fn usage_before_the_first_price_is_unpriced_and_takes_no_place_in_the_tiers() {
    check(
        &["from 10, included 1, 0:1"],
        "5 @ 9T23, 2 @ 10",
        "1 @ 1 = 1, 1 included, total 1, 5 before first price",
    );
}

#[test]
fn usage_without_a_card_or_off_the_card_is_unpriced() {
    check(&[], "5", "total 0, 5 no rate card");
    let other = |mut card: RateCard| {
        card.meters[0].id = MeterId::from_bits(8);
        card
    };
    let usage = usage("5");
    let rated = rate(&usage, &book(&[other(card("0:1"))])).unwrap();
    assert_eq!(charges(&usage, &rated), [Err(Unpriced::NotOnRateCard)]);
}

#[test]
fn a_row_and_its_reversal_are_nothing() {
    check(
        &["included 1, 0:1 2:5"],
        "4 @ 1, 3 @ 2, -3 @ 2",
        "2 @ 1 = 2, 1 @ 5 = 5, 1 included, total 7",
    );
}

#[test]
fn a_charge_too_large_to_be_exact_names_the_meter() {
    let error = rate(&usage("999999999999999"), &book(&[card("0:9999999999")])).unwrap_err();
    assert_eq!(error, RateError::Meter(METER));
}

prop_compose! {
    fn any_card()(
        included in 0u32..50,
        bounds in prop::collection::btree_set(1u32..200, 0..5),
        rates in prop::collection::vec(0u64..10_000_000, 6),
        change in prop::option::of((2u8..28, prop::collection::vec(0u64..10_000_000, 6))),
    ) -> Vec<RateCard> {
        let text = |rates: &[u64], from: &str| {
            let tiers = std::iter::once(0).chain(bounds.iter().copied()).zip(rates);
            let tiers: Vec<_> =
                tiers.map(|(bound, rate)| format!("{bound}.5:0.{rate:07}")).collect();
            card(&format!("included {included}{from}, {}", tiers.join(" ").replacen("0.5:", "0:", 1)))
        };
        let mut cards = vec![text(&rates, "")];
        if let Some((day, rates)) = &change {
            cards.push(text(rates, &format!(", from {day}")));
        }
        cards
    }
}

fn any_rows() -> impl Strategy<Value = Vec<(UtcTime, Quantity)>> {
    let row = (0i64..31 * 24, 0i64..2_000_000).prop_map(|(hour, millionths)| {
        let scaled = i128::from(millionths) * 10i128.pow(14) * 7;
        (moment("1").plus_hours(hour), Quantity::from_scaled(scaled).unwrap())
    });
    prop::collection::vec(row, 1..60)
}

fn usage_of(rows: &[(UtcTime, Quantity)]) -> Usage {
    let records = rows
        .iter()
        .enumerate()
        .map(|(number, (start, quantity))| record(number, *start, *quantity));
    let january = BillingPeriod::starting_in(Month::new(2026, 1).unwrap(), AnchorDay::FIRST);
    Usage::from_records(january, records, &BTreeMap::new())
}

fn rated(rows: &[(UtcTime, Quantity)], cards: &[RateCard]) -> RatedMeter {
    rate(&usage_of(rows), &book(cards)).unwrap().meters.remove(&METER).unwrap()
}

/// By group and reason, if there is one: quantity and charge.
type Sums = BTreeMap<(usize, Option<Unpriced>), (Quantity, Money)>;

fn add(sums: &mut Sums, group: usize, quantity: Quantity, charge: Result<Money, Unpriced>) {
    let (quantities, charges) = sums.entry((group, charge.err())).or_default();
    *quantities = quantities.plus(quantity).unwrap();
    *charges = charges.plus(charge.unwrap_or_default()).unwrap();
}

proptest! {
    #[test]
    fn splitting_a_row_changes_nothing(rows in any_rows(), cards in any_card()) {
        let halves = rows.iter().flat_map(|(start, quantity)| {
            let half = Quantity::from_scaled(quantity.to_scaled() / 3).unwrap();
            [(*start, half), (*start, quantity.minus(half).unwrap())]
        });
        let halves: Vec<_> = halves.collect();
        prop_assert_eq!(rated(&halves, &cards).lines, rated(&rows, &cards).lines);
    }

    #[test]
    fn the_order_of_arrival_does_not_matter(rows in any_rows(), cards in any_card()) {
        let book = book(&cards);
        let january = BillingPeriod::starting_in(Month::new(2026, 1).unwrap(), AnchorDay::FIRST);
        let records = rows.iter().enumerate().map(|(n, (start, q))| record(n, *start, *q));
        let forward = Usage::from_records(january, records.clone(), &BTreeMap::new());
        let backward = Usage::from_records(january, records.rev(), &BTreeMap::new());
        let charges = |usage: Usage| charges(&usage, &rate(&usage, &book).unwrap());
        prop_assert_eq!(charges(forward), charges(backward));
    }

    #[test]
    fn more_usage_never_costs_less(rows in any_rows(), cards in any_card()) {
        let one_price = &cards[..1];
        let fewer = &rows[..rows.len() - 1];
        prop_assume!(!fewer.is_empty());
        prop_assert!(rated(fewer, one_price).charge <= rated(&rows, one_price).charge);
    }

    #[test]
    fn rows_together_cost_what_each_of_them_does(
        mut rows in any_rows(),
        cards in any_card(),
        taken_back in prop::collection::vec(any::<bool>(), 60),
    ) {
        for ((_, quantity), is_taken_back) in rows.iter_mut().zip(taken_back) {
            *quantity = if is_taken_back { quantity.negated() } else { *quantity };
        }
        let usage = usage_of(&rows);
        let meter = &usage.meters()[&METER];
        let rated = rate(&usage, &book(&cards)).unwrap();
        let group_of = |row: usize| Some(row % 4).filter(|group| *group != 3);
        let mut apart = BTreeMap::new();
        for (row, charge) in charges(&usage, &rated).into_iter().enumerate() {
            if let Some(group) = group_of(row) {
                add(&mut apart, group, meter.rows()[row].quantity, charge);
            }
        }
        let mut together = BTreeMap::new();
        for sum in rated.together(METER, meter, group_of).unwrap() {
            let charge = sum.charge.map(|sums| sums.charge);
            prop_assert_eq!(sum.charge.map(|sums| sums.gross), charge);
            add(&mut together, sum.group, sum.quantity, charge);
        }
        prop_assert_eq!(together, apart);
    }

    #[test]
    fn rows_and_tiers_add_up_to_the_charge(rows in any_rows(), cards in any_card()) {
        let usage = usage_of(&rows);
        let rated = rate(&usage, &book(&cards)).unwrap();
        let charges = charges(&usage, &rated);
        let meter = &rated.meters[&METER];
        let sum = charges.iter().try_fold(Money::ZERO, |sum, row| sum.plus(row.unwrap())).unwrap();
        prop_assert_eq!(sum, meter.charge);
        prop_assert_eq!(meter.included.plus(meter.billable).unwrap(), meter.quantity);
    }
}
