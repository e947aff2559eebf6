//! `GET …/Microsoft.Consumption/usageDetails`: an item for each instance, meter and day, and for what
//! the offer's terms add. The items of a billing period add up to its bill, to the last digit.

use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::Arc;

use accounts::Action;
use axum::extract::{Path, State};
use axum::response::Response;
use domain::daily::DayLine;
use domain::period::BillingPeriod;
use domain::time::Date;
use wire::usage_details::{BilledPeriod, DetailsPage, DetailsRequest, write_page};

use super::API_VERSIONS;
use crate::app::App;
use crate::azure::costs::{CostScope, Paging, enter_scope};
use crate::azure::json;
use crate::azure::operation::Operation;
use crate::bill::{Account, Basis};
use crate::catalogue::blocking;
use crate::error::ApiError;
use crate::exchange::Asked;
use crate::own::cost::read_period;

/// Reading usage details.
pub(in crate::azure) const OPERATION: Operation = Operation {
    namespace: "Microsoft.Consumption",
    resource_type: "usageDetails",
    versions: API_VERSIONS,
    action: Action::COST_READ,
};

/// The parameters that a link to a later page repeats.
const REPEATED: &[&str] = &["api-version", "$expand", "$filter", "$top", "metric"];

/// Usage details of a subscription.
#[utoipa::path(
    get,
    path = "/subscriptions/{subscriptionId}/providers/microsoft.consumption/usagedetails",
    tag = "Azure",
    params(
        ("subscriptionId" = String, Path, description = "GUID of the subscription"),
        ("api-version" = String, Query, description = "2018-01-31 to 2024-08-01"),
        ("$expand" = Option<String>, Query, description = "properties/meterDetails and properties/additionalProperties, separated by a comma or a bar"),
        ("$filter" = Option<String>, Query, description = "usageStart, usageEnd and date with eq, ge, gt, le, lt; instanceId, instanceName, resourceGroup, meterId, chargeType, publisherType and tags with eq; joined by and. The current billing period if it names no days"),
        ("$top" = Option<u32>, Query, description = "Most items of the page, 1 to 1000"),
        ("$skiptoken" = Option<String>, Query, description = "From a page's nextLink"),
        ("metric" = Option<String>, Query, description = "ActualCost (default), AmortizedCost, which is the same here, or Usage"),
    ),
    responses(
        (status = 200, description = "A page of usage details", content_type = "application/json"),
        (status = 400, description = "A parameter is wrong", body = wire::error::ErrorBody),
        (status = 401, description = "No valid token", body = wire::error::ErrorBody),
        (status = 403, description = "No right", body = wire::error::ErrorBody),
        (status = 404, description = "No such subscription", body = wire::error::ErrorBody),
        (status = 422, description = "Too much usage for one answer", body = wire::error::ErrorBody),
    )
)]
pub(crate) async fn list(
    State(app): State<Arc<App>>,
    Path(subscription): Path<String>,
    asked: Asked,
) -> Result<Response, ApiError> {
    let scope = enter_scope(&app, &asked, &subscription, None, &OPERATION)?;
    answer(&app, &asked, &scope, None).await
}

/// Usage details of a resource group.
#[utoipa::path(
    get,
    path = "/subscriptions/{subscriptionId}/resourcegroups/{resourceGroupName}/providers/microsoft.consumption/usagedetails",
    tag = "Azure",
    params(
        ("subscriptionId" = String, Path, description = "GUID of the subscription"),
        ("resourceGroupName" = String, Path, description = "Name of the resource group"),
        ("api-version" = String, Query, description = "2018-01-31 to 2024-08-01"),
        ("$expand" = Option<String>, Query, description = "As of the subscription"),
        ("$filter" = Option<String>, Query, description = "As of the subscription"),
        ("$top" = Option<u32>, Query, description = "As of the subscription"),
        ("$skiptoken" = Option<String>, Query, description = "From a page's nextLink"),
        ("metric" = Option<String>, Query, description = "As of the subscription"),
    ),
    responses(
        (status = 200, description = "A page of usage details", content_type = "application/json"),
        (status = 400, description = "A parameter is wrong", body = wire::error::ErrorBody),
        (status = 403, description = "No right", body = wire::error::ErrorBody),
        (status = 404, description = "No such subscription", body = wire::error::ErrorBody),
    )
)]
pub(crate) async fn list_of_group(
    State(app): State<Arc<App>>,
    Path((subscription, group)): Path<(String, String)>,
    asked: Asked,
) -> Result<Response, ApiError> {
    let scope = enter_scope(&app, &asked, &subscription, Some(group), &OPERATION)?;
    answer(&app, &asked, &scope, None).await
}

/// Usage details of a billing period.
#[utoipa::path(
    get,
    path = "/subscriptions/{subscriptionId}/providers/microsoft.billing/billingperiods/{billingPeriodName}/providers/microsoft.consumption/usagedetails",
    tag = "Azure",
    params(
        ("subscriptionId" = String, Path, description = "GUID of the subscription"),
        ("billingPeriodName" = String, Path, description = "Name of the billing period, such as 202610-1"),
        ("api-version" = String, Query, description = "2018-01-31 to 2024-08-01"),
        ("$expand" = Option<String>, Query, description = "As of the subscription"),
        ("$filter" = Option<String>, Query, description = "As of the subscription, within the period"),
        ("$top" = Option<u32>, Query, description = "As of the subscription"),
        ("$skiptoken" = Option<String>, Query, description = "From a page's nextLink"),
        ("metric" = Option<String>, Query, description = "As of the subscription"),
    ),
    responses(
        (status = 200, description = "A page of usage details", content_type = "application/json"),
        (status = 400, description = "A parameter is wrong", body = wire::error::ErrorBody),
        (status = 403, description = "No right", body = wire::error::ErrorBody),
        (status = 404, description = "No such subscription or billing period", body = wire::error::ErrorBody),
    )
)]
pub(crate) async fn list_of_period(
    State(app): State<Arc<App>>,
    Path((subscription, period)): Path<(String, String)>,
    asked: Asked,
) -> Result<Response, ApiError> {
    let scope = enter_scope(&app, &asked, &subscription, None, &OPERATION)?;
    answer(&app, &asked, &scope, Some(period)).await
}

async fn answer(
    app: &App,
    asked: &Asked,
    scope: &CostScope,
    period: Option<String>,
) -> Result<Response, ApiError> {
    let request = DetailsRequest::from_parameters(&asked.parameters);
    let request = request.map_err(ApiError::CostRequest)?;
    let path = path(scope, period.as_deref());
    let given = |name| asked.parameters.get(name).unwrap_or_default();
    let question = ["usageDetails", &path.to_lowercase(), given("$filter"), given("metric")];
    let paging = Paging {
        subscription: scope.subscription.id,
        question: question.map(str::to_owned).into(),
        parameters: asked.parameters.clone(),
        repeated: REPEATED,
        top: request.top,
    };

    let _turn = app.cost_turns.acquire().await;
    let (basis, sent) = app.basis_of_page(request.skip_token.as_deref(), &paging).await?;
    let account = basis.account(scope.subscription.id)?;
    let period = period.map(|name| find_period(&name, &account)).transpose()?;
    let days = days_asked(&request, period, &account, &basis);
    let lines = app.lines_of_days(&account, &basis, &days).await?;

    let (scope, address) = (scope.clone(), format!("{}{path}", asked.origin));
    let issued = move || {
        let wanted = lines.iter().filter(|line| scope.has(line) && request.passes(line));
        let rest: Vec<&DayLine> = wanted.skip(sent).take(request.top + 1).collect();
        let (page, link) = paging.cut(&rest, &basis, sent, &address);
        let page = DetailsPage {
            subscription: account.subscription.id,
            billing_account: account.subscription.tenant.to_string(),
            currency: &account.subscription.currency,
            periods: &billed_periods(page, &account, &basis),
            lines: page,
            next_link: link,
        };
        Ok(write_page(&page, &request))
    };
    let body = blocking(issued).await?;
    Ok(json(body))
}

fn path(scope: &CostScope, period: Option<&str>) -> String {
    let of_period =
        period.map(|name| format!("/providers/Microsoft.Billing/billingPeriods/{name}"));
    format!(
        "{}{}/providers/Microsoft.Consumption/usageDetails",
        scope.path(),
        of_period.unwrap_or_default()
    )
}

/// The billing period of a name; a month is no name.
pub(crate) fn find_period(name: &str, account: &Account) -> Result<BillingPeriod, ApiError> {
    let found = read_period("billingPeriodName", name, account).ok();
    let found = found.filter(|period| period.name() == name);
    found.ok_or_else(|| ApiError::NotFound { what: "billing period", id: name.to_owned() })
}

/// The days asked for: those of the filter, within the billing period that the path names. Without a
/// first day it is that of the current billing period, or of the one that holds the last day if that
/// is over by then; without a last day it is that of the current one.
fn days_asked(
    request: &DetailsRequest,
    period: Option<BillingPeriod>,
    account: &Account,
    basis: &Basis,
) -> Range<Date> {
    let (from, until) = request.days();
    if let Some(period) = period {
        let (start, end) = (period.start().date(), period.end().date());
        return from.map_or(start, |from| from.max(start))
            ..until.map_or(end, |until| until.min(end));
    }
    let current = account.schedule.containing(basis.known_at);
    let until = until.unwrap_or(current.end().date());
    let last = until.plus_days(-1).start();
    let default = || account.schedule.containing(last.min(basis.known_at)).start().date();
    from.unwrap_or_else(default)..until
}

/// What the page says of the billing periods that its lines are in.
fn billed_periods(
    lines: &[&DayLine],
    account: &Account,
    basis: &Basis,
) -> BTreeMap<String, BilledPeriod> {
    let mut periods: Vec<BillingPeriod> = lines.iter().map(|line| line.period).collect();
    periods.dedup();
    let described = periods.into_iter().map(|period| {
        let facts = account.facts_in(period);
        let buyer = facts.buyer.as_ref().and_then(|buyer| buyer.as_str().lines().next());
        let billed = BilledPeriod {
            billing_account_name: buyer
                .map_or_else(|| account.subscription.tenant.to_string(), str::to_owned),
            subscription_name: facts.name.as_str().to_owned(),
            offer: facts.offer,
            is_estimated: basis.known_at < period.closes_at(),
        };
        (period.name(), billed)
    });
    described.collect()
}
