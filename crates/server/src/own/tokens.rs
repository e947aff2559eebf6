//! Tokens of the built-in issuer, given out by the administrator.

use std::sync::Arc;

use axum::Json;
use axum::body::Body;
use axum::extract::State;
use domain::id::{ObjectId, TenantId};
use tokio::task::spawn_blocking;
use wire::own::{TokenRequest, TokenResponse};
use wire::secret::SecretText;

use super::{parsed, read_json};
use crate::app::App;
use crate::error::ApiError;
use crate::exchange::{Asked, NoStore};
use crate::identity::{Claims, DEFAULT_AUDIENCE};
use crate::limits;

/// Issues a token for a principal.
#[utoipa::path(post, path = "/tallyhouse/v1/tokens", tag = "Access", request_body = TokenRequest,
    responses(
        (status = 200, description = "The token", body = TokenResponse),
        (status = 400, description = "A member is wrong", body = wire::error::ErrorBody),
        (status = 403, description = "Not the administrator", body = wire::error::ErrorBody),
    )
)]
pub(crate) async fn issue(
    State(app): State<Arc<App>>,
    asked: Asked,
    body: Body,
) -> Result<NoStore<Json<TokenResponse>>, ApiError> {
    app.administrator(&asked)?;
    let request: TokenRequest = read_json(body).await?;
    let tenant = request.tenant_id.as_deref().map(TenantId::parse).transpose();
    let expires_in = request.expires_in.unwrap_or(limits::TOKEN_SECONDS);
    if !(1..=limits::TOKEN_SECONDS_MAX).contains(&expires_in) {
        let reason = format!("is 1 to {} seconds, not {expires_in}", limits::TOKEN_SECONDS_MAX);
        return Err(ApiError::Parameter { name: "expiresIn", reason });
    }
    let object_id = parsed("objectId", ObjectId::parse(&request.object_id))?;
    let tenant_id = parsed("tenantId", tenant)?.unwrap_or(app.installation.tenant);
    let directory = app.directory();
    let principal = directory.principals.by_object(object_id);
    if let Some(principal) = principal.filter(|principal| principal.tenant != tenant_id) {
        let (application, tenant) = (principal.application, principal.tenant);
        let reason = format!("service principal {application} is of tenant {tenant}");
        return Err(ApiError::Parameter { name: "tenantId", reason });
    }
    let is_administrator = object_id == app.installation.administrator;
    let claims = Claims {
        object_id,
        tenant_id,
        audience: DEFAULT_AUDIENCE.to_owned(),
        expires_in_seconds: expires_in,
        application: principal.map(|principal| principal.application),
        generation: is_administrator.then(|| directory.principals.generation()),
    };
    let access_token = SecretText::new(app.issuer()?.issue(&claims, (app.clock)()));
    let token_type = "Bearer".to_owned();
    Ok(NoStore(Json(TokenResponse { token_type, access_token, expires_in })))
}

/// Makes all tokens of the administrator that were given out so far worthless, and gives out a new
/// one, which is written to `admin.token` of the data folder, too.
#[utoipa::path(post, path = "/tallyhouse/v1/administrator-token/rotate", tag = "Access",
    responses(
        (status = 200, description = "The new token", body = TokenResponse),
        (status = 403, description = "Not the administrator", body = wire::error::ErrorBody),
    )
)]
pub(crate) async fn rotate_administrator(
    State(app): State<Arc<App>>,
    asked: Asked,
) -> Result<NoStore<Json<TokenResponse>>, ApiError> {
    let administrator = app.administrator(&asked)?;
    app.issuer()?;
    let (by, now) = (administrator.object_id.to_string(), (app.clock)());
    let writer = Arc::clone(&app);
    let rotated = app.change(move |accounts| async move {
        let generation = accounts.rotate_administrator(&by, now).await;
        let generation = generation
            .map_err(|error| ApiError::internal("rotating the administrator's token", &error))?;
        let token = writer.administrator_token_of(generation).ok_or(ApiError::BuiltInIssuerOff)?;
        let written = token.clone();
        let writing = spawn_blocking(move || writer.write_administrator_token(Some(&written)));
        match writing.await.expect("writing a file does not panic") {
            Ok(()) => Ok(token),
            // The earlier tokens are worthless all the same; the next start writes another.
            Err((_, error)) => Err(ApiError::internal("writing the administrator's token", &error)),
        }
    });
    Ok(NoStore(Json(TokenResponse {
        token_type: "Bearer".to_owned(),
        access_token: SecretText::new(rotated.await?),
        expires_in: limits::ADMINISTRATOR_TOKEN_SECONDS,
    })))
}
