//! `rate`: the offline calculator. A rate card and usage in, the bills of their periods out, by the
//! same `rate` that the server has; no server and no data folder.
//!
//! All is read before anything is printed: if a row is wrong nothing is rated.

mod table;
mod usage;

use std::io::Write;
use std::path::Path;
use std::sync::Arc;

use domain::book::{Book, ImportedCard, PriceList};
use domain::catalogue::{OfferTerm, RateCard};
use domain::period::AnchorDay;
use domain::rate::rate;
use domain::time::UtcTime;
use wire::own::{CalculatedPeriod, Calculation};

use crate::arguments::RateOptions;
use crate::document::Document;
use crate::failure::Failure;
use crate::import::read_whole;
use crate::limits;
use crate::output::{Output, message};
use usage::Periods;

/// Rates the usage, and prints the bills.
///
/// # Errors
/// [`Failure::Input`] if a file cannot be read or is wrong, [`Failure::Usage`] if both are standard
/// input.
pub(crate) fn run<W: Write>(options: &RateOptions, output: &mut Output<W>) -> Result<(), Failure> {
    if is_standard_input(&options.ratecard) && is_standard_input(&options.usage) {
        let both = "--ratecard and --usage cannot both be standard input (-)";
        return Err(Failure::Usage(both.to_owned()));
    }
    let anchor = AnchorDay::new(options.anchor_day).expect("the command line takes 1 to 31 alone");
    let card = read_card(&options.ratecard)?;
    let periods = usage::read(&options.usage, anchor)?;
    if options.commitment.is_some() && !has_commitment(&card) {
        message("warning: the rate card has no Monetary Commitment; --commitment changes nothing");
    }
    if periods.is_empty() {
        message("warning: the file has no usage, so there is no bill");
    }
    let book = Book { commitment: options.commitment, ..book_of(&card) };
    let calculation = calculate(&card, &book, periods)
        .map_err(|reason| Failure::Input { file: options.usage.display().to_string(), reason })?;
    if output.is_plain_table() {
        return table::write(output.stream(), &calculation, &book.list);
    }
    output.write(Document::of(&calculation))
}

fn is_standard_input(file: &Path) -> bool {
    file.as_os_str() == "-"
}

/// Reads a rate card file whole, unpacked.
fn read_card(file: &Path) -> Result<RateCard, Failure> {
    let wrong = |reason: String| Failure::Input { file: file.display().to_string(), reason };
    let document = read_whole(file, limits::RATE_CARD_BYTES)?;
    let key = wire::ratecard::key_of_itself(&document).map_err(|error| wrong(error.to_string()))?;
    wire::ratecard::parse(&document, key).map_err(|error| wrong(error.to_string()))
}

fn has_commitment(card: &RateCard) -> bool {
    card.terms.iter().any(|term| matches!(term, OfferTerm::MonetaryCommitment { .. }))
}

/// The card alone, as if it had always been on file.
fn book_of(card: &RateCard) -> Book {
    let import =
        ImportedCard { card, version: 1, imported_at: UtcTime::MIN, reprice_closed: false };
    Book::of(Arc::new(PriceList::new([import], &card.key.locale)))
}

/// Rates period after period, or says in which of them a sum would not be exact.
fn calculate(card: &RateCard, book: &Book, periods: Periods) -> Result<Calculation, String> {
    let mut calculated = Vec::with_capacity(periods.len());
    for ((subscription, period), rows) in periods {
        let of_subscription =
            subscription.map(|id| format!(" of subscription {id}")).unwrap_or_default();
        let named =
            |error: String| format!("billing period {}{of_subscription}: {error}", period.name());
        let usage = usage::usage_of(period, subscription, rows);
        let rated = rate(&usage, book).map_err(|error| named(error.to_string()))?;
        let bill = CalculatedPeriod::new(subscription, &rated);
        calculated.push(bill.map_err(|error| named(error.to_string()))?);
    }
    Ok(Calculation::new(&card.key.currency, calculated))
}

#[cfg(test)]
mod tests;
