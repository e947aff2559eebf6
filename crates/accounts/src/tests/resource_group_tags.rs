//! Tags of resource groups.

use domain::record::Tags;

use super::*;

/// Tags as text: `env=prod team=`.
pub(super) fn tags(text: &str) -> Tags {
    let pairs = text.split_whitespace().map(|tag| tag.split_once('=').unwrap());
    pairs.map(|(name, value)| (name.into(), value.into())).collect()
}

async fn set(
    fixture: &Fixture,
    subscription: u128,
    group: &str,
    effective: &str,
    tags: Tags,
) -> Result<ResourceGroupTags, SetResourceGroupTagsError> {
    let subscription = subscription_id(subscription);
    let accounts = &fixture.accounts;
    accounts.set_resource_group_tags(subscription, group, tags, day(effective), BY, at(2)).await
}

async fn listed(fixture: &Fixture, subscription: u128, as_of: u64) -> Vec<String> {
    let subscription = subscription_id(subscription);
    let all = fixture.accounts.resource_group_tags(subscription, Revision(as_of)).await.unwrap();
    let line = |one: &ResourceGroupTags| {
        let tags: Vec<_> = one.tags.iter().map(|(name, value)| format!("{name}={value}")).collect();
        format!("{} {} {} [{}]", one.group, one.effective, one.revision.0, tags.join(" "))
    };
    all.iter().map(line).collect()
}

#[tokio::test]
async fn tags_are_listed_by_group_and_day_as_of_a_revision() {
    let fixture = Fixture::new().await.with_subscription(1).await.with_subscription(2).await;
    let mut made = Vec::new();
    for (group, effective, text) in [
        ("Web-Prod", "2026-02-01", "env=prod team=a"),
        ("api", "2026-01-01", "env=test"),
        ("WEB-prod", "2026-01-01", "env=dev"),
        ("web-prod", "2026-02-01", ""),
    ] {
        made.push(set(&fixture, 1, group, effective, tags(text)).await.unwrap());
    }
    set(&fixture, 2, "other", "2026-01-01", tags("a=é")).await.unwrap();
    let fixture = fixture.reopened().await;
    let expected = [
        "api 2026-01-01 5 [env=test]",
        "web-prod 2026-01-01 6 [env=dev]",
        "web-prod 2026-02-01 4 [env=prod team=a]",
        "web-prod 2026-02-01 7 []",
    ];
    assert_eq!(listed(&fixture, 1, 99).await, expected);
    assert_eq!(listed(&fixture, 1, 6).await, expected[..3]);
    assert_eq!(listed(&fixture, 1, 5).await, [expected[0], expected[2]]);
    assert_eq!(listed(&fixture, 1, 3).await, [""; 0]);
    assert_eq!(listed(&fixture, 2, 99).await, ["other 2026-01-01 8 [a=é]"]);
    assert_eq!(listed(&fixture, 3, 99).await, [""; 0]);
    let read = fixture.accounts.resource_group_tags(subscription_id(1), Revision(99)).await;
    assert_eq!(read.unwrap()[2], made[0]);
}

#[tokio::test]
async fn tags_that_cannot_be_are_refused_and_leave_no_trace() {
    let fixture = Fixture::new().await.with_subscription(1).await;
    let one = |name: &str, value: &str| Tags::from([(name.into(), value.into())]);
    let many = |count: u32| (0..count).map(|n| (n.to_string().into(), "".into())).collect::<Tags>();
    let long_group = "g".repeat(91);
    let long_name = "n".repeat(513);
    for (subscription, group, tags, expected) in [
        (2, "g", many(1), "subscription 00000000-0000-0000-0000-000000000002 does not exist"),
        (1, "", many(1), "'' is no name of a resource group"),
        (1, "a/b", many(1), "'a/b' is no name of a resource group"),
        (1, "g.", many(1), "'g.' is no name of a resource group"),
        (1, &long_group, many(1), &format!("'{long_group}' is no name of a resource group")),
        (1, "g", many(51), "a resource group has at most 50 tags, not 51"),
        (
            1,
            "g",
            one("", ""),
            "tag name '' does not have 1 to 512 characters, none of them a control character",
        ),
        (
            1,
            "g",
            one(&long_name, ""),
            &format!(
                "tag name '{}' does not have 1 to 512 characters, none of them a control character",
                &long_name[..100]
            ),
        ),
        (1, "g", one("a", &"v".repeat(257)), "the value of tag 'a' has more than 256 characters"),
        (1, "g", tags("Env=a env=b"), "tag 'Env' is given twice"),
    ] {
        let refused = set(&fixture, subscription, group, "2026-01-01", tags).await.unwrap_err();
        assert_eq!(refused.to_string(), expected);
    }
    assert_eq!(fixture.accounts.revision().await.unwrap(), Revision(2));
    set(&fixture, 1, &"g".repeat(90), "2026-01-01", many(50)).await.unwrap();
    set(&fixture, 1, "g", "2026-01-01", one(&"é".repeat(512), &"é".repeat(256))).await.unwrap();
}

#[tokio::test]
async fn a_subscription_has_so_many_tagged_groups_at_most() {
    let fixture = Fixture::new().await.with_subscription(1).await.with_subscription(2).await;
    fill(
        &fixture,
        "INSERT INTO resource_group_tags (revision, subscription, resource_group, effective_day)
         SELECT number, '00000000-0000-0000-0000-000000000001', 'g' || number, 0
         FROM revision WHERE number BETWEEN 4 AND 10003;
         INSERT INTO resource_group_tag SELECT number, 'a', 'b' FROM revision WHERE number > 3",
    )
    .await;
    let try_set = async |subscription, group, text| {
        let set = set(&fixture, subscription, group, "2026-01-01", tags(text)).await;
        set.map(|_| ()).map_err(|error| error.to_string())
    };
    let most = "subscription 00000000-0000-0000-0000-000000000001 has 10000 resource groups with \
                tags, its most";
    assert_eq!(try_set(1, "another", "a=b").await.unwrap_err(), most);
    try_set(2, "another", "a=b").await.unwrap();
    // A group that has some already may be tagged as often as needed.
    for _ in 0..3 {
        try_set(1, "G4", "a=c").await.unwrap();
    }
    assert_eq!(try_set(1, "another", "a=b").await.unwrap_err(), most);
    try_set(1, "g4", "").await.unwrap();
    try_set(1, "another", "a=b").await.unwrap();
}
