//! Role assignments: given once, by an id that may be chosen, and taken away once.

use super::*;

#[tokio::test]
async fn a_role_is_given_once_and_taken_away_once() {
    let fixture = Fixture::new().await.with_subscription(1).await;
    let accounts = &fixture.accounts;
    let reader = grant(5, "Reader", scope(1, "/resourceGroups/Web"));
    let made = accounts.assign_role(reader.clone(), BY, at(2)).await.unwrap();
    assert!(made.is_new);
    let made = made.assignment;
    assert_eq!((made.revision, made.created_at), (Revision(3), at(2)));
    // The same but for the case of its name.
    let same = NewRoleAssignment { scope: scope(1, "/resourcegroups/WEB"), ..reader.clone() };
    let refused = accounts.assign_role(same, BY, at(3)).await.unwrap_err();
    assert!(matches!(refused, AssignError::Exists(id) if id == made.id));
    let removed = accounts.remove_role_assignment(made.id, None, BY, at(4)).await.unwrap();
    assert_eq!(removed, made);
    assert_eq!(accounts.role_assignments().await.unwrap(), []);
    let again = accounts.remove_role_assignment(made.id, None, BY, at(5)).await.unwrap_err();
    assert!(matches!(again, RemoveAssignmentError::NotFound(id) if id == made.id));
    let anew = accounts.assign_role(reader, BY, at(6)).await.unwrap().assignment;
    assert_ne!(anew.id, made.id);
    let fixture = fixture.reopened().await;
    assert_eq!(fixture.accounts.role_assignments().await.unwrap(), [anew]);
    assert_eq!(fixture.accounts.revision().await.unwrap(), Revision(5));
}

#[tokio::test]
async fn a_role_or_scope_that_does_not_exist_is_refused() {
    let fixture = Fixture::new().await.with_subscription(1).await;
    let unknown =
        NewRoleAssignment { role: RoleId::from_bits(4), ..grant(5, "Reader", scope(1, "")) };
    let refused = fixture.accounts.assign_role(unknown, BY, at(2)).await.unwrap_err();
    assert!(matches!(refused, AssignError::NoSuchRole(id) if id.to_bits() == 4));
    let nowhere = grant(5, "Reader", scope(2, ""));
    let refused = fixture.accounts.assign_role(nowhere, BY, at(2)).await.unwrap_err();
    assert!(matches!(refused, AssignError::NoSuchSubscription(id) if id.to_bits() == 2));
    let missing = RoleAssignmentId::from_bits(1);
    let refused =
        fixture.accounts.remove_role_assignment(missing, None, BY, at(2)).await.unwrap_err();
    assert_eq!(refused.to_string(), format!("role assignment {missing} does not exist"));
}

/// An assignment with a chosen id.
fn chosen(id: u128, new: NewRoleAssignment) -> NewRoleAssignment {
    NewRoleAssignment { id: Some(RoleAssignmentId::from_bits(id)), ..new }
}

#[tokio::test]
async fn an_id_may_be_chosen_and_is_one_assignment_s_while_it_is_in_force() {
    let fixture = Fixture::new().await.with_subscription(1).await;
    let accounts = &fixture.accounts;
    let reader = chosen(9, grant(5, "Reader", scope(1, "")));
    let made = accounts.assign_role(reader.clone(), BY, at(2)).await.unwrap();
    assert!(made.is_new);
    assert_eq!(made.assignment.id.to_bits(), 9);
    let again = accounts.assign_role(reader.clone(), "other", at(3)).await.unwrap();
    assert_eq!(again, Assigned { is_new: false, ..made.clone() });
    for other in [
        chosen(9, grant(6, "Reader", scope(1, ""))),
        chosen(9, grant(5, "Owner", scope(1, ""))),
        chosen(9, grant(5, "Reader", scope(1, "/resourceGroups/a"))),
    ] {
        let refused = accounts.assign_role(other, BY, at(4)).await.unwrap_err();
        assert!(matches!(refused, AssignError::IdTaken(id) if id.to_bits() == 9), "{refused}");
    }
    let same = chosen(10, reader.clone());
    let refused = accounts.assign_role(same, BY, at(4)).await.unwrap_err();
    assert!(matches!(refused, AssignError::Exists(id) if id.to_bits() == 9), "{refused}");
    accounts.remove_role_assignment(made.assignment.id, None, BY, at(5)).await.unwrap();
    let anew = accounts.assign_role(chosen(9, grant(6, "Owner", scope(1, ""))), BY, at(6)).await;
    let anew = anew.unwrap();
    assert!(anew.is_new);
    let fixture = fixture.reopened().await;
    assert_eq!(fixture.accounts.role_assignments().await.unwrap(), [anew.assignment]);
}

#[tokio::test]
async fn a_description_changes_in_place_and_keeps_who_made_the_assignment() {
    let fixture = Fixture::new().await.with_subscription(1).await;
    let accounts = &fixture.accounts;
    let reader = chosen(9, grant(5, "Reader", scope(1, "")));
    let made = accounts.assign_role(reader.clone(), BY, at(2)).await.unwrap().assignment;
    let described = NewRoleAssignment {
        description: Some("for the audit".into()),
        principal_type: Some(PrincipalType::Group),
        ..reader.clone()
    };
    for (new, seconds, description) in [
        (described, 3, Some("for the audit")),
        (reader.clone(), 4, Some("for the audit")),
        (NewRoleAssignment { description: Some(String::new()), ..reader.clone() }, 5, None),
    ] {
        let now = accounts.assign_role(new, "other", at(seconds)).await.unwrap();
        assert!(!now.is_new);
        let now = now.assignment;
        assert_eq!(now.description.as_deref(), description);
        assert_eq!(now.principal_type, Some(PrincipalType::Group));
        assert_eq!((now.created_at, now.created_by.as_str()), (at(2), BY));
        assert_eq!(now.updated_by, "other");
        assert_eq!(accounts.role_assignments().await.unwrap(), [now]);
    }
    // What was looked at is not what is there any more.
    let stale = accounts.remove_role_assignment(made.id, Some(made.revision), BY, at(6)).await;
    assert!(matches!(stale.unwrap_err(), RemoveAssignmentError::NotFound(id) if id == made.id));
    let long = NewRoleAssignment { description: Some("x".repeat(1_025)), ..reader };
    let refused = accounts.assign_role(long, BY, at(7)).await.unwrap_err();
    assert_eq!(refused.to_string(), "a description has at most 1024 characters, none of control");
}

#[tokio::test]
async fn a_subscription_has_so_many_assignments_and_no_more() {
    let fixture = Fixture::new().await.with_subscription(1).await.with_subscription(2).await;
    fill(
        &fixture,
        "INSERT INTO role_grant (revision, made_revision, id, principal, role, scope)
         SELECT number, number, number, number, 'r',
             '/subscriptions/00000000-0000-0000-0000-000000000001'
                 || iif(number % 2, '/resourceGroups/a', '')
         FROM revision WHERE number > 6003",
    )
    .await;
    let accounts = &fixture.accounts;
    let refused = accounts.assign_role(grant(5, "Reader", scope(1, "")), BY, at(2)).await;
    let refused = refused.unwrap_err().to_string();
    assert_eq!(refused, "the subscription has 4000 role assignments, the most");
    accounts.assign_role(grant(5, "Reader", scope(2, "")), BY, at(2)).await.unwrap();
}
