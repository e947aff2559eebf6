//! What the offline calculator prints: the bill of every billing period that has usage. Every
//! figure is a string of plain decimals with every digit.
//!
//! The charges of the meters and the amounts of the terms add up to the total, and so do charges
//! and recurring less credit.

use domain::catalogue::TermKind;
use domain::decimal::{Money, OutOfRange};
use domain::id::{Currency, MeterId, SubscriptionId};
use domain::rate::{Line, PartKind, Rated, RatedMeter};
use serde::{Deserialize, Serialize};

/// What usage costs by a rate card.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Calculation {
    /// Currency of every amount: the card's.
    pub currency: String,
    /// The billing periods that have usage, by subscription and then in order of time.
    pub periods: Vec<CalculatedPeriod>,
}

/// The bill of a subscription in a billing period.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct CalculatedPeriod {
    /// Name of the billing period, such as `202610-1`.
    pub name: String,
    /// The subscription; null where the usage names none.
    pub subscription_id: Option<String>,
    /// First moment.
    pub start: String,
    /// First moment after it.
    pub end: String,
    /// The meters with a price, in order of id.
    pub meters: Vec<CalculatedMeter>,
    /// Usage without a price, which is in no amount.
    pub unpriced: Vec<CalculatedUnpriced>,
    /// The terms in force: credit, commitment, recurring charges.
    pub terms: Vec<CalculatedTerm>,
    /// Charges of the meters, with the part of a commitment that no usage drew.
    pub charges: String,
    /// What a commitment's discount took off; the charges are without it.
    pub discount: String,
    /// What credit covers of the charges, as a positive amount.
    pub credit: String,
    /// Recurring charges.
    pub recurring: String,
    /// Charges and recurring, less credit.
    pub total: String,
}

/// What a meter costs in a billing period.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct CalculatedMeter {
    /// The meter.
    pub meter_id: String,
    /// Priced quantity.
    pub quantity: String,
    /// What the price includes in the period, used or not: what is billable is the quantity beyond
    /// it.
    pub included_quantity: String,
    /// What is left to charge.
    pub billable_quantity: String,
    /// The billable quantity by tier.
    pub tiers: Vec<CalculatedTier>,
    /// Sum of the tiers' amounts.
    pub charge: String,
}

/// The part of a quantity in one tier, or drawn from a commitment.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct CalculatedTier {
    /// Lower bound of the tier.
    pub from: String,
    /// Quantity in it.
    pub quantity: String,
    /// Price of each unit, after a commitment's discount.
    pub rate: String,
    /// Quantity times rate.
    pub amount: String,
    /// Whether it was drawn from a commitment; absent where it was not.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub commitment: bool,
}

/// Usage of a meter without a price.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct CalculatedUnpriced {
    /// The meter.
    pub meter_id: String,
    /// How much.
    pub quantity: String,
    /// `not on rate card` or `before first price`.
    pub reason: String,
}

/// A term of the offer that is in force.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CalculatedTerm {
    /// `Monetary Credit`, `Monetary Commitment` or `Recurring Charge`.
    pub name: String,
    /// What it adds to the total: below zero for credit, of a commitment the part that no usage
    /// drew.
    pub amount: String,
}

impl Calculation {
    /// Bills in their order, by a card in this currency.
    #[must_use]
    pub fn new(currency: &Currency, periods: Vec<CalculatedPeriod>) -> Self {
        Self { currency: currency.to_string(), periods }
    }
}

impl CalculatedPeriod {
    /// The bill of a subscription, or of usage that names none.
    ///
    /// # Errors
    /// [`OutOfRange`] if the sum of the charges would not be exact.
    pub fn new(subscription: Option<SubscriptionId>, rated: &Rated) -> Result<Self, OutOfRange> {
        let totals = &rated.totals;
        let is_priced = |meter: &RatedMeter| meter.unpriced.is_empty() || !meter.quantity.is_zero();
        let priced = rated.meters.iter().filter(|(_, meter)| is_priced(meter));
        Ok(Self {
            name: rated.period.name(),
            subscription_id: subscription.map(|id| id.to_string()),
            start: rated.period.start().to_string(),
            end: rated.period.end().to_string(),
            meters: priced.map(|(id, meter)| CalculatedMeter::new(*id, meter)).collect(),
            unpriced: unpriced(rated),
            terms: terms(rated),
            charges: totals.usage.plus(totals.forfeited)?.to_string(),
            discount: totals.discount.to_string(),
            credit: totals.credit.to_string(),
            recurring: totals.recurring.to_string(),
            total: totals.total.to_string(),
        })
    }
}

impl CalculatedMeter {
    fn new(id: MeterId, meter: &RatedMeter) -> Self {
        Self {
            meter_id: id.to_string(),
            quantity: meter.quantity.to_string(),
            included_quantity: meter.allowance.to_string(),
            billable_quantity: meter.billable.to_string(),
            tiers: meter.lines.iter().filter_map(CalculatedTier::of).collect(),
            charge: meter.charge.to_string(),
        }
    }
}

impl CalculatedTier {
    /// The included quantity is in no tier.
    fn of(line: &Line) -> Option<Self> {
        let (from, rate, commitment) = match line.kind {
            PartKind::Included => return None,
            PartKind::Tier { from, rate } => (from, rate, false),
            PartKind::Committed { discounted, .. } => {
                (line.version.tiers.base().from, discounted, true)
            }
        };
        Some(Self {
            from: from.to_string(),
            quantity: line.quantity.to_string(),
            rate: rate.to_string(),
            amount: line.amount.to_string(),
            commitment,
        })
    }
}

fn unpriced(rated: &Rated) -> Vec<CalculatedUnpriced> {
    let of_meters = rated.meters.iter().flat_map(|(id, meter)| {
        meter.unpriced.iter().map(|(reason, quantity)| CalculatedUnpriced {
            meter_id: id.to_string(),
            quantity: quantity.to_string(),
            reason: reason.to_string(),
        })
    });
    of_meters.collect()
}

fn terms(rated: &Rated) -> Vec<CalculatedTerm> {
    let term = |kind: TermKind, amount: Money| CalculatedTerm {
        name: kind.to_string(),
        amount: amount.to_string(),
    };
    let credits = rated.credits.iter();
    let credits = credits.map(|credit| term(TermKind::MonetaryCredit, credit.drawn.negated()));
    let commitment = rated.commitment.iter();
    let commitment = commitment.map(|drawn| term(TermKind::MonetaryCommitment, drawn.forfeited));
    let recurring = rated.recurring.iter();
    let recurring = recurring.map(|due| term(TermKind::RecurringCharge, due.amount));
    credits.chain(commitment).chain(recurring).collect()
}
