//! The offline calculator `rate`.

use std::path::PathBuf;

use clap::Args;
use domain::decimal::Money;

/// Rate usage by a rate card: no server, no data folder.
///
/// Prints the bill of every subscription and billing period that has usage. Every figure is a
/// string of plain decimals with every digit; a table rounds amounts to the currency's minor unit.
///
/// The rate card is what Azure's RateCard API answers, in the currency that it names. The usage is
/// what the UsageAggregates API answers ({"value": [...]}, a list, or one aggregate a line), or CSV
/// with a header: meterId, usageStartTime and quantity, and where wanted subscriptionId and
/// usageEndTime, in any order and case. gzip is recognised, and one of the files may be -. Times
/// without a zone are UTC. Without a subscriptionId all usage is of one subscription, and that of
/// the answer is null. If anything is wrong nothing is rated: the first 20 wrong rows are named.
/// Usage is held in memory, about 200 bytes a row.
///
/// Of a billing period the answer has: per meter its quantity, what its price includes (used or
/// not), what is left to bill, and the tiers that this falls into, of which those drawn from a
/// commitment have the discounted rate and "commitment": true; usage without a price, which is in no amount, with
/// the reason (`not on rate card`, `before first price`); the terms in force, each as it changes
/// the total: Monetary Credit below zero, of a Monetary Commitment the part that no usage drew,
/// Recurring Charge. Then the sums: "charges" are those of the meters and the part of the
/// commitment that no usage drew; "discount" is what the commitment took off, and charges are
/// without it; "total" is charges and "recurring" less "credit".
#[derive(Debug, Args)]
#[command(after_long_help = "\
Examples:
  tallyhouse rate --ratecard ratecard.json --usage usage.json
  tallyhouse rate --ratecard ratecard.json.gz --usage usage.csv --anchor-day 14 -o table
  tallyhouse rate --ratecard ratecard.json --usage usage.csv --commitment 1000 \\
    --query \"periods[].[name, total]\" -o tsv")]
pub(crate) struct RateOptions {
    /// The rate card; - for standard input
    #[arg(long, value_name = "FILE")]
    pub(crate) ratecard: PathBuf,

    /// The usage; - for standard input
    #[arg(long, value_name = "FILE")]
    pub(crate) usage: PathBuf,

    /// Day of the month on which billing periods begin, 1 to 31
    #[arg(long, value_name = "DAY", default_value_t = 1)]
    #[arg(value_parser = clap::value_parser!(u8).range(1..=31))]
    pub(crate) anchor_day: u8,

    /// Amount that each subscription commits to in each billing period, in the card's currency
    #[arg(long, value_name = "AMOUNT", value_parser = amount, allow_negative_numbers = true)]
    pub(crate) commitment: Option<Money>,
}

/// Reads an amount that is not below zero.
fn amount(text: &str) -> Result<Money, String> {
    match Money::parse(text) {
        Ok(amount) if amount.is_negative() => Err("below zero".to_owned()),
        Ok(amount) => Ok(amount),
        Err(error) => Err(error.to_string()),
    }
}
