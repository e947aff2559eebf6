//! Rate cards, kept in versions, and the book of prices that `rate` reads.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::sync::Arc;

use crate::decimal::{Money, OutOfRange, Quantity, UnitPrice};
use crate::id::{Country, Currency, Locale, MeterId, OfferId};
use crate::record::MeterDescription;
use crate::time::UtcTime;

/// Which rate card: the four values that select one.
///
/// Source: Azure RateCard, `$filter`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RateCardKey {
    /// The offer.
    pub offer: OfferId,
    /// The currency of its prices.
    pub currency: Currency,
    /// The language of its names.
    pub locale: Locale,
    /// The country where the offer was bought.
    pub region: Country,
}

/// A rate card as imported.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RateCard {
    /// Which card it is.
    pub key: RateCardKey,
    /// Whether its prices contain tax.
    pub is_tax_included: bool,
    /// What the offer says beside prices.
    pub terms: Vec<OfferTerm>,
    /// Its meters, in the order of the source; each id once.
    pub meters: Vec<Meter>,
}

/// A meter on a rate card.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Meter {
    /// The join key to usage.
    pub id: MeterId,
    /// Name, category, subcategory, region and unit, as the card writes them.
    pub description: MeterDescription,
    /// Such as `Third Party`, which no offer term applies to.
    pub tags: Vec<Arc<str>>,
    /// Graduated prices.
    pub tiers: Tiers,
    /// Quantity that is free in each billing period, before tier 0.
    pub included: Quantity,
    /// From when the price applies; [`UtcTime::MIN`] means always.
    pub effective: UtcTime,
    /// `Active` where the source says so.
    pub status: Option<Arc<str>>,
}

/// A term of the offer, of the three kinds that Azure has.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum OfferTerm {
    /// An amount per billing period that usage charges are drawn from.
    MonetaryCredit {
        /// The amount.
        credit: Money,
        /// Meters that it does not apply to.
        excluded: BTreeSet<MeterId>,
        /// From when it applies.
        effective: UtcTime,
    },
    /// A discount on the base tier for an amount committed to.
    MonetaryCommitment {
        /// Percent of discount from each committed amount on, in ascending order.
        tiered_discount: Vec<(Money, Quantity)>,
        /// Meters that it does not apply to.
        excluded: BTreeSet<MeterId>,
        /// From when it applies.
        effective: UtcTime,
    },
    /// An amount due in every billing period, without usage.
    RecurringCharge {
        /// The amount.
        charge: Money,
        /// From when it applies.
        effective: UtcTime,
    },
}

/// Graduated prices: lower bounds in ascending order from zero, the last tier open.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tiers(Vec<Tier>);

/// One tier: `[from, next tier's from)` at this rate.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Tier {
    /// Lower bound, counted in billable quantity from the start of the period.
    pub from: Quantity,
    /// Price of each unit in the tier.
    pub rate: UnitPrice,
}

/// Why bounds and rates are not a price.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TiersError {
    /// No tier begins at zero, so the first unit has no price.
    NoZero,
    /// Two tiers begin at the same quantity.
    Twice(Quantity),
    /// A bound below zero.
    NegativeBound(Quantity),
    /// A rate below zero.
    NegativeRate(UnitPrice),
}

impl fmt::Display for TiersError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoZero => f.write_str("no tier begins at 0"),
            Self::Twice(bound) => write!(f, "two tiers begin at {bound}"),
            Self::NegativeBound(bound) => write!(f, "tier bound {bound} is negative"),
            Self::NegativeRate(rate) => write!(f, "rate {rate} is negative"),
        }
    }
}

impl std::error::Error for TiersError {}

impl Tiers {
    /// From bounds and rates in any order.
    ///
    /// # Errors
    /// [`TiersError`] if they do not price every quantity exactly once, or below zero.
    pub fn new(mut tiers: Vec<Tier>) -> Result<Self, TiersError> {
        tiers.sort_by_key(|tier| tier.from);
        if let Some(tier) = tiers.iter().find(|tier| tier.from.is_negative()) {
            return Err(TiersError::NegativeBound(tier.from));
        }
        if let Some(tier) = tiers.iter().find(|tier| tier.rate.is_negative()) {
            return Err(TiersError::NegativeRate(tier.rate));
        }
        if let Some(pair) = tiers.windows(2).find(|pair| pair[0].from == pair[1].from) {
            return Err(TiersError::Twice(pair[0].from));
        }
        match tiers.first() {
            Some(first) if first.from.is_zero() => Ok(Self(tiers)),
            _ => Err(TiersError::NoZero),
        }
    }

    /// The tiers, in ascending order of their bounds.
    #[must_use]
    pub fn as_slice(&self) -> &[Tier] {
        &self.0
    }

    /// The parts of the billable quantity between two positions, tier by tier.
    ///
    /// Going back (`to` below `from`) gives the same parts negated, so that
    /// charge(a to b) + charge(b to a) is nothing.
    ///
    /// # Errors
    /// [`OutOfRange`] if a part is too large to be exact.
    pub fn parts(&self, from: Quantity, to: Quantity) -> Result<Vec<(Tier, Quantity)>, OutOfRange> {
        let (low, high) = if from <= to { (from, to) } else { (to, from) };
        let mut parts = Vec::new();
        for (position, tier) in self.0.iter().enumerate() {
            let start = tier.from.max(low);
            let end = self.0.get(position + 1).map_or(high, |next| next.from.min(high));
            if start < end {
                let quantity = end.minus(start)?;
                parts.push((*tier, if from <= to { quantity } else { quantity.negated() }));
            }
        }
        Ok(parts)
    }
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
}

/// Every price of one offer, currency and region, in versions: what `rate` reads.
#[derive(Debug, Clone, Default)]
pub struct Book {
    meters: BTreeMap<MeterId, BookMeter>,
}

/// A meter in the book: its description in the book's locale, and its prices through time.
#[derive(Debug, Clone, Default)]
pub struct BookMeter {
    /// As the card writes it.
    pub description: MeterDescription,
    /// Whether that card is of the book's locale.
    is_in_locale: bool,
    versions: Vec<PriceVersion>,
}

impl Book {
    /// Brings cards together, in the order of their import: of two prices of a meter with the same
    /// effective date the later import's applies. Names are those of the latest card of `locale`,
    /// or of the latest card where none of that locale has the meter.
    #[must_use]
    pub fn from_cards<'a>(cards: impl IntoIterator<Item = &'a RateCard>, locale: &Locale) -> Self {
        let mut meters: BTreeMap<MeterId, BookMeter> = BTreeMap::new();
        for card in cards {
            let in_locale = card.key.locale == *locale;
            for meter in &card.meters {
                let entry = meters.entry(meter.id).or_default();
                if in_locale || !entry.is_in_locale {
                    entry.description = meter.description.clone();
                    entry.is_in_locale = in_locale;
                }
                entry.insert(PriceVersion {
                    effective: meter.effective,
                    included: meter.included,
                    tiers: meter.tiers.clone(),
                });
            }
        }
        Self { meters }
    }

    /// Whether there is no card at all.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.meters.is_empty()
    }

    /// The meter, if any card has it.
    #[must_use]
    pub fn meter(&self, id: MeterId) -> Option<&BookMeter> {
        self.meters.get(&id)
    }
}

impl BookMeter {
    /// The price in force at a moment; none before the first.
    #[must_use]
    pub fn version_at(&self, time: UtcTime) -> Option<&PriceVersion> {
        let after = self.versions.partition_point(|version| version.effective <= time);
        after.checked_sub(1).map(|position| &self.versions[position])
    }

    /// Every price, in order of effective date.
    #[must_use]
    pub fn versions(&self) -> &[PriceVersion] {
        &self.versions
    }

    fn insert(&mut self, version: PriceVersion) {
        match self.versions.binary_search_by_key(&version.effective, |known| known.effective) {
            Ok(same_date) => self.versions[same_date] = version,
            Err(position) => self.versions.insert(position, version),
        }
    }
}
