//! Whatever no route matches: refused in ARM's order of checks below `/subscriptions/{id}` and
//! `/providers`, and plainly elsewhere. Always JSON, as clients parse errors.

use std::sync::Arc;

use axum::extract::State;
use http::{Method, Uri};

use crate::app::App;
use crate::azure::{api_version, operation};
use crate::error::ApiError;
use crate::exchange::Asked;

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
    let below = match segments.as_slice() {
        ["subscriptions", subscription, below @ ..] => {
            api_version(asked)?;
            app.enter(asked, &app.directory(), subscription)?;
            below
        }
        ["providers", ..] => {
            api_version(asked)?;
            app.authenticate(asked)?;
            segments.as_slice()
        }
        _ => return Ok(()),
    };
    let Some(providers) = below.iter().rposition(|segment| *segment == "providers") else {
        return Ok(());
    };
    let [name, resource_type @ ..] = &below[providers + 1..] else { return Ok(()) };
    let namespace = operation::namespace(name);
    let namespace = namespace.ok_or_else(|| ApiError::ResourceNamespace((*name).to_owned()))?;
    let Some(asked_type) = resource_type.first() else { return Ok(()) };
    let mut known = operation::resource_types(namespace).into_iter();
    if known.any(|known| known.name.eq_ignore_ascii_case(asked_type)) {
        return Ok(());
    }
    Err(ApiError::ResourceType {
        namespace: (*name).to_owned(),
        resource_type: (*asked_type).to_owned(),
        api_version: api_version(asked)?.to_owned(),
    })
}
