//! Service principals of the built-in issuer: who signs in with an id and a secret.

use std::sync::Arc;

use accounts::{
    CreateServicePrincipalError, DeleteServicePrincipalError, DisplayName, NewSecret,
    RotateServicePrincipalError, ServicePrincipal,
};
use axum::Json;
use axum::body::Body;
use axum::extract::{Path, State};
use domain::id::{ApplicationId, SecretId, TenantId};
use domain::time::UtcTime;
use http::StatusCode;
use uuid::Uuid;
use wire::own::{
    self, List, ServicePrincipalCreate, ServicePrincipalCredential, ServicePrincipalRotate,
};
use wire::secret::SecretText;

use super::{parsed, read_json, read_optional_json};
use crate::app::App;
use crate::error::ApiError;
use crate::exchange::{Asked, NoStore};
use crate::identity::Secret;
use crate::limits;
use crate::token_endpoint::Busy;

/// Makes a service principal, with a secret that is shown this once.
#[utoipa::path(post, path = "/tallyhouse/v1/service-principals", tag = "Access",
    request_body = ServicePrincipalCreate,
    responses(
        (status = 201, description = "The service principal, with its secret", body = ServicePrincipalCredential),
        (status = 400, description = "A member is wrong", body = wire::error::ErrorBody),
        (status = 403, description = "Not the administrator", body = wire::error::ErrorBody),
        (status = 404, description = "No such tenant", body = wire::error::ErrorBody),
        (status = 409, description = "There are as many as there may be", body = wire::error::ErrorBody),
    )
)]
pub(crate) async fn create(
    State(app): State<Arc<App>>,
    asked: Asked,
    body: Body,
) -> Result<(StatusCode, NoStore<Json<ServicePrincipalCredential>>), ApiError> {
    let administrator = app.administrator(&asked)?;
    app.issuer()?;
    let body: ServicePrincipalCreate = read_json(body).await?;
    let name = parsed("displayName", DisplayName::parse(&body.display_name))?;
    let tenant = parsed("tenant", TenantId::parse(&body.tenant))?;
    let (secret, new) = make_secret(&app, body.expires_in_days).await?;
    let (by, now) = (administrator.object_id.to_string(), (app.clock)());
    let made = app.change(move |accounts| async move {
        let made = accounts.create_service_principal(tenant, name, new, &by, now).await;
        made.map_err(refusal)
    });
    Ok((StatusCode::CREATED, credential(&made.await?, &secret)))
}

fn refusal(error: CreateServicePrincipalError) -> ApiError {
    match error {
        CreateServicePrincipalError::NoSuchTenant(tenant) => {
            ApiError::NotFound { what: "tenant", id: tenant.to_string() }
        }
        CreateServicePrincipalError::Days(_) => {
            ApiError::Parameter { name: "expiresInDays", reason: error.to_string() }
        }
        CreateServicePrincipalError::TooMany => ApiError::LimitReached(error.to_string()),
        CreateServicePrincipalError::Storage(error) => {
            ApiError::internal("making a service principal", &error)
        }
    }
}

/// Lists the service principals, in the order in which they were made.
#[utoipa::path(get, path = "/tallyhouse/v1/service-principals", tag = "Access", responses(
    (status = 200, description = "Every service principal", body = List<own::ServicePrincipal>),
    (status = 403, description = "Not the administrator", body = wire::error::ErrorBody),
))]
pub(crate) async fn list(
    State(app): State<Arc<App>>,
    asked: Asked,
) -> Result<Json<List<own::ServicePrincipal>>, ApiError> {
    app.administrator(&asked)?;
    let (directory, now) = (app.directory(), (app.clock)());
    let principals = directory.principals.all().iter();
    Ok(Json(List { value: principals.map(|principal| body_of(principal, now)).collect() }))
}

/// Gives a service principal another secret, which is shown this once, and ends its earlier ones, at
/// once or after an overlap.
#[utoipa::path(post, path = "/tallyhouse/v1/service-principals/{appId}/rotate", tag = "Access",
    params(("appId" = String, Path, description = "GUID that it signs in as")),
    request_body(content = Option<ServicePrincipalRotate>, description = "May be left out"),
    responses(
        (status = 200, description = "The service principal, with its new secret", body = ServicePrincipalCredential),
        (status = 400, description = "A member is wrong", body = wire::error::ErrorBody),
        (status = 403, description = "Not the administrator", body = wire::error::ErrorBody),
        (status = 404, description = "No such service principal", body = wire::error::ErrorBody),
        (status = 409, description = "It was given as many secrets as it may be", body = wire::error::ErrorBody),
    )
)]
pub(crate) async fn rotate(
    State(app): State<Arc<App>>,
    Path(application): Path<String>,
    asked: Asked,
    body: Body,
) -> Result<NoStore<Json<ServicePrincipalCredential>>, ApiError> {
    let administrator = app.administrator(&asked)?;
    app.issuer()?;
    let application = application_of(&application)?;
    let body: ServicePrincipalRotate = read_optional_json(body).await?;
    let (secret, new) = make_secret(&app, body.expires_in_days).await?;
    let overlap_hours = body.overlap_hours.unwrap_or(0);
    let (by, now) = (administrator.object_id.to_string(), (app.clock)());
    let rotated = app.change(move |accounts| async move {
        let rotated =
            accounts.rotate_service_principal(application, new, overlap_hours, &by, now).await;
        rotated.map_err(rotation_refusal)
    });
    Ok(credential(&rotated.await?, &secret))
}

fn rotation_refusal(error: RotateServicePrincipalError) -> ApiError {
    match error {
        RotateServicePrincipalError::NotFound(id) => unknown(&id.to_string()),
        RotateServicePrincipalError::Days(_) => {
            ApiError::Parameter { name: "expiresInDays", reason: error.to_string() }
        }
        RotateServicePrincipalError::Overlap(_) => {
            ApiError::Parameter { name: "overlapHours", reason: error.to_string() }
        }
        RotateServicePrincipalError::TooMany => ApiError::LimitReached(error.to_string()),
        RotateServicePrincipalError::Storage(error) => {
            ApiError::internal("rotating a secret", &error)
        }
    }
}

/// Deletes a service principal. Its secrets and its tokens count no more; the roles that it was
/// assigned are of no use to anybody.
#[utoipa::path(delete, path = "/tallyhouse/v1/service-principals/{appId}", tag = "Access",
    params(("appId" = String, Path, description = "GUID that it signs in as")),
    responses(
        (status = 204, description = "It is deleted"),
        (status = 403, description = "Not the administrator", body = wire::error::ErrorBody),
        (status = 404, description = "No such service principal", body = wire::error::ErrorBody),
    )
)]
pub(crate) async fn delete(
    State(app): State<Arc<App>>,
    Path(application): Path<String>,
    asked: Asked,
) -> Result<StatusCode, ApiError> {
    let administrator = app.administrator(&asked)?;
    let application = application_of(&application)?;
    let (by, now) = (administrator.object_id.to_string(), (app.clock)());
    let deleted = app.change(move |accounts| async move {
        let deleted = accounts.delete_service_principal(application, &by, now).await;
        deleted.map_err(deletion_refusal)
    });
    deleted.await?;
    Ok(StatusCode::NO_CONTENT)
}

fn deletion_refusal(error: DeleteServicePrincipalError) -> ApiError {
    match error {
        DeleteServicePrincipalError::NotFound(id) => unknown(&id.to_string()),
        DeleteServicePrincipalError::Storage(error) => {
            ApiError::internal("deleting a service principal", &error)
        }
    }
}

fn application_of(text: &str) -> Result<ApplicationId, ApiError> {
    ApplicationId::parse(text).map_err(|_| unknown(text))
}

fn unknown(id: &str) -> ApiError {
    ApiError::NotFound { what: "service principal", id: id.to_owned() }
}

/// A new secret, and what the accounts are to keep of it.
async fn make_secret(app: &App, days: Option<u32>) -> Result<(Secret, NewSecret), ApiError> {
    let id = SecretId::from_bits(Uuid::new_v4().as_u128());
    let secret = Secret::make(id);
    let hash = app.secret_turns.hash(secret.clone()).await.map_err(|Busy| ApiError::Busy)?;
    Ok((secret, NewSecret { id, hash, days: days.unwrap_or(limits::SECRET_DAYS) }))
}

/// A service principal with its latest secret, which this is.
fn credential(
    principal: &ServicePrincipal,
    secret: &Secret,
) -> NoStore<Json<ServicePrincipalCredential>> {
    let latest = principal.secrets.last().expect("it was given one just now");
    NoStore(Json(ServicePrincipalCredential {
        app_id: principal.application.to_string(),
        object_id: principal.object.to_string(),
        tenant: principal.tenant.to_string(),
        display_name: principal.name.to_string(),
        password: SecretText::new(secret.expose().to_owned()),
        key_id: latest.id.to_string(),
        expires_on: latest.until.to_string(),
    }))
}

fn body_of(principal: &ServicePrincipal, now: UtcTime) -> own::ServicePrincipal {
    let secrets = principal.secrets_in_force(now).map(|secret| own::ServicePrincipalSecret {
        key_id: secret.id.to_string(),
        created_on: secret.created_at.to_string(),
        expires_on: secret.until.to_string(),
    });
    own::ServicePrincipal {
        app_id: principal.application.to_string(),
        object_id: principal.object.to_string(),
        tenant: principal.tenant.to_string(),
        display_name: principal.name.to_string(),
        created_on: principal.created_at.to_string(),
        secrets: secrets.collect(),
    }
}
