//! The Monetary Commitment: usage draws on the amount committed to, at the discounted base rate, in
//! the order in which it happened; what no usage draws is forfeited.
//!
//! Rows of one meter that start at one moment draw together, as their sum: what a row takes back at
//! its own moment was never drawn, and their order among themselves changes no total.

use std::collections::BTreeMap;

use crate::book::{Book, PriceVersion};
use crate::catalogue::{OfferTerm, TermKind};
use crate::decimal::{Money, OutOfRange, Percent, Quantity, UnitPrice};
use crate::id::MeterId;
use crate::period::BillingPeriod;
use crate::time::UtcTime;
use crate::usage::{MeterUsage, Usage, UsageRow};

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

/// What the rows of a meter drew from the commitment.
#[derive(Debug, Clone)]
pub(super) struct Draws {
    /// What is drawn under the price of each segment; none where there is no price.
    kinds: Vec<Option<PartKind>>,
    /// By row; below zero where it gave back.
    rows: Vec<Quantity>,
    turns: BTreeMap<usize, Turn>,
}

/// What one row drew.
#[derive(Debug, Clone, Copy)]
pub(super) struct Draw {
    /// At which rate; none where there is no price.
    pub(super) kind: Option<PartKind>,
    pub(super) quantity: Quantity,
    pub(super) turn: Option<Turn>,
}

/// Where within a row the rows of its moment, taken together, turn from taking back to using, or
/// from using to taking back.
#[derive(Debug, Clone, Copy)]
pub(super) struct Turn {
    /// The billable quantity there.
    pub(super) position: Quantity,
    /// What of the row's draw lies before it.
    pub(super) drawn: Quantity,
}

impl Draws {
    /// A meter that has drawn nothing yet.
    fn new(meter: &RatedMeter, discount: Percent) -> Result<Self, OutOfRange> {
        let kinds = meter.segments.iter().map(|segment| {
            let version = segment.price.as_ref().ok();
            version.map(|version| committed(version, discount)).transpose()
        });
        let rows = meter.segments.last().map_or(0, |segment| segment.rows.end);
        let kinds = kinds.collect::<Result<_, _>>()?;
        Ok(Self { kinds, rows: vec![Quantity::ZERO; rows], turns: BTreeMap::new() })
    }

    /// What a row of a segment drew.
    pub(super) fn of_row(&self, segment: usize, row: usize) -> Draw {
        let turn = self.turns.get(&row).copied();
        Draw { kind: self.kinds[segment], quantity: self.rows[row], turn }
    }
}

/// Lets the eligible usage draw on the commitment, and sums its meters anew.
pub(super) fn draw(
    usage: &Usage,
    book: &Book,
    meters: &mut BTreeMap<MeterId, RatedMeter>,
) -> Result<Option<CommitmentDrawn>, RateError> {
    let Some(committed) = book.commitment.filter(|amount| *amount > Money::ZERO) else {
        return Ok(None);
    };
    let Some(term) = term(book, usage.period()) else { return Ok(None) };
    let OfferTerm::MonetaryCommitment { tiered_discount, excluded, effective } = term else {
        return Ok(None);
    };
    let reached = tiered_discount.iter().rfind(|(level, _)| *level <= committed);
    let percent = reached.map_or(Percent::default(), |(_, percent)| *percent);

    let eligible =
        meters.iter().filter(|(id, _)| !book.is_excluded(**id, excluded, usage.period()));
    let places = eligible.map(|(id, meter)| Place::new(*id, meter, &usage.meters()[id], percent));
    let mut places: Vec<Place<'_>> = places.collect::<Result<_, _>>()?;
    let mut purse = Purse { left: committed, crumbs: Money::ZERO, is_exhausted: false };
    for (position, row) in in_order(&places) {
        let place = &mut places[position];
        place.draw(row, &mut purse).map_err(|OutOfRange| RateError::Meter(place.id))?;
    }
    let drawn: Vec<_> = places.into_iter().map(|place| (place.id, place.draws)).collect();
    for (id, draws) in drawn {
        let meter = meters.remove(&id).expect("places are made of meters");
        let meter = RatedMeter { draws: Some(draws), ..meter };
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

/// What is drawn under a version of a price.
fn committed(version: &PriceVersion, discount: Percent) -> Result<PartKind, OutOfRange> {
    let base = version.tiers.base().rate;
    let discounted = base.changed_by(discount.negated())?;
    Ok(PartKind::Committed { base, discount, discounted })
}

/// Rows of the places in the order in which they draw: usage start, meter, order of rows.
fn in_order(places: &[Place<'_>]) -> Vec<(usize, usize)> {
    let rows = places.iter().enumerate().flat_map(|(position, place)| {
        let rows = place.rows.iter().enumerate();
        rows.map(move |(row, usage)| (usage.window.start(), position, row))
    });
    let mut rows: Vec<_> = rows.collect();
    rows.sort_unstable();
    rows.into_iter().map(|(_, position, row)| (position, row)).collect()
}

/// What is left of the amount.
#[derive(Debug, Clone, Copy)]
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
        // Mostly it can pay for all of it, which is found without a division.
        if let Ok(cost) = rate.times(wanted)
            && cost <= self.left
        {
            self.left = self.left.minus(cost)?;
            self.is_exhausted = self.left.is_zero();
            return Ok(wanted);
        }
        let paid = rate.paid_for_by(self.left, wanted);
        let crumb = self.left.minus(rate.times(paid)?)?;
        self.crumbs = self.crumbs.plus(crumb)?;
        (self.left, self.is_exhausted) = (Money::ZERO, true);
        Ok(paid)
    }

    fn take_back(&mut self, rate: UnitPrice, quantity: Quantity) -> Result<(), OutOfRange> {
        self.left = self.left.plus(rate.times(quantity)?)?;
        self.is_exhausted = self.left.is_zero();
        Ok(())
    }
}

/// Where a meter stands while the rows of all meters draw in turn.
struct Place<'a> {
    id: MeterId,
    meter: &'a RatedMeter,
    rows: &'a [UsageRow],
    used: Quantity,
    pay_as_you_go: Quantity,
    /// The segment of the row at hand.
    segment: usize,
    moment: Option<Moment>,
    draws: Draws,
}

/// How things stood before the first row of a moment, and what its rows have drawn since.
struct Moment {
    start: UtcTime,
    position: Quantity,
    pay_as_you_go: Quantity,
    purse: Purse,
    drawn: Quantity,
}

impl<'a> Place<'a> {
    fn new(
        id: MeterId,
        meter: &'a RatedMeter,
        usage: &'a MeterUsage,
        discount: Percent,
    ) -> Result<Self, RateError> {
        let draws = Draws::new(meter, discount).map_err(|OutOfRange| RateError::Meter(id))?;
        Ok(Self {
            id,
            meter,
            rows: usage.rows(),
            used: Quantity::ZERO,
            pay_as_you_go: Quantity::ZERO,
            segment: 0,
            moment: None,
            draws,
        })
    }

    fn draw(&mut self, row: usize, purse: &mut Purse) -> Result<(), OutOfRange> {
        while !self.meter.segments[self.segment].rows.contains(&row) {
            self.segment += 1;
        }
        let kind = self.draws.kinds[self.segment];
        let Some(rate) = kind.and_then(PartKind::rate) else { return Ok(()) };
        let UsageRow { window, quantity, .. } = &self.rows[row];
        let before = self.billable()?;
        self.used = self.used.plus(*quantity)?;
        let after = self.billable()?;

        let current = self.moment.take().filter(|moment| moment.start == window.start());
        let mut moment = current.unwrap_or(Moment {
            start: window.start(),
            position: before,
            pay_as_you_go: self.pay_as_you_go,
            purse: *purse,
            drawn: Quantity::ZERO,
        });
        // The rows of the moment so far draw anew, with this one.
        *purse = moment.purse;
        let change = after.minus(moment.position)?;
        let drawn = if change.is_negative() {
            let back = change.negated();
            let returned = back.minus(back.min(moment.pay_as_you_go))?;
            if !returned.is_zero() {
                purse.take_back(rate, returned)?;
            }
            returned.negated()
        } else {
            purse.pay(rate, change)?
        };
        self.pay_as_you_go = moment.pay_as_you_go.plus(change.minus(drawn)?)?;
        self.draws.rows[row] = drawn.minus(moment.drawn)?;
        if before.min(after) < moment.position && moment.position < before.max(after) {
            let turn = Turn { position: moment.position, drawn: moment.drawn.negated() };
            self.draws.turns.insert(row, turn);
        }
        moment.drawn = drawn;
        self.moment = Some(moment);
        Ok(())
    }

    fn billable(&self) -> Result<Quantity, OutOfRange> {
        Ok(self.used.minus(self.meter.allowance)?.max(Quantity::ZERO))
    }
}
