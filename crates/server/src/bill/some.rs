//! What many subscriptions spent where instances are told apart. There are too many of these for all to be
//! in memory at a time: the ledger is read for some subscriptions, and what they spent is told of before
//! the next ones are read.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;
use std::pin::pin;
use std::sync::Arc;

use domain::facets::Facets;
use domain::id::SubscriptionId;
use domain::spend::{RatedPeriod, Spend, SpendQuery, spend};
use domain::sums::{DaysOfMeters, InstanceQuery, InstanceSums, Whose, WindowSums};
use domain::time::UtcTime;
use futures_util::future::BoxFuture;
use futures_util::{FutureExt as _, StreamExt as _, stream};

use super::all::rating_threads;
use super::detail::{self, Bounds, Detail, Part, Priced, ToldApart};
use super::{Account, Basis, periods_of};
use crate::app::App;
use crate::catalogue::blocking;
use crate::error::ApiError;
use crate::limits;

/// How much is in memory at a time, for each thread.
#[derive(Debug, Clone, Copy)]
pub(super) struct AtATime {
    pub(super) subscriptions: usize,
    /// Sums of instances, and of windows where those do not do.
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
        let mut sums = sums_of(basis, &parts, query.facets(), &mut left).await?;
        let bounds = bounds(&parts);
        let ids = accounts.iter().map(|account| account.subscription.id);
        let some: Vec<_> =
            ids.zip(parts).map(|(id, parts)| (id, take(id, &parts, &mut sums))).collect();
        let (some, days) = blocking(move || Ok(told_apart(some))).await?;
        let windows = detail::windows_of(basis, days, bounds, left).await?;
        let query = query.clone();
        blocking(move || {
            let spend = |of_one: &OfOne| of_one.spend(windows.as_deref(), &query);
            some.iter().map(spend).collect()
        })
        .await
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
            parts.push(Part { account, basis, period, book, range });
        }
        Ok(parts)
    }
}

/// The sums that parts are made of; those are missing that there is no room for, or that are too great.
async fn sums_of(
    basis: &Basis,
    parts: &[Vec<Part<'_>>],
    facets: Facets,
    left: &mut usize,
) -> Result<Sums, ApiError> {
    let mut asked: BTreeMap<Bounds, BTreeSet<SubscriptionId>> = BTreeMap::new();
    for part in parts.iter().flatten() {
        asked.entry(part.bounds()).or_default().insert(part.account.subscription.id);
    }
    let mut sums = Sums::new();
    for ((from, to), ids) in asked {
        let query = InstanceQuery { whose: Whose::Among(Arc::new(ids)), start: from..to, facets };
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

/// From where to where parts have usage.
fn bounds(parts: &[Vec<Part<'_>>]) -> Range<UtcTime> {
    let bounds = parts.iter().flatten().map(Part::bounds);
    let widest = bounds.reduce(|a, b| (a.0.min(b.0), a.1.max(b.1)));
    widest.map_or(UtcTime::MIN..UtcTime::MIN, |(start, end)| start..end)
}

/// What one subscription's parts are made of; none where there was no room for it.
type Taken = Option<Vec<(Priced, Vec<InstanceSums>)>>;

/// Takes the sums of one subscription from those of all.
fn take(id: SubscriptionId, parts: &[Part<'_>], sums: &mut Sums) -> Taken {
    let of_part = |part: &Part<'_>| {
        let of_all = sums.get_mut(&part.bounds())?;
        Some((part.priced(), of_all.remove(&id).unwrap_or_default()))
    };
    parts.iter().map(of_part).collect()
}

/// One subscription's parts, or why it has to be asked by itself.
struct OfOne {
    subscription: SubscriptionId,
    parts: Result<Vec<ToldApart>, ByItself>,
}

/// Why a subscription is asked by itself.
#[derive(Debug, Clone, Copy)]
enum ByItself {
    /// There was no room for its sums beside those of the others.
    NoRoom,
    /// Sums do not do.
    Rows,
}

/// Says of which days windows are to be known.
fn told_apart(
    some: Vec<(SubscriptionId, Taken)>,
) -> (Vec<OfOne>, BTreeMap<SubscriptionId, DaysOfMeters>) {
    let mut days = BTreeMap::new();
    let of_one = |(subscription, taken): (SubscriptionId, Taken)| {
        let told = taken.ok_or(ByItself::NoRoom).and_then(|parts| {
            let told = parts.into_iter().map(|(part, sums)| ToldApart::of(part, sums));
            told.collect::<Option<Vec<_>>>().ok_or(ByItself::Rows)
        });
        told.iter().flatten().for_each(|part| part.add_days(subscription, &mut days));
        OfOne { subscription, parts: told }
    };
    (some.into_iter().map(of_one).collect(), days)
}

impl OfOne {
    /// What it spent; `windows` are those of all, none if there are too many of them.
    fn spend(&self, windows: Option<&[WindowSums]>, query: &SpendQuery) -> Result<Found, ApiError> {
        let periods = self.parts.as_ref().map_err(|by_itself| *by_itself).and_then(|parts| {
            let windows = match windows {
                Some(windows) => {
                    detail::own_of(windows, self.subscription, |sums| sums.subscription)
                }
                None if parts.iter().all(ToldApart::needs_no_windows) => &[],
                None => return Err(ByItself::NoRoom),
            };
            let rated = parts.iter().map(|part| part.rated(windows));
            rated.collect::<Option<Vec<RatedPeriod>>>().ok_or(ByItself::Rows)
        });
        match periods {
            Ok(periods) => spend(&periods, query).map(Ok).map_err(ApiError::Rate),
            Err(ByItself::NoRoom) => Ok(Err(Detail::Instances(query.facets()))),
            Err(ByItself::Rows) => Ok(Err(Detail::Rows)),
        }
    }
}
