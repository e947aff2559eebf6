//! The group `subscription`.

use std::convert::Infallible;

use clap::{Args, Subcommand};
use domain::decimal::{DecimalError, Money};
use domain::id::{OfferId, SubscriptionId, TenantId};
use domain::time::Date;

use super::{RateCardOptions, day};

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
    /// Show a subscription as it is today, with upcoming changes
    #[command(after_long_help = "\
Example:
  tallyhouse subscription show --id 8c1f9e52-3a61-4f0e-9d0c-3f6f3a4f1001")]
    Show {
        /// Its GUID
        #[arg(long, value_name = "GUID", value_parser = SubscriptionId::parse)]
        id: SubscriptionId,
    },
    Update(SubscriptionUpdateOptions),
    /// Suspend a subscription; it can be resumed, and still takes usage
    #[command(after_long_help = "\
Example:
  tallyhouse subscription suspend --id 8c1f9e52-3a61-4f0e-9d0c-3f6f3a4f1001")]
    Suspend(StateOptions),
    /// Resume a suspended subscription
    #[command(after_long_help = "\
Example:
  tallyhouse subscription resume --id 8c1f9e52-3a61-4f0e-9d0c-3f6f3a4f1001 --effective 2026-10-15")]
    Resume(StateOptions),
    /// Cancel a subscription for ever; nothing about it can be changed any more
    ///
    /// It can still be read, and usage that comes late is still taken and charged. Billing periods
    /// that start on the day or later have no recurring charges.
    #[command(after_long_help = "\
Example:
  tallyhouse subscription cancel --id 8c1f9e52-3a61-4f0e-9d0c-3f6f3a4f1001 --effective 2026-11-01")]
    Cancel(StateOptions),
    /// For how long details of usage are kept
    #[command(subcommand)]
    Retention(RetentionCommand),
    /// Legal holds, under which nothing is erased
    #[command(subcommand)]
    Hold(HoldCommand),
    /// Show how a subscription was made and what was changed since
    #[command(after_long_help = "\
Example:
  tallyhouse subscription history --id 8c1f9e52-3a61-4f0e-9d0c-3f6f3a4f1001 -o table")]
    History {
        /// Its GUID
        #[arg(long, value_name = "GUID", value_parser = SubscriptionId::parse)]
        id: SubscriptionId,
    },
}

/// What can be done with retention.
#[derive(Debug, Subcommand)]
pub(crate) enum RetentionCommand {
    /// Show for how many days details of usage are kept; null is for ever
    #[command(after_long_help = "\
Example:
  tallyhouse subscription retention show --id 8c1f9e52-3a61-4f0e-9d0c-3f6f3a4f1001")]
    Show(SubscriptionOption),
    /// Keep details of usage for so many days
    ///
    /// At the beginning of each day, UTC, usage that began longer ago loses what may name people, as
    /// with `usage erase`. Quantities, times, meters and with them every cost stay.
    #[command(after_long_help = "\
Example:
  tallyhouse subscription retention set --id 8c1f9e52-3a61-4f0e-9d0c-3f6f3a4f1001 --days 400")]
    Set {
        /// Which subscription.
        #[command(flatten)]
        subscription: SubscriptionOption,
        /// Days from the start of usage on, 1 to 36500
        #[arg(long, value_name = "COUNT", value_parser = clap::value_parser!(u32).range(1..=36_500))]
        days: u32,
    },
    /// Keep details of usage for ever; what was erased stays so
    #[command(after_long_help = "\
Example:
  tallyhouse subscription retention clear --id 8c1f9e52-3a61-4f0e-9d0c-3f6f3a4f1001")]
    Clear(SubscriptionOption),
}

/// What can be done with legal holds.
#[derive(Debug, Subcommand)]
pub(crate) enum HoldCommand {
    /// Show the legal hold on a subscription; a null reason is none
    #[command(after_long_help = "\
Example:
  tallyhouse subscription hold show --id 8c1f9e52-3a61-4f0e-9d0c-3f6f3a4f1001")]
    Show(SubscriptionOption),
    /// Put a legal hold on a subscription, or give it another reason
    ///
    /// While it is there, nothing of the subscription is erased, neither by hand nor by retention.
    #[command(after_long_help = "\
Example:
  tallyhouse subscription hold set --id 8c1f9e52-3a61-4f0e-9d0c-3f6f3a4f1001 --reason \"case 12/26\"")]
    Set {
        /// Which subscription.
        #[command(flatten)]
        subscription: SubscriptionOption,
        /// Why nothing may be erased: one line
        #[arg(long)]
        reason: String,
    },
    /// Lift the legal hold on a subscription
    #[command(after_long_help = "\
Example:
  tallyhouse subscription hold lift --id 8c1f9e52-3a61-4f0e-9d0c-3f6f3a4f1001")]
    Lift(SubscriptionOption),
}

/// Which subscription.
#[derive(Debug, Args)]
pub(crate) struct SubscriptionOption {
    /// Its GUID
    #[arg(long, value_name = "GUID", value_parser = SubscriptionId::parse)]
    pub(crate) id: SubscriptionId,
}

/// Which subscription is suspended, resumed or cancelled, and from when.
#[derive(Debug, Args)]
pub(crate) struct StateOptions {
    /// Its GUID
    #[arg(long, value_name = "GUID", value_parser = SubscriptionId::parse)]
    pub(crate) id: SubscriptionId,

    /// First day, UTC; today if absent. It may not be in a billing period that is closed
    #[arg(long, value_name = "DAY", value_parser = day)]
    pub(crate) effective: Option<Date>,
}

/// A value, or the word `none`, which takes away what is there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum OrNone<T> {
    /// Takes away.
    None,
    /// Sets.
    Some(T),
}

impl<T> OrNone<T> {
    fn read<E>(text: &str, parse: impl FnOnce(&str) -> Result<T, E>) -> Result<Self, E> {
        if text == "none" { Ok(Self::None) } else { parse(text).map(Self::Some) }
    }
}

fn amount_or_none(text: &str) -> Result<OrNone<Money>, DecimalError> {
    OrNone::read(text, Money::parse)
}

fn text_or_none(text: &str) -> Result<OrNone<String>, Infallible> {
    OrNone::read(text, |text| Ok(text.to_owned()))
}

/// Change a subscription from a day on.
///
/// What held before is kept. Offer and anchor day end the running billing period at the midnight
/// that begins the day; a commitment counts in the periods that start on the day or later.
#[derive(Debug, Args)]
#[command(after_long_help = "\
Examples:
  tallyhouse subscription update --id GUID --name \"Contoso Shop\"
  tallyhouse subscription update --id GUID --offer MS-AZR-0003P --effective 2026-11-01
  tallyhouse subscription update --id GUID --commitment 5000 --effective 2026-11-01
  tallyhouse subscription update --id GUID --commitment none --buyer none")]
pub(crate) struct SubscriptionUpdateOptions {
    /// Its GUID
    #[arg(long, value_name = "GUID", value_parser = SubscriptionId::parse)]
    pub(crate) id: SubscriptionId,

    /// Name shown to people
    #[arg(long)]
    pub(crate) name: Option<String>,

    /// Offer durable id, such as MS-AZR-0003P
    #[arg(long, value_parser = OfferId::parse)]
    pub(crate) offer: Option<OfferId>,

    /// Day of the month on which its billing periods begin, 1 to 31
    #[arg(long, value_name = "DAY", value_parser = clap::value_parser!(u8).range(1..=31))]
    pub(crate) anchor_day: Option<u8>,

    /// Amount committed to in each billing period
    #[arg(long, value_name = "AMOUNT|none", value_parser = amount_or_none)]
    pub(crate) commitment: Option<OrNone<Money>>,

    /// Whether invoices may be downloaded
    #[arg(long, value_name = "true|false", hide_possible_values = true)]
    pub(crate) invoice_download: Option<bool>,

    /// Name and address that invoices are made out to
    #[arg(long, value_name = "TEXT|none", value_parser = text_or_none)]
    pub(crate) buyer: Option<OrNone<String>>,

    /// First day on which all of it holds, UTC; if absent tomorrow for offer, anchor day and
    /// commitment, else today. It may not be in a billing period that is closed
    #[arg(long, value_name = "DAY", value_parser = day)]
    pub(crate) effective: Option<Date>,
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

    /// Amount committed to in each billing period
    #[arg(long, value_name = "AMOUNT", value_parser = Money::parse)]
    pub(crate) commitment: Option<Money>,

    /// Whether invoices may be downloaded [default: false]
    #[arg(long, value_name = "true|false", hide_possible_values = true)]
    pub(crate) invoice_download: Option<bool>,

    /// Name and address that invoices are made out to
    #[arg(long, value_name = "TEXT")]
    pub(crate) buyer: Option<String>,
}
