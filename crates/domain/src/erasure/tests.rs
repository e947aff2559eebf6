//! What goes and what stays, as a table, and laws on random instances.

use std::collections::{BTreeMap, BTreeSet};

use proptest::prelude::*;

use super::*;
use crate::record::CanonicalJson;

const SUBSCRIPTION: &str = "e60caf26-9ba0-413d-a422-6141f58081d6";

fn key(number: u8) -> ErasureKey {
    ErasureKey::from_bytes([number; 32])
}

fn instance(uri: &str) -> Instance {
    Instance { resource_uri: Some(uri.into()), ..Instance::default() }
}

/// The URI that an erasure leaves, with `*` for each pseudonym.
fn shape(uri: &str) -> String {
    let erased = instance(uri).erased(&key(1)).resource_uri.unwrap();
    let parts = erased.split('/').map(|part| if is_pseudonym(part) { "*" } else { part });
    parts.collect::<Vec<_>>().join("/")
}

#[test]
fn names_go_and_types_stay() {
    let s = SUBSCRIPTION;
    for (uri, expected) in [
        (
            format!("/subscriptions/{s}/resourceGroups/g/providers/Microsoft.Compute/vms/vm1"),
            format!("/subscriptions/{s}/resourceGroups/*/providers/Microsoft.Compute/vms/*"),
        ),
        (
            format!("/subscriptions/{s}/resourcegroups/g/PROVIDERS/M.Sql/servers/a/databases/b/"),
            format!("/subscriptions/{s}/resourcegroups/*/PROVIDERS/M.Sql/servers/*/databases/*/"),
        ),
        (
            "/providers/M.S/accounts/providers/providers/M.X/locks/l".to_owned(),
            "/providers/M.S/accounts/*/providers/M.X/locks/*".to_owned(),
        ),
        (
            format!("subscriptions/{s}/providers/M.Sql/locations/eu"),
            format!("subscriptions/{s}/providers/M.Sql/locations/*"),
        ),
        (format!("/subscriptions/{s}"), format!("/subscriptions/{s}")),
        (
            format!("/subscriptions/{s}/resourceGroups/anna"),
            format!("/subscriptions/{s}/resourceGroups/*"),
        ),
        // Where a name may stand in another's place, it is taken for one.
        (
            format!("/subscriptions/{s}/providers/M.Sql/anna"),
            format!("/subscriptions/{s}/providers/M.Sql/*"),
        ),
        (
            "/subscriptions/anna/resourceGroups/g".to_owned(),
            "/subscriptions/*/resourceGroups/*".to_owned(),
        ),
        // What is no id of a resource is a name as a whole.
        ("annas-vm".to_owned(), "*".to_owned()),
        ("/".to_owned(), "*".to_owned()),
        ("//subscriptions".to_owned(), "*".to_owned()),
        (format!("/subscriptions/{s}/services/anna"), "*".to_owned()),
        (format!("/subscriptions/{s}/resourceGroups"), "*".to_owned()),
        (format!("/subscriptions/{s}//resourceGroups/g"), "*".to_owned()),
        (format!("/subscriptions/{s}/providers/M.Sql/anna smith/x"), "*".to_owned()),
        (format!("/subscriptions/{s}/providers/a@b.c/t/x"), "*".to_owned()),
        (format!("https://host/subscriptions/{s}"), "*".to_owned()),
        (String::new(), String::new()),
    ] {
        assert_eq!(shape(&uri), expected, "{uri}");
    }
}

#[test]
fn a_pseudonym_is_of_its_key_role_and_name_without_case() {
    let of = |key: &ErasureKey, uri: &str| instance(uri).erased(key).resource_uri.unwrap();
    let first = of(&key(1), "/resourceGroups/Anna/providers/N.S/t/Anna");
    assert_eq!(first, of(&key(1), "/resourceGroups/ANNA/providers/N.S/t/anna"));
    assert_ne!(first, of(&key(2), "/resourceGroups/Anna/providers/N.S/t/Anna"));
    let parts: Vec<_> = first.split('/').collect();
    assert_ne!(parts[2], parts[6], "a group and a resource of one name have nothing in common");
    // Computed with another implementation of BLAKE3.
    assert_eq!(parts[2], "erased-774ec75005c324570a85a2a46bf615a6");
    assert_eq!(first, of(&key(7), &first), "what was erased stays");
}

#[test]
fn what_names_no_one_stays() {
    let json = |text: &str| Some(CanonicalJson(text.into()));
    let full = Instance {
        resource_uri: Some("vm".into()),
        location: Some("eastus".into()),
        tags: Tags::from([("owner".into(), "anna".into())]),
        additional_info: json("{\"a\":\"anna\"}"),
        part_number: Some("P".into()),
        order_number: Some("O".into()),
        info_fields: json("{\"b\":\"anna\"}"),
    };
    let erased = full.erased(&key(1));
    assert!(is_pseudonym(erased.resource_uri.as_deref().unwrap()));
    let expected = Instance {
        resource_uri: erased.resource_uri.clone(),
        location: Some("eastus".into()),
        part_number: Some("P".into()),
        order_number: Some("O".into()),
        ..Instance::default()
    };
    assert_eq!(erased, expected);
    assert_eq!(Instance::default().erased(&key(1)), Instance::default());
    assert!(!format!("{:?}", key(77)).contains("77"), "no log has a key");
}

/// Names of four letters or more, which are not those of types here.
fn name() -> impl Strategy<Value = String> {
    prop::string::string_regex("[A-Za-z0-9@ ._\u{e4}-]{3,12}~").unwrap()
}

fn uri() -> impl Strategy<Value = (Vec<String>, String)> {
    let types = prop::collection::vec(("[a-z]{3,6}", name()), 0..4);
    let nested = (name(), types, any::<bool>()).prop_map(|(group, types, open)| {
        let mut names = vec![group.clone()];
        let mut uri = format!("/subscriptions/{SUBSCRIPTION}/resourceGroups/{group}");
        if !types.is_empty() {
            uri += "/providers/Some.Service";
        }
        for (kind, name) in types {
            uri += &format!("/{kind}/{name}");
            names.push(name);
        }
        (names, if open { uri + "/" } else { uri })
    });
    let plain = prop::collection::vec(name(), 1..4).prop_map(|names| {
        let uri = names.join("/");
        (names, uri)
    });
    prop_oneof![3 => nested, 1 => plain]
}

proptest! {
    #[test]
    fn no_name_is_left(all in prop::collection::vec(uri(), 1..8), tag in name()) {
        for (names, uri) in all {
            let tags = Tags::from([("who".into(), tag.as_str().into())]);
            let erased = Instance { tags, ..instance(&uri) }.erased(&key(3));
            let text = format!("{erased:?}");
            for name in names.iter().chain([&tag]) {
                prop_assert!(!text.contains(name.as_str()), "{name} of {uri} is in {text}");
            }
            prop_assert_eq!(&erased.erased(&key(3)), &erased);
            prop_assert_eq!(&erased.erased(&key(4)), &erased);
        }
    }

    #[test]
    fn resources_that_differ_stay_apart(all in prop::collection::vec(uri(), 1..8)) {
        let uris: BTreeSet<String> = all.into_iter().map(|(_, uri)| uri).collect();
        let folded: BTreeSet<String> = uris.iter().map(|uri| uri.to_lowercase()).collect();
        let mut erased = BTreeMap::new();
        for uri in &uris {
            let after = instance(uri).erased(&key(3)).resource_uri.unwrap().to_lowercase();
            erased.entry(after).or_insert_with(BTreeSet::new).insert(uri.to_lowercase());
        }
        prop_assert_eq!(erased.len(), folded.len());
    }

    #[test]
    fn no_text_is_too_odd(text in ".{0,40}") {
        let erased = instance(&text).erased(&key(3));
        prop_assert_eq!(&erased.erased(&key(9)), &erased);
    }
}
