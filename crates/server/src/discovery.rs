//! Where clients find the built-in issuer's keys: OpenID Connect discovery, without a token.

use std::sync::Arc;

use axum::Json;
use axum::extract::{Path, State};
use domain::id::TenantId;
use serde_json::Value;

use crate::app::App;
use crate::error::ApiError;
use crate::exchange::Asked;

/// The discovery document of a tenant.
pub(crate) async fn document(
    State(app): State<Arc<App>>,
    Path(tenant): Path<String>,
    asked: Asked,
) -> Result<Json<Value>, ApiError> {
    let tenant = known_tenant(&app, &tenant)?;
    Ok(Json(app.issuer()?.discovery(tenant, &asked.origin)))
}

/// The public keys that tokens are signed with.
pub(crate) async fn keys(
    State(app): State<Arc<App>>,
    Path(tenant): Path<String>,
) -> Result<Json<Value>, ApiError> {
    known_tenant(&app, &tenant)?;
    Ok(Json(app.issuer()?.jwks()))
}

fn known_tenant(app: &App, tenant: &str) -> Result<TenantId, ApiError> {
    let unknown = || ApiError::NotFound { what: "tenant", id: tenant.to_owned() };
    let id = TenantId::parse(tenant).map_err(|_| unknown())?;
    if app.directory().tenants().contains(&id) { Ok(id) } else { Err(unknown()) }
}
