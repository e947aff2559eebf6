//! Spend adds up: whatever the grouping and however a period is cut, the parts are the whole.

use std::collections::BTreeSet;
use std::sync::Arc;

use proptest::prelude::*;

use super::*;
use crate::book::{ImportedCard, PriceList};
use crate::catalogue::{Meter, OfferTerm, RateCard, RateCardKey, Sku, Tier, Tiers};
use crate::daily::{DayLine, day_lines};
use crate::decimal::{Percent, UnitPrice};
use crate::id::{Country, Currency, EventId, Locale, OfferId, Source, SubscriptionId};
use crate::period::{AnchorDay, BillingPeriod};
use crate::rate::rate;
use crate::record::{Billed, Commit, Instance, StoredRecord, Tags, UsageRecord, Window};
use crate::time::{Date, Month, ReportedTime};

fn money(text: &str) -> Money {
    Money::parse(text).unwrap()
}

/// Meters 0 to 2 are on the card, with tiers; meter 3 is not. Meter 0 takes no part in the credit,
/// meter 1 none in the commitment.
fn book() -> Book {
    let terms = vec![
        OfferTerm::MonetaryCredit {
            credit: money("0.7"),
            excluded: BTreeSet::from([MeterId::from_bits(0)]),
            effective: UtcTime::MIN,
        },
        OfferTerm::MonetaryCommitment {
            tiered_discount: vec![(money("1"), Percent::parse("12.5").unwrap())],
            excluded: BTreeSet::from([MeterId::from_bits(1)]),
            effective: UtcTime::MIN,
        },
        OfferTerm::RecurringCharge { charge: money("9.99"), effective: UtcTime::MIN },
    ];
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
        sku: Sku::default(),
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
        terms,
        meters: (0..3).map(meter).collect(),
    };
    let import =
        ImportedCard { card: &card, version: 1, imported_at: UtcTime::MIN, reprice_closed: false };
    let list = PriceList::new([import], &card.key.locale);
    Book { commitment: Some(money("1.1")), ..Book::of(list.into()) }
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
    StoredRecord {
        record,
        instance_hash,
        reported: ReportedTime(start),
        commit: Commit(1),
        erased: None,
    }
}

fn rows() -> impl Strategy<Value = Vec<Row>> {
    let row =
        (0u8..4, 0i64..31 * 24, 0u32..5_000, prop::option::of(0u8..3), prop::option::of(0u8..3));
    prop::collection::vec(row, 0..60)
}

/// The period with the rows before an hour of it.
fn rated(rows: &[Row], until: i64) -> Vec<RatedPeriod> {
    let rows = rows.iter().enumerate().filter(|(_, row)| row.1 < until);
    let records = rows.map(|(number, row)| record(number, *row));
    let usage = Usage::from_records(january(), records, &BTreeMap::new());
    let rated = rate(&usage, &book()).unwrap();
    vec![RatedPeriod { usage, rated, book: book() }]
}

fn query(range: Range<UtcTime>, group_by: &[Dimension]) -> SpendQuery {
    SpendQuery {
        range,
        step: None,
        group_by: group_by.to_vec(),
        filters: vec![],
        inherited: None,
        allocate_credit: false,
    }
}

fn january_whole() -> Range<UtcTime> {
    january().start()..january().end()
}

const WHOLE: i64 = 31 * 24;

fn sum(amounts: impl IntoIterator<Item = Money>) -> Money {
    amounts.into_iter().try_fold(Money::ZERO, Money::plus).unwrap()
}

fn groupings() -> Vec<Vec<Dimension>> {
    let tag = || Dimension::Tag("team".to_owned());
    vec![
        vec![],
        vec![Dimension::Meter],
        vec![Dimension::Category, tag()],
        vec![Dimension::Subcategory],
        vec![Dimension::Region],
        vec![Dimension::Resource],
        vec![Dimension::ResourceGroup, Dimension::Meter],
        vec![Dimension::Location],
        vec![tag()],
    ]
}

fn inherited() -> ResourceGroupTags {
    let tags = Tags::from([("TEAM".into(), "inherited".into())]);
    let from = Date::from_civil(2026, 1, 10).unwrap();
    ResourceGroupTags { groups: BTreeMap::from([("group1".to_owned(), vec![(from, tags)])]) }
}

proptest! {
    #[test]
    fn every_grouping_adds_up_to_the_bill(rows in rows()) {
        let rated = rated(&rows, WHOLE);
        let bill = rated[0].rated.totals;
        for group_by in groupings() {
            for step in [None, Some(Step::Hour), Some(Step::Day), Some(Step::Month)] {
                for inherited in [None, Some(inherited())] {
                    let query = query(january_whole(), &group_by);
                    let spend = spend(&rated, &SpendQuery { step, inherited, ..query }).unwrap();
                    let charges = spend.groups.iter().map(|group| group.amounts.charge);
                    prop_assert_eq!(sum(charges), bill.usage);
                    prop_assert_eq!(spend.totals.net, bill.total);
                    prop_assert_eq!(spend.totals.discount, bill.discount);
                    let unpriced = spend.unpriced.iter().any(|line| line.meter == MeterId::from_bits(3));
                    prop_assert_eq!(unpriced, rows.iter().any(|row| row.0 == 3));
                }
            }
        }
    }

    #[test]
    fn spread_credit_adds_up_to_the_credit(rows in rows()) {
        let rated = rated(&rows, WHOLE);
        for group_by in groupings() {
            let query = SpendQuery { allocate_credit: true, ..query(january_whole(), &group_by) };
            let spend = spend(&rated, &query).unwrap();
            let credits = spend.groups.iter().map(|group| group.amounts.credit);
            prop_assert_eq!(sum(credits), rated[0].rated.totals.credit);
            prop_assert_eq!(spend.totals.net, rated[0].rated.totals.total);
        }
    }

    #[test]
    fn the_ranges_of_a_period_add_up_to_it(rows in rows(), hour in 1i64..WHOLE) {
        let (start, end) = (january().start(), january().end());
        let cut = start.plus_hours(hour);
        let net = |rated: &[RatedPeriod], range| {
            spend(rated, &query(range, &[Dimension::Category])).unwrap().totals.net
        };
        let whole = rated(&rows, WHOLE);
        let first = net(&rated(&rows, hour), start..cut);
        prop_assert_eq!(first, net(&whole, start..cut), "later usage changes nothing before it");
        prop_assert_eq!(first.plus(net(&whole, cut..end)).unwrap(), net(&whole, start..end));
    }

    #[test]
    fn the_lines_of_days_add_up_to_the_spend_of_any_range(
        rows in rows(), reversed in 0usize..10, from in 0i32..31, days in 1i32..=31,
    ) {
        let day = |number: i32| january().start().date().plus_days(number.min(31)).start();
        let range = day(from)..day(from + days);
        let records = rows.iter().enumerate().map(|(number, row)| record(number, *row));
        let taken_back = rows.iter().take(reversed).enumerate().map(|(number, row)| {
            let mut stored = record(1_000 + number, *row);
            stored.record.quantity = stored.record.quantity.negated();
            stored
        });
        let usage = Usage::from_records(january(), records.chain(taken_back), &BTreeMap::new());
        let rated = vec![RatedPeriod { rated: rate(&usage, &book()).unwrap(), usage, book: book() }];
        let dimensions = [Dimension::Meter, Dimension::ResourceGroup];
        let by_day = SpendQuery { step: Some(Step::Day), ..query(range.clone(), &dimensions) };
        let spend = spend(&rated, &by_day).unwrap();
        let lines = day_lines(&rated[0], &range).unwrap();
        prop_assert_eq!(sum(lines.iter().map(DayLine::amount)), spend.totals.net);
        for group in &spend.groups {
            let is_in = |line: &&DayLine| line.usage().is_some_and(|usage| {
                let uri_group = usage.instance.resource_group().map(str::to_lowercase);
                Some(line.day.start()) == group.key.start
                    && usage.price.is_ok()
                    && Some(usage.meter.id.to_string().as_str()) == group.key.parts[0].value.as_deref()
                    && uri_group.as_deref() == group.key.parts[1].value.as_deref()
            });
            let charges = sum(lines.iter().filter(is_in).map(DayLine::amount));
            prop_assert_eq!(charges, group.amounts.charge);
        }
        let order = |line: &DayLine| (line.day, line.usage().is_none());
        prop_assert!(lines.is_sorted_by_key(order));
    }

    #[test]
    fn a_filter_and_the_rest_are_the_whole(rows in rows()) {
        let rated = rated(&rows, WHOLE);
        let charges = |values: Vec<Option<String>>| {
            let filter = Filter { dimension: Dimension::Tag("team".to_owned()), values };
            let query = SpendQuery { filters: vec![filter], ..query(january_whole(), &[]) };
            spend(&rated, &query).unwrap().totals.charges
        };
        let tag = |number: u8| Some(number.to_string());
        let parts = [charges(vec![None, tag(0)]), charges(vec![tag(1)]), charges(vec![tag(2)])];
        prop_assert_eq!(sum(parts), rated[0].rated.totals.usage);
    }

    #[test]
    fn a_shared_cost_changes_no_total(rows in rows(), tag in prop::option::of(0u8..3)) {
        let rated = rated(&rows, WHOLE);
        let fixed = vec![("1".to_owned(), money("70")), ("new".to_owned(), money("30"))];
        for shares in [Shares::Even, Shares::Proportional, Shares::Fixed(fixed)] {
            let query = query(january_whole(), &[Dimension::Tag("team".to_owned())]);
            let mut spend = spend(&rated, &query).unwrap();
            let shared = SharedCost { value: tag.map(|tag| tag.to_string()), shares };
            spend.split(&shared, 2).unwrap();
            let nets = spend.groups.iter().map(|group| group.amounts.net().unwrap());
            prop_assert_eq!(sum(nets), rated[0].rated.totals.usage);
        }
    }
}

/// Four rows of meter 1, of teams 0, 1 and none, and of group 1.
const ROWS: [Row; 4] = [
    (1, 0, 4_500, Some(0), None),
    (1, 30, 4_000, Some(1), None),
    (1, 240, 1_500, None, Some(1)),
    (1, 700, 2_000, None, None),
];

fn shown(spend: &Spend) -> Vec<String> {
    let part = |part: &KeyPart| {
        let inherited = if part.is_inherited { " (inherited)" } else { "" };
        format!("{}{inherited}", part.value.as_deref().unwrap_or("-"))
    };
    let group = |group: &SpendGroup| {
        let parts: Vec<_> = group.key.parts.iter().map(part).collect();
        let Amounts { charge, credit, shared, .. } = group.amounts;
        format!("{}: {charge} - {credit} + {shared}", parts.join("/"))
    };
    spend.groups.iter().map(group).collect()
}

fn check(query: &SpendQuery, shared: Option<&SharedCost>, expected: &[&str]) {
    let mut spend = spend(&rated(&ROWS, WHOLE), query).unwrap();
    if let Some(shared) = shared {
        spend.split(shared, 2).unwrap();
    }
    assert_eq!(shown(&spend), expected);
}

#[test]
fn resources_inherit_the_tags_of_their_group_from_its_day_on() {
    let teams = query(january_whole(), &[Dimension::Tag("Team".to_owned())]);
    check(&teams, None, &["-: 0.2166666666666666666 - 0 + 0", "0: 0.2 - 0 + 0", "1: 0.4 - 0 + 0"]);
    let teams = SpendQuery { inherited: Some(inherited()), ..teams };
    check(
        &teams,
        None,
        &[
            "-: 0.0666666666666666666 - 0 + 0",
            "0: 0.2 - 0 + 0",
            "1: 0.4 - 0 + 0",
            "inherited (inherited): 0.15 - 0 + 0",
        ],
    );
}

#[test]
fn credit_is_spread_in_the_order_in_which_usage_draws_on_it() {
    let teams = query(january_whole(), &[Dimension::Tag("Team".to_owned())]);
    check(
        &SpendQuery { allocate_credit: true, ..teams },
        None,
        &["-: 0.2166666666666666666 - 0.1 + 0", "0: 0.2 - 0.2 + 0", "1: 0.4 - 0.4 + 0"],
    );
}

#[test]
fn shared_cost_is_split_in_whole_cents() {
    let teams = query(january_whole(), &[Dimension::Tag("Team".to_owned())]);
    let even = SharedCost { value: None, shares: Shares::Even };
    check(
        &teams,
        Some(&even),
        &[
            "-: 0.2166666666666666666 - 0 + -0.2166666666666666666",
            "0: 0.2 - 0 + 0.11",
            "1: 0.4 - 0 + 0.1066666666666666666",
        ],
    );
}

#[test]
fn what_a_meter_is_called_counts_in_its_own_period() {
    let instance = Arc::new(Instance::default());
    let called = |hour: i64, category: &str| {
        let mut stored = record(0, (3, hour, 1_000, None, None));
        stored.record.instance = Arc::clone(&instance);
        stored.record.description.category = Some(category.into());
        stored
    };
    let february = BillingPeriod::starting_in(Month::new(2026, 2).unwrap(), AnchorDay::FIRST);
    let of = |period, stored| {
        let usage = Usage::from_records(period, [stored], &BTreeMap::new());
        let rated = rate(&usage, &book()).unwrap();
        RatedPeriod { usage, rated, book: book() }
    };
    let periods = [of(january(), called(1, "A")), of(february, called(WHOLE + 1, "B"))];
    for category in ["A", "B"] {
        let values = vec![Some(category.to_owned())];
        let filters = vec![Filter { dimension: Dimension::Category, values }];
        let both = query(january().start()..february.end(), &[]);
        let found = spend(&periods, &SpendQuery { filters, ..both }).unwrap();
        let quantities: Vec<_> = found.unpriced.iter().map(|line| line.quantity).collect();
        assert_eq!(quantities, [Quantity::parse("1").unwrap()], "{category}");
    }
}
