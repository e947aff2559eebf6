//! Paths, queries, methods and hosts that two readers would read differently, and scopes that look like
//! others.

use axum::body::Body;
use http::Request;
use serde_json::json;

use super::{NEXT, OURS, RANGE, Scene, THEIRS, usage_path};
use crate::world::Answer;

impl Scene {
    async fn ask(&self, method: &str, path: &str) -> Answer {
        let request = Request::builder().method(method).uri(path).header("host", "billing.example");
        let request = request.header("authorization", format!("Bearer {}", self.good));
        self.world.send(request.body(Body::empty()).unwrap()).await
    }
}

const URI: &str = "400 InvalidRequestUri";
const GUID: &str = "400 InvalidSubscriptionId";
const NOT_FOUND: &str = "404 SubscriptionNotFound";

#[tokio::test(flavor = "multi_thread")]
async fn paths_lead_to_the_subscription_that_they_name_or_nowhere() {
    let scene = Scene::open().await;
    let usage = format!("providers/Microsoft.Commerce/UsageAggregates?{RANGE}");
    let short = &OURS[..OURS.len() - 1];
    for (path, expected) in [
        (format!("/subscriptions/{OURS}/{usage}"), "200"),
        (format!("//subscriptions/{OURS}/{usage}"), "200"),
        (format!("/SUBSCRIPTIONS/{}/{usage}", OURS.to_uppercase()), "200"),
        (format!("/subscriptions/{NEXT}/{usage}"), "403 AuthorizationFailed"),
        (format!("/subscriptions/{THEIRS}/{usage}"), NOT_FOUND),
        (format!("/subscriptions/{OURS}/../{NEXT}/{usage}"), URI),
        (format!("/subscriptions/{NEXT}/../{OURS}/{usage}"), URI),
        (format!("/subscriptions/{OURS}/%2e%2e/{NEXT}/{usage}"), URI),
        (format!("/subscriptions/{OURS}/.%2E/{NEXT}/{usage}"), URI),
        (format!("/subscriptions/./{OURS}/{usage}"), URI),
        (format!("/healthz/../subscriptions/{OURS}/{usage}"), URI),
        (format!("/subscriptions/{OURS}%2f..%2f{NEXT}/{usage}"), URI),
        (format!("/subscriptions%2f{OURS}/{usage}"), URI),
        (format!("/subscriptions/{OURS}%5c..%5c{NEXT}/{usage}"), URI),
        (format!("/subscriptions/{OURS}%00/{usage}"), URI),
        (format!("/subscriptions/{OURS}%0d%0aX:y/{usage}"), URI),
        (format!("/subscriptions/{OURS}%ff/{usage}"), URI),
        (format!("/subscriptions/{OURS}%c0%af/{usage}"), URI),
        (format!("/subscriptions/{OURS}%/{usage}"), URI),
        (format!("/subscriptions/{OURS}{}/{usage}", "/a".repeat(5_000)), URI),
        (format!("/subscriptions/{OURS};a=b/{usage}"), GUID),
        (format!("/subscriptions/{OURS}%20/{usage}"), GUID),
        (format!("/subscriptions/{OURS}./{usage}"), GUID),
        (format!("/subscriptions/%252e%252e/{usage}"), GUID),
        (format!("/subscriptions/{OURS},{NEXT}/{usage}"), GUID),
        (format!("/subscriptions/*/{usage}"), GUID),
        (format!("/subscriptions/{{{OURS}}}/{usage}").replace(['{', '}'], "%7b"), GUID),
        (format!("/subscriptions//{usage}"), GUID),
        // One digit less and one more, and letters that only look like those of a GUID.
        (format!("/subscriptions/{short}/{usage}"), GUID),
        (format!("/subscriptions/{OURS}0/{usage}"), GUID),
        (format!("/subscriptions/{short}%D0%B0/{usage}"), GUID),
        (format!("/subscriptions/{short}%EF%BD%81/{usage}"), GUID),
        (
            format!(
                "/subscriptions/{OURS}/providers/Microsoft.Commerce%20/UsageAggregates?{RANGE}"
            ),
            "404 InvalidResourceNamespace",
        ),
        // The long s folds to s in capitals, and is none.
        (format!("/sub%C5%BFcriptions/{OURS}/{usage}"), "404 NotFound"),
        (
            format!(
                "/subscriptions/{OURS}/providers/Microsoft.Commerce/U%C5%BFageAggregates?{RANGE}"
            ),
            "404 InvalidResourceType",
        ),
        (
            format!("/subscriptions/{OURS}/providers/Microsoft.Commerce/UsageAggregates/?{RANGE}"),
            "404 NotFound",
        ),
    ] {
        let answer = scene.ask("GET", &path).await;
        assert_eq!(answer.outcome(), expected, "{path}: {}", answer.message());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_parameter_is_given_once() {
    let scene = Scene::open().await;
    let usage = usage_path(OURS);
    let card = format!(
        "/subscriptions/{OURS}/providers/Microsoft.Commerce/RateCard?api-version=2015-06-01-preview"
    );
    let filter = "$filter=OfferDurableId%20eq%20'MS-AZR-0003P'";
    for path in [
        format!("{usage}&api-version=2015-06-01-preview"),
        format!("{usage}&API-VERSION=1999-01-01"),
        format!("{usage}&api%2Dversion=1999-01-01"),
        format!("{usage}&reportedStartTime=2026-01-01T00:00:00Z"),
        format!("{usage}&%72eportedEndTime=2026-02-03T00:00:00Z"),
        format!("{usage}&showDetails=true&showdetails=false"),
        format!("{card}&{filter}&{filter}"),
        format!("{card}&{filter}&%24filter=x"),
        format!("{card}&{filter}&$FILTER="),
    ] {
        let answer = scene.ask("GET", &path).await;
        assert_eq!(answer.outcome(), "400 InvalidQueryString", "{path}");
    }
    for path in [format!("{usage}&x=%zz"), format!("{usage}&x=%ff"), format!("{usage}&%=1")] {
        assert_eq!(scene.ask("GET", &path).await.outcome(), "400 InvalidQueryString", "{path}");
    }
    // A semicolon divides nothing.
    let path = format!("{usage};api-version=1999-01-01");
    assert!(scene.ask("GET", &path).await.outcome().starts_with("400 "), "{path}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_method_that_there_is_not_is_refused_in_json() {
    let scene = Scene::open().await;
    let usage = usage_path(OURS);
    for path in [usage.as_str(), "/nowhere", "/", "/healthz", "/tallyhouse/v1/tokens"] {
        for method in ["TRACE", "TRACK", "CONNECT", "PROPFIND", "get", "XGET", "DEBUG"] {
            let answer = scene.ask(method, path).await;
            assert_eq!(answer.outcome(), "405 MethodNotAllowed", "{method} {path}");
            let kind = &answer.headers["content-type"];
            assert_eq!(kind, "application/json; charset=utf-8", "{method} {path}");
        }
    }
    for method in ["POST", "PUT", "PATCH", "DELETE", "OPTIONS"] {
        assert_eq!(scene.ask(method, &usage).await.outcome(), "405 MethodNotAllowed", "{method}");
    }
    // A header does not make another method of it.
    let request = Request::get(&usage).header("x-http-method-override", "DELETE");
    let request = request.header("authorization", format!("Bearer {}", scene.good));
    assert_eq!(scene.world.send(request.body(Body::empty()).unwrap()).await.outcome(), "200");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_host_shows_in_links_as_it_was_asked_for_or_not_at_all() {
    let scene = Scene::open().await;
    let challenge = async |hosts: &[&str], path: &str| {
        let mut request = Request::get(path);
        for host in hosts {
            request = request.header("host", *host);
        }
        let answer = scene.world.send(request.body(Body::empty()).unwrap()).await;
        match answer.headers.get("www-authenticate") {
            Some(value) => value.to_str().unwrap().split('"').nth(1).unwrap().to_owned(),
            None => answer.outcome(),
        }
    };
    let usage = usage_path(OURS);
    let of = |origin: &str| format!("{origin}/{}", super::TENANT);
    let own = of("https://127.0.0.1:8443");
    for (hosts, path, expected) in [
        (vec!["a.example"], usage.clone(), of("https://a.example")),
        (vec!["[::1]:8443"], usage.clone(), of("https://[::1]:8443")),
        (vec![], usage.clone(), own.clone()),
        (vec![""], usage.clone(), own.clone()),
        (vec!["a.example\", error=\"x"], usage.clone(), own.clone()),
        (vec!["a.example/path"], usage.clone(), own.clone()),
        (vec!["user@a.example"], usage.clone(), own.clone()),
        (vec!["a.example?x"], usage.clone(), own.clone()),
        (vec!["a.example, b.example"], usage.clone(), own.clone()),
        (vec!["\u{e4}.example"], usage.clone(), own.clone()),
        (vec![&"a".repeat(300)[..]], usage.clone(), own.clone()),
        (vec!["a.example", "b.example"], usage.clone(), URI.to_owned()),
        (vec!["a.example", "a.example"], usage.clone(), URI.to_owned()),
        // The whole address wins over the header, and the scheme stays ours (RFC 9112, 3.2.2).
        (vec!["b.example"], format!("http://a.example{usage}"), of("https://a.example")),
        (vec![], format!("https://user:word@a.example{usage}"), own.clone()),
    ] {
        assert_eq!(challenge(&hosts, &path).await, expected, "{hosts:?} {path}");
    }
    // Headers of proxies are nobody's word.
    let request = Request::get(&usage)
        .header("host", "a.example")
        .header("x-forwarded-host", "evil.example")
        .header("x-forwarded-proto", "http")
        .header("forwarded", "host=evil.example")
        .header("x-original-url", "/healthz");
    let answer = scene.world.send(request.body(Body::empty()).unwrap()).await;
    let said = answer.headers["www-authenticate"].to_str().unwrap().to_owned();
    assert!(said.contains(&of("https://a.example")) && !said.contains("evil"), "{said}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_role_holds_at_its_scope_and_not_at_one_that_looks_like_it() {
    let scene = Scene::open().await;
    let admin = scene.world.app.administrator_token().unwrap();
    let stranger = "cccccccc-0000-0000-0000-000000000003";
    let groups = format!("/subscriptions/{OURS}/resourceGroups");
    for (scope, expected) in [
        (format!("{groups}/web"), "201"),
        (format!("{groups}/web2/"), "201"),
        (format!("{groups}/web./"), "400 "),
        (format!("{groups}/web."), "400 "),
        (format!("{groups}/web "), "400 "),
        (format!("{groups}/web%20"), "400 "),
        (format!("{groups}/web/.."), "400 "),
        (format!("{groups}/../{NEXT}"), "400 "),
        (format!("{groups}/web\u{0}"), "400 "),
        (format!("{groups}/w*"), "400 "),
        (format!("{groups}//web"), "400 "),
        (format!("{groups}/web\\x"), "400 "),
        (format!("{groups}/"), "400 "),
        (format!("/subscriptions/{}", &OURS[..OURS.len() - 1]), "400 "),
        ("/subscriptions/".to_owned(), "400 "),
        ("/subscriptions/*".to_owned(), "400 "),
        (format!("/\u{17f}ubscriptions/{OURS}"), "400 "),
        (format!("subscriptions/{OURS}"), "400 "),
    ] {
        let body = json!({ "principalId": stranger, "role": "Reader", "scope": scope });
        let answer = scene.world.post("/tallyhouse/v1/role-assignments", &admin, body).await;
        assert!(answer.outcome().starts_with(expected), "{scope}: {}", answer.outcome());
    }
    // A resource group's role is none over its subscription, nor over its neighbours.
    let claims = super::with(scene.claims(), json!({ "oid": stranger }));
    let token = crate::identity_server::KEYS[0].sign(&super::header(), &claims);
    for subscription in [NEXT, THEIRS] {
        let outcome = scene.world.get(&usage_path(subscription), &token).await.outcome();
        assert!(outcome.starts_with("403 ") || outcome == NOT_FOUND, "{subscription}: {outcome}");
    }
}
