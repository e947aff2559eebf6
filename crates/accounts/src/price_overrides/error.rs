//! Why a price override was not made or ended.

use std::fmt;

use domain::decimal::{Percent, Quantity};
use domain::id::{Currency, SubscriptionId, TenantId};
use domain::price_override::OverrideId;
use domain::time::UtcTime;

use crate::error::StorageError;
use crate::limits::{CATEGORY_CHARS_MAX, OVERRIDE_TIERS_MAX, PRICE_OVERRIDES_MAX};

/// Why a price override was not made.
#[derive(Debug)]
pub enum AddPriceOverrideError {
    /// There is no such tenant.
    NoSuchTenant(TenantId),
    /// There is no such subscription.
    NoSuchSubscription(SubscriptionId),
    /// The rates are in another currency than the subscription's, which is this one.
    OtherCurrency {
        /// The subscription.
        subscription: SubscriptionId,
        /// Its currency.
        currency: Currency,
    },
    /// No category has this name.
    Category(String),
    /// It ends where it begins, or before.
    EmptyValidity,
    /// The markup takes off more than the whole price.
    Markup(Percent),
    /// There are more tiers than a price may have: so many.
    TooManyTiers(usize),
    /// The included quantity is below zero.
    NegativeIncluded(Quantity),
    /// A number is too large to be stored.
    TooLarge,
    /// There are as many overrides as there may be.
    TooMany,
    /// The accounts file failed.
    Storage(StorageError),
}

/// Why a price override was not ended.
#[derive(Debug)]
pub enum EndPriceOverrideError {
    /// There is no such override.
    NotFound(OverrideId),
    /// The end is before its beginning.
    BeforeItBegins {
        /// The override.
        id: OverrideId,
        /// Its beginning.
        from: UtcTime,
    },
    /// It ends then or earlier as it is.
    NotEarlier {
        /// The override.
        id: OverrideId,
        /// Its end.
        until: UtcTime,
    },
    /// The accounts file failed.
    Storage(StorageError),
}

impl fmt::Display for AddPriceOverrideError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoSuchTenant(id) => write!(f, "tenant {id} does not exist"),
            Self::NoSuchSubscription(id) => write!(f, "subscription {id} does not exist"),
            Self::OtherCurrency { subscription, currency } => {
                write!(f, "subscription {subscription} has prices in {currency}")
            }
            Self::Category(name) => write!(
                f,
                "category '{name}' does not have 1 to {CATEGORY_CHARS_MAX} characters without \
                 blanks around them"
            ),
            Self::EmptyValidity => f.write_str("the override does not end after it begins"),
            Self::Markup(percent) => write!(f, "markup {percent} takes off more than 100 percent"),
            Self::TooManyTiers(count) => {
                write!(f, "an override has at most {OVERRIDE_TIERS_MAX} tiers, not {count}")
            }
            Self::NegativeIncluded(quantity) => {
                write!(f, "included quantity {quantity} is negative")
            }
            Self::TooLarge => f.write_str("a number of the override is too large"),
            Self::TooMany => write!(f, "{PRICE_OVERRIDES_MAX} price overrides are the most"),
            Self::Storage(_) => f.write_str("price override was not made"),
        }
    }
}

impl std::error::Error for AddPriceOverrideError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Storage(error) => Some(error),
            Self::NoSuchTenant(_)
            | Self::NoSuchSubscription(_)
            | Self::OtherCurrency { .. }
            | Self::Category(_)
            | Self::EmptyValidity
            | Self::Markup(_)
            | Self::TooManyTiers(_)
            | Self::NegativeIncluded(_)
            | Self::TooLarge
            | Self::TooMany => None,
        }
    }
}

impl fmt::Display for EndPriceOverrideError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotFound(id) => write!(f, "price override {} does not exist", id.0),
            Self::BeforeItBegins { id, from } => {
                write!(f, "price override {} begins at {from}", id.0)
            }
            Self::NotEarlier { id, until } => {
                write!(f, "price override {} ends at {until} already", id.0)
            }
            Self::Storage(_) => f.write_str("price override was not ended"),
        }
    }
}

impl std::error::Error for EndPriceOverrideError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::NotFound(_) | Self::BeforeItBegins { .. } | Self::NotEarlier { .. } => None,
            Self::Storage(error) => Some(error),
        }
    }
}

crate::error::from_storage!(AddPriceOverrideError, EndPriceOverrideError);
