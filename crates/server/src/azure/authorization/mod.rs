//! `Microsoft.Authorization` at subscriptions, resource groups and resources: role assignments, role
//! definitions and permissions.
//!
//! Scopes have any depth, so one route takes every path below a subscription that no other route
//! has; [`scope_path`] splits it, and what is of no call here is refused as any unknown path.

pub(crate) mod permissions;
pub(crate) mod role_assignments;
pub(crate) mod role_definitions;
mod scope_path;

use std::sync::Arc;

use accounts::{Action, Scope, Subscription};
use axum::Json;
use axum::body::Body;
use axum::extract::{Extension, State};
use axum::response::{IntoResponse, Response};
use http::{Method, StatusCode, Uri};
use serde::Serialize;
use wire::authorization::Form;

use self::scope_path::ScopePath;
use super::operation::Operation;
use super::{api_version, enter_subscription, unknown};
use crate::app::App;
use crate::authorize::require_at;
use crate::directory::Directory;
use crate::error::{ApiError, AuthorizationError};
use crate::exchange::{Asked, PathAsWritten};
use crate::identity::Principal;

/// What the clients send, with the members that each has.
const VERSIONS: &[(&str, Form)] = &[
    ("2015-07-01", Form::First),
    ("2018-01-01-preview", Form::WithTypes),
    ("2018-07-01", Form::WithTypes),
    ("2018-09-01-preview", Form::WithTypes),
    ("2020-04-01-preview", Form::WithDescriptions),
    ("2022-04-01", Form::WithDescriptions),
    ("2022-05-01-preview", Form::WithDescriptions),
];

/// The same, without the members.
const API_VERSIONS: &[&str] = &{
    let mut names = [""; VERSIONS.len()];
    let mut place = 0;
    while place < names.len() {
        names[place] = VERSIONS[place].0;
        place += 1;
    }
    names
};

/// An operation on each type, which says what they have in common; rights are asked for one by one.
pub(super) const OPERATIONS: [Operation; 3] = [
    operation("permissions", Action::PERMISSION_READ),
    operation("roleAssignments", Action::ROLE_ASSIGNMENT_READ),
    operation("roleDefinitions", Action::ROLE_DEFINITION_READ),
];

const fn operation(resource_type: &'static str, action: Action) -> Operation {
    let namespace = "Microsoft.Authorization";
    Operation { namespace, resource_type, versions: API_VERSIONS, action }
}

/// Whoever asks, where, and in which form.
struct Entered {
    directory: Arc<Directory>,
    principal: Principal,
    subscription: Arc<Subscription>,
    scope: Scope,
    form: Form,
}

/// Answers every path below a subscription that no other route has.
pub(crate) async fn below_subscription(
    State(app): State<Arc<App>>,
    Extension(written): Extension<PathAsWritten>,
    method: Method,
    uri: Uri,
    asked: Asked,
    body: Body,
) -> Result<Response, ApiError> {
    let path = match scope_path::split(&written.0) {
        Ok(Some(path)) => path,
        Ok(None) => return Err(unknown::path(State(app), uri, asked).await),
        Err(error) => {
            api_version(&asked)?;
            app.authenticate(&asked)?;
            return Err(error.into());
        }
    };
    match (path.resource_type.as_str(), &path.name, method) {
        ("roleassignments", None, Method::GET) => role_assignments::list(&app, &asked, &path),
        ("roleassignments", Some(name), Method::GET) => {
            role_assignments::show(&app, &asked, &path, name)
        }
        ("roleassignments", Some(name), Method::PUT) => {
            role_assignments::put(&app, &asked, &path, name, body).await
        }
        ("roleassignments", Some(name), Method::DELETE) => {
            role_assignments::remove(&app, &asked, &path, name).await
        }
        ("roledefinitions", None, Method::GET) => role_definitions::list(&app, &asked, &path),
        ("roledefinitions", Some(name), Method::GET) => {
            role_definitions::show(&app, &asked, &path, name)
        }
        ("roledefinitions", Some(name), Method::PUT) => {
            role_definitions::put(&app, &asked, &path, name, body).await
        }
        ("roledefinitions", Some(name), Method::DELETE) => {
            role_definitions::remove(&app, &asked, &path, name).await
        }
        ("permissions", None, Method::GET) => permissions::list(&app, &asked, &path),
        ("roleassignments" | "roledefinitions", _, other) | ("permissions", None, other) => {
            Err(ApiError::Method(other.to_string()))
        }
        (other, ..) => {
            let api_version = api_version(&asked)?.to_owned();
            app.enter(&asked, &app.directory(), &path.subscription)?;
            let namespace = "microsoft.authorization".to_owned();
            Err(ApiError::ResourceType { namespace, resource_type: other.to_owned(), api_version })
        }
    }
}

/// The checks before a call's own, in ARM's order.
fn enter(app: &App, asked: &Asked, path: &ScopePath, action: Action) -> Result<Entered, ApiError> {
    // The operations differ in their rights alone, which are asked for below.
    let (principal, subscription) =
        enter_subscription(app, asked, &path.subscription, &OPERATIONS[0])?;
    let (directory, version) = (app.directory(), api_version(asked)?);
    let scope = path.scope.clone().map_err(AuthorizationError::Scope)?;
    let form = VERSIONS.iter().find(|(name, _)| name.eq_ignore_ascii_case(version));
    let form = form.map_or(Form::First, |(_, form)| *form);
    let entered = Entered { directory, principal, subscription, scope, form };
    entered.require(action, &entered.scope)?;
    Ok(entered)
}

impl Entered {
    /// Refuses whoever lacks the right there.
    fn require(&self, action: Action, scope: &Scope) -> Result<(), ApiError> {
        require_at(&self.directory, &self.principal, scope, action)
    }

    /// Path of a role, by which it is known everywhere in the subscription: clients compare it.
    fn role_id(&self, role: domain::id::RoleId) -> String {
        let subscription = self.subscription.id;
        format!(
            "/subscriptions/{subscription}/providers/Microsoft.Authorization/roleDefinitions/{role}"
        )
    }

    fn by(&self) -> String {
        self.principal.object_id.to_string()
    }
}

fn answer(status: StatusCode, body: impl Serialize) -> Response {
    (status, Json(body)).into_response()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_version_has_a_form() {
        let names: Vec<_> = VERSIONS.iter().map(|(name, _)| *name).collect();
        assert_eq!(names, API_VERSIONS);
        assert!(VERSIONS.is_sorted());
    }
}
