//! `Microsoft.Authorization`: role assignments, role definitions and permissions, in the forms of
//! their api-versions, and the filters of their lists.
//!
//! Keys stand in the order in which Azure writes them.
//!
//! Source: Azure Authorization, api-versions 2015-07-01, 2018-01-01-preview, 2022-04-01.

mod assignment;
mod definition;
mod filter;

use domain::time::{Civil, UtcTime};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

pub use assignment::{
    RoleAssignment, RoleAssignmentProperties, RoleAssignmentPut, RoleAssignmentPutProperties,
};
pub use definition::{
    Permission, RoleDefinition, RoleDefinitionProperties, RoleDefinitionPut,
    RoleDefinitionPutProperties,
};
pub use filter::{Assignee, AssignmentFilter, DefinitionFilter, ListFilterError, RoleType};

/// Which members a body has.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Form {
    /// Those of 2015.
    First,
    /// Those of 2018: principal types and actions on data as well.
    WithTypes,
    /// Those of 2020 and later: descriptions and conditions as well.
    WithDescriptions,
}

/// A list, all on one page.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct Listed<T> {
    /// The entries.
    pub value: Vec<T>,
}

/// A member that is `null` where it has no value, and absent where the form does not have it.
pub(crate) type Nullable<T> = Option<Option<T>>;

/// What was made before there were clocks: the time of the built-in roles.
pub const BEFORE_TIME: &str = "0001-01-01T08:00:00.0000000Z";

/// A time as these bodies have it: with seven digits of a second.
#[must_use]
pub fn time_text(time: UtcTime) -> String {
    let Civil { year, month, day, hour, minute, second, micros } = time.civil();
    format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}.{micros:06}0Z")
}

#[cfg(test)]
mod tests;
