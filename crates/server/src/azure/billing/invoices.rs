//! `GET …/Microsoft.Billing/invoices`: the invoices of a subscription, of which there are none yet.
//!
//! Whoever may read them sees them once the subscription lets others than the account's administrator
//! download invoices; who that is, is this installation's administrator.

use std::sync::Arc;

use accounts::{Action, Subscription};
use axum::extract::{Path, State};
use axum::response::Response;
use domain::offer::rule::OfferApi;
use wire::arm::NoMembers;
use wire::billing::{ListRequest, Listed};
use wire::own::List;
use wire::page_token::PageTokenError;

use super::answer;
use crate::app::App;
use crate::authorize::require;
use crate::azure::enter_subscription;
use crate::azure::offers::require_api;
use crate::azure::operation::Operation;
use crate::error::ApiError;
use crate::exchange::Asked;

/// Reading invoices.
pub(in crate::azure) const OPERATION: Operation = Operation {
    namespace: "Microsoft.Billing",
    resource_type: "invoices",
    versions: &["2017-02-27-preview", "2017-04-24-preview", "2018-03-01-preview"],
    action: Action::new("Microsoft.Billing/invoices/read"),
};

/// The invoices of a subscription.
#[utoipa::path(
    get,
    path = "/subscriptions/{subscriptionId}/providers/microsoft.billing/invoices",
    tag = "Azure",
    params(
        ("subscriptionId" = String, Path, description = "GUID of the subscription"),
        ("api-version" = String, Query, description = "2017-02-27-preview, 2017-04-24-preview or 2018-03-01-preview"),
        ("$expand" = Option<String>, Query, description = "downloadUrl"),
        ("$filter" = Option<String>, Query, description = "invoicePeriodEndDate with eq, lt, gt, le, ge and a day; joined by and"),
        ("$top" = Option<u32>, Query, description = "How many of the latest, 1 to 100"),
        ("$skiptoken" = Option<String>, Query, description = "From a page's nextLink"),
    ),
    responses(
        (status = 200, description = "The invoices; there are none yet", content_type = "application/json"),
        (status = 400, description = "A parameter is wrong; or the subscription's offer has no invoices", body = wire::error::ErrorBody),
        (status = 401, description = "No valid token", body = wire::error::ErrorBody),
        (status = 403, description = "No right, or the subscription does not let others download invoices", body = wire::error::ErrorBody),
        (status = 404, description = "No such subscription", body = wire::error::ErrorBody),
    )
)]
pub(crate) async fn list(
    State(app): State<Arc<App>>,
    Path(subscription): Path<String>,
    asked: Asked,
) -> Result<Response, ApiError> {
    enter_invoices(&app, &asked, &subscription, &OPERATION)?;
    let request = ListRequest::from_parameters(&asked.parameters, Listed::Invoices);
    let request = request.map_err(ApiError::CostRequest)?;
    if request.skip_token.is_some() {
        // No page had a link so far.
        return Err(ApiError::PageToken(PageTokenError::Malformed));
    }
    Ok(answer(&OPERATION, List::<NoMembers> { value: vec![] }))
}

/// An invoice of a subscription.
#[utoipa::path(
    get,
    path = "/subscriptions/{subscriptionId}/providers/microsoft.billing/invoices/{invoiceName}",
    tag = "Azure",
    params(
        ("subscriptionId" = String, Path, description = "GUID of the subscription"),
        ("invoiceName" = String, Path, description = "Name of the invoice, or latest"),
        ("api-version" = String, Query, description = "2017-02-27-preview, 2017-04-24-preview or 2018-03-01-preview"),
    ),
    responses(
        (status = 400, description = "The subscription's offer has no invoices", body = wire::error::ErrorBody),
        (status = 401, description = "No valid token", body = wire::error::ErrorBody),
        (status = 403, description = "No right, or the subscription does not let others download invoices", body = wire::error::ErrorBody),
        (status = 404, description = "No such subscription or invoice; there are none yet", body = wire::error::ErrorBody),
    )
)]
pub(crate) async fn show(
    State(app): State<Arc<App>>,
    Path((subscription, name)): Path<(String, String)>,
    asked: Asked,
) -> Result<Response, ApiError> {
    enter_invoices(&app, &asked, &subscription, &OPERATION)?;
    Err(ApiError::NotFound { what: "invoice", id: name })
}

/// The checks before those of the call's own parameters, in ARM's order: then the offer's, then
/// whether others may download invoices.
pub(super) fn enter_invoices(
    app: &App,
    asked: &Asked,
    subscription: &str,
    operation: &Operation,
) -> Result<Arc<Subscription>, ApiError> {
    let (principal, subscription) = enter_subscription(app, asked, subscription, operation)?;
    require(&app.directory(), &principal, &subscription, operation.action)?;
    require_api(app, &subscription, OfferApi::Invoices)?;
    let facts = subscription.facts_at((app.clock)().date());
    if facts.invoice_download || principal.is_administrator {
        return Ok(subscription);
    }
    Err(ApiError::InvoiceDownloadOff(subscription.id))
}
