//! Shared cost: the net amount of one group split over the others, with parts that add up.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::decimal::{Money, OutOfRange};
use crate::time::UtcTime;

use super::{Amounts, GroupKey, KeyPart, Spend, SpendGroup};

/// Which group is shared, and how.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SharedCost {
    /// Its value of the first dimension, compared without case; none for usage without a value.
    pub value: Option<String>,
    /// How it is split over the others.
    pub shares: Shares,
}

/// How a shared cost is split.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Shares {
    /// In equal parts.
    Even,
    /// By what the other groups cost themselves; in equal parts if none costs anything.
    Proportional,
    /// By fixed weights of groups, by name; a group without usage of its own appears.
    Fixed(Vec<(String, Money)>),
}

impl Spend {
    /// Splits the net amount of the shared group over the other groups of each step of time.
    ///
    /// Parts are whole units of `places` decimal places and go by largest remainders; what is smaller
    /// than a unit stays with one part. The shared group's own amount becomes nothing, so the total
    /// stays. Where there is no other group it stays where it is. Says whether the shared group is
    /// there at all.
    ///
    /// # Errors
    /// [`OutOfRange`] if a sum would not be exact.
    ///
    /// # Panics
    /// If spend is not grouped by a dimension.
    pub fn split(&mut self, shared: &SharedCost, places: u32) -> Result<bool, OutOfRange> {
        let value = shared.value.as_deref();
        let is_there = self.groups.iter().any(|group| is_named(group, value));
        let mut by_start: BTreeMap<Option<UtcTime>, Vec<SpendGroup>> = BTreeMap::new();
        for group in std::mem::take(&mut self.groups) {
            by_start.entry(group.key.start).or_default().push(group);
        }
        for (start, mut groups) in by_start {
            split_step(start, &mut groups, shared, places)?;
            self.groups.append(&mut groups);
        }
        self.groups.sort_by(|a, b| a.key.cmp(&b.key));
        Ok(is_there)
    }
}

fn split_step(
    start: Option<UtcTime>,
    groups: &mut Vec<SpendGroup>,
    shared: &SharedCost,
    places: u32,
) -> Result<(), OutOfRange> {
    let (mut givers, mut takers): (Vec<_>, Vec<_>) =
        groups.drain(..).partition(|group| is_named(group, shared.value.as_deref()));
    let mut amount = Money::ZERO;
    for giver in &givers {
        amount = amount.plus(giver.amounts.net()?)?;
    }
    if let Shares::Fixed(weights) = &shared.shares
        && !givers.is_empty()
    {
        for (name, _) in weights {
            let is_shared = givers.iter().any(|group| is_named(group, Some(name)));
            if !is_shared && !takers.iter().any(|group| is_named(group, Some(name))) {
                takers.push(empty(start, name));
            }
        }
    }
    if !givers.is_empty() && !takers.is_empty() {
        let weights = takers.iter().map(|taker| weight(taker, &takers, &shared.shares));
        let weights: Vec<_> = weights.collect::<Result<_, _>>()?;
        for (taker, part) in takers.iter_mut().zip(amount.split(&weights, places)?) {
            taker.amounts.shared = taker.amounts.shared.plus(part)?;
        }
        for giver in &mut givers {
            giver.amounts.shared = giver.amounts.shared.minus(giver.amounts.net()?)?;
        }
    }
    groups.append(&mut givers);
    groups.append(&mut takers);
    Ok(())
}

/// Of several groups with one name (further dimensions tell them apart) the first one takes a fixed
/// share.
fn weight(taker: &SpendGroup, takers: &[SpendGroup], shares: &Shares) -> Result<Money, OutOfRange> {
    match shares {
        Shares::Even => Ok(Money::ZERO), // weights of zero are equal
        Shares::Proportional => taker.amounts.net(),
        Shares::Fixed(weights) => {
            let found = weights.iter().find(|(name, _)| is_named(taker, Some(name)));
            let first = |name: &str| takers.iter().find(|group| is_named(group, Some(name)));
            Ok(match found {
                Some((name, weight)) if first(name).is_some_and(|first| first.key == taker.key) => {
                    *weight
                }
                _ => Money::ZERO,
            })
        }
    }
}

fn is_named(group: &SpendGroup, name: Option<&str>) -> bool {
    let part = group.key.parts.first().expect("shared cost is split over groups of a dimension");
    match (&part.value, name) {
        (Some(value), Some(name)) => value.to_lowercase() == name.to_lowercase(),
        (None, None) => true,
        _ => false,
    }
}

fn empty(start: Option<UtcTime>, name: &str) -> SpendGroup {
    let part = KeyPart { value: Some(Arc::from(name)), is_inherited: false };
    let key = GroupKey { start, parts: vec![part] };
    SpendGroup { key, amounts: Amounts::default(), meter: None }
}
