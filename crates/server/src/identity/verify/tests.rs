//! Attacks on the verifier, and tokens that it must take.

use std::sync::LazyLock;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jsonwebtoken::{Algorithm, EncodingKey, crypto};
use serde_json::{Value, json};
use tempfile::TempDir;

use super::*;
use crate::config::Settings;
use crate::identity::issuer::{Claims, DEFAULT_AUDIENCE};
use crate::identity::keys::SigningKey;
use crate::identity::remembered::REMEMBERED_MAX;

/// 2023-03-19T08:55:46Z.
const NOW: i64 = 1_679_216_146;
const TENANT: &str = "11111111-1111-1111-1111-111111111111";
const OTHER_TENANT: &str = "22222222-2222-2222-2222-222222222222";
const ADMINISTRATOR: &str = "aaaaaaaa-aaaa-aaaa-aaaa-aaaaaaaaaaaa";
const CALLER: &str = "bbbbbbbb-bbbb-bbbb-bbbb-bbbbbbbbbbbb";

const INVALID: &str = "InvalidAuthenticationToken: The access token is invalid: ";
const NOT_A_JWT: &str = "it is not a JWT.";
const NOT_RS256: &str = "it is not signed with RS256.";
const NO_KEY: &str = "it names no key ('kid') of an issuer.";
const WRONG_SIGNATURE: &str = "its signature is wrong.";

/// An installation's issuer with its key, and the key of somebody else.
struct Keys {
    issuer: Issuer,
    own: SigningKey,
    foreign: SigningKey,
    _folder: TempDir,
}

/// Making RSA keys takes long.
static KEYS: LazyLock<Keys> = LazyLock::new(|| {
    let folder = tempfile::tempdir().unwrap();
    let own = folder.path().join("own");
    Keys {
        issuer: Issuer::open_or_create(&own, None).unwrap(),
        own: SigningKey::open_or_create(&own).unwrap(),
        foreign: SigningKey::open_or_create(&folder.path().join("foreign")).unwrap(),
        _folder: folder,
    }
});

fn verifier() -> Verifier {
    let administrator = ObjectId::parse(ADMINISTRATOR).unwrap();
    let config = Settings::default().into_config("d".into()).unwrap().identity;
    let audiences = ["https://billing.example/".to_owned()];
    Verifier::new(Some((&KEYS.issuer, administrator)), &config, &audiences).unwrap()
}

fn at(seconds: i64) -> UtcTime {
    UtcTime::from_micros(seconds * 1_000_000).unwrap()
}

fn header() -> Value {
    json!({ "typ": "JWT", "alg": "RS256", "kid": KEYS.own.id })
}

fn claims() -> Value {
    json!({
        "aud": "https://management.azure.com/",
        "iss": format!("https://tallyhouse.invalid/{TENANT}/v2.0"),
        "iat": NOW,
        "nbf": NOW,
        "exp": NOW + 3_600,
        "oid": CALLER,
        "tid": TENANT,
    })
}

fn with(mut object: Value, changes: Value) -> Value {
    for (name, value) in changes.as_object().unwrap() {
        object[name] = value.clone();
    }
    object
}

fn without(mut object: Value, names: &[&str]) -> Value {
    for name in names {
        object.as_object_mut().unwrap().remove(*name).unwrap();
    }
    object
}

fn part(json: &Value) -> String {
    URL_SAFE_NO_PAD.encode(json.to_string())
}

fn signed(header: &Value, claims: &Value) -> String {
    signed_with(&KEYS.own.private, Algorithm::RS256, header, claims)
}

fn signed_with(key: &EncodingKey, algorithm: Algorithm, header: &Value, claims: &Value) -> String {
    let message = format!("{}.{}", part(header), part(claims));
    let signature = crypto::sign(message.as_bytes(), key, algorithm).unwrap();
    format!("{message}.{signature}")
}

fn outcome(verifier: &Verifier, token: &str, now: i64) -> String {
    match verifier.verify(token, at(now)) {
        Ok(principal) => principal.object_id.to_string(),
        Err(error) => format!("{}: {error}", error.code()),
    }
}

fn check(token: &str, expected: &str) {
    let outcome = outcome(&verifier(), token, NOW);
    assert_eq!(outcome, expected, "{}", &token[..token.len().min(1_000)]);
    assert!(token.len() < 20 || !outcome.contains(token));
}

fn refuses(token: &str, reason: &str) {
    check(token, &format!("{INVALID}{reason}"));
}

#[test]
fn a_token_not_signed_by_the_issuer_is_refused() {
    let keys = &*KEYS;
    let good = signed(&header(), &claims());
    let (message, signature) = good.rsplit_once('.').unwrap();
    let (head, body) = message.split_once('.').unwrap();
    let administrator = with(claims(), json!({ "oid": ADMINISTRATOR }));
    check(&good, CALLER);

    // Nobody's signature.
    for algorithm in ["none", "None", "NONE", ""] {
        let head = part(&with(header(), json!({ "alg": algorithm })));
        refuses(&format!("{head}.{body}."), NOT_RS256);
        refuses(&format!("{head}.{body}.{signature}"), NOT_RS256);
    }
    refuses(&format!("{message}."), WRONG_SIGNATURE);
    refuses(&format!("{message}.AAAA"), WRONG_SIGNATURE);
    refuses(&format!("{message}.{}", &signature[4..]), WRONG_SIGNATURE);

    // The public key, which everybody has, as the secret of an HMAC.
    let public = serde_json::to_string(&keys.own.public).unwrap();
    let modulus = keys.issuer.jwks()["keys"][0]["n"].as_str().unwrap().to_owned();
    for secret in [public.as_bytes(), modulus.as_bytes(), keys.own.id.as_bytes(), b""] {
        let secret = EncodingKey::from_secret(secret);
        let hmac = with(header(), json!({ "alg": "HS256" }));
        refuses(&signed_with(&secret, Algorithm::HS256, &hmac, &claims()), NOT_RS256);
        refuses(&signed_with(&secret, Algorithm::HS256, &header(), &claims()), WRONG_SIGNATURE);
    }

    // The issuer's own key, but another algorithm than the one that is taken.
    for (name, algorithm) in [("RS384", Algorithm::RS384), ("PS256", Algorithm::PS256)] {
        let head = with(header(), json!({ "alg": name }));
        refuses(&signed_with(&keys.own.private, algorithm, &head, &claims()), NOT_RS256);
        refuses(&signed_with(&keys.own.private, algorithm, &header(), &claims()), WRONG_SIGNATURE);
    }
    refuses(&signed(&with(header(), json!({ "alg": "rs256" })), &claims()), NOT_RS256);

    // Somebody else's key, under their name, ours, and brought along.
    let foreign =
        |head: &Value| signed_with(&keys.foreign.private, Algorithm::RS256, head, &administrator);
    refuses(&foreign(&with(header(), json!({ "kid": keys.foreign.id }))), NO_KEY);
    refuses(&foreign(&without(header(), &["kid"])), NO_KEY);
    refuses(&foreign(&header()), WRONG_SIGNATURE);
    let brought = with(header(), json!({ "jwk": keys.foreign.public }));
    refuses(&foreign(&brought), WRONG_SIGNATURE);
    let elsewhere = with(header(), json!({ "jku": "https://evil.example/keys" }));
    refuses(&foreign(&elsewhere), WRONG_SIGNATURE);

    // The issuer's signature, of another token.
    refuses(&format!("{head}.{}.{signature}", part(&administrator)), WRONG_SIGNATURE);
    let other_head = part(&with(header(), json!({ "typ": "at+jwt" })));
    refuses(&format!("{other_head}.{body}.{signature}"), WRONG_SIGNATURE);
    for kid in [json!("../../issuer.key"), json!(""), json!(null)] {
        refuses(&signed(&with(header(), json!({ "kid": kid })), &claims()), NO_KEY);
    }
    let extension = with(header(), json!({ "crit": ["exp"], "exp": NOW }));
    refuses(&signed(&extension, &claims()), NOT_A_JWT);
}

#[test]
fn what_is_no_token_is_refused() {
    let good = signed(&header(), &claims());
    let (message, signature) = good.rsplit_once('.').unwrap();
    let (head, body) = message.split_once('.').unwrap();
    for garbage in [
        "",
        ".",
        "..",
        "....",
        "a.b.c",
        "é.é.é",
        "null.null.null",
        "eyJ.eyJ.eyJ",
        message,
        &format!("{good}."),
        &format!("{good}.{signature}"),
        &format!("{good}.a.b"),
        &format!(" {good}"),
        &format!("{good}\n"),
        &format!("{head}=.{body}.{signature}"),
        &format!("{}.{body}.{signature}", part(&json!([]))),
        &format!("{}.{body}.{signature}", part(&json!({}))),
        &format!("{}.{body}.{signature}", part(&json!({ "alg": 1 }))),
        &format!(
            "{}.{body}.{signature}",
            URL_SAFE_NO_PAD.encode(r#"{"alg":"RS256","alg":"none"}"#)
        ),
        &format!("{}.{body}.{signature}", URL_SAFE_NO_PAD.encode([0xff, 0xfe, 0])),
    ] {
        refuses(garbage, NOT_A_JWT);
    }
    // A token within the token, deep nesting, and other claims that are none.
    refuses(&signed(&with(header(), json!({ "cty": "JWT" })), &json!(good)), NOT_A_JWT);
    let deep = format!("{}{}", "[".repeat(5_000), "]".repeat(5_000));
    let deep_head = format!("{{\"alg\":\"RS256\",\"x\":{deep}}}");
    refuses(&format!("{}.{body}.{signature}", URL_SAFE_NO_PAD.encode(deep_head)), NO_KEY);
    let endless = claims().to_string().replace(&(NOW + 3_600).to_string(), "1e400");
    assert!(endless.contains("1e400"));
    for raw in [&deep, "[]", "1", "\"\"", &endless, "{\"oid\":\"a\",\"oid\":\"b\"}"] {
        let message = format!("{head}.{}", URL_SAFE_NO_PAD.encode(raw));
        let signature =
            crypto::sign(message.as_bytes(), &KEYS.own.private, Algorithm::RS256).unwrap();
        refuses(&format!("{message}.{signature}"), NOT_A_JWT);
    }
    let too_long = "it is too long.";
    refuses(&"a".repeat(TOKEN_BYTES_MAX + 1), too_long);
    refuses(&signed(&header(), &with(claims(), json!({ "x": "x".repeat(16_384) }))), too_long);
    refuses(&"a".repeat(TOKEN_BYTES_MAX), NOT_A_JWT);
}

#[test]
fn a_token_of_another_issuer_or_tenant_is_refused() {
    let refused = |changes: Value, issuer: &str| {
        let expected = format!(
            "InvalidAuthenticationToken: The access token is from the wrong issuer '{issuer}' for \
             its tenant."
        );
        check(&signed(&header(), &with(claims(), changes)), &expected);
    };
    let own = format!("https://tallyhouse.invalid/{TENANT}/v2.0");
    refused(json!({ "tid": OTHER_TENANT }), &own);
    for issuer in [
        String::new(),
        format!("{own}/"),
        format!("https://tallyhouse.invalid/{OTHER_TENANT}/v2.0"),
        format!("https://tallyhouse.invalid/{TENANT}"),
        format!("https://TALLYHOUSE.invalid/{TENANT}/v2.0"),
        format!("https://sts.windows.net/{TENANT}/"),
        format!("https://login.microsoftonline.com/{TENANT}/v2.0"),
        format!("https://evil.example/?https://tallyhouse.invalid/{TENANT}/v2.0"),
    ] {
        refused(json!({ "iss": issuer }), &issuer);
    }
    let both = with(
        claims(),
        json!({ "iss": format!("https://tallyhouse.invalid/{OTHER_TENANT}/v2.0"),
                "tid": OTHER_TENANT }),
    );
    let principal = verifier().verify(&signed(&header(), &both), at(NOW)).unwrap();
    assert_eq!(principal.tenant_id.to_string(), OTHER_TENANT);
}

#[test]
fn a_token_counts_for_its_audience_only() {
    for audience in [
        json!("https://management.azure.com"),
        json!("https://management.azure.com/"),
        json!("https://management.core.windows.net"),
        json!("https://management.core.windows.net/"),
        json!("https://tallyhouse.invalid"),
        json!("https://billing.example"),
        json!("https://billing.example/"),
        json!("https://127.0.0.1:8443/"),
        json!(["https://graph.example", "https://management.azure.com/"]),
    ] {
        let verifier = verifier();
        verifier.accept_audience("https://127.0.0.1:8443");
        let token = signed(&header(), &with(claims(), json!({ "aud": audience })));
        assert_eq!(outcome(&verifier, &token, NOW), CALLER, "{audience}");
    }
    for (audience, shown) in [
        (json!("https://management.azure.com//"), "https://management.azure.com//"),
        (
            json!("https://management.azure.com.evil.example"),
            "https://management.azure.com.evil.example",
        ),
        (json!("https://Management.azure.com"), "https://Management.azure.com"),
        (json!("management.azure.com"), "management.azure.com"),
        (json!("https://127.0.0.1:8443"), "https://127.0.0.1:8443"),
        (json!("https://graph.microsoft.com\r\nx"), "https://graph.microsoft.comx"),
        (json!(""), ""),
        (json!("/"), "/"),
        (json!([]), ""),
        (json!(["a", "b"]), "a', 'b"),
    ] {
        let token = signed(&header(), &with(claims(), json!({ "aud": audience })));
        let expected = format!(
            "InvalidAuthenticationToken: The access token has been obtained for the wrong audience \
             '{shown}'."
        );
        check(&token, &expected);
    }
}

#[test]
fn a_token_counts_in_its_time_only() {
    let expired = |expiry: &str| {
        format!(
            "ExpiredAuthenticationToken: The access token expiry UTC time '{expiry}' is earlier \
             than current UTC time '3/19/2023 8:55:46 AM'."
        )
    };
    let early = |from: &str| {
        format!(
            "InvalidAuthenticationToken: The access token is valid from UTC time '{from}', which \
             is later than current UTC time '3/19/2023 8:55:46 AM'."
        )
    };
    for (changes, expected) in [
        (json!({ "exp": NOW + 1 }), CALLER.to_owned()),
        (json!({ "exp": NOW }), expired("3/19/2023 8:55:46 AM")),
        (json!({ "exp": NOW - 9 * 3_600 }), expired("3/18/2023 11:55:46 PM")),
        (json!({ "exp": NOW - 8 * 3_600 - 55 * 60 }), expired("3/19/2023 12:00:46 AM")),
        (json!({ "exp": NOW + 4 * 3_600, "nbf": NOW + 300 }), CALLER.to_owned()),
        (json!({ "exp": NOW + 4 * 3_600, "nbf": NOW + 301 }), early("3/19/2023 9:00:47 AM")),
        (json!({ "exp": NOW + 86_400, "nbf": NOW + 4 * 3_600 }), early("3/19/2023 12:55:46 PM")),
        (json!({ "nbf": null, "iat": NOW + 301 }), early("3/19/2023 9:00:47 AM")),
        (json!({ "nbf": null, "iat": null }), CALLER.to_owned()),
        (
            json!({ "exp": null }),
            format!("{INVALID}the claim 'exp' is missing or not of its form."),
        ),
        (
            json!({ "exp": i64::MAX }),
            format!("{INVALID}the claim 'exp' is missing or not of its form."),
        ),
        (
            json!({ "nbf": i64::MIN }),
            format!("{INVALID}the claim 'nbf' is missing or not of its form."),
        ),
        (json!({ "exp": "9999999999" }), format!("{INVALID}{NOT_A_JWT}")),
        (json!({ "exp": true }), format!("{INVALID}{NOT_A_JWT}")),
    ] {
        check(&signed(&header(), &with(claims(), changes)), &expected);
    }
}

#[test]
fn a_token_that_names_no_principal_or_tenant_is_refused() {
    for name in ["oid", "tid", "iss", "aud", "exp"] {
        let reason = format!("the claim '{name}' is missing or not of its form.");
        refuses(&signed(&header(), &without(claims(), &[name])), &reason);
    }
    for (changes, name) in [
        (json!({ "oid": "root" }), "oid"),
        (json!({ "oid": "" }), "oid"),
        (json!({ "oid": format!("{CALLER}0") }), "oid"),
        (json!({ "tid": "common" }), "tid"),
    ] {
        let reason = format!("the claim '{name}' is missing or not of its form.");
        refuses(&signed(&header(), &with(claims(), changes)), &reason);
    }
    refuses(&signed(&header(), &with(claims(), json!({ "oid": [ADMINISTRATOR] }))), NOT_A_JWT);
}

#[test]
fn a_principal_is_what_the_token_says() {
    let principal = |changes: Value| {
        verifier().verify(&signed(&header(), &with(claims(), changes)), at(NOW)).unwrap()
    };
    let plain = principal(json!({}));
    assert_eq!((plain.groups.len(), plain.application, plain.is_administrator), (0, None, false));
    assert!(principal(json!({ "oid": ADMINISTRATOR })).is_administrator);
    assert!(principal(json!({ "oid": ADMINISTRATOR.to_uppercase() })).is_administrator);
    let with_groups = principal(json!({ "groups": ["admins", ADMINISTRATOR] }));
    assert_eq!(with_groups.groups, [ObjectId::parse(ADMINISTRATOR).unwrap()]);
    assert!(!with_groups.is_administrator);
    for name in ["appid", "azp", "client_id"] {
        assert_eq!(principal(json!({ (name): "app" })).application.as_deref(), Some("app"));
    }
}

#[test]
fn a_token_of_the_issuer_counts_until_it_expires_however_often_it_comes() {
    let claims = Claims {
        object_id: ObjectId::parse(ADMINISTRATOR).unwrap(),
        tenant_id: TenantId::parse(TENANT).unwrap(),
        audience: DEFAULT_AUDIENCE.to_owned(),
        expires_in_seconds: 60,
        application: None,
        generation: None,
    };
    let token = KEYS.issuer.issue(&claims, at(NOW));
    assert_ne!(token, KEYS.issuer.issue(&claims, at(NOW)));
    let verifier = verifier();
    for now in [NOW, NOW, NOW + 59] {
        let principal = verifier.verify(&token, at(now)).unwrap();
        assert!(principal.is_administrator);
        assert_eq!(principal.application.as_deref(), Some(ADMINISTRATOR));
    }
    // Remembered or not, it counts in its time only.
    assert!(outcome(&verifier, &token, NOW + 60).starts_with("ExpiredAuthenticationToken: "));
    assert!(outcome(&verifier, &token, NOW - 301).starts_with(INVALID.split(':').next().unwrap()));
    assert_eq!(outcome(&verifier, &token, NOW - 300), ADMINISTRATOR);
}

#[test]
fn tokens_are_remembered_within_a_bound_and_refused_ones_not_at_all() {
    let verifier = verifier();
    let stolen = signed(&header(), &claims()).replace('.', "x.");
    let _ = outcome(&verifier, &stolen, NOW);
    assert_eq!(outcome(&verifier, &signed(&header(), &claims()), NOW), CALLER);
    let mut remembered = verifier.remembered.lock().unwrap();
    assert_eq!(remembered.younger.len(), 1);
    let (first, known) = remembered.younger.iter().next().unwrap();
    let (first, known) = (*first, known.clone());
    for number in 0..5 * REMEMBERED_MAX {
        let mut hash = TokenHash::default();
        hash[..8].copy_from_slice(&number.to_le_bytes());
        remembered.insert(hash, known.clone());
        assert!(remembered.get(&hash, at(NOW)).is_some());
        // One that keeps coming stays.
        assert!(remembered.get(&first, at(NOW)).is_some());
    }
    assert!(remembered.younger.len() <= REMEMBERED_MAX);
    assert!(remembered.older.len() <= REMEMBERED_MAX);
}

#[test]
fn no_key_or_token_is_shown() {
    let shown = format!("{:?} {:?}", KEYS.issuer, verifier());
    assert!(shown.len() < 500, "{shown}");
    assert!(shown.contains(&KEYS.own.id));
}
