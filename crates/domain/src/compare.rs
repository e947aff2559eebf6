//! Why two bills differ: an exact sum of what is new, gone, and due to prices, quantities and mix.
//!
//! For a meter used in both, with L(q) what a quantity costs at a side's price in force where its
//! usage ends, after its own free quantity, at pay-as-you-go, and Q the side's priced quantity:
//!
//! ```text
//! price    = L_b(Q_b) - L_a(Q_b)
//! quantity = L_a(Q_b) - L_a(Q_a)
//! mix      = (charge_b - L_b(Q_b)) - (charge_a - L_a(Q_a))
//! ```
//!
//! Mix is what usage under other versions of the price or drawn from a commitment makes of it.
//! Nothing is divided, so the effects add up to the difference, to the last digit.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};

use crate::book::{Book, Unpriced};
use crate::decimal::{Money, OutOfRange, Quantity};
use crate::id::MeterId;
use crate::rate::{RateError, Rated, RatedMeter, Totals};
use crate::record::MeterDescription;
use crate::usage::Usage;

/// One of two bills.
#[derive(Debug, Clone, Copy)]
pub struct Side<'a> {
    /// The usage.
    pub usage: &'a Usage,
    /// What it costs.
    pub rated: &'a Rated,
    /// The prices and terms.
    pub book: &'a Book,
}

/// Why the second bill differs from the first.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Comparison {
    /// Every meter used in either, the largest difference first, equal ones in order of id.
    pub meters: Vec<MeterChange>,
    /// Lines of the subscription: credit, recurring, forfeited.
    pub terms: Vec<Effect>,
    /// Sums of the effects of meters and terms, by kind; every kind is there.
    pub effects: BTreeMap<EffectKind, Money>,
    /// Total of the first bill.
    pub total_a: Money,
    /// Total of the second bill.
    pub total_b: Money,
    /// Second less first: the sum of all effects.
    pub difference: Money,
}

/// Why a meter costs more or less.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MeterChange {
    /// The meter.
    pub meter: MeterId,
    /// Its names, from the second bill's rate card, else the first's, else from the record.
    pub description: MeterDescription,
    /// In the first bill; none if it was not used there.
    pub a: Option<MeterSide>,
    /// In the second bill; none if it was not used there.
    pub b: Option<MeterSide>,
    /// New or gone; or price, quantity and mix.
    pub effects: Vec<Effect>,
    /// Second charge less first: the sum of the effects.
    pub difference: Money,
}

/// A meter in one of the bills.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MeterSide {
    /// Priced quantity.
    pub quantity: Quantity,
    /// What it costs, before credit.
    pub charge: Money,
    /// Quantity without a price, by reason; it is in no amount, so the difference leaves it out.
    pub unpriced: BTreeMap<Unpriced, Quantity>,
}

/// A part of the difference.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Effect {
    /// Why.
    pub kind: EffectKind,
    /// By how much the second bill is higher for it; below zero if it is lower.
    pub amount: Money,
}

/// Why bills differ.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum EffectKind {
    /// Used in the second bill only.
    New,
    /// Used in the first bill only.
    Gone,
    /// Other rates or another free quantity; all of it where one side has no price.
    Price,
    /// More or less of it.
    Quantity,
    /// More or less of it under other versions of the price, or drawn from a commitment.
    Mix,
    /// More or less credit drawn.
    Credit,
    /// Other recurring charges.
    Recurring,
    /// More or less of a commitment forfeited.
    Forfeited,
}

impl EffectKind {
    /// Every kind, in the order in which they are shown.
    pub const ALL: [Self; 8] = [
        Self::New,
        Self::Gone,
        Self::Price,
        Self::Quantity,
        Self::Mix,
        Self::Credit,
        Self::Recurring,
        Self::Forfeited,
    ];
}

/// Compares two bills of one currency, which is for the caller to see to: other periods of a
/// subscription, other subscriptions, or other prices.
///
/// # Errors
/// [`RateError`] if a sum would not be exact.
///
/// # Panics
/// If a side's usage is not the one that was rated.
pub fn compare(a: &Side<'_>, b: &Side<'_>) -> Result<Comparison, RateError> {
    let used = |side: &Side<'_>| -> BTreeSet<_> { side.usage.meters().keys().copied().collect() };
    let meters = used(a).union(&used(b)).map(|id| change(*id, a, b)).collect::<Result<_, _>>();
    let mut meters: Vec<MeterChange> = meters?;
    meters.sort_by_key(|change| (Reverse(size(change.difference)), change.meter));
    let terms = terms(&a.rated.totals, &b.rated.totals)?;
    let mut effects: BTreeMap<_, _> =
        EffectKind::ALL.into_iter().map(|kind| (kind, Money::ZERO)).collect();
    for effect in meters.iter().flat_map(|change| &change.effects).chain(&terms) {
        let sum = effects.get_mut(&effect.kind).expect("every kind is there");
        *sum = sum.plus(effect.amount)?;
    }
    let (total_a, total_b) = (a.rated.totals.total, b.rated.totals.total);
    let difference = total_b.minus(total_a)?;
    let sum = effects.values().copied().try_fold(Money::ZERO, Money::plus)?;
    assert!(sum == difference, "effects of {sum} are not the difference {difference}");
    Ok(Comparison { meters, terms, effects, total_a, total_b, difference })
}

fn change(meter: MeterId, a: &Side<'_>, b: &Side<'_>) -> Result<MeterChange, RateError> {
    let in_a = a.of_meter(meter);
    let in_b = b.of_meter(meter);
    let effects = effects(in_a, in_b).map_err(|OutOfRange| RateError::Meter(meter))?;
    let charge = |side: Option<&RatedMeter>| side.map_or(Money::ZERO, |side| side.charge);
    let difference = charge(in_b).minus(charge(in_a))?;
    let sum = effects.iter().map(|effect| effect.amount).try_fold(Money::ZERO, Money::plus)?;
    assert!(sum == difference, "effects on meter {meter} are {sum}, not {difference}");
    let listed = [b, a].into_iter().find_map(|side| side.book.list.meter(meter));
    let description = listed.map(|listed| &listed.description).or_else(|| {
        let used = [b, a].into_iter().find_map(|side| side.usage.meters().get(&meter));
        used.map(|used| used.description())
    });
    Ok(MeterChange {
        meter,
        description: description.expect("the meter was used on one side").clone(),
        a: in_a.map(MeterSide::of),
        b: in_b.map(MeterSide::of),
        effects,
        difference,
    })
}

fn effects(a: Option<&RatedMeter>, b: Option<&RatedMeter>) -> Result<Vec<Effect>, OutOfRange> {
    let effect = |kind, amount| Effect { kind, amount };
    match (a, b) {
        (Some(a), Some(b)) => {
            let [price, quantity, mix] = in_both(a, b)?;
            Ok(vec![
                effect(EffectKind::Price, price),
                effect(EffectKind::Quantity, quantity),
                effect(EffectKind::Mix, mix),
            ])
        }
        (None, Some(b)) => Ok(vec![effect(EffectKind::New, b.charge)]),
        (Some(a), None) => Ok(vec![effect(EffectKind::Gone, a.charge.negated())]),
        (None, None) => Ok(vec![]),
    }
}

/// The effects of price, quantity and mix on a meter used in both.
fn in_both(a: &RatedMeter, b: &RatedMeter) -> Result<[Money; 3], OutOfRange> {
    let prices =
        (a.at_last_price(a.quantity)?, a.at_last_price(b.quantity)?, b.at_last_price(b.quantity)?);
    let (Some(before), Some(between), Some(after)) = prices else {
        // Without a price on one side there is no ladder to move along.
        return Ok([b.charge.minus(a.charge)?, Money::ZERO, Money::ZERO]);
    };
    let mix = b.charge.minus(after)?.minus(a.charge.minus(before)?)?;
    Ok([after.minus(between)?, between.minus(before)?, mix])
}

fn terms(a: &Totals, b: &Totals) -> Result<Vec<Effect>, OutOfRange> {
    let amounts = [
        (EffectKind::Credit, a.credit.minus(b.credit)?), // credit takes off
        (EffectKind::Recurring, b.recurring.minus(a.recurring)?),
        (EffectKind::Forfeited, b.forfeited.minus(a.forfeited)?),
    ];
    Ok(amounts.into_iter().map(|(kind, amount)| Effect { kind, amount }).collect())
}

fn size(amount: Money) -> Money {
    if amount.is_negative() { amount.negated() } else { amount }
}

impl<'a> Side<'a> {
    fn of_meter(&self, meter: MeterId) -> Option<&'a RatedMeter> {
        let used = self.usage.meters().contains_key(&meter);
        used.then(|| self.rated.meters.get(&meter).expect("every meter of the usage was rated"))
    }
}

impl MeterSide {
    fn of(rated: &RatedMeter) -> Self {
        let RatedMeter { quantity, charge, unpriced, .. } = rated;
        Self { quantity: *quantity, charge: *charge, unpriced: unpriced.clone() }
    }
}

#[cfg(test)]
mod tests;
