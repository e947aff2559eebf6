//! FOCUS's service name and category of a charge, from the type of its resource, else from the
//! category of its meter.
//!
//! One name has one category, as FOCUS demands: every name that is known in any table has its
//! category from [`NAMES`], every other is "Other".

use std::collections::HashMap;
use std::sync::{Arc, LazyLock};

/// `name|category|subcategory`: the services of Microsoft's FinOps toolkit (NOTICE says what was
/// changed).
const SERVICES: &str = include_str!("service/services.txt");

/// `resource type|service name|name of one such resource, if known`, from the same.
const TYPES: &str = include_str!("service/types.txt");

/// `namespace of resource types|category`, for types that are not in [`TYPES`].
const NAMESPACES: &str = include_str!("service/namespaces.txt");

/// `meter category|category|subcategory`, for categories of rate cards that are not the name of a
/// service.
const METER_CATEGORIES: &str = include_str!("service/categories.txt");

/// Category of what has no other.
const OTHER: &str = "Other";

/// Name of a service of which nothing is known.
const UNKNOWN: &str = "Unknown";

/// Name of the service that terms of an offer, credits and taxes belong to.
const BILLING: &str = "Billing";

/// What a charge is for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Service {
    /// `Virtual Machines`.
    pub(crate) name: Arc<str>,
    /// `Compute`: of FOCUS's closed list.
    pub(crate) category: Arc<str>,
    /// `Virtual Machines`: of FOCUS's closed list for the category.
    pub(crate) subcategory: Arc<str>,
}

/// A resource type that is known.
struct Type {
    service: Service,
    /// What people call one: `Virtual machine`.
    name: Option<&'static str>,
}

/// The service of a resource type (lower case) and meter category, either of which may be unknown.
///
/// In this order: the type or the closest parent that is known, the category, the namespace of the
/// type; else the category as it is, in "Other".
pub(crate) fn find(resource_type: Option<&str>, meter_category: Option<&str>) -> Service {
    let parents = std::iter::successors(resource_type, |kind| Some(kind.rsplit_once('/')?.0));
    let mut known = parents.filter_map(|kind| KNOWN_TYPES.get(kind));
    if let Some(kind) = known.next() {
        return kind.service.clone();
    }
    let by_category = meter_category.and_then(named);
    let namespace = resource_type.and_then(|kind| kind.split('/').next());
    by_category.or_else(|| namespace.and_then(named)).unwrap_or_else(|| other(meter_category))
}

/// The service of what is not usage.
pub(crate) fn billing() -> Service {
    other(Some(BILLING))
}

/// What people call a resource of this type (lower case); the type itself where it is not known.
pub(crate) fn type_name(resource_type: &str) -> &str {
    KNOWN_TYPES.get(resource_type).and_then(|kind| kind.name).unwrap_or(resource_type)
}

fn named(name: &str) -> Option<Service> {
    NAMES.get(name.to_ascii_lowercase().as_str()).cloned()
}

fn other(name: Option<&str>) -> Service {
    let name = name.filter(|name| !name.trim().is_empty()).unwrap_or(UNKNOWN);
    service(name, OTHER, &other_of(OTHER))
}

fn other_of(category: &str) -> String {
    format!("Other ({category})")
}

fn service(name: &str, category: &str, subcategory: &str) -> Service {
    Service { name: name.into(), category: category.into(), subcategory: subcategory.into() }
}

/// Every name that has a category, by its lower case.
static NAMES: LazyLock<HashMap<String, Service>> = LazyLock::new(|| {
    let mut names = HashMap::new();
    for line in SERVICES.lines().chain(METER_CATEGORIES.lines()) {
        let [name, category, subcategory] = fields(line);
        names.insert(name.to_ascii_lowercase(), service(name, category, subcategory));
    }
    for line in NAMESPACES.lines() {
        let [namespace, category] = fields(line);
        let found = service(namespace, category, &other_of(category));
        names.entry(namespace.to_owned()).or_insert(found);
    }
    names
});

static KNOWN_TYPES: LazyLock<HashMap<&'static str, Type>> = LazyLock::new(|| {
    let types = TYPES.lines().map(|line| {
        let [kind, service, name] = fields(line);
        let service = named(service).expect("the services of types are services: a test reads all");
        (kind, Type { service, name: (!name.is_empty()).then_some(name) })
    });
    types.collect()
});

fn fields<const COUNT: usize>(line: &'static str) -> [&'static str; COUNT] {
    let fields: Vec<&str> = line.split('|').collect();
    fields.try_into().expect("the tables' lines have these fields: a test reads all")
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    fn read(resource_type: Option<&str>, category: Option<&str>) -> String {
        let Service { name, category, subcategory } = find(resource_type, category);
        format!("{name} | {category} | {subcategory}")
    }

    #[test]
    fn a_service_is_that_of_the_closest_type_then_category_then_namespace() {
        for (kind, category, expected) in [
            (
                Some("microsoft.compute/virtualmachines"),
                Some("Storage"),
                "Virtual Machines | Compute | Virtual Machines",
            ),
            (
                Some("microsoft.compute/virtualmachines/extensions"),
                None,
                "Virtual Machines | Compute | Virtual Machines",
            ),
            (
                Some("microsoft.web/sites"),
                Some("Functions"),
                "Azure App Service | Web | Application Platforms",
            ),
            (
                Some("microsoft.resources/deployments"),
                Some("virtual machines"),
                "Virtual Machines | Compute | Virtual Machines",
            ),
            (
                Some("microsoft.devtestlab/labs"),
                Some("Labs"),
                "microsoft.devtestlab | Developer Tools | Other (Developer Tools)",
            ),
            (None, Some("Networking"), "Networking | Networking | Other (Networking)"),
            (None, Some("Data Management"), "Data Management | Other | Other (Other)"),
            (Some("contoso.farm/cows"), Some("Cows"), "Cows | Other | Other (Other)"),
            (Some("contoso.farm/cows"), None, "Unknown | Other | Other (Other)"),
            (None, Some("  "), "Unknown | Other | Other (Other)"),
        ] {
            assert_eq!(read(kind, category), expected, "{kind:?} {category:?}");
        }
    }

    #[test]
    fn resource_types_have_names_for_people() {
        assert_eq!(type_name("microsoft.compute/virtualmachines"), "Virtual machine");
        assert_eq!(type_name("microsoft.apicenter/service"), "microsoft.apicenter/service");
        assert_eq!(type_name("contoso.farm/cows"), "contoso.farm/cows");
    }

    #[test]
    fn every_line_of_the_tables_is_read_and_no_name_has_two_categories() {
        let lines = [SERVICES, METER_CATEGORIES, NAMESPACES].map(|table| table.lines().count());
        assert_eq!(NAMES.len(), lines.iter().sum::<usize>());
        assert_eq!(KNOWN_TYPES.len(), TYPES.lines().count());
        let all = NAMES.values().chain(KNOWN_TYPES.values().map(|kind| &kind.service));
        let mut categories: BTreeMap<&str, (&str, &str)> = BTreeMap::new();
        for Service { name, category, subcategory } in all {
            let is = (category.as_ref(), subcategory.as_ref());
            assert_eq!(*categories.entry(name).or_insert(is), is, "{name}");
        }
        assert!(categories.keys().all(|name| name.is_ascii()), "the validator takes ASCII only");
    }
}
