//! Bodies that say why: of a charge, and of the difference of two bills.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::{Basis, Completeness};

/// Why a meter, or the whole bill of a billing period, costs what it costs.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct CostExplanation {
    /// The subscription.
    pub subscription_id: String,
    /// Name of the billing period.
    pub period: String,
    /// First moment.
    pub from: String,
    /// First moment after it.
    pub to: String,
    /// Currency of every amount.
    pub currency: String,
    /// The meter asked for; absent where the whole bill is explained.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub meter: Option<MeterExplanation>,
    /// From usage and the offer's terms to what is owed; absent where a meter is explained.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub bill: Option<BillExplanation>,
    /// The same as arithmetic to read, line by line.
    pub lines: Vec<String>,
    /// Up to when usage is complete.
    pub complete_up_to: Completeness,
    /// Whether late usage may still change it.
    pub provisional: bool,
    /// What the figures were computed from.
    pub basis: Basis,
}

/// Why a meter costs what it costs.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct MeterExplanation {
    /// The meter.
    pub meter_id: String,
    /// Its name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub meter_name: Option<String>,
    /// Its category.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub meter_category: Option<String>,
    /// Its unit.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unit: Option<String>,
    /// The priced quantity, and the days and rows that it is the sum of.
    pub quantity: ExplainedFigure,
    /// Quantity that was free.
    pub included: String,
    /// Quantity left to charge.
    pub billable: String,
    /// The charge, less credit, and the versions of the price and tiers that it is the sum of; absent
    /// where nothing has a price.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub amount: Option<ExplainedFigure>,
    /// Charge for each unit used, rounded at 20 places. It is no price of the rate card.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub effective_price: Option<String>,
    /// Quantity without a price, which is in no amount.
    pub unpriced: Vec<UnpricedQuantity>,
}

/// Quantity without a price.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct UnpricedQuantity {
    /// How much.
    pub quantity: String,
    /// `no rate card`, `not on rate card` or `before first price`.
    pub reason: String,
}

/// From usage and the offer's terms to what is owed.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct BillExplanation {
    /// What is owed before tax, and what it is the sum of.
    pub amount: ExplainedFigure,
    /// What it would be at pay-as-you-go; absent without a commitment.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pay_as_you_go: Option<String>,
}

/// A figure and the figures that it is the sum of.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct ExplainedFigure {
    /// What it is: `usage`, `day`, `row`, `moreRows`, `net`, `charge`, `price`, `included`, `tier`,
    /// `commitment`, `credit`, `forfeited`, `recurring` or `total`.
    pub kind: String,
    /// Which one, in words.
    pub text: String,
    /// How much was used.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub quantity: Option<String>,
    /// Price of each unit; the amount is quantity times rate.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rate: Option<String>,
    /// What it costs, or takes off if below zero.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub amount: Option<String>,
    /// What it is the sum of; nothing for a leaf.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schema(no_recursion)]
    pub parts: Vec<ExplainedFigure>,
}

/// Why two bills differ: effects that add up to the difference.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct CostComparison {
    /// Currency of every amount.
    pub currency: String,
    /// The first bill.
    pub a: ComparedBill,
    /// The second bill.
    pub b: ComparedBill,
    /// Total of the second bill less that of the first.
    pub difference: String,
    /// Sums by kind of effect; they add up to the difference.
    pub effects: Vec<CostEffect>,
    /// Every meter used in either, the largest difference first.
    pub meters: Vec<MeterChange>,
    /// Effects of the subscription's terms, which belong to no meter.
    pub terms: Vec<CostEffect>,
    /// What the figures were computed from.
    pub basis: Basis,
}

/// One of two bills that are compared.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct ComparedBill {
    /// The subscription.
    pub subscription_id: String,
    /// Name of the billing period.
    pub period: String,
    /// What is owed before tax.
    pub total: String,
    /// Whether late usage may still change it.
    pub provisional: bool,
}

/// A part of a difference.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct CostEffect {
    /// `new`, `gone`, `price`, `quantity`, `mix`, `credit`, `recurring` or `forfeited`.
    pub kind: String,
    /// By how much the second bill is higher for it.
    pub amount: String,
}

/// Why a meter costs more or less.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct MeterChange {
    /// The meter.
    pub meter_id: String,
    /// Its name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub meter_name: Option<String>,
    /// Its category.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub meter_category: Option<String>,
    /// In the first bill; absent if it was not used there.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub a: Option<MeterOfBill>,
    /// In the second bill; absent if it was not used there.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub b: Option<MeterOfBill>,
    /// `new` or `gone`; or `price`, `quantity` and `mix`.
    pub effects: Vec<CostEffect>,
    /// Sum of the effects.
    pub difference: String,
}

/// A meter in one of the bills.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct MeterOfBill {
    /// Priced quantity.
    pub quantity: String,
    /// What it costs, before credit.
    pub charge: String,
    /// Quantity without a price, which is in no amount.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub unpriced: Vec<UnpricedQuantity>,
}
