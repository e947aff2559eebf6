//! Answers with a secret in them, which no cache may keep: every call whose body the OpenAPI document
//! says has one, and the token endpoint.

use std::collections::BTreeSet;

use axum::body::Body;
use http::Request;
use serde_json::{Value, json};

use crate::world::{Answer, World};

const OBJECT: &str = "aaaaaaaa-0000-0000-0000-000000000001";

/// The calls whose successful answers refer, at whatever depth, to the schema of secrets.
fn calls_with_secrets() -> BTreeSet<String> {
    let document: Value = serde_json::from_str(&server::openapi()).unwrap();
    let mut calls = BTreeSet::new();
    for (path, operations) in document["paths"].as_object().unwrap() {
        for (method, operation) in operations.as_object().unwrap() {
            let answers = operation["responses"].as_object().unwrap().iter();
            let mut good = answers.filter(|(status, _)| status.starts_with('2'));
            let mut passed = BTreeSet::new();
            if good.any(|(_, answer)| has_secret(&document, answer, &mut passed)) {
                calls.insert(format!("{} {path}", method.to_uppercase()));
            }
        }
    }
    calls
}

/// Whether a schema, or one that it refers to, is that of secrets; those that were passed have none.
fn has_secret(document: &Value, schema: &Value, passed: &mut BTreeSet<String>) -> bool {
    match schema {
        Value::Object(members) => members.iter().any(|(name, member)| {
            let Some(reference) = member.as_str().filter(|_| name == "$ref") else {
                return has_secret(document, member, passed);
            };
            let named = reference.rsplit('/').next().unwrap();
            let schema = &document["components"]["schemas"][named];
            let is_new = passed.insert(named.to_owned());
            named == "SecretText" || is_new && has_secret(document, schema, passed)
        }),
        Value::Array(items) => items.iter().any(|item| has_secret(document, item, passed)),
        _ => false,
    }
}

#[track_caller]
fn check(call: &str, answer: &Answer, secret: Option<&str>) {
    let kept = answer.headers["cache-control"].to_str().unwrap();
    assert_eq!(kept, "no-store", "{call}: {:?}", answer.status);
    assert_eq!(answer.headers.get_all("cache-control").iter().count(), 1, "{call}");
    if let Some(secret) = secret {
        assert!(answer.json()[secret].is_string(), "{call}: {}", answer.outcome());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn no_cache_keeps_an_answer_with_a_secret() {
    let world = World::open(|_| String::new()).await;
    let (mut admin, tenant) =
        (world.app.administrator_token().unwrap(), world.app.tenant().to_string());
    let mut left = calls_with_secrets();
    let mut asked = |call: &str| assert!(left.remove(call), "{call} has no secret in its answer");

    asked("POST /tallyhouse/v1/service-principals");
    let body = json!({ "displayName": "a", "tenant": tenant });
    let made = world.post("/tallyhouse/v1/service-principals", &admin, body).await;
    check("make", &made, Some("password"));
    let application = made.json()["appId"].as_str().unwrap().to_owned();

    asked("POST /tallyhouse/v1/service-principals/{appId}/rotate");
    let path = format!("/tallyhouse/v1/service-principals/{application}/rotate");
    let rotated = world.post(&path, &admin, json!({})).await;
    check("rotate", &rotated, Some("password"));
    let secret = rotated.json()["password"].as_str().unwrap().to_owned();

    asked("POST /tallyhouse/v1/tokens");
    let issued = world.post("/tallyhouse/v1/tokens", &admin, json!({ "objectId": OBJECT })).await;
    check("issue", &issued, Some("access_token"));

    asked("POST /tallyhouse/v1/administrator-token/rotate");
    let path = "/tallyhouse/v1/administrator-token/rotate";
    let answer = world.post(path, &admin, json!({})).await;
    check("administrator", &answer, Some("access_token"));
    admin = answer.json()["access_token"].as_str().unwrap().to_owned();
    assert!(left.is_empty(), "not asked: {left:?}");

    for (path, audience) in [
        (format!("/{tenant}/oauth2/v2.0/token"), "scope=https://management.azure.com/.default"),
        (format!("/{tenant}/oauth2/token"), "resource=https://management.azure.com/"),
        ("/adfs/oauth2/token".to_owned(), "resource=https://management.azure.com/"),
    ] {
        for (secret, expected) in [(secret.as_str(), Some("access_token")), ("wrong", None)] {
            let form = format!(
                "client_id={application}&grant_type=client_credentials&client_secret={secret}&{audience}"
            );
            let request = Request::post(&path);
            let request = request.header("content-type", "application/x-www-form-urlencoded");
            let answer = world.send(request.body(Body::from(form)).unwrap()).await;
            check(&path, &answer, expected);
            assert_eq!(answer.status.is_success(), expected.is_some(), "{path}");
        }
    }

    // What has no secret in it may be kept, once it was asked whether it still holds.
    let list = world.get("/tallyhouse/v1/service-principals", &admin).await;
    assert_eq!(list.headers["cache-control"], "no-cache");
    assert!(!String::from_utf8(list.body).unwrap().contains(&secret));
}
