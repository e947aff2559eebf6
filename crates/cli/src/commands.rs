//! What the client's commands do: ask the server, print its answer.

mod cost;
mod usage;

use std::io::{Read, Write};
use std::path::Path;

use serde::Serialize;
use wire::own::{RoleAssignmentCreate, SubscriptionCreate, TokenRequest};

use crate::arguments::{
    Command, LedgerCommand, RateCardOptions, RatecardCommand, RoleCommand, SubscriptionCommand,
    SubscriptionCreateOptions, TokenCommand,
};
use crate::client::{Client, Payload};
use crate::document::Document;
use crate::failure::Failure;
use crate::import::Input;
use crate::limits;
use crate::output::{Output, message};

pub(crate) use cost::write_spend;

/// Where our own API is.
const OWN_API: &str = "/tallyhouse/v1";

/// Runs a command of the client.
///
/// # Errors
/// [`Failure`], with the exit code.
pub(crate) fn run<W: Write>(
    command: Command,
    client: &Client,
    output: &mut Output<W>,
) -> Result<(), Failure> {
    match command {
        Command::Serve(_) | Command::Demo(_) => unreachable!("these are no commands of the client"),
        Command::Subscription(command) => subscription(command, client, output),
        Command::Ratecard(command) => ratecard(command, client, output),
        Command::Usage(command) => usage::run(command, client, output),
        Command::Cost(command) => cost::run(command, client, output),
        Command::Role(command) => role(command, client, output),
        Command::Token(TokenCommand::Issue { object_id, tenant, expires_in }) => {
            let request = TokenRequest {
                object_id: object_id.to_string(),
                tenant_id: tenant.map(|tenant| tenant.to_string()),
                expires_in: Some(expires_in),
            };
            output.write(post(client, "/tokens", &request)?)
        }
        Command::Ledger(LedgerCommand::Seal) => {
            let payload = Payload { content_type: "application/json", bytes: b"" };
            client.post(&format!("{OWN_API}/ledger/seal"), &[], payload)?;
            message("the journal is sealed: the Delta table has all usage");
            Ok(())
        }
    }
}

fn subscription<W: Write>(
    command: SubscriptionCommand,
    client: &Client,
    output: &mut Output<W>,
) -> Result<(), Failure> {
    match command {
        SubscriptionCommand::Create(options) => {
            let created = post(client, "/subscriptions", &subscription_of(options))?;
            output.write(created)
        }
        SubscriptionCommand::List => list(client, "/subscriptions", output),
        SubscriptionCommand::Show { id } => {
            output.write(client.get(&format!("{OWN_API}/subscriptions/{id}"), &[])?)
        }
    }
}

fn subscription_of(options: SubscriptionCreateOptions) -> SubscriptionCreate {
    let card = options.card;
    SubscriptionCreate {
        subscription_id: options.id.to_string(),
        display_name: options.name,
        offer: card.offer.to_string(),
        currency: card.currency.to_string(),
        locale: card.locale.to_string(),
        region: card.region.to_string(),
        anchor_day: options.anchor_day,
        tenant_id: options.tenant.map(|tenant| tenant.to_string()),
    }
}

fn ratecard<W: Write>(
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

fn role<W: Write>(
    command: RoleCommand,
    client: &Client,
    output: &mut Output<W>,
) -> Result<(), Failure> {
    match command {
        RoleCommand::Assign { assignee, role, scope } => {
            let request = RoleAssignmentCreate { principal_id: assignee.to_string(), role, scope };
            output.write(post(client, "/role-assignments", &request)?)
        }
        RoleCommand::List => list(client, "/role-assignments", output),
        RoleCommand::Remove { name } => {
            match client.delete(&format!("{OWN_API}/role-assignments/{name}"))? {
                Document::Null => Ok(()),
                removed => output.write(removed),
            }
        }
    }
}

/// POSTs a body of our own API.
pub(crate) fn post(
    client: &Client,
    path: &str,
    request: &impl Serialize,
) -> Result<Document, Failure> {
    let body = serde_json::to_vec(request).expect("our own bodies have string keys");
    let payload = Payload { content_type: "application/json", bytes: &body };
    client.post(&format!("{OWN_API}{path}"), &[], payload)
}

/// Prints what a list has, without the envelope.
fn list<W: Write>(client: &Client, path: &str, output: &mut Output<W>) -> Result<(), Failure> {
    let answer = client.get(&format!("{OWN_API}{path}"), &[])?;
    output.write(answer.take("value").unwrap_or(Document::Array(vec![])))
}
