//! `GET …/Microsoft.Commerce.Admin/subscriberUsageAggregates`: Azure Stack Hub's view for whoever runs
//! the installation, of the usage of every subscription.
//!
//! It is there for the one subscription that the setting `provider_subscription` names, so that a role
//! at any other never shows what is somebody else's. Pages go by subscription, and are read as of the
//! version that the first page was read at.

use std::sync::Arc;

use accounts::Action;
use axum::extract::{Path, State};
use axum::response::Response;
use domain::aggregate::{Aggregate, UsageQuery};
use domain::id::SubscriptionId;
use ledger::Snapshot;
use wire::stack::{next_link, read_token, subscriber, token, write_page};
use wire::usage::UsageRequest;

use crate::app::App;
use crate::authorize::require;
use crate::azure::operation::Operation;
use crate::azure::usage_aggregates::{begin, failed};
use crate::azure::{api_version, enter_subscription, json};
use crate::error::ApiError;
use crate::exchange::Asked;
use crate::limits;

/// What the clients send.
const API_VERSIONS: &[&str] = &["2015-06-01-preview"];

/// Reading the usage of every subscription, a right over the provider's.
pub(in crate::azure) const OPERATION: Operation = Operation {
    namespace: "Microsoft.Commerce.Admin",
    resource_type: "subscriberUsageAggregates",
    versions: API_VERSIONS,
    action: Action::new("Microsoft.Commerce.Admin/subscriberUsageAggregates/read"),
};

/// The same by its older path.
pub(in crate::azure) const OLDER: Operation =
    Operation { namespace: "Microsoft.Commerce", ..OPERATION };

/// Usage of every subscription, for the provider.
#[utoipa::path(
    get,
    path = "/subscriptions/{subscriptionId}/providers/microsoft.commerce.admin/subscriberusageaggregates",
    tag = "Azure",
    params(
        ("subscriptionId" = String, Path, description = "GUID of the provider's subscription, which the setting provider_subscription names"),
        ("api-version" = String, Query, description = "2015-06-01-preview"),
        ("reportedStartTime" = String, Query, description = "First reported moment, UTC"),
        ("reportedEndTime" = String, Query, description = "First reported moment after it, UTC"),
        ("aggregationGranularity" = Option<String>, Query, description = "Daily (default) or Hourly"),
        ("subscriberId" = Option<String>, Query, description = "GUID of one subscription; all of them if absent"),
        ("continuationToken" = Option<String>, Query, description = "From a page's nextLink"),
    ),
    responses(
        (status = 200, description = "A page of usage aggregates", content_type = "application/json"),
        (status = 400, description = "A parameter is missing or wrong", body = wire::error::ErrorBody),
        (status = 401, description = "No valid token", body = wire::error::ErrorBody),
        (status = 403, description = "No right", body = wire::error::ErrorBody),
        (status = 404, description = "No such subscription, or none of a provider", body = wire::error::ErrorBody),
    )
)]
pub(crate) async fn list(
    State(app): State<Arc<App>>,
    Path(subscription): Path<String>,
    asked: Asked,
) -> Result<Response, ApiError> {
    answer(&app, &asked, &subscription, &OPERATION).await
}

/// The same by its older path.
#[utoipa::path(
    get,
    path = "/subscriptions/{subscriptionId}/providers/microsoft.commerce/subscriberusageaggregates",
    tag = "Azure",
    params(
        ("subscriptionId" = String, Path, description = "GUID of the provider's subscription, which the setting provider_subscription names"),
        ("api-version" = String, Query, description = "2015-06-01-preview"),
        ("reportedStartTime" = String, Query, description = "First reported moment, UTC"),
        ("reportedEndTime" = String, Query, description = "First reported moment after it, UTC"),
        ("aggregationGranularity" = Option<String>, Query, description = "Daily (default) or Hourly"),
        ("subscriberId" = Option<String>, Query, description = "GUID of one subscription; all of them if absent"),
        ("continuationToken" = Option<String>, Query, description = "From a page's nextLink"),
    ),
    responses(
        (status = 200, description = "A page of usage aggregates", content_type = "application/json"),
        (status = 400, description = "A parameter is missing or wrong", body = wire::error::ErrorBody),
        (status = 403, description = "No right", body = wire::error::ErrorBody),
        (status = 404, description = "No such subscription, or none of a provider", body = wire::error::ErrorBody),
    )
)]
pub(crate) async fn list_by_older_path(
    State(app): State<Arc<App>>,
    Path(subscription): Path<String>,
    asked: Asked,
) -> Result<Response, ApiError> {
    answer(&app, &asked, &subscription, &OLDER).await
}

async fn answer(
    app: &App,
    asked: &Asked,
    subscription: &str,
    operation: &Operation,
) -> Result<Response, ApiError> {
    let provider = enter_provider(app, asked, subscription, operation)?;
    let one = subscriber(&asked.parameters).map_err(ApiError::Subscriber)?;
    let parameters = asked.parameters.without_empty();
    let request = UsageRequest::from_parameters(provider, &parameters, (app.clock)());
    let UsageRequest { mut query, continuation } = request.map_err(ApiError::Usage)?;
    query.details = true; // the only form that there is

    let (snapshot, rows, more) = read_rows(app, &query, one, continuation.as_deref()).await?;
    let last = rows.last().filter(|_| more);
    let link = last.map(|(subscription, row)| {
        let of_row = UsageQuery { subscription: *subscription, ..query.clone() };
        let (version, erasures) =
            (snapshot.version().to_string(), snapshot.erasures(*subscription));
        let token = token(&version, row, &of_row, erasures);
        next_link(&asked.origin, provider, &query, one, &token)
    });
    let body = write_page(&rows, link.as_deref());
    Ok(json(body))
}

/// The checks before the call's own; the call is there for the provider's subscription alone.
fn enter_provider(
    app: &App,
    asked: &Asked,
    subscription: &str,
    operation: &Operation,
) -> Result<SubscriptionId, ApiError> {
    let (principal, subscription) = enter_subscription(app, asked, subscription, operation)?;
    if app.config.provider_subscription != Some(subscription.id) {
        return Err(ApiError::ResourceType {
            namespace: operation.namespace.to_ascii_lowercase(),
            resource_type: operation.resource_type.to_ascii_lowercase(),
            api_version: api_version(asked)?.to_owned(),
        });
    }
    require(&app.directory(), &principal, &subscription, operation.action)?;
    Ok(subscription.id)
}

/// Rows of the page with their subscriptions, in order of these, and whether more follow.
async fn read_rows(
    app: &App,
    query: &UsageQuery,
    one: Option<SubscriptionId>,
    continuation: Option<&str>,
) -> Result<(Snapshot, Vec<(SubscriptionId, Aggregate)>, bool), ApiError> {
    let token = continuation.map(read_token).transpose().map_err(ApiError::Continuation)?;
    let (first, place) = token.unzip();
    let of_token =
        UsageQuery { subscription: first.unwrap_or(query.subscription), ..query.clone() };
    let (snapshot, mut after) = begin(app, &of_token, place).await?;
    let mut rows: Vec<(SubscriptionId, Aggregate)> = Vec::new();
    for subscription in subscribers(app, one)?.into_iter().skip_while(|id| Some(*id) < first) {
        let left = limits::USAGE_PAGE_ROWS - rows.len();
        let key = after.take().filter(|_| first == Some(subscription));
        let of_subscription = UsageQuery { subscription, ..query.clone() };
        // One more than fits tells that a page follows, wherever the page ends.
        let page = snapshot.usage_page(&of_subscription, key, left.max(1)).await.map_err(failed)?;
        if left == 0 {
            if !page.rows.is_empty() {
                return Ok((snapshot, rows, true));
            }
            continue;
        }
        rows.extend(page.rows.into_iter().map(|row| (subscription, row)));
        if page.more {
            return Ok((snapshot, rows, true));
        }
    }
    Ok((snapshot, rows, false))
}

/// The subscriptions that are asked about, in order of id: every one, also a cancelled one, or one.
fn subscribers(app: &App, one: Option<SubscriptionId>) -> Result<Vec<SubscriptionId>, ApiError> {
    let directory = app.directory();
    match one {
        None => Ok(directory.subscriptions().map(|subscription| subscription.id).collect()),
        Some(id) if directory.subscription(id).is_some() => Ok(vec![id]),
        Some(id) => Err(ApiError::NotSubscriber(id)),
    }
}
