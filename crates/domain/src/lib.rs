//! What billing means, as pure values and functions: no files, clock, randomness, async or serde.
//!
//! Data flows one way: a [`record::UsageRecord`] becomes [`aggregate::Aggregate`]s for the usage
//! answer, and [`rate::rate`] turns a [`usage::Usage`] and a [`book::Book`] into charges, which
//! [`spend::spend`] groups. `rate` is the only place where a price meets a quantity.

pub mod aggregate;
pub mod alias;
pub mod book;
pub mod card_diff;
pub mod catalogue;
pub mod compare;
pub mod complete;
pub mod correction;
pub mod currency;
pub mod daily;
pub mod decimal;
pub mod erasure;
pub mod explain;
pub mod facets;
pub mod id;
pub mod offer;
pub mod period;
pub mod price_override;
pub mod rate;
pub mod record;
pub mod region;
pub mod resource;
pub mod resource_groups;
pub mod spend;
pub mod summed;
pub mod sums;
pub mod time;
pub mod unit;
pub mod usage;
