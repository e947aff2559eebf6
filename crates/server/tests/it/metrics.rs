//! What a scraper reads at `/metrics`.

use axum::body::Body;
use http::Request;
use serde_json::{Value, json};

use crate::world::{Answer, World};

const SUBSCRIPTION: &str = "11111111-1111-1111-1111-111111111111";

async fn scrape(world: &World) -> Answer {
    world.send(Request::get("/metrics").body(Body::empty()).unwrap()).await
}

fn lines(answer: &Answer) -> Vec<String> {
    String::from_utf8(answer.body.clone()).unwrap().lines().map(str::to_owned).collect()
}

fn event(id: &str) -> Value {
    json!({
        "specversion": "1.0", "type": "tallyhouse.usage.v1", "source": "urn:a", "id": id,
        "data": {
            "subscriptionId": SUBSCRIPTION, "meterId": "e41c0dc6-9337-49a0-88a8-68df68c0b6b5",
            "usageStartTime": "2026-02-10T00:00:00Z", "usageEndTime": "2026-02-10T01:00:00Z",
            "quantity": "1",
        },
    })
}

#[tokio::test(flavor = "multi_thread")]
async fn metrics_count_what_was_answered_and_stored_and_name_no_one() {
    let world = World::open(|_| "open_metrics = true".to_owned()).await;
    let token = world.app.administrator_token().unwrap();
    world.subscribe(&token, SUBSCRIPTION, &world.app.tenant().to_string()).await;
    let three = json!(["e-2", "e-3", "e-4"].map(event));
    for (expected, kind, body) in [
        (201, "application/cloudevents+json", event("e-1")),
        (200, "application/cloudevents+json", event("e-1")),
        (200, "application/cloudevents-batch+json", three),
    ] {
        let request = Request::post("/tallyhouse/v1/events");
        let request = request.header("authorization", format!("Bearer {token}"));
        let request = request.header("content-type", kind);
        let answer = world.send(request.body(Body::from(body.to_string())).unwrap()).await;
        assert_eq!(answer.status.as_u16(), expected, "{:?}", answer.json());
    }
    world.get(&format!("/subscriptions/{SUBSCRIPTION}?api-version=2022-12-01"), &token).await;
    world.get("/no/such/path", &token).await;
    for made_up in ["BREW", "WHEN"] {
        world.send(Request::builder().method(made_up).uri("/x").body(Body::empty()).unwrap()).await;
    }

    let answer = scrape(&world).await;
    assert_eq!(answer.status.as_u16(), 200);
    let kind = answer.headers["content-type"].to_str().unwrap();
    assert_eq!(kind, "application/openmetrics-text; version=1.0.0; charset=utf-8");
    let lines = lines(&answer);
    let events = r#"route="/tallyhouse/v1/events""#;
    for expected in [
        "tallyhouse_ledger_records_stored_total 4",
        "tallyhouse_ledger_records_duplicate_total 1",
        "tallyhouse_ledger_records_conflicting_total 0",
        "tallyhouse_ledger_group_commit_records_count 2",
        "tallyhouse_ledger_group_commit_records_sum 4.0",
        "tallyhouse_ledger_sync_seconds_count 2",
        "tallyhouse_ledger_last_commit 2",
        "tallyhouse_ledger_writable 1",
        "tallyhouse_ledger_rows 4",
        "tallyhouse_ledger_data_files 0",
        "tallyhouse_ledger_waiting_bytes 0",
        &format!(r#"tallyhouse_http_requests_total{{{events},method="POST",status="201"}} 1"#),
        &format!(r#"tallyhouse_http_requests_total{{{events},method="POST",status="200"}} 2"#),
        &format!("tallyhouse_http_request_seconds_count{{{events}}} 3"),
        r#"tallyhouse_http_requests_total{route="unknown",method="GET",status="404"} 1"#,
        r#"tallyhouse_http_requests_total{route="unknown",method="other",status="405"} 2"#,
        r#"tallyhouse_http_requests_total{route="/subscriptions/{subscriptionId}",method="GET",status="200"} 1"#,
    ] {
        assert!(lines.iter().any(|line| line == expected), "{expected} in {lines:#?}");
    }
    let journal =
        lines.iter().find_map(|line| line.strip_prefix("tallyhouse_ledger_journal_bytes "));
    assert!(journal.unwrap().parse::<u64>().unwrap() > 0, "four records wait for a seal");
    assert_eq!(lines.last().map(String::as_str), Some("# EOF"));
    assert!(!lines.iter().any(|line| line.contains("1111") || line.contains("urn:a")));

    world.post("/tallyhouse/v1/ledger/seal", &token, json!({})).await;
    let lines = self::lines(&scrape(&world).await);
    for expected in [
        "tallyhouse_ledger_journal_bytes 0",
        "tallyhouse_ledger_data_files 1",
        "tallyhouse_ledger_seal_seconds_count 1",
        "tallyhouse_ledger_seal_failures_total 0",
    ] {
        assert!(lines.iter().any(|line| line == expected), "{expected} in {lines:#?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn metrics_are_the_administrators_unless_they_are_opened() {
    let world = World::open(|_| String::new()).await;
    assert_eq!(scrape(&world).await.outcome(), "401 AuthenticationFailed");
    let token = world.app.administrator_token().unwrap();
    let answer = world.get("/metrics", &token).await;
    assert_eq!(answer.status.as_u16(), 200);
    assert!(lines(&answer).iter().any(|line| line.starts_with("tallyhouse_build_info{version=")));
}
