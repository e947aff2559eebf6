//! Watermarks: the latest of each source, as known at a moment.

use super::*;

fn watermark(subscription: u128, source: &str, up_to: i64) -> NewWatermark {
    let (subscription, source) = (subscription_id(subscription), Source::parse(source).unwrap());
    NewWatermark { subscription, source, complete_up_to: at(up_to) }
}

async fn add(fixture: &Fixture, subscription: u128, source: &str, up_to: i64, now: i64) -> String {
    let new = [watermark(subscription, source, up_to)];
    match fixture.accounts.add_watermarks(&new, at(now)).await.unwrap().remove(0) {
        Ok(is_new) => is_new.to_string(),
        Err(error) => error.to_string(),
    }
}

/// Every row as source, moment and when it was made.
async fn rows(fixture: &Fixture) -> String {
    let rows = sqlx::query_scalar::<_, String>(
        "SELECT watermark_source.source || ':' || (complete_up_to_micros / 1000000 - 1760000000)
             || '@' || (at_micros / 1000000 - 1760000000)
         FROM watermark JOIN watermark_source ON number = watermark.source ORDER BY 1",
    );
    let mut reader = fixture.accounts.reader.acquire().await.unwrap();
    rows.fetch_all(&mut *reader).await.unwrap().join(" ")
}

async fn watermarks(fixture: &Fixture, subscription: u128, known_at: Option<i64>) -> String {
    let id = subscription_id(subscription);
    let all = fixture.accounts.watermarks(id, known_at.map(at)).await.unwrap();
    let seconds = |time: UtcTime| (time.to_micros() - at(0).to_micros()) / 1_000_000;
    let all = all.iter().map(|(source, up_to)| format!("{source}:{}", seconds(*up_to)));
    all.collect::<Vec<_>>().join(" ")
}

#[tokio::test]
async fn only_a_later_watermark_is_taken() {
    let fixture = Fixture::new().await.with_subscription(1).await.with_subscription(2).await;
    for (subscription, source, up_to, now, expected) in [
        (1, "b", 10, 100, "true"),
        (1, "b", 10, 101, "false"),
        (1, "b", 9, 102, "false"),
        (1, "a", -5, 103, "true"),
        (1, "b", 20, 160, "true"),
        (2, "b", 5, 161, "true"),
    ] {
        assert_eq!(add(&fixture, subscription, source, up_to, now).await, expected, "at {now}");
    }
    let fixture = fixture.reopened().await;
    for (known_at, expected) in [
        (Some(99), ""),
        (Some(100), "b:10"),
        (Some(103), "a:-5 b:10"),
        (Some(159), "a:-5 b:10"),
        (Some(160), "a:-5 b:20"),
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
async fn a_source_has_a_row_a_minute_at_most_and_is_known_at_once() {
    let fixture = Fixture::new().await.with_subscription(1).await;
    for second in 0..180 {
        assert_eq!(add(&fixture, 1, "a", second, 100 + second).await, "true");
        assert_eq!(add(&fixture, 1, "a", second, 100 + second).await, "false");
        assert_eq!(watermarks(&fixture, 1, None).await, format!("a:{second}"));
    }
    // What was held back is known from a minute after the row before it on.
    assert_eq!(rows(&fixture).await, "a:0@100 a:119@220 a:59@160");
    let fixture = fixture.reopened().await;
    assert_eq!(rows(&fixture).await, "a:0@100 a:119@220 a:179@280 a:59@160");
    assert_eq!(watermarks(&fixture, 1, None).await, "a:179");
    assert_eq!(watermarks(&fixture, 1, Some(159)).await, "a:0");
    assert_eq!(watermarks(&fixture, 1, Some(219)).await, "a:59");
    // After a pause the next one is written at once, with nothing to be written before it.
    assert_eq!(add(&fixture, 1, "a", 300, 1_000).await, "true");
    assert!(rows(&fixture).await.contains("a:300@1000"));
}

#[tokio::test]
async fn a_crash_loses_only_what_was_held_back() {
    let fixture = Fixture::new().await.with_subscription(1).await;
    add(&fixture, 1, "a", 1, 100).await;
    add(&fixture, 1, "a", 2, 110).await;
    let after_crash = Accounts::open(&fixture.path, at(120)).await.unwrap();
    let fixture = Fixture { accounts: after_crash, ..fixture };
    assert_eq!(watermarks(&fixture, 1, None).await, "a:1");
    assert_eq!(add(&fixture, 1, "a", 2, 130).await, "true");
    assert_eq!(watermarks(&fixture, 1, None).await, "a:2");
}

#[tokio::test]
async fn what_a_moment_knew_of_watermarks_is_final_once_it_was_asked() {
    let fixture = Fixture::new().await.with_subscription(1).await;
    add(&fixture, 1, "a", 1, 100).await;
    add(&fixture, 1, "a", 2, 130).await;
    let mut asked = Vec::new();
    for (now, up_to) in [(159, 3), (160, 4), (161, 5), (219, 6), (220, 7), (400, 8)] {
        // First what is known then, then another declaration, whose clock is behind.
        asked.push((now, watermarks(&fixture, 1, Some(now)).await));
        assert_eq!(add(&fixture, 1, "a", up_to, now - 5).await, "true");
    }
    let expected = [(159, "a:1"), (160, "a:3"), (161, "a:3"), (219, "a:3"), (220, "a:6")];
    for (one, (now, known)) in asked.iter().zip(expected) {
        assert_eq!((one.0, one.1.as_str()), (now, known));
    }
    let fixture = fixture.reopened().await;
    for (now, known) in asked {
        assert_eq!(watermarks(&fixture, 1, Some(now)).await, known, "at {now}");
    }
}

#[tokio::test]
async fn the_watermarks_of_a_request_are_one_change() {
    let fixture = Fixture::new().await.with_subscription(1).await;
    let new = [
        watermark(1, "a", 1),
        watermark(1, "a", 3),
        watermark(1, "a", 2),
        watermark(9, "a", 1),
        watermark(1, "b", 7),
    ];
    let outcomes = fixture.accounts.add_watermarks(&new, at(100)).await.unwrap();
    let missing = AddWatermarkError::NoSuchSubscription(subscription_id(9));
    assert_eq!(outcomes, [Ok(true), Ok(true), Ok(false), Err(missing), Ok(true)]);
    assert_eq!(watermarks(&fixture, 1, None).await, "a:3 b:7");
    assert_eq!(rows(&fixture).await, "a:1@100 b:7@100");
    // Where the file fails, none of them is taken.
    let broken = "CREATE TRIGGER broken BEFORE INSERT ON watermark
        BEGIN SELECT RAISE(ABORT, 'no more'); END";
    fixture.sql(broken).await.unwrap();
    fixture.accounts.add_watermarks(&[watermark(1, "a", 9)], at(300)).await.unwrap_err();
    fixture.sql("DROP TRIGGER broken").await.unwrap();
    assert_eq!(watermarks(&fixture, 1, None).await, "a:3 b:7");
    assert_eq!(add(&fixture, 1, "a", 9, 301).await, "true");
    assert_eq!(rows(&fixture).await, "a:1@100 a:3@160 a:9@301 b:7@100");
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
