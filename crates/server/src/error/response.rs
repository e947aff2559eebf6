//! A refusal as it is sent: the envelope, and the headers that say what to do about it.

use axum::response::{IntoResponse, Response};
use http::{HeaderName, HeaderValue, header};
use wire::error::{ErrorBody, RateCardErrorBody};

use super::{ApiError, ErasureError};
use crate::limits;

/// Tells a refusal of Azure Resource Manager from one of a resource provider.
const FAILURE_CAUSE: HeaderName = HeaderName::from_static("x-ms-failure-cause");

impl IntoResponse for ApiError {
    fn into_response(self) -> Response {
        let status = self.status();
        if matches!(self, Self::RateCardQuery) {
            let body = RateCardErrorBody { message: self.message() };
            return (status, axum::Json(body)).into_response();
        }
        let target = matches!(self, Self::OfferUnsupported { .. }).then_some("subscriptionId");
        let body = ErrorBody::new(self.code(), self.message()).with_target(target);
        let mut response = (status, axum::Json(body)).into_response();
        let headers = response.headers_mut();
        if self.is_of_the_gateway() {
            headers.insert(FAILURE_CAUSE, HeaderValue::from_static("gateway"));
        }
        match &self {
            Self::Unauthenticated { error, authority } => {
                let challenge = format!(
                    "Bearer authorization_uri=\"{authority}\", error=\"invalid_token\", \
                     error_description=\"{}\"",
                    error.description()
                );
                if let Ok(value) = HeaderValue::from_str(&challenge) {
                    headers.insert(header::WWW_AUTHENTICATE, value);
                }
            }
            Self::Throttled(throttled) => {
                headers.insert(header::RETRY_AFTER, throttled.retry_after.into());
            }
            Self::ResourceGroupChange(_) => {
                headers.insert(header::ALLOW, HeaderValue::from_static("GET,HEAD"));
            }
            Self::Busy
            | Self::LedgerStalled
            | Self::LedgerRefuses
            | Self::Erasure(ErasureError::Runs { .. }) => {
                headers.insert(header::RETRY_AFTER, limits::RETRY_AFTER_SECONDS.into());
            }
            Self::Import(error) if error.is_busy() => {
                headers.insert(header::RETRY_AFTER, limits::RETRY_AFTER_SECONDS.into());
            }
            _ => {}
        }
        response
    }
}
