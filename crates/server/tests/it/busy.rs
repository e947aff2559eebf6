//! Usage that comes faster than it is sealed: it is refused for a while, as a whole, and taken later.

use axum::body::Body;
use http::Request;
use serde_json::{Value, json};

use crate::world::{Answer, World};

const SUBSCRIPTION: &str = "11111111-1111-1111-1111-111111111111";
const METER: &str = "e41c0dc6-9337-49a0-88a8-68df68c0b6b5";
/// Of the frames and requests that wait: some hundred events.
const UNSEALED_BYTES_MAX: u64 = 32 << 10;
/// Less than half of that, so that nothing is sealed by itself.
const TAKEN: usize = 100;
/// What fits by itself, and not behind the others.
const REFUSED: usize = 250;

fn events(name: &str, count: usize) -> Value {
    let event = |number| {
        json!({
            "specversion": "1.0", "type": "tallyhouse.usage.v1", "source": "urn:a",
            "id": format!("{name}-{number}"),
            "data": {
                "subscriptionId": SUBSCRIPTION, "meterId": METER,
                "usageStartTime": "2026-02-08T00:00:00Z", "usageEndTime": "2026-02-08T01:00:00Z",
                "quantity": "0.125",
            },
        })
    };
    (0..count).map(event).collect()
}

async fn post(world: &World, token: &str, body: &Value) -> Answer {
    let request = Request::post("/tallyhouse/v1/events")
        .header("authorization", format!("Bearer {token}"))
        .header("content-type", "application/cloudevents-batch+json");
    world.send(request.body(Body::from(body.to_string())).unwrap()).await
}

/// How many were accepted, and how many were there before.
fn counts(answer: &Answer) -> (Value, Value) {
    assert_eq!(answer.status.as_u16(), 200, "{}", answer.message());
    (answer.json()["accepted"].clone(), answer.json()["duplicate"].clone())
}

async fn metric(world: &World, token: &str, name: &str) -> u64 {
    let answer = world.get("/metrics", token).await;
    let text = String::from_utf8(answer.body).unwrap();
    let value = text.lines().find_map(|line| line.strip_prefix(&format!("tallyhouse_{name} ")));
    value.unwrap_or_else(|| panic!("no {name}")).parse().unwrap()
}

/// What is known of the usage, by the cost of its month.
async fn quantity(world: &World, token: &str) -> Value {
    let range = "from=2026-02-01&to=2026-03-01&groupBy=meter";
    let path = format!("/tallyhouse/v1/subscriptions/{SUBSCRIPTION}/cost?{range}");
    let answer = world.get(&path, token).await;
    assert_eq!(answer.status.as_u16(), 200, "{}", answer.message());
    answer.json()["unpriced"][0]["quantity"].clone()
}

/// The answer to usage that is refused as the ledger is busy.
fn check_refused(answer: &Answer) {
    assert_eq!(answer.outcome(), "503 ServerBusy");
    let seconds = answer.headers["retry-after"].to_str().unwrap();
    assert!(seconds.parse::<u32>().unwrap() >= 1, "{seconds}");
    let body = answer.json();
    let error = body["error"].as_object().unwrap();
    assert_eq!(body.as_object().unwrap().len(), 1, "{body}");
    assert_eq!(error.keys().collect::<Vec<_>>(), ["code", "message"], "{body}");
    assert!(answer.message().contains("nothing of this request was stored"), "{body}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_batch_that_is_refused_as_busy_stores_nothing_and_is_taken_once_after_a_seal() {
    let world = World::with_unsealed_bytes_max(UNSEALED_BYTES_MAX).await;
    let token = world.app.administrator_token().unwrap();
    world.subscribe(&token, SUBSCRIPTION, &world.app.tenant().to_string()).await;
    let batch = events("refused", REFUSED);

    assert_eq!(
        counts(&post(&world, &token, &events("taken", TAKEN)).await),
        (json!(100), json!(0))
    );
    // As long as the journal is no longer than that, it is not sealed by itself.
    let journal = metric(&world, &token, "ledger_journal_bytes").await;
    assert!((1..UNSEALED_BYTES_MAX / 2).contains(&journal), "{journal}");
    assert_eq!(metric(&world, &token, "ledger_requests_busy_total").await, 0);
    for refused in 1..=3 {
        check_refused(&post(&world, &token, &batch).await);
        assert_eq!(metric(&world, &token, "ledger_requests_busy_total").await, refused);
    }
    assert_eq!(metric(&world, &token, "ledger_records_stored_total").await, 100);
    assert_eq!(metric(&world, &token, "ledger_rows").await, 100);
    assert_eq!(metric(&world, &token, "ledger_waiting_bytes").await, 0);

    // Whoever reads is answered, and what is small enough is taken.
    assert_eq!(quantity(&world, &token).await, "12.5");
    let page = format!(
        "/subscriptions/{SUBSCRIPTION}/providers/Microsoft.Commerce/UsageAggregates?\
         api-version=2015-06-01-preview&reportedStartTime=2026-02-01T00:00:00Z\
         &reportedEndTime=2026-02-10T00:00:00Z"
    );
    for path in [page.as_str(), "/readyz", "/tallyhouse/v1/subscriptions"] {
        assert_eq!(world.get(path, &token).await.status.as_u16(), 200, "{path}");
    }
    assert_eq!(counts(&post(&world, &token, &events("small", 1)).await), (json!(1), json!(0)));

    assert_eq!(metric(&world, &token, "ledger_seal_seconds_count").await, 0);
    let seal = world.post("/tallyhouse/v1/ledger/seal", &token, json!({})).await;
    assert_eq!(seal.status.as_u16(), 204);
    assert_eq!(counts(&post(&world, &token, &batch).await), (json!(250), json!(0)));
    let again = world.post("/tallyhouse/v1/ledger/seal", &token, json!({})).await;
    assert_eq!(again.status.as_u16(), 204);
    assert_eq!(counts(&post(&world, &token, &batch).await), (json!(0), json!(250)));
    assert_eq!(quantity(&world, &token).await, "43.875"); // 351 times an eighth
    assert_eq!(metric(&world, &token, "ledger_requests_busy_total").await, 3);
}
