//! Forged, borrowed, broken and oversized tokens. Each would be let in if its one flaw went unseen: all
//! else about it is as in the token that counts.

use axum::body::Body;
use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use http::Request;
use jsonwebtoken::{Algorithm, EncodingKey, crypto};
use serde_json::{Value, json};

use super::{READER, Scene, TENANT, header, usage_path, with};
use crate::identity_server::KEYS;
use crate::world::START;

const INVALID: &str = "401 InvalidAuthenticationToken";

impl Scene {
    /// Refused with this, a challenge of the tenant, and without a word of the token.
    async fn refuses(&self, name: &str, token: &str, expected: &str) {
        let answer = self.usage(token).await;
        assert_eq!(answer.outcome(), expected, "{name}: {}", answer.message());
        let challenge = answer.headers["www-authenticate"].to_str().unwrap();
        let authority = format!("authorization_uri=\"https://billing.example/{TENANT}\"");
        assert!(challenge.contains(&authority), "{name}: {challenge}");
        assert!(token.len() < 20 || !format!("{answer:?}").contains(token), "{name}");
    }

    /// Each header, with claims that count, signed with the issuer's key.
    async fn refuses_headers(&self, headers: &[(&str, Value)]) {
        for (name, changes) in headers {
            let token = KEYS[0].sign(&with(header(), changes.clone()), &self.claims());
            self.refuses(name, &token, INVALID).await;
        }
    }
}

fn part(json: &Value) -> String {
    URL_SAFE_NO_PAD.encode(json.to_string())
}

fn signed(key: &EncodingKey, algorithm: Algorithm, header: &Value, claims: &Value) -> String {
    let message = format!("{}.{}", part(header), part(claims));
    let signature = crypto::sign(message.as_bytes(), key, algorithm).unwrap();
    format!("{message}.{signature}")
}

#[tokio::test(flavor = "multi_thread")]
async fn what_the_issuer_did_not_sign_is_refused() {
    let scene = Scene::open().await;
    let (message, signature) = scene.good.rsplit_once('.').unwrap();
    let (head, body) = message.split_once('.').unwrap();
    for algorithm in
        ["none", "None", "nOnE", "NONE", "", "HS256", "RS384", "PS256", "ES256", "rs256"]
    {
        let head = part(&with(header(), json!({ "alg": algorithm })));
        scene.refuses(algorithm, &format!("{head}.{body}."), INVALID).await;
        scene.refuses(algorithm, &format!("{head}.{body}.{signature}"), INVALID).await;
    }
    // The public key, which everybody has, as the secret of an HMAC.
    let modulus = KEYS[0].public["n"].as_str().unwrap();
    let bytes = URL_SAFE_NO_PAD.decode(modulus).unwrap();
    let pem = format!(
        "-----BEGIN PUBLIC KEY-----\n{}\n-----END PUBLIC KEY-----\n",
        STANDARD.encode(&bytes)
    );
    let document = json!({ "keys": [KEYS[0].listed("k")] }).to_string();
    for secret in [&bytes[..], modulus.as_bytes(), pem.as_bytes(), document.as_bytes(), b"k", b""] {
        let key = EncodingKey::from_secret(secret);
        for algorithm in ["HS256", "RS256"] {
            let head = with(header(), json!({ "alg": algorithm }));
            let token = signed(&key, Algorithm::HS256, &head, &scene.claims());
            scene.refuses("key confusion", &token, INVALID).await;
        }
    }
    // Other signatures of the issuer's own key, and of a curve.
    for (name, algorithm) in [("RS512", Algorithm::RS512), ("PS256", Algorithm::PS256)] {
        for alg in [name, "RS256"] {
            let head = with(header(), json!({ "alg": alg }));
            let token = signed(&KEYS[0].private, algorithm, &head, &scene.claims());
            scene.refuses(name, &token, INVALID).await;
        }
    }
    let curve = EncodingKey::from_ec_der(&rcgen::KeyPair::generate().unwrap().serialize_der());
    for alg in ["ES256", "RS256"] {
        let head = with(header(), json!({ "alg": alg }));
        let token = signed(&curve, Algorithm::ES256, &head, &scene.claims());
        scene.refuses("curve", &token, INVALID).await;
    }
    // A signature of something else.
    let more =
        part(&with(scene.claims(), json!({ "oid": "cccccccc-0000-0000-0000-000000000002" })));
    scene.refuses("another body", &format!("{head}.{more}.{signature}"), INVALID).await;
    let head = part(&with(header(), json!({ "typ": "at+jwt" })));
    scene.refuses("another head", &format!("{head}.{body}.{signature}"), INVALID).await;
    scene.refuses("no signature", &format!("{message}."), INVALID).await;
    scene.refuses("half a signature", &format!("{message}.{}", &signature[..100]), INVALID).await;
    assert_eq!(scene.usage(&scene.good).await.outcome(), "200");
}

#[tokio::test(flavor = "multi_thread")]
async fn keys_come_from_the_issuer_alone() {
    let scene = Scene::open().await;
    scene
        .refuses_headers(&[
            ("no kid", json!({ "kid": null })),
            ("another kid", json!({ "kid": "K" })),
            ("the other issuer's kid", json!({ "kid": "l" })),
            ("a path", json!({ "kid": "../../../../dev/null" })),
            ("a file", json!({ "kid": "file:///etc/hostname" })),
            ("an address", json!({ "kid": format!("{}/keys", scene.other_issuer.url) })),
            ("a query", json!({ "kid": "k' OR '1'='1" })),
            ("a union", json!({ "kid": "x' UNION SELECT 'k" })),
            ("a command", json!({ "kid": "k|id" })),
            ("a nul", json!({ "kid": "k\u{0}" })),
            ("a space", json!({ "kid": "k " })),
            ("a list", json!({ "kid": ["k"] })),
            ("a number", json!({ "kid": 0 })),
            ("a long one", json!({ "kid": "k".repeat(9_000) })),
        ])
        .await;
    // The other issuer's key under our issuer's name, with and without help from the header.
    let evil = scene.other_issuer.url.clone();
    let brought = KEYS[1].listed("k");
    scene.other_issuer.asked();
    for (name, changes) in [
        ("plain", json!({})),
        ("of its own name", json!({ "kid": "l" })),
        ("jwk", json!({ "jwk": brought })),
        ("jku", json!({ "jku": format!("{evil}/keys") })),
        ("jku in disguise", json!({ "jku": format!("{}@{}/keys", scene.issuer.url, &evil[8..]) })),
        ("x5u", json!({ "x5u": format!("{evil}/keys") })),
        ("x5c", json!({ "x5c": ["MIIB"] })),
        ("x5t", json!({ "x5t": "AAAA", "x5t#S256": "AAAA" })),
    ] {
        let token = KEYS[1].sign(&with(header(), changes), &scene.claims());
        scene.refuses(name, &token, INVALID).await;
    }
    assert!(scene.other_issuer.asked().is_empty(), "no header makes the server ask anybody");
    // Our issuer's key under other names.
    for issuer in [
        evil.clone(),
        String::new(),
        format!("{}/", scene.issuer.url),
        scene.issuer.url.to_uppercase(),
        format!("{evil}/?{}", scene.issuer.url),
        format!("https://tallyhouse.invalid/{TENANT}/v2.0"),
        format!("https://sts.windows.net/{TENANT}/"),
    ] {
        let token = KEYS[0].sign(&header(), &with(scene.claims(), json!({ "iss": issuer })));
        scene.refuses(&issuer, &token, INVALID).await;
    }
    // The built-in issuer's key under our issuer's name, and the reverse.
    let own = scene.world.folder().join("data/keys/issuer.key");
    let own = EncodingKey::from_rsa_pem(&std::fs::read(own).unwrap()).unwrap();
    let token = signed(&own, Algorithm::RS256, &header(), &scene.claims());
    scene.refuses("built-in", &token, INVALID).await;
    assert_eq!(scene.usage(&scene.good).await.outcome(), "200");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_has_one_form() {
    let scene = Scene::open().await;
    let good = &scene.good;
    let (message, signature) = good.rsplit_once('.').unwrap();
    let (head, body) = message.split_once('.').unwrap();
    scene
        .refuses_headers(&[
            ("crit", json!({ "crit": ["exp"] })),
            ("an empty crit", json!({ "crit": [] })),
            ("b64", json!({ "b64": false, "crit": ["b64"] })),
            ("b64 alone", json!({ "b64": false })),
            ("nested", json!({ "cty": "JWT" })),
            ("typ", json!({ "typ": "dpop+jwt" })),
            ("a logout token", json!({ "typ": "logout+jwt" })),
            ("an encrypted one", json!({ "typ": "JWE", "enc": "A256GCM" })),
        ])
        .await;
    let as_text = |header: &str, claims: &str| KEYS[0].sign_text(header, claims);
    let plain = scene.claims().to_string();
    let deep = format!("{}{}", "[".repeat(3_000), "]".repeat(3_000));
    let twice =
        |name: &str, value: &str| plain.replacen('{', &format!("{{\"{name}\":\"{value}\","), 1);
    let head_text = header().to_string();
    for (name, token) in [
        ("nested", as_text(&head_text, &format!("\"{good}\""))),
        ("nested bare", as_text(&head_text, good)),
        ("deep claims", as_text(&head_text, &plain.replacen('{', &format!("{{\"x\":{deep},"), 1))),
        ("alg twice", as_text(&head_text.replacen('{', "{\"alg\":\"none\",", 1), &plain)),
        ("kid twice", as_text(&head_text.replacen('{', "{\"kid\":\"l\",", 1), &plain)),
        ("oid twice", as_text(&head_text, &twice("oid", "x"))),
        ("iss twice", as_text(&head_text, &twice("iss", "https://evil.example"))),
        ("exp twice", as_text(&head_text, &plain.replacen('{', "{\"exp\":9999999999,", 1))),
        ("any twice", as_text(&head_text, &plain.replacen('{', "{\"x\":1,\"x\":2,", 1))),
        ("no object", as_text(&head_text, "[]")),
        ("more behind", as_text(&head_text, &format!("{plain}{{}}"))),
        ("not UTF-8", {
            let message =
                format!("{head}.{}", URL_SAFE_NO_PAD.encode([&[0xff], plain.as_bytes()].concat()));
            let signed =
                crypto::sign(message.as_bytes(), &KEYS[0].private, Algorithm::RS256).unwrap();
            format!("{message}.{signed}")
        }),
        ("five parts", format!("{head}.{body}.{signature}.{body}.{signature}")),
        ("four parts", format!("{good}.")),
        ("two parts", message.to_owned()),
        ("padded", format!("{head}=.{body}.{signature}")),
        ("padded at the end", format!("{good}==")),
        ("spaced", format!("{head}. {body}.{signature}")),
        ("a tab", format!("{head}.{body}.\t{signature}")),
        (
            "another alphabet",
            format!("{message}.{}", signature.replace('-', "+").replace('_', "/")),
        ),
        // The last character's spare bits: decoders that ignore them take sixteen spellings.
        ("spare bits", format!("{message}.{}", with_spare_bits(signature))),
        (
            "too long",
            KEYS[0].sign(&header(), &with(scene.claims(), json!({ "x": "x".repeat(12_200) }))),
        ),
        ("endless", "a.".repeat(1 << 20)),
        ("dots", ".".repeat(16_000)),
        ("nothing", String::new()),
        ("null", "null.null.null".to_owned()),
    ] {
        scene.refuses(name, &token, INVALID).await;
    }
    // Just below the limit it is a token as any other.
    let large = KEYS[0].sign(&header(), &with(scene.claims(), json!({ "x": "x".repeat(11_000) })));
    assert_eq!(scene.usage(&large).await.outcome(), "200");
}

/// The same bytes with a last character that strict Base64 does not have.
fn with_spare_bits(base64: &str) -> String {
    const ALPHABET: &str = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    let (start, last) = base64.split_at(base64.len() - 1);
    let place = ALPHABET.find(last).unwrap();
    assert_eq!(place % 16, 0, "four bits are spare");
    format!("{start}{}", &ALPHABET[place + 1..place + 2])
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_counts_for_its_audience_time_and_tenant() {
    let scene = Scene::open().await;
    for (changes, expected) in [
        (json!({ "exp": START + 1 }), "200"),
        (json!({ "exp": START }), "401 ExpiredAuthenticationToken"),
        (json!({ "exp": START - 1 }), "401 ExpiredAuthenticationToken"),
        (json!({ "exp": null }), INVALID),
        (json!({ "exp": "9999999999" }), INVALID),
        (json!({ "exp": i64::MAX }), INVALID),
        (json!({ "exp": -1 }), "401 ExpiredAuthenticationToken"),
        (json!({ "nbf": START + 1 }), INVALID),
        (json!({ "iat": START + 1 }), INVALID),
        (json!({ "nbf": null }), "200"),
        (json!({ "aud": "https://graph.microsoft.com/" }), INVALID),
        (json!({ "aud": "https://management.azure.com.evil.example" }), INVALID),
        (json!({ "aud": ["https://vault.azure.net"] }), INVALID),
        (json!({ "aud": [] }), INVALID),
        (json!({ "aud": null }), INVALID),
        (json!({ "aud": { "x": "https://management.azure.com" } }), INVALID),
        (json!({ "oid": null, "sub": READER }), INVALID),
        (json!({ "oid": [READER] }), INVALID),
        (json!({ "oid": format!("{READER} ") }), INVALID),
        (json!({ "oid": "*" }), INVALID),
        (
            json!({ "oid": "cccccccc-0000-0000-0000-000000000002", "groups": [READER.to_uppercase()] }),
            "200",
        ),
        (
            json!({ "oid": "cccccccc-0000-0000-0000-000000000002", "groups": ["*", ""] }),
            "403 AuthorizationFailed",
        ),
        (
            json!({ "oid": "cccccccc-0000-0000-0000-000000000002", "roles": ["Owner"], "wids": [READER], "scp": "user_impersonation" }),
            "403 AuthorizationFailed",
        ),
    ] {
        let token = KEYS[0].sign(&header(), &with(scene.claims(), changes.clone()));
        assert_eq!(scene.usage(&token).await.outcome(), expected, "{changes}");
    }
    // The other issuer's own token is good, but of its tenant, which sees nothing here.
    let theirs = with(scene.claims(), json!({ "iss": scene.other_issuer.url, "tid": TENANT }));
    let theirs = KEYS[1].sign(&with(header(), json!({ "kid": "l" })), &theirs);
    assert_eq!(scene.usage(&theirs).await.outcome(), "404 SubscriptionNotFound");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_comes_in_one_header() {
    let scene = Scene::open().await;
    let bearer = format!("Bearer {}", scene.good);
    let other = "Bearer x.y.z".to_owned();
    let absent = "401 AuthenticationFailed";
    for (headers, expected) in [
        (vec![("authorization", &bearer)], "200"),
        (vec![("authorization", &bearer.replacen("Bearer", "bEARER", 1))], "200"),
        (vec![("authorization", &bearer), ("authorization", &other)], INVALID),
        (vec![("authorization", &other), ("authorization", &bearer)], INVALID),
        (vec![("authorization", &bearer), ("authorization", &bearer)], INVALID),
        (vec![("authorization", &format!("{bearer}, {other}"))], INVALID),
        (vec![("authorization", &format!("{other}, {bearer}"))], INVALID),
        (vec![("authorization", &format!("Bearer {bearer}"))], INVALID),
        (vec![("authorization", &"Bearer".to_owned())], absent),
        (vec![("authorization", &scene.good)], absent),
        (vec![("authorization", &bearer.replacen("Bearer", "Basic", 1))], absent),
        (vec![("authorization", &bearer.replacen("Bearer", "DPoP", 1))], absent),
        (vec![("authorization", &bearer.replacen(' ', "\t", 1))], absent),
        (vec![("proxy-authorization", &bearer)], absent),
        (vec![("x-ms-authorization-auxiliary", &bearer)], absent),
        (vec![("x-original-authorization", &bearer)], absent),
        (vec![("cookie", &format!("access_token={}", scene.good))], absent),
        (vec![], absent),
    ] {
        for place in ["", "&access_token=", "&token=", "&authorization="] {
            let query =
                if place.is_empty() { String::new() } else { format!("{place}{}", scene.good) };
            let mut request = Request::get(format!("{}{query}", usage_path(super::OURS)));
            for (name, value) in &headers {
                request = request.header(*name, value.as_str());
            }
            let answer = scene.world.send(request.body(Body::empty()).unwrap()).await;
            assert_eq!(answer.outcome(), expected, "{headers:?} {place}");
        }
    }
}
