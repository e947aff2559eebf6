//! The book: every price and term that can apply to a subscription, which is what `rate` reads.
//!
//! Rate cards are brought together in a [`PriceList`] once for all subscriptions of an offer,
//! currency and region. A [`Book`] lays over it what is the subscription's own: overrides and the
//! amount that it commits to.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::sync::Arc;

use crate::catalogue::{OfferTerm, RateCard, Sku, TermKind, Tier, Tiers};
use crate::decimal::{Money, OutOfRange, Percent, Quantity, UnitPrice};
use crate::id::{Locale, MeterId};
use crate::period::BillingPeriod;
use crate::price_override::{OverrideId, OverridePrice, OverrideTarget, PriceOverride};
use crate::record::MeterDescription;
use crate::time::UtcTime;

/// A rate card and its import.
#[derive(Debug, Clone, Copy)]
pub struct ImportedCard<'a> {
    /// The card.
    pub card: &'a RateCard,
    /// Number of the import, which names the version of the card.
    pub version: u64,
    /// When it was imported.
    pub imported_at: UtcTime,
    /// Whether it changes prices of billing periods that were closed by then.
    pub reprice_closed: bool,
}

/// The prices and terms of one offer, currency and region, of every import.
#[derive(Debug, Clone, Default)]
pub struct PriceList {
    meters: BTreeMap<MeterId, ListedMeter>,
    /// The terms of each card, in the order of import.
    terms: Vec<Imported<Arc<[OfferTerm]>>>,
}

/// A meter on the list: what it is, and its prices through time.
#[derive(Debug, Clone)]
pub struct ListedMeter {
    /// As the card writes it, in the list's locale if a card of it has the meter.
    pub description: MeterDescription,
    /// As the latest card says.
    pub sku: Sku,
    is_in_locale: bool,
    /// What each import says that bills depend on beside the price.
    traits: Vec<Imported<Traits>>,
    /// Prices by effective date, each in the order of import.
    prices: BTreeMap<UtcTime, Vec<Imported<Arc<PriceVersion>>>>,
}

#[derive(Debug, Clone)]
struct Traits {
    locale: Locale,
    category: Option<Arc<str>>,
    is_third_party: bool,
}

#[derive(Debug, Clone)]
struct Imported<T> {
    at: UtcTime,
    reprice_closed: bool,
    value: T,
}

/// What a meter costs from some moment on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PriceVersion {
    /// From when it applies, until the next version.
    pub effective: UtcTime,
    /// Quantity that is free in each billing period that starts under this version.
    pub included: Quantity,
    /// Graduated prices.
    pub tiers: Tiers,
    /// Number of the import of the card that it comes from; none for an override with rates.
    pub card: Option<u64>,
    /// The override that made it what it is.
    pub price_override: Option<OverrideId>,
    /// The percentage that the override added, and the card's rates without it.
    pub markup: Option<(Percent, Tiers)>,
}

impl PriceVersion {
    /// The card's rate for a tier of this version; where an override states rates, they are the
    /// card.
    #[must_use]
    pub fn list_rate(&self, tier: Tier) -> UnitPrice {
        let Some((_, listed)) = &self.markup else { return tier.rate };
        let same_bound = listed.as_slice().iter().find(|listed| listed.from == tier.from);
        same_bound.expect("a markup keeps the bounds").rate
    }
}

/// Why usage has no price. It is shown as such: never free, never dropped.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Unpriced {
    /// There is no rate card for the subscription's offer, currency and region.
    NoRateCard,
    /// No rate card on file has the meter.
    NotOnRateCard,
    /// The usage is older than the first price on file.
    BeforeFirstPrice,
}

impl fmt::Display for Unpriced {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::NoRateCard => "no rate card",
            Self::NotOnRateCard => "not on rate card",
            Self::BeforeFirstPrice => "before first price",
        })
    }
}

/// Every price and term that can apply to a subscription in a billing period.
#[derive(Debug, Clone, Default)]
pub struct Book {
    /// The prices of its offer, currency and region.
    pub list: Arc<PriceList>,
    /// The overrides that concern it, in any order.
    pub overrides: Arc<[PriceOverride]>,
    /// The amount that it commits to in the period.
    pub commitment: Option<Money>,
    /// Whether terms that are due without usage are due: it is subscribed to the offer.
    pub is_subscribed: bool,
}

/// A stretch of time: from when the version, or none, applies.
type Stretch = (UtcTime, Option<Arc<PriceVersion>>);

/// The prices of one meter in one billing period.
#[derive(Debug, Clone)]
pub struct MeterPrices {
    /// From when each version, or none, applies.
    stretches: Vec<Stretch>,
    without: Unpriced,
}

impl PriceList {
    /// Brings cards of one offer, currency and region together, in the order of their import. Names
    /// are those of the latest card of `locale`, or of the latest card where none of it has the
    /// meter.
    #[must_use]
    pub fn new<'a>(imports: impl IntoIterator<Item = ImportedCard<'a>>, locale: &Locale) -> Self {
        let mut list = Self::default();
        for import in imports {
            list.add(import, locale);
        }
        list
    }

    /// Adds the card that was imported next, as [`PriceList::new`] would; its locale is the same for
    /// every card of a list.
    pub fn add(&mut self, import: ImportedCard<'_>, locale: &Locale) {
        let in_locale = import.card.key.locale == *locale;
        self.terms.push(import.stamped(import.card.terms.as_slice().into()));
        for meter in &import.card.meters {
            let listed = self.meters.entry(meter.id).or_insert_with(|| ListedMeter {
                description: MeterDescription::default(),
                sku: Sku::default(),
                is_in_locale: false,
                traits: vec![],
                prices: BTreeMap::new(),
            });
            if in_locale || !listed.is_in_locale {
                listed.description = meter.description.clone();
                listed.is_in_locale = in_locale;
            }
            listed.sku = meter.sku.clone();
            listed.traits.push(import.stamped(Traits {
                locale: import.card.key.locale.clone(),
                category: meter.description.category.clone(),
                is_third_party: meter.is_third_party(),
            }));
            let version = PriceVersion {
                effective: meter.effective,
                included: meter.included,
                tiers: meter.tiers.clone(),
                card: Some(import.version),
                price_override: None,
                markup: None,
            };
            let same_date = listed.prices.entry(meter.effective).or_default();
            same_date.push(import.stamped(Arc::new(version)));
        }
    }

    /// Whether no card was imported.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.terms.is_empty()
    }

    /// The meter, if any card has it.
    #[must_use]
    pub fn meter(&self, id: MeterId) -> Option<&ListedMeter> {
        self.meters.get(&id)
    }

    /// Every meter, in order of id.
    #[must_use]
    pub fn meters(&self) -> &BTreeMap<MeterId, ListedMeter> {
        &self.meters
    }

    /// The terms of a kind that count in a billing period: those in force when it starts.
    ///
    /// They are those of the latest card that was imported before the period closed. Where such a
    /// card has the kind only from a later date on, the card before it is asked.
    #[must_use]
    pub fn terms(&self, kind: TermKind, period: BillingPeriod) -> Vec<&OfferTerm> {
        let in_time = self.terms.iter().rev().filter(|terms| terms.counts_in(period));
        let mut cards: Vec<_> = in_time.collect();
        if cards.is_empty() {
            cards.extend(self.terms.first());
        }
        for card in cards {
            let of_kind: Vec<_> = card.value.iter().filter(|term| term.kind() == kind).collect();
            if of_kind.is_empty() {
                return vec![];
            }
            let in_force = of_kind.into_iter().filter(|term| term.effective() <= period.start());
            let in_force: Vec<_> = in_force.collect();
            if !in_force.is_empty() {
                return in_force;
            }
        }
        vec![]
    }
}

impl ImportedCard<'_> {
    fn stamped<T>(&self, value: T) -> Imported<T> {
        Imported { at: self.imported_at, reprice_closed: self.reprice_closed, value }
    }
}

impl<T> Imported<T> {
    /// Whether it may change the period: it came before the period closed, or says that it may.
    fn counts_in(&self, period: BillingPeriod) -> bool {
        self.reprice_closed || self.at < period.closes_at()
    }
}

impl ListedMeter {
    /// Whether it is sold for somebody else, so that no discount and no credit applies to it: as the
    /// latest card says that counts in the period.
    #[must_use]
    pub fn is_third_party(&self, period: BillingPeriod) -> bool {
        let counts = self.traits.iter().rfind(|traits| traits.counts_in(period));
        counts.unwrap_or(&self.traits[0]).value.is_third_party
    }

    /// Whether it is of a category, in the language of any card that counts in the period: the
    /// subscription's language picks names only. Compared without case.
    fn is_of(&self, category: &str, period: BillingPeriod) -> bool {
        let counting = self.traits.iter().rev().filter(|traits| traits.counts_in(period));
        let mut counting: Vec<_> = counting.map(|traits| &traits.value).collect();
        if counting.is_empty() {
            counting.extend(self.traits.first().map(|traits| &traits.value));
        }
        let mut languages = BTreeSet::new();
        counting.into_iter().filter(|traits| languages.insert(&traits.locale)).any(|traits| {
            let of_meter = traits.category.as_deref();
            of_meter.is_some_and(|of_meter| of_meter.to_lowercase() == category.to_lowercase())
        })
    }

    /// The versions that count in a period, in order of their effective dates: of several imports
    /// with one date the last that came before the period closed. Imports after that price only
    /// what would have no price without them, which is before the first version that counts.
    fn versions(&self, period: BillingPeriod) -> Vec<&Arc<PriceVersion>> {
        let counting =
            |imports: &[Imported<_>]| imports.iter().rposition(|one| one.counts_in(period));
        let first = self.prices.iter().find(|(_, imports)| counting(imports).is_some());
        let first = first.map(|(effective, _)| *effective);
        let of_dates =
            self.prices.iter().filter_map(|(effective, imports)| match counting(imports) {
                Some(last) => Some(&imports[last].value),
                None if first.is_none_or(|first| *effective < first) => Some(&imports[0].value),
                None => None,
            });
        of_dates.collect()
    }

    /// Every version that was ever imported, by effective date and then in order of import.
    pub fn every_version(&self) -> impl Iterator<Item = &Arc<PriceVersion>> {
        self.prices.values().flatten().map(|import| &import.value)
    }
}

impl Book {
    /// The list's prices and terms alone, as they are due in every period.
    #[must_use]
    pub fn of(list: Arc<PriceList>) -> Self {
        Self { list, overrides: Arc::default(), commitment: None, is_subscribed: true }
    }

    /// What a meter costs throughout a period.
    ///
    /// # Errors
    /// [`OutOfRange`] if a markup of a price would not be exact.
    pub fn prices(&self, id: MeterId, period: BillingPeriod) -> Result<MeterPrices, OutOfRange> {
        let listed = self.list.meter(id);
        let without = match listed {
            Some(_) => Unpriced::BeforeFirstPrice,
            None if self.list.is_empty() => Unpriced::NoRateCard,
            None => Unpriced::NotOnRateCard,
        };
        let versions = listed.map_or_else(Vec::new, |meter| meter.versions(period));
        let concerned = |candidate: &&PriceOverride| {
            candidate.touches(period) && candidate.concerns(id, listed, period)
        };
        let overrides: Vec<_> = self.overrides.iter().filter(concerned).collect();
        let stretches = if overrides.is_empty() {
            versions.iter().map(|version| (version.effective, Some(Arc::clone(version)))).collect()
        } else {
            overridden(&versions, &overrides, period)?
        };
        Ok(MeterPrices { stretches, without })
    }

    /// The meters that a term leaves out, beside those of third parties.
    pub(crate) fn is_excluded(
        &self,
        id: MeterId,
        excluded: &BTreeSet<MeterId>,
        period: BillingPeriod,
    ) -> bool {
        let listed = self.list.meter(id);
        excluded.contains(&id) || listed.is_some_and(|meter| meter.is_third_party(period))
    }
}

/// Lays overrides over versions: a stretch wherever the version or the override in force changes.
fn overridden(
    versions: &[&Arc<PriceVersion>],
    overrides: &[&PriceOverride],
    period: BillingPeriod,
) -> Result<Vec<Stretch>, OutOfRange> {
    let bounds = overrides
        .iter()
        .flat_map(|candidate| Some(candidate.from).into_iter().chain(candidate.until_in(period)));
    let bounds: BTreeSet<_> =
        bounds.chain(versions.iter().map(|version| version.effective)).collect();
    let mut stretches: Vec<Stretch> = Vec::new();
    let mut last = (None, None);
    for start in bounds {
        let listed = versions.iter().rfind(|version| version.effective <= start);
        let in_force = overrides.iter().filter(|candidate| {
            let until = candidate.until_in(period);
            candidate.from <= start && until.is_none_or(|until| start < until)
        });
        let laid_over = in_force.max_by_key(|candidate| candidate.precedence());
        let now =
            (listed.map(|version| version.effective), laid_over.map(|candidate| candidate.id));
        if now == last && !stretches.is_empty() {
            continue;
        }
        last = now;
        let version = match (listed, laid_over) {
            (listed, None) => listed.map(|version| PriceVersion::clone(version)),
            (listed, Some(laid_over)) => laid_over.apply(listed.map(|version| version.as_ref()))?,
        };
        stretches.push((
            start,
            version.map(|version| PriceVersion { effective: start, ..version }.into()),
        ));
    }
    Ok(stretches)
}

impl PriceOverride {
    /// Whether it counts in a period and is in force at any moment of it.
    fn touches(&self, period: BillingPeriod) -> bool {
        let until = self.until_in(period);
        self.counts_in(period)
            && self.from < period.end()
            && until.is_none_or(|until| period.start().max(self.from) < until)
    }

    /// Whether it applies to a meter, on the list or not.
    fn concerns(&self, id: MeterId, listed: Option<&ListedMeter>, period: BillingPeriod) -> bool {
        match &self.target {
            OverrideTarget::Meter(meter) => *meter == id,
            OverrideTarget::EveryMeter => listed.is_some(),
            OverrideTarget::Category(category) => {
                listed.is_some_and(|meter| meter.is_of(category, period))
            }
        }
    }

    /// The narrowest scope first, then the narrowest target, then the one made last.
    fn precedence(&self) -> impl Ord {
        (self.scope.rank(), self.target.rank(), self.id)
    }

    /// The price that it makes; none where there is nothing to add to.
    fn apply(&self, listed: Option<&PriceVersion>) -> Result<Option<PriceVersion>, OutOfRange> {
        match &self.price {
            OverridePrice::Markup(percent) => {
                let Some(listed) = listed else { return Ok(None) };
                Ok(Some(PriceVersion {
                    tiers: listed.tiers.changed_by(*percent)?,
                    price_override: Some(self.id),
                    markup: Some((*percent, listed.tiers.clone())),
                    ..listed.clone()
                }))
            }
            OverridePrice::Rates { tiers, included, .. } => Ok(Some(PriceVersion {
                effective: self.from,
                included: *included,
                tiers: tiers.clone(),
                card: None,
                price_override: Some(self.id),
                markup: None,
            })),
        }
    }
}

impl MeterPrices {
    /// The stretch of time that a moment falls into, from 0; none before the first.
    pub(crate) fn stretch_at(&self, time: UtcTime) -> Option<usize> {
        self.stretches.partition_point(|(start, _)| *start <= time).checked_sub(1)
    }

    /// First moment after a stretch; none after the last.
    pub(crate) fn end_of(&self, stretch: Option<usize>) -> Option<UtcTime> {
        self.stretches.get(stretch.map_or(0, |stretch| stretch + 1)).map(|(start, _)| *start)
    }

    /// The price in force throughout a stretch, or why there is none.
    pub(crate) fn price_in(&self, stretch: Option<usize>) -> Result<&Arc<PriceVersion>, Unpriced> {
        let version = stretch.and_then(|stretch| self.stretches[stretch].1.as_ref());
        version.ok_or(self.without)
    }

    /// The price in force at a moment.
    ///
    /// # Errors
    /// [`Unpriced`] if there is none.
    pub fn at(&self, time: UtcTime) -> Result<&Arc<PriceVersion>, Unpriced> {
        self.price_in(self.stretch_at(time))
    }

    /// The quantity that is free in a period that starts at a moment: that of the price in force
    /// then, else of the first one after it.
    #[must_use]
    pub fn included(&self, period_start: UtcTime) -> Quantity {
        let first = self.stretch_at(period_start).unwrap_or(0);
        let mut versions =
            self.stretches.iter().skip(first).filter_map(|(_, version)| version.as_ref());
        versions.next().map_or(Quantity::ZERO, |version| version.included)
    }
}
