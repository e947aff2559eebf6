//! Microsoft Graph as far as assigning roles asks it: `az role assignment create --assignee` looks an
//! application up for the object id that the role is for, and lists of assignments show names.
//!
//! There are the service principals of the built-in issuer alone, and to whoever asks those of its own
//! tenant, one by one: nobody but the administrator lists them.

use std::sync::Arc;

use accounts::ServicePrincipal;
use axum::Json;
use axum::body::Body;
use axum::extract::State;
use domain::id::TenantId;
use wire::graph::{self, GetByIds, Listed, SERVICE_PRINCIPAL, Wanted};

use crate::app::App;
use crate::error::ApiError;
use crate::exchange::Asked;
use crate::own::read_json;

/// The service principal that a filter names, if there is one.
#[utoipa::path(get, path = "/v1.0/serviceprincipals", tag = "Graph",
    params(("$filter" = String, Query, description = "servicePrincipalNames/any(c:c eq '…'), appId eq '…' or id eq '…'")),
    responses(
        (status = 200, description = "It, or an empty list", body = Listed<graph::ServicePrincipal>),
        (status = 400, description = "The filter is not one of those", body = wire::error::ErrorBody),
        (status = 401, description = "No valid token", body = wire::error::ErrorBody),
        (status = 404, description = "The built-in issuer is off", body = wire::error::ErrorBody),
    )
)]
pub(crate) async fn list(
    State(app): State<Arc<App>>,
    asked: Asked,
) -> Result<Json<Listed<graph::ServicePrincipal>>, ApiError> {
    let tenant = enter(&app, &asked)?;
    let wanted = Wanted::from_parameters(&asked.parameters).map_err(ApiError::Graph)?;
    let directory = app.directory();
    let principals = &directory.principals;
    let found = match wanted {
        Wanted::Application(application) => principals.client(application, tenant),
        Wanted::Object(object) => principals.object(object, tenant),
        Wanted::Nobody => None,
    };
    let value = found.map(|principal| body_of(principal, None)).into_iter().collect();
    Ok(Json(Listed::new(&asked.origin, "servicePrincipals", value)))
}

/// What objects are by their ids; those that are no service principals of the tenant are left out.
#[utoipa::path(post, path = "/v1.0/directoryobjects/getbyids", tag = "Graph",
    request_body = GetByIds,
    responses(
        (status = 200, description = "Those that are known", body = Listed<graph::ServicePrincipal>),
        (status = 400, description = "A member is wrong", body = wire::error::ErrorBody),
        (status = 401, description = "No valid token", body = wire::error::ErrorBody),
        (status = 404, description = "The built-in issuer is off", body = wire::error::ErrorBody),
    )
)]
pub(crate) async fn get_by_ids(
    State(app): State<Arc<App>>,
    asked: Asked,
    body: Body,
) -> Result<Json<Listed<graph::ServicePrincipal>>, ApiError> {
    let tenant = enter(&app, &asked)?;
    let wanted: GetByIds = read_json(body).await?;
    let objects = wanted.objects().map_err(ApiError::Graph)?;
    let directory = app.directory();
    let known = objects.into_iter().filter_map(|id| directory.principals.object(id, tenant));
    let value = known.map(|principal| body_of(principal, Some(SERVICE_PRINCIPAL))).collect();
    Ok(Json(Listed::new(&asked.origin, "directoryObjects", value)))
}

/// The tenant whose principals whoever asks may look up; of no issuer but the built-in one are they
/// known.
fn enter(app: &App, asked: &Asked) -> Result<TenantId, ApiError> {
    let principal = app.authenticate(asked)?;
    app.issuer()?;
    Ok(principal.tenant_id)
}

fn body_of(principal: &ServicePrincipal, kind: Option<&str>) -> graph::ServicePrincipal {
    let application = principal.application.to_string();
    graph::ServicePrincipal {
        kind: kind.map(str::to_owned),
        id: principal.object.to_string(),
        app_id: application.clone(),
        display_name: principal.name.to_string(),
        service_principal_names: vec![application],
        service_principal_type: "Application".to_owned(),
        account_enabled: true,
        app_owner_organization_id: principal.tenant.to_string(),
    }
}
