//! The group `usage`.

use std::path::PathBuf;

use clap::{ArgGroup, Args, Subcommand};
use domain::id::SubscriptionId;
use domain::time::Date;

use super::day;

/// What can be done with usage.
#[derive(Debug, Subcommand)]
pub(crate) enum UsageCommand {
    /// Import usage in the form that Azure's UsageAggregates API answers
    ///
    /// The file is one or more documents {"value": [...]}, a list, or one aggregate a line; gzip is
    /// recognised, and a file of any size is sent piece by piece, and stored while it is sent. Importing
    /// it again adds nothing: equal rows of one file are told apart by counting them. Where an import
    /// breaks off, what was stored stays, and importing the file again adds the rest. A wrong row is
    /// reported with its position and does not stop the others.
    ///
    /// A file of many million rows is best in order of time, or of subscriptions: where too many rows
    /// lie between two of one subscription and reported bucket, the later one is rejected.
    ///
    /// With --correct the file has whole slices: every row of each subscription and reported bucket in
    /// it. Rows that are stored of a slice and not in the file are taken back, others are added, each
    /// slice in one commit; a wrong row then stops all. The result lists what differs.
    #[command(after_long_help = "\
Examples:
  tallyhouse usage import usage.json
  tallyhouse usage import usage.json --correct --dry-run
  tallyhouse usage import usage.ndjson.gz --source azure-export
  tallyhouse usage list --subscription GUID ... | tallyhouse --data ./other usage import -")]
    Import {
        /// The usage; - for standard input
        file: PathBuf,
        /// Name of where the usage comes from: the same row of two sources counts twice
        /// [default: azure-usage-aggregates]
        #[arg(long, value_name = "NAME")]
        source: Option<String>,
        /// Make what is stored of each subscription and reported bucket in the file what the file has
        #[arg(long)]
        correct: bool,
        /// With --correct: say what differs, and store nothing
        #[arg(long, requires = "correct")]
        dry_run: bool,
    },
    Correct(UsageCorrectOptions),
    List(UsageListOptions),
    Erase(UsageEraseOptions),
    /// List the erasures of a subscription, newest first
    #[command(after_long_help = "\
Example:
  tallyhouse usage erasures --subscription GUID -o table")]
    Erasures {
        /// Whose usage
        #[arg(long, value_name = "GUID", value_parser = SubscriptionId::parse)]
        subscription: SubscriptionId,
    },
}

/// Erase for good what may name people in the usage of a subscription
///
/// Of usage that is stored by now, tags, additional info and info fields go, and names of resource
/// groups and resources become pseudonyms that nobody can take back. Quantities, times, meters and with
/// them every cost stay to the last digit. Without --before, the tags of its resource groups go too.
/// Backups, copies and exports that were made before still have all of it.
///
/// Waits until the server is done; if it is not waited for, it goes on all the same.
#[derive(Debug, Args)]
#[command(after_long_help = "\
Examples:
  tallyhouse usage erase --subscription GUID --before 2025-01-01 --yes
  tallyhouse usage erase --subscription GUID --yes")]
pub(crate) struct UsageEraseOptions {
    /// Whose usage
    #[arg(long, value_name = "GUID", value_parser = SubscriptionId::parse)]
    pub(crate) subscription: SubscriptionId,

    /// Only of usage that began before this day, UTC
    #[arg(long, value_name = "DAY", value_parser = day)]
    pub(crate) before: Option<Date>,

    /// Do it; without this, only what would be done is said
    #[arg(long)]
    pub(crate) yes: bool,
}

/// Take a record of usage back, and store another in its place
///
/// What takes it back and what stands in its place are reported now, in one commit: no closed bucket
/// changes, and cost as of an earlier time stays. A record is taken back once; the same correction again
/// adds nothing.
#[derive(Debug, Args)]
#[command(after_long_help = "\
Examples:
  tallyhouse usage correct --subscription GUID --source urn:meter --id 17 --void --dry-run
  tallyhouse usage correct --subscription GUID --source urn:meter --id 17 --with event.json

The file has the event in its place as the events API takes it, whole, with an id of its own:
  {\"specversion\": \"1.0\", \"type\": \"tallyhouse.usage.v1\", \"source\": \"urn:meter\", \"id\": \"17b\",
   \"data\": {\"subscriptionId\": ..., \"meterId\": ..., \"quantity\": \"2\", ...}}")]
#[command(group(ArgGroup::new("instead").required(true)))]
pub(crate) struct UsageCorrectOptions {
    /// Whose usage
    #[arg(long, value_name = "GUID", value_parser = SubscriptionId::parse)]
    pub(crate) subscription: SubscriptionId,

    /// Source of the record
    #[arg(long, value_name = "NAME")]
    pub(crate) source: String,

    /// Id of the record within its source
    #[arg(long, value_name = "ID")]
    pub(crate) id: String,

    /// Store nothing in its place
    #[arg(long, group = "instead")]
    pub(crate) void: bool,

    /// The event in its place; - for standard input
    #[arg(long, value_name = "FILE", group = "instead")]
    pub(crate) with: Option<PathBuf>,

    /// Say what would happen, and store nothing
    #[arg(long)]
    pub(crate) dry_run: bool,
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
