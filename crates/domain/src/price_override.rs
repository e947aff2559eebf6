//! Price overrides: a provider's own prices and markups, laid over rate cards for a time.
//!
//! At any moment one override at most applies to a meter of a subscription: that of the narrowest
//! scope, then of the narrowest target, then the one made last. An override, or an end of one, does
//! not reach billing periods that were closed when it was made, unless it says so.

use std::sync::Arc;

use crate::catalogue::Tiers;
use crate::decimal::{Percent, Quantity};
use crate::id::{Currency, MeterId, SubscriptionId, TenantId};
use crate::period::BillingPeriod;
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
    /// First moment that it no longer prices, as it was made; none if it goes on.
    pub until: Option<UtcTime>,
    /// The price.
    pub price: OverridePrice,
    /// When it was made.
    pub made_at: UtcTime,
    /// Whether it counts in billing periods that were closed by then, too.
    pub reprice_closed: bool,
    /// Ends that it was given since, in the order in which they were made.
    pub ends: Vec<OverrideEnd>,
}

/// An end that an override was given after it was made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct OverrideEnd {
    /// First moment that the override no longer prices.
    pub until: UtcTime,
    /// When the end was made.
    pub made_at: UtcTime,
    /// Whether it counts in billing periods that were closed by then, too.
    pub reprice_closed: bool,
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

    /// Whether it counts in a billing period: it was made before the period closed, or says that it
    /// changes closed ones.
    #[must_use]
    pub fn counts_in(&self, period: BillingPeriod) -> bool {
        self.reprice_closed || self.made_at < period.closes_at()
    }

    /// First moment that it no longer prices in a billing period, by the earliest of its ends that
    /// count there; none if it goes on.
    #[must_use]
    pub fn until_in(&self, period: BillingPeriod) -> Option<UtcTime> {
        let counts = |end: &&OverrideEnd| end.reprice_closed || end.made_at < period.closes_at();
        let ends = self.ends.iter().filter(counts).map(|end| end.until);
        self.until.into_iter().chain(ends).min()
    }

    /// First moment that it no longer prices in billing periods that are open; none if it goes on.
    #[must_use]
    pub fn latest_until(&self) -> Option<UtcTime> {
        self.until.into_iter().chain(self.ends.iter().map(|end| end.until)).min()
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::period::AnchorDay;
    use crate::time::{Date, Month};

    fn day(text: &str) -> UtcTime {
        Date::parse(text).unwrap().start()
    }

    /// An end as the day it names, the day on which it was made, and `reprice`.
    fn end(text: &str) -> OverrideEnd {
        let words: Vec<_> = text.split(' ').collect();
        let reprice_closed = words.get(2) == Some(&"reprice");
        OverrideEnd { until: day(words[0]), made_at: day(words[1]), reprice_closed }
    }

    /// When an override ends in January 2026, which closes on 4 February, and in periods to come.
    fn check(until: Option<&str>, ends: &[&str], january: Option<&str>, latest: Option<&str>) {
        let price_override = PriceOverride {
            id: OverrideId(1),
            scope: OverrideScope::Installation,
            target: OverrideTarget::EveryMeter,
            from: UtcTime::MIN,
            until: until.map(day),
            price: OverridePrice::Markup(Percent::WHOLE),
            made_at: UtcTime::MIN,
            reprice_closed: false,
            ends: ends.iter().map(|text| end(text)).collect(),
        };
        let month = Month::parse("2026-01").unwrap();
        let period = BillingPeriod::starting_in(month, AnchorDay::FIRST);
        assert_eq!(price_override.until_in(period), january.map(day), "{ends:?}");
        assert_eq!(price_override.latest_until(), latest.map(day), "{ends:?}");
    }

    #[test]
    fn the_earliest_end_that_counts_ends_it() {
        check(None, &[], None, None);
        check(Some("2026-01-20"), &[], Some("2026-01-20"), Some("2026-01-20"));
        let (twentieth, tenth) = (Some("2026-01-20"), Some("2026-01-10"));
        check(twentieth, &["2026-01-10 2026-02-03"], tenth, tenth);
        check(twentieth, &["2026-01-10 2026-02-04"], twentieth, tenth);
        check(twentieth, &["2026-01-10 2026-02-04 reprice"], tenth, tenth);
        check(None, &["2026-01-20 2026-01-05", "2026-01-10 2026-03-01"], twentieth, tenth);
        check(None, &["2026-01-10 2026-03-01", "2026-01-20 2026-03-02 reprice"], twentieth, tenth);
    }
}
