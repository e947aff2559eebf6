//! `GET …/Microsoft.Consumption/pricesheets/default`: what a unit of each meter costs the subscription
//! in the lowest tier, with its own prices laid over the rate card's.

use std::collections::BTreeSet;
use std::sync::Arc;

use accounts::Action;
use axum::extract::{Path, State};
use axum::response::Response;
use domain::book::Book;
use domain::decimal::OutOfRange;
use domain::period::BillingPeriod;
use domain::price_override::OverrideTarget;
use domain::time::UtcTime;
use wire::cost_request::PageRequest;
use wire::price_sheet::{SheetPage, SheetPrice, expands_meters, write_page};

use super::API_VERSIONS;
use super::usage_details::find_period;
use crate::app::App;
use crate::azure::costs::{CostScope, Paging, enter_scope};
use crate::azure::json;
use crate::azure::operation::Operation;
use crate::catalogue::blocking;
use crate::error::ApiError;
use crate::exchange::Asked;
use crate::limits;

/// Reading the price sheet.
pub(in crate::azure) const OPERATION: Operation = Operation {
    namespace: "Microsoft.Consumption",
    resource_type: "pricesheets",
    versions: API_VERSIONS,
    action: Action::new("Microsoft.Consumption/pricesheets/read"),
};

/// The parameters that a link to a later page repeats.
const REPEATED: &[&str] = &["api-version", "$expand", "$top"];

/// The prices of a subscription, as of now.
#[utoipa::path(
    get,
    path = "/subscriptions/{subscriptionId}/providers/microsoft.consumption/pricesheets/default",
    tag = "Azure",
    params(
        ("subscriptionId" = String, Path, description = "GUID of the subscription"),
        ("api-version" = String, Query, description = "2018-01-31 to 2024-08-01"),
        ("$expand" = Option<String>, Query, description = "properties/meterDetails"),
        ("$top" = Option<u32>, Query, description = "Most meters of the page, 1 to 1000"),
        ("$skiptoken" = Option<String>, Query, description = "From a page's nextLink"),
    ),
    responses(
        (status = 200, description = "A page of the price sheet", content_type = "application/json"),
        (status = 400, description = "A parameter is wrong", body = wire::error::ErrorBody),
        (status = 401, description = "No valid token", body = wire::error::ErrorBody),
        (status = 403, description = "No right", body = wire::error::ErrorBody),
        (status = 404, description = "No such subscription", body = wire::error::ErrorBody),
    )
)]
pub(crate) async fn show(
    State(app): State<Arc<App>>,
    Path(subscription): Path<String>,
    asked: Asked,
) -> Result<Response, ApiError> {
    let scope = enter_scope(&app, &asked, &subscription, None, &OPERATION)?;
    answer(&app, &asked, &scope, None).await
}

/// The prices of a subscription in a billing period: those at its end, or of now in the current one.
#[utoipa::path(
    get,
    path = "/subscriptions/{subscriptionId}/providers/microsoft.billing/billingperiods/{billingPeriodName}/providers/microsoft.consumption/pricesheets/default",
    tag = "Azure",
    params(
        ("subscriptionId" = String, Path, description = "GUID of the subscription"),
        ("billingPeriodName" = String, Path, description = "Name of the billing period, such as 202610-1"),
        ("api-version" = String, Query, description = "2018-01-31 to 2024-08-01"),
        ("$expand" = Option<String>, Query, description = "properties/meterDetails"),
        ("$top" = Option<u32>, Query, description = "Most meters of the page, 1 to 1000"),
        ("$skiptoken" = Option<String>, Query, description = "From a page's nextLink"),
    ),
    responses(
        (status = 200, description = "A page of the price sheet", content_type = "application/json"),
        (status = 400, description = "A parameter is wrong", body = wire::error::ErrorBody),
        (status = 403, description = "No right", body = wire::error::ErrorBody),
        (status = 404, description = "No such subscription or billing period", body = wire::error::ErrorBody),
    )
)]
pub(crate) async fn show_of_period(
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
    named: Option<String>,
) -> Result<Response, ApiError> {
    let request = PageRequest::from_parameters(
        &asked.parameters,
        limits::SHEET_PAGE_METERS,
        "a number from 1 to 1000",
    );
    let request = request.map_err(ApiError::CostRequest)?;
    let expands = expands_meters(&asked.parameters).map_err(ApiError::CostRequest)?;
    let question = ["pricesheet", &scope.path().to_lowercase(), named.as_deref().unwrap_or("")];
    let paging = Paging {
        subscription: scope.subscription.id,
        question: question.map(str::to_owned).into(),
        parameters: asked.parameters.clone(),
        repeated: REPEATED,
        top: request.top,
    };
    let (basis, sent) = app.basis_of_page(request.skip_token.as_deref(), &paging).await?;
    let account = basis.account(scope.subscription.id)?;
    let current = account.schedule.containing(basis.known_at);
    let period = match &named {
        None => current,
        Some(name) => find_period(name, &account)?,
    };
    let book = app.book(&account, &basis, period).await?;
    let offer = account.facts_in(period).offer;

    let of_period =
        format!("{}/providers/Microsoft.Billing/billingPeriods/{}", scope.path(), period.name());
    let path = if named.is_some() { of_period.clone() } else { scope.path() };
    let address =
        format!("{}{path}/providers/Microsoft.Consumption/pricesheets/default", asked.origin);
    let body = blocking(move || {
        let prices = prices(&book, period, moment_in(period, basis.known_at));
        let prices = prices.map_err(|error| ApiError::Rate(error.into()))?;
        let rest = prices.get(sent..).unwrap_or_default();
        let (shown, link) = paging.cut(rest, &basis, sent, &address);
        let page = SheetPage {
            billing_period: &of_period,
            currency: &account.subscription.currency,
            offer: &offer,
            prices: shown,
            next_link: link,
        };
        Ok(write_page(&page, expands))
    })
    .await?;
    Ok(json(body))
}

/// The moment within a period whose prices are shown: the one asked at, else the nearest to it.
fn moment_in(period: BillingPeriod, asked_at: UtcTime) -> UtcTime {
    let last = UtcTime::from_micros(period.end().to_micros() - 1).unwrap_or(period.start());
    asked_at.clamp(period.start(), last)
}

/// Every meter with a price in force at a moment of a period, in order of id.
fn prices(
    book: &Book,
    period: BillingPeriod,
    moment: UtcTime,
) -> Result<Vec<SheetPrice>, OutOfRange> {
    let mut meters: BTreeSet<_> = book.list.meters().keys().copied().collect();
    meters.extend(book.overrides.iter().filter_map(|one| match one.target {
        OverrideTarget::Meter(meter) => Some(meter),
        OverrideTarget::Category(_) | OverrideTarget::EveryMeter => None,
    }));
    let mut prices = Vec::with_capacity(meters.len());
    for meter in meters {
        let of_meter = book.prices(meter, period)?;
        let Ok(version) = of_meter.at(moment) else { continue };
        let listed = book.list.meter(meter);
        let base = version.tiers.base();
        prices.push(SheetPrice {
            meter,
            description: listed.map(|meter| meter.description.clone()).unwrap_or_default(),
            service: listed.and_then(|meter| meter.sku.service.as_deref()).map(str::to_owned),
            included: of_meter.included(period.start()),
            rate: base.rate,
            list_rate: version.list_rate(base),
        });
    }
    Ok(prices)
}
