//! Spend adds up: whatever the grouping and however a period is cut, the parts are the whole.

use proptest::prelude::*;

use super::*;
use crate::catalogue::{Meter, RateCard, RateCardKey, Tier, Tiers};
use crate::decimal::UnitPrice;
use crate::id::{Country, Currency, EventId, Locale, OfferId, Source, SubscriptionId};
use crate::period::{AnchorDay, BillingPeriod};
use crate::rate::rate;
use crate::record::{Billed, Commit, StoredRecord, Tags, UsageRecord, Window};
use crate::time::{Month, ReportedTime};

/// Meters 0 to 2 are on the card, with tiers; meter 3 is not.
fn book() -> Book {
    let tier = |from: &str, rate: &str| Tier {
        from: Quantity::parse(from).unwrap(),
        rate: UnitPrice::parse(rate).unwrap(),
    };
    let meter = |number: u8| Meter {
        id: MeterId::from_bits(number.into()),
        description: MeterDescription {
            category: (number > 0).then(|| "Compute".into()),
            ..MeterDescription::default()
        },
        tags: vec![],
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
        terms: vec![],
        meters: (0..3).map(meter).collect(),
    };
    Book::from_cards([&card], &card.key.locale)
}

fn january() -> BillingPeriod {
    BillingPeriod::starting_in(Month::new(2026, 1).unwrap(), AnchorDay::FIRST)
}

type Row = (u8, i64, u32, Option<u8>, Option<u8>);

fn record(number: usize, (meter, hour, thousandths, tag, group): Row) -> StoredRecord {
    let start = january().start().plus_hours(hour);
    let uri = |group| format!("/subscriptions/s/resourceGroups/Group{group}/providers/p/t/r");
    let instance = Instance {
        resource_uri: group.map(|group| uri(group).into()),
        tags: tag.map(|tag| ("Team".into(), tag.to_string().into())).into_iter().collect::<Tags>(),
        ..Instance::default()
    };
    let record = UsageRecord {
        subscription: SubscriptionId::from_bits(1),
        window: Window::new(start, start.plus_hours(1)).unwrap(),
        meter: MeterId::from_bits(meter.into()),
        description: MeterDescription::default(),
        quantity: Quantity::parse(&format!("{thousandths}e-3")).unwrap(),
        instance: Arc::new(instance),
        source: Source::parse("urn:test").unwrap(),
        event_id: EventId::parse(&number.to_string()).unwrap(),
        billed: Billed::default(),
        reverses: None,
    };
    let instance_hash = record.instance.hash();
    StoredRecord { record, instance_hash, reported: ReportedTime(start), commit: Commit(1) }
}

fn rows() -> impl Strategy<Value = Vec<Row>> {
    let row =
        (0u8..4, 0i64..31 * 24, 0u32..5_000, prop::option::of(0u8..3), prop::option::of(0u8..3));
    prop::collection::vec(row, 0..60)
}

fn rated(rows: &[Row]) -> Vec<(Usage, Rated)> {
    let records = rows.iter().enumerate().map(|(number, row)| record(number, *row));
    let usage = Usage::from_records(january(), records);
    let rated = rate(&usage, &book()).unwrap();
    vec![(usage, rated)]
}

proptest! {
    #[test]
    fn every_grouping_adds_up_to_the_same_total(rows in rows()) {
        let rated = rated(&rows);
        let whole = january().start()..january().end();
        let of_meters = rated[0].1.meters.values();
        let charged = of_meters.fold(Money::ZERO, |sum, meter| sum.plus(meter.charge).unwrap());
        for group_by in [
            GroupBy::Meter,
            GroupBy::Category,
            GroupBy::Day,
            GroupBy::ResourceGroup,
            GroupBy::Tag("team".to_owned()),
        ] {
            let spend = spend(&rated, &book(), &whole, &group_by).unwrap();
            let groups = spend.groups.iter();
            let sum = groups.fold(Money::ZERO, |sum, group| sum.plus(group.charge).unwrap());
            prop_assert_eq!(sum, charged);
            prop_assert_eq!(spend.total, charged);
            let unpriced = spend.unpriced.iter().any(|line| line.meter == MeterId::from_bits(3));
            prop_assert_eq!(unpriced, rows.iter().any(|row| row.0 == 3));
        }
    }

    #[test]
    fn the_ranges_of_a_period_add_up_to_it(rows in rows(), hour in 0i64..31 * 24) {
        let rated = rated(&rows);
        let (start, end) = (january().start(), january().end());
        let cut = start.plus_hours(hour);
        let total = |range| spend(&rated, &book(), &range, &GroupBy::Day).unwrap().total;
        prop_assert_eq!(total(start..cut).plus(total(cut..end)).unwrap(), total(start..end));
    }
}
