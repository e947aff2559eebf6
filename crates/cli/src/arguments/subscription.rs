//! The group `subscription`.

use clap::{Args, Subcommand};
use domain::id::{SubscriptionId, TenantId};

use super::RateCardOptions;

/// What can be done with subscriptions.
#[derive(Debug, Subcommand)]
pub(crate) enum SubscriptionCommand {
    Create(SubscriptionCreateOptions),
    /// List the subscriptions
    #[command(after_long_help = "\
Examples:
  tallyhouse subscription list -o table
  tallyhouse subscription list --query \"[].{name: displayName, id: subscriptionId}\" -o tsv")]
    List,
    /// Show a subscription
    #[command(after_long_help = "\
Example:
  tallyhouse subscription show --id 8c1f9e52-3a61-4f0e-9d0c-3f6f3a4f1001")]
    Show {
        /// Its GUID
        #[arg(long, value_name = "GUID", value_parser = SubscriptionId::parse)]
        id: SubscriptionId,
    },
}

/// Make a subscription.
///
/// Offer, currency and region select its prices; the locale selects the language of meter names.
#[derive(Debug, Args)]
#[command(after_long_help = "\
Example:
  tallyhouse subscription create --id 8c1f9e52-3a61-4f0e-9d0c-3f6f3a4f1001 --name \"Contoso Web\" \\
    --offer MS-AZR-0062P --currency USD --locale en-US --region US --anchor-day 14")]
pub(crate) struct SubscriptionCreateOptions {
    /// Its GUID
    #[arg(long, value_name = "GUID", value_parser = SubscriptionId::parse)]
    pub(crate) id: SubscriptionId,

    /// Name shown to people
    #[arg(long)]
    pub(crate) name: String,

    /// Which prices it has.
    #[command(flatten)]
    pub(crate) card: RateCardOptions,

    /// Day of the month on which its billing periods begin, 1 to 31 [default: 1]
    #[arg(long, value_name = "DAY", value_parser = clap::value_parser!(u8).range(1..=31))]
    pub(crate) anchor_day: Option<u8>,

    /// Tenant that owns it; the installation's first if absent
    #[arg(long, value_name = "GUID", value_parser = TenantId::parse)]
    pub(crate) tenant: Option<TenantId>,
}
