//! Whatever no route matches: refused in ARM's order of checks below `/subscriptions/{id}`, and
//! plainly elsewhere. Always JSON, as clients parse errors.

use std::sync::Arc;

use axum::extract::State;
use http::{Method, Uri};

use crate::app::App;
use crate::azure::api_version;
use crate::error::ApiError;
use crate::exchange::Asked;

/// Resource providers that have at least one call here.
const NAMESPACES: &[&str] =
    &["microsoft.authorization", "microsoft.commerce", "microsoft.consumption"];

/// Answers a path that no route matches.
pub(crate) async fn path(State(app): State<Arc<App>>, uri: Uri, asked: Asked) -> ApiError {
    refuse(&app, &uri, &asked).err().unwrap_or_else(|| ApiError::NoRoute(uri.path().to_owned()))
}

/// Answers a method that the path's route does not take.
pub(crate) async fn method(method: Method) -> ApiError {
    ApiError::Method(method.to_string())
}

fn refuse(app: &App, uri: &Uri, asked: &Asked) -> Result<(), ApiError> {
    let segments: Vec<_> = uri.path().split('/').skip(1).collect();
    let ["subscriptions", subscription, rest @ ..] = segments.as_slice() else { return Ok(()) };
    let api_version = api_version(asked)?;
    app.enter(asked, &app.directory(), subscription)?;
    match rest {
        ["providers", namespace, resource_type, ..] if NAMESPACES.contains(namespace) => {
            Err(ApiError::ResourceType {
                namespace: (*namespace).to_owned(),
                resource_type: (*resource_type).to_owned(),
                api_version: api_version.to_owned(),
            })
        }
        ["providers", namespace, ..] => Err(ApiError::ResourceNamespace((*namespace).to_owned())),
        _ => Ok(()),
    }
}
