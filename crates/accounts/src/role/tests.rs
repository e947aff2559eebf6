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
];

/// `x` where the role permits the action of the column.
const PERMITTED: &[(&str, &str)] = &[
    ("Owner", "xxxxxxxxxxxxx"),
    ("Contributor", "xxxxxxxx..xxx"),
    ("Reader", "xxx..x.x....."),
    ("User Access Administrator", "xxx..x.xxxx.."),
    ("Billing Reader", "xxx..x.x..x.."),
    ("Cost Management Contributor", "..xxx.....x.."),
    ("Cost Management Reader", "..x.......x.."),
    ("Usage Writer", "...........x."),
];

/// Roles at their scopes, an action, its scope, and whether it is allowed.
type Case<'a> = (&'a [(&'a str, &'a str)], &'a Action, &'a str, bool);

fn assignment(role: &str, scope: &str) -> RoleAssignment {
    RoleAssignment {
        id: RoleAssignmentId::from_bits(1),
        principal: ObjectId::from_bits(2),
        role: Role::find(role).unwrap().id,
        scope: Scope::parse(scope).unwrap(),
        revision: Revision(1),
        created_at: UtcTime::MIN,
        created_by: String::new(),
    }
}

#[test]
fn every_role_permits_exactly_its_actions() {
    assert_eq!(PERMITTED.len(), BUILT_IN.len());
    for (name, expected) in PERMITTED {
        let role = Role::find(name).unwrap();
        let permitted: String = ACTIONS
            .iter()
            .map(|action| if role.permits(&Action::new(action)) { 'x' } else { '.' })
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
            allows(&assignments, action, &scope),
            *expected,
            "{assigned:?} {action} {scope}"
        );
    }
}

#[test]
fn a_star_spans_any_characters() {
    for (pattern, text, expected) in [
        ("*", "", true),
        ("*", "a/b", true),
        ("a", "A", true),
        ("a", "ab", false),
        ("ab", "a", false),
        ("*/read", "a/b/READ", true),
        ("*/read", "read", false),
        ("*/read", "a/read/write", false),
        ("*/read", "a/readx", false),
        ("a/*/write", "a/b/c/write", true),
        ("a/*/write", "a/write", false),
        ("a*b*c", "axbxbxc", true),
        ("a*b*c", "axcxb", false),
        ("**a**", "xax", true),
        ("Microsoft.Commerce/*", "MicrosoftXCommerce/a", false),
    ] {
        assert_eq!(matches(pattern, text), expected, "{pattern} {text}");
    }
}

#[test]
fn an_unknown_role_grants_nothing() {
    let mut unknown = assignment("Owner", "/subscriptions/00000000-0000-0000-0000-0000000000ab");
    unknown.role = RoleId::from_bits(7);
    let scope = unknown.scope.clone();
    assert!(!allows([&unknown], &Action::USAGE_READ, &scope));
}

#[test]
fn roles_are_found_by_name_or_id_and_both_are_unique() {
    for role in BUILT_IN {
        assert_eq!(Role::find(&role.name.to_uppercase()), Some(role));
        assert_eq!(Role::find(&role.id.to_string()), Some(role));
    }
    assert_eq!(Role::find("Readers"), None);
    let reader = Role::find("acdd72a7-3385-48ef-bd42-f606fba81ae7").unwrap();
    assert_eq!(reader.name, "Reader");
}
