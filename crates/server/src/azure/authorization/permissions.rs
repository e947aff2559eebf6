//! Permissions: what whoever asks may do at a scope, one entry a role.

use accounts::Action;
use axum::response::Response;
use http::StatusCode;
use wire::authorization::{Form, Listed, Permission};

use super::role_definitions::permission_of;
use super::scope_path::ScopePath;
use super::{answer, enter};
use crate::app::App;
use crate::error::ApiError;
use crate::exchange::Asked;

/// What whoever asks may do.
#[utoipa::path(
    get,
    path = "/subscriptions/{subscriptionId}/providers/microsoft.authorization/permissions",
    tag = "Azure",
    params(
        ("subscriptionId" = String, Path, description = "GUID of the subscription; resource groups and resources below it take the same call"),
        ("api-version" = String, Query, description = "2015-07-01 to 2022-05-01-preview"),
    ),
    responses(
        (status = 200, description = "An entry for each role that applies here", body = Listed<Permission>),
        (status = 403, description = "No right", body = wire::error::ErrorBody),
    )
)]
pub(super) fn list(app: &App, asked: &Asked, path: &ScopePath) -> Result<Response, ApiError> {
    let entered = enter(app, asked, path, Action::PERMISSION_READ)?;
    let roles = entered.directory.roles_of(&entered.principal, &entered.scope);
    let mut value: Vec<_> = roles.iter().map(|role| permission_of(role, entered.form)).collect();
    if entered.principal.is_administrator {
        let none = || (entered.form >= Form::WithTypes).then(Vec::new);
        let everything = Permission {
            actions: vec!["*".to_owned()],
            not_actions: Vec::new(),
            data_actions: none(),
            not_data_actions: none(),
        };
        value.insert(0, everything);
    }
    Ok(answer(StatusCode::OK, Listed { value }))
}
