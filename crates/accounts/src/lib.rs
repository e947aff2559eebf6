//! Who may do what, and on which terms usage is priced: tenants, subscriptions, role assignments
//! and rate cards, in one SQLite file.
//!
//! Every change adds rows under a new [`Revision`]; no row is ever changed or deleted (triggers of
//! the schema see to it), so accounts can be read as of any revision. Time and the name of whoever
//! makes a change are handed in.

mod assignments;
mod error;
mod rate_cards;
pub mod role;
pub mod scope;
mod store;
mod subscriptions;

pub use assignments::{AssignError, NewRoleAssignment, RemoveAssignmentError};
pub use error::{OpenError, StorageError};
pub use rate_cards::{RateCardVersion, StoredRateCard};
pub use role::{Action, Role, RoleAssignment, allows};
pub use scope::{Scope, ScopeError};
pub use store::{Accounts, Installation, Revision};
pub use subscriptions::{
    CreateSubscriptionError, DisplayName, NewSubscription, NoSuchDisplayName, Subscription,
};

#[cfg(test)]
mod tests;
