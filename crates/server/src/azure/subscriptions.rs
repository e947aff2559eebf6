//! `/subscriptions` as the resource manager shows them: those on which the caller has a role, be it
//! on a resource group or resource inside alone.

use std::sync::Arc;

use accounts::{Action, Scope, Subscription, SubscriptionState};
use axum::Json;
use axum::extract::{Path, State};
use domain::time::Date;
use wire::arm;
use wire::own::List;

use super::operation::{Operation, RESOURCE_MANAGER};
use super::{enter_subscription, enter_tenant};
use crate::app::App;
use crate::authorize::forbidden;
use crate::error::ApiError;
use crate::exchange::Asked;

/// Listing subscriptions.
pub(super) const LIST: Operation = Operation {
    namespace: "Microsoft.Resources",
    resource_type: "subscriptions",
    versions: RESOURCE_MANAGER,
    action: Action::new("Microsoft.Resources/subscriptions/read"),
};
/// Showing one.
pub(super) const SHOW: Operation = LIST;

/// The subscriptions on which the caller has a role.
#[utoipa::path(get, path = "/subscriptions", tag = "Azure",
    params(("api-version" = String, Query, description = "2016-06-01 to 2022-12-01, and others")),
    responses(
        (status = 200, description = "In order of id", body = List<arm::Subscription>),
        (status = 401, description = "No valid token", body = wire::error::ErrorBody),
    )
)]
pub(crate) async fn list(
    State(app): State<Arc<App>>,
    asked: Asked,
) -> Result<Json<List<arm::Subscription>>, ApiError> {
    let principal = enter_tenant(&app, &asked, &LIST)?;
    let directory = app.directory();
    let shown = directory.subscriptions().filter(|subscription| {
        directory.visible(&principal, subscription.id).is_some()
            && directory.has_role_within(&principal, subscription.id)
    });
    let today = (app.clock)().date();
    Ok(Json(List { value: shown.map(|subscription| body_of(subscription, today)).collect() }))
}

/// A subscription.
#[utoipa::path(get, path = "/subscriptions/{subscriptionId}", tag = "Azure",
    params(
        ("subscriptionId" = String, Path, description = "GUID of the subscription"),
        ("api-version" = String, Query, description = "2016-06-01 to 2022-12-01, and others"),
    ),
    responses(
        (status = 200, description = "The subscription", body = arm::Subscription),
        (status = 401, description = "No valid token; the challenge names the subscription's tenant", body = wire::error::ErrorBody),
        (status = 403, description = "No role on it", body = wire::error::ErrorBody),
        (status = 404, description = "No such subscription", body = wire::error::ErrorBody),
    )
)]
pub(crate) async fn show(
    State(app): State<Arc<App>>,
    Path(subscription): Path<String>,
    asked: Asked,
) -> Result<Json<arm::Subscription>, ApiError> {
    let (principal, subscription) = enter_subscription(&app, &asked, &subscription, &SHOW)?;
    if !app.directory().has_role_within(&principal, subscription.id) {
        let scope = Scope::of_subscription(subscription.id);
        return Err(forbidden(&principal, SHOW.action, scope.to_string()));
    }
    Ok(Json(body_of(&subscription, (app.clock)().date())))
}

fn body_of(subscription: &Subscription, today: Date) -> arm::Subscription {
    let facts = subscription.facts_at(today);
    arm::Subscription {
        id: Scope::of_subscription(subscription.id).to_string(),
        authorization_source: "RoleBased".to_owned(),
        managed_by_tenants: vec![],
        subscription_id: subscription.id.to_string(),
        tenant_id: subscription.tenant.to_string(),
        display_name: facts.name.to_string(),
        state: state_word(facts.state).to_owned(),
        subscription_policies: arm::SubscriptionPolicies {
            location_placement_id: "Public_2014-09-01".to_owned(),
            quota_id: domain::offer::quota_id(&facts.offer).map(str::to_owned),
            spending_limit: "Off".to_owned(),
        },
    }
}

/// Azure's word for a state.
///
/// Source: Azure Resource Manager, Subscriptions, `state`.
pub(crate) fn state_word(state: SubscriptionState) -> &'static str {
    match state {
        SubscriptionState::Active => "Enabled",
        SubscriptionState::Suspended => "Disabled",
        SubscriptionState::Cancelled => "Deleted",
    }
}
