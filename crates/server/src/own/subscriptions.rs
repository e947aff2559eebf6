//! Subscriptions: made by the administrator, shown to those with a role on them.

use std::sync::Arc;

use accounts::{
    Action, CreateSubscriptionError, DisplayName, NewSubscription, Scope, Subscription,
};
use axum::Json;
use axum::body::Body;
use axum::extract::{Path, State};
use domain::id::{Country, Currency, Locale, OfferId, SubscriptionId, TenantId};
use domain::period::AnchorDay;
use http::StatusCode;
use wire::own;
use wire::own::{List, SubscriptionCreate};

use super::{parsed, read_json};
use crate::app::App;
use crate::error::ApiError;
use crate::exchange::Asked;

/// The right to see a subscription.
const READ: Action = Action::new("Microsoft.Resources/subscriptions/read");

/// Makes a subscription, and its tenant with the first one.
#[utoipa::path(post, path = "/tallyhouse/v1/subscriptions", tag = "Subscriptions",
    request_body = SubscriptionCreate,
    responses(
        (status = 201, description = "The subscription", body = own::Subscription),
        (status = 400, description = "A member is wrong", body = wire::error::ErrorBody),
        (status = 403, description = "Not the administrator", body = wire::error::ErrorBody),
        (status = 409, description = "It exists already", body = wire::error::ErrorBody),
    )
)]
pub(crate) async fn create(
    State(app): State<Arc<App>>,
    asked: Asked,
    body: Body,
) -> Result<(StatusCode, Json<own::Subscription>), ApiError> {
    let administrator = app.administrator(&asked)?;
    let new = new_subscription(&app, &read_json(body).await?)?;
    let by = administrator.object_id.to_string();
    let created = app.accounts.create_subscription(new, &by, (app.clock)()).await;
    let created = created.map_err(|error| match error {
        CreateSubscriptionError::Exists(id) => {
            ApiError::Exists { what: "subscription", id: id.to_string() }
        }
        CreateSubscriptionError::Storage(error) => {
            ApiError::internal("creating a subscription", &error)
        }
    })?;
    app.reload_directory().await?;
    Ok((StatusCode::CREATED, Json(body_of(&created))))
}

fn new_subscription(app: &App, body: &SubscriptionCreate) -> Result<NewSubscription, ApiError> {
    let tenant = body.tenant_id.as_deref().map(TenantId::parse).transpose();
    Ok(NewSubscription {
        id: parsed("subscriptionId", SubscriptionId::parse(&body.subscription_id))?,
        name: parsed("displayName", DisplayName::parse(&body.display_name))?,
        tenant: parsed("tenantId", tenant)?.unwrap_or(app.installation.tenant),
        offer: parsed("offer", OfferId::parse(&body.offer))?,
        currency: parsed("currency", Currency::parse(&body.currency))?,
        locale: parsed("locale", Locale::parse(&body.locale))?,
        region: parsed("region", Country::parse(&body.region))?,
        anchor: match body.anchor_day {
            Some(day) => parsed("anchorDay", AnchorDay::new(day))?,
            None => AnchorDay::FIRST,
        },
    })
}

/// Lists the subscriptions that the caller may read.
#[utoipa::path(get, path = "/tallyhouse/v1/subscriptions", tag = "Subscriptions", responses(
    (status = 200, description = "In order of id", body = List<own::Subscription>),
))]
pub(crate) async fn list(
    State(app): State<Arc<App>>,
    asked: Asked,
) -> Result<Json<List<own::Subscription>>, ApiError> {
    let principal = app.authenticate(&asked)?;
    let directory = app.directory();
    let readable = directory.subscriptions().filter(|subscription| {
        directory.visible(&principal, subscription.id).is_some()
            && directory.allows(&principal, &READ, &Scope::of_subscription(subscription.id))
    });
    Ok(Json(List { value: readable.map(|subscription| body_of(subscription)).collect() }))
}

/// Shows a subscription.
#[utoipa::path(get, path = "/tallyhouse/v1/subscriptions/{subscriptionId}", tag = "Subscriptions",
    params(("subscriptionId" = String, Path, description = "GUID of the subscription")),
    responses(
        (status = 200, description = "The subscription", body = own::Subscription),
        (status = 404, description = "No such subscription", body = wire::error::ErrorBody),
    )
)]
pub(crate) async fn show(
    State(app): State<Arc<App>>,
    Path(subscription): Path<String>,
    asked: Asked,
) -> Result<Json<own::Subscription>, ApiError> {
    let subscription = app.enter_for(&asked, &subscription, READ)?;
    Ok(Json(body_of(&subscription)))
}

fn body_of(subscription: &Subscription) -> own::Subscription {
    own::Subscription {
        id: Scope::of_subscription(subscription.id).to_string(),
        subscription_id: subscription.id.to_string(),
        display_name: subscription.name.to_string(),
        tenant_id: subscription.tenant.to_string(),
        state: "Enabled".to_owned(),
        offer: subscription.offer.to_string(),
        currency: subscription.currency.to_string(),
        locale: subscription.locale.to_string(),
        region: subscription.region.to_string(),
        anchor_day: subscription.anchor.day(),
    }
}
