//! What every request and answer has in common: path spelling, request ids, ARM's headers, the log.

use std::fmt;
use std::sync::Arc;
use std::time::Instant;

use axum::body::{Body, Bytes};
use axum::extract::{FromRequestParts, MatchedPath, Request, State};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use domain::time::{Civil, UtcTime};
use http::request::Parts;
use http::uri::PathAndQuery;
use http::{HeaderMap, HeaderName, HeaderValue, Uri, header};
use http_body_util::{BodyExt, LengthLimitError, Limited};
use tracing::Instrument;
use wire::query::Parameters;

use crate::app::App;
use crate::error::ApiError;
use crate::identity::TokenError;
use crate::limits;
use crate::rate_limits::Call;
use crate::router::query_parameters;

/// The path as the client wrote it, kept beside the folded one.
#[derive(Debug, Clone)]
pub(crate) struct PathAsWritten(pub(crate) String);

/// What a handler needs of a request beside its path and body.
pub(crate) struct Asked {
    /// `https://host` as the client spelled it: links and challenges begin with it.
    pub(crate) origin: String,
    /// The query's parameters.
    pub(crate) parameters: Parameters,
    /// The bearer token, or why there is none.
    pub(crate) token: Result<String, TokenError>,
    /// What counts if it is a call of Azure's wire.
    pub(crate) call: Option<Arc<Call>>,
}

impl fmt::Debug for Asked {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { origin, parameters, token: _, call: _ } = self;
        let mut asked = f.debug_struct("Asked");
        asked.field("origin", origin).field("parameters", parameters).finish_non_exhaustive()
    }
}

/// The id that the server gives a request, which its answer and its lines in the log have.
#[derive(Debug, Clone)]
pub(crate) struct RequestId(pub(crate) String);

impl FromRequestParts<Arc<App>> for Asked {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, app: &Arc<App>) -> Result<Self, ApiError> {
        let query = parts.uri.query().unwrap_or_default();
        let parameters = Parameters::parse(query).map_err(ApiError::Query)?;
        check_names(parts, &parameters)?;
        app.refresh_directory().await?;
        let token = bearer(&parts.headers);
        if let Ok(token) = &token {
            app.verifier.look_for_key(token, (app.clock)()).await;
        }
        let call = parts.extensions.get::<Arc<Call>>().map(Arc::clone);
        Ok(Self { origin: origin(parts, app), parameters, token, call })
    }
}

/// Our own calls take the parameters that the OpenAPI document has, and no others: one that is
/// mistyped would otherwise be an answer to another question. Azure's calls ignore what they do not
/// know, as Azure does.
fn check_names(parts: &Parts, parameters: &Parameters) -> Result<(), ApiError> {
    let Some(path) = parts.extensions.get::<MatchedPath>() else { return Ok(()) };
    let Some(known) = query_parameters(path.as_str(), &parts.method) else { return Ok(()) };
    let mut unknown = parameters.names().filter(|name| {
        // Tools of Azure add it to every call.
        *name != "api-version" && !known.iter().any(|known| known.eq_ignore_ascii_case(name))
    });
    match unknown.next() {
        Some(name) => {
            Err(ApiError::UnknownParameter { name: name.to_owned(), known: known.join(", ") })
        }
        None => Ok(()),
    }
}

fn origin(parts: &Parts, app: &App) -> String {
    let authority = parts.uri.authority().map(|authority| authority.as_str());
    let host = parts.headers.get(header::HOST).and_then(|host| host.to_str().ok());
    let plain =
        |text: &&str| text.bytes().all(|b| b.is_ascii_alphanumeric() || b".-:[]".contains(&b));
    let host = authority.or(host).filter(|host| (1..=limits::HOST_BYTES).contains(&host.len()));
    match host.filter(plain) {
        Some(host) => format!("https://{host}"),
        None => app.config.public_url.clone().unwrap_or_else(|| app.url()),
    }
}

/// The one bearer token. Two are none: whoever stands before the server may have read the other.
fn bearer(headers: &HeaderMap) -> Result<String, TokenError> {
    let mut given = headers.get_all(header::AUTHORIZATION).iter();
    let value = given.next().ok_or(TokenError::Missing)?;
    if given.next().is_some() {
        return Err(TokenError::Doubled);
    }
    let scheme_and_token = value.to_str().ok().and_then(|value| value.split_once(' '));
    match scheme_and_token {
        Some((scheme, token)) if scheme.eq_ignore_ascii_case("bearer") => {
            Ok(token.trim().to_owned())
        }
        _ => Err(TokenError::Missing),
    }
}

/// Folds the path to lower case and one leading slash: ARM paths are matched without case, and an
/// old client doubles the slash.
pub(crate) fn fold_path<B>(mut request: http::Request<B>) -> http::Request<B> {
    let written = request.uri().path().to_owned();
    let folded = format!("/{}", written.trim_start_matches('/').to_ascii_lowercase());
    if folded != written {
        let path_and_query = match request.uri().query() {
            Some(query) => format!("{folded}?{query}"),
            None => folded,
        };
        let mut parts = request.uri().clone().into_parts();
        // Lower case of a valid path is a valid path.
        parts.path_and_query = PathAndQuery::try_from(path_and_query).ok();
        if let Ok(uri) = Uri::from_parts(parts) {
            *request.uri_mut() = uri;
        }
    }
    request.extensions_mut().insert(PathAsWritten(written));
    request
}

const REQUEST_ID: HeaderName = HeaderName::from_static("x-ms-request-id");
const CORRELATION_ID: HeaderName = HeaderName::from_static("x-ms-correlation-request-id");
const ROUTING_ID: HeaderName = HeaderName::from_static("x-ms-routing-request-id");
const CLIENT_ID: HeaderName = HeaderName::from_static("x-ms-client-request-id");
const RETURN_CLIENT_ID: HeaderName = HeaderName::from_static("x-ms-return-client-request-id");

/// An answer that has a secret or a token in it: no cache on its way may keep it.
///
/// Source: RFC 6749, section 5.1.
pub(crate) struct NoStore<T>(pub(crate) T);

impl<T: IntoResponse> IntoResponse for NoStore<T> {
    fn into_response(self) -> Response {
        let mut response = self.0.into_response();
        let no_store = HeaderValue::from_static("no-store");
        response.headers_mut().insert(header::CACHE_CONTROL, no_store);
        response
    }
}

/// Gives the request its ids, the answer its headers, and the log its line.
pub(crate) async fn frame(
    State(app): State<Arc<App>>,
    mut request: Request,
    next: Next,
) -> Response {
    let started = Instant::now();
    let request_id = (app.ids)().to_string();
    request.extensions_mut().insert(RequestId(request_id.clone()));
    let written = request.extensions().get::<PathAsWritten>().map(|path| path.0.clone());
    let (method, path) = (request.method().clone(), written.unwrap_or_default());
    let call = Call::of(request.method(), request.uri().path()).map(Arc::new);
    if let Some(call) = &call {
        request.extensions_mut().insert(Arc::clone(call));
    }
    let sent = request.headers().clone();
    let span = tracing::info_span!("request", id = request_id, %method, path);
    let route = request.extensions().get::<MatchedPath>().cloned();
    let mut response = next.run(request).instrument(span.clone()).await;
    let time = (app.clock)();
    write_headers(response.headers_mut(), &sent, &request_id, time);
    if let Some((name, remaining)) = call.and_then(|call| call.remaining()) {
        response.headers_mut().insert(name, remaining);
    }
    let (status, took) = (response.status(), started.elapsed());
    app.metrics.answered(route.as_ref().map(MatchedPath::as_str), &method, status, took);
    span.in_scope(|| {
        let milliseconds = took.as_millis();
        tracing::info!(status = status.as_u16(), milliseconds, "answered");
    });
    response
}

/// ARM's headers.
///
/// Source: recorded exchanges with Azure Resource Manager.
fn write_headers(headers: &mut HeaderMap, sent: &HeaderMap, request_id: &str, time: UtcTime) {
    let plain = |value: &HeaderValue| {
        let text = value.to_str().ok().filter(|text| text.len() <= limits::CLIENT_REQUEST_ID_BYTES);
        text.map(str::to_owned)
    };
    let correlation = sent.get(CORRELATION_ID).and_then(plain);
    let correlation = correlation.unwrap_or_else(|| request_id.to_owned());
    let Civil { year, month, day, hour, minute, second, .. } = time.civil();
    let stamp = format!("{year:04}{month:02}{day:02}T{hour:02}{minute:02}{second:02}Z");
    if headers.get(header::CONTENT_TYPE).is_some_and(|kind| kind == "application/json") {
        let json = HeaderValue::from_static("application/json; charset=utf-8");
        headers.insert(header::CONTENT_TYPE, json);
    }
    if !headers.contains_key(header::CACHE_CONTROL) {
        headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-cache"));
    }
    let mut set = |name: HeaderName, value: &str| {
        if let Ok(value) = HeaderValue::from_str(value) {
            headers.insert(name, value);
        }
    };
    set(ROUTING_ID, &format!("TALLYHOUSE:{stamp}:{correlation}"));
    set(REQUEST_ID, request_id);
    set(CORRELATION_ID, &correlation);
    set(header::STRICT_TRANSPORT_SECURITY, "max-age=31536000; includeSubDomains");
    set(header::X_CONTENT_TYPE_OPTIONS, "nosniff");
    set(header::PRAGMA, "no-cache");
    set(header::EXPIRES, "-1");
    // Nothing here is a page: what is opened in a browser all the same loads and frames nothing.
    set(header::CONTENT_SECURITY_POLICY, "default-src 'none'; frame-ancestors 'none'");
    set(header::REFERRER_POLICY, "no-referrer");
    let echo = sent
        .get(RETURN_CLIENT_ID)
        .is_some_and(|value| value.as_bytes().eq_ignore_ascii_case(b"true"));
    if let Some(client_id) = sent.get(CLIENT_ID).and_then(plain).filter(|_| echo) {
        set(CLIENT_ID, &client_id);
    }
}

/// Reads a request body, up to the limit. A larger one is read to its end, within reason, and
/// thrown away, so that a client that writes before it reads gets its answer.
pub(crate) async fn read_body(body: Body) -> Result<Bytes, ApiError> {
    read_body_up_to(limits::BODY_BYTES, body).await
}

/// The same up to another limit, in bytes.
pub(crate) async fn read_body_up_to(most: usize, body: Body) -> Result<Bytes, ApiError> {
    let reading = async {
        let mut body = Limited::new(body, most * 8);
        let mut bytes = Vec::new();
        let mut too_large = false;
        while let Some(frame) = body.frame().await {
            let frame = frame.map_err(|error| match error.downcast_ref::<LengthLimitError>() {
                Some(_) => ApiError::BodyTooLarge,
                None => ApiError::BodyInterrupted,
            })?;
            let Ok(data) = frame.into_data() else { continue };
            too_large |= bytes.len() + data.len() > most;
            if too_large {
                bytes = Vec::new();
            } else {
                bytes.extend_from_slice(&data);
            }
        }
        if too_large { Err(ApiError::BodyTooLarge) } else { Ok(Bytes::from(bytes)) }
    };
    match tokio::time::timeout(limits::BODY_READ, reading).await {
        Ok(result) => result,
        Err(_) => Err(ApiError::BodyInterrupted),
    }
}
