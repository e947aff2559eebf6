//! The group `ratecard`: the prices of meters.

use std::io::Write;
use std::path::Path;

use wire::own::{
    ListedMeter, MeterPrice, OfferTerm, PriceChange, RateCardCounts, RateCardDiff, RateCardHistory,
    RateCardHistoryEntry, Renaming, TaxChange, TermChange,
};

use super::{OWN_API, list, payload, row};
use crate::arguments::{RateCardOptions, RatecardCommand};
use crate::client::{Client, Parameters};
use crate::document::Document;
use crate::failure::Failure;
use crate::import::read_whole;
use crate::limits;
use crate::output::{Output, message};

/// Runs a command of the group.
pub(super) fn run<W: Write>(
    command: RatecardCommand,
    client: &Client,
    output: &mut Output<W>,
) -> Result<(), Failure> {
    match command {
        RatecardCommand::Import { file, card, reprice_closed } => {
            let further = [("repriceClosed", "true")];
            let further = if reprice_closed { &further[..] } else { &[] };
            output.write(send_rate_card(client, &card, &read(&file)?, further)?)
        }
        RatecardCommand::Show { card, version } => {
            let path = match (card, version) {
                (Some(card), _) => path_of(&card),
                (None, Some(version)) => format!("{OWN_API}/rate-cards/versions/{version}"),
                (None, None) => unreachable!("the command line has one of them"),
            };
            output.write(client.get(&path, &[])?)
        }
        RatecardCommand::List => list(client, "/rate-cards", output),
        RatecardCommand::History { card } => history(&card, client, output),
        RatecardCommand::Diff { from, to } => diff(from, to, client, output),
    }
}

fn path_of(card: &RateCardOptions) -> String {
    let RateCardOptions { offer, currency, locale, region } = card;
    format!("{OWN_API}/rate-cards/{offer}/{currency}/{locale}/{region}")
}

/// Sends a rate card, and returns the version that it became.
///
/// # Errors
/// [`Failure::Refused`] or [`Failure::Unreachable`].
pub(crate) fn import_rate_card(
    client: &Client,
    card: &RateCardOptions,
    document: &[u8],
) -> Result<Document, Failure> {
    send_rate_card(client, card, document, &[])
}

fn send_rate_card(
    client: &Client,
    card: &RateCardOptions,
    document: &[u8],
    further: &Parameters<'_>,
) -> Result<Document, Failure> {
    let query = [
        ("offer", card.offer.as_str()),
        ("currency", card.currency.as_str()),
        ("locale", card.locale.as_str()),
        ("region", card.region.as_str()),
    ];
    let query = [&query, further].concat();
    client.post(&format!("{OWN_API}/rate-cards"), &query, payload(document))
}

fn history<W: Write>(
    card: &RateCardOptions,
    client: &Client,
    output: &mut Output<W>,
) -> Result<(), Failure> {
    let path = format!("{}/history", path_of(card));
    let is_flat = output.is_flat();
    let mut rows = output.list();
    let mut before = None;
    loop {
        let before_text = before.map(|version: u64| version.to_string());
        let query: Vec<_> = before_text.iter().map(|text| ("before", text.as_str())).collect();
        let page: RateCardHistory = client.get_as(&path, &query)?;
        for entry in page.value {
            rows.push(if is_flat { flat_version(&entry) } else { Document::of(&entry) })?;
        }
        before = match page.earlier {
            Some(earlier) => Some(earlier),
            None => return rows.finish(),
        };
    }
}

fn flat_version(entry: &RateCardHistoryEntry) -> Document {
    let RateCardHistoryEntry { version, changed } = entry;
    let count = |count: fn(&RateCardCounts) -> usize| {
        changed.as_ref().map(|changed| count(changed).to_string())
    };
    row([
        ("version", Some(version.version.to_string())),
        ("importedAt", Some(version.imported_at.clone())),
        ("importedBy", Some(version.imported_by.clone())),
        ("meters", Some(version.meters.to_string())),
        ("repriceClosed", Some(version.reprice_closed.to_string())),
        ("added", count(|changed| changed.added)),
        ("removed", count(|changed| changed.removed)),
        ("priceChanged", count(|changed| changed.price_changed)),
        ("renamed", count(|changed| changed.renamed)),
        ("termsChanged", count(|changed| changed.terms_changed)),
    ])
}

fn diff<W: Write>(
    from: u64,
    to: u64,
    client: &Client,
    output: &mut Output<W>,
) -> Result<(), Failure> {
    let (from, to) = (from.to_string(), to.to_string());
    let query = [("from", from.as_str()), ("to", to.as_str())];
    let diff: RateCardDiff = client.get_as(&format!("{OWN_API}/rate-cards/diff"), &query)?;
    let removed = diff.removed.len();
    let answer =
        if output.is_flat() { Document::Array(flat_diff(diff)) } else { Document::of(&diff) };
    output.write(answer)?;
    if removed > 0 {
        message(format_args!("meters that version {to} does not have keep their last price"));
    }
    Ok(())
}

/// What changed as rows for a table or tab-separated values.
fn flat_diff(diff: RateCardDiff) -> Vec<Document> {
    let mut rows = Vec::new();
    let mut push = |change: &str, of: &str, name: Option<String>, before, after| {
        rows.push(row([
            ("change", Some(change.to_owned())),
            ("of", Some(of.to_owned())),
            ("name", name),
            ("before", before),
            ("after", after),
        ]));
    };
    for ListedMeter { meter, price } in diff.added {
        push("added", &meter.meter_id, meter.meter_name, None, Some(price_in_words(&price)));
    }
    for ListedMeter { meter, price } in diff.removed {
        push("removed", &meter.meter_id, meter.meter_name, Some(price_in_words(&price)), None);
    }
    for PriceChange { meter, before, after } in diff.price_changed {
        let (before, after) = (price_in_words(&before), price_in_words(&after));
        push("price", &meter.meter_id, meter.meter_name, Some(before), Some(after));
    }
    for Renaming { meter_id, changes } in diff.renamed {
        for change in changes {
            push(&change.property, &meter_id, None, change.before, change.after);
        }
    }
    for TermChange { name, before, after } in diff.terms {
        let words = |term: Option<OfferTerm>| term.map(|term| term_in_words(&term));
        push("term", &name, None, words(before), words(after));
    }
    if let Some(TaxChange { before, after }) = diff.is_tax_included {
        push("tax included", "", None, Some(before.to_string()), Some(after.to_string()));
    }
    rows
}

fn price_in_words(price: &MeterPrice) -> String {
    let MeterPrice { effective_date, included_quantity, rates } = price;
    format!("{rates}, included {included_quantity}, from {effective_date}")
}

fn term_in_words(term: &OfferTerm) -> String {
    let amount = term.credit.clone().or_else(|| term.recurring_charge.clone());
    let amount = amount.or_else(|| term.tiered_discount.as_ref().map(ToString::to_string));
    let excluded = term.excluded_meter_ids.as_ref().map_or(0, Vec::len);
    let excluded =
        if excluded == 0 { String::new() } else { format!(", without {excluded} meters") };
    format!("{}{excluded}, from {}", amount.unwrap_or_default(), term.effective_date)
}

/// Reads a rate card file whole, unpacked.
fn read(file: &Path) -> Result<Vec<u8>, Failure> {
    let wrong = |reason: String| Failure::Input { file: file.display().to_string(), reason };
    let document = read_whole(file, limits::RATE_CARD_BYTES)?;
    // The server would say so too, but not which file, and only after the upload.
    let text = document.strip_prefix(b"\xef\xbb\xbf").unwrap_or(&document);
    serde_json::from_slice::<serde::de::IgnoredAny>(text)
        .map_err(|error| wrong(format!("not JSON: {error}")))?;
    Ok(document)
}
