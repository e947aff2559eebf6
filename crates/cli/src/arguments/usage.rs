//! The group `usage`.

use std::path::PathBuf;

use clap::{Args, Subcommand};
use domain::id::SubscriptionId;

/// What can be done with usage.
#[derive(Debug, Subcommand)]
pub(crate) enum UsageCommand {
    /// Import usage in the form that Azure's UsageAggregates API answers
    ///
    /// The file is one or more documents {"value": [...]}, a list, or one aggregate a line; gzip is
    /// recognised, and a file of any size is read piece by piece. Importing it again adds nothing:
    /// equal rows of one file are told apart by counting them. A wrong row is reported with its
    /// position and does not stop the others.
    #[command(after_long_help = "\
Examples:
  tallyhouse usage import usage.json
  tallyhouse usage import usage.ndjson.gz --source azure-export
  tallyhouse usage list --subscription GUID ... | tallyhouse --data ./other usage import -")]
    Import {
        /// The usage; - for standard input
        file: PathBuf,
        /// Name of where the usage comes from: the same row of two sources counts twice
        /// [default: azure-usage-aggregates]
        #[arg(long, value_name = "NAME")]
        source: Option<String>,
    },
    List(UsageListOptions),
}

/// List the usage that was reported in a range of time.
///
/// Follows the pages of Azure's UsageAggregates API to the end. Times are UTC: whole days for
/// Daily, whole hours for Hourly; the end is exclusive.
#[derive(Debug, Args)]
#[command(after_long_help = "\
Examples:
  tallyhouse usage list --subscription GUID --reported-start 2026-10-01 --reported-end 2026-11-01
  tallyhouse usage list --subscription GUID --reported-start 2026-10-01T00:00Z \\
    --reported-end 2026-10-02T00:00Z --granularity Hourly --top 5 -o table")]
pub(crate) struct UsageListOptions {
    /// Whose usage
    #[arg(long, value_name = "GUID", value_parser = SubscriptionId::parse)]
    pub(crate) subscription: SubscriptionId,

    /// First moment, such as 2026-10-01 or 2026-10-01T07:00:00Z
    #[arg(long, value_name = "TIME")]
    pub(crate) reported_start: String,

    /// First moment after the range
    #[arg(long, value_name = "TIME")]
    pub(crate) reported_end: String,

    /// Daily or Hourly
    #[arg(long, value_name = "SIZE", default_value = "Daily", ignore_case = true)]
    #[arg(value_parser = ["Daily", "Hourly"], hide_possible_values = true)]
    pub(crate) granularity: String,

    /// Sum over resources instead of a row for each
    #[arg(long)]
    pub(crate) no_details: bool,

    /// Stop after this many rows
    #[arg(long, value_name = "COUNT")]
    pub(crate) top: Option<u64>,
}
