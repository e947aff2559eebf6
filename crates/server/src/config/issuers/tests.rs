//! What the file says of issuers, and what it is refused for.

use crate::config::{Config, Settings};

use super::*;

const HEAD: &str = "administrators = ['aaaaaaaa-0000-0000-0000-000000000001@11111111-1111-1111-1111-111111111111']\n";
const ISSUER: &str = "[[issuers]]\nurl = 'https://id.example/realms/a'\n\
                      tenant = '11111111-1111-1111-1111-111111111111'\n";

fn read(toml: &str) -> Result<Config, ConfigError> {
    Settings::from_toml(toml).and_then(|settings| settings.into_config("d".into()))
}

fn refused(toml: &str, expected: &str) {
    let error = read(toml).unwrap_err().to_string();
    assert!(error.contains(expected), "{toml}\n{error}");
}

#[test]
fn an_issuer_has_its_discovery_claims_and_tenant() {
    let config = read(&format!("{HEAD}{ISSUER}")).unwrap().identity;
    let [issuer] = config.issuers.as_slice() else { panic!("{config:?}") };
    assert_eq!(issuer.name, "https://id.example/realms/a");
    let discovery = "https://id.example/realms/a/.well-known/openid-configuration";
    assert_eq!(issuer.discovery_url, discovery);
    assert_eq!((issuer.object_id_claim.as_str(), issuer.groups_claim.as_str()), ("oid", "groups"));
    assert_eq!(config.clock_skew_seconds, 300);
    assert!(!config.built_in_issuer, "it is off where others issue");
    assert_eq!(config.administrators.len(), 1);

    let entra = "builtin_issuer = true\nclock_skew_seconds = 0\n[[issuers]]\n\
                 url = 'https://sts.windows.net/11111111-1111-1111-1111-111111111111/'\n\
                 discovery_url = 'https://login.example/v1/openid'\nobject_id_claim = 'sub'\n\
                 tenants = ['11111111-1111-1111-1111-111111111111']\nca_file = 'ca.pem'\n";
    let config = read(entra).unwrap().identity;
    assert_eq!(config.issuers[0].discovery_url, "https://login.example/v1/openid");
    assert_eq!(config.issuers[0].object_id_claim, "sub");
    assert!(config.built_in_issuer && config.administrators.is_empty());
    assert_eq!(config.clock_skew_seconds, 0);

    let slash = ISSUER.replace("realms/a", "");
    let config = read(&format!("builtin_issuer = true\n{slash}")).unwrap().identity;
    let discovery = "https://id.example/.well-known/openid-configuration";
    assert_eq!(config.issuers[0].discovery_url, discovery);

    let none = read("").unwrap().identity;
    assert!(none.built_in_issuer && none.issuers.is_empty());
}

#[test]
fn what_is_wrong_with_an_issuer_is_named() {
    refused(ISSUER, "'administrators' must name who administrates");
    refused(&format!("builtin_issuer = false\n{ISSUER}"), "'administrators' must name");
    refused("builtin_issuer = false", "setting 'builtin_issuer' needs 'issuers' beside it");
    refused(HEAD, "setting 'administrators' needs 'issuers' beside it");
    for wrong in ["x@y", "aaaaaaaa-0000-0000-0000-000000000001", ""] {
        refused(&format!("administrators = ['{wrong}']\n{ISSUER}"), "setting 'administrators'");
    }
    // Of a tenant that no issuer speaks for.
    let stranger = HEAD.replace("@11111111", "@21111111");
    refused(&format!("{stranger}{ISSUER}"), "setting 'administrators' takes principals such as");
    refused(&format!("{HEAD}{ISSUER}{ISSUER}"), "'https://id.example/realms/a' is given twice");
    refused("clock_skew_seconds = 601", "setting 'clock_skew_seconds' takes 0 to 600, not '601'");
    refused("[[issuers]]\nurl = 'https://id.example'\n", "needs one of 'tenant'");
    let both = format!("{HEAD}{ISSUER}tenants = ['11111111-1111-1111-1111-111111111111']\n");
    refused(&both, "needs one of 'tenant'");
    refused("[[issuers]]\nurl = 'https://id.example'\ntenants = []", "takes 1 to 1,000 'tenants'");
    refused("[[issuers]]\nurl = 'https://id.example'\ntenant = 'x'", "setting 'issuers.tenant'");
    refused("[[issuers]]\ntenant = 'x'", "missing field `url`");
    refused("[[issuers]]\nurl = 'https://a'\nclient = 'x'", "unknown field `client`");
    for url in ["http://127.0.0.1", "https://", "id.example", "https://a b", "https://a/?x=y"] {
        let issuer = ISSUER.replace("https://id.example/realms/a", url);
        refused(&issuer, "setting 'issuers.url' takes an https URL");
        let elsewhere = format!("{HEAD}{ISSUER}discovery_url = '{url}'\n");
        refused(&elsewhere, "setting 'issuers.discovery_url' takes an https URL");
    }
    refused(&format!("{HEAD}{ISSUER}groups_claim = ' '\n"), "setting 'issuers.groups_claim'");
    // Nobody else may be named as the built-in issuer is, whether that is on or off.
    for (public, url) in [
        ("", "https://tallyhouse.invalid/11111111-1111-1111-1111-111111111111/v2.0"),
        ("public_url = 'https://b.example'\n", "https://b.example"),
    ] {
        let issuer = ISSUER.replace("https://id.example/realms/a", url);
        refused(&format!("{public}{HEAD}{issuer}"), "has a name that the built-in issuer's");
    }
    read(&format!("public_url = 'https://id.exampl'\n{HEAD}{ISSUER}")).unwrap();
    let many: String = (0..33).map(|n| ISSUER.replace("/a", &format!("/{n}"))).collect();
    refused(&format!("{HEAD}{many}"), "setting 'issuers' takes at most 32 issuers, not '33'");
}

#[test]
fn every_key_of_an_issuer_is_documented() {
    let error = Settings::from_toml("[[issuers]]\nnonsense = 1").unwrap_err().to_string();
    let (_, known) = error.split_once("expected one of").unwrap();
    let known: Vec<_> = known.split('`').skip(1).step_by(2).collect();
    let keys = crate::config::KEYS.iter().map(|(key, _, _)| *key);
    let documented: Vec<_> = keys.filter_map(|key| key.strip_prefix("issuers.")).collect();
    assert_eq!(known, documented);
}
