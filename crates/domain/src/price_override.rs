//! Price overrides: a provider's own prices and markups, laid over rate cards for a time.
//!
//! At any moment one override at most applies to a meter of a subscription: that of the narrowest
//! scope, then of the narrowest target, then the one made last.

use std::sync::Arc;

use crate::catalogue::Tiers;
use crate::decimal::{Percent, Quantity};
use crate::id::{Currency, MeterId, SubscriptionId, TenantId};
use crate::time::UtcTime;

/// Number of an override: ascending in the order in which they were made.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct OverrideId(pub u64);

/// An override of prices, which never changes; it can be ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PriceOverride {
    /// Which one.
    pub id: OverrideId,
    /// Whose prices.
    pub scope: OverrideScope,
    /// Which meters.
    pub target: OverrideTarget,
    /// First moment of usage that it prices.
    pub from: UtcTime,
    /// First moment that it no longer prices; none if it goes on.
    pub until: Option<UtcTime>,
    /// The price.
    pub price: OverridePrice,
}

/// Whose prices an override changes, from the widest to the narrowest.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum OverrideScope {
    /// Every subscription of the installation.
    Installation,
    /// Every subscription of a tenant.
    Tenant(TenantId),
    /// One subscription.
    Subscription(SubscriptionId),
}

/// Which meters an override changes, from the widest to the narrowest.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum OverrideTarget {
    /// Every meter of the rate card.
    EveryMeter,
    /// The meters of a category, whose name is compared without case.
    Category(Arc<str>),
    /// One meter, which need not be on the card if the override states rates.
    Meter(MeterId),
}

/// What an override makes of a price.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum OverridePrice {
    /// The card's rates with this percentage added; below zero it takes off, to -100 at most.
    Markup(Percent),
    /// These rates in the place of the card's, for subscriptions of this currency.
    Rates {
        /// Their currency.
        currency: Currency,
        /// Graduated prices.
        tiers: Tiers,
        /// Quantity that is free in each billing period.
        included: Quantity,
    },
}
