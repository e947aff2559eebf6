//! Books and usage as text, for the tests of explanations and comparisons. All in October 2026.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use proptest::prelude::*;

use crate::book::{Book, ImportedCard, PriceList};
use crate::catalogue::{Meter, OfferTerm, RateCard, RateCardKey, Sku, Tier, Tiers};
use crate::decimal::{Money, Percent, Quantity, UnitPrice};
use crate::id::{Country, Currency, EventId, Locale, MeterId, OfferId, Source, SubscriptionId};
use crate::period::{AnchorDay, BillingPeriod};
use crate::price_override::{
    OverrideId, OverridePrice, OverrideScope, OverrideTarget, PriceOverride,
};
use crate::rate::{Rated, rate};
use crate::record::{
    Billed, Commit, Instance, MeterDescription, StoredRecord, UsageRecord, Window,
};
use crate::time::{Date, Month, ReportedTime, UtcTime};
use crate::usage::Usage;

/// A bill with what it was made of.
#[derive(Debug)]
pub(crate) struct Bill {
    pub(crate) usage: Usage,
    pub(crate) rated: Rated,
    pub(crate) book: Book,
}

impl Bill {
    pub(crate) fn of(book_text: &str, usage_text: &str) -> Self {
        let (book, usage) = (book(book_text), usage(usage_text));
        let rated = rate(&usage, &book).unwrap();
        Self { usage, rated, book }
    }
}

pub(crate) fn meter_id(text: &str) -> MeterId {
    MeterId::from_bits(text.parse().unwrap())
}

pub(crate) fn dollars() -> Currency {
    Currency::parse("USD").unwrap()
}

fn quantity(text: &str) -> Quantity {
    let (size, negative) = text.strip_prefix('-').map_or((text, false), |size| (size, true));
    let size = Quantity::parse(size).unwrap();
    if negative { size.negated() } else { size }
}

fn money(text: &str) -> Money {
    Money::parse(text).unwrap()
}

/// A moment in October 2026, as `day` or `dayThour`.
fn moment(text: &str) -> UtcTime {
    let (day, hour) = text.split_once('T').unwrap_or((text, "0"));
    let date = Date::from_civil(2026, 10, day.parse().unwrap()).unwrap();
    date.start().plus_hours(hour.parse().unwrap())
}

/// Lines of `meter 1 included 5, from 10, 0:1.0 5:2.0`, `credit 50 without 2`,
/// `commitment 100:10 200:20`, `recurring 9.99`; `next card` begins another import. Beside cards
/// `commits 200` and `override 4 from 10 markup 20`.
pub(crate) fn book(text: &str) -> Book {
    let mut cards = vec![card()];
    let mut commitment = None;
    let mut overrides = Vec::new();
    for line in text.lines().map(str::trim).filter(|line| !line.is_empty()) {
        let card = cards.last_mut().unwrap();
        let (word, rest) = line.split_once(' ').unwrap();
        match word {
            "next" => cards.push(self::card()),
            "meter" => card.meters.push(meter(rest)),
            "commits" => commitment = Some(money(rest)),
            "override" => overrides.push(markup(rest)),
            _ => card.terms.push(term(word, rest)),
        }
    }
    let imports = (1..).zip(&cards).map(|(version, card)| ImportedCard {
        card,
        version,
        imported_at: UtcTime::MIN,
        reprice_closed: false,
    });
    let list = PriceList::new(imports, &card().key.locale);
    Book { commitment, overrides: overrides.into(), ..Book::of(list.into()) }
}

fn card() -> RateCard {
    RateCard {
        key: RateCardKey {
            offer: OfferId::parse("MS-AZR-0003P").unwrap(),
            currency: dollars(),
            locale: Locale::parse("en-US").unwrap(),
            region: Country::parse("US").unwrap(),
        },
        is_tax_included: false,
        terms: vec![],
        meters: vec![],
    }
}

/// Meter 1 has names.
fn meter(text: &str) -> Meter {
    let (id, prices) = text.split_once(' ').unwrap();
    let mut meter = Meter {
        id: meter_id(id),
        description: MeterDescription::default(),
        sku: Sku::default(),
        tags: vec![],
        tiers: Tiers::new(vec![tier("0:0")]).unwrap(),
        included: Quantity::ZERO,
        effective: UtcTime::MIN,
        status: None,
    };
    if id == "1" {
        meter.description.name = Some("Compute Hours".into());
        meter.description.category = Some("Virtual Machines".into());
        meter.description.unit = Some("Hours".into());
    }
    for part in prices.split(", ") {
        if let Some(included) = part.strip_prefix("included ") {
            meter.included = quantity(included);
        } else if let Some(day) = part.strip_prefix("from ") {
            meter.effective = moment(day);
        } else {
            meter.tiers = Tiers::new(part.split(' ').map(tier).collect()).unwrap();
        }
    }
    meter
}

fn tier(text: &str) -> Tier {
    let (from, rate) = text.split_once(':').unwrap();
    Tier { from: quantity(from), rate: UnitPrice::parse(rate).unwrap() }
}

fn term(word: &str, text: &str) -> OfferTerm {
    let (figures, excluded) = text.split_once(" without ").unwrap_or((text, ""));
    let excluded: BTreeSet<_> = excluded.split_whitespace().map(meter_id).collect();
    let effective = UtcTime::MIN;
    match word {
        "credit" => OfferTerm::MonetaryCredit { credit: money(figures), excluded, effective },
        "recurring" => OfferTerm::RecurringCharge { charge: money(figures), effective },
        "commitment" => {
            let levels = figures.split(' ').map(|level| {
                let (amount, percent) = level.split_once(':').unwrap();
                (money(amount), Percent::parse(percent).unwrap())
            });
            let tiered_discount = levels.collect();
            OfferTerm::MonetaryCommitment { tiered_discount, excluded, effective }
        }
        _ => panic!("{word} is no term"),
    }
}

fn markup(text: &str) -> PriceOverride {
    let words: Vec<_> = text.split(' ').collect();
    let [id, "from", day, "markup", percent] = words[..] else { panic!("{text} is no override") };
    PriceOverride {
        id: OverrideId(id.parse().unwrap()),
        scope: OverrideScope::Installation,
        target: OverrideTarget::EveryMeter,
        from: moment(day),
        until: None,
        price: OverridePrice::Markup(Percent::parse(percent).unwrap()),
        made_at: UtcTime::MIN,
        reprice_closed: false,
        ends: vec![],
    }
}

/// Usage as `meter: quantity [* hours] [@ day[Thour]], …; meter: …`: so many hours in a row.
pub(crate) fn usage(text: &str) -> Usage {
    let mut records = Vec::new();
    for of_meter in text.split(';').filter(|part| !part.trim().is_empty()) {
        let (meter, rows) = of_meter.split_once(':').unwrap();
        for row in rows.split(',') {
            let (amount, at) = row.trim().split_once(" @ ").unwrap_or((row.trim(), "1"));
            let (amount, hours) = amount.split_once(" * ").unwrap_or((amount, "1"));
            for hour in 0..hours.parse().unwrap() {
                let start = moment(at).plus_hours(hour);
                let id = meter_id(meter.trim());
                records.push(record(records.len(), id, start, quantity(amount)));
            }
        }
    }
    october_usage(records)
}

fn october_usage(records: Vec<StoredRecord>) -> Usage {
    let october = BillingPeriod::starting_in(Month::new(2026, 10).unwrap(), AnchorDay::FIRST);
    Usage::from_records(october, records, &BTreeMap::new())
}

fn record(number: usize, meter: MeterId, start: UtcTime, quantity: Quantity) -> StoredRecord {
    let instance = Instance {
        resource_uri: Some(format!("/vm/{}", number % 3).into()),
        ..Instance::default()
    };
    let record = UsageRecord {
        subscription: SubscriptionId::from_bits(1),
        window: Window::new(start, start.plus_hours(1)).unwrap(),
        meter,
        description: MeterDescription::default(),
        quantity,
        instance: Arc::new(instance),
        source: Source::parse("urn:test").unwrap(),
        event_id: EventId::parse(&format!("e{number}")).unwrap(),
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

prop_compose! {
    /// A bill of meters 0 to 3, any of which may lack a price, in tiers that change at times, with
    /// or without terms.
    pub(crate) fn any_bill()(
        meters in prop::collection::vec((0u32..5, 1u32..40, 0u64..5_000_000), 0..6),
        change in prop::option::of((2u32..28, 0u64..5_000_000)),
        terms in prop::sample::subsequence(vec![
            "credit 0.7 without 0",
            "credit 2 without 1",
            "commitment 1:12.5 without 1",
            "recurring 9.99",
        ], 0..=4),
        commits in prop::option::of(1u32..30),
        markup in prop::option::of(2u32..28),
        rows in prop::collection::vec((0u8..4, 0i64..31 * 24, 0u32..5_000), 0..50),
    ) -> Bill {
        let mut lines = vec![terms.join("\n")];
        for (number, (included, bound, rate)) in meters.iter().enumerate().take(3) {
            lines.push(format!(
                "meter {number} included {included}, 0:0.{rate:07} {bound}.5:0.0{rate:07}"
            ));
        }
        if let (Some((day, rate)), false) = (change, meters.is_empty()) {
            lines.push(format!("next card\nmeter 0 from {day}, 0:0.{rate:07}"));
            lines.push(format!("meter 3 from {day}, 0:0.{rate:07}"));
            lines.push(terms.join("\n"));
        }
        lines.extend(commits.map(|tenths| format!("commits {}.{}", tenths / 10, tenths % 10)));
        lines.extend(markup.map(|day| format!("override 4 from {day} markup 20")));
        let rows = rows.iter().enumerate().map(|(number, (meter, hour, thousandths))| {
            let quantity = Quantity::parse(&format!("{thousandths}e-3")).unwrap();
            record(number, MeterId::from_bits((*meter).into()), moment("1").plus_hours(*hour), quantity)
        });
        let (book, usage) = (book(&lines.join("\n")), october_usage(rows.collect()));
        let rated = rate(&usage, &book).unwrap();
        Bill { usage, rated, book }
    }
}
