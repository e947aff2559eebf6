//! The built-in roles, as data.

use domain::id::RoleId;

use super::{ActionPattern, Permissions, Role};

/// A built-in role.
pub(super) struct BuiltIn {
    id: u128,
    name: &'static str,
    description: &'static str,
    actions: &'static [&'static str],
    not_actions: &'static [&'static str],
}

impl From<&BuiltIn> for Role {
    fn from(role: &BuiltIn) -> Self {
        let patterns = |texts: &[&str]| {
            let parsed = texts.iter().map(|text| ActionPattern::parse(text));
            parsed.collect::<Result<_, _>>().expect("patterns of built-in roles are patterns")
        };
        Self {
            id: RoleId::from_bits(role.id),
            name: role.name.to_owned(),
            description: role.description.to_owned(),
            permissions: Permissions {
                actions: patterns(role.actions),
                not_actions: patterns(role.not_actions),
                ..Permissions::default()
            },
            custom: None,
        }
    }
}

/// Ids, names and actions are Azure's; `Usage Writer` is ours.
pub(super) const ROLES: &[BuiltIn] = &[
    BuiltIn {
        id: 0x8e3a_f657_a8ff_443c_a75c_2fe8_c4bc_b635,
        name: "Owner",
        description: "May do everything, and give roles to others.",
        actions: &["*"],
        not_actions: &[],
    },
    BuiltIn {
        id: 0xb249_88ac_6180_42a0_ab88_20f7_382d_d24c,
        name: "Contributor",
        description: "May do everything but give roles to others.",
        actions: &["*"],
        not_actions: &[
            "Microsoft.Authorization/*/Delete",
            "Microsoft.Authorization/*/Write",
            "Microsoft.Authorization/elevateAccess/Action",
        ],
    },
    BuiltIn {
        id: 0xacdd_72a7_3385_48ef_bd42_f606_fba8_1ae7,
        name: "Reader",
        description: "May read everything and change nothing.",
        actions: &["*/read"],
        not_actions: &[],
    },
    BuiltIn {
        id: 0x18d7_d88d_d35e_4fb5_a5c3_7773_c20a_72d9,
        name: "User Access Administrator",
        description: "May give roles to others, define roles, and read everything.",
        actions: &["*/read", "Microsoft.Authorization/*", "Microsoft.Support/*"],
        not_actions: &[],
    },
    BuiltIn {
        id: 0xf583_10d9_a9f6_439a_9e8d_f62e_7b41_a168,
        name: "Role Based Access Control Administrator",
        description: "May give roles to others and read everything.",
        actions: &[
            "Microsoft.Authorization/roleAssignments/write",
            "Microsoft.Authorization/roleAssignments/delete",
            "*/read",
            "Microsoft.Support/*",
        ],
        not_actions: &[],
    },
    BuiltIn {
        id: 0xfa23_ad8b_c56e_40d8_ac0c_ce44_9e1d_2c64,
        name: "Billing Reader",
        description: "May read usage, prices, bills and costs.",
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
    BuiltIn {
        id: 0x4341_05ed_43f6_45c7_a02f_909b_2ba8_3430,
        name: "Cost Management Contributor",
        description: "May read costs and manage budgets and the like.",
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
    BuiltIn {
        id: 0x72fa_fb9e_0641_4937_9268_a91b_fd81_91a3,
        name: "Cost Management Reader",
        description: "May read costs, budgets and the like.",
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
    BuiltIn {
        id: 0x73a8_c552_26ab_46e8_a06c_e533_b88e_61b1,
        name: "Usage Writer",
        description: "May send usage, and nothing else.",
        actions: &["Tallyhouse/events/write"],
        not_actions: &[],
    },
];
