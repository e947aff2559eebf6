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
    let said_of_ledger = if !ledger.writable {
        "takes no records"
    } else if ledger.stalled {
        "waits for its object store, which does not answer"
    } else if ledger.is_clock_behind {
        "the clock is behind the last commit, so usage is reported too late"
    } else {
        "ok"
    };
    let is_ready = said_of_ledger == "ok" && accounts;
    let status = if is_ready { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
    let mut body = json!({
        "ledger": said_of_ledger,
        "accounts": if accounts { "ok" } else { "cannot be read" },
    });
    // Tokens of the others count all the same.
    match app.verifier.issuers_without_keys((app.clock)()) {
        (0, _) => {}
        (_, 0) => body["issuers"] = json!("ok"),
        (all, some) => {
            body["issuers"] = json!(format!("{some} of {all} have no keys; the log names them"));
        }
    }
    (status, Json(body)).into_response()
}
