//! Cost: what a subscription spent, or all of them, why, and why two periods differ.

pub(crate) mod all;
mod answer;
pub(crate) mod compare;
pub(crate) mod explain;
mod question;

use std::sync::Arc;

use accounts::Action;
use axum::Json;
use axum::extract::{Path, State};
use domain::currency::minor_unit_places;
use domain::spend::spend;
use wire::own::Cost;

use crate::app::App;
use crate::bill::Detail;
use crate::catalogue::blocking;
use crate::error::ApiError;
use crate::exchange::Asked;
use crate::limits;

use answer::Answer;
use question::CostQuestion;
pub(crate) use question::{LAST_YEAR, TOO_FAR, read_moment, read_period};

/// The right that the calls need.
const ACTION: Action = Action::COST_READ;

/// What a subscription spent.
#[utoipa::path(get, path = "/tallyhouse/v1/subscriptions/{subscriptionId}/cost", tag = "Cost",
    params(
        ("subscriptionId" = String, Path, description = "GUID of the subscription"),
        ("period" = Option<String>, Query, description = "Month in which the billing period starts, 2026-10, or the period's name, 202610-2; the current one if absent"),
        ("from" = Option<String>, Query, description = "First day or moment, UTC; instead of period"),
        ("to" = Option<String>, Query, description = "First day or moment after it, UTC"),
        ("groupBy" = Option<String>, Query, description = "Up to four, separated by commas: one of hour, day, month; meter, category (default), subcategory, region, resource, resource-group, location, tag:NAME; empty for one group"),
        ("filter" = Option<Vec<String>>, Query, description = "WHAT=VALUE, where WHAT is one that groups are made by and no step of time; an empty value is usage without one. Repeated: values of one WHAT are alternatives, different ones must all hold"),
        ("inheritTags" = Option<bool>, Query, description = "Whether resources without a tag inherit that of their resource group"),
        ("allocateCredit" = Option<bool>, Query, description = "Whether credit is spread over the groups, in the order in which usage draws on it"),
        ("split" = Option<String>, Query, description = "even, proportional or fixed: splits the cost of one group over the others"),
        ("splitValue" = Option<String>, Query, description = "Which group is split, by its first key; usage without one if absent"),
        ("share" = Option<Vec<String>>, Query, description = "NAME=WEIGHT, for fixed shares; repeated"),
        ("asOf" = Option<String>, Query, description = "Moment, UTC: answers what was known then"),
    ),
    responses(
        (status = 200, description = "The spend", body = Cost),
        (status = 400, description = "A parameter is wrong", body = wire::error::ErrorBody),
        (status = 403, description = "No right", body = wire::error::ErrorBody),
        (status = 404, description = "No such subscription", body = wire::error::ErrorBody),
        (status = 422, description = "Too much usage or too many groups for one answer", body = wire::error::ErrorBody),
    )
)]
pub(crate) async fn show(
    State(app): State<Arc<App>>,
    Path(subscription): Path<String>,
    asked: Asked,
) -> Result<Json<Cost>, ApiError> {
    let subscription = app.enter_for(&asked, &subscription, ACTION)?;
    let (account, basis) = app.account(&asked, &subscription).await?;
    let mut question = CostQuestion::read(&asked.parameters, &account, basis.known_at)?;
    if question.inherit_tags {
        question.query.inherited = Some(app.resource_group_tags(&account, &basis).await?);
    }
    let _turn = app.cost_turns.acquire().await;
    let (range, detail) = (&question.query.range, Detail::of(&question.query));
    let periods = app.rated_periods(&account, &basis, range, detail).await?;
    let completeness = app.completeness(&account, &basis).await?;
    blocking(move || {
        let mut spend = spend(&periods, &question.query).map_err(ApiError::Rate)?;
        if spend.groups.len() > limits::GROUPS_IN_ANSWER {
            return Err(too_many_groups(spend.groups.len()));
        }
        if let Some(shared) = &question.shared {
            let places = minor_unit_places(&account.subscription.currency);
            let is_there = spend.split(shared, places);
            let is_there = is_there.map_err(|error| ApiError::Rate(error.into()))?;
            if let Some(value) = shared.value.as_ref().filter(|_| !is_there) {
                let reason = format!("'{value}' is none of the groups' first keys");
                return Err(ApiError::Parameter { name: "splitValue", reason });
            }
        }
        let answer = Answer { account: &account, question: &question, basis: &basis };
        Ok(Json(answer.body(&spend, &completeness)?))
    })
    .await
}

fn too_many_groups(groups: usize) -> ApiError {
    let most = limits::GROUPS_IN_ANSWER;
    ApiError::TooMuch(format!(
        "the answer would have {groups} groups, the most are {most}: group by less, or ask for a \
         shorter range"
    ))
}
