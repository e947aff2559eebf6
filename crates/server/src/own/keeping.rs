//! For how long details of usage are kept, and legal holds. For the administrator.

use std::sync::Arc;

use accounts::{HoldReason, KeepError};
use axum::Json;
use axum::body::Body;
use axum::extract::{Path, State};
use http::StatusCode;
use wire::own::{self, LegalHoldSet, RetentionSet};

use super::subscriptions::changes::find;
use super::{parsed, read_json};
use crate::app::App;
use crate::error::ApiError;
use crate::exchange::Asked;

/// Shows for how long the details of a subscription's usage are kept.
#[utoipa::path(get, path = "/tallyhouse/v1/subscriptions/{subscriptionId}/retention", tag = "Erasure",
    params(("subscriptionId" = String, Path, description = "GUID of the subscription")),
    responses(
        (status = 200, description = "For how long; null: for ever", body = own::Retention),
        (status = 403, description = "Not the administrator", body = wire::error::ErrorBody),
        (status = 404, description = "No such subscription", body = wire::error::ErrorBody),
    )
)]
pub(crate) async fn show_retention(
    State(app): State<Arc<App>>,
    Path(subscription): Path<String>,
    asked: Asked,
) -> Result<Json<own::Retention>, ApiError> {
    app.administrator(&asked)?;
    let id = find(&app, &subscription)?.id;
    let retention = app.accounts.retention(id).await;
    let retention = retention.map_err(|error| ApiError::internal("reading retention", &error))?;
    Ok(Json(retention.map(retention_body).unwrap_or_default()))
}

/// Has the details of a subscription's usage kept for so many days, counted from the start of usage. At
/// the beginning of each day, UTC, older usage loses what may name people; totals stay.
#[utoipa::path(put, path = "/tallyhouse/v1/subscriptions/{subscriptionId}/retention", tag = "Erasure",
    params(("subscriptionId" = String, Path, description = "GUID of the subscription")),
    request_body = RetentionSet,
    responses(
        (status = 200, description = "For how long", body = own::Retention),
        (status = 400, description = "Details cannot be kept for so many days", body = wire::error::ErrorBody),
        (status = 403, description = "Not the administrator", body = wire::error::ErrorBody),
        (status = 404, description = "No such subscription", body = wire::error::ErrorBody),
    )
)]
pub(crate) async fn set_retention(
    State(app): State<Arc<App>>,
    Path(subscription): Path<String>,
    asked: Asked,
    body: Body,
) -> Result<Json<own::Retention>, ApiError> {
    let administrator = app.administrator(&asked)?;
    let id = find(&app, &subscription)?.id;
    let body: RetentionSet = read_json(body).await?;
    let (by, now) = (administrator.object_id.to_string(), (app.clock)());
    let set = app.change(move |accounts| async move {
        accounts.set_retention(id, Some(body.days), &by, now).await.map_err(refusal)
    });
    Ok(Json(set.await?.map(retention_body).unwrap_or_default()))
}

/// Has the details of a subscription's usage kept for ever. What was erased stays so.
#[utoipa::path(delete, path = "/tallyhouse/v1/subscriptions/{subscriptionId}/retention", tag = "Erasure",
    params(("subscriptionId" = String, Path, description = "GUID of the subscription")),
    responses(
        (status = 204, description = "They are kept for ever"),
        (status = 403, description = "Not the administrator", body = wire::error::ErrorBody),
        (status = 404, description = "No such subscription", body = wire::error::ErrorBody),
    )
)]
pub(crate) async fn clear_retention(
    State(app): State<Arc<App>>,
    Path(subscription): Path<String>,
    asked: Asked,
) -> Result<StatusCode, ApiError> {
    let administrator = app.administrator(&asked)?;
    let id = find(&app, &subscription)?.id;
    let (by, now) = (administrator.object_id.to_string(), (app.clock)());
    let cleared = app.change(move |accounts| async move {
        accounts.set_retention(id, None, &by, now).await.map_err(refusal)
    });
    cleared.await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Shows the legal hold on a subscription.
#[utoipa::path(get, path = "/tallyhouse/v1/subscriptions/{subscriptionId}/legal-hold", tag = "Erasure",
    params(("subscriptionId" = String, Path, description = "GUID of the subscription")),
    responses(
        (status = 200, description = "The hold; its reason is null where there is none", body = own::LegalHold),
        (status = 403, description = "Not the administrator", body = wire::error::ErrorBody),
        (status = 404, description = "No such subscription", body = wire::error::ErrorBody),
    )
)]
pub(crate) async fn show_hold(
    State(app): State<Arc<App>>,
    Path(subscription): Path<String>,
    asked: Asked,
) -> Result<Json<own::LegalHold>, ApiError> {
    app.administrator(&asked)?;
    let id = find(&app, &subscription)?.id;
    let hold = app.accounts.legal_hold(id).await;
    let hold = hold.map_err(|error| ApiError::internal("reading a legal hold", &error))?;
    Ok(Json(hold.map(hold_body).unwrap_or_default()))
}

/// Puts a legal hold on a subscription, or gives the one that is there another reason: nothing of the
/// subscription is erased until it is lifted, neither by hand nor by retention. An erasure under way
/// stops, and goes on once the hold is lifted.
#[utoipa::path(put, path = "/tallyhouse/v1/subscriptions/{subscriptionId}/legal-hold", tag = "Erasure",
    params(("subscriptionId" = String, Path, description = "GUID of the subscription")),
    request_body = LegalHoldSet,
    responses(
        (status = 200, description = "The hold", body = own::LegalHold),
        (status = 400, description = "The reason is empty or too long", body = wire::error::ErrorBody),
        (status = 403, description = "Not the administrator", body = wire::error::ErrorBody),
        (status = 404, description = "No such subscription", body = wire::error::ErrorBody),
    )
)]
pub(crate) async fn set_hold(
    State(app): State<Arc<App>>,
    Path(subscription): Path<String>,
    asked: Asked,
    body: Body,
) -> Result<Json<own::LegalHold>, ApiError> {
    let administrator = app.administrator(&asked)?;
    let id = find(&app, &subscription)?.id;
    let body: LegalHoldSet = read_json(body).await?;
    let reason = parsed("reason", HoldReason::parse(&body.reason))?;
    let (by, now) = (administrator.object_id.to_string(), (app.clock)());
    let at_work = Arc::clone(&app);
    let set = app.change(move |accounts| async move {
        let set = accounts.set_legal_hold(id, reason, &by, now).await.map_err(refusal)?;
        // Here, as whoever asks may go away before the change is told.
        at_work.erasing.stop(id);
        Ok(set)
    });
    let set = set.await?;
    app.erasing.stopped(id).await;
    Ok(Json(hold_body(set)))
}

/// Lifts the legal hold on a subscription.
#[utoipa::path(delete, path = "/tallyhouse/v1/subscriptions/{subscriptionId}/legal-hold", tag = "Erasure",
    params(("subscriptionId" = String, Path, description = "GUID of the subscription")),
    responses(
        (status = 204, description = "There is none"),
        (status = 403, description = "Not the administrator", body = wire::error::ErrorBody),
        (status = 404, description = "No such subscription", body = wire::error::ErrorBody),
    )
)]
pub(crate) async fn lift_hold(
    State(app): State<Arc<App>>,
    Path(subscription): Path<String>,
    asked: Asked,
) -> Result<StatusCode, ApiError> {
    let administrator = app.administrator(&asked)?;
    let id = find(&app, &subscription)?.id;
    let (by, now) = (administrator.object_id.to_string(), (app.clock)());
    let lifted = app.change(move |accounts| async move {
        accounts.lift_legal_hold(id, &by, now).await.map_err(refusal)
    });
    lifted.await?;
    app.erasing.wake();
    Ok(StatusCode::NO_CONTENT)
}

fn retention_body(retention: accounts::Retention) -> own::Retention {
    own::Retention {
        days: Some(retention.days),
        at: Some(retention.at.to_string()),
        by: Some(retention.by),
    }
}

fn hold_body(hold: accounts::LegalHold) -> own::LegalHold {
    own::LegalHold {
        reason: Some(hold.reason.to_string()),
        at: Some(hold.at.to_string()),
        by: Some(hold.by),
    }
}

fn refusal(error: KeepError) -> ApiError {
    match error {
        KeepError::NoSuchSubscription(id) => ApiError::SubscriptionNotFound(id.to_string()),
        KeepError::Days(_) => ApiError::Parameter { name: "days", reason: error.to_string() },
        KeepError::Storage(error) => ApiError::internal("setting what is kept", &error),
    }
}
