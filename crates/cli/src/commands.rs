//! What the client's commands do: ask the server, print its answer.

mod audit;
mod backup;
mod cost;
mod export;
mod price;
mod ratecard;
mod resource_group;
mod service_principal;
mod subscription;
mod usage;

use std::io::Write;

use serde::Serialize;
use wire::own::{RoleAssignmentCreate, TokenRequest};

use crate::arguments::{Command, LedgerCommand, RoleCommand, TokenCommand};
use crate::client::{Client, Payload};
use crate::document::Document;
use crate::failure::Failure;
use crate::output::{Output, message};

pub(crate) use backup::{restore, verify_folder};
pub(crate) use cost::write_spend;
pub(crate) use ratecard::import_rate_card;

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
        Command::Serve(_) | Command::Demo(_) | Command::Rate(_) | Command::Restore(_) => {
            unreachable!("these are no commands of the client")
        }
        Command::Subscription(command) => subscription::run(command, client, output),
        Command::Ratecard(command) => ratecard::run(command, client, output),
        Command::Price(command) => price::run(command, client, output),
        Command::ResourceGroup(command) => resource_group::run(command, client, output),
        Command::Usage(command) => usage::run(command, client, output),
        Command::Cost(command) => cost::run(command, client, output),
        Command::Export(command) => export::run(command, client),
        Command::Role(command) => role(command, client, output),
        Command::ServicePrincipal(command) => service_principal::run(command, client, output),
        Command::Audit(command) => audit::run(command, client, output),
        Command::Token(TokenCommand::RotateAdministrator) => {
            let rotated =
                client.post(&format!("{OWN_API}/administrator-token/rotate"), &[], payload(b""))?;
            message(
                "earlier tokens of the administrator count no more; admin.token has the new one",
            );
            output.write(rotated)
        }
        Command::Token(TokenCommand::Issue { object_id, tenant, expires_in }) => {
            let request = TokenRequest {
                object_id: object_id.to_string(),
                tenant_id: tenant.map(|tenant| tenant.to_string()),
                expires_in: Some(expires_in),
            };
            output.write(post(client, "/tokens", &request)?)
        }
        Command::Backup(options) => backup::backup(&options, client, output),
        Command::Ledger(LedgerCommand::Verify { .. }) => backup::verify(client, output),
        Command::Ledger(LedgerCommand::Seal) => {
            let done = "the journal is sealed: the Delta table has all usage";
            ask_ledger(client, "seal", done)
        }
        Command::Ledger(LedgerCommand::Compact) => {
            ask_ledger(client, "compact", "no more data files are to be joined")
        }
    }
}

/// Has the ledger do some of its own work, and says that it is done.
fn ask_ledger(client: &Client, call: &str, done: &str) -> Result<(), Failure> {
    client.post(&format!("{OWN_API}/ledger/{call}"), &[], payload(b""))?;
    message(done);
    Ok(())
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
    let body = json(request);
    client.post(&format!("{OWN_API}{path}"), &[], payload(&body))
}

/// A body of our own API, in JSON.
fn json(request: &impl Serialize) -> Vec<u8> {
    serde_json::to_vec(request).expect("our own bodies have string keys")
}

fn payload(bytes: &[u8]) -> Payload<'_> {
    Payload { content_type: "application/json", bytes }
}

/// A row for a table or tab-separated values; what there is none of is left blank.
fn row<const N: usize>(cells: [(&str, Option<String>); N]) -> Document {
    // Null has no place in a table, and columns stand in the order in which they first appear.
    let cell = |text: Option<String>| Document::String(text.unwrap_or_default());
    Document::Object(cells.into_iter().map(|(name, text)| (name.to_owned(), cell(text))).collect())
}

/// Prints what a list has, without the envelope.
fn list<W: Write>(client: &Client, path: &str, output: &mut Output<W>) -> Result<(), Failure> {
    let answer = client.get(&format!("{OWN_API}{path}"), &[])?;
    output.write(answer.take("value").unwrap_or(Document::Array(vec![])))
}
