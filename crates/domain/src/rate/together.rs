//! What rows cost that are shown together. Wherever each unit costs the same, their quantities are added up
//! before they are priced: a sum at a rate is what its parts are at that rate, to the last digit.

use std::collections::HashMap;
use std::sync::Arc;

use foldhash::fast::RandomState;

use crate::book::{PriceVersion, Unpriced};
use crate::decimal::{Money, OutOfRange, Quantity};
use crate::id::MeterId;
use crate::usage::MeterUsage;

use super::walk::{Part, PartKind, RowCharge, Walk};
use super::{RateError, Rated, RatedMeter};

/// What some rows of one group cost.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TogetherCharge {
    /// The group that they are shown in.
    pub group: usize,
    /// Sum of their quantities.
    pub quantity: Quantity,
    /// What they cost, or why they have no price.
    pub charge: Result<GrossAndCharge, Unpriced>,
}

/// A charge before and after a commitment's discount.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct GrossAndCharge {
    /// Before it.
    pub gross: Money,
    /// After it.
    pub charge: Money,
}

impl Rated {
    /// What the rows of a meter cost together that `group_of` puts into one group, by their places: what
    /// [`Self::each_row`] gives, added up. A group may have several entries; rows of none are left out.
    ///
    /// # Errors
    /// [`RateError`] if a sum would not be exact.
    ///
    /// # Panics
    /// If this is not the usage that was rated.
    pub fn together(
        &self,
        id: MeterId,
        usage: &MeterUsage,
        group_of: impl FnMut(usize) -> Option<usize>,
    ) -> Result<Vec<TogetherCharge>, RateError> {
        let meter = self.meters.get(&id).expect("every meter of the usage was rated");
        meter.together(usage, group_of).map_err(|OutOfRange| RateError::Meter(id))
    }
}

/// Quantities by group, and what each unit of them costs.
type Sums = HashMap<(usize, PartKind), Quantity, RandomState>;

impl RatedMeter {
    fn together(
        &self,
        usage: &MeterUsage,
        mut group_of: impl FnMut(usize) -> Option<usize>,
    ) -> Result<Vec<TogetherCharge>, OutOfRange> {
        let mut all = Vec::new();
        if self.draws.is_some() {
            // What a row draws from a commitment is its own.
            self.each_row(usage, |row, charge| {
                let quantity = usage.rows()[row].quantity;
                all.extend(group_of(row).map(|group| TogetherCharge::of(group, quantity, charge)));
                Ok(())
            })?;
            return Ok(all);
        }
        let rows = usage.rows();
        let mut walk = Walk::new(self.allowance);
        let mut sums = Sums::default();
        for segment in &self.segments {
            for position in segment.rows.clone() {
                let (group, quantity) = (group_of(position), rows[position].quantity);
                let charge = match &segment.price {
                    Err(reason) => RowCharge::Unpriced(*reason),
                    Ok(version) => match walk.level_step(quantity, version)? {
                        Some(kind) => {
                            if let Some(group) = group {
                                let sum = sums.entry((group, kind)).or_default();
                                *sum = sum.plus(quantity)?;
                            }
                            continue;
                        }
                        None => RowCharge::priced(version, walk.step(quantity, version, None)?)?,
                    },
                };
                all.extend(group.map(|group| TogetherCharge::of(group, quantity, charge)));
            }
            if let Ok(version) = &segment.price {
                price(&mut sums, version, &mut all)?;
            }
        }
        Ok(all)
    }
}

/// Prices sums of a segment, of which none is left.
fn price(
    sums: &mut Sums,
    version: &Arc<PriceVersion>,
    all: &mut Vec<TogetherCharge>,
) -> Result<(), OutOfRange> {
    for ((group, kind), quantity) in sums.drain() {
        let parts = [Part::new(kind, quantity)?];
        let charge = RowCharge::priced(version, &parts)?;
        all.push(TogetherCharge::of(group, quantity, charge));
    }
    Ok(())
}

impl TogetherCharge {
    pub(crate) fn of(group: usize, quantity: Quantity, charge: RowCharge<'_>) -> Self {
        let charge = match charge {
            RowCharge::Unpriced(reason) => Err(reason),
            RowCharge::Priced { gross, charge, .. } => Ok(GrossAndCharge { gross, charge }),
        };
        Self { group, quantity, charge }
    }
}
