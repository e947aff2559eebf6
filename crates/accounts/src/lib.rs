//! Who may do what, and what prices and bills depend on: tenants, subscriptions, role assignments,
//! rate cards, price overrides, meter aliases, tags of resource groups and watermarks, and for how long
//! details of usage are kept, in one SQLite file.
//!
//! Every change adds rows under a new [`Revision`]; no row is ever changed or deleted but by an
//! erasure (triggers of the schema see to it), so accounts can be read as of any revision. Time and the name of whoever
//! makes a change are handed in.

pub mod action;
mod administrator;
mod assignments;
mod audit;
mod copy;
mod custom_roles;
mod erasures;
mod error;
mod format;
mod keeping;
mod limits;
mod meter_aliases;
mod price_overrides;
mod rate_cards;
mod resource_group_tags;
pub mod role;
pub mod scope;
mod service_principal;
mod service_principals;
mod store;
mod subscription;
mod subscription_changes;
mod subscriptions;
mod watermarks;

pub use action::{Action, ActionPattern};
pub use assignments::{AssignError, Assigned, NewRoleAssignment, RemoveAssignmentError};
pub use audit::{AuditEntry, AuditQuery, Fact, OPERATIONS as AUDIT_OPERATIONS};
pub use copy::Pinned;
pub use custom_roles::{PutRoleError, RemoveRoleError};
pub use erasures::{
    BeginErasureError, Erasure, ErasureCause, ErasureEnd, NewErasure, UnfinishedErasure,
};
pub use error::{OpenError, StorageError};
pub use keeping::{HoldReason, KeepError, LegalHold, NoSuchHoldReason, Retention};
pub use meter_aliases::{AddMeterAliasError, RemoveMeterAliasError};
pub use price_overrides::{AddPriceOverrideError, EndPriceOverrideError, NewPriceOverride};
pub use rate_cards::{RateCardVersion, StoredRateCard};
pub use resource_group_tags::{ResourceGroupTags, SetResourceGroupTagsError};
pub use role::{
    BUILT_IN, Custom, CustomRole, CustomRoleTexts, NoSuchCustomRole, Permissions, PrincipalType,
    Role, RoleAssignment, Roles, allows,
};
pub use scope::{Scope, ScopeError};
pub use service_principal::{NewSecret, Secret, SecretHash, ServicePrincipal};
pub use service_principals::{
    CreateServicePrincipalError, DeleteServicePrincipalError, RotateServicePrincipalError,
};
pub use store::{Accounts, Installation, Revision};
pub use subscription::{
    Buyer, DisplayName, Facts, NewSubscription, NoSuchBuyer, NoSuchDisplayName, NoSuchState,
    StoredSubscriptionChange, Subscription, SubscriptionChange, SubscriptionState,
};
pub use subscription_changes::ChangeSubscriptionError;
pub use subscriptions::CreateSubscriptionError;
pub use watermarks::{AddWatermarkError, NewWatermark};

#[cfg(test)]
mod tests;
