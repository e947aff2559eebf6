//! What all subscriptions together spent, as far as whoever asks may see their cost.

use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use domain::complete::{active_since, complete_up_to};
use domain::decimal::OutOfRange;
use domain::id::Currency;
use domain::rate::RateError;
use domain::spend::{CombinedSpend, Combining, SpendQuery};
use domain::time::{Month, UtcTime};
use wire::own::{CompletenessOfAll, CostGroup, CostOfAll, CostOfCurrency};
use wire::query::Parameters;

use super::answer::{Groups, totals, unpriced};
use super::question::{groups_asked, read_filters, read_free_range, read_groups, wrong};
use super::{ACTION, too_many_groups};
use crate::app::App;
use crate::bill::{Account, Basis};
use crate::catalogue::blocking;
use crate::error::ApiError;
use crate::exchange::Asked;
use crate::limits;
use accounts::Scope;

/// What groups are by where nothing is asked for, and the entry that only this call has.
const SUBSCRIPTION: &str = "subscription";

/// What all subscriptions spent whose cost whoever asks may see.
///
/// Each is rated by itself, as its own cost is: currencies stay apart, and the lines of a subscription,
/// such as credit and recurring charges, are in the totals and in no group. A range that cuts a billing
/// period has the part of its charges that falls into it.
#[utoipa::path(get, path = "/tallyhouse/v1/cost", tag = "Cost",
    params(
        ("month" = Option<String>, Query, description = "Calendar month of UTC, 2026-10; the current one if absent"),
        ("from" = Option<String>, Query, description = "First day or moment, UTC; instead of month"),
        ("to" = Option<String>, Query, description = "First day or moment after it, UTC"),
        ("groupBy" = Option<String>, Query, description = "Up to four, separated by commas: subscription (default); one of hour, day, month; meter, category, subcategory, region, resource, resource-group, location, tag:NAME; empty for one group a currency"),
        ("filter" = Option<Vec<String>>, Query, description = "WHAT=VALUE, as for the cost of one subscription. Lines of subscriptions are then left out of the totals"),
        ("asOf" = Option<String>, Query, description = "Moment, UTC: answers what was known then"),
    ),
    responses(
        (status = 200, description = "The spend, a part for each currency", body = CostOfAll),
        (status = 400, description = "A parameter is wrong", body = wire::error::ErrorBody),
        (status = 422, description = "Too much usage or too many groups for one answer", body = wire::error::ErrorBody),
    )
)]
pub(crate) async fn show_all(
    State(app): State<Arc<App>>,
    asked: Asked,
) -> Result<Json<CostOfAll>, ApiError> {
    let principal = app.authenticate(&asked)?;
    let directory = app.directory();
    let basis = app.basis_asked(&asked).await?;
    let question = Question::read(&asked.parameters, basis.known_at)?;
    let seen = directory.subscriptions().filter(|subscription| {
        let id = subscription.id;
        directory.visible(&principal, id).is_some()
            && directory.allows(&principal, &ACTION, &Scope::of_subscription(id))
    });
    let mut accounts = Vec::new();
    for subscription in seen {
        accounts.extend(Account::as_of(subscription, basis.revision));
    }
    let _turn = app.cost_turns.acquire().await;
    let provisional = question.is_provisional(&accounts, &basis);
    let complete_up_to = app.completeness_of_all(&accounts, &basis).await?;
    let mut combined: BTreeMap<Currency, Combining> = BTreeMap::new();
    let each = |account: &Account, spend| {
        let subscription = &account.subscription;
        let of_currency = combined.entry(subscription.currency.clone());
        let sums = of_currency.or_insert_with(|| Combining::new(question.by_subscription));
        let added = sums.add(subscription.id, spend);
        added.map_err(|OutOfRange| ApiError::Rate(RateError::from(OutOfRange)))?;
        match combined.values().map(Combining::groups).sum::<usize>() {
            groups if groups > limits::GROUPS_IN_ANSWER => Err(too_many_groups(groups)),
            _ => Ok(()),
        }
    };
    app.spend_of_all(&accounts, &basis, &question.query, each).await?;
    let subscriptions = u64::try_from(accounts.len()).expect("a count fits 64 bits");
    blocking(move || {
        let currencies = combined
            .into_iter()
            .map(|(currency, sums)| question.of_currency(&currency, &sums.finish()));
        let currencies: Result<_, OutOfRange> = currencies.collect();
        Ok(Json(CostOfAll {
            from: question.query.range.start.to_string(),
            to: question.query.range.end.to_string(),
            group_by: question.group_by,
            subscriptions,
            currencies: currencies.map_err(|error| ApiError::Rate(RateError::from(error)))?,
            complete_up_to,
            provisional,
            basis: basis.body(),
        }))
    })
    .await
}

/// Which spend, and how it is shown.
struct Question {
    /// The entries of `groupBy`, as sent.
    group_by: Vec<String>,
    by_subscription: bool,
    query: SpendQuery,
}

impl Question {
    fn read(parameters: &Parameters, known_at: UtcTime) -> Result<Self, ApiError> {
        let range = read_month_or_range(parameters, known_at)?;
        let group_by = groups_asked(parameters.get("groupBy").unwrap_or(SUBSCRIPTION));
        if group_by.len() > limits::GROUPS_PER_QUESTION {
            let reason = format!("has more than {} entries", limits::GROUPS_PER_QUESTION);
            return Err(ApiError::Parameter { name: "groupBy", reason });
        }
        let of_usage: Vec<String> =
            group_by.iter().filter(|entry| *entry != SUBSCRIPTION).cloned().collect();
        let by_subscription = of_usage.len() < group_by.len();
        if of_usage.len() + usize::from(by_subscription) < group_by.len() {
            return Err(wrong("groupBy", "has subscription twice"));
        }
        let (step, dimensions) = read_groups(&of_usage)?;
        let query = SpendQuery {
            range,
            step,
            group_by: dimensions,
            filters: read_filters(parameters)?,
            inherited: None,
            allocate_credit: false,
        };
        Ok(Self { group_by, by_subscription, query })
    }

    /// Whether late usage may still change what one of them spent.
    fn is_provisional(&self, accounts: &[Account], basis: &Basis) -> bool {
        let range = &self.query.range;
        accounts.iter().any(|account| basis.known_at < account.last_period(range).closes_at())
    }

    fn of_currency(
        &self,
        currency: &Currency,
        spend: &CombinedSpend,
    ) -> Result<CostOfCurrency, OutOfRange> {
        let groups = Groups { group_by: &self.group_by, meters: &spend.meters };
        let groups = spend.groups.iter().map(|combined| {
            let subscription = combined.subscription.map(|id| id.to_string());
            groups.body(&combined.group, subscription.as_deref())
        });
        let groups: Result<Vec<CostGroup>, OutOfRange> = groups.collect();
        Ok(CostOfCurrency {
            currency: currency.to_string(),
            groups: groups?,
            unpriced: unpriced(&spend.unpriced),
            totals: totals(&spend.totals),
            total: spend.totals.net.to_string(),
        })
    }
}

/// A calendar month, or a free range.
fn read_month_or_range(
    parameters: &Parameters,
    known_at: UtcTime,
) -> Result<Range<UtcTime>, ApiError> {
    if let Some(range) = read_free_range(parameters, "month")? {
        return Ok(range);
    }
    let month = match parameters.get("month") {
        Some(text) => {
            Month::parse(text).map_err(|_| wrong("month", "is a month such as 2026-10"))?
        }
        None => known_at.date().month(),
    };
    if month.year() >= super::LAST_YEAR {
        return Err(wrong("month", super::TOO_FAR));
    }
    Ok(month.first_day().start()..month.next().first_day().start())
}

impl App {
    /// The earliest moment up to which the usage of one of the subscriptions is complete.
    async fn completeness_of_all(
        &self,
        accounts: &[Account],
        basis: &Basis,
    ) -> Result<CompletenessOfAll, ApiError> {
        let activity = basis.snapshot.sources_of_all(active_since(basis.known_at)).await;
        let activity = activity.map_err(|error| ApiError::internal("reading usage", &error))?;
        let watermarks = self.accounts.watermarks_of_all(basis.as_of()).await;
        let failed = |error| ApiError::internal("reading watermarks", &error);
        let watermarks = watermarks.map_err(failed)?;
        let of_each = accounts.iter().filter_map(|account| {
            let id = account.subscription.id;
            let active = activity.get(&id).map_or(&[][..], Vec::as_slice);
            let declared = watermarks.get(&id).map_or(&[][..], Vec::as_slice);
            let found = complete_up_to(active, declared);
            Some((found.up_to?, id, found.held_back_by))
        });
        let earliest = of_each.min_by_key(|(up_to, id, _)| (*up_to, *id));
        Ok(CompletenessOfAll {
            time: earliest.as_ref().map(|(up_to, _, _)| up_to.to_string()),
            subscription_id: earliest.as_ref().map(|(_, id, _)| id.to_string()),
            held_back_by: earliest.and_then(|(_, _, source)| source).map(|it| it.to_string()),
        })
    }
}
