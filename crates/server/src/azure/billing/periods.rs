//! `GET …/Microsoft.Billing/billingPeriods`: the billing periods of a subscription, the current one
//! first.
//!
//! They reach back to the one in which the subscription was made, or first used if that was before.

use std::sync::Arc;

use accounts::Action;
use axum::extract::{Path, State};
use axum::response::Response;
use domain::period::BillingPeriod;
use wire::billing::{ListRequest, Listed, Page, Period};

use super::answer;
use crate::app::App;
use crate::azure::costs::Paging;
use crate::azure::enter;
use crate::azure::operation::Operation;
use crate::bill::{Account, Basis};
use crate::error::ApiError;
use crate::exchange::Asked;
use crate::limits;

/// Reading billing periods.
pub(in crate::azure) const OPERATION: Operation = Operation {
    namespace: "Microsoft.Billing",
    resource_type: "billingPeriods",
    versions: &["2017-04-24-preview", "2018-03-01-preview"],
    action: Action::new("Microsoft.Billing/billingPeriods/read"),
};

/// The parameters that a link to a later page repeats.
const REPEATED: &[&str] = &["api-version", "$filter"];

/// The billing periods of a subscription, the current one first.
#[utoipa::path(
    get,
    path = "/subscriptions/{subscriptionId}/providers/microsoft.billing/billingperiods",
    tag = "Azure",
    params(
        ("subscriptionId" = String, Path, description = "GUID of the subscription"),
        ("api-version" = String, Query, description = "2017-04-24-preview or 2018-03-01-preview"),
        ("$filter" = Option<String>, Query, description = "billingPeriodEndDate with eq, lt, gt, le, ge and a day, which is the period's last; joined by and"),
        ("$top" = Option<u32>, Query, description = "How many of the latest, 1 to 100; then there is no further page"),
        ("$skiptoken" = Option<String>, Query, description = "From a page's nextLink"),
    ),
    responses(
        (status = 200, description = "A page of billing periods", body = Page<Period>),
        (status = 400, description = "A parameter is wrong", body = wire::error::ErrorBody),
        (status = 401, description = "No valid token", body = wire::error::ErrorBody),
        (status = 403, description = "No right", body = wire::error::ErrorBody),
        (status = 404, description = "No such subscription", body = wire::error::ErrorBody),
    )
)]
pub(crate) async fn list(
    State(app): State<Arc<App>>,
    Path(subscription): Path<String>,
    asked: Asked,
) -> Result<Response, ApiError> {
    let id = enter(&app, &asked, &subscription, &OPERATION)?.id;
    let request = ListRequest::from_parameters(&asked.parameters, Listed::Periods);
    let request = request.map_err(ApiError::CostRequest)?;
    let filter = asked.parameters.get("$filter").unwrap_or_default();
    let paging = Paging {
        subscription: id,
        question: vec!["billingPeriods".to_owned(), id.to_string(), filter.to_owned()],
        parameters: asked.parameters.clone(),
        repeated: REPEATED,
        top: request.top.unwrap_or(limits::BILLING_PERIODS_PER_PAGE),
    };
    let (basis, sent) = app.basis_of_page(request.skip_token.as_deref(), &paging).await?;
    let periods = latest_first(&app, &basis, &basis.account(id)?).await?;
    let listed = periods.into_iter().filter(|period| request.passes(period.last_day()));
    let rest: Vec<BillingPeriod> = listed.skip(sent).collect();
    let address =
        format!("{}/subscriptions/{id}/providers/Microsoft.Billing/billingPeriods", asked.origin);
    let (shown, link) = paging.cut(&rest, &basis, sent, &address);
    let value = shown.iter().map(|period| Period::of(id, *period)).collect();
    let next_link = link.filter(|_| request.top.is_none());
    Ok(answer(&OPERATION, Page { value, next_link }))
}

/// A billing period of a subscription.
#[utoipa::path(
    get,
    path = "/subscriptions/{subscriptionId}/providers/microsoft.billing/billingperiods/{billingPeriodName}",
    tag = "Azure",
    params(
        ("subscriptionId" = String, Path, description = "GUID of the subscription"),
        ("billingPeriodName" = String, Path, description = "Name of the billing period, such as 202610-1"),
        ("api-version" = String, Query, description = "2017-04-24-preview or 2018-03-01-preview"),
    ),
    responses(
        (status = 200, description = "The billing period", body = Period),
        (status = 401, description = "No valid token", body = wire::error::ErrorBody),
        (status = 403, description = "No right", body = wire::error::ErrorBody),
        (status = 404, description = "No such subscription or billing period", body = wire::error::ErrorBody),
    )
)]
pub(crate) async fn show(
    State(app): State<Arc<App>>,
    Path((subscription, name)): Path<(String, String)>,
    asked: Asked,
) -> Result<Response, ApiError> {
    let id = enter(&app, &asked, &subscription, &OPERATION)?.id;
    let basis = app.basis(None).await?;
    let periods = latest_first(&app, &basis, &basis.account(id)?).await?;
    let found = periods.into_iter().find(|period| period.name() == name);
    let period = found.ok_or(ApiError::NotFound { what: "billing period", id: name })?;
    Ok(answer(&OPERATION, Period::of(id, period)))
}

/// The billing periods of a subscription as of a basis.
async fn latest_first(
    app: &App,
    basis: &Basis,
    account: &Account,
) -> Result<Vec<BillingPeriod>, ApiError> {
    let id = account.subscription.id;
    let read = async |known| {
        let first = basis.snapshot.first_usage(id, known).await;
        first.map_err(|error| ApiError::internal("reading usage", &error))
    };
    let first_usage = app.known_first_usages.go_on(id, read).await?.start();
    let made = account.subscription.created_at;
    let first = first_usage.map_or(made, |usage| usage.min(made)).min(basis.known_at);
    let first = account.schedule.containing(first);
    let following = std::iter::successors(Some(first), |period| {
        (period.end() <= basis.known_at).then(|| account.schedule.next(*period))
    });
    let mut periods: Vec<_> = following.collect();
    periods.reverse();
    Ok(periods)
}
