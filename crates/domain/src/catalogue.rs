//! Rate cards: the meters of an offer with their graduated prices, and the terms of the offer.

use std::collections::BTreeSet;
use std::fmt;
use std::sync::Arc;

use crate::decimal::{Money, OutOfRange, Percent, Quantity, UnitPrice};
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
    /// What else the source says of it.
    pub sku: Sku,
    /// Such as `Third Party`, which no discount and no credit applies to.
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

/// What newer price lists say of a meter beside Azure's rate card; all absent on a plain card.
///
/// Source: Azure Retail Prices API, the properties of the same names.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Sku {
    /// `Virtual Machines`.
    pub service: Option<Arc<str>>,
    /// `Virtual Machines Dv3 Series`.
    pub product: Option<Arc<str>>,
    /// `Standard_D2_v3`.
    pub arm_sku_name: Option<Arc<str>>,
    /// `eastus`.
    pub arm_region_name: Option<Arc<str>>,
    /// `1 Year` where the price is that of a reservation.
    pub reservation_term: Option<Arc<str>>,
}

impl Meter {
    /// Whether it is sold for somebody else, so that no discount and no credit applies to it.
    #[must_use]
    pub fn is_third_party(&self) -> bool {
        self.tags.iter().any(|tag| tag.eq_ignore_ascii_case("Third Party"))
    }
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
        tiered_discount: Vec<(Money, Percent)>,
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

/// The kinds of offer terms.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum TermKind {
    /// An amount per billing period that usage charges are drawn from.
    MonetaryCredit,
    /// A discount on the base tier for an amount committed to.
    MonetaryCommitment,
    /// An amount due in every billing period.
    RecurringCharge,
}

impl fmt::Display for TermKind {
    /// Azure's name of it.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::MonetaryCredit => "Monetary Credit",
            Self::MonetaryCommitment => "Monetary Commitment",
            Self::RecurringCharge => "Recurring Charge",
        })
    }
}

impl OfferTerm {
    /// Which kind it is.
    #[must_use]
    pub fn kind(&self) -> TermKind {
        match self {
            Self::MonetaryCredit { .. } => TermKind::MonetaryCredit,
            Self::MonetaryCommitment { .. } => TermKind::MonetaryCommitment,
            Self::RecurringCharge { .. } => TermKind::RecurringCharge,
        }
    }

    /// From when it applies.
    #[must_use]
    pub fn effective(&self) -> UtcTime {
        match self {
            Self::MonetaryCredit { effective, .. }
            | Self::MonetaryCommitment { effective, .. }
            | Self::RecurringCharge { effective, .. } => *effective,
        }
    }
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

    /// The lowest tier, which begins at zero.
    #[must_use]
    pub fn base(&self) -> Tier {
        self.0[0]
    }

    /// The same bounds with every rate changed by a percentage.
    ///
    /// # Errors
    /// [`OutOfRange`] if a rate would not be exact.
    pub fn changed_by(&self, percent: Percent) -> Result<Self, OutOfRange> {
        let changed =
            |tier: &Tier| Ok(Tier { from: tier.from, rate: tier.rate.changed_by(percent)? });
        self.0.iter().map(changed).collect::<Result<_, _>>().map(Self)
    }

    /// The parts of the billable quantity between two positions, tier by tier.
    ///
    /// Going back (`to` below `from`) gives the same parts negated, so that
    /// charge(a to b) + charge(b to a) is nothing.
    pub fn parts(&self, from: Quantity, to: Quantity) -> impl Iterator<Item = (Tier, Quantity)> {
        let (low, high) = if from <= to { (from, to) } else { (to, from) };
        self.0.iter().enumerate().filter_map(move |(position, tier)| {
            let start = tier.from.max(low);
            let end = self.0.get(position + 1).map_or(high, |next| next.from.min(high));
            if start >= end {
                return None;
            }
            let quantity = end.minus(start).expect("positions of a ladder are not below zero");
            Some((*tier, if from <= to { quantity } else { quantity.negated() }))
        })
    }
}
