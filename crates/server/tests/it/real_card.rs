//! The real rate card of 3,817 meters: every meter has a price, whatever its unit's text, and is
//! charged as the oracle says wherever its quantity stands among its tiers.

use std::collections::{BTreeMap, BTreeSet};
use std::io::Read;
use std::path::Path;
use std::sync::Arc;

use domain::book::{Book, ImportedCard, PriceList};
use domain::catalogue::{Meter, RateCard, RateCardKey};
use domain::decimal::{Money, Quantity};
use domain::id::{Country, Currency, EventId, Locale, OfferId, Source, SubscriptionId};
use domain::period::{AnchorDay, BillingPeriod};
use domain::rate::rate;
use domain::record::{Billed, Commit, StoredRecord, UsageRecord, Window};
use domain::time::{Month, ReportedTime, UtcTime};
use domain::usage::Usage;
use testkit::{Case, Random, oracle, plain};

fn real_card() -> RateCard {
    let name = "../../samples/ratecard-MS-AZR-0062P-USD-en-US-US.json.gz";
    let packed = std::fs::read(Path::new(env!("CARGO_MANIFEST_DIR")).join(name)).unwrap();
    let mut document = Vec::new();
    flate2::read::GzDecoder::new(packed.as_slice()).read_to_end(&mut document).unwrap();
    let key = RateCardKey {
        offer: OfferId::parse("MS-AZR-0062P").unwrap(),
        currency: Currency::parse("USD").unwrap(),
        locale: Locale::parse("en-US").unwrap(),
        region: Country::parse("US").unwrap(),
    };
    wire::ratecard::parse(&document, key).unwrap()
}

fn period() -> BillingPeriod {
    BillingPeriod::starting_in(Month::new(2026, 1).unwrap(), AnchorDay::FIRST)
}

fn record(meter: &Meter, quantity: Quantity) -> StoredRecord {
    let start = period().start();
    let record = UsageRecord {
        subscription: SubscriptionId::from_bits(1),
        window: Window::new(start, start.plus_hours(1)).unwrap(),
        meter: meter.id,
        description: meter.description.clone(),
        quantity,
        instance: Arc::default(),
        source: Source::parse("urn:test").unwrap(),
        event_id: EventId::parse(&meter.id.to_string()).unwrap(),
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

/// A unit past the last bound: the charge that the card's own tiers add up to.
fn expected(meter: &Meter) -> (Quantity, Money) {
    let one = Quantity::parse("1").unwrap();
    let tiers = meter.tiers.as_slice();
    let last = tiers.last().unwrap();
    let whole = tiers.windows(2).map(|pair| (pair[1].from.minus(pair[0].from).unwrap(), pair[0]));
    let parts = whole.chain([(one, *last)]).map(|(part, tier)| tier.rate.times(part).unwrap());
    let charge = parts.fold(Money::ZERO, |sum, part| sum.plus(part).unwrap());
    (last.from.plus(one).unwrap().plus(meter.included).unwrap(), charge)
}

fn book(card: &RateCard) -> Book {
    let import =
        ImportedCard { card, version: 1, imported_at: UtcTime::MIN, reprice_closed: false };
    Book::of(PriceList::new([import], &card.key.locale).into())
}

#[test]
fn every_meter_of_the_real_card_is_rated() {
    let card = real_card();
    let records = card.meters.iter().map(|meter| record(meter, expected(meter).0));
    let usage = Usage::from_records(period(), records, &BTreeMap::new());
    let rated = rate(&usage, &book(&card)).unwrap();
    assert_eq!(rated.meters.len(), 3_817);
    for meter in &card.meters {
        let charged = &rated.meters[&meter.id];
        assert_eq!(charged.charge, expected(meter).1, "meter {}", meter.id);
        assert!(charged.unpriced.is_empty(), "meter {}", meter.id);
        assert_eq!(charged.lines.len(), meter.tiers.as_slice().len(), "meter {}", meter.id);
    }
    let units: BTreeSet<_> = card.meters.iter().map(|meter| &meter.description.unit).collect();
    assert!(units.len() > 20, "the units' texts differ: {units:?}");
}

/// Just below, at and just above each bound and the end of the included quantity, and one quantity
/// somewhere within each tier.
fn quantities(meter: &Meter, random: &mut Random) -> Vec<Quantity> {
    let crumb = Quantity::parse("1e-20").unwrap();
    let mut quantities = vec![];
    for tier in meter.tiers.as_slice() {
        let bound = tier.from.plus(meter.included).unwrap();
        let within = Quantity::parse(&random.decimal(10_000, 18)).unwrap();
        quantities.extend([bound, bound.plus(crumb).unwrap(), bound.plus(within).unwrap()]);
        if !bound.is_zero() {
            quantities.push(bound.minus(crumb).unwrap());
        }
    }
    quantities
}

/// What the oracle says that the meter costs for this quantity.
fn told(meter: &Meter, quantity: Quantity) -> String {
    let tiers = meter.tiers.as_slice().iter().map(|tier| format!(" {}:{}", tier.from, tier.rate));
    let (included, tiers) = (meter.included, tiers.collect::<String>());
    let text =
        format!("card\nmeter 1 included {included} :{tiers}\nusage 2026-01-01 1 {quantity}\n");
    let periods = oracle::periods(&Case::parse(&text).unwrap());
    plain(&periods[0].meters[0].charge)
}

#[test]
fn every_meter_is_charged_as_the_oracle_says_at_every_bound() {
    let card = real_card();
    let book = book(&card);
    let mut random = Random::new(1);
    let all = card.meters.iter().map(|meter| (meter, quantities(meter, &mut random)));
    let all: Vec<_> = all.collect();
    assert_eq!(all.iter().filter(|(meter, _)| meter.tiers.as_slice().len() > 1).count(), 203);
    let rounds = all.iter().map(|(_, quantities)| quantities.len()).max().unwrap();
    let mut compared = 0;
    for round in 0..rounds {
        let rows = all.iter().filter_map(|(meter, all)| Some((*meter, *all.get(round)?)));
        let records = rows.clone().map(|(meter, quantity)| record(meter, quantity));
        let usage = Usage::from_records(period(), records, &BTreeMap::new());
        let rated = rate(&usage, &book).unwrap();
        for (meter, quantity) in rows {
            let charge = rated.meters[&meter.id].charge.to_string();
            assert_eq!(charge, told(meter, quantity), "{quantity} of meter {}", meter.id);
            compared += 1;
        }
    }
    assert!(compared > 3 * 3_817, "{compared} charges compared");
}
