//! The Monetary Commitment: usage draws on the amount committed to, at the discounted base rate, in
//! the order in which it happened; what no usage draws is forfeited.

use std::collections::BTreeMap;

use crate::book::{Book, PriceVersion};
use crate::catalogue::{OfferTerm, TermKind};
use crate::decimal::{Money, OutOfRange, Percent, Quantity, UnitPrice};
use crate::id::MeterId;
use crate::period::BillingPeriod;
use crate::time::UtcTime;
use crate::usage::Usage;

use super::walk::PartKind;
use super::{RateError, RatedMeter};

/// What became of a commitment in a billing period.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CommitmentDrawn {
    /// The amount committed to, which is owed whatever is used.
    pub committed: Money,
    /// The discount on the base rate.
    pub discount: Percent,
    /// From when the term applies.
    pub effective: UtcTime,
    /// What usage drew.
    pub drawn: Money,
    /// What it did not draw.
    pub forfeited: Money,
}

/// A discount on base rates.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Discount(Percent);

impl Discount {
    pub(super) fn of(self, version: &PriceVersion) -> Result<PartKind, OutOfRange> {
        let base = version.tiers.base().rate;
        let discounted = base.changed_by(self.0.negated())?;
        Ok(PartKind::Committed { base, discount: self.0, discounted })
    }

    fn rate(self, version: &PriceVersion) -> Result<UnitPrice, OutOfRange> {
        version.tiers.base().rate.changed_by(self.0.negated())
    }
}

/// Lets the eligible usage draw on the commitment, and sums its meters anew.
pub(super) fn draw(
    usage: &Usage,
    book: &Book,
    meters: &mut BTreeMap<MeterId, RatedMeter>,
) -> Result<Option<CommitmentDrawn>, RateError> {
    let Some(committed) = book.commitment.filter(|amount| !amount.is_zero()) else {
        return Ok(None);
    };
    let Some(term) = term(book, usage.period()) else { return Ok(None) };
    let OfferTerm::MonetaryCommitment { tiered_discount, excluded, effective } = term else {
        return Ok(None);
    };
    let reached = tiered_discount.iter().rfind(|(level, _)| *level <= committed);
    let percent = reached.map_or(Percent::default(), |(_, percent)| *percent);
    let discount = Discount(percent);

    let mut places: Vec<Place> = meters
        .iter()
        .filter(|(id, _)| !book.is_excluded(**id, excluded))
        .map(|(id, meter)| Place::new(*id, meter, usage.meters()[id].rows().len()))
        .collect();
    let mut purse = Purse { left: committed, crumbs: Money::ZERO, is_exhausted: false };
    for (position, row) in in_order(usage, &places) {
        let place = &mut places[position];
        let meter = &meters[&place.id];
        place
            .draw(usage, meter, row, discount, &mut purse)
            .map_err(|OutOfRange| RateError::Meter(place.id))?;
    }
    for place in places {
        let id = place.id;
        let meter = meters.remove(&id).expect("places are made of meters");
        let meter = RatedMeter { drawn: Some((discount, place.drawn)), ..meter };
        let summed = meter.summed(&usage.meters()[&id]);
        meters.insert(id, summed.map_err(|OutOfRange| RateError::Meter(id))?);
    }
    let forfeited = purse.left.plus(purse.crumbs)?;
    let drawn = committed.minus(forfeited)?;
    Ok(Some(CommitmentDrawn {
        committed,
        discount: percent,
        effective: *effective,
        drawn,
        forfeited,
    }))
}

/// Of several commitments in force the one that began last.
fn term(book: &Book, period: BillingPeriod) -> Option<&OfferTerm> {
    let terms = book.list.terms(TermKind::MonetaryCommitment, period);
    terms.into_iter().max_by_key(|term| term.effective())
}

/// Rows of the places in the order in which they draw: usage start, meter, order of rows.
fn in_order(usage: &Usage, places: &[Place]) -> Vec<(usize, usize)> {
    let rows = places.iter().enumerate().flat_map(|(position, place)| {
        let rows = usage.meters()[&place.id].rows().iter().enumerate();
        rows.map(move |(row, usage)| (usage.window.start(), position, row))
    });
    let mut rows: Vec<_> = rows.collect();
    rows.sort_unstable();
    rows.into_iter().map(|(_, position, row)| (position, row)).collect()
}

/// What is left of the amount.
struct Purse {
    left: Money,
    /// Less than 10^-20 of a unit costs: forfeited.
    crumbs: Money,
    is_exhausted: bool,
}

impl Purse {
    /// Pays for as much of a quantity as it can, and says how much that is.
    fn pay(&mut self, rate: UnitPrice, wanted: Quantity) -> Result<Quantity, OutOfRange> {
        if self.is_exhausted {
            return Ok(Quantity::ZERO);
        }
        let paid = rate.paid_for_by(self.left, wanted);
        self.left = self.left.minus(rate.times(paid)?)?;
        if paid < wanted {
            self.crumbs = self.crumbs.plus(self.left)?;
            self.left = Money::ZERO;
        }
        self.is_exhausted = self.left.is_zero();
        Ok(paid)
    }

    fn take_back(&mut self, rate: UnitPrice, quantity: Quantity) -> Result<(), OutOfRange> {
        self.left = self.left.plus(rate.times(quantity)?)?;
        self.is_exhausted = self.left.is_zero();
        Ok(())
    }
}

/// Where a meter stands while the rows of all meters draw in turn.
struct Place {
    id: MeterId,
    allowance: Quantity,
    used: Quantity,
    pay_as_you_go: Quantity,
    /// The segment of the row at hand.
    segment: usize,
    /// What each row drew.
    drawn: Vec<Quantity>,
}

impl Place {
    fn new(id: MeterId, meter: &RatedMeter, rows: usize) -> Self {
        Self {
            id,
            allowance: meter.allowance,
            used: Quantity::ZERO,
            pay_as_you_go: Quantity::ZERO,
            segment: 0,
            drawn: vec![Quantity::ZERO; rows],
        }
    }

    fn draw(
        &mut self,
        usage: &Usage,
        meter: &RatedMeter,
        row: usize,
        discount: Discount,
        purse: &mut Purse,
    ) -> Result<(), OutOfRange> {
        while !meter.segments[self.segment].rows.contains(&row) {
            self.segment += 1;
        }
        let Ok(version) = &meter.segments[self.segment].price else { return Ok(()) };
        let rate = discount.rate(version)?;
        let before = self.billable()?;
        self.used = self.used.plus(usage.meters()[&self.id].rows()[row].quantity)?;
        let change = self.billable()?.minus(before)?;
        self.drawn[row] = if change.is_negative() {
            let back = change.negated();
            let uncommitted = back.min(self.pay_as_you_go);
            self.pay_as_you_go = self.pay_as_you_go.minus(uncommitted)?;
            let returned = back.minus(uncommitted)?;
            if !returned.is_zero() {
                purse.take_back(rate, returned)?;
            }
            returned.negated()
        } else {
            let paid = purse.pay(rate, change)?;
            self.pay_as_you_go = self.pay_as_you_go.plus(change.minus(paid)?)?;
            paid
        };
        Ok(())
    }

    fn billable(&self) -> Result<Quantity, OutOfRange> {
        Ok(self.used.minus(self.allowance)?.max(Quantity::ZERO))
    }
}
