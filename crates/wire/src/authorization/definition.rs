//! Role definitions, in and out.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// A role.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct RoleDefinition {
    /// What it is.
    pub properties: RoleDefinitionProperties,
    /// Its path.
    pub id: String,
    /// `Microsoft.Authorization/roleDefinitions`.
    #[serde(rename = "type")]
    pub kind: &'static str,
    /// Its GUID.
    pub name: String,
}

/// What a role is.
#[derive(Debug, Clone, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct RoleDefinitionProperties {
    /// Its name.
    pub role_name: String,
    /// `BuiltInRole` or `CustomRole`.
    #[serde(rename = "type")]
    pub kind: &'static str,
    /// What it is for.
    pub description: String,
    /// Where it can be assigned.
    pub assignable_scopes: Vec<String>,
    /// What it permits; one entry.
    pub permissions: Vec<Permission>,
    /// When it was made.
    pub created_on: String,
    /// When it was made what it is.
    pub updated_on: String,
    /// Who made it; null of a built-in role.
    pub created_by: Option<String>,
    /// Who made it what it is; null of a built-in role.
    pub updated_by: Option<String>,
}

/// What a role permits.
#[derive(Debug, Clone, Default, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Permission {
    /// Actions that it permits; `*` spans any characters.
    #[serde(default)]
    pub actions: Vec<String>,
    /// Actions that it leaves out again.
    #[serde(default)]
    pub not_actions: Vec<String>,
    /// Actions on data that it permits; from 2018 on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub data_actions: Option<Vec<String>>,
    /// Actions on data that it leaves out again; from 2018 on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub not_data_actions: Option<Vec<String>>,
}

/// A custom role to be made. Members that are not known are let be, as Azure does.
#[derive(Debug, Clone, Deserialize, ToSchema)]
pub struct RoleDefinitionPut {
    /// What it is to be.
    pub properties: RoleDefinitionPutProperties,
}

/// What a custom role is to be.
#[derive(Debug, Clone, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct RoleDefinitionPutProperties {
    /// Its name.
    pub role_name: String,
    /// What it is for.
    pub description: Option<String>,
    /// `CustomRole`, if given.
    #[serde(rename = "type")]
    pub kind: Option<String>,
    /// Where it can be assigned: subscriptions and resource groups.
    pub assignable_scopes: Vec<String>,
    /// What it permits: one entry.
    pub permissions: Vec<Permission>,
}
