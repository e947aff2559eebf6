//! How long `rate` takes for one subscription-month of 500 meters; `cargo xtask bench` runs it.
//!
//! `cargo bench -p domain --bench rate -- FOLDER` writes the usage and the tiers as CSV to the folder,
//! so that another engine can rate the same, and a JSON object a line for each shape of usage.
#![expect(clippy::unwrap_used, clippy::print_stdout, reason = "a program for developers")]

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Instant;

use domain::book::{Book, ImportedCard, PriceList};
use domain::catalogue::{Meter, OfferTerm, RateCard, RateCardKey, Sku, Tier, Tiers};
use domain::decimal::{Money, Percent, Quantity, UnitPrice};
use domain::id::{Country, Currency, EventId, Locale, MeterId, OfferId, Source, SubscriptionId};
use domain::period::{AnchorDay, BillingPeriod};
use domain::rate::rate;
use domain::record::{
    Billed, Commit, Instance, MeterDescription, StoredRecord, UsageRecord, Window,
};
use domain::time::{Month, ReportedTime, UtcTime};
use domain::usage::Usage;

const METERS: u32 = 500;
const RUNS: usize = 31;

/// A shape of usage: rows of each meter, hours apart.
const SHAPES: [(&str, i64, i64); 3] =
    [("a row each", 1, 1), ("a row a day", 31, 24), ("a row an hour", 744, 1)];

fn main() {
    // Cargo adds a flag of its own.
    let folder = std::env::args().skip(1).find(|argument| !argument.starts_with("--"));
    let folder = folder.map(PathBuf::from);
    let card = card();
    let import =
        ImportedCard { card: &card, version: 1, imported_at: UtcTime::MIN, reprice_closed: false };
    let book = Book::of(PriceList::new([import], &card.key.locale).into());
    let committed = Book { commitment: Some(Money::parse("100000").unwrap()), ..book.clone() };
    for (name, rows, hours) in SHAPES {
        let usage = usage(rows, hours);
        if let Some(folder) = folder.as_ref().filter(|_| rows == 31) {
            std::fs::write(folder.join("rating_usage.csv"), usage_csv(&usage)).unwrap();
            std::fs::write(folder.join("rating_tiers.csv"), tiers_csv(&card)).unwrap();
        }
        for (terms, book) in [("", &book), (", with a commitment", &committed)] {
            let (times, total) = measure(&usage, book);
            let count = u64::try_from(rows).unwrap() * u64::from(METERS);
            println!(
                "{{\"name\":\"{name}{terms}\",\"rows\":{count},\"wall_us\":{times:?},\"total\":\"{total}\"}}"
            );
        }
    }
}

fn measure(usage: &Usage, book: &Book) -> (Vec<u128>, Money) {
    let total = rate(usage, book).unwrap().totals.total;
    let times = (0..RUNS).map(|_| {
        let begun = Instant::now();
        let rated = std::hint::black_box(rate(usage, book).unwrap());
        let time = begun.elapsed().as_micros();
        assert!(rated.totals.total == total, "the same usage costs the same");
        time
    });
    (times.collect(), total)
}

/// Every third meter has six tiers, the others one, as on real cards some have.
fn card() -> RateCard {
    let meters = (1..=METERS).map(|number| {
        let bounds = if number % 3 == 0 { 6 } else { 1 };
        let tiers = (0..bounds).map(|tier| Tier {
            from: Quantity::parse(&(tier * 100).to_string()).unwrap(),
            rate: UnitPrice::parse(&format!("0.{:010}", number * 1_000_003 - tier * 7)).unwrap(),
        });
        Meter {
            id: MeterId::from_bits(number.into()),
            description: MeterDescription::default(),
            sku: Sku::default(),
            tags: vec![],
            tiers: Tiers::new(tiers.collect()).unwrap(),
            included: Quantity::parse(&(number % 5).to_string()).unwrap(),
            effective: UtcTime::MIN,
            status: None,
        }
    });
    RateCard {
        key: RateCardKey {
            offer: OfferId::parse("MS-AZR-0003P").unwrap(),
            currency: Currency::parse("USD").unwrap(),
            locale: Locale::parse("en-US").unwrap(),
            region: Country::parse("US").unwrap(),
        },
        is_tax_included: false,
        terms: vec![OfferTerm::MonetaryCommitment {
            tiered_discount: vec![(Money::ZERO, Percent::parse("5").unwrap())],
            excluded: [].into(),
            effective: UtcTime::MIN,
        }],
        meters: meters.collect(),
    }
}

fn usage(rows: i64, hours: i64) -> Usage {
    let january =
        BillingPeriod::starting_in(Month::new(2026, 1).unwrap(), AnchorDay::new(1).unwrap());
    let instance = Arc::new(Instance::default());
    let (instance_hash, source) = (instance.hash(), Source::parse("urn:bench").unwrap());
    let records = (1..=METERS).flat_map(|meter| {
        let (instance, source) = (Arc::clone(&instance), source.clone());
        (0..rows).map(move |row| {
            let start = january.start().plus_hours(row * hours);
            // A month's quantity is about the same in every shape, and crosses bounds.
            let millionths = (i64::from(meter) * 7_919 + row * 104_729) % 50_000_000 * 31 / rows;
            let record = UsageRecord {
                subscription: SubscriptionId::from_bits(1),
                window: Window::new(start, start.plus_hours(1)).unwrap(),
                meter: MeterId::from_bits(meter.into()),
                description: MeterDescription::default(),
                quantity: Quantity::parse(&format!("{millionths}e-6")).unwrap(),
                instance: Arc::clone(&instance),
                source: source.clone(),
                event_id: EventId::parse(&format!("{meter}/{row}")).unwrap(),
                billed: Billed::default(),
                reverses: None,
            };
            StoredRecord {
                record,
                instance_hash,
                reported: ReportedTime(start),
                commit: Commit(1),
                erased: None,
            }
        })
    });
    Usage::from_records(january, records, &BTreeMap::new())
}

fn usage_csv(usage: &Usage) -> String {
    let mut text = "meter,quantity\n".to_owned();
    for (id, meter) in usage.meters() {
        for row in meter.rows() {
            writeln!(text, "{id},{}", row.quantity).unwrap();
        }
    }
    text
}

fn tiers_csv(card: &RateCard) -> String {
    let mut text = "meter,included,bound,rate\n".to_owned();
    for meter in &card.meters {
        for tier in meter.tiers.as_slice() {
            writeln!(text, "{},{},{},{}", meter.id, meter.included, tier.from, tier.rate).unwrap();
        }
    }
    text
}
