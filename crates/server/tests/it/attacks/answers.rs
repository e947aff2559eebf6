//! Answers from which nobody learns whether a subscription of another tenant exists: for one that does
//! and one that does not they are equal to the byte, but for the id. Both come by the same checks: the
//! stand-in tenant of a challenge is worked out for every id.

use axum::body::Body;
use http::Request;

use super::{OURS, Scene, THEIRS};
use crate::world::Answer;

const NOBODYS: &str = "bbbbbbbb-2222-2222-2222-222222222223";

/// Status, headers and body, the id in each replaced.
fn shown(answer: &Answer, id: &str) -> String {
    let mut headers: Vec<_> =
        answer.headers.iter().map(|(name, value)| format!("{name}: {value:?}")).collect();
    headers.sort();
    let body = String::from_utf8(answer.body.clone()).unwrap();
    format!("{} {}\n{body}", answer.status, headers.join("\n")).replace(id, "ID")
}

#[tokio::test(flavor = "multi_thread")]
async fn a_subscription_of_another_tenant_and_one_that_is_not_are_answered_alike() {
    let scene = Scene::open().await;
    let mut refused = 0;
    for (method, path) in [
        (
            "GET",
            "/subscriptions/ID/providers/Microsoft.Commerce/UsageAggregates?api-version=2015-06-01-preview",
        ),
        (
            "GET",
            "/subscriptions/ID/providers/Microsoft.Commerce/UsageAggregates?api-version=1999-01-01",
        ),
        ("GET", "/subscriptions/ID/providers/Microsoft.Commerce/UsageAggregates"),
        (
            "GET",
            "/subscriptions/ID/providers/Microsoft.Commerce/RateCard?api-version=2015-06-01-preview&$filter=x",
        ),
        (
            "GET",
            "/subscriptions/ID/providers/Microsoft.Consumption/usageDetails?api-version=2018-01-31",
        ),
        ("GET", "/subscriptions/ID/providers/Microsoft.Nothing/x?api-version=1"),
        ("GET", "/subscriptions/ID?api-version=2022-12-01"),
        ("GET", "/subscriptions/ID/x?api-version=1"),
        ("GET", "/tallyhouse/v1/subscriptions/ID"),
        ("PATCH", "/tallyhouse/v1/subscriptions/ID"),
        ("POST", "/tallyhouse/v1/subscriptions/ID/suspend"),
        ("GET", "/tallyhouse/v1/subscriptions/ID/history"),
        ("GET", "/tallyhouse/v1/audit-log?subscription=ID"),
        ("GET", "/tallyhouse/v1/subscriptions/ID/resource-groups"),
        ("GET", "/tallyhouse/v1/subscriptions/ID/cost?period=2026-02"),
        ("GET", "/tallyhouse/v1/subscriptions/ID/cost/explain?period=2026-02"),
        ("POST", "/tallyhouse/v1/subscriptions/ID/usage-aggregates"),
    ] {
        for token in [Some(&scene.good), None] {
            let ask = async |id: &str| {
                let request = Request::builder().method(method).uri(path.replace("ID", id));
                let mut request = request.header("host", "billing.example");
                if let Some(token) = token {
                    request = request.header("authorization", format!("Bearer {token}"));
                }
                let body = if method == "GET" { Body::empty() } else { Body::from("{}") };
                scene.world.send(request.body(body).unwrap()).await
            };
            let (theirs, nobodys) = (ask(THEIRS).await, ask(NOBODYS).await);
            let (theirs, nobodys) = (shown(&theirs, THEIRS), shown(&nobodys, NOBODYS));
            // The challenge names a tenant of the installation in each; which, is checked below.
            let theirs = without_tenant(&theirs);
            assert_eq!(theirs, without_tenant(&nobodys), "{method} {path}");
            assert!(theirs.starts_with('4'), "{method} {path}: {theirs}");
            refused += 1;
        }
    }
    assert_eq!(refused, 34);
    let ours = scene.world.get(&super::usage_path(OURS), &scene.good).await;
    assert_eq!(ours.outcome(), "200");
}

/// Without the tenant of the challenge.
fn without_tenant(shown: &str) -> String {
    let Some((start, rest)) = shown.split_once("authorization_uri=\\\"") else {
        return shown.to_owned();
    };
    let (uri, rest) = rest.split_once('"').unwrap();
    let (origin, tenant) = uri.rsplit_once('/').unwrap();
    assert_eq!(tenant.trim_end_matches('\\').len(), 36, "{shown}");
    format!("{start}{origin}/TENANT{rest}")
}

#[tokio::test(flavor = "multi_thread")]
async fn a_challenge_names_one_tenant_for_an_id_however_it_is_spelled() {
    let scene = Scene::open().await;
    let challenged = async |id: &str| {
        let path = format!("/subscriptions/{id}?api-version=2022-12-01");
        let request = Request::get(path).header("host", "billing.example");
        let answer = scene.world.send(request.body(Body::empty()).unwrap()).await;
        let said = answer.headers["www-authenticate"].to_str().unwrap().to_owned();
        said.split('"').nth(1).unwrap().rsplit_once('/').unwrap().1.to_owned()
    };
    let mut named = std::collections::BTreeSet::new();
    for number in 0..64 {
        let id = format!("{number:08x}-2222-2222-2222-2222222222ff");
        let tenant = challenged(&id).await;
        for spelling in [id.replace('-', ""), id.to_uppercase(), id.clone()] {
            assert_eq!(challenged(&spelling).await, tenant, "{spelling}");
        }
        named.insert(tenant);
    }
    assert_eq!(named.len(), 3, "every tenant stands in: {named:?}");
    assert_eq!(challenged(THEIRS).await, super::OTHER_TENANT);
    assert_eq!(challenged(&THEIRS.replace('-', "")).await, super::OTHER_TENANT);
}

#[tokio::test(flavor = "multi_thread")]
async fn events_for_another_tenants_subscription_are_refused_as_for_none() {
    let scene = Scene::open().await;
    let admin = scene.world.app.administrator_token().unwrap();
    let scope = format!("/subscriptions/{OURS}");
    scene.world.assign(&admin, super::READER, "Usage Writer", &scope).await;
    let send = async |id: &str| {
        let event = serde_json::json!({
            "specversion": "1.0", "type": "tallyhouse.usage.v1", "source": "urn:x", "id": "1",
            "data": { "subscriptionId": id, "meterId": "e60caf26-9ba0-413d-a422-6141f58081d6",
                      "usageStartTime": "2026-02-09T00:00:00Z",
                      "usageEndTime": "2026-02-09T01:00:00Z", "quantity": "1" },
        });
        let request = Request::post("/tallyhouse/v1/events");
        let request = request.header("authorization", format!("Bearer {}", scene.good));
        let request = request.header("content-type", "application/cloudevents+json");
        let answer = scene.world.send(request.body(Body::from(event.to_string())).unwrap()).await;
        shown(&answer, id)
    };
    let theirs = send(THEIRS).await;
    assert!(theirs.starts_with("40"), "{theirs}");
    assert_eq!(theirs, send(NOBODYS).await);
    assert!(send(OURS).await.starts_with("201"), "what may be written is");
}

#[tokio::test(flavor = "multi_thread")]
async fn every_answer_says_how_a_browser_may_use_it() {
    let scene = Scene::open().await;
    for path in [
        "/healthz",
        "/nowhere",
        "/subscriptions/x/%2e%2e",
        &super::usage_path(OURS),
        "/tallyhouse/v1/openapi.json",
    ] {
        for token in [scene.good.as_str(), "x"] {
            let answer = scene.world.get(path, token).await;
            for (name, value) in [
                ("x-content-type-options", "nosniff"),
                ("content-security-policy", "default-src 'none'; frame-ancestors 'none'"),
                ("referrer-policy", "no-referrer"),
                ("strict-transport-security", "max-age=31536000; includeSubDomains"),
            ] {
                assert_eq!(answer.headers[name], value, "{path}");
            }
            assert!(answer.headers.contains_key("x-ms-request-id"), "{path}");
            let kind = answer.headers["content-type"].to_str().unwrap();
            assert!(kind.starts_with("application/json"), "{path}: {kind}");
        }
    }
}
