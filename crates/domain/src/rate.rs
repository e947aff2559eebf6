//! `rate(usage, book)`: what usage costs. Exact, pure, and the only place where a price meets a
//! quantity.
//!
//! Per meter and billing period: the included quantity first, then graduated tiers over what is
//! left. A row's charge is the charge of the quantity up to and with it, less the charge of the
//! quantity before it, so any grouping of rows adds up to the meter's charge, to the last digit.

use std::collections::BTreeMap;
use std::fmt;

use crate::catalogue::{Book, BookMeter, PriceVersion};
use crate::decimal::{Money, OutOfRange, Quantity, UnitPrice};
use crate::id::MeterId;
use crate::time::UtcTime;
use crate::usage::{MeterUsage, Usage};

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

/// A sum that would not be exact, and the meter whose sum it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RateError {
    /// The meter.
    pub meter: MeterId,
}

impl fmt::Display for RateError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "usage or charge of meter {} is outside the range of exact numbers", self.meter)
    }
}

impl std::error::Error for RateError {}

/// Usage with its charges; each meter's rows correspond to those of the [`Usage`] rated.
#[derive(Debug, Clone)]
pub struct Rated {
    /// Every meter used.
    pub meters: BTreeMap<MeterId, RatedMeter>,
}

/// One meter's charges in one billing period.
#[derive(Debug, Clone)]
pub struct RatedMeter {
    /// For each row of usage, in its total order, its charge or why it has none.
    pub rows: Vec<Result<Money, Unpriced>>,
    /// Priced quantity.
    pub quantity: Quantity,
    /// Quantity that was free: the included quantity, as far as it was used.
    pub included: Quantity,
    /// Quantity left to charge.
    pub billable: Quantity,
    /// The billable quantity by version of the price and tier.
    pub tiers: Vec<TierCharge>,
    /// Sum of the rows' charges, and of the tiers'.
    pub charge: Money,
    /// Quantity without a price, by reason.
    pub unpriced: BTreeMap<Unpriced, Quantity>,
}

/// What was charged in one tier of one version of a meter's price.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TierCharge {
    /// From when the version applies.
    pub effective: UtcTime,
    /// Lower bound of the tier.
    pub from: Quantity,
    /// Billable quantity in it.
    pub quantity: Quantity,
    /// Price of each unit.
    pub rate: UnitPrice,
    /// Quantity times rate.
    pub amount: Money,
}

/// Rates one subscription's usage in one billing period.
///
/// A version of the price applies to usage that starts from its effective date on, at the tier
/// reached by then; the included quantity is that of the version in force when the period starts,
/// or of the first one after it. Usage without a price takes no part in either.
///
/// # Errors
/// [`RateError`] if a sum would not be exact.
pub fn rate(usage: &Usage, book: &Book) -> Result<Rated, RateError> {
    let start = usage.period().start();
    let meters = usage.meters().iter().map(|(id, meter)| {
        let rated = match book.meter(*id) {
            Some(prices) => rate_meter(meter, prices, start),
            None if book.is_empty() => without_price(meter, Unpriced::NoRateCard),
            None => without_price(meter, Unpriced::NotOnRateCard),
        };
        Ok((*id, rated.map_err(|OutOfRange| RateError { meter: *id })?))
    });
    Ok(Rated { meters: meters.collect::<Result<_, _>>()? })
}

fn without_price(meter: &MeterUsage, reason: Unpriced) -> Result<RatedMeter, OutOfRange> {
    let mut walk = Walk::new(Quantity::ZERO);
    for row in meter.rows() {
        walk.skip(row.quantity, reason)?;
    }
    walk.finish()
}

fn rate_meter(
    meter: &MeterUsage,
    prices: &BookMeter,
    period_start: UtcTime,
) -> Result<RatedMeter, OutOfRange> {
    let first = prices.version_at(period_start).or(prices.versions().first());
    let included = first.map_or(Quantity::ZERO, |version| version.included);
    let mut walk = Walk::new(included);
    for row in meter.rows() {
        match prices.version_at(row.window.start()) {
            Some(version) => walk.charge(row.quantity, version)?,
            None => walk.skip(row.quantity, Unpriced::BeforeFirstPrice)?,
        }
    }
    walk.finish()
}

/// The walk over one meter's rows, in their total order.
struct Walk {
    included: Quantity,
    used: Quantity,
    rows: Vec<Result<Money, Unpriced>>,
    tiers: BTreeMap<(UtcTime, Quantity), TierCharge>,
    unpriced: BTreeMap<Unpriced, Quantity>,
}

impl Walk {
    fn new(included: Quantity) -> Self {
        Self {
            included,
            used: Quantity::ZERO,
            rows: Vec::new(),
            tiers: BTreeMap::new(),
            unpriced: BTreeMap::new(),
        }
    }

    fn billable(&self) -> Result<Quantity, OutOfRange> {
        Ok(self.used.minus(self.included)?.max(Quantity::ZERO))
    }

    fn charge(&mut self, quantity: Quantity, version: &PriceVersion) -> Result<(), OutOfRange> {
        let before = self.billable()?;
        self.used = self.used.plus(quantity)?;
        let after = self.billable()?;
        let mut charge = Money::ZERO;
        for (tier, part) in version.tiers.parts(before, after)? {
            let amount = tier.rate.times(part)?;
            charge = charge.plus(amount)?;
            let line = self.tiers.entry((version.effective, tier.from)).or_insert(TierCharge {
                effective: version.effective,
                from: tier.from,
                quantity: Quantity::ZERO,
                rate: tier.rate,
                amount: Money::ZERO,
            });
            line.quantity = line.quantity.plus(part)?;
            line.amount = line.amount.plus(amount)?;
        }
        self.rows.push(Ok(charge));
        Ok(())
    }

    fn skip(&mut self, quantity: Quantity, reason: Unpriced) -> Result<(), OutOfRange> {
        let sum = self.unpriced.entry(reason).or_default();
        *sum = sum.plus(quantity)?;
        self.rows.push(Err(reason));
        Ok(())
    }

    fn finish(self) -> Result<RatedMeter, OutOfRange> {
        let billable = self.billable()?;
        let of_rows =
            self.rows.iter().flatten().try_fold(Money::ZERO, |sum, row| sum.plus(*row))?;
        let of_tiers =
            self.tiers.values().try_fold(Money::ZERO, |sum, tier| sum.plus(tier.amount))?;
        assert!(of_rows == of_tiers, "rows sum to {of_rows}, tiers to {of_tiers}");
        Ok(RatedMeter {
            rows: self.rows,
            quantity: self.used,
            included: self.used.minus(billable)?,
            billable,
            tiers: self.tiers.into_values().filter(|tier| !tier.quantity.is_zero()).collect(),
            charge: of_rows,
            unpriced: self.unpriced,
        })
    }
}

#[cfg(test)]
mod tests;
