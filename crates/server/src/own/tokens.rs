//! Tokens of the built-in issuer, given out by the administrator.

use std::sync::Arc;

use axum::Json;
use axum::body::Body;
use axum::extract::State;
use domain::id::{ObjectId, TenantId};
use wire::own::{TokenRequest, TokenResponse};

use super::{parsed, read_json};
use crate::app::App;
use crate::error::ApiError;
use crate::exchange::Asked;
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
) -> Result<Json<TokenResponse>, ApiError> {
    app.administrator(&asked)?;
    let request: TokenRequest = read_json(body).await?;
    let tenant = request.tenant_id.as_deref().map(TenantId::parse).transpose();
    let expires_in = request.expires_in.unwrap_or(limits::TOKEN_SECONDS);
    if !(1..=limits::TOKEN_SECONDS_MAX).contains(&expires_in) {
        let reason = format!("is 1 to {} seconds, not {expires_in}", limits::TOKEN_SECONDS_MAX);
        return Err(ApiError::Parameter { name: "expiresIn", reason });
    }
    let claims = Claims {
        object_id: parsed("objectId", ObjectId::parse(&request.object_id))?,
        tenant_id: parsed("tenantId", tenant)?.unwrap_or(app.installation.tenant),
        audience: DEFAULT_AUDIENCE.to_owned(),
        expires_in_seconds: expires_in,
    };
    let access_token = app.issuer()?.issue(&claims, (app.clock)());
    Ok(Json(TokenResponse { token_type: "Bearer".to_owned(), access_token, expires_in }))
}
