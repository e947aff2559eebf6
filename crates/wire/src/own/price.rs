//! Bodies about a provider's own prices and about meters that others stand for.

use domain::price_override::{OverrideEnd, OverridePrice, OverrideScope, OverrideTarget};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::value::{NumberText, Rates};

/// A price override to be made: a markup, or rates of one meter.
#[derive(Debug, Clone, Default, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct PriceOverrideCreate {
    /// Whose prices: `installation`, `tenant` or `subscription`.
    pub scope: String,
    /// The tenant, for that scope.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tenant_id: Option<String>,
    /// The subscription, for that scope.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub subscription_id: Option<String>,
    /// The meter that it prices; without one and without a category every meter.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub meter_id: Option<String>,
    /// The category whose meters it prices, in any case.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub category: Option<String>,
    /// First day or moment of usage that it prices, UTC.
    pub from: String,
    /// First day or moment that it no longer prices; it goes on if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub until: Option<String>,
    /// Percentage that is added to the rate card's rates; below zero it takes off, to -100 at most.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    pub markup: Option<NumberText>,
    /// Rates in the place of the card's, by lower bounds: `{"0":"0.1","100":"0.08"}`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<BTreeMap<String, String>>)]
    pub rates: Option<Rates>,
    /// With rates: the quantity that is free in each billing period; 0 if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    pub included_quantity: Option<NumberText>,
    /// With rates: their ISO 4217 currency. They price subscriptions of this currency alone.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub currency: Option<String>,
    /// Whether it counts in billing periods that are closed, too, which then need adjustments; false
    /// if absent.
    #[serde(default)]
    pub reprice_closed: bool,
}

/// A price override.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct PriceOverride {
    /// Its number, ascending in the order in which overrides were made.
    pub id: u64,
    /// Whose prices: `installation`, `tenant` or `subscription`.
    pub scope: String,
    /// The tenant, for that scope.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tenant_id: Option<String>,
    /// The subscription, for that scope.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub subscription_id: Option<String>,
    /// The meter that it prices.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub meter_id: Option<String>,
    /// The category whose meters it prices.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub category: Option<String>,
    /// First moment of usage that it prices.
    pub from: String,
    /// First moment that it no longer prices, by its earliest end; absent if it goes on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub until: Option<String>,
    /// Percentage that is added to the rate card's rates.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub markup: Option<String>,
    /// Rates in the place of the card's, by lower bounds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<BTreeMap<String, String>>)]
    pub rates: Option<Rates>,
    /// With rates: the quantity that is free in each billing period.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub included_quantity: Option<String>,
    /// With rates: their currency.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub currency: Option<String>,
    /// When it was made.
    pub made_at: String,
    /// Whether it counts in billing periods that were closed by then, too.
    pub reprice_closed: bool,
    /// The ends that it was given since, in the order in which they were made; absent if there are
    /// none.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub ends: Vec<PriceOverrideEnded>,
}

/// An end that a price override was given after it was made.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct PriceOverrideEnded {
    /// First moment that the override no longer prices.
    pub until: String,
    /// When the end was made.
    pub made_at: String,
    /// Whether it counts in billing periods that were closed by then, too.
    pub reprice_closed: bool,
}

impl From<&domain::price_override::PriceOverride> for PriceOverride {
    fn from(stored: &domain::price_override::PriceOverride) -> Self {
        let (scope, tenant_id, subscription_id) = match stored.scope {
            OverrideScope::Installation => ("installation", None, None),
            OverrideScope::Tenant(id) => ("tenant", Some(id.to_string()), None),
            OverrideScope::Subscription(id) => ("subscription", None, Some(id.to_string())),
        };
        let (meter_id, category) = match &stored.target {
            OverrideTarget::EveryMeter => (None, None),
            OverrideTarget::Category(name) => (None, Some(name.to_string())),
            OverrideTarget::Meter(id) => (Some(id.to_string()), None),
        };
        let (markup, rates, included_quantity, currency) = match &stored.price {
            OverridePrice::Markup(percent) => (Some(percent.to_string()), None, None, None),
            OverridePrice::Rates { currency, tiers, included } => {
                let (included, currency) = (included.to_string(), currency.to_string());
                (None, Some(Rates::from(tiers)), Some(included), Some(currency))
            }
        };
        Self {
            id: stored.id.0,
            scope: scope.to_owned(),
            tenant_id,
            subscription_id,
            meter_id,
            category,
            from: stored.from.to_string(),
            until: stored.latest_until().map(|until| until.to_string()),
            markup,
            rates,
            included_quantity,
            currency,
            made_at: stored.made_at.to_string(),
            reprice_closed: stored.reprice_closed,
            ends: stored.ends.iter().map(ended).collect(),
        }
    }
}

fn ended(end: &OverrideEnd) -> PriceOverrideEnded {
    PriceOverrideEnded {
        until: end.until.to_string(),
        made_at: end.made_at.to_string(),
        reprice_closed: end.reprice_closed,
    }
}

/// When a price override is to end.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct PriceOverrideEnd {
    /// First day or moment that it no longer prices, UTC.
    pub until: String,
    /// Whether it ends in billing periods that are closed, too, which then need adjustments; false if
    /// absent.
    #[serde(default)]
    pub reprice_closed: bool,
}

/// A meter id that stands for another.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct MeterAlias {
    /// The id that usage comes with.
    pub old_meter_id: String,
    /// The meter by which that usage is priced. In lists it is the last one where aliases lead to
    /// one another.
    pub new_meter_id: String,
    /// Whether it counts in billing periods that were closed when it was made, too, which then need
    /// adjustments; false if absent.
    #[serde(default)]
    pub reprice_closed: bool,
}
