//! `GET /tenants`: the tenants that the caller can act in, which is the one that its token is of; the
//! administrator acts in all.

use std::sync::Arc;

use accounts::Action;
use axum::Json;
use axum::extract::State;
use domain::id::TenantId;
use wire::arm;
use wire::own::List;

use super::enter_tenant;
use super::operation::{Operation, RESOURCE_MANAGER};
use crate::app::App;
use crate::error::ApiError;
use crate::exchange::Asked;

/// Listing tenants.
pub(super) const LIST: Operation = Operation {
    namespace: "Microsoft.Resources",
    resource_type: "tenants",
    versions: RESOURCE_MANAGER,
    action: Action::new("Microsoft.Resources/tenants/read"),
};

/// The tenants that the caller can act in.
#[utoipa::path(get, path = "/tenants", tag = "Azure",
    params(("api-version" = String, Query, description = "2016-06-01 to 2022-12-01, and others")),
    responses(
        (status = 200, description = "The installation's own tenant first", body = List<arm::Tenant>),
        (status = 401, description = "No valid token", body = wire::error::ErrorBody),
    )
)]
pub(crate) async fn list(
    State(app): State<Arc<App>>,
    asked: Asked,
) -> Result<Json<List<arm::Tenant>>, ApiError> {
    let principal = enter_tenant(&app, &asked, &LIST)?;
    let directory = app.directory();
    let shown = directory.tenants().iter().copied();
    let shown = shown.filter(|id| principal.is_administrator || *id == principal.tenant_id);
    Ok(Json(List { value: shown.map(|id| body_of(&app, &asked, id)).collect() }))
}

/// Tenants have no names of their own: the installation's is called as whoever bills, others by
/// their ids.
fn body_of(app: &App, asked: &Asked, id: TenantId) -> arm::Tenant {
    let host = asked.origin.trim_start_matches("https://");
    let own = id == app.installation.tenant;
    arm::Tenant {
        id: format!("/tenants/{id}"),
        tenant_id: id.to_string(),
        display_name: if own { app.config.issuer_name.clone() } else { id.to_string() },
        default_domain: host.split(':').next().unwrap_or(host).to_owned(),
    }
}
