//! The group `cost`.

use clap::{Args, Subcommand};
use domain::id::{MeterId, SubscriptionId};

/// What can be done with cost.
#[derive(Debug, Subcommand)]
pub(crate) enum CostCommand {
    List(CostListOptions),
    Show(CostShowOptions),
    Explain(CostExplainOptions),
    Compare(CostCompareOptions),
}

/// Show what all subscriptions spent whose cost you may see.
///
/// The current calendar month if no other time is asked for. Each subscription is rated by itself;
/// currencies stay apart. What belongs to a subscription and to no group, such as credit or recurring
/// charges, is in the total.
#[derive(Debug, Args)]
#[command(after_long_help = "\
Examples:
  tallyhouse cost list -o table
  tallyhouse cost list --month 2026-10 --group-by subscription,category -o table
  tallyhouse cost list --from 2026-10-01 --to 2026-10-08 --group-by day")]
pub(crate) struct CostListOptions {
    /// Calendar month of UTC, such as 2026-10
    #[arg(long, value_name = "MONTH", conflicts_with_all = ["from", "to"])]
    pub(crate) month: Option<String>,

    /// First day or moment of a free range, UTC
    #[arg(long, value_name = "TIME", requires = "to")]
    pub(crate) from: Option<String>,

    /// First day or moment after it
    #[arg(long, value_name = "TIME", requires = "from")]
    pub(crate) to: Option<String>,

    /// What to group by, up to four separated by commas: subscription; hour, day or month; meter,
    /// category, subcategory, region, resource, resource-group, location, tag:NAME; "" for one group
    #[arg(long, value_name = "WHAT", default_value = "subscription")]
    pub(crate) group_by: String,

    /// Only usage of which this holds, such as category=Storage; given again as for `cost show`
    #[arg(long = "filter", value_name = "WHAT=VALUE")]
    pub(crate) filters: Vec<String>,

    /// Answer what was known at this moment, UTC
    #[arg(long, value_name = "TIME")]
    pub(crate) as_of: Option<String>,
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

/// Show why a meter, or the whole bill, costs what it costs.
///
/// From the rows of usage to the quantity, what is included, the tiers, the version of the rate, the
/// offer's terms and the amount: what stands above is the sum of what stands below it, to the last
/// digit. With -o table it is arithmetic to read.
#[derive(Debug, Args)]
#[command(after_long_help = "\
Examples:
  tallyhouse cost explain --subscription GUID -o table
  tallyhouse cost explain --subscription GUID --meter GUID --period 2026-10 -o table
  tallyhouse cost explain --subscription GUID --meter GUID --rows 100 --query meter.quantity")]
pub(crate) struct CostExplainOptions {
    /// Whose cost
    #[arg(long, value_name = "GUID", value_parser = SubscriptionId::parse)]
    pub(crate) subscription: SubscriptionId,

    /// The meter; the whole bill if absent
    #[arg(long, value_name = "GUID", value_parser = MeterId::parse)]
    pub(crate) meter: Option<MeterId>,

    /// Month in which the billing period starts, or the period's name; the current one if absent
    #[arg(long, value_name = "MONTH")]
    pub(crate) period: Option<String>,

    /// Rows of usage to show for each day
    #[arg(long, value_name = "COUNT")]
    pub(crate) rows: Option<u32>,

    /// Answer what was known at this moment, UTC
    #[arg(long, value_name = "TIME")]
    pub(crate) as_of: Option<String>,
}

/// Show why two bills differ.
///
/// The difference as an exact sum of effects: meters that are new or gone, other prices, other
/// quantities, and mix, which is what usage under several prices of one period makes of it; and of
/// the offer's terms.
#[derive(Debug, Args)]
#[command(after_long_help = "\
Examples:
  tallyhouse cost compare 2026-09 2026-10 --subscription GUID -o table
  tallyhouse cost compare 2026-10 2026-10 --subscription GUID --with GUID -o table")]
pub(crate) struct CostCompareOptions {
    /// Billing period of the first bill: the month in which it starts, or its name
    #[arg(value_name = "A")]
    pub(crate) first: String,

    /// Billing period of the second bill
    #[arg(value_name = "B")]
    pub(crate) second: String,

    /// Whose first bill
    #[arg(long, value_name = "GUID", value_parser = SubscriptionId::parse)]
    pub(crate) subscription: SubscriptionId,

    /// Whose second bill, if it is another subscription's
    #[arg(long, value_name = "GUID", value_parser = SubscriptionId::parse)]
    pub(crate) with: Option<SubscriptionId>,

    /// Answer what was known at this moment, UTC
    #[arg(long, value_name = "TIME")]
    pub(crate) as_of: Option<String>,
}
