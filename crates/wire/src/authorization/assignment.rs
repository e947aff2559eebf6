//! Role assignments, in and out.

use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::ToSchema;

use super::Nullable;

/// A role assignment.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct RoleAssignment {
    /// What it is.
    pub properties: RoleAssignmentProperties,
    /// Its path.
    pub id: String,
    /// `Microsoft.Authorization/roleAssignments`.
    #[serde(rename = "type")]
    pub kind: &'static str,
    /// Its GUID.
    pub name: String,
}

/// What a role assignment is.
#[derive(Debug, Clone, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct RoleAssignmentProperties {
    /// Path of the role.
    pub role_definition_id: String,
    /// Object id of the principal.
    pub principal_id: String,
    /// What the principal is, as far as it was said; from 2018 on.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    pub principal_type: Nullable<String>,
    /// Where it applies.
    pub scope: String,
    /// Always null: there are no conditions; from 2020 on.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    pub condition: Nullable<String>,
    /// Always null; from 2020 on.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    pub condition_version: Nullable<String>,
    /// When it was made.
    pub created_on: String,
    /// When it was made what it is.
    pub updated_on: String,
    /// Who made it; null in the answer to whoever makes it.
    pub created_by: Option<String>,
    /// Who made it what it is.
    pub updated_by: Option<String>,
    /// Always null; from 2020 on.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    pub delegated_managed_identity_resource_id: Nullable<String>,
    /// Why, in words; from 2020 on.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    pub description: Nullable<String>,
}

/// A role assignment to be made. Members that are not known are let be, as Azure does.
#[derive(Debug, Clone, Deserialize, ToSchema)]
pub struct RoleAssignmentPut {
    /// What it is to be.
    pub properties: RoleAssignmentPutProperties,
}

/// What a role assignment is to be.
#[derive(Debug, Clone, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct RoleAssignmentPutProperties {
    /// Path of the role.
    pub role_definition_id: String,
    /// Object id of the principal.
    pub principal_id: String,
    /// What the principal is.
    pub principal_type: Option<String>,
    /// Why, in words.
    pub description: Option<String>,
    /// Refused: a condition that is not heeded would give more than it says.
    pub condition: Option<String>,
    /// Refused.
    #[schema(value_type = Option<String>)]
    pub delegated_managed_identity_resource_id: Option<Value>,
}

impl RoleAssignmentPutProperties {
    /// A member that narrows what is given, and is not heeded here.
    #[must_use]
    pub fn unheeded(&self) -> Option<&'static str> {
        let delegated = self.delegated_managed_identity_resource_id.as_ref();
        match &self.condition {
            Some(condition) if !condition.is_empty() => Some("condition"),
            _ => delegated.map(|_| "delegatedManagedIdentityResourceId"),
        }
    }
}
