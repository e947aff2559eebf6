//! Attacks, with nothing let through: each is sent over the router, and its refusal is checked.

mod answers;
mod paths;
mod tokens;

use serde_json::{Value, json};

use crate::identity_server::{IdentityServer, KEYS};
use crate::world::{Answer, START, World};

const TENANT: &str = "aaaaaaaa-1111-1111-1111-111111111111";
const OTHER_TENANT: &str = "bbbbbbbb-1111-1111-1111-111111111111";
const OURS: &str = "aaaaaaaa-2222-2222-2222-22222222222a";
/// Of the same tenant; the reader has no role there.
const NEXT: &str = "aaaaaaaa-2222-2222-2222-22222222222b";
/// Of the other tenant.
const THEIRS: &str = "bbbbbbbb-2222-2222-2222-222222222222";
const READER: &str = "cccccccc-0000-0000-0000-000000000001";
const RANGE: &str = "api-version=2015-06-01-preview&reportedStartTime=2026-02-01T00:00:00Z\
                     &reportedEndTime=2026-02-02T00:00:00Z";

/// Two issuers, each of its tenant, whose clocks must agree with ours; READER may read OURS.
struct Scene {
    world: World,
    issuer: IdentityServer,
    other_issuer: IdentityServer,
    /// A token that counts, of the reader.
    good: String,
}

impl Scene {
    async fn open() -> Self {
        let (issuer, other_issuer) = (IdentityServer::start(), IdentityServer::start());
        issuer.list(&[KEYS[0].listed("k")]);
        other_issuer.list(&[KEYS[1].listed("l")]);
        let world = World::open(|folder| {
            let settings = issuer.settings(folder, &format!("tenant = '{TENANT}'"));
            let other = other_issuer.settings(folder, &format!("tenant = '{OTHER_TENANT}'"));
            format!("builtin_issuer = true\nclock_skew_seconds = 0\n{settings}{other}")
        })
        .await;
        world.app.refresh_issuers().await;
        let admin = world.app.administrator_token().unwrap();
        for (id, tenant) in [(OURS, TENANT), (NEXT, TENANT), (THEIRS, OTHER_TENANT)] {
            world.subscribe(&admin, id, tenant).await;
        }
        world.assign(&admin, READER, "Reader", &format!("/subscriptions/{OURS}")).await;
        let mut scene = Self { world, issuer, other_issuer, good: String::new() };
        scene.good = KEYS[0].sign(&header(), &scene.claims());
        assert_eq!(scene.usage(&scene.good).await.outcome(), "200");
        scene
    }

    fn claims(&self) -> Value {
        json!({
            "iss": self.issuer.url,
            "aud": "https://management.azure.com/",
            "iat": START,
            "nbf": START,
            "exp": START + 3_600,
            "oid": READER,
            "tid": TENANT,
        })
    }

    async fn usage(&self, token: &str) -> Answer {
        self.world.get(&usage_path(OURS), token).await
    }
}

fn header() -> Value {
    json!({ "typ": "JWT", "alg": "RS256", "kid": "k" })
}

fn usage_path(subscription: &str) -> String {
    format!("/subscriptions/{subscription}/providers/Microsoft.Commerce/UsageAggregates?{RANGE}")
}

fn with(mut object: Value, changes: Value) -> Value {
    for (name, value) in changes.as_object().unwrap() {
        object[name] = value.clone();
    }
    object
}
