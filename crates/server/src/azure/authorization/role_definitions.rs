//! Role definitions: the built-in roles, and the custom roles of the subscription's tenant.
//!
//! A custom role is made, changed and removed by whoever has the right at every scope where it is,
//! or is to be, assignable: otherwise a role could be changed under those who assigned it.

use std::sync::Arc;

use accounts::{
    Action, ActionPattern, Custom, CustomRole, CustomRoleTexts, PutRoleError, RemoveRoleError,
    Role, Scope,
};
use axum::body::Body;
use axum::response::{IntoResponse, Response};
use domain::id::RoleId;
use http::StatusCode;
use wire::authorization::{
    self as body, BEFORE_TIME, DefinitionFilter, Form, Listed, Permission, RoleDefinitionPut,
    RoleType, time_text,
};

use super::scope_path::ScopePath;
use super::{Entered, answer, enter};
use crate::app::App;
use crate::error::{ApiError, AuthorizationError};
use crate::exchange::Asked;
use crate::own::read_json;

const TYPE: &str = "Microsoft.Authorization/roleDefinitions";

/// Roles that can be assigned at a scope.
#[utoipa::path(
    get,
    path = "/subscriptions/{subscriptionId}/providers/microsoft.authorization/roledefinitions",
    tag = "Azure",
    params(
        ("subscriptionId" = String, Path, description = "GUID of the subscription; resource groups and resources below it take the same calls"),
        ("api-version" = String, Query, description = "2015-07-01 to 2022-05-01-preview"),
        ("$filter" = Option<String>, Query, description = "roleName eq '…', type eq 'BuiltInRole' or 'CustomRole', atScopeAndBelow(), joined by and"),
    ),
    responses(
        (status = 200, description = "The roles", body = Listed<body::RoleDefinition>),
        (status = 400, description = "The filter is not one of those", body = wire::error::ErrorBody),
        (status = 403, description = "No right", body = wire::error::ErrorBody),
    )
)]
pub(super) fn list(app: &App, asked: &Asked, path: &ScopePath) -> Result<Response, ApiError> {
    let entered = enter(app, asked, path, Action::ROLE_DEFINITION_READ)?;
    let filter = DefinitionFilter::parse(asked.parameters.get("$filter"));
    let filter = filter.map_err(AuthorizationError::Filter)?;
    let roles = entered.directory.roles().of_tenant(entered.subscription.tenant);
    let chosen = roles.filter(|role| is_chosen(role, &filter, &entered.scope));
    let value = chosen.map(|role| body_of(&entered, role)).collect();
    Ok(answer(StatusCode::OK, Listed { value }))
}

fn is_chosen(role: &Role, filter: &DefinitionFilter, scope: &Scope) -> bool {
    let is_named =
        filter.name.as_ref().is_none_or(|name| role.name.to_lowercase() == name.to_lowercase());
    let is_of_type = match filter.role_type {
        None => true,
        Some(RoleType::BuiltIn) => role.custom.is_none(),
        Some(RoleType::Custom) => role.custom.is_some(),
    };
    let is_there =
        role.is_assignable_at(scope) || filter.and_below && is_assignable_below(role, scope);
    is_named && is_of_type && is_there
}

fn is_assignable_below(role: &Role, scope: &Scope) -> bool {
    let below = |custom: &Custom| custom.assignable_scopes.iter().any(|one| scope.contains(one));
    role.custom.as_ref().is_some_and(below)
}

/// A role.
#[utoipa::path(
    get,
    path = "/subscriptions/{subscriptionId}/providers/microsoft.authorization/roledefinitions/{roleDefinitionId}",
    tag = "Azure",
    params(
        ("subscriptionId" = String, Path, description = "GUID of the subscription"),
        ("roleDefinitionId" = String, Path, description = "GUID of the role"),
        ("api-version" = String, Query, description = "2015-07-01 to 2022-05-01-preview"),
    ),
    responses(
        (status = 200, description = "The role", body = body::RoleDefinition),
        (status = 404, description = "No such role here", body = wire::error::ErrorBody),
    )
)]
pub(super) fn show(
    app: &App,
    asked: &Asked,
    path: &ScopePath,
    name: &str,
) -> Result<Response, ApiError> {
    let entered = enter(app, asked, path, Action::ROLE_DEFINITION_READ)?;
    let id = role_id(name)?;
    let found = find(&entered, id).ok_or_else(|| AuthorizationError::NoDefinition(id.to_string()));
    Ok(answer(StatusCode::OK, body_of(&entered, found?)))
}

/// Makes or changes a custom role.
#[utoipa::path(
    put,
    path = "/subscriptions/{subscriptionId}/providers/microsoft.authorization/roledefinitions/{roleDefinitionId}",
    tag = "Azure",
    params(
        ("subscriptionId" = String, Path, description = "GUID of the subscription"),
        ("roleDefinitionId" = String, Path, description = "GUID of the role"),
        ("api-version" = String, Query, description = "2015-07-01 to 2022-05-01-preview"),
    ),
    request_body = RoleDefinitionPut,
    responses(
        (status = 201, description = "The role", body = body::RoleDefinition),
        (status = 400, description = "A member is wrong", body = wire::error::ErrorBody),
        (status = 403, description = "No right at one of its scopes", body = wire::error::ErrorBody),
        (status = 409, description = "The name or the id is taken", body = wire::error::ErrorBody),
    )
)]
pub(super) async fn put(
    app: &Arc<App>,
    asked: &Asked,
    path: &ScopePath,
    name: &str,
    body: Body,
) -> Result<Response, ApiError> {
    const ACTION: Action = Action::ROLE_DEFINITION_WRITE;
    let entered = enter(app, asked, path, ACTION)?;
    let id = role_id(name)?;
    let put: RoleDefinitionPut = read_json(body).await?;
    let new = new_role(put)?;
    let tenant = entered.subscription.tenant;
    let old = entered.directory.roles().by_id(id).filter(|role| role.is_for(tenant));
    let old = old.and_then(|old| old.custom.as_ref());
    let before = old.map_or(&[][..], |old| &old.assignable_scopes);
    for scope in new.assignable_scopes().iter().chain(before) {
        entered.require(ACTION, scope)?;
    }
    let (by, now, seen) = (entered.by(), (app.clock)(), old.map(|old| old.revision));
    let made = app.change(move |accounts| async move {
        let made = accounts.put_custom_role(id, tenant, new, seen, &by, now);
        made.await.map_err(refusal)
    });
    Ok(answer(StatusCode::CREATED, body_of(&entered, &made.await?)))
}

fn new_role(put: RoleDefinitionPut) -> Result<CustomRole, AuthorizationError> {
    let put = put.properties;
    if let Some(kind) = put.kind.filter(|kind| !kind.eq_ignore_ascii_case("CustomRole")) {
        return Err(AuthorizationError::DefinitionType(kind));
    }
    let count = put.permissions.len();
    let mut permissions = put.permissions.into_iter();
    let (Some(permission), None) = (permissions.next(), permissions.next()) else {
        return Err(AuthorizationError::PermissionCount(count));
    };
    let texts = CustomRoleTexts {
        name: put.role_name,
        description: put.description.unwrap_or_default(),
        actions: permission.actions,
        not_actions: permission.not_actions,
        data_actions: permission.data_actions.unwrap_or_default(),
        not_data_actions: permission.not_data_actions.unwrap_or_default(),
        assignable_scopes: put.assignable_scopes,
    };
    CustomRole::parse(&texts).map_err(AuthorizationError::Definition)
}

fn refusal(error: PutRoleError) -> ApiError {
    let refused = match error {
        PutRoleError::NotOfTenant(id) => AuthorizationError::DefinitionStands(id),
        PutRoleError::NameTaken { name, role } => AuthorizationError::NameTaken { name, role },
        PutRoleError::NotInTenant(scope) => AuthorizationError::NotInTenant(scope),
        PutRoleError::AssignedOutside(scope) => AuthorizationError::AssignedOutside(scope),
        PutRoleError::Changed(id) => AuthorizationError::Changed(id),
        PutRoleError::TooMany { most } => AuthorizationError::TooManyDefinitions { most },
        PutRoleError::Storage(error) => return ApiError::internal("defining a role", &error),
    };
    refused.into()
}

/// Removes a custom role.
#[utoipa::path(
    delete,
    path = "/subscriptions/{subscriptionId}/providers/microsoft.authorization/roledefinitions/{roleDefinitionId}",
    tag = "Azure",
    params(
        ("subscriptionId" = String, Path, description = "GUID of the subscription"),
        ("roleDefinitionId" = String, Path, description = "GUID of the role"),
        ("api-version" = String, Query, description = "2015-07-01 to 2022-05-01-preview"),
    ),
    responses(
        (status = 200, description = "The role as it was", body = body::RoleDefinition),
        (status = 204, description = "There was none here"),
        (status = 400, description = "It is assigned", body = wire::error::ErrorBody),
        (status = 403, description = "No right at one of its scopes", body = wire::error::ErrorBody),
    )
)]
pub(super) async fn remove(
    app: &Arc<App>,
    asked: &Asked,
    path: &ScopePath,
    name: &str,
) -> Result<Response, ApiError> {
    const ACTION: Action = Action::ROLE_DEFINITION_DELETE;
    let entered = enter(app, asked, path, ACTION)?;
    let id = role_id(name)?;
    let Some(found) = find(&entered, id) else {
        return Ok(StatusCode::NO_CONTENT.into_response());
    };
    let custom = found.custom.as_ref().ok_or(AuthorizationError::DefinitionStands(id))?;
    for scope in &custom.assignable_scopes {
        entered.require(ACTION, scope)?;
    }
    let (by, now, seen) = (entered.by(), (app.clock)(), custom.revision);
    let removed = app.change(move |accounts| async move {
        accounts.remove_custom_role(id, seen, &by, now).await.map_err(|error| match error {
            RemoveRoleError::Assigned(id) => AuthorizationError::Assigned(id).into(),
            RemoveRoleError::Changed(id) => AuthorizationError::Changed(id).into(),
            RemoveRoleError::Storage(error) => ApiError::internal("removing a role", &error),
        })
    });
    Ok(answer(StatusCode::OK, body_of(&entered, &removed.await?)))
}

/// The role, if it can be assigned at the scope or below it.
fn find(entered: &Entered, id: RoleId) -> Option<&Role> {
    let role = entered.directory.roles().by_id(id)?;
    let is_here = role.is_for(entered.subscription.tenant)
        && (role.is_assignable_at(&entered.scope) || is_assignable_below(role, &entered.scope));
    is_here.then_some(role)
}

fn role_id(name: &str) -> Result<RoleId, AuthorizationError> {
    RoleId::parse(name).map_err(|_| AuthorizationError::DefinitionName(name.to_owned()))
}

/// What a role permits, as a body.
pub(super) fn permission_of(role: &Role, form: Form) -> Permission {
    let texts = |patterns: &[ActionPattern]| {
        patterns.iter().map(|pattern| pattern.as_str().to_owned()).collect::<Vec<_>>()
    };
    let from_types = |patterns| (form >= Form::WithTypes).then(|| texts(patterns));
    Permission {
        actions: texts(&role.permissions.actions),
        not_actions: texts(&role.permissions.not_actions),
        data_actions: from_types(&role.permissions.data_actions),
        not_data_actions: from_types(&role.permissions.not_data_actions),
    }
}

fn body_of(entered: &Entered, role: &Role) -> body::RoleDefinition {
    let custom = role.custom.as_ref();
    let time = |of: fn(&Custom) -> domain::time::UtcTime| {
        custom.map_or_else(|| BEFORE_TIME.to_owned(), |custom| time_text(of(custom)))
    };
    let scopes = custom.map(|custom| custom.assignable_scopes.iter().map(Scope::to_string));
    body::RoleDefinition {
        properties: body::RoleDefinitionProperties {
            role_name: role.name.clone(),
            kind: if custom.is_some() { "CustomRole" } else { "BuiltInRole" },
            description: role.description.clone(),
            assignable_scopes: scopes.map_or_else(|| vec!["/".to_owned()], Iterator::collect),
            permissions: vec![permission_of(role, entered.form)],
            created_on: time(|custom| custom.created_at),
            updated_on: time(|custom| custom.updated_at),
            created_by: custom.map(|custom| custom.created_by.clone()),
            updated_by: custom.map(|custom| custom.updated_by.clone()),
        },
        id: entered.role_id(role.id),
        kind: TYPE,
        name: role.id.to_string(),
    }
}
