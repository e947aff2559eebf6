//! Refusals of `Microsoft.Authorization`, with their statuses and codes.
//!
//! Source: Azure Authorization, error codes that its clients know; those that nobody documents are
//! named after them.

use std::fmt;

use accounts::{NoSuchCustomRole, Scope, ScopeError};
use domain::id::{ApplicationId, ObjectId, RoleAssignmentId, RoleId};
use http::StatusCode;
use wire::authorization::ListFilterError;
use wire::text::Excerpt;

/// Why a call of `Microsoft.Authorization` is refused.
#[derive(Debug)]
pub(crate) enum AuthorizationError {
    /// A segment of the path could be read in two ways.
    Path { segment: String },
    /// The path names no scope.
    Scope(ScopeError),
    /// The filter of a list.
    Filter(ListFilterError),
    /// A role assignment is named by something else than a GUID.
    AssignmentName(String),
    /// A role is named by something else than a GUID.
    DefinitionName(String),
    /// A role assignment is to be of no path of a role.
    DefinitionPath(String),
    /// The principal is no GUID.
    Principal(String),
    /// The principal is an application; its service principal is another object.
    Application { application: ApplicationId, object: ObjectId },
    /// There is no such type of principals.
    PrincipalType(String),
    /// A member that would narrow the assignment, and is not heeded here.
    Unheeded(&'static str),
    /// The description of a role assignment.
    Description(String),
    /// There is no such role assignment.
    NoAssignment(String),
    /// There is no such role.
    NoDefinition(String),
    /// The principal has the role there by another assignment.
    AssignmentExists(RoleAssignmentId),
    /// The id is that of an assignment of another principal, role or scope.
    AssignmentStands(RoleAssignmentId),
    /// The role cannot be assigned there.
    NotAssignable { role: String, scope: Scope },
    /// The subscription has as many assignments as it may have.
    TooManyAssignments { most: u64 },
    /// The role to be made is none.
    Definition(NoSuchCustomRole),
    /// A role to be made is of another type than custom roles.
    DefinitionType(String),
    /// A role has one entry of permissions.
    PermissionCount(usize),
    /// The role is built in, or the id another tenant's.
    DefinitionStands(RoleId),
    /// Another role has the name.
    NameTaken { name: String, role: RoleId },
    /// The scope is in no subscription of the tenant.
    NotInTenant(Scope),
    /// The role is assigned.
    Assigned(RoleId),
    /// The role is assigned where it could not be assigned any more.
    AssignedOutside(Scope),
    /// The role was changed while the request was looked at.
    Changed(RoleId),
    /// The tenant has as many roles as it may have.
    TooManyDefinitions { most: u64 },
}

impl AuthorizationError {
    pub(super) fn status(&self) -> StatusCode {
        match self {
            Self::Path { .. }
            | Self::Scope(_)
            | Self::Filter(_)
            | Self::AssignmentName(_)
            | Self::DefinitionName(_)
            | Self::DefinitionPath(_)
            | Self::Principal(_)
            | Self::Application { .. }
            | Self::PrincipalType(_)
            | Self::Unheeded(_)
            | Self::Description(_)
            | Self::NotAssignable { .. }
            | Self::TooManyAssignments { .. }
            | Self::Definition(_)
            | Self::DefinitionType(_)
            | Self::PermissionCount(_)
            | Self::NotInTenant(_)
            | Self::Assigned(_)
            | Self::AssignedOutside(_)
            | Self::TooManyDefinitions { .. } => StatusCode::BAD_REQUEST,
            Self::NoAssignment(_) | Self::NoDefinition(_) => StatusCode::NOT_FOUND,
            Self::AssignmentExists(_)
            | Self::AssignmentStands(_)
            | Self::DefinitionStands(_)
            | Self::NameTaken { .. }
            | Self::Changed(_) => StatusCode::CONFLICT,
        }
    }

    pub(super) fn code(&self) -> &'static str {
        match self {
            Self::Path { .. } => "InvalidPath",
            Self::Scope(_) => "InvalidScope",
            Self::Filter(_) => "InvalidFilter",
            Self::AssignmentName(_) => "InvalidRoleAssignmentId",
            Self::DefinitionName(_) | Self::DefinitionPath(_) => "InvalidRoleDefinitionId",
            Self::Principal(_) | Self::Application { .. } => "InvalidPrincipalId",
            Self::PrincipalType(_) => "InvalidPrincipalType",
            Self::Unheeded(_) => "RoleAssignmentConditionNotSupported",
            Self::Description(_) => "InvalidDescription",
            Self::NoAssignment(_) => "RoleAssignmentNotFound",
            Self::NoDefinition(_) => "RoleDefinitionDoesNotExist",
            Self::AssignmentExists(_) => "RoleAssignmentExists",
            Self::AssignmentStands(_) => "RoleAssignmentUpdateNotPermitted",
            Self::NotAssignable { .. } => "RoleNotAssignableAtScope",
            Self::TooManyAssignments { .. } => "RoleAssignmentLimitExceeded",
            Self::Definition(_) | Self::DefinitionType(_) | Self::PermissionCount(_) => {
                "InvalidRoleDefinition"
            }
            Self::DefinitionStands(_) => "RoleDefinitionUpdateNotPermitted",
            Self::NameTaken { .. } => "RoleDefinitionWithSameNameExists",
            Self::NotInTenant(_) => "InvalidAssignableScope",
            Self::Assigned(_) | Self::AssignedOutside(_) => "RoleDefinitionHasAssignments",
            Self::Changed(_) => "RoleDefinitionChanged",
            Self::TooManyDefinitions { .. } => "RoleDefinitionLimitExceeded",
        }
    }
}

impl fmt::Display for AuthorizationError {
    #[expect(clippy::too_many_lines, reason = "one text a variant, all in one place")]
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Path { segment } => {
                write!(f, "The path segment {} is no name.", Excerpt::new(segment))
            }
            Self::Scope(error) => write!(f, "The path names no scope: {error}."),
            Self::Filter(error) => write!(f, "{error}"),
            Self::AssignmentName(name) => {
                write!(f, "The role assignment id {} is not a GUID.", Excerpt::new(name))
            }
            Self::DefinitionName(name) => {
                write!(f, "The role definition id {} is not a GUID.", Excerpt::new(name))
            }
            Self::DefinitionPath(path) => write!(
                f,
                "The roleDefinitionId {} is not of the form \
                 '/subscriptions/GUID/providers/Microsoft.Authorization/roleDefinitions/GUID'.",
                Excerpt::new(path)
            ),
            Self::Principal(text) => {
                write!(f, "The principalId {} is not a GUID.", Excerpt::new(text))
            }
            Self::Application { application, object } => write!(
                f,
                "The principalId '{application}' is the appId of a service principal, to which no \
                 role can be assigned. Its object id is '{object}'."
            ),
            Self::PrincipalType(reason) => write!(f, "The principalType is wrong: {reason}."),
            Self::Unheeded(member) => write!(
                f,
                "Role assignments with '{member}' are not supported: it would not be heeded."
            ),
            Self::Description(reason) => write!(f, "The description is wrong: {reason}."),
            Self::NoAssignment(name) => write!(f, "The role assignment '{name}' is not found."),
            Self::NoDefinition(id) => {
                write!(f, "The specified role definition with id '{id}' does not exist.")
            }
            Self::AssignmentExists(id) => {
                write!(f, "The role assignment already exists, with the id '{id}'.")
            }
            Self::AssignmentStands(id) => write!(
                f,
                "The role assignment '{id}' is of another principal, role or scope, which cannot \
                 be changed."
            ),
            Self::NotAssignable { role, scope } => write!(
                f,
                "The role '{role}' cannot be assigned at '{scope}': it is outside of its \
                 assignableScopes."
            ),
            Self::TooManyAssignments { most } => {
                write!(f, "The subscription has {most} role assignments, and may have no more.")
            }
            Self::Definition(error) => write!(f, "The role definition is wrong: {error}."),
            Self::DefinitionType(text) => {
                write!(
                    f,
                    "The role definition is wrong: type is {}, not 'CustomRole'.",
                    Excerpt::new(text)
                )
            }
            Self::PermissionCount(count) => write!(
                f,
                "The role definition is wrong: permissions has {count} entries, and one is taken."
            ),
            Self::DefinitionStands(id) => {
                write!(
                    f,
                    "The role definition '{id}' is built in or not yours, and cannot be changed."
                )
            }
            Self::NameTaken { name, role } => {
                write!(f, "The role definition '{role}' has the name '{name}' already.")
            }
            Self::NotInTenant(scope) => {
                write!(f, "The assignable scope '{scope}' is in no subscription of the tenant.")
            }
            Self::Assigned(id) => write!(
                f,
                "The role definition '{id}' is assigned; remove its role assignments first."
            ),
            Self::AssignedOutside(scope) => write!(
                f,
                "The role definition is assigned at '{scope}', which assignableScopes has to keep."
            ),
            Self::Changed(id) => write!(
                f,
                "The role definition '{id}' was changed by another request meanwhile; try again."
            ),
            Self::TooManyDefinitions { most } => {
                write!(f, "The tenant has {most} custom roles, and may have no more.")
            }
        }
    }
}
