//! A case of `testkit` as values of `domain`.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use domain::book::{Book, ImportedCard, PriceList};
use domain::catalogue::{Meter, OfferTerm, RateCard, RateCardKey, Sku, Tier, Tiers};
use domain::decimal::{Money, Percent, Quantity, UnitPrice};
use domain::id::{
    Country, Currency, EventId, Locale, MeterId, OfferId, Source, SubscriptionId, TenantId,
};
use domain::period::{AnchorDay, BillingPeriod, Schedule};
use domain::price_override::{
    OverrideId, OverridePrice, OverrideScope, OverrideTarget, PriceOverride,
};
use domain::rate::{RateError, rate};
use domain::record::{
    Billed, Commit, Instance, MeterDescription, StoredRecord, UsageRecord, Window,
};
use domain::spend::RatedPeriod;
use domain::time::{ReportedTime, UtcTime};
use domain::usage::Usage;
use testkit::{
    Anchor, Card, Case, Change, Number, Override, Row, Scope, Target, Term, Terms, Time,
};

const SUBSCRIPTION: SubscriptionId = SubscriptionId::from_bits(1);
const TENANT: TenantId = TenantId::from_bits(2);
const SOMEBODY_ELSE: TenantId = TenantId::from_bits(3);
const MICROS_PER_MINUTE: i64 = 60_000_000;

/// A case as `domain` sees it.
pub(crate) struct Adapted {
    pub(crate) list: Arc<PriceList>,
    pub(crate) overrides: Arc<[PriceOverride]>,
    pub(crate) commitments: Vec<(UtcTime, Money)>,
    pub(crate) schedule: Schedule,
    pub(crate) aliases: BTreeMap<MeterId, MeterId>,
    pub(crate) records: Vec<StoredRecord>,
}

impl Adapted {
    pub(crate) fn of(case: &Case) -> Self {
        let commitments = case.commitments.iter();
        let commitments = commitments.map(|one| (utc(one.from), money(&one.amount)));
        let aliases = case.aliases.iter().map(|(old, new)| (meter_id(*old), meter_id(*new)));
        let overrides = (1..).zip(&case.overrides).map(|(id, own)| price_override(id, own));
        let overrides = overrides.chain([of_somebody_else()]);
        let overrides = overrides.filter(|own| own.is_for(SUBSCRIPTION, TENANT, &currency()));
        Self {
            list: price_list(&case.cards).into(),
            overrides: overrides.collect(),
            commitments: commitments.collect(),
            schedule: schedule(&case.anchors),
            aliases: aliases.collect(),
            records: case.usage.iter().enumerate().map(|(place, row)| record(place, row)).collect(),
        }
    }

    /// What the subscription pays by in a period.
    pub(crate) fn book(&self, period: BillingPeriod) -> Book {
        let in_force = self.commitments.iter().filter(|(from, _)| *from <= period.start());
        Book {
            list: Arc::clone(&self.list),
            overrides: Arc::clone(&self.overrides),
            commitment: in_force.max_by_key(|(from, _)| *from).map(|(_, amount)| *amount),
            is_subscribed: false,
        }
    }

    /// The bill of each billing period with usage, in order.
    pub(crate) fn rated(&self) -> Result<Vec<RatedPeriod>, RateError> {
        let mut by_period = BTreeMap::<BillingPeriod, Vec<StoredRecord>>::new();
        for stored in &self.records {
            let period = self.schedule.containing(stored.record.window.start());
            by_period.entry(period).or_default().push(stored.clone());
        }
        let rated = by_period.into_iter().map(|(period, records)| {
            let usage = Usage::from_records(period, records, &self.aliases);
            let book = self.book(period);
            let rated = rate(&usage, &book)?;
            Ok(RatedPeriod { usage, rated, book })
        });
        rated.collect()
    }
}

pub(crate) fn meter_id(number: u32) -> MeterId {
    MeterId::from_bits(number.into())
}

pub(crate) fn utc(time: Time) -> UtcTime {
    UtcTime::from_micros(time.minutes() * MICROS_PER_MINUTE).unwrap()
}

fn quantity(number: &Number) -> Quantity {
    Quantity::parse(number.text()).unwrap()
}

fn money(number: &Number) -> Money {
    Money::parse(number.text()).unwrap()
}

fn percent(number: &Number) -> Percent {
    Percent::parse(number.text()).unwrap()
}

fn currency() -> Currency {
    Currency::parse("USD").unwrap()
}

fn locale() -> Locale {
    Locale::parse("en-US").unwrap()
}

fn schedule(anchors: &[Anchor]) -> Schedule {
    let day = |anchor: &Anchor| AnchorDay::new(u8::try_from(anchor.day).unwrap()).unwrap();
    let [first, changes @ ..] = anchors else { panic!("a case has an anchor") };
    let first = Schedule::anchored_on(day(first));
    changes.iter().fold(first, |known, anchor| known.changed(utc(anchor.from).date(), day(anchor)))
}

fn price_list(cards: &[Card]) -> PriceList {
    let cards: Vec<_> =
        cards.iter().flat_map(|card| single(card).map(move |one| (card, one))).collect();
    let imports = (1..).zip(&cards).map(|(version, (card, single))| ImportedCard {
        card: single,
        version,
        imported_at: utc(card.imported),
        reprice_closed: card.reprice,
    });
    PriceList::new(imports, &locale())
}

/// Cards that have each meter once, as `domain` knows them: as many as a meter has dates.
fn single(card: &Card) -> impl Iterator<Item = RateCard> {
    let mut layers: Vec<Vec<Meter>> = vec![vec![]];
    for version in &card.meters {
        let meter = meter(version);
        let free = layers.iter().position(|layer| layer.iter().all(|one| one.id != meter.id));
        match free {
            Some(place) => layers[place].push(meter),
            None => layers.push(vec![meter]),
        }
    }
    let terms: Vec<_> = card.terms.iter().map(term).collect();
    layers.into_iter().map(move |meters| RateCard {
        key: RateCardKey {
            offer: OfferId::parse("MS-AZR-0003P").unwrap(),
            currency: currency(),
            locale: locale(),
            region: Country::parse("US").unwrap(),
        },
        is_tax_included: false,
        terms: terms.clone(),
        meters,
    })
}

fn meter(version: &testkit::Meter) -> Meter {
    Meter {
        id: meter_id(version.id),
        description: MeterDescription {
            category: version.category.as_deref().map(Arc::from),
            ..MeterDescription::default()
        },
        sku: Sku::default(),
        tags: version.third_party.then(|| "Third Party".into()).into_iter().collect(),
        tiers: tiers(&version.tiers),
        included: quantity(&version.included),
        effective: utc(version.from),
        status: None,
    }
}

fn tiers(tiers: &[testkit::Tier]) -> Tiers {
    let tier = |tier: &testkit::Tier| Tier {
        from: quantity(&tier.bound),
        rate: UnitPrice::parse(tier.rate.text()).unwrap(),
    };
    Tiers::new(tiers.iter().map(tier).collect()).unwrap()
}

fn term(term: &Term) -> OfferTerm {
    let effective = utc(term.from);
    let excluded: BTreeSet<_> = term.except.iter().map(|meter| meter_id(*meter)).collect();
    match &term.terms {
        Terms::Credit(amount) => {
            OfferTerm::MonetaryCredit { credit: money(amount), excluded, effective }
        }
        Terms::Recurring(amount) => OfferTerm::RecurringCharge { charge: money(amount), effective },
        Terms::Commitment(levels) => {
            let levels = levels.iter().map(|(level, off)| (money(level), percent(off)));
            let mut tiered_discount: Vec<_> = levels.collect();
            tiered_discount.sort();
            OfferTerm::MonetaryCommitment { tiered_discount, excluded, effective }
        }
    }
}

fn price_override(id: u64, own: &Override) -> PriceOverride {
    PriceOverride {
        id: OverrideId(id),
        scope: match own.scope {
            Scope::Installation => OverrideScope::Installation,
            Scope::Tenant => OverrideScope::Tenant(TENANT),
            Scope::Subscription => OverrideScope::Subscription(SUBSCRIPTION),
        },
        target: match &own.target {
            Target::Every => OverrideTarget::EveryMeter,
            Target::Category(category) => OverrideTarget::Category(category.as_str().into()),
            Target::Meter(meter) => OverrideTarget::Meter(meter_id(*meter)),
        },
        from: utc(own.from),
        until: own.until.map(utc),
        price: match &own.change {
            Change::Markup(number) => OverridePrice::Markup(percent(number)),
            Change::Price { included, tiers: own } => OverridePrice::Rates {
                currency: currency(),
                tiers: tiers(own),
                included: quantity(included),
            },
        },
        made_at: utc(own.made),
        reprice_closed: own.reprice,
        ends: vec![],
    }
}

/// An override that is to change no bill here.
fn of_somebody_else() -> PriceOverride {
    PriceOverride {
        id: OverrideId(1_000),
        scope: OverrideScope::Tenant(SOMEBODY_ELSE),
        target: OverrideTarget::EveryMeter,
        from: UtcTime::MIN,
        until: None,
        price: OverridePrice::Markup(Percent::WHOLE),
        made_at: UtcTime::MIN,
        reprice_closed: false,
        ends: vec![],
    }
}

/// A row as a record whose event id and commit are its place in the case.
pub(crate) fn record(place: usize, row: &Row) -> StoredRecord {
    let start = utc(row.start);
    let uri = |name: &String| format!("/subscriptions/s/resourceGroups/g/providers/p/t/{name}");
    let instance = Instance {
        resource_uri: row.instance.as_ref().map(|name| uri(name).into()),
        ..Instance::default()
    };
    let record = UsageRecord {
        subscription: SUBSCRIPTION,
        window: Window::new(start, utc(row.end)).unwrap(),
        meter: meter_id(row.meter),
        description: MeterDescription::default(),
        quantity: quantity(&row.quantity),
        instance: Arc::new(instance),
        source: Source::parse("urn:test").unwrap(),
        event_id: EventId::parse(&format!("{place:06}")).unwrap(),
        billed: Billed::default(),
        reverses: None,
    };
    StoredRecord {
        instance_hash: record.instance.hash(),
        record,
        reported: ReportedTime(start),
        commit: Commit(u64::try_from(place).unwrap()),
        erased: None,
    }
}
