//! `Microsoft.Billing`: billing periods and invoices of subscriptions, and the little that clients ask
//! of billing accounts, of which there are none.

pub(crate) mod accounts;
pub(crate) mod invoices;
pub(crate) mod periods;

use axum::Json;
use axum::response::{IntoResponse, Response};
use http::HeaderName;
use serde::Serialize;

use super::operation::Operation;
use crate::limits;

const SUPPORTED_VERSIONS: HeaderName = HeaderName::from_static("api-supported-versions");
const REMAINING_REQUESTS: HeaderName =
    HeaderName::from_static("x-ms-ratelimit-remaining-subscription-resource-requests");

/// An answer about a subscription, with the headers of Azure's provider.
///
/// Source: recorded answers of Azure Billing.
fn answer(operation: &Operation, body: impl Serialize) -> Response {
    let headers = [
        (SUPPORTED_VERSIONS, operation.versions.join(", ")),
        (REMAINING_REQUESTS, limits::RESOURCE_REQUESTS_REMAINING.to_owned()),
    ];
    (headers, Json(body)).into_response()
}
