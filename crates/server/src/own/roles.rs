//! Role assignments, made and removed by the administrator.

use std::sync::Arc;

use accounts::{
    AssignError, NewRoleAssignment, RemoveAssignmentError, RoleAssignment, Roles, Scope,
};
use axum::Json;
use axum::body::Body;
use axum::extract::{Path, State};
use domain::id::{ObjectId, RoleAssignmentId};
use http::StatusCode;
use wire::own;
use wire::own::{List, RoleAssignmentCreate};

use super::{parsed, read_json};
use crate::app::App;
use crate::error::ApiError;
use crate::exchange::Asked;

/// Assigns a role.
#[utoipa::path(post, path = "/tallyhouse/v1/role-assignments", tag = "Access",
    request_body = RoleAssignmentCreate,
    responses(
        (status = 201, description = "The assignment", body = own::RoleAssignment),
        (status = 400, description = "A member is wrong", body = wire::error::ErrorBody),
        (status = 404, description = "No such subscription", body = wire::error::ErrorBody),
        (status = 409, description = "The principal has the role there", body = wire::error::ErrorBody),
    )
)]
pub(crate) async fn assign(
    State(app): State<Arc<App>>,
    asked: Asked,
    body: Body,
) -> Result<(StatusCode, Json<own::RoleAssignment>), ApiError> {
    let administrator = app.administrator(&asked)?;
    let request: RoleAssignmentCreate = read_json(body).await?;
    let scope = parsed("scope", Scope::parse(&request.scope))?;
    let directory = app.directory();
    let subscription = directory.subscription(scope.subscription());
    let tenant = subscription.map_or(app.tenant(), |subscription| subscription.tenant);
    let role = directory.roles().find(tenant, &request.role);
    let role = role.ok_or_else(|| ApiError::Parameter {
        name: "role",
        reason: format!("there is no role '{}'", request.role),
    })?;
    let principal = parsed("principalId", ObjectId::parse(&request.principal_id))?;
    if let Some(known) = directory.principals.mistaken(principal, tenant) {
        let object = known.object;
        let reason = format!("is the appId of a service principal; its object id is '{object}'");
        return Err(ApiError::Parameter { name: "principalId", reason });
    }
    let new = NewRoleAssignment {
        id: None,
        principal,
        principal_type: None,
        role: role.id,
        scope,
        description: None,
    };
    let (by, now) = (administrator.object_id.to_string(), (app.clock)());
    let assigned = app.change(move |accounts| async move {
        accounts.assign_role(new, &by, now).await.map_err(refusal)
    });
    let assigned = assigned.await?;
    Ok((StatusCode::CREATED, Json(body_of(&assigned.assignment, directory.roles()))))
}

fn refusal(error: AssignError) -> ApiError {
    match error {
        AssignError::Exists(id) | AssignError::IdTaken(id) => {
            ApiError::Exists { what: "role assignment", id: id.to_string() }
        }
        AssignError::NoSuchRole(id) => ApiError::NotFound { what: "role", id: id.to_string() },
        AssignError::NoSuchSubscription(id) => ApiError::SubscriptionNotFound(id.to_string()),
        error @ AssignError::NotAssignable { .. } => {
            ApiError::Parameter { name: "scope", reason: error.to_string() }
        }
        error @ AssignError::Description { .. } => {
            ApiError::Parameter { name: "description", reason: error.to_string() }
        }
        error @ AssignError::TooMany { .. } => ApiError::LimitReached(error.to_string()),
        AssignError::Storage(error) => ApiError::internal("assigning a role", &error),
    }
}

/// Lists the role assignments.
#[utoipa::path(get, path = "/tallyhouse/v1/role-assignments", tag = "Access", responses(
    (status = 200, description = "Every assignment", body = List<own::RoleAssignment>),
    (status = 403, description = "Not the administrator", body = wire::error::ErrorBody),
))]
pub(crate) async fn list(
    State(app): State<Arc<App>>,
    asked: Asked,
) -> Result<Json<List<own::RoleAssignment>>, ApiError> {
    app.administrator(&asked)?;
    let assignments = app.accounts.role_assignments().await;
    let assignments = assignments.map_err(|error| ApiError::internal("reading roles", &error))?;
    let directory = app.directory();
    let bodies = assignments.iter().map(|assignment| body_of(assignment, directory.roles()));
    Ok(Json(List { value: bodies.collect() }))
}

/// Removes a role assignment.
#[utoipa::path(delete, path = "/tallyhouse/v1/role-assignments/{name}", tag = "Access",
    params(("name" = String, Path, description = "GUID of the assignment")),
    responses(
        (status = 200, description = "The assignment as it was", body = own::RoleAssignment),
        (status = 404, description = "No such assignment", body = wire::error::ErrorBody),
    )
)]
pub(crate) async fn remove(
    State(app): State<Arc<App>>,
    Path(name): Path<String>,
    asked: Asked,
) -> Result<Json<own::RoleAssignment>, ApiError> {
    let administrator = app.administrator(&asked)?;
    let unknown = || ApiError::NotFound { what: "role assignment", id: name.clone() };
    let id = RoleAssignmentId::parse(&name).map_err(|_| unknown())?;
    let (by, now) = (administrator.object_id.to_string(), (app.clock)());
    let removed = app.change(move |accounts| async move {
        accounts.remove_role_assignment(id, None, &by, now).await.map_err(removal_refusal)
    });
    let removed = removed.await?;
    Ok(Json(body_of(&removed, app.directory().roles())))
}

fn removal_refusal(error: RemoveAssignmentError) -> ApiError {
    match error {
        RemoveAssignmentError::NotFound(id) => {
            ApiError::NotFound { what: "role assignment", id: id.to_string() }
        }
        RemoveAssignmentError::Storage(error) => ApiError::internal("removing a role", &error),
    }
}

fn body_of(assignment: &RoleAssignment, roles: &Roles) -> own::RoleAssignment {
    let scope = &assignment.scope;
    let subscription = scope.subscription();
    let role = roles.by_id(assignment.role);
    own::RoleAssignment {
        id: format!("{scope}/providers/Microsoft.Authorization/roleAssignments/{}", assignment.id),
        name: assignment.id.to_string(),
        principal_id: assignment.principal.to_string(),
        role_name: role.map_or_else(|| assignment.role.to_string(), |role| role.name.clone()),
        role_definition_id: format!(
            "/subscriptions/{subscription}/providers/Microsoft.Authorization/roleDefinitions/{}",
            assignment.role
        ),
        scope: scope.to_string(),
        created_on: assignment.created_at.to_string(),
    }
}
