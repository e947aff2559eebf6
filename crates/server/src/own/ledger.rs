//! The ledger's own work, asked for by the administrator.

use std::sync::Arc;

use axum::extract::State;
use http::StatusCode;
use ledger::{CompactError, SealError};

use crate::app::App;
use crate::error::ApiError;
use crate::exchange::Asked;

/// Seals the journal into the Delta table now, so that outside readers see every record.
#[utoipa::path(post, path = "/tallyhouse/v1/ledger/seal", tag = "Ledger", responses(
    (status = 204, description = "Every record acknowledged before is in the Delta table"),
    (status = 403, description = "Not the administrator", body = wire::error::ErrorBody),
    (status = 503, description = "The journal waits for its object store", body = wire::error::ErrorBody),
))]
pub(crate) async fn seal(
    State(app): State<Arc<App>>,
    asked: Asked,
) -> Result<StatusCode, ApiError> {
    app.administrator(&asked)?;
    match app.ledger.seal().await {
        Ok(()) => Ok(StatusCode::NO_CONTENT),
        Err(SealError::Stalled) => Err(ApiError::LedgerStalled),
        Err(error) => Err(ApiError::internal("sealing", &error)),
    }
}

/// Joins small data files of the Delta table now, as far as is due, and removes joined ones that have
/// stayed their time. It happens after seals by itself; no answer changes by it.
#[utoipa::path(post, path = "/tallyhouse/v1/ledger/compact", tag = "Ledger", responses(
    (status = 204, description = "No more files are to be joined"),
    (status = 403, description = "Not the administrator", body = wire::error::ErrorBody),
))]
pub(crate) async fn compact(
    State(app): State<Arc<App>>,
    asked: Asked,
) -> Result<StatusCode, ApiError> {
    app.administrator(&asked)?;
    match app.ledger.compact().await {
        Ok(()) => Ok(StatusCode::NO_CONTENT),
        Err(CompactError::Refused | CompactError::Stopped) => Err(ApiError::LedgerRefuses),
        Err(error) => Err(ApiError::internal("compacting", &error)),
    }
}
