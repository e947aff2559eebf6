//! Where clients find the built-in issuer's endpoints and keys: OpenID Connect discovery, and MSAL's
//! of instances, without a token. Links begin with the origin that the client asked.

use std::sync::Arc;

use axum::Json;
use axum::extract::{Path, State};
use axum::response::{IntoResponse, Response};
use http::Uri;
use serde_json::Value;
use wire::oauth::{InstanceDiscovery, InstanceMetadata};

use crate::app::App;
use crate::error::grant::{GrantError, Trace};
use crate::exchange::Asked;
use crate::token_endpoint::{issuer_of, tenant_of};

/// Where a client's origin begins.
const SCHEME: &str = "https://";

/// The discovery document of a tenant, or of what stands for one.
pub(crate) async fn document(
    State(app): State<Arc<App>>,
    Path(place): Path<String>,
    trace: Trace,
    asked: Asked,
) -> Response {
    let document = tenant_of(&app, &place)
        .and_then(|tenant| Ok(Json(issuer_of(&app)?.discovery(tenant, &place, &asked.origin))));
    answered(document, trace)
}

/// The public keys that tokens are signed with: the same for every tenant.
pub(crate) async fn keys(
    State(app): State<Arc<App>>,
    Path(place): Path<String>,
    trace: Trace,
    asked: Asked,
) -> Response {
    drop(asked); // it saw to it that the accounts in memory are current
    let keys = tenant_of(&app, &place).and_then(|_| Ok(Json::<Value>(issuer_of(&app)?.jwks())));
    answered(keys, trace)
}

/// Which hosts stand for the issuer, and where the discovery document is of the tenant that
/// `authorization_endpoint` names.
pub(crate) async fn instance(State(app): State<Arc<App>>, trace: Trace, asked: Asked) -> Response {
    answered(instance_of(&app, &asked).map(Json), trace)
}

fn instance_of(app: &App, asked: &Asked) -> Result<InstanceDiscovery, GrantError> {
    issuer_of(app)?;
    let given = asked.parameters.get("authorization_endpoint");
    let given = given.ok_or(GrantError::Missing("authorization_endpoint"))?;
    let unknown = || GrantError::Instance(given.to_owned());
    let endpoint: Uri = given.parse().map_err(|_| unknown())?;
    let host = asked.origin.strip_prefix(SCHEME).unwrap_or(&asked.origin).to_owned();
    let is_ours = endpoint.scheme_str() == Some("https")
        && endpoint.authority().is_some_and(|ours| ours.as_str().eq_ignore_ascii_case(&host));
    if !is_ours {
        return Err(unknown());
    }
    let place = endpoint.path().split('/').nth(1).unwrap_or_default().to_ascii_lowercase();
    tenant_of(app, &place)?;
    let origin = &asked.origin;
    Ok(InstanceDiscovery {
        tenant_discovery_endpoint: format!(
            "{origin}/{place}/v2.0/.well-known/openid-configuration"
        ),
        api_version: "1.1".to_owned(),
        metadata: vec![InstanceMetadata {
            preferred_network: host.clone(),
            preferred_cache: host.clone(),
            aliases: vec![host],
        }],
    })
}

fn answered(answer: Result<impl IntoResponse, GrantError>, trace: Trace) -> Response {
    match answer {
        Ok(answer) => answer.into_response(),
        Err(refused) => refused.answer(trace),
    }
}
