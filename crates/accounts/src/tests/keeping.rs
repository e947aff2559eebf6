//! Retention and legal holds.

use super::*;

fn reason(text: &str) -> HoldReason {
    HoldReason::parse(text).unwrap()
}

/// What is kept of each subscription: `1:30 2:7`.
async fn kept(fixture: &Fixture) -> String {
    let all = fixture.accounts.retentions().await.unwrap();
    let text = all.iter().map(|one| format!("{}:{}", one.subscription.to_bits(), one.days));
    text.collect::<Vec<_>>().join(" ")
}

#[tokio::test]
async fn the_last_retention_of_a_subscription_counts() {
    let fixture = Fixture::new().await.with_subscription(1).await.with_subscription(2).await;
    let accounts = &fixture.accounts;
    assert_eq!(kept(&fixture).await, "");
    for (number, days, expected) in [
        (2, Some(7), "2:7"),
        (1, Some(30), "1:30 2:7"),
        (1, Some(36_500), "1:36500 2:7"),
        (2, None, "1:36500"),
        (2, Some(1), "1:36500 2:1"),
    ] {
        let id = subscription_id(number);
        let set = accounts.set_retention(id, days, BY, at(5)).await.unwrap();
        assert_eq!(set.as_ref().map(|set| set.days), days);
        assert_eq!(accounts.retention(id).await.unwrap(), set);
        assert_eq!(kept(&fixture).await, expected);
    }
    // What is so already makes no revision.
    let before = accounts.revision().await.unwrap();
    let same = accounts.set_retention(subscription_id(2), Some(1), "other", at(9)).await;
    assert_eq!(same.unwrap().unwrap().by, BY);
    assert_eq!(accounts.revision().await.unwrap(), before);
    assert_eq!(kept(&fixture.reopened().await).await, "1:36500 2:1");
}

#[tokio::test]
async fn days_that_cannot_be_are_refused() {
    let fixture = Fixture::new().await.with_subscription(1).await;
    for (number, days, expected) in [
        (1, 0, "details are kept for 1 to 36500 days, not 0"),
        (1, 36_501, "details are kept for 1 to 36500 days, not 36501"),
        (2, 9, "subscription 00000000-0000-0000-0000-000000000002 does not exist"),
    ] {
        let id = subscription_id(number);
        let refused = fixture.accounts.set_retention(id, Some(days), BY, at(5)).await.unwrap_err();
        assert_eq!(refused.to_string(), expected);
    }
    assert_eq!(fixture.accounts.revision().await.unwrap(), Revision(2));
}

#[tokio::test]
async fn a_hold_stands_until_it_is_lifted() {
    let fixture = Fixture::new().await.with_subscription(1).await.with_subscription(2).await;
    let (accounts, id) = (&fixture.accounts, subscription_id(1));
    assert_eq!(accounts.legal_hold(id).await.unwrap(), None);
    let set = accounts.set_legal_hold(id, reason(" a court asks "), BY, at(5)).await.unwrap();
    assert_eq!((set.reason.as_str(), set.at, set.by.as_str()), ("a court asks", at(5), BY));
    let same = accounts.set_legal_hold(id, reason("a court asks"), "other", at(6)).await.unwrap();
    assert_eq!(same, set);
    let other = accounts.set_legal_hold(id, reason("another court"), BY, at(7)).await.unwrap();
    assert_eq!(accounts.legal_hold(id).await.unwrap(), Some(other));
    assert_eq!(accounts.legal_hold(subscription_id(2)).await.unwrap(), None);

    accounts.lift_legal_hold(id, BY, at(8)).await.unwrap();
    assert_eq!(accounts.legal_hold(id).await.unwrap(), None);
    let revision = accounts.revision().await.unwrap();
    accounts.lift_legal_hold(id, BY, at(9)).await.unwrap();
    assert_eq!(accounts.revision().await.unwrap(), revision);
    let unknown = accounts.lift_legal_hold(subscription_id(3), BY, at(9)).await.unwrap_err();
    assert!(unknown.to_string().ends_with("3 does not exist"), "{unknown}");
}

#[test]
fn a_reason_is_one_line() {
    for (text, expected) in [
        ("a court asks", Some("a court asks")),
        ("  é ", Some("é")),
        ("", None),
        ("  ", None),
        ("a\nb", None),
    ] {
        let parsed = HoldReason::parse(text);
        assert_eq!(parsed.as_ref().map(HoldReason::as_str).ok(), expected, "{text:?}");
    }
    assert!(HoldReason::parse(&"é".repeat(1_000)).is_ok());
    assert!(HoldReason::parse(&"é".repeat(1_001)).is_err());
}
