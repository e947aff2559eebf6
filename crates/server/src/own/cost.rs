//! Spend: what a subscription's usage costs, by billing period or free range.

use std::ops::Range;
use std::sync::Arc;

use accounts::{Action, Subscription};
use axum::Json;
use axum::extract::{Path, State};
use domain::period::BillingPeriod;
use domain::rate::rate;
use domain::record::StoredRecord;
use domain::spend::{GroupBy, GroupKey, Spend, SpendGroup, spend};
use domain::time::{Date, Month, NoSuchTime, UtcTime};
use domain::usage::Usage;
use wire::own::{Basis, Cost, CostGroup, UnpricedUsage};

use super::parsed;
use crate::app::App;
use crate::catalogue::blocking;
use crate::error::ApiError;
use crate::exchange::Asked;
use crate::limits;

/// The right that the call needs.
const ACTION: Action = Action::COST_READ;

/// Hours after a period's end for which late usage may still change its figures.
///
/// Source: the grace time of a billing period before it closes.
const GRACE_HOURS: i64 = 72;

/// A billing period and its records.
type Loaded = (BillingPeriod, Vec<StoredRecord>);

/// What is asked for.
struct Question {
    /// Set where one billing period is asked for.
    period: Option<BillingPeriod>,
    range: Range<UtcTime>,
    group_by: GroupBy,
}

/// What a subscription spent.
#[utoipa::path(get, path = "/tallyhouse/v1/subscriptions/{subscriptionId}/cost", tag = "Cost",
    params(
        ("subscriptionId" = String, Path, description = "GUID of the subscription"),
        ("period" = Option<String>, Query, description = "Month in which the billing period starts, 2026-10; the current one if absent"),
        ("from" = Option<String>, Query, description = "First day or moment, UTC; instead of period"),
        ("to" = Option<String>, Query, description = "First day or moment after it, UTC"),
        ("groupBy" = Option<String>, Query, description = "meter, category (default), day, resource-group or tag:NAME"),
    ),
    responses(
        (status = 200, description = "The spend", body = Cost),
        (status = 400, description = "A parameter is wrong", body = wire::error::ErrorBody),
        (status = 403, description = "No right", body = wire::error::ErrorBody),
        (status = 404, description = "No such subscription", body = wire::error::ErrorBody),
    )
)]
pub(crate) async fn show(
    State(app): State<Arc<App>>,
    Path(subscription): Path<String>,
    asked: Asked,
) -> Result<Json<Cost>, ApiError> {
    let subscription = app.enter_for(&asked, &subscription, ACTION)?;
    let now = (app.clock)();
    let question = read_question(&asked, &subscription, now)?;
    let directory = app.directory();
    let accounts_revision = directory.revision;
    let book = app.book(&subscription, directory.cards_revision).await?;
    let _turn = app.cost_turns.acquire().await;
    let (loaded, ledger_version) = load(&app, &subscription, &question.range).await?;
    blocking(move || {
        let rated = loaded.into_iter().map(|(period, records)| {
            let usage = Usage::from_records(period, records);
            rate(&usage, &book).map(|rated| (usage, rated))
        });
        let rated = rated.collect::<Result<Vec<_>, _>>().map_err(ApiError::Rate)?;
        let spend = spend(&rated, &book, &question.range, &question.group_by);
        let spend = spend.map_err(ApiError::Rate)?;
        let basis = Basis { ledger_version, accounts_revision: accounts_revision.0 };
        Ok(Json(answer(&subscription, &question, &spend, now, basis)))
    })
    .await
}

fn read_question(
    asked: &Asked,
    subscription: &Subscription,
    now: UtcTime,
) -> Result<Question, ApiError> {
    let parameters = &asked.parameters;
    let group_by = read_group_by(parameters.get("groupBy").unwrap_or("category"))?;
    let wrong = |name, reason: &str| ApiError::Parameter { name, reason: reason.to_owned() };
    let anchor = subscription.anchor;
    let (from, to) = match (parameters.get("period"), parameters.get("from"), parameters.get("to"))
    {
        (Some(_), Some(_), _) | (Some(_), _, Some(_)) => {
            return Err(wrong("period", "goes without from and to"));
        }
        (None, Some(from), Some(to)) => (read_moment("from", from)?, read_moment("to", to)?),
        (None, Some(_), None) => return Err(wrong("to", "is required beside from")),
        (None, None, Some(_)) => return Err(wrong("from", "is required beside to")),
        (period, None, None) => {
            let period = match period {
                Some(text) => {
                    let month = Month::parse(text);
                    let month = month.map_err(|_| wrong("period", "is a month such as 2026-10"))?;
                    BillingPeriod::starting_in(month, anchor)
                }
                None => BillingPeriod::containing(now, anchor),
            };
            let range = period.start()..period.end();
            return Ok(Question { period: Some(period), range, group_by });
        }
    };
    if from >= to {
        return Err(wrong("to", "is not after from"));
    }
    Ok(Question { period: None, range: from..to, group_by })
}

fn read_moment(name: &'static str, text: &str) -> Result<UtcTime, ApiError> {
    match Date::parse(text) {
        Ok(day) => Ok(day.start()),
        Err(NoSuchTime) => parsed(name, wire::time::parse_rfc3339(text)),
    }
}

fn read_group_by(text: &str) -> Result<GroupBy, ApiError> {
    match text {
        "meter" => Ok(GroupBy::Meter),
        "category" => Ok(GroupBy::Category),
        "day" => Ok(GroupBy::Day),
        "resource-group" => Ok(GroupBy::ResourceGroup),
        _ => match text.strip_prefix("tag:").filter(|name| !name.is_empty()) {
            Some(name) => Ok(GroupBy::Tag(name.to_owned())),
            None => Err(ApiError::Parameter {
                name: "groupBy",
                reason: format!(
                    "is meter, category, day, resource-group or tag:NAME, not '{text}'"
                ),
            }),
        },
    }
}

/// The usage of every billing period that the range touches, each from its start: what a row costs
/// depends on what its period used before it.
async fn load(
    app: &App,
    subscription: &Subscription,
    range: &Range<UtcTime>,
) -> Result<(Vec<Loaded>, String), ApiError> {
    let snapshot = app.ledger.snapshot(None).await;
    let snapshot = snapshot.map_err(|error| ApiError::internal("reading the ledger", &error))?;
    let mut loaded = Vec::new();
    let mut period = BillingPeriod::containing(range.start, subscription.anchor);
    while period.start() < range.end {
        if loaded.len() == limits::PERIODS_PER_QUESTION {
            let reason =
                format!("more than {} billing periods after from", limits::PERIODS_PER_QUESTION);
            return Err(ApiError::Parameter { name: "to", reason });
        }
        let until = period.end().min(range.end);
        let records = snapshot.records(subscription.id, period.start()..until).await;
        let records = records.map_err(|error| ApiError::internal("reading usage", &error))?;
        loaded.push((period, records));
        period = period.next(subscription.anchor);
    }
    Ok((loaded, snapshot.version().to_string()))
}

fn answer(
    subscription: &Subscription,
    question: &Question,
    spend: &Spend,
    now: UtcTime,
    basis: Basis,
) -> Cost {
    let last = BillingPeriod::containing(question.range.end.plus_seconds(-1), subscription.anchor);
    let unpriced = spend.unpriced.iter().map(|line| UnpricedUsage {
        meter_id: line.meter.to_string(),
        meter_name: line.description.name.as_deref().map(str::to_owned),
        meter_category: line.description.category.as_deref().map(str::to_owned),
        quantity: line.quantity.to_string(),
        unit: line.description.unit.as_deref().map(str::to_owned),
        reason: line.reason.to_string(),
    });
    Cost {
        subscription_id: subscription.id.to_string(),
        period: question.period.map(BillingPeriod::name),
        from: question.range.start.to_string(),
        to: question.range.end.to_string(),
        currency: subscription.currency.to_string(),
        group_by: match &question.group_by {
            GroupBy::Meter => "meter".to_owned(),
            GroupBy::Category => "category".to_owned(),
            GroupBy::Day => "day".to_owned(),
            GroupBy::ResourceGroup => "resource-group".to_owned(),
            GroupBy::Tag(name) => format!("tag:{name}"),
        },
        groups: spend.groups.iter().map(|group| group_body(group, spend)).collect(),
        unpriced: unpriced.collect(),
        total: spend.total.to_string(),
        provisional: now < last.end().plus_hours(GRACE_HOURS),
        basis,
    }
}

fn group_body(group: &SpendGroup, spend: &Spend) -> CostGroup {
    let meter = match &group.key {
        GroupKey::Meter(id) => spend.meters.get(id),
        _ => None,
    };
    let text = |value: &Option<Arc<str>>| value.as_deref().map(str::to_owned);
    CostGroup {
        key: match &group.key {
            GroupKey::Meter(id) => Some(id.to_string()),
            GroupKey::Category(category) => text(category),
            GroupKey::Day(day) => Some(day.to_string()),
            GroupKey::ResourceGroup(name) | GroupKey::Tag(name) => name.clone(),
        },
        meter_name: meter.and_then(|meter| text(&meter.description.name)),
        meter_category: meter.and_then(|meter| text(&meter.description.category)),
        quantity: meter.map(|meter| meter.quantity.to_string()),
        unit: meter.and_then(|meter| text(&meter.description.unit)),
        charge: group.charge.to_string(),
    }
}
