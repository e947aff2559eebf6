//! Refusals of the built-in issuer's endpoints, in Entra's form: OAuth's code, `AADSTS` with a number,
//! and what is wrong. Like all others they are chosen here, in matches without `_`.
//!
//! An application that does not exist, is of another tenant, or gave a wrong secret gets one and the
//! same answer, that of a wrong secret: whoever cannot sign in learns of no application whether it
//! exists. That a secret expired is told to whoever knows it alone.
//!
//! Source: Microsoft identity platform, authentication and authorization error codes; RFC 6749,
//! section 5.2.

use axum::response::{IntoResponse, Response};
use domain::id::ApplicationId;
use domain::time::{Civil, UtcTime};
use http::{HeaderValue, StatusCode, header};
use wire::oauth::{FormError, OauthErrorBody};
use wire::text::Excerpt;

use super::ApiError;
use crate::exchange::NoStore;
use crate::limits;

/// Why no token is given.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum GrantError {
    /// Others issue tokens here.
    Off,
    /// There is no such tenant, or the path names none that a token can be of.
    Tenant(String),
    /// The body is no form.
    MediaType(String),
    /// The body cannot be read.
    Form(FormError),
    /// The body is larger than may be.
    TooLarge,
    /// The body did not arrive whole.
    Interrupted,
    /// A parameter is absent.
    Missing(&'static str),
    /// The grant is none that is given here.
    GrantType(String),
    /// A signed statement is in the place of a secret.
    Assertion,
    /// There is no secret.
    NoSecret,
    /// A secret is in the header and in the body.
    TwoSecrets,
    /// Version 2.0 has no parameter `resource`.
    Resource,
    /// The scope is not of a resource's default permissions.
    Scope(String),
    /// The resource is none that this server takes tokens for.
    Audience { resource: String, tenant: String },
    /// Application and secret do not go together in this tenant.
    Client { in_header: bool },
    /// The secret is right, and ended.
    Expired { application: ApplicationId, until: UtcTime },
    /// Too many attempts failed.
    Attempts { seconds: u32 },
    /// Too many secrets wait to be checked.
    Busy,
    /// Nobody signs in with a browser here.
    SignIn,
    /// The authorization endpoint is none of this server's.
    Instance(String),
}

/// When and under which ids a request came.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Trace {
    /// When.
    pub(crate) at: UtcTime,
    /// The id that this server gave the request.
    pub(crate) request_id: String,
    /// The id that the client gave it, or the same.
    pub(crate) correlation_id: String,
}

impl GrantError {
    fn status(&self) -> StatusCode {
        match self {
            Self::Off => StatusCode::NOT_FOUND,
            Self::Tenant(_)
            | Self::MediaType(_)
            | Self::Form(_)
            | Self::Interrupted
            | Self::Missing(_)
            | Self::GrantType(_)
            | Self::TwoSecrets
            | Self::Resource
            | Self::Scope(_)
            | Self::Audience { .. }
            | Self::SignIn
            | Self::Instance(_) => StatusCode::BAD_REQUEST,
            Self::Assertion | Self::NoSecret | Self::Client { .. } | Self::Expired { .. } => {
                StatusCode::UNAUTHORIZED
            }
            Self::TooLarge => StatusCode::PAYLOAD_TOO_LARGE,
            Self::Attempts { .. } => StatusCode::TOO_MANY_REQUESTS,
            Self::Busy => StatusCode::SERVICE_UNAVAILABLE,
        }
    }

    fn code(&self) -> &'static str {
        match self {
            Self::MediaType(_)
            | Self::Form(_)
            | Self::TooLarge
            | Self::Interrupted
            | Self::Missing(_)
            | Self::TwoSecrets
            | Self::Resource => "invalid_request",
            Self::Off => "unauthorized_client",
            Self::Tenant(_) => "invalid_tenant",
            Self::GrantType(_) => "unsupported_grant_type",
            Self::Assertion | Self::NoSecret | Self::Client { .. } | Self::Expired { .. } => {
                "invalid_client"
            }
            Self::Scope(_) => "invalid_scope",
            Self::Audience { .. } => "invalid_resource",
            Self::Attempts { .. } | Self::Busy => "temporarily_unavailable",
            Self::SignIn => "unsupported_response_type",
            Self::Instance(_) => "invalid_instance",
        }
    }

    fn number(&self) -> u32 {
        match self {
            Self::Off | Self::Instance(_) => 50_049,
            Self::Tenant(_) => 90_002,
            Self::MediaType(_) | Self::Missing(_) => 900_144,
            Self::Form(FormError::Encoding) | Self::TooLarge | Self::Interrupted => 9_000_410,
            Self::Form(FormError::Doubled(_)) | Self::TwoSecrets => 9_000_411,
            Self::GrantType(_) => 70_003,
            Self::Assertion | Self::NoSecret => 7_000_216,
            Self::Resource => 901_002,
            Self::Scope(_) => 70_011,
            Self::Audience { .. } => 500_011,
            Self::Client { .. } => 7_000_215,
            Self::Expired { .. } => 7_000_222,
            Self::Attempts { .. } => 90_055,
            Self::Busy => 90_033,
            Self::SignIn => 700_054,
        }
    }

    fn message(&self) -> String {
        match self {
            Self::Off => ApiError::BuiltInIssuerOff.message(),
            Self::Tenant(tenant) => format!(
                "Tenant {} not found. Check that it is the GUID of a tenant of this server.",
                Excerpt::new(tenant)
            ),
            Self::MediaType(given) => format!(
                "The request body must be of the type 'application/x-www-form-urlencoded', not {}.",
                Excerpt::new(given)
            ),
            Self::Form(error) => error.to_string(),
            Self::TooLarge => {
                format!("The request body is larger than {} bytes.", limits::TOKEN_FORM_BYTES)
            }
            Self::Interrupted => "The request body did not arrive whole.".to_owned(),
            Self::Missing(name) => {
                format!("The request must contain the following parameter: '{name}'.")
            }
            Self::GrantType(given) => format!(
                "The grant type {} is not supported; the one that is given here is \
                 'client_credentials'.",
                Excerpt::new(given)
            ),
            Self::Assertion => "Client assertions are not taken here: send 'client_secret' in \
                                their place."
                .to_owned(),
            Self::NoSecret => {
                "'client_secret' is required for the 'client_credentials' grant type.".to_owned()
            }
            Self::TwoSecrets => "A client authenticates in the 'Authorization' header or in the \
                                 body, not in both."
                .to_owned(),
            Self::Resource => "The 'resource' request parameter is not supported: send 'scope' \
                               with '/.default' at the resource's end."
                .to_owned(),
            Self::Scope(scope) => format!(
                "The provided value for the input parameter 'scope' is not valid: {} is not one \
                 resource with '/.default' at its end.",
                Excerpt::new(scope)
            ),
            Self::Audience { resource, tenant } => format!(
                "The resource principal named {} was not found in the tenant '{tenant}': it is \
                 none that this server takes tokens for.",
                Excerpt::new(resource)
            ),
            Self::Client { .. } => {
                "Invalid client secret provided, or no such application in this \
                                    tenant. Which of them, is not told."
                    .to_owned()
            }
            Self::Expired { application, until } => format!(
                "The provided client secret of app '{application}' expired on {until}. Another is \
                 to be had by: tallyhouse service-principal rotate --id {application}."
            ),
            Self::Attempts { seconds } => format!(
                "Too many attempts to sign in as this application failed. Try again after \
                 {seconds} seconds."
            ),
            Self::Busy => "Too many clients are signing in. Try again.".to_owned(),
            Self::SignIn => "Nobody signs in with a browser here: this issuer gives tokens for \
                             client credentials alone."
                .to_owned(),
            Self::Instance(endpoint) => format!(
                "The authorization endpoint {} is none of this server's.",
                Excerpt::new(endpoint)
            ),
        }
    }

    /// The answer to the request.
    pub(crate) fn answer(&self, trace: Trace) -> Response {
        let number = self.number();
        let Trace { at, request_id: trace_id, correlation_id } = trace;
        let Civil { hour, minute, second, .. } = at.civil();
        let timestamp = format!("{} {hour:02}:{minute:02}:{second:02}Z", at.date());
        let error_description = format!(
            "AADSTS{number}: {} Trace ID: {trace_id} Correlation ID: {correlation_id} Timestamp: \
             {timestamp}",
            self.message()
        );
        let body = OauthErrorBody {
            error: self.code().to_owned(),
            error_description,
            error_codes: vec![number],
            timestamp,
            trace_id,
            correlation_id,
        };
        let mut response = (self.status(), NoStore(axum::Json(body))).into_response();
        let headers = response.headers_mut();
        match self {
            Self::Client { in_header: true } => {
                let basic = HeaderValue::from_static("Basic realm=\"tallyhouse\"");
                headers.insert(header::WWW_AUTHENTICATE, basic);
            }
            Self::Attempts { seconds } => {
                headers.insert(header::RETRY_AFTER, (*seconds).into());
            }
            Self::Busy => {
                headers.insert(header::RETRY_AFTER, limits::RETRY_AFTER_SECONDS.into());
            }
            Self::Off
            | Self::Tenant(_)
            | Self::MediaType(_)
            | Self::Form(_)
            | Self::TooLarge
            | Self::Interrupted
            | Self::Missing(_)
            | Self::GrantType(_)
            | Self::Assertion
            | Self::NoSecret
            | Self::TwoSecrets
            | Self::Resource
            | Self::Scope(_)
            | Self::Audience { .. }
            | Self::Client { in_header: false }
            | Self::Expired { .. }
            | Self::SignIn
            | Self::Instance(_) => {}
        }
        response
    }
}
