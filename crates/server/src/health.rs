//! Whether the server lives, and whether it takes work.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use http::StatusCode;
use serde_json::json;

use crate::app::App;

/// Whether the process answers.
#[utoipa::path(get, path = "/healthz", tag = "Health", responses((status = 200, description = "It lives")))]
pub(crate) async fn live() -> Response {
    Json(json!({"status": "ok"})).into_response()
}

/// Whether the ledger takes records and the accounts answer.
#[utoipa::path(get, path = "/readyz", tag = "Health", responses(
    (status = 200, description = "It takes work"),
    (status = 503, description = "It does not, and says why"),
))]
pub(crate) async fn ready(State(app): State<Arc<App>>) -> Response {
    let ledger = app.ledger.status();
    let accounts = app.accounts.revision().await.is_ok();
    let status =
        if ledger.writable && accounts { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
    let body = json!({
        "ledger": if ledger.writable { "ok" } else { "takes no records" },
        "accounts": if accounts { "ok" } else { "cannot be read" },
    });
    (status, Json(body)).into_response()
}
