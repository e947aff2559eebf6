//! What Azure's wire has here: each operation is declared once, beside its handler, and listed in
//! [`OPERATIONS`]. From that list come the providers that `/providers` shows, and what a path is
//! refused with that no route matches.

use std::collections::BTreeSet;

use accounts::Action;

use super::billing::{accounts as billing_accounts, invoices, periods};
use super::consumption::{price_sheet, usage_details};
use super::cost_management::query;
use super::{
    authorization, providers, rate_card, resource_groups, stack, subscriptions, tenants,
    usage_aggregates,
};

/// A call on resources of one type.
#[derive(Debug)]
pub(crate) struct Operation {
    /// The resource provider, such as `Microsoft.Commerce`.
    pub(crate) namespace: &'static str,
    /// The type in the provider, as Azure spells it.
    pub(crate) resource_type: &'static str,
    /// The api-versions that are answered.
    pub(crate) versions: &'static [&'static str],
    /// The right that it needs.
    pub(crate) action: Action,
}

/// A resource provider.
#[derive(Debug)]
pub(crate) struct Namespace {
    /// As Azure spells it.
    pub(crate) name: &'static str,
    /// The right to register subscriptions with it.
    pub(crate) register: Action,
    /// The right to end that.
    pub(crate) unregister: Action,
}

/// A resource type, with all that the operations on it say.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct ResourceType {
    pub(crate) name: &'static str,
    /// Latest first.
    pub(crate) versions: Vec<&'static str>,
}

macro_rules! namespaces {
    ($($name:literal),+ $(,)?) => {
        &[$(Namespace {
            name: $name,
            register: Action::new(concat!($name, "/register/action")),
            unregister: Action::new(concat!($name, "/unregister/action")),
        }),+]
    };
}

/// The resource providers that have a call here, in order of name.
pub(crate) const NAMESPACES: &[Namespace] = namespaces![
    "Microsoft.Authorization",
    "Microsoft.Billing",
    "Microsoft.Commerce",
    "Microsoft.Commerce.Admin",
    "Microsoft.Consumption",
    "Microsoft.CostManagement",
    "Microsoft.Resources"
];

/// Every operation of Azure's wire that needs a token.
const OPERATIONS: &[&Operation] = &[
    &usage_aggregates::OPERATION,
    &rate_card::OPERATION,
    &usage_details::OPERATION,
    &price_sheet::OPERATION,
    &stack::OPERATION,
    &stack::OLDER,
    &query::OPERATION,
    &periods::OPERATION,
    &invoices::OPERATION,
    &billing_accounts::OPERATIONS,
    &billing_accounts::ENROLLMENT_ACCOUNTS,
    &billing_accounts::BILLING_ACCOUNTS,
    &billing_accounts::INVOICES,
    &authorization::OPERATIONS[0],
    &authorization::OPERATIONS[1],
    &authorization::OPERATIONS[2],
    &subscriptions::LIST,
    &subscriptions::SHOW,
    &resource_groups::READ,
    &tenants::LIST,
    &providers::READ,
];

/// The api-versions of the resource manager's own calls, whose answers are the same in all of them.
///
/// Source: the clients of Azure Resource Manager, from the first that can still be had.
pub(crate) const RESOURCE_MANAGER: &[&str] = &[
    "2014-04-01",
    "2014-04-01-preview",
    "2015-01-01",
    "2015-11-01",
    "2016-02-01",
    "2016-06-01",
    "2016-07-01",
    "2016-09-01",
    "2017-03-01",
    "2017-05-01",
    "2017-05-10",
    "2017-06-01",
    "2017-08-01",
    "2018-01-01",
    "2018-02-01",
    "2018-05-01",
    "2018-06-01",
    "2018-07-01",
    "2018-08-01",
    "2018-09-01",
    "2018-11-01",
    "2019-03-01",
    "2019-05-01",
    "2019-05-10",
    "2019-06-01",
    "2019-07-01",
    "2019-08-01",
    "2019-09-01",
    "2019-10-01",
    "2019-11-01",
    "2020-01-01",
    "2020-05-01",
    "2020-06-01",
    "2020-07-01",
    "2020-08-01",
    "2020-09-01",
    "2020-10-01",
    "2021-01-01",
    "2021-04-01",
    "2022-01-01",
    "2022-05-01",
    "2022-06-01",
    "2022-09-01",
    "2022-12-01",
    "2023-07-01",
    "2024-03-01",
    "2024-07-01",
    "2024-11-01",
    "2025-03-01",
    "2025-04-01",
];

/// The resource provider of this name, in any case.
pub(crate) fn namespace(name: &str) -> Option<&'static Namespace> {
    NAMESPACES.iter().find(|namespace| namespace.name.eq_ignore_ascii_case(name))
}

/// The types of a resource provider, in order of name.
pub(crate) fn resource_types(namespace: &Namespace) -> Vec<ResourceType> {
    let operations = OPERATIONS.iter().filter(|operation| operation.namespace == namespace.name);
    let names: BTreeSet<_> = operations.clone().map(|operation| operation.resource_type).collect();
    let versions = |name| {
        let of_type = operations.clone().filter(|operation| operation.resource_type == name);
        let versions: BTreeSet<_> = of_type.flat_map(|operation| operation.versions).collect();
        versions.into_iter().rev().copied().collect()
    };
    names.into_iter().map(|name| ResourceType { name, versions: versions(name) }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::router;

    #[test]
    fn every_namespace_is_listed() {
        let listed: BTreeSet<_> = NAMESPACES.iter().map(|namespace| namespace.name).collect();
        let used: BTreeSet<_> = OPERATIONS.iter().map(|operation| operation.namespace).collect();
        assert_eq!(used, listed);
        assert!(NAMESPACES.is_sorted_by_key(|namespace| namespace.name));
    }

    #[test]
    fn every_route_of_a_provider_is_listed() {
        let known: BTreeSet<String> = OPERATIONS
            .iter()
            .map(|operation| format!("{}/{}", operation.namespace, operation.resource_type))
            .map(|name| name.to_ascii_lowercase())
            .collect();
        let mut routed = BTreeSet::new();
        for path in router::documented_paths() {
            let Some((_, below)) = path.rsplit_once("/providers/microsoft.") else { continue };
            // Of price sheets there is one, which the path names.
            let below = below.strip_suffix("/default").unwrap_or(below);
            let segments = below.split('/').filter(|segment| !segment.starts_with('{'));
            let name = segments.collect::<Vec<_>>().join("/");
            let listed = known.iter().any(|known| known["microsoft.".len()..] == name);
            assert!(listed, "{path} is of no operation");
            routed.insert(format!("microsoft.{name}"));
        }
        let own = |name: &&String| !name.starts_with("microsoft.resources/");
        assert_eq!(routed.iter().collect::<Vec<_>>(), known.iter().filter(own).collect::<Vec<_>>());
    }

    #[test]
    fn versions_are_shown_latest_first() {
        let commerce = namespace("MICROSOFT.commerce").unwrap();
        let types = resource_types(commerce);
        let card = ResourceType {
            name: "RateCard",
            versions: vec!["2016-08-31-preview", "2015-06-01-preview"],
        };
        assert_eq!(types[0], card);
    }
}
