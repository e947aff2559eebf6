//! Erasures on file, and what they take away of the accounts.

use super::*;

/// Begins the erasure of this number, whose key is bytes of 200 and the number.
pub(super) async fn begin(
    fixture: &Fixture,
    number: u8,
    subscription: u128,
    before: Option<&str>,
) -> Result<Erasure, BeginErasureError> {
    let cause = if number > 9 { ErasureCause::Retention } else { ErasureCause::Request };
    let new = NewErasure {
        id: ErasureId::from_bits(number.into()),
        subscription: subscription_id(subscription),
        before: before.map(day),
        cause,
        key: key(number),
    };
    fixture.accounts.begin_erasure(new, BY, at(20)).await
}

pub(super) async fn end(fixture: &Fixture, number: u8) -> Erasure {
    end_with(fixture, number, &[]).await
}

pub(super) async fn end_with(fixture: &Fixture, number: u8, damaged: &[&str]) -> Erasure {
    let damaged = damaged.iter().map(|&file| file.to_owned()).collect();
    let ledger_version = "v1.7".to_owned();
    let end = ErasureEnd { at: at(30), ledger_version, files: 2, rows: 5, damaged };
    let id = ErasureId::from_bits(number.into());
    fixture.accounts.end_erasures(vec![(id, end)]).await.unwrap();
    fixture.accounts.erasure(id).await.unwrap().unwrap()
}

fn key(number: u8) -> [u8; 32] {
    [200 + number; 32]
}

async fn unfinished(fixture: &Fixture) -> Vec<u128> {
    let all = fixture.accounts.unfinished_erasures().await.unwrap();
    for one in &all {
        let number = u8::try_from(one.erasure.id.to_bits()).unwrap();
        assert_eq!(one.key, key(number));
        assert!(!format!("{one:?}").contains("201, 201"), "{one:?}");
    }
    all.iter().map(|one| one.erasure.id.to_bits()).collect()
}

#[tokio::test]
async fn an_erasure_is_under_way_until_its_end_and_one_at_a_time() {
    let fixture = Fixture::new().await.with_subscription(1).await.with_subscription(2).await;
    let begun = begin(&fixture, 1, 1, Some("2026-01-01")).await.unwrap();
    assert_eq!((begun.at, begun.by.as_str(), begun.end.is_none()), (at(20), BY, true));
    let refused = begin(&fixture, 3, 1, None).await.unwrap_err().to_string();
    assert!(refused.ends_with("000000000001 is under way"), "{refused}");
    begin(&fixture, 2, 2, None).await.unwrap();
    let refused = begin(&fixture, 4, 3, None).await.unwrap_err();
    assert!(matches!(refused, BeginErasureError::NoSuchSubscription(_)));

    let fixture = fixture.reopened().await;
    assert_eq!(unfinished(&fixture).await, [1, 2]);
    let done = end(&fixture, 1).await;
    assert_eq!(done.end.as_ref().unwrap().rows, 5);
    assert_eq!(end(&fixture, 1).await, done);
    assert_eq!(unfinished(&fixture).await, [2]);
    let fixture = fixture.reopened().await;
    assert_eq!(fixture.accounts.erasure(done.id).await.unwrap(), Some(done.clone()));
    let later = begin(&fixture, 3, 1, None).await.unwrap();
    let all = fixture.accounts.erasures(subscription_id(1), 9).await.unwrap();
    assert_eq!(all, [later.clone(), done]);
    assert_eq!(fixture.accounts.erasures(subscription_id(1), 1).await.unwrap(), [later]);
    assert_eq!(fixture.accounts.erasure(ErasureId::from_bits(9)).await.unwrap(), None);
}

#[tokio::test]
async fn nothing_is_erased_while_a_hold_is_on_it() {
    let fixture = Fixture::new().await.with_subscription(1).await;
    let id = subscription_id(1);
    let reason = HoldReason::parse("a court asks").unwrap();
    fixture.accounts.set_legal_hold(id, reason, BY, at(3)).await.unwrap();
    let refused = begin(&fixture, 1, 1, None).await.unwrap_err();
    assert!(matches!(refused, BeginErasureError::Held { .. }));
    assert!(refused.to_string().ends_with("000000000001: a court asks"), "{refused}");
    fixture.accounts.lift_legal_hold(id, BY, at(4)).await.unwrap();
    begin(&fixture, 1, 1, None).await.unwrap();
}

#[tokio::test]
async fn the_last_erasure_by_retention_is_one_that_is_done() {
    let fixture = Fixture::new().await.with_subscription(1).await;
    let last = async || {
        let all = fixture.accounts.last_retention_erasures().await.unwrap();
        assert!(all.keys().all(|&id| id == subscription_id(1)));
        all.into_values().next().map(|one| one.before.unwrap().to_string())
    };
    for (number, before, expected) in [
        (10, "2026-01-01", Some("2026-01-01")),
        (1, "2026-03-01", Some("2026-01-01")),
        (11, "2026-01-02", Some("2026-01-02")),
    ] {
        begin(&fixture, number, 1, Some(before)).await.unwrap();
        end(&fixture, number).await;
        assert_eq!(last().await.as_deref(), expected);
    }
    begin(&fixture, 12, 1, Some("2026-01-03")).await.unwrap();
    assert_eq!(last().await.as_deref(), Some("2026-01-02"));
    // One that found damaged files has not done all.
    let files = ["data/a.parquet", "data/b.parquet"];
    let ended = end_with(&fixture, 12, &files).await;
    assert_eq!(ended.end.unwrap().damaged, files);
    assert_eq!(last().await.as_deref(), Some("2026-01-02"));
    let fixture = fixture.reopened().await;
    begin(&fixture, 13, 1, Some("2026-01-03")).await.unwrap();
}

#[tokio::test]
async fn several_are_begun_and_end_together() {
    let fixture = Fixture::new().await.with_subscription(1).await.with_subscription(2).await;
    let accounts = &fixture.accounts;
    let reason = HoldReason::parse("a court asks").unwrap();
    accounts.set_legal_hold(subscription_id(2), reason, BY, at(3)).await.unwrap();
    let new = |number: u8, subscription| NewErasure {
        id: ErasureId::from_bits(number.into()),
        subscription: subscription_id(subscription),
        before: None,
        cause: ErasureCause::Request,
        key: key(number),
    };
    let new = vec![new(1, 1), new(2, 2), new(3, 3), new(4, 1)];
    let begun = accounts.begin_erasures(new, BY, at(20)).await.unwrap();
    let outcomes: Vec<_> = begun
        .iter()
        .map(|one| match one {
            Ok(erasure) => erasure.id.to_bits().to_string(),
            Err(error) => error.to_string(),
        })
        .collect();
    let of = |id| subscription_id(id).to_string();
    let first = ErasureId::from_bits(1);
    assert_eq!(
        outcomes,
        [
            "1".to_owned(),
            format!("a legal hold is on subscription {}: a court asks", of(2)),
            format!("subscription {} does not exist", of(3)),
            format!("erasure {first} of subscription {} is under way", of(1)),
        ]
    );
    assert_eq!(unfinished(&fixture).await, [1]);
}

/// Whether the bytes are in a file of the accounts.
fn on_disk(fixture: &Fixture, bytes: &[u8]) -> bool {
    let folder = fixture.path.parent().unwrap();
    std::fs::read_dir(folder).unwrap().any(|entry| {
        let file = std::fs::read(entry.unwrap().path()).unwrap();
        file.windows(bytes.len()).any(|window| window == bytes)
    })
}

#[tokio::test]
async fn the_key_is_nowhere_once_the_erasure_is_done() {
    let fixture = Fixture::new().await.with_subscription(1).await;
    begin(&fixture, 1, 1, None).await.unwrap();
    assert!(on_disk(&fixture, &key(1)));
    end(&fixture, 1).await;
    assert!(fixture.accounts.empty_log().await.unwrap());
    assert!(!on_disk(&fixture, &key(1)));
}

#[tokio::test]
async fn an_erasure_of_everything_takes_the_tags_of_groups_away() {
    let fixture = Fixture::new().await.with_subscription(1).await.with_subscription(2).await;
    let accounts = &fixture.accounts;
    let (ours, other) = (subscription_id(1), subscription_id(2));
    for (id, group, text) in [
        (ours, "anna-schmidt", "owner=anna.schmidt"),
        (ours, "Anna-Schmidt", "owner=berta"),
        (other, "carla", "owner=carla"),
    ] {
        let tags = resource_group_tags::tags(text);
        let set = accounts.set_resource_group_tags(id, group, tags, day("2026-01-01"), BY, at(9));
        set.await.unwrap();
    }
    begin(&fixture, 1, 1, Some("2030-01-01")).await.unwrap();
    end(&fixture, 1).await;
    let now = Revision(99);
    assert_eq!(accounts.resource_group_tags(ours, now).await.unwrap().len(), 2);
    begin(&fixture, 2, 1, None).await.unwrap();
    assert!(accounts.resource_group_tags(ours, now).await.unwrap().is_empty());
    assert_eq!(accounts.resource_group_tags(other, now).await.unwrap().len(), 1);

    // The audit log goes on saying that there were tags, and not which.
    let query =
        AuditQuery { operation: Some("resourceGroups".to_owned()), ..AuditQuery::default() };
    let logged = accounts.audit_entries(&query, 9).await.unwrap();
    let lines: Vec<_> = logged.iter().map(|entry| format!("{entry:?}")).collect();
    assert_eq!(logged.len(), 3);
    assert!(lines[0].contains("tag owner") && lines[0].contains("carla"), "{}", lines[0]);
    assert_eq!(logged[1].action, "tag a resource group, which was erased");
    assert_eq!(logged[1].object.as_deref(), Some("erased"));
    let text = |value: &str| Some(value.to_owned());
    let expected = Fact { name: "tag".to_owned(), before: text("erased"), after: text("erased") };
    assert!(logged[1].facts.contains(&expected), "{:?}", logged[1].facts);
    let expected = Fact { before: None, ..expected };
    assert!(logged[2].facts.contains(&expected), "{:?}", logged[2].facts);
    end(&fixture, 2).await;
    assert!(accounts.empty_log().await.unwrap());
    for name in ["anna", "Anna", "berta", "schmidt"] {
        assert!(!on_disk(&fixture, name.as_bytes()), "{name}");
    }
    assert!(on_disk(&fixture, b"carla"));

    // What is set later may be erased later, and not before.
    let tags = resource_group_tags::tags("owner=dora");
    let set = accounts.set_resource_group_tags(ours, "dora", tags, day("2026-01-01"), BY, at(40));
    set.await.unwrap();
    for sql in [
        "DELETE FROM resource_group_tag",
        "DELETE FROM resource_group_tags",
        "UPDATE audit_fact SET after = 'x'",
        "UPDATE audit_entry SET object = 'x'",
        "UPDATE revision SET action = 'x'",
    ] {
        let refused = fixture.sql(sql).await.unwrap_err().to_string();
        assert!(refused.contains("rows are never"), "{sql}: {refused}");
    }
    begin(&fixture, 3, 1, None).await.unwrap();
    assert!(accounts.resource_group_tags(ours, now).await.unwrap().is_empty());
}
