//! Spend: rated usage of a range of time, grouped. Groups add up to the total, to the last digit.

use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::Arc;

use crate::catalogue::Book;
use crate::decimal::{Money, OutOfRange, Quantity};
use crate::id::MeterId;
use crate::rate::{RateError, Rated, Unpriced};
use crate::record::{Instance, MeterDescription};
use crate::time::{Date, UtcTime};
use crate::usage::{MeterUsage, Usage, UsageRow};

/// What spend is grouped by.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum GroupBy {
    /// Each meter.
    Meter,
    /// The meter's category.
    Category,
    /// The day of the usage start.
    Day,
    /// The resource group in the resource URI.
    ResourceGroup,
    /// The value of the tag of this name.
    Tag(String),
}

/// A group's name. `None` inside is usage that has none: no category, no group, untagged.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum GroupKey {
    /// Each meter.
    Meter(MeterId),
    /// The meter's category, from the rate card, else from the record.
    Category(Option<Arc<str>>),
    /// The day of the usage start.
    Day(Date),
    /// The resource group, in lower case.
    ResourceGroup(Option<String>),
    /// The tag's value.
    Tag(Option<String>),
}

/// What one group cost.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SpendGroup {
    /// Its name.
    pub key: GroupKey,
    /// Sum of its rows' charges.
    pub charge: Money,
}

/// A meter in the spend: how much of it was priced, and for how much.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SpendMeter {
    /// The meter's names, from the rate card, else from the record.
    pub description: MeterDescription,
    /// Priced quantity.
    pub quantity: Quantity,
    /// Its charge.
    pub charge: Money,
}

/// Usage of a meter that has no price.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UnpricedUsage {
    /// The meter.
    pub meter: MeterId,
    /// What the source called it.
    pub description: MeterDescription,
    /// How much of it.
    pub quantity: Quantity,
    /// Why it has no price.
    pub reason: Unpriced,
}

/// What a range of time cost.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Spend {
    /// Groups in order of their names.
    pub groups: Vec<SpendGroup>,
    /// Every meter with priced usage.
    pub meters: BTreeMap<MeterId, SpendMeter>,
    /// Usage without a price, which is in no group's charge.
    pub unpriced: Vec<UnpricedUsage>,
    /// Sum of the groups.
    pub total: Money,
}

/// Groups the charges of the rows whose usage starts in `range`.
///
/// `rated` holds each billing period that the range touches, whole: a row's charge depends on what
/// its period used before it.
///
/// # Errors
/// [`RateError`] if a sum would not be exact.
pub fn spend(
    rated: &[(Usage, Rated)],
    book: &Book,
    range: &Range<UtcTime>,
    group_by: &GroupBy,
) -> Result<Spend, RateError> {
    let mut sums = Sums::default();
    for (usage, rated) in rated {
        for (id, meter) in usage.meters() {
            let charges = &rated.meters[id].rows;
            assert!(meter.rows().len() == charges.len(), "meter {id} was rated with other rows");
            let context = MeterContext::new(*id, meter, usage, book);
            for (row, charge) in meter.rows().iter().zip(charges) {
                if range.contains(&row.window.start()) {
                    sums.add(&context, row, *charge, group_by)
                        .map_err(|OutOfRange| RateError { meter: *id })?;
                }
            }
        }
    }
    Ok(sums.finish())
}

/// What grouping needs to know of a meter, found once for all its rows.
struct MeterContext<'a> {
    id: MeterId,
    description: &'a MeterDescription,
    usage: &'a Usage,
}

impl<'a> MeterContext<'a> {
    fn new(id: MeterId, meter: &'a MeterUsage, usage: &'a Usage, book: &'a Book) -> Self {
        let on_card = book.meter(id).map(|meter| &meter.description);
        Self { id, description: on_card.unwrap_or(meter.description()), usage }
    }

    fn key(&self, row: &UsageRow, group_by: &GroupBy) -> GroupKey {
        let instance = || -> &Instance { self.usage.instance(row.instance) };
        match group_by {
            GroupBy::Meter => GroupKey::Meter(self.id),
            GroupBy::Category => GroupKey::Category(self.description.category.clone()),
            GroupBy::Day => GroupKey::Day(row.window.start().date()),
            GroupBy::ResourceGroup => {
                GroupKey::ResourceGroup(instance().resource_group().map(str::to_lowercase))
            }
            GroupBy::Tag(name) => GroupKey::Tag(instance().tag(name).map(str::to_owned)),
        }
    }
}

#[derive(Default)]
struct Sums {
    groups: BTreeMap<GroupKey, Money>,
    meters: BTreeMap<MeterId, SpendMeter>,
    unpriced: BTreeMap<(MeterId, Unpriced), UnpricedUsage>,
    total: Money,
}

impl Sums {
    fn add(
        &mut self,
        context: &MeterContext<'_>,
        row: &UsageRow,
        charge: Result<Money, Unpriced>,
        group_by: &GroupBy,
    ) -> Result<(), OutOfRange> {
        match charge {
            Ok(charge) => self.add_charge(context, row, charge, group_by),
            Err(reason) => self.add_unpriced(context, row, reason),
        }
    }

    fn add_charge(
        &mut self,
        context: &MeterContext<'_>,
        row: &UsageRow,
        charge: Money,
        group_by: &GroupBy,
    ) -> Result<(), OutOfRange> {
        let group = self.groups.entry(context.key(row, group_by)).or_default();
        *group = group.plus(charge)?;
        self.total = self.total.plus(charge)?;
        let meter = self.meters.entry(context.id).or_insert_with(|| SpendMeter {
            description: context.description.clone(),
            quantity: Quantity::ZERO,
            charge: Money::ZERO,
        });
        meter.quantity = meter.quantity.plus(row.quantity)?;
        meter.charge = meter.charge.plus(charge)?;
        Ok(())
    }

    fn add_unpriced(
        &mut self,
        context: &MeterContext<'_>,
        row: &UsageRow,
        reason: Unpriced,
    ) -> Result<(), OutOfRange> {
        let line = self.unpriced.entry((context.id, reason)).or_insert_with(|| UnpricedUsage {
            meter: context.id,
            description: context.description.clone(),
            quantity: Quantity::ZERO,
            reason,
        });
        line.quantity = line.quantity.plus(row.quantity)?;
        Ok(())
    }

    fn finish(self) -> Spend {
        let groups = self.groups.into_iter();
        Spend {
            groups: groups.map(|(key, charge)| SpendGroup { key, charge }).collect(),
            meters: self.meters,
            unpriced: self.unpriced.into_values().collect(),
            total: self.total,
        }
    }
}

#[cfg(test)]
mod tests;
