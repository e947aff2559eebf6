//! The group `ratecard`: the prices of meters.

use std::io::{Read, Write};
use std::path::Path;

use super::{OWN_API, list};
use crate::arguments::{RateCardOptions, RatecardCommand};
use crate::client::{Client, Payload};
use crate::document::Document;
use crate::failure::Failure;
use crate::import::Input;
use crate::limits;
use crate::output::Output;

/// Runs a command of the group.
pub(super) fn run<W: Write>(
    command: RatecardCommand,
    client: &Client,
    output: &mut Output<W>,
) -> Result<(), Failure> {
    match command {
        RatecardCommand::Import { file, card } => {
            output.write(import_rate_card(client, &card, &read(&file)?)?)
        }
        RatecardCommand::Show { card } => {
            let RateCardOptions { offer, currency, locale, region } = card;
            let path = format!("{OWN_API}/rate-cards/{offer}/{currency}/{locale}/{region}");
            output.write(client.get(&path, &[])?)
        }
        RatecardCommand::List => list(client, "/rate-cards", output),
    }
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
    let query = [
        ("offer", card.offer.as_str()),
        ("currency", card.currency.as_str()),
        ("locale", card.locale.as_str()),
        ("region", card.region.as_str()),
    ];
    let payload = Payload { content_type: "application/json", bytes: document };
    client.post(&format!("{OWN_API}/rate-cards"), &query, payload)
}

/// Reads a rate card file whole, unpacked.
fn read(file: &Path) -> Result<Vec<u8>, Failure> {
    let wrong = |reason: String| Failure::Input { file: file.display().to_string(), reason };
    let input = Input::open(file).map_err(|error| wrong(error.to_string()))?;
    let mut document = Vec::new();
    let mut limited = input.reader.take(limits::RATE_CARD_BYTES + 1);
    limited.read_to_end(&mut document).map_err(|error| wrong(error.to_string()))?;
    if u64::try_from(document.len()).is_ok_and(|bytes| bytes > limits::RATE_CARD_BYTES) {
        return Err(wrong(format!("larger than {} bytes", limits::RATE_CARD_BYTES)));
    }
    // The server would say so too, but not which file, and only after the upload.
    let text = document.strip_prefix(b"\xef\xbb\xbf").unwrap_or(&document);
    serde_json::from_slice::<serde::de::IgnoredAny>(text)
        .map_err(|error| wrong(format!("not JSON: {error}")))?;
    Ok(document)
}
