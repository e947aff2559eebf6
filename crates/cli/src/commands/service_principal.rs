//! The group `service-principal`: who signs in with an id and a secret.

use std::io::Write;

use wire::own::{List, ServicePrincipal, ServicePrincipalCreate, ServicePrincipalRotate};

use super::{OWN_API, list, post, row};
use crate::arguments::ServicePrincipalCommand;
use crate::client::Client;
use crate::document::Document;
use crate::failure::Failure;
use crate::output::Output;

/// Runs a command of the group.
pub(super) fn run<W: Write>(
    command: ServicePrincipalCommand,
    client: &Client,
    output: &mut Output<W>,
) -> Result<(), Failure> {
    match command {
        ServicePrincipalCommand::Create { name, tenant, expires_in_days } => {
            let tenant = tenant.to_string();
            let request = ServicePrincipalCreate { display_name: name, tenant, expires_in_days };
            output.write(post(client, "/service-principals", &request)?)
        }
        ServicePrincipalCommand::List if output.is_flat() => {
            let principals: List<ServicePrincipal> =
                client.get_as(&format!("{OWN_API}/service-principals"), &[])?;
            output.write(Document::Array(principals.value.into_iter().map(flat).collect()))
        }
        ServicePrincipalCommand::List => list(client, "/service-principals", output),
        ServicePrincipalCommand::Rotate { id, overlap_hours, expires_in_days } => {
            let request = ServicePrincipalRotate { overlap_hours, expires_in_days };
            output.write(post(client, &format!("/service-principals/{id}/rotate"), &request)?)
        }
        ServicePrincipalCommand::Delete { id } => {
            client.delete(&format!("{OWN_API}/service-principals/{id}")).map(|_| ())
        }
    }
}

/// A row for a table or tab-separated values; the secret that is in force for longest says until when
/// it can sign in.
fn flat(of: ServicePrincipal) -> Document {
    let signs_in_until = of.secrets.into_iter().map(|secret| secret.expires_on).max();
    row([
        ("displayName", Some(of.display_name)),
        ("appId", Some(of.app_id)),
        ("objectId", Some(of.object_id)),
        ("tenant", Some(of.tenant)),
        ("createdOn", Some(of.created_on)),
        ("signsInUntil", signs_in_until),
    ])
}
