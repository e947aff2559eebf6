//! Of several things that are wrong with a call of Azure's wire, the answer names the one that Azure
//! Resource Manager looks at first: api-version, token, subscription, supported version, right, and then
//! what the call itself asks for.
//!
//! The calls are those of the OpenAPI document, so that a new one is looked at without being
//! named here.

use axum::body::Body;
use http::{HeaderMap, Request};
use serde_json::{Value, json};

use crate::world::World;

const KNOWN: &str = "11111111-1111-1111-1111-111111111111";
const UNKNOWN: &str = "99999999-9999-9999-9999-999999999999";
/// Who has a valid token and no role.
const STRANGER: &str = "aaaaaaaa-0000-0000-0000-000000000009";

/// Calls that Azure answers without a token, and without an api-version or in their own way.
const OPEN: [&str; 2] = ["/metadata/endpoints", "/api/retail/prices"];

/// Something that is wrong, with the answer to it.
struct Case {
    /// Of a call, or `{version}` for one that it has.
    version: Option<&'static str>,
    token: Token,
    subscription: &'static str,
    expected: &'static str,
}

#[derive(Debug, Clone, Copy)]
enum Token {
    None,
    Bad,
    Stranger,
}

const fn case(
    version: Option<&'static str>,
    token: Token,
    subscription: &'static str,
    expected: &'static str,
) -> Case {
    Case { version, token, subscription, expected }
}

const SUPPORTED: Option<&str> = Some("{version}");
const OTHER: Option<&str> = Some("1999-01-01");
const NO_VERSION: &str = "400 MissingApiVersionParameter";
const BAD_VERSION: &str = "400 InvalidApiVersionParameter";
const NO_TOKEN: &str = "401 AuthenticationFailed";
const BAD_TOKEN: &str = "401 InvalidAuthenticationToken";

/// What is wrong with every call, in ARM's order: each goes before all that follow it.
const EVERYWHERE: [Case; 9] = [
    case(None, Token::None, UNKNOWN, NO_VERSION),
    case(None, Token::Bad, UNKNOWN, NO_VERSION),
    case(None, Token::Stranger, KNOWN, NO_VERSION),
    case(Some(""), Token::None, KNOWN, NO_VERSION),
    case(Some("latest"), Token::None, UNKNOWN, BAD_VERSION),
    case(SUPPORTED, Token::None, KNOWN, NO_TOKEN),
    case(OTHER, Token::None, UNKNOWN, NO_TOKEN),
    case(SUPPORTED, Token::Bad, KNOWN, BAD_TOKEN),
    case(OTHER, Token::Bad, UNKNOWN, BAD_TOKEN),
];

/// What is wrong with a call on a subscription beside.
const ON_A_SUBSCRIPTION: [Case; 4] = [
    case(OTHER, Token::Stranger, UNKNOWN, "404 SubscriptionNotFound"),
    case(SUPPORTED, Token::Stranger, UNKNOWN, "404 SubscriptionNotFound"),
    case(OTHER, Token::Stranger, KNOWN, BAD_VERSION),
    case(SUPPORTED, Token::Stranger, KNOWN, "403 AuthorizationFailed"),
];

/// What is wrong with a call on none.
const ON_NONE: [Case; 1] = [case(OTHER, Token::Stranger, KNOWN, BAD_VERSION)];

/// A call of Azure's wire.
struct Call {
    method: String,
    /// With its parameters in braces.
    path: String,
    /// An api-version that it has.
    version: String,
}

impl Call {
    fn all() -> Vec<Self> {
        let document: Value = serde_json::from_str(&server::openapi()).unwrap();
        let mut calls = vec![];
        for (path, methods) in document["paths"].as_object().unwrap() {
            for (method, described) in methods.as_object().unwrap() {
                if described["tags"] != json!(["Azure"]) || OPEN.contains(&path.as_str()) {
                    continue;
                }
                let parameters = described["parameters"].as_array().unwrap();
                let version = parameters.iter().find(|one| one["name"] == "api-version");
                let text = version.and_then(|one| one["description"].as_str()).unwrap_or_default();
                // The description begins with one.
                let version = text.split([' ', ',']).next().unwrap().to_owned();
                let (method, path) = (method.to_uppercase(), path.clone());
                calls.push(Self { method, path, version });
            }
        }
        calls
    }

    fn cases(&self) -> impl Iterator<Item = &'static Case> + use<> {
        let on_a_subscription = self.path.contains("{subscriptionId}");
        let beside = if on_a_subscription { &ON_A_SUBSCRIPTION[..] } else { &ON_NONE[..] };
        EVERYWHERE.iter().chain(beside)
    }

    fn path(&self, case: &Case) -> String {
        let mut path = self.path.clone();
        for (name, value) in [
            ("{subscriptionId}", case.subscription),
            ("{resourceGroupName}", "web"),
            ("{billingPeriodName}", "202602-1"),
            ("{invoiceName}", "latest"),
            ("{billingAccountName}", "default"),
            ("{enrollmentAccountName}", "bbbbbbbb-0000-0000-0000-000000000001"),
            ("{namespace}", "Microsoft.Commerce"),
            ("{roleAssignmentName}", "bbbbbbbb-0000-0000-0000-000000000001"),
            ("{roleDefinitionId}", "bbbbbbbb-0000-0000-0000-000000000001"),
        ] {
            path = path.replace(name, value);
        }
        assert!(!path.contains('{'), "{path}: say here what its parameter may be");
        match case.version {
            None => path,
            Some(version) => {
                format!("{path}?api-version={}", version.replace("{version}", &self.version))
            }
        }
    }
}

async fn stranger(world: &World) -> String {
    let admin = world.app.administrator_token().unwrap();
    world.subscribe(&admin, KNOWN, &world.app.tenant().to_string()).await;
    let body = json!({ "objectId": STRANGER });
    let answer = world.post("/tallyhouse/v1/tokens", &admin, body).await;
    answer.json()["access_token"].as_str().unwrap().to_owned()
}

/// The status and code of an answer, and its headers.
async fn ask(
    world: &World,
    method: &str,
    path: &str,
    token: Token,
    valid: &str,
) -> (String, HeaderMap) {
    let mut request = Request::builder().method(method).uri(path).header("host", "billing.example");
    request = match token {
        Token::None => request,
        Token::Bad => request.header("authorization", "Bearer not.a.token"),
        Token::Stranger => request.header("authorization", format!("Bearer {valid}")),
    };
    let answer = world.send(request.body(Body::empty()).unwrap()).await;
    (answer.outcome(), answer.headers)
}

#[tokio::test(flavor = "multi_thread")]
async fn every_call_names_what_is_wrong_in_the_order_of_arm() {
    // Elsewhere the calls of Azure Stack Hub's provider are there for nobody.
    let world = World::open(|_| format!("provider_subscription = '{KNOWN}'")).await;
    let valid = stranger(&world).await;
    let calls = Call::all();
    assert!(calls.len() > 30, "{} calls", calls.len());
    let mut wrong = vec![];
    for call in &calls {
        for case in call.cases() {
            let path = call.path(case);
            // An old client doubles the slash, others write words in capitals.
            for path in
                [path.clone(), format!("/{path}"), path.replace("/subscriptions", "/SUBSCRIPTIONS")]
            {
                let (outcome, headers) = ask(&world, &call.method, &path, case.token, &valid).await;
                // An answer to HEAD has no body, so no code.
                let expected =
                    if call.method == "HEAD" { &case.expected[..3] } else { case.expected };
                let challenged = headers.contains_key("www-authenticate");
                if outcome != expected || challenged != expected.starts_with("401") {
                    let Call { method, .. } = call;
                    wrong.push(format!(
                        "{method} {path} {:?}: {outcome}, not {expected}",
                        case.token
                    ));
                }
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_there_is_not_is_named_after_the_subscription_and_before_the_right() {
    let world = World::open(|_| String::new()).await;
    let valid = stranger(&world).await;
    for (path, token, expected) in [
        ("{unknown}/Microsoft.Nothing/x", Token::None, NO_VERSION),
        ("{unknown}/Microsoft.Nothing/x?{version}", Token::None, NO_TOKEN),
        ("{unknown}/Microsoft.Nothing/x?{version}", Token::Bad, BAD_TOKEN),
        ("{unknown}/Microsoft.Nothing/x?{version}", Token::Stranger, "404 SubscriptionNotFound"),
        ("{unknown}/Microsoft.Commerce/x?{version}", Token::Stranger, "404 SubscriptionNotFound"),
        ("{known}/Microsoft.Nothing/x", Token::Stranger, NO_VERSION),
        ("{known}/Microsoft.Nothing/x?{version}", Token::Stranger, "404 InvalidResourceNamespace"),
        ("{known}/Microsoft.Commerce/x?{version}", Token::Stranger, "404 InvalidResourceType"),
        ("{known}/Microsoft.Authorization/x?{version}", Token::Stranger, "404 InvalidResourceType"),
        ("/providers/Microsoft.Nothing/x", Token::None, NO_VERSION),
        ("/providers/Microsoft.Nothing/x?{version}", Token::None, NO_TOKEN),
        (
            "/providers/Microsoft.Nothing/x?{version}",
            Token::Stranger,
            "404 InvalidResourceNamespace",
        ),
        ("/providers/Microsoft.Commerce/x?{version}", Token::Stranger, "404 InvalidResourceType"),
    ] {
        let path = path
            .replace("{known}", &format!("/subscriptions/{KNOWN}/providers"))
            .replace("{unknown}", &format!("/subscriptions/{UNKNOWN}/providers"))
            .replace("{version}", "api-version=2015-06-01-preview");
        for path in [path.clone(), format!("/{path}")] {
            let (outcome, _) = ask(&world, "GET", &path, token, &valid).await;
            assert_eq!(outcome, expected, "{path} {token:?}");
        }
    }
}
