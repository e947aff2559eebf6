//! What rows cost that are shown together. Wherever each unit costs the same, their quantities are added up
//! before they are priced: a sum at a rate is what its parts are at that rate, to the last digit.

use std::collections::{BTreeMap, HashMap};

use foldhash::fast::RandomState;

use crate::book::Unpriced;
use crate::decimal::{Money, OutOfRange, Quantity};
use crate::id::MeterId;
use crate::usage::MeterUsage;

use super::walk::{Part, PartKind, RowCharge, Walk};
use super::{RateError, Rated, RatedMeter};

/// What the rows of one group cost, or those of them that have no price for the same reason.
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
    /// [`Self::each_row`] gives, added up. In order of groups; rows of none are left out.
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
        let sums = meter.together(usage, group_of).map_err(|OutOfRange| RateError::Meter(id))?;
        let charges = sums.0.into_iter().map(|((group, reason), (quantity, sums))| {
            TogetherCharge { group, quantity, charge: reason.map_or(Ok(sums), Err) }
        });
        Ok(charges.collect())
    }
}

impl RowCharge<'_> {
    /// What it costs, or why it has no price.
    pub(crate) fn sums(self) -> Result<GrossAndCharge, Unpriced> {
        match self {
            Self::Unpriced(reason) => Err(reason),
            Self::Priced { gross, charge, .. } => Ok(GrossAndCharge { gross, charge }),
        }
    }
}

/// Sums by group, and why they have no price if they have none.
#[derive(Default)]
struct Sums(BTreeMap<(usize, Option<Unpriced>), (Quantity, GrossAndCharge)>);

/// Quantities by group, and what each unit of them costs.
type Level = HashMap<(usize, PartKind), Quantity, RandomState>;

impl RatedMeter {
    fn together(
        &self,
        usage: &MeterUsage,
        mut group_of: impl FnMut(usize) -> Option<usize>,
    ) -> Result<Sums, OutOfRange> {
        let (rows, mut sums) = (usage.rows(), Sums::default());
        if self.draws.is_some() {
            // What a row draws from a commitment is its own.
            self.each_row(usage, |row, charge| match group_of(row) {
                Some(group) => sums.add(group, rows[row].quantity, charge),
                None => Ok(()),
            })?;
            return Ok(sums);
        }
        self.assert_is_of(usage);
        let mut walk = Walk::new(self.allowance);
        let mut level = Level::default();
        for segment in &self.segments {
            for position in segment.rows.clone() {
                let (group, quantity) = (group_of(position), rows[position].quantity);
                let charge = match &segment.price {
                    Err(reason) => RowCharge::Unpriced(*reason),
                    Ok(version) => match walk.level_step(quantity, version)? {
                        Some(kind) => {
                            if let Some(group) = group {
                                let sum = level.entry((group, kind)).or_default();
                                *sum = sum.plus(quantity)?;
                            }
                            continue;
                        }
                        None => RowCharge::priced(version, walk.step(quantity, version, None)?)?,
                    },
                };
                if let Some(group) = group {
                    sums.add(group, quantity, charge)?;
                }
            }
            if let Ok(version) = &segment.price {
                for ((group, kind), quantity) in level.drain() {
                    let parts = [Part::new(kind, quantity)?];
                    sums.add(group, quantity, RowCharge::priced(version, &parts)?)?;
                }
            }
        }
        Ok(sums)
    }
}

impl Sums {
    fn add(
        &mut self,
        group: usize,
        quantity: Quantity,
        charge: RowCharge<'_>,
    ) -> Result<(), OutOfRange> {
        let charge = charge.sums();
        let (quantities, sums) = self.0.entry((group, charge.err())).or_default();
        let GrossAndCharge { gross, charge } = charge.unwrap_or_default();
        *quantities = quantities.plus(quantity)?;
        sums.gross = sums.gross.plus(gross)?;
        sums.charge = sums.charge.plus(charge)?;
        Ok(())
    }
}
