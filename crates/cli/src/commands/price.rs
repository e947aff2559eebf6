//! The group `price`: a provider's own prices, and meters that stand for others.

use std::io::Write;

use wire::own::{
    List, MeterAlias, NumberText, PriceOverride, PriceOverrideCreate, PriceOverrideEnd, Rates,
};

use super::{OWN_API, list, post, row};
use crate::arguments::{
    MeterAliasCommand, PriceCommand, PriceOverrideCommand, PriceOverrideOptions,
};
use crate::client::Client;
use crate::document::Document;
use crate::failure::Failure;
use crate::output::Output;

/// Runs a command of the group.
pub(super) fn run<W: Write>(
    command: PriceCommand,
    client: &Client,
    output: &mut Output<W>,
) -> Result<(), Failure> {
    match command {
        PriceCommand::Override(command) => overrides(command, client, output),
        PriceCommand::Alias(command) => aliases(command, client, output),
    }
}

fn overrides<W: Write>(
    command: PriceOverrideCommand,
    client: &Client,
    output: &mut Output<W>,
) -> Result<(), Failure> {
    match command {
        PriceOverrideCommand::Add(options) => {
            output.write(post(client, "/price-overrides", &override_of(*options))?)
        }
        PriceOverrideCommand::List if output.is_flat() => {
            let overrides: List<PriceOverride> =
                client.get_as(&format!("{OWN_API}/price-overrides"), &[])?;
            output.write(Document::Array(overrides.value.into_iter().map(flat).collect()))
        }
        PriceOverrideCommand::List => list(client, "/price-overrides", output),
        PriceOverrideCommand::End { id, until, reprice_closed } => {
            let end = PriceOverrideEnd { until, reprice_closed };
            output.write(post(client, &format!("/price-overrides/{id}/end"), &end)?)
        }
    }
}

fn override_of(options: PriceOverrideOptions) -> PriceOverrideCreate {
    let scope = match (&options.tenant, &options.subscription) {
        (None, None) => "installation",
        (Some(_), _) => "tenant",
        (None, Some(_)) => "subscription",
    };
    let rates = options.rates.iter().map(|(bound, rate)| (bound.to_string(), rate.to_string()));
    PriceOverrideCreate {
        scope: scope.to_owned(),
        tenant_id: options.tenant.map(|id| id.to_string()),
        subscription_id: options.subscription.map(|id| id.to_string()),
        meter_id: options.meter.map(|id| id.to_string()),
        category: options.category,
        from: options.from,
        until: options.until,
        markup: options.markup.map(|percent| NumberText(percent.to_string())),
        rates: (!options.rates.is_empty()).then(|| Rates::new(rates)),
        included_quantity: options.included.map(|quantity| NumberText(quantity.to_string())),
        currency: options.currency.map(|currency| currency.to_string()),
        reprice_closed: options.reprice_closed,
    }
}

/// A row for a table or tab-separated values. The number is not called `id`, which tables leave out.
fn flat(of: PriceOverride) -> Document {
    let price = match (of.markup, of.rates) {
        (Some(percent), _) => Some(format!("{percent}%")),
        (None, Some(rates)) => Some(rates.to_string()),
        (None, None) => None,
    };
    let target = of.meter_id.or(of.category).unwrap_or_else(|| "every meter".to_owned());
    row([
        ("number", Some(of.id.to_string())),
        ("scope", Some(of.scope)),
        ("of", of.tenant_id.or(of.subscription_id)),
        ("target", Some(target)),
        ("from", Some(of.from)),
        ("until", of.until),
        ("price", price),
        ("included", of.included_quantity),
        ("currency", of.currency),
    ])
}

fn aliases<W: Write>(
    command: MeterAliasCommand,
    client: &Client,
    output: &mut Output<W>,
) -> Result<(), Failure> {
    match command {
        MeterAliasCommand::Add { old, new, reprice_closed } => {
            let (old_meter_id, new_meter_id) = (old.to_string(), new.to_string());
            let alias = MeterAlias { old_meter_id, new_meter_id, reprice_closed };
            output.write(post(client, "/meter-aliases", &alias)?)
        }
        MeterAliasCommand::List => list(client, "/meter-aliases", output),
        MeterAliasCommand::Remove { old, reprice_closed } => {
            let query = if reprice_closed { "?repriceClosed=true" } else { "" };
            client.delete(&format!("{OWN_API}/meter-aliases/{old}{query}")).map(|_| ())
        }
    }
}
