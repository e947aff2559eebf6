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

impl PriceOverride {
    /// Whether it can concern a subscription of a tenant with this currency.
    #[must_use]
    pub fn is_for(
        &self,
        subscription: SubscriptionId,
        tenant: TenantId,
        currency: &Currency,
    ) -> bool {
        let in_scope = match self.scope {
            OverrideScope::Installation => true,
            OverrideScope::Tenant(of) => of == tenant,
            OverrideScope::Subscription(of) => of == subscription,
        };
        let in_currency = match &self.price {
            OverridePrice::Markup(_) => true,
            OverridePrice::Rates { currency: of, .. } => of == currency,
        };
        in_scope && in_currency
    }

    /// Whether it prices usage that starts at this moment.
    #[must_use]
    pub fn is_in_force(&self, time: UtcTime) -> bool {
        self.from <= time && self.until.is_none_or(|until| time < until)
    }
}

impl OverrideScope {
    /// Higher for a narrower one.
    #[must_use]
    pub fn rank(self) -> u8 {
        match self {
            Self::Installation => 0,
            Self::Tenant(_) => 1,
            Self::Subscription(_) => 2,
        }
    }
}

impl OverrideTarget {
    /// Higher for a narrower one.
    #[must_use]
    pub fn rank(&self) -> u8 {
        match self {
            Self::EveryMeter => 0,
            Self::Category(_) => 1,
            Self::Meter(_) => 2,
        }
    }
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
