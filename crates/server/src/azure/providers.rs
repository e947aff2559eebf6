//! `/providers`: the resource providers that have calls here, with types and api-versions. Every
//! subscription is registered with all of them, always; registering is answered and changes nothing.

use std::sync::Arc;

use accounts::{Action, Scope, Subscription};
use axum::Json;
use axum::extract::{Path, State};
use wire::arm;
use wire::own::List;

use super::operation::{self, NAMESPACES, Namespace, Operation, RESOURCE_MANAGER};
use super::{enter, enter_subscription, enter_tenant};
use crate::app::App;
use crate::authorize::require;
use crate::error::ApiError;
use crate::exchange::Asked;

/// Reading providers.
pub(super) const READ: Operation = Operation {
    namespace: "Microsoft.Resources",
    resource_type: "providers",
    versions: RESOURCE_MANAGER,
    action: Action::new("Microsoft.Resources/subscriptions/providers/read"),
};

/// The resource providers.
#[utoipa::path(get, path = "/providers", tag = "Azure",
    params(("api-version" = String, Query, description = "2016-06-01 to 2022-12-01, and others")),
    responses((status = 200, description = "In order of name", body = List<arm::Provider>))
)]
pub(crate) async fn list(
    State(app): State<Arc<App>>,
    asked: Asked,
) -> Result<Json<List<arm::Provider>>, ApiError> {
    enter_tenant(&app, &asked, &READ)?;
    let value = NAMESPACES.iter().map(|namespace| body_of(namespace, None)).collect();
    Ok(Json(List { value }))
}

/// A resource provider.
#[utoipa::path(get, path = "/providers/{namespace}", tag = "Azure",
    params(
        ("namespace" = String, Path, description = "Such as Microsoft.Commerce"),
        ("api-version" = String, Query, description = "2016-06-01 to 2022-12-01, and others"),
    ),
    responses(
        (status = 200, description = "The provider", body = arm::Provider),
        (status = 404, description = "No such provider", body = wire::error::ErrorBody),
    )
)]
pub(crate) async fn show(
    State(app): State<Arc<App>>,
    Path(namespace): Path<String>,
    asked: Asked,
) -> Result<Json<arm::Provider>, ApiError> {
    enter_tenant(&app, &asked, &READ)?;
    Ok(Json(body_of(known(&namespace)?, None)))
}

/// The resource providers, as a subscription has them.
#[utoipa::path(get, path = "/subscriptions/{subscriptionId}/providers", tag = "Azure",
    params(
        ("subscriptionId" = String, Path, description = "GUID of the subscription"),
        ("api-version" = String, Query, description = "2016-06-01 to 2022-12-01, and others"),
    ),
    responses(
        (status = 200, description = "In order of name", body = List<arm::Provider>),
        (status = 403, description = "No right", body = wire::error::ErrorBody),
        (status = 404, description = "No such subscription", body = wire::error::ErrorBody),
    )
)]
pub(crate) async fn list_of_subscription(
    State(app): State<Arc<App>>,
    Path(subscription): Path<String>,
    asked: Asked,
) -> Result<Json<List<arm::Provider>>, ApiError> {
    let subscription = enter(&app, &asked, &subscription, &READ)?;
    let bodies = NAMESPACES.iter().map(|namespace| body_of(namespace, Some(&subscription)));
    Ok(Json(List { value: bodies.collect() }))
}

/// A resource provider, as a subscription has it.
#[utoipa::path(get, path = "/subscriptions/{subscriptionId}/providers/{namespace}", tag = "Azure",
    params(
        ("subscriptionId" = String, Path, description = "GUID of the subscription"),
        ("namespace" = String, Path, description = "Such as Microsoft.Commerce"),
        ("api-version" = String, Query, description = "2016-06-01 to 2022-12-01, and others"),
    ),
    responses(
        (status = 200, description = "The provider", body = arm::Provider),
        (status = 403, description = "No right", body = wire::error::ErrorBody),
        (status = 404, description = "No such subscription or provider", body = wire::error::ErrorBody),
    )
)]
pub(crate) async fn show_of_subscription(
    State(app): State<Arc<App>>,
    Path((subscription, namespace)): Path<(String, String)>,
    asked: Asked,
) -> Result<Json<arm::Provider>, ApiError> {
    let (principal, subscription) = enter_subscription(&app, &asked, &subscription, &READ)?;
    let namespace = known(&namespace)?;
    require(&app.directory(), &principal, &subscription, READ.action)?;
    Ok(Json(body_of(namespace, Some(&subscription))))
}

/// Registers a subscription with a resource provider, which it is already.
#[utoipa::path(post, path = "/subscriptions/{subscriptionId}/providers/{namespace}/register",
    tag = "Azure",
    params(
        ("subscriptionId" = String, Path, description = "GUID of the subscription"),
        ("namespace" = String, Path, description = "Such as Microsoft.Commerce"),
        ("api-version" = String, Query, description = "2016-06-01 to 2022-12-01, and others"),
    ),
    responses(
        (status = 200, description = "The provider", body = arm::Provider),
        (status = 403, description = "No right", body = wire::error::ErrorBody),
        (status = 404, description = "No such subscription or provider", body = wire::error::ErrorBody),
    )
)]
pub(crate) async fn register(
    State(app): State<Arc<App>>,
    Path((subscription, namespace)): Path<(String, String)>,
    asked: Asked,
) -> Result<Json<arm::Provider>, ApiError> {
    answer_registration(&app, &asked, &subscription, &namespace, |namespace| namespace.register)
}

/// Answers with the resource provider; the subscription stays registered with it.
#[utoipa::path(post, path = "/subscriptions/{subscriptionId}/providers/{namespace}/unregister",
    tag = "Azure",
    params(
        ("subscriptionId" = String, Path, description = "GUID of the subscription"),
        ("namespace" = String, Path, description = "Such as Microsoft.Commerce"),
        ("api-version" = String, Query, description = "2016-06-01 to 2022-12-01, and others"),
    ),
    responses(
        (status = 200, description = "The provider", body = arm::Provider),
        (status = 403, description = "No right", body = wire::error::ErrorBody),
        (status = 404, description = "No such subscription or provider", body = wire::error::ErrorBody),
    )
)]
pub(crate) async fn unregister(
    State(app): State<Arc<App>>,
    Path((subscription, namespace)): Path<(String, String)>,
    asked: Asked,
) -> Result<Json<arm::Provider>, ApiError> {
    answer_registration(&app, &asked, &subscription, &namespace, |namespace| namespace.unregister)
}

fn answer_registration(
    app: &App,
    asked: &Asked,
    subscription: &str,
    namespace: &str,
    action: fn(&Namespace) -> Action,
) -> Result<Json<arm::Provider>, ApiError> {
    let (principal, subscription) = enter_subscription(app, asked, subscription, &READ)?;
    let namespace = known(namespace)?;
    require(&app.directory(), &principal, &subscription, action(namespace))?;
    Ok(Json(body_of(namespace, Some(&subscription))))
}

fn known(namespace: &str) -> Result<&'static Namespace, ApiError> {
    let known = operation::namespace(namespace);
    known.ok_or_else(|| ApiError::ResourceNamespace(namespace.to_owned()))
}

fn body_of(namespace: &Namespace, subscription: Option<&Subscription>) -> arm::Provider {
    let scope = subscription.map(|subscription| Scope::of_subscription(subscription.id));
    let scope = scope.map(|scope| scope.to_string()).unwrap_or_default();
    let types = operation::resource_types(namespace).into_iter().map(|resource_type| {
        let versions = resource_type.versions.into_iter().map(str::to_owned).collect();
        arm::ProviderResourceType {
            resource_type: resource_type.name.to_owned(),
            locations: vec![],
            api_versions: versions,
            capabilities: "None".to_owned(),
        }
    });
    arm::Provider {
        id: format!("{scope}/providers/{}", namespace.name),
        namespace: namespace.name.to_owned(),
        resource_types: types.collect(),
        registration_state: "Registered".to_owned(),
    }
}
