//! The group `ratecard`, and the options that select a rate card.

use std::path::PathBuf;

use clap::{Args, Subcommand};
use domain::id::{Country, Currency, Locale, OfferId};

/// The four values that select a rate card.
#[derive(Debug, Clone, Args)]
pub(crate) struct RateCardOptions {
    /// Offer durable id, such as MS-AZR-0062P
    #[arg(long, value_parser = OfferId::parse)]
    pub(crate) offer: OfferId,

    /// ISO 4217 currency of the prices
    #[arg(long, value_parser = Currency::parse)]
    pub(crate) currency: Currency,

    /// Locale of the meter names, such as en-US
    #[arg(long, value_parser = Locale::parse)]
    pub(crate) locale: Locale,

    /// ISO 3166 country where the offer was bought
    #[arg(long, value_name = "COUNTRY", value_parser = Country::parse)]
    pub(crate) region: Country,
}

/// What can be done with rate cards.
#[derive(Debug, Subcommand)]
pub(crate) enum RatecardCommand {
    /// Add a rate card, or a newer version of one
    ///
    /// The file is what Azure's RateCard API answers; gzip is recognised. Usage is priced by the
    /// version in force when it was used.
    #[command(after_long_help = "\
Example:
  tallyhouse ratecard import ratecard.json \\
    --offer MS-AZR-0062P --currency USD --locale en-US --region US")]
    Import {
        /// The rate card; - for standard input
        file: PathBuf,
        /// Which card it is.
        #[command(flatten)]
        card: RateCardOptions,
        /// Let its prices hold in billing periods that are closed, too, which then need
        /// adjustments; without it a price of a date on file changes open periods alone
        #[arg(long)]
        reprice_closed: bool,
    },
    /// Show a rate card as Azure's RateCard API answers it, or a version as it was imported
    #[command(after_long_help = "\
Examples:
  tallyhouse ratecard show --offer MS-AZR-0062P --currency USD --locale en-US --region US \\
    --query \"Meters[?MeterCategory == 'Networking'].[MeterName, MeterRates]\"
  tallyhouse ratecard show --version 3")]
    Show {
        /// Which card.
        #[command(flatten)]
        card: Option<RateCardOptions>,
        /// Number of a version, instead of offer, currency, locale and region
        #[arg(long, value_name = "NUMBER", conflicts_with = "RateCardOptions")]
        #[arg(required_unless_present = "RateCardOptions")]
        version: Option<u64>,
    },
    /// List the versions of rate cards on file
    #[command(after_long_help = "Example:\n  tallyhouse ratecard list -o table")]
    List,
    /// List the versions of a rate card, the latest first, with how much each changed
    ///
    /// Each is compared with the version before: how many meters were added and removed, how many
    /// have another price or another name, and how many offer terms are not the same.
    #[command(after_long_help = "\
Example:
  tallyhouse ratecard history --offer MS-AZR-0062P --currency USD --locale en-US --region US \\
    -o table")]
    History {
        /// Which card.
        #[command(flatten)]
        card: RateCardOptions,
    },
    /// Show what changed between two versions, to the last digit
    ///
    /// They must be of one offer, currency and region. A meter that the newer card does not have
    /// keeps its last price.
    #[command(after_long_help = "\
Examples:
  tallyhouse ratecard diff 3 4 -o table
  tallyhouse ratecard diff 3 4 --query \"priceChanged[].[meterName, before.rates, after.rates]\"")]
    Diff {
        /// Number of the version that is compared against
        #[arg(value_name = "A")]
        from: u64,
        /// Number of the version whose changes are shown
        #[arg(value_name = "B")]
        to: u64,
    },
}
