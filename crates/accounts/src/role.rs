//! Roles: which actions a principal may take where. Pure.
//!
//! A principal may act if one of the roles assigned to it, at the scope of the action or above it,
//! has the action and does not take it out again: a union over roles of (actions − that role's
//! notActions). What no assignment grants is refused.

use std::fmt;

use domain::id::{ObjectId, RoleAssignmentId, RoleId};
use domain::time::UtcTime;

pub use crate::scope::{Scope, ScopeError};
use crate::store::Revision;

/// Something that a principal asks to do, such as `Microsoft.Commerce/RateCard/read`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Action(&'static str);

impl Action {
    /// Reading usage aggregates.
    pub const USAGE_READ: Self = Self("Microsoft.Commerce/UsageAggregates/read");
    /// Reading the rate card.
    pub const RATE_CARD_READ: Self = Self("Microsoft.Commerce/RateCard/read");
    /// Reading what usage costs.
    pub const COST_READ: Self = Self("Microsoft.Consumption/usageDetails/read");
    /// Sending usage events.
    pub const EVENTS_WRITE: Self = Self("Tallyhouse/events/write");
    /// Importing usage aggregates, which keep their own reported time.
    pub const IMPORTS_WRITE: Self = Self("Tallyhouse/imports/write");

    /// An action by its name, a path without `*`.
    #[must_use]
    pub const fn new(name: &'static str) -> Self {
        Self(name)
    }

    /// Its name, as error answers show it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        self.0
    }
}

impl fmt::Display for Action {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.0)
    }
}

/// A role and what it permits. `*` in a pattern spans any characters; case does not count.
#[derive(Debug, PartialEq, Eq)]
pub struct Role {
    /// The same in every installation; Azure's own for Azure's roles.
    pub id: RoleId,
    /// Shown to people, and unique without regard to case.
    pub name: &'static str,
    /// Patterns of the actions that it permits.
    pub actions: &'static [&'static str],
    /// Patterns of the actions that it leaves out again.
    pub not_actions: &'static [&'static str],
}

/// The built-in roles.
///
/// Source: Azure built-in roles, with their ids and actions; `Usage Writer` is ours.
pub const BUILT_IN: &[Role] = &[
    Role {
        id: RoleId::from_bits(0x8e3a_f657_a8ff_443c_a75c_2fe8_c4bc_b635),
        name: "Owner",
        actions: &["*"],
        not_actions: &[],
    },
    Role {
        id: RoleId::from_bits(0xb249_88ac_6180_42a0_ab88_20f7_382d_d24c),
        name: "Contributor",
        actions: &["*"],
        not_actions: &[
            "Microsoft.Authorization/*/Delete",
            "Microsoft.Authorization/*/Write",
            "Microsoft.Authorization/elevateAccess/Action",
        ],
    },
    Role {
        id: RoleId::from_bits(0xacdd_72a7_3385_48ef_bd42_f606_fba8_1ae7),
        name: "Reader",
        actions: &["*/read"],
        not_actions: &[],
    },
    Role {
        id: RoleId::from_bits(0x18d7_d88d_d35e_4fb5_a5c3_7773_c20a_72d9),
        name: "User Access Administrator",
        actions: &["*/read", "Microsoft.Authorization/*", "Microsoft.Support/*"],
        not_actions: &[],
    },
    Role {
        id: RoleId::from_bits(0xfa23_ad8b_c56e_40d8_ac0c_ce44_9e1d_2c64),
        name: "Billing Reader",
        actions: &[
            "Microsoft.Authorization/*/read",
            "Microsoft.Billing/*/read",
            "Microsoft.Commerce/*/read",
            "Microsoft.Consumption/*/read",
            "Microsoft.Management/managementGroups/read",
            "Microsoft.CostManagement/*/read",
            "Microsoft.Support/*",
        ],
        not_actions: &[],
    },
    Role {
        id: RoleId::from_bits(0x4341_05ed_43f6_45c7_a02f_909b_2ba8_3430),
        name: "Cost Management Contributor",
        actions: &[
            "Microsoft.Consumption/*",
            "Microsoft.CostManagement/*",
            "Microsoft.Billing/billingPeriods/read",
            "Microsoft.Resources/subscriptions/read",
            "Microsoft.Resources/subscriptions/resourceGroups/read",
            "Microsoft.Support/*",
            "Microsoft.Advisor/configurations/read",
            "Microsoft.Advisor/recommendations/read",
            "Microsoft.Management/managementGroups/read",
            "Microsoft.Billing/billingProperty/read",
        ],
        not_actions: &[],
    },
    Role {
        id: RoleId::from_bits(0x72fa_fb9e_0641_4937_9268_a91b_fd81_91a3),
        name: "Cost Management Reader",
        actions: &[
            "Microsoft.Consumption/*/read",
            "Microsoft.CostManagement/*/read",
            "Microsoft.Billing/billingPeriods/read",
            "Microsoft.Resources/subscriptions/read",
            "Microsoft.Resources/subscriptions/resourceGroups/read",
            "Microsoft.Support/*",
            "Microsoft.Advisor/configurations/read",
            "Microsoft.Advisor/recommendations/read",
            "Microsoft.Management/managementGroups/read",
            "Microsoft.Billing/billingProperty/read",
        ],
        not_actions: &[],
    },
    Role {
        id: RoleId::from_bits(0x73a8_c552_26ab_46e8_a06c_e533_b88e_61b1),
        name: "Usage Writer",
        actions: &["Tallyhouse/events/write"],
        not_actions: &[],
    },
];

impl Role {
    /// The role with this id.
    #[must_use]
    pub fn by_id(id: RoleId) -> Option<&'static Self> {
        BUILT_IN.iter().find(|role| role.id == id)
    }

    /// The role with this name, in any case, or with this GUID.
    #[must_use]
    pub fn find(name_or_id: &str) -> Option<&'static Self> {
        let by_name = BUILT_IN.iter().find(|role| role.name.eq_ignore_ascii_case(name_or_id));
        by_name.or_else(|| RoleId::parse(name_or_id).ok().and_then(Self::by_id))
    }

    /// Whether the role permits the action, wherever it is assigned.
    #[must_use]
    pub fn permits(&self, action: &Action) -> bool {
        let any = |patterns: &[&str]| patterns.iter().any(|pattern| matches(pattern, action.0));
        any(self.actions) && !any(self.not_actions)
    }
}

/// A role given to a principal at a scope.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RoleAssignment {
    /// Its id.
    pub id: RoleAssignmentId,
    /// Who is given the role: a user, group or service principal.
    pub principal: ObjectId,
    /// The role.
    pub role: RoleId,
    /// Where: there, and everywhere below.
    pub scope: Scope,
    /// The revision that made it.
    pub revision: Revision,
    /// When it was made.
    pub created_at: UtcTime,
    /// Who made it.
    pub created_by: String,
}

/// Whether a principal with these assignments, its own and its groups', may do this there.
#[must_use]
pub fn allows<'a>(
    assignments: impl IntoIterator<Item = &'a RoleAssignment>,
    action: &Action,
    scope: &Scope,
) -> bool {
    assignments.into_iter().any(|assignment| {
        assignment.scope.contains(scope)
            && Role::by_id(assignment.role).is_some_and(|role| role.permits(action))
    })
}

/// Whether the text is of the pattern, where `*` spans any characters, none included, and case
/// does not count.
fn matches(pattern: &str, text: &str) -> bool {
    let (pattern, text) = (pattern.as_bytes(), text.as_bytes());
    let (mut at, mut position) = (0, 0);
    // Where the last star stands, and how far its span reaches so far: only the last star needs to
    // be tried again, as an earlier one could only span what this one can span too.
    let mut star: Option<(usize, usize)> = None;
    while position < text.len() {
        if pattern.get(at) == Some(&b'*') {
            star = Some((at, position));
            at += 1;
        } else if pattern.get(at).is_some_and(|byte| byte.eq_ignore_ascii_case(&text[position])) {
            at += 1;
            position += 1;
        } else if let Some((star_at, span_end)) = star {
            star = Some((star_at, span_end + 1));
            at = star_at + 1;
            position = span_end + 1;
        } else {
            return false;
        }
    }
    pattern[at..].iter().all(|byte| *byte == b'*')
}

#[cfg(test)]
mod tests;
