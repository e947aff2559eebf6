//! The walk up a meter's ladder: included quantity, then tiers, with each row a step.

use std::ops::Range;
use std::sync::Arc;

use crate::book::{PriceVersion, Unpriced};
use crate::decimal::{Money, OutOfRange, Percent, Quantity, UnitPrice};

use super::commitment::Draw;

/// What a row costs, or why it has no price.
#[derive(Debug, Clone, Copy)]
pub enum RowCharge<'a> {
    /// It has no price.
    Unpriced(Unpriced),
    /// It has.
    Priced {
        /// The version of the price.
        version: &'a Arc<PriceVersion>,
        /// What its quantity went into; they add up to the row.
        parts: &'a [Part],
        /// Sum of the parts before a commitment's discount.
        gross: Money,
        /// Sum of the parts.
        charge: Money,
    },
}

/// A part of a row: a quantity at one rate.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Part {
    /// What it went into.
    pub kind: PartKind,
    /// How much; below zero where the row takes back.
    pub quantity: Quantity,
    /// At the tier's rate.
    pub gross: Money,
    /// What is charged.
    pub amount: Money,
}

/// What a quantity can go into.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum PartKind {
    /// The quantity that is free in each period.
    Included,
    /// A commitment, which it draws from at the discounted base rate.
    Committed {
        /// The base rate.
        base: UnitPrice,
        /// The discount.
        discount: Percent,
        /// The rate less the discount.
        discounted: UnitPrice,
    },
    /// A tier of the price.
    Tier {
        /// Lower bound of the tier.
        from: Quantity,
        /// Price of each unit.
        rate: UnitPrice,
    },
}

impl<'a> RowCharge<'a> {
    pub(super) fn priced(
        version: &'a Arc<PriceVersion>,
        parts: &'a [Part],
    ) -> Result<Self, OutOfRange> {
        let gross = parts.iter().map(|part| part.gross).try_fold(Money::ZERO, Money::plus)?;
        let charge = parts.iter().map(|part| part.amount).try_fold(Money::ZERO, Money::plus)?;
        Ok(Self::Priced { version, parts, gross, charge })
    }
}

impl Part {
    pub(super) fn new(kind: PartKind, quantity: Quantity) -> Result<Self, OutOfRange> {
        let (gross, amount) = match kind {
            PartKind::Included => (Money::ZERO, Money::ZERO),
            PartKind::Tier { rate, .. } => {
                let amount = rate.times(quantity)?;
                (amount, amount)
            }
            PartKind::Committed { base, discounted, .. } => {
                (base.times(quantity)?, discounted.times(quantity)?)
            }
        };
        Ok(Self { kind, quantity, gross, amount })
    }
}

/// What a whole period's quantity costs at pay-as-you-go if one version of the price is in force
/// throughout it.
pub(super) fn ladder(
    version: &PriceVersion,
    allowance: Quantity,
    quantity: Quantity,
) -> Result<Money, OutOfRange> {
    let mut walk = Walk::new(allowance);
    let parts = walk.step(quantity, version, None)?;
    parts.iter().map(|part| part.amount).try_fold(Money::ZERO, Money::plus)
}

/// A place on the ladder.
pub(super) struct Walk {
    allowance: Quantity,
    used: Quantity,
    parts: Vec<Part>,
}

impl Walk {
    pub(super) fn new(allowance: Quantity) -> Self {
        Self { allowance, used: Quantity::ZERO, parts: Vec::new() }
    }

    pub(super) fn used(&self) -> Quantity {
        self.used
    }

    pub(super) fn billable(&self) -> Result<Quantity, OutOfRange> {
        Ok(self.used.minus(self.allowance)?.max(Quantity::ZERO))
    }

    /// Goes on by a quantity if each unit between here and there costs the same, and gives what it went into;
    /// else stays.
    pub(super) fn level_step(
        &mut self,
        quantity: Quantity,
        version: &PriceVersion,
    ) -> Result<Option<PartKind>, OutOfRange> {
        let after = self.used.plus(quantity)?;
        let billable = self.used.minus(self.allowance)?;
        let (is_level, kind) = if billable <= Quantity::ZERO {
            (after <= self.allowance, PartKind::Included)
        } else {
            let there = after.minus(self.allowance)?;
            let tiers = version.tiers.as_slice();
            let next = tiers.partition_point(|tier| tier.from <= billable);
            let tier = tiers[next - 1];
            let is_below_next = tiers.get(next).is_none_or(|next| there <= next.from);
            let kind = PartKind::Tier { from: tier.from, rate: tier.rate };
            (tier.from <= there && is_below_next, kind)
        };
        if is_level {
            self.used = after;
        }
        Ok(is_level.then_some(kind))
    }

    /// Goes on by a quantity, back if it is below zero, and gives what it went into.
    pub(super) fn step(
        &mut self,
        quantity: Quantity,
        version: &PriceVersion,
        draw: Option<Draw>,
    ) -> Result<&[Part], OutOfRange> {
        let before = self.billable()?;
        self.used = self.used.plus(quantity)?;
        let after = self.billable()?;
        self.parts.clear();
        let included = quantity.minus(after.minus(before)?)?;
        if !included.is_zero() {
            self.parts.push(Part::new(PartKind::Included, included)?);
        }
        let Some(Draw { kind: Some(kind), quantity, turn }) = draw else {
            self.add_tiers(before..after, version)?;
            return Ok(&self.parts);
        };
        let (turned, drawn) =
            turn.map_or((before, Quantity::ZERO), |turn| (turn.position, turn.drawn));
        self.add_drawn(before..turned, version, kind, drawn)?;
        self.add_drawn(turned..after, version, kind, quantity.minus(drawn)?)?;
        Ok(&self.parts)
    }

    /// What is drawn from a commitment comes before the tiers on the way up, and after them on the
    /// way back.
    fn add_drawn(
        &mut self,
        way: Range<Quantity>,
        version: &PriceVersion,
        kind: PartKind,
        drawn: Quantity,
    ) -> Result<(), OutOfRange> {
        if drawn.is_zero() {
            return self.add_tiers(way, version);
        }
        self.parts.push(Part::new(kind, drawn)?);
        let way = if drawn.is_negative() {
            way.start..way.end.minus(drawn)?
        } else {
            way.start.plus(drawn)?..way.end
        };
        self.add_tiers(way, version)
    }

    fn add_tiers(
        &mut self,
        way: Range<Quantity>,
        version: &PriceVersion,
    ) -> Result<(), OutOfRange> {
        for (tier, quantity) in version.tiers.parts(way.start, way.end) {
            let kind = PartKind::Tier { from: tier.from, rate: tier.rate };
            self.parts.push(Part::new(kind, quantity)?);
        }
        Ok(())
    }
}
