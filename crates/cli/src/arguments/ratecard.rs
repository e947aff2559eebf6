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
    },
    /// Show a rate card as Azure's RateCard API answers it
    #[command(after_long_help = "\
Example:
  tallyhouse ratecard show --offer MS-AZR-0062P --currency USD --locale en-US --region US \\
    --query \"Meters[?MeterCategory == 'Networking'].[MeterName, MeterRates]\"")]
    Show {
        /// Which card.
        #[command(flatten)]
        card: RateCardOptions,
    },
    /// List the versions of rate cards on file
    #[command(after_long_help = "Example:\n  tallyhouse ratecard list -o table")]
    List,
}
