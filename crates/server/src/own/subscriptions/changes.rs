//! Changes of subscriptions: each holds from a day on, and what held before is kept.
//!
//! A change reaches no billing period that is closed. Offer and anchor day end the running period at
//! a midnight to come; a commitment counts in the periods that start on the day or later.

use std::sync::Arc;

use accounts::{
    Action, Buyer, ChangeSubscriptionError, DisplayName, Subscription, SubscriptionChange,
    SubscriptionState,
};
use axum::Json;
use axum::body::Body;
use axum::extract::{Path, State};
use domain::id::{OfferId, SubscriptionId};
use domain::time::Date;
use wire::own::{self, List, StateChange, SubscriptionFacts, SubscriptionUpdate};

use super::{READ, body_of, change_body, facts_body, read_anchor, read_commitment, state_word};
use crate::app::App;
use crate::error::ApiError;
use crate::exchange::Asked;
use crate::own::{day, parsed, read_json, read_optional_json};

/// The right to see what changed.
const HISTORY: Action = READ;

/// Changes a subscription from a day on.
#[utoipa::path(patch, path = "/tallyhouse/v1/subscriptions/{subscriptionId}", tag = "Subscriptions",
    params(("subscriptionId" = String, Path, description = "GUID of the subscription")),
    request_body = SubscriptionUpdate,
    responses(
        (status = 200, description = "The subscription as it is today, with upcoming changes", body = own::Subscription),
        (status = 400, description = "A member is wrong, or offer or anchor day would change on a day that has begun", body = wire::error::ErrorBody),
        (status = 403, description = "Not the administrator", body = wire::error::ErrorBody),
        (status = 404, description = "No such subscription", body = wire::error::ErrorBody),
        (status = 409, description = "It is cancelled, or the day is in a closed billing period", body = wire::error::ErrorBody),
    )
)]
pub(crate) async fn update(
    State(app): State<Arc<App>>,
    Path(subscription): Path<String>,
    asked: Asked,
    body: Body,
) -> Result<Json<own::Subscription>, ApiError> {
    let administrator = app.administrator(&asked)?;
    let id = find(&app, &subscription)?.id;
    let body: SubscriptionUpdate = read_json(body).await?;
    let change = change_of(&body)?;
    let effective = read_effective(body.effective.as_deref())?;
    let (by, now) = (administrator.object_id.to_string(), (app.clock)());
    let changed = app.change(move |accounts| async move {
        accounts.change_subscription(id, change, effective, &by, now).await.map_err(refusal)
    });
    Ok(Json(body_of(&changed.await?, now.date())))
}

fn change_of(body: &SubscriptionUpdate) -> Result<SubscriptionChange, ApiError> {
    let SubscriptionUpdate { display_name, offer, anchor_day, commitment, buyer, .. } = body;
    let commitment = commitment.as_ref().map(|new| new.as_ref().map(read_commitment).transpose());
    let buyer = buyer.as_ref().map(|new| new.as_deref().map(Buyer::parse).transpose());
    Ok(SubscriptionChange {
        name: parsed("displayName", display_name.as_deref().map(DisplayName::parse).transpose())?,
        offer: parsed("offer", offer.as_deref().map(OfferId::parse).transpose())?,
        anchor: anchor_day.map(read_anchor).transpose()?,
        commitment: commitment.transpose()?,
        invoice_download: body.invoice_download,
        buyer: parsed("buyer", buyer.transpose())?,
        state: None,
    })
}

/// Suspends a subscription from a day on. It can still be read, and still takes usage: no record is
/// lost.
#[utoipa::path(post, path = "/tallyhouse/v1/subscriptions/{subscriptionId}/suspend", tag = "Subscriptions",
    params(("subscriptionId" = String, Path, description = "GUID of the subscription")),
    request_body(content = Option<StateChange>, description = "May be left out"),
    responses(
        (status = 200, description = "The subscription as it is today, with upcoming changes", body = own::Subscription),
        (status = 404, description = "No such subscription", body = wire::error::ErrorBody),
        (status = 409, description = "It is cancelled, it is in this state from the day on but for a later change that stands, or the day is in a closed billing period", body = wire::error::ErrorBody),
    )
)]
pub(crate) async fn suspend(
    State(app): State<Arc<App>>,
    Path(subscription): Path<String>,
    asked: Asked,
    body: Body,
) -> Result<Json<own::Subscription>, ApiError> {
    change_state(&app, &subscription, &asked, body, SubscriptionState::Suspended).await
}

/// Resumes a suspended subscription from a day on.
#[utoipa::path(post, path = "/tallyhouse/v1/subscriptions/{subscriptionId}/resume", tag = "Subscriptions",
    params(("subscriptionId" = String, Path, description = "GUID of the subscription")),
    request_body(content = Option<StateChange>, description = "May be left out"),
    responses(
        (status = 200, description = "The subscription as it is today, with upcoming changes", body = own::Subscription),
        (status = 404, description = "No such subscription", body = wire::error::ErrorBody),
        (status = 409, description = "It is cancelled, it is in this state from the day on but for a later change that stands, or the day is in a closed billing period", body = wire::error::ErrorBody),
    )
)]
pub(crate) async fn resume(
    State(app): State<Arc<App>>,
    Path(subscription): Path<String>,
    asked: Asked,
    body: Body,
) -> Result<Json<own::Subscription>, ApiError> {
    change_state(&app, &subscription, &asked, body, SubscriptionState::Active).await
}

/// Cancels a subscription from a day on, for ever: nothing about it can be changed once this is
/// asked for, even before the day. Billing periods that start on the day or later have no recurring
/// charges; it can still be read, and usage that comes late is still taken and charged.
#[utoipa::path(post, path = "/tallyhouse/v1/subscriptions/{subscriptionId}/cancel", tag = "Subscriptions",
    params(("subscriptionId" = String, Path, description = "GUID of the subscription")),
    request_body(content = Option<StateChange>, description = "May be left out"),
    responses(
        (status = 200, description = "The subscription as it is today, with upcoming changes", body = own::Subscription),
        (status = 404, description = "No such subscription", body = wire::error::ErrorBody),
        (status = 409, description = "It is cancelled from another day on, or the day is in a closed billing period", body = wire::error::ErrorBody),
    )
)]
pub(crate) async fn cancel(
    State(app): State<Arc<App>>,
    Path(subscription): Path<String>,
    asked: Asked,
    body: Body,
) -> Result<Json<own::Subscription>, ApiError> {
    change_state(&app, &subscription, &asked, body, SubscriptionState::Cancelled).await
}

async fn change_state(
    app: &Arc<App>,
    subscription: &str,
    asked: &Asked,
    body: Body,
    state: SubscriptionState,
) -> Result<Json<own::Subscription>, ApiError> {
    let administrator = app.administrator(asked)?;
    let id = find(app, subscription)?.id;
    let body: StateChange = read_optional_json(body).await?;
    let effective = read_effective(body.effective.as_deref())?;
    let (by, now) = (administrator.object_id.to_string(), (app.clock)());
    let changed = app.change(move |accounts| async move {
        let changed = accounts.change_subscription_state(id, state, effective, &by, now).await;
        changed.map_err(refusal)
    });
    Ok(Json(body_of(&changed.await?, now.date())))
}

/// Shows how a subscription was made and what was changed since, in order of revision.
#[utoipa::path(get, path = "/tallyhouse/v1/subscriptions/{subscriptionId}/history", tag = "Subscriptions",
    params(("subscriptionId" = String, Path, description = "GUID of the subscription")),
    responses(
        (status = 200, description = "How it was made, then every change", body = List<own::SubscriptionChange>),
        (status = 404, description = "No such subscription", body = wire::error::ErrorBody),
    )
)]
pub(crate) async fn history(
    State(app): State<Arc<App>>,
    Path(subscription): Path<String>,
    asked: Asked,
) -> Result<Json<List<own::SubscriptionChange>>, ApiError> {
    let subscription = app.enter_for(&asked, &subscription, HISTORY)?;
    let created = subscription.created_revision;
    let (with, after): (Vec<_>, Vec<_>) =
        subscription.changes.iter().partition(|stored| stored.revision == created);
    let stated = with.first().map(|stated| facts_body(&stated.change)).unwrap_or_default();
    let made = own::SubscriptionChange {
        revision: created.0,
        at: subscription.created_at.to_string(),
        by: None,
        effective: None,
        set: SubscriptionFacts {
            display_name: Some(subscription.name.to_string()),
            state: Some(state_word(SubscriptionState::Active).to_owned()),
            offer: Some(subscription.offer.to_string()),
            anchor_day: Some(subscription.anchor.day()),
            ..stated
        },
    };
    let changes = after.into_iter().map(change_body);
    Ok(Json(List { value: std::iter::once(made).chain(changes).collect() }))
}

/// The subscription that a path of the administrator's names.
pub(crate) fn find(app: &App, subscription: &str) -> Result<Arc<Subscription>, ApiError> {
    let id = SubscriptionId::parse(subscription);
    let id = id.map_err(|error| ApiError::MalformedSubscription(error.text))?;
    let directory = app.directory();
    let found = directory.subscription(id).cloned();
    found.ok_or_else(|| ApiError::SubscriptionNotFound(id.to_string()))
}

fn read_effective(text: Option<&str>) -> Result<Option<Date>, ApiError> {
    text.map(|text| day("effective", text)).transpose()
}

/// Why a change was refused.
fn refusal(error: ChangeSubscriptionError) -> ApiError {
    use ChangeSubscriptionError as E;
    match error {
        E::NotFound(id) => ApiError::SubscriptionNotFound(id.to_string()),
        E::Cancelled(id) => ApiError::SubscriptionCancelled(id),
        E::StateStands { id, state, from } => {
            ApiError::StateStands { subscription: id, state: state.as_str(), from }
        }
        E::Nothing(_) => ApiError::Body(error.to_string()),
        E::PeriodClosed { effective, first_open } => {
            ApiError::PeriodClosed { name: "effective", day: effective, first_open }
        }
        E::NotAfterToday { .. } => {
            ApiError::Parameter { name: "effective", reason: error.to_string() }
        }
        E::Commitment(_) => ApiError::Parameter { name: "commitment", reason: error.to_string() },
        E::TooMany(_) => ApiError::LimitReached(error.to_string()),
        E::Storage(error) => ApiError::internal("changing a subscription", &error),
    }
}
