//! The group `export`.

use std::path::PathBuf;

use clap::{Args, Subcommand};
use domain::id::SubscriptionId;

/// What can be exported.
#[derive(Debug, Subcommand)]
pub(crate) enum ExportCommand {
    Focus(ExportFocusOptions),
}

/// Export bills in the columns of FOCUS 1.2.
///
/// A row for each charge and tier, by day or hour and resource; credit, commitment and recurring
/// charges are rows of their own. The sum of BilledCost is the bill, to the last digit. Usage without
/// a price has a row with x_UnpricedReason. A file takes its name only once it is whole.
#[derive(Debug, Args)]
#[command(after_long_help = "\
Examples:
  tallyhouse export focus --period 2026-10 > focus.csv
  tallyhouse export focus --subscription GUID --period 2026-01 --through 2026-10 \\
    --format parquet --file focus.parquet")]
pub(crate) struct ExportFocusOptions {
    /// Whose bills; those of every subscription whose cost you may read if absent
    #[arg(long, value_name = "GUID", value_parser = SubscriptionId::parse)]
    pub(crate) subscription: Option<SubscriptionId>,

    /// Month in which the billing periods start; the current one if absent
    #[arg(long, value_name = "MONTH")]
    pub(crate) period: Option<String>,

    /// Last month, for the billing periods of several
    #[arg(long, value_name = "MONTH", requires = "period")]
    pub(crate) through: Option<String>,

    /// csv or parquet
    #[arg(long, default_value = "csv", value_parser = ["csv", "parquet"])]
    #[arg(hide_possible_values = true)]
    pub(crate) format: String,

    /// Rows by day or by hour: daily or hourly
    #[arg(long, default_value = "daily", value_parser = ["daily", "hourly"])]
    #[arg(hide_possible_values = true)]
    pub(crate) granularity: String,

    /// Export what was known at this moment, UTC
    #[arg(long, value_name = "TIME")]
    pub(crate) as_of: Option<String>,

    /// File to write; standard output if absent
    #[arg(long, value_name = "FILE")]
    pub(crate) file: Option<PathBuf>,
}
