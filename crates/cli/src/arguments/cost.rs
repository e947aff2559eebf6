//! The group `cost`.

use clap::{Args, Subcommand};
use domain::id::SubscriptionId;

/// What can be done with cost.
#[derive(Debug, Subcommand)]
pub(crate) enum CostCommand {
    Show(CostShowOptions),
}

/// Whose cost, and of which time.
#[derive(Debug, Args)]
pub(crate) struct CostRangeOptions {
    /// Whose cost
    #[arg(long, value_name = "GUID", value_parser = SubscriptionId::parse)]
    pub(crate) subscription: SubscriptionId,

    /// Month in which the billing period starts, such as 2026-10, or the name of one of several
    /// that start in it, such as 202610-2
    #[arg(long, value_name = "MONTH", conflicts_with_all = ["from", "to"])]
    pub(crate) period: Option<String>,

    /// First day or moment of a free range, UTC
    #[arg(long, value_name = "TIME", requires = "to")]
    pub(crate) from: Option<String>,

    /// First day or moment after it
    #[arg(long, value_name = "TIME", requires = "from")]
    pub(crate) to: Option<String>,

    /// Answer what was known at this moment, UTC
    #[arg(long, value_name = "TIME")]
    pub(crate) as_of: Option<String>,
}

/// Show what a subscription spent.
///
/// The current billing period if no other time is asked for. Groups and the lines of the
/// subscription (credit, unused commitment, recurring charges) add up to the total, to the last
/// digit; usage without a price is listed apart and is in no amount. A table rounds amounts to the
/// currency's minor unit, the other forms have every digit.
#[derive(Debug, Args)]
#[command(after_long_help = "\
Examples:
  tallyhouse cost show --subscription GUID -o table
  tallyhouse cost show --subscription GUID --period 2026-10 --group-by tag:env
  tallyhouse cost show --subscription GUID --from 2026-10-01 --to 2026-10-08 --group-by day,category
  tallyhouse cost show --subscription GUID --filter category=Storage --filter tag:env=prod
  tallyhouse cost show --subscription GUID --group-by tag:team --split proportional
  tallyhouse cost show --subscription GUID --group-by tag:team --split fixed --split-value shared \\
    --share web=70 --share data=30")]
pub(crate) struct CostShowOptions {
    /// Whose and when.
    #[command(flatten)]
    pub(crate) range: CostRangeOptions,

    /// What to group by, up to four separated by commas: hour, day or month; meter, category,
    /// subcategory, region, resource, resource-group, location, tag:NAME; "" for one group
    #[arg(long, value_name = "WHAT", default_value = "category")]
    pub(crate) group_by: String,

    /// Only usage of which this holds, such as category=Storage; tag:env= is usage without the tag.
    /// Given again for the same WHAT: any of the values; for another one: both
    #[arg(long = "filter", value_name = "WHAT=VALUE")]
    pub(crate) filters: Vec<String>,

    /// Let resources without a tag inherit that of their resource group
    #[arg(long)]
    pub(crate) inherit_tags: bool,

    /// Spread credit over the groups, in the order in which usage draws on it
    #[arg(long)]
    pub(crate) allocate_credit: bool,

    /// Split the cost of one group over the others: even, proportional or fixed
    #[arg(long, value_name = "HOW")]
    pub(crate) split: Option<String>,

    /// Which group is split, by its first key; the usage that has none if absent
    #[arg(long, value_name = "KEY", requires = "split")]
    pub(crate) split_value: Option<String>,

    /// A fixed share, such as web=70; its weight counts against that of the others
    #[arg(long = "share", value_name = "KEY=WEIGHT", requires = "split")]
    pub(crate) shares: Vec<String>,
}
