//! Roles: which actions a principal may take where. Pure.
//!
//! A principal may act if one of the roles assigned to it, at the scope of the action or above it,
//! has the action and does not take it out again: a union over roles of (actions − that role's
//! notActions). What no assignment grants is refused, and a role that is gone grants nothing.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use domain::id::{ObjectId, RoleAssignmentId, RoleId, TenantId};
use domain::time::UtcTime;

pub use crate::action::{Action, ActionPattern};
pub use crate::scope::{Scope, ScopeError};
use crate::store::Revision;

mod built_in;
mod custom;
mod principal_type;

pub use custom::{CustomRole, CustomRoleTexts, NoSuchCustomRole};
pub use principal_type::PrincipalType;

/// What a role permits, as patterns.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Permissions {
    /// Actions that it permits.
    pub actions: Vec<ActionPattern>,
    /// Actions that it leaves out again.
    pub not_actions: Vec<ActionPattern>,
    /// Actions on data that it permits; there is no data here, so they are kept and shown only.
    pub data_actions: Vec<ActionPattern>,
    /// Actions on data that it leaves out again.
    pub not_data_actions: Vec<ActionPattern>,
}

/// A role and what it permits.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Role {
    /// Its id; of a built-in one the same in every installation, and Azure's own for Azure's roles.
    pub id: RoleId,
    /// Shown to people, and unique within a tenant without regard to case.
    pub name: String,
    /// What it is for.
    pub description: String,
    /// What it permits.
    pub permissions: Permissions,
    /// What a custom role has beside; none of a built-in one, which can be assigned anywhere.
    pub custom: Option<Custom>,
}

/// What a custom role has that a built-in one has not.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Custom {
    /// Whose role it is.
    pub tenant: TenantId,
    /// It can be assigned at these scopes and below them: subscriptions and resource groups.
    pub assignable_scopes: Vec<Scope>,
    /// The revision that made it what it is.
    pub revision: Revision,
    /// When it was made.
    pub created_at: UtcTime,
    /// Who made it.
    pub created_by: String,
    /// When it was made what it is.
    pub updated_at: UtcTime,
    /// Who made it what it is.
    pub updated_by: String,
}

/// The built-in roles.
///
/// Source: Azure built-in roles, with their ids and actions; `Usage Writer` is ours.
pub static BUILT_IN: LazyLock<Vec<Role>> =
    LazyLock::new(|| built_in::ROLES.iter().map(Role::from).collect());

/// Every role there is: the built-in ones and the custom ones of all tenants.
#[derive(Debug, Clone, Default)]
pub struct Roles {
    custom: BTreeMap<RoleId, Role>,
}

impl Roles {
    /// The built-in roles and these.
    #[must_use]
    pub fn new(custom: impl IntoIterator<Item = Role>) -> Self {
        Self { custom: custom.into_iter().map(|role| (role.id, role)).collect() }
    }

    /// The role with this id.
    #[must_use]
    pub fn by_id(&self, id: RoleId) -> Option<&Role> {
        BUILT_IN.iter().find(|role| role.id == id).or_else(|| self.custom.get(&id))
    }

    /// The roles that a tenant may assign: the built-in ones, and its own in order of id.
    pub fn of_tenant(&self, tenant: TenantId) -> impl Iterator<Item = &Role> {
        BUILT_IN.iter().chain(self.custom.values()).filter(move |role| role.is_for(tenant))
    }

    /// The role of a tenant with this name, in any case, or with this GUID.
    #[must_use]
    pub fn find(&self, tenant: TenantId, name_or_id: &str) -> Option<&Role> {
        let by_id = |id| self.by_id(id).filter(|role| role.is_for(tenant));
        let by_name = self.of_tenant(tenant).find(|role| same_name(&role.name, name_or_id));
        by_name.or_else(|| RoleId::parse(name_or_id).ok().and_then(by_id))
    }
}

impl Role {
    /// Whether the role permits the action, wherever it is assigned.
    #[must_use]
    pub fn permits(&self, action: Action) -> bool {
        let any = |patterns: &[ActionPattern]| patterns.iter().any(|one| one.matches(action));
        any(&self.permissions.actions) && !any(&self.permissions.not_actions)
    }

    /// Whether it is a built-in role, or one of the tenant.
    #[must_use]
    pub fn is_for(&self, tenant: TenantId) -> bool {
        self.custom.as_ref().is_none_or(|custom| custom.tenant == tenant)
    }

    /// Whether it can be assigned at the scope, which is one of its tenant.
    #[must_use]
    pub fn is_assignable_at(&self, scope: &Scope) -> bool {
        let within = |custom: &Custom| custom.assignable_scopes.iter().any(|at| at.contains(scope));
        self.custom.as_ref().is_none_or(within)
    }
}

/// Whether two names are the same to people.
pub(crate) fn same_name(one: &str, other: &str) -> bool {
    one.to_lowercase() == other.to_lowercase()
}

/// A role given to a principal at a scope.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RoleAssignment {
    /// Its id.
    pub id: RoleAssignmentId,
    /// Who is given the role: a user, group or service principal.
    pub principal: ObjectId,
    /// What the principal is, as whoever assigned the role said.
    pub principal_type: Option<PrincipalType>,
    /// The role.
    pub role: RoleId,
    /// Where: there, and everywhere below.
    pub scope: Scope,
    /// Why, in words.
    pub description: Option<String>,
    /// The revision that made it what it is.
    pub revision: Revision,
    /// When it was made.
    pub created_at: UtcTime,
    /// Who made it.
    pub created_by: String,
    /// When it was made what it is.
    pub updated_at: UtcTime,
    /// Who made it what it is.
    pub updated_by: String,
}

/// Whether a principal with these assignments, its own and its groups', may do this there.
#[must_use]
pub fn allows<'a>(
    assignments: impl IntoIterator<Item = &'a RoleAssignment>,
    roles: &Roles,
    action: Action,
    scope: &Scope,
) -> bool {
    assignments.into_iter().any(|assignment| {
        assignment.scope.contains(scope)
            && roles.by_id(assignment.role).is_some_and(|role| role.permits(action))
    })
}

#[cfg(test)]
mod tests;
