//! Watermarks: the latest of each source, as known at a moment.

use super::*;

async fn add(fixture: &Fixture, subscription: u128, source: &str, up_to: i64, now: i64) -> String {
    let source = Source::parse(source).unwrap();
    let id = subscription_id(subscription);
    match fixture.accounts.add_watermark(id, &source, at(up_to), at(now)).await {
        Ok(stored) => stored.to_string(),
        Err(error) => error.to_string(),
    }
}

async fn watermarks(fixture: &Fixture, subscription: u128, known_at: Option<i64>) -> String {
    let id = subscription_id(subscription);
    let all = fixture.accounts.watermarks(id, known_at.map(at)).await.unwrap();
    let seconds = |time: UtcTime| (time.to_micros() - at(0).to_micros()) / 1_000_000;
    let all = all.iter().map(|(source, up_to)| format!("{source}:{}", seconds(*up_to)));
    all.collect::<Vec<_>>().join(" ")
}

#[tokio::test]
async fn only_a_later_watermark_is_stored() {
    let fixture = Fixture::new().await.with_subscription(1).await.with_subscription(2).await;
    for (subscription, source, up_to, now, expected) in [
        (1, "b", 10, 100, "true"),
        (1, "b", 10, 101, "false"),
        (1, "b", 9, 102, "false"),
        (1, "a", -5, 103, "true"),
        (1, "b", 20, 104, "true"),
        (2, "b", 5, 105, "true"),
    ] {
        assert_eq!(add(&fixture, subscription, source, up_to, now).await, expected, "at {now}");
    }
    let fixture = fixture.reopened().await;
    for (known_at, expected) in [
        (Some(99), ""),
        (Some(100), "b:10"),
        (Some(103), "a:-5 b:10"),
        (Some(104), "a:-5 b:20"),
        (None, "a:-5 b:20"),
    ] {
        assert_eq!(watermarks(&fixture, 1, known_at).await, expected, "at {known_at:?}");
    }
    assert_eq!(watermarks(&fixture, 2, None).await, "b:5");
    assert_eq!(watermarks(&fixture, 3, None).await, "");
    // No revision: whoever keeps answers by revision keeps them.
    assert_eq!(fixture.accounts.revision().await.unwrap(), Revision(3));
}

#[tokio::test]
async fn a_watermark_of_no_subscription_is_refused() {
    let fixture = Fixture::new().await;
    let missing = "subscription 00000000-0000-0000-0000-000000000001 does not exist";
    assert_eq!(add(&fixture, 1, "a", 1, 1).await, missing);
    let fixture = fixture.with_subscription(1).await;
    assert_eq!(watermarks(&fixture, 1, None).await, "");
}

#[tokio::test]
async fn a_subscription_has_so_many_sources_at_most() {
    let fixture = Fixture::new().await.with_subscription(1).await.with_subscription(2).await;
    let filled = "INSERT INTO watermark_source
        WITH RECURSIVE count (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM count WHERE n < 1000)
        SELECT n, '00000000-0000-0000-0000-000000000001', 's' || n FROM count";
    fixture.sql(filled).await.unwrap();
    let refused = "subscription 00000000-0000-0000-0000-000000000001 has watermarks of 1000 \
                   sources, its most";
    assert_eq!(add(&fixture, 1, "another", 1, 1).await, refused);
    assert_eq!(add(&fixture, 1, "s1000", 1, 1).await, "true");
    assert_eq!(add(&fixture, 2, "another", 1, 1).await, "true");
}
