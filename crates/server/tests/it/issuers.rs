//! Tokens of issuers that others run: found by discovery, kept apart, rotated, down, and full of groups.

use std::io::Write;
use std::path::Path;

use axum::body::Body;
use http::Request;
use serde_json::{Value, json};
use server::service;
use tower::ServiceExt;

use crate::identity_server::{IdentityServer, KEYS, Key, ok};
use crate::world::{Answer, START, World};

const TENANT_A: &str = "aaaaaaaa-1111-1111-1111-111111111111";
const TENANT_B: &str = "bbbbbbbb-1111-1111-1111-111111111111";
const OF_A: &str = "aaaaaaaa-2222-2222-2222-222222222222";
const OF_B: &str = "bbbbbbbb-2222-2222-2222-222222222222";
const READER: &str = "cccccccc-0000-0000-0000-000000000001";
const GROUP: &str = "dddddddd-0000-0000-0000-000000000001";
const SIX_HOURS: i64 = 6 * 3_600;
const DAY: i64 = 24 * 3_600;

fn header(id: &str) -> Value {
    json!({ "typ": "at+jwt", "alg": "RS256", "kid": id })
}

/// Claims of a good token as oidc-provider writes them: without `nbf`, the audience of Azure.
fn claims(issuer: &IdentityServer) -> Value {
    json!({
        "iss": issuer.url,
        "aud": "https://management.azure.com",
        "iat": START,
        "exp": START + 10 * DAY,
        "oid": READER,
        "tid": TENANT_A,
        "client_id": "billing-reader",
        "scope": ".default",
    })
}

fn with(mut object: Value, changes: Value) -> Value {
    for (name, value) in changes.as_object().unwrap() {
        object[name] = value.clone();
    }
    object
}

fn token(issuer: &IdentityServer, key: &Key, id: &str, changes: Value) -> String {
    key.sign(&header(id), &with(claims(issuer), changes))
}

fn usage_path(subscription: &str) -> String {
    format!(
        "/subscriptions/{subscription}/providers/Microsoft.Commerce/UsageAggregates\
         ?api-version=2015-06-01-preview&reportedStartTime=2026-02-01T00:00:00Z\
         &reportedEndTime=2026-02-02T00:00:00Z"
    )
}

/// An application beside the built-in issuer, with a subscription of each tenant that READER may
/// read.
async fn world(toml: impl FnOnce(&Path) -> String) -> World {
    let world = World::open(|folder| format!("builtin_issuer = true\n{}", toml(folder))).await;
    let admin = world.app.administrator_token().unwrap();
    for (id, tenant) in [(OF_A, TENANT_A), (OF_B, TENANT_B)] {
        world.subscribe(&admin, id, tenant).await;
        world.assign(&admin, READER, "Reader", &format!("/subscriptions/{id}")).await;
    }
    world
}

fn of_tenant(tenant: &str) -> String {
    format!("tenant = '{tenant}'")
}

impl World {
    async fn usage(&self, subscription: &str, token: &str) -> Answer {
        self.get(&usage_path(subscription), token).await
    }

    async fn outcome(&self, subscription: &str, token: &str) -> String {
        self.usage(subscription, token).await.outcome()
    }
}

const WRONG: &str = "401 InvalidAuthenticationToken";
const UNKNOWN: &str = "404 SubscriptionNotFound";

#[tokio::test(flavor = "multi_thread")]
async fn a_token_of_an_issuer_gets_in_with_a_role() {
    let issuer = IdentityServer::start();
    issuer.list(&[KEYS[0].listed("k")]);
    let world = world(|folder| {
        let more =
            "tenants = ['aaaaaaaa-1111-1111-1111-111111111111']\naudiences = ['api://mine/']";
        issuer.settings(folder, more)
    })
    .await;
    let good = token(&issuer, &KEYS[0], "k", json!({}));
    assert_eq!(world.outcome(OF_A, &good).await, "200");
    // One look at the issuer's documents, in order, and no more for the next token.
    assert_eq!(issuer.asked(), ["/.well-known/openid-configuration", "/keys"]);
    for (changes, expected) in [
        (json!({ "aud": ["x", "api://mine"] }), "200"),
        (json!({ "aud": "https://management.core.windows.net/" }), "200"),
        (json!({ "aud": "api://other" }), WRONG),
        (json!({ "aud": "https://graph.microsoft.com" }), WRONG),
        (json!({ "tid": TENANT_B }), WRONG),
        (json!({ "tid": null }), WRONG),
        (json!({ "oid": "c" }), WRONG),
        (json!({ "oid": GROUP }), "403 AuthorizationFailed"),
        (json!({ "iss": format!("{}/", issuer.url) }), WRONG),
        (json!({ "iss": "https://evil.example" }), WRONG),
        // Clocks may be five minutes apart, at both ends, and no more.
        (json!({ "exp": START - 299 }), "200"),
        (json!({ "exp": START - 300 }), "401 ExpiredAuthenticationToken"),
        (json!({ "nbf": START + 300 }), "200"),
        (json!({ "nbf": START + 301 }), WRONG),
        (json!({ "iat": START + 301 }), WRONG),
        (json!({ "groups": "not-a-guid", "oid": READER }), "200"),
    ] {
        let token = token(&issuer, &KEYS[0], "k", changes.clone());
        assert_eq!(world.outcome(OF_A, &token).await, expected, "{changes}");
    }
    assert!(issuer.asked().is_empty());
    assert_eq!(world.outcome(OF_B, &good).await, UNKNOWN, "another tenant's");
    // What counted within the skew was remembered, and counts no longer than that.
    let short = token(&issuer, &KEYS[0], "k", json!({ "exp": START + 10 }));
    for (passes, expected) in [(0, "200"), (309, "200"), (1, "401 ExpiredAuthenticationToken")] {
        world.pass(passes);
        assert_eq!(world.outcome(OF_A, &short).await, expected);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn keys_rotate_without_a_restart_and_a_dropped_key_takes_its_tokens_along() {
    let issuer = IdentityServer::start();
    issuer.list(&[KEYS[0].listed("old")]);
    let world = world(|folder| issuer.settings(folder, &of_tenant(TENANT_A))).await;
    world.app.refresh_issuers().await;
    assert_eq!(issuer.asked().len(), 2);
    let old = token(&issuer, &KEYS[0], "old", json!({}));
    let new = token(&issuer, &KEYS[1], "new", json!({}));
    assert_eq!(world.outcome(OF_A, &old).await, "200");

    issuer.list(&[KEYS[1].listed("new"), KEYS[0].listed("old")]);
    assert_eq!(world.outcome(OF_A, &new).await, "200", "an unknown key is looked for");
    assert_eq!(world.outcome(OF_A, &old).await, "200");
    assert_eq!(issuer.asked().len(), 2);

    // However many unknown keys tokens name, the issuer is asked once in 30 seconds.
    for count in 0..50 {
        let unknown = token(&issuer, &KEYS[2], &format!("{count}"), json!({}));
        assert_eq!(world.outcome(OF_A, &unknown).await, WRONG);
    }
    assert!(issuer.asked().is_empty());
    world.pass(30);
    for count in 0..50 {
        let unknown = token(&issuer, &KEYS[2], &format!("{count}"), json!({}));
        assert_eq!(world.outcome(OF_A, &unknown).await, WRONG);
    }
    assert_eq!(issuer.asked().len(), 2);

    // The old key goes: the token that it signed was remembered, and counts no more.
    issuer.list(&[KEYS[1].listed("new")]);
    world.pass(SIX_HOURS - 31);
    world.app.refresh_issuers().await;
    assert!(issuer.asked().is_empty(), "the keys are not old yet");
    assert_eq!(world.outcome(OF_A, &old).await, "200");
    world.pass(31);
    world.app.refresh_issuers().await;
    assert_eq!(world.outcome(OF_A, &old).await, WRONG);
    assert_eq!(world.outcome(OF_A, &new).await, "200");

    // Another key under the same name is another key.
    issuer.list(&[KEYS[0].listed("new")]);
    world.pass(SIX_HOURS);
    world.app.refresh_issuers().await;
    assert_eq!(world.outcome(OF_A, &new).await, WRONG);
    // And none at all is what the issuer says, too.
    issuer.list(&[]);
    let renamed = token(&issuer, &KEYS[0], "new", json!({}));
    assert_eq!(world.outcome(OF_A, &renamed).await, "200");
    world.pass(SIX_HOURS);
    world.app.refresh_issuers().await;
    assert_eq!(world.outcome(OF_A, &renamed).await, WRONG);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_issuer_may_be_down_at_the_start_and_for_a_day() {
    let issuer = IdentityServer::start();
    issuer.list(&[KEYS[0].listed("k")]);
    issuer.set_down(true);
    let world = world(|folder| issuer.settings(folder, &of_tenant(TENANT_A))).await;
    world.app.refresh_issuers().await;
    let ready = |answer: Answer| (answer.status.as_u16(), answer.json()["issuers"].clone());
    let without = json!("1 of 1 have no keys; the log names them");
    assert_eq!(ready(world.get("/readyz", "").await), (200, without.clone()));
    let token = token(&issuer, &KEYS[0], "k", json!({}));
    assert_eq!(world.outcome(OF_A, &token).await, WRONG);
    issuer.set_down(false);
    assert_eq!(world.outcome(OF_A, &token).await, WRONG, "it was asked just now");
    world.pass(30);
    assert_eq!(world.outcome(OF_A, &token).await, "200");
    assert_eq!(ready(world.get("/readyz", "").await), (200, json!("ok")));

    issuer.set_down(true);
    world.pass(SIX_HOURS + DAY - 1);
    world.app.refresh_issuers().await;
    assert_eq!(world.outcome(OF_A, &token).await, "200", "its last keys still count");
    world.pass(1);
    assert_eq!(world.outcome(OF_A, &token).await, WRONG);
    assert_eq!(ready(world.get("/readyz", "").await), (200, without));
    issuer.set_down(false);
    world.app.refresh_issuers().await;
    assert_eq!(world.outcome(OF_A, &token).await, "200");
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_gives_up_waiting_for_keys_does_not_keep_others_from_them() {
    let issuer = IdentityServer::start();
    issuer.list(&[KEYS[0].listed("k")]);
    issuer.set_held(true);
    let world = world(|folder| issuer.settings(folder, &of_tenant(TENANT_A))).await;
    let token = token(&issuer, &KEYS[0], "k", json!({}));
    let request = Request::get(usage_path(OF_A)).header("authorization", format!("Bearer {token}"));
    let asking = service(&world.app).oneshot(request.body(Body::empty()).unwrap());
    let asking = tokio::spawn(asking);
    issuer.wait_until_asked(1);
    asking.abort();
    assert!(asking.await.unwrap_err().is_cancelled());
    let (answer, ()) = tokio::join!(world.usage(OF_A, &token), async {
        issuer.set_held(false);
    });
    assert_eq!(answer.outcome(), "200");
    assert_eq!(issuer.asked().len(), 2, "the keys were read once");
}

#[tokio::test(flavor = "multi_thread")]
async fn issuers_are_kept_apart() {
    let (ours, theirs) = (IdentityServer::start(), IdentityServer::start());
    // Both name their keys alike.
    ours.list(&[KEYS[0].listed("k")]);
    theirs.list(&[KEYS[1].listed("k")]);
    let world = world(|folder| {
        let ours =
            ours.settings(folder, &format!("{}\naudiences = ['api://a']", of_tenant(TENANT_A)));
        let theirs =
            theirs.settings(folder, &format!("object_id_claim = 'sub'\n{}", of_tenant(TENANT_B)));
        format!("{ours}{theirs}")
    })
    .await;
    let of_a = token(&ours, &KEYS[0], "k", json!({}));
    // The tenant is the issuer's, whatever the token says; so is the claim of the object id.
    let of_b = token(&theirs, &KEYS[1], "k", json!({ "sub": READER, "oid": "x", "tid": TENANT_A }));
    assert_eq!(world.outcome(OF_A, &of_a).await, "200");
    assert_eq!(world.outcome(OF_B, &of_b).await, "200");
    assert_eq!(world.outcome(OF_B, &of_a).await, UNKNOWN);
    assert_eq!(world.outcome(OF_A, &of_b).await, UNKNOWN);
    // The key of one under the name of the other.
    let forged = token(&ours, &KEYS[1], "k", json!({}));
    assert_eq!(world.outcome(OF_A, &forged).await, WRONG);
    let forged = token(&theirs, &KEYS[0], "k", json!({ "sub": READER }));
    assert_eq!(world.outcome(OF_B, &forged).await, WRONG);
    // An audience of one is none of the other's, and nobody is the built-in issuer.
    let ours_only = json!({ "aud": "api://a", "sub": READER });
    assert_eq!(world.outcome(OF_A, &token(&ours, &KEYS[0], "k", ours_only.clone())).await, "200");
    assert_eq!(world.outcome(OF_B, &token(&theirs, &KEYS[1], "k", ours_only)).await, WRONG);
    let own = format!("https://tallyhouse.invalid/{TENANT_A}/v2.0");
    assert_eq!(
        world.outcome(OF_A, &token(&ours, &KEYS[0], "k", json!({ "iss": own }))).await,
        WRONG
    );
    // Nor the administrator, by that object id.
    let administrator =
        token(&ours, &KEYS[0], "k", json!({ "oid": world.app.administrator_id().to_string() }));
    let answer = world.get("/tallyhouse/v1/role-assignments", &administrator).await;
    assert_eq!(answer.outcome(), "403 AuthorizationFailed");
}

#[tokio::test(flavor = "multi_thread")]
async fn documents_that_cannot_be_trusted_give_no_keys() {
    const DISCOVERY: &str = "/.well-known/openid-configuration";
    let (issuer, other) = (IdentityServer::start(), IdentityServer::start());
    let url = issuer.url.clone();
    let keys = json!({ "keys": [KEYS[0].listed("k")] }).to_string();
    let document = json!({ "issuer": url, "jwks_uri": format!("{url}/keys") });
    let world = world(|folder| issuer.settings(folder, &of_tenant(TENANT_A))).await;
    let token = token(&issuer, &KEYS[0], "k", json!({}));
    let redirect =
        |to: &str| format!("HTTP/1.1 302 Found\r\nlocation: {to}\r\ncontent-length: 0\r\n\r\n");
    other.answer("/keys", ok(&keys));
    other.publish(&document);
    let good = ok(&document.to_string());
    for (discovery, keys) in [
        (
            ok(&json!({ "issuer": other.url, "jwks_uri": format!("{url}/keys") }).to_string()),
            ok(&keys),
        ),
        (
            ok(&json!({ "issuer": format!("{url}/"), "jwks_uri": format!("{url}/keys") })
                .to_string()),
            ok(&keys),
        ),
        (ok(&json!({ "issuer": url }).to_string()), ok(&keys)),
        (
            ok(&json!({ "issuer": url, "jwks_uri": url.replace("https:", "http:") }).to_string()),
            ok(&keys),
        ),
        (ok(&json!({ "issuer": url, "jwks_uri": "file:///etc/keys" }).to_string()), ok(&keys)),
        // Under a certificate that the issuer's authority did not make.
        (
            ok(&json!({ "issuer": url, "jwks_uri": format!("{}/keys", other.url) }).to_string()),
            ok(&keys),
        ),
        (redirect(&format!("{}{DISCOVERY}", other.url)), ok(&keys)),
        (redirect("/elsewhere"), ok(&keys)),
        (good.replace("200 OK", "500 Oh"), ok(&keys)),
        (ok("<html>"), ok(&keys)),
        (ok(&format!("{}{document}", " ".repeat(256 << 10))), ok(&keys)),
        (good.clone(), redirect(&format!("{}/keys", other.url))),
        (good.clone(), ok("{}")),
        (good.clone(), ok(&keys.replace("RSA", "oct"))),
        (good.clone(), ok(&format!("{}{keys}", " ".repeat(256 << 10)))),
        (good.clone(), ok(&json!({ "keys": vec![KEYS[0].listed("k"); 101] }).to_string())),
        (good.clone(), ok(&keys)[..200].to_owned()),
    ] {
        issuer.answer(DISCOVERY, &discovery);
        issuer.answer("/keys", &keys);
        world.pass(30);
        assert_eq!(world.outcome(OF_A, &token).await, WRONG, "{discovery}\n{keys}");
        assert_eq!(issuer.asked().first().map(String::as_str), Some(DISCOVERY));
    }
    assert!(other.asked().is_empty(), "nobody is sent elsewhere");
    // Small on the wire, large when unpacked.
    let mut packer = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
    packer.write_all(format!("{}{keys}", " ".repeat(8 << 20)).as_bytes()).unwrap();
    let packed = packer.finish().unwrap();
    let length = packed.len();
    assert!(length < 100_000);
    let head =
        format!("HTTP/1.1 200 OK\r\ncontent-encoding: gzip\r\ncontent-length: {length}\r\n\r\n");
    issuer.answer("/keys", [head.as_bytes(), &packed].concat());
    issuer.answer(DISCOVERY, &good);
    world.pass(30);
    assert_eq!(world.outcome(OF_A, &token).await, WRONG);
    issuer.answer(DISCOVERY, &good);
    issuer.answer("/keys", ok(&keys));
    world.pass(30);
    assert_eq!(world.outcome(OF_A, &token).await, "200");
}

#[tokio::test(flavor = "multi_thread")]
async fn groups_give_roles_and_too_many_of_them_are_said_to_be_left_out() {
    let issuer = IdentityServer::start();
    issuer.list(&[KEYS[0].listed("k")]);
    let settings = format!("groups_claim = 'teams'\n{}", of_tenant(TENANT_A));
    let world = world(|folder| issuer.settings(folder, &settings)).await;
    let admin = world.app.administrator_token().unwrap();
    world.assign(&admin, GROUP, "Reader", &format!("/subscriptions/{OF_A}")).await;
    let somebody = "cccccccc-0000-0000-0000-000000000009";
    let member = json!({ "oid": somebody, "teams": [GROUP] });
    assert_eq!(world.outcome(OF_A, &token(&issuer, &KEYS[0], "k", member)).await, "200");
    let usage = async |changes: Value| {
        let changes = with(json!({ "oid": somebody }), changes);
        world.usage(OF_A, &token(&issuer, &KEYS[0], "k", changes)).await
    };
    for (changes, left_out) in [
        (json!({}), false),
        (json!({ "groups": [GROUP] }), false),
        (json!({ "teams": [], "hasgroups": true }), false),
        (json!({ "hasgroups": false, "_claim_names": { "groups": "src1" } }), false),
        (json!({ "hasgroups": true }), true),
        (json!({ "hasgroups": "true" }), true),
        (
            json!({ "_claim_names": { "teams": "src1" },
                 "_claim_sources": { "src1": { "endpoint": "https://graph.example/x" } } }),
            true,
        ),
    ] {
        let answer = usage(changes.clone()).await;
        assert_eq!(answer.outcome(), "403 AuthorizationFailed", "{changes}");
        let says_so = answer.message().contains("names none of the principal's groups");
        assert_eq!(says_so, left_out, "{changes}: {}", answer.message());
    }
    // What is the principal's own counts all the same.
    let direct = json!({ "hasgroups": true, "oid": READER });
    assert_eq!(usage(direct).await.outcome(), "200");
    // The refusal names the client as the issuer does.
    for (changes, client) in [
        (json!({ "upn": "ann@a.example", "appid": "x" }), "ann@a.example"),
        (json!({ "preferred_username": "bob\u{7}" }), "bob"),
        (json!({ "unique_name": "cid", "idtyp": "user" }), "cid"),
        (json!({ "upn": "ann", "idtyp": "app" }), "billing-reader"),
        (json!({ "client_id": null, "azp": "portal" }), "portal"),
        (json!({ "client_id": null }), somebody),
    ] {
        let message = usage(changes.clone()).await.message();
        let expected = format!("The client '{client}' with object id '{somebody}' does not");
        assert!(message.starts_with(&expected), "{changes}: {message}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn where_the_built_in_issuer_is_off_others_administrate() {
    let issuer = IdentityServer::start();
    issuer.list(&[KEYS[0].listed("k")]);
    let settings = |folder: &Path| {
        let tenants = format!("tenants = ['{TENANT_A}', '{TENANT_B}']");
        format!("administrators = ['{READER}@{TENANT_A}']\n{}", issuer.settings(folder, &tenants))
    };
    let world = World::open(settings).await;
    assert!(world.app.administrator_token().is_none());
    assert!(!world.folder().join("data/keys/issuer.key").exists());
    let admin = token(&issuer, &KEYS[0], "k", json!({}));
    world.subscribe(&admin, OF_A, TENANT_A).await;
    // The same object id of another tenant is somebody else.
    let namesake = token(&issuer, &KEYS[0], "k", json!({ "tid": TENANT_B }));
    let answer = world.get("/tallyhouse/v1/role-assignments", &namesake).await;
    assert_eq!(answer.outcome(), "403 AuthorizationFailed");
    for path in [
        format!("/{TENANT_A}/v2.0/.well-known/openid-configuration"),
        format!("/{TENANT_A}/.well-known/openid-configuration"),
        format!("/{TENANT_A}/discovery/v2.0/keys"),
    ] {
        // Entra's form has no code in ARM's place.
        assert_eq!(world.get(&path, "").await.outcome(), "404", "{path}");
    }
    for (path, asked) in [
        ("tokens", json!({ "objectId": GROUP })),
        ("service-principals", json!({ "displayName": "a", "tenant": TENANT_A })),
        ("service-principals/x/rotate", json!({})),
        ("administrator-token/rotate", json!({})),
    ] {
        let answer = world.post(&format!("/tallyhouse/v1/{path}"), &admin, asked).await;
        assert_eq!(answer.outcome(), "404 BuiltInIssuerOff", "{path}");
    }
    // Nor is it known then who there is.
    let name = format!("/v1.0/servicePrincipals?$filter=appId%20eq%20'{READER}'");
    assert_eq!(world.get(&name, &admin).await.outcome(), "404 BuiltInIssuerOff");
    let ids = json!({ "ids": [READER] });
    let answer = world.post("/v1.0/directoryObjects/getByIds", &admin, ids).await;
    assert_eq!(answer.outcome(), "404 BuiltInIssuerOff");
    let request = Request::post(format!("/{TENANT_A}/oauth2/v2.0/token"));
    let request = request.header("content-type", "application/x-www-form-urlencoded");
    let grant = format!(
        "grant_type=client_credentials&client_id={READER}&client_secret=x\
         &scope=https://management.azure.com/.default"
    );
    let answer = world.send(request.body(Body::from(grant)).unwrap()).await;
    assert!(answer.status.is_client_error(), "{answer:?}");
    assert!(answer.json()["access_token"].is_null() && answer.json()["error"].is_string());
    let service_principal = json!({ "displayName": "ci", "tenantId": TENANT_A });
    let answer = world.post("/tallyhouse/v1/service-principals", &admin, service_principal).await;
    assert_eq!(answer.outcome(), "404 BuiltInIssuerOff");
    // A token of before, when it was on.
    let before = World::open(|_| String::new()).await.app.administrator_token().unwrap();
    let answer = world.get("/tallyhouse/v1/role-assignments", &before).await;
    assert_eq!(answer.outcome(), WRONG);
    assert_eq!(world.now(), START);
}
