//! What many subscriptions spent: usage of meters is summed for all of them in one reading of the
//! ledger, and each is rated by itself. One that sums do not do for is asked by itself.

use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::Arc;
use std::thread;

use domain::book::Book;
use domain::id::{MeterId, SubscriptionId};
use domain::period::BillingPeriod;
use domain::spend::{RatedPeriod, Spend, SpendQuery, spend};
use domain::summed::rate_meters;
use domain::sums::{MeterSums, SumStep};
use domain::time::UtcTime;

use super::detail::{self, Bounds, Detail};
use super::some::AtATime;
use super::{Account, Basis, periods_of};
use crate::app::App;
use crate::catalogue::blocking;
use crate::error::ApiError;
use crate::limits;

/// A subscription with the periods that it is rated by.
struct Bill {
    subscription: SubscriptionId,
    parts: Vec<Part>,
}

/// A billing period, the sums that its usage is made of, and what they cost.
struct Part {
    period: BillingPeriod,
    book: Book,
    aliases: Arc<BTreeMap<MeterId, MeterId>>,
    ranges: Vec<Bounds>,
    step: SumStep,
}

/// The sums of all subscriptions, in order of subscription and meter.
type Shared = BTreeMap<Bounds, Arc<Vec<MeterSums>>>;

impl App {
    /// Tells what each of these subscriptions spent, in their order; an error of `each` ends it.
    pub(crate) async fn spend_of_all(
        &self,
        accounts: &[Account],
        basis: &Basis,
        query: &SpendQuery,
        mut each: impl FnMut(&Account, Spend) -> Result<(), ApiError> + Send,
    ) -> Result<(), ApiError> {
        let detail = Detail::of(query);
        let is_of_instances = matches!(detail, Detail::Instances(_));
        if is_of_instances && accounts.len() > limits::ASKED_ONE_BY_ONE {
            let at_a_time = AtATime::default();
            return self.spend_by_instances(accounts, basis, query, at_a_time, each).await;
        }
        let mut found: Vec<Option<Spend>> = accounts.iter().map(|_| None).collect();
        for step in detail.steps_together() {
            let open = accounts.iter().zip(&mut found).filter(|(_, found)| found.is_none());
            let (some, places): (Vec<_>, Vec<_>) = open.unzip();
            if some.len() <= limits::ASKED_ONE_BY_ONE {
                break;
            }
            let together = self.together(&some, basis, &query.range, step).await?;
            let Some((bills, sums)) = together else { break };
            let query = query.clone();
            let spends = blocking(move || Ok(spend_of_each(&bills, &sums, &query))).await?;
            places.into_iter().zip(spends).for_each(|(place, spend)| *place = spend);
        }
        for (account, found) in accounts.iter().zip(found) {
            let found = match found {
                Some(found) => found,
                None => self.spend_of(account, basis, query, detail).await?,
            };
            each(account, found)?;
        }
        Ok(())
    }

    /// What one subscription spent, asked by itself.
    pub(super) async fn spend_of(
        &self,
        account: &Account,
        basis: &Basis,
        query: &SpendQuery,
        detail: Detail,
    ) -> Result<Spend, ApiError> {
        let periods = self.rated_periods(account, basis, &query.range, detail).await?;
        let query = query.clone();
        blocking(move || spend(&periods, &query).map_err(ApiError::Rate)).await
    }

    /// The bills, and the sums that they are made of; none where those would be too many.
    async fn together(
        &self,
        accounts: &[&Account],
        basis: &Basis,
        range: &Range<UtcTime>,
        step: SumStep,
    ) -> Result<Option<(Vec<Bill>, Shared)>, ApiError> {
        let mut bills = Vec::with_capacity(accounts.len());
        let mut aliases: BTreeMap<BillingPeriod, Arc<BTreeMap<MeterId, MeterId>>> = BTreeMap::new();
        let mut sums = Shared::new();
        for account in accounts {
            let mut parts = Vec::new();
            for (period, until) in periods_of(account, range)? {
                let ranges = detail::summed_apart(period, &(range.start..until));
                let ranges: Vec<_> = ranges.map(|range| (range.start, range.end)).collect();
                sums.extend(ranges.iter().map(|range| (*range, Arc::default())));
                let of_period = aliases.entry(period);
                let aliases = of_period.or_insert_with(|| basis.changes.aliases_in(period).into());
                let aliases = Arc::clone(aliases);
                let book = self.book(account, basis, period).await?;
                parts.push(Part { period, book, aliases, ranges, step });
            }
            bills.push(Bill { subscription: account.subscription.id, parts });
        }
        if sums.len() > limits::RANGES_TOGETHER {
            return Ok(None);
        }
        let mut left = limits::ROWS_PER_QUESTION;
        for ((from, to), of_all) in &mut sums {
            let found = basis.snapshot.meter_sums_of_all(*from..*to, step, left).await;
            let Some(found) = detail::unless_too_great(found)? else { return Ok(None) };
            left -= found.iter().map(|meter| meter.sums.len()).sum::<usize>();
            *of_all = found;
        }
        Ok(Some((bills, sums)))
    }
}

/// How many threads rate the bills of one question.
pub(super) fn rating_threads() -> usize {
    let threads = thread::available_parallelism().map_or(1, usize::from);
    threads.min(limits::RATING_THREADS)
}

/// Rates the bills, some at a time; none for those that sums do not do for.
fn spend_of_each(bills: &[Bill], sums: &Shared, query: &SpendQuery) -> Vec<Option<Spend>> {
    let length = bills.len().div_ceil(rating_threads()).max(1);
    thread::scope(|scope| {
        let rate = |some: &[Bill]| -> Vec<_> {
            some.iter().map(|bill| spend_of_bill(bill, sums, query)).collect()
        };
        let begin = |some| scope.spawn(move || rate(some));
        let parts: Vec<_> = bills.chunks(length).map(begin).collect();
        let done = |part: thread::ScopedJoinHandle<'_, Vec<_>>| {
            part.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))
        };
        parts.into_iter().flat_map(done).collect()
    })
}

fn spend_of_bill(bill: &Bill, sums: &Shared, query: &SpendQuery) -> Option<Spend> {
    let parts = bill.parts.iter().map(|part| part.rated(bill.subscription, sums));
    let periods = parts.collect::<Option<Vec<RatedPeriod>>>()?;
    spend(&periods, query).ok()
}

impl Part {
    /// The period as the sums tell; none if others are needed, or one would not be exact.
    fn rated(&self, id: SubscriptionId, sums: &Shared) -> Option<RatedPeriod> {
        if !detail::may_do(&self.book, self.step) {
            return None;
        }
        let of_range = |range: &Bounds| detail::own_of(&sums[range], id, |sums| sums.subscription);
        let joined;
        let sums = match self.ranges.as_slice() {
            [only] => of_range(only),
            ranges => {
                joined = ranges.iter().flat_map(of_range).cloned().collect::<Vec<_>>();
                &joined
            }
        };
        detail::exact(rate_meters(self.period, sums, &self.aliases, &self.book, false))
    }
}
