//! Custom roles: what goes in comes out, and what they are assigned to stays right.

use super::*;

/// A custom role as text: `name | action action | scope-below scope-below`, scopes below
/// subscription 1 unless they begin with a number and a colon; `-action` is a notAction.
fn custom(text: &str) -> CustomRole {
    let parts: Vec<&str> = text.split(" | ").collect();
    let [name, actions, scopes] = parts.as_slice() else { panic!("{text}") };
    let (not_actions, actions): (Vec<_>, Vec<_>) =
        actions.split(' ').partition(|action| action.starts_with('-'));
    let scopes = scopes.split(' ').map(|text| {
        let (id, below) = text.split_once(':').unwrap_or(("1", text));
        scope(id.parse().unwrap(), below).to_string()
    });
    CustomRole::parse(&CustomRoleTexts {
        name: (*name).to_owned(),
        description: format!("{name} of a test"),
        actions: actions.into_iter().map(str::to_owned).collect(),
        not_actions: not_actions.iter().map(|action| action[1..].to_owned()).collect(),
        assignable_scopes: scopes.collect(),
        ..CustomRoleTexts::default()
    })
    .unwrap()
}

pub(super) async fn put(
    fixture: &Fixture,
    id: u128,
    text: &str,
    seconds: i64,
) -> Result<Role, PutRoleError> {
    let (accounts, id) = (&fixture.accounts, RoleId::from_bits(id));
    let tenant = accounts.installation().tenant;
    let roles = accounts.roles().await.unwrap();
    let seen = roles.by_id(id).and_then(|role| role.custom.as_ref()).map(|one| one.revision);
    accounts.put_custom_role(id, tenant, custom(text), seen, BY, at(seconds)).await
}

fn revision(role: &Role) -> Revision {
    role.custom.as_ref().unwrap().revision
}

fn of_role(id: u128, scope: Scope) -> NewRoleAssignment {
    NewRoleAssignment { role: RoleId::from_bits(id), ..grant(5, "Reader", scope) }
}

#[tokio::test]
async fn a_custom_role_comes_back_as_it_was_made_and_changed() {
    let fixture = Fixture::new().await.with_subscription(1).await.with_subscription(2).await;
    let text = "Auditor | */read -Microsoft.Commerce/* | /resourceGroups/Web 2:";
    let made = put(&fixture, 7, text, 2).await.unwrap();
    assert!(made.permits(Action::COST_READ) && !made.permits(Action::USAGE_READ));
    let other = put(&fixture, 8, "Other | * | 2:", 3).await.unwrap();
    let changed = put(&fixture, 7, "Auditor | a b c -d | /resourceGroups/Web 1:", 4).await.unwrap();
    let custom = changed.custom.clone().unwrap();
    assert_eq!((custom.created_at, custom.updated_at), (at(2), at(4)));
    let fixture = fixture.reopened().await;
    let tenant = fixture.accounts.installation().tenant;
    let roles = fixture.accounts.roles().await.unwrap();
    assert_eq!(roles.find(tenant, "AUDITOR"), Some(&changed));
    assert_eq!(roles.by_id(other.id), Some(&other));
    assert_eq!(roles.of_tenant(tenant).count(), BUILT_IN.len() + 2);
    let foreign = TenantId::from_bits(99);
    assert_eq!(roles.of_tenant(foreign).count(), BUILT_IN.len());
    assert_eq!(roles.find(foreign, "Auditor"), None);
    assert_eq!(roles.find(foreign, &changed.id.to_string()), None);
}

#[tokio::test]
async fn a_removed_role_is_gone_and_its_id_free() {
    let fixture = Fixture::new().await.with_subscription(1).await;
    let accounts = &fixture.accounts;
    let made = put(&fixture, 7, "Auditor | */read | 1:", 2).await.unwrap();
    let given = accounts.assign_role(of_role(7, scope(1, "/resourceGroups/a")), BY, at(3)).await;
    let given = given.unwrap().assignment;
    let refused = accounts.remove_custom_role(made.id, revision(&made), BY, at(4)).await;
    assert!(matches!(refused.unwrap_err(), RemoveRoleError::Assigned(id) if id == made.id));
    accounts.remove_role_assignment(given.id, None, BY, at(5)).await.unwrap();
    let stale = accounts.remove_custom_role(made.id, Revision(1), BY, at(6)).await;
    assert!(matches!(stale.unwrap_err(), RemoveRoleError::Changed(id) if id == made.id));
    let removed = accounts.remove_custom_role(made.id, revision(&made), BY, at(6)).await.unwrap();
    assert_eq!(removed, made);
    assert_eq!(accounts.roles().await.unwrap().by_id(made.id), None);
    let refused = accounts.assign_role(of_role(7, scope(1, "")), BY, at(7)).await.unwrap_err();
    assert!(matches!(refused, AssignError::NoSuchRole(id) if id == made.id));
    let again = accounts.remove_custom_role(made.id, revision(&made), BY, at(7)).await;
    assert!(matches!(again.unwrap_err(), RemoveRoleError::Changed(_)));
    let anew = put(&fixture, 7, "Auditor | * | 1:", 8).await.unwrap();
    assert_eq!(anew.custom.as_ref().unwrap().created_at, at(8));
    let fixture = fixture.reopened().await;
    assert_eq!(fixture.accounts.roles().await.unwrap().by_id(made.id), Some(&anew));
}

#[tokio::test]
async fn names_ids_and_scopes_that_are_another_s_are_refused() {
    let fixture = Fixture::new().await.with_subscription(1).await;
    let mut new = fixture.subscription(3, "Foreign");
    new.tenant = TenantId::from_bits(99);
    fixture.accounts.create_subscription(new, BY, at(1)).await.unwrap();
    put(&fixture, 7, "Auditor | * | 1:", 2).await.unwrap();
    for (id, text, expected) in [
        (8, "auditor | * | 1:", "has the name 'Auditor'"),
        (8, "READER | * | 1:", "has the name 'Reader'"),
        (8, "New | * | 3:", "is in no subscription of the tenant"),
        (8, "New | * | 1: 4:/resourceGroups/a", "is in no subscription of the tenant"),
        (role("Owner").to_bits(), "New | * | 1:", "is built in or another tenant's"),
    ] {
        let refused = put(&fixture, id, text, 3).await.unwrap_err().to_string();
        assert!(refused.ends_with(expected), "{text}: {refused}");
    }
    // Another tenant has names of its own, but not the same ids.
    let accounts = &fixture.accounts;
    let foreign = TenantId::from_bits(99);
    let auditor = || custom("Auditor | * | 3:");
    let id = RoleId::from_bits(8);
    accounts.put_custom_role(id, foreign, auditor(), None, BY, at(4)).await.unwrap();
    let taken = RoleId::from_bits(7);
    let refused = accounts.put_custom_role(taken, foreign, auditor(), None, BY, at(5)).await;
    assert!(matches!(refused.unwrap_err(), PutRoleError::NotOfTenant(id) if id == taken));
    // Its role cannot be assigned here.
    let refused = accounts.assign_role(of_role(8, scope(1, "")), BY, at(6)).await.unwrap_err();
    assert!(matches!(refused, AssignError::NoSuchRole(_)));
}

#[tokio::test]
async fn a_role_is_assigned_within_its_scopes_alone() {
    let fixture = Fixture::new().await.with_subscription(1).await.with_subscription(2).await;
    let accounts = &fixture.accounts;
    put(&fixture, 7, "Auditor | * | /resourceGroups/web", 2).await.unwrap();
    for (id, below, fits) in [
        (1, "/resourceGroups/WEB", true),
        (1, "/resourceGroups/web/providers/N/t/x", true),
        (1, "/resourceGroups/web2", false),
        (1, "", false),
        (2, "/resourceGroups/web", false),
    ] {
        let assigned = accounts.assign_role(of_role(7, scope(id, below)), BY, at(3)).await;
        match assigned {
            Ok(_) => assert!(fits, "{id}{below}"),
            Err(AssignError::NotAssignable { .. }) => assert!(!fits, "{id}{below}"),
            Err(error) => panic!("{error}"),
        }
    }
    let refused = put(&fixture, 7, "Auditor | * | 2:", 4).await.unwrap_err();
    assert!(matches!(refused, PutRoleError::AssignedOutside(_)), "{refused}");
    put(&fixture, 7, "Auditor | * | 1: 2:", 5).await.unwrap();
}

#[tokio::test]
async fn a_role_that_was_changed_meanwhile_is_let_be() {
    let fixture = Fixture::new().await.with_subscription(1).await;
    let (accounts, tenant) = (&fixture.accounts, fixture.accounts.installation().tenant);
    let first = put(&fixture, 7, "A | * | 1:", 2).await.unwrap();
    let second = put(&fixture, 7, "B | * | 1:", 3).await.unwrap();
    for seen in [None, Some(revision(&first))] {
        let refused =
            accounts.put_custom_role(first.id, tenant, custom("C | * | 1:"), seen, BY, at(4));
        assert!(matches!(refused.await.unwrap_err(), PutRoleError::Changed(_)));
    }
    assert_eq!(accounts.roles().await.unwrap().by_id(first.id), Some(&second));
}
