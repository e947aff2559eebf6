//! `GET …/Microsoft.Commerce/UsageAggregates`: usage by reported time, a thousand rows a page.
//!
//! Whoever has the right at resource groups or resources alone sees their usage alone. A page is read
//! as of the version that the first page was read at, which the continuation token
//! carries, so that paging neither loses nor repeats a row while usage comes in.

use std::collections::BTreeSet;
use std::sync::Arc;

use accounts::{Action, Scope, Subscription};
use axum::extract::{Path, State};
use axum::response::Response;
use domain::aggregate::{Aggregate, AggregateKey, UsageQuery};
use domain::book::PriceList;
use domain::id::ResourceScope;
use domain::offer::rule::OfferApi;
use domain::record::MeterDescription;
use ledger::{ReadError, Snapshot, UsagePage};
use wire::continuation;
use wire::usage::{UsageRequest, next_link, write_page};

use super::offers::require_api;
use super::operation::Operation;
use super::{enter_subscription, json};
use crate::app::App;
use crate::authorize::forbidden;
use crate::bill::Account;
use crate::directory::Reach;
use crate::error::ApiError;
use crate::exchange::Asked;
use crate::limits;

/// Reading usage by reported time. The second version stands in Azure's own continuation links.
pub(super) const OPERATION: Operation = Operation {
    namespace: "Microsoft.Commerce",
    resource_type: "UsageAggregates",
    versions: &["2015-06-01-preview", "2015-03-31"],
    action: Action::USAGE_READ,
};

/// Usage of a subscription, by when it was reported.
#[utoipa::path(
    get,
    path = "/subscriptions/{subscriptionId}/providers/microsoft.commerce/usageaggregates",
    tag = "Azure",
    params(
        ("subscriptionId" = String, Path, description = "GUID of the subscription"),
        ("api-version" = String, Query, description = "2015-06-01-preview"),
        ("reportedStartTime" = String, Query, description = "First reported moment, UTC"),
        ("reportedEndTime" = String, Query, description = "First reported moment after it, UTC"),
        ("aggregationGranularity" = Option<String>, Query, description = "Daily (default) or Hourly"),
        ("showDetails" = Option<bool>, Query, description = "Whether instances stay apart; true if absent"),
        ("continuationToken" = Option<String>, Query, description = "From a page's nextLink"),
    ),
    responses(
        (status = 200, description = "A page of usage aggregates", content_type = "application/json"),
        (status = 400, description = "A parameter is missing or wrong; or the subscription's offer has no usage API", body = wire::error::ErrorBody),
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
    let (subscription, within) = enter(&app, &asked, &subscription)?;
    let request = UsageRequest::from_parameters(subscription.id, &asked.parameters, (app.clock)());
    let mut request = request.map_err(ApiError::Usage)?;
    request.query.within = within;

    let (snapshot, page) = read_page(&app, &request).await?;
    let mut rows = page.rows;
    if rows.iter().any(|row| row.description.name.is_none()) {
        let directory = app.directory();
        if let Some(account) = Account::as_of(&subscription, directory.revision) {
            let facts = account.subscription.facts_at((app.clock)().date());
            let card = account.card(&facts);
            let list = app.price_list(card, &directory, directory.revision).await?;
            describe(&mut rows, &list);
        }
    }

    let query = &request.query;
    let last = rows.last().filter(|_| page.more);
    let link = last.map(|row| {
        let (version, erasures) =
            (snapshot.version().to_string(), snapshot.erasures(subscription.id));
        let token = continuation::encode(&version, &row.key, query, erasures);
        next_link(&asked.origin, subscription.id, query, &token)
    });
    let body = write_page(&rows, subscription.id, query.granularity, link.as_deref());
    Ok(json(body))
}

/// The checks before the call's own, in ARM's order; gives the subscription, and where in it is the
/// usage that whoever asks may see.
fn enter(
    app: &App,
    asked: &Asked,
    subscription: &str,
) -> Result<(Arc<Subscription>, Option<BTreeSet<ResourceScope>>), ApiError> {
    let (principal, subscription) = enter_subscription(app, asked, subscription, &OPERATION)?;
    let directory = app.directory();
    let whole = Scope::of_subscription(subscription.id);
    let within = match directory.reach(&principal, OPERATION.action, &whole) {
        Reach::Whole => None,
        Reach::Within(scopes) if scopes.is_empty() => {
            return Err(forbidden(&principal, OPERATION.action, whole.to_string()));
        }
        Reach::Within(scopes) => {
            let parsed = scopes.iter().map(|scope| ResourceScope::parse(scope.as_str()));
            Some(parsed.collect::<Result<_, _>>().expect("a scope of a role is a path"))
        }
    };
    require_api(app, &subscription, OfferApi::Usage)?;
    Ok((subscription, within))
}

/// The page, and the state of the ledger that it was read from.
async fn read_page(app: &App, request: &UsageRequest) -> Result<(Snapshot, UsagePage), ApiError> {
    let (snapshot, after) = begin(app, &request.query, request.continuation.as_deref()).await?;
    let page = snapshot.usage_page(&request.query, after, limits::USAGE_PAGE_ROWS).await;
    Ok((snapshot, page.map_err(failed)?))
}

/// The state of the ledger that a page is read from, and the row that it comes after: those of the
/// token, which is of this query.
pub(super) async fn begin(
    app: &App,
    query: &UsageQuery,
    token: Option<&str>,
) -> Result<(Snapshot, Option<AggregateKey>), ApiError> {
    let snapshot = app.ledger.snapshot(Some(query.reported.end.0)).await.map_err(failed)?;
    let Some(token) = token else { return Ok((snapshot, None)) };
    let erasures = snapshot.erasures(query.subscription);
    let decoded = continuation::decode(token, query, erasures);
    let (version, key) = decoded.map_err(ApiError::Continuation)?;
    let version = version.parse().map_err(|_| ApiError::UnknownVersion)?;
    Ok((snapshot.as_of(&version).map_err(failed)?, Some(key)))
}

/// Why a page of usage was not read.
pub(super) fn failed(error: ReadError) -> ApiError {
    match error {
        ReadError::VersionNewer { .. } | ReadError::VersionOfAnotherLedger => {
            ApiError::UnknownVersion
        }
        ReadError::Stalled => ApiError::LedgerStalled,
        ReadError::Sum(error) => ApiError::Sum(error),
        error => ApiError::internal("reading usage", &error),
    }
}

/// Gives rows whose source described no meter the rate card's description of it.
fn describe(rows: &mut [Aggregate], list: &PriceList) {
    for row in rows.iter_mut().filter(|row| row.description.name.is_none()) {
        let Some(meter) = list.meter(row.key.meter) else { continue };
        let of_source = std::mem::take(&mut row.description);
        let on_card = meter.description.clone();
        row.description = MeterDescription {
            name: of_source.name.or(on_card.name),
            category: of_source.category.or(on_card.category),
            subcategory: of_source.subcategory.or(on_card.subcategory),
            region: of_source.region.or(on_card.region),
            unit: of_source.unit.or(on_card.unit),
        };
    }
}
