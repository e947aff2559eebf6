//! The table of roles, actions and scopes.

use super::*;

/// Columns of the table below.
const ACTIONS: &[&str] = &[
    "Microsoft.Commerce/UsageAggregates/read",
    "microsoft.commerce/ratecard/READ",
    "Microsoft.Consumption/usageDetails/read",
    "Microsoft.Consumption/budgets/write",
    "Microsoft.CostManagement/query/action",
    "Microsoft.Billing/invoices/read",
    "Microsoft.Billing/invoices/download/action",
    "Microsoft.Authorization/roleAssignments/read",
    "Microsoft.Authorization/roleAssignments/write",
    "Microsoft.Authorization/elevateAccess/action",
    "Microsoft.Support/supportTickets/write",
    "Tallyhouse/events/write",
    "Tallyhouse/imports/write",
    "Tallyhouse/corrections/write",
];

/// `x` where the role permits the action of the column.
const PERMITTED: &[(&str, &str)] = &[
    ("Owner", "xxxxxxxxxxxxxx"),
    ("Contributor", "xxxxxxxx..xxxx"),
    ("Reader", "xxx..x.x......"),
    ("User Access Administrator", "xxx..x.xxxx..."),
    ("Role Based Access Control Administrator", "xxx..x.xx.x..."),
    ("Billing Reader", "xxx..x.x..x..."),
    ("Cost Management Contributor", "..xxx.....x..."),
    ("Cost Management Reader", "..x.......x..."),
    ("Usage Writer", "...........x.."),
];

fn find(name_or_id: &str) -> Option<&'static Role> {
    static ROLES: LazyLock<Roles> = LazyLock::new(Roles::default);
    ROLES.find(TenantId::from_bits(3), name_or_id)
}

/// Roles at their scopes, an action, its scope, and whether it is allowed.
type Case<'a> = (&'a [(&'a str, &'a str)], &'a Action, &'a str, bool);

fn assignment(role: &str, scope: &str) -> RoleAssignment {
    RoleAssignment {
        id: RoleAssignmentId::from_bits(1),
        principal: ObjectId::from_bits(2),
        principal_type: None,
        role: find(role).unwrap().id,
        scope: Scope::parse(scope).unwrap(),
        description: None,
        revision: Revision(1),
        created_at: UtcTime::MIN,
        created_by: String::new(),
        updated_at: UtcTime::MIN,
        updated_by: String::new(),
    }
}

#[test]
fn every_role_permits_exactly_its_actions() {
    assert_eq!(PERMITTED.len(), BUILT_IN.len());
    for (name, expected) in PERMITTED {
        let role = find(name).unwrap();
        let permitted: String = ACTIONS
            .iter()
            .map(|action| if role.permits(Action::new(action)) { 'x' } else { '.' })
            .collect();
        assert_eq!(permitted, *expected, "{name}");
    }
}

#[test]
fn a_role_holds_at_its_scope_and_below() {
    const A: &str = "/subscriptions/00000000-0000-0000-0000-0000000000ab";
    const B: &str = "/subscriptions/00000000-0000-0000-0000-000000000abc";
    let group = format!("{A}/resourceGroups/a");
    let sibling = format!("{A}/resourceGroups/ab");
    let look_alike = |name: &str| format!("{A}/resourceGroups/{name}");
    let resource = format!("{group}/providers/Microsoft.Compute/virtualMachines/v");
    let read = &Action::USAGE_READ;
    let write = &Action::EVENTS_WRITE;
    let cases: &[Case<'_>] = &[
        (&[], read, A, false),
        (&[("Reader", A)], read, A, true),
        (&[("Reader", A)], read, &resource, true),
        (&[("Reader", A)], read, B, false),
        (&[("Reader", A)], write, A, false),
        (&[("Reader", &group)], read, A, false),
        (&[("Reader", &group)], read, &group, true),
        (&[("Reader", &group)], read, &resource, true),
        (&[("Reader", &group)], read, &sibling, false),
        // Case does not count, and the Kelvin sign and the long s are no other case of k and s.
        (&[("Reader", &look_alike("KS\u{e4}"))], read, &look_alike("ks\u{c4}"), true),
        (&[("Reader", &look_alike("ks"))], read, &look_alike("\u{212a}s"), false),
        (&[("Reader", &look_alike("\u{212a}s"))], read, &look_alike("ks"), false),
        (&[("Reader", &look_alike("ks"))], read, &look_alike("k\u{17f}"), false),
        (&[("Usage Writer", A)], write, A, true),
        (&[("Usage Writer", A)], read, A, false),
        (&[("Usage Writer", A), ("Reader", A)], read, A, true),
        // What one role leaves out, another may give.
        (&[("Contributor", A)], &Action::new("Microsoft.Authorization/x/write"), A, false),
        (
            &[("Contributor", A), ("User Access Administrator", A)],
            &Action::new("Microsoft.Authorization/x/write"),
            A,
            true,
        ),
        // Rights at one place do not add up with rights at another.
        (&[("Owner", B), ("Reader", A)], write, A, false),
    ];
    for (assigned, action, scope, expected) in cases {
        let assignments: Vec<_> =
            assigned.iter().map(|(role, scope)| assignment(role, scope)).collect();
        let scope = Scope::parse(scope).unwrap();
        assert_eq!(
            allows(&assignments, &Roles::default(), **action, &scope),
            *expected,
            "{assigned:?} {action} {scope}"
        );
    }
}

#[test]
fn an_unknown_role_grants_nothing() {
    let mut unknown = assignment("Owner", "/subscriptions/00000000-0000-0000-0000-0000000000ab");
    unknown.role = RoleId::from_bits(7);
    let scope = unknown.scope.clone();
    assert!(!allows([&unknown], &Roles::default(), Action::USAGE_READ, &scope));
}

#[test]
fn roles_are_found_by_name_or_id_and_both_are_unique() {
    for role in BUILT_IN.iter() {
        assert_eq!(find(&role.name.to_uppercase()), Some(role));
        assert_eq!(find(&role.id.to_string()), Some(role));
    }
    assert_eq!(find("Readers"), None);
    let reader = find("acdd72a7-3385-48ef-bd42-f606fba81ae7").unwrap();
    assert_eq!(reader.name, "Reader");
}

fn texts(change: impl FnOnce(&mut CustomRoleTexts)) -> CustomRoleTexts {
    let mut texts = CustomRoleTexts {
        name: "Auditor".into(),
        assignable_scopes: vec!["/subscriptions/00000000-0000-0000-0000-0000000000ab".into()],
        ..CustomRoleTexts::default()
    };
    change(&mut texts);
    texts
}

#[test]
fn a_custom_role_that_is_none_says_why() {
    const A: &str = "/subscriptions/00000000-0000-0000-0000-0000000000ab";
    let refused = |change: fn(&mut CustomRoleTexts)| {
        CustomRole::parse(&texts(change)).unwrap_err().to_string()
    };
    assert!(CustomRole::parse(&texts(|_| {})).is_ok());
    let name = "roleName has 1 to 128 characters, none of control, and no space at its ends";
    assert_eq!(refused(|texts| texts.name.clear()), name);
    assert_eq!(refused(|texts| texts.name.push(' ')), name);
    assert_eq!(refused(|texts| texts.name.push('\u{7}')), name);
    assert_eq!(refused(|texts| texts.name = "x".repeat(129)), name);
    assert_eq!(
        refused(|texts| texts.description = "x".repeat(1_025)),
        "description has at most 1024 characters, none of control"
    );
    assert!(
        refused(|texts| texts.not_actions.push("a b".into()))
            .starts_with("notActions: 'a b' is no pattern of actions: ")
    );
    assert_eq!(
        refused(|texts| texts.data_actions = vec!["*".into(); 201]),
        "dataActions has more than 200 entries"
    );
    assert_eq!(
        refused(|texts| texts.assignable_scopes.clear()),
        "assignableScopes has 1 to 100 entries"
    );
    assert_eq!(
        refused(|texts| texts.assignable_scopes = vec!["/".into()]),
        "assignableScopes: '/': a scope begins with /subscriptions/"
    );
    assert_eq!(
        refused(|texts| texts.assignable_scopes.push(A.to_uppercase())),
        format!("assignableScopes: '{A}' is there twice")
    );
    assert!(
        refused(|texts| texts.assignable_scopes[0].push_str("/providers/N/t/x"))
            .contains("is a resource; a role can be assignable at")
    );
}
