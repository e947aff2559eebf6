//! Offer terms of one period: which of them count, and what credits take off.

use std::collections::BTreeMap;

use num_rational::BigRational;
use num_traits::{Signed, Zero};

use super::prices::{counts, described};
use crate::calendar::Period;
use crate::case::{Card, Case, Term, Terms};

/// A commitment of the subscription, with the discount that it earns.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Committed<'a> {
    pub(super) amount: BigRational,
    pub(super) percent: BigRational,
    term: &'a Term,
}

impl Committed<'_> {
    /// Whether this meter may draw from it.
    pub(super) fn covers(&self, case: &Case, meter: u32, period: &Period) -> bool {
        covers(case, self.term, meter, period)
    }
}

/// The commitment of a period, if the subscription has one and the offer rewards it.
pub(super) fn committed<'a>(case: &'a Case, period: &Period) -> Option<Committed<'a>> {
    let in_force = case.commitments.iter().filter(|one| one.from <= period.start);
    let amount = in_force.max_by_key(|one| one.from)?.amount.value();
    if amount.is_zero() {
        return None;
    }
    let terms = in_force_of(case, period, |terms| matches!(terms, Terms::Commitment(_)));
    // Of equals, `max_by_key` gives the last.
    let term = terms.into_iter().max_by_key(|term| term.from)?;
    let Terms::Commitment(levels) = &term.terms else { return None };
    let reached = levels.iter().filter(|(level, _)| level.value() <= amount);
    let best = reached.max_by_key(|(level, _)| level.value());
    let percent = best.map_or_else(BigRational::zero, |(_, percent)| percent.value().clone());
    Some(Committed { amount: amount.clone(), percent, term })
}

/// The sum of the recurring charges of a period.
pub(super) fn recurring(case: &Case, period: &Period) -> BigRational {
    let terms = in_force_of(case, period, |terms| matches!(terms, Terms::Recurring(_)));
    let amounts = terms.into_iter().map(|term| match &term.terms {
        Terms::Recurring(amount) => amount.value().clone(),
        _ => BigRational::zero(),
    });
    amounts.sum()
}

/// What the credits of a period take off these charges, by meter: one credit after the other, each
/// off what those before it left, and off the meters in order.
pub(super) fn credit(
    case: &Case,
    period: &Period,
    mut charges: BTreeMap<u32, BigRational>,
) -> BigRational {
    let mut taken = BigRational::zero();
    for term in in_force_of(case, period, |terms| matches!(terms, Terms::Credit(_))) {
        let Terms::Credit(amount) = &term.terms else { continue };
        let coverable = |meter: &u32| covers(case, term, *meter, period);
        let coverable: Vec<u32> = charges.keys().copied().filter(coverable).collect();
        let sum: BigRational = coverable.iter().map(|meter| charges[meter].clone()).sum();
        let mut left = sum.max(BigRational::zero()).min(amount.value().clone());
        taken += &left;
        for meter in coverable {
            let charge = charges.get_mut(&meter).expect("the meter is one of them");
            if charge.is_positive() {
                let part = left.clone().min(charge.clone());
                *charge -= &part;
                left -= part;
            }
        }
        assert!(left.is_zero(), "a credit took more off than was charged");
    }
    taken
}

fn covers(case: &Case, term: &Term, meter: u32, period: &Period) -> bool {
    let third_party = described(case, meter, period).is_some_and(|one| one.third_party);
    !third_party && !term.except.contains(&meter)
}

/// Terms of a kind that count in this period: of the latest card that counts there, or of the latest
/// one before that which has some in force, as long as each has the kind at all. Where no card
/// counts, those of the first.
fn in_force_of<'a>(case: &'a Case, period: &Period, kind: fn(&Terms) -> bool) -> Vec<&'a Term> {
    let mut cards: Vec<&Card> = case.cards.iter().filter(|card| counts(card, period)).collect();
    if cards.is_empty() {
        cards.extend(case.cards.first());
    }
    for card in cards.into_iter().rev() {
        let mut of_kind = card.terms.iter().filter(|term| kind(&term.terms)).peekable();
        if of_kind.peek().is_none() {
            return Vec::new();
        }
        let in_force: Vec<&Term> = of_kind.filter(|term| term.from <= period.start).collect();
        if !in_force.is_empty() {
            return in_force;
        }
    }
    Vec::new()
}
