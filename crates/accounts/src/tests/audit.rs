//! The audit log: each kind of change with what was there before and after.

use super::*;

/// The log of a subscription, or of everything, oldest first: `operation object: fact before>after`.
async fn log(fixture: &Fixture, subscription: Option<SubscriptionId>) -> Vec<String> {
    let entries = fixture.accounts.audit_entries(subscription, None, 100).await.unwrap();
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
    let (mut seen, mut before) = (Vec::new(), None);
    loop {
        let page = accounts.audit_entries(None, before, 2).await.unwrap();
        let Some(last) = page.last() else { break };
        before = Some(last.revision);
        seen.extend(page.iter().map(|entry| entry.revision.0));
    }
    assert_eq!(seen, [6, 5, 4, 3, 2, 1]);
}
