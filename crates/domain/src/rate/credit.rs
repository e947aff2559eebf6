//! The Monetary Credit: an amount per period that covers pay-as-you-go usage, up to its sum. What is
//! left of it is not carried over.

use std::collections::{BTreeMap, BTreeSet};

use crate::book::Book;
use crate::catalogue::{OfferTerm, TermKind};
use crate::decimal::{Money, OutOfRange};
use crate::id::MeterId;
use crate::time::UtcTime;
use crate::usage::Usage;

use super::walk::{PartKind, RowCharge};
use super::{RateError, Rated};

/// What became of a credit in a billing period.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CreditDrawn {
    /// The amount of the credit.
    pub credit: Money,
    /// From when the term applies.
    pub effective: UtcTime,
    /// What it could cover: pay-as-you-go usage of its meters, less what credits before it cover.
    pub eligible: Money,
    /// What it covers of the usage.
    pub drawn: Money,
    /// The meters of the period that it covers.
    pub meters: BTreeSet<MeterId>,
}

/// Draws every credit in force, in the order of the card.
pub(super) fn draw(
    usage: &Usage,
    book: &Book,
    rated: &Rated,
) -> Result<Vec<CreditDrawn>, RateError> {
    let terms = book.list.terms(TermKind::MonetaryCredit, usage.period());
    let credits = terms.into_iter().filter_map(|term| match term {
        OfferTerm::MonetaryCredit { credit, excluded, effective } => {
            let covered =
                rated.meters.keys().filter(|id| !book.is_excluded(**id, excluded, usage.period()));
            let meters = covered.copied().collect();
            Some(CreditDrawn {
                credit: *credit,
                effective: *effective,
                eligible: Money::ZERO,
                drawn: Money::ZERO,
                meters,
            })
        }
        _ => None,
    });
    let mut credits: Vec<_> = credits.collect();
    if let [only] = credits.as_mut_slice() {
        for id in &only.meters {
            only.eligible = only.eligible.plus(rated.meters[id].pay_as_you_go()?)?;
        }
        only.drawn = only.eligible.min(only.credit).max(Money::ZERO);
    } else if !credits.is_empty() {
        // Where meters differ, what the first one leaves to the next depends on the rows.
        let of_rows = allocate(usage, rated, &credits)?;
        for (credit, Allocated { eligible, drawn, .. }) in credits.iter_mut().zip(of_rows) {
            (credit.eligible, credit.drawn) = (eligible, drawn);
        }
    }
    Ok(credits)
}

/// What the credits together cover of each row.
pub(super) fn of_rows(
    usage: &Usage,
    rated: &Rated,
) -> Result<BTreeMap<MeterId, Vec<Money>>, RateError> {
    let mut together = BTreeMap::new();
    for (id, meter) in usage.meters() {
        together.insert(*id, vec![Money::ZERO; meter.rows().len()]);
    }
    for of_one in allocate(usage, rated, &rated.credits)? {
        for (id, rows) in of_one.rows {
            let sums = together.get_mut(&id).expect("every meter is there");
            for (sum, covered) in sums.iter_mut().zip(rows) {
                *sum = sum.plus(covered)?;
            }
        }
    }
    Ok(together)
}

/// What one credit covers of the rows of its meters.
struct Allocated {
    rows: BTreeMap<MeterId, Vec<Money>>,
    eligible: Money,
    drawn: Money,
}

/// What each credit covers of each row of its meters. The first covers what it can; the next sees
/// what is left.
fn allocate(
    usage: &Usage,
    rated: &Rated,
    credits: &[CreditDrawn],
) -> Result<Vec<Allocated>, RateError> {
    if credits.is_empty() {
        return Ok(vec![]);
    }
    let mut open = pay_as_you_go_of_rows(usage, rated)?;
    let mut order: Vec<_> = Vec::new();
    for (id, meter) in usage.meters() {
        let rows = meter.rows().iter().enumerate();
        order.extend(rows.map(|(row, usage)| (usage.window.start(), *id, row)));
    }
    order.sort_unstable();
    let mut allocated = Vec::with_capacity(credits.len());
    for credit in credits {
        let covers = |id: &&MeterId| credit.meters.contains(id);
        let of_meters = usage.meters().keys().filter(covers);
        let mut rows: BTreeMap<MeterId, Vec<Money>> =
            of_meters.map(|id| (*id, vec![Money::ZERO; open[id].len()])).collect();
        let (mut eligible, mut drawn) = (Money::ZERO, Money::ZERO);
        for (_, id, row) in &order {
            let Some(covered_rows) = rows.get_mut(id) else { continue };
            let charge = &mut open.get_mut(id).expect("every meter is there")[*row];
            eligible = eligible.plus(*charge)?;
            let now = eligible.min(credit.credit).max(Money::ZERO);
            covered_rows[*row] = now.minus(drawn)?;
            *charge = charge.minus(covered_rows[*row])?;
            drawn = now;
        }
        allocated.push(Allocated { rows, eligible, drawn });
    }
    Ok(allocated)
}

fn pay_as_you_go_of_rows(
    usage: &Usage,
    rated: &Rated,
) -> Result<BTreeMap<MeterId, Vec<Money>>, RateError> {
    let mut charges = BTreeMap::new();
    for (id, meter) in usage.meters() {
        let mut of_meter = Vec::with_capacity(meter.rows().len());
        rated.each_row(*id, meter, |_, charge| {
            of_meter.push(pay_as_you_go(&charge)?);
            Ok(())
        })?;
        charges.insert(*id, of_meter);
    }
    Ok(charges)
}

fn pay_as_you_go(charge: &RowCharge<'_>) -> Result<Money, OutOfRange> {
    let RowCharge::Priced { parts, .. } = charge else { return Ok(Money::ZERO) };
    let tiers = parts.iter().filter(|part| matches!(part.kind, PartKind::Tier { .. }));
    tiers.map(|part| part.amount).try_fold(Money::ZERO, Money::plus)
}
