//! What a case costs, told the slow way: every question is asked of the whole case again, at one
//! moment or for one row; nothing is prepared, kept or looked up.

mod prices;
mod terms;
mod text;
mod walk;

use num_rational::BigRational;

use crate::calendar::{Period, Time};
use crate::case::{Case, Row};

/// Everything that one billing period costs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PeriodBill {
    /// `yyyyMM-n`.
    pub name: String,
    /// Its first midnight.
    pub start: Time,
    /// The midnight after its last day.
    pub end: Time,
    /// Meters with priced usage, in order.
    pub meters: Vec<MeterBill>,
    /// Meters with usage that has no price, in order.
    pub unpriced: Vec<Unpriced>,
    /// What credits take off.
    pub credit: BigRational,
    /// Recurring charges.
    pub recurring: BigRational,
    /// What is paid of a commitment without having been used.
    pub forfeited: BigRational,
    /// What is to be paid.
    pub total: BigRational,
}

/// What one meter costs in one period.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MeterBill {
    /// The meter after aliases.
    pub meter: u32,
    /// Everything used at a price.
    pub quantity: BigRational,
    /// Units that are free in this period.
    pub included: BigRational,
    /// Units that are not free.
    pub billable: BigRational,
    /// Pay-as-you-go units, by version and then bound; none with a quantity of 0.
    pub tiers: Vec<TierLine>,
    /// Units drawn from the commitment, by version; none with a quantity of 0.
    pub committed: Vec<CommittedLine>,
    /// The sum of the lines.
    pub charge: BigRational,
}

/// Units that one tier of one version priced.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TierLine {
    /// The version's date.
    pub version: Time,
    /// The tier's lower bound.
    pub from: BigRational,
    /// How many; negative where more was reversed than used.
    pub units: BigRational,
    /// Price of one.
    pub rate: BigRational,
    /// Units times rate.
    pub amount: BigRational,
}

/// Units that were drawn from the commitment under one version.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CommittedLine {
    /// The version's date.
    pub version: Time,
    /// How many; negative where more was given back than drawn.
    pub units: BigRational,
    /// Price of one before the discount.
    pub rate: BigRational,
    /// The discount.
    pub percent: BigRational,
    /// Units times rate less the discount.
    pub amount: BigRational,
}

/// Usage of one meter that has no price.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unpriced {
    /// The meter after aliases.
    pub meter: u32,
    /// How much.
    pub quantity: BigRational,
    /// Why.
    pub reason: &'static str,
}

/// The bill as text, as files of cases expect it; nothing if nothing was used.
#[must_use]
pub fn bill(case: &Case) -> String {
    text::written(&periods(case))
}

/// The bill of each billing period with usage, in order.
#[must_use]
pub fn periods(case: &Case) -> Vec<PeriodBill> {
    let mut rows: Vec<&Row> = case.usage.iter().collect();
    rows.sort_by_key(|row| row.start);
    let mut bills = Vec::new();
    while let Some(first) = rows.first() {
        let period = Period::of(first.start, &case.anchors);
        let (inside, after) = rows.into_iter().partition(|row| row.start < period.end);
        bills.push(walk::period_bill(case, &period, inside));
        rows = after;
    }
    bills
}

/// The meter under whose price a meter's usage falls.
fn priced_as(case: &Case, meter: u32) -> u32 {
    let alias = case.aliases.iter().find(|(old, _)| *old == meter);
    alias.map_or(meter, |(_, new)| *new)
}

#[cfg(test)]
mod tests;
