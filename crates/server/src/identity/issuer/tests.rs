//! The issuer's key on disk, and what it publishes.

use std::os::unix::fs::PermissionsExt;

use super::*;

fn tenant() -> TenantId {
    TenantId::from_bits(7)
}

#[test]
fn the_key_is_made_once_and_is_the_owners_alone() {
    let folder = tempfile::tempdir().unwrap();
    let keys = folder.path().join("keys");
    let first = Issuer::open_or_create(&keys, None).unwrap();
    let mode = |path: &Path| std::fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode(&keys), 0o700);
    assert_eq!(mode(&keys.join("issuer.key")), 0o600);
    assert_eq!(std::fs::read_dir(&keys).unwrap().count(), 1);
    let again = Issuer::open_or_create(&keys, None).unwrap();
    assert_eq!(again.jwks(), first.jwks());
    assert_eq!(again.jwks()["keys"][0]["kid"], json!(again.key.id));

    let jwks = first.jwks();
    let key = jwks["keys"][0].as_object().unwrap();
    let names: Vec<_> = key.keys().map(String::as_str).collect();
    assert_eq!(names, ["alg", "e", "kid", "kty", "n", "use"]);
    assert_eq!(
        (&key["alg"], &key["kty"], &key["use"]),
        (&json!("RS256"), &json!("RSA"), &json!("sig"))
    );
    let modulus = URL_SAFE_NO_PAD.decode(key["n"].as_str().unwrap()).unwrap();
    assert_eq!(modulus.len() * 8, 2_048);
}

#[test]
fn a_file_that_is_no_key_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("issuer.key");
    for text in ["", "secret", "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n"] {
        std::fs::write(&path, text).unwrap();
        let error = Issuer::open_or_create(folder.path(), None).unwrap_err();
        assert_eq!(error.to_string(), format!("{} holds no RSA key in PKCS#8 PEM", path.display()));
    }
}

#[test]
fn a_file_that_a_crash_left_behind_is_replaced() {
    let folder = tempfile::tempdir().unwrap();
    let left = folder.path().join("issuer.key.new");
    std::fs::write(&left, "half a key").unwrap();
    Issuer::open_or_create(folder.path(), None).unwrap();
    assert!(!left.exists());
}

#[test]
fn discovery_names_the_issuer_and_where_its_keys_are() {
    let folder = tempfile::tempdir().unwrap();
    let issuer = Issuer::open_or_create(folder.path(), Some("https://billing.example/")).unwrap();
    let tenant = tenant();
    let origin = "https://127.0.0.1:8443";
    let document = issuer.discovery(Some(tenant), &tenant.to_string(), origin);
    assert_eq!(document["issuer"], json!(format!("https://billing.example/{tenant}/v2.0")));
    let keys = format!("https://127.0.0.1:8443/{tenant}/discovery/v2.0/keys");
    assert_eq!(document["jwks_uri"], json!(keys));
    assert_eq!(document["id_token_signing_alg_values_supported"], json!(["RS256"]));
    let tokens = format!("{origin}/{tenant}/oauth2/v2.0/token");
    assert_eq!(document["token_endpoint"], json!(tokens));
    let any = issuer.discovery(None, "organizations", origin);
    assert_eq!(any["issuer"], json!("https://billing.example/{tenantid}/v2.0"));
    let adfs = issuer.discovery(Some(tenant), "adfs", origin);
    assert_eq!(adfs["token_endpoint"], json!(format!("{origin}/adfs/oauth2/token")));
}

#[test]
fn without_a_public_url_discovery_names_an_issuer_of_the_origin_that_was_asked() {
    let folder = tempfile::tempdir().unwrap();
    let issuer = Issuer::open_or_create(folder.path(), None).unwrap();
    let tenant = tenant();
    let document = issuer.discovery(Some(tenant), &tenant.to_string(), "https://127.0.0.1:8443");
    assert_eq!(document["issuer"], json!(format!("https://127.0.0.1:8443/{tenant}/v2.0")));
    assert_eq!(issuer.name(tenant), format!("https://tallyhouse.invalid/{tenant}/v2.0"));
}

#[test]
fn a_token_says_what_azures_tokens_say() {
    let folder = tempfile::tempdir().unwrap();
    let issuer = Issuer::open_or_create(folder.path(), None).unwrap();
    let claims = Claims {
        object_id: ObjectId::from_bits(5),
        tenant_id: tenant(),
        audience: DEFAULT_AUDIENCE.to_owned(),
        expires_in_seconds: 60,
        application: None,
        generation: None,
    };
    let token = issuer.issue(&claims, UtcTime::from_micros(1_700_000_000_999_999).unwrap());
    let part = |position: usize| -> Value {
        let part = URL_SAFE_NO_PAD.decode(token.split('.').nth(position).unwrap()).unwrap();
        serde_json::from_slice(&part).unwrap()
    };
    assert_eq!(part(0), json!({ "typ": "JWT", "alg": "RS256", "kid": issuer.key.id }));
    let mut said = part(1);
    let unique = said.as_object_mut().unwrap().remove("uti").unwrap();
    assert_eq!(unique.as_str().unwrap().len(), 22);
    let object_id = "00000000-0000-0000-0000-000000000005";
    let tenant = tenant().to_string();
    let expected = json!({
        "aud": "https://management.azure.com/",
        "iss": format!("https://tallyhouse.invalid/{tenant}/v2.0"),
        "iat": 1_700_000_000, "nbf": 1_700_000_000, "exp": 1_700_000_060,
        "oid": object_id, "sub": object_id, "tid": tenant,
        "appid": object_id, "idtyp": "app", "ver": "2.0",
    });
    assert_eq!(said, expected);
}

#[test]
fn a_token_of_a_service_principal_names_its_application() {
    let folder = tempfile::tempdir().unwrap();
    let issuer = Issuer::open_or_create(folder.path(), None).unwrap();
    let claims = Claims {
        object_id: ObjectId::from_bits(5),
        tenant_id: tenant(),
        audience: "https://127.0.0.1:8443/".to_owned(),
        expires_in_seconds: 60,
        application: Some(ApplicationId::from_bits(6)),
        generation: Some(3),
    };
    let token = issuer.issue(&claims, UtcTime::from_micros(0).unwrap());
    let said = URL_SAFE_NO_PAD.decode(token.split('.').nth(1).unwrap()).unwrap();
    let said: Value = serde_json::from_slice(&said).unwrap();
    let application = "00000000-0000-0000-0000-000000000006";
    assert_eq!((&said["appid"], &said["azp"]), (&json!(application), &json!(application)));
    assert_eq!(said["oid"], json!("00000000-0000-0000-0000-000000000005"));
    assert_eq!(said["aud"], json!("https://127.0.0.1:8443/"));
    assert_eq!(said["generation"], json!(3));
}
