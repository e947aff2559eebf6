//! The built-in issuer's token endpoint: a service principal proves its secret, and gets a token for
//! the audience that it asks for, as written. In Entra's two versions, and at ADFS's path; without a
//! token, so all that a request can make grow is bounded here.
//!
//! An application that does not exist costs as much as a wrong secret, and gets the same answer.

mod attempts;
mod secrets;

use std::sync::Arc;

use accounts::{Secret as StoredSecret, ServicePrincipal};
use axum::Json;
use axum::body::Body;
use axum::extract::{FromRequestParts, Path, State};
use axum::response::{IntoResponse, Response};
use domain::id::{ApplicationId, TenantId};
use domain::time::UtcTime;
use http::request::Parts;
use http::{HeaderMap, header};
use wire::oauth::{TokenAnswer, TokenAnswerV1, TokenForm, basic_credentials};
use wire::query::Parameters;
use wire::secret::SecretText;

use crate::app::App;
use crate::error::ApiError;
use crate::error::grant::{GrantError, Trace};
use crate::exchange::{Asked, NoStore, RequestId, read_body_up_to};
use crate::identity::{Claims, Issuer, Secret};
use crate::limits;

pub(crate) use attempts::Attempts;
pub(crate) use secrets::{Busy, Turns};

const FORM: &str = "application/x-www-form-urlencoded";
/// Scopes that ask for nothing of a resource.
const SCOPES_OF_SIGN_IN: [&str; 4] = ["openid", "profile", "email", "offline_access"];

/// Version 2.0 of the endpoint.
pub(crate) async fn version_2(
    State(app): State<Arc<App>>,
    Path(place): Path<String>,
    trace: Trace,
    asked: Asked,
    headers: HeaderMap,
    body: Body,
) -> Response {
    drop(asked); // it saw to it that the accounts in memory are current
    let given = give(&app, &place, &headers, body, audience_2, trace.at).await;
    given.unwrap_or_else(|refused| refused.answer(trace))
}

/// Version 1.0 of the endpoint, which ADFS has with the parameters of version 2.0.
pub(crate) async fn version_1(
    State(app): State<Arc<App>>,
    Path(place): Path<String>,
    trace: Trace,
    asked: Asked,
    headers: HeaderMap,
    body: Body,
) -> Response {
    drop(asked);
    let given = give(&app, &place, &headers, body, audience_1, trace.at).await;
    given.unwrap_or_else(|refused| refused.answer(trace))
}

/// Where people would sign in with a browser: nobody does here.
pub(crate) async fn authorize(trace: Trace) -> Response {
    GrantError::SignIn.answer(trace)
}

impl FromRequestParts<Arc<App>> for Trace {
    type Rejection = std::convert::Infallible;

    async fn from_request_parts(
        parts: &mut Parts,
        app: &Arc<App>,
    ) -> Result<Self, Self::Rejection> {
        let request_id = parts.extensions.get::<RequestId>().map(|id| id.0.clone());
        let request_id = request_id.unwrap_or_else(|| (app.ids)().to_string());
        // MSAL for JavaScript gives it in the query.
        let query = Parameters::parse(parts.uri.query().unwrap_or_default()).unwrap_or_default();
        let header = parts.headers.get("client-request-id").and_then(|id| id.to_str().ok());
        let given = header.or(query.get("client-request-id")).filter(|id| is_plain(id));
        let correlation_id = given.unwrap_or(&request_id).to_owned();
        Ok(Self { at: (app.clock)(), request_id, correlation_id })
    }
}

fn is_plain(id: &str) -> bool {
    let plain = id.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-');
    plain && (1..=limits::CLIENT_REQUEST_ID_BYTES).contains(&id.len())
}

/// The issuer, if it is on.
pub(crate) fn issuer_of(app: &App) -> Result<&Issuer, GrantError> {
    app.issuer().map_err(|_| GrantError::Off)
}

/// The tenant that a path's first segment stands for; none if it stands for every tenant.
pub(crate) fn tenant_of(app: &App, place: &str) -> Result<Option<TenantId>, GrantError> {
    match place {
        "common" | "organizations" => return Ok(None),
        "adfs" => return Ok(Some(app.installation.tenant)),
        _ => {}
    }
    let known = TenantId::parse(place).ok().filter(|id| app.directory().tenants().contains(id));
    known.map(Some).ok_or_else(|| GrantError::Tenant(place.to_owned()))
}

/// Whom a token is to be for, and whether the answer has version 1.0's form.
struct Wanted {
    audience: String,
    in_version_1: bool,
}

/// Who signs in.
struct Client {
    id: String,
    secret: Secret,
    in_header: bool,
}

async fn give(
    app: &App,
    place: &str,
    headers: &HeaderMap,
    body: Body,
    wanted: fn(&TokenForm) -> Result<Wanted, GrantError>,
    now: UtcTime,
) -> Result<Response, GrantError> {
    let issuer = issuer_of(app)?;
    let tenant = tenant_of(app, place)?.ok_or_else(|| GrantError::Tenant(place.to_owned()))?;
    let form = read_form(headers, body).await?;
    match form.grant_type.as_deref() {
        Some("client_credentials") => {}
        Some(other) => return Err(GrantError::GrantType(other.to_owned())),
        None => return Err(GrantError::Missing("grant_type")),
    }
    let client = client(&form, headers)?;
    let wanted = wanted(&form)?;
    if !app.verifier.accepts_audience(&wanted.audience) {
        let resource = wanted.audience;
        return Err(GrantError::Audience { resource, tenant: tenant.to_string() });
    }
    let claims = sign_in(app, tenant, client, wanted.audience, now).await?;
    let token = SecretText::new(issuer.issue(&claims, now));
    Ok(answer(token, claims, wanted.in_version_1, now))
}

async fn read_form(headers: &HeaderMap, body: Body) -> Result<TokenForm, GrantError> {
    if let Some(given) = headers.get(header::CONTENT_TYPE) {
        let given = given.to_str().unwrap_or_default();
        let kind = given.split(';').next().unwrap_or_default().trim();
        if !kind.eq_ignore_ascii_case(FORM) {
            return Err(GrantError::MediaType(given.to_owned()));
        }
    }
    let body = read_body_up_to(limits::TOKEN_FORM_BYTES, body).await;
    let body = body.map_err(|error| match error {
        ApiError::BodyTooLarge => GrantError::TooLarge,
        _ => GrantError::Interrupted,
    })?;
    TokenForm::parse(&body).map_err(GrantError::Form)
}

fn client(form: &TokenForm, headers: &HeaderMap) -> Result<Client, GrantError> {
    let header = headers.get(header::AUTHORIZATION).and_then(|value| value.to_str().ok());
    let secret_of = |text: &SecretText| Secret::given(text.expose());
    match (header.and_then(basic_credentials), &form.client_secret) {
        (Some(_), Some(_)) => Err(GrantError::TwoSecrets),
        (Some((id, secret)), None) => {
            if form.client_id.as_ref().is_some_and(|other| *other != id) {
                return Err(GrantError::TwoSecrets);
            }
            Ok(Client { id, secret: secret_of(&secret), in_header: true })
        }
        (None, secret) => {
            let id = form.client_id.clone().ok_or(GrantError::Missing("client_id"))?;
            match (secret, &form.client_assertion) {
                (Some(secret), _) => Ok(Client { id, secret: secret_of(secret), in_header: false }),
                (None, Some(_)) => Err(GrantError::Assertion),
                (None, None) => Err(GrantError::NoSecret),
            }
        }
    }
}

/// Version 2.0 asks by scope.
fn audience_2(form: &TokenForm) -> Result<Wanted, GrantError> {
    if form.resource.is_some() {
        return Err(GrantError::Resource);
    }
    let scope = form.scope.as_deref().ok_or(GrantError::Missing("scope"))?;
    let mut scopes =
        scope.split_ascii_whitespace().filter(|scope| !SCOPES_OF_SIGN_IN.contains(scope));
    let resource = match (scopes.next(), scopes.next()) {
        (Some(only), None) => only.strip_suffix("/.default").filter(|name| !name.is_empty()),
        _ => None,
    };
    let audience = resource.ok_or_else(|| GrantError::Scope(scope.to_owned()))?.to_owned();
    Ok(Wanted { audience, in_version_1: false })
}

/// Version 1.0 asks by resource.
fn audience_1(form: &TokenForm) -> Result<Wanted, GrantError> {
    match (&form.resource, &form.scope) {
        (Some(resource), _) => Ok(Wanted { audience: resource.clone(), in_version_1: true }),
        (None, Some(_)) => audience_2(form),
        (None, None) => Err(GrantError::Missing("resource")),
    }
}

/// What the token says of a client whose secret is right.
async fn sign_in(
    app: &App,
    tenant: TenantId,
    client: Client,
    audience: String,
    now: UtcTime,
) -> Result<Claims, GrantError> {
    let Client { id, secret, in_header } = client;
    let application = ApplicationId::parse(&id).ok();
    let directory = app.directory();
    let principal = application.and_then(|id| directory.principals.client(id, tenant));
    let named = principal.zip(secret.id());
    let stored = named.and_then(|(principal, secret)| principal.secret(secret));
    let attempt = (application, stored.map(|stored| stored.id));
    if let Some(seconds) = app.attempts.wait(attempt, now) {
        return Err(GrantError::Attempts { seconds });
    }
    let hash = stored.map(|stored| stored.hash.clone());
    let is_right = app.secret_turns.check(secret, hash).await;
    let is_right = is_right.map_err(|Busy| GrantError::Busy)?;
    let proved = principal.zip(stored.filter(|_| is_right));
    let claims = proved.ok_or(GrantError::Client { in_header }).and_then(|(principal, stored)| {
        check_end(principal, stored, now)?;
        Ok(claims_of(principal, audience))
    });
    match &claims {
        Ok(_) => app.attempts.succeeded(attempt),
        Err(_) => {
            app.attempts.failed(attempt, now);
            let application = application.map(|id| id.to_string()).unwrap_or_default();
            tracing::info!(%tenant, application, "a client could not sign in");
        }
    }
    claims
}

fn check_end(
    principal: &ServicePrincipal,
    secret: &StoredSecret,
    now: UtcTime,
) -> Result<(), GrantError> {
    if now < secret.until {
        return Ok(());
    }
    Err(GrantError::Expired { application: principal.application, until: secret.until })
}

fn claims_of(principal: &ServicePrincipal, audience: String) -> Claims {
    Claims {
        object_id: principal.object,
        tenant_id: principal.tenant,
        audience,
        expires_in_seconds: limits::CLIENT_TOKEN_SECONDS,
        application: Some(principal.application),
        generation: None,
    }
}

fn answer(token: SecretText, claims: Claims, in_version_1: bool, now: UtcTime) -> Response {
    let (token_type, expires_in) = ("Bearer".to_owned(), claims.expires_in_seconds);
    if in_version_1 {
        let from = now.to_micros().div_euclid(1_000_000);
        let answer = TokenAnswerV1 {
            token_type,
            expires_in: expires_in.to_string(),
            ext_expires_in: expires_in.to_string(),
            expires_on: (from + i64::from(expires_in)).to_string(),
            not_before: from.to_string(),
            resource: claims.audience,
            access_token: token,
        };
        NoStore(Json(answer)).into_response()
    } else {
        let ext_expires_in = expires_in;
        let answer = TokenAnswer { token_type, expires_in, ext_expires_in, access_token: token };
        NoStore(Json(answer)).into_response()
    }
}
