//! The rows of a bill are the bill.

use std::collections::BTreeSet;
use std::fmt::Write as _;

use domain::book::{Book, ImportedCard, PriceList};
use domain::catalogue::{Meter as CardMeter, OfferTerm, RateCard, RateCardKey, Sku, Tiers};
use domain::decimal::{Percent, UnitPrice};
use domain::id::{Country, Currency, EventId, Locale, OfferId, Source, SubscriptionId};
use domain::period::{AnchorDay, BillingPeriod};
use domain::rate::rate;
use domain::record::{Billed, Commit, Instance, MeterDescription, StoredRecord, UsageRecord};
use domain::time::{Month, ReportedTime};
use domain::usage::Usage as RatedUsage;
use expect_test::expect;
use proptest::prelude::*;

use super::*;
use crate::row::ChargeCategory;

fn money(text: &str) -> Money {
    Money::parse(text).unwrap()
}

/// Meters 1 and 2 are on the card, 2 is sold for somebody else; meter 3 is not.
fn book() -> Book {
    let tier = |from: &str, rate: &str| Tier {
        from: Quantity::parse(from).unwrap(),
        rate: UnitPrice::parse(rate).unwrap(),
    };
    let meter = |number: u8| CardMeter {
        id: MeterId::from_bits(number.into()),
        description: MeterDescription {
            name: Some("Compute Hours".into()),
            category: Some("Virtual Machines".into()),
            unit: Some("Hours".into()),
            ..MeterDescription::default()
        },
        sku: Sku::default(),
        tags: if number == 2 { vec!["Third Party".into()] } else { vec![] },
        tiers: Tiers::new(vec![tier("0", "0.10"), tier("7.5", "0.0333333333333333333")]).unwrap(),
        included: Quantity::parse("2.5").unwrap(),
        effective: UtcTime::MIN,
        status: None,
    };
    let card = RateCard {
        key: RateCardKey {
            offer: OfferId::parse("MS-AZR-0003P").unwrap(),
            currency: Currency::parse("USD").unwrap(),
            locale: Locale::parse("en-US").unwrap(),
            region: Country::parse("US").unwrap(),
        },
        is_tax_included: false,
        terms: vec![
            OfferTerm::MonetaryCredit {
                credit: money("0.25"),
                excluded: BTreeSet::new(),
                effective: UtcTime::MIN,
            },
            OfferTerm::MonetaryCommitment {
                tiered_discount: vec![(money("0.1"), Percent::parse("12.5").unwrap())],
                excluded: BTreeSet::new(),
                effective: UtcTime::MIN,
            },
            OfferTerm::RecurringCharge { charge: money("9.99"), effective: UtcTime::MIN },
        ],
        meters: vec![meter(1), meter(2)],
    };
    let import =
        ImportedCard { card: &card, version: 1, imported_at: UtcTime::MIN, reprice_closed: false };
    let list = PriceList::new([import], &card.key.locale);
    Book { commitment: Some(money("0.5")), ..Book::of(list.into()) }
}

fn account() -> Arc<Account> {
    Arc::new(Account {
        issuer: "Contoso".into(),
        billing_account_id: "tenant".into(),
        billing_account_name: "Tenant".into(),
        subscription: SubscriptionId::from_bits(1),
        subscription_name: "Web".into(),
        offer: OfferId::parse("MS-AZR-0003P").unwrap(),
        currency: Currency::parse("USD").unwrap(),
    })
}

/// Meter, hour of January 2026, thousandths of a unit.
type Row = (u8, i64, u32);

fn rated(rows: &[Row]) -> RatedPeriod {
    let january =
        BillingPeriod::starting_in(Month::new(2026, 1).unwrap(), AnchorDay::new(1).unwrap());
    let records = rows.iter().enumerate().map(|(number, (meter, hour, thousandths))| {
        let start = january.start().plus_hours(*hour);
        let instance =
            Arc::new(Instance { location: Some("US East".into()), ..Instance::default() });
        let record = UsageRecord {
            subscription: SubscriptionId::from_bits(1),
            window: Window::new(start, start.plus_hours(1)).unwrap(),
            meter: MeterId::from_bits((*meter).into()),
            description: MeterDescription::default(),
            quantity: Quantity::parse(&format!("{thousandths}e-3")).unwrap(),
            instance,
            source: Source::parse("urn:test").unwrap(),
            event_id: EventId::parse(&number.to_string()).unwrap(),
            billed: Billed::default(),
            reverses: None,
        };
        let instance_hash = record.instance.hash();
        StoredRecord {
            record,
            instance_hash,
            reported: ReportedTime(start),
            commit: Commit(1),
            erased: None,
        }
    });
    let usage = RatedUsage::from_records(january, records, &BTreeMap::new());
    let rated = rate(&usage, &book()).unwrap();
    RatedPeriod { usage, rated, book: book() }
}

fn rows_of(period: &RatedPeriod, granularity: Granularity) -> Vec<FocusRow> {
    let mut rows = Vec::new();
    let each = |row: &FocusRow| {
        rows.push(row.clone());
        Ok::<_, ChargesError>(())
    };
    each_row(&account(), period, granularity, each).unwrap();
    rows
}

#[test]
fn usage_and_terms_are_rows_of_their_own() {
    let period =
        rated(&[(1, 1, 4_000), (1, 30, 9_000), (1, 31, 1_000), (2, 5, 3_000), (3, 9, 2_000)]);
    let mut text = String::new();
    for row in rows_of(&period, Granularity::Daily) {
        let Facts { charge_period, charge, .. } = row.facts();
        let (start, costs) = (charge_period.start.date(), row.costs());
        let what = match charge {
            Charge::Usage(usage) => format!("{} of {:?}", usage.quantity, usage.rating),
            other => format!("{other:?}"),
        };
        let what = what.split([' ', '{', '(']).take(4).collect::<Vec<_>>().join(" ");
        let category = row.charge_category().as_str();
        writeln!(
            text,
            "{start} {category} {what}: billed {}, effective {}, list {}",
            costs.billed, costs.effective, costs.list
        )
        .unwrap();
    }
    expect![[r#"
        2026-01-01 Usage 2.5 of Included : billed 0, effective 0, list 0
        2026-01-01 Usage 1.5 of Committed : billed 0, effective 0.13125, list 0.15
        2026-01-02 Usage 4.21428571428571428571 of Committed : billed 0, effective 0.368749999999999999999625, list 0.421428571428571428571
        2026-01-02 Usage 1.78571428571428571429 of Tier : billed 0.178571428571428571429, effective 0.178571428571428571429, list 0.178571428571428571429
        2026-01-02 Usage 4 of Tier : billed 0.1333333333333333332, effective 0.1333333333333333332, list 0.1333333333333333332
        2026-01-01 Usage 2.5 of Included : billed 0, effective 0, list 0
        2026-01-01 Usage 0.5 of Tier : billed 0.05, effective 0.05, list 0.05
        2026-01-01 Usage 2 of Unpriced NotOnRateCard): billed 0, effective 0, list 0
        2026-01-01 Purchase CommitmentPurchase   commitment:: billed 0.5, effective 0, list 0.5
        2026-01-01 Usage CommitmentUnused   commitment:: billed 0, effective 0.000000000000000000000375, list 0
        2026-01-01 Purchase Recurring   name:: billed 9.99, effective 0, list 9.99
        2026-01-01 Credit Credit   name:: billed -0.25, effective -0.25, list -0.25
    "#]].assert_eq(&text);
}

proptest! {
    #[test]
    fn the_sums_by_category_are_the_bill(
        rows in prop::collection::vec((1u8..4, 0i64..31 * 24, 0u32..9_000), 0..60),
    ) {
        let period = rated(&rows);
        let totals = period.rated.totals;
        let commitment = period.rated.commitment.unwrap();
        for granularity in [Granularity::Daily, Granularity::Hourly] {
            let rows = rows_of(&period, granularity);
            let sum = |amount: fn(&FocusRow) -> Money, category: Option<ChargeCategory>| {
                let of = rows.iter().filter(|row| {
                    category.is_none_or(|category| row.charge_category() == category)
                });
                of.map(amount).try_fold(Money::ZERO, Money::plus).unwrap()
            };
            let billed = |row: &FocusRow| row.costs().billed;
            let used = totals.usage.minus(commitment.drawn).unwrap();
            prop_assert_eq!(sum(billed, Some(ChargeCategory::Usage)), used);
            let bought = commitment.committed.plus(totals.recurring).unwrap();
            prop_assert_eq!(sum(billed, Some(ChargeCategory::Purchase)), bought);
            prop_assert_eq!(sum(billed, Some(ChargeCategory::Credit)), totals.credit.negated());
            prop_assert_eq!(sum(billed, None), totals.total);
            let contracted = |row: &FocusRow| row.costs().contracted;
            prop_assert_eq!(sum(contracted, Some(ChargeCategory::Usage)), totals.gross);
        }
    }
}
