//! The group `subscription`: what usage and charges belong to.

use std::io::Write;

use wire::own::SubscriptionCreate;

use super::{OWN_API, list, post};
use crate::arguments::{SubscriptionCommand, SubscriptionCreateOptions};
use crate::client::Client;
use crate::failure::Failure;
use crate::output::Output;

/// Runs a command of the group.
pub(super) fn run<W: Write>(
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
