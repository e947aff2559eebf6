//! `rate(usage, book)`: what usage costs. Exact, pure, and the only place where a price meets a
//! quantity.
//!
//! Per meter and billing period: the included quantity first, then graduated tiers over what is
//! left. A row's charge is the charge of the quantity up to and with it, less the charge of the
//! quantity before it, so any grouping of rows adds up to the meter's charge, to the last digit.
//! Over the meters stand the offer's terms: a commitment that usage draws from, a credit, and
//! recurring charges.

mod commitment;
mod credit;
mod together;
mod walk;

use std::collections::BTreeMap;
use std::fmt;
use std::ops::Range;
use std::sync::Arc;

use crate::book::{Book, MeterPrices, PriceVersion, Unpriced};
use crate::catalogue::{OfferTerm, TermKind};
use crate::decimal::{Money, OutOfRange, Quantity, UnitPrice};
use crate::id::MeterId;
use crate::period::BillingPeriod;
use crate::time::UtcTime;
use crate::usage::{MeterUsage, Usage};

pub use commitment::CommitmentDrawn;
pub use credit::CreditDrawn;
pub use together::{GrossAndCharge, TogetherCharge};
pub use walk::{Part, PartKind, RowCharge};

use commitment::Draws;
use walk::{Walk, ladder};

/// A sum that would not be exact.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RateError {
    /// That of a meter's usage or charge.
    Meter(MeterId),
    /// That of several meters or of the offer's terms.
    Total,
}

impl fmt::Display for RateError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Meter(id) => {
                write!(f, "usage or charge of meter {id} is outside the range of exact numbers")
            }
            Self::Total => f.write_str("the total is outside the range of exact numbers"),
        }
    }
}

impl std::error::Error for RateError {}

impl From<OutOfRange> for RateError {
    fn from(OutOfRange: OutOfRange) -> Self {
        Self::Total
    }
}

/// One subscription's usage in one billing period with what it costs: its bill, before tax.
#[derive(Debug, Clone)]
pub struct Rated {
    /// The billing period.
    pub period: BillingPeriod,
    /// Every meter used.
    pub meters: BTreeMap<MeterId, RatedMeter>,
    /// The commitment, if the subscription has one in the period.
    pub commitment: Option<CommitmentDrawn>,
    /// The credits in force.
    pub credits: Vec<CreditDrawn>,
    /// The recurring charges that are due.
    pub recurring: Vec<RecurringDue>,
    /// The sums.
    pub totals: Totals,
}

/// A recurring charge that is due in the period.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RecurringDue {
    /// The amount.
    pub amount: Money,
    /// From when the term applies.
    pub effective: UtcTime,
}

/// The sums of a bill.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Totals {
    /// What the billable usage costs at the rates of its tiers, and what is drawn from a commitment
    /// at the base rate, before its discount.
    pub gross: Money,
    /// What the commitment's discount takes off the gross amount.
    pub discount: Money,
    /// Sum of the meters' charges: gross less discount.
    pub usage: Money,
    /// The part of the commitment that no usage drew.
    pub forfeited: Money,
    /// What credits cover of the usage, as a positive amount.
    pub credit: Money,
    /// Sum of the recurring charges.
    pub recurring: Money,
    /// What is owed: usage, forfeited and recurring, less credit.
    pub total: Money,
}

/// One meter's charges in one billing period.
#[derive(Debug, Clone)]
pub struct RatedMeter {
    /// Priced quantity.
    pub quantity: Quantity,
    /// The quantity that the price in force at the period's start includes, used or not.
    pub allowance: Quantity,
    /// Quantity that was free: the included quantity, as far as it was used.
    pub included: Quantity,
    /// Quantity left to charge.
    pub billable: Quantity,
    /// The billable quantity by version of the price, kind and tier.
    pub lines: Vec<Line>,
    /// Gross amount: before a commitment's discount.
    pub gross: Money,
    /// Sum of the lines, and of the rows' charges.
    pub charge: Money,
    /// Quantity without a price, by reason.
    pub unpriced: BTreeMap<Unpriced, Quantity>,
    segments: Vec<Segment>,
    /// What each row drew from the commitment; none where the meter has no part in one.
    draws: Option<Draws>,
}

/// A stretch of a meter's rows under one version of the price.
#[derive(Debug, Clone)]
struct Segment {
    rows: Range<usize>,
    price: Result<Arc<PriceVersion>, Unpriced>,
}

/// What was charged in one tier of one version of a meter's price, or drawn from the commitment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Line {
    /// The version.
    pub version: Arc<PriceVersion>,
    /// The tier, or the commitment.
    pub kind: PartKind,
    /// Billable quantity in it.
    pub quantity: Quantity,
    /// Quantity times the tier's rate.
    pub gross: Money,
    /// What is charged: the gross amount, less a discount.
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
    let period = usage.period();
    let mut meters = BTreeMap::new();
    for (id, meter) in usage.meters() {
        let priced = book.prices(*id, period).and_then(|prices| segments(meter, &prices, period));
        let rated = priced.and_then(|rated| rated.summed(meter));
        meters.insert(*id, rated.map_err(|OutOfRange| RateError::Meter(*id))?);
    }
    let is_due = book.is_subscribed || !meters.is_empty();
    let commitment = if is_due { commitment::draw(usage, book, &mut meters)? } else { None };
    let mut rated = Rated {
        period,
        meters,
        commitment,
        credits: vec![],
        recurring: if is_due { recurring(book, period) } else { vec![] },
        totals: Totals::default(),
    };
    if is_due {
        rated.credits = credit::draw(usage, book, &rated)?;
    }
    rated.totals = rated.sums()?;
    Ok(rated)
}

fn recurring(book: &Book, period: BillingPeriod) -> Vec<RecurringDue> {
    let terms = book.list.terms(TermKind::RecurringCharge, period);
    let due = terms.into_iter().filter_map(|term| match term {
        OfferTerm::RecurringCharge { charge, effective } => {
            Some(RecurringDue { amount: *charge, effective: *effective })
        }
        _ => None,
    });
    due.collect()
}

impl Rated {
    /// The gross amount, discount and charge of every row of a meter, in the order of its rows, and
    /// the parts that they come from.
    ///
    /// # Errors
    /// [`RateError`] if one would not be exact.
    ///
    /// # Panics
    /// If this is not the usage that was rated.
    pub fn each_row(
        &self,
        id: MeterId,
        usage: &MeterUsage,
        each: impl FnMut(usize, RowCharge<'_>) -> Result<(), OutOfRange>,
    ) -> Result<(), RateError> {
        let meter = self.meters.get(&id).expect("every meter of the usage was rated");
        meter.each_row(usage, each).map_err(|OutOfRange| RateError::Meter(id))
    }

    /// What the credits cover of each row of each meter, in the order in which usage draws on them:
    /// usage start, meter, and then the order of rows. The parts add up to the credit drawn.
    ///
    /// # Errors
    /// [`RateError`] if a sum would not be exact.
    pub fn credit_of_rows(
        &self,
        usage: &Usage,
    ) -> Result<BTreeMap<MeterId, Vec<Money>>, RateError> {
        credit::of_rows(usage, self)
    }

    fn sums(&self) -> Result<Totals, OutOfRange> {
        let mut totals = Totals::default();
        for meter in self.meters.values() {
            totals.gross = totals.gross.plus(meter.gross)?;
            totals.usage = totals.usage.plus(meter.charge)?;
        }
        totals.discount = totals.gross.minus(totals.usage)?;
        for credit in &self.credits {
            totals.credit = totals.credit.plus(credit.drawn)?;
        }
        for due in &self.recurring {
            totals.recurring = totals.recurring.plus(due.amount)?;
        }
        totals.forfeited = self.commitment.as_ref().map_or(Money::ZERO, |drawn| drawn.forfeited);
        totals.total = totals.usage.plus(totals.forfeited)?.plus(totals.recurring)?;
        totals.total = totals.total.minus(totals.credit)?;
        Ok(totals)
    }
}

/// Cuts a meter's rows where the version of the price changes.
fn segments(
    usage: &MeterUsage,
    prices: &MeterPrices,
    period: BillingPeriod,
) -> Result<RatedMeter, OutOfRange> {
    let rows = usage.rows();
    let mut segments = Vec::new();
    let mut first = 0;
    while let Some(row) = rows.get(first) {
        let stretch = prices.stretch_at(row.window.start());
        let until = prices.end_of(stretch);
        let length = until.map_or(rows.len() - first, |until| {
            rows[first..].partition_point(|row| row.window.start() < until)
        });
        let price = prices.price_in(stretch).cloned();
        segments.push(Segment { rows: first..first + length, price });
        first += length;
    }
    Ok(RatedMeter {
        quantity: Quantity::ZERO,
        included: Quantity::ZERO,
        billable: Quantity::ZERO,
        lines: vec![],
        gross: Money::ZERO,
        charge: Money::ZERO,
        unpriced: BTreeMap::new(),
        segments,
        allowance: prices.included(period.start()),
        draws: None,
    })
}

impl RatedMeter {
    /// What it costs at pay-as-you-go: the lines without those drawn from a commitment.
    ///
    /// # Errors
    /// [`OutOfRange`] if the sum would not be exact.
    pub fn pay_as_you_go(&self) -> Result<Money, OutOfRange> {
        let lines = self.lines.iter().filter(|line| matches!(line.kind, PartKind::Tier { .. }));
        lines.map(|line| line.amount).try_fold(Money::ZERO, Money::plus)
    }

    /// What a quantity would cost at pay-as-you-go after this period's free quantity, at the price in
    /// force where the priced usage ends; none if no row has a price.
    ///
    /// # Errors
    /// [`OutOfRange`] if it would not be exact.
    pub fn at_last_price(&self, quantity: Quantity) -> Result<Option<Money>, OutOfRange> {
        let last = self.segments.iter().rev().find_map(|segment| segment.price.as_ref().ok());
        last.map(|version| ladder(version, self.allowance, quantity)).transpose()
    }

    /// Computes the sums anew. Without a commitment the rows of a segment are one step: what lies
    /// between its first and last position does not matter to the sum.
    fn summed(mut self, usage: &MeterUsage) -> Result<Self, OutOfRange> {
        let mut walk = Walk::new(self.allowance);
        self.unpriced.clear();
        let mut lines: BTreeMap<(UtcTime, PartKind), Line> = BTreeMap::new();
        for (place, segment) in self.segments.iter().enumerate() {
            let rows = &usage.rows()[segment.rows.clone()];
            let version = match &segment.price {
                Ok(version) => version,
                Err(reason) => {
                    let sum = self.unpriced.entry(*reason).or_default();
                    *sum = sum.plus(total(rows.iter().map(|row| row.quantity))?)?;
                    continue;
                }
            };
            let mut add = |part: &Part| add_part(&mut lines, version, part);
            match &self.draws {
                None => {
                    let quantity = total(rows.iter().map(|row| row.quantity))?;
                    walk.step(quantity, version, None)?.iter().try_for_each(&mut add)?;
                }
                Some(draws) => {
                    for (position, row) in segment.rows.clone().zip(rows) {
                        let draw = Some(draws.of_row(place, position));
                        walk.step(row.quantity, version, draw)?.iter().try_for_each(&mut add)?;
                    }
                }
            }
        }
        let lines =
            lines.into_values().filter(|line| !line.quantity.is_zero() || !line.amount.is_zero());
        self.lines = lines.collect();
        self.quantity = walk.used();
        self.billable = walk.billable()?;
        self.included = self.quantity.minus(self.billable)?;
        let amounts = |amount: fn(&Line) -> Money| self.lines.iter().map(amount);
        self.gross = amounts(|line| line.gross).try_fold(Money::ZERO, Money::plus)?;
        self.charge = amounts(|line| line.amount).try_fold(Money::ZERO, Money::plus)?;
        Ok(self)
    }

    fn assert_is_of(&self, usage: &MeterUsage) {
        let (rated, given) =
            (self.segments.last().map_or(0, |segment| segment.rows.end), usage.rows().len());
        assert!(rated == given, "{rated} rows were rated, not these {given}");
    }

    fn each_row(
        &self,
        usage: &MeterUsage,
        mut each: impl FnMut(usize, RowCharge<'_>) -> Result<(), OutOfRange>,
    ) -> Result<(), OutOfRange> {
        self.assert_is_of(usage);
        let rows = usage.rows();
        let mut walk = Walk::new(self.allowance);
        for (place, segment) in self.segments.iter().enumerate() {
            for position in segment.rows.clone() {
                let charge = match &segment.price {
                    Err(reason) => RowCharge::Unpriced(*reason),
                    Ok(version) => {
                        let draws = self.draws.as_ref();
                        let draw = draws.map(|draws| draws.of_row(place, position));
                        let parts = walk.step(rows[position].quantity, version, draw)?;
                        RowCharge::priced(version, parts)?
                    }
                };
                each(position, charge)?;
            }
        }
        Ok(())
    }
}

fn total(quantities: impl Iterator<Item = Quantity>) -> Result<Quantity, OutOfRange> {
    quantities.into_iter().try_fold(Quantity::ZERO, Quantity::plus)
}

/// Adds a part to the line of its version and tier; the included quantity has none.
fn add_part(
    lines: &mut BTreeMap<(UtcTime, PartKind), Line>,
    version: &Arc<PriceVersion>,
    part: &Part,
) -> Result<(), OutOfRange> {
    if part.kind == PartKind::Included {
        return Ok(());
    }
    let line = lines.entry((version.effective, part.kind)).or_insert_with(|| Line {
        version: Arc::clone(version),
        kind: part.kind,
        quantity: Quantity::ZERO,
        gross: Money::ZERO,
        amount: Money::ZERO,
    });
    line.quantity = line.quantity.plus(part.quantity)?;
    line.gross = line.gross.plus(part.gross)?;
    line.amount = line.amount.plus(part.amount)?;
    Ok(())
}

/// The rate of a line: that of its tier, or the discounted one of the commitment.
impl PartKind {
    /// Price of each unit, after a discount; none for the included quantity.
    #[must_use]
    pub fn rate(self) -> Option<UnitPrice> {
        match self {
            Self::Included => None,
            Self::Tier { rate, .. } => Some(rate),
            Self::Committed { discounted, .. } => Some(discounted),
        }
    }
}

#[cfg(test)]
mod tests;
