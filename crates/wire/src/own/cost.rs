//! Bodies about cost. Every amount is in the answer's currency, with every digit.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// What a subscription spent.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Cost {
    /// The subscription.
    pub subscription_id: String,
    /// Name of the billing period (`202610-1`); absent for a free range.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub period: Option<String>,
    /// First moment.
    pub from: String,
    /// First moment after it.
    pub to: String,
    /// Currency of every amount.
    pub currency: String,
    /// What the groups' keys are: `hour`, `day` or `month` of UTC, `meter`, `category`,
    /// `subcategory`, `region`, `resource`, `resource-group`, `location` or `tag:NAME`.
    pub group_by: Vec<String>,
    /// The groups: their net amounts and those of the terms add up to the net total.
    pub groups: Vec<CostGroup>,
    /// Lines of the subscription, which belong to no group: credit, forfeited commitment, recurring
    /// charges.
    pub terms: Vec<CostTerm>,
    /// Usage without a price, which is in no amount.
    pub unpriced: Vec<UnpricedUsage>,
    /// The sums.
    pub totals: CostTotals,
    /// What is owed: the net total.
    pub total: String,
    /// Up to when usage is complete.
    pub complete_up_to: Completeness,
    /// Whether late usage may still change it: its period is not over, or not for 72 hours.
    pub provisional: bool,
    /// What the figures were computed from.
    pub basis: Basis,
}

/// What all subscriptions spent whose cost whoever asks may see.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct CostOfAll {
    /// First moment.
    pub from: String,
    /// First moment after it.
    pub to: String,
    /// What the groups' keys are: `subscription`, and what the cost of one is grouped by.
    pub group_by: Vec<String>,
    /// How many subscriptions are in it, with usage or without.
    pub subscriptions: u64,
    /// A part for each currency, in the order of their codes.
    pub currencies: Vec<CostOfCurrency>,
    /// Up to when the usage of those is complete that sources sent something of lately.
    pub complete_up_to: CompletenessOfAll,
    /// Whether late usage may still change it: the period of one of them is not over, or not for 72
    /// hours.
    pub provisional: bool,
    /// What the figures were computed from.
    pub basis: Basis,
}

/// What the subscriptions of one currency spent.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct CostOfCurrency {
    /// Currency of every amount.
    pub currency: String,
    /// The groups.
    pub groups: Vec<CostGroup>,
    /// Usage without a price, which is in no amount.
    pub unpriced: Vec<UnpricedUsage>,
    /// The sums, with the lines that belong to subscriptions and to no group.
    pub totals: CostTotals,
    /// What is owed: the net total.
    pub total: String,
}

/// Up to when the usage of several subscriptions is complete: that of the one which is complete least
/// far. Those that no source sent anything of lately are left out.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct CompletenessOfAll {
    /// The moment; absent where no source has sent anything lately.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub time: Option<String>,
    /// The subscription that holds it back.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub subscription_id: Option<String>,
    /// Its source that does.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub held_back_by: Option<String>,
}

/// A group of spend.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct CostGroup {
    /// The value of the first entry of `groupBy`; null where usage has none (untagged, no instance).
    pub key: Option<String>,
    /// A value for each entry of `groupBy`, where it has several.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub keys: Vec<Option<String>>,
    /// The entries of `groupBy` whose key usage itself does not have, but its resource group.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub inherited: Vec<String>,
    /// The same in words.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// For meters: the meter's name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub meter_name: Option<String>,
    /// For meters: the meter's category.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub meter_category: Option<String>,
    /// For meters: the priced quantity.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub quantity: Option<String>,
    /// For meters: the unit.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unit: Option<String>,
    /// For meters: charge for each unit, rounded at 20 places. It is no price of the rate card.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub effective_price: Option<String>,
    /// Before a commitment's discount.
    pub gross: String,
    /// What the discount takes off.
    pub discount: String,
    /// Gross less discount.
    pub charge: String,
    /// What credit covers of it; 0 unless credit is spread over groups.
    pub credit: String,
    /// What it takes of a shared cost, or gives if below zero.
    pub shared: String,
    /// Charge less credit, with its part of a shared cost.
    pub net: String,
}

/// A line of the subscription.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct CostTerm {
    /// Name of its billing period.
    pub period: String,
    /// `Monetary Credit`, `Monetary Commitment, not drawn` or `Recurring Charge`.
    pub name: String,
    /// What it adds to the net total; below zero for credit.
    pub amount: String,
}

/// The sums of spend: charges, forfeited and recurring, less credit, are the total.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct CostTotals {
    /// Before a commitment's discount.
    pub gross: String,
    /// What the discount takes off.
    pub discount: String,
    /// Gross less discount: the sum of the groups' charges.
    pub charges: String,
    /// What credit covers.
    pub credit: String,
    /// The part of a commitment that usage has not drawn.
    pub forfeited: String,
    /// Recurring charges.
    pub recurring: String,
}

/// Usage that has no price.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct UnpricedUsage {
    /// The meter.
    pub meter_id: String,
    /// What the rate card or its source called it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub meter_name: Option<String>,
    /// Its category.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub meter_category: Option<String>,
    /// How much.
    pub quantity: String,
    /// Its unit.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unit: Option<String>,
    /// `no rate card`, `not on rate card` or `before first price`.
    pub reason: String,
}

/// Up to when the usage of a subscription is complete.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Completeness {
    /// The moment; absent where no source has sent anything lately.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub time: Option<String>,
    /// The source that holds it back.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub held_back_by: Option<String>,
    /// Every active source, in order of name.
    pub sources: Vec<SourceCompleteness>,
}

/// Up to when the usage of one source is complete.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct SourceCompleteness {
    /// The source.
    pub source: String,
    /// The moment.
    pub time: String,
    /// Whether the source declares it; else it is estimated from how late its usage has come.
    pub declared: bool,
}

/// What a figure was computed from; the same basis gives the same figure.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Basis {
    /// Version of the ledger, opaque.
    pub ledger_version: String,
    /// Revision of subscriptions, rate cards, overrides, aliases and tags of resource groups.
    pub accounts_revision: u64,
}
