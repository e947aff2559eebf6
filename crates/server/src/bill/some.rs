//! What many subscriptions spent where instances are told apart. There are too many of these for all to be
//! in memory at a time: the ledger is read for some subscriptions, and what they spent is told of before
//! the next ones are read.

use std::collections::{BTreeMap, BTreeSet};
use std::pin::pin;
use std::sync::Arc;

use domain::id::SubscriptionId;
use domain::spend::{Spend, SpendQuery, spend};
use domain::sums::{InstanceQuery, InstanceSums, Whose};
use futures_util::future::BoxFuture;
use futures_util::{FutureExt as _, StreamExt as _, stream};

use super::all::rating_threads;
use super::detail::{self, Bounds, Detail, Part};
use super::{Account, Basis, periods_of};
use crate::app::App;
use crate::catalogue::blocking;
use crate::error::ApiError;
use crate::limits;

/// How much is in memory at a time, for each thread.
#[derive(Debug, Clone, Copy)]
pub(super) struct AtATime {
    pub(super) subscriptions: usize,
    /// Sums of instances, and rows where sums do not do.
    pub(super) sums: usize,
}

impl Default for AtATime {
    fn default() -> Self {
        let sums = limits::ROWS_PER_QUESTION / limits::RATING_THREADS;
        Self { subscriptions: limits::INSTANCES_OF_SUBSCRIPTIONS, sums }
    }
}

/// What a subscription spent, or how closely it has to be looked at by itself.
type Found = Result<Spend, Detail>;

/// Some subscriptions, and what was found of each.
type OfSome<'a> = (&'a [Account], Vec<Found>);

/// The sums of some subscriptions, by the bounds of usage and whose they are.
type Sums = BTreeMap<Bounds, BTreeMap<SubscriptionId, Vec<InstanceSums>>>;

impl App {
    /// Tells what each of these subscriptions spent, in their order; an error of `each` ends it.
    pub(super) async fn spend_by_instances(
        &self,
        accounts: &[Account],
        basis: &Basis,
        query: &SpendQuery,
        at_a_time: AtATime,
        mut each: impl FnMut(&Account, Spend) -> Result<(), ApiError> + Send,
    ) -> Result<(), ApiError> {
        let of_some = accounts.chunks(at_a_time.subscriptions).map(|some| {
            let found = self.spend_of_some(some, basis, query, at_a_time.sums);
            found.map(move |found| found.map(|found| (some, found))).boxed()
        });
        let of_some: Vec<BoxFuture<'_, Result<OfSome<'_>, ApiError>>> = of_some.collect();
        let mut of_some = pin!(stream::iter(of_some).buffered(rating_threads()));
        while let Some(done) = of_some.next().await {
            let (some, found) = done?;
            for (account, found) in some.iter().zip(found) {
                let spend = match found {
                    Ok(spend) => spend,
                    Err(detail) => self.spend_of(account, basis, query, detail).await?,
                };
                each(account, spend)?;
            }
        }
        Ok(())
    }

    /// What each of a few subscriptions spent: the sums of their instances come from one reading of the ledger.
    async fn spend_of_some(
        &self,
        accounts: &[Account],
        basis: &Basis,
        query: &SpendQuery,
        most: usize,
    ) -> Result<Vec<Found>, ApiError> {
        let mut parts = Vec::with_capacity(accounts.len());
        for account in accounts {
            parts.push(self.parts_of(account, basis, query).await?);
        }
        let mut left = most;
        let mut sums = sums_of(basis, &parts, &mut left).await?;
        let mut all = Vec::with_capacity(accounts.len());
        for parts in parts {
            all.push(spend_of_parts(parts, &mut sums, &mut left, query).await?);
        }
        Ok(all)
    }

    /// The parts of billing periods that a question is about.
    async fn parts_of<'a>(
        &self,
        account: &'a Account,
        basis: &'a Basis,
        query: &SpendQuery,
    ) -> Result<Vec<Part<'a>>, ApiError> {
        let mut parts = Vec::new();
        for (period, until) in periods_of(account, &query.range)? {
            let book = self.book(account, basis, period).await?;
            let range = query.range.start..until;
            parts.push(Part { account, basis, period, book, range, most: 0 });
        }
        Ok(parts)
    }
}

/// The sums that parts are made of; those are missing that there is no room for, or that are too great.
async fn sums_of(
    basis: &Basis,
    parts: &[Vec<Part<'_>>],
    left: &mut usize,
) -> Result<Sums, ApiError> {
    let mut asked: BTreeMap<Bounds, BTreeSet<SubscriptionId>> = BTreeMap::new();
    for part in parts.iter().flatten() {
        asked.entry(part.bounds()).or_default().insert(part.account.subscription.id);
    }
    let mut sums = Sums::new();
    for ((from, to), ids) in asked {
        let query = InstanceQuery { whose: Whose::Among(Arc::new(ids)), start: from..to };
        let found = basis.snapshot.instance_sums(&query, *left).await;
        let Some(found) = detail::unless_too_great(found)? else { continue };
        *left -= detail::days_of(&found);
        let apart = blocking(move || Ok(by_subscription(found))).await?;
        sums.insert((from, to), apart);
    }
    Ok(sums)
}

fn by_subscription(sums: Vec<InstanceSums>) -> BTreeMap<SubscriptionId, Vec<InstanceSums>> {
    let mut apart: BTreeMap<SubscriptionId, Vec<InstanceSums>> = BTreeMap::new();
    for of_instance in sums {
        apart.entry(of_instance.subscription).or_default().push(of_instance);
    }
    apart
}

/// What one subscription spent in its parts, whose sums are taken.
async fn spend_of_parts(
    parts: Vec<Part<'_>>,
    sums: &mut Sums,
    left: &mut usize,
    query: &SpendQuery,
) -> Result<Found, ApiError> {
    let mut periods = Vec::with_capacity(parts.len());
    for part in parts {
        let Some(of_bounds) = sums.get_mut(&part.bounds()) else {
            return Ok(Err(Detail::Instances));
        };
        let sums = of_bounds.remove(&part.account.subscription.id).unwrap_or_default();
        let count = detail::days_of(&sums);
        let part = Part { most: count + *left, ..part };
        let Some((period, taken)) = part.of_instances(sums).await? else {
            return Ok(Err(Detail::Rows));
        };
        *left -= taken - count;
        periods.push(period);
    }
    let query = query.clone();
    blocking(move || spend(&periods, &query).map(Ok).map_err(ApiError::Rate)).await
}
