//! Erasures of what names people in the usage of a subscription. For the administrator.

use std::sync::Arc;

use accounts::{BeginErasureError, Erasure};
use axum::Json;
use axum::body::Body;
use axum::extract::{Path, State};
use domain::id::{ErasureId, SubscriptionId};
use http::StatusCode;
use wire::own::{self, ErasureRequest, List};

use super::subscriptions::changes::find;
use super::{day, read_optional_json};
use crate::app::App;
use crate::error::{ApiError, ErasureError};
use crate::exchange::Asked;
use crate::limits;

/// Erases what may name people in the usage of a subscription that is stored by now: tags, additional
/// info and info fields go, names of resource groups and resources become pseudonyms that nobody can
/// take back. Every total stays to the last digit. Without a bound, the tags of its resource groups
/// go too.
#[utoipa::path(post, path = "/tallyhouse/v1/subscriptions/{subscriptionId}/erasures", tag = "Erasure",
    params(("subscriptionId" = String, Path, description = "GUID of the subscription")),
    request_body(content = Option<ErasureRequest>, description = "May be left out"),
    responses(
        (status = 202, description = "The erasure, which is begun", body = own::Erasure),
        (status = 400, description = "The day is wrong", body = wire::error::ErrorBody),
        (status = 403, description = "Not the administrator", body = wire::error::ErrorBody),
        (status = 404, description = "No such subscription", body = wire::error::ErrorBody),
        (status = 409, description = "A legal hold is on it, or another erasure of it is under way", body = wire::error::ErrorBody),
    )
)]
pub(crate) async fn begin(
    State(app): State<Arc<App>>,
    Path(subscription): Path<String>,
    asked: Asked,
    body: Body,
) -> Result<(StatusCode, Json<own::Erasure>), ApiError> {
    let administrator = app.administrator(&asked)?;
    let id = find(&app, &subscription)?.id;
    let body: ErasureRequest = read_optional_json(body).await?;
    let before = body.before.as_deref().map(|text| day("before", text)).transpose()?;
    let by = administrator.object_id.to_string();
    let begun = app.begin_erasure(id, before, by).await?;
    app.erasing.wake();
    Ok((StatusCode::ACCEPTED, Json(body_of(&app, begun, false))))
}

/// Lists the erasures of a subscription, newest first, up to a thousand.
#[utoipa::path(get, path = "/tallyhouse/v1/subscriptions/{subscriptionId}/erasures", tag = "Erasure",
    params(("subscriptionId" = String, Path, description = "GUID of the subscription")),
    responses(
        (status = 200, description = "By request and by retention", body = List<own::Erasure>),
        (status = 403, description = "Not the administrator", body = wire::error::ErrorBody),
        (status = 404, description = "No such subscription", body = wire::error::ErrorBody),
    )
)]
pub(crate) async fn list(
    State(app): State<Arc<App>>,
    Path(subscription): Path<String>,
    asked: Asked,
) -> Result<Json<List<own::Erasure>>, ApiError> {
    app.administrator(&asked)?;
    let id = find(&app, &subscription)?.id;
    let erasures = app.accounts.erasures(id, limits::ERASURES_LISTED).await;
    let erasures = erasures.map_err(|error| ApiError::internal("reading erasures", &error))?;
    let is_held = is_held(&app, id).await?;
    let value = erasures.into_iter().map(|one| body_of(&app, one, is_held)).collect();
    Ok(Json(List { value }))
}

/// Shows an erasure, and how far it is.
#[utoipa::path(get, path = "/tallyhouse/v1/subscriptions/{subscriptionId}/erasures/{erasureId}", tag = "Erasure",
    params(
        ("subscriptionId" = String, Path, description = "GUID of the subscription"),
        ("erasureId" = String, Path, description = "GUID of the erasure"),
    ),
    responses(
        (status = 200, description = "The erasure", body = own::Erasure),
        (status = 403, description = "Not the administrator", body = wire::error::ErrorBody),
        (status = 404, description = "No such subscription, or no such erasure of it", body = wire::error::ErrorBody),
    )
)]
pub(crate) async fn show(
    State(app): State<Arc<App>>,
    Path((subscription, erasure)): Path<(String, String)>,
    asked: Asked,
) -> Result<Json<own::Erasure>, ApiError> {
    app.administrator(&asked)?;
    let subscription = find(&app, &subscription)?.id;
    let unknown = || ApiError::NotFound { what: "erasure", id: erasure.clone() };
    let id = ErasureId::parse(&erasure).map_err(|_| unknown())?;
    let found = app.accounts.erasure(id).await;
    let found = found.map_err(|error| ApiError::internal("reading an erasure", &error))?;
    let found = found.filter(|found| found.subscription == subscription).ok_or_else(unknown)?;
    let is_held = is_held(&app, subscription).await?;
    Ok(Json(body_of(&app, found, is_held)))
}

async fn is_held(app: &App, subscription: SubscriptionId) -> Result<bool, ApiError> {
    let hold = app.accounts.legal_hold(subscription).await;
    hold.map(|hold| hold.is_some()).map_err(|error| ApiError::internal("reading a hold", &error))
}

fn body_of(app: &App, erasure: Erasure, is_held: bool) -> own::Erasure {
    let Erasure { id, subscription, before, cause, revision: _, at, by, end } = erasure;
    let far = app.erasing.progress(id);
    let retry = app.erasing.retry(id).filter(|_| end.is_none() && !is_held);
    let state = match &end {
        Some(end) if end.damaged.is_empty() => "done",
        Some(_) => "incomplete",
        None if is_held => "held",
        None if retry.is_some() => "failed",
        None => "begun",
    };
    let mut body = own::Erasure {
        id: id.to_string(),
        subscription_id: subscription.to_string(),
        before: before.map(|day| day.to_string()),
        cause: cause.as_str().to_owned(),
        state: state.to_owned(),
        asked_at: at.to_string(),
        by,
        ended_at: None,
        retry_at: retry.map(|at| at.to_string()),
        ledger_version: None,
        files_done: far.as_ref().map(|far| far.files_done),
        files_to_do: far.as_ref().map(|far| far.files_to_do),
        files_rewritten: None,
        rows: far.map(|far| far.rows),
        files_held: None,
        damaged_files: Vec::new(),
    };
    if let Some(end) = end {
        body.ended_at = Some(end.at.to_string());
        body.ledger_version = Some(end.ledger_version);
        body.files_rewritten = Some(end.files);
        body.rows = Some(end.rows);
        body.files_held = Some(app.ledger.erased_files_held());
        body.damaged_files = end.damaged;
    }
    body
}

/// Why an erasure was not begun.
pub(crate) fn refusal(error: BeginErasureError) -> ApiError {
    match error {
        BeginErasureError::NoSuchSubscription(id) => ApiError::SubscriptionNotFound(id.to_string()),
        BeginErasureError::Held { subscription, reason } => {
            ErasureError::Held { subscription, reason }.into()
        }
        BeginErasureError::UnderWay { subscription, erasure } => {
            ErasureError::UnderWay { subscription, erasure }.into()
        }
        BeginErasureError::Storage(error) => ApiError::internal("beginning an erasure", &error),
    }
}
