//! The group `audit`.

use clap::{Args, Subcommand};
use domain::id::{ObjectId, SubscriptionId};

/// What can be done with the audit log.
#[derive(Debug, Subcommand)]
pub(crate) enum AuditCommand {
    List(AuditListOptions),
}

/// List who changed what, with what was there before and after, newest first.
///
/// Whoever may assign roles over a subscription (Owner, User Access Administrator, Role Based Access
/// Control Administrator) sees its changes; the administrator sees all, those of prices and of the
/// installation too. Times are UTC; the end is exclusive.
#[derive(Debug, Args)]
#[command(after_long_help = "\
Examples:
  tallyhouse audit list -o table
  tallyhouse audit list --subscription GUID --from 2026-10-01 --to 2026-11-01
  tallyhouse audit list --operation roleAssignments --query \"[].[at, by, action]\" -o tsv")]
pub(crate) struct AuditListOptions {
    /// Whose changes; without it everything, which the administrator may see
    #[arg(long, value_name = "GUID", value_parser = SubscriptionId::parse)]
    pub(crate) subscription: Option<SubscriptionId>,

    /// First moment, such as 2026-10-01 or 2026-10-01T07:00:00Z
    #[arg(long, value_name = "TIME")]
    pub(crate) from: Option<String>,

    /// First moment after the range
    #[arg(long, value_name = "TIME")]
    pub(crate) to: Option<String>,

    /// Object id of whoever made the changes
    #[arg(long, value_name = "OID", value_parser = ObjectId::parse)]
    pub(crate) by: Option<ObjectId>,

    /// What was done to what kind of object, such as roleAssignments/write, or the kind alone
    #[arg(long, value_name = "WHAT")]
    pub(crate) operation: Option<String>,

    /// Stop after this many changes
    #[arg(long, value_name = "COUNT", default_value_t = 100)]
    #[arg(value_parser = clap::value_parser!(u64).range(1..))]
    pub(crate) top: u64,
}
