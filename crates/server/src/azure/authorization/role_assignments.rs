//! Role assignments: who has which role where.
//!
//! Whoever has the right to assign roles at a scope assigns them there and below, and nowhere above.
//! An assignment is found under its own scope alone.

use std::sync::Arc;

use accounts::{
    Action, AssignError, NewRoleAssignment, PrincipalType, RemoveAssignmentError, RoleAssignment,
    Scope,
};
use axum::body::Body;
use axum::response::{IntoResponse, Response};
use domain::id::{ObjectId, RoleAssignmentId, RoleId};
use http::StatusCode;
use wire::authorization::{
    self as body, Assignee, AssignmentFilter, Form, Listed, RoleAssignmentPut, time_text,
};

use super::scope_path::ScopePath;
use super::{Entered, answer, enter};
use crate::app::App;
use crate::error::{ApiError, AuthorizationError};
use crate::exchange::Asked;
use crate::identity::Principal;
use crate::own::read_json;

const TYPE: &str = "Microsoft.Authorization/roleAssignments";

/// Role assignments at, above and below a scope.
#[utoipa::path(
    get,
    path = "/subscriptions/{subscriptionId}/providers/microsoft.authorization/roleassignments",
    tag = "Azure",
    params(
        ("subscriptionId" = String, Path, description = "GUID of the subscription; resource groups and resources below it take the same calls"),
        ("api-version" = String, Query, description = "2015-07-01 to 2022-05-01-preview"),
        ("$filter" = Option<String>, Query, description = "atScope(), principalId eq '…', assignedTo('…'), or atScope() and assignedTo('…')"),
    ),
    responses(
        (status = 200, description = "The assignments", body = Listed<body::RoleAssignment>),
        (status = 400, description = "The filter is not one of those", body = wire::error::ErrorBody),
        (status = 403, description = "No right", body = wire::error::ErrorBody),
    )
)]
pub(super) fn list(app: &App, asked: &Asked, path: &ScopePath) -> Result<Response, ApiError> {
    let entered = enter(app, asked, path, Action::ROLE_ASSIGNMENT_READ)?;
    let filter = AssignmentFilter::parse(asked.parameters.get("$filter"));
    let filter = filter.map_err(AuthorizationError::Filter)?;
    let (scope, principal) = (&entered.scope, &entered.principal);
    let there = entered.directory.assignments_in(scope.subscription()).iter();
    let chosen = there.filter(|one| is_chosen(one, &filter, scope, principal));
    let value = chosen.map(|one| body_of(&entered, one, false)).collect();
    Ok(answer(StatusCode::OK, Listed { value }))
}

fn is_chosen(
    assignment: &RoleAssignment,
    filter: &AssignmentFilter,
    scope: &Scope,
    principal: &Principal,
) -> bool {
    let applies = assignment.scope.contains(scope);
    let is_below = scope.contains(&assignment.scope);
    let of_whom = match filter.of {
        None => true,
        Some(Assignee::Principal(id)) => assignment.principal == id,
        // Whose groups are known is whoever asks: its token names them.
        Some(Assignee::WithGroups(id)) => {
            let in_group = || principal.groups.contains(&assignment.principal);
            assignment.principal == id || principal.object_id == id && in_group()
        }
    };
    of_whom && (applies || is_below && !filter.at_scope)
}

/// A role assignment.
#[utoipa::path(
    get,
    path = "/subscriptions/{subscriptionId}/providers/microsoft.authorization/roleassignments/{roleAssignmentName}",
    tag = "Azure",
    params(
        ("subscriptionId" = String, Path, description = "GUID of the subscription"),
        ("roleAssignmentName" = String, Path, description = "GUID of the assignment"),
        ("api-version" = String, Query, description = "2015-07-01 to 2022-05-01-preview"),
    ),
    responses(
        (status = 200, description = "The assignment", body = body::RoleAssignment),
        (status = 404, description = "No such assignment at this scope", body = wire::error::ErrorBody),
    )
)]
pub(super) fn show(
    app: &App,
    asked: &Asked,
    path: &ScopePath,
    name: &str,
) -> Result<Response, ApiError> {
    let entered = enter(app, asked, path, Action::ROLE_ASSIGNMENT_READ)?;
    let id = assignment_id(name)?;
    let found = entered.directory.assignment_at(&entered.scope, id);
    let found = found.ok_or_else(|| AuthorizationError::NoAssignment(id.to_string()))?;
    Ok(answer(StatusCode::OK, body_of(&entered, found, false)))
}

/// Assigns a role.
#[utoipa::path(
    put,
    path = "/subscriptions/{subscriptionId}/providers/microsoft.authorization/roleassignments/{roleAssignmentName}",
    tag = "Azure",
    params(
        ("subscriptionId" = String, Path, description = "GUID of the subscription"),
        ("roleAssignmentName" = String, Path, description = "GUID of the assignment"),
        ("api-version" = String, Query, description = "2015-07-01 to 2022-05-01-preview"),
    ),
    request_body = RoleAssignmentPut,
    responses(
        (status = 200, description = "The assignment, which was there", body = body::RoleAssignment),
        (status = 201, description = "The assignment", body = body::RoleAssignment),
        (status = 400, description = "A member is wrong", body = wire::error::ErrorBody),
        (status = 403, description = "No right", body = wire::error::ErrorBody),
        (status = 409, description = "The principal has the role, or the name is taken", body = wire::error::ErrorBody),
    )
)]
pub(super) async fn put(
    app: &Arc<App>,
    asked: &Asked,
    path: &ScopePath,
    name: &str,
    body: Body,
) -> Result<Response, ApiError> {
    let entered = enter(app, asked, path, Action::ROLE_ASSIGNMENT_WRITE)?;
    let id = assignment_id(name)?;
    let put: RoleAssignmentPut = read_json(body).await?;
    let new = new_assignment(id, entered.scope.clone(), put)?;
    let principals = &entered.directory.principals;
    if let Some(known) = principals.mistaken(new.principal, entered.subscription.tenant) {
        let (application, object) = (known.application, known.object);
        return Err(AuthorizationError::Application { application, object }.into());
    }
    let (by, now) = (entered.by(), (app.clock)());
    let assigned = app.change(move |accounts| async move {
        accounts.assign_role(new, &by, now).await.map_err(refusal)
    });
    let assigned = assigned.await?;
    // Clients of older versions take nothing but 201.
    let was_there = !assigned.is_new && entered.form >= Form::WithDescriptions;
    let status = if was_there { StatusCode::OK } else { StatusCode::CREATED };
    Ok(answer(status, body_of(&entered, &assigned.assignment, assigned.is_new)))
}

fn new_assignment(
    id: RoleAssignmentId,
    scope: Scope,
    put: RoleAssignmentPut,
) -> Result<NewRoleAssignment, AuthorizationError> {
    let put = put.properties;
    if let Some(member) = put.unheeded() {
        return Err(AuthorizationError::Unheeded(member));
    }
    let principal = ObjectId::parse(&put.principal_id)
        .map_err(|_| AuthorizationError::Principal(put.principal_id.clone()))?;
    let principal_type = put.principal_type.as_deref().map(PrincipalType::parse).transpose();
    Ok(NewRoleAssignment {
        id: Some(id),
        principal,
        principal_type: principal_type
            .map_err(|error| AuthorizationError::PrincipalType(error.to_string()))?,
        role: role_of_path(&put.role_definition_id)?,
        scope,
        description: put.description,
    })
}

/// The role that a path names, at whatever scope: a role's id says all.
fn role_of_path(path: &str) -> Result<RoleId, AuthorizationError> {
    const BELOW: &str = "/providers/microsoft.authorization/roledefinitions/";
    let refused = || AuthorizationError::DefinitionPath(path.to_owned());
    let folded = path.to_ascii_lowercase();
    let at = folded.rfind(BELOW).ok_or_else(refused)?;
    if at > 0 {
        Scope::parse(&path[..at]).map_err(|_| refused())?;
    }
    RoleId::parse(&path[at + BELOW.len()..]).map_err(|_| refused())
}

fn refusal(error: AssignError) -> ApiError {
    let refused = match error {
        AssignError::Exists(id) => AuthorizationError::AssignmentExists(id),
        AssignError::IdTaken(id) => AuthorizationError::AssignmentStands(id),
        AssignError::NoSuchRole(id) => AuthorizationError::NoDefinition(id.to_string()),
        AssignError::NotAssignable { role, scope } => {
            AuthorizationError::NotAssignable { role, scope }
        }
        AssignError::TooMany { most } => AuthorizationError::TooManyAssignments { most },
        AssignError::NoSuchSubscription(id) => {
            return ApiError::SubscriptionNotFound(id.to_string());
        }
        error @ AssignError::Description { .. } => {
            AuthorizationError::Description(error.to_string())
        }
        AssignError::Storage(error) => return ApiError::internal("assigning a role", &error),
    };
    refused.into()
}

/// Takes a role away again.
#[utoipa::path(
    delete,
    path = "/subscriptions/{subscriptionId}/providers/microsoft.authorization/roleassignments/{roleAssignmentName}",
    tag = "Azure",
    params(
        ("subscriptionId" = String, Path, description = "GUID of the subscription"),
        ("roleAssignmentName" = String, Path, description = "GUID of the assignment"),
        ("api-version" = String, Query, description = "2015-07-01 to 2022-05-01-preview"),
    ),
    responses(
        (status = 200, description = "The assignment as it was", body = body::RoleAssignment),
        (status = 204, description = "There was none at this scope"),
        (status = 403, description = "No right", body = wire::error::ErrorBody),
    )
)]
pub(super) async fn remove(
    app: &Arc<App>,
    asked: &Asked,
    path: &ScopePath,
    name: &str,
) -> Result<Response, ApiError> {
    let entered = enter(app, asked, path, Action::ROLE_ASSIGNMENT_DELETE)?;
    let id = assignment_id(name)?;
    let Some(found) = entered.directory.assignment_at(&entered.scope, id) else {
        return Ok(StatusCode::NO_CONTENT.into_response());
    };
    let (by, now, seen) = (entered.by(), (app.clock)(), Some(found.revision));
    let removed = app.change(move |accounts| async move {
        match accounts.remove_role_assignment(id, seen, &by, now).await {
            Ok(removed) => Ok(Some(removed)),
            // Another request was faster.
            Err(RemoveAssignmentError::NotFound(_)) => Ok(None),
            Err(RemoveAssignmentError::Storage(error)) => {
                Err(ApiError::internal("removing a role", &error))
            }
        }
    });
    Ok(match removed.await? {
        Some(removed) => answer(StatusCode::OK, body_of(&entered, &removed, false)),
        None => StatusCode::NO_CONTENT.into_response(),
    })
}

fn assignment_id(name: &str) -> Result<RoleAssignmentId, AuthorizationError> {
    RoleAssignmentId::parse(name).map_err(|_| AuthorizationError::AssignmentName(name.to_owned()))
}

/// The body of an assignment; Azure does not tell whoever makes it who made it.
fn body_of(entered: &Entered, assignment: &RoleAssignment, is_new: bool) -> body::RoleAssignment {
    let text = |text: &str| Some(text.to_owned());
    let from = |form: Form, value: Option<String>| (entered.form >= form).then_some(value);
    let scope = &assignment.scope;
    let principal_type = assignment.principal_type.map(|one| one.to_string());
    body::RoleAssignment {
        properties: body::RoleAssignmentProperties {
            role_definition_id: entered.role_id(assignment.role),
            principal_id: assignment.principal.to_string(),
            principal_type: from(Form::WithTypes, principal_type),
            scope: scope.to_string(),
            condition: from(Form::WithDescriptions, None),
            condition_version: from(Form::WithDescriptions, None),
            created_on: time_text(assignment.created_at),
            updated_on: time_text(assignment.updated_at),
            created_by: text(&assignment.created_by).filter(|_| !is_new),
            updated_by: text(&assignment.updated_by),
            delegated_managed_identity_resource_id: from(Form::WithDescriptions, None),
            description: from(Form::WithDescriptions, assignment.description.clone()),
        },
        id: format!("{scope}/providers/{TYPE}/{}", assignment.id),
        kind: TYPE,
        name: assignment.id.to_string(),
    }
}
