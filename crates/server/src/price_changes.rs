//! Price overrides and meter aliases in memory, as of a revision of the accounts: every figure asks
//! for them, and there may be thousands.

use std::collections::BTreeMap;
use std::sync::Arc;

use accounts::{Accounts, Revision, Subscription};
use domain::alias::{MeterAlias, resolve};
use domain::id::MeterId;
use domain::period::BillingPeriod;
use domain::price_override::PriceOverride;
use tokio::runtime::Handle;

use crate::app::App;
use crate::catalogue::blocking;
use crate::error::ApiError;

/// What an installation changes about the prices of rate cards.
#[derive(Debug)]
pub(crate) struct PriceChanges {
    overrides: Vec<PriceOverride>,
    aliases: Vec<MeterAlias>,
}

impl App {
    /// Every override and alias as of a revision.
    pub(crate) async fn price_changes(
        &self,
        revision: Revision,
    ) -> Result<Arc<PriceChanges>, ApiError> {
        let (accounts, runtime) = (self.accounts.clone(), Handle::current());
        // Reading thousands of rows into values takes long enough for a thread of its own.
        let make = blocking(move || runtime.block_on(read(&accounts, revision)));
        self.catalogue.changes.get_or_make(revision, make).await
    }
}

async fn read(accounts: &Accounts, revision: Revision) -> Result<PriceChanges, ApiError> {
    let failed = |error| ApiError::internal("reading accounts", &error);
    let overrides = accounts.price_overrides(revision).await.map_err(failed)?;
    let aliases = accounts.meter_aliases(revision).await.map_err(failed)?;
    Ok(PriceChanges { overrides, aliases })
}

impl PriceChanges {
    /// The meter by which usage of each old id is priced in a period. Takes long where there are many
    /// aliases.
    pub(crate) fn aliases_in(&self, period: BillingPeriod) -> BTreeMap<MeterId, MeterId> {
        resolve(&self.aliases, period)
    }

    /// The overrides that concern a subscription.
    pub(crate) fn overrides_of(&self, subscription: &Subscription) -> Arc<[PriceOverride]> {
        let Subscription { id, tenant, currency, .. } = subscription;
        let concerns = |candidate: &&PriceOverride| candidate.is_for(*id, *tenant, currency);
        self.overrides.iter().filter(concerns).cloned().collect()
    }
}
