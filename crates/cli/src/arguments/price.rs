//! The group `price`: overrides and aliases.

use clap::{Args, Subcommand};
use domain::decimal::{Percent, Quantity, UnitPrice};
use domain::id::{Currency, MeterId, SubscriptionId, TenantId};

/// What can be done with prices of one's own.
#[derive(Debug, Subcommand)]
pub(crate) enum PriceCommand {
    /// Overrides: own rates and markups over those of rate cards, for a time
    #[command(subcommand)]
    Override(PriceOverrideCommand),
    /// Aliases: meters whose usage is priced as that of another
    #[command(subcommand)]
    Alias(MeterAliasCommand),
}

/// What can be done with price overrides.
#[derive(Debug, Subcommand)]
pub(crate) enum PriceOverrideCommand {
    Add(Box<PriceOverrideOptions>),
    /// List the overrides, those that ended included
    #[command(after_long_help = "Example:\n  tallyhouse price override list -o table")]
    List,
    /// End an override earlier than it would end
    #[command(after_long_help = "Example:\n  tallyhouse price override end 12 --until 2026-11-01")]
    End {
        /// Its number: "id" in `price override list`
        #[arg(value_name = "NUMBER")]
        id: u64,
        /// First day or moment that it no longer prices, UTC
        #[arg(long, value_name = "TIME")]
        until: String,

        /// End it in billing periods that are closed, too, which then need adjustments
        #[arg(long)]
        reprice_closed: bool,
    },
}

/// Override prices for a time.
///
/// With a markup on the rate card's rates, or with rates of one meter. At any moment one override
/// at most applies to a meter of a subscription: that of the narrowest scope (subscription, tenant,
/// installation), then of the narrowest target (meter, category, every meter), then the latest.
#[derive(Debug, Args)]
#[command(after_long_help = "\
Examples:
  tallyhouse price override add --from 2026-11-01 --markup 12.5
  tallyhouse price override add --subscription GUID --category Storage --from 2026-11-01 \\
    --until 2027-01-01 --markup -10
  tallyhouse price override add --tenant GUID --meter GUID --from 2026-11-01 --currency USD \\
    --included 5 --rate 0=0.10 --rate 100=0.08")]
pub(crate) struct PriceOverrideOptions {
    /// Only subscriptions of this tenant
    #[arg(long, value_name = "GUID", value_parser = TenantId::parse)]
    #[arg(conflicts_with = "subscription")]
    pub(crate) tenant: Option<TenantId>,

    /// Only this subscription
    #[arg(long, value_name = "GUID", value_parser = SubscriptionId::parse)]
    pub(crate) subscription: Option<SubscriptionId>,

    /// Only this meter; every meter without one and without a category
    #[arg(long, value_name = "GUID", value_parser = MeterId::parse)]
    #[arg(conflicts_with = "category")]
    pub(crate) meter: Option<MeterId>,

    /// Only the meters of this category
    #[arg(long, value_name = "NAME")]
    pub(crate) category: Option<String>,

    /// First day or moment of usage that it prices, UTC
    #[arg(long, value_name = "TIME")]
    pub(crate) from: String,

    /// First day or moment that it no longer prices; it goes on if absent
    #[arg(long, value_name = "TIME")]
    pub(crate) until: Option<String>,

    /// Percentage that is added to the rate card's rates, or taken off if it is below zero
    #[arg(long, value_name = "PERCENT", value_parser = Percent::parse)]
    #[arg(allow_negative_numbers = true, conflicts_with = "rates")]
    #[arg(required_unless_present = "rates")]
    pub(crate) markup: Option<Percent>,

    /// Rate from a lower bound on, such as 0=0.10; may be given again
    #[arg(long = "rate", value_name = "BOUND=RATE", value_parser = rate)]
    #[arg(requires_all = ["meter", "currency"])]
    pub(crate) rates: Vec<(Quantity, UnitPrice)>,

    /// With rates: the quantity that is free in each billing period [default: 0]
    #[arg(long, value_name = "QUANTITY", value_parser = Quantity::parse, requires = "rates")]
    pub(crate) included: Option<Quantity>,

    /// With rates: their ISO 4217 currency; other subscriptions keep the rate card's
    #[arg(long, value_parser = Currency::parse, requires = "rates")]
    pub(crate) currency: Option<Currency>,

    /// Change prices of billing periods that are closed, too, which then need adjustments
    #[arg(long)]
    pub(crate) reprice_closed: bool,
}

/// What can be done with aliases of meters.
#[derive(Debug, Subcommand)]
pub(crate) enum MeterAliasCommand {
    /// Have usage of an old meter priced as that of a new one
    #[command(after_long_help = "\
Example:
  tallyhouse price alias add e60caf26-9ba0-413d-a422-6141f58081d6 \\
    9995d93a-7d35-4d3f-9c69-7a7fea447ef4")]
    Add {
        /// The meter id that usage comes with
        #[arg(value_parser = MeterId::parse)]
        old: MeterId,
        /// The meter by which it is priced
        #[arg(value_parser = MeterId::parse)]
        new: MeterId,

        /// Change prices of billing periods that are closed, too, which then need adjustments
        #[arg(long)]
        reprice_closed: bool,
    },
    /// List the aliases, with the meter where each ends
    #[command(after_long_help = "Example:\n  tallyhouse price alias list -o table")]
    List,
    /// Have usage of a meter priced as its own again
    #[command(after_long_help = "\
Example:
  tallyhouse price alias remove e60caf26-9ba0-413d-a422-6141f58081d6")]
    Remove {
        /// The meter id that usage comes with
        #[arg(value_parser = MeterId::parse)]
        old: MeterId,

        /// Change prices of billing periods that are closed, too, which then need adjustments
        #[arg(long)]
        reprice_closed: bool,
    },
}

/// Reads `0=0.10`.
fn rate(text: &str) -> Result<(Quantity, UnitPrice), String> {
    let (bound, rate) = text.split_once('=').ok_or("not a rate such as 0=0.10")?;
    let bound = Quantity::parse(bound).map_err(|error| format!("bound '{bound}' is {error}"))?;
    let rate = UnitPrice::parse(rate).map_err(|error| format!("rate '{rate}' is {error}"))?;
    Ok((bound, rate))
}
