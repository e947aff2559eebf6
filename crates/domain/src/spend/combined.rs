//! Spend of several subscriptions in one currency, brought together. Each is rated by itself: what one
//! uses never changes what another pays.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;

use super::{Amounts, GroupKey, Spend, SpendGroup, SpendMeter, SpendTotals, UnpricedUsage};
use crate::book::Unpriced;
use crate::decimal::{OutOfRange, Quantity};
use crate::id::{MeterId, SubscriptionId};

/// What several subscriptions spent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CombinedSpend {
    /// Groups in the order of their subscriptions, where these are told apart, and keys.
    pub groups: Vec<CombinedGroup>,
    /// Every meter with priced usage.
    pub meters: BTreeMap<MeterId, SpendMeter>,
    /// Usage without a price, which is in no amount.
    pub unpriced: Vec<UnpricedUsage>,
    /// The sums. Lines of subscriptions, such as credit, are in them and in no group.
    pub totals: SpendTotals,
}

/// What one group cost.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CombinedGroup {
    /// Whose, if subscriptions are told apart.
    pub subscription: Option<SubscriptionId>,
    /// The group.
    pub group: SpendGroup,
}

/// Brings spend together, subscription by subscription.
#[derive(Debug)]
pub struct Combining {
    by_subscription: bool,
    groups: BTreeMap<(Option<SubscriptionId>, GroupKey), (Amounts, Meter)>,
    meters: BTreeMap<MeterId, SpendMeter>,
    unpriced: BTreeMap<(MeterId, Unpriced), UnpricedUsage>,
    totals: SpendTotals,
}

/// The one meter of a group, and how much of it; none if there are several.
type Meter = Option<(MeterId, Quantity)>;

impl Combining {
    /// Nothing yet.
    #[must_use]
    pub fn new(by_subscription: bool) -> Self {
        Self {
            by_subscription,
            groups: BTreeMap::new(),
            meters: BTreeMap::new(),
            unpriced: BTreeMap::new(),
            totals: SpendTotals::default(),
        }
    }

    /// How many groups there are so far.
    #[must_use]
    pub fn groups(&self) -> usize {
        self.groups.len()
    }

    /// Adds what a subscription spent, in the currency of the others, grouped as they are.
    ///
    /// # Errors
    /// [`OutOfRange`] if a sum would not be exact.
    pub fn add(&mut self, subscription: SubscriptionId, spend: Spend) -> Result<(), OutOfRange> {
        let subscription = self.by_subscription.then_some(subscription);
        for SpendGroup { key, amounts, meter } in spend.groups {
            match self.groups.entry((subscription, key)) {
                Entry::Vacant(vacant) => drop(vacant.insert((amounts, meter))),
                Entry::Occupied(occupied) => {
                    let (sum, known) = occupied.into_mut();
                    *sum = sum.plus(amounts)?;
                    *known = match (*known, meter) {
                        (Some((id, sum)), Some((other, more))) if id == other => {
                            Some((id, sum.plus(more)?))
                        }
                        _ => None,
                    };
                }
            }
        }
        for (id, meter) in spend.meters {
            match self.meters.entry(id) {
                Entry::Vacant(vacant) => drop(vacant.insert(meter)),
                Entry::Occupied(occupied) => {
                    let sum = occupied.into_mut();
                    sum.quantity = sum.quantity.plus(meter.quantity)?;
                    sum.charge = sum.charge.plus(meter.charge)?;
                    sum.description = std::mem::take(&mut sum.description).max(meter.description);
                }
            }
        }
        for line in spend.unpriced {
            match self.unpriced.entry((line.meter, line.reason)) {
                Entry::Vacant(vacant) => drop(vacant.insert(line)),
                Entry::Occupied(occupied) => {
                    let sum = occupied.into_mut();
                    sum.quantity = sum.quantity.plus(line.quantity)?;
                    sum.description = std::mem::take(&mut sum.description).max(line.description);
                }
            }
        }
        self.totals = self.totals.plus(spend.totals)?;
        Ok(())
    }

    /// All of it.
    #[must_use]
    pub fn finish(self) -> CombinedSpend {
        let groups = self.groups.into_iter().map(|((subscription, key), (amounts, meter))| {
            CombinedGroup { subscription, group: SpendGroup { key, amounts, meter } }
        });
        CombinedSpend {
            groups: groups.collect(),
            meters: self.meters,
            unpriced: self.unpriced.into_values().collect(),
            totals: self.totals,
        }
    }
}

impl Amounts {
    fn plus(self, other: Self) -> Result<Self, OutOfRange> {
        Ok(Self {
            gross: self.gross.plus(other.gross)?,
            discount: self.discount.plus(other.discount)?,
            charge: self.charge.plus(other.charge)?,
            credit: self.credit.plus(other.credit)?,
            shared: self.shared.plus(other.shared)?,
        })
    }
}

impl SpendTotals {
    fn plus(self, other: Self) -> Result<Self, OutOfRange> {
        Ok(Self {
            gross: self.gross.plus(other.gross)?,
            discount: self.discount.plus(other.discount)?,
            charges: self.charges.plus(other.charges)?,
            credit: self.credit.plus(other.credit)?,
            forfeited: self.forfeited.plus(other.forfeited)?,
            recurring: self.recurring.plus(other.recurring)?,
            net: self.net.plus(other.net)?,
        })
    }
}
