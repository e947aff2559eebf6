//! The group `subscription`: what usage and charges belong to.

use std::io::Write;

use wire::own::{
    LegalHoldSet, List, NumberText, RetentionSet, StateChange, SubscriptionChange,
    SubscriptionCreate, SubscriptionFacts, SubscriptionUpdate,
};

use super::{OWN_API, json, list, payload, post, row};
use crate::arguments::{
    HoldCommand, OrNone, RetentionCommand, StateOptions, SubscriptionCommand,
    SubscriptionCreateOptions, SubscriptionUpdateOptions,
};
use crate::client::Client;
use crate::document::Document;
use crate::failure::Failure;
use crate::output::{Output, message};

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
        SubscriptionCommand::Update(options) => {
            let path = format!("{OWN_API}/subscriptions/{}", options.id);
            output.write(client.patch(&path, payload(&json(&update_of(options))))?)
        }
        SubscriptionCommand::Suspend(options) => state(&options, "suspend", client, output),
        SubscriptionCommand::Resume(options) => state(&options, "resume", client, output),
        SubscriptionCommand::Cancel(options) => state(&options, "cancel", client, output),
        SubscriptionCommand::Retention(command) => retention(command, client, output),
        SubscriptionCommand::Hold(command) => hold(command, client, output),
        SubscriptionCommand::History { id } => {
            let path = format!("/subscriptions/{id}/history");
            if !output.is_flat() {
                return list(client, &path, output);
            }
            let changes: List<SubscriptionChange> =
                client.get_as(&format!("{OWN_API}{path}"), &[])?;
            output.write(Document::Array(changes.value.into_iter().map(flat).collect()))
        }
    }
}

fn retention<W: Write>(
    command: RetentionCommand,
    client: &Client,
    output: &mut Output<W>,
) -> Result<(), Failure> {
    let path = |id| format!("{OWN_API}/subscriptions/{id}/retention");
    match command {
        RetentionCommand::Show(of) => output.write(client.get(&path(of.id), &[])?),
        RetentionCommand::Set { subscription, days } => {
            let body = json(&RetentionSet { days });
            output.write(client.put(&path(subscription.id), payload(&body))?)
        }
        RetentionCommand::Clear(of) => {
            client.delete(&path(of.id))?;
            message(format!("details of usage of subscription {} are kept for ever", of.id));
            Ok(())
        }
    }
}

fn hold<W: Write>(
    command: HoldCommand,
    client: &Client,
    output: &mut Output<W>,
) -> Result<(), Failure> {
    let path = |id| format!("{OWN_API}/subscriptions/{id}/legal-hold");
    match command {
        HoldCommand::Show(of) => output.write(client.get(&path(of.id), &[])?),
        HoldCommand::Set { subscription, reason } => {
            let body = json(&LegalHoldSet { reason });
            output.write(client.put(&path(subscription.id), payload(&body))?)
        }
        HoldCommand::Lift(of) => {
            client.delete(&path(of.id))?;
            message(format!("no legal hold is on subscription {}", of.id));
            Ok(())
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
        anchor_day: options.anchor_day.map(i64::from),
        tenant_id: options.tenant.map(|tenant| tenant.to_string()),
        commitment: options.commitment.map(|amount| NumberText(amount.to_string())),
        invoice_download: options.invoice_download,
        buyer: options.buyer,
    }
}

fn update_of(options: SubscriptionUpdateOptions) -> SubscriptionUpdate {
    SubscriptionUpdate {
        display_name: options.name,
        offer: options.offer.map(|offer| offer.to_string()),
        anchor_day: options.anchor_day.map(i64::from),
        commitment: options.commitment.map(|new| match new {
            OrNone::None => None,
            OrNone::Some(amount) => Some(NumberText(amount.to_string())),
        }),
        invoice_download: options.invoice_download,
        buyer: options.buyer.map(|new| match new {
            OrNone::None => None,
            OrNone::Some(text) => Some(text),
        }),
        effective: options.effective.map(|day| day.to_string()),
    }
}

fn state<W: Write>(
    options: &StateOptions,
    verb: &str,
    client: &Client,
    output: &mut Output<W>,
) -> Result<(), Failure> {
    let change = StateChange { effective: options.effective.map(|day| day.to_string()) };
    output.write(post(client, &format!("/subscriptions/{}/{verb}", options.id), &change)?)
}

/// A row of the history for a table or tab-separated values.
fn flat(change: SubscriptionChange) -> Document {
    let set = set_in_words(&change.set);
    row([
        ("revision", Some(change.revision.to_string())),
        ("at", Some(change.at)),
        ("by", change.by),
        ("effective", change.effective),
        ("set", Some(set)),
    ])
}

fn set_in_words(set: &SubscriptionFacts) -> String {
    let or_none = |text: &Option<String>| text.clone().unwrap_or_else(|| "none".to_owned());
    let words = [
        ("displayName", set.display_name.clone()),
        ("state", set.state.clone()),
        ("offer", set.offer.clone()),
        ("anchorDay", set.anchor_day.map(|day| day.to_string())),
        ("commitment", set.commitment.as_ref().map(or_none)),
        ("invoiceDownload", set.invoice_download.map(|may| may.to_string())),
        ("buyer", set.buyer.as_ref().map(or_none)),
    ];
    let words = words.into_iter().filter_map(|(name, text)| Some(format!("{name}={}", text?)));
    words.collect::<Vec<_>>().join(", ")
}
