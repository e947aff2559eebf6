//! Bodies of the resource manager's own calls, in the order of members that Azure writes.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// Where a cloud's services are.
///
/// Source: Azure Resource Manager, `/metadata/endpoints`; what Azure's command line reads of it.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct CloudMetadata {
    /// Origin for people.
    pub portal: String,
    /// Where and for whom to get tokens.
    pub authentication: CloudAuthentication,
    /// Whom tokens for the directory are meant for.
    pub graph_audience: String,
    /// The directory.
    pub graph: String,
    /// What tools call the cloud.
    pub name: String,
    /// Domains of services; there are none.
    pub suffixes: NoMembers,
    /// The resource manager, with a slash at the end.
    pub resource_manager: String,
    /// The directory, for Microsoft Graph.
    pub microsoft_graph_resource_id: String,
}

/// Where and for whom to get tokens.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct CloudAuthentication {
    /// Authorities are this and a tenant.
    pub login_endpoint: String,
    /// Whom tokens are meant for; clients take the first.
    pub audiences: Vec<String>,
    /// The tenant if none is named.
    pub tenant: String,
    /// `AAD`: endpoints are those of Entra ID.
    pub identity_provider: String,
}

/// An object without members.
#[derive(Debug, Clone, Copy, Default, Serialize, Deserialize, ToSchema)]
pub struct NoMembers {}

/// Where a cloud's services are, as Azure Stack says it.
///
/// Source: Azure Stack Hub, `/metadata/endpoints?api-version=1.0`.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct StackMetadata {
    /// Where images are.
    pub gallery_endpoint: String,
    /// The directory.
    pub graph_endpoint: String,
    /// Origin for people.
    pub portal_endpoint: String,
    /// Where and for whom to get tokens.
    pub authentication: StackAuthentication,
}

/// Where and for whom to get tokens, as Azure Stack says it.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct StackAuthentication {
    /// Authorities are this and a tenant.
    pub login_endpoint: String,
    /// Whom tokens are meant for; clients take the first.
    pub audiences: Vec<String>,
}

impl CloudMetadata {
    /// A cloud whose services are all at one origin, but for where to sign in.
    #[must_use]
    pub fn new(name: &str, origin: &str, login_origin: &str) -> Self {
        Self {
            portal: origin.to_owned(),
            authentication: CloudAuthentication {
                login_endpoint: format!("{login_origin}/"),
                audiences: vec![format!("{origin}/")],
                tenant: "common".to_owned(),
                identity_provider: "AAD".to_owned(),
            },
            graph_audience: origin.to_owned(),
            graph: origin.to_owned(),
            name: name.to_owned(),
            suffixes: NoMembers {},
            resource_manager: format!("{origin}/"),
            microsoft_graph_resource_id: origin.to_owned(),
        }
    }
}

impl StackMetadata {
    /// A cloud whose services are all at one origin, but for where to sign in.
    #[must_use]
    pub fn new(origin: &str, login_origin: &str) -> Self {
        Self {
            gallery_endpoint: format!("{origin}/"),
            graph_endpoint: format!("{origin}/"),
            portal_endpoint: format!("{origin}/"),
            authentication: StackAuthentication {
                login_endpoint: format!("{login_origin}/"),
                audiences: vec![format!("{origin}/")],
            },
        }
    }
}

/// A tenant.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Tenant {
    /// `/tenants/{guid}`.
    pub id: String,
    /// GUID of the tenant.
    pub tenant_id: String,
    /// Name shown to people.
    pub display_name: String,
    /// Domain under which it is reached.
    pub default_domain: String,
}

/// A subscription, as the resource manager shows it.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = ArmSubscription)]
pub struct Subscription {
    /// `/subscriptions/{guid}`.
    pub id: String,
    /// `RoleBased`: roles say who may do what.
    pub authorization_source: String,
    /// Tenants that manage it for its own; there are none.
    #[schema(value_type = Vec<String>)]
    pub managed_by_tenants: Vec<NoMembers>,
    /// GUID of the subscription.
    pub subscription_id: String,
    /// Tenant that owns it.
    pub tenant_id: String,
    /// Name shown to people.
    pub display_name: String,
    /// `Enabled`, `Disabled` if it is suspended, or `Deleted` if it is cancelled.
    pub state: String,
    /// What its offer brings with it.
    pub subscription_policies: SubscriptionPolicies,
}

/// What a subscription's offer brings with it.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct SubscriptionPolicies {
    /// Where its resources may be.
    pub location_placement_id: String,
    /// Tells the offer; absent if it is none that Azure sells.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub quota_id: Option<String>,
    /// `Off`: nothing is stopped when a credit is used up.
    pub spending_limit: String,
}

/// A page of resource groups.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct ResourceGroupList {
    /// In order of name.
    pub value: Vec<ResourceGroup>,
    /// The link to the next page; absent on the last.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next_link: Option<String>,
}

/// A resource group, as the resource manager shows it.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = ArmResourceGroup)]
pub struct ResourceGroup {
    /// `/subscriptions/{guid}/resourceGroups/{name}`.
    pub id: String,
    /// As usage spelled it first, or in lower case where tags alone name it.
    pub name: String,
    /// `Microsoft.Resources/resourceGroups`.
    #[serde(rename = "type")]
    pub kind: String,
    /// Where its first resource is, or `global` where usage does not say.
    pub location: String,
    /// Those that it has today.
    pub tags: BTreeMap<String, String>,
    /// What became of making it.
    pub properties: ResourceGroupProperties,
}

/// What became of making a resource group.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct ResourceGroupProperties {
    /// `Succeeded`: it is there.
    pub provisioning_state: String,
}

/// A resource provider.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Provider {
    /// `/subscriptions/{guid}/providers/{namespace}`, or without a subscription.
    pub id: String,
    /// Its name, such as `Microsoft.Commerce`.
    pub namespace: String,
    /// Its types.
    pub resource_types: Vec<ProviderResourceType>,
    /// `Registered`: every subscription is.
    pub registration_state: String,
}

/// A type of a resource provider.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct ProviderResourceType {
    /// Its name, such as `UsageAggregates`.
    pub resource_type: String,
    /// Where it is; nowhere in particular.
    pub locations: Vec<String>,
    /// The api-versions that are answered, latest first.
    pub api_versions: Vec<String>,
    /// `None`.
    pub capabilities: String,
}
