//! The audit log: each kind of change with what was there before and after.

use super::*;

/// The log of a subscription, or of everything, oldest first: `operation object: fact before>after`.
async fn log(fixture: &Fixture, subscription: Option<SubscriptionId>) -> Vec<String> {
    let query = AuditQuery { subscription, ..AuditQuery::default() };
    let entries = fixture.accounts.audit_entries(&query, 100).await.unwrap();
    let line = |entry: &AuditEntry| {
        let facts = entry.facts.iter().map(|fact| {
            let side = |side: &Option<String>| side.clone().unwrap_or_default();
            format!("{} {}>{}", fact.name, side(&fact.before), side(&fact.after))
        });
        let facts = facts.collect::<Vec<_>>().join(", ");
        let operation = entry.operation.clone().unwrap_or_default();
        format!("{operation} {}: {facts}", entry.object.clone().unwrap_or_default())
    };
    entries.iter().rev().map(line).collect()
}

#[tokio::test]
async fn a_change_is_logged_with_what_was_before_and_after() {
    let fixture = Fixture::new().await.with_subscription(1).await;
    let (accounts, id) = (&fixture.accounts, subscription_id(1));
    accounts.change_subscription(id, change("name=B"), None, BY, at(5)).await.unwrap();
    let tags = |text| resource_group_tags::tags(text);
    for text in ["a=b c=d", "a=e"] {
        let set =
            accounts.set_resource_group_tags(id, "g", tags(text), day("2026-01-01"), BY, at(8));
        set.await.unwrap();
    }
    accounts.add_meter_alias(meter(1), meter(2), false, BY, at(7)).await.unwrap();
    let logged = log(&fixture, Some(id)).await;
    assert!(logged[0].starts_with(&format!("subscriptions/write {id}: tenantId >")), "{logged:?}");
    assert!(logged[1].contains(": effective >") && logged[1].ends_with(">B"), "{logged:?}");
    assert_eq!(logged[2], "resourceGroups/write g: effective >2026-01-01, tag a >b, tag c >d");
    assert_eq!(logged[3], "resourceGroups/write g: effective >2026-01-01, tag a b>e, tag c d>");
    assert_eq!(logged.len(), 4, "an alias is no change of the subscription");
    let all = log(&fixture, None).await;
    assert!(all[0].starts_with("installation/write installation: tenantId >"), "{all:?}");
    assert!(all.last().unwrap().starts_with("meterAliases/write"), "{all:?}");
}

#[tokio::test]
async fn the_log_is_read_in_pages_from_the_newest_on() {
    let fixture = Fixture::new().await.with_subscription(1).await;
    let accounts = &fixture.accounts;
    for number in 1..5 {
        accounts.add_meter_alias(meter(number), meter(9), false, BY, at(7)).await.unwrap();
    }
    let (mut seen, mut query) = (Vec::new(), AuditQuery::default());
    loop {
        let page = accounts.audit_entries(&query, 2).await.unwrap();
        let Some(last) = page.last() else { break };
        query.below = Some(last.revision);
        seen.extend(page.iter().map(|entry| entry.revision.0));
    }
    assert_eq!(seen, [6, 5, 4, 3, 2, 1]);
}

/// The revisions of what is asked for.
async fn revisions(fixture: &Fixture, query: AuditQuery) -> Vec<u64> {
    let entries = fixture.accounts.audit_entries(&query, 100).await.unwrap();
    entries.iter().map(|entry| entry.revision.0).collect()
}

#[tokio::test]
async fn changes_are_found_by_subscription_time_maker_and_operation() {
    const OTHER: &str = "aaaaaaaa-0000-0000-0000-000000000001";
    let fixture = Fixture::new().await.with_subscription(1).await;
    let (accounts, id) = (&fixture.accounts, subscription_id(1));
    accounts.change_subscription(id, change("name=B"), None, OTHER, at(5)).await.unwrap();
    accounts.add_meter_alias(meter(1), meter(2), false, OTHER, at(7)).await.unwrap();
    accounts.remove_meter_alias(meter(1), false, BY, at(9)).await.unwrap();
    let of = Some(id);
    let by = Some(ObjectId::parse(OTHER).unwrap());
    let operation = |text: &str| Some(text.to_owned());
    let all = AuditQuery::default;
    for (query, expected) in [
        (AuditQuery { subscription: of, ..all() }, &[3, 2][..]),
        (AuditQuery { subscription: Some(subscription_id(2)), ..all() }, &[]),
        (AuditQuery { subscription: of, below: Some(Revision(3)), ..all() }, &[2]),
        (AuditQuery { subscription: of, by, ..all() }, &[3]),
        (AuditQuery { by, ..all() }, &[4, 3]),
        (AuditQuery { from: Some(at(5)), to: Some(at(7)), ..all() }, &[3]),
        (AuditQuery { from: Some(at(7)), ..all() }, &[5, 4]),
        (AuditQuery { to: Some(at(7)), ..all() }, &[3, 2, 1]),
        (AuditQuery { operation: operation("meterAliases"), ..all() }, &[5, 4]),
        (AuditQuery { operation: operation("meterAliases/delete"), ..all() }, &[5]),
        (AuditQuery { operation: operation("meterAlias"), ..all() }, &[]),
        (AuditQuery { operation: operation("meterAlias%"), ..all() }, &[]),
    ] {
        assert_eq!(revisions(&fixture, query.clone()).await, expected, "{query:?}");
    }
}

#[tokio::test]
async fn a_role_is_of_a_subscription_if_it_never_was_of_another() {
    let fixture = Fixture::new().await.with_subscription(1).await.with_subscription(2).await;
    let made = custom_roles::put(&fixture, 1, "Auditor | * | 1:", 4).await.unwrap();
    custom_roles::put(&fixture, 1, "Auditor | * | 2:", 5).await.unwrap();
    let of = |number| AuditQuery {
        subscription: Some(subscription_id(number)),
        operation: Some("roleDefinitions".to_owned()),
        ..AuditQuery::default()
    };
    assert_eq!(revisions(&fixture, of(1)).await, [made.custom.unwrap().revision.0]);
    // It says where the role was assignable before, which is none of the other's business.
    assert_eq!(revisions(&fixture, of(2)).await, [0_u64; 0]);
}

#[tokio::test]
async fn a_role_that_is_taken_away_has_the_name_that_it_was_given_with() {
    let fixture = Fixture::new().await.with_subscription(1).await;
    let accounts = &fixture.accounts;
    let assigned = accounts.assign_role(grant(5, "Reader", scope(1, "")), BY, at(4)).await.unwrap();
    accounts.remove_role_assignment(assigned.assignment.id, None, BY, at(5)).await.unwrap();
    let logged = log(&fixture, Some(subscription_id(1))).await;
    assert!(logged[1].contains("role >Reader"), "{logged:?}");
    assert!(logged[2].contains("role Reader>"), "{logged:?}");
}
